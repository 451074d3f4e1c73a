//! 本文で初めて出てきた用語を、説明の吹き出しの付いたリンクにする。

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use mdbook_markdown::pulldown_cmark::{Event, Tag, TagEnd};

use crate::content::terms::Term;
use crate::markup::html::escape_attribute;
use crate::markup::parser::parser;
use crate::markup::source::{Edit, Source};

/// 用語集のページ。
const PAGE: &str = "appendix/glossary.html";

/// ページで初めて出てきた語を、用語集へのリンクにする。説明は `data-tip` に入れ、
/// book/theme/terms.js が吹き出しにする。JavaScript が無くても、リンクとして働く。
pub fn mark(source: &mut Source, page: &Path, terms: &[Term]) {
    if terms.is_empty() || page.starts_with("appendix") && page != COMPUTATION {
        return;
    }
    let up = "../".repeat(page.components().count() - 1);
    let matcher = Matcher::new(terms);
    let mut used = vec![false; terms.len()];
    let mut edits: Vec<Edit> = Vec::new();
    for range in prose(&source.text) {
        for (place, index) in matcher.find(&source.text, range) {
            if std::mem::replace(&mut used[index], true) {
                continue;
            }
            let term = &terms[index];
            let html = format!(
                "<a class=\"term\" href=\"{up}{PAGE}#term-{}\" data-tip=\"{}\">{}</a>",
                term.id,
                escape_attribute(&term.definition),
                &source.text[place.clone()]
            );
            edits.push((place, html));
        }
    }
    source.edit(edits);
}

/// 付録のうち、本文として読むページ。ほかの付録は、語の一覧なので吹き出しを付けない。
const COMPUTATION: &str = "appendix/computation.md";

/// 読者が読む文の範囲。見出し、リンク、コードの中では、語をリンクにしない。
fn prose(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut inside = 0;
    for (event, range) in parser(text).into_offset_iter() {
        match &event {
            Event::Start(tag) if is_closed(tag) => inside += 1,
            Event::End(
                TagEnd::Heading(_)
                | TagEnd::Link
                | TagEnd::Image
                | TagEnd::CodeBlock
                | TagEnd::HtmlBlock,
            ) => inside -= 1,
            // 文字参照などで原稿と文字が違う所は、位置が合わないので飛ばす。
            Event::Text(shown) if inside == 0 && text[range.clone()] == **shown => {
                found.push(range);
            }
            _ => {}
        }
    }
    found
}

fn is_closed(tag: &Tag<'_>) -> bool {
    matches!(
        tag,
        Tag::Heading { .. }
            | Tag::Link { .. }
            | Tag::Image { .. }
            | Tag::CodeBlock(_)
            | Tag::HtmlBlock
    )
}

/// 語の書き方を、頭の文字ごとに、長い順に並べた表。
struct Matcher<'a>(HashMap<char, Vec<(&'a str, usize)>>);

impl<'a> Matcher<'a> {
    fn new(terms: &'a [Term]) -> Self {
        let mut table: HashMap<char, Vec<(&str, usize)>> = HashMap::new();
        for (index, term) in terms.iter().enumerate().filter(|(_, term)| term.tooltip) {
            // 英語の綴りは、論文の題などの中にも現れる。日本語の書き方だけを探す。
            for name in [&term.ja].into_iter().chain(&term.aliases) {
                // 空の書き方は、用語集の検査が知らせる。
                if let Some(first) = name.chars().next() {
                    table.entry(first).or_default().push((name, index));
                }
            }
        }
        for names in table.values_mut() {
            names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        }
        Self(table)
    }

    fn find(&self, text: &str, range: Range<usize>) -> Vec<(Range<usize>, usize)> {
        let mut found = Vec::new();
        let mut at = range.start;
        let mut before = None;
        while let Some(c) = text[at..range.end].chars().next() {
            let rest = &text[at..range.end];
            let hit = self.0.get(&c).into_iter().flatten().find(|(name, _)| {
                let next = rest.strip_prefix(name).map(|tail| tail.chars().next());
                next.is_some_and(|next| {
                    !continues(before, c) && !continues(name.chars().last(), next)
                })
            });
            let length = match hit {
                Some((name, index)) => {
                    found.push((at..at + name.len(), *index));
                    name.len()
                }
                None => c.len_utf8(),
            };
            before = text[at..at + length].chars().last();
            at += length;
        }
        found
    }
}

/// 英字どうし、カタカナどうしは、続きの 1 語と見る (DCGAN の中の GAN は GAN ではない)。
fn continues(before: Option<char>, after: impl Into<Option<char>>) -> bool {
    let kind = |c: char| match c {
        'ァ'..='ヺ' | 'ー' => 2,
        _ if c.is_ascii_alphanumeric() || c == '-' => 1,
        _ => 0,
    };
    match (before.map(kind), after.into().map(kind)) {
        (Some(before), Some(after)) => before != 0 && before == after,
        _ => false,
    }
}
