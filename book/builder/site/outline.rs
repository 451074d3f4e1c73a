//! 本の目録: 章ごとの、ページの名前と読む時間、問題の番号。
//!
//! 目次の印、続きから、今日の分 (book/theme/way.js、plan.js) が、どのページからでも使う。問題集 (exam/bank.js) は大きいので、番号だけをまとめた JS に入れる。

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::Regex;
use serde_json::{Value, json};

use crate::content::questions::{self, IMPORTANCES, LEVELS, short_name};
use crate::markup::files::read_text;

/// 1 分に読む字の数。初めて読む人が、式と図を見ながら読む速さ。
const PACE: usize = 450;

static LINK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r##"<a href="([^"#]+\.html)"[^>]*>(.*?)</a>"##).expect("正しい正規表現")
});
static MAIN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s)<main>(.*)</main>").expect("正しい正規表現"));
static QUIET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)<svg.*?</svg>|<pre.*?</pre>|<details.*?</details>|<[^>]*>|\s")
        .expect("正しい正規表現")
});

/// 大域の変数に目録を入れる JS。試験の机の無い本では空。
pub fn script(root: &Path, dest: &Path) -> Result<String> {
    if !dest.join("exam").is_dir() {
        return Ok(String::new());
    }
    let contents = read_text(&dest.join("toc.html")).context("目次 toc.html を読めません")?;
    let bank = questions::load(root)?;
    let mut chapters: Vec<(String, Vec<Value>)> = Vec::new();
    for found in LINK.captures_iter(&contents) {
        let (url, name) = (&found[1], &found[2]);
        let Some((folder, file)) = url.split_once('/') else { continue };
        let reading = bank.chapters.iter().any(|chapter| chapter.chapter == folder);
        if !reading || file == "quiz.html" {
            continue;
        }
        let html = read_text(&dest.join(url)).with_context(|| format!("{url} を読めません"))?;
        let body = MAIN.captures(&html).map_or("", |found| found.get(1).map_or("", |m| m.as_str()));
        let length = QUIET.replace_all(body, "").chars().count();
        // 章の題には、もう番号が付いている。
        let title = match file {
            "index.html" => name.to_owned(),
            _ => format!("{} {name}", short_name(folder)),
        };
        let page = json!([url, title, length.div_ceil(PACE)]);
        match chapters.iter_mut().find(|(known, _)| known == folder) {
            Some((_, pages)) => pages.push(page),
            None => chapters.push((folder.to_owned(), vec![page])),
        }
    }
    let mut questions: HashMap<&str, Vec<Value>> = HashMap::new();
    for chapter in &bank.chapters {
        let list = chapter.questions.iter().map(|question| {
            let importance = IMPORTANCES.iter().position(|name| *name == question.importance);
            json!([question.id, importance.unwrap_or(2), usize::from(question.level == LEVELS[2])])
        });
        questions.insert(&chapter.chapter, list.collect());
    }
    let chapters: Vec<Value> = chapters
        .into_iter()
        .map(|(id, pages)| {
            let questions = questions.remove(id.as_str()).unwrap_or_default();
            json!({ "id": id, "pages": pages, "questions": questions })
        })
        .collect();
    Ok(format!("window.workbookOutline = {};\n", json!({ "chapters": chapters })))
}
