//! 畳み込みと転置畳み込み。
//!
//! どちらも「大きい側」の画像 (畳み込みの入力、転置畳み込みの出力) と「小さい側」の画像を結ぶ同じ表
//! `重み[小さい側のチャネル, 大きい側のチャネル, 縦, 横]` で決まり、計算は 3 つだけになる。
//!
//! - [`down`]: 大きい側 → 小さい側 (畳み込み、および転置畳み込みの入力の勾配)
//! - [`up`]: 小さい側 → 大きい側 (転置畳み込み、および畳み込みの入力の勾配)
//! - [`weight_grad`]: 両側 → 重みの勾配
//!
//! 速さの要は並べ方にある。画像を 16 枚ずつ組にし、同じ画素・同じチャネルの 16 個の値を隣り合わせに置く
//! (`[縦][横][チャネル][16 枚]`)。すると、カーネルの 1 行が読む「横に隣り合う画素の全チャネル」は、そのまま
//! 続いたメモリ、つまり 1 つの行列になり、重みの行列との積を求めるだけで済む。画素を列に写す手間 (im2col) も、
//! 0 で囲む手間も要らず、画像の外に掛かるカーネルの点は計算しない。ストライドは読み始める位置を変えるだけである。

use candle_core::{Module, Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use rayon::prelude::*;

use super::fused::{self, Arg, Fused};
use super::kernel::{Activation, CHUNK, Mat, Scratch, gemm, sum};
use super::lanes::{Dims, LANES, Order, Packing, Unpacking};
use super::linear::uniform;

/// 畳み込み・転置畳み込みの設定。カーネルは正方形で、縦と横のストライドと余白は等しい。
#[derive(Debug, Clone, Copy)]
pub struct ConvConfig {
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    /// 転置畳み込みだけで使う。出力の下と右に足す画素数 (ストライド未満)。
    pub output_padding: usize,
    /// すぐ後に正規化を置くときは、平均を引かれて意味を失うので `false` にする。
    pub bias: bool,
    pub activation: Activation,
    /// 重みの初期値。`None` なら PyTorch の既定 (一様分布 ±1/√(入力の数))。
    pub init: Option<Init>,
}

impl Default for ConvConfig {
    fn default() -> Self {
        Self {
            kernel: 3,
            stride: 1,
            padding: 0,
            output_padding: 0,
            bias: true,
            activation: Activation::None,
            init: None,
        }
    }
}

/// 畳み込み `[枚数, 入力, 縦, 横]` → `[枚数, 出力, 縦', 横']`、縦' = (縦 + 2·余白 - カーネル) / ストライド + 1。
///
/// 重み `weight` は `[出力, 入力, カーネル, カーネル]`、`bias` は `[出力]`。
pub type Conv2d = Conv<false>;

/// 転置畳み込み `[枚数, 入力, 縦, 横]` → `[枚数, 出力, 縦', 横']`、
/// 縦' = (縦 - 1)·ストライド + カーネル - 2·余白 + 追加の余白。
///
/// 重み `weight` は `[入力, 出力, カーネル, カーネル]`、`bias` は `[出力]`。
pub type ConvTranspose2d = Conv<true>;

/// [`Conv2d`] と [`ConvTranspose2d`] の共通の形。
#[derive(Debug, Clone)]
pub struct Conv<const TRANSPOSED: bool> {
    weight: Tensor,
    bias: Tensor,
    config: ConvConfig,
}

impl<const TRANSPOSED: bool> Conv<TRANSPOSED> {
    const NAME: &str = if TRANSPOSED { "ConvTranspose2d" } else { "Conv2d" };

    pub fn new(in_c: usize, out_c: usize, config: ConvConfig, vb: VarBuilder) -> Result<Self> {
        let ConvConfig { kernel, stride, output_padding, .. } = config;
        if kernel == 0 || stride == 0 || (output_padding > 0 && output_padding >= stride) {
            bail!(
                "{}: カーネル {kernel}、ストライド {stride}、追加の余白 {output_padding} は使えません。\
                 カーネルとストライドは 1 以上、追加の余白はストライド未満にしてください",
                Self::NAME
            );
        }
        config.activation.check()?;
        let (small, big) = if TRANSPOSED { (in_c, out_c) } else { (out_c, in_c) };
        // PyTorch は重みの 2 番目の次元を入力の数とみなす (転置畳み込みでも)。
        let default = uniform(big * kernel * kernel);
        let shape = (small, big, kernel, kernel);
        let weight = vb.get_with_hints(shape, "weight", config.init.unwrap_or(default))?;
        let bias = match config.bias {
            true => vb.get_with_hints(out_c, "bias", default)?,
            false => Tensor::zeros(out_c, weight.dtype(), weight.device())?,
        };
        Ok(Self { weight, bias, config })
    }

    /// 同じ重みを、学習の対象から外して使う層 (値は元の層の更新に従う)。
    pub fn frozen(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach(), config: self.config }
    }
}

impl<const TRANSPOSED: bool> Module for Conv<TRANSPOSED> {
    /// チャネル数が合わない入力や、出力が空になる入力は、形を示すエラーになる。
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let ConvConfig { kernel, stride, padding, output_padding, activation: act, .. } =
            self.config;
        let (_, in_c, h, w) = fused::dims4(Self::NAME, x)?;
        let (small_c, big_c, ..) = self.weight.dims4()?;
        // 出力の大きさ。0 以下になるなら 0。
        let [out_h, out_w] = [h, w].map(|size| {
            if TRANSPOSED {
                ((size - 1) * stride + kernel + output_padding).saturating_sub(2 * padding)
            } else {
                (size + 2 * padding + stride).saturating_sub(kernel) / stride
            }
        });
        if in_c != if TRANSPOSED { small_c } else { big_c } || out_h * out_w == 0 {
            bail!(
                "{}: 入力の形 {:?} が、重みの形 {:?}、ストライド {stride}、余白 {padding} に合いません",
                Self::NAME,
                x.dims(),
                self.weight.dims()
            );
        }
        let ([small_h, small_w], [big_h, big_w]) =
            if TRANSPOSED { ([h, w], [out_h, out_w]) } else { ([out_h, out_w], [h, w]) };
        let (small, big) = ([small_c, small_h, small_w], [big_c, big_h, big_w]);
        let geometry = Geometry { big, small, kernel, stride, padding };
        let op = ConvOp { name: Self::NAME, transposed: TRANSPOSED, geometry, act };
        fused::apply(op, x, &[&self.weight, &self.bias])
    }
}

/// 大きい側と小さい側を結ぶ形。
struct Geometry {
    big: Dims,
    small: Dims,
    kernel: usize,
    stride: usize,
    padding: usize,
}

struct ConvOp {
    name: &'static str,
    transposed: bool,
    geometry: Geometry,
    act: Activation,
}

impl Fused for ConvOp {
    fn name(&self) -> &'static str {
        self.name
    }

    fn forward(&self, [x, w, b]: [Arg; 3]) -> (Vec<f32>, Vec<usize>) {
        let geo = &self.geometry;
        let (run, out) =
            if self.transposed { (up as Run, geo.big) } else { (down as Run, geo.small) };
        let [c, h, w_] = out;
        (run(geo, x.data, w.data, Some(b.data), self.act), vec![x.dims[0], c, h, w_])
    }

    /// 活性化の前の勾配を g とすると、∂x は逆向きの計算、∂b はチャネルごとの g の和になる。
    fn backward(&self, [x, w, b]: [Arg; 3], y: &[f32], grad: &[f32]) -> [Option<Vec<f32>>; 3] {
        let geo = &self.geometry;
        let g = self.act.backward_all(y, grad);
        let reverse = if self.transposed { down } else { up };
        let (big, small) = if self.transposed { (&*g, x.data) } else { (x.data, &*g) };
        let bias_grad = || {
            let (channels, pixels) = (b.data.len(), g.len() / x.dims[0] / b.data.len());
            let planes = |c: usize| g.chunks_exact(pixels).skip(c).step_by(channels);
            let total = |c: usize| planes(c).map(|g| sum(g, g, |g, _| g)).sum::<f64>() as f32;
            (0..channels).into_par_iter().map(total).collect()
        };
        [
            x.wanted.then(|| reverse(geo, &g, w.data, None, Activation::None)),
            w.wanted.then(|| weight_grad(geo, big, small)),
            b.wanted.then(bias_grad),
        ]
    }
}

type Run = fn(&Geometry, &[f32], &[f32], Option<&[f32]>, Activation) -> Vec<f32>;

/// 出力の 1 つの行 (または列) `out` が読む範囲: 入力の src, src + 1, … に、重みの tap, tap + 1, … 番目を掛ける。
struct Span {
    out: usize,
    src: usize,
    tap: usize,
    len: usize,
}

/// `down` と `up` の違い。
struct Plan<'a> {
    input: Dims,
    output: Dims,
    /// 同じ重みで計算できる隣の出力は `out_step` 離れ、そのとき読む入力は `in_step` 離れる。
    in_step: usize,
    out_step: usize,
    /// (縦なら 1、横なら 2、出力の位置、入力の前に足した 0 の数) から、読む範囲を求める。
    span: &'a (dyn Fn(usize, usize, usize) -> Span + Sync),
    /// 入力の前に足す 0 は、これだけあれば足りる。
    max_zeros: usize,
    /// (縦の点, 横の点, 出力チャネル) から始まる重みの行列。
    weight: &'a (dyn Fn(usize, usize, usize) -> Mat<'a> + Sync),
}

/// 大きい側 → 小さい側: y\[o, i, j] = Σ w\[o, c, ki, kj] · x\[c, i·s + ki - 余白, j·s + kj - 余白]。
fn down(
    geo: &Geometry,
    src: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    act: Activation,
) -> Vec<f32> {
    let &Geometry { big, small, kernel: k, stride: s, padding: p } = geo;
    // 重みは [縦の点][出力][横の点][入力] に並べる。
    let order: Vec<usize> = (0..k).collect();
    let (channels, row) = (big[0], k * big[0]);
    let weight = pack_weight(geo, weight, &order, row);
    let plan = Plan {
        input: big,
        output: small,
        in_step: s,
        out_step: 1,
        span: &|axis, out, zeros| {
            let tap = (p - zeros).saturating_sub(out * s);
            let end = k.min((big[axis] + p).saturating_sub(out * s)).max(tap);
            Span { out, src: (out * s + tap + zeros).saturating_sub(p), tap, len: end - tap }
        },
        max_zeros: p,
        weight: &|ty, tx, o| Mat {
            data: &weight[(ty * small[0] + o) * row + tx * channels..],
            rs: row,
            cs: 1,
        },
    };
    gather(&plan, src, bias, act)
}

/// 小さい側 → 大きい側: `down` の随伴。大きい側の Y に届くのは、t = Y + 余白 - y·s が 0〜k-1 になる小さい側の y。
fn up(
    geo: &Geometry,
    src: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    act: Activation,
) -> Vec<f32> {
    let &Geometry { big, small, kernel: k, stride: s, padding: p } = geo;
    // y が 1 増えると t は s 減る。重みも、s で割った余りごとに大きい順に並べておけば、続けて読める。
    let order: Vec<usize> = (0..s).flat_map(|rest| (rest..k).step_by(s).rev()).collect();
    // 重みは [縦の点][横の点][入力][出力] に並べる。
    let (rows, columns) = (small[0], big[0]);
    let weight = pack_weight(geo, weight, &order, columns);
    let plan = Plan {
        input: small,
        output: big,
        in_step: 1,
        out_step: s,
        span: &|axis, out, zeros| {
            let reach = out + p + zeros * s;
            let src = (reach + 1).saturating_sub(k).div_ceil(s);
            let len = (reach / s + 1).min(small[axis] + zeros).saturating_sub(src);
            let tap = order.iter().position(|t| t + src * s == reach).unwrap_or(0);
            Span { out, src, tap, len }
        },
        max_zeros: usize::MAX,
        weight: &|ty, tx, o| Mat {
            data: &weight[(ty * k + tx) * rows * columns + o..],
            rs: 1,
            cs: columns,
        },
    };
    gather(&plan, src, bias, act)
}

/// 重み `[小さい側, 大きい側, 縦, 横]` を、カーネルの点ごとの `大きい側` 個の並びに分けて置き直す。
///
/// 小さい側の 1 つ (行) の並びは、点の順に、`row` 個ずつの続いた場所に入る。場所は点が外側、行が内側に並ぶ。
fn pack_weight(geo: &Geometry, weight: &[f32], order: &[usize], row: usize) -> Scratch {
    let (k, rows, columns) = (geo.kernel, geo.small[0], geo.big[0]);
    let mut packed = Scratch::new(weight.len());
    // 重みを 1 度だけ、続けて読めるよう、行ごとの仕事に分ける。仕事ごとに、書く場所を集めておく。
    let mut tasks: Vec<Vec<&mut [f32]>> = (0..rows).map(|_| Vec::with_capacity(k * k)).collect();
    for area in packed.chunks_exact_mut(rows * row) {
        tasks.iter_mut().zip(area.chunks_exact_mut(row)).for_each(|(task, to)| task.push(to));
    }
    let taps: Vec<usize> =
        order.iter().flat_map(|y| order.iter().map(move |x| y * k + x)).collect();
    let tasks = tasks.into_par_iter().zip(weight.par_chunks_exact(columns * k * k));
    tasks.with_min_len(CHUNK.div_ceil(columns * k * k)).for_each(|(places, kernels)| {
        let places = places.into_iter().flat_map(|place| place.chunks_exact_mut(columns));
        for (to, tap) in places.zip(&taps) {
            let from = kernels[*tap..].iter().step_by(k * k);
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    });
    packed
}

/// 出力のすべての画素について、読む範囲と重みの行列との積を求める。`down` と `up` の本体。
fn gather(plan: &Plan, src: &[f32], bias: Option<&[f32]>, act: Activation) -> Vec<f32> {
    let ([in_c, in_h, in_w], [out_c, out_h, out_w]) = (plan.input, plan.output);
    let (in_image, out_image) = (in_c * in_h * in_w, out_c * out_h * out_w);
    // 1 つの仕事は 1 画素の、多くても 64 チャネル。画像が小さくても、コアの数だけ仕事ができる。
    let block = if out_c % 64 == 0 { 64 } else { out_c };
    let mut out = vec![0f32; src.len() / in_image * out_image];
    let groups = out.par_chunks_mut(LANES * out_image).zip(src.par_chunks(LANES * in_image));
    groups.for_each(|(out, src)| {
        // 組が 16 枚に満たなければ、同じ重みで計算できる隣の画素を合わせて 16 に近づける。
        let images = src.len() / in_image;
        let repeat = (LANES / images).min(out_w.div_ceil(plan.out_step));
        let lanes = images * repeat;
        let zeros = plan.max_zeros.min((repeat - 1) * plan.in_step);
        let width = in_w + zeros;
        let order = Order::ChannelLane;
        let packing =
            Packing { dims: plan.input, order, split: 1, repeat, step: plan.in_step, zeros };
        let mut input = Scratch::new(in_c * in_h * width * lanes);
        packing.pack(&mut input, src);

        let spans = |axis: usize, repeat: usize, zeros: usize| {
            let size = plan.output[axis];
            let first = 0..plan.out_step.min(size);
            let outs = first.flat_map(|first| (first..size).step_by(plan.out_step * repeat));
            outs.map(|out| (plan.span)(axis, out, zeros)).collect::<Vec<_>>()
        };
        let (rows, columns) = (spans(1, 1, 0), spans(2, repeat, zeros));
        let mut panels = Scratch::new(rows.len() * columns.len() * out_c * lanes);
        panels.par_chunks_mut(block * lanes).enumerate().for_each(|(i, panel)| {
            let (first, pixel) = (i * block % out_c, i * block / out_c);
            let (row, column) = (&rows[pixel / columns.len()], &columns[pixel % columns.len()]);
            if row.len * column.len == 0 {
                panel.fill(0.0);
            }
            for y in 0..row.len {
                let k = column.len * in_c;
                let from = ((row.src + y) * width + column.src) * in_c * lanes;
                let input = Mat::rows(&input[from..][..k * lanes], lanes);
                let weight = (plan.weight)(row.tap + y, column.tap, first);
                gemm([block, lanes, k], panel, lanes, y > 0, weight, input);
            }
        });

        let outs = |spans: &[Span]| spans.iter().map(|span| span.out).collect::<Vec<_>>();
        Unpacking { dims: plan.output, images, lanes, step: plan.out_step, bias, act }.unpack(
            out,
            &panels,
            &outs(&rows),
            &outs(&columns),
        );
    });
    out
}

/// 重みの勾配 `[小さい側, 大きい側, 縦, 横]`。
///
/// カーネルの点ごとに、重なる画素をすべての画像について足す。どの要素も 1 つの仕事が決まった順に足し切るので、
/// 結果をまとめる手間も、足す順番がスレッド数で変わる心配も無い。
fn weight_grad(geo: &Geometry, big: &[f32], small: &[f32]) -> Vec<f32> {
    let &Geometry { kernel: k, stride: s, padding: p, .. } = geo;
    let ([small_c, small_h, small_w], [big_c, big_h, big_w]) = (geo.small, geo.big);
    let (small_image, big_image) = (small_c * small_h * small_w, big_c * big_h * big_w);
    // 行列積の出力の横 (まとめて計算される向き) には、チャネルの多い側を置く。
    let wide_big = big_c >= 8.min(small_c);
    let (other_c, wide_c) = if wide_big { (small_c, big_c) } else { (big_c, small_c) };
    // 大きい側の横の画素は、s で割った余りごとに集めておくと、カーネルの 1 点が読む画素が続く。
    let packing = |dims: Dims, split: usize, wide: bool| {
        let order = if wide { Order::LaneChannel } else { Order::ChannelColumn };
        Packing { dims, order, split, repeat: 1, step: 1, zeros: 0 }
    };
    let big_packing = packing(geo.big, s, wide_big);
    let big_packed = big_packing.pack_all(big);
    let small_packed = packing(geo.small, 1, !wide_big).pack_all(small);
    // カーネルの点 t が画像の中を読むような、小さい側の範囲。
    let inside = |t: usize, small: usize, big: usize| {
        let first = p.saturating_sub(t).div_ceil(s);
        first..(big + p).saturating_sub(t).div_ceil(s).min(small).max(first)
    };

    let mut taps = Scratch::new(k * k * small_c * big_c);
    let block = if other_c % 32 == 0 { 32 } else { other_c };
    taps.par_chunks_mut(block * wide_c).enumerate().for_each(|(i, grad)| {
        let (tap, first) = (i * block / other_c, i * block % other_c);
        let (ys, xs) = (inside(tap / k, small_h, big_h), inside(tap % k, small_w, big_w));
        if ys.is_empty() || xs.is_empty() {
            return grad.fill(0.0);
        }
        let column = big_packing.place(xs.start * s + tap % k - p);
        let groups =
            big_packed.chunks(LANES * big_image).zip(small_packed.chunks(LANES * small_image));
        for (group, (big, small)) in groups.enumerate() {
            let lanes = small.len() / small_image;
            for y in ys.clone() {
                let big = &big[(y * s + tap / k - p) * big_w * big_c * lanes..];
                let (big, small) = (
                    (big, column, big_w),
                    (&small[y * small_w * small_c * lanes..], xs.start, small_w),
                );
                let ((other, x, width), (wide, wide_x, _)) =
                    if wide_big { (small, big) } else { (big, small) };
                let other =
                    Mat { data: &other[(first * width + x) * lanes..], rs: width * lanes, cs: 1 };
                let wide = Mat::rows(&wide[wide_x * lanes * wide_c..], wide_c);
                let add = group > 0 || y > ys.start;
                gemm([block, wide_c, xs.len() * lanes], grad, wide_c, add, other, wide);
            }
        }
    });

    // [カーネルの点][other][wide] → [小さい側][大きい側][カーネルの点]
    let (small_step, big_step) = if wide_big { (big_c, 1) } else { (1, small_c) };
    let mut grad = vec![0f32; taps.len()];
    grad.par_chunks_mut(big_c * k * k).enumerate().for_each(|(o, grad)| {
        for (tap, from) in taps.chunks_exact(small_c * big_c).enumerate() {
            let from = from[o * small_step..].iter().step_by(big_step);
            let to = grad[tap..].iter_mut().step_by(k * k);
            to.zip(from).for_each(|(to, from)| *to = *from);
        }
    });
    grad
}
