//! 層と損失が共有する計算: 活性化関数、総和、行列積、作業領域。

use std::borrow::Cow;
use std::cell::RefCell;

use candle_core::{Result, bail};
use gemm::Parallelism;
use rayon::prelude::*;

/// 並列に分ける単位。短すぎると分ける手間が勝つ。スレッド数によらない定数なので、結果も変わらない。
pub(super) const CHUNK: usize = 8192;

/// 関数を、この CPU がまとめて計算できる幅でも作る (AVX2 のある x86-64 なら 8 個ずつ)。
///
/// 普通にコンパイルした関数は、どの x86-64 も持つ 4 個の幅に留まる。変わるのは幅だけで、1 個ごとの計算は
/// 同じなので、どちらで走っても 1 ビットも違わない。中で呼ぶ関数は `#[inline(always)]` にしておくこと
/// (そうしないと、呼び先は 4 個の幅のままになる)。
macro_rules! wide {
    (
        $(#[$doc:meta])*
        $visibility:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? $body:block
    ) => {
        $(#[$doc])*
        $visibility fn $name($($arg: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") {
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $type),*) $(-> $out)? $body
                // SAFETY: AVX2 があることは、すぐ上で確かめた。
                return unsafe { avx2($($arg),*) };
            }
            $body
        }
    };
}
pub(super) use wide;

/// 層の出力に続けて掛ける活性化関数。
///
/// 勾配は出力 y だけから求める (入力を取っておかなくてよい)。そのため LeakyReLU の傾きは 0 以上に限る。
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Activation {
    /// そのまま: y = x
    #[default]
    None,
    /// y = max(x, 0)
    Relu,
    /// x > 0 なら y = x、そうでなければ y = 傾き × x (傾き ≥ 0、DCGAN では 0.2)
    LeakyRelu(f64),
    /// y = tanh(x)、値は (-1, 1)
    Tanh,
    /// y = 1 / (1 + e^-x)、値は (0, 1)
    Sigmoid,
}

impl Activation {
    pub(super) fn check(self) -> Result<Self> {
        match self {
            Self::LeakyRelu(slope) if !(0.0..=1.0).contains(&slope) => {
                bail!("LeakyRelu の傾き {slope} が範囲の外です。0 以上 1 以下にしてください")
            }
            ok => Ok(ok),
        }
    }

    /// その場で y = f(x) に置き換える。
    #[inline(always)]
    pub(super) fn apply(self, xs: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Relu => xs.iter_mut().for_each(|x| *x = x.max(0.0)),
            Self::LeakyRelu(slope) => {
                let slope = slope as f32;
                xs.iter_mut().for_each(|x| *x = x.max(*x * slope));
            }
            Self::Tanh => xs.iter_mut().for_each(|x| *x = tanh(*x)),
            Self::Sigmoid => xs.iter_mut().for_each(|x| *x = sigmoid(*x)),
        }
    }

    /// 出力 y とその勾配 g から、活性化の前の勾配 g · f'(x) を `out` に書く。
    #[inline(always)]
    pub(super) fn backward(self, y: &[f32], g: &[f32], out: &mut [f32]) {
        #[inline(always)]
        fn each(y: &[f32], g: &[f32], out: &mut [f32], slope: impl Fn(f32) -> f32) {
            out.iter_mut().zip(g).zip(y).for_each(|((out, g), y)| *out = g * slope(*y));
        }
        match self {
            Self::None => out.copy_from_slice(g),
            Self::Relu => each(y, g, out, |y| if y > 0.0 { 1.0 } else { 0.0 }),
            Self::LeakyRelu(slope) => each(y, g, out, |y| if y > 0.0 { 1.0 } else { slope as f32 }),
            Self::Tanh => each(y, g, out, |y| 1.0 - y * y),
            Self::Sigmoid => each(y, g, out, |y| y * (1.0 - y)),
        }
    }

    /// `backward` を並列に。活性化が無ければ g をそのまま返し、写さない。
    pub(super) fn backward_all<'a>(self, y: &[f32], g: &'a [f32]) -> Cow<'a, [f32]> {
        if self == Self::None {
            return Cow::Borrowed(g);
        }
        let mut out = vec![0f32; g.len()];
        let chunks = out.par_chunks_mut(CHUNK).zip(y.par_chunks(CHUNK)).zip(g.par_chunks(CHUNK));
        chunks.for_each(|((out, y), g)| backward(self, y, g, out));
        Cow::Owned(out)
    }
}

wide! {
    fn backward(act: Activation, y: &[f32], g: &[f32], out: &mut [f32]) {
        act.backward(y, g, out);
    }
}

/// e^x。標準の `f32::exp` は 1 つずつ計算するが、これは分岐が無いので 4〜8 個まとめて計算される。
///
/// x = n·ln2 + r (|r| ≤ ln2/2) と分け、e^r は 6 次の多項式、2^n は指数部への足し算で作る。
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // 大きな数を足すと小数部が丸め落とされ、仮数部の下位に整数 n が残る。
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2^23
    let x = x.clamp(-87.0, 88.0);
    let t = x * std::f32::consts::LOG2_E + ROUND;
    let n = t - ROUND;
    // ln2 を 2 つに分けて引き、桁落ちを避ける。
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_2e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 0.166_666_65;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    f32::from_bits(p.to_bits().wrapping_add(t.to_bits() << 23))
}

#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    // 0 の近くで 1 - 2/(e^2x + 1) を使うと桁落ちするので、そこだけ多項式にする。
    let z = x * x;
    let p = -5.704_988_7e-3;
    let p = p * z + 2.063_909e-2;
    let p = p * z - 5.373_971_6e-2;
    let p = p * z + 0.133_314_42;
    let p = p * z - 0.333_332_84;
    let near = x + x * z * p;
    let far = 1.0 - 2.0 / (exp(2.0 * x) + 1.0);
    if z < 0.390_625 { near } else { far }
}

/// log(1 + u)、0 ≤ u ≤ 1。s = u / (2 + u) と置くと 2·(s + s³/3 + s⁵/5 + …) で、s ≤ 1/3 なので速く縮む。
#[inline(always)]
pub(super) fn ln_1p(u: f32) -> f32 {
    let s = u / (2.0 + u);
    let z = s * s;
    let p = 1.0 / 15.0;
    let p = p * z + 1.0 / 13.0;
    let p = p * z + 1.0 / 11.0;
    let p = p * z + 1.0 / 9.0;
    let p = p * z + 1.0 / 7.0;
    let p = p * z + 1.0 / 5.0;
    let p = p * z + 1.0 / 3.0;
    2.0 * (s + s * z * p)
}

/// f(x, t) の総和 (`ts` は `xs` と同じ長さ)。
///
/// 8 本の部分和に分けるのは、まとめて計算させ、誤差も減らすため。順番が決まっているので毎回同じ値になる。
#[inline(always)]
pub(super) fn sum(xs: &[f32], ts: &[f32], f: impl Fn(f32, f32) -> f32) -> f64 {
    let (ts, mut total) = (&ts[..xs.len()], 0.0);
    for (xs, ts) in xs.chunks(1024).zip(ts.chunks(1024)) {
        let mut lanes = [0f32; 8];
        let ((xs, x_rest), (ts, t_rest)) = (xs.as_chunks::<8>(), ts.as_chunks::<8>());
        for (x, t) in xs.iter().zip(ts) {
            for l in 0..8 {
                lanes[l] += f(x[l], t[l]);
            }
        }
        for ((lane, x), t) in lanes.iter_mut().zip(x_rest).zip(t_rest) {
            *lane += f(*x, *t);
        }
        total += lanes.iter().map(|x| f64::from(*x)).sum::<f64>();
    }
    total
}

/// 行列の見方: `data[i·rs + j·cs]` が (i, j) 成分。転置は rs と cs を入れ替えるだけで済む。
#[derive(Clone, Copy)]
pub(super) struct Mat<'a> {
    pub data: &'a [f32],
    pub rs: usize,
    pub cs: usize,
}

impl<'a> Mat<'a> {
    /// 行ごとに並んだ、1 行 `cols` 列の行列。
    pub fn rows(data: &'a [f32], cols: usize) -> Self {
        Self { data, rs: cols, cs: 1 }
    }

    pub fn t(self) -> Self {
        Self { rs: self.cs, cs: self.rs, ..self }
    }
}

/// 1 行だけの積。gemm は途中の和を 1 回ごとにメモリに戻すので、レジスタに置いたまま足す方が速い。
///
/// 足し算は 1 つ前の足し算を待つ。待つ間に別の列を足せるよう、32 列を一緒に進める。
fn gemv([n, k]: [usize; 2], c: &mut [f32], add: bool, a: Mat, b: Mat) {
    /// `first` から N 列。
    #[inline(always)]
    fn columns<const N: usize>(first: usize, k: usize, c: &mut [f32], add: bool, a: Mat, b: Mat) {
        let mut sums = [0f32; N];
        for i in 0..k {
            let (a, b) = (a.data[i * a.cs], &b.data[i * b.rs + first..]);
            let b: &[f32; N] = b.first_chunk().expect("右辺が足りることは確かめた");
            sums.iter_mut().zip(b).for_each(|(sum, b)| *sum += a * b);
        }
        for (c, sum) in c[first..].iter_mut().zip(sums) {
            *c = if add { *c + sum } else { sum };
        }
    }
    let (wide, narrow) = (n - n % 32, n - n % 16);
    (0..wide).step_by(32).for_each(|first| columns::<32>(first, k, c, add, a, b));
    (wide..narrow).step_by(16).for_each(|first| columns::<16>(first, k, c, add, a, b));
    (narrow..n).for_each(|first| columns::<1>(first, k, c, add, a, b));
}

/// c = a·b (`add` なら c += a·b)。a は m×k、b は k×n、c は行ごとに `c_rs` 間隔で並ぶ m×n。
///
/// 1 つのスレッドで計算する。畳み込みでは、仕事の 1 つひとつがこれを呼ぶ。
pub(super) fn gemm([m, n, k]: [usize; 3], c: &mut [f32], c_rs: usize, add: bool, a: Mat, b: Mat) {
    assert!(c_rs >= n && fits(c.len(), [m, n], [c_rs, 1]), "行列積の出力が小さい");
    if m == 1 && b.cs == 1 {
        check([m, n, k], a, b);
        return gemv([n, k], c, add, a, b);
    }
    // SAFETY: 書く範囲が c に収まることは、すぐ上で確かめた。c は &mut なので a, b と重ならない。
    unsafe { multiply([m, n, k], c.as_mut_ptr(), c_rs, add, a, b, false) }
}

/// 新しい m×n の行列 a·b。計算は並列に進む。
pub(super) fn product([m, n, k]: [usize; 3], a: Mat, b: Mat) -> Vec<f32> {
    let mut c = Vec::with_capacity(m * n);
    // SAFETY: c には m·n 個の場所がある。`add` が偽なら gemm は c を読まず、その全部に書く。
    // すぐ書かれる場所を先に 0 で埋めると、全結合の学習では時間の数 % を占める。
    unsafe {
        multiply([m, n, k], c.as_mut_ptr(), n, false, a, b, true);
        c.set_len(m * n);
    }
    c
}

/// `len` 個の値に、間隔 `steps` で並ぶ `size` の行列が収まるか。
fn fits(len: usize, size: [usize; 2], steps: [usize; 2]) -> bool {
    size.contains(&0) || (size[0] - 1) * steps[0] + (size[1] - 1) * steps[1] < len
}

fn check([m, n, k]: [usize; 3], a: Mat, b: Mat) {
    assert!(fits(a.data.len(), [m, k], [a.rs, a.cs]), "行列積の左辺が小さい");
    assert!(fits(b.data.len(), [k, n], [b.rs, b.cs]), "行列積の右辺が小さい");
}

/// # Safety
///
/// `c` から `c_rs` (≥ n) 間隔で並ぶ m×n 個は、書いてよい場所で、a, b と重ならない。
/// `add` なら、値が入っている。
unsafe fn multiply(
    [m, n, k]: [usize; 3],
    c: *mut f32,
    c_rs: usize,
    add: bool,
    a: Mat,
    b: Mat,
    parallel: bool,
) {
    check([m, n, k], a, b);
    // 畳み込みの渡す小さな行列は、もう読みやすく並んでいる。gemm の中で並べ直させない (既定は 8)。
    gemm::set_lhs_packing_threshold_single_thread(if parallel { 8 } else { 256 });
    let parallelism = if parallel { Parallelism::Rayon(0) } else { Parallelism::None };
    // SAFETY: gemm は生のポインタで読み書きする。読む範囲 (a, b) がスライスに収まることはすぐ上で確かめた。
    // 書く範囲 (c) は、呼ぶ側が約束する。
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c,
            1,
            c_rs as isize,
            add,
            a.data.as_ptr(),
            a.cs as isize,
            a.rs as isize,
            b.data.as_ptr(),
            b.cs as isize,
            b.rs as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

thread_local! {
    static SPARE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// 演算の間だけ使い、次の演算が使い回す作業領域。0 で埋める時間を省くため、中身は前に使ったときのまま。
/// 必ず書いてから読む。
pub(super) struct Scratch {
    buffer: Vec<f32>,
    len: usize,
}

impl Scratch {
    pub fn new(len: usize) -> Self {
        let spare = SPARE.with_borrow_mut(|spare| {
            let fits = spare.iter().position(|buffer| buffer.len() >= len);
            // 合うものが無ければ 1 つ捨てる。小さな領域が溜まり続けないように。
            fits.map(|i| spare.swap_remove(i)).or_else(|| spare.pop().and(None))
        });
        Self { buffer: spare.unwrap_or_else(|| vec![0f32; len]), len }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        SPARE.with_borrow_mut(|spare| spare.push(buffer));
    }
}

impl std::ops::Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[..self.len]
    }
}

impl std::ops::DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[..self.len]
    }
}
