//! 拡散モデルの学習と生成。論文のアルゴリズム 1 と 2、DDIM、ガイダンスが、このファイルに上から下まで入っています。

use std::f64::consts::FRAC_PI_2;
use std::ops::ControlFlow;

use anyhow::{Result, ensure};
use candle_core::{Device, Module, Tensor, Var};
use common::data::Batches;
use common::history::History;
use common::nn::{Adam, AdamConfig, bce_with_logits, mse};
use common::seed::{Seed, Variables, normal};
use common::state::{Resume, State};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::config::{Betas, Config, Space};
use crate::data::{self, Dataset, Samples};
use crate::model::{Autoencoder, Classifier, Denoiser};

// ANCHOR: schedule
/// 順過程のノイズスケジュール。時刻 t (1 から T) ごとの β_t、α_t = 1 − β_t、ᾱ_t = α_1·…·α_t (論文 2 節)。
///
/// 重みはありません。順過程では何も学習しないからです。
#[derive(Debug, Clone)]
pub struct Schedule {
    /// β_t。時刻 t の値は `t − 1` 番目です。
    pub beta: Vec<f64>,
    /// ᾱ_t。時刻 t の値は `t` 番目で、時刻 0 (元のデータ) は 1 です。
    pub alpha_bar: Vec<f64>,
}

impl Schedule {
    pub fn new(kind: Betas, timesteps: usize) -> Self {
        let total = timesteps as f64;
        let beta = (1..=timesteps).map(|t| match kind {
            // 論文は T = 1000 で 1e-4 から 0.02 まで。T が違っても ᾱ_T が 0 に近くなるよう、1000/T 倍する。
            Betas::Linear => {
                let share = (t - 1) as f64 / (timesteps.max(2) - 1) as f64;
                (1e-4 + (0.02 - 1e-4) * share) * 1000. / total
            }
            // ᾱ_t = f(t)/f(0)、f(t) = cos²((t/T + s)/(1 + s)·π/2)、s = 0.008 (arXiv:2102.09672 式 17)。
            // 論文との差: β の上限は 0.999 でなく 0.5。T が 100 と小さいと、0.999 では最後の 1 歩が粗く、DDIM が崩れる。
            Betas::Cosine => {
                let f = |t: f64| ((t / total + 0.008) / 1.008 * FRAC_PI_2).cos().powi(2);
                (1. - f(t as f64) / f((t - 1) as f64)).min(0.5)
            }
        });
        let beta: Vec<f64> = beta.collect();
        let mut alpha_bar = vec![1.];
        for (t, beta) in beta.iter().enumerate() {
            alpha_bar.push(alpha_bar[t] * (1. - beta));
        }
        Self { beta, alpha_bar }
    }

    /// 時刻ステップの数 T。
    pub fn timesteps(&self) -> usize {
        self.beta.len()
    }

    /// α_t = 1 − β_t
    pub fn alpha(&self, t: usize) -> f64 {
        1. - self.beta[t - 1]
    }

    /// 逆向きの 1 歩の分散 β̃_t = (1 − ᾱ_{t−1})/(1 − ᾱ_t)·β_t (論文 式 7)。
    pub fn posterior_variance(&self, t: usize) -> f64 {
        (1. - self.alpha_bar[t - 1]) / (1. - self.alpha_bar[t]) * self.beta[t - 1]
    }
}
// ANCHOR_END: schedule

// ANCHOR: q_sample
/// 順過程を時刻 t まで一度に進めます: x_t = √ᾱ_t·x_0 + √(1 − ᾱ_t)·ε (論文 式 4)。
///
/// `x0` と `noise` は `[B, dim]`、`times` は標本ごとの時刻です。
pub fn q_sample(
    schedule: &Schedule,
    x0: &Tensor,
    times: &[usize],
    noise: &Tensor,
) -> candle_core::Result<Tensor> {
    let column = |share: &dyn Fn(f64) -> f64| {
        let values: Vec<f32> = times.iter().map(|&t| share(schedule.alpha_bar[t]) as f32).collect();
        Tensor::from_vec(values, (times.len(), 1), &Device::Cpu)
    };
    let (signal, dirt) = (column(&f64::sqrt)?, column(&|bar| (1. - bar).sqrt())?);
    x0.broadcast_mul(&signal)? + noise.broadcast_mul(&dirt)?
}
// ANCHOR_END: q_sample

// ANCHOR: loss
/// 損失 ‖ε − ε_θ(x_t, t)‖² (論文 式 14)。次元で合計し、バッチで平均します。
///
/// ぴったり当てれば 0、いつも 0 と答えれば、平均で次元の数になります (ε の各成分の分散が 1 だから)。
pub fn simple_loss(predicted: &Tensor, noise: &Tensor) -> candle_core::Result<Tensor> {
    mse(predicted, noise)?.affine(noise.dim(1)? as f64, 0.)
}
// ANCHOR_END: loss

// ANCHOR: ema
/// 重みの指数移動平均: 平均 ← 残す割合·平均 + (1 − 残す割合)·いまの重み。
///
/// 重みは 1 回ごとに揺れます。ならした重みのほうが、きれいな絵を作ります (論文 付録 B)。
pub fn update_average(average: &[Var], weights: &[Var], keep: f64) -> candle_core::Result<()> {
    for (average, weight) in average.iter().zip(weights) {
        let mixed =
            (average.as_tensor().affine(keep, 0.)? + weight.as_tensor().affine(1. - keep, 0.)?)?;
        average.set(&mixed.detach())?;
    }
    Ok(())
}
// ANCHOR_END: ema

/// 学習するものの全体。
pub struct Diffusion {
    pub schedule: Schedule,
    /// 学習するネットワーク
    pub denoiser: Denoiser,
    /// 重みをならしたネットワーク。生成にはこちらを使う
    pub average: Denoiser,
    /// 潜在拡散のときだけ
    pub autoencoder: Option<Autoencoder>,
    /// 変数の名前は `denoiser.…`、`average.…`、`encoder.…`、`decoder.…` です。
    pub variables: Variables,
    optimizer: Adam,
}

impl Diffusion {
    /// 種から決まる重みで始めます。
    pub fn new(config: &Config) -> Result<Self> {
        let variables = Seed(config.seed).variables();
        let denoiser = Denoiser::new(config, variables.builder("denoiser"))?;
        let average = Denoiser::new(config, variables.builder("average"))?;
        let autoencoder = match config.space {
            Space::Pixels => None,
            Space::Latent => Some(Autoencoder::new(
                config,
                variables.builder("encoder"),
                variables.builder("decoder"),
            )?),
        };
        // 平均は、学習する重みと同じところから始める。
        update_average(&variables.of("average"), &variables.of("denoiser"), 0.)?;
        let settings = AdamConfig { lr: config.lr, ..AdamConfig::default() };
        let optimizer = Adam::new(variables.of("denoiser"), settings)?;
        let schedule = Schedule::new(config.betas, config.timesteps);
        Ok(Self { schedule, denoiser, average, autoencoder, variables, optimizer })
    }

    /// 学習の途中で、学習率を替えます。
    pub fn set_learning_rate(&mut self, rate: f64) {
        self.optimizer.set_learning_rate(rate);
    }
}

impl Resume for Diffusion {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        self.variables.save(state, name)?;
        self.optimizer.save(state, &format!("{name}.optimizer"))
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        self.variables.restore(state, name)?;
        self.optimizer.restore(state, &format!("{name}.optimizer"))
    }
}

/// 1 回の更新に使うもの。
pub struct Batch {
    /// 元のデータ x_0 (潜在拡散では潜在変数) `[B, dim]`
    pub x0: Tensor,
    /// クラス。条件を空にした標本では「条件なし」の番号
    pub classes: Vec<u32>,
    /// 時刻 t。1 から T まで
    pub times: Vec<usize>,
    /// 加えるノイズ ε `[B, dim]`
    pub noise: Tensor,
}

// ANCHOR: train_step
/// ノイズを当てるネットワークを 1 回更新します (アルゴリズム 1)。損失を返します。
pub fn train_step(diffusion: &mut Diffusion, config: &Config, batch: &Batch) -> Result<f32> {
    // 混ぜて、当てる。混ぜ方に重みはないので、勾配は ε_θ にだけ流れる。
    let x = q_sample(&diffusion.schedule, &batch.x0, &batch.times, &batch.noise)?;
    let predicted = diffusion.denoiser.forward(&x, &batch.times, &batch.classes)?;
    let loss = simple_loss(&predicted, &batch.noise)?;
    diffusion.optimizer.step(&loss.backward()?)?;
    let variables = &diffusion.variables;
    update_average(&variables.of("average"), &variables.of("denoiser"), config.ema)?;
    Ok(loss.to_scalar()?)
}
// ANCHOR_END: train_step

// ANCHOR: ancestral
/// 逆過程を 1 歩進めます: x_{t−1} = (x_t − β_t/√(1 − ᾱ_t)·ε_θ)/√α_t + σ_t·z (アルゴリズム 2 の 4 行目)。
///
/// σ_t² には β̃_t を使います。`fresh` は新しいノイズ z で、最後の 1 歩 (t = 1) では β̃_1 = 0 なので効きません。
pub fn ancestral_step(
    schedule: &Schedule,
    x: &Tensor,
    t: usize,
    predicted: &Tensor,
    fresh: &Tensor,
) -> candle_core::Result<Tensor> {
    let share = schedule.beta[t - 1] / (1. - schedule.alpha_bar[t]).sqrt();
    let mean = (x - predicted.affine(share, 0.)?)?.affine(1. / schedule.alpha(t).sqrt(), 0.)?;
    mean + fresh.affine(schedule.posterior_variance(t).sqrt(), 0.)?
}

/// DDPM の生成 (アルゴリズム 2)。ノイズ `x` から始めて、`predict` をちょうど T 回呼びます。
pub fn ancestral(
    schedule: &Schedule,
    mut x: Tensor,
    mut predict: impl FnMut(&Tensor, usize) -> Result<Tensor>,
    mut fresh: impl FnMut(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    for t in (1..=schedule.timesteps()).rev() {
        let predicted = predict(&x, t)?;
        x = ancestral_step(schedule, &x, t, &predicted, &fresh(&x)?)?;
    }
    Ok(x)
}
// ANCHOR_END: ancestral

/// 当てたノイズから、元のデータの見積もりを求めます: x̂_0 = (x_t − √(1 − ᾱ_t)·ε_θ)/√ᾱ_t (論文 式 15)。
pub fn estimate(
    schedule: &Schedule,
    x: &Tensor,
    t: usize,
    predicted: &Tensor,
) -> candle_core::Result<Tensor> {
    let bar = schedule.alpha_bar[t];
    (x - predicted.affine((1. - bar).sqrt(), 0.)?)?.affine(1. / bar.sqrt(), 0.)
}

// ANCHOR: ddim
/// 時刻 t から、飛ばした先の時刻 s へ 1 歩で進みます (DDIM、arXiv:2010.02502 式 12)。
///
/// x_s = √ᾱ_s·x̂_0 + √(1 − ᾱ_s − σ²)·ε_θ + σ·z、σ = η·√((1 − ᾱ_s)/(1 − ᾱ_t))·√(1 − ᾱ_t/ᾱ_s)。
/// η = 0 なら乱数が入らず、同じノイズからは同じ絵ができます。η = 1 で飛ばさなければ DDPM と同じ分散です。
pub fn ddim_step(
    schedule: &Schedule,
    x: &Tensor,
    [t, s]: [usize; 2],
    predicted: &Tensor,
    eta: f64,
    fresh: &Tensor,
) -> candle_core::Result<Tensor> {
    let sigma = ddim_deviation(schedule, [t, s], eta);
    let bar = schedule.alpha_bar[s];
    let x0 = estimate(schedule, x, t, predicted)?.affine(bar.sqrt(), 0.)?;
    let direction = predicted.affine((1. - bar - sigma * sigma).max(0.).sqrt(), 0.)?;
    (x0 + direction)? + fresh.affine(sigma, 0.)?
}

/// DDIM の 1 歩で足すノイズの標準偏差 σ (arXiv:2010.02502 式 16)。
pub fn ddim_deviation(schedule: &Schedule, [t, s]: [usize; 2], eta: f64) -> f64 {
    let (now, next) = (schedule.alpha_bar[t], schedule.alpha_bar[s]);
    eta * ((1. - next) / (1. - now)).sqrt() * (1. - now / next).sqrt()
}

/// DDIM の生成。1 から T までの時刻を `steps` 個だけ等間隔に選び、`predict` をちょうど `steps` 回呼びます。
pub fn ddim(
    schedule: &Schedule,
    mut x: Tensor,
    steps: usize,
    eta: f64,
    mut predict: impl FnMut(&Tensor, usize) -> Result<Tensor>,
    mut fresh: impl FnMut(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let times = ddim_times(schedule.timesteps(), steps);
    for pair in times.windows(2) {
        let predicted = predict(&x, pair[0])?;
        x = ddim_step(schedule, &x, [pair[0], pair[1]], &predicted, eta, &fresh(&x)?)?;
    }
    Ok(x)
}

/// T から 0 まで、`steps` 歩で下りるときの時刻の列。
pub fn ddim_times(timesteps: usize, steps: usize) -> Vec<usize> {
    (0..=steps).rev().map(|i| (i * timesteps).div_ceil(steps)).collect()
}
// ANCHOR_END: ddim

// ANCHOR: guidance
/// classifier-free guidance (arXiv:2207.12598): ε_空 + w·(ε_条件 − ε_空)。
///
/// w = 0 は条件なし、w = 1 は条件つきの答えそのもの、1 より大きいと条件へ余計に進みます。
/// 論文との差: 論文の式 6 の重みを w′ と書くと、w = 1 + w′ です。ここでは、よく使われる道具と同じ数え方をします。
pub fn guided(network: &Denoiser, x: &Tensor, t: usize, classes: &[u32], w: f64) -> Result<Tensor> {
    let times = vec![t; classes.len()];
    if w == 1. {
        return Ok(network.forward(x, &times, classes)?.detach());
    }
    let nothing = network.forward(x, &times, &vec![network.nothing()?; classes.len()])?;
    if w == 0. {
        return Ok(nothing.detach());
    }
    let towards = (network.forward(x, &times, classes)? - &nothing)?;
    Ok((nothing + towards.affine(w, 0.)?)?.detach())
}
// ANCHOR_END: guidance

/// 生成の手順。
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampler {
    /// T 歩すべて (アルゴリズム 2)
    Ddpm,
    /// 新しいノイズを足さない DDPM (わざと壊す)
    DdpmWithoutNoise,
    /// 時刻を飛ばす DDIM (η = 0)。値は歩数
    Ddim(usize),
}

/// 生成に要るもの: ならした重みのネットワーク、スケジュール、潜在拡散ならデコーダ。
pub struct Generator<'a> {
    pub config: &'a Config,
    pub schedule: &'a Schedule,
    pub network: &'a Denoiser,
    pub autoencoder: Option<&'a Autoencoder>,
}

impl Generator<'_> {
    /// `classes` のデータを 1 つずつ作ります `[B, データの次元]`。
    pub fn generate(
        &self,
        classes: &[u32],
        guidance: f64,
        sampler: Sampler,
        seed: Seed,
    ) -> Result<Tensor> {
        let predict = |x: &Tensor, t| guided(self.network, x, t, classes, guidance);
        self.run(classes.len(), sampler, seed, predict)
    }

    /// 同じ種のノイズから、`predict` の答えに従って作ります。
    pub fn run(
        &self,
        count: usize,
        sampler: Sampler,
        seed: Seed,
        predict: impl FnMut(&Tensor, usize) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let rng = &mut seed.rng("generate");
        let start = normal(rng, (count, self.config.dim()))?;
        let silent = |x: &Tensor| Ok(x.zeros_like()?);
        let x = match sampler {
            Sampler::Ddpm => {
                ancestral(self.schedule, start, predict, |x| Ok(normal(rng, x.shape())?))?
            }
            Sampler::DdpmWithoutNoise => ancestral(self.schedule, start, predict, silent)?,
            Sampler::Ddim(steps) => ddim(self.schedule, start, steps, 0., predict, silent)?,
        };
        self.decode(&x)
    }

    /// 拡散した空間の値を、データに戻します。画素は [-1, 1] に収めます。
    pub fn decode(&self, x: &Tensor) -> Result<Tensor> {
        Ok(match self.autoencoder {
            Some(autoencoder) => autoencoder.decode(x)?.detach(),
            None if self.config.data.is_points() => x.clone(),
            None => x.clamp(-1f32, 1f32)?,
        })
    }
}

/// 観察する側に渡す、いまの学習のようす。
pub struct Progress<'a> {
    /// 終わった回数。学習の前は 0 です。
    pub step: usize,
    /// 直前の更新の損失。学習の前は None です。
    pub loss: Option<f32>,
    /// 潜在拡散の下ごしらえ (オートエンコーダの学習) の最中なら真
    pub preparing: bool,
    pub diffusion: &'a Diffusion,
}

/// 学習の結果。
pub struct Trained {
    pub config: Config,
    pub diffusion: Diffusion,
    pub dataset: Dataset,
    pub history: History,
    /// 止めたところから続けるための、学習の途中のようす。
    pub state: State,
}

impl Trained {
    /// 生成に使うもの。
    pub fn generator(&self) -> Generator<'_> {
        Generator {
            config: &self.config,
            schedule: &self.diffusion.schedule,
            network: &self.diffusion.average,
            autoencoder: self.diffusion.autoencoder.as_ref(),
        }
    }

    /// 設定のガイダンスで、`classes` のデータを作ります。
    pub fn generate(&self, classes: &[u32], sampler: Sampler, seed: Seed) -> Result<Tensor> {
        self.generator().generate(classes, self.config.guidance, sampler, seed)
    }
}

/// 学習率。後半は 0 まで直線で下げます。
pub fn learning_rate(config: &Config, step: usize) -> f64 {
    let left = 1. - (step - 1) as f64 / config.steps as f64;
    config.lr * (2. * left).min(1.)
}

// ANCHOR: train
/// 学習の全体。`observer` が Break を返すと、そこまでの結果を返して終わります。
pub fn train(
    config: &Config,
    observer: impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<Trained> {
    resume(config, data::dataset(config)?, &State::default(), observer)
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
    let order = (0..dataset.train.labels.len() as u32).collect::<Vec<_>>();
    let mut batches =
        Batches::new(Tensor::new(order, &Device::Cpu)?, config.batch, seed.rng("batches"))?;
    let (mut draws, mut noise) = (seed.rng("draws"), seed.rng("noise"));
    let mut diffusion = Diffusion::new(config)?;
    let mut history = History::default();
    saved.restore(&mut [
        ("batches", &mut batches),
        ("draws", &mut draws),
        ("noise", &mut noise),
        ("diffusion", &mut diffusion),
        ("history", &mut history),
    ])?;
    let mut go_on = ControlFlow::Continue(());
    if history.is_empty() {
        go_on = prepare(config, &diffusion, &dataset.train, &mut observer)?;
        if go_on.is_continue() {
            go_on = observer(&Progress {
                step: 0,
                loss: None,
                preparing: false,
                diffusion: &diffusion,
            })?;
        }
    }
    // 潜在拡散では、縮めた先の値を「データ」とみなす。オートエンコーダは、もう動かさない。
    let codes = match &diffusion.autoencoder {
        Some(autoencoder) => autoencoder.encode(&dataset.train.x)?.detach(),
        None => dataset.train.x.clone(),
    };
    for step in history.len() + 1..=config.steps {
        if go_on.is_break() {
            break;
        }
        let index = batches.next_batch()?;
        let batch = Batch {
            x0: codes.index_select(&index, 0)?,
            classes: conditions(config, &diffusion, &dataset.train, &index, &mut draws)?,
            times: (0..config.batch).map(|_| draws.random_range(1..=config.timesteps)).collect(),
            noise: normal(&mut noise, (config.batch, config.dim()))?,
        };
        diffusion.set_learning_rate(learning_rate(config, step));
        let loss = train_step(&mut diffusion, config, &batch)?;
        history.push(step, &[("loss", loss)]);
        go_on = observer(&Progress {
            step,
            loss: Some(loss),
            preparing: false,
            diffusion: &diffusion,
        })?;
    }
    let state = State::of(&[
        ("batches", &batches),
        ("draws", &draws),
        ("noise", &noise),
        ("diffusion", &diffusion),
        ("history", &history),
    ])?;
    Ok(Trained { config: config.clone(), diffusion, dataset, history, state })
}
// ANCHOR_END: train

/// 標本のクラス。`drop` の割合で「条件なし」に替えます。1 つのネットワークが、条件ありとなしの両方を覚えるためです。
pub fn conditions(
    config: &Config,
    diffusion: &Diffusion,
    samples: &Samples,
    index: &Tensor,
    draws: &mut ChaCha8Rng,
) -> Result<Vec<u32>> {
    let nothing = diffusion.denoiser.nothing()?;
    let class = |at: &u32| match draws.random_bool(config.drop) {
        true => nothing,
        false => samples.labels[*at as usize],
    };
    Ok(index.to_vec1::<u32>()?.iter().map(class).collect())
}

// ANCHOR: prepare
/// 潜在拡散の下ごしらえ。オートエンコーダを学習し、潜在変数の大きさをそろえます。
fn prepare(
    config: &Config,
    diffusion: &Diffusion,
    samples: &Samples,
    observer: &mut impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    let Some(autoencoder) = &diffusion.autoencoder else {
        return Ok(ControlFlow::Continue(()));
    };
    let variables = ["encoder", "decoder"].map(|part| diffusion.variables.of(part)).concat();
    let mut optimizer =
        Adam::new(variables, AdamConfig { lr: config.lr, ..AdamConfig::default() })?;
    let rng = Seed(config.seed).rng("prepare");
    let mut batches = Batches::new(samples.x.clone(), config.batch, rng)?;
    for step in 1..=config.ae_steps {
        let x = batches.next_batch()?;
        let logits = autoencoder.logits(&autoencoder.encode(&x)?)?;
        // 画素ごとの墨の割合を当てる交差エントロピー (第2章の再構成の項と同じ)。
        let loss = bce_with_logits(&logits, &x.affine(0.5, 0.5)?)?;
        optimizer.step(&loss.backward()?)?;
        let loss = Some(loss.to_scalar()?);
        if observer(&Progress { step, loss, preparing: true, diffusion })?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    autoencoder.normalise(&samples.x)?;
    Ok(ControlFlow::Continue(()))
}
// ANCHOR_END: prepare

/// 本物の画像とラベルで、字を読む分類器を学習します。生成した字が読めるかを測るためのもので、生成には使いません。
pub fn fit_classifier(samples: &Samples, classes: usize, seed: Seed) -> Result<Classifier> {
    const STEPS: usize = 600;
    const BATCH: usize = 128;
    ensure!(classes > 0, "クラスのないデータでは、分類器を学習できません");
    let variables = seed.variables();
    let classifier = Classifier::new(samples.x.dim(1)?, classes, variables.builder("classifier"))?;
    let mut optimizer = Adam::new(variables.of("classifier"), AdamConfig::default())?;
    let order = (0..samples.labels.len() as u32).collect::<Vec<_>>();
    let mut batches =
        Batches::new(Tensor::new(order, &Device::Cpu)?, BATCH, seed.rng("classifier batches"))?;
    let labels = Tensor::new(samples.labels.as_slice(), &Device::Cpu)?;
    for _ in 0..STEPS {
        let index = batches.next_batch()?;
        let logits = classifier.forward(&samples.x.index_select(&index, 0)?)?;
        let loss = candle_nn::loss::cross_entropy(&logits, &labels.index_select(&index, 0)?)?;
        optimizer.step(&loss.backward()?)?;
    }
    Ok(classifier)
}
