//! TOML の原稿を読む。

use std::path::Path;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

/// TOML の原稿を読む。`form` は、形式が合わないときに知らせる、原稿の種類。
pub fn read<T: DeserializeOwned>(path: &Path, form: &str) -> Result<T> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} を読めません", path.display()))?;
    toml::from_str(&text).with_context(|| {
        format!("{} の書き方が{form}の形式に合いません。下の行を直してください", path.display())
    })
}
