//! 問題の文や図の説明のような、ページではない短い Markdown を HTML にする。

use std::ops::Range;

use anyhow::{Result, bail};
use mdbook_markdown::pulldown_cmark::{self, Event, Tag, TagEnd};

use crate::markup::parser::{code_ranges, parser};
use crate::markup::placeholders::{Placeholders, STRAY, stray};
use crate::markup::source::Source;
use crate::markup::{japanese, math};

/// 問題集の文のような、ページではない短い Markdown を HTML にする。数式と日本語の組版は本文と同じ。
pub fn to_html(text: &str) -> Result<String> {
    render_with(text, math::convert)
}

/// [`to_html`] と同じだが、選択肢や一覧の行の中に置けるように、1 つだけの段落の `<p>` を外す。
pub fn to_inline(text: &str) -> Result<String> {
    to_html(text).map(unwrap_paragraph)
}

/// [`to_html`] と同じだが、数式は MathML にせず、MathJax が読む LaTeX のまま残す。
pub fn to_html_with_tex(text: &str) -> Result<String> {
    render_with(text, math::keep_tex)
}

/// [`to_inline`] と同じだが、数式は LaTeX のまま残す。
pub fn to_inline_with_tex(text: &str) -> Result<String> {
    to_html_with_tex(text).map(unwrap_paragraph)
}

fn unwrap_paragraph(html: String) -> String {
    let html = html.trim();
    let inner = html.strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>"));
    match inner {
        Some(inner) if !inner.contains("<p>") => inner.to_owned(),
        _ => html.to_owned(),
    }
}

fn render_with(
    text: &str,
    formulas: impl Fn(&mut Source, &[Range<usize>], &mut Placeholders, &mut Vec<String>),
) -> Result<String> {
    let mut source = Source::new("(文)", 1, text);
    let mut placeholders = Placeholders::default();
    let mut problems = Vec::new();
    if stray(text).is_some() {
        bail!("{STRAY}");
    }
    let code = code_ranges(&source.text);
    formulas(&mut source, &code, &mut placeholders, &mut problems);
    japanese::convert(&mut source, &mut problems);
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(placeholders.restore(&push(&source.text)))
}

/// 図の説明を、段落の箱なしの HTML にする。数式の目印はそのまま残す。
pub fn caption(text: &str) -> Result<String> {
    let mut source = Source::new("(文)", 1, text);
    let mut problems = Vec::new();
    japanese::convert(&mut source, &mut problems);
    if let Some(problem) = problems.into_iter().next() {
        bail!("{problem}");
    }
    let events = parser(&source.text).filter(|event| {
        !matches!(event, Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph))
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    Ok(html.trim().to_string())
}

fn push(text: &str) -> String {
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, parser(text));
    html
}
