//! 1 枚の画像ファイルを読み、学習に使う明るさの面に直します。
//!
//! 形式は、名前ではなく中身で決めます。カメラの向き (EXIF) を直し、透けるところは白い紙に載せます。

use std::cell::Cell;
use std::io::Cursor;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use image::imageops::{self, FilterType};
use image::{
    DynamicImage, GrayImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat, ImageReader,
    Limits, Luma, Pixel, Primitive, Rgb, RgbImage,
};

/// 1 枚の画素数の上限。
const MOST_PIXELS: u64 = 100_000_000;
/// 1 枚を開くのに使うメモリと、ファイルの大きさの上限。
pub const MOST_BYTES: u64 = 1 << 30;
/// 上限を超えた画像に伝えること。
pub const TOO_LARGE: &str = "大きすぎます (1 枚につき 100,000,000 画素、1 GB までです)";

/// ファイルの中身。
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 読める形式
    Readable(ImageFormat),
    /// 画像だが、読めない形式とその名前
    Unreadable(&'static str),
    /// 画像ではないものと、その呼び名
    Other(&'static str),
}

/// 形式を決めるのに要る、ファイルの先頭のバイト数。
pub const HEAD: usize = 512;

/// ファイルの先頭から、何が入っているかを調べます。
pub fn kind(head: &[u8]) -> Kind {
    const MAGIC: [(&[u8], Kind); 15] = [
        (b"\x89PNG\r\n\x1a\n", Kind::Readable(ImageFormat::Png)),
        (b"\xff\xd8\xff", Kind::Readable(ImageFormat::Jpeg)),
        (b"GIF8", Kind::Unreadable("GIF")),
        (b"II*\0", Kind::Unreadable("TIFF")),
        (b"MM\0*", Kind::Unreadable("TIFF")),
        (b"8BPS", Kind::Unreadable("Photoshop")),
        (b"\xff\x0a", Kind::Unreadable("JPEG XL")),
        (b"\0\0\0\x0cJXL ", Kind::Unreadable("JPEG XL")),
        (b"\0\0\0\x0cjP  ", Kind::Unreadable("JPEG 2000")),
        (b"\0\0\x01\0", Kind::Unreadable("アイコン (ICO)")),
        (b"%PDF", Kind::Other("PDF")),
        (b"PK\x03\x04", Kind::Other("ZIP")),
        (b"\x1f\x8b", Kind::Other("gzip で縮めたファイル")),
        (b"version https://git-lfs", Kind::Other("Git LFS の目印 (本物のファイルは別の場所)")),
        (b"\0\0\x08", Kind::Other("MNIST の IDX")),
    ];
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return *kind;
    }
    let at = |from: usize, length: usize| head.get(from..from + length).unwrap_or_default();
    if at(0, 4) == b"RIFF" && at(8, 4) == b"WEBP" {
        return Kind::Readable(ImageFormat::WebP);
    }
    if at(0, 2) == b"BM" && at(6, 4) == [0; 4] {
        return Kind::Unreadable("BMP");
    }
    if at(4, 4) == b"ftyp" {
        return match at(8, 4) {
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"mif1" | b"msf1" => {
                Kind::Unreadable("HEIC")
            }
            b"avif" | b"avis" => Kind::Unreadable("AVIF"),
            _ => Kind::Other("動画"),
        };
    }
    match text(head).map(str::to_ascii_lowercase) {
        Some(text) if text.contains("<svg") => Kind::Unreadable("SVG"),
        Some(text) if text.contains("<html") || text.contains("<!doctype") => {
            Kind::Other("Web ページ")
        }
        Some(_) => Kind::Other("文字"),
        None => Kind::Other("画像ではないもの"),
    }
}

/// 先頭が文字として読めるなら、その文字。切れ目の途中の文字は数えません。
fn text(head: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    (!text.contains('\0') && !text.is_empty()).then_some(text)
}

/// その名前の画像に、ふつう入っている形式の呼び名。画像の名前でなければ None です。
pub fn named(extension: &str) -> Option<&'static str> {
    Some(match extension.to_ascii_lowercase().as_str() {
        "png" | "apng" => "PNG",
        "jpg" | "jpeg" | "jpe" | "jfif" => "JPEG",
        "webp" => "WebP",
        "gif" => "GIF",
        "bmp" => "BMP",
        "tif" | "tiff" => "TIFF",
        "heic" | "heif" => "HEIC",
        "avif" => "AVIF",
        "jxl" => "JPEG XL",
        "jp2" => "JPEG 2000",
        "psd" => "Photoshop",
        "svg" => "SVG",
        "cr2" | "cr3" | "nef" | "arw" | "dng" | "orf" | "rw2" | "raf" => "カメラの RAW",
        _ => return None,
    })
}

/// 画像を使えない理由。「3 枚は{reason}: 名前 ({detail})」のように知らせます。
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub reason: &'static str,
    pub detail: String,
}

impl From<&'static str> for Fault {
    fn from(reason: &'static str) -> Self {
        Self { reason, detail: String::new() }
    }
}

thread_local! {
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

/// `work` の答え。途中で止まれば、端末に何も出さずに None を返します。
fn silently<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |stop| {
            if !SILENT.get() {
                usual(stop);
            }
        }));
    });
    SILENT.set(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    SILENT.set(false);
    done.ok()
}

/// 開いた画像。向きは直っていて、透けるところはありません。
#[derive(Debug)]
pub struct Picture {
    pixels: Pixels,
}

/// 濃淡か RGB、8 ビットか 16 ビット。
#[derive(Debug)]
enum Pixels {
    Grey(GrayImage),
    Colour(RgbImage),
    DeepGrey(ImageBuffer<Luma<u16>, Vec<u16>>),
    DeepColour(ImageBuffer<Rgb<u16>, Vec<u16>>),
}

/// 画像の中の長方形。
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

impl Area {
    /// 中央の正方形。
    pub fn square(self) -> Self {
        let side = self.width.min(self.height);
        let (left, top) =
            (self.left + (self.width - side) / 2, self.top + (self.height - side) / 2);
        Self { left, top, width: side, height: side }
    }
}

impl Picture {
    /// `bytes` を開きます。
    pub fn open(bytes: &[u8], format: ImageFormat) -> Result<Self, Fault> {
        if !whole(bytes, format) {
            return Err("途中で切れています".into());
        }
        // 壊れたファイルには、読み手のクレートが桁あふれなどで止まるものもある。その 1 枚が使えないだけにする。
        silently(|| Self::decode(bytes, format)).unwrap_or_else(|| Err("壊れています".into()))
    }

    fn decode(bytes: &[u8], format: ImageFormat) -> Result<Self, Fault> {
        let fault = |error: ImageError| {
            Fault::from(match error {
                ImageError::Limits(_) => TOO_LARGE,
                ImageError::Unsupported(_) => "対応していない種類の画素です",
                _ => "壊れています",
            })
        };
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MOST_BYTES);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(fault)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            return Err(Fault { reason: TOO_LARGE, detail: format!("{width}×{height}") });
        }
        if width == 0 || height == 0 {
            return Err("壊れています".into());
        }
        // 向きの記録が壊れていても、画像は使える。
        let orientation = decoder.orientation();
        let mut image = DynamicImage::from_decoder(decoder).map_err(fault)?;
        if let Ok(orientation) = orientation {
            image.apply_orientation(orientation);
        }
        Ok(Self { pixels: Pixels::from(image) })
    }

    /// 濃淡の画像から作ります。
    pub fn grey(image: GrayImage) -> Self {
        Self { pixels: Pixels::Grey(image) }
    }

    pub fn area(&self) -> Area {
        let (width, height) = match &self.pixels {
            Pixels::Grey(image) => image.dimensions(),
            Pixels::Colour(image) => image.dimensions(),
            Pixels::DeepGrey(image) => image.dimensions(),
            Pixels::DeepColour(image) => image.dimensions(),
        };
        Area { left: 0, top: 0, width, height }
    }

    /// 16 ビットの画像なら、いちばん大きな値。
    pub fn deepest(&self) -> Option<u16> {
        let values: &[u16] = match &self.pixels {
            Pixels::Grey(_) | Pixels::Colour(_) => return None,
            Pixels::DeepGrey(image) => image.as_raw(),
            Pixels::DeepColour(image) => image.as_raw(),
        };
        values.iter().max().copied()
    }

    /// `area` を一辺 `size` に縮めた (または広げた) 明るさ 0〜1 の面。`channels` は 1 か 3 です。
    pub fn planes(&self, area: Area, size: usize, channels: usize) -> Vec<f32> {
        let planes = match &self.pixels {
            Pixels::Grey(image) => shrink(image, area, size),
            Pixels::Colour(image) => shrink(image, area, size),
            Pixels::DeepGrey(image) => shrink(image, area, size),
            Pixels::DeepColour(image) => shrink(image, area, size),
        };
        let plane = size * size;
        match (planes.len() / plane, channels) {
            (3, 1) => {
                // 明るさは、目が感じる割合で RGB を混ぜたもの (ITU-R BT.709)。
                let [red, green, blue] = [0, 1, 2].map(|c| &planes[c * plane..(c + 1) * plane]);
                let mixed = red.iter().zip(green).zip(blue);
                mixed.map(|((r, g), b)| 0.2126 * r + 0.7152 * g + 0.0722 * b).collect()
            }
            (1, 3) => planes.repeat(3),
            _ => planes,
        }
    }
}

/// `area` を一辺 `size` にし、チャネルごとの面にします。値は 0〜1 です。
fn shrink<P, S>(image: &ImageBuffer<P, Vec<S>>, area: Area, size: usize) -> Vec<f32>
where
    P: Pixel<Subpixel = S> + 'static,
    S: Primitive + Into<u64> + Into<f32> + 'static,
{
    if (area.width.min(area.height) as usize) >= size {
        return average(image, area, size);
    }
    let part = imageops::crop_imm(image, area.left, area.top, area.width, area.height);
    let large = imageops::resize(&*part, size as u32, size as u32, FilterType::Triangle);
    let (values, step) = (large.as_raw(), P::CHANNEL_COUNT as usize);
    let most: f32 = S::DEFAULT_MAX_VALUE.into();
    let plane = |channel| values.iter().skip(channel).step_by(step);
    (0..step)
        .flat_map(|channel| plane(channel).map(|&value| Into::<f32>::into(value) / most))
        .collect()
}

/// 縮めるとき: 行き先の 1 画素が覆う面積で平均します。整数で足すので、白い画像はちょうど 1 になります。
fn average<P, S>(image: &ImageBuffer<P, Vec<S>>, area: Area, size: usize) -> Vec<f32>
where
    P: Pixel<Subpixel = S> + 'static,
    S: Primitive + Into<u64> + 'static,
{
    let step = P::CHANNEL_COUNT as usize;
    let (columns, rows) = (shares(area.width as usize, size), shares(area.height as usize, size));
    // 端の画素の残り (重み 0) を足す場所として、1 つ余分に取る。
    let mut line = vec![0u64; (size + 1) * step];
    let mut sums = vec![0u64; (size + 1) * line.len()];
    for (y, &(to, share)) in rows.iter().enumerate() {
        line.fill(0);
        let start = ((area.top as usize + y) * image.width() as usize + area.left as usize) * step;
        let row = image.as_raw()[start..][..columns.len() * step].chunks_exact(step);
        for (pixel, &(to, share)) in row.zip(&columns) {
            let (here, next) = line[to * step..][..2 * step].split_at_mut(step);
            for ((&value, here), next) in pixel.iter().zip(here).zip(next) {
                let value: u64 = value.into();
                *here += value * share;
                *next += value * (size as u64 - share);
            }
        }
        let (here, next) = sums[to * line.len()..][..2 * line.len()].split_at_mut(line.len());
        for ((&value, here), next) in line.iter().zip(here).zip(next) {
            *here += value * share;
            *next += value * (size as u64 - share);
        }
    }
    let most: u64 = S::DEFAULT_MAX_VALUE.into();
    let whole = most as f64 * f64::from(area.width) * f64::from(area.height);
    let mut planes = Vec::with_capacity(step * size * size);
    for channel in 0..step {
        for row in sums.chunks_exact(line.len()).take(size) {
            let values = row.iter().skip(channel).step_by(step).take(size);
            planes.extend(values.map(|&sum| (sum as f64 / whole) as f32));
        }
    }
    planes
}

/// `length` 個の画素を `size` 個に縮めるとき、それぞれの行き先と、そこに入る割合 (`size` 分のいくつか)。
///
/// 残りは、隣の行き先に入ります。
fn shares(length: usize, size: usize) -> Vec<(usize, u64)> {
    let share = |at: usize| {
        let to = at * size / length;
        (to, ((to + 1) * length - at * size).min(size) as u64)
    };
    (0..length).map(share).collect()
}

impl From<DynamicImage> for Pixels {
    fn from(image: DynamicImage) -> Self {
        match image {
            DynamicImage::ImageLuma8(image) => Self::Grey(image),
            DynamicImage::ImageLuma16(image) => Self::DeepGrey(image),
            DynamicImage::ImageRgb8(image) => Self::Colour(image),
            DynamicImage::ImageRgb16(image) => Self::DeepColour(image),
            DynamicImage::ImageLumaA16(_) | DynamicImage::ImageRgba16(_) => {
                Self::DeepColour(on_white(&image.into_rgba16(), u16::MAX.into()))
            }
            image if image.has_alpha() => {
                Self::Colour(on_white(&image.into_rgba8(), u8::MAX.into()))
            }
            image => Self::Colour(image.into_rgb8()),
        }
    }
}

/// 透ける画像を、白い紙に載せます。`most` は、白と、透けないことを表す値です。
fn on_white<S>(
    image: &ImageBuffer<image::Rgba<S>, Vec<S>>,
    most: u32,
) -> ImageBuffer<Rgb<S>, Vec<S>>
where
    S: Primitive + Into<u32> + TryFrom<u32> + 'static,
    image::Rgba<S>: Pixel<Subpixel = S>,
    Rgb<S>: Pixel<Subpixel = S>,
{
    ImageBuffer::from_fn(image.width(), image.height(), |x, y| {
        let [colour @ .., alpha] = image.get_pixel(x, y).0;
        let alpha: u32 = alpha.into();
        Rgb(colour.map(|value| {
            // 65535 × 65535 は、u32 にちょうど収まる。
            let mixed = (value.into() * alpha + most * (most - alpha)) / most;
            S::try_from(mixed).unwrap_or(S::DEFAULT_MAX_VALUE)
        }))
    })
}

/// 最後まであるか。途中で切れた画像を、読む側は下半分が灰色のまま受け入れてしまうことがある。
fn whole(bytes: &[u8], format: ImageFormat) -> bool {
    match format {
        ImageFormat::Png => whole_png(bytes).is_some(),
        ImageFormat::Jpeg => whole_jpeg(bytes).is_some(),
        _ => match bytes.get(4..8) {
            Some(&[a, b, c, d]) => {
                u64::from(u32::from_le_bytes([a, b, c, d])) + 8 <= bytes.len() as u64
            }
            _ => false,
        },
    }
}

/// PNG の塊を、終わりの印 IEND までたどります。
fn whole_png(bytes: &[u8]) -> Option<()> {
    let mut at = 8;
    loop {
        let head = bytes.get(at..)?.first_chunk::<8>()?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        at = at.checked_add(length)?.checked_add(12)?;
        if at > bytes.len() {
            return None;
        }
        if head.ends_with(b"IEND") {
            return Some(());
        }
    }
}

/// JPEG の区画を、終わりの印 EOI までたどります。縮小画像も EOI を持つので、末尾を見るだけでは分からない。
fn whole_jpeg(bytes: &[u8]) -> Option<()> {
    let mut at = 2;
    loop {
        // 区画の頭か、走査の終わりを探す。FF 00 と FF D0〜D7 は、走査の中身。
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        match *bytes.get(at + 1)? {
            0xd9 => return Some(()),
            0xff => at += 1,
            0x00 | 0x01 | 0xd0..=0xd8 => at += 2,
            _ => {
                let length = bytes.get(at + 2..)?.first_chunk::<2>()?;
                at += 2 + usize::from(u16::from_be_bytes(*length)).max(2);
            }
        }
    }
}
