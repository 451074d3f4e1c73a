//! 第4章 深層畳み込み GAN (DCGAN)
//!
//! 論文: Radford, Metz, Chintala (2015) "Unsupervised Representation Learning with Deep
//! Convolutional Generative Adversarial Networks", arXiv:1511.06434。
//!
//! 読む順番:
//!
//! 1. [`config`] 設定と、その値の出どころ
//! 2. [`data`] 教育漢字の画像 (または手元の画像) を、限りなく出す
//! 3. [`model`] 転置畳み込みの生成器と、ストライド付き畳み込みの識別器 (論文 3 節の処方)
//! 4. [`train`] 2 つの損失、1 回の更新、学習の全体 (GAN の章と同じ)
//! 5. [`measure`] 特徴と距離、潜在変数の足し引き、市松模様の強さ
//! 6. [`figures`] 学習の結果を図にする (学習はしない)
//! 7. [`book`] 本に載せる実験の一式 (比べる学習と、壊した学習も含む)

#[cfg(not(target_arch = "wasm32"))]
pub mod book;
pub mod config;
pub mod data;
#[cfg(not(target_arch = "wasm32"))]
pub mod figures;
pub mod measure;
pub mod model;
pub mod train;
