//! 検索の索引を軽くする。
//!
//! mdBook の索引は、全文と、空白で区切った語の表を持つ。book/theme/search.js は全文だけを使い、
//! 日本語では役に立たない語の表は要らない。stock の `mdbook build` では、表が残るだけである。

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

const HEAD: &str = "JSON.parse('";
const TAIL: &str = "')";

/// `dest` の索引から、使わない表を除く。検索を作らない本では何もしない。
pub fn shrink_index(dest: &Path) -> Result<()> {
    for entry in fs::read_dir(dest)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if !name.starts_with("searchindex") || !name.ends_with(".js") {
            continue;
        }
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} を読めません", path.display()))?;
        let shrunk = shrink(&text)
            .with_context(|| format!("{} が mdBook の索引の形ではありません", path.display()))?;
        fs::write(&path, shrunk).with_context(|| format!("{} を書けません", path.display()))?;
    }
    Ok(())
}

fn shrink(text: &str) -> Result<String> {
    let start = text.find(HEAD).context("JSON.parse がありません")? + HEAD.len();
    let end = text.rfind(TAIL).context("JSON.parse が閉じていません")?;
    let mut json: Value = serde_json::from_str(&unquote(&text[start..end]))?;
    json["index"]["index"] = json!({});
    json["index"]["documentStore"]["docInfo"] = json!({});
    let quoted = json.to_string().replace('\\', "\\\\").replace('\'', "\\'");
    Ok(format!("{}{quoted}{}", &text[..start], &text[end..]))
}

/// JS の一重引用符の文字列を元に戻す。mdBook が逃がすのは `\` と `'` だけである。
fn unquote(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}
