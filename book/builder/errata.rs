//! 正誤対照 (`book/errata.toml`) をページにする。

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::sections::Sections;

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
}

pub fn load(root: &Path) -> Result<Errata> {
    let path = root.join(FILE);
    let text =
        fs::read_to_string(&path).with_context(|| format!("{} を読めません", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{FILE} の書き方が正誤対照の形式に合いません"))
}

/// 決め手のテストを持つ章が、もうあるか。付録は全章を指すが、章は一つずつできる。
pub fn has_package(root: &Path, test: &str) -> bool {
    let package = test.split("::").next().unwrap_or_default();
    package == "workbook" || root.join("chapters").join(package).is_dir()
}

impl Errata {
    /// `{{errata}}` を置き換える Markdown。`badge` はテストの名札を作る。
    pub fn render(
        &self,
        root: &Path,
        sections: &Sections,
        badge: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<String> {
        let mut out = String::new();
        for (index, point) in self.points.iter().enumerate() {
            let number = index + 1;
            if !point.group.is_empty() {
                out.push_str(&format!("## {} {{#group-{number}}}\n\n", point.group));
            }
            let mut deciding = Vec::new();
            for test in point.tests.iter().filter(|test| has_package(root, test)) {
                deciding.push(badge(test)?);
            }
            for name in &point.sections {
                let link = sections.link(name).map_err(anyhow::Error::msg)?;
                deciding.extend(link.map(|link| format!("[{}](../{name})", link.title)));
            }
            out.push_str(&format!(
                "### {number} {} {{#point-{number}}}\n\n\
                 - **よくある説明**: {}\n\
                 - **論文では**: {}（{}）\n\
                 - **決め手**: {}\n\n",
                point.title,
                point.popular,
                point.paper,
                point.source,
                deciding.join(" "),
            ));
        }
        Ok(out)
    }
}
