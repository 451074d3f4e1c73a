//! 学習を終えた重みの運び方。1 つの数を 1 バイトの整数にして、ページに添えます。
//!
//! 2 次元以上の変数 (畳み込みと全結合の重み) は、先頭の軸の 1 行ごとに、最大の絶対値がちょうど `levels` になる
//! 幅で区切り、いちばん近い区切りの番号にします。1 次元の変数 (バイアスと正規化) は、数が少ないので f32 のままです。
//! 絵がどれだけ変わるかは、`trained` が測って `figures/lab/run.json` に残します。

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use common::seed::Variables;

/// 番号 0 を表すバイト。
const MIDDLE: f64 = 128.;

/// 名前の付いた重み。変数の名前の前に、どの学習のものかを付けます (`standard/generator_xy.…`)。
#[derive(Default)]
pub struct Weights(BTreeMap<String, Tensor>);

/// 区切りの幅の名前。
fn width_of(name: &str) -> String {
    format!("{name}:width")
}

impl Weights {
    /// 学習 `run` のネットワーク `network` を、0 のほかに正負 `levels` 個ずつの区切りに丸めて加えます。
    pub fn add(
        &mut self,
        run: &str,
        network: &str,
        variables: &Variables,
        levels: u8,
    ) -> Result<()> {
        ensure!((1..=127).contains(&levels), "区切りの数は 1 から 127 までです");
        for (name, var) in variables.named(network) {
            let (name, value) = (format!("{run}/{name}"), var.as_tensor());
            if value.rank() < 2 {
                self.put(name, value.copy()?);
                continue;
            }
            let rows = value.flatten_from(1)?;
            let width =
                rows.abs()?.max_keepdim(1)?.maximum(1e-12)?.affine(1. / f64::from(levels), 0.)?;
            let bytes = rows.broadcast_div(&width)?.round()?.affine(1., MIDDLE)?;
            self.put(width_of(&name), width);
            self.put(name, bytes.to_dtype(DType::U8)?.reshape(value.shape())?);
        }
        Ok(())
    }

    /// 丸めない値を 1 つ加えます。
    pub fn put(&mut self, name: impl Into<String>, value: Tensor) {
        self.0.insert(name.into(), value);
    }

    /// 値を 1 つずつ、`change` の返す値に替えます。
    pub fn each(&mut self, mut change: impl FnMut(&str, &Tensor) -> Result<Tensor>) -> Result<()> {
        for (name, value) in &mut self.0 {
            *value = change(name, value)?;
        }
        Ok(())
    }

    /// 名前の付いた値。
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        self.0.get(name).with_context(|| format!("重みに {name} がありません"))
    }

    /// 学習 `run` のネットワーク `network` の変数に、値を戻します。
    pub fn fill(&self, run: &str, network: &str, variables: &Variables) -> Result<()> {
        for (name, var) in variables.named(network) {
            let name = format!("{run}/{name}");
            let kept = self.get(&name)?;
            let value = match self.0.get(&width_of(&name)) {
                Some(width) => {
                    let rows = kept.flatten_from(1)?.to_dtype(DType::F32)?.affine(1., -MIDDLE)?;
                    rows.broadcast_mul(width)?.reshape(kept.shape())?
                }
                None => kept.clone(),
            };
            ensure!(value.shape() == var.shape(), "{name} の形が、設定と合いません");
            var.set(&value)?;
        }
        Ok(())
    }

    /// safetensors の形のバイト列。
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(safetensors::serialize(self.0.iter(), None)?)
    }

    /// [`Weights::to_bytes`] のバイト列を読みます。
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let read = candle_core::safetensors::load_buffer(bytes, &Device::Cpu);
        Ok(Self(read.context("重みのバイト列を読めません")?.into_iter().collect()))
    }
}
