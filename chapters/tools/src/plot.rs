//! 図。線と点は plotters の SVG、画像の並びは PNG で書きます。
//!
//! 色は役割を表し、本のどの図でも同じです (Okabe–Ito の配色。色覚の型によらず区別できます)。
//! 軸と文字の色 [`color::INK`] と [`color::MUTED`] は、本の側で明暗のテーマに合わせて置き換わります。

mod key;
pub mod map;
mod table;

pub use key::{Key, Mark};
pub use table::{before_and_after, table, table_with_key};

use std::path::Path;
use std::sync::Once;

use anyhow::{Result, anyhow};
use candle_core::Tensor;
use common::glyphs::Font;
use plotters::coord::Shift;
use plotters::prelude::*;
pub use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// 役割の色。
pub mod color {
    pub use plotters::style::RGBColor;

    /// 本物のデータ。
    pub const REAL: RGBColor = RGBColor(0x00, 0x72, 0xB2);
    /// 生成したデータ。
    pub const FAKE: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
    /// 潜在変数とノイズ。
    pub const LATENT: RGBColor = RGBColor(0xCC, 0x79, 0xA7);
    /// 生成器・デコーダ。
    pub const GENERATOR: RGBColor = RGBColor(0xE6, 0x9F, 0x00);
    /// 識別器・エンコーダ。
    pub const DISCRIMINATOR: RGBColor = RGBColor(0x00, 0x9E, 0x73);
    /// 損失の項。
    pub const LOSS: RGBColor = RGBColor(0x56, 0xB4, 0xE9);
    /// 軸の文字と補助の線。
    pub const INK: RGBColor = RGBColor(0x1A, 0x1A, 0x1A);
    /// 目盛りの線。
    pub const MUTED: RGBColor = RGBColor(0x8A, 0x8A, 0x8A);

    /// 種類 (クラス) を分けるための 10 色。役割の色と取り違えないよう、名前を図に書き添えて使います。
    pub const CLASSES: [RGBColor; 10] = [
        RGBColor(0x44, 0x77, 0xAA),
        RGBColor(0xEE, 0x66, 0x77),
        RGBColor(0x22, 0x88, 0x33),
        RGBColor(0xC2, 0xA2, 0x1A),
        RGBColor(0xAA, 0x33, 0x77),
        RGBColor(0x3F, 0xA9, 0xC9),
        RGBColor(0xD9, 0x72, 0x28),
        RGBColor(0x7A, 0x6F, 0xCF),
        RGBColor(0x8C, 0x6D, 0x46),
        RGBColor(0x4F, 0xA0, 0x80),
    ];
}

const FONT: &str = "workbook-plot, sans-serif";
/// 文字の大きさ。幅 390 px の画面に縮めても読める値です。
const TEXT: i32 = 19;
const WIDTH: u32 = 480;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// 白紙を用意し、描き終えたらファイルに置き換えます。
fn draw(path: &Path, height: u32, body: impl FnOnce(&Area) -> Result<()>) -> Result<()> {
    static REGISTER: Once = Once::new();
    REGISTER.call_once(|| {
        let bytes = include_bytes!("../../common/data/fonts/plot.ttf");
        // 埋め込みの字形は試験で開けることを確かめてある。
        let _ = plotters::style::register_font(FONT, FontStyle::Normal, bytes);
    });
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        body(&area)?;
        area.present().map_err(|error| anyhow!("図を描けません: {error}"))?;
    }
    // 既定値と同じ属性を省くと、点の多い図は半分の大きさになる。
    for default in [r#" opacity="1""#, r#" stroke="none" stroke-width="1""#, r#" stroke="none""#] {
        svg = svg.replace(default, "");
    }
    crate::files::write(path, svg.as_bytes())
}

fn text(size: i32, color: RGBColor, anchor: Pos) -> TextStyle<'static> {
    TextStyle { font: (FONT, size).into_font(), color: color.to_backend_color(), pos: anchor }
}

/// 1 本の線。名前は凡例ではなく、線の右端に直接書きます。
pub struct Line<'a> {
    pub label: &'a str,
    pub color: RGBColor,
    pub points: Vec<(f64, f64)>,
}

/// 線グラフ。
pub struct LineChart<'a> {
    pub x_label: &'a str,
    pub y_label: &'a str,
    pub lines: Vec<Line<'a>>,
    /// 縦軸の範囲。
    pub y_range: std::ops::Range<f64>,
    /// 横の破線 (高さ, 名前)。理論値などの目安に使います。
    pub guides: Vec<(f64, &'a str)>,
}

impl LineChart<'_> {
    /// SVG として `path` に書きます。
    pub fn save(&self, path: &Path) -> Result<()> {
        self.save_with(path, 5, &|x| number(*x), Names::AtTheEnd)
    }

    /// 線の名前を、右端ではなく、横軸が `x` のところの線の右に書きます。右端で線が集まる図に使います。
    pub fn save_with_names_at(&self, path: &Path, x: f64) -> Result<()> {
        self.save_with(path, 5, &|x| number(*x), Names::At(x))
    }

    /// 横軸が等間隔の数でないとき。横の値 0, 1, 2, … に `ticks` の名前を書きます。
    pub fn save_with_ticks(&self, path: &Path, ticks: &[&str]) -> Result<()> {
        let name = |x: &f64| {
            let at = x.round();
            let on_tick = (x - at).abs() < 1e-6 && at >= 0.;
            ticks.get(at as usize).filter(|_| on_tick).map_or(String::new(), |t| t.to_string())
        };
        self.save_with(path, ticks.len(), &name, Names::AtTheEnd)
    }

    fn save_with(
        &self,
        path: &Path,
        x_ticks: usize,
        x_name: &dyn Fn(&f64) -> String,
        names: Names,
    ) -> Result<()> {
        const HEIGHT: u32 = 310;
        let xs = || self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.0));
        let x_min = xs().fold(f64::INFINITY, f64::min);
        let x_max = xs().fold(f64::NEG_INFINITY, f64::max);
        anyhow::ensure!(x_min <= x_max, "線グラフに描く点がありません");
        // 1 回しか学習しなかったときも、点の左右に場所を空けて描く。
        let room = if x_min == x_max { 0.5 } else { 0. };
        let (x_min, x_max) = (x_min - room, x_max + room);
        // 右端の名前が収まるだけ、場所を空ける。
        let font = Font::embedded("plot")?;
        let ems = |label: &str| label.chars().map(|c| font.advance(c)).sum::<f32>();
        let labels = self.guides.iter().map(|guide| guide.1);
        let labels = labels.chain(self.lines.iter().map(|line| line.label));
        let longest = labels.map(ems).fold(0f32, f32::max) * TEXT as f32;
        let margin = (longest.ceil() as i32 + LEAD + 2).max(132);
        draw(path, HEIGHT, |area| {
            let error = |e| anyhow!("線グラフを描けません: {e:?}");
            let mut chart = ChartBuilder::on(area)
                .margin_top(30)
                .margin_right(margin)
                .set_label_area_size(LabelAreaPosition::Left, 48)
                .set_label_area_size(LabelAreaPosition::Bottom, 54)
                .build_cartesian_2d(x_min..x_max, self.y_range.clone())
                .map_err(error)?;
            chart
                .configure_mesh()
                .disable_x_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(color::MUTED.mix(0.35))
                .axis_style(color::MUTED)
                .x_labels(x_ticks)
                .y_labels(5)
                .x_label_formatter(&x_name)
                .y_label_formatter(&|y| number(*y))
                .label_style(text(TEXT - 1, color::INK, Pos::default()))
                .axis_desc_style(text(TEXT, color::INK, Pos::default()))
                .x_desc(self.x_label)
                .draw()
                .map_err(error)?;
            // 縦軸の名前は横書きで上に置く。縦に寝かせた文字は読みにくい。
            area.draw(&Text::new(
                self.y_label,
                (4, 6),
                text(TEXT, color::INK, Pos::new(HPos::Left, VPos::Top)),
            ))
            .map_err(error)?;
            for &(height, _) in &self.guides {
                chart
                    .draw_series(DashedLineSeries::new(
                        [(x_min, height), (x_max, height)],
                        5,
                        4,
                        color::INK.stroke_width(1),
                    ))
                    .map_err(error)?;
            }
            for line in &self.lines {
                chart
                    .draw_series(LineSeries::new(
                        line.points.iter().copied(),
                        line.color.stroke_width(2),
                    ))
                    .map_err(error)?;
            }
            let at = |x: f64, y: f64| {
                chart.backend_coord(&(x, y.clamp(self.y_range.start, self.y_range.end)))
            };
            let write = |label: &str, (x, y): (i32, i32), color| {
                let style = text(TEXT, color, Pos::new(HPos::Left, VPos::Center));
                area.draw(&Text::new(label.to_string(), (x, y), style)).map_err(error)
            };
            let guides = self.guides.iter().map(|&(y, label)| (at(x_max, y), label, color::INK));
            let mut labels: Vec<_> = guides.collect();
            for line in &self.lines {
                match names {
                    Names::AtTheEnd => {
                        let last = line.points.last();
                        labels.extend(last.map(|&(_, y)| (at(x_max, y), line.label, line.color)));
                    }
                    Names::At(place) => {
                        let near = line.points.iter().find(|point| point.0 >= place);
                        if let Some((x, y)) = near.map(|&(x, y)| at(x, y)) {
                            write(line.label, (x + 8, y - TEXT / 2), line.color)?;
                        }
                    }
                }
            }
            let heights: Vec<i32> = labels.iter().map(|label| label.0.1).collect();
            let heights = spread(&heights, TEXT, (20, HEIGHT as i32 - 62));
            // 線の端からずれた名前があれば、どれも引き出し線の先に書く。
            let moved = labels.iter().zip(&heights).any(|(label, y)| label.0.1.abs_diff(*y) > 4);
            for (((x, end), label, color), y) in labels.into_iter().zip(heights) {
                if moved {
                    let line = [(x + 1, end), (x + LEAD - 3, y)];
                    area.draw(&PathElement::new(line, color.stroke_width(1))).map_err(error)?;
                }
                write(label, (x + if moved { LEAD } else { 5 }, y), color)?;
            }
            Ok(())
        })
    }
}

/// 目盛りの数。大きな数は桁区切り、小さな数は必要な桁だけにします。
fn number(value: f64) -> String {
    if value == 0. {
        "0".into()
    } else if value.abs() >= 10. {
        let digits = format!("{:.0}", value.abs());
        let mut out = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        if value < 0. { format!("−{out}") } else { out }
    } else {
        let text = format!("{value:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        text.replace('-', "−")
    }
}

/// 図に書く更新回数。
pub fn times(step: usize) -> String {
    format!("{} 回", common::history::thousands(step))
}

/// 線の名前を書く所。
#[derive(Clone, Copy)]
enum Names {
    AtTheEnd,
    /// 横軸がこの値のところ
    At(f64),
}

/// 引き出し線の長さ。
const LEAD: i32 = 18;

/// `gap` より近い名前を離した高さ。順は `heights` のままです。
///
/// 元の高さからのずれの 2 乗和が最も小さい置き方 (単調回帰) なので、上下に同じだけ広がります。
fn spread(heights: &[i32], gap: i32, (top, bottom): (i32, i32)) -> Vec<i32> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by_key(|&at| heights[at]);
    // 上の名前から gap ずつ詰めた座標では、「離れている」は「下がらない」になる。下がるところは、平均で 1 つにまとめる。
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (place, &at) in order.iter().enumerate() {
        blocks.push((f64::from(heights[at] - place as i32 * gap), 1));
        while let [.., above, below] = blocks[..]
            && above.0 > below.0
        {
            let count = above.1 + below.1;
            let mean = (above.0 * above.1 as f64 + below.0 * below.1 as f64) / count as f64;
            blocks.truncate(blocks.len() - 2);
            blocks.push((mean, count));
        }
    }
    let lowest = (bottom - heights.len().saturating_sub(1) as i32 * gap).max(top);
    let packed = blocks.iter().flat_map(|&(mean, count)| std::iter::repeat_n(mean, count));
    let mut spread = vec![0; heights.len()];
    for ((place, &at), packed) in order.iter().enumerate().zip(packed) {
        spread[at] = (packed.round() as i32).clamp(top, lowest) + place as i32 * gap;
    }
    spread
}

/// 平面上の関数の値。`values[row][column]`、行は下から上、列は左から右です。
pub struct Surface {
    pub values: Vec<Vec<f32>>,
}

/// 平面の 1 コマ。
#[derive(Default)]
pub struct Panel {
    pub title: String,
    /// 0 (偽物らしい) から 1 (本物らしい) までの面。
    pub surface: Option<Surface>,
    /// 0 (無彩色) から 1 (その色) までの面。
    pub heat: Option<(RGBColor, Surface)>,
    /// 色ごとの点。
    pub points: Vec<(RGBColor, Vec<(f32, f32)>)>,
    /// 色ごとの白抜きの点。2 つ目のクラスなど、同じ役割の中の違いに使います。
    pub rings: Vec<(RGBColor, Vec<(f32, f32)>)>,
    /// 色ごとの折れ線。
    pub paths: Vec<(RGBColor, Vec<(f32, f32)>)>,
}

/// 平面の見える範囲は [-EXTENT, EXTENT] の正方形です。
pub const EXTENT: f32 = 1.5;

/// 平面のコマを `columns` 列に並べます。
pub fn panels(path: &Path, panels: &[Panel], columns: usize) -> Result<()> {
    panels_with_key(path, panels, columns, &[])
}

/// [`panels`] の下に、色と印の意味を書きます。
pub fn panels_with_key(path: &Path, panels: &[Panel], columns: usize, keys: &[Key]) -> Result<()> {
    const TITLE: u32 = 28;
    const GAP: u32 = 8;
    let side = (WIDTH - GAP * (columns as u32 - 1)) / columns as u32;
    let rows = panels.len().div_ceil(columns) as u32;
    let below = rows * (TITLE + side) + (rows - 1) * GAP;
    draw(path, below + key::height(keys)?, |area| {
        key::draw(area, keys, below as i32)?;
        for (at, panel) in panels.iter().enumerate() {
            let left = (at % columns) as u32 * (side + GAP);
            let top = (at / columns) as u32 * (TITLE + side + GAP);
            draw_panel(area, panel, (left as i32, (top + TITLE) as i32), side as i32)?;
        }
        Ok(())
    })
}

fn draw_panel(area: &Area, panel: &Panel, (left, top): (i32, i32), side: i32) -> Result<()> {
    let error = |e| anyhow!("平面の図を描けません: {e:?}");
    let pixel = |x: f32, y: f32| {
        let scale = side as f32 / (2. * EXTENT);
        (left + ((x + EXTENT) * scale).round() as i32, top + ((EXTENT - y) * scale).round() as i32)
    };
    area.draw(&Text::new(
        panel.title.as_str(),
        (left + side / 2, top - 5),
        text(TEXT, color::INK, Pos::new(HPos::Center, VPos::Bottom)),
    ))
    .map_err(error)?;
    let square = |fill: RGBColor, [from, to]: [(i32, i32); 2]| {
        area.draw(&Rectangle::new([from, to], fill.filled())).map_err(error)
    };
    square(NEUTRAL, [(left, top), (left + side, top + side)])?;
    let surface = panel.surface.as_ref().map(|surface| (None, surface));
    let heat = panel.heat.as_ref().map(|(color, surface)| (Some(*color), surface));
    for (color, surface) in surface.into_iter().chain(heat) {
        let tint = |value| color.map_or_else(|| tint(value), |color| shade(value, color));
        let cells = surface.values.len() as i32;
        for (row, values) in surface.values.iter().enumerate() {
            let bottom = top + side - side * row as i32 / cells;
            let upper = top + side - side * (row as i32 + 1) / cells;
            // 同じ色が続くところは 1 つの四角にまとめ、SVG を小さく保つ。
            let mut start = 0;
            while start < values.len() {
                let fill = tint(values[start]);
                let run = values[start..].iter().take_while(|&&v| tint(v) == fill).count();
                let from = left + side * start as i32 / cells;
                let to = left + side * (start + run) as i32 / cells;
                if fill != NEUTRAL {
                    // 隣へ 1 画素だけ重ねる。ぴったり並べると、縮めたときに継ぎ目が見える。
                    square(fill, [(from, upper - 1), (to + 1, bottom)])?;
                }
                start += run;
            }
        }
    }
    for (color, points) in &panel.points {
        for &(x, y) in points {
            if x.abs() < EXTENT && y.abs() < EXTENT {
                area.draw(&Circle::new(pixel(x, y), 2, color.filled())).map_err(error)?;
            }
        }
    }
    for (color, points) in &panel.rings {
        for &(x, y) in points {
            if x.abs() < EXTENT && y.abs() < EXTENT {
                let ring = color.stroke_width(1);
                area.draw(&Circle::new(pixel(x, y), 3, WHITE.filled())).map_err(error)?;
                area.draw(&Circle::new(pixel(x, y), 3, ring)).map_err(error)?;
            }
        }
    }
    for (color, path) in &panel.paths {
        // 枠の外へ出る線は、出たところで切る。
        for inside in path.split(|(x, y)| x.abs() > EXTENT || y.abs() > EXTENT) {
            let inside = inside.iter().map(|&(x, y)| pixel(x, y));
            area.draw(&PathElement::new(inside.collect::<Vec<_>>(), color.stroke_width(2)))
                .map_err(error)?;
        }
    }
    let frame = color::MUTED.stroke_width(1);
    area.draw(&Rectangle::new([(left, top), (left + side, top + side)], frame)).map_err(error)
}

/// 面の地の色。
const NEUTRAL: RGBColor = RGBColor(0xF4, 0xF4, 0xF4);

/// 0 は生成データの色、1 は本物の色、½ は無彩色。9 段の等高線のように塗り分けます。
pub fn tint(value: f32) -> RGBColor {
    let toward = if value < 0.5 { color::FAKE } else { color::REAL };
    blend(toward, (levels(value) * 2. - 1.).abs() * 0.55)
}

/// 0 は無彩色、1 は `color`。同じく 9 段です。
fn shade(value: f32, color: RGBColor) -> RGBColor {
    blend(color, levels(value) * 0.8)
}

fn levels(value: f32) -> f32 {
    const LEVELS: f32 = 8.;
    (value.clamp(0., 1.) * LEVELS).round() / LEVELS
}

fn blend(toward: RGBColor, amount: f32) -> RGBColor {
    let mix = |from: u8, to: u8| {
        (f32::from(from) + (f32::from(to) - f32::from(from)) * amount).round() as u8
    };
    RGBColor(mix(NEUTRAL.0, toward.0), mix(NEUTRAL.1, toward.1), mix(NEUTRAL.2, toward.2))
}

/// `[N, 2]` のテンソルを点の列にします。
pub fn points(samples: &Tensor) -> candle_core::Result<Vec<(f32, f32)>> {
    Ok(samples.to_vec2::<f32>()?.iter().map(|p| (p[0], p[1])).collect())
}

/// 画像の一群。外枠の色で役割を示します。
pub struct Sheet<'a> {
    /// `[N, C, H, W]` (C は 1 か 3、値は [-1, 1])。
    pub images: &'a Tensor,
    pub columns: usize,
    pub frame: RGBColor,
}

/// 画像の群れを左から右へ並べ、名前も地もない 1 枚の PNG に書きます。1 画素は `scale` 画素に拡大します。
///
/// 1 チャネルの画像は、紙に墨で書いたように −1 を白、1 を黒で描きます。
pub fn image_grid(path: &Path, sheets: &[Sheet], scale: u32) -> Result<()> {
    let drawn = sheets.iter().map(|sheet| draw_sheet(sheet, scale)).collect::<Result<Vec<_>>>()?;
    let gap = 4 * scale;
    let width: u32 = drawn.iter().map(|sheet| sheet.width() + gap).sum();
    let height = drawn.iter().map(|sheet| sheet.height()).max().unwrap_or(0);
    let mut picture = image::RgbaImage::new(width.saturating_sub(gap), height);
    let mut left = 0;
    for sheet in drawn {
        image::imageops::replace(&mut picture, &sheet, i64::from(left), 0);
        left += sheet.width() + gap;
    }
    save_png(path, &picture)
}

fn save_png(path: &Path, picture: &image::RgbaImage) -> Result<()> {
    crate::files::replace(path, |temporary| {
        Ok(picture.save_with_format(temporary, image::ImageFormat::Png)?)
    })
}

fn draw_sheet(sheet: &Sheet, scale: u32) -> Result<image::RgbaImage> {
    let (n, channels, height, width) = sheet.images.dims4()?;
    anyhow::ensure!(
        channels == 1 || channels == 3,
        "画像のチャネルは 1 か 3 にしてください ({channels} でした)"
    );
    let values = sheet.images.flatten_all()?.to_vec1::<f32>()?;
    let byte = |at: usize| ((values[at].clamp(-1., 1.) + 1.) * 127.5).round() as u8;
    let (gap, edge) = (scale, scale.max(2));
    let (cell_w, cell_h) = (width as u32 * scale, height as u32 * scale);
    let size = |cells: usize, cell: u32| 2 * edge + gap + cells as u32 * (cell + gap);
    let (w, h) = (size(sheet.columns, cell_w), size(n.div_ceil(sheet.columns), cell_h));
    let RGBColor(r, g, b) = sheet.frame;
    let mut picture = image::RgbaImage::from_fn(w, h, |x, y| {
        if x < edge || y < edge || x >= w - edge || y >= h - edge {
            image::Rgba([r, g, b, 255])
        } else {
            image::Rgba([0xE4, 0xE4, 0xE4, 255])
        }
    });
    for tile in 0..n {
        let left = edge + gap + (tile % sheet.columns) as u32 * (cell_w + gap);
        let top = edge + gap + (tile / sheet.columns) as u32 * (cell_h + gap);
        for y in 0..cell_h {
            for x in 0..cell_w {
                let pixel = (y / scale) as usize * width + (x / scale) as usize;
                let at = |channel: usize| (tile * channels + channel) * height * width + pixel;
                let [r, g, b] = match channels {
                    1 => [255 - byte(at(0)); 3],
                    _ => [byte(at(0)), byte(at(1)), byte(at(2))],
                };
                picture.put_pixel(left + x, top + y, image::Rgba([r, g, b, 255]));
            }
        }
    }
    Ok(picture)
}

/// 画像 `[C, H, W]` か点 `[N, 2]` を、端末に出せる濃淡の文字にします。
pub fn ascii(value: &Tensor) -> Result<String> {
    const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
    let rows: Vec<Vec<f32>> = match value.rank() {
        3 => (value.mean(0)?.affine(0.5, 0.5)?).to_vec2()?,
        2 => density(&points(value)?),
        rank => anyhow::bail!("端末に出せるのは画像か点です (次元の数が {rank} でした)"),
    };
    let mut out = String::new();
    for row in rows {
        let line: String = row
            .iter()
            .flat_map(|v| {
                let shade = SHADES[(v.clamp(0., 1.) * 4.).round() as usize];
                [shade, shade]
            })
            .collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    Ok(out)
}

/// 点の数を 21×21 の升目で数え、いちばん多い升を 1 とします。
fn density(points: &[(f32, f32)]) -> Vec<Vec<f32>> {
    const CELLS: usize = 21;
    let mut counts = vec![vec![0f32; CELLS]; CELLS];
    let cell = |v: f32| ((v + EXTENT) / (2. * EXTENT) * CELLS as f32) as usize;
    for &(x, y) in points {
        if x.abs() < EXTENT && y.abs() < EXTENT {
            counts[CELLS - 1 - cell(y)][cell(x)] += 1.;
        }
    }
    let most = counts.iter().flatten().fold(1f32, |a, &b| a.max(b));
    for count in counts.iter_mut().flatten() {
        *count = (*count / most).sqrt();
    }
    counts
}
