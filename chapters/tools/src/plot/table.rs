//! 画像の表。行と列の名前を、絵の中に書きます。

use anyhow::ensure;
use common::glyphs::{Font, Placement, rasterise};
use image::{Pixel, Rgba, RgbaImage, imageops};

use super::*;

/// 画像の表を 1 枚の PNG に書きます。`cells` は、上の行から、行の中では左からです。
///
/// 行の名前は左に、列の名前は上に書きます。名前の改行はそのまま改行になり、空の名前ばかりなら場所を取りません。
/// 地も塗るので、ページが明るくても暗くても読めます。1 画素は `scale` 画素に拡大します。
pub fn table(
    path: &Path,
    rows: &[impl AsRef<str>],
    columns: &[impl AsRef<str>],
    cells: &[Sheet],
    scale: u32,
) -> Result<()> {
    table_with_key(path, rows, columns, cells, scale, &[])
}

/// [`table`] の下に、色の意味を書きます。
pub fn table_with_key(
    path: &Path,
    rows: &[impl AsRef<str>],
    columns: &[impl AsRef<str>],
    cells: &[Sheet],
    scale: u32,
    keys: &[Key],
) -> Result<()> {
    ensure!(
        !cells.is_empty() && cells.len() == rows.len() * columns.len(),
        "{} 行 {} 列の表に、画像が {} 組あります",
        rows.len(),
        columns.len(),
        cells.len()
    );
    let font = Font::embedded("plot")?;
    let rows: Vec<Name> = rows.iter().map(|name| Name::new(&font, name.as_ref())).collect();
    let columns: Vec<Name> = columns.iter().map(|name| Name::new(&font, name.as_ref())).collect();
    let cells = cells.iter().map(|sheet| draw_sheet(sheet, scale)).collect::<Result<Vec<_>>>()?;
    let row = |at: usize| cells.chunks(columns.len()).nth(at).into_iter().flatten();
    let column = |at: usize| cells.iter().skip(at).step_by(columns.len());

    // 幅 390 px の画面に縮めても読めるよう、字の大きさを全体の幅から決める。
    const SHARE: f32 = 25.;
    let strip = rows.iter().map(Name::ems).fold(0f32, f32::max);
    let pictures = |at: usize| column(at).map(|cell| cell.width()).max().unwrap_or(0);
    let total = (0..columns.len()).map(|at| pictures(at) + GAP).sum::<u32>() as f32;
    let size = (total / (SHARE - strip).max(5.)).max(18.).round() as u32;
    let pixels = |ems: f32| (ems * size as f32).ceil() as u32;
    let widths: Vec<u32> =
        (0..columns.len()).map(|at| pictures(at).max(pixels(columns[at].ems()))).collect();
    let heights: Vec<u32> = (0..rows.len())
        .map(|at| row(at).map(|cell| cell.height()).max().unwrap_or(0).max(rows[at].height(size)))
        .collect();
    let left = if strip > 0. { pixels(strip) + 2 * GAP } else { GAP };
    let top = match columns.iter().map(|name| name.height(size)).max() {
        Some(height) if height > 0 => height + GAP,
        _ => GAP,
    };

    let whole = |lengths: &[u32]| lengths.iter().map(|length| length + GAP).sum::<u32>();
    let ground = Rgba([NEUTRAL.0, NEUTRAL.1, NEUTRAL.2, 255]);
    let (width, below) = (left + whole(&widths), top + whole(&heights));
    let places = key::flow(&font, keys, (width - 2 * GAP) as f32 / size as f32);
    let lines = places.last().map_or(0, |last| last.0 as u32 + 1);
    let mut picture = RgbaImage::from_pixel(width, below + lines * line_height(size), ground);
    let starts = |from: u32, lengths: &[u32]| -> Vec<u32> {
        (0..lengths.len()).map(|at| from + whole(&lengths[..at])).collect()
    };
    let (xs, ys) = (starts(left, &widths), starts(top, &heights));
    for (at, cell) in cells.iter().enumerate() {
        let (x, y) = (xs[at % columns.len()], ys[at / columns.len()]);
        let above = (heights[at / columns.len()] - cell.height()) / 2;
        imageops::replace(&mut picture, cell, i64::from(x), i64::from(y + above));
    }
    // 列の名前は群れの左端にそろえ、行の名前は群れの上下の中央に置く。
    for (name, x) in columns.iter().zip(&xs) {
        name.draw(&mut picture, (*x, top - GAP / 2 - name.height(size)), size)?;
    }
    for (at, name) in rows.iter().enumerate() {
        let above = (heights[at] - name.height(size)) / 2;
        name.draw(&mut picture, (GAP, ys[at] + above), size)?;
    }
    for (key, (line, ems)) in keys.iter().zip(places) {
        let (x, y) = (GAP + pixels(ems), below + line as u32 * line_height(size));
        let RGBColor(r, g, b) = key.color;
        let inside = |at: u32| (3..size - 3).contains(&at);
        for (dx, dy) in (0..size * size).map(|at| (at % size, at / size)) {
            let filled = key.mark == Mark::Area || !inside(dx) || !inside(dy);
            if key.mark != Mark::Note && filled {
                picture.put_pixel(x + dx, y + dy, Rgba([r, g, b, 255]));
            }
        }
        let name = Name::new(&font, key.label);
        name.draw(&mut picture, (x + pixels(key.indent()), y - size / 8), size)?;
    }
    save_png(path, &picture)
}

/// 同じ枚数の、変換の前と後を、`columns` 枚ずつ交互に積みます。
pub fn before_and_after(
    path: &Path,
    rows: [(&str, &Tensor, RGBColor); 2],
    columns: usize,
    scale: u32,
) -> Result<()> {
    let count = rows[0].1.dim(0)?;
    let (mut names, mut parts) = (Vec::new(), Vec::new());
    for start in (0..count).step_by(columns) {
        for (name, images, frame) in rows {
            names.push(name);
            parts.push((images.narrow(0, start, columns.min(count - start))?, frame));
        }
    }
    let cells = parts.iter().map(|(images, frame)| Sheet { images, columns, frame: *frame });
    table(path, &names, &[""], &cells.collect::<Vec<_>>(), scale)
}

/// 群れと群れ、群れと名前の間。
const GAP: u32 = 8;

/// 行か列の名前。
struct Name<'a> {
    font: &'a Font,
    lines: Vec<&'a str>,
}

impl<'a> Name<'a> {
    fn new(font: &'a Font, text: &'a str) -> Self {
        Self { font, lines: text.lines().collect() }
    }

    /// いちばん長い行の幅 (em)。
    fn ems(&self) -> f32 {
        let width = |line: &&str| line.chars().map(|c| self.font.advance(c)).sum();
        self.lines.iter().map(width).fold(0., f32::max)
    }

    fn height(&self, size: u32) -> u32 {
        self.lines.len() as u32 * line_height(size)
    }

    /// 左上の角 (x, y) から書きます。
    fn draw(&self, picture: &mut RgbaImage, (x, y): (u32, u32), size: u32) -> Result<()> {
        let upright = Placement { scale: 1., ..Default::default() };
        for (line, text) in self.lines.iter().enumerate() {
            let top = y + line as u32 * line_height(size) + (line_height(size) - size) / 2;
            let mut pen = x as f32;
            for c in text.chars() {
                // 字は 1 辺が size の枠の中央にある。枠を、字送りの幅の中央に合わせる。
                let advance = self.font.advance(c) * size as f32;
                let corner = (pen + (advance - size as f32) / 2.).round() as i64;
                let ink = rasterise(self.font, c, size as usize, &upright)?;
                for (at, ink) in ink.iter().enumerate() {
                    let (dx, dy) = (at as u32 % size, at as u32 / size);
                    let alpha = ((ink + 1.) * 127.5).round() as u8;
                    let at = u32::try_from(corner + i64::from(dx)).unwrap_or(u32::MAX);
                    if let Some(pixel) = picture.get_pixel_mut_checked(at, top + dy) {
                        let RGBColor(r, g, b) = color::INK;
                        pixel.blend(&Rgba([r, g, b, alpha]));
                        pixel.0[3] = 255; // 丸めの誤差で、わずかに透けることがある
                    }
                }
                pen += advance;
            }
        }
        Ok(())
    }
}

/// 1 行の高さ。
fn line_height(size: u32) -> u32 {
    size * 5 / 4
}
