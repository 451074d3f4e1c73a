//! シラバスの版と項目 (`book/quiz/syllabus.toml`)。対応表のページは `page/syllabus.rs` が作る。

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::content::manuscript;

/// シラバスの原稿。
pub const FILE: &str = "book/quiz/syllabus.toml";

#[derive(Deserialize)]
pub struct Syllabus {
    #[serde(default)]
    pub edition: BTreeMap<String, Edition>,
    #[serde(default)]
    pub item: Vec<Item>,
    #[serde(default)]
    pub pair: Vec<Pair>,
    #[serde(default)]
    pub exempt: Vec<Exempt>,
}

/// 版。確かめた日もここに持つ。
#[derive(Deserialize)]
pub struct Edition {
    pub name: String,
    pub version: String,
    pub effective: String,
    pub checked: String,
    pub url: String,
}

#[derive(Deserialize)]
pub struct Item {
    pub id: String,
    pub edition: String,
    #[serde(default)]
    pub number: String,
    #[serde(default)]
    pub chapter: String,
    pub title: String,
    #[serde(default)]
    pub keywords: Vec<String>,
}

impl Item {
    /// 「2024年版 24「オートエンコーダ」」のような名前。
    pub fn name(&self) -> String {
        let number = format!("{}年版 {}", self.edition, self.number);
        format!("{}「{}」", number.trim(), self.title)
    }
}

/// 新旧の項目の対応。`old` が空なら、2024 年版で加わったもの。
#[derive(Deserialize)]
pub struct Pair {
    pub old: String,
    pub new: Vec<String>,
    pub note: String,
}

/// 名前を問う問題を作らないキーワードと、その理由。対応表にも出る。
#[derive(Deserialize)]
pub struct Exempt {
    pub keyword: String,
    pub reason: String,
}

pub fn load(root: &Path) -> Result<Syllabus> {
    manuscript::read(root, FILE, "シラバス")
}

impl Syllabus {
    pub fn get(&self, id: &str) -> Option<&Item> {
        self.item.iter().find(|item| item.id == id)
    }

    /// 名前を問う問題を作らない理由。
    pub fn exempt(&self, keyword: &str) -> Option<&str> {
        let found = self.exempt.iter().find(|exempt| exempt.keyword == keyword)?;
        Some(&found.reason)
    }
}
