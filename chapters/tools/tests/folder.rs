//! 読者の画像の読み方の試験。良い入力も悪い入力も、すべてここで作ります。

mod fuzz;

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use flate2::Compression;
use flate2::write::GzEncoder;
use fuzz::{long, mutated};
use image::{
    DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage,
};
use proptest::prelude::*;
use tempfile::TempDir;
use tools::folder::{Half, Reader};
use tools::{idx, picture};

const COLOUR: Reader = Reader { size: 2, channels: 3, quiet: true };
const GREY: Reader = Reader { size: 2, channels: 1, quiet: true };

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn images(reader: Reader, dir: &Path) -> anyhow::Result<Tensor> {
    Ok(reader.images(&[dir.to_path_buf()])?.remove(0))
}

fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// 左半分が `left`、右半分が `right` の、縦 2・横 4 の画像。
fn halves(left: [u8; 3], right: [u8; 3]) -> RgbImage {
    RgbImage::from_fn(4, 2, |x, _| Rgb(if x < 2 { left } else { right }))
}

fn plain(width: u32, height: u32) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb([200, 100, 50]))
}

fn noise(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let value = x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(40_503)) >> 7;
        Rgb([value as u8, (value >> 3) as u8, (value >> 5) as u8])
    })
}

/// 向き `orientation` を EXIF に書いた JPEG。
fn turned(image: RgbImage, orientation: u8) -> Vec<u8> {
    let jpeg = encode(image, ImageFormat::Jpeg);
    let exif = [
        b"Exif\0\0II*\0\x08\0\0\0\x01\0".as_slice(),
        &[0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0],
        &[0; 4],
    ]
    .concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

/// IDX ファイル。
fn idx_file(kind: u8, dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, dims.len() as u8];
    dims.iter().for_each(|dim| bytes.extend(dim.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

struct Dir(TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

#[test]
fn a_folder_becomes_a_tensor_in_the_order_of_names() {
    let dir = Dir::new();
    dir.put("b.png", encode(halves([255, 0, 0], [255, 0, 0]), ImageFormat::Png));
    dir.put("a.PNG", encode(halves([0, 0, 0], [0, 0, 0]), ImageFormat::Png));
    dir.put("notes.txt", "画像ではない");
    let colour = images(COLOUR, dir.path()).unwrap();
    assert_eq!(colour.dims(), [2, 3, 2, 2]);
    let red = [[-1f32; 12].as_slice(), &[1.; 4], &[-1.; 8]].concat();
    assert_eq!(values(&colour), red, "チャネルごとの面が並ぶ");
    assert_eq!(images(Reader { size: 5, ..GREY }, dir.path()).unwrap().dims(), [2, 1, 5, 5]);
    let error = images(Reader { channels: 2, ..GREY }, dir.path()).unwrap_err().to_string();
    assert!(error.contains("チャネル数 2"), "{error}");
}

#[test]
fn a_picture_is_cropped_in_the_middle_and_dark_is_ink_when_grey() {
    let dir = Dir::new();
    // 横 6・縦 2 の画像の、真ん中の 2 列だけが黒い。
    let black = |x| Luma([if (2..4).contains(&x) { 0u8 } else { 255 }]);
    dir.put("x.png", encode(GrayImage::from_fn(6, 2, |x, _| black(x)), ImageFormat::Png));
    assert_eq!(values(&images(GREY, dir.path()).unwrap()), [1.; 4]);
    assert_eq!(values(&images(COLOUR, dir.path()).unwrap()), [-1.; 12]);
}

#[test]
fn webp_and_jpeg_are_read_whatever_the_name_says() {
    let dir = Dir::new();
    for (name, format) in
        [("a.webp", ImageFormat::WebP), ("b.png", ImageFormat::Jpeg), ("c", ImageFormat::WebP)]
    {
        dir.put(name, encode(plain(8, 8), format));
    }
    let read = values(&images(COLOUR, dir.path()).unwrap());
    assert_eq!(read.len(), 3 * 12);
    for image in read.chunks(12) {
        for (value, want) in image.iter().zip([200f32; 4].iter().chain(&[100.; 4]).chain(&[50.; 4]))
        {
            assert!((value - (want / 127.5 - 1.)).abs() < 0.03, "{value} {want}");
        }
    }
}

/// 向き 1〜8 のどれで書かれていても、見えるとおりに読む。
#[test]
fn orientation_is_applied() {
    // 見えるべき姿: 左上が赤、右上が緑、左下が青、右下が白。
    let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]];
    let shown = |x: u32, y: u32| colours[(y / 16 * 2 + x / 16) as usize];
    // 保存された (x, y) の画素が、見える姿のどこに来るか (一辺 32)。
    type Place = fn(u32, u32) -> (u32, u32);
    let stored: [(u8, Place); 8] = [
        (1, |x, y| (x, y)),
        (2, |x, y| (31 - x, y)),
        (3, |x, y| (31 - x, 31 - y)),
        (4, |x, y| (x, 31 - y)),
        (5, |x, y| (y, x)),
        (6, |x, y| (31 - y, x)),
        (7, |x, y| (31 - y, 31 - x)),
        (8, |x, y| (y, 31 - x)),
    ];
    for (orientation, place) in stored {
        let picture = RgbImage::from_fn(32, 32, |x, y| {
            let (x, y) = place(x, y);
            Rgb(shown(x, y))
        });
        let dir = Dir::new();
        dir.put("a.jpg", turned(picture, orientation));
        let read = values(&images(Reader { size: 4, ..COLOUR }, dir.path()).unwrap());
        for (corner, colour) in [0, 3, 12, 15].into_iter().zip(colours) {
            for channel in 0..3 {
                let want = f32::from(colour[channel]) / 127.5 - 1.;
                let got = read[channel * 16 + corner];
                assert!(
                    (got - want).abs() < 0.1,
                    "向き {orientation}、画素 {corner}: {got} {want}"
                );
            }
        }
    }
}

#[test]
fn transparency_is_laid_on_white() {
    let dir = Dir::new();
    dir.put("a.png", encode(RgbaImage::from_pixel(8, 8, Rgba([255, 0, 255, 0])), ImageFormat::Png));
    dir.put("b.webp", encode(RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0])), ImageFormat::WebP));
    let deep = ImageBuffer::from_pixel(8, 8, Rgba([0u16, 0, 0, 0]));
    dir.put("c.png", encode(DynamicImage::ImageRgba16(deep), ImageFormat::Png));
    let half = RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 51]));
    dir.put("d.png", encode(half, ImageFormat::Png));
    let read = values(&images(COLOUR, dir.path()).unwrap());
    assert_eq!(read[..36], [1.; 36], "透けた紫も黒も、白い紙になる");
    assert!(read[36..].iter().all(|v| (v - 0.6).abs() < 0.01), "2 割の黒は、薄い灰色になる");
}

#[test]
fn sixteen_bits_are_scaled_by_what_they_hold() {
    let deep = |most: u16| {
        let image = ImageBuffer::from_fn(2, 2, |x, _| Luma([if x == 0 { 0 } else { most }]));
        encode(DynamicImage::ImageLuma16(image), ImageFormat::Png)
    };
    for (most, white) in [(65535u16, 65535f32), (4095, 4095.), (900, 1023.), (40_000, 65535.)] {
        let dir = Dir::new();
        dir.put("a.png", deep(most));
        let read = values(&images(COLOUR, dir.path()).unwrap());
        let want = 2. * f32::from(most) / white - 1.;
        assert!(read[0] == -1. && (read[1] - want).abs() < 1e-3, "{most}: {read:?} {want}");
    }
    // 同じフォルダの 16 ビットの画像は、同じ明るさの物差しで読む。8 ビットの画像は変えない。
    let dir = Dir::new();
    dir.put("a.png", deep(4095)).put("b.png", deep(255));
    dir.put("c.png", encode(GrayImage::from_pixel(2, 2, Luma([51])), ImageFormat::Png));
    let read = values(&images(COLOUR, dir.path()).unwrap());
    assert!((read[1] - 1.).abs() < 1e-3 && (read[12 + 1] + 0.875).abs() < 0.01, "{read:?}");
    assert!((read[24] + 0.6).abs() < 1e-3);
}

#[test]
fn pairs_split_left_and_right() {
    let dir = Dir::new();
    dir.put("1.png", encode(halves([0, 0, 0], [255, 255, 255]), ImageFormat::Png));
    let place = |size| (dir.path().to_path_buf(), size);
    let read = GREY.pairs(&[place(2), place(3)], [1, 1]).unwrap();
    assert_eq!((values(&read[0][0]), values(&read[0][1])), (vec![1.; 4], vec![-1.; 4]));
    assert_eq!(read[1][0].dims(), [1, 1, 3, 3]);
    let wide = Dir::new();
    wide.put("1.png", encode(plain(16, 6), ImageFormat::Png));
    let place = [(wide.path().to_path_buf(), 2)];
    assert!(COLOUR.pairs(&place, [4, 3]).is_ok());
    let error = COLOUR.pairs(&place, [1, 1]).unwrap_err().to_string();
    assert!(error.contains("1.png") && error.contains("--pair-ratio 4:3"), "{error}");
}

#[test]
fn inputs_are_a_folder_or_one_file_and_pairs_give_one_half() {
    let dir = Dir::new();
    dir.put("a.png", encode(halves([0, 0, 0], [255, 255, 255]), ImageFormat::Png));
    for path in [dir.path().to_path_buf(), dir.at("a.png")] {
        let read = |half| values(&GREY.inputs(&path, Some(([1, 1], half))).unwrap());
        assert_eq!((read(Half::Left), read(Half::Right)), (vec![1.; 4], vec![-1.; 4]));
        assert_eq!(values(&GREY.inputs(&path, None).unwrap()), [1., -1., 1., -1.]);
    }
}

#[test]
fn hidden_files_are_skipped_and_one_folder_down_is_found() {
    let dir = Dir::new();
    let picture = encode(plain(4, 4), ImageFormat::Png);
    dir.put("猫/a.png", &picture).put("犬/b.png", &picture).put("犬/._b.png", "Mac OS X");
    dir.put(".DS_Store", "x").put("犬/Thumbs.db", "x").put("空/readme.md", "x");
    assert_eq!(images(COLOUR, dir.path()).unwrap().dim(0).unwrap(), 2);
    dir.put("c.png", &picture);
    assert_eq!(
        images(COLOUR, dir.path()).unwrap().dim(0).unwrap(),
        1,
        "自分の画像があれば、それだけ"
    );
}

#[test]
fn mnist_files_are_read_in_all_their_forms() {
    let pixels = [0, 255, 51, 0, 255, 255, 0, 0];
    let (plain, labels) = (idx_file(8, &[2, 2, 2], &pixels), idx_file(8, &[2], &[7, 3]));
    for (images, beside) in [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"),
        ("emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters-train-labels-idx1-ubyte.gz"),
    ] {
        let zip = |name: &str, bytes: &[u8]| match name.ends_with(".gz") {
            true => gzip(bytes),
            false => bytes.to_vec(),
        };
        let dir = Dir::new();
        dir.put(images, zip(images, &plain)).put(beside, zip(beside, &labels));
        dir.put(&images.replace("train", "t10k"), idx_file(8, &[1, 2, 2], &[0; 4]));
        for path in [dir.path().to_path_buf(), dir.at(images)] {
            let read = GREY.any(&path).unwrap();
            assert_eq!(read.images.dims(), [2, 1, 2, 2], "{images}");
            let want: Vec<f32> = pixels.iter().map(|&ink| f32::from(ink) / 127.5 - 1.).collect();
            for (got, want) in values(&read.images).iter().zip(want) {
                assert!((got - want).abs() < 1e-6, "{images}");
            }
            assert_eq!(read.labels.as_deref(), Some([7, 3].as_slice()), "{images}");
        }
    }
    let dir = Dir::new();
    dir.put("train-images-idx3-ubyte", &plain);
    let read = Reader { size: 4, channels: 3, quiet: true }.any(dir.path()).unwrap();
    assert_eq!(read.images.dims(), [2, 3, 4, 4]);
    assert_eq!(values(&read.images)[0], 1., "カラーでは、0 は白い紙");
    assert_eq!(read.labels, None);
}

/// 縮めるときは、行き先の 1 画素が覆う面積で平均する。
#[test]
fn shrinking_averages_by_area() {
    let dir = Dir::new();
    let grey = GrayImage::from_fn(3, 3, |x, _| Luma([[0, 90, 255][x as usize]]));
    dir.put("a.png", encode(grey, ImageFormat::Png));
    let read = values(&images(COLOUR, dir.path()).unwrap());
    // 3 画素を 2 画素に: (0 + 90/2) / 1.5 = 30 と (90/2 + 255) / 1.5 = 200。
    for (got, want) in read.iter().zip([30f32, 200., 30., 200.]) {
        assert!((got - (want / 127.5 - 1.)).abs() < 1e-6, "{got} {want}");
    }
}

/// 大きな JPEG も、2 つのコアで読んで、順番は名前のとおり。
#[test]
fn many_pictures_keep_their_order() {
    let dir = Dir::new();
    for i in 0..60u8 {
        let side = if i % 7 == 0 { 300 } else { 8 };
        let grey = GrayImage::from_pixel(side, side, Luma([4 * i]));
        dir.put(&format!("{i:02}.png"), encode(grey, ImageFormat::Png));
    }
    let read = values(&images(Reader { size: 1, ..COLOUR }, dir.path()).unwrap());
    for (i, pixel) in read.chunks(3).enumerate() {
        assert!((pixel[0] - (4. * i as f32 / 127.5 - 1.)).abs() < 1e-6, "{i}");
    }
}

/// 何を読むか。
enum Ask {
    Images,
    Pairs,
    Inputs,
    Any,
}

/// 悪い入力・変わった入力: 名前、作り方、読み方、文に含まれるはずの言葉 (空なら読めるはず)。
type Case = (&'static str, fn(&Dir) -> &Dir, Ask, &'static [&'static str]);

fn png() -> Vec<u8> {
    encode(noise(40, 40), ImageFormat::Png)
}

fn jpeg() -> Vec<u8> {
    encode(noise(200, 200), ImageFormat::Jpeg)
}

fn webp() -> Vec<u8> {
    encode(noise(40, 40), ImageFormat::WebP)
}

fn cut(bytes: Vec<u8>) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

/// 幅と高さだけを大きく書き換えた PNG。
fn huge_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = encode(GrayImage::new(1, 1), ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    bytes
}

fn heic() -> Vec<u8> {
    [b"\0\0\0\x18ftypheic".as_slice(), &[0; 300]].concat()
}

fn corrupted(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8].fill(0x55);
    bytes
}

const CASES: &[Case] = &[
    ("空のフォルダ", |d| d, Ask::Images, &["使える画像がありません"]),
    (
        "無いフォルダ",
        |d| {
            fs::remove_dir_all(d.path()).unwrap();
            d
        },
        Ask::Images,
        &["開けません"],
    ),
    (
        "文字だけ",
        |d| d.put("a.txt", "文"),
        Ask::Images,
        &["使える画像がありません", "PNG・JPEG・WebP"],
    ),
    ("空の PNG", |d| d.put("a.png", ""), Ask::Images, &["a.png", "空のファイル"]),
    (
        "中身が文字の PNG",
        |d| d.put("a.png", "これは画像ではない"),
        Ask::Images,
        &["a.png", "中身が画像ではありません", "文字"],
    ),
    (
        "中身が Web ページの JPEG",
        |d| d.put("a.jpg", "<!DOCTYPE html><html></html>"),
        Ask::Images,
        &["a.jpg", "Web ページ"],
    ),
    (
        "Git LFS の目印",
        |d| d.put("a.png", "version https://git-lfs.github.com/spec/v1\noid"),
        Ask::Images,
        &["Git LFS"],
    ),
    ("切れた PNG", |d| d.put("a.png", cut(png())), Ask::Images, &["a.png", "途中で切れています"]),
    ("切れた JPEG", |d| d.put("a.jpg", cut(jpeg())), Ask::Images, &["a.jpg", "途中で切れています"]),
    (
        "切れた WebP",
        |d| d.put("a.webp", cut(webp())),
        Ask::Images,
        &["a.webp", "途中で切れています"],
    ),
    (
        "終わりの印だけ無い JPEG",
        |d| {
            let mut j = jpeg();
            j.truncate(j.len() - 2);
            d.put("a.jpg", j)
        },
        Ask::Images,
        &["途中で切れています"],
    ),
    ("後ろに余りのある JPEG", |d| d.put("a.jpg", [jpeg(), vec![0; 99]].concat()), Ask::Images, &[]),
    (
        "署名だけの PNG",
        |d| d.put("a.png", b"\x89PNG\r\n\x1a\n"),
        Ask::Images,
        &["途中で切れています"],
    ),
    (
        "署名だけの JPEG",
        |d| d.put("a.jpg", b"\xff\xd8\xff\xe0"),
        Ask::Images,
        &["途中で切れています"],
    ),
    ("署名だけの WebP", |d| d.put("a.webp", b"RIFF\x04\0\0\0WEBP"), Ask::Images, &["壊れています"]),
    (
        "中ほどの壊れた PNG",
        |d| d.put("a.png", corrupted(png())),
        Ask::Images,
        &["a.png", "壊れています"],
    ),
    (
        "大きすぎる PNG",
        |d| d.put("a.png", huge_png(20_000, 20_000)),
        Ask::Images,
        &["20000×20000", "大きすぎます"],
    ),
    (
        "とても大きすぎる PNG",
        |d| d.put("a.png", huge_png(0x7fff_ffff, 0x7fff_ffff)),
        Ask::Images,
        &["大きすぎます"],
    ),
    ("幅 0 の PNG", |d| d.put("a.png", huge_png(0, 5)), Ask::Images, &["壊れています"]),
    ("HEIC だけ", |d| d.put("a.heic", heic()), Ask::Images, &["1 枚は HEIC です: a.heic", "変換"]),
    ("HEIC を改名", |d| d.put("a.jpg", heic()), Ask::Images, &["HEIC です: a.jpg (名前だけ jpg)"]),
    ("良い画像と HEIC", |d| d.put("a.heic", heic()).put("b.png", png()), Ask::Images, &[]),
    ("GIF だけ", |d| d.put("a.gif", b"GIF89a........"), Ask::Images, &["GIF"]),
    ("BMP だけ", |d| d.put("a.bmp", b"BM\x10\0\0\0\0\0\0\0"), Ask::Images, &["BMP"]),
    ("TIFF だけ", |d| d.put("a.tif", b"II*\0aaaa"), Ask::Images, &["TIFF"]),
    ("AVIF だけ", |d| d.put("a.avif", b"\0\0\0\x1cftypavif"), Ask::Images, &["AVIF"]),
    (
        "SVG だけ",
        |d| d.put("a.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        Ask::Images,
        &["SVG"],
    ),
    ("RAW だけ", |d| d.put("a.NEF", b"MM\0*aaaa"), Ask::Images, &["カメラの RAW"]),
    (
        "いくつもの悪い画像",
        |d| {
            d.put("a.png", "")
                .put("b.jpg", cut(jpeg()))
                .put("c.png", cut(png()))
                .put("d.png", png())
        },
        Ask::Images,
        &["3 枚あります", "a.png", "b.jpg", "c.png", "2 枚は途中で切れています", "1 枚は空"],
    ),
    (
        "二つ下のフォルダ",
        |d| d.put("x/y/a.png", png()).put("x/y/b.png", png()),
        Ask::Images,
        &["x/y に 2 枚"],
    ),
    ("ファイルを指定", |d| d.put("a.png", png()), Ask::Inputs, &[]),
    (
        "向きの記録が壊れた JPEG",
        |d| {
            let j = jpeg();
            d.put("a.jpg", [&j[..2], &[0xff, 0xe1, 0, 10], b"Exif\0\0II", &j[2..]].concat())
        },
        Ask::Images,
        &[],
    ),
    ("ありえない向き", |d| d.put("a.jpg", turned(plain(8, 8), 99)), Ask::Images, &[]),
    (
        "色のついていない 16 ビット",
        |d| d.put("a.png", encode(DynamicImage::new_luma16(4, 4), ImageFormat::Png)),
        Ask::Images,
        &[],
    ),
    ("1 画素の画像", |d| d.put("a.png", encode(plain(1, 1), ImageFormat::Png)), Ask::Images, &[]),
    (
        "とても細長い画像",
        |d| d.put("a.png", encode(plain(3000, 1), ImageFormat::Png)),
        Ask::Images,
        &[],
    ),
    ("大文字の名前", |d| d.put("A.JPG", jpeg()), Ask::Images, &[]),
    ("空白と日本語の名前", |d| d.put("犬 の 写真.png", png()), Ask::Images, &[]),
    (
        "正方形の写真を対に",
        |d| d.put("a.jpg", jpeg()),
        Ask::Pairs,
        &["a.jpg (200×200)", "対の形", "--pair-ratio 1:2"],
    ),
    (
        "横長の写真を対に",
        |d| d.put("a.png", encode(plain(403, 302), ImageFormat::Png)),
        Ask::Pairs,
        &["403×302", "--pair-ratio"],
    ),
    (
        "3 倍の幅を対に",
        |d| d.put("a.png", encode(plain(30, 10), ImageFormat::Png)),
        Ask::Pairs,
        &["--pair-ratio 3:2"],
    ),
    (
        "対の中に 1 枚だけ違う形",
        |d| d.put("a.png", encode(plain(20, 10), ImageFormat::Png)).put("b.png", png()),
        Ask::Pairs,
        &["b.png (40×40)"],
    ),
    (
        "IDX のラベルを指定",
        |d| d.put("f", idx_file(8, &[4], &[0; 4])),
        Ask::Any,
        &["ラベルの IDX", "train-images"],
    ),
    (
        "切れた IDX",
        |d| d.put("f", idx_file(8, &[4, 2, 2], &[0; 9])),
        Ask::Any,
        &["途中で切れています", "4×2×2", "16 バイト", "9 バイト"],
    ),
    ("頭だけの IDX", |d| d.put("f", [0, 0, 8, 3, 0]), Ask::Any, &["途中で切れています"]),
    ("長すぎる IDX", |d| d.put("f", idx_file(8, &[1, 2, 2], &[0; 5])), Ask::Any, &["より長い"]),
    ("大きさを偽る IDX", |d| d.put("f", idx_file(8, &[u32::MAX; 3], &[0; 5])), Ask::Any, &["上限"]),
    ("0 枚の IDX", |d| d.put("f", idx_file(8, &[0, 28, 28], &[])), Ask::Any, &["中身がありません"]),
    ("小数の IDX", |d| d.put("f", idx_file(0x0d, &[1, 1, 1], &[0; 4])), Ask::Any, &["0x0D"]),
    ("4 次元の IDX", |d| d.put("f", idx_file(8, &[1, 1, 1, 1], &[0])), Ask::Any, &["4 次元"]),
    ("IDX ではない PNG", |d| d.put("f", png()), Ask::Any, &["IDX ファイルではありません", "画像"]),
    (
        "IDX ではない文字",
        |d| d.put("f", "label,pixel0"),
        Ask::Any,
        &["IDX ファイルではありません", "文字"],
    ),
    ("空の IDX", |d| d.put("f", ""), Ask::Any, &["空"]),
    (
        "切れた gzip の IDX",
        |d| d.put("f", cut(gzip(&idx_file(8, &[9, 28, 28], &noise(84, 28).into_raw())))),
        Ask::Any,
        &["途中で切れています"],
    ),
    (
        "壊れた gzip",
        |d| d.put("f", [0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7, 7]),
        Ask::Any,
        &["f"],
    ),
    (
        "gzip の中が別物",
        |d| d.put("f", gzip(b"hello world")),
        Ask::Any,
        &["IDX ファイルではありません"],
    ),
    (
        "ラベルの数が合わない IDX",
        |d| {
            d.put("train-images-idx3-ubyte", idx_file(8, &[1, 2, 2], &[0; 4]))
                .put("train-labels-idx1-ubyte", idx_file(8, &[2], &[0; 2]))
        },
        Ask::Any,
        &["ラベルは 2 個", "1 枚"],
    ),
    (
        "IDX がいくつも",
        |d| {
            d.put("a-images-idx3-ubyte", idx_file(8, &[1, 1, 1], &[0]))
                .put("b-images-idx3-ubyte", idx_file(8, &[1, 1, 1], &[0]))
        },
        Ask::Any,
        &["いくつも", "a-images", "b-images"],
    ),
    (
        "無い場所",
        |d| {
            fs::remove_dir_all(d.path()).unwrap();
            d
        },
        Ask::Any,
        &["開けません"],
    ),
];

#[test]
fn every_odd_input_gets_the_right_end() {
    assert!(CASES.len() >= 40);
    for (name, make, ask, words) in CASES {
        let dir = Dir::new();
        make(&dir);
        let one = |name: &str| Some(dir.at(name)).filter(|path| path.is_file());
        let read = match ask {
            Ask::Images => images(COLOUR, dir.path()),
            Ask::Pairs => COLOUR
                .pairs(&[(dir.path().to_path_buf(), 2)], [1, 1])
                .map(|mut pairs| pairs.remove(0)[0].clone()),
            Ask::Inputs => COLOUR.inputs(&one("a.png").unwrap(), None),
            Ask::Any => {
                GREY.any(&one("f").unwrap_or(dir.path().to_path_buf())).map(|read| read.images)
            }
        };
        match (read, words.is_empty()) {
            (Ok(tensor), true) => {
                assert!(values(&tensor).iter().all(|v| (-1. ..=1.).contains(v)), "{name}");
            }
            (Ok(_), false) => panic!("{name}: 読めてしまいました"),
            (Err(error), true) => panic!("{name}: {error}"),
            (Err(error), false) => {
                let text = error.to_string();
                for word in *words {
                    assert!(text.contains(word), "{name}: 「{word}」がありません: {text}");
                }
                assert!(!text.contains('\n') && text.chars().any(|c| ('ぁ'..='ん').contains(&c)));
            }
        }
    }
}

#[test]
fn all_bad_files_of_all_folders_are_named_at_once() {
    let (a, b) = (Dir::new(), Dir::new());
    a.put("a.png", "").put("ok.png", png());
    b.put("b.jpg", cut(jpeg()));
    let dirs = [a.path().to_path_buf(), b.path().to_path_buf()];
    let error = COLOUR.images(&dirs).unwrap_err().to_string();
    assert!(error.contains("a.png") && error.contains("b.jpg"), "{error}");
}

#[test]
fn memory_is_bounded_before_it_is_taken() {
    let dir = Dir::new();
    dir.put("a.png", png()).put("b.png", png());
    let error = images(Reader { size: 30_000, ..COLOUR }, dir.path()).unwrap_err().to_string();
    assert!(error.contains("GB") && error.contains("--size"), "{error}");
    dir.put("f", idx_file(8, &[60_000, 1, 1], &vec![0; 60_000]));
    let error = Reader { size: 1_000, ..GREY }.any(&dir.at("f")).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("GB"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_and_unreadable_files_are_told_apart() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = Dir::new();
    dir.put("ok.png", png());
    symlink(dir.at("nowhere.png"), dir.at("a.png")).unwrap();
    symlink(dir.at("loop.png"), dir.at("loop.png")).unwrap();
    symlink(dir.path(), dir.at("folder.png")).unwrap();
    let error = images(COLOUR, dir.path()).unwrap_err().to_string();
    assert!(error.contains("a.png") && error.contains("loop.png"), "{error}");
    assert!(error.contains("リンクの先がありません"), "{error}");
    let dir = Dir::new();
    dir.put("a.png", png());
    fs::set_permissions(dir.at("a.png"), fs::Permissions::from_mode(0o000)).unwrap();
    // 管理者には、何でも読めてしまう。
    if fs::read(dir.at("a.png")).is_err() {
        let error = images(COLOUR, dir.path()).unwrap_err().to_string();
        assert!(error.contains("読み取り権限"), "{error}");
    }
}

fn picture_seeds() -> Vec<Vec<u8>> {
    let rgba = RgbaImage::from_fn(9, 7, |x, y| Rgba([x as u8 * 9, y as u8 * 9, 7, x as u8 * 20]));
    let deep = ImageBuffer::from_fn(9, 7, |x, y| Luma([(x * y * 90) as u16]));
    vec![
        encode(noise(19, 13), ImageFormat::Png),
        encode(noise(19, 13), ImageFormat::Jpeg),
        encode(noise(19, 13), ImageFormat::WebP),
        encode(rgba.clone(), ImageFormat::Png),
        encode(rgba, ImageFormat::WebP),
        encode(DynamicImage::ImageLuma16(deep), ImageFormat::Png),
        encode(GrayImage::from_pixel(17, 17, Luma([9])), ImageFormat::Jpeg),
        turned(noise(16, 24), 6),
    ]
}

/// どんなバイト列でも、止まらずに、読めるか、断るかのどちらかになる。
fn picture_never_panics(bytes: &[u8]) {
    if let picture::Kind::Readable(format) = picture::kind(&bytes[..bytes.len().min(picture::HEAD)])
        && let Ok(picture) = picture::Picture::open(bytes, format)
    {
        for channels in [1, 3] {
            let planes = picture.planes(picture.area().square(), 4, channels);
            assert!(planes.len() == 16 * channels && planes.iter().all(|v| (0. ..=1.).contains(v)));
        }
    }
}

/// JPEG の読み手が桁あふれで止まったファイル。1 枚が壊れていると伝えるだけで、止まらない。
#[test]
fn a_picture_that_stops_its_decoder_is_broken() {
    const FOUND: &[&str] = &[
        "ffd8ffe000104a46494600010200000100010000ffc0000b080011811101011100ffdb004300080606070605",
        "080707070909080a0c140d5c0b0b0c1912130f141d1a1f1e1d1a1c1c20242e2720222c231c1c2836292c3031",
        "3434341f27393d38323c2e333432ffc4001f00000105010101010101000000000000000f0102030405060708",
        "090a0bffc400b5100002010303020403050504040000017d0102030004110512213141061351610722711432",
        "8191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a43444546474849",
        "4a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3",
        "a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9ea",
        "f1f2f3f4f5f6f7f8f9faffda0008010100003f00f08a28a28a28a28affd9",
    ];
    let hex = FOUND.concat();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    let opened = picture::Picture::open(&bytes, ImageFormat::Jpeg);
    assert!(opened.is_err_and(|fault| fault.reason == "壊れています"));
}

fn idx_seeds() -> Vec<Vec<u8>> {
    let images = idx_file(8, &[3, 4, 5], &[77; 60]);
    vec![gzip(&images), images, idx_file(8, &[9], &[1; 9]), gzip(&idx_file(8, &[9], &[1; 9]))]
}

fn idx_never_panics(bytes: &[u8]) {
    let name = Path::new("f");
    for rank in [1, 3] {
        if let Ok((dims, values)) = idx::parse(bytes, rank, name) {
            assert_eq!(dims.iter().product::<usize>(), values.len());
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let _ = idx::images(file.path());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_picture_bytes(bytes in mutated(picture_seeds())) {
        picture_never_panics(&bytes);
    }

    #[test]
    fn any_idx_bytes(bytes in mutated(idx_seeds())) {
        idx_never_panics(&bytes);
    }

    #[test]
    fn any_bytes_have_a_kind(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        picture::kind(&bytes);
        picture_never_panics(&bytes);
        idx_never_panics(&bytes);
    }
}

#[test]
#[ignore = "10 分かかる"]
fn fuzz_pictures() {
    long("pictures", picture_seeds(), picture_never_panics);
}

#[test]
#[ignore = "10 分かかる"]
fn fuzz_idx() {
    long("idx", idx_seeds(), idx_never_panics);
}
