//! VAE の学習。再パラメータ化から学習の全体まで、このファイルに上から下まで入っています。

use std::ops::ControlFlow;

use anyhow::{Result, bail, ensure};
use candle_core::{Device, Tensor};
use common::data::{self, Batches};
use common::glyphs::{self, Font, HIRAGANA, Placement};
use common::history::History;
use common::nn::{Adam, AdamConfig, bce_with_logits, mse};
use common::seed::{Seed, Variables, normal, uniform};
use common::state::{Resume, State};
use rand::Rng;
use rand::seq::SliceRandom;

use crate::config::{Config, Data, Reparam};
use crate::model::{Code, Decoder, Encoder};

// ANCHOR: reparameterize
/// 再パラメータ化 z = μ + σ ⊙ ε、ε ~ N(0, I) (論文 2.4 節)。
///
/// くじ ε を外から受け取るので、z は μ と log σ² の微分できる関数になります。
pub fn reparameterize(
    mean: &Tensor,
    log_variance: &Tensor,
    noise: &Tensor,
) -> candle_core::Result<Tensor> {
    let deviation = log_variance.affine(0.5, 0.)?.exp()?; // σ = exp(½ log σ²)
    mean + deviation.mul(noise)?
}
// ANCHOR_END: reparameterize

// ANCHOR: kl
/// KL(q(z|x) ‖ N(0, I)) = −½ Σ (1 + log σ² − μ² − σ²) (論文 付録 B)。
///
/// 潜在変数の次元ごとの値 `[B, z_dim]` を返します。どれも 0 以上です。
pub fn kl_per_dim(mean: &Tensor, log_variance: &Tensor) -> candle_core::Result<Tensor> {
    let variance = log_variance.exp()?;
    (mean.sqr()? + variance - log_variance)?.affine(0.5, -0.5)
}

/// KL を次元で合計し、バッチで平均した値 (nat/枚)。
pub fn kl(mean: &Tensor, log_variance: &Tensor) -> candle_core::Result<Tensor> {
    kl_per_dim(mean, log_variance)?.sum(1)?.mean_all()
}
// ANCHOR_END: kl

// ANCHOR: reconstruction
/// 再構成の項 −log p(x|z) (論文 付録 C.1 の Bernoulli)。画素で合計し、バッチで平均します (nat/枚)。
///
/// `logits` はデコーダの出力、`x` は [-1, 1] の画像です。目標は入力と同じ画像で、ラベルは要りません。
/// 論文との差: 灰色の画素は 0 か 1 ではないので、墨の割合を確率とみなした交差エントロピーになります。
pub fn reconstruction(logits: &Tensor, x: &Tensor) -> candle_core::Result<Tensor> {
    let ink = x.affine(0.5, 0.5)?; // [-1, 1] → [0, 1]
    bce_with_logits(logits, &ink)?.affine(x.dim(1)? as f64, 0.)
}
// ANCHOR_END: reconstruction

/// エンコーダ、デコーダ、最適化。
pub struct Vae {
    pub encoder: Encoder,
    pub decoder: Decoder,
    /// 変数の名前は `encoder.…` と `decoder.…` です。
    pub variables: Variables,
    optimizer: Adam,
}

impl Vae {
    /// 種から決まる重みで始めます。
    pub fn new(config: &Config) -> Result<Self> {
        let variables = Seed(config.seed).variables();
        let encoder = Encoder::new(config, variables.builder("encoder"))?;
        let decoder = Decoder::new(config, variables.builder("decoder"))?;
        let settings = AdamConfig { lr: config.lr, ..AdamConfig::default() };
        let optimizer = Adam::new(variables.of(""), settings)?;
        Ok(Self { encoder, decoder, variables, optimizer })
    }

    /// 平均 μ だけを使った再構成 `[B, dim]`。値は [-1, 1] です。
    pub fn reconstruct(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.decoder.images(self.encoder.forward(x)?.mean())?.detach())
    }
}

impl Resume for Vae {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        self.variables.save(state, name)?;
        self.optimizer.save(state, &format!("{name}.optimizer"))
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        self.variables.restore(state, name)?;
        self.optimizer.restore(state, &format!("{name}.optimizer"))
    }
}

/// 1 回の更新で測った値。
#[derive(Debug, Clone, Copy)]
pub struct StepLosses {
    /// 再構成の項 (nat/枚)
    pub reconstruction: f32,
    /// KL (nat/枚)。オートエンコーダでは 0
    pub kl: f32,
    /// 損失 = 再構成 + β·KL
    pub loss: f32,
}

impl StepLosses {
    /// 記録と画面で使う名前つきの並び。
    pub fn named(&self) -> [(&'static str, f32); 3] {
        [("recon", self.reconstruction), ("KL", self.kl), ("loss", self.loss)]
    }
}

/// 1 回の更新に使うもの。
pub struct Batch {
    /// 目標の画像 `[B, dim]`
    pub x: Tensor,
    /// エンコーダの入力 `[B, dim]`。デノイジングでなければ `x` と同じ
    pub input: Tensor,
    /// くじ ε `[B, z_dim]`
    pub noise: Tensor,
}

/// 損失の 2 つの項。
pub struct Terms {
    pub reconstruction: Tensor,
    pub kl: Tensor,
}

// ANCHOR: terms
/// 1 つのミニバッチについて、再構成の項と KL を計算します。和の符号を変えたものが ELBO です (論文 式 10)。
pub fn terms(vae: &Vae, config: &Config, batch: &Batch) -> Result<Terms> {
    let (z, kl) = match vae.encoder.forward(&batch.input)? {
        Code::Gaussian { mean, log_variance } => {
            let z = reparameterize(&mean, &log_variance, &batch.noise)?;
            (z, kl(&mean, &log_variance)?)
        }
        // オートエンコーダにはくじも KL もない。
        Code::Point(z) => (z, Tensor::new(0f32, &Device::Cpu)?),
    };
    let z = match config.reparam {
        Reparam::On => z,
        // ただの抽選とみなすと、z がどこから来たかを逆伝播はたどれない。
        Reparam::Off => z.detach(),
    };
    let logits = vae.decoder.forward(&z)?;
    Ok(Terms { reconstruction: reconstruction(&logits, &batch.x)?, kl })
}
// ANCHOR_END: terms

// ANCHOR: train_step
/// エンコーダとデコーダを一緒に 1 回更新します。損失は 再構成 + β·KL です。
pub fn train_step(vae: &mut Vae, config: &Config, batch: &Batch) -> Result<StepLosses> {
    let Terms { reconstruction, kl } = terms(vae, config, batch)?;
    let loss = (&reconstruction + (&kl * config.beta)?)?;
    vae.optimizer.step(&loss.backward()?)?;
    Ok(StepLosses {
        reconstruction: reconstruction.to_scalar()?,
        kl: kl.to_scalar()?,
        loss: loss.to_scalar()?,
    })
}
// ANCHOR_END: train_step

/// 再構成の項だけから、エンコーダの重みに届く勾配の大きさ (2 乗和の平方根)。
pub fn encoder_gradient(vae: &Vae, config: &Config, batch: &Batch) -> Result<f32> {
    let gradients = terms(vae, config, batch)?.reconstruction.backward()?;
    let mut sum = 0.;
    for var in vae.variables.of("encoder") {
        if let Some(gradient) = gradients.get(&var) {
            sum += gradient.sqr()?.sum_all()?.to_scalar::<f32>()?;
        }
    }
    Ok(sum.sqrt())
}

/// 画像の集まり。
pub struct Images {
    /// `[N, dim]`、値は [-1, 1]
    pub x: Tensor,
    /// 画像ごとの字。図に色を付けるためのもので、学習には使いません。
    pub labels: Vec<char>,
}

/// 訓練データと、測るために取っておいたテストデータ。
pub struct Dataset {
    pub train: Images,
    pub held_out: Images,
}

/// 手元の画像 `[N, C, H, W]` を、学習に使うものと取っておくもの (1 割、500 枚まで) に分けます。
///
/// `labels` は画像ごとの種類です。なくても学習できます。
pub fn own(config: &Config, images: &Tensor, labels: Option<&[u8]>) -> Result<Dataset> {
    let count = images.dim(0)?;
    ensure!(count >= 10, "画像が {count} 枚では足りません。10 枚以上にしてください");
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.shuffle(&mut Seed(config.seed).rng("split"));
    let (held_out, train) = order.split_at((count / 10).clamp(2, 500));
    let pick = |rows: &[u32]| -> Result<Images> {
        let x = images.flatten_from(1)?.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?;
        let name = |row: &u32| match labels.map(|labels| labels[*row as usize]) {
            Some(label) => char::from_digit(label.into(), 36).unwrap_or('?'),
            None => ' ',
        };
        Ok(Images { x, labels: rows.iter().map(name).collect() })
    };
    Ok(Dataset { train: pick(train)?, held_out: pick(held_out)? })
}

/// 本のデータを用意します。手元の画像は、コマンドの側が読んで [`own`] に渡します。
pub fn dataset(config: &Config) -> Result<Dataset> {
    const HELD_OUT: usize = 500;
    match &config.data {
        Data::Vowels => glyph_images(config, "あいうえお", 20, 6),
        Data::Hiragana => glyph_images(config, HIRAGANA, 6, 1),
        Data::Own(path) => bail!("手元の画像 {} は、まだ読んでいません", path.display()),
        Data::Digits => {
            let digits = data::digits()?;
            let x = digits.images.flatten_from(1)?;
            let labels: Vec<char> = digits.labels.iter().map(|&d| (b'0' + d) as char).collect();
            let count = labels.len() - HELD_OUT;
            let (train, held_out) = labels.split_at(count);
            Ok(Dataset {
                train: Images { x: x.narrow(0, 0, count)?, labels: train.to_vec() },
                held_out: Images { x: x.narrow(0, count, HELD_OUT)?, labels: held_out.to_vec() },
            })
        }
    }
}

/// `characters` を全書体で画像にします。1 字 1 書体あたり、学習用に `train` 枚、測る用に `held_out` 枚です。
fn glyph_images(
    config: &Config,
    characters: &str,
    train: usize,
    held_out: usize,
) -> Result<Dataset> {
    let mut fonts = glyphs::hiragana_fonts()?;
    if let Some(path) = &config.font {
        fonts.push(Font::from_file(path)?);
    }
    let side = config.size;
    let draw = |copies: usize, name: &str| -> Result<Images> {
        let rng = &mut Seed(config.seed).rng(name);
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..copies {
            for font in &fonts {
                for c in characters.chars() {
                    values.extend(glyphs::rasterise(font, c, side, &Placement::random(rng))?);
                    labels.push(c);
                }
            }
        }
        let x = Tensor::from_vec(values, (labels.len(), side * side), &Device::Cpu)?;
        Ok(Images { x, labels })
    };
    Ok(Dataset { train: draw(train, "data")?, held_out: draw(held_out, "held-out")? })
}

/// 画素の一部を、でたらめに白 (−1) か黒 (1) にします。割合は `config.noise` です (デノイジングの入力)。
pub fn corrupt(config: &Config, x: &Tensor, rng: &mut impl Rng) -> Result<Tensor> {
    if config.noise == 0. {
        return Ok(x.clone());
    }
    let chance = uniform(rng, 0., 1., x.shape())?;
    let dirt = uniform(rng, -1., 1., x.shape())?.sign()?;
    Ok(chance.lt(config.noise)?.where_cond(&dirt, x)?)
}

/// 学習の結果。
pub struct Trained {
    pub config: Config,
    pub vae: Vae,
    pub history: History,
    pub dataset: Dataset,
    /// 止めたところから続けるための、学習の途中のようす。
    pub state: State,
}

impl Trained {
    /// デコーダだけで、新しい画像 `[count, dim]` を作ります。
    pub fn generate(&self, count: usize, seed: Seed) -> Result<Tensor> {
        generate(&self.vae.decoder, &self.config, count, seed)
    }

    /// テストデータでの、損失の 2 つの項。
    pub fn held_out_terms(&self) -> Result<Terms> {
        let rng = &mut Seed(self.config.seed).rng("held-out noise");
        let x = &self.dataset.held_out.x;
        let input = corrupt(&self.config, x, rng)?;
        let noise = normal(rng, (x.dim(0)?, self.config.z_dim))?;
        terms(&self.vae, &self.config, &Batch { x: x.clone(), input, noise })
    }

    /// テストデータでの、潜在変数の次元ごとの KL の平均 (nat/枚)。オートエンコーダでは空です。
    pub fn held_out_kl_per_dim(&self) -> Result<Vec<f32>> {
        Ok(match self.vae.encoder.forward(&self.dataset.held_out.x)? {
            Code::Gaussian { mean, log_variance } => {
                kl_per_dim(&mean, &log_variance)?.mean(0)?.to_vec1()?
            }
            Code::Point(_) => Vec::new(),
        })
    }
}

/// 生成に要るのは、デコーダと N(0, I) から引いた z だけです。
pub fn generate(decoder: &Decoder, config: &Config, count: usize, seed: Seed) -> Result<Tensor> {
    let z = normal(&mut seed.rng("generate"), (count, config.z_dim))?;
    Ok(decoder.images(&z)?.detach())
}

/// 観察する側に渡す、いまの学習のようす。
pub struct Progress<'a> {
    /// 終わった回数。学習の前は 0 です。
    pub step: usize,
    /// 直前の更新で測った値。学習の前は None です。
    pub losses: Option<&'a StepLosses>,
    pub vae: &'a Vae,
    pub dataset: &'a Dataset,
}

// ANCHOR: train
/// 学習の全体。`observer` が Break を返すと、そこまでの結果を返して終わります。
pub fn train(
    config: &Config,
    observer: impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<Trained> {
    resume(config, dataset(config)?, &State::default(), observer)
}

/// [`train`] を、止めたときのようす `saved` から続けます。空なら、はじめからです。
pub fn resume(
    config: &Config,
    dataset: Dataset,
    saved: &State,
    mut observer: impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<Trained> {
    config.check()?;
    let seed = Seed(config.seed);
    let mut batches = Batches::new(dataset.train.x.clone(), config.batch, seed.rng("batches"))?;
    let (mut dirt, mut noise) = (seed.rng("dirt"), seed.rng("noise"));
    let mut vae = Vae::new(config)?;
    let mut history = History::default();
    saved.restore(&mut [
        ("batches", &mut batches),
        ("dirt", &mut dirt),
        ("noise", &mut noise),
        ("vae", &mut vae),
        ("history", &mut history),
    ])?;
    let mut go_on = match history.is_empty() {
        true => observer(&Progress { step: 0, losses: None, vae: &vae, dataset: &dataset })?,
        false => ControlFlow::Continue(()),
    };

    for step in history.len() + 1..=config.steps {
        if go_on.is_break() {
            break;
        }
        let x = batches.next_batch()?;
        let input = corrupt(config, &x, &mut dirt)?;
        let noise = normal(&mut noise, (config.batch, config.z_dim))?;
        let losses = train_step(&mut vae, config, &Batch { x, input, noise })?;
        history.push(step, &losses.named());
        let losses = Some(&losses);
        go_on = observer(&Progress { step, losses, vae: &vae, dataset: &dataset })?;
    }
    let state = State::of(&[
        ("batches", &batches),
        ("dirt", &dirt),
        ("noise", &noise),
        ("vae", &vae),
        ("history", &history),
    ])?;
    Ok(Trained { config: config.clone(), vae, history, dataset, state })
}
// ANCHOR_END: train

/// 平面の点での、デコーダの正規分布 p(x|z) の標準偏差。輪の 1 つの山と同じ広さです。
const POINT_DEVIATION: f64 = 0.05;

/// 平面の点 `[N, 2]` で VAE を学習します。画素と違い、再構成の項は正規分布の −log p(x|z)、つまり 2 乗誤差です。
pub fn fit_points(config: &Config, points: Tensor) -> Result<Vae> {
    let seed = Seed(config.seed);
    let mut batches = Batches::new(points, config.batch, seed.rng("batches"))?;
    let mut noise = seed.rng("noise");
    let mut vae = Vae::new(config)?;
    for _ in 0..config.steps {
        let x = batches.next_batch()?;
        let Code::Gaussian { mean, log_variance } = vae.encoder.forward(&x)? else {
            bail!("平面の点は VAE で学習してください")
        };
        let draw = normal(&mut noise, (config.batch, config.z_dim))?;
        let guess = vae.decoder.forward(&reparameterize(&mean, &log_variance, &draw)?)?;
        let errors =
            mse(&guess, &x)?.affine(x.dim(1)? as f64 / (2. * POINT_DEVIATION.powi(2)), 0.)?;
        let loss = (errors + kl(&mean, &log_variance)?)?;
        vae.optimizer.step(&loss.backward()?)?;
    }
    Ok(vae)
}

/// N(0, I) から引いた z をデコーダに通し、p(x|z) から点 `[count, 2]` を取り出します。
pub fn generate_points(vae: &Vae, config: &Config, count: usize, seed: Seed) -> Result<Tensor> {
    let rng = &mut seed.rng("generate");
    let centers = vae.decoder.forward(&normal(rng, (count, config.z_dim))?)?.detach();
    let spread = normal(rng, centers.shape())?.affine(POINT_DEVIATION, 0.)?;
    Ok((centers + spread)?)
}
