//! 第6章 CycleGAN
//!
//! 論文: Zhu et al. (2017) "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
//! Networks", arXiv:1703.10593。
//!
//! 読む順番:
//!
//! 1. [`config`] 設定と、その値の出どころ
//! 2. [`data`] 写真風 (X) と浮世絵風 (Y) の風景。対は測るためだけに使う
//! 3. [`model`] 生成器 (G と F) と識別器 (D_X と D_Y)
//! 4. [`train`] 損失、偽物をためる箱、1 回の更新、学習の全体、比較のための Pix2Pix 型
//! 5. [`toy`] いちばん小さな世界: 対応が入れ替わるかを、種を替えて試す
//! 6. [`figures`] 学習の結果を図にする (学習はしない)
//! 7. [`book`] 本に載せる実験の一式 (壊した実験も含む)

#[cfg(not(target_arch = "wasm32"))]
pub mod book;
pub mod config;
pub mod data;
#[cfg(not(target_arch = "wasm32"))]
pub mod figures;
pub mod model;
pub mod toy;
pub mod train;
