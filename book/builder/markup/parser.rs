//! 原稿の Markdown を、mdBook と同じ文法で読む。

use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{Event, Options, Parser, Tag};

/// mdBook と同じ文法で読む (`smart-punctuation` は使わない)。
pub fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(text, options())
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_GFM
}

/// 数式や太字を探してはいけない範囲: コードと HTML のコメント。
pub fn code_ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for (event, range) in parser(text).into_offset_iter() {
        let skip = match &event {
            Event::Start(Tag::CodeBlock(_)) | Event::Code(_) => true,
            Event::Html(html) | Event::InlineHtml(html) => html.trim_start().starts_with("<!--"),
            _ => false,
        };
        if skip {
            ranges.push(range);
        }
    }
    ranges
}
