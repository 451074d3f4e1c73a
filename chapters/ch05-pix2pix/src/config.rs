//! この章の設定です。すべての項目を、コマンドの指定で変えられます。

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::{Args, ValueEnum};
use common::check::{below_one, memory, within};
use serde::{Deserialize, Serialize};

/// 仕組みの 1 つを使うか、外すか。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// 使う
    On,
    /// 外す
    Off,
}

/// 学習用の入力と正解の組み合わせ方。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pairs {
    /// 入力と、その正解
    Aligned,
    /// 入力と、でたらめに選んだ別の正解 (わざと壊す)
    Shuffled,
}

/// 左右に並べた対の、どちらからどちらへ変換するか。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// 左 (A) から右 (B) へ
    Ab,
    /// 右 (B) から左 (A) へ
    Ba,
}

/// 対の 1 枚の、幅と高さの比。「4:3」のように書きます。
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Ratio(pub [u32; 2]);

impl std::str::FromStr for Ratio {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let sides: Vec<u32> = text.split(':').filter_map(|side| side.trim().parse().ok()).collect();
        match sides[..] {
            [width @ 1..=1_000, height @ 1..=1_000] if text.matches(':').count() == 1 => {
                Ok(Self([width, height]))
            }
            _ => bail!("4:3 のように、1 枚の幅と高さの比を書いてください"),
        }
    }
}

impl From<Ratio> for String {
    fn from(Ratio([width, height]): Ratio) -> Self {
        format!("{width}:{height}")
    }
}

impl TryFrom<String> for Ratio {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// 設定の出発点。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// 本の図を作る設定
    Book,
    /// 論文の設定 (CPU では何日もかかります)
    Paper,
}

// ANCHOR: config
/// Pix2Pix の設定。節の番号は論文 (arXiv:1611.07004) のものです。
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
pub struct Config {
    /// 左右に並べた対の画像のフォルダ (中に train と、test か val)。省くと漢字の 2 書体です
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// 手元の対を、ab (左から右へ) と ba (右から左へ) のどちらに変換するか
    #[arg(long, value_enum)]
    pub direction: Direction,
    /// 手元の対の 1 枚の、幅と高さの比 (4:3 など。ふつうは正方形どうしの 1:1)
    #[arg(long, value_name = "W:H")]
    pub pair_ratio: Ratio,
    /// 乱数の種。同じ種なら同じ結果になります
    #[arg(long)]
    pub seed: u64,
    /// 更新の回数
    #[arg(long)]
    pub steps: usize,
    /// ミニバッチの大きさ (3.3 節では 1〜10)
    #[arg(long)]
    pub batch: usize,
    /// 画像の一辺。2 の累乗です (論文では 256)
    #[arg(long)]
    pub size: usize,
    /// 画像のチャネル数: 1 (濃淡) か 3 (RGB)
    #[arg(long)]
    pub channels: usize,
    /// 生成器の最初の層の幅 (論文では 64)
    #[arg(long)]
    pub width_g: usize,
    /// 識別器の最初の層の幅 (論文では 64)
    #[arg(long)]
    pub width_d: usize,
    /// 識別器のストライド 2 の層の数。1、2、3 で受容野が 16、34、70 になります (論文では 3)
    #[arg(long)]
    pub patch_layers: usize,
    /// U-Net のスキップ結合: on か off
    #[arg(long, value_enum)]
    pub skips: Switch,
    /// ドロップアウトで消す割合 (論文では 0.5)。生成器に入るノイズは、これだけです
    #[arg(long)]
    pub dropout: f64,
    /// L1 の項の重み λ (式 4。論文では 100)。0 なら GAN だけで学習します
    #[arg(long)]
    pub lambda_l1: f64,
    /// GAN の項の重み (論文では 1)。0 なら L1 だけで学習します
    #[arg(long)]
    pub lambda_gan: f64,
    /// 学習率 (3.3 節では 2e-4)
    #[arg(long)]
    pub lr: f64,
    /// Adam の β1 (3.3 節では 0.5)
    #[arg(long)]
    pub beta1: f64,
    /// 学習用の対: aligned (正しい対) か shuffled (ばらばらにした対)
    #[arg(long, value_enum)]
    pub pairs: Pairs,
    /// 何画素だけ大きく用意し、切り取る場所を毎回ずらすか (6.2 節では 30: 286 から 256 へ)
    #[arg(long)]
    pub jitter: usize,
    /// 正解だけを、1 枚ごとにでたらめな向きへ何画素までずらすか。正解が 1 つに決まらないデータになります
    #[arg(long)]
    pub shift: usize,
    /// ときどき左右を裏返すか: on か off。文字は裏返せません
    #[arg(long, value_enum)]
    pub mirror: Switch,
}

impl Config {
    /// 本の図を作る設定。2 コアで 20 秒ほどに収まる値です。
    pub fn book() -> Self {
        Self {
            data: None,
            direction: Direction::Ab,
            pair_ratio: Ratio([1, 1]),
            seed: 0,
            steps: 400,
            batch: 16,
            size: 32,
            channels: 1,
            width_g: 24,
            width_d: 16,
            patch_layers: 1,
            skips: Switch::On,
            dropout: 0.5,
            lambda_l1: 100.,
            lambda_gan: 1.,
            lr: 5e-4, // 論文との差: 小さなネットワークを、少ない回数で学ばせる
            beta1: 0.5,
            pairs: Pairs::Aligned,
            jitter: 0, // 漢字は、どの字も枠の同じ場所にある
            shift: 0,
            mirror: Switch::Off,
        }
    }

    /// 論文の設定 (6.1 節と 6.2 節)。手持ちの画像のための大きさで、CPU では何日もかかります。
    pub fn paper() -> Self {
        Self {
            steps: 80_000, // 400 枚の建物の写真を 200 巡
            lr: 2e-4,
            batch: 1,
            size: 256,
            channels: 3,
            width_g: 64,
            width_d: 64,
            patch_layers: 3,
            jitter: 30,
            mirror: Switch::On,
            ..Self::book()
        }
    }

    /// `preset` の名前で選んだ設定。
    pub fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Book => Self::book(),
            Preset::Paper => Self::paper(),
        }
    }

    /// 数秒もかからない設定。部品の試験に使います。
    pub fn tiny() -> Self {
        Self { steps: 3, batch: 4, width_g: 4, width_d: 4, ..Self::book() }
    }
}
// ANCHOR_END: config

impl Config {
    /// 残すファイルの名前の始まり。
    pub fn name(&self) -> &'static str {
        if self.data.is_some() { "folder" } else { "kanji" }
    }

    /// 切り取る前の、学習用の画像の一辺。
    pub fn frame(&self) -> usize {
        self.size + self.jitter + 2 * self.shift
    }

    /// 学習に要るメモリの見積もり (GB)。1 GB を超える設定では、測った値の 0.8〜2.1 倍でした。
    pub fn memory(&self) -> f64 {
        let [g, d] = [self.width_g, self.width_d].map(|width| width as f64);
        let pixels = (self.size * self.size) as f64;
        // 幅は最初の 8 倍で頭打ちになり、そこから先の段は、どれも同じ数の重みを持つ。
        let deep = f64::from(self.size.ilog2()).max(4.) - 3.;
        let weights = 16. * 64. * (3. * deep * g * g + 0.7 * d * d);
        let one = 1.5 * pixels * (g + d);
        // 変換は 16 枚ずつ通す。
        let values = one * (12. * self.batch as f64).max(32.);
        let data = if self.data.is_none() {
            1_026. * 2. * (self.frame() * self.frame()) as f64
        } else {
            0.
        };
        (32. * weights + 4. * (values + data)) / 1e9
    }

    /// 使えない値があれば、どの指定をどう直すかを伝えて失敗します。
    pub fn check(&self) -> Result<()> {
        for (name, value, most) in [
            ("--steps", self.steps, 10_000_000),
            ("--batch", self.batch, 1_024),
            ("--width-g", self.width_g, 512),
            ("--width-d", self.width_d, 512),
            ("--patch-layers", self.patch_layers, 6),
        ] {
            within(name, value, 1, most)?;
        }
        ensure!(
            (16..=1024).contains(&self.size) && self.size.is_power_of_two(),
            "--size は 16、32、64 のような 2 の累乗で、1024 以下にしてください ({} でした)",
            self.size
        );
        ensure!(
            self.size >> self.patch_layers >= 3,
            "--patch-layers {} には、画像の一辺 {} が小さすぎます。--patch-layers を減らすか --size を増やしてください",
            self.patch_layers,
            self.size
        );
        ensure!(
            [1, 3].contains(&self.channels),
            "--channels は 1 (濃淡) か 3 (RGB) にしてください ({} でした)",
            self.channels
        );
        ensure!(
            self.data.is_some() || (self.channels == 1 && self.mirror == Switch::Off),
            "漢字の画像は濃淡だけで、裏返すと別の形になります。--channels 1 --mirror off のままにするか、--data で画像のフォルダを指定してください"
        );
        ensure!(
            self.data.is_some()
                || (self.direction, self.pair_ratio) == (Direction::Ab, Ratio([1, 1])),
            "--direction と --pair-ratio は、手元の対のための指定です。--data でフォルダを指定してください"
        );
        ensure!(
            self.jitter <= self.size / 2,
            "--jitter は --size の半分 ({}) 以下にしてください ({} でした)",
            self.size / 2,
            self.jitter
        );
        memory(self.memory(), "--size か --batch か --width-g か --width-d")?;
        within("--shift", self.shift, 0, 8)?;
        for (name, value) in [("--dropout", self.dropout), ("--beta1", self.beta1)] {
            below_one(name, value)?;
        }
        within("--lr", self.lr, 0., 1.)?;
        for (name, value) in [("--lambda-l1", self.lambda_l1), ("--lambda-gan", self.lambda_gan)] {
            within(name, value, 0., 1e6)?;
        }
        ensure!(
            self.lambda_l1 + self.lambda_gan > 0.,
            "--lambda-l1 と --lambda-gan のどちらかは 0 より大きくしてください"
        );
        Ok(())
    }
}
