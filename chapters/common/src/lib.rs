//! 各章で共有する道具です。手法 (生成器・識別器・手法ごとの損失) は、ここには置きません。
//!
//! | モジュール | 役割 |
//! |---|---|
//! | [`seed`] | 種と名前から決まる乱数と、学習する変数の置き場 |
//! | [`data`] | 平面の点、手書き数字、ミニバッチ |
//! | [`glyphs`] | 文字の画像 |
//! | [`folder`] | 読者の画像フォルダ |
//! | [`measure`] | 画像の類似度 (SSIM) と鮮明さ |
//! | [`nn`] | CPU で速い層・損失・最適化 |
//! | [`plot`] | SVG と PNG の図 |
//! | [`history`] | 学習の記録と `run.json` |
//! | [`files`] | 途中で止まっても壊れない書き込み |
//! | [`cli`] | コマンドの共通部分 |

pub mod cli;
pub mod data;
pub mod files;
pub mod folder;
pub mod glyphs;
pub mod history;
pub mod measure;
pub mod nn;
pub mod plot;
pub mod seed;
