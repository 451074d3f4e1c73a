//! 第2章 変分オートエンコーダ (VAE)
//!
//! 論文: Kingma & Welling (2013) "Auto-Encoding Variational Bayes", arXiv:1312.6114。
//!
//! 読む順番:
//!
//! 1. [`config`] 設定と、その値の出どころ
//! 2. [`model`] エンコーダとデコーダ
//! 3. [`train`] 再パラメータ化、ELBO の 2 つの項、1 回の更新、学習の全体
//! 4. [`density`] オートエンコーダの潜在変数に、あとから当てはめる密度 (比べるために)
//! 5. [`figures`] 学習の結果を図にする (学習はしない)
//! 6. [`explorer`] 本のページで動かすために、デコーダの重みを書き出す
//! 7. [`book`] 本に載せる実験の一式 (壊した実験も含む)

#[cfg(not(target_arch = "wasm32"))]
pub mod book;
#[cfg(not(target_arch = "wasm32"))]
pub mod compare;
pub mod config;
#[cfg(not(target_arch = "wasm32"))]
pub mod density;
#[cfg(not(target_arch = "wasm32"))]
pub mod explorer;
#[cfg(not(target_arch = "wasm32"))]
pub mod figures;
pub mod model;
pub mod train;
