//! 試験の机 (模擬試験・復習・学習の記録) のページが読む問題集 `exam/bank.js` を、できた本に加える。
//!
//! file:// で開いたページは JSON を読みに行けない。そこで、変数に入れるだけの JS にする。
//! 1 問の HTML は章の確認問題と同じもので、操作も同じ book/theme/quiz.js が付ける。

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::content::questions::{self, Bank, IMPORTANCES, LEVELS, Question};
use crate::content::sections::{self, Sections};
use crate::content::terms;
use crate::markup::files::read_text;
use crate::markup::html::escape;
use crate::markup::short::to_inline;
use crate::page::question;
use crate::site::export;

/// 形は book/theme/shape.toml にある。tests/book/shape.rs が、机の JS とも突き合わせる。
#[derive(Serialize)]
struct Data<'a> {
    chapters: Vec<ChapterData<'a>>,
    syllabus: Vec<ItemData<'a>>,
    questions: Vec<QuestionData<'a>>,
    files: Vec<(&'static str, &'static str)>,
}

#[derive(Serialize)]
struct ChapterData<'a> {
    id: &'a str,
    title: String,
}

#[derive(Serialize)]
struct ItemData<'a> {
    id: &'a str,
    name: String,
}

#[derive(Serialize)]
struct QuestionData<'a> {
    id: &'a str,
    chapter: &'a str,
    importance: usize,
    level: usize,
    family: &'a str,
    syllabus: &'a [String],
    section: SectionData,
    right: Vec<Vec<String>>,
    keys: Vec<Vec<String>>,
    html: String,
}

#[derive(Serialize)]
struct SectionData {
    page: String,
    title: String,
}

/// 試験のページがある本 (`dest/exam`) に、問題集の JS と、持ち出せるファイルを置く。
pub fn write(root: &Path, dest: &Path) -> Result<()> {
    let folder = dest.join("exam");
    if !folder.is_dir() {
        return Ok(());
    }
    let bank = questions::load(root)?;
    write_script(&folder.join("bank.js"), "workbookBank", &data(root, &bank)?)?;
    // file:// のページのリンクは、ファイルを落とさずに開いてしまう。落とせるように、中身を JS でも置く。
    let texts: BTreeMap<&str, String> =
        export::texts(root, &bank, &terms::load(root)?.terms)?.into_iter().collect();
    for (name, text) in &texts {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("{} を書けません", path.display()))?;
    }
    write_script(&folder.join("files.js"), "workbookFiles", &texts)
}

/// 大域の変数 `name` に `value` を入れる JS。
fn write_script(path: &Path, name: &str, value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_string(value)?;
    fs::write(path, format!("window.{name} = {json};\n"))
        .with_context(|| format!("{} を書けません", path.display()))
}

fn data<'a>(root: &Path, bank: &'a Bank) -> Result<Data<'a>> {
    let sections = sections(root, bank);
    let mut questions = Vec::new();
    for chapter in &bank.chapters {
        for question in &chapter.questions {
            let data = question_data(bank, &chapter.chapter, question, &sections)
                .with_context(|| question.place(&chapter.file))?;
            questions.push(data);
        }
    }
    let chapters = bank.chapters.iter();
    let syllabus = bank.syllabus.iter();
    Ok(Data {
        chapters: chapters
            .map(|chapter| ChapterData {
                id: &chapter.chapter,
                title: sections.chapter_title(&chapter.chapter).to_owned(),
            })
            .collect(),
        syllabus: syllabus.map(|item| ItemData { id: &item.id, name: item.name() }).collect(),
        questions,
        files: export::files(root),
    })
}

fn question_data<'a>(
    bank: &Bank,
    chapter: &'a str,
    question: &'a Question,
    sections: &Sections,
) -> Result<QuestionData<'a>> {
    let keys = |right_only: bool| {
        let groups = question.groups().into_iter();
        groups
            .map(|(_, choices)| {
                let wanted = choices.iter().filter(|choice| choice.correct || !right_only);
                wanted.map(|choice| question.key(choice)).collect()
            })
            .collect()
    };
    Ok(QuestionData {
        id: &question.id,
        chapter,
        importance: IMPORTANCES.iter().position(|name| *name == question.importance).unwrap_or(2),
        level: LEVELS.iter().position(|name| *name == question.level).unwrap_or(1),
        family: question.family(),
        syllabus: &question.syllabus,
        section: SectionData {
            page: sections::url(&question.section),
            title: heading(sections.title(&question.section).unwrap_or(&question.section))?,
        },
        right: keys(true),
        keys: keys(false),
        html: question::render(bank, 1, question)?,
    })
}

/// 問題が指す節と、章の初めの見出し。
fn sections(root: &Path, bank: &Bank) -> Sections {
    let questions = bank.chapters.iter().flat_map(|chapter| &chapter.questions);
    let mut pages: HashSet<String> = questions
        .map(|question| question.section.split('#').next().unwrap_or_default().to_owned())
        .collect();
    pages.extend(bank.chapters.iter().map(|chapter| format!("{}/README.md", chapter.chapter)));
    let mut sections = Sections::default();
    for page in pages {
        // 無いページは、前処理がもう知らせている。章の名前だけは、無ければ id で代える。
        if let Ok(text) = read_text(&root.join("book/src").join(&page)) {
            sections.add_page(&page, &text);
        }
    }
    sections
}

/// 見出しの文を HTML にする。数式があるものだけ、数式の処理を通す。
fn heading(title: &str) -> Result<String> {
    if title.contains('$') { to_inline(title) } else { Ok(escape(title)) }
}
