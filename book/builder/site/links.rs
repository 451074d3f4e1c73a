//! できた本の中のリンクが、どれも本の中に行き先を持つことを確かめる。

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::Regex;

use crate::markup::files::{read_text, slashed};

static TAG: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"<[a-zA-Z][^<>]*>"#).expect("正しい正規表現"));
static ATTRIBUTE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\s(href|src|id)\s*=\s*"([^"]*)""#).expect("正しい正規表現"));
static SCRIPT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)<script\b[^>]*>.*?</script>|<!--.*?-->").expect("正しい正規表現")
});

/// 印刷用のページには全ページが並び、リンクの意味が変わる。見つからないページは、どこからでも開かれる。
const SKIPPED: [&str; 2] = ["print.html", "404.html"];

#[derive(Default)]
struct Page {
    ids: HashSet<String>,
    links: Vec<String>,
}

/// 切れたリンクを、原稿の場所を添えて返す。`src` は `root` から見た原稿のフォルダ。
pub fn broken(folder: &Path, root: &Path, src: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    list(folder, folder, &mut files)?;
    let mut pages: HashMap<&str, Page> = HashMap::new();
    for name in files.iter().filter(|name| name.ends_with(".html")) {
        let html = read_text(&folder.join(name)).with_context(|| format!("{name} を読めません"))?;
        pages.insert(name, read(&SCRIPT.replace_all(&html, "")));
    }
    let known: HashSet<&str> = files.iter().map(String::as_str).collect();
    let mut problems = Vec::new();
    // 表紙の原稿が無い本の index.html は、初めのページの写しである。
    let cover = ["README.md", "index.md"].iter().any(|name| root.join(src).join(name).is_file());
    let checked = |name: &str| !SKIPPED.contains(&name) && (cover || name != "index.html");
    for name in files.iter().filter(|name| checked(name)) {
        let Some(page) = pages.get(name.as_str()) else { continue };
        for link in &page.links {
            let Some((target, fragment)) = target(name, link) else { continue };
            let reason = if !known.contains(target.as_str()) {
                "先のページかファイルが、本にありません"
            } else if !fragment.is_empty()
                && pages.get(target.as_str()).is_some_and(|page| !page.ids.contains(&fragment))
            {
                "先の見出し (# の後の名前) が、そのページにありません"
            } else {
                continue;
            };
            let problem = format!("{}: リンク「{link}」の{reason}。", place(name, link, root, src));
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    Ok(problems)
}

fn list(top: &Path, folder: &Path, found: &mut Vec<String>) -> Result<()> {
    let unreadable = || format!("{} を開けません", folder.display());
    let mut entries =
        fs::read_dir(folder).with_context(unreadable)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        match path.is_dir() {
            true => list(top, &path, found)?,
            false => found.push(slashed(path.strip_prefix(top).unwrap_or(&path))),
        }
    }
    Ok(())
}

fn read(html: &str) -> Page {
    let mut page = Page::default();
    for tag in TAG.find_iter(html) {
        for found in ATTRIBUTE.captures_iter(tag.as_str()) {
            let value = unescape(&found[2]);
            match &found[1] {
                "id" => {
                    page.ids.insert(value);
                }
                // 図の中の部品どうしの参照は、描き方の一部である。
                _ if tag.as_str().starts_with("<use") => {}
                _ => page.links.push(value),
            }
        }
    }
    page
}

/// リンクの先のファイルと、# の後の名前。本の外へのリンクなら `None`。
fn target(page: &str, link: &str) -> Option<(String, String)> {
    let scheme = link.split(['/', '?', '#']).next().is_some_and(|head| head.contains(':'));
    if scheme || link.starts_with("//") || link.is_empty() {
        return None;
    }
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let path = decode(path.split('?').next().unwrap_or_default());
    let mut parts: Vec<&str> = page.split('/').collect();
    if !path.is_empty() {
        parts.pop();
        for part in path.split('/') {
            match part {
                "." => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
    }
    let mut target = parts.join("/");
    if target.is_empty() || target.ends_with('/') {
        target.push_str("index.html");
    }
    Some((target, decode(fragment)))
}

fn unescape(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// `%E3…` を元の文字に戻す。
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (bytes[at], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// そのリンクを書いた原稿の「ファイル:行」。行が分からなければファイルだけ。
fn place(page: &str, link: &str, root: &Path, src: &Path) -> String {
    let stem = page.strip_suffix(".html").unwrap_or(page);
    let readme = stem.strip_suffix("index").map(|folder| format!("{folder}README.md"));
    let names = [Some(format!("{stem}.md")), readme];
    for file in names.into_iter().flatten().map(|name| src.join(name)) {
        let Ok(text) = read_text(&root.join(&file)) else { continue };
        let written = [
            link.to_owned(),
            link.replace(".html", ".md"),
            link.replace("index.html", "README.md"),
        ];
        let line = text.lines().position(|line| written.iter().any(|link| line.contains(link)));
        return match line {
            Some(line) => format!("{}:{}", slashed(&file), line + 1),
            None => slashed(&file),
        };
    }
    page.to_owned()
}
