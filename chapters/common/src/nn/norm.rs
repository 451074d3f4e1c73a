//! バッチ正規化とインスタンス正規化。活性化まで、往復 1 度ずつで済ませる。
//!
//! どちらも「同じ組に入る画素の平均を 0、分散を 1 にし、組のチャネルごとに γ 倍して β を足す」計算で、
//! 組の作り方だけが違う。バッチ正規化ではチャネルごと (すべての画像)、インスタンス正規化では
//! 画像とチャネルごとなので、`[N, C, H, W]` を 1 枚の画像 `[1, N·C, H, W]` とみなせばよい。

use candle_core::{Module, ModuleT, Result, Tensor, Var, bail};
use candle_nn::{Init, VarBuilder};
use rayon::prelude::*;

use super::fused::{self, Arg, Fused, with_slice};
use super::kernel::{Activation, CHUNK, sum, wide};

/// 分散が 0 でも割れるように足す値 (PyTorch の既定)。
const EPS: f64 = 1e-5;
/// 移動平均で新しい値に掛ける割合 (PyTorch の既定)。
const MOMENTUM: f64 = 0.1;

/// バッチ正規化 (Ioffe & Szegedy, 2015, arXiv:1502.03167) と活性化。形は変わらない。
///
/// 変数は `weight` (γ)、`bias` (β)、`running_mean`、`running_var`、どれも `[チャネル]`。
#[derive(Debug, Clone)]
pub struct BatchNorm2d {
    weight: Tensor,
    bias: Tensor,
    running_mean: Var,
    running_var: Var,
    activation: Activation,
}

impl BatchNorm2d {
    /// γ = 1、β = 0 から始める。
    pub fn new(channels: usize, activation: Activation, vb: VarBuilder) -> Result<Self> {
        Self::with_init(channels, activation, Init::Const(1.0), vb)
    }

    /// γ の初期値を指定して作る (DCGAN では平均 1、標準偏差 0.02 の正規分布)。
    pub fn with_init(
        channels: usize,
        activation: Activation,
        weight: Init,
        vb: VarBuilder,
    ) -> Result<Self> {
        let get = |name: &str, init: Init| vb.get_with_hints(channels, name, init);
        Ok(Self {
            weight: get("weight", weight)?,
            bias: get("bias", Init::Const(0.0))?,
            running_mean: Var::from_tensor(&get("running_mean", Init::Const(0.0))?)?,
            running_var: Var::from_tensor(&get("running_var", Init::Const(1.0))?)?,
            activation: activation.check()?,
        })
    }

    /// 同じ γ・β を、学習の対象から外して使う層。移動平均は元の層と共有し、学習時には更新する。
    pub fn frozen(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach(), ..self.clone() }
    }
}

impl ModuleT for BatchNorm2d {
    /// `[N, C, H, W]` → 同じ形。
    ///
    /// `train` ならそのミニバッチの統計で正規化し、移動平均を更新する。そうでなければ移動平均で正規化する
    /// (1 枚だけでも、ほかの画像に左右されずに生成できる)。
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let channels = self.weight.elem_count();
        let (n, c, h, w) = fused::dims4("BatchNorm2d", x)?;
        if c != channels {
            bail!(
                "BatchNorm2d: 入力の形 {:?} のチャネル数が、層の {channels} と違います",
                x.dims()
            );
        }
        let stats = if train {
            let count = n * h * w;
            if count < 2 {
                bail!(
                    "BatchNorm2d: 形 {:?} ではチャネルごとに値が 1 つしか無く、学習時の統計を取れません",
                    x.dims()
                );
            }
            let stats = Stats::measure(x)?;
            // 移動平均の分散だけは、PyTorch と同じく不偏分散 (個数 - 1 で割る) にする。
            let unbiased = count as f64 / (count - 1) as f64;
            update(&self.running_mean, &stats.mean, 1.0)?;
            update(&self.running_var, &stats.var, unbiased)?;
            stats
        } else {
            Stats {
                mean: self.running_mean.to_vec1()?,
                var: self.running_var.to_vec1()?,
                from_batch: false,
            }
        };
        fused::apply(NormOp { stats, act: self.activation }, x, &[&self.weight, &self.bias])
    }
}

fn update(running: &Var, new: &[f32], scale: f64) -> Result<()> {
    let new = (Tensor::new(new, running.device())? * (MOMENTUM * scale))?;
    running.set(&((running.as_detached_tensor() * (1.0 - MOMENTUM))? + new)?)
}

/// インスタンス正規化 (Ulyanov et al., 2016, arXiv:1607.08022) と活性化。形は変わらない。
///
/// PyTorch の既定と同じく、変数も移動平均も持たない (学習時も生成時も同じ計算になる)。
#[derive(Debug, Clone, Copy)]
pub struct InstanceNorm2d {
    activation: Activation,
}

impl InstanceNorm2d {
    pub fn new(activation: Activation) -> Result<Self> {
        Ok(Self { activation: activation.check()? })
    }
}

impl Module for InstanceNorm2d {
    /// `[N, C, H, W]` → 同じ形。
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (n, c, h, w) = fused::dims4("InstanceNorm2d", x)?;
        if h * w < 2 {
            bail!(
                "InstanceNorm2d: 形 {:?} では 1 枚に値が 1 つしか無く、正規化すると消えてしまいます",
                x.dims()
            );
        }
        let x = x.reshape((1, n * c, h, w))?;
        let ones = Tensor::ones(n * c, x.dtype(), x.device())?;
        let op = NormOp { stats: Stats::measure(&x)?, act: self.activation };
        fused::apply(op, &x, &[&ones, &ones.zeros_like()?])?.reshape((n, c, h, w))
    }
}

/// チャネルごとの平均と分散 (個数で割る)。
struct Stats {
    mean: Vec<f32>,
    var: Vec<f32>,
    /// 統計がその入力から求めたものなら、勾配は統計を通っても流れる。
    from_batch: bool,
}

impl Stats {
    /// 平均を引いてから 2 乗を足す 2 段構え。1 段で済ませると、平均が大きいときに桁落ちする。
    fn measure(x: &Tensor) -> Result<Self> {
        let (n, channels, h, w) = x.dims4()?;
        let (pixels, count) = (h * w, (n * h * w) as f32);
        with_slice(x, |x| {
            let mean_of = |f: &(dyn Fn(usize, &[f32]) -> f64 + Sync)| {
                let planes = x.par_chunks(pixels).enumerate().with_min_len(CHUNK.div_ceil(pixels));
                let planes: Vec<f64> = planes.map(|(i, plane)| f(i % channels, plane)).collect();
                by_channel(&planes, channels).into_iter().map(|sum| sum / count).collect::<Vec<_>>()
            };
            let mean = mean_of(&|_, x| sum(x, x, |x, _| x));
            let var = mean_of(&|c, x| sum(x, x, |x, _| (x - mean[c]) * (x - mean[c])));
            Self { mean, var, from_batch: true }
        })
    }

    fn inverse_std(&self, channel: usize) -> f32 {
        (1.0 / (f64::from(self.var[channel]) + EPS).sqrt()) as f32
    }
}

struct NormOp {
    stats: Stats,
    act: Activation,
}

impl Fused for NormOp {
    fn name(&self) -> &'static str {
        "正規化"
    }

    /// y = f(γ·x̂ + β)、x̂ = (x - 平均) / √(分散 + ε)。
    fn forward(&self, [x, weight, bias]: [Arg; 3]) -> (Vec<f32>, Vec<usize>) {
        let (channels, pixels) = (x.dims[1], x.dims[2] * x.dims[3]);
        let mut y = vec![0f32; x.data.len()];
        let planes = y.par_chunks_mut(pixels).zip(x.data.par_chunks(pixels)).enumerate();
        planes.with_min_len(CHUNK.div_ceil(pixels)).for_each(|(i, (y, x))| {
            let c = i % channels;
            let scale = weight.data[c] * self.stats.inverse_std(c);
            let (mean, bias) = (self.stats.mean[c], bias.data[c]);
            normalize(self.act, y, x, [mean, scale, bias]);
        });
        (y, x.dims.to_vec())
    }

    /// 活性化の前の勾配を g とすると、∂β = Σg、∂γ = Σg·x̂、
    /// ∂x = γ / √(分散 + ε) · (g - Σg / 個数 - x̂ · Σg·x̂ / 個数)。
    /// 引く 2 項は、x を動かすと平均と分散も動くことによる (移動平均で正規化したときは無い)。
    fn backward(
        &self,
        [x, weight, bias]: [Arg; 3],
        y: &[f32],
        grad: &[f32],
    ) -> [Option<Vec<f32>>; 3] {
        let (stats, channels, pixels) = (&self.stats, x.dims[1], x.dims[2] * x.dims[3]);
        let mut dx = vec![0f32; x.data.len()];
        // 1 度目: dx に g を置きながら、面ごとに Σg と Σg·(x - 平均) を求める。
        let planes = dx.par_chunks_mut(pixels).zip(x.data.par_chunks(pixels));
        let planes = planes.zip(y.par_chunks(pixels)).zip(grad.par_chunks(pixels)).enumerate();
        let (sums, slopes): (Vec<f64>, Vec<f64>) = planes
            .with_min_len(CHUNK.div_ceil(pixels))
            .map(|(i, (((g, x), y), grad))| {
                let mean = stats.mean[i % channels];
                gradient_sums(self.act, g, x, y, grad, mean)
            })
            .unzip();
        let (sums, mut slopes) = (by_channel(&sums, channels), by_channel(&slopes, channels));
        slopes.iter_mut().enumerate().for_each(|(c, slope)| *slope *= stats.inverse_std(c));
        // 2 度目: g を dx に直す。
        let count = if stats.from_batch { (x.dims[0] * pixels) as f32 } else { f32::INFINITY };
        let planes = dx.par_chunks_mut(pixels).zip(x.data.par_chunks(pixels)).enumerate();
        planes.with_min_len(CHUNK.div_ceil(pixels)).for_each(|(i, (dx, x))| {
            let c = i % channels;
            let (mean, inverse) = (stats.mean[c], stats.inverse_std(c));
            let (shift, slope) = (sums[c] / count, slopes[c] / count * inverse);
            let scale = weight.data[c] * inverse;
            input_gradient(dx, x, [mean, scale, shift, slope]);
        });
        [Some(dx), weight.wanted.then_some(slopes), bias.wanted.then_some(sums)]
    }
}

wide! {
    fn normalize(act: Activation, y: &mut [f32], x: &[f32], terms: [f32; 3]) {
        let [mean, scale, bias] = terms;
        y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - mean) * scale + bias);
        act.apply(y);
    }
}

wide! {
    /// 活性化の前の勾配を g に書き、Σg と Σg·(x - 平均) を返す。
    fn gradient_sums(
        act: Activation,
        g: &mut [f32],
        x: &[f32],
        y: &[f32],
        grad: &[f32],
        mean: f32,
    ) -> (f64, f64) {
        act.backward(y, grad, g);
        (sum(g, g, |g, _| g), sum(g, x, |g, x| g * (x - mean)))
    }
}

wide! {
    fn input_gradient(g: &mut [f32], x: &[f32], terms: [f32; 4]) {
        let [mean, scale, shift, slope] = terms;
        let pairs = g.iter_mut().zip(x);
        pairs.for_each(|(g, x)| *g = scale * (*g - shift - (x - mean) * slope));
    }
}

/// 面ごとの和を、チャネルごとに画像の順に足す。順番が決まっているので、何スレッドでも同じ値になる。
fn by_channel(planes: &[f64], channels: usize) -> Vec<f32> {
    let total = |c: usize| planes[c..].iter().step_by(channels).sum::<f64>();
    (0..channels).map(|c| total(c) as f32).collect()
}
