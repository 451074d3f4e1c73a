//! 正誤対照 (`book/errata.toml`) をページにする。

use std::path::Path;

use anyhow::Result;
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
    crate::read_toml(&root.join(FILE), "正誤対照")
}

impl Errata {
    /// `{{errata}}` を置き換える Markdown。`badge` はテストの名札を作る。
    pub fn render(
        &self,
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
            for test in &point.tests {
                deciding.push(badge(test)?);
            }
            for name in &point.sections {
                let link = sections.link(name).map_err(anyhow::Error::msg)?;
                deciding.push(format!("[{}](../{name})", link.title));
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
