//! U-Net の生成器 G と、PatchGAN の識別器 D。
//!
//! 層の並びは著者の PyTorch 版 (`unet_256` と `basic`) と同じです。論文の文章にある並びとの差は 1 つで、
//! いちばん狭い所 (1×1) には正規化を置きません (1 枚だけでは統計が取れず、値が消えてしまうからです)。

use candle_core::{DType, Module, ModuleT, Result, Tensor};
use candle_nn::{Init, VarBuilder};
use common::nn::{Activation, BatchNorm2d, Conv2d, ConvConfig, ConvTranspose2d};
use common::seed::{Seed, uniform};
use rand::Rng;

use crate::config::{Config, Switch};

const LEAKY: Activation = Activation::LeakyRelu(0.2);
/// 重みは N(0, 0.02)、バッチ正規化の γ は N(1, 0.02) から始めます (6.2 節)。
const WEIGHT: Init = Init::Randn { mean: 0., stdev: 0.02 };
const GAMMA: Init = Init::Randn { mean: 1., stdev: 0.02 };

/// カーネルは、どの層も 4×4 です (6.1 節)。
const KERNEL: usize = 4;

/// 1 つの層の作り方。正規化を置くなら、活性化はその後になります。
struct Spec {
    stride: usize,
    bias: bool,
    norm: bool,
    activation: Activation,
}

impl Spec {
    fn conv(&self) -> ConvConfig {
        ConvConfig {
            kernel: KERNEL,
            stride: self.stride,
            padding: 1,
            bias: self.bias,
            activation: if self.norm { Activation::None } else { self.activation },
            init: Some(WEIGHT),
            ..Default::default()
        }
    }

    fn norm(&self, channels: usize, vb: VarBuilder) -> Result<Option<BatchNorm2d>> {
        let norm = || BatchNorm2d::with_init(channels, self.activation, GAMMA, vb.pp("norm"));
        self.norm.then(norm).transpose()
    }
}

/// 畳み込みか転置畳み込みと、あればバッチ正規化。
struct Block<C> {
    conv: C,
    norm: Option<BatchNorm2d>,
}

impl Block<Conv2d> {
    fn down(from: usize, to: usize, spec: Spec, vb: VarBuilder) -> Result<Self> {
        Ok(Self { conv: Conv2d::new(from, to, spec.conv(), vb.clone())?, norm: spec.norm(to, vb)? })
    }
}

impl Block<ConvTranspose2d> {
    fn up(from: usize, to: usize, spec: Spec, vb: VarBuilder) -> Result<Self> {
        let conv = ConvTranspose2d::new(from, to, spec.conv(), vb.clone())?;
        Ok(Self { conv, norm: spec.norm(to, vb)? })
    }
}

impl<C: Module> Block<C> {
    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.conv.forward(x)?;
        match &self.norm {
            Some(norm) => norm.forward_t(&x, train),
            None => Ok(x),
        }
    }
}

// ANCHOR: generator
/// 生成器 G: U-Net。縮めた画像を広げるとき、同じ大きさだったころの特徴を横から受け取ります。
pub struct Generator {
    downs: Vec<Block<Conv2d>>,
    ups: Vec<Block<ConvTranspose2d>>,
    skips: bool,
    dropout: f64,
}

impl Generator {
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let depth = config.size.ilog2() as usize; // 1×1 になるまで半分にする回数
        let skips = config.skips == Switch::On;
        let width = |level: usize| config.width_g * (1 << level).min(8);
        let (mut downs, mut ups) = (Vec::new(), Vec::new());
        for level in 0..depth {
            let from = if level == 0 { config.channels } else { width(level - 1) };
            // 最初の層と、いちばん狭い層には、正規化を置かない。
            let narrowest = level + 1 == depth;
            let spec = Spec {
                stride: 2,
                bias: false,
                norm: level > 0 && !narrowest,
                activation: if narrowest { Activation::Relu } else { LEAKY },
            };
            downs.push(Block::down(from, width(level), spec, vb.pp("down").pp(level))?);
        }
        for level in (0..depth).rev() {
            // スキップ結合があると、横から来る特徴の分だけ、入力が 2 倍になる。
            let doubled = skips && level + 1 < depth;
            let from = if doubled { 2 * width(level) } else { width(level) };
            let (to, norm, activation) = match level {
                0 => (config.channels, false, Activation::Tanh), // 画像を出す層
                _ => (width(level - 1), true, Activation::Relu),
            };
            let spec = Spec { stride: 2, bias: !norm, norm, activation };
            ups.push(Block::up(from, to, spec, vb.pp("up").pp(level))?);
        }
        Ok(Self { downs, ups, skips, dropout: config.dropout })
    }

    /// 入力 x `[B, C, S, S]` と、ノイズ (ドロップアウト) の乱数 → 出力 `[B, C, S, S]`、値は (-1, 1)
    ///
    /// `train` なら、正規化にそのミニバッチの統計を使います。
    pub fn forward(&self, x: &Tensor, noise: &mut impl Rng, train: bool) -> Result<Tensor> {
        let mut features = vec![x.clone()];
        for down in &self.downs {
            let x = down.forward(features.last().expect("入力がある"), train)?;
            features.push(x); // [B, 幅, S/2, S/2], [B, 2·幅, S/4, S/4], …, [B, 8·幅, 1, 1]
        }
        let mut x = features.pop().expect("いちばん狭い層の出力がある");
        for (i, up) in self.ups.iter().enumerate() {
            x = up.forward(&x, train)?; // [B, 8·幅, 2, 2], …, [B, 幅, S/2, S/2], [B, C, S, S]
            // ノイズは広げる側の最初の 3 層だけに入る。出力の層は、ぼかさない。
            if i < 3 && i + 1 < self.ups.len() {
                x = dropout(&x, self.dropout, noise)?;
            }
            let same_size = features.pop().expect("縮める層と広げる層は同じ数");
            if self.skips && i + 1 < self.ups.len() {
                // 広げる側の層は、どれも ReLU を通った特徴を受け取る。
                x = Tensor::cat(&[&x, &same_size.relu()?], 1)?; // チャネルが 2 倍
            }
        }
        Ok(x)
    }
}
// ANCHOR_END: generator

// ANCHOR: dropout
/// ドロップアウト: 値を確率 p で 0 にし、残りを 1/(1-p) 倍して平均を保ちます。
///
/// Pix2Pix では、学習のときだけでなく、変換のときにも使います (3.3 節)。
pub fn dropout(x: &Tensor, p: f64, rng: &mut impl Rng) -> Result<Tensor> {
    if p == 0. {
        return Ok(x.clone());
    }
    let keep = uniform(rng, 0., 1., x.shape())?.ge(p)?.to_dtype(DType::F32)?;
    x * keep.affine(1. / (1. - p), 0.)?
}
// ANCHOR_END: dropout

// ANCHOR: discriminator
/// 識別器 D: PatchGAN。画像全体に 1 つではなく、重なり合う小片ごとに、本物らしさを答えます。
pub struct Discriminator {
    layers: Vec<Block<Conv2d>>,
}

/// D の 1 つの層。
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    pub input: usize,
    pub output: usize,
    pub kernel: usize,
    pub stride: usize,
}

/// D の層の並び。ストライド 2 の層が `patch_layers` 個、ストライド 1 の層が 2 個です。
pub fn patch_gan(config: &Config) -> Vec<Layer> {
    let width = |level: usize| config.width_d * (1 << level).min(8);
    let n = config.patch_layers;
    let layer = |input, output, stride| Layer { input, output, kernel: KERNEL, stride };
    // 入力 x と、本物の y か偽物の G(x) を、チャネルの方向に重ねて受け取る。
    let mut layers = vec![layer(2 * config.channels, width(0), 2)];
    layers.extend((1..n).map(|level| layer(width(level - 1), width(level), 2)));
    layers.push(layer(width(n - 1), width(n), 1));
    layers.push(layer(width(n), 1, 1));
    layers
}

impl Discriminator {
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let layers = patch_gan(config);
        let last = layers.len() - 1;
        let build = |(i, layer): (usize, &Layer)| {
            // 最初の層と最後の層には、正規化を置かない。
            let norm = i > 0 && i < last;
            let activation = if i == last { Activation::None } else { LEAKY };
            let spec = Spec { stride: layer.stride, bias: !norm, norm, activation };
            Block::down(layer.input, layer.output, spec, vb.pp(i))
        };
        Ok(Self { layers: layers.iter().enumerate().map(build).collect::<Result<_>>()? })
    }

    /// 同じ重みを定数として使う識別器。生成器の番に、要らない勾配を計算しないためです。
    pub fn frozen(&self) -> Self {
        let layers = self.layers.iter().map(|layer| Block {
            conv: layer.conv.frozen(),
            norm: layer.norm.as_ref().map(BatchNorm2d::frozen),
        });
        Self { layers: layers.collect() }
    }

    /// 入力 x と、y (本物) か G(x) (偽物)、どちらも `[B, C, S, S]` → 小片ごとのロジット `[B, 1, h, w]`
    pub fn forward(&self, x: &Tensor, y: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = Tensor::cat(&[x, y], 1)?; // [B, 2C, S, S]
        for layer in &self.layers {
            x = layer.forward(&x, train)?; // [B, 幅, S/2, S/2], …, [B, 1, h, w]
        }
        Ok(x)
    }
}
// ANCHOR_END: discriminator

// ANCHOR: receptive_field
/// 受容野: 出力の 1 点が見ている、入力の四角形の一辺。
///
/// 出力の側からさかのぼります。r 個の点を作るのに、カーネル k、ストライド s の層は
/// (r − 1)·s + k 個の点を読みます。
pub fn receptive_field(layers: &[Layer]) -> usize {
    layers.iter().rev().fold(1, |r, layer| (r - 1) * layer.stride + layer.kernel)
}
// ANCHOR_END: receptive_field

/// 余白 1 の層を順に通ったときの、出力の一辺。
pub fn output_size(layers: &[Layer], size: usize) -> usize {
    layers.iter().fold(size, |size, layer| (size + 2 - layer.kernel) / layer.stride + 1)
}

/// 出力の端の点の受容野が始まる位置 (余白の分だけ画像の外へ出るので負) と、隣の点の受容野までの距離。
pub fn field_origin(layers: &[Layer]) -> (isize, usize) {
    let step =
        |(start, jump): (isize, usize), layer: &Layer| (start - jump as isize, jump * layer.stride);
    layers.iter().fold((0, 1), step)
}

/// 学習するパラメータの数。バッチ正規化の移動平均は、勾配で動かすものではないので数えません。
pub fn parameters(network: &str, config: &Config) -> Result<usize> {
    let variables = Seed(0).variables();
    let vb = variables.builder(network);
    match network {
        "generator" => drop(Generator::new(config, vb)?),
        _ => drop(Discriminator::new(config, vb)?),
    }
    Ok(variables.parameters(network))
}
