//! 画像の縁の折り返しと、最近傍の拡大。どちらも「出力のどの画素が入力のどの画素か」という表の読み書きになる。

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::kernel::{self, CHUNK, slice, with_slice};

/// 縁の画素を軸に折り返して、上下左右に `padding` 画素ずつ広げる。`[N, C, H, W]` → `[N, C, H + 2p, W + 2p]`。
///
/// 0 で囲むと縁だけ暗い枠ができるので、画像の変換 (CycleGAN) ではこれを使う。`padding` は縦横より小さいこと。
pub fn reflection_pad(x: &Tensor, padding: usize) -> Result<Tensor> {
    resample("reflection_pad", x, |size| {
        if padding >= size {
            bail!(
                "reflection_pad: 入力の形 {:?} は、{padding} 画素折り返すには小さすぎます",
                x.dims()
            );
        }
        let last = size - 1;
        Ok((0..size + 2 * padding)
            .map(|i| {
                let i = i.abs_diff(padding);
                if i > last { 2 * last - i } else { i }
            })
            .collect())
    })
}

/// 縦横を `scale` 倍に拡大する (同じ画素を並べる)。`[N, C, H, W]` → `[N, C, H·scale, W·scale]`。
pub fn upsample_nearest(x: &Tensor, scale: usize) -> Result<Tensor> {
    if scale == 0 {
        bail!("upsample_nearest: 倍率は 1 以上にしてください");
    }
    resample("upsample_nearest", x, |size| Ok((0..size * scale).map(|i| i / scale).collect()))
}

fn resample(
    name: &'static str,
    x: &Tensor,
    table: impl Fn(usize) -> Result<Vec<usize>>,
) -> Result<Tensor> {
    kernel::check_f32(name, x)?;
    let &[_, _, h, w] = x.dims() else {
        bail!("{name}: 入力の形 {:?} が [枚数, チャネル, 縦, 横] ではありません", x.dims());
    };
    x.contiguous()?.apply_op1(Resample { name, rows: table(h)?, columns: table(w)? })
}

/// 出力の (i, j) に入力の (rows\[i], columns\[j]) を置く。
struct Resample {
    name: &'static str,
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl CustomOp1 for Resample {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_l: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = x_l.shape().dims4()?;
        let (rows, columns) = (&self.rows, &self.columns);
        let x = slice(x, x_l)?;
        let plane = rows.len() * columns.len();
        let mut y = vec![0f32; n * c * plane];
        let planes = y.par_chunks_mut(plane.max(1)).zip(x.par_chunks((h * w).max(1)));
        planes.with_min_len(CHUNK.div_ceil(plane.max(1))).for_each(|(y, x)| {
            for (y, &row) in y.chunks_exact_mut(columns.len()).zip(rows) {
                let x = &x[row * w..][..w];
                y.iter_mut().zip(columns).for_each(|(y, &column)| *y = x[column]);
            }
        });
        Ok((CpuStorage::F32(y), Shape::from((n, c, rows.len(), columns.len()))))
    }

    /// 1 つの画素を何か所にも置いたなら、その勾配はすべての場所の勾配の和になる。
    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (_, _, h, w) = x.dims4()?;
        let (rows, columns) = (&self.rows, &self.columns);
        let plane = rows.len() * columns.len();
        let mut dx = vec![0f32; x.elem_count()];
        with_slice(grad, |g| {
            let planes = dx.par_chunks_mut((h * w).max(1)).zip(g.par_chunks(plane.max(1)));
            planes.with_min_len(CHUNK.div_ceil(plane.max(1))).for_each(|(dx, g)| {
                for (g, &row) in g.chunks_exact(columns.len()).zip(rows) {
                    let dx = &mut dx[row * w..][..w];
                    g.iter().zip(columns).for_each(|(g, &column)| dx[column] += g);
                }
            });
            Ok(())
        })?;
        Tensor::from_vec(dx, x.shape(), x.device()).map(Some)
    }
}
