//! 「考え方」のページの節の終わりに、その節の問題を 1 問ずつ置く。
//!
//! 読み終えるまで一問も解かないと、分かったつもりのまま進んでしまう。問題は章の確認問題と同じもので、答えた記録も同じ所に残る。
//! 検索の索引と印刷用のページを作った後に置くので、どちらにも同じ問題が 2 度出ない。

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::Regex;

use crate::content::questions::{self, Bank, IMPORTANCES, LEVELS, Question};
use crate::markup::files::read_text;
use crate::page::question;

/// 1 ページに置く数。
const COUNT: usize = 2;

static HEADING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"<h2 id="([^"]+)">"#).expect("正しい正規表現"));

/// `dest` の「考え方」のページに問題を置く。
pub fn place(root: &Path, dest: &Path) -> Result<()> {
    if !dest.join("exam").is_dir() {
        return Ok(());
    }
    let bank = questions::load(root)?;
    for chapter in &bank.chapters {
        let path = dest.join(&chapter.chapter).join("concept.html");
        if !path.is_file() {
            continue;
        }
        let html = read_text(&path).with_context(|| format!("{} を読めません", path.display()))?;
        let html = asked(&bank, &chapter.chapter, &chapter.questions, &html)?;
        fs::write(&path, html).with_context(|| format!("{} を書けません", path.display()))?;
    }
    Ok(())
}

fn asked(bank: &Bank, chapter: &str, questions: &[Question], html: &str) -> Result<String> {
    let end = html.find("</main>").unwrap_or(html.len());
    let headings: Vec<(usize, &str)> = HEADING
        .captures_iter(&html[..end])
        .filter_map(|found| Some((found.get(0)?.start(), found.get(1)?.as_str())))
        .collect();
    // 節の順に、その節の終わりの場所と、いちばん大切な問題。
    let fitting: Vec<(usize, &Question)> = headings
        .iter()
        .enumerate()
        .filter_map(|(index, (_, id))| {
            let after = headings.get(index + 1).map_or(end, |(start, _)| *start);
            Some((after, best(questions, &format!("{chapter}/concept.md#{id}"))?))
        })
        .collect();
    let mut html = html.to_owned();
    // 後ろから置けば、前の場所は動かない。
    for nth in (1..=COUNT.min(fitting.len())).rev() {
        let (at, asked) = fitting[(nth * fitting.len() / (COUNT + 1)).min(fitting.len() - 1)];
        if html[at..].starts_with("<section class=\"quiz quiz-inline\"") {
            continue; // 節が少なく、同じ所に当たった。
        }
        let one = question::render(bank, 1, asked)?;
        // 目次に載らないように、見出しではない文にする。
        let one = one.replacen("<h2 class=\"quiz-title\"", "<p class=\"quiz-title\"", 1);
        let one = one.replacen("問 1</h2>", "ここで1問</p>", 1);
        let section = format!(
            "<section class=\"quiz quiz-inline\" aria-label=\"ここで1問\">\n{one}</section>\n"
        );
        html.insert_str(at, &section);
    }
    Ok(html)
}

/// 節の問題のうち、読んだばかりの人が解けるもの。
fn best<'a>(questions: &'a [Question], section: &str) -> Option<&'a Question> {
    questions
        .iter()
        .filter(|question| question.section == section && question.kind == "single")
        .filter(|question| question.importance == IMPORTANCES[0] && question.level != LEVELS[2])
        .min_by_key(|question| question.level != LEVELS[0])
}
