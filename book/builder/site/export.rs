//! 問題集と用語集を持ち出す: Anki にそのまま取り込めるテキストと、表計算ソフトで開ける CSV。
//!
//! `cargo run -- export DIR` と、できた本の「学習の記録」のページが、同じファイルを渡す。

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::content::questions::{Bank, Chapter, KINDS, Question};
use crate::content::sections;
use crate::content::terms::{self, Term};
use crate::markup::files::reason;
use crate::markup::html::escape;
use crate::markup::short::{to_html_with_tex, to_inline_with_tex};
use crate::page::question;
use crate::site::load::load;
use crate::site::preprocessor;

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

/// もうあるファイルをどうするか。
#[derive(Clone, Copy, PartialEq)]
pub enum Existing {
    /// 中身が違うなら、何も書かずに断る。
    Keep,
    Replace,
}

/// 原稿を確かめてから、`dir` にすべてのファイルを書き、その場所を返す。
///
/// どのファイルも、隣に書き終えてから名前を替える。途中で失敗しても、前のファイルは欠けない。
pub fn write(root: &Path, dir: &Path, existing: Existing) -> Result<Vec<PathBuf>> {
    let book = load(root)?;
    let manuscripts = preprocessor::read(root, &book.config.book.src, &book.book)?;
    if !manuscripts.problems.is_empty() {
        bail!(
            "原稿に {} 個の誤りがあるので、書き出しません。\n{}",
            manuscripts.problems.len(),
            manuscripts.problems.join("\n")
        );
    }
    // Anki の数式は LaTeX のまま渡すので、読めない数式はページと同じ手順で先に見つける。
    for (chapter, question) in all(&manuscripts.bank) {
        question::render(&manuscripts.bank, 1, question)
            .with_context(|| question.place(&chapter.file))?;
    }
    let texts = texts(root, &manuscripts.bank, &manuscripts.glossary.terms)?;
    let unwritable = |path: &Path, error: &io::Error| {
        anyhow!(
            "{} に書き出せません: {}。書き込めるフォルダを指定してください",
            path.display(),
            reason(error)
        )
    };
    fs::create_dir_all(dir).map_err(|error| unwritable(dir, &error))?;
    for (name, _) in &texts {
        let path = dir.join(name);
        if path.is_dir() {
            return Err(unwritable(&path, &io::ErrorKind::IsADirectory.into()));
        }
    }
    if existing == Existing::Keep {
        let other = |name: &str, text: &str| {
            let path = dir.join(name);
            path.exists() && fs::read(path).ok().as_deref() != Some(text.as_bytes())
        };
        let others: Vec<&str> =
            texts.iter().filter(|(name, text)| other(name, text)).map(|(name, _)| *name).collect();
        ensure!(
            others.is_empty(),
            "{} に、中身の違う {} がもうあります。失われないように、何も書きませんでした。書き替えてよければ --overwrite を付けるか、別のフォルダを指定してください",
            dir.display(),
            others.join("、")
        );
    }
    let mut made = Vec::new();
    for (name, text) in &texts {
        let path = dir.join(format!(".{name}.{}.part", std::process::id()));
        let written = fs::write(&path, text);
        made.push((path, dir.join(name)));
        if let Err(error) = written {
            remove(&made);
            return Err(unwritable(dir, &error));
        }
    }
    for (part, path) in &made {
        if let Err(error) = fs::rename(part, path) {
            remove(&made);
            return Err(unwritable(path, &error));
        }
    }
    Ok(made.into_iter().map(|(_, path)| path).collect())
}

fn remove(made: &[(PathBuf, PathBuf)]) {
    for (part, _) in made {
        let _ = fs::remove_file(part);
    }
}

/// ファイルの名前と中身。
pub fn texts(root: &Path, bank: &Bank, terms: &[Term]) -> Result<Vec<(&'static str, String)>> {
    files(root)
        .into_iter()
        .map(|(name, _)| {
            let text = match name {
                ANKI => anki(bank)?,
                CSV => csv(bank),
                ANKI_TERMS => anki_terms(terms),
                _ => csv_terms(terms),
            };
            Ok((name, text))
        })
        .collect()
}

fn all(bank: &Bank) -> impl Iterator<Item = (&Chapter, &Question)> {
    bank.chapters.iter().flat_map(|chapter| chapter.questions.iter().map(move |q| (chapter, q)))
}

/// 章・重要度・難しさと、名前を問う問題なら向きの札。Anki は空白で札を区切る。
fn tags(chapter: &Chapter, question: &Question) -> String {
    let Question { importance, level, .. } = question;
    let direction = question.direction.iter().map(|direction| format!(" 向き::{direction}"));
    format!("章::{} 重要度::{importance} 難しさ::{level}", chapter.chapter)
        + &direction.collect::<String>()
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

/// 番号 (GUID)、表、裏、札。改行は 1 行 1 枚の形を崩す。
fn anki_row(fields: [String; 4]) -> String {
    fields.map(|field| quote(one_line(&field))).join("\t") + "\n"
}

/// HTML の改行は空白と同じなので空白に替える。コードの中の改行だけは、文字参照にして残す。
fn one_line(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    for (index, part) in html.split("<pre>").enumerate() {
        let (code, rest) = match part.split_once("</pre>") {
            Some((code, rest)) if index > 0 => (Some(code), rest),
            _ => (None, part),
        };
        if let Some(code) = code {
            out.push_str(&format!("<pre>{}</pre>", code.trim_end().replace('\n', "&#10;")));
        }
        out.push_str(rest);
    }
    out.replace(['\n', '\t'], " ")
}

fn anki(bank: &Bank) -> Result<String> {
    let mut text = anki_head("");
    for (chapter, question) in all(bank) {
        let place = || question.place(&chapter.file);
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
        "難しさ",
        "問われる語",
        "向き",
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
            match question.syllabus.as_slice() {
                [] => question::OUTSIDE.to_owned(),
                _ => items.map(|item| item.name()).collect::<Vec<_>>().join("、"),
            },
            question.evidence.join("\n"),
            question.level.clone(),
            question.term.as_ref().and_then(|id| bank.terms.get(id)).cloned().unwrap_or_default(),
            question.direction.clone().unwrap_or_default(),
        ];
        text += &csv_row(row);
    }
    format!("\u{feff}{text}")
}

fn csv_row<const N: usize>(fields: [String; N]) -> String {
    fields.map(|field| quote(defuse(field))).join(",") + "\r\n"
}

/// 表計算ソフトに式と読まれる文字で始まる欄は、頭に ' を付けて、ただの文字にする。
fn defuse(field: String) -> String {
    match field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{field}"),
        false => field,
    }
}

/// 区切りや改行を含んでもよいように囲む。
fn quote(field: String) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}
