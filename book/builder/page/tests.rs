//! `{{tests}}`: 名札や問題の決め手になっているテストの、文と中身の一覧。
//!
//! 札を押した人が、ソースを開かずに、何をどう確かめたかを読める。

use std::collections::BTreeMap;

use anyhow::Result;

use crate::content::errata;
use crate::content::test_place::{self, TestPlace};
use crate::markup::html::{escape, one_line};
use crate::markup::placeholders::Placeholders;
use crate::page::context::Page;

/// `{{tests}}` を置き換える Markdown。章ごとに見出しを立てる。
pub fn render(page: &Page<'_>, placeholders: &mut Placeholders) -> Result<String> {
    let mut names = test_place::cited(&page.root.join(page.src), page.sections.pages())?;
    names.extend(page.bank.tests.keys().cloned());
    names.extend(errata::load(page.root)?.points.into_iter().flat_map(|point| point.tests));
    let mut groups: BTreeMap<String, Vec<TestPlace>> = BTreeMap::new();
    for name in names {
        let package = name.split("::").next().unwrap_or_default().to_owned();
        groups.entry(package).or_default().push(test_place::locate(page.root, &name)?);
    }
    let mut out = String::new();
    for (package, tests) in groups {
        let title = match package.as_str() {
            "workbook" => "この本そのもの",
            "common" => "どの章も使う部品",
            "lab" => "実験室",
            chapter => page.sections.chapter_title(chapter),
        };
        out += &format!("\n\n## {title} {{#{package}}}\n\n");
        let list: String = tests.iter().map(item).collect();
        out += &placeholders.add(format!("<ul class=\"test-list\">{list}</ul>"), String::new());
    }
    Ok(out)
}

/// 1 つのテスト: 文、置き場所、畳んだ中身。
fn item(test: &TestPlace) -> String {
    one_line(&format!(
        "<li id=\"{}\"><p>{}。</p><details><summary>コードを見る（{} の {} 行目）</summary>\
         <pre class=\"test-code\">{}</pre></details></li>",
        test.id(),
        with_code(&test.sentence),
        test.file,
        test.line,
        escape(&test.code),
    ))
}

/// `…` に挟まれた所を、コードとして書く。
fn with_code(sentence: &str) -> String {
    let part = |(at, text): (usize, &str)| match at % 2 {
        0 => escape(text),
        _ => format!("<code>{}</code>", escape(text)),
    };
    sentence.split('`').enumerate().map(part).collect()
}
