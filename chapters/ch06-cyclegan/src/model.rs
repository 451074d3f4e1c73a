//! 生成器 (G と F は同じ形) と識別器 (D_X と D_Y は同じ形)。論文の付録 7.2 節です。

use candle_core::{Module, Result, Tensor};
use candle_nn::{Init, VarBuilder};
use common::nn::{Activation, Conv2d, ConvConfig, ConvTranspose2d, InstanceNorm2d, reflection_pad};

use crate::config::Config;

const RELU: Activation = Activation::Relu;
const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// 重みは N(0, 0.02) から始めます (論文 付録 7.1 節)。
///
/// 著者の PyTorch 版と同じく、InstanceNorm の前の畳み込みにもバイアスを付けます。
/// そのバイアスは正規化で引かれてしまうので、実は働きません。
fn conv(kernel: usize, stride: usize, padding: usize) -> ConvConfig {
    let init = Some(Init::Randn { mean: 0., stdev: 0.02 });
    ConvConfig { kernel, stride, padding, init, ..ConvConfig::default() }
}

/// 畳み込み → InstanceNorm → ReLU。
struct Block<C> {
    conv: C,
    norm: InstanceNorm2d,
}

impl<C: Module> Block<C> {
    fn new(conv: C, activation: Activation) -> Result<Self> {
        Ok(Self { conv, norm: InstanceNorm2d::new(activation)? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.norm.forward(&self.conv.forward(x)?)
    }
}

// ANCHOR: residual_block
/// 残差ブロック: x + f(x)。f は 3×3 の畳み込み 2 つで、大きさもチャネル数も変えません。
struct ResidualBlock {
    first: Block<Conv2d>,
    second: Block<Conv2d>,
}

impl ResidualBlock {
    fn new(channels: usize, vb: VarBuilder) -> Result<Self> {
        let conv = |name, activation| {
            Block::new(Conv2d::new(channels, channels, conv(3, 1, 0), vb.pp(name))?, activation)
        };
        Ok(Self { first: conv("1", RELU)?, second: conv("2", Activation::None)? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        // 0 で囲むと縁に枠が出るので、縁の画素を折り返して広げる (反射パディング)。
        let f = self.first.forward(&reflection_pad(x, 1)?)?;
        let f = self.second.forward(&reflection_pad(&f, 1)?)?;
        x + f
    }
}
// ANCHOR_END: residual_block

// ANCHOR: generator
/// 生成器: c7s1-w, d2w, d4w, R4w × n, u2w, uw, c7s1-3 (論文の書き方。w は幅、n は残差ブロックの数)。
///
/// 論文との差: 本の画像は 32×32 と小さいので、縮める層 d と広げる層 u を 1 つずつにして細部を残します
/// (`--downs 2` で論文のとおり)。出力の層のカーネルも 7 から 3 にします。7×7 は 32×32 の画像の一辺の 2 割にあたり、
/// 遅いうえに、本当のペアとの近さも少し下がります (`--last 7` で論文のとおり)。
pub struct Generator {
    first: Block<Conv2d>,
    down: Vec<Block<Conv2d>>,
    residual: Vec<ResidualBlock>,
    up: Vec<Block<ConvTranspose2d>>,
    last: Conv2d,
    /// 出力の層で、縁を折り返して広げる幅
    margin: usize,
    skip: f64,
}

impl Generator {
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        // n 回縮めた後の幅。縮めるたびに倍になる。
        let width = |n: usize| config.width << n;
        let down = |n: usize| {
            let conv =
                Conv2d::new(width(n - 1), width(n), conv(3, 2, 1), vb.pp(format!("down.{n}")));
            Block::new(conv?, RELU)
        };
        let up = |n: usize| {
            let config = ConvConfig { output_padding: 1, ..conv(3, 2, 1) };
            let vb = vb.pp(format!("up.{n}"));
            Block::new(ConvTranspose2d::new(width(n), width(n - 1), config, vb)?, RELU)
        };
        let channels = width(config.downs);
        let residual = |n| ResidualBlock::new(channels, vb.pp(format!("residual.{n}")));
        let mut last = ConvConfig { activation: Activation::Tanh, ..conv(config.last, 1, 0) };
        if config.skip > 0. {
            // 恒等写像の近くから始める (下の forward)。活性化は、入力を足した後に掛ける。
            last.init = Some(Init::Randn { mean: 0., stdev: 0.001 });
            last.activation = Activation::None;
        }
        Ok(Self {
            first: Block::new(Conv2d::new(3, width(0), conv(7, 1, 0), vb.pp("first"))?, RELU)?,
            down: (1..=config.downs).map(down).collect::<Result<_>>()?,
            residual: (1..=config.blocks).map(residual).collect::<Result<_>>()?,
            up: (1..=config.downs).rev().map(up).collect::<Result<_>>()?,
            last: Conv2d::new(width(0), 3, last, vb.pp("last"))?,
            margin: config.last / 2,
            skip: config.skip,
        })
    }

    /// 画像 `[B, 3, S, S]` → もう一方の画風の画像 `[B, 3, S, S]`
    ///
    /// `--skip 1.5` なら、出力を tanh(1.5·x + f(x)) とし、f を 0 の近くから始めます (論文との差)。
    /// 明暗を裏返し、もう一度裏返して戻す解でもサイクル損失は小さくなるので、そこへ落ちたときに試す手です。
    /// 本のデータと設定では、恒等損失もあり、裏返りは起きませんでした。
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut f = self.first.forward(&reflection_pad(x, 3)?)?; // [B, w, S, S]
        for down in &self.down {
            f = down.forward(&f)?; // [B, 2w, S/2, S/2]、論文ではさらに [B, 4w, S/4, S/4]
        }
        for block in &self.residual {
            f = block.forward(&f)?; // 形は変わらない
        }
        for up in &self.up {
            f = up.forward(&f)?; // 縮めた回数だけ倍に広げて [B, w, S, S]
        }
        let f = self.last.forward(&reflection_pad(&f, self.margin)?)?; // [B, 3, S, S]
        if self.skip > 0. { (x.affine(self.skip, 0.)? + f)?.tanh() } else { Ok(f) }
    }
}
// ANCHOR_END: generator

// ANCHOR: discriminator
/// 識別器 (PatchGAN): 画像を重なり合う小片に分け、小片ごとに本物らしさを答えます。
///
/// 答えは確率ではなく、本物なら 1、偽物なら 0 を目標にした数です (LSGAN)。
pub struct Discriminator {
    first: Conv2d,
    middle: Vec<Block<Conv2d>>,
    last: Conv2d,
}

impl Discriminator {
    /// `inputs` は入力のチャネル数です。対で見る Pix2Pix 型では 6 になります。
    pub fn new(inputs: usize, config: &Config, vb: VarBuilder) -> Result<Self> {
        // 論文は C64-C128-C256-C512。幅は層ごとに倍になり、最後の 1 つだけストライドが 1。
        let width = |layer: usize| config.width_d << layer.min(3);
        let middle = |layer: usize| {
            let stride = if layer < config.d_layers { 2 } else { 1 };
            let config = conv(4, stride, 1);
            let vb = vb.pp(format!("middle.{layer}"));
            Block::new(Conv2d::new(width(layer - 1), width(layer), config, vb)?, LEAKY)
        };
        let first = ConvConfig { activation: LEAKY, ..conv(4, 2, 1) };
        Ok(Self {
            // 最初の層には InstanceNorm を置かない。
            first: Conv2d::new(inputs, width(0), first, vb.pp("first"))?,
            middle: (1..=config.d_layers).map(middle).collect::<Result<_>>()?,
            last: Conv2d::new(width(config.d_layers), 1, conv(4, 1, 1), vb.pp("last"))?,
        })
    }

    /// 同じ重みを定数として使う識別器。生成器の番に、要らない勾配を計算しないためです。
    pub fn frozen(&self) -> Self {
        let frozen = |block: &Block<Conv2d>| Block { conv: block.conv.frozen(), norm: block.norm };
        Self {
            first: self.first.frozen(),
            middle: self.middle.iter().map(frozen).collect(),
            last: self.last.frozen(),
        }
    }

    /// 画像 `[B, inputs, S, S]` → 小片ごとの答え `[B, 1, P, P]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = self.first.forward(x)?; // [B, w, S/2, S/2]
        for block in &self.middle {
            x = block.forward(&x)?; // ストライド 2 の層ごとに半分、最後の 1 つで 1 減る
        }
        self.last.forward(&x) // [B, 1, P, P]
    }
}
// ANCHOR_END: discriminator
