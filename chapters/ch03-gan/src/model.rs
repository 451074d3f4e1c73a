//! 生成器 G と識別器 D。どちらも全結合層だけのネットワーク (MLP) です。
//!
//! 論文 3 節の "adversarial modeling framework" は、G と D が MLP のときを出発点にします。
//! 論文との差: 論文の D は maxout とドロップアウトを使います。ここでは LeakyReLU だけです。

use candle_core::{Module, Result, Tensor};
use candle_nn::VarBuilder;
use common::nn::{Activation, Linear};

use crate::config::Config;

// ANCHOR: generator
/// 生成器 G: ノイズ z から偽のデータを作ります。
pub struct Generator {
    layers: [Linear; 3],
}

impl Generator {
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let h = config.hidden;
        // 画像は [-1, 1] の値なので tanh で出す。平面の点には範囲を決めない。
        let output = match config.data.is_points() {
            false => Activation::Tanh,
            true => Activation::None,
        };
        let layers = [
            Linear::new(config.z_dim, h, Activation::Relu, vb.pp("1"))?,
            Linear::new(h, h, Activation::Relu, vb.pp("2"))?,
            Linear::new(h, config.dim(), output, vb.pp("3"))?,
        ];
        Ok(Self { layers })
    }

    /// z `[B, z_dim]` → 偽のデータ `[B, dim]`
    pub fn forward(&self, z: &Tensor) -> Result<Tensor> {
        let x = self.layers[0].forward(z)?; // [B, hidden]
        let x = self.layers[1].forward(&x)?; // [B, hidden]
        self.layers[2].forward(&x) // [B, dim]
    }
}
// ANCHOR_END: generator

// ANCHOR: discriminator
/// 識別器 D: データが本物である確率を、ロジット (シグモイドに通す前の値) で答えます。
pub struct Discriminator {
    layers: [Linear; 3],
    pack: usize,
}

impl Discriminator {
    /// `dim` は 1 つのデータがいくつの数でできているかです。
    pub fn new(dim: usize, config: &Config, vb: VarBuilder) -> Result<Self> {
        let (h, leaky) = (config.hidden, Activation::LeakyRelu(0.2));
        let layers = [
            Linear::new(dim * config.pack, h, leaky, vb.pp("1"))?,
            Linear::new(h, h, leaky, vb.pp("2"))?,
            Linear::new(h, 1, Activation::None, vb.pp("3"))?,
        ];
        Ok(Self { layers, pack: config.pack })
    }

    /// 同じ重みを定数として使う識別器。生成器の番に、要らない勾配を計算しないためです。
    pub fn frozen(&self) -> Self {
        Self { layers: self.layers.each_ref().map(Linear::frozen), pack: self.pack }
    }

    /// データ `[B, dim]` → ロジット `[B / pack, 1]`
    ///
    /// `pack` が 1 なら、1 つずつ独立に判定します。2 以上なら、その数の標本を
    /// 横につないで 1 つの入力とみなします (PacGAN)。
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, dim) = x.dims2()?;
        let x = x.reshape((batch / self.pack, dim * self.pack))?; // [B/pack, dim·pack]
        let x = self.layers[0].forward(&x)?; // [B/pack, hidden]
        let x = self.layers[1].forward(&x)?; // [B/pack, hidden]
        self.layers[2].forward(&x) // [B/pack, 1]
    }
}
// ANCHOR_END: discriminator
