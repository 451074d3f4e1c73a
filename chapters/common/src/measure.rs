//! 画像を測ります。学習には使いません。

use anyhow::{Result, ensure};
use candle_core::Tensor;

/// 2 組の画像 `[N, C, H, W]` (値 [-1, 1]) の構造類似度 SSIM の平均。1 なら同じ画像、無関係なら 0 の近くです。
///
/// Wang et al. (2004) の式 13。窓は 7 × 7 で重みは一様、定数は C1 = (0.01·L)²、C2 = (0.03·L)²、
/// 値の幅 L = 2 です (論文は 11 × 11 のガウス窓。小さな画像では窓が画像を覆ってしまうので小さくしています)。
/// 形が違う、または 7 × 7 より小さい画像なら失敗します。
pub fn ssim(a: &Tensor, b: &Tensor) -> Result<f64> {
    const WINDOW: usize = 7;
    const C1: f64 = (0.01 * 2.) * (0.01 * 2.);
    const C2: f64 = (0.03 * 2.) * (0.03 * 2.);
    let (n, c, h, w) = a.dims4()?;
    ensure!(
        a.dims() == b.dims() && h >= WINDOW && w >= WINDOW,
        "SSIM は同じ形で {WINDOW} × {WINDOW} 以上の画像を比べます ({:?} と {:?} でした)",
        a.dims(),
        b.dims()
    );
    let (a, b) = (a.flatten_all()?.to_vec1::<f32>()?, b.flatten_all()?.to_vec1::<f32>()?);
    let mut total = 0.;
    for (a, b) in a.chunks_exact(h * w).zip(b.chunks_exact(h * w)) {
        for top in 0..=h - WINDOW {
            for left in 0..=w - WINDOW {
                // x, y, x², y², xy の窓の中の平均。
                let mut means = [0f64; 5];
                for row in top..top + WINDOW {
                    for at in row * w + left..row * w + left + WINDOW {
                        // 明るさの比較は 0 以上の値を前提にしている。
                        let (x, y) = (f64::from(a[at]) + 1., f64::from(b[at]) + 1.);
                        for (mean, value) in means.iter_mut().zip([x, y, x * x, y * y, x * y]) {
                            *mean += value / (WINDOW * WINDOW) as f64;
                        }
                    }
                }
                let [x, y, xx, yy, xy] = means;
                let (variances, covariance) = (xx - x * x + yy - y * y, xy - x * y);
                total += (2. * x * y + C1) * (2. * covariance + C2)
                    / ((x * x + y * y + C1) * (variances + C2));
            }
        }
    }
    Ok(total / (n * c * (h - WINDOW + 1) * (w - WINDOW + 1)) as f64)
}

/// 画像 `[N, C, H, W]` の鮮明さ: 上下左右に隣り合う画素の差の絶対値の平均。ぼやけるほど小さくなります。
pub fn sharpness(x: &Tensor) -> Result<f64> {
    let (_, _, h, w) = x.dims4()?;
    let difference = |axis: usize, len: usize| -> Result<f64> {
        let d = (x.narrow(axis, 1, len - 1)? - x.narrow(axis, 0, len - 1)?)?;
        Ok(f64::from(d.abs()?.mean_all()?.to_scalar::<f32>()?))
    };
    ensure!(h > 1 && w > 1, "鮮明さは 2 × 2 以上の画像で測ります ({h} × {w} でした)");
    Ok((difference(2, h)? + difference(3, w)?) / 2.)
}
