//! 問題集と用語集を持ち出す: Anki にそのまま取り込めるテキストと、表計算ソフトで開ける CSV。
//!
//! `cargo run -- export DIR` と、できた本の「学習の記録」のページが、同じファイルを渡す。

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::content::questions::{self, Bank, Chapter, KINDS, Question};
use crate::content::sections;
use crate::content::terms::{self, Term};
use crate::markup::html::escape;
use crate::markup::short::{to_html_with_tex, to_inline_with_tex};

/// Anki 用のテキスト。
pub const ANKI: &str = "anki-questions.txt";
/// 表計算ソフト用の CSV。
pub const CSV: &str = "questions.csv";

/// 用語集の Anki 用のテキスト。
pub const ANKI_TERMS: &str = "anki-terms.txt";
/// 用語集の CSV。
pub const CSV_TERMS: &str = "terms.csv";

/// 書き出せるファイルの名前と、何であるか。
pub fn files(root: &Path) -> Vec<(&'static str, &'static str)> {
    let mut files =
        vec![(ANKI, "問題集: Anki 用のテキスト"), (CSV, "問題集: 表計算ソフト用の CSV")];
    if root.join(terms::FILE).is_file() {
        files.push((ANKI_TERMS, "用語集: Anki 用のテキスト"));
        files.push((CSV_TERMS, "用語集: 表計算ソフト用の CSV"));
    }
    files
}

/// `dir` にすべてのファイルを書き、その場所を返す。
pub fn write(root: &Path, dir: &Path) -> Result<Vec<PathBuf>> {
    let bank = questions::load(root)?;
    let terms = terms::load(root)?.terms;
    fs::create_dir_all(dir).with_context(|| unwritable(dir))?;
    let mut written = Vec::new();
    for (name, _) in files(root) {
        let text = match name {
            ANKI => anki(&bank)?,
            CSV => csv(&bank),
            ANKI_TERMS => anki_terms(&terms),
            _ => csv_terms(&terms),
        };
        let path = dir.join(name);
        fs::write(&path, text).with_context(|| unwritable(dir))?;
        written.push(path);
    }
    Ok(written)
}

fn unwritable(dir: &Path) -> String {
    format!("{} に書き出せません。書き込めるフォルダを指定してください", dir.display())
}

fn all(bank: &Bank) -> impl Iterator<Item = (&Chapter, &Question)> {
    bank.chapters.iter().flat_map(|chapter| chapter.questions.iter().map(move |q| (chapter, q)))
}

/// 章と重要度の札。Anki は空白で札を区切る。
fn tags(chapter: &Chapter, question: &Question) -> String {
    format!("章::{} 重要度::{}", chapter.chapter, question.importance)
}

// ---- 用語集 ----

fn anki_terms(terms: &[Term]) -> String {
    let mut text = anki_head("::用語集");
    for term in terms {
        let front = format!("{}<br><small>{}</small>", escape(&term.ja), escape(&term.reading));
        let parts = [&term.en, &term.definition, &term.difference];
        let parts = parts.iter().filter(|part| !part.is_empty());
        let back: String = parts.map(|part| format!("<p>{}</p>", escape(part))).collect();
        text += &anki_row([format!("workbook-term-{}", term.id), front, back, "用語".to_owned()]);
    }
    text
}

fn csv_terms(terms: &[Term]) -> String {
    let mut text = csv_row(["id", "用語", "英語", "読み", "説明", "見分け方"].map(str::to_owned));
    for term in terms {
        let Term { id, ja, en, reading, definition, difference, .. } = term;
        text += &csv_row([id, ja, en, reading, definition, difference].map(String::clone));
    }
    format!("\u{feff}{text}")
}

// ---- Anki ----

/// 先頭の `#` の行が Anki への指示になり、取り込みの画面で列を選ばなくて済む。
///
/// guid が問題の id から決まるので、直した問題集を取り込み直すと、学習の記録を残したまま
/// カードの文面だけが新しくなる。そのためには、前に取り込んだときと同じノートタイプを使い、
/// 同じ番号のノートを更新しなければならない。どちらも Anki は前の取り込みの選び方を覚えているので、
/// ここで決めておく。名前の無いノートタイプは読み飛ばされるので、日本語と英語の名前を並べる。
fn anki_head(deck: &str) -> String {
    let lines = [
        "separator:tab",
        "html:true",
        "notetype:Basic",
        "notetype:基本",
        "if matches:update current",
        "guid column:1",
        "tags column:4",
    ];
    let lines: String = lines.iter().map(|line| format!("#{line}\n")).collect();
    format!("{lines}#deck:深層生成モデル 実行できるワークブック{deck}\n")
}

/// 番号 (GUID)、表、裏、札。改行は 1 行 1 枚の形を崩す。HTML では空白と同じなので替えてよい。
fn anki_row(fields: [String; 4]) -> String {
    fields.map(|field| quote(field.replace(['\n', '\t'], " "))).join("\t") + "\n"
}

fn anki(bank: &Bank) -> Result<String> {
    let mut text = anki_head("");
    for (chapter, question) in all(bank) {
        let place = || format!("book/quiz/{} の問題「{}」", chapter.file, question.id);
        let (front, back) = card(question).with_context(place)?;
        let guid = format!("workbook-{}", question.id);
        text += &anki_row([guid, front, back, tags(chapter, question)]);
    }
    Ok(text)
}

/// カードの表 (問題と選択肢) と裏 (正解、理由、解説、出典)。
fn card(question: &Question) -> Result<(String, String)> {
    let (mut front, mut back) = (to_html_with_tex(&question.stem)?, String::new());
    for (label, choices) in question.groups() {
        let label =
            if label.is_empty() { String::new() } else { format!("（{}）", escape(label)) };
        let title = if label.is_empty() { String::new() } else { format!("<div>{label}</div>") };
        let (mut texts, mut reasons, mut right) = (String::new(), String::new(), Vec::new());
        for (index, choice) in question.order(choices).into_iter().enumerate() {
            texts += &format!("<li>{}</li>", to_inline_with_tex(&choice.text)?);
            let mark = if choice.correct { "○" } else { "×" };
            reasons += &format!("<li>{mark} {}</li>", to_inline_with_tex(&choice.reason)?);
            if choice.correct {
                right.push(format!("{}. {}", index + 1, to_inline_with_tex(&choice.text)?));
            }
        }
        front += &format!("{title}<ol style=\"text-align: left\">{texts}</ol>");
        back += &format!(
            "<div><b>{label}正解: {}</b></div><ol style=\"text-align: left\">{reasons}</ol>",
            right.join("、")
        );
    }
    back += &format!(
        "<div style=\"text-align: left\">{}<p>出典: {}</p></div>",
        to_html_with_tex(&question.explanation)?,
        to_inline_with_tex(&question.source)?
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
    let mut text = csv_row(header.map(str::to_owned));
    for (chapter, question) in all(bank) {
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
            sections::url(&question.section),
            items.map(|item| item.name()).collect::<Vec<_>>().join("、"),
            question.evidence.join("\n"),
        ];
        text += &csv_row(row);
    }
    format!("\u{feff}{text}")
}

fn csv_row<const N: usize>(fields: [String; N]) -> String {
    fields.map(quote).join(",") + "\r\n"
}

/// 区切りや改行を含んでもよいように囲む。
fn quote(field: String) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}
