//! 実験室。本のページの中で、章のコードそのものに学習させます。
//!
//! 1. [`room`] ページとのやりとり: 文字 (JSON) で頼まれ、文字と数の並びで答える
//! 2. [`gan`] 第3章の GAN (平面の点)
//! 3. [`vae`] 第2章の VAE (あいうえお)
//! 4. [`diffusion`] 第7章の拡散モデル (平面の点と数字)
//! 5. [`dcgan`]・[`pix2pix`]・[`cyclegan`] 第4〜6章の、学習を終えた生成器
//! 6. [`weights`] その重みの運び方
//! 7. `trained` その重みを学習し、質を測って、本に置く
//! 8. `pack` ブラウザのために組み立てて、本に置く
//!
//! 損失も更新も、各章の `train` を呼ぶだけです。学習は「頼まれた回数だけ進めて、答えて、止まる」の
//! くり返しで、ページはそのあいだに絵を描きます。

pub mod cyclegan;
pub mod dcgan;
pub mod diffusion;
pub mod gan;
#[cfg(not(target_arch = "wasm32"))]
pub mod pack;
pub mod pix2pix;
pub mod room;
#[cfg(not(target_arch = "wasm32"))]
pub mod trained;
pub mod vae;
pub mod weights;
