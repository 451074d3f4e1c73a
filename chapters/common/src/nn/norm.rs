//! バッチ正規化とインスタンス正規化。活性化まで、往復 1 度ずつで済ませる。
//!
//! どちらも「同じ組に入る画素の平均を 0、分散を 1 にし、組のチャネルごとに γ 倍して β を足す」計算で、
//! 組の作り方だけが違う。バッチ正規化ではチャネルごと (すべての画像)、インスタンス正規化では
//! 画像とチャネルごとなので、`[N, C, H, W]` を 1 枚の画像 `[1, N·C, H, W]` とみなせばよい。

use candle_core::{
    CpuStorage, CustomOp3, Layout, Module, ModuleT, Result, Shape, Tensor, Var, bail,
};
use candle_nn::{Init, VarBuilder};
use rayon::prelude::*;

use super::kernel::{self, Activation, CHUNK, slice, with_slice};

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
        let (n, c, h, w) = dims4("BatchNorm2d", x)?;
        if c != channels {
            bail!(
                "BatchNorm2d: 入力の形 {:?} のチャネル数が、層の {channels} と違います",
                x.dims()
            );
        }
        let x = x.contiguous()?;
        let stats = if train {
            let count = n * h * w;
            if count < 2 {
                bail!(
                    "BatchNorm2d: 形 {:?} ではチャネルごとに値が 1 つしか無く、学習時の統計を取れません",
                    x.dims()
                );
            }
            let stats = Stats::measure(&x, c)?;
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
        x.apply_op3(&self.weight, &self.bias, NormOp { stats, act: self.activation })
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
        let (n, c, h, w) = dims4("InstanceNorm2d", x)?;
        if h * w < 2 {
            bail!(
                "InstanceNorm2d: 形 {:?} では 1 枚に値が 1 つしか無く、正規化すると消えてしまいます",
                x.dims()
            );
        }
        let x = x.contiguous()?.reshape((1, n * c, h, w))?;
        let ones = Tensor::ones(n * c, x.dtype(), x.device())?;
        let op = NormOp { stats: Stats::measure(&x, n * c)?, act: self.activation };
        x.apply_op3(&ones, &ones.zeros_like()?, op)?.reshape((n, c, h, w))
    }
}

fn dims4(name: &str, x: &Tensor) -> Result<(usize, usize, usize, usize)> {
    kernel::check_f32(name, x)?;
    match *x.dims() {
        [n, c, h, w] if n * c * h * w > 0 => Ok((n, c, h, w)),
        ref dims => {
            bail!("{name}: 入力の形 {dims:?} を使えません。[枚数, チャネル, 縦, 横] にしてください")
        }
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
    fn measure(x: &Tensor, channels: usize) -> Result<Self> {
        let (n, _, h, w) = x.dims4()?;
        let (pixels, count) = (h * w, (n * h * w) as f64);
        with_slice(x, |x| {
            let measure = |c: usize| {
                let planes = || x.chunks_exact(pixels).skip(c).step_by(channels);
                let mean =
                    (planes().map(|p| kernel::sum(p, p, |x, _| x)).sum::<f64>() / count) as f32;
                let square = |x: f32, _| (x - mean) * (x - mean);
                (mean, (planes().map(|p| kernel::sum(p, p, square)).sum::<f64>() / count) as f32)
            };
            let (mean, var) = (0..channels).into_par_iter().map(measure).unzip();
            Ok(Self { mean, var, from_batch: true })
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

impl CustomOp3 for NormOp {
    fn name(&self) -> &'static str {
        "norm"
    }

    /// y = f(γ·x̂ + β)、x̂ = (x - 平均) / √(分散 + ε)。チャネルごとに y = f(x·a + b) の形にまとめておく。
    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_l: &Layout,
        weight: &CpuStorage,
        weight_l: &Layout,
        bias: &CpuStorage,
        bias_l: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, channels, h, w) = x_l.shape().dims4()?;
        let (x, weight, bias) = (slice(x, x_l)?, slice(weight, weight_l)?, slice(bias, bias_l)?);
        let mut y = vec![0f32; x.len()];
        let planes = y.par_chunks_mut(h * w).zip(x.par_chunks(h * w)).enumerate();
        planes.with_min_len(CHUNK.div_ceil(h * w)).for_each(|(i, (y, x))| {
            let c = i % channels;
            let a = weight[c] * self.stats.inverse_std(c);
            let (mean, b) = (self.stats.mean[c], bias[c]);
            y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - mean) * a + b);
            self.act.apply(y);
        });
        Ok((CpuStorage::F32(y), x_l.shape().clone()))
    }

    /// 活性化の前の勾配を g とすると、∂β = Σg、∂γ = Σg·x̂、
    /// ∂x = γ / √(分散 + ε) · (g - Σg / 個数 - x̂ · Σg·x̂ / 個数)。
    /// 引く 2 項は、x を動かすと平均と分散も動くことによる (移動平均で正規化したときは無い)。
    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (n, channels, h, w) = x.dims4()?;
        let (pixels, count) = (h * w, (n * h * w) as f32);
        let gamma = weight.to_vec1::<f32>()?;
        let (dx, sums) = with_slice(x, |x| {
            with_slice(y, |y| {
                with_slice(grad, |grad| {
                    let plane = |i: usize| i * pixels..(i + 1) * pixels;
                    let sums: Vec<(f32, f32)> = (0..channels)
                        .into_par_iter()
                        .map(|c| {
                            let (mean, inverse) = (self.stats.mean[c], self.stats.inverse_std(c));
                            let mut g = vec![0f32; pixels];
                            let (mut sum, mut sum_x) = (0.0, 0.0);
                            for i in (c..n * channels).step_by(channels) {
                                let x = &x[plane(i)];
                                self.act.backward(&y[plane(i)], &grad[plane(i)], &mut g);
                                sum += kernel::sum(&g, &g, |g, _| g);
                                sum_x += kernel::sum(&g, x, |g, x| g * (x - mean));
                            }
                            (sum as f32, sum_x as f32 * inverse)
                        })
                        .collect();
                    let mut dx = vec![0f32; x.len()];
                    let planes = dx.par_chunks_mut(pixels).enumerate();
                    planes.with_min_len(CHUNK.div_ceil(pixels)).for_each(|(i, dx)| {
                        let c = i % channels;
                        let (mean, inverse) = (self.stats.mean[c], self.stats.inverse_std(c));
                        self.act.backward(&y[plane(i)], &grad[plane(i)], dx);
                        let (mut shift, mut slope) = (0.0, 0.0);
                        if self.stats.from_batch {
                            (shift, slope) = (sums[c].0 / count, sums[c].1 / count * inverse);
                        }
                        let scale = gamma[c] * inverse;
                        let g = dx.iter_mut().zip(&x[plane(i)]);
                        g.for_each(|(g, x)| *g = scale * (*g - shift - (x - mean) * slope));
                    });
                    Ok((dx, sums))
                })
            })
        })?;
        let (dbias, dweight): (Vec<f32>, Vec<f32>) = sums.into_iter().unzip();
        let tensor = |values: Vec<f32>, like: &Tensor| {
            like.track_op()
                .then(|| Tensor::from_vec(values, like.shape(), like.device()))
                .transpose()
        };
        Ok((tensor(dx, x)?, tensor(dweight, weight)?, tensor(dbias, bias)?))
    }
}
