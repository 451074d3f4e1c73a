//! 風景のデータ。1 つの場面の記述を、写真風 (X) と浮世絵風 (Y) の 2 通りに描きます。
//!
//! 同じ場面を 2 通りに描けるので、「本当の対」が分かります。ただし CycleGAN の学習には使いません。
//! 学習用の X と Y は、1 つも重ならない別々の場面から描きます。対は、結果を測るためだけにあります。

use std::f32::consts::TAU;

use anyhow::Result;
use candle_core::{Device, Tensor};
use common::seed::Seed;
use rand::Rng;

use crate::config::Config;

// ANCHOR: scene
/// 場面の記述。座標は左上が (0, 0)、右下が (1, 1) です。
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// 水平線の高さ
    horizon: f32,
    /// 富士山: 頂上の (横, 縦)、裾の広がり、雪の下端
    peak: (f32, f32),
    spread: f32,
    snow: f32,
    /// 太陽の (横, 縦, 半径)
    sun: (f32, f32, f32),
    /// 雲の帯の (横, 縦, 半分の幅)
    clouds: [(f32, f32, f32); 2],
    /// 手前の丘: 高さ、傾き、うねりの位相
    hill: (f32, f32, f32),
    /// 木の (横, 根元の縦, 高さ)
    trees: Vec<(f32, f32, f32)>,
    /// 帆掛け船の (横, 縦)
    boats: Vec<(f32, f32)>,
    /// 地面の模様 3 つ、波、雪の縁の位相
    phases: [f32; 5],
}
// ANCHOR_END: scene

impl Scene {
    /// 場面を 1 つ、でたらめに決めます。
    pub fn random(rng: &mut impl Rng) -> Self {
        let mut between = |low: f32, high: f32| low + (high - low) * rng.random::<f32>();
        let horizon = between(0.56, 0.68);
        let top = between(0.2, 0.34);
        let hill = (between(0.82, 0.92), between(-0.16, 0.16), between(0., TAU));
        let trees = (0..between(1., 4.99) as usize).map(|_| {
            // 根元は丘の中に埋める。
            let x = between(0.03, 0.97);
            (x, hill_top(hill, x) + 0.03, between(0.12, 0.3))
        });
        let trees = trees.collect();
        let boats = between(0., 2.99) as usize;
        Self {
            horizon,
            peak: (between(0.2, 0.8), top),
            spread: between(0.13, 0.22),
            snow: top + (horizon - top) * between(0.25, 0.45),
            sun: (between(0.08, 0.92), between(0.1, 0.3), between(0.06, 0.09)),
            clouds: [(); 2].map(|()| (between(0., 1.), between(0.2, 0.5), between(0.12, 0.25))),
            hill,
            trees,
            boats: (0..boats).map(|_| (between(0.1, 0.9), between(0.05, 0.3))).collect(),
            phases: [(); 5].map(|()| between(0., TAU)),
        }
    }

    /// 山の横の位置だけが違う、物の少ない場面。
    pub fn simple(peak: f32) -> Self {
        Self {
            horizon: 0.7,
            peak: (peak, 0.3),
            spread: 0.16,
            snow: 0.45,
            sun: (1. - peak, 0.2, 0.),
            clouds: [(0., 0., 1e-6); 2],
            hill: (0.9, 0., 0.),
            trees: Vec::new(),
            boats: Vec::new(),
            phases: [0.; 5],
        }
    }

    /// 点 (u, v) に見えているもの。手前のものから順に調べます。
    fn part(&self, u: f32, v: f32) -> Part {
        for &(x, base, height) in &self.trees {
            let up = (base - v) / height;
            if (0. ..1.).contains(&up) && (u - x).abs() < 0.3 * height * (1. - up) + 0.012 {
                return Part::Tree;
            }
        }
        if v > hill_top(self.hill, u) {
            return Part::Hill;
        }
        if v > self.horizon {
            for &(x, depth) in &self.boats {
                let y = self.horizon + depth * (1. - self.horizon);
                let (up, size) = (y - v, 0.05 + 0.12 * depth);
                if (0. ..size).contains(&up) && (u - x).abs() < 0.55 * (size - up) + 0.01 {
                    return Part::Sail;
                }
            }
            return Part::Sea;
        }
        // 富士山の裾は、麓へ行くほどなだらかに広がる。
        let slope = ((u - self.peak.0).abs() - 0.035).max(0.) / self.spread;
        if v > self.horizon - (self.horizon - self.peak.1) * (-slope).exp() {
            let jag = 0.035 * (40. * u + self.phases[4]).sin();
            return if v < self.snow + jag { Part::Snow } else { Part::Mountain };
        }
        let (x, y, radius) = self.sun;
        if (u - x).hypot(v - y) < radius {
            return Part::Sun;
        }
        let inside = |&(x, y, half): &(f32, f32, f32)| {
            ((u - x) / half).powi(2) + ((v - y) / 0.035).powi(2) < 1.
        };
        if self.clouds.iter().any(inside) { Part::Cloud } else { Part::Sky }
    }

    /// 海の波 (−1 から 1)。手前ほど間が広い。
    fn wave(&self, u: f32, down: f32) -> f32 {
        (26. * down.max(0.).sqrt() + 0.9 * (14. * u + self.phases[3]).sin()).sin()
    }
}

/// 丘の稜線の縦の位置。
fn hill_top((height, tilt, phase): (f32, f32, f32), u: f32) -> f32 {
    height + tilt * (u - 0.5) + 0.025 * (7. * u + phase).sin()
}

/// 場面の中の物。
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Sky,
    Sun,
    Cloud,
    Mountain,
    Snow,
    Sea,
    Sail,
    Hill,
    Tree,
}
/// 描き方。
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// X: 光と陰、霞、細かな模様のある写真風
    Photo,
    /// Y: 平らな色と輪郭線の浮世絵風
    Ukiyoe,
}

type Rgb = [f32; 3];

/// 浮世絵風の、紙の地の色。
pub const PAPER: Rgb = [0.92, 0.84, 0.66];

fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    let t = t.clamp(0., 1.);
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t)
}

// ANCHOR: render
impl Scene {
    /// 写真風の色。空は上ほど青く、遠くは霞み、日の当たる側が明るくなります。
    fn photo(&self, u: f32, v: f32) -> Rgb {
        let [a, b, c, _, _] = self.phases;
        // 細かな模様。向きと細かさの違う波を重ねる。
        let grain = (61. * u + 23. * v + a).sin() + (37. * u - 53. * v + b).sin();
        let grain = grain + (83. * v - 19. * u + c).sin();
        let haze = [0.78, 0.84, 0.9];
        let sky = mix([0.22, 0.45, 0.8], haze, v / self.horizon);
        let glow = (-((u - self.sun.0).hypot(v - self.sun.1) / 0.13).powi(2)).exp();
        let sky = mix(sky, [1., 0.93, 0.7], 0.4 * glow);
        let down = (v - self.horizon) / (1. - self.horizon);
        let part = self.part(u, v);
        match part {
            Part::Sky => sky,
            Part::Sun => [1., 0.92, 0.55],
            Part::Cloud => mix(sky, [0.97, 0.97, 0.98], 0.75),
            Part::Mountain | Part::Snow => {
                let lit = (u - self.peak.0) * (self.sun.0 - self.peak.0) > 0.;
                let rock = if lit { [0.4, 0.46, 0.56] } else { [0.25, 0.31, 0.43] };
                let snow = if lit { [0.97, 0.97, 0.98] } else { [0.72, 0.78, 0.88] };
                let color = if part == Part::Snow { snow } else { rock };
                mix(color, haze, 0.5 * ((v - self.peak.1) / (self.horizon - self.peak.1)).powi(2))
                    .map(|value| value + 0.012 * grain)
            }
            Part::Sea => {
                let water = mix([0.45, 0.62, 0.72], [0.1, 0.25, 0.36], 1.6 * down);
                // 水面には、太陽の真下に光の道ができる。
                let path = (-((u - self.sun.0) / (0.06 + 0.1 * down)).powi(2)).exp();
                mix(water, [1., 0.96, 0.85], 0.25 * path)
                    .map(|value| value + 0.1 * self.wave(u, down) + 0.01 * grain)
            }
            Part::Sail => [0.93, 0.92, 0.88],
            Part::Hill => {
                mix([0.3, 0.4, 0.16], [0.16, 0.24, 0.1], (v - hill_top(self.hill, u)) / 0.15)
                    .map(|value| value + 0.025 * grain)
            }
            Part::Tree => [0.09, 0.17, 0.08].map(|value| value + 0.015 * grain),
        }
    }

    /// 浮世絵風の色。物ごとに平らな色で刷り、境を墨の線でなぞります。
    fn ukiyoe(&self, u: f32, v: f32) -> Rgb {
        const LINE: f32 = 0.02;
        let (ink, paper) = ([0.12, 0.11, 0.16], PAPER);
        let part = self.part(u, v);
        let outlined = |part: Part| matches!(part, Part::Mountain | Part::Snow | Part::Hill);
        // 雪と岩の境には線を引かない。
        let body = |part: Part| if part == Part::Snow { Part::Mountain } else { part };
        let edge = [(0., LINE), (LINE, 0.)].into_iter().any(|(du, dv)| {
            let next = self.part(u + du, v + dv);
            body(next) != body(part) && (outlined(next) || outlined(part))
        });
        if edge && part != Part::Tree && part != Part::Sail {
            return ink;
        }
        let down = (v - self.horizon) / (1. - self.horizon);
        match part {
            // 空の上端だけを藍でぼかす (一文字ぼかし)。
            Part::Sky => mix([0.12, 0.24, 0.48], paper, v / 0.16),
            Part::Sun => [0.83, 0.2, 0.13],
            Part::Cloud => [0.99, 0.98, 0.94],
            Part::Mountain => {
                let foot = (v - self.snow) / (self.horizon - self.snow);
                mix([0.72, 0.31, 0.19], [0.35, 0.4, 0.28], foot)
            }
            Part::Snow => [0.98, 0.95, 0.86],
            Part::Sea => {
                if self.wave(u, down) > 0.75 {
                    [0.82, 0.87, 0.84]
                } else {
                    [0.14, 0.3, 0.52]
                }
            }
            Part::Sail => [0.99, 0.96, 0.86],
            Part::Hill => [0.62, 0.58, 0.24],
            Part::Tree => [0.1, 0.25, 0.2],
        }
    }

    /// `[3, size, size]` の値を、[-1, 1] で書き出します。
    fn render(&self, style: Style, size: usize) -> Vec<f32> {
        // 1 画素を 3×3 に分けて平均し、縁を滑らかにする。
        const FINE: usize = 3;
        let mut image = vec![0f32; 3 * size * size];
        let at = |pixel: usize, fine: usize| {
            (pixel as f32 + (fine as f32 + 0.5) / FINE as f32) / size as f32
        };
        for (y, x) in (0..size).flat_map(|y| (0..size).map(move |x| (y, x))) {
            for (i, j) in (0..FINE).flat_map(|i| (0..FINE).map(move |j| (i, j))) {
                let (u, v) = (at(x, j), at(y, i));
                let color = match style {
                    Style::Photo => self.photo(u, v),
                    Style::Ukiyoe => self.ukiyoe(u, v),
                };
                for (channel, value) in color.into_iter().enumerate() {
                    image[(channel * size + y) * size + x] +=
                        (value.clamp(0., 1.) * 2. - 1.) / (FINE * FINE) as f32;
                }
            }
        }
        image
    }
}

/// 場面の列を、1 つの描き方で `[N, 3, size, size]` (値は [-1, 1]) に描きます。
pub fn draw(scenes: &[Scene], style: Style, size: usize) -> Result<Tensor> {
    let values: Vec<f32> = scenes.iter().flat_map(|scene| scene.render(style, size)).collect();
    Ok(Tensor::from_vec(values, (scenes.len(), 3, size, size), &Device::Cpu)?)
}
// ANCHOR_END: render

/// 場面を `count` 個。名前が違えば、別の場面になります。
pub fn scenes(seed: Seed, name: &str, count: usize) -> Vec<Scene> {
    let mut rng = seed.rng(name);
    (0..count).map(|_| Scene::random(&mut rng)).collect()
}

/// 測るためにだけ描く場面の数。
pub const HELD_OUT: usize = 64;

/// 学習に使う画像と、測るためだけの画像。どれも `[N, 3, size, size]`、値は [-1, 1] です。
#[derive(Clone)]
pub struct Dataset {
    pub train_x: Tensor,
    pub train_y: Tensor,
    /// 学習に使わない画像。
    pub test_x: Tensor,
    pub test_y: Tensor,
    /// `test_x` と `test_y` の同じ番号が同じ場面なら真。本当の対との近さを測れます。
    pub test_is_paired: bool,
}

/// 描いた風景のデータ。手元の画像は `book` が読みます。
pub fn dataset(config: &Config) -> Result<Dataset> {
    let seed = Seed(config.seed);
    let test = scenes(seed, "held out", HELD_OUT);
    Ok(Dataset {
        train_x: draw(&train_x_scenes(config), Style::Photo, config.size)?,
        train_y: draw(&train_y_scenes(config), Style::Ukiyoe, config.size)?,
        test_x: draw(&test, Style::Photo, config.size)?,
        test_y: draw(&test, Style::Ukiyoe, config.size)?,
        test_is_paired: true,
    })
}

/// X の学習に使う場面。
pub fn train_x_scenes(config: &Config) -> Vec<Scene> {
    scenes(Seed(config.seed), "train x", config.train)
}

/// Y の学習に使う場面。X とは別の場面です。
pub fn train_y_scenes(config: &Config) -> Vec<Scene> {
    scenes(Seed(config.seed), "train y", config.train)
}

/// `train_x` と同じ場面を浮世絵風に描いたもの。対で学ぶ Pix2Pix 型との比較にだけ使います。
pub fn true_pairs(config: &Config) -> Result<Tensor> {
    draw(&train_x_scenes(config), Style::Ukiyoe, config.size)
}
