//! DCGAN の学習。損失も更新の順番も、元の GAN (論文 1406.2661) と同じです。

use std::ops::ControlFlow;

use anyhow::Result;
use candle_core::Tensor;
use common::history::History;
use common::nn::{Adam, AdamConfig, bce_with_logits};
use common::seed::{Seed, Variables, normal, uniform};
use common::state::{Resume, State};
use rand::Rng;

use crate::config::{Config, Noise};
use crate::data::Pictures;
use crate::model::{Discriminator, Generator};

// ANCHOR: discriminator_loss
/// 識別器の損失 −E[log D(x)] − E[log(1 − D(G(z)))]。入力はロジット、平均を返します。
///
/// 本物 x には正解 1、偽物 G(z) には正解 0 を付けた二値交差エントロピー (BCE) の和です。
pub fn discriminator_loss(real: &Tensor, fake: &Tensor) -> candle_core::Result<Tensor> {
    bce_with_logits(real, 1.)? + bce_with_logits(fake, 0.)?
}
// ANCHOR_END: discriminator_loss

// ANCHOR: generator_loss
/// 生成器の損失 −E[log D(G(z))] (非飽和の形)。入力は偽物のロジット、平均を返します。
pub fn generator_loss(fake: &Tensor) -> candle_core::Result<Tensor> {
    bce_with_logits(fake, 1.)
}
// ANCHOR_END: generator_loss

/// 2 つのネットワークと、それぞれの最適化。
pub struct Gan {
    pub generator: Generator,
    pub discriminator: Discriminator,
    /// 変数の名前は `generator.…` と `discriminator.…` です。
    pub variables: Variables,
    g_optimizer: Adam,
    d_optimizer: Adam,
}

impl Gan {
    /// 種から決まる重みで始めます。
    pub fn new(config: &Config) -> Result<Self> {
        let variables = Seed(config.seed).variables();
        let generator = Generator::new(config, variables.builder("generator"))?;
        let discriminator = Discriminator::new(config, variables.builder("discriminator"))?;
        let adam = |network| Adam::new(variables.of(network), optimizer(config));
        Ok(Self {
            generator,
            discriminator,
            g_optimizer: adam("generator")?,
            d_optimizer: adam("discriminator")?,
            variables,
        })
    }
}

impl Resume for Gan {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        self.variables.save(state, name)?;
        self.g_optimizer.save(state, &format!("{name}.g_optimizer"))?;
        self.d_optimizer.save(state, &format!("{name}.d_optimizer"))
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        self.variables.restore(state, name)?;
        self.g_optimizer.restore(state, &format!("{name}.g_optimizer"))?;
        self.d_optimizer.restore(state, &format!("{name}.d_optimizer"))
    }
}

/// 2 つのネットワークに使う Adam (論文 4 節: 学習率 0.0002、β1 = 0.5)。
pub fn optimizer(config: &Config) -> AdamConfig {
    AdamConfig { lr: config.lr, beta1: config.beta1, ..AdamConfig::default() }
}

/// `step` 回目 (1 から) の学習率が、最初の何倍か。`decay` の時点までは 1、その後は直線的に 0 へ下げます。
pub fn learning_rate(config: &Config, step: usize) -> f64 {
    let start = config.decay * config.steps as f64;
    let left = (config.steps + 1 - step) as f64 / (config.steps as f64 - start + 1.);
    left.min(1.)
}

/// 潜在変数 z `[count, z_dim]`。
pub fn latent(config: &Config, count: usize, rng: &mut impl Rng) -> candle_core::Result<Tensor> {
    match config.noise {
        Noise::Normal => normal(rng, (count, config.z_dim)),
        Noise::Uniform => uniform(rng, -1., 1., (count, config.z_dim)),
    }
}

/// 1 回の更新で測った値。
#[derive(Debug, Clone, Copy)]
pub struct StepLosses {
    /// 識別器の損失
    pub discriminator: f32,
    /// 生成器の損失
    pub generator: f32,
    /// 本物に対する D(x) の平均
    pub d_real: f32,
    /// 偽物に対する D(G(z)) の平均
    pub d_fake: f32,
}

impl StepLosses {
    /// 記録と画面で使う名前つきの並び。
    pub fn named(&self) -> [(&'static str, f32); 4] {
        [
            ("loss D", self.discriminator),
            ("loss G", self.generator),
            ("D(x)", self.d_real),
            ("D(G(z))", self.d_fake),
        ]
    }
}

// ANCHOR: train_step
/// 識別器と生成器を 1 回ずつ更新します。`real` は `[B, C, H, W]`、`z` は `[B, z_dim]` です。
pub fn train_step(gan: &mut Gan, real: &Tensor, z: &Tensor) -> Result<StepLosses> {
    let fake = gan.generator.forward(z, true)?;

    // 識別器の番: 本物と偽物を、別々のミニバッチとして見せる (BatchNorm の統計を混ぜない)。
    // detach で、勾配を生成器へ流さない。
    let real_logits = gan.discriminator.forward(real, true)?;
    let fake_logits = gan.discriminator.forward(&fake.detach(), true)?;
    let d_loss = discriminator_loss(&real_logits, &fake_logits)?;
    gan.d_optimizer.step(&d_loss.backward()?)?;

    // 生成器の番: 同じ偽物を、更新したばかりの識別器に見せる。識別器は固定し、本物は使わない。
    let g_loss = generator_loss(&gan.discriminator.frozen().forward(&fake, true)?)?;
    gan.g_optimizer.step(&g_loss.backward()?)?;

    Ok(StepLosses {
        discriminator: d_loss.to_scalar()?,
        generator: g_loss.to_scalar()?,
        d_real: candle_nn::ops::sigmoid(&real_logits)?.mean_all()?.to_scalar()?,
        d_fake: candle_nn::ops::sigmoid(&fake_logits)?.mean_all()?.to_scalar()?,
    })
}
// ANCHOR_END: train_step

/// 学習の結果。
pub struct Trained {
    pub config: Config,
    pub gan: Gan,
    pub pictures: Pictures,
    pub history: History,
    /// 止めたところから続けるための、学習の途中のようす。
    pub state: State,
}

impl Trained {
    /// 生成器だけで、新しい画像 `[count, C, H, W]` を作ります。
    pub fn generate(&self, count: usize, seed: Seed) -> Result<Tensor> {
        generate(&self.gan.generator, &self.config, count, seed)
    }
}

/// 生成に要るのは、生成器と潜在変数だけです。
pub fn generate(
    generator: &Generator,
    config: &Config,
    count: usize,
    seed: Seed,
) -> Result<Tensor> {
    draw(generator, &latent(config, count, &mut seed.rng("generate"))?)
}

/// z `[N, z_dim]` の画像 `[N, C, H, W]`。1 枚ずつの生成なので、何枚ずつ作っても同じになります。
pub fn draw(generator: &Generator, z: &Tensor) -> Result<Tensor> {
    // 一度に作ると、大きなネットワークでは途中の値がメモリーに収まらない。
    const CHUNK: usize = 64;
    let n = z.dim(0)?;
    let chunks = (0..n).step_by(CHUNK).map(|start| {
        let z = z.narrow(0, start, CHUNK.min(n - start))?;
        Ok(generator.forward(&z, false)?.detach())
    });
    Ok(Tensor::cat(&chunks.collect::<Result<Vec<_>>>()?, 0)?)
}

/// 観察する側に渡す、いまの学習のようす。
pub struct Progress<'a> {
    /// 終わった回数。学習の前は 0 です。
    pub step: usize,
    /// 直前の更新で測った値。学習の前は None です。
    pub losses: Option<&'a StepLosses>,
    pub gan: &'a Gan,
}

// ANCHOR: train
/// 学習の全体。`observer` が Break を返すと、そこまでの結果を返して終わります。
pub fn train(
    config: &Config,
    pictures: Pictures,
    observer: impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<Trained> {
    resume(config, pictures, &State::default(), observer)
}

/// [`train`] を、止めたときのようす `saved` から続けます。空なら、はじめからです。
pub fn resume(
    config: &Config,
    pictures: Pictures,
    saved: &State,
    mut observer: impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<Trained> {
    config.check()?;
    let seed = Seed(config.seed);
    let (mut picture_rng, mut noise_rng) = (seed.rng("pictures"), seed.rng("noise"));
    let mut gan = Gan::new(config)?;
    let mut history = History::default();
    saved.restore(&mut [
        ("pictures", &mut picture_rng),
        ("noise", &mut noise_rng),
        ("gan", &mut gan),
        ("history", &mut history),
    ])?;
    let mut go_on = match history.is_empty() {
        true => observer(&Progress { step: 0, losses: None, gan: &gan })?,
        false => ControlFlow::Continue(()),
    };

    for step in history.len() + 1..=config.steps {
        if go_on.is_break() {
            break;
        }
        let rate = learning_rate(config, step);
        gan.g_optimizer.set_learning_rate(config.lr * rate);
        gan.d_optimizer.set_learning_rate(config.lr * rate);
        let real = pictures.sample(config.batch, &mut picture_rng)?;
        let z = latent(config, config.batch, &mut noise_rng)?;
        let losses = train_step(&mut gan, &real, &z)?;
        history.push(step, &losses.named());
        go_on = observer(&Progress { step, losses: Some(&losses), gan: &gan })?;
    }
    let state = State::of(&[
        ("pictures", &picture_rng),
        ("noise", &noise_rng),
        ("gan", &gan),
        ("history", &history),
    ])?;
    Ok(Trained { config: config.clone(), gan, pictures, history, state })
}
// ANCHOR_END: train
