//! 第7章 拡散モデル
//!
//! 論文: Ho et al. (2020) "Denoising Diffusion Probabilistic Models", arXiv:2006.11239 (DDPM)。
//! 速い生成は Song et al. (2020) arXiv:2010.02502 (DDIM)、コサインのスケジュールは Nichol & Dhariwal (2021)
//! arXiv:2102.09672、ガイダンスは Ho & Salimans (2022) arXiv:2207.12598、潜在拡散は Rombach et al. (2021)
//! arXiv:2112.10752。
//!
//! 読む順番:
//!
//! 1. [`config`] 設定と、その値の出どころ
//! 2. [`data`] 平面の点、数字、ひらがな
//! 3. [`model`] ノイズを当てるネットワーク、時刻の渡し方、潜在拡散のためのオートエンコーダ
//! 4. [`train`] スケジュール、混ぜる、損失、1 回の更新、生成 (DDPM と DDIM)、ガイダンス、学習の全体
//! 5. [`measure`] 字を読む分類器と、散らばりの測り方
//! 6. [`figures`] 学習の結果を図にする (学習はしない)
//! 7. [`book`] 本に載せる実験の一式 (壊した実験も含む)

#[cfg(not(target_arch = "wasm32"))]
pub mod book;
pub mod config;
pub mod data;
#[cfg(not(target_arch = "wasm32"))]
pub mod figures;
pub mod measure;
pub mod model;
pub mod train;
