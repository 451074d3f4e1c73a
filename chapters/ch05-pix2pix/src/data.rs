//! 対になった画像。漢字の 2 書体です (手持ちの画像は `book` が読みます)。

use anyhow::Result;
use candle_core::{Device, Tensor};
use common::glyphs::{self, Font, Placement};
use common::seed::Seed;
use rand::Rng;
use rand::seq::SliceRandom;

use crate::config::{Config, Pairs, Switch};

/// 取り置く字の数。
pub const HELD_OUT: usize = 100;

/// 対になった画像。どちらも `[N, C, 一辺, 一辺]`、値は [-1, 1] です。
pub struct Pictures {
    /// 入力
    pub x: Tensor,
    /// 正解
    pub y: Tensor,
}

/// 学習用の対と、学習では一度も見せない対。
pub struct Dataset {
    /// 一辺は `size + jitter + 2 shift` です。
    pub train: Pictures,
    /// 一辺は `size` です。
    pub held_out: Pictures,
}

// ANCHOR: dataset
/// 漢字の 2 書体から、学習用と取り置きの対を用意します。
pub fn dataset(config: &Config) -> Result<Dataset> {
    let (train, held_out) = characters(Seed(config.seed));
    let train = kanji(&train, config.frame(), config.size)?;
    let held_out = kanji(&held_out, config.size, config.size)?;
    paired(config, train, held_out)
}

/// 用意した対を、設定のとおりに組にします。
pub fn paired(config: &Config, mut train: Pictures, held_out: Pictures) -> Result<Dataset> {
    if config.pairs == Pairs::Shuffled {
        // わざと壊す: 画像は同じまま、どの入力の正解かという対応だけを失わせる。
        let mut order: Vec<u32> = (0..train.y.dim(0)? as u32).collect();
        order.shuffle(&mut Seed(config.seed).rng("unpaired"));
        train.y = train.y.index_select(&Tensor::new(order, &Device::Cpu)?, 0)?;
    }
    Ok(Dataset { train, held_out })
}

/// 教育漢字を、学習用の 926 字と、取り置く 100 字に分けます。
pub fn characters(seed: Seed) -> (Vec<char>, Vec<char>) {
    let mut all = glyphs::kyoiku_kanji();
    all.shuffle(&mut seed.rng("split"));
    let held_out = all.split_off(all.len() - HELD_OUT);
    (all, held_out)
}
// ANCHOR_END: dataset

/// 同じ字のゴシック体 (入力) と明朝体 (正解)。一辺 `frame` の枠に、一辺 `size` の枠のときと同じ大きさで書きます。
fn kanji(characters: &[char], frame: usize, size: usize) -> Result<Pictures> {
    let [gothic, mincho] = glyphs::kanji_pair()?;
    Ok(Pictures {
        x: write(&gothic, characters, frame, size)?,
        y: write(&mincho, characters, frame, size)?,
    })
}

/// 字の画像 `[字の数, 1, frame, frame]`。
pub fn write(font: &Font, characters: &[char], frame: usize, size: usize) -> Result<Tensor> {
    let usual = Placement::default();
    let placement = Placement { scale: usual.scale * size as f32 / frame as f32, ..usual };
    let mut values = Vec::new();
    for &c in characters {
        values.extend(glyphs::rasterise(font, c, frame, &placement)?);
    }
    Ok(Tensor::from_vec(values, (characters.len(), 1, frame, frame), &Device::Cpu)?)
}

/// 対を、切り取る場所 (と左右) を 1 枚ごとに変えながら `size` に切ります。
///
/// 対の 2 枚は、いつも同じように切ります。`shift` があるときだけ、正解の場所がさらにずれます。
/// `pair` は入力と正解をチャネルの方向に重ねた `[B, 2C, S, S]` (S = size + jitter + 2 shift) です。
pub fn crop(
    pair: &Tensor,
    config: &Config,
    rng: &mut impl Rng,
) -> candle_core::Result<[Tensor; 2]> {
    let (batch, channels, ..) = pair.dims4()?;
    let &Config { size, jitter, shift, .. } = config;
    let flipped: Vec<u32> = (0..size as u32).rev().collect();
    let flipped = Tensor::new(flipped, &Device::Cpu)?;
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for i in 0..batch {
        let one = pair.narrow(0, i, 1)?;
        let at = [0; 2].map(|_: usize| rng.random_range(0..=jitter));
        let turn = config.mirror == Switch::On && rng.random::<bool>();
        let off = [0; 2].map(|_: usize| rng.random_range(0..=2 * shift));
        let cut = |first, [down, right]: [usize; 2]| {
            let half = one.narrow(1, first, channels / 2)?;
            let cut = half.narrow(2, at[0] + down, size)?.narrow(3, at[1] + right, size)?;
            if turn { cut.contiguous()?.index_select(&flipped, 3) } else { Ok(cut) }
        };
        x.push(cut(0, [shift; 2])?);
        y.push(cut(channels / 2, off)?);
    }
    Ok([Tensor::cat(&x, 0)?.contiguous()?, Tensor::cat(&y, 0)?.contiguous()?])
}
