//! `{{syllabus}}`: シラバスの対応表。

use std::collections::BTreeMap;

use anyhow::Result;

use crate::content::coverage::{KeywordRow, coverage, keywords};
use crate::content::questions::{Bank, DIRECTIONS, short_name};
use crate::content::sections::Sections;
use crate::content::syllabus::{Item, Syllabus};
use crate::content::terms::Glossary;
use crate::markup::html::{escape, escape_attribute};
use crate::page::question;

/// 項目ごとに見せる節の数。問題の多い順に選ぶ。
const SECTIONS_SHOWN: usize = 4;

/// `{{syllabus}}` を置き換える Markdown。`badge` はテストの名札を作る。
pub fn render(
    syllabus: &Syllabus,
    bank: &Bank,
    glossary: &Glossary,
    sections: &Sections,
    badge: &mut dyn FnMut(&str) -> Result<String>,
) -> Result<String> {
    let mut out = String::from("## 版と、確かめた日 {#editions}\n\n");
    out.push_str(
        "| シラバス | 版 | 使われる試験 | 最後に確かめた日 |\n| --- | --- | --- | --- |\n",
    );
    for edition in syllabus.edition.values().rev() {
        out.push_str(&format!(
            "| [{}]({}) | {} | {} | {} |\n",
            edition.name, edition.url, edition.version, edition.effective, edition.checked
        ));
    }
    out.push_str("\n## 新旧の項目を並べる {#pairs}\n\n");
    out.push_str("| 2021年版 | 2024年版 | 変わったこと |\n| --- | --- | --- |\n");
    for pair in &syllabus.pair {
        let new: Vec<String> = pair.new.iter().map(|id| name(syllabus, id)).collect();
        let old = if pair.old.is_empty() { "—".to_owned() } else { name(syllabus, &pair.old) };
        let new = if new.is_empty() { "—".to_owned() } else { new.join("<br>") };
        out.push_str(&format!("| {old} | {new} | {} |\n", pair.note));
    }
    out.push_str("\n## キーワードの名前を、三つの向きで問う {#keywords}\n\n");
    out.push_str(
        "試験では、説明に合う名前を選ぶ問題が多く出ます。新旧のシラバスのキーワードごとに、名前を問う問題を、三つの向きに分けて並べました。両方の版にある語は、2024年版のほうに入れています。\n\n",
    );
    out.push_str(&render_keywords(syllabus, bank, glossary));
    for (edition, title) in [("2024", "2024年版の項目"), ("2021", "2021年版の項目")] {
        out.push_str(&format!("\n## {title} {{#edition-{edition}}}\n\n"));
        for item in syllabus.item.iter().filter(|item| item.edition == edition) {
            out.push_str(&render_item(item, bank, sections, badge)?);
        }
    }
    Ok(out)
}

/// キーワード × 向きの表。狭い画面では、CSS が 1 行を 1 つの囲みにし、升目に向きの名を添える。
fn render_keywords(syllabus: &Syllabus, bank: &Bank, glossary: &Glossary) -> String {
    let names: String =
        DIRECTIONS.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
    let mut out = format!(
        "<div class=\"table-wrapper\"><table class=\"keywords\">\n<thead><tr><th scope=\"col\">キーワード</th>{names}</tr></thead>\n"
    );
    let mut item = "";
    for row in keywords(syllabus, bank, glossary) {
        if row.item.id != item {
            item = &row.item.id;
            out.push_str(&format!(
                "<tbody><tr><th class=\"keywords-item\" colspan=\"4\" scope=\"colgroup\">{}</th></tr></tbody>\n",
                escape(&row.item.name())
            ));
        }
        out.push_str(&format!("<tbody><tr>{}</tr></tbody>\n", cells(syllabus, bank, &row)));
    }
    out + "</table></div>\n"
}

fn cells(syllabus: &Syllabus, bank: &Bank, row: &KeywordRow<'_>) -> String {
    let keyword = escape(row.keyword);
    let head = match row.term {
        Some(term) => {
            format!("<a href=\"glossary.html#term-{}\">{keyword}</a>", escape_attribute(&term.id))
        }
        None => keyword,
    };
    let mut out = format!("<th scope=\"row\">{head}</th>");
    if let Some(reason) = syllabus.exempt(row.keyword) {
        return out + &format!("<td colspan=\"3\">{}</td>", escape(reason));
    }
    for (direction, ids) in DIRECTIONS.iter().zip(&row.cells) {
        let links: Vec<String> = ids.iter().filter_map(|id| question::link(bank, id)).collect();
        out.push_str(&match links.is_empty() {
            true => format!(
                "<td data-direction=\"{direction}\" class=\"keywords-none\">ありません</td>"
            ),
            false => format!("<td data-direction=\"{direction}\">{}</td>", links.join(" ")),
        });
    }
    out
}

/// 項目の、このページの見出しへのリンク。
fn name(syllabus: &Syllabus, id: &str) -> String {
    let Some(item) = syllabus.get(id) else { return id.to_owned() };
    format!("[{} {}](#item-{id})", item.number, item.title)
}

fn render_item(
    item: &Item,
    bank: &Bank,
    sections: &Sections,
    badge: &mut dyn FnMut(&str) -> Result<String>,
) -> Result<String> {
    let covered = coverage(bank, &item.id);
    let mut ranked: Vec<_> = covered.sections.iter().collect();
    ranked.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), **name));
    let mut links = Vec::new();
    for (name, _) in ranked.iter().take(SECTIONS_SHOWN) {
        let link = sections.link(name).map_err(anyhow::Error::msg)?;
        links.push(format!("[{}](../{name})", link.title));
    }
    let mut pages: BTreeMap<&str, usize> = BTreeMap::new();
    for chapter in &bank.chapters {
        let count = chapter.questions.iter().filter(|q| q.syllabus.contains(&item.id)).count();
        if count > 0 {
            pages.insert(&chapter.chapter, count);
        }
    }
    let pages: Vec<String> = pages
        .iter()
        .map(|(chapter, count)| {
            format!("[{}](../{chapter}/quiz.md) {count}問", short_name(chapter))
        })
        .collect();
    let mut tests = Vec::new();
    for test in &covered.tests {
        tests.push(badge(test)?);
    }
    let mut out = format!(
        "### {} {} {{#item-{}}}\n\n{}\n\n- キーワード: {}\n- 節: {}\n- 問題: **{}問**（{}）\n",
        item.number,
        item.title,
        item.id,
        item.chapter,
        item.keywords.join("、"),
        links.join("、"),
        covered.questions.len(),
        pages.join("、"),
    );
    match tests.len() {
        // 法律や、この本で動かさないモデルの項目。
        0 => out
            .push_str("- テスト: ありません。動かすコードの無い項目なので、文献で確かめました\n\n"),
        count => {
            // 決め手は数十になる項目もある。開いて読む形にして、表を短く保つ。
            let list = tests.join(" ");
            out.push_str(&format!(
                "\n<details><summary>{}のテスト {count}個</summary>\n\n{list}\n\n</details>\n\n",
                escape(&item.title)
            ));
        }
    }
    Ok(out)
}
