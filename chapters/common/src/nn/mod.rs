//! CPU での学習を速くする層・損失・最適化手法。
//!
//! candle の `Tensor`・`VarBuilder`・`Var` のまま使え、重みの名前と形は candle_nn の同じ名前の層と同じ
//! (保存したファイルはどちらの層でも読める)。速さの理由は 3 つある。
//!
//! 1. バイアスと活性化、損失とその勾配、Adam の更新を、メモリを 1 度なめるだけで済ませる。
//! 2. 畳み込みを、写しの要らない行列積に直す ([`conv`])。
//! 3. 仕事を rayon で分ける。分け方はスレッド数によらないので、何スレッドでも同じビットになる。
//!
//! 読む順: [`linear`] → [`loss`] → [`adam`] → [`conv`] → [`norm`] → [`resample`]。
//! candle とのつなぎは fused.rs、下請けの計算は kernel.rs と lanes.rs、スレッドとメモリの設定は [`runtime`] にある。

pub mod adam;
pub mod conv;
mod fused;
mod kernel;
mod lanes;
pub mod linear;
pub mod loss;
pub mod norm;
pub mod resample;
pub mod runtime;

pub use adam::{Adam, AdamConfig};
pub use conv::{Conv2d, ConvConfig, ConvTranspose2d};
pub use kernel::Activation;
pub use linear::Linear;
pub use loss::{Target, bce_with_logits, l1, mse};
pub use norm::{BatchNorm2d, InstanceNorm2d};
pub use resample::{reflection_pad, upsample_nearest};
pub use runtime::{both, in_parts, run};
