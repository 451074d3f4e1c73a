//! 用語集 (`book/terms.toml`) を読み、ページにし、本文の語に吹き出しを付ける。
//!
//! 用語集のページは、語ごとに見出しを持つ。mdBook の検索の索引は見出しごとに作られるので、
//! 検索の言い換え (book/theme/search.js) も、この索引だけで足り、別のデータは要らない。

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use mdbook_markdown::pulldown_cmark::{Event, Tag, TagEnd};
use serde::Deserialize;

use crate::markdown::{escape, escape_attribute, parser};
use crate::sections::Sections;
use crate::source::{Edit, Source};

/// 用語集の原稿。
pub const FILE: &str = "book/terms.toml";
/// 用語集のページ。
const PAGE: &str = "appendix/glossary.html";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Glossary {
    #[serde(default, rename = "term")]
    pub terms: Vec<Term>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    pub id: String,
    pub ja: String,
    pub en: String,
    pub reading: String,
    #[serde(default)]
    pub aliases: Vec<String>,
    pub definition: String,
    pub section: String,
    #[serde(default)]
    pub related: Vec<String>,
    #[serde(default)]
    pub confused: Vec<String>,
    #[serde(default)]
    pub difference: String,
    #[serde(default = "yes")]
    pub tooltip: bool,
}

fn yes() -> bool {
    true
}

/// 用語集を読む。用語集の無い本では空になる。
pub fn load(root: &Path) -> Result<Glossary> {
    let path = root.join(FILE);
    if !path.is_file() {
        return Ok(Glossary::default());
    }
    crate::read_toml(&path, "用語集")
}

impl Term {
    /// 本文や検索で、この語を指す書き方のすべて。
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [self.ja.as_str(), self.en.as_str()]
            .into_iter()
            .chain(self.aliases.iter().map(String::as_str))
    }
}

impl Glossary {
    fn get(&self, id: &str) -> Option<&Term> {
        self.terms.iter().find(|term| term.id == id)
    }

    /// 直すべきところ。空なら用語集は正しい。
    pub fn problems(&self, sections: &Sections) -> Vec<String> {
        let mut found = Vec::new();
        let mut ids = HashSet::new();
        let mut owners: HashMap<String, &str> = HashMap::new();
        for term in &self.terms {
            let mut add =
                |problem: String| found.push(format!("{FILE} の語「{}」: {problem}", term.id));
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if term.id.is_empty() || !term.id.chars().all(kebab) {
                add("id は英小文字・数字・ハイフンだけで書いてください。".to_owned());
            }
            if !ids.insert(&term.id) {
                add("同じ id の語がほかにもあります。".to_owned());
            }
            // 1 つの書き方が 2 つの語を指すと、吹き出しも検索もどちらを出すか決められない。
            let names: HashSet<String> = term.names().map(fold).collect();
            for name in names {
                if let Some(other) = owners.insert(name.clone(), &term.id) {
                    add(format!("書き方「{name}」は語「{other}」も使っています。"));
                }
            }
            if term.ja.trim().is_empty() || term.en.trim().is_empty() {
                add("ja か en が空です。".to_owned());
            }
            if term.reading.is_empty() || !term.reading.chars().all(is_hiragana) {
                add(format!("読み「{}」は、ひらがなと長音だけで書いてください。", term.reading));
            }
            if !term.definition.ends_with('。') || term.definition.matches('。').count() != 1 {
                add("definition は、「。」で終わる 1 文にしてください。".to_owned());
            }
            if term.definition.contains(['$', '*', '`']) {
                add("definition には、数式や太字の記法を使えません。".to_owned());
            }
            if let Err(problem) = sections.link(&term.section) {
                add(problem);
            }
            for id in term.related.iter().chain(&term.confused) {
                match self.get(id) {
                    _ if *id == term.id => add("自分自身を関連する語に挙げています。".to_owned()),
                    Some(_) => {}
                    None => add(format!("関連する語「{id}」は用語集にありません。")),
                }
            }
            for id in &term.confused {
                if self.get(id).is_some_and(|other| self.difference(term, other).is_empty()) {
                    add(format!("語「{id}」との見分け方 (difference) がありません。"));
                }
            }
        }
        found
    }

    /// 見分け方は、組のどちらか一方に書いてあればよい。
    fn difference<'a>(&self, term: &'a Term, other: &'a Term) -> &'a str {
        if !term.difference.is_empty() || !other.confused.contains(&term.id) {
            return &term.difference;
        }
        &other.difference
    }

    /// `{{glossary}}` を置き換える Markdown。
    pub fn render(&self, sections: &Sections) -> String {
        let mut terms: Vec<&Term> = self.terms.iter().collect();
        terms.sort_by(|a, b| (&a.reading, &a.ja).cmp(&(&b.reading, &b.ja)));
        let mut rows: Vec<(usize, String)> = Vec::new();
        for term in terms {
            let row = row(&term.reading);
            if rows.last().is_none_or(|(last, _)| *last != row) {
                rows.push((row, String::new()));
            }
            let (_, text) = rows.last_mut().expect("加えたばかり");
            text.push_str(&self.render_term(term, sections));
        }
        let jumps: Vec<String> =
            rows.iter().map(|(row, _)| format!("[{}行](#row-{row})", ROWS[*row])).collect();
        let mut out = format!("{}\n\n", jumps.join(" ・ "));
        for (row, text) in rows {
            out.push_str(&format!("## {}行 {{#row-{row}}}\n\n{text}", ROWS[row]));
        }
        out
    }

    fn render_term(&self, term: &Term, sections: &Sections) -> String {
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
        let related: Vec<String> = term.related.iter().map(|id| self.link(id)).collect();
        if !related.is_empty() {
            links.push_str(&format!("<li>関連: {}</li>", related.join("、")));
        }
        for id in &term.confused {
            let Some(other) = self.get(id) else { continue };
            links.push_str(&format!(
                "<li class=\"term-confused\">取り違えやすい語: {} — {}</li>",
                self.link(id),
                escape(self.difference(term, other))
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

    fn link(&self, id: &str) -> String {
        let name = self.get(id).map_or(id, |term| &term.ja);
        format!("<a href=\"#term-{id}\">{}</a>", escape(name))
    }

    /// ページで初めて出てきた語を、用語集へのリンクにする。説明は `data-tip` に入れ、
    /// book/theme/terms.js が吹き出しにする。JavaScript が無くても、リンクとして働く。
    pub fn mark_first_uses(&self, source: &mut Source, page: &Path) {
        if self.terms.is_empty() || page.starts_with("appendix") && page != COMPUTATION {
            return;
        }
        let up = "../".repeat(page.components().count() - 1);
        let matcher = Matcher::new(&self.terms);
        let mut used = vec![false; self.terms.len()];
        let mut edits: Vec<Edit> = Vec::new();
        for range in prose(&source.text) {
            for (place, index) in matcher.find(&source.text, range) {
                if std::mem::replace(&mut used[index], true) {
                    continue;
                }
                let term = &self.terms[index];
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
                let first = name.chars().next().expect("空の書き方は検査で断る");
                table.entry(first).or_default().push((name, index));
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

const ROWS: [&str; 10] = ["あ", "か", "さ", "た", "な", "は", "ま", "や", "ら", "わ"];

/// 読みの頭の文字の行。ひらがなの文字コードは五十音の順に並んでいる。
fn row(reading: &str) -> usize {
    let first = reading.chars().next().unwrap_or('あ');
    let starts = ['か', 'さ', 'た', 'な', 'は', 'ま', 'ゃ', 'ら', 'ゎ'];
    starts.iter().filter(|start| **start <= first).count()
}

fn is_hiragana(c: char) -> bool {
    matches!(c, 'ぁ'..='ん' | 'ー')
}

/// 大文字と小文字、空白の違いを無くした書き方。
fn fold(name: &str) -> String {
    name.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect()
}
