//! 行と列に名前の付いた画像の表。画像は 1 枚の PNG にまとめ、ぼかさずに拡大します。

use super::*;

/// 表の 1 行。
pub struct Row<'a> {
    /// 行の名前。改行で 2 行に分けられます。
    pub name: &'a str,
    /// 行の枠の色。役割を示します。
    pub frame: RGBColor,
    /// `[N, C, H, W]` (C は 1 か 3、値は [-1, 1])。どの行も同じ大きさの画像を、列の数まで並べます。
    pub images: Tensor,
}

/// 画像の表を SVG に書きます。`columns` は列の名前 (空の文字なら書かない) で、上に並びます。
///
/// 名前の場所は、いちばん長い行の名前に合わせます。
pub fn save(path: &Path, columns: &[impl AsRef<str>], rows: &[Row]) -> Result<()> {
    const GAP: u32 = 2;
    const BETWEEN: u32 = 6;
    let size = TEXT - 2;
    let lines = |row: &Row| row.name.split('\n').map(width).max().unwrap_or(0);
    let left = rows.iter().map(lines).max().unwrap_or(0) * size as u32 / 2 + 8;
    let count = columns.len() as u32;
    anyhow::ensure!(count > 0 && !rows.is_empty(), "画像の表に、行か列がありません");
    let cell = (WIDTH - left - GAP) / count - GAP;
    let top = if columns.iter().all(|name| name.as_ref().is_empty()) { 4 } else { 26 };
    let (mut raw, mut tops, mut at) = (String::new(), Vec::new(), top);
    for row in rows {
        let (_, _, h, w) = row.images.dims4()?;
        let height = cell * h as u32 / w as u32;
        tops.push((at, height));
        for (column, image) in (0..row.images.dim(0)?.min(columns.len())).enumerate() {
            let x = left + GAP + column as u32 * (cell + GAP);
            raw += &format!(
                r#"<image x="{x}" y="{at}" width="{cell}" height="{height}" preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,{}"/>"#,
                base64(&png(&row.images.get(image)?)?)
            );
        }
        at += height + BETWEEN;
    }
    draw_with(path, at, &raw, |area| {
        let error = |e| anyhow!("画像の表を描けません: {e:?}");
        for (column, name) in columns.iter().enumerate() {
            let x = left + GAP + column as u32 * (cell + GAP) + cell / 2;
            let style = text(size, color::INK, Pos::new(HPos::Center, VPos::Bottom));
            area.draw(&Text::new(name.as_ref(), (x as i32, top as i32 - 4), style))
                .map_err(error)?;
        }
        for (row, &(at, height)) in rows.iter().zip(&tops) {
            let names: Vec<&str> = row.name.split('\n').collect();
            let middle = (at + height / 2) as i32 - (names.len() as i32 - 1) * size / 2;
            for (line, name) in names.iter().enumerate() {
                let style = text(size, color::INK, Pos::new(HPos::Right, VPos::Center));
                let place = (left as i32 - 5, middle + line as i32 * size);
                area.draw(&Text::new(*name, place, style)).map_err(error)?;
            }
            let shown = row.images.dim(0).unwrap_or(0).min(columns.len()) as u32;
            let right = left + GAP + shown * (cell + GAP);
            let corners =
                [(left as i32, at as i32 - 2), (right as i32 - 1, (at + height) as i32 + 1)];
            area.draw(&Rectangle::new(corners, row.frame.stroke_width(2))).map_err(error)?;
        }
        Ok(())
    })
}

/// 半角の字を 1、全角の字を 2 と数えた幅。
fn width(name: &str) -> u32 {
    name.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

/// 画像 `[C, H, W]` を、1 画素も拡大しない PNG にします。1 チャネルなら、−1 を白、1 を黒で描きます。
fn png(image: &Tensor) -> Result<Vec<u8>> {
    let (channels, h, w) = image.dims3()?;
    let values = image.flatten_all()?.to_vec1::<f32>()?;
    let byte = |at: usize| ((values[at].clamp(-1., 1.) + 1.) * 127.5).round() as u8;
    let mut bytes = std::io::Cursor::new(Vec::new());
    let (width, height) = (w as u32, h as u32);
    match channels {
        1 => image::GrayImage::from_fn(width, height, |x, y| {
            image::Luma([255 - byte(y as usize * w + x as usize)])
        })
        .write_to(&mut bytes, image::ImageFormat::Png)?,
        _ => image::RgbImage::from_fn(width, height, |x, y| {
            let at = |channel: usize| byte((channel * h + y as usize) * w + x as usize);
            image::Rgb([at(0), at(1), at(2)])
        })
        .write_to(&mut bytes, image::ImageFormat::Png)?,
    }
    Ok(bytes.into_inner())
}

/// データ URL に書く形 (RFC 4648)。
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for place in 0..4 {
            match place <= chunk.len() {
                true => out.push(LETTERS[(bits >> (18 - 6 * place) & 63) as usize] as char),
                false => out.push('='),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_agrees_with_the_examples_of_the_rfc() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(super::base64(plain.as_bytes()), coded);
        }
    }
}
