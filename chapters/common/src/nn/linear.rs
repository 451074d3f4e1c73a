//! 全結合層 y = f(x·Wᵀ + b)。

use candle_core::{CpuStorage, CustomOp3, Layout, Module, Result, Shape, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use rayon::prelude::*;

use super::kernel::{self, Activation, Mat, gemm, slice, with_slice};

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
    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        linear(xs, &self.weight, &self.bias, self.activation)
    }
}

/// PyTorch の全結合層・畳み込み層の既定の初期値。
pub(super) fn uniform(fan_in: usize) -> Init {
    let bound = 1.0 / (fan_in.max(1) as f64).sqrt();
    Init::Uniform { lo: -bound, up: bound }
}

/// f(x·Wᵀ + b)。x は `[…, 入力]`、w は `[出力, 入力]`、b は `[出力]`。
pub(super) fn linear(x: &Tensor, w: &Tensor, b: &Tensor, act: Activation) -> Result<Tensor> {
    kernel::check_f32("Linear", x)?;
    let (out_dim, in_dim) = w.dims2()?;
    let mut dims = x.dims().to_vec();
    if dims.last() != Some(&in_dim) {
        bail!(
            "Linear: 入力の形 {dims:?} の最後の次元が、重みの形 {:?} の入力数 {in_dim} と違います",
            w.dims()
        );
    }
    *dims.last_mut().expect("上で最後の次元を確かめた") = out_dim;
    x.reshape(((), in_dim))?
        .contiguous()?
        .apply_op3(&w.contiguous()?, &b.contiguous()?, LinearOp(act))?
        .reshape(dims)
}

struct LinearOp(Activation);

impl CustomOp3 for LinearOp {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_l: &Layout,
        w: &CpuStorage,
        w_l: &Layout,
        b: &CpuStorage,
        b_l: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, k) = x_l.shape().dims2()?;
        let n = w_l.shape().dim(0)?;
        let (x, w, b) = (slice(x, x_l)?, slice(w, w_l)?, slice(b, b_l)?);
        let mut y = vec![0f32; rows * n];
        gemm([rows, n, k], &mut y, n, false, Mat::rows(x, k), Mat::rows(w, k).t(), true);
        // 行列積の結果がまだキャッシュにあるうちに、バイアスと活性化を 1 度で済ませる。
        y.par_chunks_mut(n).with_min_len(kernel::CHUNK.div_ceil(n)).for_each(|y| {
            y.iter_mut().zip(b).for_each(|(y, b)| *y += b);
            self.0.apply(y);
        });
        Ok((CpuStorage::F32(y), Shape::from((rows, n))))
    }

    /// 活性化の前の勾配を g として、∂x = g·W、∂W = gᵀ·x、∂b = g の列ごとの和。
    /// 学習の対象でない引数 (凍結した重みや入力データ) の勾配は計算しない。
    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let ((rows, k), n) = (x.dims2()?, w.dim(0)?);
        let g = with_slice(y, |y| {
            with_slice(grad, |grad| Ok(kernel::activation_backward(self.0, y, grad)))
        })?;
        let product = |[m, n, k]: [usize; 3], a: Mat, b: Mat| {
            let mut c = vec![0f32; m * n];
            gemm([m, n, k], &mut c, n, false, a, b, true);
            Tensor::from_vec(c, (m, n), x.device())
        };
        let g_mat = Mat::rows(&g, n);
        let dx =
            x.track_op().then(|| with_slice(w, |w| product([rows, k, n], g_mat, Mat::rows(w, k))));
        let dw = w
            .track_op()
            .then(|| with_slice(x, |x| product([n, k, rows], g_mat.t(), Mat::rows(x, k))));
        let db = b.track_op().then(|| {
            let mut db = vec![0f32; n];
            for row in g.chunks_exact(n) {
                db.iter_mut().zip(row).for_each(|(d, g)| *d += g);
            }
            Tensor::from_vec(db, n, x.device())
        });
        Ok((dx.transpose()?, dw.transpose()?, db.transpose()?))
    }
}
