//! 本を作る道具。原稿は `book/src`、問題集は `book/quiz`、見た目は `book/theme`。
//!
//! 読む順: [`build_book`] → [`preprocess`] (mdBook の前処理) → [`markdown`] (1 ページの直し方)
//! → そこから呼ばれる `includes`、`directives`、`math`、`boxes`、`figures`、`japanese`、[`quiz`]。
//! 画面の言葉は [`ui`]、`cargo run` のサーバーは [`serve`]。

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use mdbook_driver::MDBook;
use serde::de::DeserializeOwned;

pub mod bank;
mod boxes;
pub mod directives;
pub mod errata;
pub mod export;
mod figures;
pub mod glossary;
mod includes;
mod japanese;
pub mod markdown;
mod math;
pub mod points;
pub mod preprocess;
pub mod quiz;
mod search;
pub mod sections;
pub mod serve;
mod source;
pub mod syllabus;
pub mod ui;

/// 1 行の知らせ。`| head` などで読み手がいなくなっても、仕事は続ける。
pub fn say(text: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// `root` の book.toml の本を `dest` に作る。`dest` の前の中身は消える。
pub fn build_book(root: &Path, dest: &Path) -> Result<()> {
    render(root, dest)?;
    search::shrink_index(dest)?;
    bank::write(root, dest)?;
    ui::translate(dest)
}

/// TOML の原稿を読む。`form` は、形式が合わないときに知らせる、原稿の種類。
fn read_toml<T: DeserializeOwned>(path: &Path, form: &str) -> Result<T> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} を読めません", path.display()))?;
    toml::from_str(&text).with_context(|| {
        format!("{} の書き方が{form}の形式に合いません。下の行を直してください", path.display())
    })
}

/// mdBook に描かせる。画面の言葉はまだ英語である。
pub fn render(root: &Path, dest: &Path) -> Result<()> {
    let root = std::path::absolute(root)?;
    let dest = std::path::absolute(dest)?;
    check_root(&root)?;
    // mdBook は出力先を空にしてから描く。原稿のフォルダを指していたら、原稿が消える。
    ensure!(
        !dest.starts_with(root.join("book")),
        "出力先 {} は原稿のフォルダの中です。target の中などにしてください",
        dest.display()
    );
    let mut book = MDBook::load(&root).context("book.toml か SUMMARY.md を読めません")?;
    // 表が無いと、前処理が既定の `links` の後に回り、取り込みを確かめられない。
    ensure!(
        book.config.contains_key("preprocessor.workbook"),
        "book.toml に [preprocessor.workbook] (before = [\"links\"]) がありません"
    );
    book.config.build.build_dir = dest;
    book.with_preprocessor(preprocess::Workbook);
    book.build()
}

/// book.toml の `build-dir`。
pub fn build_dir(root: &Path) -> Result<PathBuf> {
    check_root(root)?;
    let path = root.join("book.toml");
    let config = mdbook_driver::config::Config::from_disk(&path)
        .with_context(|| format!("{} を読めません", path.display()))?;
    Ok(root.join(config.build.build_dir))
}

fn check_root(root: &Path) -> Result<()> {
    ensure!(
        root.join("book.toml").is_file(),
        "{} に book.toml がありません。ワークスペースの中で実行してください",
        root.display()
    );
    Ok(())
}
