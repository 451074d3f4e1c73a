//! 本の全体。
//!
//! 本を読む [`load`]、作る手順 [`build`]、mdBook に組み込む前処理 [`preprocessor`]、置く所 [`output`]。描いた後に、検索の索引
//! [`search_index`]、画面の言葉 [`interface`]、節の終わりの問題 [`ask`]、ページの形 [`mend`]、目録 [`outline`]、通信の無い所の控え [`offline`]、1 本にまとめた JS と CSS [`bundle`]、試験の机が読む問題 [`question_data`]、フォント [`fonts`] を仕上げ、
//! リンク [`links`] を確かめる。mdBook の英語の知らせは [`mdbook_messages`] が訳す。
//! 持ち出し [`export`]、`cargo run` のサーバー [`serve`] と読者の実行の結果 [`runs`]、端末への知らせ [`terminal`]、コマンドラインの言葉 [`command_line`]。

pub mod ask;
pub mod build;
pub mod bundle;
pub mod command_line;
pub mod export;
pub mod fonts;
pub mod interface;
pub mod links;
pub mod load;
pub mod mdbook_messages;
pub mod mend;
pub mod offline;
pub mod outline;
pub mod output;
pub mod preprocessor;
pub mod question_data;
pub mod runs;
pub mod search_index;
pub mod serve;
pub mod terminal;
