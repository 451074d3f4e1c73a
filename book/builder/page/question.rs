//! 1 問の HTML と、章の確認問題 (`{{quiz …}}`)。
//!
//! HTML は JavaScript がなくても、印刷しても読める形にし、答えは `<details>` に入れる。
//! 選んで採点する操作は、この HTML に book/theme/quiz.js が後から加える。

use anyhow::{Context, Result, bail};

use crate::content::questions::{Bank, IMPORTANCES, KINDS, LEVELS, Question, short_name};
use crate::content::sections;
use crate::markup::html::{escape, escape_attribute};
use crate::markup::math_name::spoken;
use crate::markup::short::{to_html, to_inline};
use crate::page::test_badge;

/// `{{quiz CHAPTER}}` を置き換える HTML。章のフォルダの中のページに置かれるものとする。
pub fn render_chapter(bank: &Bank, chapter: &str) -> Result<String> {
    let Some(found) = bank.chapters.iter().find(|c| c.chapter == chapter) else {
        bail!("「{{{{quiz {chapter}}}}}」の問題集 book/quiz/{chapter}.toml がありません");
    };
    let mut html = String::from("<section class=\"quiz\" aria-label=\"確認問題\">\n");
    for (index, question) in found.questions.iter().enumerate() {
        let question_html =
            render(bank, index + 1, question).with_context(|| question.place(&found.file))?;
        html.push_str(&question_html);
    }
    Ok(html + "</section>\n")
}

/// シラバスの項目に入らない問題の、項目の代わり。
pub const OUTSIDE: &str = "シラバスの外（知っておくとよい）";

/// 1 問の HTML。番号は、章のページでは章の中の通し番号になる。
pub fn render(bank: &Bank, number: usize, q: &Question) -> Result<String> {
    let Some((_, how)) = KINDS.iter().find(|(kind, _)| *kind == q.kind) else {
        bail!("kind「{}」はありません", q.kind);
    };
    let (mut choices, mut reasons) = (String::new(), String::new());
    for (label, group) in q.groups() {
        let (mut texts, mut notes) = (String::new(), String::new());
        for choice in q.order(group) {
            let text = to_inline(&choice.text)?;
            // 数式は読み上げの名前にならないので、声に出す形を添える。
            let name = spoken(&choice.text).map_or(String::new(), |name| {
                format!(" data-name=\"{}\"", escape_attribute(&name))
            });
            texts += &format!("<li data-key=\"{}\"{name}>{text}</li>\n", q.key(choice));
            let (class, mark) = match choice.correct {
                true => ("quiz-right", "○ 正解"),
                false => ("quiz-wrong", "× 不正解"),
            };
            let reason = to_inline(&choice.reason)?;
            notes += &format!("<li class=\"{class}\"><b>{mark}</b> {reason}</li>\n");
        }
        let label = match label {
            "" => String::new(),
            _ => format!("<p class=\"quiz-label\">（{}）</p>\n", escape(label)),
        };
        choices += &format!(
            "<div class=\"quiz-group\">\n{label}<ol class=\"quiz-choices\">\n{texts}</ol>\n</div>\n"
        );
        reasons += &format!("{label}<ol class=\"quiz-reasons\">\n{notes}</ol>\n");
    }
    Ok(format!(
        "<article class=\"quiz-question\" id=\"q-{id}\" data-id=\"{id}\" data-kind=\"{kind}\" aria-labelledby=\"q-{id}-title\">\n\
         <header class=\"quiz-header\"><h2 class=\"quiz-title\" id=\"q-{id}-title\">問 {number}</h2>\n\
         <span class=\"quiz-importance\" data-level=\"{rank}\">{importance}</span>\n\
         <span class=\"quiz-level\">難しさ: {level}</span>\n\
         <span class=\"quiz-how\">{how}</span></header>\n\
         <div class=\"quiz-stem\">{stem}</div>\n{choices}\
         <details class=\"quiz-answer\"><summary>答えと解説</summary>\n{reasons}\
         <div class=\"quiz-explanation\">{explanation}</div>\n{facts}</details>\n</article>\n",
        id = q.id,
        kind = q.kind,
        rank = IMPORTANCES.iter().position(|i| *i == q.importance).unwrap_or(2) + 1,
        importance = escape(&q.importance),
        level = level(q),
        stem = to_html(&q.stem)?,
        explanation = to_html(&q.explanation)?,
        facts = render_facts(bank, q)?,
    ))
}

/// 章の確認問題の、その問題へのリンク。book/theme/quiz.js が読者の結果を添える。
pub fn link(bank: &Bank, id: &str) -> Option<String> {
    let (chapter, number, question) = bank.find(id)?;
    Some(format!(
        "<a href=\"../{chapter}/quiz.html#q-{id}\" data-question=\"{id}\" data-keys=\"{}\">{} 問{number}</a>",
        question.keys().join(" "),
        short_name(chapter),
    ))
}

/// 読者に見せる難しさ。発展は、試験で問われることと取り違えないようにする。
fn level(q: &Question) -> String {
    let outside = if q.level == LEVELS[2] { "（試験の外）" } else { "" };
    escape(&q.level) + outside
}

/// 出典、シラバスの項目、本文の節、決め手になるテスト。
fn render_facts(bank: &Bank, q: &Question) -> Result<String> {
    let items = q.syllabus.iter().filter_map(|id| bank.item(id));
    let mut items: Vec<_> = items.map(|item| escape(&item.name())).collect();
    if items.is_empty() {
        items.push(OUTSIDE.to_owned());
    }
    let mut facts = format!(
        "<ul class=\"quiz-facts\">\n\
         <li><a href=\"../{}\">本文のこの節を読む</a></li>\n\
         <li>出典: {}</li>\n<li>シラバス: {}</li>\n",
        escape_attribute(&sections::url(&q.section)),
        to_inline(&q.source)?,
        items.join("、"),
    );
    for test in &q.evidence {
        if let Some(test) = bank.tests.get(test) {
            let address = bank.lists_tests.then(|| format!("../{}", test_badge::listed(test)));
            facts += &format!("<li>{}</li>\n", test_badge::linked(test, address.as_deref(), ""));
        }
    }
    Ok(facts + "</ul>\n")
}
