//! `{{glossary}}`: 用語集。
//!
//! 語ごとに見出しを持つ。mdBook の検索の索引は見出しごとに作られるので、
//! 検索の言い換え (book/theme/search.js) も、この索引だけで足り、別のデータは要らない。

use crate::content::sections::Sections;
use crate::content::terms::{Glossary, Term};
use crate::markup::html::{escape, escape_attribute};

/// `{{glossary}}` を置き換える Markdown。
pub fn render(glossary: &Glossary, sections: &Sections) -> String {
    let mut terms: Vec<&Term> = glossary.terms.iter().collect();
    terms.sort_by(|a, b| (&a.reading, &a.ja).cmp(&(&b.reading, &b.ja)));
    let mut rows: Vec<(usize, String)> = Vec::new();
    for term in terms {
        let row = row(&term.reading);
        if rows.last().is_none_or(|(last, _)| *last != row) {
            rows.push((row, String::new()));
        }
        let (_, text) = rows.last_mut().expect("加えたばかり");
        text.push_str(&render_term(glossary, term, sections));
    }
    let jumps: Vec<String> =
        rows.iter().map(|(row, _)| format!("[{}行](#row-{row})", ROWS[*row])).collect();
    let mut out = format!("{}\n\n", jumps.join(" ・ "));
    for (row, text) in rows {
        out.push_str(&format!("## {}行 {{#row-{row}}}\n\n{text}", ROWS[row]));
    }
    out
}

fn render_term(glossary: &Glossary, term: &Term, sections: &Sections) -> String {
    let aliases = match term.aliases.as_slice() {
        [] => String::new(),
        names => format!(" 別名: {}。", escape(&names.join("、"))),
    };
    let mut links = String::new();
    if let Ok(section) = sections.link(&term.section) {
        links.push_str(&format!(
            "<li>本文: <a href=\"../{}\">{}</a></li>",
            escape_attribute(&section.url),
            escape(&section.title)
        ));
    }
    let related: Vec<String> = term.related.iter().map(|id| link(glossary, id)).collect();
    if !related.is_empty() {
        links.push_str(&format!("<li>関連: {}</li>", related.join("、")));
    }
    for id in &term.confused {
        let Some(other) = glossary.get(id) else { continue };
        links.push_str(&format!(
            "<li class=\"term-confused\">取り違えやすい語: {} — {}</li>",
            link(glossary, id),
            escape(glossary.difference(term, other))
        ));
    }
    format!(
        "### {} {{#term-{}}}\n\n\
         <p class=\"term-names\">英語: <span lang=\"en\">{}</span>。 読み: {}。{aliases}</p>\n\
         <p class=\"term-definition\">{}</p>\n\
         <ul class=\"term-links\">{links}</ul>\n\n",
        term.ja,
        term.id,
        escape(&term.en),
        term.reading,
        escape(&term.definition),
    )
}

fn link(glossary: &Glossary, id: &str) -> String {
    let name = glossary.get(id).map_or(id, |term| &term.ja);
    format!("<a href=\"#term-{id}\">{}</a>", escape(name))
}

const ROWS: [&str; 10] = ["あ", "か", "さ", "た", "な", "は", "ま", "や", "ら", "わ"];

/// 読みの頭の文字の行。ひらがなの文字コードは五十音の順に並んでいる。
fn row(reading: &str) -> usize {
    let first = reading.chars().next().unwrap_or('あ');
    let starts = ['か', 'さ', 'た', 'な', 'は', 'ま', 'ゃ', 'ら', 'ゎ'];
    starts.iter().filter(|start| **start <= first).count()
}
