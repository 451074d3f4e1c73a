//! 問われる点の確認表 (`book/points.toml`)。

use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::content::manuscript;

/// 確認表の原稿。
pub const FILE: &str = "book/points.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    #[serde(rename = "point")]
    pub points: Vec<Point>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// この点から始まる組の見出し。
    #[serde(default)]
    pub group: String,
    pub text: String,
    pub section: String,
    pub questions: Vec<String>,
}

pub fn load(root: &Path) -> Result<Points> {
    manuscript::read(&root.join(FILE), "確認表")
}
