//! 平均を取る損失。値も勾配も、入力を 1 度なめるだけで求める。

use candle_core::{CpuStorage, CustomOp2, DType, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::kernel::{self, CHUNK, exp, ln_1p, sigmoid, slice, with_slice};

/// 損失の目標: すべての要素に共通の数、または要素ごとのテンソル。
pub enum Target<'a> {
    Const(f64),
    Each(&'a Tensor),
}

impl From<f64> for Target<'_> {
    fn from(value: f64) -> Self {
        Self::Const(value)
    }
}

impl From<f32> for Target<'_> {
    fn from(value: f32) -> Self {
        Self::Const(value.into())
    }
}

impl<'a> From<&'a Tensor> for Target<'a> {
    fn from(value: &'a Tensor) -> Self {
        Self::Each(value)
    }
}

/// 二値交差エントロピー -t·log σ(x) - (1-t)·log(1-σ(x)) の平均 (スカラー)。
///
/// `logits` は確率にする前の値 x で、範囲は任意。目標 t は 0〜1。
/// max(x, 0) - x·t + log(1 + e^-|x|) と書き直してあるので、x が大きくても無限大や NaN にならない。
pub fn bce_with_logits<'a>(logits: &Tensor, target: impl Into<Target<'a>>) -> Result<Tensor> {
    loss(logits, target.into(), Kind::Bce)
}

/// |x - t| の平均 (スカラー)。x = t での勾配は 0 とする。
pub fn l1<'a>(x: &Tensor, target: impl Into<Target<'a>>) -> Result<Tensor> {
    loss(x, target.into(), Kind::L1)
}

/// (x - t)² の平均 (スカラー)。
pub fn mse<'a>(x: &Tensor, target: impl Into<Target<'a>>) -> Result<Tensor> {
    loss(x, target.into(), Kind::Mse)
}

fn loss(x: &Tensor, target: Target, kind: Kind) -> Result<Tensor> {
    let name = kind.name();
    kernel::check_f32(name, x)?;
    if x.elem_count() == 0 {
        bail!("{name}: 形 {:?} は空で、平均を取れません", x.dims());
    }
    let target = match target {
        Target::Const(value) => Tensor::new(value as f32, &Device::Cpu)?,
        Target::Each(t) if t.dims() == x.dims() && t.dtype() == DType::F32 => t.contiguous()?,
        Target::Each(t) => bail!(
            "{name}: 入力の形 {:?} と目標の形 {:?} ({:?}) が違います。同じ形の F32 にしてください",
            x.dims(),
            t.dims(),
            t.dtype()
        ),
    };
    x.contiguous()?.apply_op2(&target, kind)
}

#[derive(Clone, Copy)]
enum Kind {
    Bce,
    L1,
    Mse,
}

impl Kind {
    /// 要素ごとの損失。
    #[inline(always)]
    fn value(self, x: f32, t: f32) -> f32 {
        match self {
            Self::Bce => x.max(0.0) - x * t + ln_1p(exp(-x.abs())),
            Self::L1 => (x - t).abs(),
            Self::Mse => (x - t) * (x - t),
        }
    }

    /// x についての微分。
    #[inline(always)]
    fn slope(self, x: f32, t: f32) -> f32 {
        match self {
            Self::Bce => sigmoid(x) - t,
            Self::L1 => f32::from(x > t) - f32::from(x < t),
            Self::Mse => 2.0 * (x - t),
        }
    }

    /// t についての微分。
    #[inline(always)]
    fn target_slope(self, x: f32, t: f32) -> f32 {
        match self {
            Self::Bce => -x,
            Self::L1 | Self::Mse => -self.slope(x, t),
        }
    }

    /// 勾配 scale · f(x, t) を並列に求める。t が 1 つだけなら、すべての要素に使う。
    fn map(x: &[f32], t: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
        let mut out = vec![0f32; x.len()];
        out.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).enumerate().for_each(|(i, (out, x))| {
            match t {
                &[t] => out.iter_mut().zip(x).for_each(|(o, &x)| *o = f(x, t)),
                t => {
                    let t = &t[i * CHUNK..];
                    out.iter_mut().zip(x).zip(t).for_each(|((o, &x), &t)| *o = f(x, t));
                }
            }
        });
        out
    }
}

impl CustomOp2 for Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::Bce => "bce_with_logits",
            Self::L1 => "l1",
            Self::Mse => "mse",
        }
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_l: &Layout,
        t: &CpuStorage,
        t_l: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, t) = (slice(x, x_l)?, slice(t, t_l)?);
        let partial = |(i, x): (usize, &[f32])| match (*self, t) {
            (kind, &[t]) => kernel::sum(x, x, |x, _| kind.value(x, t)),
            (kind, t) => kernel::sum(x, &t[i * CHUNK..], |x, t| kind.value(x, t)),
        };
        // 部分和は CHUNK ごとに求め、順に足す。スレッド数が違っても足す順は同じになる。
        let sums: Vec<f64> = x.par_chunks(CHUNK).enumerate().map(partial).collect();
        let mean = sums.iter().sum::<f64>() / x.len() as f64;
        Ok((CpuStorage::F32(vec![mean as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        x: &Tensor,
        t: &Tensor,
        _loss: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let scale = grad.to_scalar::<f32>()? / x.elem_count() as f32;
        let kind = *self;
        let gradient = |wanted: bool, f: &(dyn Fn(&[f32], &[f32]) -> Vec<f32> + Sync)| {
            wanted
                .then(|| {
                    let values = with_slice(x, |x| with_slice(t, |t| Ok(f(x, t))))?;
                    Tensor::from_vec(values, x.shape(), x.device())
                })
                .transpose()
        };
        Ok((
            gradient(x.track_op(), &|x, t| Self::map(x, t, |x, t| scale * kind.slope(x, t)))?,
            gradient(t.track_op(), &|x, t| {
                Self::map(x, t, |x, t| scale * kind.target_slope(x, t))
            })?,
        ))
    }
}
