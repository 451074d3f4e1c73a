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
    /// 手元の画像のフォルダか、MNIST の IDX ファイル
    Own(PathBuf),
}

impl Data {
    /// 平面の点なら真、画像なら偽。
    pub fn is_points(&self) -> bool {
        matches!(self, Data::Ring | Data::Moons)
    }

    /// ファイル名などに使う名前。
    pub fn name(&self) -> &'static str {
        match self {
            Data::Ring => "ring",
            Data::Moons => "moons",
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
            "ring" => Data::Ring,
            "moons" => Data::Moons,
            "digits" => Data::Digits,
            path if Path::new(path).exists() => Data::Own(path.into()),
            _ => bail!(
                "ring、moons、digits のどれかか、いまある画像のフォルダか、MNIST の IDX ファイルにしてください"
            ),
        })
    }
}

/// 生成器の損失 (論文 3 節)。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GLoss {
    /// −log D(G(z)) を小さくする (実際に使われる形)
    NonSaturating,
    /// log(1 − D(G(z))) を小さくする (式 1 のとおり)
    Saturating,
}

// ANCHOR: config
/// GAN の設定。
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
pub struct Config {
    /// データ: ring (8 つの山)、moons (三日月)、digits (数字)、または手元の画像のフォルダか MNIST の IDX ファイル
    #[arg(long)]
    pub data: Data,
    /// 手元の画像の一辺 (点では 0)
    #[arg(long)]
    pub size: usize,
    /// 手元の画像のチャネル: 1 (濃淡) か 3 (カラー)。IDX では 1、フォルダでは 3
    #[arg(long)]
    pub channels: usize,
    /// 乱数の種。同じ種なら同じ結果になります
    #[arg(long)]
    pub seed: u64,
    /// 生成器を更新する回数
    #[arg(long)]
    pub steps: usize,
    /// ミニバッチの大きさ m (論文のアルゴリズム 1)
    #[arg(long)]
    pub batch: usize,
    /// ノイズ z の次元
    #[arg(long)]
    pub z_dim: usize,
    /// 隠れ層の幅
    #[arg(long)]
    pub hidden: usize,
    /// 生成器の学習率
    #[arg(long)]
    pub lr_g: f64,
    /// 識別器の学習率
    #[arg(long)]
    pub lr_d: f64,
    /// Adam の β1。0.5 は DCGAN (arXiv:1511.06434 4 節) の推奨です
    #[arg(long)]
    pub beta1: f64,
    /// 生成器を 1 回更新するごとに識別器を更新する回数 k (論文の実験では 1)
    #[arg(long)]
    pub d_steps: usize,
    /// 生成器の損失: non-saturating か saturating
    #[arg(long, value_enum)]
    pub g_loss: GLoss,
    /// 識別器が一度に見る標本の数 (PacGAN, arXiv:1712.04086)。1 なら元の GAN です
    #[arg(long)]
    pub pack: usize,
}

impl Config {
    /// 本の図を作る設定。`data` ごとに、2 コアで 20 秒ほどに収まる値です。
    pub fn book(data: Data) -> Self {
        let points = Self {
            data: data.clone(),
            size: 0,
            channels: 1,
            seed: 0,
            steps: 4000,
            batch: 128,
            z_dim: 2,
            hidden: 64,
            lr_g: 1e-3,
            lr_d: 2e-3,
            beta1: 0.5,
            d_steps: 1,
            g_loss: GLoss::NonSaturating,
            pack: 1,
        };
        match data {
            Data::Ring | Data::Moons => points,
            Data::Digits => Self {
                size: 8,
                steps: 6000,
                batch: 64,
                z_dim: 32,
                hidden: 256,
                lr_d: 1e-3,
                ..points
            },
            Data::Own(_) => Self { data, size: 28, ..Self::book(Data::Digits) },
        }
    }

    /// わざと壊した設定。識別器の学習が生成器に追いつけません。
    pub fn collapsed() -> Self {
        Self { lr_d: 2e-4, ..Self::book(Data::Ring) }
    }

    /// 壊した設定のまま、識別器に標本を 2 つずつ見せて直した設定 (PacGAN)。
    pub fn cured() -> Self {
        Self { pack: 2, ..Self::collapsed() }
    }

    /// 数秒もかからない設定。部品の試験に使います。
    pub fn tiny(data: Data) -> Self {
        Self { steps: 8, batch: 16, hidden: 16, ..Self::book(data) }
    }
}
// ANCHOR_END: config

impl Config {
    /// 1 つの標本がいくつの数でできているか。
    pub fn dim(&self) -> usize {
        if self.data.is_points() { 2 } else { self.channels * self.size * self.size }
    }

    /// 学習に要るメモリの見積もり (GB)。重みと勾配と Adam の状態、途中の値です。
    pub fn memory(&self) -> f64 {
        let (dim, hidden) = (self.dim() as f64, self.hidden as f64);
        let weights = ((1 + self.pack) as f64 * dim + 2. * hidden + self.z_dim as f64) * hidden;
        (32. * weights + 4. * 30. * self.batch as f64 * (dim + hidden)) / 1e9
    }

    /// 使えない値があれば、どの指定をどう直すかを伝えて失敗します。
    pub fn check(&self) -> Result<()> {
        for (name, value, most) in [
            ("--steps", self.steps, 10_000_000),
            ("--batch", self.batch, 1_024),
            ("--z-dim", self.z_dim, 4_096),
            ("--hidden", self.hidden, 4_096),
            ("--d-steps", self.d_steps, 100),
            ("--pack", self.pack, 1_024),
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
        memory(self.memory(), "--hidden か --size か --pack")?;
        for (name, value) in [("--lr-g", self.lr_g), ("--lr-d", self.lr_d)] {
            within(name, value, 0., 1.)?;
        }
        below_one("--beta1", self.beta1)?;
        ensure!(
            self.batch.is_multiple_of(self.pack),
            "--pack ({}) は --batch ({}) を割り切る数にしてください",
            self.pack,
            self.batch
        );
        Ok(())
    }
}
