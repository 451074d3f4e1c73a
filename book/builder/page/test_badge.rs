//! `{{test …}}`: 主張に添える、決め手のテストの名札。
//!
//! 札の文は、テストの上の説明 (何を確かめたか)。関数の名前と置き場所は、札に乗せると出る。
//! 札を押すと、ソースの置き場か、本の中の一覧 ([`crate::page::tests`]) へ移る。

use anyhow::Result;

use crate::content::sections;
use crate::content::test_place::{self, LIST, TestPlace};
use crate::markup::html::{escape, escape_attribute};
use crate::markup::placeholders::Placeholders;
use crate::page::context::Page;

/// `name` のテストの名札。図の代替文など、HTML を書けない所では文字になる。
pub fn badge(page: &Page<'_>, name: &str, placeholders: &mut Placeholders) -> Result<String> {
    let test = test_place::locate(page.root, name)?;
    let html = render(&test, page, "");
    Ok(placeholders.add(html, format!("テスト: {}", test.sentence)))
}

/// 原稿の `{{test …}}`。同じ札は 1 ページに 1 度だけで、2 度目からは初めの札へ戻るリンクになる。
pub fn badge_once<'a>(
    page: &Page<'_>,
    name: &'a str,
    seen: &mut Vec<&'a str>,
    placeholders: &mut Placeholders,
) -> Result<String> {
    let test = test_place::locate(page.root, name)?;
    let slug = page.path.with_extension("").to_string_lossy().replace(['/', '\\'], "-");
    let again = seen.iter().position(|known| *known == name);
    let id = format!("test-{slug}-{}", again.unwrap_or(seen.len()) + 1);
    let html = match again {
        Some(_) => format!(
            "<a class=\"test-badge\" href=\"#{id}\" title=\"{}\">テスト: このページの上の札</a>",
            title(&test)
        ),
        None => {
            seen.push(name);
            render(&test, page, &format!(" id=\"{id}\""))
        }
    };
    Ok(placeholders.add(html, format!("テスト: {}", test.sentence)))
}

fn render(test: &TestPlace, page: &Page<'_>, id: &str) -> String {
    let address = match page.repository {
        Some(url) => {
            Some(format!("{}/blob/main/{}#L{}", url.trim_end_matches('/'), test.file, test.line))
        }
        None => page.sections.contains(LIST).then(|| {
            let depth = page.path.components().count() - 1;
            format!("{}{}", "../".repeat(depth), listed(test))
        }),
    };
    linked(test, address.as_deref(), id)
}

/// 一覧の中の場所の、本の根元からの道。
pub fn listed(test: &TestPlace) -> String {
    format!("{}#{}", sections::url(LIST), test.id())
}

/// 札の HTML。`address` が無ければリンクにしない。`id` は、空か「 id="…"」。
pub fn linked(test: &TestPlace, address: Option<&str>, id: &str) -> String {
    let (title, sentence) = (title(test), escape(&test.sentence));
    match address {
        Some(address) => format!(
            "<a class=\"test-badge\"{id} href=\"{}\" title=\"{title}\">テスト: {sentence}</a>",
            escape_attribute(address)
        ),
        None => {
            format!("<span class=\"test-badge\"{id} title=\"{title}\">テスト: {sentence}</span>")
        }
    }
}

/// 札に乗せると出る、関数の名前と置き場所。
fn title(test: &TestPlace) -> String {
    escape_attribute(&format!("{} ({} {} 行目)", test.function, test.file, test.line))
}
