//! 画像の縁の折り返しと、最近傍の拡大。どちらも「出力のどの画素が入力のどの画素か」という表の読み書きになる。

use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use super::fused::{self, Arg, Fused};

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
    let (_, _, h, w) = fused::dims4(name, x)?;
    fused::apply(Resample { name, rows: table(h)?, columns: table(w)? }, x, &[])
}

/// 出力の (i, j) に入力の (rows\[i], columns\[j]) を置く。
struct Resample {
    name: &'static str,
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl Fused for Resample {
    fn name(&self) -> &'static str {
        self.name
    }

    fn forward(&self, [x, ..]: [Arg; 3]) -> (Vec<f32>, Vec<usize>) {
        let (h, w, rows, columns) = (x.dims[2], x.dims[3], self.rows.len(), self.columns.len());
        let mut y = vec![0f32; x.data.len() / (h * w) * rows * columns];
        y.par_chunks_mut(rows * columns).zip(x.data.par_chunks(h * w)).for_each(|(y, x)| {
            for (y, row) in y.chunks_exact_mut(columns).zip(&self.rows) {
                let x = &x[row * w..][..w];
                y.iter_mut().zip(&self.columns).for_each(|(y, column)| *y = x[*column]);
            }
        });
        (y, vec![x.dims[0], x.dims[1], rows, columns])
    }

    /// 1 つの画素を何か所にも置いたなら、その勾配はすべての場所の勾配の和になる。
    fn backward(&self, [x, ..]: [Arg; 3], _: &[f32], grad: &[f32]) -> [Option<Vec<f32>>; 3] {
        let (h, w, rows, columns) = (x.dims[2], x.dims[3], self.rows.len(), self.columns.len());
        let mut dx = vec![0f32; x.data.len()];
        dx.par_chunks_mut(h * w).zip(grad.par_chunks(rows * columns)).for_each(|(dx, g)| {
            for (g, row) in g.chunks_exact(columns).zip(&self.rows) {
                let dx = &mut dx[row * w..][..w];
                g.iter().zip(&self.columns).for_each(|(g, column)| dx[*column] += g);
            }
        });
        [Some(dx), None, None]
    }
}
