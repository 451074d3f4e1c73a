//! この章の設定です。すべての項目を、コマンドの指定で変えられます。

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use common::check::{below_one, memory, within};
use serde::{Deserialize, Serialize};

/// どのネットワークで学習するか。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// 畳み込みの G と D
    Dcgan,
    /// 全結合だけの G と D (比較用。前の章の GAN と同じ形)
    Mlp,
}

impl Model {
    /// ファイル名などに使う名前。
    pub fn name(self) -> &'static str {
        match self {
            Model::Dcgan => "dcgan",
            Model::Mlp => "mlp",
        }
    }
}

/// 潜在変数 z の分布。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// 標準正規分布 N(0, 1)
    Normal,
    /// 一様分布 [-1, 1)
    Uniform,
}

/// 層の正規化。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// BatchNorm を、G の出力層と D の入力層を除くすべての層に置く
    Batch,
    /// どこにも置かない (壊してみる実験)
    None,
}

/// 設定のひとそろい。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// 本の図を作る設定
    Book,
    /// 論文と著者のコードの設定 (64×64 のカラー画像。CPU では何日もかかります)
    Paper,
    /// PyTorch の公開例の設定 (同上)
    Pytorch,
}

// ANCHOR: config
/// DCGAN の設定。
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
pub struct Config {
    /// ネットワーク: dcgan (畳み込み)、mlp (全結合だけ)
    #[arg(long, value_enum)]
    pub model: Model,
    /// 学習する画像のフォルダ (PNG・JPEG・WebP)。省くと教育漢字です
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// 画像の一辺: 16、32、64、128 のどれか
    #[arg(long)]
    pub size: usize,
    /// 画像のチャネル: 1 (濃淡) か 3 (カラー)。漢字では 1、--data では 3
    #[arg(long)]
    pub channels: usize,
    /// 乱数の種。同じ種なら同じ結果になります
    #[arg(long)]
    pub seed: u64,
    /// 生成器を更新する回数
    #[arg(long)]
    pub steps: usize,
    /// ミニバッチの大きさ (論文 4 節では 128)
    #[arg(long)]
    pub batch: usize,
    /// 潜在変数 z の次元 (論文では 100)
    #[arg(long)]
    pub z_dim: usize,
    /// 潜在変数 z の分布: normal か uniform (論文では uniform)
    #[arg(long, value_enum)]
    pub noise: Noise,
    /// 画像にいちばん近い層のチャネルの数。画像から 1 層離れるごとに 2 倍になります
    #[arg(long)]
    pub width: usize,
    /// ストライド 2 の層のカーネルの大きさ、2〜5 (著者のコードでは 5、PyTorch の例では 4)
    #[arg(long)]
    pub kernel: usize,
    /// 正規化: batch か none
    #[arg(long, value_enum)]
    pub norm: Norm,
    /// 学習率 (論文 4 節では 0.0002)
    #[arg(long)]
    pub lr: f64,
    /// 学習率を下げ始める時点。0.5 なら、後半で 0 まで直線的に下げます。1 なら下げません (論文と同じ)
    #[arg(long)]
    pub decay: f64,
    /// Adam の β1 (論文 4 節では 0.5)
    #[arg(long)]
    pub beta1: f64,
}

impl Config {
    /// 本の図を作る設定。2 コアで 30 秒ほどに収まる大きさです。
    pub fn book() -> Self {
        Self {
            model: Model::Dcgan,
            data: None,
            size: 32,
            channels: 1,
            seed: 0,
            // 論文との差: 30 秒で終えるために、小さなミニバッチで回数を稼ぎ、学習率を上げて、後半で下げる。
            steps: 2000,
            batch: 16,
            z_dim: 64,
            noise: Noise::Normal,
            width: 16,
            kernel: 4,
            norm: Norm::Batch,
            lr: 1e-3,
            decay: 0.5,
            beta1: 0.5,
        }
    }

    /// 論文 4 節と図 1、足りないところは著者のコード (Newmu/dcgan_code の faces) の値です。
    pub fn paper() -> Self {
        Self {
            size: 64,
            channels: 3,
            // 350,000 枚の顔を 128 枚ずつ、25 周する回数
            steps: 25 * 350_000 / 128,
            batch: 128,
            z_dim: 100,
            noise: Noise::Uniform,
            width: 128,
            kernel: 5,
            lr: 2e-4,
            decay: 1.,
            ..Self::book()
        }
    }

    /// PyTorch の公開例 (pytorch/examples の dcgan/main.py) の値です。
    pub fn pytorch() -> Self {
        Self { batch: 64, noise: Noise::Normal, width: 64, kernel: 4, ..Self::paper() }
    }

    /// 数秒もかからない設定。部品の試験に使います。
    pub fn tiny() -> Self {
        Self { size: 16, steps: 4, batch: 16, z_dim: 8, width: 4, ..Self::book() }
    }

    /// `preset` の名前で選んだ設定。
    pub fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Book => Self::book(),
            Preset::Paper => Self::paper(),
            Preset::Pytorch => Self::pytorch(),
        }
    }
}
// ANCHOR_END: config

impl Config {
    /// 生成器が画像を 2 倍に広げる回数。4×4 から始めて `size` に届くまでです。
    pub fn stages(&self) -> usize {
        (self.size / 4).ilog2() as usize
    }

    /// 全結合だけのネットワークの隠れ層の幅。本の `width` 16 では 256 です。
    pub fn hidden(&self) -> usize {
        16 * self.width
    }

    /// 学習に要るメモリの見積もり (GB)。1 GB を超える設定では、測った値の 0.8〜2.1 倍でした。
    pub fn memory(&self) -> f64 {
        let [width, kernel, z_dim, batch] =
            [self.width, self.kernel, self.z_dim, self.batch].map(|value| value as f64);
        let pixels = (self.size * self.size) as f64;
        // いちばん奥の幅。1 層奥へ進むごとに、幅は 2 倍、重みの数は 4 倍になる。
        let deepest = width * f64::from(1u32 << (self.stages() - 1));
        let weights = match self.model {
            Model::Dcgan => {
                2. * (deepest * deepest * kernel * kernel * 2. / 3. + 16. * z_dim * deepest)
            }
            Model::Mlp => {
                2. * (self.channels as f64 * pixels + self.hidden() as f64) * self.hidden() as f64
            }
        };
        let values = batch * pixels * (width / 2. + self.channels as f64);
        // 図では、1,000 枚を並べて測る。
        let figures = 1_000. * pixels * self.channels as f64;
        (32. * weights + 4. * (24. * values + 10. * figures)) / 1e9
    }

    /// 使えない値があれば、どの指定をどう直すかを伝えて失敗します。
    pub fn check(&self) -> Result<()> {
        ensure!(
            [16, 32, 64, 128].contains(&self.size),
            "--size は 16、32、64、128 のどれかにしてください ({} でした)",
            self.size
        );
        ensure!(
            [1, 3].contains(&self.channels),
            "--channels は 1 か 3 にしてください ({} でした)",
            self.channels
        );
        for (name, value, least, most) in [
            ("--steps", self.steps, 1, 10_000_000),
            // BatchNorm は 1 枚だけのミニバッチでは統計を取れない。
            ("--batch", self.batch, 2, 1_024),
            ("--z-dim", self.z_dim, 1, 4_096),
            ("--width", self.width, 1, 512),
            ("--kernel", self.kernel, 2, 5),
        ] {
            within(name, value, least, most)?;
        }
        memory(self.memory(), "--size か --width か --batch")?;
        within("--lr", self.lr, 0., 1.)?;
        within("--decay", self.decay, 0., 1.)?;
        below_one("--beta1", self.beta1)?;
        Ok(())
    }
}
