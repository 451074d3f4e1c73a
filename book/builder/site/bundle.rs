//! 全ページの JS を 1 本に、CSS を 1 枚にまとめる。
//!
//! mdBook は、ページごとに 14 を超える JS と 12 の CSS を読ませる。まとめると要求が減り、JS は画面を描くのを待たせない。
//! 試験の机のように、問題集を読むものだけは別のファイルのままにする。

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::Regex;

use crate::markup::files::read_text;
use crate::site::output::files;

static SCRIPT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"[ \t]*<script src="((?:\.\./)*)([^"]+)"></script>\n?"#).expect("正しい正規表現")
});
static STYLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"[ \t]*<link rel="stylesheet"( id="[^"]*")? href="((?:\.\./)*)([^"]+)"( media="print")?>\n?"#)
        .expect("正しい正規表現")
});

/// 配色ごとに読み替えていた、コードの色の CSS と、それを使う配色。
const HIGHLIGHTS: [(&str, &str); 3] = [
    ("mdbook-highlight-css", ".light, .rust, html:not(.js)"),
    ("mdbook-tomorrow-night-css", ".coal, .navy"),
    ("mdbook-ayu-highlight-css", ".ayu"),
];

/// `dest` の JS と CSS をまとめ、元のファイルを除く。`head` は、JS の初めに置くもの。
pub fn bundle(dest: &Path, head: &str) -> Result<()> {
    let pages: Vec<String> =
        files(dest).into_iter().filter(|name| name.ends_with(".html")).collect();
    let Some(first) = pages.iter().find(|name| !["404.html", "toc.html"].contains(&name.as_str()))
    else {
        return Ok(());
    };
    let html = read(dest, first)?;
    let mut used = Vec::new();
    let mut script = head.to_owned();
    for found in SCRIPT.captures_iter(&html) {
        let name = &found[2];
        // 前のファイルの終わりの式と、次のファイルの初めの括弧がつながらないように区切る。
        let text = read(dest, name)?;
        let text = if name.starts_with("highlight-") { few_languages(&text) } else { text };
        script.push_str(&format!("{text}\n;\n"));
        used.push(name.to_owned());
    }
    let mut style = String::new();
    for found in STYLE.captures_iter(&html) {
        let name = &found[3];
        let text = read(dest, name)?;
        let id = found.get(1).map_or("", |id| id.as_str());
        let scope = HIGHLIGHTS.iter().find(|(known, _)| id.contains(known));
        let text = match (scope, found.get(4)) {
            (Some((_, scope)), _) => format!(":where({scope}) {{\n{text}\n}}\n"),
            (_, Some(_)) => format!("@media print {{\n{text}\n}}\n"),
            _ => text.replace("url(\"../", "url(\"").replace("url('../", "url('"),
        };
        style.push_str(&text);
        style.push('\n');
        used.push(name.to_owned());
    }
    let script_name = format!("workbook-{}.js", digest(&script));
    let style_name = format!("workbook-{}.css", digest(&style));
    write(dest, &script_name, &script)?;
    write(dest, &style_name, &style)?;
    for name in &pages {
        let html = read(dest, name)?;
        let Some(up) = STYLE.captures(&html).map(|found| found[2].to_owned()) else { continue };
        let mut head = format!("        <link rel=\"stylesheet\" href=\"{up}{style_name}\">\n");
        if SCRIPT.is_match(&html) {
            head.push_str(&format!("        <script defer src=\"{up}{script_name}\"></script>\n"));
        }
        let mut placed = false;
        let html = STYLE.replace_all(&html, |_: &regex::Captures<'_>| {
            if std::mem::replace(&mut placed, true) { String::new() } else { head.clone() }
        });
        let html = SCRIPT.replace_all(&html, "");
        write(dest, name, &html)?;
    }
    for name in used {
        let path = dest.join(&name);
        // 同じ名前が 2 度書かれていても困らない。
        if path.exists() {
            fs::remove_file(&path).with_context(|| format!("{} を消せません", path.display()))?;
        }
    }
    Ok(())
}

/// コードの色分けの、この本に出てくる言語。
const LANGUAGES: [&str; 7] = ["bash", "diff", "ini", "json", "plaintext", "python", "rust"];

/// 色分けの道具から、使わない言語を除く。48 の言語のうち 7 つだけを使い、重さは 3 分の 1 になる。
fn few_languages(text: &str) -> String {
    let head = "hljs.registerLanguage(\"";
    let mut parts = text.split(head);
    let core = parts.next().unwrap_or_default().to_owned();
    let wanted = |part: &&str| LANGUAGES.iter().any(|name| part.starts_with(&format!("{name}\"")));
    parts.filter(wanted).fold(core, |kept, part| kept + head + part)
}

fn read(dest: &Path, name: &str) -> Result<String> {
    let path = dest.join(name);
    read_text(&path).with_context(|| format!("{} を読めません", path.display()))
}

fn write(dest: &Path, name: &str, text: &str) -> Result<()> {
    let path = dest.join(name);
    fs::write(&path, text).with_context(|| format!("{} を書けません", path.display()))
}

/// 中身から決まる 8 文字の名前 (FNV-1a)。中身が変われば名前も変わり、古い控えは使われない。
pub fn digest(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}
