//! `{{points}}`: 問われる点の確認表。
//!
//! 問題の番号は、そのつど問題集から数える。問題が増えても、ここは直さない。

use anyhow::{Result, bail};

use crate::content::points::{FILE, Point, Points};
use crate::content::questions::Bank;
use crate::content::sections::Sections;
use crate::content::syllabus::Syllabus;
use crate::page::question;

/// `{{points}}` を置き換える Markdown。
pub fn render(
    points: &Points,
    bank: &Bank,
    syllabus: &Syllabus,
    sections: &Sections,
) -> Result<String> {
    let mut out = String::new();
    if let Some(edition) = syllabus.edition.values().next_back() {
        out.push_str(&format!(
            "シラバスを最後に確かめた日: **{}**（{}）\n\n",
            edition.checked, edition.name
        ));
    }
    let numbered = || (1..).zip(&points.points);
    let groups = numbered().filter(|(_, point)| !point.group.is_empty());
    let jumps: Vec<String> =
        groups.map(|(number, point)| format!("[{}](#group-{number})", point.group)).collect();
    out.push_str(&jumps.join(" ・ "));
    for (number, point) in numbered() {
        if !point.group.is_empty() {
            out.push_str(&format!("\n\n## {} {{#group-{number}}}\n\n", point.group));
        }
        let links = match links(point, bank, sections) {
            Ok(links) => links,
            Err(problem) => {
                bail!("{FILE}:{} の点 {number}「{}」: {problem}", point.line, point.text)
            }
        };
        out.push_str(&format!(
            "{number}. {}<span class=\"point-links\">{links}</span>\n",
            point.text
        ));
    }
    Ok(out)
}

/// 節と問題へのリンク。
fn links(point: &Point, bank: &Bank, sections: &Sections) -> Result<String, String> {
    let section = sections.link(&point.section)?;
    if point.questions.is_empty() {
        return Err("questions が空です。この点を問う問題を 1 つ以上挙げてください".to_owned());
    }
    let mut links = format!("[{}](../{})", section.title, point.section);
    for id in &point.questions {
        let Some(link) = question::link(bank, id) else {
            return Err(format!("問題「{id}」は book/quiz にありません"));
        };
        links.push_str(&format!(" {link}"));
    }
    Ok(links)
}
