//! 本を作る。

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use mdbook_driver::MDBook;

use crate::site::preprocessor::Workbook;
use crate::site::{interface, question_data, search_index};

/// `root` の book.toml の本を `dest` に作る。`dest` の前の中身は消える。
pub fn build_book(root: &Path, dest: &Path) -> Result<()> {
    render(root, dest)?;
    search_index::shrink(dest)?;
    question_data::write(root, dest)?;
    interface::translate(dest)
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
    book.with_preprocessor(Workbook);
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
