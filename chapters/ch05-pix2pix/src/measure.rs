//! 出力を正解と比べます。学習には使いません。

use anyhow::Result;
use candle_core::Tensor;
use common::measure::{sharpness, ssim};
use common::nn::l1;

/// 取り置いた画像での測定。
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// 正解との差の絶対値の平均 (値の範囲は [-1, 1])。小さいほど良い
    pub l1: f64,
    /// 正解との構造類似度。1 に近いほど良い
    pub ssim: f64,
    /// 隣り合う画素の差の平均。正解の値に近いほど良い
    pub sharpness: f64,
}

/// 出力 `[N, C, S, S]` を、正解と比べます。
pub fn measure(output: &Tensor, truth: &Tensor) -> Result<Measured> {
    Ok(Measured {
        l1: f64::from(l1(output, truth)?.to_scalar::<f32>()?),
        ssim: ssim(output, truth)?,
        sharpness: sharpness(output)?,
    })
}
