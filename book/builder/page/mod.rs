//! 1 ページが、原稿から、mdBook の描ける Markdown になるまで。
//!
//! 手順は [`prepare`]、まわりの事情は [`context`]。取り込み [`includes`]、`{{…}}` [`directives`]、
//! 囲み [`boxes`]、図 [`figures`]、用語の吹き出し [`term_marks`]、テストの名札 [`test_badge`]。
//! `{{…}}` の中身は、問題 [`question`]、用語集 [`glossary`]、確認表 [`points`]、正誤対照 [`errata`]、
//! シラバスの対応表 [`syllabus`]、テストの一覧 [`tests`]。

pub mod boxes;
pub mod context;
pub mod directives;
pub mod errata;
pub mod figures;
pub mod glossary;
pub mod includes;
pub mod points;
pub mod prepare;
pub mod question;
pub mod syllabus;
pub mod term_marks;
pub mod test_badge;
pub mod tests;
