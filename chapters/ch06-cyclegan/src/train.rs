//! CycleGAN の学習。損失から学習の全体まで、このファイルに上から下まで入っています。

use std::ops::ControlFlow;

use anyhow::Result;
use candle_core::Tensor;
use common::data::Batches;
use common::history::History;
use common::nn::{Adam, AdamConfig, l1, mse};
use common::seed::{Seed, Variables};
use common::state::{Resume, State};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::config::Config;
use crate::data::Dataset;
use crate::model::{Discriminator, Generator};

// ANCHOR: adversarial_loss
/// 識別器の敵対的損失 (LSGAN、論文 4 節): E[(D(y) − 1)²] と E[D(G(x))²] の平均。
///
/// 入力は小片ごとの答え。論文の和を半分にするのは、D の学習を G より遅くするためです (付録 7.1 節)。
pub fn discriminator_loss(real: &Tensor, fake: &Tensor) -> candle_core::Result<Tensor> {
    (mse(real, 1.)? + mse(fake, 0.)?)?.affine(0.5, 0.)
}

/// 生成器の敵対的損失 (LSGAN): E[(D(G(x)) − 1)²]。偽物を本物と答えさせたい。
pub fn generator_loss(fake: &Tensor) -> candle_core::Result<Tensor> {
    mse(fake, 1.)
}
// ANCHOR_END: adversarial_loss

// ANCHOR: cycle_loss
/// サイクル一貫性損失 (論文 式 2 の片側): ‖F(G(x)) − x‖₁ を画素とチャネルで平均したもの。
///
/// 訳して訳し戻したら元の画像に戻るべきだ、という条件です。正解の対は要りません。
pub fn cycle_loss(back: &Tensor, original: &Tensor) -> candle_core::Result<Tensor> {
    l1(back, original)
}
// ANCHOR_END: cycle_loss

// ANCHOR: identity_loss
/// 恒等損失 (論文 5.2 節の片側): ‖G(y) − y‖₁ を画素とチャネルで平均したもの。
///
/// すでに Y の画像を G に入れたら、何も変えないべきだ、という条件です。色合いが保たれます。
pub fn identity_loss(same: &Tensor, original: &Tensor) -> candle_core::Result<Tensor> {
    l1(same, original)
}
// ANCHOR_END: identity_loss

// ANCHOR: buffer
/// 過去に作った偽物をためておく箱 (論文 4 節、Shrivastava et al. 2017, arXiv:1612.07828)。
///
/// 最新の偽物だけを見せると、識別器は古い偽物の見分け方を忘れ、学習が揺れ続けます。
pub struct ImageBuffer {
    size: usize,
    images: Vec<Tensor>,
    rng: ChaCha8Rng,
}

impl ImageBuffer {
    pub fn new(size: usize, rng: ChaCha8Rng) -> Self {
        Self { size, images: Vec::new(), rng }
    }

    /// たまっている枚数。
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// まだ何もたまっていなければ真。
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// 新しい偽物 `[B, C, H, W]` を渡すと、識別器に見せる偽物 `[B, C, H, W]` を返します。
    ///
    /// 箱がいっぱいになるまでは、ためながらそのまま返します。いっぱいになった後は、確率 1/2 で
    /// そのまま返し (ためない)、確率 1/2 で箱の中の 1 枚と取り替えて、古いほうを返します。
    pub fn exchange(&mut self, fakes: &Tensor) -> candle_core::Result<Tensor> {
        let mut shown = Vec::new();
        for fake in fakes.detach().chunk(fakes.dim(0)?, 0)? {
            if self.images.len() < self.size {
                self.images.push(fake.clone());
                shown.push(fake);
            } else if self.size > 0 && self.rng.random::<bool>() {
                let at = self.rng.random_range(0..self.size);
                shown.push(std::mem::replace(&mut self.images[at], fake));
            } else {
                shown.push(fake);
            }
        }
        Tensor::cat(&shown, 0)
    }
}
// ANCHOR_END: buffer

impl Resume for ImageBuffer {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        self.images.save(state, &format!("{name}.images"))?;
        self.rng.save(state, &format!("{name}.rng"))
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        self.images.restore(state, &format!("{name}.images"))?;
        self.rng.restore(state, &format!("{name}.rng"))
    }
}

// ANCHOR: learning_rate
/// `step` 回目 (1 から) の学習率が、最初の何倍か。`decay` の時点までは 1、その後は直線的に 0 へ下げます。
pub fn learning_rate(config: &Config, step: usize) -> f64 {
    let start = config.decay * config.steps as f64;
    let left = (config.steps + 1 - step) as f64 / (config.steps as f64 - start + 1.);
    left.min(1.)
}
// ANCHOR_END: learning_rate

/// 4 つのネットワークと、その最適化。
pub struct CycleGan {
    /// G: X → Y
    pub generator_xy: Generator,
    /// F: Y → X
    pub generator_yx: Generator,
    /// D_X: 本物の X か、F が作った X か
    pub discriminator_x: Discriminator,
    /// D_Y: 本物の Y か、G が作った Y か
    pub discriminator_y: Discriminator,
    /// 変数の名前は、上の 4 つの名前で始まります。
    pub variables: Variables,
    buffer_x: ImageBuffer,
    buffer_y: ImageBuffer,
    g_optimizer: Adam,
    d_optimizer: Adam,
}

/// 4 つのネットワークの名前。
pub const NETWORKS: [&str; 4] =
    ["generator_xy", "generator_yx", "discriminator_x", "discriminator_y"];

impl CycleGan {
    /// 種から決まる重みで始めます。
    pub fn new(config: &Config) -> Result<Self> {
        let seed = Seed(config.seed);
        let variables = seed.variables();
        let generator = |name| Generator::new(config, variables.builder(name));
        let discriminator = |name| Discriminator::new(3, config, variables.builder(name));
        let [xy, yx, x, y] = NETWORKS;
        let (generator_xy, generator_yx) = (generator(xy)?, generator(yx)?);
        let (discriminator_x, discriminator_y) = (discriminator(x)?, discriminator(y)?);
        let adam = |networks: [&str; 2], lr| {
            let vars = networks.into_iter().flat_map(|name| variables.of(name)).collect();
            let settings = AdamConfig { lr, beta1: config.beta1, ..AdamConfig::default() };
            Adam::new(vars, settings)
        };
        Ok(Self {
            generator_xy,
            generator_yx,
            discriminator_x,
            discriminator_y,
            buffer_x: ImageBuffer::new(config.buffer, seed.rng("buffer x")),
            buffer_y: ImageBuffer::new(config.buffer, seed.rng("buffer y")),
            g_optimizer: adam([xy, yx], config.lr_g)?,
            d_optimizer: adam([x, y], config.lr_d)?,
            variables,
        })
    }
}

impl Resume for CycleGan {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        self.variables.save(state, name)?;
        self.buffer_x.save(state, &format!("{name}.buffer_x"))?;
        self.buffer_y.save(state, &format!("{name}.buffer_y"))?;
        self.g_optimizer.save(state, &format!("{name}.g_optimizer"))?;
        self.d_optimizer.save(state, &format!("{name}.d_optimizer"))
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        self.variables.restore(state, name)?;
        self.buffer_x.restore(state, &format!("{name}.buffer_x"))?;
        self.buffer_y.restore(state, &format!("{name}.buffer_y"))?;
        self.g_optimizer.restore(state, &format!("{name}.g_optimizer"))?;
        self.d_optimizer.restore(state, &format!("{name}.d_optimizer"))
    }
}

/// 1 回の更新で測った値。
#[derive(Debug, Clone, Copy)]
pub struct StepLosses {
    /// 生成器 G と F の敵対的損失
    pub generator_xy: f32,
    pub generator_yx: f32,
    /// サイクル一貫性損失 (λ を掛ける前): X → Y → X と Y → X → Y
    pub cycle_x: f32,
    pub cycle_y: f32,
    /// 恒等損失 (重みを掛ける前、両方向の和)
    pub identity: f32,
    /// 識別器の損失
    pub discriminator_x: f32,
    pub discriminator_y: f32,
}

impl StepLosses {
    /// 記録と画面で使う名前つきの並び。
    pub fn named(&self) -> [(&'static str, f32); 7] {
        [
            ("loss G", self.generator_xy),
            ("loss F", self.generator_yx),
            ("cycle X", self.cycle_x),
            ("cycle Y", self.cycle_y),
            ("identity", self.identity),
            ("loss D_X", self.discriminator_x),
            ("loss D_Y", self.discriminator_y),
        ]
    }
}

// ANCHOR: train_step
/// 2 つの生成器を 1 回、続けて 2 つの識別器を 1 回更新します。
///
/// `x` と `y` は、それぞれの山から別々に取った画像です。どの y がどの x に対応するかは使いません。
pub fn train_step(
    gan: &mut CycleGan,
    config: &Config,
    x: &Tensor,
    y: &Tensor,
) -> Result<StepLosses> {
    // 生成器の番: 識別器は固定し、そこを通ってくる勾配で生成器だけを動かす。
    let (g, f) = (&gan.generator_xy, &gan.generator_yx);
    let (fake_y, fake_x) = (g.forward(x)?, f.forward(y)?);
    let generator_xy = generator_loss(&gan.discriminator_y.frozen().forward(&fake_y)?)?;
    let generator_yx = generator_loss(&gan.discriminator_x.frozen().forward(&fake_x)?)?;
    let cycle_x = cycle_loss(&f.forward(&fake_y)?, x)?; // x → G(x) → F(G(x))
    let cycle_y = cycle_loss(&g.forward(&fake_x)?, y)?; // y → F(y) → G(F(y))
    let identity = (identity_loss(&g.forward(y)?, y)? + identity_loss(&f.forward(x)?, x)?)?;
    let mut loss = (&generator_xy + &generator_yx)?;
    for (weight, term) in
        [(config.lambda_cycle, (&cycle_x + &cycle_y)?), (config.lambda_identity, identity.clone())]
    {
        // 重み 0 の項は測るだけ。足さなければ、逆伝播もしない。
        if weight > 0. {
            loss = (loss + term.affine(weight, 0.)?)?;
        }
    }
    gan.g_optimizer.step(&loss.backward()?)?;

    // 識別器の番: 偽物は箱を通して見せる。箱の中の偽物は定数なので、勾配は生成器へ流れない。
    let (shown_x, shown_y) = (gan.buffer_x.exchange(&fake_x)?, gan.buffer_y.exchange(&fake_y)?);
    let judge = |d: &Discriminator, real: &Tensor, fake: &Tensor| {
        discriminator_loss(&d.forward(real)?, &d.forward(fake)?)
    };
    let discriminator_x = judge(&gan.discriminator_x, x, &shown_x)?;
    let discriminator_y = judge(&gan.discriminator_y, y, &shown_y)?;
    gan.d_optimizer.step(&(&discriminator_x + &discriminator_y)?.backward()?)?;

    Ok(StepLosses {
        generator_xy: generator_xy.to_scalar()?,
        generator_yx: generator_yx.to_scalar()?,
        cycle_x: cycle_x.to_scalar()?,
        cycle_y: cycle_y.to_scalar()?,
        identity: identity.to_scalar()?,
        discriminator_x: discriminator_x.to_scalar()?,
        discriminator_y: discriminator_y.to_scalar()?,
    })
}
// ANCHOR_END: train_step

/// 学習の結果。
pub struct Trained {
    pub config: Config,
    pub gan: CycleGan,
    pub history: History,
    /// 止めたところから続けるための、学習の途中のようす。
    pub state: State,
}

/// 観察する側に渡す、いまの学習のようす。
pub struct Progress<'a> {
    /// 終わった回数。学習の前は 0 です。
    pub step: usize,
    /// 直前の更新で測った値。学習の前は None です。
    pub losses: Option<&'a StepLosses>,
    pub gan: &'a CycleGan,
}

// ANCHOR: train
/// 学習の全体。`observer` が Break を返すと、そこまでの結果を返して終わります。
pub fn train(
    config: &Config,
    dataset: &Dataset,
    observer: impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<Trained> {
    resume(config, dataset, &State::default(), observer)
}

/// [`train`] を、止めたときのようす `saved` から続けます。空なら、はじめからです。
pub fn resume(
    config: &Config,
    dataset: &Dataset,
    saved: &State,
    mut observer: impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<Trained> {
    config.check()?;
    let seed = Seed(config.seed);
    // X と Y は、別々の乱数で別々に混ぜる。2 つの列の順番に、関係はない。
    let mut xs = Batches::new(dataset.train_x.clone(), config.batch, seed.rng("batches x"))?;
    let mut ys = Batches::new(dataset.train_y.clone(), config.batch, seed.rng("batches y"))?;
    let mut gan = CycleGan::new(config)?;
    let mut history = History::default();
    saved.restore(&mut [
        ("xs", &mut xs),
        ("ys", &mut ys),
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
        gan.g_optimizer.set_learning_rate(config.lr_g * rate);
        gan.d_optimizer.set_learning_rate(config.lr_d * rate);
        let losses = train_step(&mut gan, config, &xs.next_batch()?, &ys.next_batch()?)?;
        history.push(step, &losses.named());
        go_on = observer(&Progress { step, losses: Some(&losses), gan: &gan })?;
    }
    let state = State::of(&[("xs", &xs), ("ys", &ys), ("gan", &gan), ("history", &history)])?;
    Ok(Trained { config: config.clone(), gan, history, state })
}
// ANCHOR_END: train

/// 比較のための、対で学ぶ Pix2Pix 型 (Isola et al. 2017, arXiv:1611.07004)。生成器は G と同じ形です。
pub struct Paired {
    pub generator: Generator,
    /// 入力と出力を重ねた 6 チャネルを見ます。
    pub discriminator: Discriminator,
    pub variables: Variables,
    g_optimizer: Adam,
    d_optimizer: Adam,
}

impl Paired {
    /// 種から決まる重みで始めます。生成器の初期値は [`CycleGan`] の G と同じです。
    pub fn new(config: &Config) -> Result<Self> {
        let variables = Seed(config.seed).variables();
        let generator = Generator::new(config, variables.builder("generator_xy"))?;
        let discriminator = Discriminator::new(6, config, variables.builder("discriminator"))?;
        let adam = |network, lr| {
            let settings = AdamConfig { lr, beta1: config.beta1, ..AdamConfig::default() };
            Adam::new(variables.of(network), settings)
        };
        Ok(Self {
            generator,
            discriminator,
            g_optimizer: adam("generator_xy", config.lr_g)?,
            d_optimizer: adam("discriminator", config.lr_d)?,
            variables,
        })
    }
}

// ANCHOR: paired_step
/// Pix2Pix 型の更新 1 回。`x` と `y` は同じ場面の対です。正解との L1 を返します。
///
/// CycleGAN との違いは 2 つ。生成器は正解 y との差 (L1) を直接小さくし、識別器は対 (x, y) を見ます。
/// 戻りの生成器も、サイクル損失も要りません。
pub fn paired_step(gan: &mut Paired, x: &Tensor, y: &Tensor) -> Result<f32> {
    const LAMBDA_L1: f64 = 100.;
    let pair = |y: &Tensor| Tensor::cat(&[x, y], 1);
    let fake = gan.generator.forward(x)?;
    let answer = gan.discriminator.frozen().forward(&pair(&fake)?)?;
    let distance = l1(&fake, y)?;
    let loss = (generator_loss(&answer)? + distance.affine(LAMBDA_L1, 0.)?)?;
    gan.g_optimizer.step(&loss.backward()?)?;

    let (real, fake) = (pair(y)?, pair(&fake.detach())?);
    let loss =
        discriminator_loss(&gan.discriminator.forward(&real)?, &gan.discriminator.forward(&fake)?)?;
    gan.d_optimizer.step(&loss.backward()?)?;
    Ok(distance.to_scalar()?)
}
// ANCHOR_END: paired_step

/// Pix2Pix 型の学習。`x` と `y` の同じ番号を対とみなします。回数・ミニバッチ・学習率は CycleGAN と同じです。
pub fn train_paired(
    config: &Config,
    x: &Tensor,
    y: &Tensor,
    mut observer: impl FnMut(usize, &Generator) -> Result<()>,
) -> Result<Paired> {
    config.check()?;
    let rng = Seed(config.seed).rng("batches pairs");
    let mut batches = Batches::new(Tensor::cat(&[x, y], 1)?, config.batch, rng)?;
    let mut gan = Paired::new(config)?;
    observer(0, &gan.generator)?;
    for step in 1..=config.steps {
        let rate = learning_rate(config, step);
        gan.g_optimizer.set_learning_rate(config.lr_g * rate);
        gan.d_optimizer.set_learning_rate(config.lr_d * rate);
        let batch = batches.next_batch()?;
        paired_step(&mut gan, &batch.narrow(1, 0, 3)?, &batch.narrow(1, 3, 3)?)?;
        observer(step, &gan.generator)?;
    }
    Ok(gan)
}
