//! 平均を取る損失。値も勾配も、入力を 1 度なめるだけで求める。

use candle_core::{DType, Result, Tensor, bail};
use rayon::prelude::*;

use super::fused::{self, Arg, Fused};
use super::kernel::{CHUNK, exp, ln_1p, sigmoid, sum, wide};

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
    if x.elem_count() == 0 {
        bail!("{name}: 形 {:?} は空で、平均を取れません", x.dims());
    }
    let target = match target {
        Target::Const(value) => Tensor::new(value as f32, x.device())?,
        Target::Each(t) if t.dims() == x.dims() && t.dtype() == DType::F32 => t.clone(),
        Target::Each(t) => bail!(
            "{name}: 入力の形 {:?} と目標の形 {:?} ({:?}) が違います。同じ形の F32 にしてください",
            x.dims(),
            t.dims(),
            t.dtype()
        ),
    };
    fused::apply(kind, x, &[&target])
}

#[derive(Clone, Copy)]
enum Kind {
    Bce,
    L1,
    Mse,
}

/// f(x, t) を並列に求める。目標が 1 つの数なら、どの要素でもその数を使う。
fn map(x: &[f32], t: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    let mut out = vec![0f32; x.len()];
    let chunks = out.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
    match *t {
        [t] => chunks.for_each(|(out, x)| fill(out, x, x, |x, _| f(x, t))),
        _ => chunks.zip(t.par_chunks(CHUNK)).for_each(|((out, x), t)| fill(out, x, t, &f)),
    }
    out
}

wide! {
    fn fill(out: &mut [f32], x: &[f32], t: &[f32], f: impl Fn(f32, f32) -> f32) {
        out.iter_mut().zip(x).zip(t).for_each(|((out, x), t)| *out = f(*x, *t));
    }
}

wide! {
    fn add_up(x: &[f32], t: &[f32], f: impl Fn(f32, f32) -> f32) -> f64 {
        sum(x, t, f)
    }
}

/// f(x, t) の平均。部分和は CHUNK ごとに求め、順に足す。スレッド数が違っても足す順は同じになる。
fn mean(x: &[f32], t: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) -> f32 {
    let chunks = x.par_chunks(CHUNK);
    let sums: Vec<f64> = match *t {
        [t] => chunks.map(|x| add_up(x, x, |x, _| f(x, t))).collect(),
        _ => chunks.zip(t.par_chunks(CHUNK)).map(|(x, t)| add_up(x, t, &f)).collect(),
    };
    (sums.iter().sum::<f64>() / x.len() as f64) as f32
}

/// 種類で分けるのはくり返しの外。中で分けると、コンパイラが要素をまとめて計算できない。
impl Fused for Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::Bce => "bce_with_logits",
            Self::L1 => "l1",
            Self::Mse => "mse",
        }
    }

    fn forward(&self, [x, t, _]: [Arg; 3]) -> (Vec<f32>, Vec<usize>) {
        let (x, t) = (x.data, t.data);
        let mean = match self {
            Self::Bce => mean(x, t, |x, t| x.max(0.0) - x * t + ln_1p(exp(-x.abs()))),
            Self::L1 => mean(x, t, |x, t| (x - t).abs()),
            Self::Mse => mean(x, t, |x, t| (x - t) * (x - t)),
        };
        (vec![mean], vec![])
    }

    fn backward(&self, [x, t, _]: [Arg; 3], _: &[f32], grad: &[f32]) -> [Option<Vec<f32>>; 3] {
        let scale = grad[0] / x.data.len() as f32;
        let sign = |x, t| f32::from(x > t) - f32::from(x < t);
        let (dx_wanted, dt_wanted, x, t) = (x.wanted, t.wanted, x.data, t.data);
        let dx = || match self {
            Self::Bce => map(x, t, |x, t| scale * (sigmoid(x) - t)),
            Self::L1 => map(x, t, |x, t| scale * sign(x, t)),
            Self::Mse => map(x, t, |x, t| scale * (2.0 * (x - t))),
        };
        let dt = || match self {
            Self::Bce => map(x, t, |x, _| -scale * x),
            Self::L1 => map(x, t, |x, t| scale * sign(t, x)),
            Self::Mse => map(x, t, |x, t| scale * (2.0 * (t - x))),
        };
        [dx_wanted.then(dx), dt_wanted.then(dt), None]
    }
}
