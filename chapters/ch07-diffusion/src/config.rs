//! この章の設定です。すべての項目を、コマンドの指定で変えられます。

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use common::check::{below_one, within};
use serde::{Deserialize, Serialize};

/// 学習に使うデータ。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
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
}

impl Data {
    /// 画像の一辺の画素数。平面の点では None です。
    pub fn side(self) -> Option<usize> {
        match self {
            Data::Ring | Data::Moons => None,
            Data::Digits => Some(8),
            Data::Hiragana => Some(16),
        }
    }

    /// 1 つの標本がいくつの数でできているか。
    pub fn dim(self) -> usize {
        self.side().map_or(2, |side| side * side)
    }

    /// 条件として渡せるクラス (字) の数。0 なら無条件です。
    pub fn classes(self) -> usize {
        match self {
            Data::Ring | Data::Moons => 0,
            Data::Digits => 10,
            Data::Hiragana => 46,
        }
    }

    /// ファイル名などに使う名前。
    pub fn name(self) -> &'static str {
        match self {
            Data::Ring => "ring",
            Data::Moons => "moons",
            Data::Digits => "digits",
            Data::Hiragana => "hiragana",
        }
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
    /// ᾱ_t が余弦の 2 乗になるように決める (arXiv:2102.09672 式 17)
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
    /// データ: ring (8 つの山)、moons (三日月)、digits (数字)、hiragana (46 字)
    #[arg(long, value_enum)]
    pub data: Data,
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
    /// ノイズの増やし方: linear (直線) か cosine (余弦)
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
            data,
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
            Data::Digits => Self { steps: 1500, hidden: 192, ..pictures },
            Data::Hiragana => Self { space: Space::Latent, steps: 2000, ..pictures },
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
        match (self.space, self.data) {
            (Space::Pixels, Data::Hiragana) => format!("{data}-pixels"),
            (Space::Latent, Data::Digits) => format!("{data}-latent"),
            _ => data.to_string(),
        }
    }

    /// 拡散する空間の次元。
    pub fn dim(&self) -> usize {
        match self.space {
            Space::Pixels => self.data.dim(),
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
        // 直線のスケジュールは T が 20 以下だと β が 1 を超える。1 歩で終わる生成も試せるよう、余弦では 2 から許す。
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
            self.space == Space::Pixels || self.data.side().is_some(),
            "--space latent は画像を縮めるものです。--data digits か --data hiragana と一緒に指定してください"
        );
        Ok(())
    }
}
