//! 検索の索引を軽くする。
//!
//! mdBook の索引は、全文と、空白で区切った語の表を持つ。book/theme/search.js は全文だけを使い、
//! 日本語では役に立たない語の表は要らない。残った全文も、よく出る並びを縮めて書く。
//! stock の `mdbook build` では、どちらもしないだけである。

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

const HEAD: &str = "JSON.parse('";
const TAIL: &str = "')";

/// `dest` の索引から、使わない表を除く。検索を作らない本では何もしない。
pub fn shrink(dest: &Path) -> Result<()> {
    for entry in fs::read_dir(dest)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if !name.starts_with("searchindex") || !name.ends_with(".js") {
            continue;
        }
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} を読めません", path.display()))?;
        let text = shrunk(&text)
            .with_context(|| format!("{} が mdBook の索引の形ではありません", path.display()))?;
        fs::write(&path, text).with_context(|| format!("{} を書けません", path.display()))?;
    }
    Ok(())
}

fn shrunk(text: &str) -> Result<String> {
    let start = text.find(HEAD).context("JSON.parse がありません")? + HEAD.len();
    let end = text.rfind(TAIL).context("JSON.parse が閉じていません")?;
    let mut json: Value = serde_json::from_str(&unquote(&text[start..end]))?;
    json["index"]["index"] = json!({});
    json["index"]["documentStore"]["docInfo"] = json!({});
    let quoted = json.to_string().replace('\\', "\\\\").replace('\'', "\\'");
    Ok(format!("{}{}{}", &text[..start - 1], pack(&quoted), &text[end + 1..]))
}

/// 置き換えに使う文字。キリル文字からヘブライ文字・アラビア文字までで、この本には出てこない。
const CODES: std::ops::Range<u32> = 0x400..0x800;

/// JS の文字列 `text` を、よく出る 3 文字を 1 文字に置き換えて書く。読むときに元に戻す式も付ける。
///
/// 日本語の 3 文字は 9 バイト、置き換えた文字は 2 バイトなので、索引はおよそ 3 分の 2 になる。
fn pack(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.iter().any(|c| CODES.contains(&u32::from(*c))) {
        return format!("'{text}'");
    }
    let mut counts: HashMap<[char; 3], usize> = HashMap::new();
    for gram in chars.array_windows::<3>().filter(|gram| !gram.iter().any(char::is_ascii)) {
        *counts.entry(*gram).or_default() += 1;
    }
    let mut grams: Vec<_> = counts.into_iter().collect();
    grams.sort_unstable_by_key(|(gram, count)| (Reverse(*count), *gram));
    grams.truncate(CODES.len());
    let table: String = grams.iter().flat_map(|(gram, _)| gram).collect();
    let codes: HashMap<[char; 3], char> =
        grams.iter().map(|(gram, _)| *gram).zip(CODES.filter_map(char::from_u32)).collect();
    let mut packed = String::with_capacity(text.len());
    let mut rest = &chars[..];
    while let Some(first) = rest.first() {
        let code = rest.first_chunk().and_then(|gram| codes.get(gram));
        packed.push(*code.unwrap_or(first));
        rest = &rest[if code.is_some() { 3 } else { 1 }..];
    }
    format!(
        "'{packed}'.replace(/[\\u0400-\\u07ff]/g, c => '{table}'.substr((c.charCodeAt(0) - 1024) * 3, 3))"
    )
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
