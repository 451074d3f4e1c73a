//! `{{#include …}}` を取り込み、ファイルと目印 (ANCHOR) が本当にあるかを確かめる。
//!
//! mdBook の `links` も取り込みをするが、目印が無ければ空のまま、ファイルが無ければ
//! ログを出すだけでビルドを続ける。この本では誤りにする。ここで取り込んでおけば、
//! 取り込んだ Markdown の中の数式や図も、ページの本文と同じように直せる。

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow, bail, ensure};
use regex::Regex;

use crate::markup::files::{normalize, read_text, slashed};
use crate::markup::source::Source;

static INCLUDE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(\\?)\{\{\s*#(\w+)\s+([^}\s]+)[^}]*\}\}").expect("正しい正規表現")
});

/// 取り込みの中の取り込みは、この深さまで。
const MAX_DEPTH: usize = 8;

/// `text` の取り込みをすべて済ませた原稿を返す。`file` は `root` から見た道。
pub fn expand(root: &Path, file: &Path, text: &str, problems: &mut Vec<String>) -> Source {
    let page = Included { file: file.to_path_buf(), text: normalize(text), first_line: 1 };
    expand_part(root, page, 0, problems)
}

fn expand_part(root: &Path, part: Included, depth: usize, problems: &mut Vec<String>) -> Source {
    let Included { file, text, first_line } = part;
    let mut source = Source::new(&slashed(&file), first_line, &text);
    let mut inserts = Vec::new();
    for found in INCLUDE.captures_iter(&text) {
        let range = found.get(0).expect("全体").range();
        // `\{{#include …}}` は書き方の説明。mdBook が `\` を外して見せる。
        if !found[1].is_empty() || &found[2] == "title" {
            continue;
        }
        let result = if &found[2] == "include" {
            read(root, &file, &found[3])
        } else {
            Err(anyhow!("#{} は使えません。コードは #include で取り込んでください", &found[2]))
        };
        match result {
            Ok(included) if depth < MAX_DEPTH => {
                inserts.push((range, expand_part(root, included, depth + 1, problems)));
            }
            Ok(_) => problems.push(format!(
                "{}: 取り込みが {MAX_DEPTH} 段より深くなっています。輪になっていないか確かめてください。",
                source.place(range.start)
            )),
            Err(error) => problems.push(format!("{}: {error:#}。", source.place(range.start))),
        }
    }
    for (at, _) in text.match_indices("{{#") {
        let known = INCLUDE.find_iter(&text).any(|found| found.range().contains(&at));
        if !known && !text[..at].ends_with('\\') {
            problems.push(format!(
                "{}: {{{{#…}}}} が閉じていないか、取り込むファイルの名前がありません。",
                source.place(at)
            ));
        }
    }
    source.insert(inserts);
    source
}

/// 取り込む部分 (またはページの全体)。
struct Included {
    file: PathBuf,
    text: String,
    /// 取り込んだ部分が、元のファイルの何行目から始まるか。
    first_line: usize,
}

/// `道:目印` または `道` の部分を読む。
fn read(root: &Path, from: &Path, target: &str) -> Result<Included> {
    let (path, anchor) = match target.split_once(':') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (target, None),
    };
    let file = fold(&from.parent().unwrap_or(Path::new("")).join(path));
    let shown = slashed(&file);
    let text = read_text(&root.join(&file))
        .with_context(|| format!("取り込むファイル {shown} を読めません"))?;
    let (first_line, part) = match anchor {
        Some(anchor) => anchored(&text, anchor)
            .with_context(|| format!("{shown} に // ANCHOR: {anchor} がありません"))?,
        None => (1, text.trim_end().to_string()),
    };
    ensure!(
        !part.trim().is_empty(),
        "{shown} の取り込む部分{}が空です",
        anchor.map_or(String::new(), |anchor| format!(" ({anchor}) "))
    );
    if let Some(anchor) = anchor
        && !text.lines().any(|line| marker(line, "ANCHOR_END:") == Some(anchor))
    {
        bail!("{shown} の ANCHOR: {anchor} に、閉じる ANCHOR_END: {anchor} がありません");
    }
    Ok(Included { file, text: part, first_line })
}

/// 目印の間の行。ほかの目印の行は除く (mdBook と同じ)。
fn anchored(text: &str, anchor: &str) -> Option<(usize, String)> {
    let start = text.lines().position(|line| marker(line, "ANCHOR:") == Some(anchor))?;
    let part: Vec<&str> = text
        .lines()
        .skip(start + 1)
        .take_while(|line| marker(line, "ANCHOR_END:") != Some(anchor))
        .filter(|line| marker(line, "ANCHOR:").is_none() && marker(line, "ANCHOR_END:").is_none())
        .collect();
    Some((start + 2, part.join("\n")))
}

/// 行が目印なら、その名前。
fn marker<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    let after = line.split_once(kind)?.1.trim_start();
    let end =
        after.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(after.len());
    Some(&after[..end])
}

/// `..` をたたんだ道。誤りの知らせに、読める形で出すため。
fn fold(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        if part.as_os_str() == ".." && out.file_name().is_some() {
            out.pop();
        } else {
            out.push(part);
        }
    }
    out
}
