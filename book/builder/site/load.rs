//! book.toml と、本の全ページを読む。

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail, ensure};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;

use crate::markup::files::{read_text, reason, slashed};
use crate::site::mdbook_messages;
use crate::site::mend::Address;

/// mdBook の仕事。英語の誤りも panic も、日本語の誤りにする。
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => bail!("{}", mdbook_messages::explain(&error)),
        Err(_) => bail!("mdBook が途中で止まりました。HTML のタグの釣り合いを確かめてください"),
    }
}

/// book.toml の本を読む。
pub fn load(root: &Path) -> Result<MDBook> {
    let root = std::path::absolute(root)?;
    check_root(&root)?;
    let config = config(&root)?;
    // 読めないページの名前と行を、mdBook より先に知らせる。
    check_pages(&root, &config.book.src)?;
    guarded(|| MDBook::load_with_config(&root, config))
}

fn config(root: &Path) -> Result<Config> {
    let text = read_text(&root.join("book.toml")).context("book.toml を読めません")?;
    guarded(|| Config::from_str(&text))
}

/// 原稿のページが、どれも読めること。
fn check_pages(root: &Path, folder: &Path) -> Result<()> {
    let entries = fs::read_dir(root.join(folder)).map_err(|error| {
        anyhow!("原稿のフォルダ {} を開けません: {}", slashed(folder), reason(&error))
    })?;
    for entry in entries.flatten() {
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            check_pages(root, &path)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            read_text(&root.join(&path))
                .with_context(|| format!("{} を読めません", slashed(&path)))?;
        }
    }
    Ok(())
}

/// book.toml の `build-dir`。
pub fn build_dir(root: &Path) -> Result<PathBuf> {
    check_root(root)?;
    Ok(root.join(config(root)?.build.build_dir))
}

fn check_root(root: &Path) -> Result<()> {
    ensure!(
        root.join("book.toml").is_file(),
        "{} に book.toml がありません。ワークスペースの中で実行してください",
        root.display()
    );
    Ok(())
}

/// book.toml の `[preprocessor.workbook]` にある、公開した本のこと。
pub fn address(root: &Path) -> Result<Address> {
    let config = config(root)?;
    let text = |key: &str| -> Result<Option<String>> {
        let found: Option<String> =
            guarded(|| config.get(&format!("preprocessor.workbook.{key}")))?;
        Ok(found.filter(|text| !text.is_empty()))
    };
    Ok(Address { site: text("site")?, report: text("report")? })
}
