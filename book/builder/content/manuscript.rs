//! TOML の原稿を読む。誤りは「ファイル:行」と理由で知らせる。

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde::de::DeserializeOwned;

use crate::markup::files::read_text;

/// `root` から見た道 `file` の TOML を読む。`form` は、形式が合わないときに知らせる、原稿の種類。
pub fn read<T: DeserializeOwned>(root: &Path, file: &str, form: &str) -> Result<T> {
    read_with_lines(root, file, form, "").map(|(value, _)| value)
}

/// [`read`] と同じだが、`[[table]]` の行の番号も、書かれた順に返す。
pub fn read_with_lines<T: DeserializeOwned>(
    root: &Path,
    file: &str,
    form: &str,
    table: &str,
) -> Result<(T, Vec<usize>)> {
    let text = read_text(&root.join(file)).with_context(|| format!("{file} を読めません"))?;
    let value = toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(text.len(), |span| span.start.min(text.len()));
        let line = 1 + text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
        let shown = text.lines().nth(line - 1).unwrap_or_default().trim();
        anyhow!(
            "{file}:{line}: {form}の形式に合いません。{}。この行を直してください: {shown}",
            reason(error.message())
        )
    })?;
    let head = format!("[[{table}]]");
    let numbered = (1..).zip(text.lines());
    let lines = numbered.filter(|(_, line)| line.trim_start().starts_with(&head));
    Ok((value, lines.map(|(number, _)| number).collect()))
}

/// TOML を読む道具の英語の知らせを、日本語にする。
fn reason(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let first = names.first().copied().unwrap_or_default();
    if message.starts_with("missing field") {
        format!("{first} がありません")
    } else if message.starts_with("unknown field") {
        match &names[1..] {
            [] => format!("{first} という欄はありません"),
            known => format!("{first} という欄はありません。使えるのは {} です", known.join("、")),
        }
    } else if message.starts_with("duplicate key") {
        "同じ欄が 2 度書かれています".to_owned()
    } else if message.starts_with("invalid type") {
        let wanted = [
            ("expected a string", "文字 (\"…\")"),
            ("expected a boolean", "true か false"),
            ("expected a sequence", "並び ([…])"),
            ("expected a map", "表"),
            ("expected struct", "表"),
        ];
        match wanted.iter().find(|(english, _)| message.contains(english)) {
            Some((_, kind)) => format!("値の種類が違います。{kind} を書いてください"),
            None => "値の種類が違います".to_owned(),
        }
    } else {
        "TOML の書き方が正しくありません。引用符やかっこが閉じているか、= があるかを確かめてください"
            .to_owned()
    }
}
