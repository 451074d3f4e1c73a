//! 検索の索引を軽くする。
//!
//! mdBook の索引は、全文と、空白で区切った語の表を持つ。book/theme/search.js は全文だけを使い、
//! 日本語では役に立たない語の表は要らない。残った全文も、よく出る並びを縮めて書く。
//! stock の `mdbook build` では、どちらもしないだけである。

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
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

/// 置き換えに使う文字の候補。UTF-8 で 2 バイトになる。文の中に出てくる文字は使わない。
const CODES: std::ops::Range<u32> = 0x80..0x800;
/// 1 文字に置き換える語の、いちばん長い文字数。
const LONGEST: usize = 4;

/// JS の文字列 `text` を、よく出る語を 1 文字に置き換えて書く。読むときに元に戻す式も付ける。
///
/// 日本語は 1 文字が 3 バイト、置き換えた文字は 2 バイトなので、索引はおよそ 6 割になる。
fn pack(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let used: HashSet<char> = chars.iter().copied().collect();
    let free = |c: &char| !used.contains(c) && !c.is_control() && *c != '\u{ad}';
    let codes: Vec<char> = CODES.filter_map(char::from_u32).filter(free).collect();

    let mut counts: HashMap<&[char], usize> = HashMap::new();
    for run in chars.split(char::is_ascii) {
        for length in 2..=LONGEST {
            for word in run.windows(length) {
                *counts.entry(word).or_default() += 1;
            }
        }
    }
    // 長い語に入っている短い語は、残りが少ない。多めに選んで 1 度使ってみて、本当に使ったものだけを残す。
    let many = best(counts, codes.len() * 3);
    let mut counts: HashMap<&[char], usize> = HashMap::new();
    for (word, known) in split(&chars, &many) {
        if known {
            *counts.entry(word).or_default() += 1;
        }
    }
    let words = best(counts, codes.len());

    let code_of: HashMap<&[char], char> =
        words.iter().copied().zip(codes.iter().copied()).collect();
    let mut packed = String::with_capacity(text.len());
    for (word, _) in split(&chars, &words) {
        match code_of.get(word) {
            Some(code) => packed.push(*code),
            None => packed.extend(word),
        }
    }
    let table: Vec<String> = codes
        .iter()
        .zip(&words)
        .map(|(code, word)| std::iter::once(code).chain(word.iter()).collect())
        .collect();
    format!(
        "(words => '{packed}'.replace(/[\\u0080-\\u07ff]/g, c => words.get(c) ?? c))(new Map('{}'.split(' ').map(w => [w[0], w.slice(1)])))",
        table.join(" ")
    )
}

/// 置き換えて縮む量の多い順に `count` 語。
fn best(counts: HashMap<&[char], usize>, count: usize) -> Vec<&[char]> {
    let saved = |word: &[char], times: usize| {
        times * (word.iter().map(|c| c.len_utf8()).sum::<usize>() - 2)
    };
    let mut words: Vec<_> = counts.into_iter().filter(|(_, times)| *times > 3).collect();
    words.sort_unstable_by_key(|(word, times)| (Reverse(saved(word, *times)), *word));
    words.truncate(count);
    words.into_iter().map(|(word, _)| word).collect()
}

/// 前から順に、`words` のうちいちばん長い語か、1 文字に分ける。
fn split<'a>(chars: &'a [char], words: &[&[char]]) -> Vec<(&'a [char], bool)> {
    let words: HashSet<&[char]> = words.iter().copied().collect();
    let mut parts = Vec::new();
    let mut rest = chars;
    while !rest.is_empty() {
        let found = match rest[0].is_ascii() {
            true => None,
            false => {
                (2..=LONGEST.min(rest.len())).rev().find(|length| words.contains(&rest[..*length]))
            }
        };
        let (part, after) = rest.split_at(found.unwrap_or(1));
        parts.push((part, found.is_some()));
        rest = after;
    }
    parts
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
