//! 第5章 Pix2Pix
//!
//! 論文: Isola et al. (2016) "Image-to-Image Translation with Conditional Adversarial Networks",
//! arXiv:1611.07004。
//!
//! 読む順番:
//!
//! 1. [`config`] 設定と、その値の出どころ
//! 2. [`data`] 対になった画像 (ゴシック体と明朝体の漢字、または手持ちのフォルダ)
//! 3. [`model`] U-Net の生成器 G、PatchGAN の識別器 D、受容野の計算
//! 4. [`train`] 2 つの損失 (式 1〜4)、1 回の更新、学習の全体、生成器だけでの変換
//! 5. [`measure`] 取り置いた字での L1・SSIM・鮮明さ
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
