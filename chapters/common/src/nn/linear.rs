//! 全結合層 y = f(x·Wᵀ + b)。

use candle_core::{Module, Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use rayon::prelude::*;

use super::fused::{self, Arg, Fused};
use super::kernel::{Activation, CHUNK, Mat, product, wide};

/// 全結合層。バイアスと活性化まで 1 つの演算として計算する。
///
/// 重み `weight` は `[出力, 入力]`、`bias` は `[出力]` (candle_nn・PyTorch と同じ)。
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
    activation: Activation,
}

impl Linear {
    /// PyTorch の既定の初期値 (重みもバイアスも一様分布 ±1/√入力数) で作る。
    pub fn new(
        in_dim: usize,
        out_dim: usize,
        activation: Activation,
        vb: VarBuilder,
    ) -> Result<Self> {
        let init = uniform(in_dim);
        Self::with_init(in_dim, out_dim, activation, init, init, vb)
    }

    /// 重みとバイアスの初期値を指定して作る。
    pub fn with_init(
        in_dim: usize,
        out_dim: usize,
        activation: Activation,
        weight: Init,
        bias: Init,
        vb: VarBuilder,
    ) -> Result<Self> {
        Ok(Self {
            weight: vb.get_with_hints((out_dim, in_dim), "weight", weight)?,
            bias: vb.get_with_hints(out_dim, "bias", bias)?,
            activation: activation.check()?,
        })
    }

    /// 同じ重みを、学習の対象から外して使う層 (値は元の層の更新に従う)。
    pub fn frozen(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach(), ..*self }
    }
}

impl Module for Linear {
    /// `[…, 入力]` → `[…, 出力]`。最後の次元が入力数と違えば、両方の形を示すエラーになる。
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (out_dim, in_dim) = self.weight.dims2()?;
        let mut dims = x.dims().to_vec();
        let Some(last) = dims.last_mut().filter(|last| **last == in_dim) else {
            bail!(
                "Linear: 入力の形 {:?} の最後の次元が、重みの形 {:?} の入力数 {in_dim} と違います",
                x.dims(),
                self.weight.dims()
            );
        };
        *last = out_dim;
        let x = x.reshape(((), in_dim))?;
        fused::apply(LinearOp(self.activation), &x, &[&self.weight, &self.bias])?.reshape(dims)
    }
}

/// PyTorch の全結合層・畳み込み層の既定の初期値。
pub(super) fn uniform(fan_in: usize) -> Init {
    let bound = 1.0 / (fan_in.max(1) as f64).sqrt();
    Init::Uniform { lo: -bound, up: bound }
}

struct LinearOp(Activation);

impl Fused for LinearOp {
    fn name(&self) -> &'static str {
        "Linear"
    }

    fn forward(&self, [x, w, b]: [Arg; 3]) -> (Vec<f32>, Vec<usize>) {
        let (rows, k, n) = (x.dims[0], x.dims[1], w.dims[0]);
        let mut y = product([rows, n, k], Mat::rows(x.data, k), Mat::rows(w.data, k).t());
        // 行列積の結果がまだキャッシュにあるうちに、バイアスと活性化を 1 度で済ませる。
        y.par_chunks_mut(n).with_min_len(CHUNK.div_ceil(n)).for_each(|y| {
            finish(self.0, y, b.data);
        });
        (y, vec![rows, n])
    }

    /// 活性化の前の勾配を g として、∂x = g·W、∂W = gᵀ·x、∂b = g の列ごとの和。
    fn backward(&self, [x, w, b]: [Arg; 3], y: &[f32], grad: &[f32]) -> [Option<Vec<f32>>; 3] {
        let (rows, k, n) = (x.dims[0], x.dims[1], w.dims[0]);
        let g = self.0.backward_all(y, grad);
        let g_rows = Mat::rows(&g, n);
        [
            x.wanted.then(|| product([rows, k, n], g_rows, Mat::rows(w.data, k))),
            w.wanted.then(|| product([n, k, rows], g_rows.t(), Mat::rows(x.data, k))),
            b.wanted.then(|| column_sums(&g, n)),
        ]
    }
}

wide! {
    /// 出力の 1 行にバイアスを足し、活性化関数を掛ける。
    fn finish(act: Activation, y: &mut [f32], bias: &[f32]) {
        y.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
        act.apply(y);
    }
}

wide! {
    /// n 列の行列 g の、列ごとの和。
    fn column_sums(g: &[f32], n: usize) -> Vec<f32> {
        let mut sums = vec![0f32; n];
        for g in g.chunks_exact(n) {
            sums.iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
        }
        sums
    }
}
