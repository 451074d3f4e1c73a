//! 本の全体。
//!
//! 作る手順は [`build`]、mdBook に組み込む前処理は [`preprocessor`]。描いた後に、検索の索引 [`search_index`]、
//! 画面の言葉 [`interface`]、試験の机が読む問題 [`question_data`] を仕上げる。
//! 持ち出し [`export`]、`cargo run` のサーバー [`serve`]、端末への知らせ [`terminal`]。

pub mod build;
pub mod export;
pub mod interface;
pub mod preprocessor;
pub mod question_data;
pub mod search_index;
pub mod serve;
pub mod terminal;
