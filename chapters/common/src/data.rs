//! データ。どれもダウンロードなしで手に入ります。
//!
//! 平面の点は乱数から作り、数字の画像は `data/optdigits` に埋め込んであります。

use std::f32::consts::TAU;
use std::io::Cursor;

use anyhow::Context;
use candle_core::{Device, Result, Tensor};
use image::DynamicImage;
use image::codecs::png::PngDecoder;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::state::{Resume, State};

/// 輪に並んだ 8 個のガウス分布。GAN の実験で広く使われます (Metz et al. 2016, arXiv:1611.02163)。
pub mod ring {
    use super::*;

    /// 山 (モード) の数。
    pub const MODES: usize = 8;
    /// 輪の半径。
    pub const RADIUS: f32 = 1.0;
    /// 1 つの山の標準偏差。
    pub const SIGMA: f32 = 0.05;

    /// 山の中心 8 個。
    pub fn centers() -> [[f32; 2]; MODES] {
        std::array::from_fn(|k| {
            let angle = TAU * k as f32 / MODES as f32;
            [RADIUS * angle.cos(), RADIUS * angle.sin()]
        })
    }

    /// `n` 個の点。形は `[n, 2]` で、どの山も同じ確率で選ばれます。
    pub fn sample(n: usize, rng: &mut impl Rng) -> Result<Tensor> {
        let centers = centers();
        let mut values = Vec::with_capacity(2 * n);
        for _ in 0..n {
            let center = centers[rng.random_range(0..MODES)];
            for c in center {
                let noise: f32 = rng.sample(StandardNormal);
                values.push(c + SIGMA * noise);
            }
        }
        Tensor::from_vec(values, (n, 2), &Device::Cpu)
    }

    /// 標本が山をどれだけ覆ったか。
    #[derive(Debug, Clone, PartialEq)]
    pub struct Coverage {
        /// 各山の中心から 4σ 以内にある標本の数。
        pub counts: [usize; MODES],
        /// 標本の総数。
        pub total: usize,
    }

    impl Coverage {
        /// 覆われた山の数。均等な割り当ての 1/5 (全体の 2.5 %) 以上を受け取った山を数えます。
        pub fn modes(&self) -> usize {
            let enough = self.total.div_ceil(MODES * 5).max(1);
            self.counts.iter().filter(|&&count| count >= enough).count()
        }

        /// どれかの山の中心から 4σ 以内に落ちた標本の割合。
        pub fn good(&self) -> f64 {
            self.counts.iter().sum::<usize>() as f64 / self.total.max(1) as f64
        }
    }

    /// 標本 `[n, 2]` を、いちばん近い山へ数え入れます。
    pub fn coverage(samples: &Tensor) -> Result<Coverage> {
        let samples = samples.to_vec2::<f32>()?;
        let mut counts = [0; MODES];
        for point in &samples {
            for (count, center) in counts.iter_mut().zip(centers()) {
                if (point[0] - center[0]).hypot(point[1] - center[1]) <= 4. * SIGMA {
                    *count += 1;
                }
            }
        }
        Ok(Coverage { counts, total: samples.len() })
    }
}

/// 2 つの三日月 (two moons)。形は `[n, 2]`、値はおよそ [-1, 1] です。
pub fn two_moons(n: usize, rng: &mut impl Rng) -> Result<Tensor> {
    Ok(labelled_moons(n, rng)?.0)
}

/// [`two_moons`] と、それぞれの点がどちらの月か (0 が上、1 が下)。
pub fn labelled_moons(n: usize, rng: &mut impl Rng) -> Result<(Tensor, Vec<u8>)> {
    let mut values = Vec::with_capacity(2 * n);
    let mut labels = Vec::with_capacity(n);
    for _ in 0..n {
        let upper = rng.random::<bool>();
        let angle = rng.random::<f32>() * TAU / 2.;
        let (x, y) =
            if upper { (angle.cos(), angle.sin()) } else { (1. - angle.cos(), 0.5 - angle.sin()) };
        // 上下の月を合わせた絵の中心 (0.5, 0.25) を原点に移し、幅 3 を [-1, 1] に縮めます。
        for c in [(x - 0.5) / 1.5, (y - 0.25) / 1.5] {
            let noise: f32 = rng.sample(StandardNormal);
            values.push(c + 0.04 * noise);
        }
        labels.push(u8::from(!upper));
    }
    Ok((Tensor::from_vec(values, (n, 2), &Device::Cpu)?, labels))
}

/// 手書き数字 8×8 (UCI optdigits、CC BY 4.0。出典と許諾は `data/optdigits/README.md`)。
pub struct Digits {
    /// 形は `[1797, 1, 8, 8]`、値は [-1, 1] (−1 が地、1 が線) です。
    pub images: Tensor,
    /// 各画像の数字 0〜9。
    pub labels: Vec<u8>,
}

/// 埋め込まれた手書き数字を取り出します。
pub fn digits() -> anyhow::Result<Digits> {
    const SHEET: &[u8] = include_bytes!("../data/optdigits/images.png");
    const LABELS: &str = include_str!("../data/optdigits/labels.txt");
    const SIDE: usize = 8;
    // 形式を決めて読む。ブラウザ用の組み立てに、ほかの形式の読み手が入らないように。
    let sheet = PngDecoder::new(Cursor::new(SHEET)).and_then(DynamicImage::from_decoder);
    let sheet = sheet.context("埋め込みの数字画像を読めません")?.to_luma8();
    let labels: Vec<u8> =
        LABELS.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
    let columns = sheet.width() as usize / SIDE;
    let mut values = Vec::with_capacity(labels.len() * SIDE * SIDE);
    for tile in 0..labels.len() {
        let (left, top) = (tile % columns * SIDE, tile / columns * SIDE);
        for y in 0..SIDE {
            for x in 0..SIDE {
                let grey = sheet.get_pixel((left + x) as u32, (top + y) as u32).0[0];
                // 元の値は 0〜16 で、1 段を 15 の明るさとして保存してあります。
                values.push(f32::from(grey) / 120. - 1.);
            }
        }
    }
    let images = Tensor::from_vec(values, (labels.len(), 1, SIDE, SIDE), &Device::Cpu)?;
    Ok(Digits { images, labels })
}

/// 2 組の標本 `[n, dim]` と `[m, dim]` の隔たり (エネルギー距離、Székely & Rizzo 2013)。
///
/// 2·E‖X−Y‖ − E‖X−X′‖ − E‖Y−Y′‖ で、分布が等しいときに限り 0 になります。
/// 似ていない標本が混じっても、種類が偏っても大きくなります。
pub fn energy_distance(a: &Tensor, b: &Tensor) -> Result<f32> {
    let mean_distance = |a: &Tensor, b: &Tensor| -> Result<f64> {
        let squares = |x: &Tensor| x.sqr()?.sum_keepdim(1);
        let cross = a.matmul(&b.t()?)?.affine(-2., 0.)?;
        let squared = cross.broadcast_add(&squares(a)?)?.broadcast_add(&squares(b)?.t()?)?;
        // 距離は何百万個にもなる。f32 のまま足し続けると、CPU によっては下の桁が落ち、隔たりより大きく狂う。
        let rows = squared.relu()?.sqrt()?.sum(1)?.to_vec1::<f32>()?;
        Ok(rows.into_iter().map(f64::from).sum())
    };
    let (n, m) = (a.dim(0)? as f64, b.dim(0)? as f64);
    // 同じ組の中では、自分自身との距離 0 を除いて平均する。
    let between = mean_distance(a, b)? / (n * m);
    let within_a = mean_distance(a, a)? / (n * (n - 1.)).max(1.); // 1 つだけなら、距離は 0
    let within_b = mean_distance(b, b)? / (m * (m - 1.)).max(1.);
    Ok((2. * between - within_a - within_b) as f32)
}

/// データを種つきで並べ替えながら、同じ大きさのミニバッチを限りなく出します。
pub struct Batches {
    data: Tensor,
    size: usize,
    order: Vec<u32>,
    next: usize,
    rng: ChaCha8Rng,
}

impl Batches {
    /// `data` の先頭の次元が標本です。`size` は標本の数以下の正の数でなければなりません。
    pub fn new(data: Tensor, size: usize, rng: ChaCha8Rng) -> anyhow::Result<Self> {
        let n = data.dim(0)?;
        anyhow::ensure!(
            (1..=n).contains(&size),
            "--batch は 1 以上、学習に使うデータの数 {n} 以下にしてください ({size} でした)"
        );
        Ok(Self { data, size, order: (0..n as u32).collect(), next: n, rng })
    }

    /// 次のミニバッチ。1 巡するたびに並べ替え、端数は次の巡に回さず捨てます。
    pub fn next_batch(&mut self) -> Result<Tensor> {
        if self.next + self.size > self.order.len() {
            self.order.shuffle(&mut self.rng);
            self.next = 0;
        }
        let index = &self.order[self.next..self.next + self.size];
        self.next += self.size;
        self.data.index_select(&Tensor::new(index, &Device::Cpu)?, 0)
    }
}

impl Resume for Batches {
    fn save(&self, state: &mut State, name: &str) -> anyhow::Result<()> {
        let order = Tensor::new(self.order.as_slice(), &Device::Cpu)?;
        state.put(format!("{name}.order"), order);
        state.put_numbers(format!("{name}.next"), &[self.next as f64])?;
        self.rng.save(state, &format!("{name}.rng"))
    }

    fn restore(&mut self, state: &State, name: &str) -> anyhow::Result<()> {
        let order: Vec<u32> = state.get(&format!("{name}.order"))?.to_vec1()?;
        anyhow::ensure!(
            order.len() == self.order.len(),
            "止めたときのデータは {} 件でしたが、いまは {} 件です。データを元に戻すか、はじめから学習してください",
            order.len(),
            self.order.len()
        );
        self.order = order;
        self.next =
            state.numbers(&format!("{name}.next"))?.first().map_or(0, |next| *next as usize);
        self.rng.restore(state, &format!("{name}.rng"))
    }
}
