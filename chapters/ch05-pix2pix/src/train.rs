//! Pix2Pix の学習。式 1〜4 (論文 3 節) と更新の順番が、このファイルに上から下まで入っています。

use std::ops::ControlFlow;

use anyhow::{Context, Result};
use candle_core::{Tensor, Var};
use candle_nn::ops::sigmoid;
use common::data::Batches;
use common::history::History;
use common::nn::{Adam, AdamConfig, bce_with_logits, in_parts, l1};
use common::seed::{Seed, Variables};
use common::state::{Resume, State};
use rand::Rng;

use crate::config::Config;
use crate::data::{self, Dataset};
use crate::model::{Discriminator, Generator};

// ANCHOR: discriminator_loss
/// 識別器の損失 (式 1 の符号を変えたもの)。入力は小片ごとのロジット、平均を返します。
///
/// 本物の対 (x, y) には正解 1、偽物の対 (x, G(x)) には正解 0 を付けます。
/// 半分にするのは、生成器に比べて識別器の学習を遅らせるためです (3.3 節)。
pub fn discriminator_loss(real: &Tensor, fake: &Tensor) -> candle_core::Result<Tensor> {
    (bce_with_logits(real, 1.)? + bce_with_logits(fake, 0.)?)?.affine(0.5, 0.)
}
// ANCHOR_END: discriminator_loss

// ANCHOR: generator_loss
/// 生成器の損失の 2 つの項 (式 4): GAN の項 −log D(x, G(x)) と、L1 の項 |y − G(x)|。どちらも平均です。
///
/// GAN の項は log(1 − D) を小さくする代わりに、log D を大きくします (3.3 節)。
pub fn generator_loss(
    judged: &Tensor,
    fake: &Tensor,
    truth: &Tensor,
) -> candle_core::Result<[Tensor; 2]> {
    Ok([bce_with_logits(judged, 1.)?, l1(fake, truth)?])
}
// ANCHOR_END: generator_loss

/// 2 つのネットワークと、それぞれの最適化。
pub struct Pix2Pix {
    pub generator: Generator,
    pub discriminator: Discriminator,
    /// 変数の名前は `generator.…` と `discriminator.…` です。
    pub variables: Variables,
    g_optimizer: Adam,
    d_optimizer: Adam,
}

impl Pix2Pix {
    /// 種から決まる重みで始めます。
    pub fn new(config: &Config) -> Result<Self> {
        let variables = Seed(config.seed).variables();
        let generator = Generator::new(config, variables.builder("generator"))?;
        let discriminator = Discriminator::new(config, variables.builder("discriminator"))?;
        let adam = |network| {
            let settings =
                AdamConfig { lr: config.lr, beta1: config.beta1, ..AdamConfig::default() };
            Adam::new(variables.of(network), settings)
        };
        Ok(Self {
            generator,
            discriminator,
            g_optimizer: adam("generator")?,
            d_optimizer: adam("discriminator")?,
            variables,
        })
    }
}

impl Resume for Pix2Pix {
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
    /// 識別器の損失
    pub discriminator: f32,
    /// 生成器の GAN の項
    pub gan: f32,
    /// 生成器の L1 の項 (λ を掛ける前)
    pub l1: f32,
    /// 本物の対に対する D の答えの平均
    pub d_real: f32,
    /// 偽物の対に対する D の答えの平均
    pub d_fake: f32,
}

impl StepLosses {
    /// 記録と画面で使う名前つきの並び。
    pub fn named(&self) -> [(&'static str, f32); 5] {
        [
            ("loss D", self.discriminator),
            ("loss GAN", self.gan),
            ("L1", self.l1),
            ("D(x,y)", self.d_real),
            ("D(x,G(x))", self.d_fake),
        ]
    }
}

// ANCHOR: train_step
/// 識別器を 1 回、続けて生成器を 1 回更新します (3.3 節)。
///
/// `x` は入力、`y` は正解、`noise` はドロップアウトの乱数です。
pub fn train_step(
    networks: &mut Pix2Pix,
    config: &Config,
    [x, y]: &[Tensor; 2],
    noise: &mut impl Rng,
) -> Result<StepLosses> {
    let fake = networks.generator.forward(x, noise, true)?;

    // 識別器の番: 入力と組にした本物と偽物を見せる。detach で、勾配を生成器へ流さない。
    let real_logits = networks.discriminator.forward(x, y, true)?;
    let fake_logits = networks.discriminator.forward(x, &fake.detach(), true)?;
    let d_loss = discriminator_loss(&real_logits, &fake_logits)?;
    networks.d_optimizer.step(&d_loss.backward()?)?;

    // 生成器の番: 更新した識別器を固定し、だませたかと、正解に近いかで動かす。
    let judged = networks.discriminator.frozen().forward(x, &fake, true)?;
    let [gan, distance] = generator_loss(&judged, &fake, y)?;
    let g_loss = (gan.affine(config.lambda_gan, 0.)? + distance.affine(config.lambda_l1, 0.)?)?;
    networks.g_optimizer.step(&g_loss.backward()?)?;

    Ok(StepLosses {
        discriminator: d_loss.to_scalar()?,
        gan: gan.to_scalar()?,
        l1: distance.to_scalar()?,
        d_real: sigmoid(&real_logits)?.mean_all()?.to_scalar()?,
        d_fake: sigmoid(&fake_logits)?.mean_all()?.to_scalar()?,
    })
}
// ANCHOR_END: train_step

// ANCHOR: pulls
/// 生成器の出力 G(x) を、損失の 2 つの項がどれだけ強く引くか: GAN の項と、L1 の項。重みを掛けた後の勾配の長さです。
///
/// 生成器の重みに届く勾配は、どちらも、この G(x) での勾配から計算されます。
pub fn pulls(trained: &Trained, [x, y]: &[Tensor; 2]) -> Result<[f32; 2]> {
    let Config { lambda_gan, lambda_l1, .. } = trained.config;
    let fake = Var::from_tensor(&trained.translate(x, Seed(0))?)?;
    let judged = trained.networks.discriminator.frozen().forward(x, &fake, true)?;
    let length = |term: Tensor, weight: f64| -> Result<f32> {
        let gradient = term.backward()?.remove(&fake).context("項が G(x) によらない")?;
        Ok(gradient.affine(weight, 0.)?.sqr()?.sum_all()?.sqrt()?.to_scalar()?)
    };
    let [gan, distance] = generator_loss(&judged, &fake, y)?;
    Ok([length(gan, lambda_gan)?, length(distance, lambda_l1)?])
}
// ANCHOR_END: pulls

/// 学習の結果。
pub struct Trained {
    pub config: Config,
    pub dataset: Dataset,
    pub networks: Pix2Pix,
    pub history: History,
    /// 止めたところから続けるための、学習の途中のようす。
    pub state: State,
}

impl Trained {
    /// 生成器だけで、入力 `[N, C, S, S]` を変換します。
    pub fn translate(&self, x: &Tensor, seed: Seed) -> Result<Tensor> {
        translate(&self.networks.generator, &self.config, x, seed)
    }
}

// ANCHOR: translate
/// 変換に要るのは、生成器と入力とノイズだけです。正解も識別器も要りません。
pub fn translate(generator: &Generator, config: &Config, x: &Tensor, seed: Seed) -> Result<Tensor> {
    let noise = &mut seed.rng("translate"); // ドロップアウトは、変換でも止めない
    if config.batch > 1 {
        // 論文との差: 移動平均の統計を使う。1 枚の変換が、一緒に変換する画像に左右されない。
        let most = (102_400 / (config.size * config.size)).max(16);
        return Ok(in_parts(x, most, |x| generator.forward(x, noise, false))?);
    }
    // 論文のとおり 1 枚ずつ学習したなら、変換でもその 1 枚の統計を使う。
    let one = |i| Ok(generator.forward(&x.narrow(0, i, 1)?, noise, true)?.detach());
    Ok(Tensor::cat(&(0..x.dim(0)?).map(one).collect::<Result<Vec<_>>>()?, 0)?)
}
// ANCHOR_END: translate

/// 観察する側に渡す、いまの学習のようす。
pub struct Progress<'a> {
    /// 終わった回数。学習の前は 0 です。
    pub step: usize,
    /// 直前の更新で測った値。学習の前は None です。
    pub losses: Option<&'a StepLosses>,
    pub networks: &'a Pix2Pix,
    pub dataset: &'a Dataset,
}

// ANCHOR: train
/// 学習の全体。`observer` が Break を返すと、そこまでの結果を返して終わります。
pub fn train(
    config: &Config,
    dataset: Dataset,
    observer: impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<Trained> {
    resume(config, dataset, &State::default(), observer)
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
    // 入力と正解をチャネルの方向に重ねておけば、並べ替えても切り取っても、対は離れない。
    let pairs = Tensor::cat(&[&dataset.train.x, &dataset.train.y], 1)?;
    let mut batches = Batches::new(pairs, config.batch, seed.rng("batches"))?;
    let (mut jitter, mut noise) = (seed.rng("jitter"), seed.rng("noise"));
    let mut networks = Pix2Pix::new(config)?;
    let mut history = History::default();
    saved.restore(&mut [
        ("batches", &mut batches),
        ("jitter", &mut jitter),
        ("noise", &mut noise),
        ("networks", &mut networks),
        ("history", &mut history),
    ])?;
    let start = Progress { step: 0, losses: None, networks: &networks, dataset: &dataset };
    let mut go_on = match history.is_empty() {
        true => observer(&start)?,
        false => ControlFlow::Continue(()),
    };

    for step in history.len() + 1..=config.steps {
        if go_on.is_break() {
            break;
        }
        let pair = data::crop(&batches.next_batch()?, config, &mut jitter)?;
        let losses = train_step(&mut networks, config, &pair, &mut noise)?;
        history.push(step, &losses.named());
        let losses = Some(&losses);
        go_on = observer(&Progress { step, losses, networks: &networks, dataset: &dataset })?;
    }
    let state = State::of(&[
        ("batches", &batches),
        ("jitter", &jitter),
        ("noise", &noise),
        ("networks", &networks),
        ("history", &history),
    ])?;
    Ok(Trained { config: config.clone(), dataset, networks, history, state })
}
// ANCHOR_END: train
