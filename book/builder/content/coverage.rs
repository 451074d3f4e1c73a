//! シラバスの項目ごとの問題・節・テストと、キーワードごとの問題。問題集から数えるので、問題が増えれば表も増える。

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::content::questions::{Bank, DIRECTIONS, Question};
use crate::content::syllabus::{Item, Syllabus};
use crate::content::terms::{Glossary, Term};

/// 1 つの項目に結び付いたもの。
pub struct Coverage<'a> {
    pub questions: Vec<&'a Question>,
    /// 節と、そこを指す問題の数。
    pub sections: BTreeMap<&'a str, usize>,
    pub tests: BTreeSet<&'a str>,
}

/// 問題集のうち、その項目の問題と、問題が指す節とテスト。
pub fn coverage<'a>(bank: &'a Bank, item: &str) -> Coverage<'a> {
    let all = bank.chapters.iter().flat_map(|chapter| &chapter.questions);
    let questions: Vec<&Question> =
        all.filter(|question| question.syllabus.iter().any(|id| id == item)).collect();
    let mut sections = BTreeMap::new();
    let mut tests = BTreeSet::new();
    for question in &questions {
        *sections.entry(question.section.as_str()).or_default() += 1;
        tests.extend(question.evidence.iter().map(String::as_str));
    }
    Coverage { questions, sections, tests }
}

/// 公式のキーワード 1 つと、その名前を向きごとに問う問題。
pub struct KeywordRow<'a> {
    pub item: &'a Item,
    pub keyword: &'a str,
    /// 用語集での、同じ語。
    pub term: Option<&'a Term>,
    /// [`DIRECTIONS`] の順の、問題の id。
    pub cells: [Vec<&'a str>; 3],
}

/// 新旧のシラバスのキーワードの表。並びは syllabus.toml の順で、両方の版にある語は初めの 1 度だけ。
pub fn keywords<'a>(
    syllabus: &'a Syllabus,
    bank: &'a Bank,
    glossary: &'a Glossary,
) -> Vec<KeywordRow<'a>> {
    let items = syllabus.item.iter();
    let named = items.flat_map(|item| item.keywords.iter().map(move |keyword| (item, keyword)));
    let mut seen = HashSet::new();
    named
        .filter(|(_, keyword)| seen.insert(*keyword))
        .map(|(item, keyword)| {
            let term = glossary.find(keyword);
            let cells = DIRECTIONS.map(|direction| {
                let all = bank.chapters.iter().flat_map(|chapter| &chapter.questions);
                let asked = |question: &&Question| {
                    question.direction.as_deref() == Some(direction)
                        && question.term.as_ref() == term.map(|term| &term.id)
                };
                all.filter(asked).map(|question| question.id.as_str()).collect()
            });
            KeywordRow { item, keyword, term, cells }
        })
        .collect()
}
