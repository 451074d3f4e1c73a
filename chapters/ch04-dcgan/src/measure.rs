//! 測る道具。学習には使いません。

use std::f32::consts::PI;

use anyhow::Result;
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::Init;
use common::data::energy_distance;
use common::nn::{ConvConfig, ConvTranspose2d};
use common::seed::Seed;
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::model;

// ANCHOR: features
/// 画像 `[N, C, H, W]` の特徴 `[N, 512]`: どこに、どちら向きの線があるか。
///
/// 画像を 8×8 の区画に分け、区画ごとに、明るさの勾配の強さを 8 つの向きに振り分けて、長さを
/// およそ 1 にそろえます (HOG, Dalal & Triggs 2005 を簡単にしたもの)。画素のまま比べると、
/// 1 画素ずれただけの同じ字が遠くなり、ぼけた字が近くなります。この特徴はずれに強く、線の
/// 向きがはっきりしない絵 (ぼけ、砂嵐) には厳しくなります。
///
/// 写真で学習したネットワークの特徴 (FID) を使わないのは、漢字は写真に出てこないことと、
/// 大きな重みを手に入れなくても、誰の手元でも同じ値になるようにするためです。
pub fn features(images: &Tensor) -> Result<Tensor> {
    const CELLS: usize = 8;
    const BINS: usize = 8;
    let (n, _, h, w) = images.dims4()?;
    let grey = images.mean(1)?.flatten_all()?.to_vec1::<f32>()?;
    let describe = |image: &[f32]| {
        let at = |y: usize, x: usize| image[y * w + x];
        let mut found = [[0f32; BINS]; CELLS * CELLS];
        for y in 0..h {
            for x in 0..w {
                let dx = at(y, (x + 1).min(w - 1)) - at(y, x.saturating_sub(1));
                let dy = at((y + 1).min(h - 1), x) - at(y.saturating_sub(1), x);
                // 黒から白へも、白から黒へも、同じ向きの線とみなす (0 から π)。
                let angle = dy.atan2(dx).rem_euclid(PI);
                // 2 つの向きの間なら、近さに応じて両方に分ける。
                let position = angle / PI * BINS as f32;
                let (low, share) = (position as usize, position.fract());
                let cell = &mut found[y * CELLS / h * CELLS + x * CELLS / w];
                let strength = dx.hypot(dy);
                cell[low % BINS] += strength * (1. - share);
                cell[(low + 1) % BINS] += strength * share;
            }
        }
        // 白いだけの区画を 0 で割らないよう、小さな数を足してから長さをそろえる。
        found.into_iter().flat_map(|cell| {
            let length = (cell.iter().map(|v| v * v).sum::<f32>() + 4.).sqrt();
            cell.map(|v| v / length)
        })
    };
    let all: Vec<f32> = grey.par_chunks(h * w).flat_map_iter(describe).collect();
    Ok(Tensor::from_vec(all, (n, CELLS * CELLS * BINS), &Device::Cpu)?)
}
// ANCHOR_END: features

/// 2 組の画像の、特徴でのエネルギー距離。同じ散らばり方なら 0 になります。
pub fn distance(a: &Tensor, b: &Tensor) -> Result<f32> {
    Ok(energy_distance(&features(a)?, &features(b)?)?)
}

/// 特徴での距離の表 `[images の数][known の数]`。
fn table(images: &Tensor, known: &Tensor) -> Result<Vec<Vec<f32>>> {
    let (a, b) = (features(images)?, features(known)?);
    let squares = |x: &Tensor| x.sqr()?.sum_keepdim(1);
    let cross = a.matmul(&b.t()?)?.affine(-2., 0.)?;
    let squared = cross.broadcast_add(&squares(&a)?)?.broadcast_add(&squares(&b)?.t()?)?;
    Ok(squared.relu()?.sqrt()?.to_vec2()?)
}

/// 特徴でいちばん近い `known` の画像まで: (距離, 何番目か)。
pub fn nearest(images: &Tensor, known: &Tensor) -> Result<Vec<(f32, usize)>> {
    let closest = |row: Vec<f32>| {
        let numbered = row.into_iter().enumerate().map(|(at, distance)| (distance, at));
        numbered.min_by(|a, b| a.0.total_cmp(&b.0)).expect("比べる画像は 1 枚以上ある")
    };
    Ok(table(images, known)?.into_iter().map(closest).collect())
}

/// はじめの `count` 枚から、自分を除く画像のうちいちばん近いものまでの、特徴での距離。
pub fn nearest_others(known: &Tensor, count: usize) -> Result<Vec<f32>> {
    let rows = table(&known.narrow(0, 0, count.min(known.dim(0)?))?, known)?;
    let closest = |(at, row): (usize, Vec<f32>)| {
        let others = row.into_iter().enumerate().filter(|(other, _)| *other != at);
        others.map(|(_, distance)| distance).fold(f32::INFINITY, f32::min)
    };
    Ok(rows.into_iter().enumerate().map(closest).collect())
}

/// 墨の量を輪郭の長さで割った、線の太さの目安。画像ごとの値です。
pub fn thickness(images: &Tensor) -> Result<Vec<f32>> {
    let ink = ink(images)?.mean((1, 2))?.to_vec1::<f32>()?;
    Ok(ink.iter().zip(outline(images)?).map(|(ink, outline)| ink / outline.max(1e-6)).collect())
}

/// 輪郭の長さの目安 (隣り合う画素の差の平均)。線が込み入っているほど大きくなります。
pub fn outline(images: &Tensor) -> Result<Vec<f32>> {
    let ink = ink(images)?;
    let (_, h, w) = ink.dims3()?;
    let across = (ink.narrow(2, 1, w - 1)? - ink.narrow(2, 0, w - 1)?)?.abs()?.mean((1, 2))?;
    let down = (ink.narrow(1, 1, h - 1)? - ink.narrow(1, 0, h - 1)?)?.abs()?.mean((1, 2))?;
    Ok((across + down)?.to_vec1()?)
}

/// 墨の濃さ 0〜1、`[N, H, W]`。1 チャネルでは 1 が墨、カラーでは −1 が墨です。
fn ink(images: &Tensor) -> Result<Tensor> {
    let sign = if images.dim(1)? == 1 { 0.5 } else { -0.5 };
    Ok(images.mean(1)?.affine(sign, 0.5)?)
}

// ANCHOR: overlap
/// 重みがすべて 1 の転置畳み込みを `stages` 回、すべて 1 の画像に掛けた結果 `[1, 1, H, H]`。
///
/// 出力の画素の値は、その画素に何通りの道で値が届くかを数えたものになります。
/// 数が画素ごとに違えば、学習の前から市松模様の下地があることになります。
pub fn overlap(kernel: usize, stages: usize, side: usize) -> Result<Tensor> {
    let config = ConvConfig { bias: false, init: Some(Init::Const(1.)), ..model::double(kernel) };
    let layer = ConvTranspose2d::new(1, 1, config, Seed(0).variables().builder("ones"))?;
    let ones = Tensor::ones((1, 1, side, side), DType::F32, &Device::Cpu)?;
    Ok((0..stages).try_fold(ones, |x, _| layer.forward(&x))?)
}
// ANCHOR_END: overlap

/// 画素ごとの 2 乗平均 `[1, 1, H, W]`。
pub fn energy(images: &Tensor) -> Result<Tensor> {
    Ok(images.sqr()?.mean((0, 1))?.unsqueeze(0)?.unsqueeze(0)?)
}

/// 真ん中の、画素ごとの 2 乗平均 `[16][16]`。8 画素ごとに繰り返すものとして平均します。
///
/// 2 倍に広げる層 3 つの重なり方は、8 画素ごとに繰り返します。縁の効果を除き、重みの癖をならすための平均です。
pub fn repeated(images: &Tensor) -> Result<Vec<Vec<f32>>> {
    const PERIOD: usize = 8;
    let (_, _, h, w) = images.dims4()?;
    let energy = energy(images)?.get(0)?.get(0)?.to_vec2::<f32>()?;
    let inside = |side: usize| PERIOD..side - side % PERIOD - PERIOD;
    let value = |y: usize, x: usize| {
        let rows = inside(h).filter(|row| row % PERIOD == y % PERIOD);
        let cells = rows.flat_map(|row| {
            let columns = inside(w).filter(|column| column % PERIOD == x % PERIOD);
            columns.map(|column| energy[row][column]).collect::<Vec<_>>()
        });
        mean(&cells.collect::<Vec<_>>())
    };
    Ok((0..2 * PERIOD).map(|y| (0..2 * PERIOD).map(|x| value(y, x)).collect()).collect())
}

/// 市松模様の強さ: 画素を (縦の偶奇, 横の偶奇) の 4 組に分け、組ごとの 2 乗平均の最大 ÷ 最小。
///
/// むらがなければ、どの組も同じなので 1 になります。縁の 4 画素は除きます。
pub fn checkerboard(images: &Tensor) -> Result<f32> {
    const EDGE: usize = 4;
    let (_, _, h, w) = images.dims4()?;
    let energy = energy(images)?.get(0)?.get(0)?.to_vec2::<f32>()?;
    let group = |dy: usize, dx: usize| {
        let rows = (EDGE + dy..h - EDGE).step_by(2);
        let pixels = rows.flat_map(|y| (EDGE + dx..w - EDGE).step_by(2).map(move |x| (y, x)));
        mean(&pixels.map(|(y, x)| energy[y][x]).collect::<Vec<_>>())
    };
    let groups = [group(0, 0), group(0, 1), group(1, 0), group(1, 1)];
    let (least, most) = groups.iter().fold((f32::MAX, 0f32), |(l, m), &g| (l.min(g), m.max(g)));
    Ok(most / least)
}

/// 平均。
pub fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

// ANCHOR: walk
/// z の 2 点を結ぶ直線を等間隔に歩きます。`[steps, z_dim]`、両端を含みます。
pub fn walk(from: &Tensor, to: &Tensor, steps: usize) -> Result<Tensor> {
    let last = (steps - 1).max(1) as f64;
    let points = (0..steps).map(|i| {
        let t = i as f64 / last;
        from.affine(1. - t, 0.)? + to.affine(t, 0.)?
    });
    Ok(Tensor::stack(&points.collect::<candle_core::Result<Vec<_>>>()?, 0)?)
}
// ANCHOR_END: walk

// ANCHOR: arithmetic
/// 潜在変数の足し引き: (A の平均) − (B の平均) + (C の平均) (論文 6.3.2 節)。
///
/// それぞれ 3 個の z `[3, z_dim]` を平均します。1 個ずつでは結果が安定しなかったと論文にあります。
/// N(0, 1) の z なら、3 個の平均の分散は 1/3 で、3 つを足し引きした分散はちょうど 1 に戻ります。
pub fn arithmetic([a, b, c]: [&Tensor; 3]) -> Result<Tensor> {
    Ok(((a.mean_keepdim(0)? - b.mean_keepdim(0)?)? + c.mean_keepdim(0)?)?)
}
// ANCHOR_END: arithmetic

/// 足し引きに使った組と、答えと、比べるための答え。
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 足す組 a: 太くて込み入った字
    A,
    /// 引く組 b: 細くて込み入った字
    B,
    /// 出発点の組 c: 細くてまばらな字
    C,
    /// 答え a − b + c
    Arithmetic,
    /// 逆向き b − a + c: 向きに意味があるなら、答えと反対へ動く
    Reversed,
    /// でたらめな差 r − s + c: r と s は、性質と関わりなく選んだ 3 個ずつ
    Unrelated,
    /// でたらめな z: 何も知らない答え
    Random,
}

impl Answer {
    pub const ALL: [Self; 7] = [
        Self::A,
        Self::B,
        Self::C,
        Self::Arithmetic,
        Self::Reversed,
        Self::Unrelated,
        Self::Random,
    ];

    /// 図に書く名前。
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "a\n太い\n込んだ",
            Self::B => "b\n細い\n込んだ",
            Self::C => "c\n細い\nまばら",
            Self::Arithmetic => "答え\na−b+c\n太く\nまばら?",
            Self::Reversed => "逆向き\nb−a+c",
            Self::Unrelated => "別の差\nr−s+c",
            Self::Random => "でたら\nめな z",
        }
    }

    /// 記録に書く名前。
    pub fn key(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
            Self::Arithmetic => "answer",
            Self::Reversed => "reversed",
            Self::Unrelated => "unrelated",
            Self::Random => "random",
        }
    }
}

/// 違う 3 個ずつで、足し引きを `count` 回くり返します。[`Answer::ALL`] の順に、z `[count, z_dim]` です。
///
/// a・b・c の z は、足し引きに使う 3 個の平均です。
pub fn trials(
    count: usize,
    z: &Tensor,
    images: &Tensor,
    rng: &mut impl Rng,
) -> Result<Vec<Tensor>> {
    let Groups { thick_dense, thin_dense, thin_sparse } = &Groups::choose(z, images)?;
    let mut rows = vec![Vec::new(); Answer::ALL.len()];
    for _ in 0..count {
        let [a, b, c] = [thick_dense, thin_dense, thin_sparse].map(|group| three(group, rng));
        let (a, b, c) = (a?, b?, c?);
        let [r, s] = [three(z, rng)?, three(z, rng)?];
        let random = z.get(rng.random_range(0..z.dim(0)?))?.unsqueeze(0)?;
        for (row, answer) in rows.iter_mut().zip(Answer::ALL) {
            row.push(match answer {
                Answer::A => a.mean_keepdim(0)?,
                Answer::B => b.mean_keepdim(0)?,
                Answer::C => c.mean_keepdim(0)?,
                Answer::Arithmetic => arithmetic([&a, &b, &c])?,
                Answer::Reversed => arithmetic([&b, &a, &c])?,
                Answer::Unrelated => arithmetic([&r, &s, &c])?,
                Answer::Random => random.clone(),
            });
        }
    }
    rows.iter().map(|row| Ok(Tensor::cat(row, 0)?)).collect()
}

/// 組から、違う 3 個を選びます。
pub fn three(group: &Tensor, rng: &mut impl Rng) -> Result<Tensor> {
    let mut order: Vec<u32> = (0..group.dim(0)? as u32).collect();
    order.shuffle(rng);
    order.truncate(3);
    Ok(group.index_select(&Tensor::new(order, group.device())?, 0)?)
}

/// 属性で選んだ z の組。どれも `[N, z_dim]` です。
pub struct Groups {
    /// 線が太く、込み入った画像になる z
    pub thick_dense: Tensor,
    /// 線が細く、込み入った画像になる z
    pub thin_dense: Tensor,
    /// 線が細く、まばらな画像になる z
    pub thin_sparse: Tensor,
}

impl Groups {
    /// 作った画像 `images` の太さと込み具合を測り、両方がはっきりした z を集めます。
    pub fn choose(z: &Tensor, images: &Tensor) -> Result<Self> {
        let [thick, dense] = [rank(&thickness(images)?), rank(&outline(images)?)];
        // 望む向きの順位の、悪いほうが高いものから 1/30 を取る。
        let pick = |thicker: bool, denser: bool| -> Result<Tensor> {
            let toward = |rank: f32, high: bool| if high { rank } else { 1. - rank };
            let score = |&i: &u32| {
                let i = i as usize;
                toward(thick[i], thicker).min(toward(dense[i], denser))
            };
            let mut order: Vec<u32> = (0..thick.len() as u32).collect();
            order.sort_by(|a, b| score(b).total_cmp(&score(a)));
            order.truncate((thick.len() / 30).max(3));
            Ok(z.index_select(&Tensor::new(order, z.device())?, 0)?)
        };
        Ok(Self {
            thick_dense: pick(true, true)?,
            thin_dense: pick(false, true)?,
            thin_sparse: pick(false, false)?,
        })
    }
}

/// 小さいほうから数えた順位を 0〜1 で。
fn rank(values: &[f32]) -> Vec<f32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.; values.len()];
    for (rank, at) in order.into_iter().enumerate() {
        ranks[at] = rank as f32 / values.len() as f32;
    }
    ranks
}
