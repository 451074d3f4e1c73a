//! 尤度と標本を測ります。ここでは学習しません。

use anyhow::Result;
use common::data::energy_distance;
use common::seed::Seed;
use nalgebra::{DMatrix, DVectorView};
use rand::Rng;

use crate::convert;
use crate::data::{LEVEL, Labelled};
use crate::model::{Generative, Mixture};

/// モデルだけから、新しい標本 `[dim, count]` とそのクラスを作ります。データは要りません。
pub fn generate(
    model: &Generative,
    label: Option<usize>,
    count: usize,
    seed: Seed,
) -> (DMatrix<f64>, Vec<usize>) {
    let rng = &mut seed.rng("generate");
    let (labels, columns): (Vec<_>, Vec<_>) = (0..count).map(|_| model.sample(label, rng)).unzip();
    (DMatrix::from_columns(&columns), labels)
}

/// 平均。
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// 1 枚あたりの対数密度 (ナット) を、1 画素あたりのビットに直します。小さいほど、よく言い当てています。
///
/// 段の幅を掛けると密度は確率になります。17 段のどれも同じ確率とみなすと log₂ 17 ≈ 4.09 です。
pub fn bits_per_pixel(nats: f64, pixels: usize) -> f64 {
    -(nats / pixels as f64 + LEVEL.ln()) / std::f64::consts::LN_2
}

/// モデルの標本 3,000 個と本物とのエネルギー距離。
pub fn distance(model: &Generative, real: &DMatrix<f64>) -> Result<f32> {
    let (fake, _) = generate(model, None, 3_000, Seed(0));
    Ok(energy_distance(&convert::tensor(&fake)?, &convert::tensor(real)?)?)
}

/// いちばん確率の高いクラスが正解と一致した割合。`posterior` は `[クラス, N]` です。
pub fn accuracy(posterior: &DMatrix<f64>, labels: &[usize]) -> f64 {
    let hits = posterior.column_iter().zip(labels).filter(|(p, y)| p.imax() == **y).count();
    hits as f64 / labels.len() as f64
}

/// 成分の純度: 成分ごとにいちばん多いクラスを 1 つ選んだとき、それと一致する標本の割合。
///
/// 学習にはラベルを使いません。学習が終わってから、答え合わせにだけ使います。
pub fn purity(mixture: &Mixture, data: &Labelled, classes: usize) -> f64 {
    let mut counts = vec![vec![0; classes]; mixture.weights.len()];
    for (p, &label) in mixture.posterior(&data.x).column_iter().zip(&data.labels) {
        counts[p.imax()][label] += 1;
    }
    let best: usize = counts.iter().filter_map(|row| row.iter().max()).sum();
    best as f64 / data.labels.len() as f64
}

/// 各標本から、いちばん近い `others` の標本までの距離。
pub fn nearest(x: &DMatrix<f64>, others: &DMatrix<f64>) -> Vec<f64> {
    let distance = |a: DVectorView<f64>| {
        others.column_iter().map(|b| (a - b).norm()).fold(f64::INFINITY, f64::min)
    };
    x.column_iter().map(distance).collect()
}

/// 8×8 の画像の上下を逆さまにします。
pub fn upside_down(x: &DMatrix<f64>) -> DMatrix<f64> {
    const SIDE: usize = 8;
    DMatrix::from_fn(x.nrows(), x.ncols(), |pixel, i| {
        x[((SIDE - 1 - pixel / SIDE) * SIDE + pixel % SIDE, i)]
    })
}

/// どの画素も一様乱数の画像。
pub fn noise(dim: usize, count: usize, seed: Seed) -> DMatrix<f64> {
    let rng = &mut seed.rng("noise");
    DMatrix::from_fn(dim, count, |_, _| rng.random_range(-1. ..1.))
}

/// `a` のほうが大きい組の割合。
pub fn win_rate(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a > b).count() as f64 / a.len() as f64
}
