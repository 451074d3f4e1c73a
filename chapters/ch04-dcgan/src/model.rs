//! 生成器 G と識別器 D。論文 3 節の処方が、そのまま [`Block`] の積み重ねになっています。
//!
//! - プーリングを使わない。広げるのは転置畳み込み (G)、縮めるのはストライド付き畳み込み (D)
//! - 隠れ層に全結合層を置かない
//! - BatchNorm を、G の出力層と D の入力層を除くすべての層に置く
//! - 活性化は、G では ReLU (出力層だけ tanh)、D ではどの層も傾き 0.2 の LeakyReLU
//! - 重みは平均 0、標準偏差 0.02 の正規分布から始める (論文 4 節)

use candle_core::{Module, ModuleT, Result, Tensor};
use candle_nn::{Init, VarBuilder};
use common::nn::{Activation, BatchNorm2d, Conv2d, ConvConfig, ConvTranspose2d, Linear};

use crate::config::{Config, Model, Norm};

/// 重みの初期値 N(0, 0.02) (論文 4 節)。
const WEIGHT: Init = Init::Randn { mean: 0., stdev: 0.02 };
/// BatchNorm の γ の初期値 N(1, 0.02) (著者のコードと PyTorch の例。β は 0 から)。
const GAMMA: Init = Init::Randn { mean: 1., stdev: 0.02 };
/// 識別器のどの層にも使う活性化 (論文 4 節)。
const LEAKY: Activation = Activation::LeakyRelu(0.2);

// ANCHOR: block
/// 1 層の設計。
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub input: usize,
    pub output: usize,
    pub conv: ConvConfig,
    /// BatchNorm を置くか
    pub norm: bool,
    pub activation: Activation,
}

/// 畳み込み → 正規化 → 活性化の 1 層。DCGAN は、この層を積んだだけのものです。
pub struct Block<C> {
    conv: C,
    norm: Option<BatchNorm2d>,
    pub plan: Plan,
}

impl<C: Module> Block<C> {
    fn new(
        plan: Plan,
        conv: fn(usize, usize, ConvConfig, VarBuilder) -> Result<C>,
        vb: VarBuilder,
    ) -> Result<Self> {
        let Plan { input, output, norm, activation, .. } = plan;
        // 正規化があれば、活性化はその後に掛ける。
        let before = if norm { Activation::None } else { activation };
        let config = ConvConfig { activation: before, init: Some(WEIGHT), ..plan.conv };
        let conv = conv(input, output, config, vb.pp("conv"))?;
        let norm = norm.then(|| BatchNorm2d::with_init(output, activation, GAMMA, vb.pp("norm")));
        Ok(Self { conv, norm: norm.transpose()?, plan })
    }

    /// `train` なら、BatchNorm はそのミニバッチの平均と分散を使います。
    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.conv.forward(x)?;
        match &self.norm {
            Some(norm) => norm.forward_t(&x, train),
            None => Ok(x),
        }
    }
}
// ANCHOR_END: block

/// 縦横をちょうど半分にする畳み込み。プーリングの代わりです。
pub fn halve(kernel: usize) -> ConvConfig {
    ConvConfig { kernel, stride: 2, padding: (kernel - 1) / 2, ..Default::default() }
}

/// 縦横をちょうど 2 倍にする転置畳み込み。カーネルが奇数だと 1 画素足りないので、下と右に足します。
pub fn double(kernel: usize) -> ConvConfig {
    ConvConfig { output_padding: kernel % 2, ..halve(kernel) }
}

/// 1×1 と 4×4 を結ぶ、両端の畳み込み。
fn ends() -> ConvConfig {
    ConvConfig { kernel: 4, stride: 1, padding: 0, bias: false, ..Default::default() }
}

// ANCHOR: generator
/// 生成器 G: 潜在変数 z から偽の画像を作ります。
pub enum Generator {
    Dcgan(Vec<Block<ConvTranspose2d>>),
    Mlp(Mlp),
}

impl Generator {
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let &Config { size, channels, z_dim, width, kernel, .. } = config;
        if config.model == Model::Mlp {
            let image = [channels, size, size];
            let sizes = [z_dim, config.hidden(), config.hidden(), image.iter().product()];
            return Ok(Self::Mlp(Mlp::new(sizes, Activation::Relu, Activation::Tanh, image, vb)?));
        }
        let norm = config.norm == Norm::Batch;
        // BatchNorm が平均を引くので、その前の層のバイアスには意味がない。
        let double = ConvConfig { bias: !norm, ..double(kernel) };
        let first = ConvConfig { bias: !norm, ..ends() };
        let last = ConvConfig { bias: false, ..double };
        let (relu, tanh) = (Activation::Relu, Activation::Tanh);

        // 32×32 なら [z, 4w, 2w, w]: 4×4 から始めて、2 倍に広げるごとにチャネルを半分にする。
        let mut blocks = Vec::new();
        let (mut input, mut conv) = (z_dim, first);
        for stage in (0..config.stages()).rev() {
            let output = width << stage;
            let plan = Plan { input, output, conv, norm, activation: relu };
            blocks.push(Block::new(plan, ConvTranspose2d::new, vb.pp(blocks.len() + 1))?);
            (input, conv) = (output, double);
        }
        // 出力層には BatchNorm を置かず、tanh で画素の範囲 [-1, 1] に収める。
        let plan = Plan { input, output: channels, conv: last, norm: false, activation: tanh };
        blocks.push(Block::new(plan, ConvTranspose2d::new, vb.pp(blocks.len() + 1))?);
        Ok(Self::Dcgan(blocks))
    }

    /// z `[B, z_dim]` → 偽の画像 `[B, C, H, W]`
    ///
    /// 学習では `train` を真にします。偽なら、ほかの画像に左右されない 1 枚ずつの生成になります。
    pub fn forward(&self, z: &Tensor, train: bool) -> Result<Tensor> {
        match self {
            Self::Dcgan(blocks) => {
                let z = z.reshape((z.dim(0)?, (), 1, 1))?; // [B, z_dim, 1, 1]
                // 32×32 なら [B, 4w, 4, 4] → [B, 2w, 8, 8] → [B, w, 16, 16] → [B, C, 32, 32]
                blocks.iter().try_fold(z, |x, block| block.forward(&x, train))
            }
            Self::Mlp(mlp) => mlp.forward(z),
        }
    }
}
// ANCHOR_END: generator

// ANCHOR: discriminator
/// 識別器 D: 画像が本物である確率を、ロジット (シグモイドに通す前の値) で答えます。
pub enum Discriminator {
    Dcgan(Vec<Block<Conv2d>>),
    Mlp(Mlp),
}

impl Discriminator {
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let &Config { size, channels, width, kernel, .. } = config;
        if config.model == Model::Mlp {
            let pixels = channels * size * size;
            let sizes = [pixels, config.hidden(), config.hidden(), 1];
            return Ok(Self::Mlp(Mlp::new(sizes, LEAKY, Activation::None, [1, 1, 1], vb)?));
        }
        // 生成器を裏返した形: [C, w, 2w, 4w]。入力の層には BatchNorm を置かない。
        let mut blocks: Vec<Block<Conv2d>> = Vec::new();
        let mut input = channels;
        for stage in 0..config.stages() {
            let (output, norm) = (width << stage, stage > 0 && config.norm == Norm::Batch);
            let bias = config.norm == Norm::None && stage > 0;
            let conv = ConvConfig { bias, ..halve(kernel) };
            let plan = Plan { input, output, conv, norm, activation: LEAKY };
            blocks.push(Block::new(plan, Conv2d::new, vb.pp(blocks.len() + 1))?);
            input = output;
        }
        // 4×4 の全体を 1 つの数にまとめる。ここは隠れ層ではなく出力層である。
        let none = Activation::None;
        let plan = Plan { input, output: 1, conv: ends(), norm: false, activation: none };
        blocks.push(Block::new(plan, Conv2d::new, vb.pp(blocks.len() + 1))?);
        Ok(Self::Dcgan(blocks))
    }

    /// 同じ重みを定数として使う識別器。生成器の番に、要らない勾配を計算しないためです。
    pub fn frozen(&self) -> Self {
        let freeze = |block: &Block<Conv2d>| Block {
            conv: block.conv.frozen(),
            norm: block.norm.as_ref().map(BatchNorm2d::frozen),
            plan: block.plan,
        };
        match self {
            Self::Dcgan(blocks) => Self::Dcgan(blocks.iter().map(freeze).collect()),
            Self::Mlp(mlp) => Self::Mlp(mlp.frozen()),
        }
    }

    /// 画像 `[B, C, H, W]` → ロジット `[B, 1]`
    pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let logits = match self {
            // 32×32 なら [B, w, 16, 16] → [B, 2w, 8, 8] → [B, 4w, 4, 4] → [B, 1, 1, 1]
            Self::Dcgan(blocks) => {
                blocks.iter().try_fold(x.clone(), |x, block| block.forward(&x, train))?
            }
            Self::Mlp(mlp) => mlp.forward(&x.flatten_from(1)?)?,
        };
        logits.reshape(((), 1))
    }
}
// ANCHOR_END: discriminator

// ANCHOR: mlp
/// 比べるための、全結合層だけのネットワーク。前の章の GAN と同じ形です。
pub struct Mlp {
    layers: [Linear; 3],
    /// 出力を並べ直す形 (チャネル、縦、横)
    output: [usize; 3],
}

impl Mlp {
    fn new(
        [input, h1, h2, out]: [usize; 4],
        hidden: Activation,
        last: Activation,
        output: [usize; 3],
        vb: VarBuilder,
    ) -> Result<Self> {
        let layers = [
            Linear::new(input, h1, hidden, vb.pp("1"))?,
            Linear::new(h1, h2, hidden, vb.pp("2"))?,
            Linear::new(h2, out, last, vb.pp("3"))?,
        ];
        Ok(Self { layers, output })
    }

    fn frozen(&self) -> Self {
        Self { layers: self.layers.each_ref().map(Linear::frozen), output: self.output }
    }

    /// `[B, 入力]` → `[B, C, H, W]`
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [c, h, w] = self.output;
        let x = self.layers.iter().try_fold(x.clone(), |x, layer| layer.forward(&x))?;
        x.reshape(((), c, h, w))
    }
}
// ANCHOR_END: mlp
