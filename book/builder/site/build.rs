//! 本を作る。

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::site::load::{address, guarded, load};
use crate::site::output::Output;
use crate::site::preprocessor::Workbook;
use crate::site::{
    ask, bundle, fonts, interface, links, mdbook_messages, mend, offline, outline, question_data,
    search_index,
};

/// `root` の book.toml の本を `dest` に作る。できるまで `dest` の前の本は残り、できると入れ替わる。
pub fn build_book(root: &Path, dest: &Path) -> Result<()> {
    let output = Output::open(root, dest)?;
    let folder = output.folder();
    let src = draw(root, &folder)?;
    search_index::shrink(&folder)?;
    question_data::write(root, &folder)?;
    interface::translate(&folder)?;
    fonts::mend(&folder)?;
    ask::place(root, &folder)?;
    mend::mend(&folder, &address(root)?)?;
    bundle::bundle(&folder, &outline::script(root, &folder)?)?;
    offline::write(root, &folder)?;
    let problems = links::broken(&folder, root, &src)?;
    if !problems.is_empty() {
        bail!("本に {} 個の切れたリンクがあります。\n{}", problems.len(), problems.join("\n"));
    }
    output.finish()
}

/// mdBook に描かせるだけで、その後の仕上げをしない。画面の言葉はまだ英語である。
pub fn render(root: &Path, dest: &Path) -> Result<()> {
    let output = Output::open(root, dest)?;
    draw(root, &output.folder())?;
    output.finish()
}

/// mdBook に `folder` へ描かせ、`root` から見た原稿のフォルダを返す。
fn draw(root: &Path, folder: &Path) -> Result<PathBuf> {
    let mut book = load(root)?;
    // 表が無いと、前処理が既定の `links` の後に回り、取り込みを確かめられない。
    ensure!(
        book.config.contains_key("preprocessor.workbook"),
        "book.toml に [preprocessor.workbook] (before = [\"links\"]) がありません"
    );
    book.config.build.build_dir = folder.to_path_buf();
    book.with_preprocessor(Workbook);
    let src = book.config.book.src.clone();
    let (drawn, notes) = mdbook_messages::listen(|| guarded(|| book.build()));
    let problems = mdbook_messages::problems(&notes, root, &src);
    if let Err(error) = drawn {
        bail!("{}", [vec![error.to_string()], problems].concat().join("\n"));
    }
    if !problems.is_empty() {
        bail!("本の原稿に {} 個の誤りがあります。\n{}", problems.len(), problems.join("\n"));
    }
    Ok(src)
}
