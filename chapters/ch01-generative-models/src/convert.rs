//! 行列とテンソルの行き来。標本は、行列では列に、テンソルでは行に並びます。

use anyhow::Result;
use candle_core::{Device, Tensor};
use nalgebra::DMatrix;

/// テンソル `[N, dim]` を、標本を列に並べた行列 `[dim, N]` にします。
pub fn matrix(points: &Tensor) -> Result<DMatrix<f64>> {
    let (n, dim) = points.dims2()?;
    let values = points.flatten_all()?.to_vec1::<f32>()?;
    // 行を続けて並べたものと、列を続けて並べたものは、メモリの上では同じ順になる。
    Ok(DMatrix::from_iterator(dim, n, values.into_iter().map(f64::from)))
}

/// 行列 `[dim, N]` をテンソル `[N, dim]` に戻します。
pub fn tensor(x: &DMatrix<f64>) -> candle_core::Result<Tensor> {
    let values: Vec<f32> = x.iter().map(|&value| value as f32).collect();
    Tensor::from_vec(values, (x.ncols(), x.nrows()), &Device::Cpu)
}
