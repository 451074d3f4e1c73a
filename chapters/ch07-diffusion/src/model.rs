//! ノイズを当てるネットワークと、潜在拡散のためのオートエンコーダ。どちらも全結合層だけです。
//!
//! 論文との差: DDPM のネットワークは U-Net です。ここの絵は小さいので、全結合の残差ブロックに、入力から出口への
//! 近道を 1 本加えたもので済ませます。

use candle_core::{Device, Module, Result, Tensor, Var};
use candle_nn::{Init, VarBuilder};
use common::nn::{Activation, Linear};

use crate::config::{Config, Time};

/// 時刻を表す波の数。サインとコサインをそれぞれこの数だけ使います。
const WAVES: usize = 8;

// ANCHOR: time
/// 時刻 t を、速さの違う波の値 `[B, 2·WAVES]` に直します (位置符号化、DDPM 付録 B)。
///
/// t を 1 つの数のまま渡すと、隣り合う時刻はほとんど同じ入力になり、見分けるのに大きな重みが要ります。
/// 速い波は隣の時刻を見分け、遅い波は始めと終わりを見分けます。どれも −1 から 1 なので、ほかの入力とも釣り合います。
pub fn time_features(times: &[usize], timesteps: usize) -> Result<Tensor> {
    let mut values = Vec::with_capacity(times.len() * 2 * WAVES);
    for &t in times {
        // いちばん遅い波は全体で 1 ラジアン、いちばん速い波は 1 歩で 1 ラジアン進む。間は等比。
        let (total, progress) = (timesteps as f32, t as f32 / timesteps as f32);
        for wave in 0..WAVES {
            let angle = progress * total.powf(wave as f32 / (WAVES - 1) as f32);
            values.extend([angle.sin(), angle.cos()]);
        }
    }
    Tensor::from_vec(values, (times.len(), 2 * WAVES), &Device::Cpu)
}
// ANCHOR_END: time

// ANCHOR: denoiser
/// ノイズを当てるネットワーク ε_θ(x_t, t, c)。汚れたデータと同じ大きさの答えを返します。
pub struct Denoiser {
    input: Linear,
    /// クラスごとのベクトル `[classes + 1, hidden]`。最後の 1 つは「条件なし」
    classes: Option<Tensor>,
    blocks: [[Linear; 2]; 2],
    output: Linear,
    /// 入力を出口へ直に運ぶ割合。時刻ごとに 1 つの数
    skip: Linear,
    timesteps: usize,
    time: Time,
}

impl Denoiser {
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let (h, dim, classes) = (config.hidden, config.dim(), config.data.classes());
        let block = |name: &str| -> Result<[Linear; 2]> {
            let vb = vb.pp(name);
            Ok([
                Linear::new(h, h, Activation::Relu, vb.pp("1"))?,
                Linear::new(h, h, Activation::None, vb.pp("2"))?,
            ])
        };
        let classes = match classes {
            0 => None,
            _ => {
                let init = Init::Randn { mean: 0., stdev: 0.5 };
                Some(vb.get_with_hints((classes + 1, h), "classes", init)?)
            }
        };
        Ok(Self {
            input: Linear::new(dim + 2 * WAVES, h, Activation::None, vb.pp("input"))?,
            classes,
            blocks: [block("block1")?, block("block2")?],
            output: Linear::new(h, dim, Activation::None, vb.pp("output"))?,
            skip: Linear::new(2 * WAVES, 1, Activation::None, vb.pp("skip"))?,
            timesteps: config.timesteps,
            time: config.time,
        })
    }

    /// 「条件なし」を表すクラスの番号。クラスのないデータでは、どの番号も使われません。
    pub fn nothing(&self) -> Result<u32> {
        let rows = self.classes.as_ref().map(|table| table.dim(0)).transpose()?;
        Ok(rows.map_or(0, |rows| rows as u32 - 1))
    }

    /// x_t `[B, dim]`、時刻 t とクラス (標本ごと) → 加えられたノイズの予想 `[B, dim]`
    pub fn forward(&self, x: &Tensor, times: &[usize], classes: &[u32]) -> Result<Tensor> {
        let time = match self.time {
            Time::On => time_features(times, self.timesteps)?,
            // わざと壊した学習: どの時刻にも同じ値を渡す。
            Time::Off => time_features(&vec![0; times.len()], self.timesteps)?,
        };
        let mut h = self.input.forward(&Tensor::cat(&[x, &time], 1)?)?; // [B, hidden]
        if let Some(table) = &self.classes {
            h = (h + table.index_select(&Tensor::new(classes, &Device::Cpu)?, 0)?)?;
        }
        for [first, second] in &self.blocks {
            // 残差ブロック (第6章): 入力を足して、手直しだけを学ばせる。
            h = (&h + second.forward(&first.forward(&h.relu()?)?)?)?;
        }
        // U-Net のスキップ結合と同じ狙い。ノイズは細かいので、狭い隠れ層を通さずに出口へ運ぶ。
        let carried = x.broadcast_mul(&self.skip.forward(&time)?)?; // [B, dim]
        self.output.forward(&h.relu()?)? + carried // [B, dim]
    }
}
// ANCHOR_END: denoiser

// ANCHOR: autoencoder
/// 潜在拡散のためのオートエンコーダ (arXiv:2112.10752 3.1 節)。画像を潜在変数に縮め、画像に戻します。
///
/// 論文との差: 論文では、弱い KL か VQ の正則化と、知覚損失・敵対的損失を加えた畳み込みのオートエンコーダです。
pub struct Autoencoder {
    encoder: [Linear; 2],
    decoder: [Linear; 2],
    /// 潜在変数の各次元の平均と標準偏差。拡散の始まりが N(0, I) なので、同じ大きさにそろえます。
    shift: Var,
    scale: Var,
}

impl Autoencoder {
    /// `encoder` と `decoder` は、それぞれの重みの置き場です。
    pub fn new(config: &Config, encoder: VarBuilder, decoder: VarBuilder) -> Result<Self> {
        const WIDTH: usize = 192;
        let (dim, z, relu, none) =
            (config.data_dim(), config.z_dim, Activation::Relu, Activation::None);
        let fixed =
            |name, value| Var::from_tensor(&decoder.get_with_hints(z, name, Init::Const(value))?);
        Ok(Self {
            encoder: [
                Linear::new(dim, WIDTH, relu, encoder.pp("1"))?,
                Linear::new(WIDTH, z, none, encoder.pp("2"))?,
            ],
            decoder: [
                Linear::new(z, WIDTH, relu, decoder.pp("1"))?,
                Linear::new(WIDTH, dim, none, decoder.pp("2"))?,
            ],
            shift: fixed("shift", 0.)?,
            scale: fixed("scale", 1.)?,
        })
    }

    /// 画像 `[B, dim]` → 潜在変数 `[B, z_dim]`
    pub fn encode(&self, x: &Tensor) -> Result<Tensor> {
        let z = self.encoder[1].forward(&self.encoder[0].forward(x)?)?;
        z.broadcast_sub(self.shift.as_tensor())?.broadcast_div(self.scale.as_tensor())
    }

    /// 潜在変数 `[B, z_dim]` → 画素ごとの「墨である確率」のロジット `[B, dim]`
    pub fn logits(&self, z: &Tensor) -> Result<Tensor> {
        let z = z.broadcast_mul(self.scale.as_tensor())?.broadcast_add(self.shift.as_tensor())?;
        self.decoder[1].forward(&self.decoder[0].forward(&z)?)
    }

    /// 潜在変数 `[B, z_dim]` → 画像 `[B, dim]`。値は [-1, 1] です。
    pub fn decode(&self, z: &Tensor) -> Result<Tensor> {
        candle_nn::ops::sigmoid(&self.logits(z)?)?.affine(2., -1.)
    }

    /// 画像 `x` の潜在変数の平均が 0、標準偏差が 1 になるように、ずらす量と割る量を決めます。
    pub fn normalise(&self, x: &Tensor) -> Result<()> {
        let z = self.encode(x)?.detach();
        let mean = z.mean(0)?;
        let deviation = z.broadcast_sub(&mean)?.sqr()?.mean(0)?.sqrt()?;
        self.shift.set(&mean)?;
        // 1 つの値しか取らない次元で 0 割りをしない。
        self.scale.set(&deviation.clamp(1e-3, f32::INFINITY)?)
    }
}
// ANCHOR_END: autoencoder

/// 画像の字を読む分類器。生成した字が、頼んだ字に読めるかを測ります。
pub struct Classifier {
    hidden: Linear,
    output: Linear,
}

impl Classifier {
    pub fn new(dim: usize, classes: usize, vb: VarBuilder) -> Result<Self> {
        const WIDTH: usize = 128;
        Ok(Self {
            hidden: Linear::new(dim, WIDTH, Activation::Relu, vb.pp("1"))?,
            output: Linear::new(WIDTH, classes, Activation::None, vb.pp("2"))?,
        })
    }

    /// 画像 `[B, dim]` → 隠れ層の特徴 `[B, 128]`
    pub fn features(&self, x: &Tensor) -> Result<Tensor> {
        self.hidden.forward(x)
    }
}

impl Module for Classifier {
    /// 画像 `[B, dim]` → クラスごとのロジット `[B, classes]`
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.output.forward(&self.features(x)?)
    }
}
