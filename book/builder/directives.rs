//! 原稿の `{{run …}}`、`{{test …}}`、`{{quiz …}}` を中身に替える。

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow, bail};
use regex::Regex;
use serde_json::Value;

use crate::glossary::Glossary;
use crate::markdown::{Placeholders, escape, escape_attribute, one_line, render_markdown};
use crate::quiz::Bank;
use crate::sections::Sections;
use crate::source::{Edit, Source};
use crate::{errata, points, syllabus};

/// 1 ページを直すときに要る、まわりの事情。
pub struct Page<'a> {
    /// book.toml のあるフォルダ。
    pub root: &'a Path,
    /// 原稿のフォルダ (`root` から見て `book/src`)。
    pub src: &'a Path,
    /// `src` から見たページの道 (`ch03-gan/theory.md`)。
    pub path: &'a Path,
    pub bank: &'a Bank,
    pub glossary: &'a Glossary,
    pub sections: &'a Sections,
    /// ソースの置き場の URL。無ければ、テストの名札はリンクにしない。
    pub repository: Option<&'a str>,
}

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
    for found in DIRECTIVE.captures_iter(&source.text) {
        let range = found.get(0).expect("全体").range();
        if code.iter().any(|code| code.contains(&range.start)) {
            continue;
        }
        let arguments = found.get(2).map_or("", |arguments| arguments.as_str());
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let result = match (&found[1], arguments.as_slice()) {
            ("run", [chapter, key]) => run_value(page, chapter, key),
            ("test", [name]) => badge(page, name, placeholders),
            ("glossary", []) => Ok(page.glossary.render(page.sections)),
            ("errata", []) => errata::load(page.root).and_then(|errata| {
                errata.render(page.sections, &mut |name| badge(page, name, placeholders))
            }),
            ("points", []) => points::load(page.root).and_then(|points| {
                points.render(page.bank, &syllabus::load(page.root)?, page.sections)
            }),
            ("syllabus", []) => syllabus::load(page.root).and_then(|syllabus| {
                syllabus
                    .render(page.bank, page.sections, &mut |name| badge(page, name, placeholders))
            }),
            ("quiz", [_]) if !stands_alone(&source.text, &range) => {
                Err(anyhow!("{{{{quiz …}}}} は 1 行に単独で、前後を空けて書いてください"))
            }
            ("quiz", [chapter]) => page
                .bank
                .render(chapter, &render_markdown)
                .map(|html| placeholders.add(one_line(&html), String::new())),
            _ => Err(anyhow!(
                "「{}」という書き方はありません。{{{{run 章 キー}}}}、{{{{test 章::claims::名前}}}}、{{{{quiz 章}}}}、{{{{glossary}}}}、{{{{errata}}}}、{{{{points}}}}、{{{{syllabus}}}} のどれかを使ってください",
                &found[0]
            )),
        };
        match result {
            Ok(text) => edits.push((range, text)),
            Err(error) => problems.push(format!("{}: {error}。", source.place(range.start))),
        }
    }
    source.edit(edits);
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
    let shown = path.display();
    let text = fs::read_to_string(page.root.join(&path)).with_context(|| {
        format!("実行の記録 {shown} がありません。cargo test -p {chapter} で作ってください")
    })?;
    let json: Value = serde_json::from_str(&text)
        .map_err(|error| anyhow!("{shown} を JSON として読めません ({error})"))?;
    match json["results"].get(key) {
        Some(Value::String(value)) => Ok(value.clone()),
        Some(value) => Ok(value.to_string()),
        None => bail!("{shown} の results に {key} がありません"),
    }
}

fn badge(page: &Page<'_>, name: &str, placeholders: &mut Placeholders) -> Result<String> {
    let html = test_badge(page, name)?;
    Ok(placeholders.add(html, format!("テスト: {name}")))
}

fn test_badge(page: &Page<'_>, name: &str) -> Result<String> {
    let test = locate_test(page.root, name)?;
    let short = escape(name.rsplit("::").next().unwrap_or(name));
    let title = escape_attribute(&format!("{} {} 行目", test.file, test.line));
    Ok(match page.repository {
        Some(url) => format!(
            "<a class=\"test-badge\" href=\"{}/blob/main/{}#L{}\" title=\"{title}\">テスト: <code>{short}</code></a>",
            escape_attribute(url.trim_end_matches('/')),
            test.file,
            test.line
        ),
        None => format!(
            "<span class=\"test-badge\" title=\"{title}\">テスト: <code>{short}</code></span>"
        ),
    })
}

/// テストの置き場所。
pub struct TestPlace {
    /// ワークスペースから見たファイル (`chapters/ch03-gan/tests/claims.rs`)。
    pub file: String,
    pub line: usize,
}

/// `ch03-gan::claims::名前` のテストを探す。`workbook::…` は本そのものの tests/ を指す。
pub fn locate_test(root: &Path, name: &str) -> Result<TestPlace> {
    let [package, module, function] = name.split("::").collect::<Vec<_>>()[..] else {
        bail!("テストは ch03-gan::claims::名前 の形で書いてください: {name}");
    };
    let file = match package {
        "workbook" => format!("tests/{module}.rs"),
        _ => format!("chapters/{package}/tests/{module}.rs"),
    };
    let text = fs::read_to_string(root.join(&file))
        .with_context(|| format!("テスト {name} のファイル {file} がありません"))?;
    let signature = format!("fn {function}(");
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let declared = line.trim_start().strip_prefix("pub ").unwrap_or(line.trim_start());
        // 属性の行をさかのぼり、#[test] が付いているかを見る。
        if declared.starts_with(&signature)
            && lines[..index]
                .iter()
                .rev()
                .take_while(|above| {
                    let above = above.trim_start();
                    above.starts_with("#[") || above.starts_with("//")
                })
                .any(|above| above.trim() == "#[test]")
        {
            return Ok(TestPlace { file, line: index + 1 });
        }
    }
    bail!("{file} に #[test] fn {function} がありません")
}
