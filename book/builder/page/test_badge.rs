//! `{{test …}}`: 主張に添える、決め手のテストの名札。

use anyhow::Result;

use crate::content::test_place;
use crate::markup::html::{escape, escape_attribute};
use crate::markup::placeholders::Placeholders;
use crate::page::context::Page;

/// `name` のテストの名札。図の代替文など、HTML を書けない所では文字になる。
pub fn badge(page: &Page<'_>, name: &str, placeholders: &mut Placeholders) -> Result<String> {
    let html = test_badge(page, name)?;
    Ok(placeholders.add(html, format!("テスト: {name}")))
}

fn test_badge(page: &Page<'_>, name: &str) -> Result<String> {
    let test = test_place::locate(page.root, name)?;
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
