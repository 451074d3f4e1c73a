//! 本を置くフォルダ。このプログラムが作ったのでないものは、決して消さない。
//!
//! 隣の仮のフォルダに本の全体を作り、できてから名前を替えて入れ替える。途中で止まっても、前の本が残る。
//! 作ったファイルの名前は一覧に残す。一覧に無いものがあるフォルダには、何も書かない。

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::markup::files::{read_text, reason, slashed};
use crate::site::terminal::tell;

/// 作ったファイルの一覧。フォルダの中に置く。
pub const LIST: &str = ".workbook-files";

/// OS が勝手に置くもの。消えても、だれも困らない。
const LITTER: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// 原稿とソース。この中には、空のフォルダであっても作らない。
const SOURCES: [&str; 3] = ["book", "chapters", "tests"];

/// 作りかけの本。[`Output::finish`] まで、出力先は前のまま変わらない。
pub struct Output {
    dest: PathBuf,
    making: PathBuf,
    _lock: File,
}

impl Output {
    /// `root` の本を `dest` に作る用意をする。ほかの組み立てが同じ所へ作っていれば、終わるのを待つ。
    pub fn open(root: &Path, dest: &Path) -> Result<Self> {
        let dest = resolve(dest)?;
        check(root, &dest)?;
        let name = dest.file_name().context("出力先のフォルダに名前がありません")?.to_os_string();
        let parent = dest.parent().context("出力先のフォルダの親がありません")?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(&name);
        hidden.push(".making");
        let making = parent.join(hidden);
        let lock = lock(&making)?;
        // 前に途中で止まった組み立ての残り。
        for left in ["book", "old"] {
            let left = making.join(left);
            if left.exists() {
                fs::remove_dir_all(&left).map_err(|error| unwritable(&left, &error))?;
            }
        }
        fs::create_dir(making.join("book")).map_err(|error| unwritable(&making, &error))?;
        Ok(Self { dest, making, _lock: lock })
    }

    /// 本を作るフォルダ。
    pub fn folder(&self) -> PathBuf {
        self.making.join("book")
    }

    /// できた本を出力先に置く。
    pub fn finish(self) -> Result<()> {
        let made = self.folder();
        let mut names = Vec::new();
        walk(&made, &mut |path| names.push(slashed(path.strip_prefix(&made).unwrap_or(path))));
        names.sort();
        let list = made.join(LIST);
        fs::write(&list, names.join("\n") + "\n").map_err(|error| unwritable(&list, &error))?;
        let old = self.making.join("old");
        let swap = |from: &Path, to: &Path| {
            fs::rename(from, to).map_err(|error| {
                anyhow!(
                    "できた本を {} に置けません: {}。そのフォルダを開いているプログラムを閉じて、もう一度実行してください",
                    self.dest.display(),
                    reason(&error)
                )
            })
        };
        let before = self.dest.exists();
        if before {
            swap(&self.dest, &old)?;
        }
        if let Err(error) = swap(&made, &self.dest) {
            if before {
                let _ = fs::rename(&old, &self.dest);
            }
            return Err(error);
        }
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // 錠をかけたまま片付ける。先に外すと、待っていた組み立ての作りかけを消してしまう。
        let _ = fs::remove_dir_all(&self.making);
    }
}

fn unwritable(path: &Path, error: &io::Error) -> anyhow::Error {
    anyhow!(
        "{} に書き込めません: {}。空き容量と書き込みの許可を確かめてください",
        path.display(),
        reason(error)
    )
}

/// 仮のフォルダを作り、ほかの組み立てを待たせる錠をかける。
fn lock(making: &Path) -> Result<File> {
    let path = making.join("lock");
    let own = ["book", "old", "lock"];
    let others: Vec<String> =
        names(making).into_iter().filter(|name| !own.contains(&name.as_str())).collect();
    ensure!(
        others.is_empty(),
        "本を作る仮のフォルダ {} に、このプログラムが作っていないものがあります: {}。ほかへ移してください",
        making.display(),
        list(&others)
    );
    let mut tries = 0;
    loop {
        tries += 1;
        fs::create_dir_all(making).map_err(|error| unwritable(making, &error))?;
        let file = match File::create(&path) {
            // 終わった組み立てが、今ちょうどフォルダごと片付けた。
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 100 => continue,
            file => file.map_err(|error| unwritable(&path, &error))?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                tell("ほかの組み立てが終わるのを待っています。");
                file.lock().map_err(|error| unwritable(&path, &error))?;
            }
            // 錠の無いファイルシステムでは、待たずに進む。
            Err(TryLockError::Error(_)) => return Ok(file),
        }
        // 待っている間に片付けられた錠は、だれも守らない。
        if is_at(&file, &path) {
            return Ok(file);
        }
    }
}

/// `file` が、今も `path` にあるファイルか。
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(path)) => (file.dev(), file.ino()) == (path.dev(), path.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// `..` とリンクをたどった、本当の場所。まだ無いフォルダでもよい。
fn resolve(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path)
        .map_err(|error| anyhow!("出力先の場所が分かりません: {}", reason(&error)))?;
    let mut real = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                real.pop();
            }
            part => real.push(part),
        }
        if let Ok(found) = fs::canonicalize(&real) {
            real = plain(found);
        }
    }
    Ok(real)
}

/// Windows の `\\?\C:\…` を、ふつうの書き方に戻す。
fn plain(path: PathBuf) -> PathBuf {
    match path.to_str().and_then(|text| text.strip_prefix(r"\\?\")) {
        Some(rest) if rest.as_bytes().get(1) == Some(&b':') => PathBuf::from(rest),
        _ => path,
    }
}

/// 作ってよい所か。だめなら、失われるものの名前を知らせる。
fn check(root: &Path, dest: &Path) -> Result<()> {
    let root = resolve(root)?;
    let shown = dest.display();
    if root.starts_with(dest) {
        bail!(
            "出力先 {shown} は、本のソースのあるフォルダを含んでいます。本を置くと {} が失われるので、何も書きませんでした。book.toml の build-dir を target/book のような別のフォルダにしてください",
            list(&names(dest))
        );
    }
    if let Some(first) = dest.strip_prefix(&root).ok().and_then(|inside| inside.iter().next()) {
        let first = first.to_string_lossy().to_lowercase();
        let kind = if first == "book" { "原稿" } else { "ソース" };
        ensure!(
            !SOURCES.contains(&first.as_str()) && !first.starts_with('.'),
            "出力先 {shown} は{kind}のフォルダの中です。target の中などにしてください"
        );
    }
    if !dest.exists() {
        return Ok(());
    }
    ensure!(
        dest.is_dir(),
        "出力先 {shown} はファイルです。book.toml の build-dir をフォルダの名前にしてください"
    );
    let strangers = strangers(&root, dest);
    ensure!(
        strangers.is_empty(),
        "出力先 {shown} に、このプログラムが作っていないものがあります: {}。失われないように、何も書きませんでした。ほかへ移すか、book.toml の build-dir を空のフォルダにしてください",
        list(&strangers)
    );
    Ok(())
}

/// 出力先にある、このプログラムが作ったのではないもの。
fn strangers(root: &Path, dest: &Path) -> Vec<String> {
    let Ok(made) = read_text(&dest.join(LIST)) else {
        // 一覧を残さない以前の版か stock の mdbook が target の中に作った本は、そのまま作り直す。
        let book = [".nojekyll", "404.html", "index.html", "toc.html"];
        let old = dest.starts_with(root.join("target"))
            && book.iter().all(|name| dest.join(name).is_file());
        return if old { Vec::new() } else { names(dest) };
    };
    let made: HashSet<&str> = made.lines().collect();
    let mut found = Vec::new();
    walk(dest, &mut |path| {
        let name = slashed(path.strip_prefix(dest).unwrap_or(path));
        if name != LIST && !made.contains(name.as_str()) && !is_litter(path) {
            found.push(name);
        }
    });
    found.sort();
    found
}

fn is_litter(path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| LITTER.contains(&name))
}

/// フォルダの中の名前。
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path()).filter(|path| !is_litter(path));
    let mut names: Vec<String> =
        paths.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}

/// 「a、b、c ほか 5 個」。
fn list(names: &[String]) -> String {
    let shown = names[..names.len().min(3)].join("、");
    match names.len() {
        0..=3 => shown,
        count => format!("{shown} ほか {} 個", count - 3),
    }
}

/// フォルダの中のファイルのすべて。リンクは、たどらずにファイルと数える。
fn walk(folder: &Path, found: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), found),
            _ => found(&entry.path()),
        }
    }
}

/// `folder` の中のファイルの道を、`/` で区切って名前の順に。
pub fn files(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    walk(folder, &mut |path| names.push(slashed(path.strip_prefix(folder).unwrap_or(path))));
    names.sort();
    names
}
