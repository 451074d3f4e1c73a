//! 学習に使う画像を、限りなく出します。
//!
//! 指定がなければ、教育漢字 1,026 字を 2 書体 (ゴシック体、明朝体) で、位置と大きさを
//! 少しずつ変えて画像にします。同じ画像は二度と出ないので、丸ごと覚えても役に立ちません。

use anyhow::Result;
use candle_core::{Device, Tensor};
use common::glyphs::{self, Font, Placement};
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::config::Config;

/// 教育漢字と、その 2 書体。
pub struct Kanji {
    pub chars: Vec<char>,
    fonts: [Font; 2],
    size: usize,
    channels: usize,
}

/// 1 枚の漢字の指定: どの字を、どの書体で、どう置くか。
#[derive(Debug, Clone, Copy)]
pub struct Letter {
    pub char: usize,
    pub font: usize,
    pub placement: Placement,
}

impl Kanji {
    pub fn new(size: usize, channels: usize) -> Result<Self> {
        Ok(Self { chars: glyphs::kyoiku_kanji(), fonts: glyphs::kanji_pair()?, size, channels })
    }

    /// 字・書体・置き方を選びます。どの字も、どの書体も、同じ確率です。
    pub fn choose(&self, rng: &mut impl Rng) -> Letter {
        // 32×32 の中で字が読めるよう、学習では傾けずに、大きめに置く。
        let placement = Placement {
            shift: [rng.random_range(-0.02..0.02), rng.random_range(-0.02..0.02)],
            scale: rng.random_range(0.90..0.97),
            slant: 0.,
        };
        Letter {
            char: rng.random_range(0..self.chars.len()),
            font: rng.random_range(0..self.fonts.len()),
            placement,
        }
    }

    /// 画像 `[枚数, チャネル, 一辺, 一辺]`。1 チャネルでは地が −1、墨が 1 です。
    pub fn draw(&self, letters: &[Letter]) -> Result<Tensor> {
        let images: Vec<Vec<f32>> = letters
            .par_iter()
            .map(|letter| {
                let (font, char) = (&self.fonts[letter.font], self.chars[letter.char]);
                glyphs::rasterise(font, char, self.size, &letter.placement)
            })
            .collect::<Result<_>>()?;
        let shape = (letters.len(), 1, self.size, self.size);
        let ink = Tensor::from_vec(images.concat(), shape, &Device::Cpu)?;
        Ok(match self.channels {
            1 => ink,
            // カラーでは白い紙 (1) に黒い墨 (−1)。
            channels => ink.neg()?.repeat((1, channels, 1, 1))?,
        })
    }

    /// すべての字を、2 書体で、学習のときの真ん中の大きさでまっすぐ置いた画像。
    pub fn all(&self) -> Result<Tensor> {
        let placement = Placement { shift: [0.; 2], scale: 0.935, slant: 0. };
        let letters: Vec<Letter> = (0..self.fonts.len())
            .flat_map(|font| {
                (0..self.chars.len()).map(move |char| Letter { char, font, placement })
            })
            .collect();
        self.draw(&letters)
    }
}

// ANCHOR: pictures
/// 学習に使う画像の出どころ。
pub enum Pictures {
    /// 教育漢字。呼ぶたびに新しく描きます
    Kanji(Kanji),
    /// フォルダの画像 `[N, C, H, W]`
    Folder(Tensor),
}

impl Pictures {
    /// 教育漢字。手元の画像は、コマンドの側が読んで `Folder` にします。
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self::Kanji(Kanji::new(config.size, config.channels)?))
    }

    /// 乱数で選んだ `count` 枚 `[count, C, H, W]`。値は [-1, 1] です。
    pub fn sample(&self, count: usize, rng: &mut impl Rng) -> Result<Tensor> {
        match self {
            Self::Kanji(kanji) => {
                let letters: Vec<Letter> = (0..count).map(|_| kanji.choose(rng)).collect();
                kanji.draw(&letters)
            }
            Self::Folder(images) => {
                let n = images.dim(0)? as u32;
                let chosen: Vec<u32> = (0..count).map(|_| rng.random_range(0..n)).collect();
                Ok(images.index_select(&Tensor::new(chosen, images.device())?, 0)?)
            }
        }
    }

    /// 図に並べる `count` 枚。同じ字 (フォルダなら同じ画像) は、足りるかぎり 2 度出しません。
    pub fn distinct(&self, count: usize, rng: &mut impl Rng) -> Result<Tensor> {
        match self {
            Self::Kanji(kanji) => {
                let mut letters: Vec<Letter> = Vec::new();
                while letters.len() < count.min(kanji.chars.len()) {
                    let letter = kanji.choose(rng);
                    if letters.iter().all(|known| known.char != letter.char) {
                        letters.push(letter);
                    }
                }
                kanji.draw(&letters)
            }
            Self::Folder(images) => {
                let mut order: Vec<u32> = (0..images.dim(0)? as u32).collect();
                order.shuffle(rng);
                let chosen: Vec<u32> = order.into_iter().cycle().take(count).collect();
                Ok(images.index_select(&Tensor::new(chosen, images.device())?, 0)?)
            }
        }
    }

    /// 覚えていないかを調べるために比べる画像: 漢字なら全部の字、フォルダなら全部の画像。
    pub fn known(&self) -> Result<Tensor> {
        match self {
            Self::Kanji(kanji) => kanji.all(),
            Self::Folder(images) => Ok(images.clone()),
        }
    }
}
// ANCHOR_END: pictures
