//! 原稿の Markdown を、mdBook がそのまま描ける Markdown に直す手順。
//!
//! 順序には理由がある。数式は最初に目印へ替え、その後の処理から中身を守る。
//! 図と囲みはブロックの形が要るので、文の中の太字や改行より先に直す。目印は最後に HTML へ戻す。

use mdbook_markdown::pulldown_cmark::{Event, Tag};

use crate::markup::parser::{code_ranges, parser};
use crate::markup::placeholders::{Placeholders, STRAY, stray};
use crate::markup::source::Source;
use crate::markup::{japanese, math};
use crate::page::context::Page;
use crate::page::{boxes, directives, figures, term_marks};

/// 1 ページの原稿 (取り込みは済んでいる) を直す。誤りは `problems` に加え、続けて残りも調べる。
pub fn prepare(mut source: Source, page: &Page<'_>, problems: &mut Vec<String>) -> String {
    let mut placeholders = Placeholders::default();
    if let Some(at) = stray(&source.text) {
        problems.push(format!("{}: {STRAY}。", source.place(at)));
        return String::new();
    }
    let code = code_ranges(&source.text);
    directives::expand(&mut source, &code, page, &mut placeholders, problems);
    let code = code_ranges(&source.text);
    math::convert(&mut source, &code, &mut placeholders, problems);
    // 数式の中の `{{` は、もう目印になっている。
    directives::report_unclosed(&source, problems);
    boxes::convert(&mut source, problems);
    figures::convert(&mut source, page, &mut placeholders, problems);
    japanese::convert(&mut source, problems);
    fix_readme_links(&mut source);
    term_marks::mark(&mut source, page.path, &page.glossary.terms);
    placeholders.restore(&source.text)
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
