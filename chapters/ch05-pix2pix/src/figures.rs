//! 学習の結果を図にします。ここでは学習しません。

use std::path::Path;

use anyhow::Result;
use candle_core::{Device, Tensor};
use candle_nn::ops::sigmoid;
use common::glyphs::{self, Font, Placement};
use common::history::thousands;
use common::measure::sharpness;
use common::seed::Seed;
use common::state::{Resume, State};
use tools::plot::{self, Key, Line, LineChart, Mark, RGBColor, Sheet, color};

use crate::config::Config;
use crate::data::{self, Pictures};
use crate::measure::{Measured, measure};
use crate::model::{Layer, field_origin, patch_gan, receptive_field};
use crate::train::{Progress, Trained, translate};

/// 取り置いた画像を変換した、ある時点の出力 `[N, C, S, S]`。
pub struct Frame {
    pub step: usize,
    pub output: Tensor,
}

/// 学習を見ながら、図に要る途中経過を集めます。取り置いた画像とノイズは、ずっと同じものを使います。
pub struct Recorder {
    config: Config,
    pub frames: Vec<Frame>,
    /// (ステップ, 取り置いた画像での測定)
    pub curve: Vec<(usize, Measured)>,
}

impl Recorder {
    pub fn new(config: &Config) -> Self {
        Self { config: config.clone(), frames: Vec::new(), curve: Vec::new() }
    }

    /// `train` の observer から毎回呼びます。
    pub fn observe(&mut self, progress: &Progress) -> Result<()> {
        let step = progress.step;
        let due = |percent: usize| (self.config.steps * percent).div_ceil(100);
        // 途中の測定は軽くない。短い学習では、回数を減らす。
        let spacing = (self.config.steps / 10).max(60);
        let pictured = [0, 5, 10, 30, 60, 100].map(due).contains(&step);
        if pictured || step.is_multiple_of(spacing) {
            let Pictures { x, y } = &progress.dataset.held_out;
            let output = translate(&progress.networks.generator, &self.config, x, Seed(0))?;
            self.curve.push((step, measure(&output, y)?));
            if pictured {
                self.frames.push(Frame { step, output });
            }
        }
        Ok(())
    }

    /// ちょうど `step` 回のときの出力。
    pub fn frame(&self, step: usize) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.step == step)
    }

    /// 取り置いた画像での測定の移り変わり。
    pub fn line(&self, value: impl Fn(&Measured) -> f64) -> Vec<(f64, f64)> {
        self.curve.iter().map(|(step, measured)| (*step as f64, value(measured))).collect()
    }
}

impl Resume for Recorder {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        let steps: Vec<f64> = self.frames.iter().map(|frame| frame.step as f64).collect();
        state.put_numbers(format!("{name}.steps"), &steps)?;
        let outputs: Vec<Tensor> = self.frames.iter().map(|frame| frame.output.clone()).collect();
        outputs.save(state, &format!("{name}.outputs"))?;
        let curve = self.curve.iter().flat_map(|(step, Measured { l1, ssim, sharpness })| {
            [*step as f64, *l1, *ssim, *sharpness]
        });
        state.put_numbers(format!("{name}.curve"), &curve.collect::<Vec<_>>())
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        let mut outputs = Vec::<Tensor>::new();
        outputs.restore(state, &format!("{name}.outputs"))?;
        let frame = |(step, output): (f64, Tensor)| Frame { step: step as usize, output };
        let steps = state.numbers(&format!("{name}.steps"))?;
        self.frames = steps.into_iter().zip(outputs).map(frame).collect();
        let curve = state.numbers(&format!("{name}.curve"))?;
        let point = |p: &[f64]| (p[0] as usize, Measured { l1: p[1], ssim: p[2], sharpness: p[3] });
        self.curve = curve.chunks_exact(4).map(point).collect();
        Ok(())
    }
}

/// 図に並べる枚数と、1 画素を何画素に拡大するか。
fn layout(config: &Config) -> (usize, u32) {
    let columns = if config.size > 64 { 4 } else { 8 };
    (columns, (96 / config.size).max(1) as u32)
}

/// 名前の付いた、1 行分の画像。
struct Row {
    name: String,
    images: Tensor,
    frame: RGBColor,
}

impl Row {
    fn new(
        name: impl Into<String>,
        images: &Tensor,
        start: usize,
        columns: usize,
        frame: RGBColor,
    ) -> Result<Self> {
        let count = columns.min(images.dim(0)? - start);
        Ok(Self { name: name.into(), images: images.narrow(0, start, count)?, frame })
    }
}

/// 行を上から下へ積み、その上に全体の名前を書きます。
fn stack(path: &Path, title: &str, rows: &[Row], place: (usize, u32)) -> Result<()> {
    stack_with_key(path, title, rows, place, &[])
}

/// [`stack`] の下に、色の意味を書きます。
fn stack_with_key(
    path: &Path,
    title: &str,
    rows: &[Row],
    (columns, scale): (usize, u32),
    keys: &[Key],
) -> Result<()> {
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let sheets = rows.iter().map(|row| Sheet { images: &row.images, columns, frame: row.frame });
    plot::table_with_key(path, &names, &[title], &sheets.collect::<Vec<_>>(), scale, keys)
}

/// 1 回の学習の図を `dir` に書きます。
pub fn draw(trained: &Trained, recorder: &Recorder, dir: &Path) -> Result<()> {
    let Trained { config, dataset, history, .. } = trained;
    let Pictures { x, y } = &dataset.held_out;
    let (columns, scale) = layout(config);
    let output = trained.translate(x, Seed(0))?;

    let mut rows = vec![Row::new("入力", x, 0, columns, color::MUTED)?];
    for frame in &recorder.frames {
        let name = format!("{} 回", thousands(frame.step));
        rows.push(Row::new(name, &frame.output, 0, columns, color::FAKE)?);
    }
    rows.push(Row::new("正解", y, 0, columns, color::REAL)?);
    let title = "左は更新の回数 (0 回は学習の前)";
    stack(&dir.join("steps.png"), title, &rows, (columns, scale))?;

    let mut rows = Vec::new();
    for start in (columns..x.dim(0)?).step_by(columns).take(3) {
        rows.push(Row::new("入力", x, start, columns, color::MUTED)?);
        rows.push(Row::new("出力", &output, start, columns, color::FAKE)?);
        rows.push(Row::new("正解", y, start, columns, color::REAL)?);
    }
    if !rows.is_empty() {
        let title = "学習に一度も使っていない、テストデータの変換";
        stack(&dir.join("held-out.png"), title, &rows, (columns, scale))?;
    }
    noise(trained, &dir.join("noise.png"))?;
    if config.channels == 1 {
        patch_map(trained, &dir.join("patch-map.png"))?;
    }

    let width = (history.len() / 80).max(1);
    let line =
        |label, column, color| Line { label, color, points: history.smoothed(column, width) };
    let input = measure(x, y)?;
    LineChart {
        x_label: "更新回数",
        y_label: "損失 (log 2 は、D がいつも 1/2 と答えるときの値)",
        lines: vec![
            line("識別器 D", "loss D", color::DISCRIMINATOR),
            line("G の GAN の項", "loss GAN", color::GENERATOR),
        ],
        y_range: 0. ..3.,
        guides: vec![(2f64.ln(), "log 2")],
    }
    .save(&dir.join("losses.svg"))?;
    LineChart {
        x_label: "更新回数",
        y_label: "本物である確率の平均 (1/2 は見分けられない)",
        lines: vec![
            line("本物 D(x,y)", "D(x,y)", color::REAL),
            line("偽物 D(x,G(x))", "D(x,G(x))", color::FAKE),
        ],
        y_range: 0. ..1.,
        guides: vec![(0.5, "1/2")],
    }
    .save(&dir.join("outputs.svg"))?;
    let held_out = |label, color, value: fn(&Measured) -> f64| Line {
        label,
        color,
        points: recorder.line(value),
    };
    LineChart {
        x_label: "更新回数",
        y_label: "Pix2Pix の出力と正解の差 L1 (小さいほど近い)",
        lines: vec![
            line("訓練データ", "L1", color::LOSS),
            held_out("テストデータ", color::FAKE, |m| m.l1),
        ],
        y_range: 0. ..0.8,
        guides: vec![(input.l1, "入力のまま")],
    }
    .save(&dir.join("l1.svg"))?;
    LineChart {
        x_label: "更新回数",
        y_label: "Pix2Pix の出力と正解の SSIM (大きいほど近い)",
        lines: vec![held_out("テストデータ", color::FAKE, |m| m.ssim)],
        y_range: 0. ..1.,
        guides: vec![(input.ssim, "入力のまま")],
    }
    .save(&dir.join("ssim.svg"))
}

/// 同じ入力を、違うドロップアウトで変換した出力 `[回数, N, C, S, S]`。
pub fn with_different_noise(trained: &Trained, x: &Tensor, times: u64) -> Result<Tensor> {
    let outputs = (1..=times).map(|seed| trained.translate(x, Seed(seed)));
    Ok(Tensor::stack(&outputs.collect::<Result<Vec<_>>>()?, 0)?)
}

/// 画素ごとの標準偏差 `[N, C, S, S]`。
pub fn deviation(outputs: &Tensor) -> Result<Tensor> {
    let mean = outputs.mean_keepdim(0)?;
    Ok(outputs.broadcast_sub(&mean)?.sqr()?.mean(0)?.sqrt()?)
}

/// 左から、入力、違うドロップアウトでの出力、出力どうしの標準偏差 (0.2 で真っ黒)。
fn noise(trained: &Trained, path: &Path) -> Result<()> {
    const TIMES: usize = 5;
    let (_, scale) = layout(&trained.config);
    let x = &trained.dataset.held_out.x;
    let x = x.narrow(0, 0, x.dim(0)?.min(4))?;
    let outputs = with_different_noise(trained, &x, TIMES as u64)?;
    let spread = deviation(&outputs)?.affine(10., -1.)?.clamp(-1., 1.)?;
    // 並べる順を、回数 → 字 から 字 → 回数 に替える。
    let outputs = outputs.transpose(0, 1)?.contiguous()?.flatten(0, 1)?;
    let sheets = [
        Sheet { images: &x, columns: 1, frame: color::MUTED },
        Sheet { images: &outputs, columns: TIMES, frame: color::FAKE },
        Sheet { images: &spread, columns: 1, frame: color::LATENT },
    ];
    let names = ["入力", "ノイズだけを変えた出力", "ばらつき"];
    let keys = [
        Key::note("ノイズは、ドロップアウトで消す場所のくじ"),
        Key::note("ばらつきは 5 枚の標準偏差。黒いほど変わる画素"),
    ];
    plot::table_with_key(path, &[""], &names, &sheets, scale, &keys)
}

/// D が小片ごとに答えた、本物である確率 `[N, 1, h, w]`。
///
/// D は本物と偽物を別々のミニバッチで学んだので、ここでも、その組の統計で正規化します。
pub fn patches(trained: &Trained, x: &Tensor, y: &Tensor) -> Result<Tensor> {
    Ok(sigmoid(&trained.networks.discriminator.forward(x, y, true)?)?.detach())
}

/// 左半分が `left`、右半分が `right` の画像 `[N, C, S, S]`。
pub fn half_and_half(left: &Tensor, right: &Tensor) -> Result<Tensor> {
    let size = left.dim(3)?;
    let (left, right) = (left.narrow(3, 0, size / 2)?, right.narrow(3, size / 2, size - size / 2)?);
    Ok(Tensor::cat(&[left, right], 3)?)
}

/// 上から、本物、片側だけが本物、偽物の、小片ごとの答え。
///
/// 片側だけが本物の行では、左右の境に線を引き、どちらが本物かを字の上に書きます。
fn patch_map(trained: &Trained, path: &Path) -> Result<()> {
    const COLUMNS: usize = 6;
    let (_, scale) = layout(&trained.config);
    let Pictures { x, y } = &trained.dataset.held_out;
    let count = COLUMNS.min(x.dim(0)?);
    let fake = trained.translate(x, Seed(0))?;
    let rows = [
        ("本物", y.clone(), color::REAL, None),
        ("半分だけ\n本物", half_and_half(y, &fake)?, color::MUTED, Some(["本物", "偽物"])),
        ("半分だけ\n本物", half_and_half(&fake, y)?, color::MUTED, Some(["偽物", "本物"])),
        ("偽物", fake, color::FAKE, None),
    ];
    let rows = rows.into_iter().map(|(name, pictures, frame, halves)| {
        // 片側だけを替えたときの差は小さいので、1/2 からの外れを強めて見せる。
        let map = patches(trained, x, &pictures)?.affine(2.5, -0.75)?.clamp(0., 1.)?;
        let painted = painted(&pictures, &map, &patch_gan(&trained.config))?.narrow(0, 0, count)?;
        let side = painted.dim(3)? * scale as usize;
        let mut shown = painted.upsample_nearest2d(side, side)?;
        if let Some(halves) = halves {
            shown = divided(&shown, halves)?;
        }
        Row::new(name, &shown, 0, count, frame)
    });
    let [fake, real] = [0., 1.].map(|probability| {
        let [r, g, b] = tint(probability).map(|value| (value * 255.).round() as u8);
        RGBColor(r, g, b)
    });
    let keys = [
        Key::new(Mark::Area, real, "D が本物らしいと答えた所"),
        Key::new(Mark::Area, fake, "偽物らしいと答えた所"),
        Key::note("地の白い所は、どちらとも言えない (1/2)"),
    ];
    let title = "Pix2Pix の識別器 D (PatchGAN) の、区画ごとの答え";
    stack_with_key(path, title, &rows.collect::<Result<Vec<_>>>()?, (COLUMNS, 1), &keys)
}

/// 色の画像 `[N, 3, S, S]` の左右の境に線を引き、上に帯を足して、左右の名前を書きます。
fn divided(pictures: &Tensor, halves: [&str; 2]) -> Result<Tensor> {
    let (n, channels, size, _) = pictures.dims4()?;
    let font = Font::embedded("plot")?;
    let letter = (size / 4).saturating_sub(1).max(1);
    let strip = letter + 4;
    let mut mask = vec![-1f32; (strip + size) * size];
    for (half, name) in halves.into_iter().enumerate() {
        let left = half * size / 2 + (size / 2 - letter * name.chars().count()) / 2;
        for (place, c) in name.chars().enumerate() {
            let upright = Placement { scale: 1., ..Default::default() };
            for (at, ink) in glyphs::rasterise(&font, c, letter, &upright)?.iter().enumerate() {
                mask[(2 + at / letter) * size + left + place * letter + at % letter] = *ink;
            }
        }
    }
    for row in mask.chunks_exact_mut(size) {
        row[size / 2 - 1..=size / 2].fill(1.);
    }
    // 墨 (1) の画素を黒く、ほかは、帯なら白、画像なら元の色にする。
    let mask = Tensor::from_vec(mask, (1, 1, strip + size, size), &Device::Cpu)?;
    let ink = mask.affine(0.5, 0.5)?.broadcast_as((n, channels, strip + size, size))?;
    let blank = Tensor::ones((n, channels, strip, size), pictures.dtype(), &Device::Cpu)?;
    let ground = Tensor::cat(&[&blank, pictures], 2)?;
    Ok((&ground - (&ground + 1.)? * ink)?)
}

/// 濃淡の画像 `[N, 1, S, S]` の地を、小片ごとの答えの色で塗ります (青は本物、朱は偽物と答えたところ)。
fn painted(pictures: &Tensor, map: &Tensor, layers: &[Layer]) -> Result<Tensor> {
    let (n, _, size, _) = pictures.dims4()?;
    let (_, _, rows, columns) = map.dims4()?;
    let (start, jump) = field_origin(layers);
    let first = start as f32 + (receptive_field(layers) as f32 - 1.) / 2.;
    // 画素に、受容野の中心がいちばん近い点の答えを割り当てる。
    let cell = |at: usize, cells: usize| {
        (((at as f32 - first) / jump as f32).round().max(0.) as usize).min(cells - 1)
    };
    let ink = pictures.flatten_all()?.to_vec1::<f32>()?;
    let map = map.flatten_all()?.to_vec1::<f32>()?;
    let mut values = Vec::with_capacity(3 * ink.len());
    for picture in 0..n {
        for channel in 0..3 {
            for row in 0..size {
                for column in 0..size {
                    let at = (picture * rows + cell(row, rows)) * columns + cell(column, columns);
                    let paper = tint(map[at])[channel];
                    let ink = ink[(picture * size + row) * size + column] / 2. + 0.5;
                    values.push((paper + (0.1 - paper) * ink) * 2. - 1.);
                }
            }
        }
    }
    Ok(Tensor::from_vec(values, (n, 3, size, size), &Device::Cpu)?)
}

/// 確率 0 は生成データの色、1 は本物の色、½ は白。
fn tint(probability: f32) -> [f32; 3] {
    let RGBColor(r, g, b) = if probability < 0.5 { color::FAKE } else { color::REAL };
    let amount = (probability * 2. - 1.).abs() * 0.75;
    [r, g, b].map(|c| 1. + (f32::from(c) / 255. - 1.) * amount)
}

/// 受容野の大きさ。左端はこの章の 32×32 の画像、ほかは論文の 256×256 の画像です。
pub fn receptive(path: &Path) -> Result<()> {
    const SIDE: usize = 256;
    let font = Font::embedded("kanji-mincho")?;
    let paper = |patch_layers| ("論文", Config { patch_layers, ..Config::paper() });
    let (mut names, mut panes) = (Vec::new(), Vec::new());
    for (whose, config) in [("この章", Config::book()), paper(1), paper(2), paper(3)] {
        let layers = patch_gan(&config);
        let (size, side) = (config.size, receptive_field(&layers));
        names.push(format!("{whose}\n{size}×{size}\nのうち\n{side}×{side}"));
        let zoom = SIDE / size;
        let picture = data::write(&font, &['鏡'], size, size)?;
        let ink = picture.flatten_all()?.to_vec1::<f32>()?;
        let field = field_of_the_middle(&layers, size);
        let inside = |at: usize| field.contains(&((at / zoom) as isize));
        // 四角の外側は薄く、縁は識別器の色で描く。
        let edge = |at: usize| inside(at) && (!inside(at + 3) || at < 3 || !inside(at - 3));
        let RGBColor(r, g, b) = color::DISCRIMINATOR;
        let mut values = Vec::new();
        for channel in [r, g, b] {
            for row in 0..SIDE {
                for column in 0..SIDE {
                    let within = inside(row) && inside(column);
                    let ink = ink[row / zoom * size + column / zoom] / 2. + 0.5;
                    let ink = if within { ink } else { ink * 0.25 };
                    let on_edge = within && (edge(row) || edge(column));
                    let value = if on_edge { f32::from(channel) / 255. } else { 1. - 0.9 * ink };
                    values.push(2. * value - 1.);
                }
            }
        }
        panes.push(Tensor::from_vec(values, (1, 3, SIDE, SIDE), &Device::Cpu)?);
    }
    let pane = |images| Sheet { images, columns: 1, frame: color::MUTED };
    let field = "識別器の答え 1 つが見る範囲 (受容野)";
    let keys = [Key::new(Mark::Frame, color::DISCRIMINATOR, field)];
    plot::table_with_key(path, &[""], &names, &panes.iter().map(pane).collect::<Vec<_>>(), 1, &keys)
}

/// 出力の中央の点が見ている範囲 (縦も横も同じ)。
pub fn field_of_the_middle(layers: &[Layer], size: usize) -> std::ops::Range<isize> {
    let middle = crate::model::output_size(layers, size) / 2;
    let (start, jump) = field_origin(layers);
    let from = start + (middle * jump) as isize;
    from..from + receptive_field(layers) as isize
}

/// 比べる学習の 1 つ。
pub struct Compared<'a> {
    pub label: &'a str,
    pub color: RGBColor,
    pub recorder: &'a Recorder,
}

/// 同じ回数だけ学習した結果の比較。上から、入力、`runs` の順の出力、正解です。
pub fn compare(runs: &[Compared], steps: usize, truth: &Pictures, dir: &Path) -> Result<()> {
    let place = layout(&Config::book());
    let columns = place.0;
    let mut rows = vec![Row::new("入力", &truth.x, 0, columns, color::MUTED)?];
    for run in runs {
        if let Some(frame) = run.recorder.frame(steps) {
            rows.push(Row::new(
                run.label.replace(" (", "\n("),
                &frame.output,
                0,
                columns,
                run.color,
            )?);
        }
    }
    rows.push(Row::new("正解", &truth.y, 0, columns, color::REAL)?);
    let title = format!("どれも {}更新した時点の出力", plot::times(steps));
    stack(&dir.join("compare.png"), &title, &rows, place)?;
    let lines = runs.iter().map(|run| {
        let mut points = run.recorder.line(|measured| measured.ssim);
        points.retain(|(step, _)| *step <= steps as f64);
        Line { label: run.label, color: run.color, points }
    });
    LineChart {
        x_label: "更新回数",
        y_label: "テストデータの SSIM (大きいほど正解に近い)",
        lines: lines.collect(),
        y_range: 0. ..1.,
        guides: vec![],
    }
    .save(&dir.join("compare.svg"))
}

/// 正解が 1 つに決まらないデータで学習した、L1 だけの出力と両方の出力を、入力と正解の間に大きく並べます。
///
/// 細い線がよく見えるよう、取り置いた字から、線の込んでいないものを選びます。
pub fn blur([l1, both]: [&Trained; 2], path: &Path) -> Result<()> {
    const COLUMNS: usize = 5;
    let Pictures { x, y } = &both.dataset.held_out;
    let crowded: Vec<f64> =
        (0..y.dim(0)?).map(|i| sharpness(&y.narrow(0, i, 1)?)).collect::<Result<_>>()?;
    let mut order: Vec<u32> = (0..crowded.len() as u32).collect();
    order.sort_by(|&a, &b| crowded[a as usize].total_cmp(&crowded[b as usize]));
    let chosen = Tensor::new(&order[..COLUMNS.min(order.len())], y.device())?;
    let row = |name, images: &Tensor, frame| {
        Row::new(name, &images.index_select(&chosen, 0)?, 0, COLUMNS, frame)
    };
    let rows = [
        row("入力", x, color::MUTED)?,
        row("L1 だけ", &l1.translate(x, Seed(0))?, color::LOSS)?,
        row("両方\n(L1+GAN)", &both.translate(x, Seed(0))?, color::FAKE)?,
        row("正解", y, color::REAL)?,
    ];
    stack(path, "正解の位置が、枚ごとにずれるデータで学習", &rows, (COLUMNS, 5))
}
