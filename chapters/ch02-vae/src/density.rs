//! オートエンコーダの潜在変数に、あとから当てはめる密度 (Ghosh et al. 2020, arXiv:1903.12436)。
//!
//! 第1章の混合ガウスと、その EM アルゴリズムです。成分が 1 つなら、平均と共分散を求めるだけの 1 つのガウスになります。

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use common::seed::Seed;
use nalgebra::{DMatrix, DVector};
use rand::Rng;
use rand::seq::index;
use rand_distr::StandardNormal;

/// 分散の底。使われていない次元の分散は 0 に近く、密度が無限大になってしまいます。
const FLOOR: f64 = 1e-3;

/// N(μ, Σ)。Σ = L·Lᵀ と分けて持ちます (コレスキー分解)。
struct Gaussian {
    mean: DVector<f64>,
    /// L。下三角行列です
    root: DMatrix<f64>,
}

impl Gaussian {
    /// 標本 `[dim, N]` の、重み `shares` 付きの平均と共分散。
    fn fit(x: &DMatrix<f64>, shares: &DVector<f64>) -> Result<Self> {
        let total = shares.sum();
        let mean = x * shares / total;
        let centered = centered(x, &mean);
        let mut weighted = centered.clone();
        for (mut column, share) in weighted.column_iter_mut().zip(shares) {
            column *= share / total;
        }
        let floor = DMatrix::identity(x.nrows(), x.nrows()) * FLOOR;
        let covariance = weighted * centered.transpose() + floor;
        let root = covariance.cholesky().context("共分散が正定値ではありません")?.l();
        Ok(Self { mean, root })
    }

    /// log N(x; μ, Σ)。x − μ に L⁻¹ を掛けると、標準正規分布になります。
    fn log_density(&self, x: &DMatrix<f64>) -> Result<Vec<f64>> {
        let z = self.root.solve_lower_triangular(&centered(x, &self.mean));
        let z = z.context("共分散の逆行列がありません")?;
        let log_norm = self.root.diagonal().map(f64::ln).sum()
            + 0.5 * x.nrows() as f64 * std::f64::consts::TAU.ln();
        Ok(z.column_iter().map(|z| -0.5 * z.norm_squared() - log_norm).collect())
    }
}

/// 各列から平均を引きます。
fn centered(x: &DMatrix<f64>, mean: &DVector<f64>) -> DMatrix<f64> {
    let mut x = x.clone();
    x.column_iter_mut().for_each(|mut column| column -= mean);
    x
}

/// 混合ガウス。
pub struct Mixture {
    weights: Vec<f64>,
    components: Vec<Gaussian>,
}

impl Mixture {
    /// 潜在変数 `[N, z_dim]` に、`components` 個の成分を当てはめます。
    pub fn fit(codes: &Tensor, components: usize, seed: Seed) -> Result<Self> {
        const ITERATIONS: usize = 20;
        let (n, dim) = codes.dims2()?;
        let values: Vec<f64> =
            codes.flatten_all()?.to_vec1::<f32>()?.iter().map(|&v| v.into()).collect();
        let x = DMatrix::from_column_slice(dim, n, &values);
        // 出発点: 全体と同じ広がりを、選んだ標本の上に置く。
        let whole = Gaussian::fit(&x, &DVector::from_element(n, 1.))?;
        let centers = index::sample(&mut seed.rng("density"), n, components);
        let start = |at: usize| Gaussian { mean: x.column(at).into(), root: whole.root.clone() };
        let mut mixture = Self {
            weights: vec![1. / components as f64; components],
            components: centers.iter().map(start).collect(),
        };
        // 成分が 1 つなら、平均と共分散を 1 度求めれば終わる。
        for _ in 0..if components == 1 { 1 } else { ITERATIONS } {
            let shares = mixture.responsibilities(&x)?;
            mixture.weights = shares.iter().map(|share| share.mean()).collect();
            mixture.components =
                shares.iter().map(|share| Gaussian::fit(&x, share)).collect::<Result<_>>()?;
        }
        Ok(mixture)
    }

    /// E ステップ: 成分ごとの p(k|x)。
    fn responsibilities(&self, x: &DMatrix<f64>) -> Result<Vec<DVector<f64>>> {
        let mut shares = Vec::new();
        for (weight, component) in self.weights.iter().zip(&self.components) {
            let log = component.log_density(x)?;
            shares.push(DVector::from_vec(log).add_scalar(weight.ln()));
        }
        for at in 0..x.ncols() {
            let most = shares.iter().map(|share| share[at]).fold(f64::MIN, f64::max);
            shares.iter_mut().for_each(|share| share[at] = (share[at] - most).exp());
            let total: f64 = shares.iter().map(|share| share[at]).sum();
            shares.iter_mut().for_each(|share| share[at] /= total);
        }
        Ok(shares)
    }

    /// 成分を 1 つ選び、そのガウスから引きます `[count, z_dim]`。
    pub fn sample(&self, count: usize, seed: Seed) -> Result<Tensor> {
        let rng = &mut seed.rng("density");
        let dim = self.components[0].mean.len();
        let mut values = Vec::with_capacity(count * dim);
        for _ in 0..count {
            let mut rest: f64 = rng.random();
            let chosen = self.weights.iter().position(|weight| {
                rest -= weight;
                rest < 0.
            });
            let Gaussian { mean, root } = &self.components[chosen.unwrap_or(0)];
            let z = DVector::from_fn(dim, |_, _| rng.sample::<f64, _>(StandardNormal));
            values.extend((mean + root * z).iter().map(|&value| value as f32));
        }
        Ok(Tensor::from_vec(values, (count, dim), &Device::Cpu)?)
    }
}
