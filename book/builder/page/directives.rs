//! 原稿の `{{run …}}`、`{{test …}}`、`{{quiz …}}` を中身に替える。

use std::ops::Range;
use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow, bail};
use regex::Regex;
use serde_json::Value;

use crate::content;
use crate::markup::files::{read_text, slashed};
use crate::markup::html::one_line;
use crate::markup::parser::code_ranges;
use crate::markup::placeholders::Placeholders;
use crate::markup::source::{Edit, Source};
use crate::page::context::Page;
use crate::page::test_badge::{badge, badge_once};
use crate::page::{errata, glossary, points, question, syllabus, tests};

static DIRECTIVE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{\s*([a-z]+)(?:\s+([^}]*))?\}\}").expect("正しい正規表現"));

pub fn expand(
    source: &mut Source,
    code: &[Range<usize>],
    page: &Page<'_>,
    placeholders: &mut Placeholders,
    problems: &mut Vec<String>,
) {
    let mut edits: Vec<Edit> = Vec::new();
    let mut seen = Vec::new();
    for found in DIRECTIVE.captures_iter(&source.text) {
        let range = found.get(0).expect("全体").range();
        if code.iter().any(|code| code.contains(&range.start)) {
            continue;
        }
        let arguments = found.get(2).map_or("", |arguments| arguments.as_str());
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let result = match (&found[1], arguments.as_slice()) {
            ("run", [chapter, key]) => run_value(page, chapter, key),
            ("test", [name]) => badge_once(page, name, &mut seen, placeholders),
            ("glossary", []) => Ok(glossary::render(page.glossary, page.sections)),
            ("errata", []) => content::errata::load(page.root).and_then(|manuscript| {
                errata::render(&manuscript, page.sections, &mut |name| {
                    badge(page, name, placeholders)
                })
            }),
            ("points", []) => content::points::load(page.root).and_then(|manuscript| {
                let syllabus = content::syllabus::load(page.root)?;
                points::render(&manuscript, page.bank, &syllabus, page.sections)
            }),
            ("syllabus", []) => content::syllabus::load(page.root).and_then(|manuscript| {
                syllabus::render(
                    &manuscript,
                    page.bank,
                    page.glossary,
                    page.sections,
                    &mut |name| badge(page, name, placeholders),
                )
            }),
            ("tests", []) => tests::render(page, placeholders),
            ("quiz", [_]) if !stands_alone(&source.text, &range) => {
                Err(anyhow!("{{{{quiz …}}}} は 1 行に単独で、前後を空けて書いてください"))
            }
            ("quiz", [chapter]) => question::render_chapter(page.bank, chapter)
                .map(|html| placeholders.add(one_line(&html), String::new())),
            _ => Err(anyhow!(
                "「{}」という書き方はありません。{{{{run 章 キー}}}}、{{{{test 章::claims::名前}}}}、{{{{quiz 章}}}}、{{{{glossary}}}}、{{{{errata}}}}、{{{{points}}}}、{{{{syllabus}}}}、{{{{tests}}}} のどれかを使ってください",
                &found[0]
            )),
        };
        match result {
            Ok(text) => edits.push((range, text)),
            Err(error) => {
                let error = format!("{error:#}");
                let reason = error.trim_end_matches('。');
                problems.push(format!("{}: {reason}。", source.place(range.start)));
                // 同じ所を、後の処理が重ねて知らせないようにする。
                edits.push((range, String::new()));
            }
        }
    }
    source.edit(edits);
}

/// 閉じていない `{{…` は、そのまま読者に見えてしまう。ただの文字なら `\{{` と書く。
pub fn report_unclosed(source: &Source, problems: &mut Vec<String>) {
    let code = code_ranges(&source.text);
    for (at, _) in source.text.match_indices("{{") {
        let rest = &source.text[at..];
        let line = rest.lines().next().unwrap_or_default();
        let shown = rest.starts_with("{{#title") && line.contains("}}");
        let escaped = source.text[..at].ends_with('\\');
        if !shown && !escaped && !code.iter().any(|code| code.contains(&at)) {
            let start: String = line.chars().take(20).collect();
            problems.push(format!(
                "{}: 「{start}」が }}}} で閉じていないか、書き方が違います。ただの文字なら \\{{{{ と書いてください。",
                source.place(at)
            ));
        }
    }
}

/// 前後が空行か。問題集は大きなブロックなので、文の中には置けない。
fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let before = text[..range.start].trim_end_matches([' ', '\t']);
    let after = text[range.end..].trim_start_matches([' ', '\t']);
    (before.is_empty() || before.ends_with("\n\n"))
        && (after.trim().is_empty() || after.starts_with("\n\n"))
}

/// 実行の記録 (run.json) にある値を、書かれているとおりに返す。
fn run_value(page: &Page<'_>, chapter: &str, key: &str) -> Result<String> {
    let path = page.src.join("figures").join(chapter).join("run.json");
    let shown = slashed(&path);
    let text = read_text(&page.root.join(&path)).with_context(|| {
        format!("実行の記録 {shown} がありません。cargo test -p {chapter} で作ってください")
    })?;
    let json: Value = serde_json::from_str(&text)
        .map_err(|error| anyhow!("{shown} を JSON として読めません ({} 行目)", error.line()))?;
    match json["results"].get(key) {
        Some(Value::String(value)) => Ok(value.clone()),
        Some(value) => Ok(value.to_string()),
        None => bail!("{shown} の results に {key} がありません"),
    }
}
