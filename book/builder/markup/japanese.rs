//! 日本語の組版: 文の途中の改行を詰め、記号の隣の `**` も太字にする。
//!
//! CommonMark は語を空白で分ける言葉のための規則なので、原稿の改行は空白になり、
//! `**重要。**次` の `**` は閉じ記号と見なされない。そこで文のかたまりごとに、
//! `**` を前から順に組にして `<strong>` に替える。

use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{Event, Tag, TagEnd};

use crate::markup::parser::parser;
use crate::markup::source::{Edit, Source};

/// 1 つの段落・見出し・表の枠にある、文のかたまり。
#[derive(Default)]
struct Run {
    range: Option<Range<usize>>,
    /// `*` を探さない範囲 (コード、HTML、リンク先)。
    skip: Vec<Range<usize>>,
    /// 詰めるかどうかを決める改行: 範囲、前の文字。
    breaks: Vec<Break>,
    last: Option<char>,
}

struct Break {
    range: Range<usize>,
    before: Option<char>,
    after: Option<char>,
}

pub fn convert(source: &mut Source, problems: &mut Vec<String>) {
    let mut edits: Vec<Edit> = Vec::new();
    for run in runs(&source.text) {
        strong(source, &run, &mut edits, problems);
        for gap in &run.breaks {
            if joins(gap.before, gap.after) {
                edits.push((gap.range.clone(), String::new()));
            }
        }
    }
    source.edit(edits);
}

/// 文の中の出来事が続く間を 1 つのかたまりとして集める。
fn runs(text: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut run = Run::default();
    let mut in_code_block = false;
    for (event, range) in parser(text).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code_block = true,
            Event::End(TagEnd::CodeBlock) => in_code_block = false,
            _ => {}
        }
        if in_code_block || !is_inline(&event) {
            if run.range.is_some() {
                runs.push(std::mem::take(&mut run));
            }
            continue;
        }
        match &event {
            Event::Text(shown) | Event::Code(shown) => {
                if let Some(gap) = run.breaks.last_mut()
                    && gap.after.is_none()
                {
                    gap.after = shown.chars().next();
                }
                run.last = shown.chars().last().or(run.last);
            }
            Event::SoftBreak => run.breaks.push(Break {
                range: range.start..next_line(text, range.end),
                before: run.last,
                after: None,
            }),
            _ => {}
        }
        match &event {
            Event::Code(_) | Event::InlineHtml(_) | Event::FootnoteReference(_) => {
                run.skip.push(range.clone());
            }
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => {
                // `](リンク先)` の中の `*` は文字ではない。
                if let Some(at) = text[range.clone()].find("](") {
                    run.skip.push(range.start + at..range.end);
                }
            }
            _ => {}
        }
        let start = run.range.as_ref().map_or(range.start, |old| old.start);
        let end = run.range.as_ref().map_or(range.end, |old| old.end.max(range.end));
        run.range = Some(start..end);
    }
    if run.range.is_some() {
        runs.push(run);
    }
    runs
}

/// 改行の後の、引用の `>` や字下げを飛ばした位置。
fn next_line(text: &str, at: usize) -> usize {
    text[at..].find(|c: char| !matches!(c, ' ' | '\t' | '>')).map_or(text.len(), |n| at + n)
}

fn is_inline(event: &Event<'_>) -> bool {
    match event {
        Event::Text(_)
        | Event::Code(_)
        | Event::InlineHtml(_)
        | Event::FootnoteReference(_)
        | Event::SoftBreak
        | Event::HardBreak => true,
        Event::Start(tag) => matches!(
            tag,
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. }
        ),
        Event::End(tag) => matches!(
            tag,
            TagEnd::Emphasis
                | TagEnd::Strong
                | TagEnd::Strikethrough
                | TagEnd::Link
                | TagEnd::Image
        ),
        _ => false,
    }
}

/// かたまりの中の `**` を順に組にする。1 つの `*` や、組にならない `**` は誤りとして知らせる。
fn strong(source: &Source, run: &Run, edits: &mut Vec<Edit>, problems: &mut Vec<String>) {
    let range = run.range.clone().expect("空のかたまりは集めない");
    let bytes = source.text.as_bytes();
    let mut open: Option<usize> = None;
    let mut refused = false;
    let mut at = range.start;
    while at < range.end {
        if let Some(skip) = run.skip.iter().find(|skip| skip.contains(&at)) {
            at = skip.end;
            continue;
        }
        match bytes[at] {
            b'\\' => at += 2,
            b'*' => {
                let length = bytes[at..range.end].iter().take_while(|b| **b == b'*').count();
                if length == 2 {
                    let tag = if open.is_some() { "</strong>" } else { "<strong>" };
                    open = if open.is_some() { None } else { Some(at) };
                    edits.push((at..at + 2, tag.to_string()));
                } else if !refused {
                    refused = true;
                    problems.push(format!(
                        "{}: 「{}」は使えません。太字は **…** で書き、文字としての * は \\* と書いてください。",
                        source.place(at),
                        "*".repeat(length)
                    ));
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    if let Some(at) = open {
        problems.push(format!("{}: 太字の ** が段落の中で閉じていません。", source.place(at)));
    }
}

/// この 2 文字の間の改行は、空白にせずに詰めるか。
fn joins(before: Option<char>, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return false;
    };
    (is_japanese(before) && is_japanese(after))
        || is_full_width_mark(before)
        || is_full_width_mark(after)
}

fn is_japanese(c: char) -> bool {
    matches!(c,
        '\u{2E80}'..='\u{9FFF}'     // 漢字、かな、句読点
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FF00}'..='\u{FFEF}'   // 全角英数字と記号
        | '\u{20000}'..='\u{3FFFF}'
        | '—' | '―' | '…')
}

/// 自分の幅の中に空きを持つ記号。隣が英字や数式でも、さらに空白は要らない。
fn is_full_width_mark(c: char) -> bool {
    "、。，．・：；？！「」『』（）〔〕［］｛｝〈〉《》【】".contains(c)
}
