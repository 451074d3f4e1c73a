//! 読者が用意した画像のフォルダを、学習に使えるテンソルとして読みます。

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use image::DynamicImage;
use image::imageops::FilterType;

/// フォルダの PNG と JPEG を名前の順に読み、`[N, channels, size, size]`、値 [-1, 1] で返します。
///
/// 各画像は、中央の正方形を切り取ってから縮めます (または広げます)。`channels` は 1 (濃淡) か 3 (RGB) です。
/// フォルダが無い、画像が 1 枚も無い、読めない画像がある、のどれかなら、その名前を示して失敗します。
pub fn images(dir: &Path, size: usize, channels: usize) -> Result<Tensor> {
    let mut values = Vec::new();
    let paths = pictures(dir)?;
    for path in &paths {
        square(&open(path)?, size, channels, &mut values);
    }
    stack(values, paths.len(), size, channels)
}

/// 左右に並べて 1 枚にした対の画像 (左が A、右が B) を読み、A と B を `[N, channels, size, size]` で返します。
///
/// pix2pix (arXiv:1611.07004) の著者のデータと同じ並べ方です。幅が奇数の画像は、対とみなせないので失敗します。
pub fn pairs(dir: &Path, size: usize, channels: usize) -> Result<[Tensor; 2]> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let paths = pictures(dir)?;
    for path in &paths {
        let picture = open(path)?;
        let (width, height) = (picture.width(), picture.height());
        ensure!(
            width.is_multiple_of(2),
            "{} の幅 {width} が奇数です。同じ大きさの 2 枚を左右に並べた画像にしてください",
            path.display()
        );
        let half = |from| picture.crop_imm(from, 0, width / 2, height);
        square(&half(0), size, channels, &mut left);
        square(&half(width / 2), size, channels, &mut right);
    }
    Ok([stack(left, paths.len(), size, channels)?, stack(right, paths.len(), size, channels)?])
}

/// フォルダの PNG と JPEG。OS が返す順は決まっていないので、名前で並べます。
fn pictures(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| {
        format!("フォルダ {} を開けません。場所と読み取り権限を確かめてください", dir.display())
    })?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        path.is_file() && ["png", "jpg", "jpeg"].iter().any(|known| extension == *known)
    });
    ensure!(
        !paths.is_empty(),
        "フォルダ {} に PNG も JPEG もありません。画像を入れるか、別のフォルダを指定してください",
        dir.display()
    );
    paths.sort();
    Ok(paths)
}

fn open(path: &Path) -> Result<DynamicImage> {
    // 拡張子ではなく中身で形式を決めます。名前を付け替えた画像も読めるように。
    let bytes =
        std::fs::read(path).with_context(|| format!("画像 {} を読めません", path.display()))?;
    let picture = image::load_from_memory(&bytes).with_context(|| {
        format!(
            "画像 {} が壊れているようです。開けるか確かめるか、取り除いてください",
            path.display()
        )
    })?;
    Ok(picture)
}

/// 中央の正方形を `size` に縮め、チャネルごとの面として `values` に足します。
fn square(picture: &DynamicImage, size: usize, channels: usize, values: &mut Vec<f32>) {
    let side = picture.width().min(picture.height());
    let (left, top) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let small = picture.crop_imm(left, top, side, side).resize_exact(
        size as u32,
        size as u32,
        FilterType::Triangle,
    );
    let bytes =
        if channels == 1 { small.to_luma8().into_raw() } else { small.to_rgb8().into_raw() };
    let step = bytes.len() / (size * size);
    for channel in 0..step {
        let plane = bytes.iter().skip(channel).step_by(step);
        values.extend(plane.map(|byte| f32::from(*byte) / 127.5 - 1.));
    }
}

fn stack(values: Vec<f32>, n: usize, size: usize, channels: usize) -> Result<Tensor> {
    ensure!(
        [1, 3].contains(&channels),
        "チャネル数 {channels} は使えません。1 か 3 にしてください"
    );
    Ok(Tensor::from_vec(values, (n, channels, size, size), &Device::Cpu)?)
}
