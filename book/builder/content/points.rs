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
    /// 原稿の行。
    #[serde(skip)]
    pub line: usize,
}

pub fn load(root: &Path) -> Result<Points> {
    let (mut points, lines): (Points, _) =
        manuscript::read_with_lines(root, FILE, "確認表", "point")?;
    for (point, line) in points.points.iter_mut().zip(lines) {
        point.line = line;
    }
    Ok(points)
}
