//! MNIST の IDX ファイルを読みます (Yann LeCun, <http://yann.lecun.com/exdb/mnist/> の書き方)。
//!
//! gzip で縮めたままでも、`train-images-idx3-ubyte` と `train-images.idx3-ubyte` の、どちらの名前でも読めます。
//! Fashion-MNIST、KMNIST、EMNIST も同じ形です。

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::bufread::GzDecoder;

use crate::picture::{self, Kind};

/// 読んだ画像。
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    pub count: usize,
    pub height: usize,
    pub width: usize,
    /// 行ごとに並んだ画素。0 が紙、255 が墨です。
    pub pixels: Vec<u8>,
}

/// 画素の合計の上限 (1 GB)。
const MOST_PIXELS: usize = 1 << 30;

/// 画像のファイル。
pub fn images(path: &Path) -> Result<Images> {
    let bytes = open(path)?;
    let (dims, pixels) = parse(bytes, 3, path)?;
    let [count, height, width] = dims[..] else {
        unreachable!("次元の数は確かめてある")
    };
    Ok(Images { count, height, width, pixels })
}

/// ラベルのファイル。
pub fn labels(path: &Path) -> Result<Vec<u8>> {
    Ok(parse(open(path)?, 1, path)?.1)
}

/// gzip なら、ほどきながら読みます。
fn open(path: &Path) -> Result<Box<dyn Read>> {
    let shown = path.display();
    let open = || File::open(path).with_context(|| format!("{shown} を開けません"));
    let mut magic = [0; 2];
    let zipped = open()?.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    let file = BufReader::new(open()?);
    Ok(if zipped { Box::new(GzDecoder::new(file)) } else { Box::new(file) })
}

/// IDX を読み、次元の大きさと中身を返します。`rank` は、次元の数です。
///
/// 別の種類のファイルか、途中で切れたファイルかを区別して、名前とともに失敗します。
pub fn parse(mut bytes: impl Read, rank: usize, path: &Path) -> Result<(Vec<usize>, Vec<u8>)> {
    let shown = path.display();
    let cut = |error: std::io::Error| match error.kind() {
        ErrorKind::UnexpectedEof => {
            anyhow::anyhow!("{shown} は途中で切れています。もう一度ダウンロードしてください")
        }
        ErrorKind::InvalidInput | ErrorKind::InvalidData => {
            anyhow::anyhow!("{shown} の gzip が壊れています。もう一度ダウンロードしてください")
        }
        _ => anyhow::Error::new(error).context(format!("{shown} を読めません")),
    };
    let mut head = Vec::new();
    bytes.by_ref().take(4).read_to_end(&mut head).map_err(cut)?;
    let magic: [u8; 4] = match <[u8; 4]>::try_from(head.as_slice()) {
        Ok(magic @ [0, 0, _, _]) => magic,
        _ if head.is_empty() => bail!("{shown} は空です"),
        _ => {
            let mut more = Vec::new();
            bytes.by_ref().take(picture::HEAD as u64).read_to_end(&mut more).map_err(cut)?;
            let what = match picture::kind(&[head, more].concat()) {
                Kind::Readable(_) => "画像".to_string(),
                Kind::Unreadable(name) => format!("{name} の画像"),
                Kind::Other(name) => name.to_string(),
            };
            bail!("{shown} は MNIST の IDX ファイルではありません (中身は{what}です)")
        }
    };
    let found = usize::from(magic[3]);
    ensure!(
        magic[2] == 8,
        "{shown} は、1 つの値が 1 バイトの IDX ファイルではありません (値の種類の番号が 0x{:02X} です)",
        magic[2]
    );
    ensure!(
        found == rank,
        "{shown} は{}です。{}を指定してください",
        match found {
            1 => "ラベルの IDX ファイル".into(),
            3 => "画像の IDX ファイル".into(),
            _ => format!("{found} 次元の IDX ファイル"),
        },
        if rank == 3 {
            "画像のファイル (train-images-idx3-ubyte など) "
        } else {
            "ラベルのファイル"
        }
    );
    let mut dims = Vec::new();
    for _ in 0..rank {
        let mut size = [0; 4];
        bytes.read_exact(&mut size).map_err(cut)?;
        dims.push(u32::from_be_bytes(size) as usize);
    }
    let size = dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
    let wide = dims.iter().map(|dim| dim.to_string()).collect::<Vec<_>>().join("×");
    let size = size.filter(|&size| size <= MOST_PIXELS).with_context(|| {
        format!("{shown} の大きさは {wide} で、読める上限 (合計 1 GB) を超えます")
    })?;
    ensure!(size > 0, "{shown} には中身がありません (大きさが {wide} です)");
    let mut values = Vec::new();
    // 大きさを偽ったファイルのために、宣言どおりのメモリを先には取らない。
    bytes.take(size as u64 + 1).read_to_end(&mut values).map_err(cut)?;
    ensure!(
        values.len() >= size,
        "{shown} は途中で切れています (大きさ {wide} に要る {size} バイトのうち、{} バイトしかありません)。もう一度ダウンロードしてください",
        values.len()
    );
    ensure!(
        values.len() == size,
        "{shown} は、書かれている大きさ {wide} より長いファイルです。もう一度ダウンロードしてください"
    );
    Ok((dims, values))
}

/// フォルダにある、学習用の画像の IDX ファイル。なければ None です。
///
/// MNIST の名前を先に探し、なければ、名前に `images` と `idx3` を含むただ 1 つのファイルを選びます。
pub fn find(dir: &Path) -> Result<Option<PathBuf>> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Ok(None) };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with('.') && name.contains("images") && name.contains("idx3") && path.is_file()
    });
    found.sort();
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let best = found.iter().position(|path| name(path).starts_with("train-images"));
    if let Some(best) = best {
        return Ok(Some(found.swap_remove(best)));
    }
    let train: Vec<_> = found.iter().filter(|path| name(path).contains("train")).cloned().collect();
    match (&train[..], &found[..]) {
        ([only], _) | ([], [only]) => Ok(Some(only.clone())),
        ([], []) => Ok(None),
        _ => bail!(
            "{} には画像の IDX ファイルがいくつもあります: {}。どれか 1 つを --data に指定してください",
            dir.display(),
            found.iter().map(name).collect::<Vec<_>>().join("、")
        ),
    }
}

/// 画像のファイルの隣の、ラベルのファイル。なければ None です。
pub fn beside(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let name = name.replace("images", "labels").replace("idx3", "idx1");
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    [plain.to_string(), format!("{plain}.gz")]
        .map(|name| images.with_file_name(name))
        .into_iter()
        .find(|path| path.is_file() && path != images)
}
