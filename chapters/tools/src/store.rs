//! 結果の置き場 (`--out` のフォルダ)。
//!
//! 1 回の学習の結果は、1 つのフォルダです。脇に作り、書き終えてから名前を入れ替えるので、いつ止まっても、
//! そこにあるのは前の結果か新しい結果の、どちらかの全部です。フォルダには、書いたファイルの名前と中身の
//! 指紋 (`.workbook.json`) を添えます。ここに無いファイルは読者のものなので、消しも上書きもしません。

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use common::seed::Variables;
use common::state::State;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cli::{stop_requested, warn};
use crate::session::{Outcome, Settings, command};

const MANIFEST: &str = ".workbook.json";
/// 書きかけの名前と、よけた前の結果の名前の終わり。
const PART: &str = ".workbook-part";
const OLD: &str = ".workbook-old";
/// 生成した図などの、1 つだけのファイルに残す印。
const MARK: &[u8] = b"deep-generative-workbook";

/// 結果のフォルダに添える控え。
#[derive(Default, Serialize, Deserialize)]
struct Manifest {
    /// 学習した回数。
    steps: usize,
    /// 書いたファイルの名前と、中身の指紋。
    files: BTreeMap<String, String>,
}

/// `--out` のフォルダ。
pub struct Store {
    pub dir: PathBuf,
}

/// 途中で止めた学習が、この回数に満たなければ、前の結果を残します。
fn least(steps: usize) -> usize {
    steps.div_ceil(10)
}

impl Store {
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// 学習の前に、`names` の結果を置けるかを確かめ、置き換えることになる前の結果を知らせます。
    ///
    /// `steps` は、これから学習する回数です。
    pub fn prepare(&self, names: &[(&str, usize)]) -> Result<()> {
        let dir = self.dir.display();
        ensure!(
            !self.dir.is_file(),
            "--out の {dir} は、フォルダではなくファイルです。別の名前を指定してください"
        );
        let created = !self.dir.exists();
        fs::create_dir_all(&self.dir).with_context(|| {
            format!("--out のフォルダ {dir} を作れません。場所と書き込み権限を確かめてください")
        })?;
        let probe = self.dir.join(format!(".try-{}", std::process::id()));
        let tried = fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe));
        if created {
            // 学習が終わるまで、空のフォルダも残さない。
            let _ = fs::remove_dir(&self.dir);
        }
        tried.with_context(|| {
            format!(
                "--out のフォルダ {dir} に書き込めません。空き容量と書き込み権限を確かめてください"
            )
        })?;
        for &(name, steps) in names {
            let path = self.dir.join(name);
            let Some(old) = inspect(&path)? else { continue };
            if old.steps == 0 {
                continue; // 本の図は、何度でも同じものに描き直す。
            }
            let least = least(steps);
            warn(format!(
                "{} には {} 回学習した結果があります。この学習 ({steps} 回) が終わると置き換えます ({least} 回より前に止めれば、前の結果のままです)。残すには、--out で別のフォルダを指定してください。",
                path.display(),
                old.steps
            ));
        }
        Ok(())
    }

    /// 学習の結果を残します。1 回も学習していないか、止めるのが早すぎて前の結果を残したなら、偽を返します。
    pub fn keep<C: Settings>(&self, outcome: &dyn Outcome<Config = C>) -> Result<bool> {
        let (config, done) = (outcome.config(), outcome.history().len());
        let (name, planned) = (config.name(), config.steps());
        let stopped = stop_requested() && done < planned;
        if done == 0 || stopped && done < least(planned) && self.dir.join(&name).exists() {
            return Ok(false);
        }
        let json = serde_json::to_string_pretty(config)? + "\n";
        self.commit(&name, done, |folder| {
            write(folder, "config.json", json.as_bytes())?;
            for (network, bytes) in outcome.weights()? {
                write(folder, &format!("{network}.safetensors"), &bytes)?;
            }
            write(folder, "history.txt", outcome.history().to_string().as_bytes())?;
            if stopped {
                write(folder, "state.safetensors", &outcome.state()?.to_bytes()?)?;
            }
            outcome.draw(folder)
        })?;
        Ok(true)
    }

    /// `fill` が書いたフォルダを、`name` という名前で置きます。前にあったものは、そのとき入れ替わります。
    pub fn commit(
        &self,
        name: &str,
        steps: usize,
        fill: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        let place = self.dir.join(name);
        let cannot = || {
            format!(
                "{} に書き込めません。空き容量と書き込み権限を確かめてください",
                place.display()
            )
        };
        fs::create_dir_all(&self.dir).with_context(cannot)?;
        let _lock = lock(&self.dir, false);
        self.tidy();
        let part = self.dir.join(format!(".{name}{PART}"));
        let filled = fs::create_dir(&part).with_context(cannot).and_then(|()| {
            fill(&part)?;
            let manifest = Manifest { steps, files: fingerprints(&part).with_context(cannot)? };
            fs::write(part.join(MANIFEST), serde_json::to_vec_pretty(&manifest)?)
                .with_context(cannot)
        });
        if let Err(error) = filled {
            let _ = fs::remove_dir_all(&part);
            // 脇のフォルダの名前ではなく、読者の知っている名前で伝える。
            let kind =
                error.chain().find_map(|cause| Some(cause.downcast_ref::<io::Error>()?.kind()));
            return match kind {
                Some(kind) => Err(io::Error::from(kind)).with_context(cannot),
                None => Err(error),
            };
        }
        match inspect(&place) {
            Ok(None) if !place.exists() || fs::remove_dir(&place).is_ok() => {
                fs::rename(&part, &place).with_context(cannot)
            }
            Ok(Some(_)) if exchange(&part, &place, &self.aside(name)).is_ok() => {
                // 入れ替わった前の結果。消せなくても、次の実行が片付ける。
                let _ = fs::remove_dir_all(&part);
                Ok(())
            }
            // 学習の間に読者がファイルを置いた、ほかのプログラムがつかんでいる、など。どちらも失わない。
            _ => {
                let spare = (2..).map(|n| self.dir.join(format!("{name}-{n}")));
                let spare = spare.into_iter().find(|path| !path.exists()).expect("数に限りはない");
                fs::rename(&part, &spare).with_context(cannot)?;
                warn(format!(
                    "{} を置き換えられないので、新しい結果は {} に置きました。",
                    place.display(),
                    spare.display()
                ));
                Ok(())
            }
        }
    }

    /// 名前の入れ替えを一度にできない OS で、前の結果をよけておく名前。
    fn aside(&self, name: &str) -> PathBuf {
        self.dir.join(format!(".{name}{OLD}"))
    }

    /// 途中で消えた実行が残した、書きかけ (.workbook-part) と、よけたままの前の結果 (.workbook-old)。
    fn leftovers(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        let left = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with('.') && (name.ends_with(PART) || name.ends_with(OLD))
        };
        paths.filter(left).collect()
    }

    /// 書きかけを片付け、よけたままの結果を戻します。錠を持っているときに呼びます。
    fn tidy(&self) {
        for path in self.leftovers() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let place = self.dir.join(name.trim_start_matches('.').trim_end_matches(OLD));
            let _ = match name.ends_with(OLD) && !place.exists() {
                true => fs::rename(&path, &place),
                false => fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)),
            };
        }
    }

    /// `asked` と同じ種類の設定で学習した結果を開きます。無いときは、作るためのコマンドを伝えて失敗します。
    pub fn open<C: Settings>(&self, asked: &C) -> Result<Kept> {
        let folder = self.dir.join(asked.name());
        if !self.leftovers().is_empty() {
            let _lock = lock(&self.dir, false);
            self.tidy();
        }
        let lock = lock(&self.dir, true);
        // 権限が無くて見えないことと、無いことは違う。
        let found = folder.try_exists().with_context(|| {
            format!("{} を開けません。フォルダの権限を確かめてください", folder.display())
        })?;
        ensure!(
            found,
            "{} がありません。先に {} で学習してください",
            folder.display(),
            command(asked)
        );
        Ok(Kept { folder, _lock: lock })
    }

    /// `fill` が書いた 1 つのファイルを `name` という名前で置き、その場所を返します (生成した図など)。
    ///
    /// 同じ名前の、このプログラムが書いたものではないファイルがあれば、失敗します。
    pub fn publish(&self, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let path = self.dir.join(name);
        let _lock = lock(&self.dir, false);
        let ours = match fs::read(&path) {
            Ok(bytes) => bytes.windows(MARK.len()).any(|window| window == MARK),
            Err(error) => error.kind() == ErrorKind::NotFound,
        };
        ensure!(
            ours,
            "{} は、このプログラムが書いたものではないので、上書きしません。名前を変えるか、別の場所に移してください",
            path.display()
        );
        let part = self.dir.join(format!(".{name}{PART}"));
        let written = fill(&part).and_then(|()| {
            let marked = mark(fs::read(&part)?);
            fs::write(&part, marked)?;
            Ok(fs::rename(&part, &path)?)
        });
        if written.is_err() {
            let _ = fs::remove_file(&part);
        }
        written.with_context(|| {
            format!("{} に書き込めません。空き容量と書き込み権限を確かめてください", path.display())
        })?;
        Ok(path)
    }
}

/// 残してある 1 つの結果。開いている間、ほかの実行はこれを入れ替えません。
pub struct Kept {
    folder: PathBuf,
    _lock: Option<File>,
}

impl Kept {
    fn read(&self, file: &str) -> Result<(String, Vec<u8>)> {
        let path = self.folder.join(file);
        let bytes = fs::read(&path).with_context(|| match path.try_exists() {
            Ok(false) => format!("{} がありません。学習をやり直すと作り直されます", path.display()),
            _ => format!("{} を読めません。読み取りの権限を確かめてください", path.display()),
        })?;
        Ok((path.display().to_string(), bytes))
    }

    /// 学習したときの設定。
    pub fn config<C: Settings + DeserializeOwned>(&self) -> Result<C> {
        let (path, bytes) = self.read("config.json")?;
        let config: C = serde_json::from_slice(&bytes)
            .map_err(|_| anyhow!("{path} が壊れています。学習をやり直してください"))?;
        config.check().map_err(|error| {
            // 指定の名前 (--z-dim) を、ファイルの中の名前 (z_dim) に直して伝える。
            let text = error.to_string();
            let words = text.split_inclusive(' ').map(|word| match word.strip_prefix("--") {
                Some(flag) => flag.replace('-', "_"),
                None => word.to_string(),
            });
            anyhow!("{path} の値が使えません: {}", words.collect::<String>())
        })?;
        Ok(config)
    }

    /// ネットワーク `network` の重みを `variables` に読み込みます。
    pub fn weights(&self, network: &str, variables: &Variables) -> Result<()> {
        let (path, bytes) = self.bytes(network)?;
        variables.load(network, &bytes, path)
    }

    /// `name`.safetensors の場所と中身。
    pub fn bytes(&self, name: &str) -> Result<(String, Vec<u8>)> {
        self.read(&format!("{name}.safetensors"))
    }

    /// 途中で止めた学習のようす。
    pub fn state(&self) -> Result<State> {
        ensure!(
            self.folder.join("state.safetensors").exists(),
            "{} は途中で止めた学習ではないので、続けられません。--resume を外してください",
            self.folder.display()
        );
        let (path, bytes) = self.bytes("state")?;
        State::from_bytes(&bytes).map_err(|_| {
            anyhow!("{path} が壊れています。--resume を外して、学習をやり直してください")
        })
    }
}

/// 結果のフォルダに 1 つのファイルを書きます。
fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    crate::files::write(&folder.join(name), bytes)
}

/// 中のファイルの名前と、中身の指紋。
fn fingerprints(folder: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != MANIFEST {
            // フォルダは、このプログラムは作らない。
            let print = match entry.file_type()?.is_file() {
                true => format!("{:x}", Sha256::digest(fs::read(entry.path())?)),
                false => String::new(),
            };
            found.insert(name, print);
        }
    }
    Ok(found)
}

/// 前の結果の控え。無いか空のフォルダなら None、読者のファイルがあれば失敗します。
fn inspect(place: &Path) -> Result<Option<Manifest>> {
    let shown = place.display();
    let found = match fingerprints(place) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.with_context(|| {
            format!("{shown} を読めません。名前を変えるか、--out で別のフォルダを指定してください")
        })?,
    };
    let manifest = fs::read(place.join(MANIFEST)).ok();
    let manifest: Option<Manifest> = manifest.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if manifest.is_none() && found.is_empty() {
        return Ok(None);
    }
    let known = manifest.unwrap_or_default();
    if let Some((name, _)) =
        found.iter().find(|(name, print)| known.files.get(*name) != Some(print))
    {
        bail!(
            "{shown} に、このプログラムが書いたままではないファイル {name} があります。別の場所に移すか、--out で別のフォルダを指定してください"
        );
    }
    Ok(Some(known))
}

/// `new` と `place` を入れ替えます。一度にできない OS では、`place` を `aside` によけてから移します。
fn exchange(new: &Path, place: &Path, aside: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, new, CWD, place, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    fs::rename(place, aside)?;
    if let Err(error) = fs::rename(new, place) {
        fs::rename(aside, place)?;
        return Err(error);
    }
    fs::remove_dir_all(aside)
}

/// フォルダの錠。2 つの実行が、同じフォルダを同時に入れ替えないように。錠のない場所では None です。
fn lock(dir: &Path, shared: bool) -> Option<File> {
    // Unix ではフォルダそのものに錠をかけられる。ほかでは、空のファイルを使う。
    let file = match cfg!(unix) {
        true => File::open(dir),
        false => File::options().create(true).append(true).open(dir.join(".workbook.lock")),
    };
    let file = file.ok()?;
    loop {
        match if shared { file.lock_shared() } else { file.lock() } {
            Ok(()) => return Some(file),
            // Ctrl-C などの合図が届いた。保存は最後まで行う。
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

/// 画像に、このプログラムが書いた印を入れます。PNG では tEXt の塊、SVG では注釈です。
fn mark(mut bytes: Vec<u8>) -> Vec<u8> {
    const HEADER: usize = 33; // PNG の署名 8 バイトと IHDR 25 バイト
    if bytes.starts_with(b"\x89PNG") && bytes.len() > HEADER {
        let body = [b"tEXtSoftware\0", MARK].concat();
        let length = (body.len() as u32 - 4).to_be_bytes();
        let chunk = [&length, body.as_slice(), &crc32fast::hash(&body).to_be_bytes()].concat();
        bytes.splice(HEADER..HEADER, chunk);
    } else {
        bytes.extend([b"<!-- ", MARK, b" -->\n"].concat());
    }
    bytes
}
