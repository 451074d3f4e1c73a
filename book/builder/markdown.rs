//! 原稿の Markdown を、mdBook がそのまま描ける Markdown に直す手順。
//!
//! 順序には理由がある。数式は最初に目印へ替え、その後の処理から中身を守る。
//! 図と囲みはブロックの形が要るので、文の中の太字や改行より先に直す。目印は最後に HTML へ戻す。

use std::ops::Range;

use anyhow::{Result, bail};
use mdbook_markdown::pulldown_cmark::{self, Event, Options, Parser, Tag, TagEnd};

use crate::source::Source;
use crate::{boxes, directives, figures, japanese, math};

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

/// HTML にする前の目印。1 つの私用文字の間に番号を書く。
///
/// 原稿の文字としては現れず、Markdown の記号でもないので、どの処理も 1 つの語として運ぶ。
#[derive(Default)]
pub struct Placeholders(Vec<Placeholder>);

struct Placeholder {
    html: String,
    plain: String,
}

const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';

/// 行の頭に来てはならない記号。
const CLOSING_MARKS: &[char] = &['、', '。', '，', '．', '）', '」', '』', '】'];

impl Placeholders {
    /// HTML を預けて目印をもらう。`plain` は、HTML を書けない所 (図の代替文) で使う文字。
    pub fn add(&mut self, html: String, plain: String) -> String {
        self.0.push(Placeholder { html, plain });
        format!("{OPEN}{}{CLOSE}", self.0.len() - 1)
    }

    /// 目印を HTML に戻す。預けた HTML の中に、さらに目印があってもよい (図の説明の数式)。
    pub fn restore(&self, text: &str) -> String {
        self.replace(text, &|placeholder| self.restore(&placeholder.html))
    }

    /// 目印をただの文字に戻す。
    pub fn plain(&self, text: &str) -> String {
        self.replace(text, &|placeholder| placeholder.plain.clone())
    }

    fn replace(&self, text: &str, show: &dyn Fn(&Placeholder) -> String) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            out.push_str(before);
            let (number, tail) = after.split_once(CLOSE).expect("目印は閉じている");
            let number: usize = number.parse().expect("目印の中は番号");
            let shown = show(&self.0[number]);
            // ブラウザは、数式の直後なら「。」の前でも行を折る。1 つに包んで、行頭に来ないようにする。
            let closing = tail.len() - tail.trim_start_matches(CLOSING_MARKS).len();
            if closing > 0 && shown.starts_with("<math") {
                out.push_str(&format!("<span class=\"keep\">{shown}{}</span>", &tail[..closing]));
                rest = &tail[closing..];
            } else {
                out.push_str(&shown);
                rest = tail;
            }
        }
        out.push_str(rest);
        out
    }
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

/// 1 ページの原稿 (取り込みは済んでいる) を直す。誤りは `problems` に加え、続けて残りも調べる。
pub fn prepare(
    mut source: Source,
    page: &directives::Page<'_>,
    problems: &mut Vec<String>,
) -> String {
    let mut placeholders = Placeholders::default();
    let code = code_ranges(&source.text);
    directives::expand(&mut source, &code, page, &mut placeholders, problems);
    let code = code_ranges(&source.text);
    math::convert(&mut source, &code, &mut placeholders, problems);
    boxes::convert(&mut source, problems);
    figures::convert(&mut source, page, &mut placeholders, problems);
    japanese::convert(&mut source, problems);
    fix_readme_links(&mut source);
    page.glossary.mark_first_uses(&mut source, page.path);
    placeholders.restore(&source.text)
}

/// 問題集の文のような、ページではない短い Markdown を HTML にする。数式と日本語の組版は本文と同じ。
pub fn render_markdown(text: &str) -> Result<String> {
    render_with(text, math::convert)
}

/// [`render_markdown`] と同じだが、数式は MathML にせず、MathJax が読む LaTeX のまま残す。
pub fn render_markdown_with_tex(text: &str) -> Result<String> {
    render_with(text, |source, code, placeholders, _| math::keep_tex(source, code, placeholders))
}

fn render_with(
    text: &str,
    formulas: impl Fn(&mut Source, &[Range<usize>], &mut Placeholders, &mut Vec<String>),
) -> Result<String> {
    let mut source = Source::new("(文)", 1, text);
    let mut placeholders = Placeholders::default();
    let mut problems = Vec::new();
    let code = code_ranges(&source.text);
    formulas(&mut source, &code, &mut placeholders, &mut problems);
    japanese::convert(&mut source, &mut problems);
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(placeholders.restore(&to_html(&source.text)))
}

/// 図の説明のような 1 行の Markdown を、段落の箱なしの HTML にする。目印はそのまま残す。
pub fn render_inline(text: &str) -> Result<String> {
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

fn to_html(text: &str) -> String {
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, parser(text));
    html
}

/// mdBook は README.md を index.html にするが、そこへのリンクは README.html のままにする。
fn fix_readme_links(source: &mut Source) {
    let mut edits = Vec::new();
    for (event, range) in parser(&source.text).into_offset_iter() {
        if let Event::Start(Tag::Link { dest_url, .. }) = event
            && !dest_url.contains("://")
            && let Some(at) = source.text[range.clone()].rfind("README.md")
        {
            let start = range.start + at;
            edits.push((start..start + "README.md".len(), "index.md".to_string()));
        }
    }
    source.edit(edits);
}

/// HTML を 1 行にする。空行があると Markdown の HTML ブロックがそこで終わってしまう。
/// 改行は文字参照にするので、`<pre>` の中の改行も失われない。
pub fn one_line(html: &str) -> String {
    html.trim().replace('\n', "&#10;")
}

/// 属性の値に書ける形にする。
pub fn escape_attribute(text: &str) -> String {
    escape(text).replace('"', "&quot;")
}

/// 本文に書ける形にする。
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
