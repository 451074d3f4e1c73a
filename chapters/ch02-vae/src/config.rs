//! この章の設定です。すべての項目を、コマンドの指定で変えられます。

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::{Args, ValueEnum};
use common::check::{memory, within};
use serde::{Deserialize, Serialize};

/// 学習に使うデータ。
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Data {
    /// あいうえおの 5 字、16×16
    Vowels,
    /// ひらがな 46 字、16×16
    Hiragana,
    /// 手書き数字 8×8
    Digits,
    /// 手元の画像のフォルダか、MNIST の IDX ファイル
    Own(PathBuf),
}

impl Data {
    /// ファイル名などに使う名前。
    pub fn name(&self) -> &'static str {
        match self {
            Data::Vowels => "vowels",
            Data::Hiragana => "hiragana",
            Data::Digits => "digits",
            Data::Own(_) => "folder",
        }
    }
}

/// 本のデータの名前か、いまあるファイルかフォルダ。
impl std::str::FromStr for Data {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "vowels" => Data::Vowels,
            "hiragana" => Data::Hiragana,
            "digits" => Data::Digits,
            path if Path::new(path).exists() => Data::Own(path.into()),
            _ => bail!(
                "vowels、hiragana、digits のどれかか、いまある画像のフォルダか、MNIST の IDX ファイルにしてください"
            ),
        })
    }
}

/// 学習するモデル。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// 変分オートエンコーダ
    Vae,
    /// オートエンコーダ。同じ層で、潜在変数は 1 点、損失は再構成だけ
    Ae,
}

impl Model {
    /// このモデルで学習したものの、ファイル名の始まり。
    pub fn file_name(self, data: &Data) -> String {
        match self {
            Model::Vae => data.name().to_string(),
            Model::Ae => format!("{}-ae", data.name()),
        }
    }
}

/// 再パラメータ化 (論文 2.4 節) をするか。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reparam {
    /// z = μ + σ·ε と計算する
    On,
    /// 同じ z を、ただの抽選の結果とみなす (わざと壊す)
    Off,
}

// ANCHOR: config
/// VAE とオートエンコーダの設定。
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
pub struct Config {
    /// データ: vowels (あいうえお)、hiragana (46 字)、digits (数字)、または手元の画像のフォルダか MNIST の IDX ファイル
    #[arg(long)]
    pub data: Data,
    /// 手元の画像の一辺
    #[arg(long)]
    pub size: usize,
    /// 手元の画像のチャネル: 1 (濃淡) か 3 (カラー)。IDX では 1、フォルダでは 3
    #[arg(long)]
    pub channels: usize,
    /// モデル: vae か ae (ふつうのオートエンコーダ)
    #[arg(long, value_enum)]
    pub model: Model,
    /// 乱数の種。同じ種なら同じ結果になります
    #[arg(long)]
    pub seed: u64,
    /// 更新する回数
    #[arg(long)]
    pub steps: usize,
    /// ミニバッチの大きさ M (論文 2.3 節では 100)
    #[arg(long)]
    pub batch: usize,
    /// 潜在変数 z の次元
    #[arg(long)]
    pub z_dim: usize,
    /// 隠れ層の幅 (論文 5 節の MNIST では 500)
    #[arg(long)]
    pub hidden: usize,
    /// 学習率
    #[arg(long, allow_negative_numbers = true)]
    pub lr: f64,
    /// KL の重み β。1 なら元の VAE、1 より大きければ β-VAE (Higgins et al. 2017) です
    #[arg(long, allow_negative_numbers = true)]
    pub beta: f64,
    /// 再パラメータ化: on か off (off はわざと壊した学習です)
    #[arg(long, value_enum)]
    pub reparam: Reparam,
    /// 入力の画素を汚す割合 (0 から 1)。目標は汚す前の画像です (デノイジング)
    #[arg(long, allow_negative_numbers = true)]
    pub noise: f64,
    /// 24 書体に加えるフォントのファイル (.ttf、.otf)
    #[arg(long, value_name = "FILE")]
    pub font: Option<PathBuf>,
}

impl Config {
    /// 本の図を作る設定。どのデータも、2 コアで数秒に収まる値です。
    pub fn book(data: Data) -> Self {
        let vowels = Self {
            data: Data::Vowels,
            size: 16,
            channels: 1,
            model: Model::Vae,
            seed: 0,
            steps: 3000,
            batch: 100,
            z_dim: 2,
            hidden: 64,
            lr: 4e-3,
            beta: 1.,
            reparam: Reparam::On,
            noise: 0.,
            font: None,
        };
        match data {
            Data::Vowels => vowels,
            Data::Hiragana => Self { data, z_dim: 16, hidden: 256, lr: 1e-3, ..vowels },
            Data::Digits => Self { data, size: 8, steps: 2000, hidden: 128, lr: 2e-3, ..vowels },
            Data::Own(_) => Self { data, size: 28, ..Self::book(Data::Hiragana) },
        }
    }

    /// 同じ設定の、ふつうのオートエンコーダ。
    pub fn autoencoder(self) -> Self {
        Self { model: Model::Ae, ..self }
    }

    /// β を動かす実験の設定。潜在変数を 16 次元にして、使われなくなる余地を残します。
    pub fn swept(beta: f64) -> Self {
        Self { beta, z_dim: 16, hidden: 96, steps: 1200, lr: 2e-3, ..Self::book(Data::Vowels) }
    }

    /// わざと壊した設定。エンコーダに再構成の勾配が届きません。
    pub fn broken() -> Self {
        Self { reparam: Reparam::Off, ..Self::book(Data::Vowels) }
    }

    /// 汚した入力からきれいな画像を戻す、デノイジングオートエンコーダ。
    pub fn denoising() -> Self {
        Self { noise: 0.2, ..Self::swept(0.) }.autoencoder()
    }

    /// 数秒もかからない設定。部品の試験に使います。
    pub fn tiny(data: Data) -> Self {
        Self { steps: 8, batch: 16, hidden: 16, ..Self::book(data) }
    }
}
// ANCHOR_END: config

impl Config {
    /// 保存するファイルの名前の始まり。
    pub fn name(&self) -> String {
        self.model.file_name(&self.data)
    }

    /// 1 枚の画像がいくつの数でできているか。
    pub fn dim(&self) -> usize {
        self.channels * self.size * self.size
    }

    /// 学習に要るメモリの見積もり (GB)。重みと勾配と Adam の状態、途中の値です。
    pub fn memory(&self) -> f64 {
        let (dim, hidden) = (self.dim() as f64, self.hidden as f64);
        let weights = 2. * (dim + hidden + self.z_dim as f64) * hidden;
        (32. * weights + 4. * 30. * self.batch as f64 * (dim + hidden)) / 1e9
    }

    /// 使えない値があれば、どの指定をどう直すかを伝えて失敗します。
    pub fn check(&self) -> Result<()> {
        for (name, value, most) in [
            ("--steps", self.steps, 10_000_000),
            ("--batch", self.batch, 1_024),
            ("--z-dim", self.z_dim, 4_096),
            ("--hidden", self.hidden, 4_096),
        ] {
            within(name, value, 1, most)?;
        }
        for (name, value, most) in
            [("--lr", self.lr, 1.), ("--beta", self.beta, 1e6), ("--noise", self.noise, 1.)]
        {
            within(name, value, 0., most)?;
        }
        if !matches!(self.data, Data::Own(_)) {
            let book = Self::book(self.data.clone());
            ensure!(
                (self.size, self.channels) == (book.size, book.channels),
                "--size と --channels は、手元の画像のための指定です。--data に画像のフォルダか、MNIST の IDX ファイルを指定してください"
            );
        }
        within("--size", self.size, 8, 128)?;
        memory(self.memory(), "--hidden か --size")?;
        ensure!(
            [1, 3].contains(&self.channels),
            "--channels は 1 か 3 にしてください ({} でした)",
            self.channels
        );
        ensure!(
            self.font.is_none() || matches!(self.data, Data::Vowels | Data::Hiragana),
            "--font は文字のデータに足すものです。--data vowels か --data hiragana と一緒に指定してください"
        );
        Ok(())
    }
}
