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

/// 同じクラスの画像どうしの隔たり: 分類器の隠れ層の特徴を長さ 1 にそろえ、2 枚ずつの距離を平均します。
///
/// 画素のままだと、線が 1 画素ずれただけで遠くなり、ぼけた絵どうしが近くなります。長さをそろえないと、
/// 線の濃い絵どうしほど遠くなります。
pub fn diversity(classifier: &Classifier, images: &Tensor, classes: &[u32]) -> Result<f64> {
    let features = classifier.features(images)?;
    let length = features.sqr()?.sum_keepdim(1)?.sqrt()?.affine(1., 1e-6)?;
    let features = features.broadcast_div(&length)?.to_vec2::<f32>()?;
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
