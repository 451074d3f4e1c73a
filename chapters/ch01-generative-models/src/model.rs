//! 生成モデルと識別モデル。
//!
//! 3 つの生成モデルは、どれも正規分布の混合です。違うのは、成分の数と、正規分布の
//! 軸の取り方だけです。標本は列に並べた行列 `[dim, N]` で受け取ります。

use std::collections::HashMap;
use std::fmt::Display;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Module, Tensor};
use candle_nn::VarBuilder;
use common::nn::{Activation, Linear};
use common::state::is_finite;
use nalgebra::{DMatrix, DVector, DVectorView};
use rand::Rng;
use rand_distr::StandardNormal;

use crate::convert;

// ANCHOR: gaussian
/// 正規分布。共分散 Σ を、互いに直交する軸 u と、その方向の分散 λ に分けて持ちます。
///
/// Σ = U·diag(λ)·Uᵀ。軸は主成分分析 (PCA) の主成分と同じものです。
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    pub mean: DVector<f64>,
    /// 列が軸 u `[dim, dim]`
    pub axes: DMatrix<f64>,
    /// 軸ごとの分散 λ
    pub variances: DVector<f64>,
}

impl Gaussian {
    /// log p(x) = −½ Σ_d (log 2πλ_d + (u_dᵀ(x − μ))² / λ_d)
    pub fn log_density(&self, x: &DMatrix<f64>) -> Vec<f64> {
        let z = self.axes.transpose() * centered(x, &self.mean); // [dim, N] 軸の上での位置
        let log_norm: f64 = self.variances.iter().map(|v| (std::f64::consts::TAU * v).ln()).sum();
        let squares = |z: DVectorView<f64>| -> f64 {
            z.iter().zip(&self.variances).map(|(z, v)| z * z / v).sum()
        };
        z.column_iter().map(|z| -0.5 * (log_norm + squares(z))).collect()
    }

    /// 標準正規分布の z を、この分布の標本に変えます: x = μ + U·√λ·z
    pub fn place(&self, z: &DVector<f64>) -> DVector<f64> {
        &self.mean + &self.axes * self.variances.map(f64::sqrt).component_mul(z)
    }
}
// ANCHOR_END: gaussian

impl Gaussian {
    /// 平均と共分散から作ります。どの軸の分散も `floor` より小さくしません。
    pub fn from_covariance(
        mean: DVector<f64>,
        covariance: DMatrix<f64>,
        floor: f64,
    ) -> Result<Self> {
        let eigen = covariance.symmetric_eigen();
        Self { mean, axes: eigen.eigenvectors, variances: eigen.eigenvalues }.raised(floor)
    }

    /// 軸が画素そのもので、画素ごとの分散だけを持つ正規分布。画素どうしは独立になります。
    pub fn independent(mean: DVector<f64>, variances: DVector<f64>, floor: f64) -> Result<Self> {
        let axes = DMatrix::identity(mean.len(), mean.len());
        Self { mean, axes, variances }.raised(floor)
    }

    /// 分散を `floor` まで底上げします。分散が 0 の方向が残れば、密度が無限大になるので断ります。
    fn raised(mut self, floor: f64) -> Result<Self> {
        self.variances.apply(|v| *v = v.max(floor));
        ensure!(
            self.variances.iter().all(|v| v.is_finite() && *v > 1e-14),
            "分散が 0 の方向があり、密度が無限大になりました。--floor を大きくするか、--components を減らしてください"
        );
        Ok(self)
    }

    /// 共分散 Σ = U·diag(λ)·Uᵀ
    pub fn covariance(&self) -> DMatrix<f64> {
        &self.axes * DMatrix::from_diagonal(&self.variances) * self.axes.transpose()
    }
}

/// 各列から平均を引きます。
pub fn centered(x: &DMatrix<f64>, mean: &DVector<f64>) -> DMatrix<f64> {
    let mut x = x.clone();
    for mut column in x.column_iter_mut() {
        column -= mean;
    }
    x
}

// ANCHOR: mixture
/// 混合ガウス p(x) = Σ_k π_k N(x; μ_k, Σ_k)。
///
/// どの成分から出たかは観測されません。この隠れた番号 k が潜在変数です。
/// 成分が 1 つなら、ただの正規分布になります。
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// 成分の重み π (合計 1)
    pub weights: Vec<f64>,
    pub components: Vec<Gaussian>,
}

impl Mixture {
    /// log p(x, k) = log π_k + log N(x; μ_k, Σ_k) を `[成分, N]` に並べます。
    pub fn log_joint(&self, x: &DMatrix<f64>) -> DMatrix<f64> {
        rows(&self.weights, &self.components, |component| component.log_density(x))
    }

    /// log p(x)。隠れた成分について足し合わせます。
    pub fn log_density(&self, x: &DMatrix<f64>) -> Vec<f64> {
        log_sum_exp(&self.log_joint(x))
    }

    /// p(k|x): それぞれの標本が、どの成分から出たとみなされるか `[成分, N]`。
    pub fn posterior(&self, x: &DMatrix<f64>) -> DMatrix<f64> {
        normalise(self.log_joint(x))
    }

    /// 潜在変数 k と z を引いてから、x を作ります。
    pub fn sample(&self, rng: &mut impl Rng) -> (usize, DVector<f64>) {
        let k = draw(&self.weights, rng);
        let component = &self.components[k];
        let z = DVector::from_fn(component.mean.len(), |_, _| rng.sample(StandardNormal));
        (k, component.place(&z))
    }
}
// ANCHOR_END: mixture

// ANCHOR: generative
/// 生成モデル p(x, y) = p(y) p(x|y)。ラベルを使わない学習では、クラスは 1 つだけです。
#[derive(Debug, Clone, PartialEq)]
pub struct Generative {
    /// 事前確率 p(y)
    pub prior: Vec<f64>,
    /// クラスごとの密度 p(x|y)
    pub classes: Vec<Mixture>,
}

impl Generative {
    /// log p(x, y) = log p(y) + log p(x|y) を `[クラス, N]` に並べます。
    pub fn log_joint(&self, x: &DMatrix<f64>) -> DMatrix<f64> {
        rows(&self.prior, &self.classes, |class| class.log_density(x))
    }

    /// log p(x) = log Σ_y p(y) p(x|y)
    pub fn log_density(&self, x: &DMatrix<f64>) -> Vec<f64> {
        log_sum_exp(&self.log_joint(x))
    }

    /// ベイズの定理 p(y|x) = p(y) p(x|y) / p(x)。識別もできます `[クラス, N]`。
    pub fn posterior(&self, x: &DMatrix<f64>) -> DMatrix<f64> {
        normalise(self.log_joint(x))
    }

    /// 新しい x を作ります。`label` を渡せば p(x|y) から (条件付き生成)、渡さなければ p(x) から。
    pub fn sample(&self, label: Option<usize>, rng: &mut impl Rng) -> (usize, DVector<f64>) {
        let y = label.unwrap_or_else(|| draw(&self.prior, rng));
        (y, self.classes[y].sample(rng).1)
    }
}
// ANCHOR_END: generative

impl Generative {
    /// 平均・軸・分散・重みを、safetensors の形のバイト列にします。生成に要るのは、これだけです。
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors = HashMap::from([("prior".to_string(), row(self.prior.iter())?)]);
        for (y, class) in self.classes.iter().enumerate() {
            let (dim, k) = (class.components[0].mean.len(), class.weights.len());
            let all = |f: fn(&Gaussian) -> &[f64]| row(class.components.iter().flat_map(f));
            for (name, tensor) in [
                ("weights", row(class.weights.iter())?),
                ("means", all(|c| c.mean.as_slice())?.reshape((k, dim))?),
                ("axes", all(|c| c.axes.as_slice())?.reshape((k, dim, dim))?), // 1 行が 1 本の軸
                ("variances", all(|c| c.variances.as_slice())?.reshape((k, dim))?),
            ] {
                tensors.insert(format!("{y}.{name}"), tensor);
            }
        }
        Ok(safetensors::serialize(&tensors, None)?)
    }

    /// [`Generative::to_bytes`] のバイト列を読み込みます。`file` は、失敗したときに示す名前です。
    pub fn from_bytes(bytes: &[u8], file: impl Display) -> Result<Self> {
        let read = || -> Result<Self> {
            let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?;
            let values = |name: &str| -> Result<Vec<f64>> {
                let tensor = tensors.get(name).with_context(|| format!("{name} がありません"))?;
                ensure!(is_finite(tensor)?, "{name} に NaN か無限大が入っています");
                Ok(tensor.flatten_all()?.to_vec1()?)
            };
            let prior = values("prior")?;
            let class = |y: usize| -> Result<Mixture> {
                let weights = values(&format!("{y}.weights"))?;
                let [means, axes, variances] =
                    ["means", "axes", "variances"].map(|name| values(&format!("{y}.{name}")));
                let (means, axes, variances) = (means?, axes?, variances?);
                let dim = means.len() / weights.len().max(1);
                ensure!(
                    dim > 0
                        && variances.len() == means.len()
                        && axes.len() == dim * means.len()
                        && means.len() == dim * weights.len()
                        && variances.iter().all(|v| *v > 0.),
                    "形か値が合いません"
                );
                let parts =
                    means.chunks(dim).zip(axes.chunks(dim * dim)).zip(variances.chunks(dim));
                let components = parts.map(|((mean, axes), variances)| Gaussian {
                    mean: DVector::from_column_slice(mean),
                    axes: DMatrix::from_column_slice(dim, dim, axes),
                    variances: DVector::from_column_slice(variances),
                });
                Ok(Mixture { weights, components: components.collect() })
            };
            let classes = (0..prior.len()).map(class).collect::<Result<Vec<_>>>()?;
            ensure!(!classes.is_empty(), "クラスがありません");
            Ok(Self { prior, classes })
        };
        read().with_context(|| format!("{file} が壊れています。学習をやり直すと作り直されます"))
    }
}

fn row<'a>(values: impl Iterator<Item = &'a f64>) -> candle_core::Result<Tensor> {
    let values: Vec<f64> = values.copied().collect();
    Tensor::new(values, &Device::Cpu)
}

/// 部品ごとの log (重み × 密度) を、1 行ずつ並べます。部品どうしは互いに関わりません。
fn rows<T: Sync>(
    weights: &[f64],
    parts: &[T],
    log_density: impl Fn(&T) -> Vec<f64> + Sync,
) -> DMatrix<f64> {
    use rayon::prelude::*;
    let rows: Vec<_> = weights
        .par_iter()
        .zip(parts)
        .map(|(weight, part)| {
            let row: Vec<f64> = log_density(part).iter().map(|log| weight.ln() + log).collect();
            DVector::from_vec(row).transpose()
        })
        .collect();
    DMatrix::from_rows(&rows)
}

/// 列ごとの log Σ exp。いちばん大きい値を先に引き、exp のあふれを防ぎます。
pub fn log_sum_exp(logs: &DMatrix<f64>) -> Vec<f64> {
    logs.column_iter()
        .map(|column| {
            let max = column.max();
            max + column.iter().map(|log| (log - max).exp()).sum::<f64>().ln()
        })
        .collect()
}

/// 列ごとに exp を取り、合計を 1 にします。
pub fn normalise(mut logs: DMatrix<f64>) -> DMatrix<f64> {
    for mut column in logs.column_iter_mut() {
        let max = column.max();
        column.apply(|log| *log = (*log - max).exp());
        column /= column.sum();
    }
    logs
}

/// 確率 `weights` の番号を 1 つ引きます。
fn draw(weights: &[f64], rng: &mut impl Rng) -> usize {
    let mut rest: f64 = rng.random();
    for (index, weight) in weights.iter().enumerate() {
        rest -= weight;
        if rest < 0. {
            return index;
        }
    }
    weights.len() - 1
}

// ANCHOR: classifier
/// 識別モデル p(y|x) = softmax(W·x + b)。
///
/// x を渡すとクラスの確率が返ります。x そのものがどれくらい出やすいかは、どこにも書かれていません。
pub struct Classifier {
    linear: Linear,
}

impl Classifier {
    pub fn new(dim: usize, classes: usize, vb: VarBuilder) -> candle_core::Result<Self> {
        Ok(Self { linear: Linear::new(dim, classes, Activation::None, vb)? })
    }

    /// x `[N, dim]` → ロジット `[N, クラス]`
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.linear.forward(x)
    }

    /// p(y|x) を `[クラス, N]` に並べます。
    pub fn posterior(&self, x: &DMatrix<f64>) -> Result<DMatrix<f64>> {
        let logits = self.forward(&convert::tensor(x)?)?;
        convert::matrix(&candle_nn::ops::softmax(&logits, 1)?)
    }
}
// ANCHOR_END: classifier
