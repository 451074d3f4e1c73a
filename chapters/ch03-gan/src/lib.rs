//! 第3章 敵対的生成ネットワーク (GAN)
//!
//! 論文: Goodfellow et al. (2014) "Generative Adversarial Nets", arXiv:1406.2661。
//!
//! 読む順番:
//!
//! 1. [`config`] 設定と、その値の出どころ
//! 2. [`model`] 生成器 G と識別器 D
//! 3. [`train`] 価値関数 (式 1)、2 つの損失、1 回の更新、学習の全体 (アルゴリズム 1)
//! 4. [`figures`] 学習の結果を図にする (学習はしない)
//! 5. [`book`] 本に載せる実験の一式 (壊した実験も含む)

#[cfg(not(target_arch = "wasm32"))]
pub mod book;
#[cfg(not(target_arch = "wasm32"))]
pub mod compare;
pub mod config;
#[cfg(not(target_arch = "wasm32"))]
pub mod figures;
pub mod model;
pub mod train;
