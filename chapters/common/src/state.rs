//! 学習の途中のようすを 1 つにまとめます。止めたところから続けても、止めなかったときと同じ結果になります。

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// 途中で止めて、あとで続けられるもの。
pub trait Resume {
    /// いまのようすを、`name` で始まる名前で `state` に書きます。
    fn save(&self, state: &mut State, name: &str) -> Result<()>;

    /// `save` で書いたようすに戻します。
    fn restore(&mut self, state: &State, name: &str) -> Result<()>;
}

/// 名前つきのテンソルの集まり。空なら「はじめから」を表します。
#[derive(Clone, Default)]
pub struct State(BTreeMap<String, Tensor>);

impl State {
    /// `parts` のようすを、名前を付けてまとめます。
    pub fn of(parts: &[(&str, &dyn Resume)]) -> Result<Self> {
        let mut state = Self::default();
        for (name, part) in parts {
            part.save(&mut state, name)?;
        }
        Ok(state)
    }

    /// `part` のようすを、`name` という名前で加えたものです。
    pub fn with(&self, name: &str, part: &dyn Resume) -> Result<Self> {
        let mut state = self.clone();
        part.save(&mut state, name)?;
        Ok(state)
    }

    /// まとめたときのようすに戻します。空なら何もしません。
    pub fn restore(&self, parts: &mut [(&str, &mut dyn Resume)]) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        for (name, part) in parts {
            part.restore(self, name)?;
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn put(&mut self, name: String, tensor: Tensor) {
        self.0.insert(name, tensor);
    }

    pub fn get(&self, name: &str) -> Result<&Tensor> {
        self.0.get(name).with_context(|| format!("途中のようすに {name} がありません"))
    }

    /// 数の列を 1 本のテンソルとして書きます。
    pub fn put_numbers(&mut self, name: String, numbers: &[f64]) -> Result<()> {
        self.put(name, Tensor::new(numbers, &Device::Cpu)?);
        Ok(())
    }

    pub fn numbers(&self, name: &str) -> Result<Vec<f64>> {
        Ok(self.get(name)?.to_vec1()?)
    }

    /// バイト列を書きます。
    pub fn put_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.put(name.into(), Tensor::new(bytes, &Device::Cpu)?);
        Ok(())
    }

    pub fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        Ok(self.get(name)?.to_vec1()?)
    }

    /// safetensors の形のバイト列にします。
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(safetensors::serialize(&self.0, None)?)
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?;
        Ok(Self(tensors.into_iter().collect()))
    }
}

/// 乱数の列は、種と、どこまで引いたかで決まります。
impl Resume for ChaCha8Rng {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        let place = self.get_word_pos().to_le_bytes();
        state.put_bytes(name, &[&self.get_seed()[..], &place].concat())
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        let bytes = state.bytes(name)?;
        ensure!(bytes.len() == 48, "途中のようすの {name} は乱数の列ではありません");
        let (seed, place) = bytes.split_at(32);
        *self = Self::from_seed(seed.try_into()?);
        self.set_word_pos(u128::from_le_bytes(place.try_into()?));
        Ok(())
    }
}

/// (横, 縦) の点の列。図の折れ線になります。
impl Resume for Vec<(f64, f64)> {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        let flat: Vec<f64> = self.iter().flat_map(|&(x, y)| [x, y]).collect();
        state.put_numbers(name.into(), &flat)
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        *self = state.numbers(name)?.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        Ok(())
    }
}

/// 途中の絵などのテンソルの列。
impl Resume for Vec<Tensor> {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        state.put_numbers(format!("{name}.len"), &[self.len() as f64])?;
        for (at, tensor) in self.iter().enumerate() {
            state.put(format!("{name}.{at}"), tensor.contiguous()?);
        }
        Ok(())
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        let count = state.numbers(&format!("{name}.len"))?.first().copied().unwrap_or(0.) as usize;
        let read = |at| Ok(state.get(&format!("{name}.{at}"))?.clone());
        *self = (0..count).map(read).collect::<Result<_>>()?;
        Ok(())
    }
}

/// 名前の列。改行でつないで、文字のバイト列として書きます。
impl Resume for Vec<String> {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        state.put_bytes(name, self.join("\n").as_bytes())
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        let text = String::from_utf8(state.bytes(name)?)?;
        *self = text.lines().map(String::from).collect();
        Ok(())
    }
}

/// テンソルの値がどれも有限 (NaN でも無限大でもない) なら真。
pub fn is_finite(tensor: &Tensor) -> Result<bool> {
    // 0 を掛けると、有限な数は 0 に、NaN と無限大は NaN になる。足しても消えない。
    if tensor.elem_count() == 0 || !tensor.dtype().is_float() {
        return Ok(true);
    }
    let sum = tensor.affine(0., 0.)?.sum_all()?.to_dtype(DType::F64)?;
    Ok(sum.to_scalar::<f64>()?.is_finite())
}
