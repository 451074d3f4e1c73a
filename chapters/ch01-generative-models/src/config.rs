//! この章の設定です。すべての項目を、コマンドの指定で変えられます。

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use common::check::within;
use serde::{Deserialize, Serialize};

/// 学習に使うデータ。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Data {
    /// 2 つのクラスの正規分布 (平面の点)
    Blobs,
    /// 2 つの三日月 (平面の点)
    Moons,
    /// 手書き数字 8×8
    Digits,
}

impl Data {
    /// 1 つの標本がいくつの数でできているか。
    pub fn dim(self) -> usize {
        match self {
            Data::Blobs | Data::Moons => 2,
            Data::Digits => 64,
        }
    }

    /// クラスの数。
    pub fn classes(self) -> usize {
        match self {
            Data::Blobs | Data::Moons => 2,
            Data::Digits => 10,
        }
    }

    /// 学習に使える標本の数。
    pub fn available(self) -> usize {
        match self {
            Data::Blobs | Data::Moons => 20_000,
            // 1,797 枚のうち 500 枚は、学習に使わずに取っておく。
            Data::Digits => 1_297,
        }
    }

    /// ファイル名などに使う名前。
    pub fn name(self) -> &'static str {
        match self {
            Data::Blobs => "blobs",
            Data::Moons => "moons",
            Data::Digits => "digits",
        }
    }
}

/// 学習するモデル。上の 3 つは p(x) を持つ生成モデル、最後は p(y|x) だけの識別モデルです。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// 独立な画素: 画素ごとに別々の正規分布
    Pixels,
    /// 1 つの正規分布: 画素どうしの相関も持つ
    Gaussian,
    /// 混合ガウス: 隠れた成分を 1 つ選んでから、その正規分布に従う
    Mixture,
    /// ソフトマックスの識別モデル
    Classifier,
}

impl Model {
    /// 図と画面に出す名前。
    pub fn title(self) -> &'static str {
        match self {
            Model::Pixels => "独立画素",
            Model::Gaussian => "ガウス",
            Model::Mixture => "混合ガウス",
            Model::Classifier => "識別モデル",
        }
    }

    /// ファイル名などに使う名前。
    pub fn name(self) -> &'static str {
        match self {
            Model::Pixels => "pixels",
            Model::Gaussian => "gaussian",
            Model::Mixture => "mixture",
            Model::Classifier => "classifier",
        }
    }
}

/// 生成モデルの学習でのラベルの使い方。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Labels {
    /// 使わずに p(x) を学ぶ
    Ignore,
    /// クラスごとに p(x|y) を学ぶ
    Use,
}

// ANCHOR: config
/// この章の設定。
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
pub struct Config {
    /// データ: blobs (2 つのクラス)、moons (三日月)、digits (数字)
    #[arg(long, value_enum)]
    pub data: Data,
    /// モデル: pixels (独立な画素)、gaussian、mixture (混合)、classifier (識別)
    #[arg(long, value_enum)]
    pub model: Model,
    /// ラベル: ignore (使わず p(x) を学ぶ)、use (クラスごとに p(x|y) を学ぶ)
    #[arg(long, value_enum)]
    pub labels: Labels,
    /// 乱数の種。同じ種なら同じ結果になります
    #[arg(long)]
    pub seed: u64,
    /// 学習に使う標本の数
    #[arg(long)]
    pub train: usize,
    /// 混合の成分の数。--labels use なら、クラスごとの数です
    #[arg(long)]
    pub components: usize,
    /// 繰り返しの数 (混合では EM の反復、識別では勾配降下)
    #[arg(long)]
    pub steps: usize,
    /// 分散の下限。どの方向の分散も、これより小さくしません
    #[arg(long)]
    pub floor: f64,
    /// 識別モデルの学習率
    #[arg(long)]
    pub lr: f64,
}

impl Config {
    /// 本の図を作る設定。
    pub fn book(data: Data, model: Model) -> Self {
        let config = Self {
            data,
            model,
            labels: Labels::Ignore,
            seed: 0,
            train: data.available(),
            components: 1,
            steps: 1, // 成分が 1 つなら、平均と共分散を 1 度求めれば終わる
            floor: 1e-4,
            lr: 0.5,
        };
        let config = match model {
            Model::Pixels | Model::Gaussian => config,
            Model::Mixture => Self { components: 10, steps: 40, ..config },
            Model::Classifier => Self { steps: 500, ..config },
        };
        match data {
            // 平面の点は [-1, 1] の中に密に集まるので、勾配が小さい。
            Data::Blobs | Data::Moons => Self { train: 2_000, lr: 2., ..config },
            // 下限を変えてテストデータの尤度を測り、高くなった値 (本の「分散の下限」の図)。
            Data::Digits => Self { floor: 0.01, ..config },
        }
    }

    /// クラスごとに 1 つの正規分布 p(x|y) を学ぶ設定。
    pub fn by_class(data: Data) -> Self {
        Self { labels: Labels::Use, ..Self::book(data, Model::Gaussian) }
    }

    /// 数秒もかからない設定。部品の試験に使います。
    pub fn tiny(data: Data, model: Model) -> Self {
        let book = Self::book(data, model);
        Self { steps: book.steps.min(5), train: 300, components: book.components.min(3), ..book }
    }
}
// ANCHOR_END: config

impl Config {
    /// 使えない値があれば、どの指定をどう直すかを伝えて失敗します。
    pub fn check(&self) -> Result<()> {
        for (name, value, most) in [
            ("--steps", self.steps, 1_000_000),
            ("--train", self.train, self.data.available()),
            ("--components", self.components, 1_000),
        ] {
            within(name, value, 1, most)?;
        }
        ensure!(
            self.components == 1 || self.model == Model::Mixture,
            "--components は --model mixture のときだけ使えます"
        );
        ensure!(
            self.labels == Labels::Ignore || self.model != Model::Classifier,
            "--labels は生成モデルのための指定です。識別モデルは、いつでもラベルを使います"
        );
        ensure!(
            self.components <= self.train,
            "--components ({}) は --train ({}) 以下にしてください",
            self.components,
            self.train
        );
        within("--floor", self.floor, 0., 1.)?;
        ensure!(
            self.lr > 0. && self.lr <= 10.,
            "--lr は 0 より大きく 10 以下にしてください ({} でした)",
            self.lr
        );
        Ok(())
    }
}
