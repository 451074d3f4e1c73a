//! この章の設定です。すべての項目を、コマンドの指定で変えられます。

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::{Args, ValueEnum};
use common::check::{below_one, memory, within};
use serde::{Deserialize, Serialize};

/// 学習に使うデータ。
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Data {
    /// 輪に並んだ 8 個のガウス分布 (平面の点)
    Ring,
    /// 2 つの三日月 (平面の点)
    Moons,
    /// 手書き数字 8×8
    Digits,
    /// ひらがな 46 字、16×16
    Hiragana,
    /// 手元の画像のフォルダか、MNIST の IDX ファイル
    Own(PathBuf),
}

impl Data {
    /// 平面の点なら真、画像なら偽。
    pub fn is_points(&self) -> bool {
        matches!(self, Data::Ring | Data::Moons)
    }

    /// 条件として渡せるクラス (字) の数。0 なら無条件です。
    pub fn classes(&self) -> usize {
        match self {
            Data::Ring | Data::Moons | Data::Own(_) => 0,
            Data::Digits => 10,
            Data::Hiragana => 46,
        }
    }

    /// ファイル名などに使う名前。
    pub fn name(&self) -> &'static str {
        match self {
            Data::Ring => "ring",
            Data::Moons => "moons",
            Data::Digits => "digits",
            Data::Hiragana => "hiragana",
            Data::Own(_) => "folder",
        }
    }
}

/// 本のデータの名前か、いまあるファイルかフォルダ。
impl std::str::FromStr for Data {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "ring" => Data::Ring,
            "moons" => Data::Moons,
            "digits" => Data::Digits,
            "hiragana" => Data::Hiragana,
            path if Path::new(path).exists() => Data::Own(path.into()),
            _ => bail!(
                "ring、moons、digits、hiragana のどれかか、いまある画像のフォルダか、MNIST の IDX ファイルにしてください"
            ),
        })
    }
}

/// どこで拡散するか。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Space {
    /// データそのもの (画素、座標)
    Pixels,
    /// オートエンコーダで縮めた潜在空間 (潜在拡散、arXiv:2112.10752)
    Latent,
}

/// 1 歩ごとに足すノイズの分散 β_t の決め方。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Betas {
    /// 直線で増やす (DDPM 4 節)
    Linear,
    /// ᾱ_t がコサインの 2 乗になるように決める (arXiv:2102.09672 式 17)
    Cosine,
}

/// ネットワークに時刻 t を渡すか。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Time {
    /// 渡す
    On,
    /// 渡さない (わざと壊す)
    Off,
}

// ANCHOR: config
/// 拡散モデルの設定。
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
pub struct Config {
    /// データ: ring (8 つの山)、moons (三日月)、digits (数字)、hiragana (46 字)、または手元の画像のフォルダか MNIST の IDX ファイル
    #[arg(long)]
    pub data: Data,
    /// 手元の画像の一辺 (点では 0)
    #[arg(long)]
    pub size: usize,
    /// 手元の画像のチャネル: 1 (濃淡) か 3 (カラー)。IDX では 1、フォルダでは 3
    #[arg(long)]
    pub channels: usize,
    /// どこで拡散するか: pixels (画素のまま) か latent (縮めた潜在空間。画像だけ)
    #[arg(long, value_enum)]
    pub space: Space,
    /// 乱数の種。同じ種なら同じ結果になります
    #[arg(long)]
    pub seed: u64,
    /// ノイズを当てるネットワークを更新する回数
    #[arg(long)]
    pub steps: usize,
    /// ミニバッチの大きさ (論文 付録 B では 128)
    #[arg(long)]
    pub batch: usize,
    /// 隠れ層の幅
    #[arg(long)]
    pub hidden: usize,
    /// 学習率 (論文 付録 B では 2e-4)。後半は 0 まで直線で下げます
    #[arg(long)]
    pub lr: f64,
    /// 時刻ステップの数 T (論文では 1000)
    #[arg(long)]
    pub timesteps: usize,
    /// ノイズの増やし方: linear (直線) か cosine (コサイン)
    #[arg(long, value_enum)]
    pub betas: Betas,
    /// ネットワークに時刻を渡すか: on か off (off はわざと壊した学習です)
    #[arg(long, value_enum)]
    pub time: Time,
    /// 学習のときに条件を空にする割合 (arXiv:2207.12598 では 0.1 か 0.2)
    #[arg(long)]
    pub drop: f64,
    /// 生成のときのガイダンスの強さ w。0 は条件なし、1 は条件つきの答えそのまま
    #[arg(long)]
    pub guidance: f64,
    /// 重みの指数移動平均 (EMA) に残す割合 (論文 付録 B では 0.9999)
    #[arg(long)]
    pub ema: f64,
    /// 潜在変数の次元 (latent のときだけ使います)
    #[arg(long)]
    pub z_dim: usize,
    /// 先にオートエンコーダを更新する回数 (latent のときだけ使います)
    #[arg(long)]
    pub ae_steps: usize,
}

impl Config {
    /// 本の図を作る設定。どれも、2 コアで 15 秒ほどに収まる値です。
    ///
    /// 論文との差: T は 1000 でなく 100。小さなデータでは 100 で足り、学習も生成も短く済みます。
    pub fn book(data: Data) -> Self {
        let points = Self {
            data: data.clone(),
            size: 0,
            channels: 1,
            space: Space::Pixels,
            seed: 0,
            steps: 4000,
            batch: 256,
            hidden: 64,
            lr: 2e-3,
            timesteps: 100,
            betas: Betas::Cosine,
            time: Time::On,
            drop: 0.,
            guidance: 1.,
            ema: 0.99,
            z_dim: 16,
            ae_steps: 2000,
        };
        let pictures = Self {
            batch: 128,
            hidden: 256,
            drop: 0.15,
            guidance: 2.,
            ema: 0.995,
            ..points.clone()
        };
        match data {
            Data::Ring | Data::Moons => points,
            Data::Digits => Self { size: 8, steps: 1500, hidden: 192, ..pictures },
            Data::Hiragana => Self { size: 16, space: Space::Latent, steps: 2000, ..pictures },
            // 手元の画像は、種類を選ばずに (無条件で) 作る。
            Data::Own(_) => {
                Self { size: 28, steps: 4000, batch: 64, drop: 0., guidance: 1., ..pictures }
            }
        }
    }

    /// 潜在空間を使わず、画素のまま拡散する設定。更新の回数もネットワークの幅も同じです。
    pub fn pixels() -> Self {
        Self { space: Space::Pixels, ..Self::book(Data::Hiragana) }
    }

    /// わざと壊した設定。ネットワークは、どれだけ汚れているかを知りません。
    pub fn timeless() -> Self {
        Self { time: Time::Off, ..Self::book(Data::Ring) }
    }

    /// 数秒もかからない設定。部品の試験に使います。
    pub fn tiny(data: Data) -> Self {
        Self { steps: 8, batch: 16, hidden: 16, timesteps: 10, ae_steps: 4, ..Self::book(data) }
    }
}
// ANCHOR_END: config

impl Config {
    /// 結果を置くフォルダやファイルの名前。
    pub fn name(&self) -> String {
        let data = self.data.name();
        match (self.space, &self.data) {
            (Space::Pixels, Data::Hiragana) => format!("{data}-pixels"),
            (Space::Latent, Data::Digits | Data::Own(_)) => format!("{data}-latent"),
            _ => data.to_string(),
        }
    }

    /// 1 つの標本がいくつの数でできているか。
    pub fn data_dim(&self) -> usize {
        if self.data.is_points() { 2 } else { self.channels * self.size * self.size }
    }

    /// 学習に要るメモリの見積もり (GB)。重みと勾配と Adam の状態と移動平均、途中の値です。
    pub fn memory(&self) -> f64 {
        let (dim, hidden) = (self.data_dim() as f64, self.hidden as f64);
        let weights = (2. * dim + 4. * hidden + self.z_dim as f64) * hidden;
        (40. * weights + 4. * 30. * self.batch as f64 * (dim + hidden)) / 1e9
    }

    /// 拡散する空間の次元。
    pub fn dim(&self) -> usize {
        match self.space {
            Space::Pixels => self.data_dim(),
            Space::Latent => self.z_dim,
        }
    }

    /// 使えない値があれば、どの指定をどう直すかを伝えて失敗します。
    pub fn check(&self) -> Result<()> {
        for (name, value, most) in [
            ("--steps", self.steps, 10_000_000),
            ("--batch", self.batch, 1_024),
            ("--hidden", self.hidden, 4_096),
            ("--z-dim", self.z_dim, 4_096),
            ("--ae-steps", self.ae_steps, 10_000_000),
        ] {
            within(name, value, 1, most)?;
        }
        match self.data {
            Data::Own(_) => within("--size", self.size, 8, 128)?,
            _ => {
                let book = Self::book(self.data.clone());
                ensure!(
                    (self.size, self.channels) == (book.size, book.channels),
                    "--size と --channels は、手元の画像のための指定です。--data に画像のフォルダか、MNIST の IDX ファイルを指定してください"
                );
            }
        }
        ensure!(
            [1, 3].contains(&self.channels),
            "--channels は 1 か 3 にしてください ({} でした)",
            self.channels
        );
        memory(self.memory(), "--hidden か --size か --z-dim")?;
        // 直線のスケジュールは T が 20 以下だと β が 1 を超える。1 歩で終わる生成も試せるよう、コサインでは 2 から許す。
        let least = if self.betas == Betas::Linear { 21 } else { 2 };
        within("--timesteps", self.timesteps, least, 10_000)?;
        within("--lr", self.lr, 0., 1.)?;
        within("--drop", self.drop, 0., 1.)?;
        within("--guidance", self.guidance, 0., 100.)?;
        below_one("--ema", self.ema)?;
        ensure!(
            self.data.classes() > 0 || self.guidance == 1. && self.drop == 0.,
            "--guidance と --drop は、作る字を指定できるデータのものです。--data digits か --data hiragana と一緒に指定してください"
        );
        ensure!(
            self.space == Space::Pixels || !self.data.is_points(),
            "--space latent は画像を縮めるものです。--data digits や --data hiragana と一緒に指定してください"
        );
        Ok(())
    }
}
