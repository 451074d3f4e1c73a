//! 測る道具。学習には使いません。

use anyhow::Result;
use candle_core::{D, Module, Tensor};

use crate::model::Classifier;

/// 分類器が、頼んだクラス `asked` と読んだ割合。
pub fn agreement(classifier: &Classifier, images: &Tensor, asked: &[u32]) -> Result<f64> {
    let read = classifier.forward(images)?.argmax(D::Minus1)?.to_vec1::<u32>()?;
    let right = read.iter().zip(asked).filter(|(read, asked)| read == asked).count();
    Ok(right as f64 / asked.len().max(1) as f64)
}

/// 同じクラスの画像どうしの隔たり: 分類器の隠れ層の特徴の、2 枚ずつの距離の平均。
///
/// 画素のままだと、線が 1 画素ずれただけで遠くなり、ぼけた絵どうしが近くなります。
pub fn diversity(classifier: &Classifier, images: &Tensor, classes: &[u32]) -> Result<f64> {
    let features = classifier.features(images)?.to_vec2::<f32>()?;
    let (mut sum, mut pairs) = (0., 0usize);
    for i in 0..features.len() {
        for j in 0..i {
            if classes[i] == classes[j] {
                let squares = features[i].iter().zip(&features[j]).map(|(a, b)| (a - b) * (a - b));
                sum += f64::from(squares.sum::<f32>().sqrt());
                pairs += 1;
            }
        }
    }
    Ok(sum / pairs.max(1) as f64)
}

/// 同じクラスの中での、墨の量 (画素の平均) の標準偏差の平均。太さのばらつきです。
pub fn weight_spread(images: &Tensor, classes: &[u32]) -> Result<f64> {
    let ink = images.mean(1)?.to_vec1::<f32>()?;
    let mut known = classes.to_vec();
    known.sort_unstable();
    known.dedup();
    let spread = |class: &u32| {
        let own: Vec<f64> = ink
            .iter()
            .zip(classes)
            .filter(|(_, known)| *known == class)
            .map(|(&ink, _)| f64::from(ink))
            .collect();
        let mean = own.iter().sum::<f64>() / own.len() as f64;
        let variance = own.iter().map(|ink| (ink - mean).powi(2)).sum::<f64>() / own.len() as f64;
        variance.sqrt()
    };
    Ok(known.iter().map(spread).sum::<f64>() / known.len().max(1) as f64)
}
