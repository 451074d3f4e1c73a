//! ページのほかの原稿と、その検査。
//!
//! 節 [`sections`]、シラバス [`syllabus`]、問題 [`questions`] と項目ごとの数 [`coverage`]、用語 [`terms`]、
//! 確認表 [`points`]、正誤対照 [`errata`]、テストの置き場所 [`test_place`]。読み方は [`manuscript`]。

pub mod coverage;
pub mod errata;
pub mod manuscript;
pub mod points;
pub mod questions;
pub mod sections;
pub mod syllabus;
pub mod terms;
pub mod test_place;
