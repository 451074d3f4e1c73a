//! 学習。生成モデルは最尤推定 (混合では EM アルゴリズム)、識別モデルは勾配降下です。

use std::ops::ControlFlow;

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use candle_nn::Optimizer;
use common::history::History;
use common::seed::{Seed, Variables};
use common::state::State;
use nalgebra::{DMatrix, DVector};
use rand::Rng;
use rand::seq::index;
use rayon::prelude::*;

use crate::config::{Config, Labels, Model};
use crate::convert;
use crate::data::{Labelled, Split};
use crate::model::{Classifier, Gaussian, Generative, Mixture, centered, log_sum_exp, normalise};

// ANCHOR: fit_gaussian
/// 正規分布の最尤推定。`weights` は、標本それぞれを何個分と数えるかです。
///
/// 尤度がいちばん高くなるのは、標本の平均と共分散をそのまま使ったときです
/// (個数で割ります。不偏分散ではありません)。
pub fn fit_gaussian(config: &Config, x: &DMatrix<f64>, weights: &DVector<f64>) -> Result<Gaussian> {
    let total = weights.sum();
    ensure!(
        total > 1e-6,
        "標本を 1 つも受け持たない成分ができました。--components を減らすか、--seed を変えてください"
    );
    let mean = x * weights / total; // [dim]
    let centered = centered(x, &mean); // [dim, N]
    if config.model == Model::Pixels {
        // 画素ごとの分散だけを見て、画素どうしの関係は捨てる。
        let variances = centered.component_mul(&centered) * weights / total; // [dim]
        return Gaussian::independent(mean, variances, config.floor);
    }
    let mut weighted = centered.clone();
    for (mut column, weight) in weighted.column_iter_mut().zip(weights) {
        column *= *weight;
    }
    let covariance = weighted * centered.transpose() / total; // [dim, dim]
    Gaussian::from_covariance(mean, covariance, config.floor)
}
// ANCHOR_END: fit_gaussian

// ANCHOR: e_step
/// E ステップ: 今のモデルで、標本がどの成分から出たかの確率 p(k|x) を求めます `[成分, N]`。
///
/// 途中で log p(x) も分かるので、対数尤度の合計も返します。
pub fn e_step(mixture: &Mixture, x: &DMatrix<f64>) -> (DMatrix<f64>, f64) {
    let log_joint = mixture.log_joint(x); // [成分, N] log p(x, k)
    let log_likelihood = log_sum_exp(&log_joint).iter().sum();
    (normalise(log_joint), log_likelihood)
}
// ANCHOR_END: e_step

// ANCHOR: m_step
/// M ステップ: その確率を重みとして、成分ごとに最尤推定をやり直します。
pub fn m_step(
    config: &Config,
    x: &DMatrix<f64>,
    responsibilities: &DMatrix<f64>,
) -> Result<Mixture> {
    let shares: Vec<DVector<f64>> =
        responsibilities.row_iter().map(|row| row.transpose()).collect();
    Ok(Mixture {
        weights: shares.iter().map(|share| share.mean()).collect(),
        components: shares
            .par_iter()
            .map(|share| fit_gaussian(config, x, share))
            .collect::<Result<_>>()?,
    })
}
// ANCHOR_END: m_step

// ANCHOR: initial
/// EM の出発点。どの成分も丸く、全体と同じくらい広く、中心だけを、選んだ標本に置きます。
///
/// 中心まで同じにすると、すべての成分が同じ動きをして、いつまでも分かれません。
pub fn initial(config: &Config, x: &DMatrix<f64>, rng: &mut impl Rng) -> Result<Mixture> {
    let variance = x.column_variance().mean(); // 次元ごとの分散の平均
    let centers = index::sample(rng, x.ncols(), config.components);
    let component = |i: usize| {
        let variances = DVector::from_element(x.nrows(), variance);
        Gaussian::independent(x.column(i).into(), variances, config.floor)
    };
    Ok(Mixture {
        weights: vec![1. / config.components as f64; config.components],
        components: centers.iter().map(component).collect::<Result<_>>()?,
    })
}
// ANCHOR_END: initial

/// 観察する側に渡す、いまの学習のようす。
pub struct Progress<'a> {
    /// 終わった回数 (1 から)。
    pub step: usize,
    pub model: &'a Generative,
    /// 標本 1 つあたりの対数尤度の平均: 学習に使ったデータ、テストデータ。
    pub log_likelihood: [f64; 2],
}

impl Progress<'_> {
    /// 記録と画面で使う名前つきの並び。
    pub fn named(&self) -> [(&'static str, f32); 2] {
        let [train, held_out] = self.log_likelihood;
        [("train", train as f32), ("held-out", held_out as f32)]
    }
}

/// 生成モデルの学習の結果。
pub struct Trained {
    pub config: Config,
    pub model: Generative,
    pub history: History,
    /// 止めたところから続けるための、学習の途中のようす。
    pub state: State,
}

// ANCHOR: train
/// 生成モデルの学習の全体。`observer` が Break を返すと、そこまでの結果を返して終わります。
pub fn train(
    config: &Config,
    split: &Split,
    observer: impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<Trained> {
    resume(config, split, &State::default(), observer)
}

/// [`train`] を、止めたときのようす `saved` から続けます。空なら、はじめからです。
pub fn resume(
    config: &Config,
    split: &Split,
    saved: &State,
    mut observer: impl FnMut(&Progress) -> Result<ControlFlow<()>>,
) -> Result<Trained> {
    config.check()?;
    ensure!(config.model != Model::Classifier, "識別モデルには密度 p(x) がありません");
    let rng = &mut Seed(config.seed).rng("initial");
    let (prior, groups) = groups(config, &split.train)?;
    let mut history = History::default();
    saved.restore(&mut [("history", &mut history)])?;
    let mut model = match saved.is_empty() {
        true => None,
        false => Some(Generative::from_bytes(&saved.bytes("model")?, "止めた学習のモデル")?),
    };
    let mut shares = match &model {
        // 続きは、止めたときのモデルの E ステップから。
        Some(Generative { classes, .. }) => {
            classes.iter().zip(&groups).map(|(class, x)| e_step(class, x).0).collect::<Vec<_>>()
        }
        None => {
            let start = |x| Ok(e_step(&initial(config, x, rng)?, x).0);
            groups.iter().map(start).collect::<Result<_>>()?
        }
    };

    for step in history.len() + 1..=config.steps {
        let classes = groups.iter().zip(&shares).map(|(x, share)| m_step(config, x, share));
        let current = Generative { prior: prior.clone(), classes: classes.collect::<Result<_>>()? };
        let mut total = 0.;
        for (y, x) in groups.iter().enumerate() {
            let (share, log_likelihood) = e_step(&current.classes[y], x);
            total += log_likelihood + x.ncols() as f64 * prior[y].ln();
            shares[y] = share;
        }
        let train = total / split.train.labels.len() as f64;
        let log_likelihood = [train, mean_log_likelihood(&current, &split.held_out)];
        let progress = Progress { step, model: &current, log_likelihood };
        history.push(step, &progress.named());
        let go_on = observer(&progress)?;
        model = Some(current);
        if go_on.is_break() {
            break;
        }
    }
    let model = model.expect("繰り返しは 1 回以上");
    let mut state = State::of(&[("history", &history)])?;
    state.put_bytes("model", &model.to_bytes()?)?;
    Ok(Trained { config: config.clone(), model, history, state })
}
// ANCHOR_END: train

// ANCHOR: groups
/// ラベルを使わないなら、全部を 1 つの組にします。使うなら、クラスごとに分け、割合を p(y) とします。
pub fn groups(config: &Config, train: &Labelled) -> Result<(Vec<f64>, Vec<DMatrix<f64>>)> {
    let groups = match config.labels {
        Labels::Ignore => vec![train.x.clone()],
        Labels::Use => (0..config.data.classes()).map(|y| train.of_class(y)).collect(),
    };
    for x in &groups {
        ensure!(
            x.ncols() >= config.components,
            "標本が {} 個しかないクラスに、成分を {} 個は作れません。--train を増やすか、--components を減らしてください",
            x.ncols(),
            config.components
        );
    }
    let prior = groups.iter().map(|x| x.ncols() as f64 / train.x.ncols() as f64).collect();
    Ok((prior, groups))
}
// ANCHOR_END: groups

// ANCHOR: mean_log_likelihood
/// 標本 1 つあたりの対数尤度。ラベルを使うモデルでは log p(x, y)、使わなければ log p(x) です。
pub fn mean_log_likelihood(model: &Generative, data: &Labelled) -> f64 {
    let log_joint = model.log_joint(&data.x);
    let row = |label: usize| if model.classes.len() == 1 { 0 } else { label };
    let sum: f64 = data.labels.iter().enumerate().map(|(i, &y)| log_joint[(row(y), i)]).sum();
    sum / data.labels.len() as f64
}
// ANCHOR_END: mean_log_likelihood

/// 識別モデルの学習の結果。
pub struct TrainedClassifier {
    pub config: Config,
    pub classifier: Classifier,
    /// 変数の名前は `classifier.…` です。
    pub variables: Variables,
    pub history: History,
    /// 止めたところから続けるための、学習の途中のようす。
    pub state: State,
}

// ANCHOR: cross_entropy
/// 交差エントロピー −log p(y|x) の平均。正解の確率が高いほど小さくなります。
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> candle_core::Result<Tensor> {
    let log_p = candle_nn::ops::log_softmax(logits, 1)?; // [N, クラス]
    log_p.gather(&labels.unsqueeze(1)?, 1)?.mean_all()?.neg()
}
// ANCHOR_END: cross_entropy

// ANCHOR: train_classifier
/// 識別モデルの学習。全部のデータの損失を、勾配の向きに少しずつ下げます。`saved` が空でなければ、その続きです。
pub fn train_classifier(
    config: &Config,
    split: &Split,
    saved: &State,
    mut observer: impl FnMut(usize, [(&'static str, f32); 2]) -> Result<ControlFlow<()>>,
) -> Result<TrainedClassifier> {
    config.check()?;
    let mut variables = Seed(config.seed).variables();
    let builder = variables.builder("classifier");
    let classifier = Classifier::new(config.data.dim(), config.data.classes(), builder)?;
    let mut optimizer = candle_nn::SGD::new(variables.of("classifier"), config.lr)?;
    let inputs = |data: &Labelled| -> candle_core::Result<_> {
        let labels: Vec<u32> = data.labels.iter().map(|&label| label as u32).collect();
        Ok((convert::tensor(&data.x)?, Tensor::new(labels, &Device::Cpu)?))
    };
    let (x, y) = inputs(&split.train)?;
    let (held_out_x, held_out_y) = inputs(&split.held_out)?;
    let mut history = History::default();
    // 勾配降下は過去を覚えないので、続きに要るのは重みと記録だけ。
    saved.restore(&mut [("classifier", &mut variables), ("history", &mut history)])?;

    for step in history.len() + 1..=config.steps {
        let loss = cross_entropy(&classifier.forward(&x)?, &y)?;
        optimizer.step(&loss.backward()?)?;
        let held_out = cross_entropy(&classifier.forward(&held_out_x)?, &held_out_y)?;
        let named = [("loss", loss.to_scalar()?), ("held-out", held_out.to_scalar()?)];
        history.push(step, &named);
        if observer(step, named)?.is_break() {
            break;
        }
    }
    let state = State::of(&[("classifier", &variables), ("history", &history)])?;
    Ok(TrainedClassifier { config: config.clone(), classifier, variables, history, state })
}
// ANCHOR_END: train_classifier
