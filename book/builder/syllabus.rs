//! シラバスの項目 (`book/quiz/syllabus.toml`) と、対応表のページ。
//!
//! 節・問題・テストは、問題集から数える。問題が増えれば、表も増える。

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::markdown::escape;
use crate::quiz::{Bank, Question};
use crate::sections::Sections;

/// シラバスの原稿。
pub const FILE: &str = "book/quiz/syllabus.toml";

#[derive(Deserialize)]
pub struct Syllabus {
    #[serde(default)]
    pub edition: BTreeMap<String, Edition>,
    #[serde(default)]
    pub item: Vec<Item>,
    #[serde(default)]
    pub pair: Vec<Pair>,
}

/// 版。確かめた日もここに持つ。
#[derive(Deserialize)]
pub struct Edition {
    pub name: String,
    pub version: String,
    pub effective: String,
    pub checked: String,
    pub url: String,
}

#[derive(Deserialize)]
pub struct Item {
    pub id: String,
    pub edition: String,
    #[serde(default)]
    pub number: String,
    #[serde(default)]
    pub chapter: String,
    pub title: String,
    #[serde(default)]
    pub keywords: Vec<String>,
}

impl Item {
    /// 「2024年版 24「オートエンコーダ」」のような名前。
    pub fn name(&self) -> String {
        let number = format!("{}年版 {}", self.edition, self.number);
        format!("{}「{}」", number.trim(), self.title)
    }
}

/// 新旧の項目の対応。`old` が空なら、2024 年版で加わったもの。
#[derive(Deserialize)]
pub struct Pair {
    pub old: String,
    pub new: Vec<String>,
    pub note: String,
}

pub fn load(root: &Path) -> Result<Syllabus> {
    crate::read_toml(&root.join(FILE), "シラバス")
}

/// 1 つの項目に結び付いたもの。
pub struct Coverage<'a> {
    pub questions: Vec<&'a Question>,
    /// 節と、そこを指す問題の数。
    pub sections: BTreeMap<&'a str, usize>,
    pub tests: BTreeSet<&'a str>,
}

/// 問題集のうち、その項目の問題と、問題が指す節とテスト。
pub fn coverage<'a>(bank: &'a Bank, item: &str) -> Coverage<'a> {
    let all = bank.chapters.iter().flat_map(|chapter| &chapter.questions);
    let questions: Vec<&Question> =
        all.filter(|question| question.syllabus.iter().any(|id| id == item)).collect();
    let mut sections = BTreeMap::new();
    let mut tests = BTreeSet::new();
    for question in &questions {
        *sections.entry(question.section.as_str()).or_default() += 1;
        tests.extend(question.evidence.iter().map(String::as_str));
    }
    Coverage { questions, sections, tests }
}

/// 項目ごとに見せる節の数。問題の多い順に選ぶ。
const SECTIONS_SHOWN: usize = 4;

impl Syllabus {
    pub fn get(&self, id: &str) -> Option<&Item> {
        self.item.iter().find(|item| item.id == id)
    }

    /// `{{syllabus}}` を置き換える Markdown。`badge` はテストの名札を作る。
    pub fn render(
        &self,
        bank: &Bank,
        sections: &Sections,
        badge: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<String> {
        let mut out = String::from("## 版と、確かめた日 {#editions}\n\n");
        out.push_str(
            "| シラバス | 版 | 使われる試験 | 最後に確かめた日 |\n| --- | --- | --- | --- |\n",
        );
        for edition in self.edition.values().rev() {
            out.push_str(&format!(
                "| [{}]({}) | {} | {} | {} |\n",
                edition.name, edition.url, edition.version, edition.effective, edition.checked
            ));
        }
        out.push_str("\n## 新旧の項目を並べる {#pairs}\n\n");
        out.push_str("| 2021年版 | 2024年版 | 変わったこと |\n| --- | --- | --- |\n");
        for pair in &self.pair {
            let new: Vec<String> = pair.new.iter().map(|id| self.name(id)).collect();
            let old = if pair.old.is_empty() { "—".to_owned() } else { self.name(&pair.old) };
            let new = if new.is_empty() { "—".to_owned() } else { new.join("<br>") };
            out.push_str(&format!("| {old} | {new} | {} |\n", pair.note));
        }
        for (edition, title) in [("2024", "2024年版の項目"), ("2021", "2021年版の項目")] {
            out.push_str(&format!("\n## {title} {{#edition-{edition}}}\n\n"));
            for item in self.item.iter().filter(|item| item.edition == edition) {
                out.push_str(&self.render_item(item, bank, sections, badge)?);
            }
        }
        Ok(out)
    }

    fn name(&self, id: &str) -> String {
        let Some(item) = self.get(id) else { return id.to_owned() };
        format!("[{} {}](#item-{id})", item.number, item.title)
    }

    fn render_item(
        &self,
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
            .map(|(chapter, count)| format!("[{}](../{chapter}/quiz.md) {count}問", short(chapter)))
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
            0 => out.push_str(
                "- テスト: ありません。動かすコードの無い項目なので、文献で確かめました\n\n",
            ),
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
}

/// 章の短い名前 (`ch03-gan` → `第3章`)。章でないものは、そのまま。
pub fn short(chapter: &str) -> String {
    match chapter.strip_prefix("ch0").and_then(|rest| rest.chars().next()) {
        Some(digit) if digit.is_ascii_digit() => format!("第{digit}章"),
        _ => match chapter {
            "beyond" => "発展".to_owned(),
            other => other.to_owned(),
        },
    }
}
