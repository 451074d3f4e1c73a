//! 畳み込みと転置畳み込み。
//!
//! どちらも「大きい側」の画像 (畳み込みの入力、転置畳み込みの出力) と「小さい側」の画像を結ぶ同じ表
//! `重み[小さい側のチャネル, 大きい側のチャネル, 縦, 横]` で決まり、計算は 3 つだけになる。
//!
//! - [`down`]: 大きい側 → 小さい側 (畳み込み、および転置畳み込みの入力の勾配)
//! - [`up`]: 小さい側 → 大きい側 (転置畳み込み、および畳み込みの入力の勾配)
//! - [`weight_grad`]: 両側 → 重みの勾配
//!
//! 3 つとも次の手順を踏む。
//!
//! 1. 画像を 0 で囲み、ストライドの位相ごとの面に分ける ([`Planes`])。こうすると、カーネルの 1 点が読む値は、
//!    出力の 1 行について必ず連続して並ぶ。
//! 2. カーネルの各点が読む値を 1 行にした「列の行列」を、出力の 16 画素ぶんずつ作る (im2col)。
//!    16 画素 × 数百行なら、いちばん近いキャッシュに収まる。
//! 3. 重みの行列との積を求め、バイアスと活性化を済ませて出力に置く。
//!
//! ストライド s の `up` は、出力を s × s の位相に分けると、位相ごとにストライド 1 の畳み込みになる。
//! 書き込みが重ならないので、足し込み (col2im) も排他も要らない。

use std::borrow::Cow;

use candle_core::{CpuStorage, CustomOp3, Layout, Module, Result, Shape, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use rayon::prelude::*;

use super::kernel::{self, Activation, Mat, gemm, slice, with_slice};
use super::linear::{linear, uniform};

/// 1 度に作る列の数。行列積の内側の計算がちょうど扱う幅でもある。
const PANEL: usize = 16;

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

#[derive(Debug, Clone)]
struct Conv {
    weight: Tensor,
    bias: Tensor,
    op: ConvOp,
}

/// 畳み込み `[枚数, 入力, 縦, 横]` → `[枚数, 出力, 縦', 横']`、縦' = (縦 + 2·余白 - カーネル) / ストライド + 1。
///
/// 重み `weight` は `[出力, 入力, カーネル, カーネル]`、`bias` は `[出力]`。
#[derive(Debug, Clone)]
pub struct Conv2d(Conv);

/// 転置畳み込み `[枚数, 入力, 縦, 横]` → `[枚数, 出力, 縦', 横']`、
/// 縦' = (縦 - 1)·ストライド + カーネル - 2·余白 + 追加の余白。
///
/// 重み `weight` は `[入力, 出力, カーネル, カーネル]`、`bias` は `[出力]`。
#[derive(Debug, Clone)]
pub struct ConvTranspose2d(Conv);

impl Conv {
    fn new(
        transposed: bool,
        [in_c, out_c]: [usize; 2],
        config: ConvConfig,
        vb: VarBuilder,
    ) -> Result<Self> {
        let ConvConfig { kernel, stride, padding, output_padding, bias, activation, init } = config;
        if kernel == 0 || stride == 0 || (output_padding > 0 && output_padding >= stride) {
            bail!(
                "畳み込み: カーネル {kernel}、ストライド {stride}、追加の余白 {output_padding} は使えません。\
                 カーネルとストライドは 1 以上、追加の余白はストライド未満にしてください"
            );
        }
        let (rows, columns) = if transposed { (in_c, out_c) } else { (out_c, in_c) };
        // PyTorch は重みの 2 番目の次元を入力の数とみなす (転置畳み込みでも)。
        let default = uniform(columns * kernel * kernel);
        let shape = (rows, columns, kernel, kernel);
        let weight = vb.get_with_hints(shape, "weight", init.unwrap_or(default))?;
        let bias = match bias {
            true => vb.get_with_hints(out_c, "bias", default)?,
            false => Tensor::zeros(out_c, weight.dtype(), weight.device())?,
        };
        let op = ConvOp { transposed, stride, padding, output_padding, act: activation.check()? };
        Ok(Self { weight, bias, op })
    }

    fn frozen(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach(), op: self.op }
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (name, (rows, columns, k, _)) = (self.op.name(), self.weight.dims4()?);
        kernel::check_f32(name, x)?;
        let in_c = if self.op.transposed { rows } else { columns };
        let (n, h, w) = match *x.dims() {
            [n, c, h, w] if c == in_c => (n, h, w),
            ref dims => bail!(
                "{name}: 入力の形 {dims:?} が重みの形 {:?} に合いません。[枚数, {in_c}, 縦, 横] にしてください",
                self.weight.dims()
            ),
        };
        self.op.geometry([h, w], self.weight.dims())?;
        if self.op.transposed && (h, w) == (1, 1) && self.op.padding + self.op.output_padding == 0 {
            // 1×1 の画像を k×k に広げるのは全結合層と同じ。乱数のベクトルから始まる生成器の最初の層がこれに当たる。
            let weight = self.weight.reshape((in_c, columns * k * k))?.t()?;
            let bias = self.bias.reshape((columns, 1))?.broadcast_as((columns, k * k))?;
            return linear(&x.reshape((n, in_c))?, &weight, &bias.flatten_all()?, self.op.act)?
                .reshape((n, columns, k, k));
        }
        x.contiguous()?.apply_op3(&self.weight.contiguous()?, &self.bias.contiguous()?, self.op)
    }
}

impl Conv2d {
    pub fn new(in_c: usize, out_c: usize, config: ConvConfig, vb: VarBuilder) -> Result<Self> {
        Conv::new(false, [in_c, out_c], config, vb).map(Self)
    }

    /// 同じ重みを、学習の対象から外して使う層 (値は元の層の更新に従う)。
    pub fn frozen(&self) -> Self {
        Self(self.0.frozen())
    }
}

impl ConvTranspose2d {
    pub fn new(in_c: usize, out_c: usize, config: ConvConfig, vb: VarBuilder) -> Result<Self> {
        Conv::new(true, [in_c, out_c], config, vb).map(Self)
    }

    /// 同じ重みを、学習の対象から外して使う層 (値は元の層の更新に従う)。
    pub fn frozen(&self) -> Self {
        Self(self.0.frozen())
    }
}

impl Module for Conv2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.0.forward(x)
    }
}

impl Module for ConvTranspose2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.0.forward(x)
    }
}

#[derive(Debug, Clone, Copy)]
struct ConvOp {
    transposed: bool,
    stride: usize,
    padding: usize,
    output_padding: usize,
    act: Activation,
}

/// 画像の形 `[チャネル, 縦, 横]`。
type Dims = [usize; 3];

/// 大きい側と小さい側を結ぶ形。
#[derive(Debug, Clone, Copy)]
struct Geometry {
    big: Dims,
    small: Dims,
    kernel: usize,
    stride: usize,
    padding: usize,
}

impl ConvOp {
    /// 入力の縦横と重みの形から両側の形を決める。出力が空になるなら、形を示すエラーにする。
    fn geometry(&self, [h, w]: [usize; 2], weight: &[usize]) -> Result<Geometry> {
        let &Self { stride, padding, output_padding, .. } = self;
        let &[small_c, big_c, kernel, _] = weight else {
            bail!("重みの形 {weight:?} が 4 次元ではありません")
        };
        let other = |size: usize| {
            if self.transposed {
                (size.max(1) - 1) * stride + kernel + output_padding
            } else {
                (size + 2 * padding + stride).saturating_sub(kernel) / stride
            }
        };
        let shrink = if self.transposed { 2 * padding } else { 0 };
        let [oh, ow] = [h, w].map(|size| other(size).saturating_sub(shrink));
        if h * w * oh * ow == 0 {
            bail!(
                "{}: 入力の縦横 {h}×{w}、重みの形 {weight:?}、ストライド {stride}、余白 {padding} では出力が空になります",
                self.name()
            );
        }
        let (big, small) = if self.transposed { ([oh, ow], [h, w]) } else { ([h, w], [oh, ow]) };
        let with = |c: usize, [h, w]: [usize; 2]| [c, h, w];
        Ok(Geometry { big: with(big_c, big), small: with(small_c, small), kernel, stride, padding })
    }
}

impl CustomOp3 for ConvOp {
    fn name(&self) -> &'static str {
        if self.transposed { "ConvTranspose2d" } else { "Conv2d" }
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_l: &Layout,
        w: &CpuStorage,
        w_l: &Layout,
        b: &CpuStorage,
        b_l: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, _, height, width) = x_l.shape().dims4()?;
        let geometry = self.geometry([height, width], w_l.dims())?;
        let (x, w, b) = (slice(x, x_l)?, slice(w, w_l)?, slice(b, b_l)?);
        let run = if self.transposed { up } else { down };
        let [c, h, w_] = if self.transposed { geometry.big } else { geometry.small };
        Ok((CpuStorage::F32(run(&geometry, x, w, Some(b), self.act)), Shape::from((n, c, h, w_))))
    }

    /// 活性化の前の勾配を g とする。学習の対象でない引数 (凍結した重みや入力画像) の勾配は計算しない。
    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (_, _, height, width) = x.dims4()?;
        let geometry = self.geometry([height, width], w.dims())?;
        let g = with_slice(grad, |grad| match self.act {
            Activation::None => Ok(None),
            act => with_slice(y, |y| Ok(Some(kernel::activation_backward(act, y, grad)))),
        })?;
        with_slice(grad, |grad| {
            let g = g.as_deref().unwrap_or(grad);
            let dx = x.track_op().then(|| {
                let run = if self.transposed { down } else { up };
                let dx = with_slice(w, |w| Ok(run(&geometry, g, w, None, Activation::None)))?;
                Tensor::from_vec(dx, x.shape(), x.device())
            });
            let dw = w.track_op().then(|| {
                let dw = with_slice(x, |x| {
                    let (big, small) = if self.transposed { (g, x) } else { (x, g) };
                    Ok(weight_grad(&geometry, big, small))
                })?;
                Tensor::from_vec(dw, w.shape(), w.device())
            });
            let db = b.track_op().then(|| {
                let (c, pixels) = (b.elem_count(), y.elem_count() / y.dim(0)? / b.elem_count());
                let sum = |c: usize| {
                    let planes = g.chunks_exact(pixels).skip(c).step_by(b.elem_count());
                    planes.map(|plane| kernel::sum(plane, |_, g| g)).sum::<f64>() as f32
                };
                let db: Vec<f32> = (0..c).into_par_iter().map(sum).collect();
                Tensor::from_vec(db, c, b.device())
            });
            Ok((dx.transpose()?, dw.transpose()?, db.transpose()?))
        })
    }
}

/// 画像を 0 で囲み、縦横それぞれ s 個おきに抜き出して分けた面。
///
/// 位相 (a, b) の面の (u, v) は、元の画像の (u·s + a - 余白, v·s + b - 余白) の値 (外なら 0)。
#[derive(Clone, Copy)]
struct Planes {
    split: usize,
    /// 面の数は phases × phases。カーネルがストライドより小さければ、読まれない位相は作らない。
    phases: usize,
    padding: usize,
    height: usize,
    width: usize,
}

impl Planes {
    /// 1 チャネルぶんの長さ。
    fn len(&self) -> usize {
        self.phases * self.phases * self.height * self.width
    }

    /// 位相 (y % s, x % s) の面で、出力の原点が読む位置。
    fn offset(&self, channel: usize, y: usize, x: usize) -> usize {
        let phase = (y % self.split) * self.phases + x % self.split;
        channel * self.len() + (phase * self.height + y / self.split) * self.width + x / self.split
    }

    /// 縦 `h`・横 `w` の 1 チャネルを面に写す。囲みの 0 には触れない (最初に 0 で埋めたまま使い回す)。
    fn fill(&self, planes: &mut [f32], image: &[f32], h: usize, w: usize) {
        let &Self { split, padding, .. } = self;
        // 位相 a で、画像の中 (0..size) を指す面の添え字の範囲。
        let inside = |a: usize, size: usize, limit: usize| {
            let first = padding.saturating_sub(a).div_ceil(split);
            first..((size + padding).saturating_sub(a).div_ceil(split)).min(limit).max(first)
        };
        for (phase, plane) in planes.chunks_exact_mut(self.height * self.width).enumerate() {
            let (a, b) = (phase / self.phases, phase % self.phases);
            let columns = inside(b, w, self.width);
            let Some(x) = (columns.start * split + b).checked_sub(padding).filter(|&x| x < w)
            else {
                continue;
            };
            for u in inside(a, h, self.height) {
                let y = u * split + a - padding;
                let to = &mut plane[u * self.width..][columns.clone()];
                let from = &image[y * w..][x..w];
                match split {
                    1 => to.copy_from_slice(&from[..to.len()]),
                    // 2 は本の中でいちばん多い。定数にすると、まとめて抜き出す命令になる。
                    2 => to.iter_mut().zip(from.chunks(2)).for_each(|(to, from)| *to = from[0]),
                    s => {
                        to.iter_mut().zip(from.iter().step_by(s)).for_each(|(to, from)| *to = *from)
                    }
                }
            }
        }
    }
}

/// 出力のうち、同じ重みで計算できる位相 1 つぶんの仕事。
struct Job<'a> {
    /// 列の行列の各行が読む、面の中の位置。
    offsets: Vec<usize>,
    /// `[出力チャネル, offsets.len()]`
    weight: Cow<'a, [f32]>,
    /// この位相の出力の縦横の画素数。
    rows: usize,
    cols: usize,
    /// 出力の (start + step·i) 行・列に置く。
    start: [usize; 2],
    step: usize,
}

/// 面の中で連続して読め、出力の同じ行に続けて置ける画素の並び。
struct Run {
    source: usize,
    lane: usize,
    len: usize,
    out: usize,
}

impl Job<'_> {
    /// `positions` 番目の画素 (画像 → 行 → 列の順に数える) を、長さ 16 以下の並びに分ける。
    fn runs(
        &self,
        positions: std::ops::Range<usize>,
        planes: &Planes,
        plane_image: usize,
        out_image: usize,
        out_width: usize,
        runs: &mut Vec<Run>,
    ) {
        runs.clear();
        let (first, mut pos) = (positions.start, positions.start);
        while pos < positions.end {
            let (x, y, image) =
                (pos % self.cols, pos / self.cols % self.rows, pos / self.cols / self.rows);
            let len = (self.cols - x).min(positions.end - pos).min(16);
            runs.push(Run {
                source: image * plane_image + y * planes.width + x,
                lane: pos - first,
                len,
                out: image * out_image
                    + (self.start[0] + y * self.step) * out_width
                    + self.start[1]
                    + x * self.step,
            });
            pos += len;
        }
    }
}

/// 列の行列 (1 行 `width` 列) を作る (im2col)。
///
/// 長さの決まった写しは数命令で済むので、並びの長さによらず L 個ずつ写す。余分に写した所は、
/// すぐ後に写す並び (または次の行) が正しい値で上書きする。
fn fill_columns(
    columns: &mut [f32],
    width: usize,
    planes: &[f32],
    offsets: &[usize],
    runs: &[Run],
) {
    fn fill<const L: usize>(
        columns: &mut [f32],
        width: usize,
        planes: &[f32],
        offsets: &[usize],
        runs: &[Run],
    ) {
        for (row, offset) in offsets.iter().enumerate() {
            for run in runs {
                let to = &mut columns[row * width + run.lane..][..L];
                to.copy_from_slice(&planes[offset + run.source..][..L]);
            }
        }
    }
    match runs.iter().map(|run| run.len).max().unwrap_or(0) {
        0..=2 => fill::<2>(columns, width, planes, offsets, runs),
        3..=4 => fill::<4>(columns, width, planes, offsets, runs),
        5..=8 => fill::<8>(columns, width, planes, offsets, runs),
        _ => fill::<16>(columns, width, planes, offsets, runs),
    }
}

/// `fill_columns` が余分に写してよいように、どの作業領域も終わりに足しておく長さ。
const SLACK: usize = 16;

/// すべての画像について `jobs` を計算する。`down` と `up` の本体。
fn gather(
    planes: Planes,
    jobs: &[Job],
    (src, [in_c, in_h, in_w]): (&[f32], Dims),
    [out_c, out_h, out_w]: Dims,
    bias: Option<&[f32]>,
    act: Activation,
) -> Vec<f32> {
    let (in_image, plane_image) = (in_c * in_h * in_w, in_c * planes.len());
    let (out_plane, out_image) = (out_h * out_w, out_c * out_h * out_w);
    let images = src.len() / in_image;
    let mut out = vec![0f32; images * out_image];
    // 小さな画像は何枚か合わせ、16 画素ずつに切ったときの半端を減らす。
    let group = jobs.iter().map(|job| 64usize.div_ceil(job.rows * job.cols)).min().unwrap_or(1);
    let group = group.min(images);
    let longest = jobs.iter().map(|job| job.offsets.len()).max().unwrap_or(0);
    let scratch = || {
        (
            vec![0f32; group * plane_image + SLACK],
            vec![0f32; longest * PANEL + SLACK],
            vec![0f32; out_c * PANEL],
            Vec::new(),
        )
    };
    out.par_chunks_mut(group * out_image).zip(src.par_chunks(group * in_image)).for_each_init(
        scratch,
        |(buffer, columns, tile, runs), (out, src)| {
            for (planes_c, image_c) in
                buffer.chunks_exact_mut(planes.len()).zip(src.chunks_exact(in_h * in_w))
            {
                planes.fill(planes_c, image_c, in_h, in_w);
            }
            for job in jobs {
                let (k, total) = (job.offsets.len(), out.len() / out_image * job.rows * job.cols);
                for from in (0..total).step_by(PANEL) {
                    let positions = from..total.min(from + PANEL);
                    job.runs(positions, &planes, plane_image, out_image, out_w, runs);
                    fill_columns(columns, PANEL, buffer, &job.offsets, runs);
                    let weight = Mat::rows(&job.weight, k);
                    gemm(
                        [out_c, PANEL, k],
                        tile,
                        PANEL,
                        false,
                        weight,
                        Mat::rows(columns, PANEL),
                        false,
                    );
                    if let Some(bias) = bias {
                        for (row, b) in tile.chunks_exact_mut(PANEL).zip(bias) {
                            row.iter_mut().for_each(|y| *y += b);
                        }
                    }
                    act.apply(tile);
                    for (o, row) in tile.chunks_exact(PANEL).enumerate() {
                        for run in runs.iter() {
                            let to = &mut out[o * out_plane + run.out..];
                            let values = &row[run.lane..][..run.len];
                            to.iter_mut()
                                .step_by(job.step)
                                .zip(values)
                                .for_each(|(to, y)| *to = *y);
                        }
                    }
                }
            }
        },
    );
    out
}

/// 大きい側 → 小さい側: y\[o, i, j] = Σ w\[o, c, ki, kj] · x\[c, i·s + ki - 余白, j·s + kj - 余白]。
fn down(
    geo: &Geometry,
    src: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    act: Activation,
) -> Vec<f32> {
    let job = Job {
        offsets: down_offsets(geo, 0..geo.big[0] * geo.kernel),
        weight: Cow::Borrowed(weight),
        rows: geo.small[1],
        cols: geo.small[2],
        start: [0, 0],
        step: 1,
    };
    gather(down_planes(geo), &[job], (src, geo.big), geo.small, bias, act)
}

fn down_planes(geo: &Geometry) -> Planes {
    let reach = (geo.kernel - 1) / geo.stride;
    Planes {
        split: geo.stride,
        phases: geo.stride.min(geo.kernel),
        padding: geo.padding,
        height: geo.small[1] + reach,
        width: geo.small[2] + reach,
    }
}

/// カーネルの行 (チャネル, 縦) の範囲 `units` について、各点が読む位置。最初のチャネルを 0 と数える。
fn down_offsets(geo: &Geometry, units: std::ops::Range<usize>) -> Vec<usize> {
    let (planes, k) = (down_planes(geo), geo.kernel);
    let first = units.start / k;
    units
        .flat_map(|unit| (0..k).map(move |x| planes.offset(unit / k - first, unit % k, x)))
        .collect()
}

/// 小さい側 → 大きい側: `down` の随伴。大きい側の y は、(y + 余白) % s が同じもの同士で同じ重みを使う。
fn up(
    geo: &Geometry,
    src: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    act: Activation,
) -> Vec<f32> {
    let &Geometry {
        big: [big_c, big_h, big_w],
        small: [small_c, ..],
        kernel: k,
        stride: s,
        padding,
    } = geo;
    let reach = (k - 1) / s;
    let planes = Planes {
        split: 1,
        phases: 1,
        padding: reach,
        height: (big_h - 1 + padding) / s + reach + 1,
        width: (big_w - 1 + padding) / s + reach + 1,
    };
    let mut jobs = Vec::new();
    for start_y in 0..s.min(big_h) {
        for start_x in 0..s.min(big_w) {
            // 出力 start に届くカーネルの点は a, a + s, a + 2s, … で、t 番目は小さい側の (start + 余白) / s - t を読む。
            let (a, b) = ((start_y + padding) % s, (start_x + padding) % s);
            let origin = |start: usize, t: usize| (start + padding) / s + reach - t;
            let taps = |a: usize| (a..k).step_by(s).enumerate();
            let offsets = (0..small_c)
                .flat_map(|c| {
                    taps(a).flat_map(move |(ty, _)| {
                        taps(b).map(move |(tx, _)| {
                            planes.offset(c, origin(start_y, ty), origin(start_x, tx))
                        })
                    })
                })
                .collect();
            // 重みも同じ順 [大きい側, (小さい側, 縦の点, 横の点)] に並べ替える。
            let points: Vec<usize> =
                taps(a).flat_map(|(_, y)| taps(b).map(move |(_, x)| y * k + x)).collect();
            let mut packed = vec![0f32; big_c * small_c * points.len()];
            packed.par_chunks_mut((small_c * points.len()).max(1)).enumerate().for_each(
                |(o, packed)| {
                    for (c, packed) in packed.chunks_exact_mut(points.len()).enumerate() {
                        let kernel = &weight[(c * big_c + o) * k * k..][..k * k];
                        packed.iter_mut().zip(&points).for_each(|(to, point)| *to = kernel[*point]);
                    }
                },
            );
            jobs.push(Job {
                offsets,
                weight: Cow::Owned(packed),
                rows: (big_h - start_y).div_ceil(s),
                cols: (big_w - start_x).div_ceil(s),
                start: [start_y, start_x],
                step: s,
            });
        }
    }
    gather(planes, &jobs, (src, geo.small), geo.big, bias, act)
}

/// 重みの勾配 `[小さい側のチャネル, 大きい側のチャネル, 縦, 横]`。
///
/// カーネルの行で仕事を分けるので、どの要素も 1 つの仕事が画像の順に足し切る。まとめる手間も、
/// 足す順番がスレッド数で変わる心配も無い。
fn weight_grad(geo: &Geometry, big: &[f32], small: &[f32]) -> Vec<f32> {
    let &Geometry { big: [big_c, big_h, big_w], small: [small_c, h, w], kernel: k, .. } = geo;
    let (planes, pixels, big_image) = (down_planes(geo), h * w, big_c * big_h * big_w);
    // 行列積が読む向き [画素, チャネル] に、小さい側を 1 度だけ並べ直しておく。
    let mut small_t = vec![0f32; small.len()];
    small_t
        .par_chunks_mut(pixels * small_c)
        .zip(small.par_chunks(pixels * small_c))
        .for_each(|(to, from)| transpose(to, from, pixels));

    let units = big_c * k;
    let block = (64 / k).min(units / 8).max(1);
    let group = (512 / pixels).clamp(1, big.len() / big_image);
    let mut grad_t = vec![0f32; units * k * small_c];
    grad_t.par_chunks_mut(block * k * small_c).enumerate().for_each(|(i, grad_t)| {
        let mine = i * block..units.min((i + 1) * block);
        let channels = mine.start / k..(mine.end - 1) / k + 1;
        let job = Job {
            offsets: down_offsets(geo, mine),
            weight: Cow::Borrowed(&[]),
            rows: h,
            cols: w,
            start: [0, 0],
            step: 1,
        };
        let (rows, plane_image) = (job.offsets.len(), channels.len() * planes.len());
        let mut buffer = vec![0f32; group * plane_image + SLACK];
        let mut columns = vec![0f32; rows * group * pixels + SLACK];
        let mut runs = Vec::new();
        let images = big.chunks(group * big_image).zip(small_t.chunks(group * pixels * small_c));
        for (step, (big, small_t)) in images.enumerate() {
            let count = big.len() / big_image;
            for (buffer, image) in
                buffer.chunks_exact_mut(plane_image).zip(big.chunks_exact(big_image))
            {
                let image = &image[channels.start * big_h * big_w..];
                for (to, from) in
                    buffer.chunks_exact_mut(planes.len()).zip(image.chunks_exact(big_h * big_w))
                {
                    planes.fill(to, from, big_h, big_w);
                }
            }
            let width = count * pixels;
            job.runs(0..width, &planes, plane_image, 0, 0, &mut runs);
            fill_columns(&mut columns, width, &buffer, &job.offsets, &runs);
            let (a, b) = (Mat::rows(&columns, width), Mat::rows(small_t, small_c));
            gemm([rows, small_c, width], grad_t, small_c, step > 0, a, b, false);
        }
    });
    let mut grad = vec![0f32; grad_t.len()];
    transpose(&mut grad, &grad_t, small_c);
    grad
}

/// `from` (1 行 `columns` 列) の転置を `to` に書く。読み書きの飛びを抑えるため、行を 16 本ずつ進める。
fn transpose(to: &mut [f32], from: &[f32], columns: usize) {
    let rows = from.len() / columns;
    for first in (0..rows).step_by(16) {
        let last = rows.min(first + 16);
        for (c, to) in to.chunks_exact_mut(rows).enumerate() {
            for (r, to) in (first..last).zip(&mut to[first..last]) {
                *to = from[r * columns + c];
            }
        }
    }
}
