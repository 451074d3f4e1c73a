//! 読者が自分で動かした結果 (`target/章/名前`) と、最後の `cargo test` の図 (`target/figures/章`)。
//!
//! `cargo run` のサーバーだけが見せる。「動かす」のページの終わりに、本の図と並べて置く (book/theme/runs.js)。

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use crate::markup::files::read_text;
use crate::site::links::decode;

/// 道の始まり。本のページの名前とは重ならない。
pub const PREFIX: &str = "/-/runs/";

/// 最後の `cargo test` の図の、実行の名前。
const TEST: &str = "cargo-test";

/// `path` (`/-/runs/…`) への答え: 種類と中身。無ければ `None`。
///
/// - `ch03-gan`: その章の実行の一覧 (JSON)
/// - `ch03-gan/ring/steps.svg`: 実行が描いた図
pub fn answer(root: &Path, path: &str) -> Option<(&'static str, Vec<u8>)> {
    let path = decode(path.strip_prefix(PREFIX)?);
    let parts: Vec<&str> = path.split('/').collect();
    // 章のフォルダの外は、決して見せない。
    let safe = |part: &&str| {
        !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '\0'])
    };
    if !parts.iter().all(safe) || !root.join("chapters").join(parts[0]).join("src").is_dir() {
        return None;
    }
    match parts[..] {
        [chapter] => {
            let figures = fs::read_dir(root.join("book/src/figures").join(chapter));
            let figures: Vec<String> = figures
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            let list = json!({ "figures": figures, "book": record(&root.join("book/src/figures").join(chapter)), "runs": runs(root, chapter) });
            Some(("application/json", list.to_string().into_bytes()))
        }
        [chapter, name, file] => {
            let kind = kind(file)?;
            let path = folder(root, chapter, name).join(file);
            let real = fs::canonicalize(path).ok()?;
            real.starts_with(fs::canonicalize(root.join("target")).ok()?).then_some(())?;
            Some((kind, fs::read(real).ok()?))
        }
        _ => None,
    }
}

fn kind(file: &str) -> Option<&'static str> {
    match file.rsplit_once('.')?.1 {
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}

fn folder(root: &Path, chapter: &str, name: &str) -> PathBuf {
    match name {
        TEST => root.join("target/figures").join(chapter),
        name => root.join("target").join(chapter).join(name),
    }
}

/// 新しい順の実行。
fn runs(root: &Path, chapter: &str) -> Vec<Value> {
    let own = fs::read_dir(root.join("target").join(chapter)).into_iter().flatten().flatten();
    let mut names: Vec<String> = own
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && name != TEST)
        .collect();
    names.push(TEST.to_owned());
    let mut found: Vec<(u64, Value)> =
        names.iter().filter_map(|name| run(&folder(root, chapter, name), name)).collect();
    found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    found.into_iter().map(|(_, run)| run).collect()
}

fn run(folder: &Path, name: &str) -> Option<(u64, Value)> {
    let mut files = Vec::new();
    let mut at = 0;
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let modified = entry.metadata().and_then(|data| data.modified()).ok();
        let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        at = at.max(modified.map_or(0, |time| time.as_millis() as u64));
        if kind(&file).is_some() {
            files.push(file);
        }
    }
    if files.is_empty() {
        return None;
    }
    files.sort();
    let config = read_text(&folder.join("config.json")).ok();
    let config: Option<Value> = config.and_then(|text| serde_json::from_str(&text).ok());
    Some((
        at,
        json!({ "name": name, "at": at, "files": files, "config": config, "record": record(folder) }),
    ))
}

/// 実行の記録 `run.json`。無いか、読めなければ null。
fn record(folder: &Path) -> Value {
    let text = read_text(&folder.join("run.json")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}
