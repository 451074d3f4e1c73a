//! 図の下に書く、色と印の意味。

use common::glyphs::Font;

use super::*;

/// 1 つの印とその意味。
#[derive(Clone, Copy)]
pub struct Key<'a> {
    pub mark: Mark,
    pub color: RGBColor,
    pub label: &'a str,
}

/// 印の形。
#[derive(Clone, Copy, PartialEq)]
pub enum Mark {
    /// 塗った点
    Dot,
    /// 白抜きの点
    Ring,
    Line,
    /// 塗った面
    Area,
    /// 画像を囲む枠
    Frame,
    /// 印のない、1 行の注
    Note,
}

impl<'a> Key<'a> {
    pub fn new(mark: Mark, color: RGBColor, label: &'a str) -> Self {
        Self { mark, color, label }
    }

    pub fn note(label: &'a str) -> Self {
        Self::new(Mark::Note, color::INK, label)
    }

    /// 文字の左端 (em)。
    pub(super) fn indent(&self) -> f32 {
        if self.mark == Mark::Note { 0. } else { MARK + SPACE }
    }
}

/// 印の幅と、印と文字の間と、次の印との間 (em)。
const MARK: f32 = 1.;
const SPACE: f32 = 0.3;
const BETWEEN: f32 = 1.;

/// 左から右へ、入らなければ次の行へ置いたときの、行と左端 (em)。`width` は 1 行の幅 (em) です。
pub(super) fn flow(font: &Font, keys: &[Key], width: f32) -> Vec<(usize, f32)> {
    let (mut row, mut left) = (0, 0.);
    let mut places = Vec::new();
    for key in keys {
        let length = key.indent() + key.label.chars().map(|c| font.advance(c)).sum::<f32>();
        // 注は、1 行に 1 つ。
        let alone = key.mark == Mark::Note;
        if left > 0. && (alone || left + length > width) {
            (row, left) = (row + 1, 0.);
        }
        places.push((row, left));
        left += if alone { width } else { length + BETWEEN };
    }
    places
}

const SIZE: i32 = TEXT - 2;
const ROW: i32 = SIZE + 8;

fn places(keys: &[Key]) -> Result<Vec<(usize, f32)>> {
    Ok(flow(&Font::embedded("plot")?, keys, (WIDTH as i32 - 8) as f32 / SIZE as f32))
}

/// SVG の下に要る高さ。
pub(super) fn height(keys: &[Key]) -> Result<u32> {
    Ok(places(keys)?.last().map_or(0, |last| (last.0 as i32 + 1) * ROW + 8) as u32)
}

/// SVG の高さ `top` から下に書きます。
pub(super) fn draw(area: &Area, keys: &[Key], top: i32) -> Result<()> {
    let error = |e| anyhow!("図の読み方を描けません: {e:?}");
    for (key, (row, left)) in keys.iter().zip(places(keys)?) {
        let at = |ems: f32| 4 + (ems * SIZE as f32).round() as i32;
        let y = top + 8 + row as i32 * ROW + ROW / 2;
        let (from, to) = (at(left), at(left + MARK));
        let (middle, half) = ((from + to) / 2, SIZE / 2 - 1);
        let whole = [(middle - half, y - half), (middle + half, y + half)];
        match key.mark {
            Mark::Dot => area.draw(&Circle::new((middle, y), 4, key.color.filled())),
            Mark::Ring => area
                .draw(&Circle::new((middle, y), 4, WHITE.filled()))
                .and_then(|()| area.draw(&Circle::new((middle, y), 4, key.color.stroke_width(1)))),
            Mark::Line => {
                area.draw(&PathElement::new([(from, y), (to, y)], key.color.stroke_width(2)))
            }
            Mark::Area => area.draw(&Rectangle::new(whole, key.color.filled())),
            Mark::Note => Ok(()),
            Mark::Frame => area.draw(&Rectangle::new(whole, key.color.stroke_width(2))),
        }
        .map_err(error)?;
        let style = text(SIZE, color::INK, Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(key.label, (at(left + key.indent()), y), style)).map_err(error)?;
    }
    Ok(())
}
