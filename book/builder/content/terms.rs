//! 用語集 (`book/terms.toml`) を読み、誤りを探す。
//!
//! ページは `page/glossary.rs` が、本文の吹き出しは `page/term_marks.rs` が作る。

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::content::manuscript;
use crate::content::sections::Sections;

/// 用語集の原稿。
pub const FILE: &str = "book/terms.toml";

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
    /// 原稿の行。
    #[serde(skip)]
    pub line: usize,
}

fn yes() -> bool {
    true
}

/// 用語集を読む。用語集の無い本では空になる。
pub fn load(root: &Path) -> Result<Glossary> {
    if !root.join(FILE).is_file() {
        return Ok(Glossary::default());
    }
    let (mut glossary, lines): (Glossary, _) =
        manuscript::read_with_lines(root, FILE, "用語集", "term")?;
    for (term, line) in glossary.terms.iter_mut().zip(lines) {
        term.line = line;
    }
    Ok(glossary)
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
    pub fn get(&self, id: &str) -> Option<&Term> {
        self.terms.iter().find(|term| term.id == id)
    }

    /// その書き方の語。「敵対的生成ネットワーク (GAN)」のような、かっこの中の言い換えは比べない。
    pub fn find(&self, name: &str) -> Option<&Term> {
        let bare = |name: &str| fold(name.split(" (").next().unwrap_or(name));
        self.terms.iter().find(|term| term.names().any(|other| bare(other) == bare(name)))
    }

    /// 直すべきところ。空なら用語集は正しい。
    pub fn problems(&self, sections: &Sections) -> Vec<String> {
        let mut found = Vec::new();
        let mut ids = HashSet::new();
        let mut owners: HashMap<String, &str> = HashMap::new();
        for term in &self.terms {
            let mut add = |problem: String| {
                found.push(format!("{FILE}:{} の語「{}」: {problem}", term.line, term.id))
            };
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
    pub fn difference<'a>(&self, term: &'a Term, other: &'a Term) -> &'a str {
        if !term.difference.is_empty() || !other.confused.contains(&term.id) {
            return &term.difference;
        }
        &other.difference
    }
}

fn is_hiragana(c: char) -> bool {
    matches!(c, 'ぁ'..='ん' | 'ー')
}

/// 大文字と小文字、空白の違いを無くした書き方。
fn fold(name: &str) -> String {
    name.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect()
}
