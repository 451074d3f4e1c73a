//! GAN の学習。アルゴリズム 1 (論文 4 節) が、このファイルに上から下まで入っています。

use std::ops::ControlFlow;

use anyhow::{Result, bail};
use candle_core::{Tensor, Var};
use common::data::{self, Batches};
use common::history::History;
use common::nn::{Adam, AdamConfig, bce_with_logits};
use common::seed::{Seed, Variables, normal};
use common::state::{Resume, State};

use crate::config::{Config, Data, GLoss};
use crate::model::{Discriminator, Generator};

// ANCHOR: value
/// 価値関数 V(D, G) = E[log D(x)] + E[log(1 − D(G(z)))] (論文 式 1)。
///
/// 入力は確率 D(x) と D(G(z)) で、それぞれ平均します。D は大きく、G は小さくしようとします。
pub fn value(d_real: &Tensor, d_fake: &Tensor) -> candle_core::Result<Tensor> {
    d_real.log()?.mean_all()? + d_fake.affine(-1., 1.)?.log()?.mean_all()?
}
// ANCHOR_END: value

// ANCHOR: discriminator_loss
/// 識別器の損失 −V(D, G)。入力はロジット、平均を返します。
///
/// 本物 x には正解 1、偽物 G(z) には正解 0 を付けた二値交差エントロピー (BCE) の和です。
pub fn discriminator_loss(real: &Tensor, fake: &Tensor) -> candle_core::Result<Tensor> {
    bce_with_logits(real, 1.)? + bce_with_logits(fake, 0.)?
}
// ANCHOR_END: discriminator_loss

// ANCHOR: generator_loss
/// 生成器の損失 (論文 3 節)。入力は偽物のロジット、平均を返します。どちらも小さくします。
pub fn generator_loss(kind: GLoss, fake: &Tensor) -> candle_core::Result<Tensor> {
    match kind {
        // −log D(G(z)): 偽物に「正解は 1」と付けた BCE と同じ
        GLoss::NonSaturating => bce_with_logits(fake, 1.),
        // log(1 − D(G(z))): 「正解は 0」の BCE の符号を変えたもの
        GLoss::Saturating => bce_with_logits(fake, 0.)?.neg(),
    }
}
// ANCHOR_END: generator_loss

/// 生成器の損失を、偽物 1 つずつのロジット `[N, 1]` で微分した値 `[N, 1]`。
pub fn generator_gradient(kind: GLoss, logits: &Tensor) -> Result<Tensor> {
    let logits = Var::from_tensor(logits)?;
    let gradients = generator_loss(kind, &logits)?.backward()?;
    // 損失は N 個の平均なので、1 つあたりの勾配に戻すには N を掛ける。
    let gradient = gradients.get(&logits).expect("損失はロジットの関数");
    Ok(gradient.affine(logits.elem_count() as f64, 0.)?)
}

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
        let discriminator =
            Discriminator::new(config.dim(), config, variables.builder("discriminator"))?;
        let adam = |network, lr| {
            let settings = AdamConfig { lr, beta1: config.beta1, ..AdamConfig::default() };
            Adam::new(variables.of(network), settings)
        };
        Ok(Self {
            generator,
            discriminator,
            g_optimizer: adam("generator", config.lr_g)?,
            d_optimizer: adam("discriminator", config.lr_d)?,
            variables,
        })
    }

    /// 学習の途中で、2 つの学習率を替えます。
    pub fn set_learning_rates(&mut self, generator: f64, discriminator: f64) {
        self.g_optimizer.set_learning_rate(generator);
        self.d_optimizer.set_learning_rate(discriminator);
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

/// 1 回の更新で測った値。
#[derive(Debug, Clone, Copy)]
pub struct StepLosses {
    /// 識別器の損失 (k 回の最後)
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
/// 識別器の番: 本物 `[B, dim]` と、ノイズ `[B, z_dim]` から作った偽物の両方を見せます。
pub fn discriminator_step(gan: &mut Gan, real: &Tensor, noise: &Tensor) -> Result<[f32; 3]> {
    // detach で、勾配を生成器へ流さない。
    let fake = gan.generator.forward(noise)?.detach();
    let real_logits = gan.discriminator.forward(real)?;
    let fake_logits = gan.discriminator.forward(&fake)?;
    let loss = discriminator_loss(&real_logits, &fake_logits)?;
    gan.d_optimizer.step(&loss.backward()?)?;
    let mean = |logits| candle_nn::ops::sigmoid(logits)?.mean_all()?.to_scalar();
    Ok([loss.to_scalar()?, mean(&real_logits)?, mean(&fake_logits)?])
}

/// 生成器の番: 識別器は固定し、そこを通ってくる勾配で生成器だけを動かします。本物は使いません。
pub fn generator_step(gan: &mut Gan, kind: GLoss, noise: &Tensor) -> Result<f32> {
    let fake = gan.generator.forward(noise)?;
    let loss = generator_loss(kind, &gan.discriminator.frozen().forward(&fake)?)?;
    gan.g_optimizer.step(&loss.backward()?)?;
    Ok(loss.to_scalar()?)
}

/// 識別器を k 回、続けて生成器を 1 回更新します (アルゴリズム 1 の繰り返し 1 回分)。
pub fn train_step(
    gan: &mut Gan,
    config: &Config,
    mut real: impl FnMut() -> candle_core::Result<Tensor>,
    mut noise: impl FnMut() -> candle_core::Result<Tensor>,
) -> Result<StepLosses> {
    let mut last = None;
    for _ in 0..config.d_steps {
        last = Some(discriminator_step(gan, &real()?, &noise()?)?);
    }
    let [discriminator, d_real, d_fake] = last.expect("k は 1 以上");
    let generator = generator_step(gan, config.g_loss, &noise()?)?;
    Ok(StepLosses { discriminator, generator, d_real, d_fake })
}
// ANCHOR_END: train_step

/// 学習に使う本のデータ `[N, dim]`。画像は 1 列に並べます。値はおよそ [-1, 1] です。
///
/// 手元の画像は、コマンドの側が読みます。
pub fn dataset(config: &Config) -> Result<Tensor> {
    const POINTS: usize = 20_000;
    let rng = &mut Seed(config.seed).rng("data");
    Ok(match &config.data {
        Data::Own(path) => bail!("手元の画像 {} は、まだ読んでいません", path.display()),
        Data::Ring => data::ring::sample(POINTS, rng)?,
        Data::Moons => data::two_moons(POINTS, rng)?,
        Data::Digits => data::digits()?.images.flatten_from(1)?,
    })
}

/// 学習の結果。
pub struct Trained {
    pub config: Config,
    pub gan: Gan,
    /// 学習に使ったデータ `[N, dim]`
    pub real: Tensor,
    pub history: History,
    /// 止めたところから続けるための、学習の途中のようす。
    pub state: State,
}

impl Trained {
    /// 生成器だけで、新しいデータ `[count, dim]` を作ります。
    pub fn generate(&self, count: usize, seed: Seed) -> Result<Tensor> {
        generate(&self.gan.generator, &self.config, count, seed)
    }
}

/// 生成に要るのは、生成器とノイズだけです。
pub fn generate(
    generator: &Generator,
    config: &Config,
    count: usize,
    seed: Seed,
) -> Result<Tensor> {
    let z = normal(&mut seed.rng("generate"), (count, config.z_dim))?;
    Ok(generator.forward(&z)?.detach())
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
    observer: impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<Trained> {
    resume(config, dataset(config)?, &State::default(), observer)
}

/// [`train`] を、止めたときのようす `saved` から続けます。空なら、はじめからです。
pub fn resume(
    config: &Config,
    real: Tensor,
    saved: &State,
    mut observer: impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<Trained> {
    config.check()?;
    let seed = Seed(config.seed);
    let mut batches = Batches::new(real.clone(), config.batch, seed.rng("batches"))?;
    let mut rng = seed.rng("noise");
    let mut gan = Gan::new(config)?;
    let mut history = History::default();
    saved.restore(&mut [
        ("batches", &mut batches),
        ("noise", &mut rng),
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
        let losses = train_step(
            &mut gan,
            config,
            || batches.next_batch(),
            || normal(&mut rng, (config.batch, config.z_dim)),
        )?;
        history.push(step, &losses.named());
        go_on = observer(&Progress { step, losses: Some(&losses), gan: &gan })?;
    }
    let state =
        State::of(&[("batches", &batches), ("noise", &rng), ("gan", &gan), ("history", &history)])?;
    Ok(Trained { config: config.clone(), gan, real, history, state })
}
// ANCHOR_END: train

/// 生成器を止めたまま、識別器だけを学習させます。最適な識別器 D* (命題 1) に近づくはずです。
///
/// `real` と `fake` は、呼ぶたびに新しい標本 `[batch, dim]` を返します。
pub fn fit_discriminator(
    config: &Config,
    mut real: impl FnMut() -> candle_core::Result<Tensor>,
    mut fake: impl FnMut() -> candle_core::Result<Tensor>,
) -> Result<Discriminator> {
    let variables = Seed(config.seed).variables();
    let dim = real()?.dim(1)?;
    let discriminator = Discriminator::new(dim, config, variables.builder("discriminator"))?;
    let settings = AdamConfig { lr: config.lr_d, ..AdamConfig::default() };
    let mut optimizer = Adam::new(variables.of("discriminator"), settings)?;
    for _ in 0..config.steps {
        let (real, fake) = (discriminator.forward(&real()?)?, discriminator.forward(&fake()?)?);
        optimizer.step(&discriminator_loss(&real, &fake)?.backward()?)?;
    }
    Ok(discriminator)
}
