//! 正誤対照 (`book/errata.toml`)。

use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::content::manuscript;

/// 正誤対照の原稿。
pub const FILE: &str = "book/errata.toml";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Errata {
    #[serde(default, rename = "point")]
    pub points: Vec<Point>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// この点から始まる組の見出し。
    #[serde(default)]
    pub group: String,
    pub title: String,
    pub popular: String,
    pub paper: String,
    pub source: String,
    pub tests: Vec<String>,
    pub sections: Vec<String>,
    /// 原稿の行。
    #[serde(skip)]
    pub line: usize,
}

pub fn load(root: &Path) -> Result<Errata> {
    let (mut errata, lines): (Errata, _) =
        manuscript::read_with_lines(root, FILE, "正誤対照", "point")?;
    for (point, line) in errata.points.iter_mut().zip(lines) {
        point.line = line;
    }
    Ok(errata)
}
