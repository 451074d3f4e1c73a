//! データ。平面の点にはクラスがなく、画像には字の番号が付きます。

use anyhow::{Result, bail};
use candle_core::{Device, Tensor};
use common::data;
use common::glyphs::{self, HIRAGANA, Placement};
use common::seed::Seed;

use crate::config::{Config, Data};

/// 標本の集まり。
pub struct Samples {
    /// `[N, dim]`、値はおよそ [-1, 1]
    pub x: Tensor,
    /// 標本ごとの字の番号。クラスのないデータではすべて 0
    pub labels: Vec<u32>,
}

/// 学習に使う標本と、測るために取っておいた標本。
pub struct Dataset {
    pub train: Samples,
    pub held_out: Samples,
}

/// 本のデータを用意します。手元の画像は、コマンドの側が読みます。
pub fn dataset(config: &Config) -> Result<Dataset> {
    const POINTS: usize = 20_000;
    const HELD_OUT: usize = 400;
    let rng = |name| Seed(config.seed).rng(name);
    let points = |x: Tensor| Ok::<_, anyhow::Error>(Samples { labels: vec![0; x.dim(0)?], x });
    match &config.data {
        Data::Own(path) => bail!("手元の画像 {} は、まだ読んでいません", path.display()),
        Data::Ring => Ok(Dataset {
            train: points(data::ring::sample(POINTS, &mut rng("data"))?)?,
            held_out: points(data::ring::sample(2_000, &mut rng("held-out"))?)?,
        }),
        Data::Moons => Ok(Dataset {
            train: points(data::two_moons(POINTS, &mut rng("data"))?)?,
            held_out: points(data::two_moons(2_000, &mut rng("held-out"))?)?,
        }),
        Data::Digits => {
            let digits = data::digits()?;
            let x = digits.images.flatten_from(1)?;
            let labels: Vec<u32> = digits.labels.iter().map(|&digit| u32::from(digit)).collect();
            let count = labels.len() - HELD_OUT;
            let part = |from, len| -> Result<Samples> {
                Ok(Samples {
                    x: x.narrow(0, from, len)?,
                    labels: labels[from..from + len].to_vec(),
                })
            };
            Ok(Dataset { train: part(0, count)?, held_out: part(count, HELD_OUT)? })
        }
        Data::Hiragana => Ok(Dataset {
            train: hiragana(6, Seed(config.seed), "data")?,
            held_out: hiragana(1, Seed(config.seed), "held-out")?,
        }),
    }
}

/// ひらがな 46 字を 24 書体で画像にします。1 字 1 書体あたり `copies` 枚で、位置・大きさ・傾きを少し変えます。
fn hiragana(copies: usize, seed: Seed, name: &str) -> Result<Samples> {
    let side = Config::book(Data::Hiragana).size;
    let (fonts, rng) = (glyphs::hiragana_fonts()?, &mut seed.rng(name));
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..copies {
        for font in &fonts {
            for (label, c) in (0..).zip(HIRAGANA.chars()) {
                values.extend(glyphs::rasterise(font, c, side, &Placement::random(rng))?);
                labels.push(label);
            }
        }
    }
    let x = Tensor::from_vec(values, (labels.len(), side * side), &Device::Cpu)?;
    Ok(Samples { x, labels })
}

/// クラスの名前: 数字か、ひらがな。
pub fn class_name(data: &Data, class: usize) -> String {
    match data {
        Data::Hiragana => HIRAGANA.chars().nth(class).map_or(String::new(), |c| c.to_string()),
        _ => class.to_string(),
    }
}
