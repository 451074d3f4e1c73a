//! いちばん小さな世界: 写真風 3 枚と浮世絵風 3 枚で、対応が入れ替わるかを、種を替えて試します。
//!
//! 生成器は、画素を塗り替えるのではなく、3 枚の絵を混ぜる割合を答えます。だから、「その場で塗り替えるほうが簡単」
//! という畳み込みの癖がありません。残るのは、損失の式が言っていることだけです。

pub mod train;

use anyhow::Result;
use candle_core::{Module, Tensor};
use candle_nn::VarBuilder;
use candle_nn::ops::softmax;
use common::nn::{Activation, Linear};

use crate::data::{self, Scene, Style};

/// 場面の数。並べ替えは 3! = 6 通りあり、正しいのは 1 通りです。
pub const SCENES: usize = 3;

/// 2 層の全結合。生成器にも識別器にも使います。
pub struct Net([Linear; 2]);

impl Net {
    /// 割合 `[N, 3]` → `[N, outputs]`
    fn new(outputs: usize, vb: VarBuilder) -> candle_core::Result<Self> {
        const WIDTH: usize = 64;
        Ok(Self([
            Linear::new(SCENES, WIDTH, Activation::LeakyRelu(0.2), vb.pp("1"))?,
            Linear::new(WIDTH, outputs, Activation::None, vb.pp("2"))?,
        ]))
    }

    /// 同じ重みを定数として使うネットワーク。
    fn frozen(&self) -> Self {
        Self(self.0.each_ref().map(Linear::frozen))
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.0[1].forward(&self.0[0].forward(x)?)
    }

    /// 生成器として: 割合 `[N, 3]` → もう一方の画風の 3 枚を混ぜる割合 `[N, 3]`。足すと 1 です。
    fn translate(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        softmax(&self.forward(x)?, 1)
    }
}

/// 同じ場面の、写真風と浮世絵風の 3 枚 `[3, 3, S, S]`。山が左、真ん中、右にあります。
pub fn pictures() -> Result<[Tensor; 2]> {
    const SIZE: usize = 24;
    let scenes: Vec<Scene> = [0.22, 0.5, 0.78].map(Scene::simple).into();
    Ok([data::draw(&scenes, Style::Photo, SIZE)?, data::draw(&scenes, Style::Ukiyoe, SIZE)?])
}

/// 割合 `[3, 3]` のとおりに、3 枚の絵を混ぜます。
pub fn mixed(shares: &Tensor, pictures: &Tensor) -> Result<Tensor> {
    Ok(shares.matmul(&pictures.flatten_from(1)?)?.reshape(pictures.shape())?)
}

/// 3 枚の写真の変換が、どうなったか。
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// どれも、同じ場面の浮世絵になった
    Right,
    /// 3 枚の浮世絵がそろったが、場面が入れ替わった
    Permuted,
    /// そろわなかった: 同じ浮世絵が 2 度出たか、混ざった絵になった
    Incomplete,
}

/// 割合 `[3, 3]` を調べます。割合が 8 割に満たないものは、混ざった絵とみなします。
pub fn matching(shares: &Tensor) -> Result<Matching> {
    let mut found = Vec::new();
    for row in shares.to_vec2::<f32>()? {
        match row.iter().position(|&share| share >= 0.8) {
            Some(scene) if !found.contains(&scene) => found.push(scene),
            _ => return Ok(Matching::Incomplete),
        }
    }
    Ok(if found.is_sorted() { Matching::Right } else { Matching::Permuted })
}

/// 正しい対応、入れ替わった対応、そろわなかったものの数。
pub fn count(runs: &[Tensor]) -> Result<[usize; 3]> {
    let found = runs.iter().map(matching).collect::<Result<Vec<_>>>()?;
    let count = |kind| found.iter().filter(|&&matching| matching == kind).count();
    Ok([count(Matching::Right), count(Matching::Permuted), count(Matching::Incomplete)])
}
