//! 第7章の拡散モデルの台: ノイズを混ぜ、当て、1 歩ずつ引くところを、学習しながら見ます。

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use ch07_diffusion::config::{Config, Data, Time};
use ch07_diffusion::data::{self, Dataset, Samples};
use ch07_diffusion::measure;
use ch07_diffusion::model::Classifier;
use ch07_diffusion::train::{
    Batch, Diffusion, Generator, Sampler, conditions, estimate, fit_classifier, guided,
    learning_rate, q_sample, train_step,
};
use common::data::{Batches, energy_distance, ring};
use common::seed::{Seed, normal};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::Value;

use crate::gan::spread;
use crate::room::Answer;

/// ページから変えられる設定。無いものは、本の設定のままです。
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    /// ring、moons、digits のどれか。`points` があれば使いません。
    data: Option<String>,
    /// 読者が描いた点 (x, y, x, y, …)。値はおよそ [-1.5, 1.5] です。
    points: Option<Vec<f32>>,
    seed: Option<u64>,
    /// 偽なら、ネットワークに時刻を渡しません (わざと壊す)。
    time: Option<bool>,
}

/// 順過程: 本物のどれを、どの時刻まで混ぜるか。
#[derive(Debug, Deserialize)]
struct Mix {
    t: usize,
    /// 混ぜる標本の数。
    count: usize,
    /// 数字のときだけ: どの数字か。
    #[serde(default)]
    class: u32,
    /// 数字のときだけ: その数字の、何番目の絵からか。
    #[serde(default)]
    from: u32,
    guidance: f64,
}

/// 当てたノイズの場を、どの時刻で、どの格子で調べるか。
#[derive(Debug, Deserialize)]
struct Field {
    t: usize,
    cells: usize,
    /// 見える範囲は [-extent, extent] です。
    extent: f32,
}

/// 逆過程: ノイズから作る、その作り方。
#[derive(Debug, Deserialize)]
struct Walk {
    count: usize,
    #[serde(default)]
    class: u32,
    /// 0 なら DDPM の T 歩、ほかは DDIM の歩数。
    steps: usize,
    /// DDPM で、1 歩ごとに新しいノイズを足すか。
    fresh: bool,
    guidance: f64,
    /// 始まりのノイズの種。
    seed: u64,
}

/// 字を読む分類器と、それで測った本物の隔たり。
struct Letters {
    classifier: Classifier,
    real: Vec<f64>,
}

/// 学習の途中の拡散モデル。乱数の流れは、章の `train` と同じ名前・同じ順に使います。
pub struct DiffusionBench {
    config: Config,
    diffusion: Diffusion,
    dataset: Dataset,
    batches: Batches,
    draws: ChaCha8Rng,
    noise: ChaCha8Rng,
    letters: Option<Letters>,
    /// 山の場所が分かっているか。読者の描いた点では、覆った山を数えられません。
    ring: bool,
    step: usize,
}

impl DiffusionBench {
    pub fn new(with: Value) -> Result<Self> {
        let start: Start = serde_json::from_value(with)?;
        let kind = match start.data.as_deref() {
            None | Some("ring") => Data::Ring,
            Some("moons") => Data::Moons,
            Some("digits") => Data::Digits,
            Some(other) => bail!("データ {other} はありません"),
        };
        let mut config = Config::book(kind);
        config.seed = start.seed.unwrap_or(config.seed);
        if start.time == Some(false) {
            config.time = Time::Off;
        }
        config.check()?;
        let seed = Seed(config.seed);
        let dataset = match &start.points {
            None => data::dataset(&config)?,
            Some(points) => {
                ensure!(config.data.is_points(), "描いた点は、数字と一緒には使えません");
                let drawn = |name| -> Result<Samples> {
                    let x = spread(points, &mut seed.rng(name))?;
                    Ok(Samples { labels: vec![0; x.dim(0)?], x })
                };
                Dataset { train: drawn("points")?, held_out: drawn("held-out")? }
            }
        };
        let order = (0..dataset.train.labels.len() as u32).collect::<Vec<_>>();
        let order = Tensor::new(order, &Device::Cpu)?;
        let batches = Batches::new(order, config.batch, seed.rng("batches"))?;
        let diffusion = Diffusion::new(&config)?;
        let (draws, noise) = (seed.rng("draws"), seed.rng("noise"));
        let ring = config.data == Data::Ring && start.points.is_none();
        let letters = None;
        Ok(Self { config, diffusion, dataset, batches, draws, noise, letters, ring, step: 0 })
    }

    pub fn answer(&mut self, what: &str, with: Value) -> Result<Answer> {
        match what {
            "train" => self.train(with.as_u64().unwrap_or(1) as usize),
            "schedule" => {
                // 信号とノイズの割合 √ᾱ_t、√(1 − ᾱ_t)。時刻 0 から T まで。
                let bars = &self.diffusion.schedule.alpha_bar;
                let shares =
                    |share: fn(f64) -> f64| bars.iter().map(|&b| share(b) as f32).collect();
                Ok(Answer::default()
                    .with("steps", self.config.steps)
                    .with_numbers("signal", shares(f64::sqrt))
                    .with_numbers("noise", shares(|bar| (1. - bar).sqrt())))
            }
            "mix" => self.mix(&serde_json::from_value(with)?),
            "field" => self.field(&serde_json::from_value(with)?),
            "walk" => self.walk(&serde_json::from_value(with)?),
            "real" => {
                let x = &self.dataset.train.x;
                let count = with.as_u64().unwrap_or(400).min(x.dim(0)? as u64) as usize;
                Ok(Answer::default().with_numbers("real", list(&x.narrow(0, 0, count)?)?))
            }
            _ => bail!("拡散モデルの台は「{what}」を知りません"),
        }
    }

    /// 章と同じ学習率の予定に従うので、本の回数で終わります。
    fn train(&mut self, count: usize) -> Result<Answer> {
        let config = &self.config;
        let mut series = Vec::new();
        for _ in 0..count.min(config.steps - self.step) {
            let index = self.batches.next_batch()?;
            let train = &self.dataset.train;
            let batch = Batch {
                x0: train.x.index_select(&index, 0)?,
                classes: conditions(config, &self.diffusion, train, &index, &mut self.draws)?,
                times: (0..config.batch)
                    .map(|_| self.draws.random_range(1..=config.timesteps))
                    .collect(),
                noise: normal(&mut self.noise, (config.batch, config.dim()))?,
            };
            self.step += 1;
            self.diffusion.set_learning_rate(learning_rate(config, self.step));
            series.push(train_step(&mut self.diffusion, config, &batch)?);
        }
        let finite = series.iter().all(|value| value.is_finite());
        let answer = Answer::default().with("step", self.step).with("finite", finite);
        Ok(answer.with_numbers("losses", series))
    }

    /// 順過程: 本物 x_0 に、いつも同じノイズを混ぜた x_t と、そこからの見積もり x̂_0。
    fn mix(&self, mix: &Mix) -> Result<Answer> {
        self.check(mix.t, mix.count, mix.class, mix.guidance)?;
        let own = of_class(&self.dataset.held_out, mix.class)?;
        let stock = own.dim(0)? as u32;
        let rows: Vec<u32> =
            (0..mix.count as u32).map(|at| at.wrapping_add(mix.from) % stock).collect();
        let clean = own.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?;
        let noise = normal(&mut Seed(self.config.seed).rng("mix"), clean.shape())?;
        let times = vec![mix.t; mix.count];
        let mixed = q_sample(&self.diffusion.schedule, &clean, &times, &noise)?;
        let guess = match mix.t {
            0 => clean.clone(), // 何も混ぜていないので、尋ねるまでもない。
            t => {
                let classes = vec![mix.class; mix.count];
                let network = &self.diffusion.average;
                let predicted = guided(network, &mixed, t, &classes, mix.guidance)?;
                let guess = estimate(&self.diffusion.schedule, &mixed, t, &predicted)?;
                self.generator().decode(&guess)?
            }
        };
        Ok(Answer::default()
            .with_numbers("clean", list(&clean)?)
            .with_numbers("mixed", list(&mixed)?)
            .with_numbers("guess", list(&guess)?))
    }

    /// 平面の格子の点ごとの、当てたノイズを引く向き (−ε_θ)。
    fn field(&self, field: &Field) -> Result<Answer> {
        let side = field.cells;
        ensure!(self.config.data.is_points(), "ノイズの場は、平面の点のときだけ見られます");
        self.check(field.t, side * side, 0, 1.)?;
        ensure!(field.t > 0, "時刻 0 には、引くノイズがありません");
        let at = |index: usize| field.extent * (2. * (index as f32 + 0.5) / side as f32 - 1.);
        let grid: Vec<f32> =
            (0..side * side).flat_map(|cell| [at(cell % side), at(cell / side)]).collect();
        let grid = Tensor::from_vec(grid, (side * side, 2), &Device::Cpu)?;
        let noise = guided(&self.diffusion.average, &grid, field.t, &vec![0; side * side], 1.)?;
        Ok(Answer::default().with_numbers("arrows", list(&noise.affine(-1., 0.)?)?))
    }

    /// 逆過程: ノイズから時刻 0 までの道のりと、できたものの測定。
    fn walk(&mut self, walk: &Walk) -> Result<Answer> {
        self.check(0, walk.count, walk.class, walk.guidance)?;
        ensure!(walk.steps <= self.config.timesteps, "歩数は T までです");
        let sampler = match (walk.steps, walk.fresh) {
            (0, true) => Sampler::Ddpm,
            (0, false) => Sampler::DdpmWithoutNoise,
            (steps, _) => Sampler::Ddim(steps),
        };
        let (generator, classes) = (self.generator(), vec![walk.class; walk.count]);
        let (mut times, mut states, mut guesses) = (Vec::new(), Vec::new(), Vec::new());
        let made = generator.run(walk.count, sampler, Seed(walk.seed), |x, t| {
            let predicted = guided(generator.network, x, t, &classes, walk.guidance)?;
            let guess = generator.decode(&estimate(generator.schedule, x, t, &predicted)?)?;
            times.push(t);
            states.extend(list(x)?);
            guesses.extend(list(&guess)?);
            Ok(predicted)
        })?;
        times.push(0);
        states.extend(list(&made)?);
        guesses.extend(list(&made)?);
        let answer = self.measure(Answer::default(), &made, &classes)?;
        Ok(answer
            .with("step", self.step)
            .with("times", times)
            .with_numbers("states", states)
            .with_numbers("guesses", guesses))
    }

    /// できたもの `made` を、章の物差しで測ります。
    fn measure(&mut self, mut answer: Answer, made: &Tensor, classes: &[u32]) -> Result<Answer> {
        if self.config.data.is_points() {
            let real = &self.dataset.held_out.x;
            let real = real.narrow(0, 0, real.dim(0)?.min(1_000))?;
            answer = answer.with("distance", f64::from(energy_distance(made, &real)?));
        }
        if self.ring {
            let coverage = ring::coverage(made)?;
            answer = answer.with("modes", coverage.modes()).with("inside", coverage.good());
        }
        if self.config.data.classes() > 0 {
            let Letters { classifier, real } = self.letters()?;
            let read = measure::agreement(classifier, made, classes)? * classes.len() as f64;
            let spread = measure::diversity(classifier, made, classes)?;
            let real = real[classes[0] as usize];
            answer = answer.with("read", read.round()).with("diversity", spread / real);
        }
        Ok(answer)
    }

    /// 分類器は、数字を初めて作るときに、本物だけで学習します。
    fn letters(&mut self) -> Result<&Letters> {
        if self.letters.is_none() {
            let Dataset { train, held_out } = &self.dataset;
            let classes = self.config.data.classes();
            let classifier = fit_classifier(train, classes, Seed(0))?;
            let real = (0..classes as u32).map(|class| {
                let own = of_class(held_out, class)?;
                measure::diversity(&classifier, &own, &vec![class; own.dim(0)?])
            });
            let real = real.collect::<Result<_>>()?;
            self.letters = Some(Letters { classifier, real });
        }
        self.letters.as_ref().context("分類器がありません")
    }

    fn generator(&self) -> Generator<'_> {
        Generator {
            config: &self.config,
            schedule: &self.diffusion.schedule,
            network: &self.diffusion.average,
            autoencoder: self.diffusion.autoencoder.as_ref(),
        }
    }

    fn check(&self, t: usize, count: usize, class: u32, guidance: f64) -> Result<()> {
        ensure!(t <= self.config.timesteps, "時刻は 0 から T までです");
        ensure!((1..=1_000).contains(&count), "一度に調べる数は 1 から 1000 までです");
        let classes = self.config.data.classes().max(1) as u32;
        ensure!(class < classes, "その種類のデータはありません");
        ensure!((0. ..=100.).contains(&guidance), "ガイダンスの強さは 0 から 100 までです");
        Ok(())
    }
}

/// `class` の標本だけ。クラスのないデータでは、すべてが 0 番です。
fn of_class(samples: &Samples, class: u32) -> candle_core::Result<Tensor> {
    let rows = (0..).zip(&samples.labels).filter(|(_, label)| **label == class);
    let rows: Vec<u32> = rows.map(|(row, _)| row).collect();
    samples.x.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)
}

fn list(x: &Tensor) -> candle_core::Result<Vec<f32>> {
    x.flatten_all()?.to_vec1()
}
