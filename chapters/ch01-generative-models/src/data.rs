//! 学習に使うデータと、学習に使わずに取っておくデータ (テストデータ)。

use anyhow::Result;
use candle_core::Tensor;
use common::data;
use common::seed::Seed;
use nalgebra::DMatrix;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_distr::StandardNormal;

use crate::config::{Config, Data};
use crate::convert::matrix;
use crate::model::Gaussian;

/// 数字の画素は 17 段 (0〜16) で、[-1, 1] では 1 段の幅が 1/8 です。
pub const LEVEL: f64 = 1. / 8.;

/// テストデータの数。
pub const HELD_OUT: usize = 500;

/// 標本とラベル。標本は列に並べ、`x` の形は `[dim, N]` です。
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    pub x: DMatrix<f64>,
    pub labels: Vec<usize>,
}

impl Labelled {
    /// クラス `label` の標本だけの行列。
    pub fn of_class(&self, label: usize) -> DMatrix<f64> {
        let chosen: Vec<usize> =
            (0..self.labels.len()).filter(|&i| self.labels[i] == label).collect();
        self.x.select_columns(&chosen)
    }
}

/// 学習に使うデータと、テストデータ。
pub struct Split {
    pub train: Labelled,
    pub held_out: Labelled,
}

/// 設定のデータを用意します。テストデータは、`--train` を変えても同じです。
pub fn dataset(config: &Config) -> Result<Split> {
    let rng = &mut Seed(config.seed).rng("data");
    let all = match config.data {
        Data::Blobs => blobs(config.train + HELD_OUT, rng)?,
        Data::Moons => {
            let (points, labels) = data::labelled_moons(config.train + HELD_OUT, rng)?;
            labelled(&points, &labels)?
        }
        Data::Digits => {
            let digits = data::digits()?;
            let mut all = labelled(&digits.images.flatten_from(1)?, &digits.labels)?;
            dequantise(&mut all.x, rng);
            shuffled(&all, rng)
        }
    };
    let pick = |range: std::ops::Range<usize>| Labelled {
        x: all.x.columns_range(range.clone()).into_owned(),
        labels: all.labels[range].to_vec(),
    };
    let count = all.labels.len();
    Ok(Split { train: pick(0..config.train), held_out: pick(count - HELD_OUT..count) })
}

// ANCHOR: dequantise
/// 1 段の幅だけの一様な雑音を足して、とびとびの明るさを連続な値にします (逆量子化)。
///
/// とびとびの値に密度を当てはめると、山をいくらでも細く高くできてしまいます。
/// 雑音を足しておけば、密度は「その段が出る確率」の下界になり、モデルどうしを
/// 公平に比べられます (Theis et al. 2016, arXiv:1511.01844 3.1 節)。
pub fn dequantise(x: &mut DMatrix<f64>, rng: &mut impl Rng) {
    for value in x.iter_mut() {
        *value += LEVEL * (rng.random::<f64>() - 0.5);
    }
}
// ANCHOR_END: dequantise

/// 2 つのクラスの正規分布。広がり方 (共分散) が同じなので、正しい境界は直線です。
pub fn blobs_truth() -> [(f64, Gaussian); 2] {
    let class = |prior, x, y| {
        let covariance = DMatrix::from_row_slice(2, 2, &[0.08, 0.04, 0.04, 0.09]);
        let gaussian = Gaussian::from_covariance(vec![x, y].into(), covariance, 0.);
        (prior, gaussian.expect("共分散は正定値"))
    };
    [class(0.6, -0.35, 0.1), class(0.4, 0.35, -0.1)]
}

/// [`blobs_truth`] から `n` 個を抽出します。
pub fn blobs(n: usize, rng: &mut impl Rng) -> Result<Labelled> {
    let classes = blobs_truth();
    let mut x = DMatrix::zeros(2, n);
    let mut labels = Vec::with_capacity(n);
    for mut column in x.column_iter_mut() {
        let label = usize::from(rng.random::<f64>() >= classes[0].0);
        let z = nalgebra::DVector::from_fn(2, |_, _| rng.sample(StandardNormal));
        column.copy_from(&classes[label].1.place(&z));
        labels.push(label);
    }
    Ok(Labelled { x, labels })
}

fn shuffled(all: &Labelled, rng: &mut impl Rng) -> Labelled {
    let mut order: Vec<usize> = (0..all.labels.len()).collect();
    order.shuffle(rng);
    Labelled {
        x: all.x.select_columns(&order),
        labels: order.iter().map(|&i| all.labels[i]).collect(),
    }
}

fn labelled(points: &Tensor, labels: &[u8]) -> Result<Labelled> {
    Ok(Labelled { x: matrix(points)?, labels: labels.iter().copied().map(usize::from).collect() })
}
