//! 第3章の GAN の台: 平面の点か手書き数字で、識別器と生成器の番を 1 つずつ、または続けて進めます。

use anyhow::{Context, Result, bail, ensure};
use candle_core::{D, Device, Module, Tensor, Var};
use ch03_gan::config::{Config, Data, GLoss};
use ch03_gan::train::{self, Gan, discriminator_step, generator_loss, generator_step, train_step};
use ch07_diffusion::data::Samples;
use ch07_diffusion::model::Classifier;
use ch07_diffusion::train::fit_classifier;
use common::data::{Batches, digits, ring};
use common::seed::{Seed, normal};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::Value;

use crate::room::Answer;

/// ページから変えられる設定。無いものは、本の設定のままです。
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    /// ring、moons、digits のどれか。`points` があれば使いません。
    #[serde(default)]
    data: Option<String>,
    /// 読者が描いた点 (x, y, x, y, …)。値はおよそ [-1.5, 1.5] です。
    #[serde(default)]
    points: Option<Vec<f32>>,
    seed: Option<u64>,
    lr_g: Option<f64>,
    lr_d: Option<f64>,
    d_steps: Option<usize>,
    pack: Option<usize>,
    z_dim: Option<usize>,
    saturating: Option<bool>,
}

impl Start {
    fn apply(&self, config: &mut Config) -> Result<()> {
        config.seed = self.seed.unwrap_or(config.seed);
        config.lr_g = self.lr_g.unwrap_or(config.lr_g);
        config.lr_d = self.lr_d.unwrap_or(config.lr_d);
        config.d_steps = self.d_steps.unwrap_or(config.d_steps);
        config.pack = self.pack.unwrap_or(config.pack);
        config.z_dim = self.z_dim.unwrap_or(config.z_dim);
        if let Some(saturating) = self.saturating {
            config.g_loss = if saturating { GLoss::Saturating } else { GLoss::NonSaturating };
        }
        config.check()
    }
}

/// 数字の種類。
const DIGITS: usize = 10;

/// 何を見るか。
#[derive(Debug, Deserialize)]
struct View {
    /// 識別器の答えを調べる格子の一辺の点の数。
    grid: usize,
    /// 見える範囲は [-extent, extent] です。
    extent: f32,
    /// 生成器に作らせる点の数。
    samples: usize,
}

/// 学習の途中の GAN。乱数の流れは、章の `train` と同じ名前・同じ順に使います。
pub struct GanBench {
    config: Config,
    gan: Gan,
    batches: Batches,
    noise: ChaCha8Rng,
    real: Tensor,
    /// 数字を読む分類器。数字を初めて見るときに、本物だけで学習します。
    reader: Option<Classifier>,
    step: usize,
}

impl GanBench {
    pub fn new(with: Value) -> Result<Self> {
        let start: Start = serde_json::from_value(with)?;
        let data = match start.data.as_deref() {
            None | Some("ring") => Data::Ring,
            Some("moons") => Data::Moons,
            Some("digits") => Data::Digits,
            Some(other) => bail!("データ {other} はありません"),
        };
        let mut config = Config::book(data);
        start.apply(&mut config)?;
        let seed = Seed(config.seed);
        let real = match &start.points {
            None => train::dataset(&config)?,
            Some(points) => {
                ensure!(config.data.is_points(), "描いた点は、数字と一緒には使えません");
                spread(points, &mut seed.rng("points"))?
            }
        };
        let batches = Batches::new(real.clone(), config.batch, seed.rng("batches"))?;
        let gan = Gan::new(&config)?;
        let noise = seed.rng("noise");
        Ok(Self { gan, batches, noise, real, reader: None, step: 0, config })
    }

    pub fn answer(&mut self, what: &str, with: Value) -> Result<Answer> {
        match what {
            "set" => self.set(&serde_json::from_value(with)?),
            "train" => self.train(with.as_u64().unwrap_or(1) as usize),
            "discriminator" => {
                let (real, noise) = (self.batches.next_batch()?, self.draw()?);
                let [loss, d_real, d_fake] = discriminator_step(&mut self.gan, &real, &noise)?;
                let answer = Answer::default().with("loss D", loss);
                Ok(answer.with("D(x)", d_real).with("D(G(z))", d_fake).with("step", self.step))
            }
            "generator" => {
                let noise = self.draw()?;
                let loss = generator_step(&mut self.gan, self.config.g_loss, &noise)?;
                self.step += 1;
                Ok(Answer::default().with("loss G", loss).with("step", self.step))
            }
            "view" if self.config.data.is_points() => self.view(&serde_json::from_value(with)?),
            "view" => self.pictures(&serde_json::from_value(with)?),
            "real" => {
                let count = with.as_u64().unwrap_or(400).min(self.real.dim(0)? as u64) as usize;
                let points = self.real.narrow(0, 0, count)?.flatten_all()?.to_vec1()?;
                Ok(Answer::default().with_numbers("real", points))
            }
            _ => bail!("GAN の台は「{what}」を知りません"),
        }
    }

    fn draw(&mut self) -> candle_core::Result<Tensor> {
        normal(&mut self.noise, (self.config.batch, self.config.z_dim))
    }

    /// 学習の途中で変えられるもの: 2 つの学習率、k、生成器の損失。
    fn set(&mut self, start: &Start) -> Result<Answer> {
        let mut config = self.config.clone();
        start.apply(&mut config)?;
        ensure!(
            (config.pack, config.z_dim, config.seed)
                == (self.config.pack, self.config.z_dim, self.config.seed),
            "pack・z の次元・種は、はじめからでないと変えられません"
        );
        self.gan.set_learning_rates(config.lr_g, config.lr_d);
        self.config = config;
        Ok(Answer::default())
    }

    fn train(&mut self, count: usize) -> Result<Answer> {
        let (batches, noise) = (&mut self.batches, &mut self.noise);
        let shape = (self.config.batch, self.config.z_dim);
        let mut series = Vec::with_capacity(4 * count);
        for _ in 0..count {
            let losses = train_step(
                &mut self.gan,
                &self.config,
                || batches.next_batch(),
                || normal(noise, shape),
            )?;
            series.extend(losses.named().map(|(_, value)| value));
            self.step += 1;
        }
        let finite = series.iter().all(|value| value.is_finite());
        let answer = Answer::default().with("step", self.step).with("finite", finite);
        Ok(answer.with_numbers("losses", series))
    }

    /// いまのようす: 格子の上の D、作った点、その点に届く勾配の矢印、覆った山の数。
    fn view(&self, view: &View) -> Result<Answer> {
        ensure!(view.grid <= 200 && view.samples <= 5_000, "一度に調べる点が多すぎます");
        let side = view.grid;
        let at = |index: usize| view.extent * (2. * (index as f32 + 0.5) / side as f32 - 1.);
        let grid: Vec<f32> =
            (0..side * side).flat_map(|cell| [at(cell % side), at(cell / side)]).collect();
        let surface = self.judge(&Tensor::from_vec(grid, (side * side, 2), &Device::Cpu)?)?;
        let fake = self.made(view.samples)?;
        // 生成器の損失を小さくする向き = 損失の勾配の逆向き。損失は平均なので、個数を掛けて 1 点分に戻す。
        let fake = Var::from_tensor(&fake)?;
        let packed = fake.dim(0)? / self.config.pack * self.config.pack;
        let logits = self.gan.discriminator.frozen().forward(&fake.narrow(0, 0, packed)?)?;
        let gradients = generator_loss(self.config.g_loss, &logits)?.backward()?;
        let arrows = match gradients.get(&fake) {
            Some(gradient) => gradient.affine(-(packed as f64), 0.)?.flatten_all()?.to_vec1()?,
            None => Vec::new(),
        };
        let coverage = ring::coverage(&fake)?;
        let counts: Vec<f32> = coverage.counts.iter().map(|&count| count as f32).collect();
        Ok(Answer::default()
            .with("step", self.step)
            .with("modes", coverage.modes())
            .with("inside", coverage.good())
            .with_numbers("surface", surface)
            .with_numbers("samples", fake.flatten_all()?.to_vec1()?)
            .with_numbers("arrows", arrows)
            .with_numbers("counts", counts))
    }

    /// いつも同じ z から作ったもの。
    fn made(&self, count: usize) -> Result<Tensor> {
        let mut rng = Seed(self.config.seed).rng("view");
        let z = normal(&mut rng, (count, self.config.z_dim))?;
        Ok(self.gan.generator.forward(&z)?.detach())
    }

    /// 数字のときのようす: 作った絵と、分類器がそれぞれの数字に読んだ枚数。
    ///
    /// 分類器は、字になっていない絵も、どれかの数字に読みます。枚数が示すのは種類の偏りで、出来ではありません。
    fn pictures(&mut self, view: &View) -> Result<Answer> {
        ensure!(view.samples <= 1_000, "一度に作る絵が多すぎます");
        let fake = self.made(view.samples)?;
        if self.reader.is_none() {
            let labels = digits()?.labels.into_iter().map(u32::from).collect();
            let samples = Samples { x: self.real.clone(), labels };
            self.reader = Some(fit_classifier(&samples, DIGITS, Seed(0))?);
        }
        let reader = self.reader.as_ref().context("分類器がありません")?;
        let mut counts = vec![0.; DIGITS];
        for digit in reader.forward(&fake)?.argmax(D::Minus1)?.to_vec1::<u32>()? {
            counts[digit as usize] += 1.;
        }
        Ok(Answer::default()
            .with("step", self.step)
            .with("kinds", counts.iter().filter(|&&count| count > 0.).count())
            .with_numbers("samples", fake.flatten_all()?.to_vec1()?)
            .with_numbers("counts", counts))
    }

    /// 点ごとの D(x)。標本を束ねて見る識別器 (PacGAN) には、同じ点を並べて渡します。
    fn judge(&self, x: &Tensor) -> Result<Vec<f32>> {
        let (count, pack) = (x.dim(0)?, self.config.pack);
        let copies = x.unsqueeze(1)?.repeat((1, pack, 1))?.reshape((count * pack, 2))?;
        let logits = self.gan.discriminator.forward(&copies)?;
        Ok(candle_nn::ops::sigmoid(&logits)?.flatten_all()?.to_vec1()?)
    }
}

/// 描かれた点を、それぞれのまわりに小さく散らして、学習に足りる数にします。
pub(crate) fn spread(points: &[f32], rng: &mut ChaCha8Rng) -> Result<Tensor> {
    const COUNT: usize = 20_000;
    let drawn = points.len() / 2;
    ensure!(drawn >= 1 && points.len().is_multiple_of(2), "点を 1 つ以上描いてください");
    ensure!(points.iter().all(|value| value.is_finite()), "描いた点の位置が数ではありません");
    let rows: Vec<u32> = (0..COUNT).map(|at| (at % drawn) as u32).collect();
    let centers = Tensor::from_vec(points.to_vec(), (drawn, 2), &Device::Cpu)?;
    let centers = centers.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?;
    let shake = normal(rng, (COUNT, 2))?.affine(f64::from(ring::SIGMA), 0.)?;
    Ok((centers + shake)?)
}
