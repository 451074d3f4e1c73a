//! 問題集を持ち出す: Anki にそのまま取り込めるテキストと、表計算ソフトで開ける CSV。
//!
//! `cargo run -- export DIR` と、できた本の「学習の記録」のページが、同じファイルを渡す。

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::markdown::{escape, render_markdown_with_tex};
use crate::quiz::{self, Bank, Chapter, KINDS, Question, inline};

/// Anki 用のテキスト。
pub const ANKI: &str = "anki-questions.txt";
/// 表計算ソフト用の CSV。
pub const CSV: &str = "questions.csv";

/// `dir` にすべてのファイルを書き、その場所を返す。
pub fn write(root: &Path, dir: &Path) -> Result<Vec<PathBuf>> {
    let bank = quiz::load(root)?;
    fs::create_dir_all(dir).with_context(|| unwritable(dir))?;
    let mut written = Vec::new();
    for (name, text) in [(ANKI, anki(&bank)?), (CSV, csv(&bank))] {
        let path = dir.join(name);
        fs::write(&path, text).with_context(|| unwritable(dir))?;
        written.push(path);
    }
    Ok(written)
}

fn unwritable(dir: &Path) -> String {
    format!("{} に書き出せません。書き込めるフォルダを指定してください", dir.display())
}

fn questions(bank: &Bank) -> impl Iterator<Item = (&Chapter, &Question)> {
    bank.chapters.iter().flat_map(|chapter| chapter.questions.iter().map(move |q| (chapter, q)))
}

/// 章と重要度の札。Anki は空白で札を区切る。
fn tags(chapter: &Chapter, question: &Question) -> String {
    format!("章::{} 重要度::{}", chapter.chapter, question.importance)
}

// ---- Anki ----

/// 先頭の `#` の行が Anki への指示になり、取り込みの画面で列を選ばなくて済む。
///
/// guid が問題の id から決まるので、直した問題集を取り込み直すと、学習の記録を残したまま
/// カードの文面だけが新しくなる。
fn anki(bank: &Bank) -> Result<String> {
    let mut text = String::from(
        "#separator:tab\n#html:true\n#guid column:1\n#tags column:4\n#deck:深層生成モデル 実行できるワークブック\n",
    );
    for (chapter, question) in questions(bank) {
        let place = || format!("book/quiz/{} の問題「{}」", chapter.file, question.id);
        let (front, back) = card(question).with_context(place)?;
        let guid = format!("workbook-{}", question.id);
        let fields = [guid, front, back, tags(chapter, question)].map(|field| anki_field(&field));
        text += &(fields.join("\t") + "\n");
    }
    Ok(text)
}

/// 改行は 1 行 1 枚の形を崩す。HTML では空白と同じなので替えてよい。
fn anki_field(html: &str) -> String {
    quote(&html.replace(['\n', '\t'], " "))
}

/// カードの表 (問題と選択肢) と裏 (正解、理由、解説、出典)。
fn card(question: &Question) -> Result<(String, String)> {
    let html = |text: &str| render_markdown_with_tex(text);
    let (mut front, mut back) = (html(&question.stem)?, String::new());
    for (label, choices) in question.groups() {
        let label =
            if label.is_empty() { String::new() } else { format!("（{}）", escape(label)) };
        let (mut texts, mut reasons, mut right) = (String::new(), String::new(), Vec::new());
        for (index, choice) in question.order(choices).into_iter().enumerate() {
            texts += &format!("<li>{}</li>", inline(&choice.text, &html)?);
            let mark = if choice.correct { "○" } else { "×" };
            reasons += &format!("<li>{mark} {}</li>", inline(&choice.reason, &html)?);
            if choice.correct {
                right.push(format!("{}. {}", index + 1, inline(&choice.text, &html)?));
            }
        }
        front += &format!("<div>{label}</div><ol style=\"text-align: left\">{texts}</ol>");
        back += &format!(
            "<div><b>{label}正解: {}</b></div><ol style=\"text-align: left\">{reasons}</ol>",
            right.join("、")
        );
    }
    back += &format!(
        "<div style=\"text-align: left\">{}<p>出典: {}</p></div>",
        html(&question.explanation)?,
        inline(&question.source, &html)?
    );
    Ok((front, back))
}

// ---- CSV ----

/// 文章は原稿 (Markdown と LaTeX) のまま書く。先頭の BOM は、Excel に UTF-8 だと伝える。
fn csv(bank: &Bank) -> String {
    let header = [
        "id",
        "章",
        "重要度",
        "形式",
        "問題",
        "選択肢",
        "正解",
        "理由",
        "解説",
        "出典",
        "節",
        "シラバス",
        "テスト",
    ];
    let mut text = format!("\u{feff}{}\r\n", header.map(quote).join(","));
    for (chapter, question) in questions(bank) {
        let kind = KINDS.iter().find(|(kind, _)| *kind == question.kind);
        let (mut choices, mut right, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
        for (label, group) in question.groups() {
            let label = if label.is_empty() { String::new() } else { format!("（{label}）") };
            for (index, choice) in question.order(group).into_iter().enumerate() {
                let number = format!("{label}{}", index + 1);
                choices.push(format!("{number}. {}", choice.text.trim()));
                reasons.push(format!("{number}. {}", choice.reason.trim()));
                if choice.correct {
                    right.push(number);
                }
            }
        }
        let items = question.syllabus.iter().filter_map(|id| bank.item(id));
        let row = [
            question.id.clone(),
            chapter.chapter.clone(),
            question.importance.clone(),
            kind.map_or("", |(_, how)| how).to_owned(),
            question.stem.trim().to_owned(),
            choices.join("\n"),
            right.join("、"),
            reasons.join("\n"),
            question.explanation.trim().to_owned(),
            question.source.clone(),
            question.section_page(),
            items.map(|item| item.name()).collect::<Vec<_>>().join("、"),
            question.evidence.join("\n"),
        ];
        text += &(row.map(|field| quote(&field)).join(",") + "\r\n");
    }
    text
}

/// 区切りや改行を含んでもよいように囲む。
fn quote(field: impl AsRef<str>) -> String {
    format!("\"{}\"", field.as_ref().replace('"', "\"\""))
}
