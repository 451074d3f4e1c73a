//! 原稿を知らない、文字の道具。
//!
//! ファイルを読む [`files`]、行の出どころを覚える原稿 [`source`]、文法 [`parser`]、HTML を守って運ぶ [`placeholders`]、
//! 文字を逃がす [`html`]、数式 [`math`] とその読み [`math_name`]、日本語の組版 [`japanese`]、短い文を HTML にする [`short`]。

pub mod files;
pub mod html;
pub mod japanese;
pub mod math;
pub mod math_name;
pub mod parser;
pub mod placeholders;
pub mod short;
pub mod source;
