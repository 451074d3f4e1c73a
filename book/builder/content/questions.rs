//! 問題集 (`book/quiz/*.toml`) を読み、誤りを探す。1 問の HTML は `page/question.rs` が作る。

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use mdbook_markdown::pulldown_cmark::Event;
use serde::Deserialize;

use crate::content::sections::Sections;
use crate::content::syllabus::{self, Item};
use crate::content::test_place::{self, TestPlace};
use crate::content::{manuscript, terms};
use crate::markup::parser::parser;
use crate::markup::placeholders::{STRAY, stray};

pub const KINDS: [(&str, &str); 3] = [
    ("single", "1 つ選ぶ"),
    ("multiple", "あてはまるものをすべて選ぶ"),
    ("blanks", "空欄ごとに 1 つ選ぶ"),
];
pub const IMPORTANCES: [&str; 3] = ["超重要", "重要", "覚えておきたい"];

/// 難しさ。読者には book/src/exam/mock.md の「難しさの決め方」で、同じことを知らせる。
///
/// - 基本: 語の意味、部品の役割、モデルの名前を、一つ知っていれば選べる。
/// - 標準: 知っていることを二つ以上つなぐ。理由や起こることを考える、似たものを見分ける、場面に当てはめる。
/// - 発展: 計算や式の変形、論文の細かな設定、シラバスに無い話題。試験の外で、模擬試験の点数には入れない。
pub const LEVELS: [&str; 3] = ["基本", "標準", "発展"];

/// 名前を問う向き。
pub const DIRECTIONS: [&str; 3] = ["説明から名前", "名前から説明", "場面"];

pub struct Bank {
    pub chapters: Vec<Chapter>,
    /// シラバスの項目。syllabus.toml の順。
    pub syllabus: Vec<Item>,
    /// 用語集の語。id から、見出しの語を引く。
    pub terms: HashMap<String, String>,
    /// 問題の決め手のテスト。名前から引く。見つからないものは [`Bank::problems`] が知らせる。
    pub tests: HashMap<String, TestPlace>,
    /// そのテストを並べるページ ([`test_place::LIST`]) が、本にあるか。
    pub lists_tests: bool,
}

/// 1 つの TOML ファイル。ファイル名は章の名前と同じにする。
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    pub chapter: String,
    #[serde(default, rename = "question")]
    pub questions: Vec<Question>,
    #[serde(skip)]
    pub file: String,
}

/// 書き忘れた文字列は空として受け取り、問題の id を添えて [`Bank::problems`] で知らせる。
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub importance: String,
    /// 理由や起こることを問うなら true、定義や事実を問うなら false。
    pub concept: bool,
    /// 難しさ。[`LEVELS`] のどれか。
    #[serde(default)]
    pub level: String,
    /// 互いに答えになる問題、同じことを問う問題の組。模擬試験にも一度の復習にも、一つの組から 1 問までを出す。
    #[serde(default)]
    pub family: Option<String>,
    /// 名前を問う問題なら、問われる語 (book/terms.toml の id)。
    #[serde(default)]
    pub term: Option<String>,
    /// 名前を問う向き。[`DIRECTIONS`] のどれか。term と組で書く。
    #[serde(default)]
    pub direction: Option<String>,
    #[serde(default)]
    pub syllabus: Vec<String>,
    #[serde(default)]
    pub section: String,
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    pub evidence: Vec<String>,
    #[serde(default)]
    pub stem: String,
    #[serde(default)]
    pub explanation: String,
    #[serde(default, rename = "choice")]
    pub choices: Vec<Choice>,
    #[serde(default, rename = "blank")]
    pub blanks: Vec<Blank>,
    /// 原稿の行。
    #[serde(skip)]
    pub line: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blank {
    pub label: String,
    #[serde(default, rename = "choice")]
    pub choices: Vec<Choice>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub text: String,
    #[serde(default)]
    pub correct: bool,
    #[serde(default)]
    pub reason: String,
}

/// book/quiz の問題を、ファイル名の順にすべて読む。
pub fn load(root: &Path) -> Result<Bank> {
    let dir = root.join("book/quiz");
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("{} を開けません", dir.display()))?
    {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".toml") && dir.join(&name) != root.join(syllabus::FILE) {
            names.push(name);
        }
    }
    // 章の番号の順。番号の無い「その先」は最後になる。
    names.sort_by_key(|name| (!name.starts_with("ch"), name.clone()));
    let mut chapters = Vec::new();
    for name in names {
        let (mut chapter, lines): (Chapter, _) =
            manuscript::read_with_lines(root, &format!("book/quiz/{name}"), "問題集", "question")?;
        for (question, line) in chapter.questions.iter_mut().zip(lines) {
            question.line = line;
        }
        chapter.file = name;
        chapters.push(chapter);
    }
    let terms = terms::load(root)?.terms.into_iter().map(|term| (term.id, term.ja)).collect();
    let questions = chapters.iter().flat_map(|chapter: &Chapter| &chapter.questions);
    let evidence = questions.flat_map(|question| &question.evidence);
    let tests =
        evidence.filter_map(|name| Some((name.clone(), test_place::locate(root, name).ok()?)));
    let tests = tests.collect();
    let lists_tests = root.join("book/src").join(test_place::LIST).exists();
    Ok(Bank { chapters, syllabus: syllabus::load(root)?.item, terms, tests, lists_tests })
}

impl Question {
    /// 選択肢の組。空欄補充では空欄ごとに 1 組、ほかは見出しのない 1 組になる。
    pub fn groups(&self) -> Vec<(&str, &[Choice])> {
        if self.kind == "blanks" {
            let blanks = self.blanks.iter();
            blanks.map(|b| (b.label.as_str(), &*b.choices)).collect()
        } else {
            vec![("", &self.choices)]
        }
    }

    /// ビルド時の並び。原稿では正解を先頭に書きがちなので、id と文面から決まる順に混ぜる。
    pub fn order<'a>(&self, choices: &'a [Choice]) -> Vec<&'a Choice> {
        let mut order: Vec<_> = choices.iter().collect();
        order.sort_by_key(|choice| self.key(choice));
        order
    }

    /// 選択肢を見分ける値（FNV-1a）。読者の記録にも使い、文面が変われば古い記録は合わなくなる。
    pub fn key(&self, choice: &Choice) -> String {
        let bytes = self.id.bytes().chain([0]).chain(choice.text.bytes());
        let hash = bytes
            .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193_u32));
        format!("{hash:08x}")
    }

    /// 組の名前。どの組にも入らない問題は、ただ 1 問の組になる。
    pub fn family(&self) -> &str {
        self.family.as_deref().unwrap_or(&self.id)
    }

    /// 選択肢の値のすべて。
    pub fn keys(&self) -> Vec<String> {
        let choices = self.groups().into_iter().flat_map(|(_, choices)| choices);
        choices.map(|choice| self.key(choice)).collect()
    }

    /// Markdown として読まれる文のすべて。
    fn texts(&self) -> impl Iterator<Item = &str> {
        let choices = self.groups().into_iter().flat_map(|(_, choices)| choices);
        let parts = choices.flat_map(|choice| [choice.text.as_str(), choice.reason.as_str()]);
        [self.stem.as_str(), &self.explanation, &self.source].into_iter().chain(parts)
    }

    /// 誤りを知らせるときの場所。
    pub fn place(&self, file: &str) -> String {
        format!("book/quiz/{file}:{} の問題「{}」", self.line, self.id)
    }

    fn problems(&self, root: &Path, sections: &Sections, bank: &Bank) -> Vec<String> {
        let mut found = Vec::new();
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let family = self.family.iter().map(|family| ("family（組）", family));
        for (name, value) in [("id", &self.id)].into_iter().chain(family) {
            if value.is_empty() || !value.chars().all(kebab) {
                found.push(format!("{name} は英小文字・数字・ハイフンだけで書いてください。"));
            }
        }
        if !KINDS.iter().any(|(kind, _)| *kind == self.kind) {
            found.push(format!(
                "kind「{}」はありません。single、multiple、blanks のどれかにしてください。",
                self.kind
            ));
        }
        if !IMPORTANCES.contains(&self.importance.as_str()) {
            found.push(format!(
                "importance「{}」はありません。{} のどれかにしてください。",
                self.importance,
                IMPORTANCES.join("、")
            ));
        }
        if !LEVELS.contains(&self.level.as_str()) {
            found.push(format!(
                "level（難しさ）「{}」はありません。{} のどれかにしてください。",
                self.level,
                LEVELS.join("、")
            ));
        }
        found.extend(self.name_problem(bank));
        for (name, text) in [
            ("stem（問題文）", &self.stem),
            ("explanation（解説）", &self.explanation),
            ("source（出典）", &self.source),
        ] {
            if text.trim().is_empty() {
                found.push(format!("{name}が空です。書き足してください。"));
            }
        }
        for text in self.texts() {
            let html = parser(text).find_map(|event| match event {
                Event::Html(html) | Event::InlineHtml(html) => Some(html.trim().to_owned()),
                _ => None,
            });
            if let Some(html) = html {
                found.push(format!(
                    "HTML の「{html}」は書けません。記号として見せるなら \\< か `…` で書いてください。"
                ));
            }
            if stray(text).is_some() {
                found.push(format!("{STRAY}。"));
            }
        }
        if !sections.contains(&self.section) {
            found.push(format!(
                "section「{}」という節は本にありません。「ch03-gan/concept.md#id」の形で、見出しの id を確かめてください。",
                self.section
            ));
        }
        if self.syllabus.is_empty() && self.level != LEVELS[2] {
            found.push(
                "syllabus が空です。シラバスの項目を 1 つ以上書くか、シラバスの外の話題なら level を「発展」にしてください。"
                    .to_owned(),
            );
        }
        for item in &self.syllabus {
            if bank.item(item).is_none() {
                found.push(format!("syllabus「{item}」は {} にありません。", syllabus::FILE));
            }
        }
        for test in &self.evidence {
            if let Err(error) = test_place::locate(root, test) {
                found.push(format!("evidence のテストが使えません。{error:#}。"));
            }
        }
        match (self.kind == "blanks", self.choices.len(), self.blanks.len()) {
            (true, _, 0) => found.push("blank（空欄）がありません。".to_owned()),
            (true, 1.., _) => {
                found.push("空欄補充では、choice は各 blank の中に書いてください。".to_owned());
            }
            (false, _, 1..) => {
                found.push("blank は kind = \"blanks\" の問題だけで使えます。".to_owned());
            }
            _ => {}
        }
        let mut labels = HashSet::new();
        for (label, choices) in self.groups() {
            if !label.is_empty() && !self.stem.contains(&format!("（{label}）")) {
                found.push(format!("問題文に空欄（{label}）がありません。"));
            }
            if !labels.insert(label) {
                found.push(format!("空欄（{label}）が 2 度出てきます。"));
            }
            found.extend(self.choice_problems(label, choices));
        }
        found
    }

    /// 名前を問う問題の、語と向きの誤り。
    fn name_problem(&self, bank: &Bank) -> Option<String> {
        match (&self.term, &self.direction) {
            (None, None) => None,
            (Some(_), None) => Some(
                "term（問われる語）には direction（向き）も要ります。組で書いてください。"
                    .to_owned(),
            ),
            (None, Some(_)) => Some(
                "direction（向き）には term（問われる語）も要ります。組で書いてください。"
                    .to_owned(),
            ),
            (Some(term), _) if !bank.terms.contains_key(term) => {
                Some(format!("term「{term}」は {} にありません。", terms::FILE))
            }
            (_, Some(direction)) if !DIRECTIONS.contains(&direction.as_str()) => Some(format!(
                "direction「{direction}」はありません。{} のどれかにしてください。",
                DIRECTIONS.join("、")
            )),
            _ => None,
        }
    }

    fn choice_problems(&self, label: &str, choices: &[Choice]) -> Vec<String> {
        let place =
            if label.is_empty() { String::new() } else { format!("空欄（{label}）の") };
        let mut found = Vec::new();
        if choices.len() < 3 {
            found.push(format!("{place}選択肢は 3 つ以上にしてください。"));
        }
        match choices.iter().filter(|choice| choice.correct).count() {
            0 => found.push(format!("{place}選択肢に正解（correct = true）がありません。")),
            2.. if self.kind != "multiple" => {
                found.push(format!("{place}正解が 2 つ以上あります。1 つにしてください。"));
            }
            _ => {}
        }
        let mut texts = HashSet::new();
        for choice in choices {
            let text = choice.text.trim();
            if text.is_empty() {
                found.push(format!("{place}選択肢に空のものがあります。"));
            } else if !texts.insert(text) {
                found.push(format!("{place}選択肢「{text}」が 2 度出てきます。"));
            }
            if choice.reason.trim().is_empty() {
                found.push(format!("{place}選択肢「{text}」に reason（理由）がありません。"));
            }
        }
        found
    }
}

impl Bank {
    /// シラバスの項目。
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.syllabus.iter().find(|item| item.id == id)
    }

    /// 問題と、その章、章の中の番号（1 から）。
    pub fn find(&self, id: &str) -> Option<(&str, usize, &Question)> {
        self.chapters.iter().find_map(|chapter| {
            let mut numbered = (1..).zip(&chapter.questions);
            let (number, question) = numbered.find(|(_, question)| question.id == id)?;
            Some((chapter.chapter.as_str(), number, question))
        })
    }

    /// 直すべきところを、ファイル名と問題の id を付けた文で返す。空なら問題集は正しい。
    pub fn problems(&self, root: &Path, sections: &Sections) -> Vec<String> {
        let mut found = Vec::new();
        let mut first_file = HashMap::new();
        for chapter in &self.chapters {
            let file = &chapter.file;
            if *file != format!("{}.toml", chapter.chapter) {
                found.push(format!(
                    "book/quiz/{file}: chapter「{}」とファイル名が違います。同じ名前にしてください。",
                    chapter.chapter
                ));
            }
            for question in &chapter.questions {
                let place = question.place(file);
                if let Some(first) = first_file.insert(&question.id, file) {
                    found.push(format!(
                        "{place}: 同じ id の問題が book/quiz/{first} にもあります。id を変えてください。"
                    ));
                }
                let problems = question.problems(root, sections, self);
                found.extend(problems.iter().map(|problem| format!("{place}: {problem}")));
            }
        }
        found
    }
}

/// 章の短い名前 (`ch03-gan` → `第3章`)。章でないものは、そのまま。
pub fn short_name(chapter: &str) -> String {
    match chapter.strip_prefix("ch0").and_then(|rest| rest.chars().next()) {
        Some(digit) if digit.is_ascii_digit() => format!("第{digit}章"),
        _ => match chapter {
            "beyond" => "その先".to_owned(),
            other => other.to_owned(),
        },
    }
}
