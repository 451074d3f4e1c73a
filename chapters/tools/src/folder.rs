//! 読者が用意した画像を、学習に使えるテンソルとして読みます: 画像のフォルダか、MNIST の IDX ファイルです。
//!
//! 使えない画像は 1 枚ずつではなく、一度に全部知らせます。読めない形式の画像は数えて飛ばし、知らせます。

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use candle_core::{Device, Tensor};
use image::{GrayImage, ImageFormat};
use rayon::prelude::*;

use crate::cli::{stop_requested, warn};
use crate::idx;
use crate::picture::{self, Area, Fault, Kind, Picture};
use crate::progress::Progress;

/// 読める形式。
const READABLE: &str = "PNG・JPEG・WebP";
/// 読んだ画像に使うメモリの上限。
const MOST_BYTES: u64 = 4 << 30;
/// 知らせるときに並べる、名前の数の上限。
const MOST_NAMES: usize = 20;
/// 画像のありかを教えるために、下りて探す深さ。
const DEEPEST: usize = 4;
const NOT_A_PAIR: &str = "左右に並べた対の形ではありません";

/// 画像の読み方。
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// 一辺の画素数。中央の正方形を、この大きさに縮めます (または広げます)。
    pub size: usize,
    /// 1 (濃淡) か 3 (RGB)。濃淡では、本の文字の画像と同じく、暗いところ (墨) が 1、明るいところ (紙) が −1 です。
    pub channels: usize,
    /// 進み具合を見せません。
    pub quiet: bool,
}

/// 対のどちらの半分か。
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Left,
    Right,
}

/// ラベルの付いた画像。
pub struct Labelled {
    /// `[N, channels, size, size]`、値は [-1, 1]
    pub images: Tensor,
    /// 画像ごとの種類の番号。ラベルのファイルがなければ None です。
    pub labels: Option<Vec<u8>>,
}

impl Reader {
    /// 画像のフォルダを、それぞれ `[N, channels, size, size]`、値 [-1, 1] で返します。
    pub fn images(&self, dirs: &[PathBuf]) -> Result<Vec<Tensor>> {
        let places: Vec<_> = dirs.iter().map(|dir| (dir.clone(), self.size)).collect();
        let read = self.read(&places, false, 1, |whole| Ok(vec![whole]))?;
        Ok(read.into_iter().flatten().collect())
    }

    /// 画像のフォルダ、MNIST の IDX ファイルのあるフォルダ、IDX ファイルのどれかを読みます。
    pub fn any(&self, path: &Path) -> Result<Labelled> {
        let idx = match path.is_dir() {
            true => idx::find(path)?,
            false => Some(path.to_path_buf()),
        };
        match idx {
            Some(file) => self.idx(&file),
            None => {
                let images = self.images(&[path.to_path_buf()])?.remove(0);
                Ok(Labelled { images, labels: None })
            }
        }
    }

    /// 左右に並べて 1 枚にした対の画像のフォルダ。左と右を、それぞれの一辺の大きさで返します。
    ///
    /// pix2pix (arXiv:1611.07004) の著者のデータと同じ並べ方です。`ratio` は 1 枚の幅と高さの比で、
    /// その 2 枚を並べた形でない画像があれば失敗します。
    pub fn pairs(&self, places: &[(PathBuf, usize)], ratio: [u32; 2]) -> Result<Vec<[Tensor; 2]>> {
        let read = self.read(places, false, 2, move |whole| match is_pair(whole, ratio) {
            true => Ok(vec![Half::Left.of(whole), Half::Right.of(whole)]),
            false => Err(Fault {
                reason: NOT_A_PAIR,
                detail: format!("{}×{}", whole.width, whole.height),
            }),
        })?;
        let pair = |tensors: Vec<Tensor>| {
            <[Tensor; 2]>::try_from(tensors).map_err(|_| anyhow!("対の画像を分けられません"))
        };
        read.into_iter().map(pair).collect()
    }

    /// 訳す画像: フォルダか、1 枚のファイル。
    ///
    /// `pairs` (1 枚の幅と高さの比、使う半分) があれば、その形の画像は左右に並べた対とみなして半分だけを使い、
    /// それを知らせます。
    pub fn inputs(&self, path: &Path, pairs: Option<([u32; 2], Half)>) -> Result<Tensor> {
        let halved = Arc::new(AtomicUsize::new(0));
        let count = halved.clone();
        let read = self.read(&[(path.to_path_buf(), self.size)], true, 1, move |whole| {
            Ok(vec![match pairs {
                Some((ratio, half)) if is_pair(whole, ratio) => {
                    count.fetch_add(1, Ordering::Relaxed);
                    half.of(whole)
                }
                _ => whole,
            }])
        })?;
        let halved = halved.load(Ordering::Relaxed);
        if let Some((_, half)) = pairs.filter(|_| halved > 0) {
            warn(format!(
                "{halved} 枚は左右に並べた対なので、{}の半分だけを訳します。",
                if half == Half::Left { "左" } else { "右" }
            ));
        }
        read.into_iter().flatten().next().context("訳す画像がありません")
    }

    /// MNIST の IDX ファイル。
    fn idx(&self, path: &Path) -> Result<Labelled> {
        let read = idx::images(path)?;
        let labels = match idx::beside(path) {
            None => None,
            Some(path) => {
                let labels = idx::labels(&path)?;
                ensure!(
                    labels.len() == read.count,
                    "{} のラベルは {} 個で、画像の {} 枚と合いません。同じ組のファイルを置いてください",
                    path.display(),
                    labels.len(),
                    read.count
                );
                Some(labels)
            }
        };
        self.afford(read.count as u64, 1)?;
        let whole = Area { left: 0, top: 0, width: read.width as u32, height: read.height as u32 };
        let plane = self.size * self.size;
        let mut values = vec![0f32; read.count * self.channels * plane];
        let pictures = read.pixels.par_chunks(read.width * read.height);
        values.par_chunks_mut(self.channels * plane).zip(pictures).for_each(|(place, pixels)| {
            // IDX では 0 が紙、255 が墨。
            let paper: Vec<u8> = pixels.iter().map(|ink| 255 - ink).collect();
            let image = GrayImage::from_raw(whole.width, whole.height, paper);
            let picture = Picture::grey(image.expect("画素の数は確かめてある"));
            place.copy_from_slice(&picture.planes(whole.square(), self.size, self.channels));
        });
        let images = self.tensor(values, self.size)?;
        let labelled = if labels.is_some() {
            "ラベルも隣にあります"
        } else {
            "ラベルはありません"
        };
        warn(format!("{} の画像 {} 枚を使います ({labelled})。", path.display(), read.count));
        Ok(Labelled { images, labels })
    }

    /// 画像 `count` 枚 (1 枚から `parts` つ) のメモリが上限に収まるか。多ければ、取る前に知らせます。
    fn afford(&self, count: u64, parts: u64) -> Result<()> {
        ensure!(
            [1, 3].contains(&self.channels),
            "チャネル数 {} は使えません。1 か 3 にしてください",
            self.channels
        );
        let (size, channels) = (self.size as u64, self.channels as u64);
        let bytes = (count * parts).saturating_mul(channels * size * size * 4);
        let shown = bytes as f64 / f64::from(1 << 30);
        ensure!(
            bytes <= MOST_BYTES,
            "画像 {count} 枚を {size}×{size} で読むと {shown:.1} GB のメモリが要り、上限の {} GB を超えます。--size を小さくするか、枚数を減らしてください",
            MOST_BYTES >> 30
        );
        if bytes > 1 << 29 {
            warn(format!("画像を置くのに {shown:.1} GB のメモリを使います。"));
        }
        Ok(())
    }

    /// 明るさ 0〜1 の `values` を、値 [-1, 1] の `[N, channels, size, size]` にします。
    fn tensor(&self, mut values: Vec<f32>, size: usize) -> Result<Tensor> {
        // 濃淡では、暗いところが墨で 1。
        let scale = if self.channels == 1 { -2. } else { 2. };
        values.par_iter_mut().for_each(|value| *value = (scale * (*value - 0.5)).clamp(-1., 1.));
        let count = values.len() / (self.channels * size * size);
        Ok(Tensor::from_vec(values, (count, self.channels, size, size), &Device::Cpu)?)
    }

    /// `places` (場所と一辺) の画像を読みます。`cut` は、1 枚の画像から使うところを `parts` つ選びます。
    fn read(
        &self,
        places: &[(PathBuf, usize)],
        single: bool,
        parts: usize,
        cut: impl Fn(Area) -> Result<Vec<Area>, Fault> + Send + Sync + 'static,
    ) -> Result<Vec<Vec<Tensor>>> {
        let found: Vec<Found> =
            places.iter().map(|(path, _)| Found::look(path, single)).collect::<Result<_>>()?;
        let sizes = places.iter().map(|&(_, size)| size);
        let jobs: Vec<Job> = found
            .iter()
            .zip(sizes.clone())
            .enumerate()
            .flat_map(|(place, (found, size))| {
                let job = move |(at, (path, format)): (usize, &(PathBuf, ImageFormat))| Job {
                    place,
                    at,
                    size,
                    path: path.clone(),
                    format: *format,
                };
                found.pictures.iter().enumerate().map(job)
            })
            .collect();
        for (found, size) in found.iter().zip(sizes.clone()) {
            Self { size, ..*self }.afford(found.pictures.len() as u64, parts as u64)?;
        }
        let plane = |size: usize| self.channels * size * size;
        let mut values: Vec<Vec<Vec<f32>>> = found
            .iter()
            .zip(sizes.clone())
            .map(|(found, size)| vec![vec![0.; found.pictures.len() * plane(size)]; parts])
            .collect();
        let mut faults: Vec<(Fault, PathBuf)> =
            found.iter().flat_map(|found| found.faults.clone()).collect();
        let mut deep: Vec<BTreeMap<usize, u16>> = vec![BTreeMap::new(); places.len()];
        let channels = self.channels;
        decode(
            jobs,
            self.quiet,
            move |job| job.decode(channels, &cut),
            |job, decoded| match decoded {
                Ok(Decoded { planes, deepest }) => {
                    if let Some(deepest) = deepest {
                        deep[job.place].insert(job.at, deepest);
                    }
                    let length = plane(job.size);
                    for (part, plane) in planes.iter().enumerate() {
                        let place = &mut values[job.place][part];
                        place[job.at * length..][..length].copy_from_slice(plane);
                    }
                }
                Err(fault) => faults.push((fault, job.path.clone())),
            },
        )?;
        ensure!(faults.is_empty(), "{}", blame(faults));
        for ((found, deep), values) in found.iter().zip(&deep).zip(&mut values) {
            found.tell();
            if let Some(scale) = brighten(deep.values().max()) {
                let white = (f32::from(u16::MAX) / scale).round();
                warn(format!(
                    "16 ビットの画像 {} 枚は、値が {white} までしか使われていないので、{white} を白として読みます。",
                    deep.len()
                ));
                for values in values.iter_mut() {
                    let length = values.len() / found.pictures.len();
                    for at in deep.keys() {
                        values[at * length..][..length].iter_mut().for_each(|v| *v *= scale);
                    }
                }
            }
        }
        let tensors = values.into_iter().zip(sizes).map(|(values, size)| {
            values.into_iter().map(|values| self.tensor(values, size)).collect()
        });
        tensors.collect()
    }
}

/// 左右に並べた対の形なら真。`ratio` は、対の 1 枚の幅と高さの比です。
///
/// 縮めたときの端数 (1 画素に満たない違い) は許します。
fn is_pair(whole: Area, ratio: [u32; 2]) -> bool {
    let [width, height] = ratio.map(u64::from);
    let (half, want) = (u64::from(whole.width / 2) * height, u64::from(whole.height) * width);
    let even = whole.width >= 2 && whole.width.is_multiple_of(2);
    even && half.abs_diff(want) < width.max(height)
}

/// MNIST の IDX ファイルか、それのあるフォルダなら真。
pub fn is_idx(path: &Path) -> bool {
    match path.is_dir() {
        true => idx::find(path).is_ok_and(|found| found.is_some()),
        false => true,
    }
}

/// `dir` の中の、`names` のどれかの名前のフォルダ。なければ、何があるかと、どう置くか `advice` を伝えて失敗します。
pub fn inside(dir: &Path, names: &[&str], advice: &str) -> Result<PathBuf> {
    if let Some(found) = names.iter().map(|name| dir.join(name)).find(|path| path.is_dir()) {
        return Ok(found);
    }
    let there: Vec<String> = list(dir)?
        .iter()
        .filter(|path| path.is_dir())
        .map(|path| path.strip_prefix(dir).unwrap_or(path).display().to_string())
        .collect();
    let there = match there.is_empty() {
        true => String::new(),
        false => format!(" (あるのは {} です)", self::names(&there)),
    };
    bail!(
        "{} に {} というフォルダがありません{there}。{advice}入れてください",
        dir.display(),
        names.join(" か ")
    )
}

/// `dir` の画像 `count` 枚がミニバッチより少なければ、どう直すかを伝えて失敗します。
pub fn enough(dir: &Path, count: usize, batch: usize) -> Result<()> {
    ensure!(
        count >= batch,
        "{} の学習用の画像は {count} 枚で、1 度に使う --batch {batch} 枚に足りません。画像を増やすか、--batch {count} のように小さくしてください",
        dir.display()
    );
    Ok(())
}

impl Half {
    fn of(self, whole: Area) -> Area {
        let width = whole.width / 2;
        match self {
            Half::Left => Area { width, ..whole },
            Half::Right => Area { left: whole.left + whole.width - width, width, ..whole },
        }
    }
}

/// 1 つの場所で見つけたもの。
#[derive(Default)]
struct Found {
    place: PathBuf,
    /// 使える画像と、その形式。名前の順
    pictures: Vec<(PathBuf, ImageFormat)>,
    /// 読めない形式の名前と、その画像
    unreadable: BTreeMap<&'static str, Vec<String>>,
    faults: Vec<(Fault, PathBuf)>,
    /// 画像が 1 つ下のフォルダにしかないとき、その名前
    below: Vec<String>,
}

impl Found {
    /// 場所 `place` の画像を探します。`single` なら、1 枚のファイルでもかまいません。
    fn look(place: &Path, single: bool) -> Result<Self> {
        let mut found = Self { place: place.to_path_buf(), ..Self::default() };
        let shown = place.display();
        if place.is_file() {
            ensure!(single, "{shown} はファイルです。画像を入れたフォルダを指定してください");
            found.add(place.to_path_buf());
            if let Some((name, _)) = found.unreadable.first_key_value() {
                bail!(
                    "{shown} は {name} です。読めるのは {READABLE} なので、変換してから指定してください"
                );
            }
            if found.pictures.is_empty() && found.faults.is_empty() {
                bail!("{shown} は画像ではありません。読めるのは {READABLE} です");
            }
            return Ok(found);
        }
        let entries = list(place)?;
        entries.iter().filter(|path| !path.is_dir()).for_each(|path| found.add(path.clone()));
        if found.is_empty() {
            // 種類ごとに分けたフォルダも、よくある置き方。
            for dir in entries.iter().filter(|path| path.is_dir()) {
                let before = found.pictures.len();
                list(dir)?.into_iter().filter(|path| !path.is_dir()).for_each(|p| found.add(p));
                if found.pictures.len() > before {
                    found.below.push(found.short(dir));
                }
            }
        }
        if found.pictures.is_empty() && found.faults.is_empty() {
            bail!("{}", found.nothing());
        }
        Ok(found)
    }

    fn is_empty(&self) -> bool {
        self.pictures.is_empty() && self.unreadable.is_empty() && self.faults.is_empty()
    }

    /// ファイルを 1 つ調べて加えます。画像でも、画像の名前でもないものは、ただ飛ばします。
    fn add(&mut self, path: PathBuf) {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let named = picture::named(&extension);
        let readable = |name: &&str| ["PNG", "JPEG", "WebP"].contains(name);
        match (head(&path), named) {
            (Ok(Kind::Readable(format)), _) => self.pictures.push((path, format)),
            (Ok(Kind::Unreadable(name)), _) => {
                let (other, mut shown) = (named.filter(|name| !readable(name)), self.short(&path));
                if named.as_ref().is_some_and(readable) {
                    shown += &format!(" (名前だけ {extension})");
                }
                self.unreadable.entry(other.unwrap_or(name)).or_default().push(shown);
            }
            (Ok(Kind::Other(what)), Some(name)) => match readable(&name) {
                true => {
                    let detail = what.to_string();
                    self.faults.push((Fault { reason: "中身が画像ではありません", detail }, path));
                }
                false => {
                    let shown = self.short(&path);
                    self.unreadable.entry(name).or_default().push(shown);
                }
            },
            (Err(fault), Some(_)) => self.faults.push((fault, path)),
            (Ok(Kind::Other(_)) | Err(_), None) => {}
        }
    }

    /// 場所からの、短い名前。
    fn short(&self, path: &Path) -> String {
        let short =
            path.strip_prefix(&self.place).ok().filter(|short| !short.as_os_str().is_empty());
        short.unwrap_or(path).display().to_string()
    }

    /// 読めない形式の画像の数と名前: 「3 枚は HEIC です: a.heic、b.heic、c.heic。」
    fn skipped(&self) -> String {
        let each = self
            .unreadable
            .iter()
            .map(|(name, paths)| format!("{} 枚は {name} です: {}。", paths.len(), names(paths)));
        each.collect()
    }

    /// 使う枚数と、使わないものを知らせます。
    fn tell(&self) {
        let (used, place) = (self.pictures.len(), self.place.display());
        let skipped: usize = self.unreadable.values().map(Vec::len).sum();
        if self.place.is_file() {
            return;
        }
        let mut text = match skipped {
            0 => format!("{place} の画像 {used} 枚を使います。"),
            _ => format!(
                "{place} の {} 枚のうち {used} 枚を使います。{}読めるのは {READABLE} です。",
                used + skipped,
                self.skipped()
            ),
        };
        if !self.below.is_empty() {
            text += &format!("画像は 1 つ下のフォルダ ({}) にありました。", names(&self.below));
        } else {
            let unused: Vec<String> =
                below(&self.place, 1).iter().map(|(dir, _)| self.short(dir)).collect();
            if !unused.is_empty() {
                text += &format!("下のフォルダ ({}) の画像は使いません。", names(&unused));
            }
        }
        warn(text);
    }

    /// 使える画像がないときの案内。
    fn nothing(&self) -> String {
        let mut text = format!(
            "{} に使える画像がありません (読めるのは {READABLE} です)。{}",
            self.place.display(),
            self.skipped()
        );
        if !self.unreadable.is_empty() {
            text += "PNG か JPEG に変換してください";
        } else {
            match below(&self.place, DEEPEST).first() {
                Some((dir, count)) => {
                    let dir = dir.display();
                    text += &format!("{dir} に {count} 枚あるので、そこを指定してください");
                }
                None => text += "画像を入れるか、別のフォルダを指定してください",
            }
        }
        text
    }
}

/// フォルダの中身を、名前の順に。OS が返す順は決まっていません。隠しファイル (macOS の `._*` など) は除きます。
fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    let advice = || {
        let dir = dir.display();
        format!("フォルダ {dir} を開けません。場所と読み取り権限を確かめてください")
    };
    let entries = std::fs::read_dir(dir).with_context(advice)?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(advice)?;
    paths.retain(|path| !path.file_name().unwrap_or_default().as_encoded_bytes().starts_with(b"."));
    paths.sort();
    Ok(paths)
}

/// 下のフォルダのうち、画像らしい名前のファイルがあるものと、その数。リンクの先へは下りません。
fn below(dir: &Path, depth: usize) -> Vec<(PathBuf, usize)> {
    const MOST: usize = 1_000;
    let (mut found, mut waiting, mut visited) = (Vec::new(), vec![(dir.to_path_buf(), depth)], 0);
    while let Some((dir, depth)) = waiting.pop() {
        visited += 1;
        if depth == 0 || visited > MOST {
            continue;
        }
        let inside = list(&dir).unwrap_or_default();
        for dir in inside.into_iter().filter(|path| path.is_dir() && !path.is_symlink()) {
            let picture = |path: &PathBuf| {
                path.extension().is_some_and(|e| picture::named(&e.to_string_lossy()).is_some())
            };
            let count = list(&dir).unwrap_or_default().iter().filter(|path| picture(path)).count();
            if count > 0 {
                found.push((dir.clone(), count));
            }
            waiting.push((dir, depth - 1));
        }
    }
    found.sort();
    found
}

/// ファイルの先頭から、中身の種類を調べます。
fn head(path: &Path) -> Result<Kind, Fault> {
    let unreadable = |_| Fault::from("読めません (読み取り権限を確かめてください)");
    let meta = match std::fs::metadata(path) {
        Err(_) if path.is_symlink() => return Err("リンクの先がありません".into()),
        meta => meta.map_err(unreadable)?,
    };
    if !meta.is_file() {
        return Ok(Kind::Other("ファイルではないもの"));
    }
    if meta.len() > picture::MOST_BYTES {
        return Err(picture::TOO_LARGE.into());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(picture::HEAD as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    match bytes.is_empty() {
        true => Err("空のファイルです".into()),
        false => Ok(picture::kind(&bytes)),
    }
}

/// 使えない画像を、理由ごとに、名前とともに 1 つの文にします。
fn blame(mut faults: Vec<(Fault, PathBuf)>) -> String {
    faults.sort();
    let shape = faults.iter().find(|(fault, _)| fault.reason == NOT_A_PAIR);
    let advice = match shape.map(|(fault, _)| fault.detail.as_str()) {
        None => "元の画像を入れ直すか、取り除いてください".to_string(),
        Some(size) => format!(
            "正方形の 2 枚を左右に並べると、幅は高さの 2 倍です。1 枚が正方形でないなら、その幅と高さの比を --pair-ratio {} のように指定してください",
            suggestion(size)
        ),
    };
    let name = |(fault, path): &(Fault, PathBuf)| match fault.detail.is_empty() {
        true => path.display().to_string(),
        false => format!("{} ({})", path.display(), fault.detail),
    };
    if let [(fault, _)] = &faults[..] {
        return format!("{} は{}。{advice}", name(&faults[0]), fault.reason);
    }
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for fault in &faults {
        groups.entry(fault.0.reason).or_default().push(name(fault));
    }
    let groups = groups
        .iter()
        .map(|(reason, paths)| format!("{} 枚は{reason}: {}。", paths.len(), names(paths)));
    format!("使えない画像が {} 枚あります。{}{advice}", faults.len(), groups.collect::<String>())
}

/// 「4032×3024」の画像が左右の対だとしたときの、1 枚の縦横比。
fn suggestion(size: &str) -> String {
    let sides: Vec<u32> = size.split('×').filter_map(|side| side.parse().ok()).collect();
    let [width, height] = sides[..] else { return "4:3".into() };
    let (mut a, mut b) = ((width / 2).max(1), height.max(1));
    let whole = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    match (whole.0 / a, whole.1 / a) {
        (width, height) if width.max(height) <= 1_000 => format!("{width}:{height}"),
        _ => "4:3".into(),
    }
}

/// 名前を「、」でつなぎます。多すぎるときは、残りの数を添えます。
fn names(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join("、");
    match names.len().checked_sub(MOST_NAMES) {
        None | Some(0) => shown,
        Some(rest) => format!("{shown} ほか {rest} 件"),
    }
}

/// 16 ビットの入れ物に 8、10、12、14 ビットの値が入っているなら、明るさを何倍にするか。
fn brighten(deepest: Option<&u16>) -> Option<f32> {
    let bits = 16 - deepest.filter(|&&deepest| deepest > 0)?.leading_zeros();
    let depth = [8, 10, 12, 14].into_iter().find(|&depth| bits <= depth)?;
    Some(f32::from(u16::MAX) / ((1u32 << depth) - 1) as f32)
}

/// 読む 1 枚。
struct Job {
    /// 何番目の場所の、何番目の画像か
    place: usize,
    at: usize,
    size: usize,
    path: PathBuf,
    format: ImageFormat,
}

/// 読んだ 1 枚。
struct Decoded {
    planes: Vec<Vec<f32>>,
    deepest: Option<u16>,
}

impl Job {
    fn decode(
        &self,
        channels: usize,
        cut: &impl Fn(Area) -> Result<Vec<Area>, Fault>,
    ) -> Result<Decoded, Fault> {
        let unreadable = |_| Fault::from("読めません (読み取り権限を確かめてください)");
        let bytes = std::fs::read(&self.path).map_err(unreadable)?;
        let picture = Picture::open(&bytes, self.format)?;
        let areas = cut(picture.area())?;
        let planes =
            areas.into_iter().map(|area| picture.planes(area.square(), self.size, channels));
        Ok(Decoded { planes: planes.collect(), deepest: picture.deepest() })
    }
}

/// すべてのコアで読み、読めた順に `take` に渡します。長引けば進み具合を見せ、Ctrl-C で止まります。
fn decode(
    jobs: Vec<Job>,
    quiet: bool,
    work: impl Fn(&Job) -> Result<Decoded, Fault> + Send + Sync + 'static,
    mut take: impl FnMut(&Job, Result<Decoded, Fault>),
) -> Result<()> {
    let total = jobs.len();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(total);
    // 大きな画像を開いている途中でも止まれるよう、仕事はこの関数より長生きしてよいスレッドに任せる。
    let shared = Arc::new((jobs, AtomicUsize::new(0), work));
    let (send, receive) = mpsc::sync_channel(2 * workers.max(1));
    for _ in 0..workers {
        let (shared, send) = (shared.clone(), send.clone());
        std::thread::spawn(move || {
            let (jobs, next, work) = &*shared;
            while let Some(at) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&at| at < total)
            {
                // 受け取り手がいなければ、止められたということ。
                if send.send((at, work(&jobs[at]))).is_err() {
                    break;
                }
            }
        });
    }
    drop(send);
    let (start, mut bar, mut done) = (Instant::now(), None, 0);
    while done < total {
        match receive.recv_timeout(Duration::from_millis(100)) {
            Ok((at, decoded)) => {
                take(&shared.0[at], decoded);
                done += 1;
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => bail!("画像を読み終えられませんでした"),
        }
        ensure!(!stop_requested(), "画像を読む途中で止めました。前の結果はそのままです");
        if start.elapsed() > Duration::from_secs(1) {
            let bar = bar.get_or_insert_with(|| Progress::new("画像を読む", total, quiet));
            bar.step(done, &[]);
        }
    }
    if let Some(bar) = bar {
        bar.finish();
    }
    Ok(())
}
