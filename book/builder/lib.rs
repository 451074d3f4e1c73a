//! 本を作る道具。原稿は `book/src`、問題集は `book/quiz`、見た目は `book/theme`。
//!
//! 四つの部屋に分かれ、使うのは左の部屋のものだけ: `markup ← content ← page ← site`、その上に main.rs。
//! 部屋の中でも輪は作らない (`tests/book/structure.rs` が確かめる)。
//!
//! - [`markup`] 原稿を知らない文字の道具: 文法、目印、HTML、数式、日本語の組版
//! - [`content`] ページのほかの原稿と検査: 節、シラバス、問題、用語、確認表、正誤対照
//! - [`page`] 1 ページが mdBook の描ける Markdown になるまで: 取り込み、図、囲み、1 問の HTML
//! - [`site`] 本の全体: 作る、検索の索引、画面の言葉、試験の机のデータ、持ち出し、サーバー
//!
//! 読む順: [`build_book`] → [`site::preprocessor`] → [`page::prepare`] (1 ページの手順) → そこから呼ばれるもの。

pub mod content;
pub mod markup;
pub mod page;
pub mod site;

pub use site::build::{build_book, render};
pub use site::load::build_dir;
