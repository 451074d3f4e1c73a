//! 第1章 生成モデルの考え方
//!
//! 深いネットワークを使う前に、手で追える大きさの生成モデルを学習させます。
//! 混合ガウスと EM は Dempster, Laird & Rubin (1977)、式の形は Bishop (2006)
//! "Pattern Recognition and Machine Learning" 9.2 節と同じです。
//!
//! 読む順番:
//!
//! 1. [`config`] 設定と、その値の意味
//! 2. [`data`] 学習に使うデータと、学習に使わずに取っておくデータ
//! 3. [`model`] 正規分布、その混合 p(x)、クラスごとの p(x|y)、そして識別モデル p(y|x)
//! 4. [`train`] 最尤推定、EM アルゴリズム、識別モデルの勾配降下
//! 5. [`measure`] 尤度と標本を測る (学習はしない)
//! 6. [`figures`] 学習の結果を図にする (学習はしない)
//! 7. [`book`] 本に載せる実験の一式 (壊した実験も含む)
//!
//! [`convert`] は行列とテンソルの行き来です。

#[cfg(not(target_arch = "wasm32"))]
pub mod book;
#[cfg(not(target_arch = "wasm32"))]
pub mod compare;
pub mod config;
pub mod convert;
pub mod data;
#[cfg(not(target_arch = "wasm32"))]
pub mod figures;
pub mod measure;
pub mod model;
pub mod train;
