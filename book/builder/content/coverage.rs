//! シラバスの項目ごとの、問題・節・テスト。問題集から数えるので、問題が増えれば表も増える。

use std::collections::{BTreeMap, BTreeSet};

use crate::content::questions::{Bank, Question};

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
