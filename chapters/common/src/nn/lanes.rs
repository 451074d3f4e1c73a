//! 画像を 16 枚ずつの組に並べ直し、また戻す。
//!
//! 飛び飛びに読み書きするとキャッシュが効かない。そこで、小さな表に集めて 4 × 4 の入れ替え (まとめて計算される)
//! で向きを変えてから、続けて書く。

use rayon::prelude::*;

use super::kernel::{Activation, Scratch};

/// 1 つの組にする画像の枚数。行列積の内側の計算がちょうど扱う幅でもある。
pub(super) const LANES: usize = 16;

/// 画像の形 `[チャネル, 縦, 横]`。
pub(super) type Dims = [usize; 3];

/// 組の中の並べ方。どれも縦の行が先頭で、lane は組の中の何枚目か。
#[derive(Clone, Copy)]
pub(super) enum Order {
    /// `[縦][横][チャネル][lane]`
    ChannelLane,
    /// `[縦][横][lane][チャネル]`
    LaneChannel,
    /// `[縦][チャネル][横][lane]`
    ChannelColumn,
}

/// 1 つの組の並べ直し方。
pub(super) struct Packing {
    pub dims: Dims,
    pub order: Order,
    /// 横の画素を、これで割った余りごとに集める (1 ならそのまま)。
    pub split: usize,
    /// 横に step 画素ずつずらした画像を、別の lane として並べる回数 (1 ならしない)。
    pub repeat: usize,
    pub step: usize,
    /// 横の先頭に足す 0 の数。
    pub zeros: usize,
}

impl Packing {
    /// 横の x 番目の画素が置かれる位置。
    pub fn place(&self, x: usize) -> usize {
        let (width, rest) = (self.dims[2] + self.zeros, x % self.split);
        x / self.split + (0..rest).map(|rest| (width - rest).div_ceil(self.split)).sum::<usize>()
    }

    /// すべての組を並べ直す (`repeat` が 1 のとき)。
    pub fn pack_all(&self, src: &[f32]) -> Scratch {
        let group = LANES * self.dims.iter().product::<usize>();
        let mut out = Scratch::new(src.len());
        let groups = out.par_chunks_mut(group).zip(src.par_chunks(group));
        groups.for_each(|(out, src)| self.pack(out, src));
        out
    }

    /// 1 つの組 `[枚数][チャネル][縦][横]` を並べ直す。
    pub fn pack(&self, out: &mut [f32], src: &[f32]) {
        let &Self { dims: [c, h, w], order, repeat, step, zeros, .. } = self;
        let (images, width) = (src.len() / (c * h * w), w + zeros);
        let lanes = images * repeat;
        let places: Vec<usize> = (0..width).map(|x| self.place(x)).collect();
        // 16 本ずつ集める向き (inner) と、その外側の、それぞれの本数と読む間隔。
        let (channel, image) = ((c, h * w), (images, c * h * w));
        let ((outer, outer_from), (inner, inner_from)) = match order {
            Order::LaneChannel => (image, channel),
            Order::ChannelLane | Order::ChannelColumn => (channel, image),
        };
        let (outer_to, column_to) = match order {
            Order::ChannelColumn => (width * lanes, lanes),
            Order::ChannelLane | Order::LaneChannel => (inner * repeat, c * lanes),
        };
        let (row, rows) = (c * width * lanes, 64usize.div_ceil(width));
        let area = rows * width;
        let scratch = || (vec![0f32; LANES * area], vec![[0f32; 4]; LANES / 4 * area]);
        let tasks = out.par_chunks_mut(rows * row).enumerate();
        tasks.for_each_init(scratch, |(lines, table), (task, out)| {
            let (top, rows) = (task * rows, out.len() / row);
            let steps = (0..outer).flat_map(|o| (0..inner).step_by(LANES).map(move |i| (o, i)));
            for (o, first) in steps {
                let count = LANES.min(inner - first);
                let source = |i: usize| {
                    &src[o * outer_from + (first + i) * inner_from + top * w..][..rows * w]
                };
                if width > w || repeat > 1 {
                    for (lane, line) in
                        lines.chunks_exact_mut(area).enumerate().take(count * repeat)
                    {
                        self.shift(line, source(lane % count), lane / count * step);
                    }
                }
                for (quad, table) in
                    table.chunks_exact_mut(area).enumerate().take((count * repeat).div_ceil(4))
                {
                    // 4 本の行を一緒に読むと、4 × 4 の入れ替えとしてまとめて計算される。
                    let [a, b, c, d] =
                        [0, 1, 2, 3].map(|i| match (4 * quad + i).min(count * repeat - 1) {
                            lane if width > w || repeat > 1 => {
                                &lines[lane * area..][..rows * width]
                            }
                            lane => source(lane),
                        });
                    for (to, (((a, b), c), d)) in
                        table.iter_mut().zip(a.iter().zip(b).zip(c).zip(d))
                    {
                        *to = [*a, *b, *c, *d];
                    }
                }
                for (y, out) in out.chunks_exact_mut(row).enumerate() {
                    for (x, place) in places.iter().enumerate() {
                        let to =
                            &mut out[o * outer_to + place * column_to + first..][..count * repeat];
                        for (i, to) in to.chunks_mut(4).enumerate() {
                            let from = &table[i * area + y * width + x];
                            match to.first_chunk_mut() {
                                Some(to) => *to = *from,
                                None => to.copy_from_slice(&from[..to.len()]),
                            }
                        }
                    }
                }
            }
        });
    }

    /// 画像の何行かを写す。先頭に `zeros` 個の 0 を足してから、`shift` 画素ぶん前に詰める。
    ///
    /// 0 のままになる場所は `shift` だけで決まるので、最初に 0 で埋めた `line` を使い回せる。
    fn shift(&self, line: &mut [f32], from: &[f32], shift: usize) {
        let (w, width) = (self.dims[2], self.dims[2] + self.zeros);
        let (skip, cut) =
            (self.zeros.saturating_sub(shift), shift.saturating_sub(self.zeros).min(w));
        for (line, from) in line.chunks_exact_mut(width).zip(from.chunks_exact(w)) {
            line[skip..].iter_mut().zip(&from[cut..]).for_each(|(to, from)| *to = *from);
        }
    }
}

/// `Order::ChannelLane` に並んだ 1 つの組の戻し方。
pub(super) struct Unpacking<'a> {
    pub dims: Dims,
    pub images: usize,
    /// 1 つの並びの長さ: 画像の枚数 × 一緒に計算した隣の画素の数。
    pub lanes: usize,
    /// その隣の画素との間隔。
    pub step: usize,
    pub bias: Option<&'a [f32]>,
    pub act: Activation,
}

impl Unpacking<'_> {
    /// `[rows][columns][チャネル][lane]` の組を `[枚数][チャネル][縦][横]` に戻し、バイアスと活性化を済ませる。
    ///
    /// `rows` と `columns` は、並びの順に、それが画像のどの行・どの列か。
    pub fn unpack(&self, out: &mut [f32], panels: &[f32], rows: &[usize], columns: &[usize]) {
        let &Self { dims: [c, h, w], images, lanes, step, bias, act } = self;
        // 4 チャネルずつの仕事に分ける。仕事ごとに、すべての画像のそのチャネルの面を集めておく。
        let mut tasks: Vec<Vec<&mut [f32]>> = (0..c.div_ceil(4)).map(|_| Vec::new()).collect();
        for image in out.chunks_exact_mut(c * h * w) {
            tasks
                .iter_mut()
                .zip(image.chunks_mut(4 * h * w))
                .for_each(|(task, planes)| task.push(planes));
        }
        tasks.into_par_iter().enumerate().for_each(|(task, mut out)| {
            let mut table = vec![[0f32; 4]; LANES / 4 * h * w];
            for o in 4 * task..c.min(4 * task + 4) {
                let mut panels = panels[o * lanes..].chunks(c * lanes);
                for row in rows {
                    for (column, panel) in columns.iter().zip(&mut panels) {
                        for (x, panel) in
                            (*column..w).step_by(step).zip(panel[..lanes].chunks_exact(images))
                        {
                            for (quad, from) in panel.chunks(4).enumerate() {
                                let to = &mut table[quad * h * w + row * w + x];
                                match from.first_chunk() {
                                    Some(from) => *to = *from,
                                    None => to[..from.len()].copy_from_slice(from),
                                }
                            }
                        }
                    }
                }
                let bias = bias.map_or(0.0, |bias| bias[o]);
                let plane = (o - 4 * task) * h * w..(o - 4 * task + 1) * h * w;
                for (out, table) in out.chunks_mut(4).zip(table.chunks_exact(h * w)) {
                    if let [a, b, c, d] = out {
                        let [a, b, c, d] =
                            [a, b, c, d].map(|image| image[plane.clone()].iter_mut());
                        for ((((a, b), c), d), from) in a.zip(b).zip(c).zip(d).zip(table) {
                            [*a, *b, *c, *d] = from.map(|x| x + bias);
                        }
                    } else {
                        for (i, image) in out.iter_mut().enumerate() {
                            let to = image[plane.clone()].iter_mut().zip(table);
                            to.for_each(|(to, from)| *to = from[i] + bias);
                        }
                    }
                    out.iter_mut().for_each(|image| act.apply(&mut image[plane.clone()]));
                }
            }
        });
    }
}
