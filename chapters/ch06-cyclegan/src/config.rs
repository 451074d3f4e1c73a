//! この章の設定です。すべての項目を、コマンドの指定で変えられます。

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use common::check::{below_one, memory, within};
use serde::{Deserialize, Serialize};

/// 翻訳の向き。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// X (写真風、trainA) から Y (浮世絵風、trainB) へ
    Xy,
    /// Y (浮世絵風、trainB) から X (写真風、trainA) へ
    Yx,
}

/// 設定の出発点。
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// 本の図を作る設定 (CPU で 1 分以内)
    Book,
    /// 論文の設定 (CPU では何日もかかります)
    Paper,
}

// ANCHOR: config
/// CycleGAN の設定。
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
pub struct Config {
    /// 自分の画像のフォルダ。trainA、trainB、testA、testB を置きます。省くと、描いた風景を使います
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// 乱数の種。同じ種なら同じ結果になります
    #[arg(long)]
    pub seed: u64,
    /// 生成器を更新する回数
    #[arg(long)]
    pub steps: usize,
    /// ミニバッチの大きさ (論文では 1)
    #[arg(long)]
    pub batch: usize,
    /// 画像の一辺 (論文では 256)
    #[arg(long)]
    pub size: usize,
    /// 描いた風景を学習に使う枚数。X と Y のそれぞれです
    #[arg(long)]
    pub train: usize,
    /// 生成器の最初の層の幅 (論文では 64)
    #[arg(long)]
    pub width: usize,
    /// 生成器が画像の一辺を半分に縮める回数 (論文では 2)
    #[arg(long)]
    pub downs: usize,
    /// 残差ブロックの数 (論文では 256×256 で 9、128×128 で 6)
    #[arg(long)]
    pub blocks: usize,
    /// 生成器の出力の層のカーネル、3・5・7 のどれか (論文では 7)
    #[arg(long)]
    pub last: usize,
    /// 生成器の出力 tanh(skip·x + f(x)) で入力に掛ける数。0 なら論文のとおり tanh(f(x))、1.5 なら恒等写像の近くから始めます
    #[arg(long)]
    pub skip: f64,
    /// 識別器の最初の層の幅 (論文では 64)
    #[arg(long)]
    pub width_d: usize,
    /// 識別器のストライド 2 の層の数。1、2、3 で、小片の一辺は 16、34、70 画素です (論文では 3)
    #[arg(long)]
    pub d_layers: usize,
    /// 生成器の学習率 (論文では 2e-4)
    #[arg(long)]
    pub lr_g: f64,
    /// 識別器の学習率 (論文では 2e-4)
    #[arg(long)]
    pub lr_d: f64,
    /// Adam の β1 (著者のコードでは 0.5)
    #[arg(long)]
    pub beta1: f64,
    /// 学習率を下げ始める時点。0.5 なら、後半で 0 まで直線的に下げます (論文と同じ)
    #[arg(long)]
    pub decay: f64,
    /// サイクル一貫性損失の重み λ (論文では 10)
    #[arg(long)]
    pub lambda_cycle: f64,
    /// 恒等損失の重み (論文 5.2 節では 0.5λ = 5)。0 なら使いません
    #[arg(long)]
    pub lambda_identity: f64,
    /// 識別器に見せる、過去の偽物をためておく枚数 (論文では 50)。0 なら最新の偽物だけを見せます
    #[arg(long)]
    pub buffer: usize,
}

impl Config {
    /// 本の図を作る設定。
    pub fn book() -> Self {
        Self {
            data: None,
            seed: 0,
            steps: 300,
            batch: 4,
            size: 32,
            train: 250,
            width: 12,
            downs: 1,
            blocks: 3,
            last: 3,
            skip: 0.,
            width_d: 24,
            d_layers: 2,
            lr_g: 1e-3,
            lr_d: 8e-4,
            beta1: 0.5,
            decay: 0.5,
            lambda_cycle: 10.,
            lambda_identity: 5.,
            buffer: 50,
        }
    }

    /// 論文の設定 (4 節と付録 7)。回数は、250 枚のデータで 200 周 (100 周は一定、100 周で 0 へ) です。
    pub fn paper() -> Self {
        Self {
            steps: 50_000,
            batch: 1,
            size: 256,
            width: 64,
            downs: 2,
            blocks: 9,
            last: 7,
            width_d: 64,
            d_layers: 3,
            lr_g: 2e-4,
            lr_d: 2e-4,
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
        Self {
            steps: 4,
            batch: 2,
            size: 16,
            train: 6,
            width: 4,
            width_d: 4,
            blocks: 1,
            ..Self::book()
        }
    }
}
// ANCHOR_END: config

impl Config {
    /// 結果を置くフォルダの名前。
    pub fn name(&self) -> &'static str {
        if self.data.is_some() { "folder" } else { "landscape" }
    }

    /// 学習に要るメモリの見積もり (GB)。1 GB を超える設定では、測った値の 0.8〜2.1 倍でした。
    pub fn memory(&self) -> f64 {
        let [width, d, blocks] = [self.width, self.width_d, self.blocks].map(|value| value as f64);
        let (pixels, shrunk) = ((self.size * self.size) as f64, f64::from(1u32 << self.downs));
        let deepest = width * shrunk;
        // 生成器も識別器も 2 つずつ。
        let weights = 2. * (18. * blocks + 12.) * deepest * deepest
            + 2. * 16. * d * d * 4f64.powi(self.d_layers as i32);
        let one = pixels * width * (4. + 2. * blocks / shrunk) + pixels * d;
        // 1 回の更新で、生成器に 6 度通す。図と測定では 16 枚ずつ通す。
        let values = one * (24. * self.batch as f64).max(24.);
        let data = if self.data.is_none() { 6. * self.train as f64 * pixels } else { 0. };
        (32. * weights + 4. * (values + data)) / 1e9
    }

    /// 使えない値があれば、どの指定をどう直すかを伝えて失敗します。
    pub fn check(&self) -> Result<()> {
        for (name, value, most) in [
            ("--steps", self.steps, 10_000_000),
            ("--batch", self.batch, 256),
            ("--train", self.train, 100_000),
            ("--width", self.width, 512),
            ("--blocks", self.blocks, 32),
            ("--width-d", self.width_d, 512),
        ] {
            within(name, value, 1, most)?;
        }
        within("--downs", self.downs, 1, 4)?;
        let unit = 1 << self.downs;
        ensure!(
            (16..=1_024).contains(&self.size) && self.size.is_multiple_of(unit),
            "--size は 16 以上 1024 以下の、{unit} (2 の --downs 乗) の倍数にしてください ({} でした)",
            self.size
        );
        ensure!(
            (1..=4).contains(&self.d_layers) && self.size >> self.d_layers >= 4,
            "--d-layers は 1 以上 4 以下で、画像の一辺を 2 で割る回数です。一辺 {} の画像に {} は使えません",
            self.size,
            self.d_layers
        );
        ensure!(
            [3, 5, 7].contains(&self.last),
            "--last は 3、5、7 のどれかにしてください ({} でした)",
            self.last
        );
        memory(self.memory(), "--size か --batch か --width か --train")?;
        ensure!(
            self.buffer <= 100_000,
            "--buffer は 100000 以下にしてください ({} でした)",
            self.buffer
        );
        for (name, value, most) in [
            ("--lr-g", self.lr_g, 1.),
            ("--lr-d", self.lr_d, 1.),
            ("--decay", self.decay, 1.),
            ("--skip", self.skip, 10.),
            ("--lambda-cycle", self.lambda_cycle, 1e4),
            ("--lambda-identity", self.lambda_identity, 1e4),
        ] {
            within(name, value, 0., most)?;
        }
        below_one("--beta1", self.beta1)?;
        Ok(())
    }
}
