//! エンコーダとデコーダ。どちらも全結合層だけのネットワーク (MLP) です。
//!
//! 論文 付録 C の MLP と同じ形です。
//! 論文との差: 隠れ層は 1 つの tanh でなく、2 つの ReLU です。

use candle_core::{Module, Result, Tensor};
use candle_nn::VarBuilder;
use common::nn::{Activation, Linear};

use crate::config::{Config, Model};

// ANCHOR: encoder
/// エンコーダの答え。
pub enum Code {
    /// VAE: 正規分布 q(z|x) の平均 μ と対数分散 log σ²。どちらも `[B, z_dim]`
    Gaussian { mean: Tensor, log_variance: Tensor },
    /// オートエンコーダ: 1 つの点 z `[B, z_dim]`
    Point(Tensor),
}

/// エンコーダ: データ x から、潜在変数 z の分布 (オートエンコーダなら点) を答えます。
pub struct Encoder {
    layers: [Linear; 2],
    mean: Linear,
    log_variance: Option<Linear>,
}

impl Encoder {
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let (h, relu) = (config.hidden, Activation::Relu);
        let layers =
            [Linear::new(config.dim(), h, relu, vb.pp("1"))?, Linear::new(h, h, relu, vb.pp("2"))?];
        let head = |name| Linear::new(h, config.z_dim, Activation::None, vb.pp(name));
        let mean = head("mean")?;
        // 分散そのものは正でなければならない。対数を出させれば、どんな値が出てもよい。
        let log_variance = match config.model {
            Model::Vae => Some(head("log_variance")?),
            Model::Ae => None,
        };
        Ok(Self { layers, mean, log_variance })
    }

    /// x `[B, dim]` → 潜在変数の分布か点
    pub fn forward(&self, x: &Tensor) -> Result<Code> {
        let h = self.layers[0].forward(x)?; // [B, hidden]
        let h = self.layers[1].forward(&h)?; // [B, hidden]
        let mean = self.mean.forward(&h)?; // [B, z_dim]
        Ok(match &self.log_variance {
            Some(head) => Code::Gaussian { mean, log_variance: head.forward(&h)? }, // [B, z_dim]
            None => Code::Point(mean),
        })
    }
}
// ANCHOR_END: encoder

impl Code {
    /// 分布の中心。オートエンコーダなら、その点です。
    pub fn mean(&self) -> &Tensor {
        match self {
            Code::Gaussian { mean, .. } | Code::Point(mean) => mean,
        }
    }

    /// 標準偏差 σ。オートエンコーダの点に広がりはないので 0 です。
    pub fn deviation(&self) -> Result<Tensor> {
        match self {
            Code::Gaussian { log_variance, .. } => log_variance.affine(0.5, 0.)?.exp(),
            Code::Point(z) => z.zeros_like(),
        }
    }
}

// ANCHOR: decoder
/// デコーダ: 潜在変数 z から、画素ごとの「墨である確率」をロジットで答えます。
pub struct Decoder {
    layers: [Linear; 3],
}

impl Decoder {
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let (h, relu) = (config.hidden, Activation::Relu);
        let layers = [
            Linear::new(config.z_dim, h, relu, vb.pp("1"))?,
            Linear::new(h, h, relu, vb.pp("2"))?,
            Linear::new(h, config.dim(), Activation::None, vb.pp("3"))?,
        ];
        Ok(Self { layers })
    }

    /// z `[B, z_dim]` → ロジット `[B, dim]`
    pub fn forward(&self, z: &Tensor) -> Result<Tensor> {
        let h = self.layers[0].forward(z)?; // [B, hidden]
        let h = self.layers[1].forward(&h)?; // [B, hidden]
        self.layers[2].forward(&h) // [B, dim]
    }

    /// z `[B, z_dim]` → 画像 `[B, dim]`。確率 0〜1 を、データと同じ [-1, 1] に直します。
    pub fn images(&self, z: &Tensor) -> Result<Tensor> {
        candle_nn::ops::sigmoid(&self.forward(z)?)?.affine(2., -1.)
    }
}
// ANCHOR_END: decoder
