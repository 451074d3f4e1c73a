//! 学習に要る道具です。手法 (生成器・識別器・手法ごとの損失) は、ここには置きません。
//!
//! 端末・図・保存のための道具は、隣の `tools` クレートにあります。分けてあるのは、各章の
//! `config`・`data`・`model`・`train` とこのクレートだけで、ブラウザ (wasm32) でも学習できるようにするためです。
//!
//! | モジュール | 役割 |
//! |---|---|
//! | [`seed`] | 種と名前から決まる乱数と、学習する変数の置き場 |
//! | [`data`] | 平面の点、手書き数字、ミニバッチ |
//! | [`glyphs`] | 文字の画像 |
//! | [`nn`] | CPU で速い層・損失・最適化 |
//! | [`history`] | 学習の記録 |
//! | [`state`] | 止めたところから続けるための、学習の途中のようす |
//! | [`measure`] | 画像の類似度 (SSIM) と鮮明さ |
//! | [`check`] | 設定の値の範囲 |

pub mod check;
pub mod data;
pub mod glyphs;
pub mod history;
pub mod measure;
pub mod nn;
pub mod seed;
pub mod state;
