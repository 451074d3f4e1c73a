//! 乱数の入口。この本の乱数は、すべてここから名前を付けて取り出します。
//!
//! candle の CPU 乱数には種を設定できません。そこで「種と名前」から乱数列を作り、
//! 重み・ノイズ・並べ替えに別々の列を渡します。層を 1 つ足しても、ほかの層の
//! 初期値は変わりません。

use std::fmt::Display;
use std::sync::{Arc, Mutex};

use anyhow::{Context, anyhow, ensure};
use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail};
use candle_nn::VarBuilder;
use candle_nn::init::{Init, NormalOrUniform};
use candle_nn::var_builder::SimpleBackend;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use sha2::{Digest, Sha256};

use crate::state::{Resume, State, is_finite};

/// 実験の種。同じ種なら、同じ機械では同じ結果になります。
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// `name` だけで決まる乱数列を返します。名前が違えば、列は互いに無関係です。
    pub fn rng(self, name: &str) -> ChaCha8Rng {
        let mut hash = Sha256::new();
        hash.update(self.0.to_le_bytes());
        hash.update(name.as_bytes());
        ChaCha8Rng::from_seed(hash.finalize().into())
    }

    /// この種で初期化される変数の置き場を作ります。
    pub fn variables(self) -> Variables {
        Variables { seed: self, vars: Arc::default() }
    }
}

/// 標準正規分布 N(0, 1) の値を `shape` の形に並べます。
pub fn normal<S: Into<Shape>>(rng: &mut impl Rng, shape: S) -> Result<Tensor> {
    let shape = shape.into();
    let values: Vec<f32> = rng.sample_iter(StandardNormal).take(shape.elem_count()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}

/// 一様分布 [lo, up) の値を `shape` の形に並べます。
pub fn uniform<S: Into<Shape>>(rng: &mut impl Rng, lo: f32, up: f32, shape: S) -> Result<Tensor> {
    let shape = shape.into();
    let values: Vec<f32> =
        (0..shape.elem_count()).map(|_| lo + (up - lo) * rng.random::<f32>()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}

/// 学習する変数を、作られた順に名前つきで持ちます。
///
/// [`VarBuilder`] に渡すと、各変数は「種と変数の名前」だけから決まる値で始まります。
#[derive(Clone)]
pub struct Variables {
    seed: Seed,
    vars: Arc<Mutex<Vec<(String, Var)>>>,
}

impl Variables {
    /// 層を作るための `VarBuilder` (f32、CPU)。`prefix` はネットワークの名前です。
    pub fn builder(&self, prefix: &str) -> VarBuilder<'static> {
        let backend: Box<dyn SimpleBackend> = Box::new(self.clone());
        VarBuilder::from_backend(backend, DType::F32, Device::Cpu).pp(prefix)
    }

    /// 名前が `prefix.` で始まる変数を、作られた順に返します。
    pub fn of(&self, prefix: &str) -> Vec<Var> {
        self.named(prefix).into_iter().map(|(_, var)| var).collect()
    }

    /// 名前が `prefix.` で始まる変数を、名前つきで返します。空文字ならすべてです。
    pub fn named(&self, prefix: &str) -> Vec<(String, Var)> {
        let vars = self.vars.lock().expect("変数の置き場は壊れない");
        vars.iter()
            .filter(|(name, _)| {
                prefix.is_empty() || name.strip_prefix(prefix).is_some_and(|r| r.starts_with('.'))
            })
            .cloned()
            .collect()
    }

    /// 名前が `prefix.` で始まる変数のうち、学習で決まる数の個数。BatchNorm の移動平均は数えません。
    pub fn parameters(&self, prefix: &str) -> usize {
        let named = self.named(prefix).into_iter();
        named.filter(|(name, _)| !name.contains("running_")).map(|(_, var)| var.elem_count()).sum()
    }

    /// 層の表。変数の名前・形・数の個数を、作られた順に並べます。
    pub fn table(&self, prefix: &str) -> String {
        let named = self.named(prefix);
        let total: usize = named.iter().map(|(_, var)| var.elem_count()).sum();
        let rows = named.iter().map(|(name, var)| {
            let shape = format!("{:?}", var.dims());
            format!("{name:<32} {shape:<18} {:>10}\n", var.elem_count())
        });
        rows.collect::<String>() + &format!("{:<32} {:<18} {total:>10}\n", "total", "")
    }

    /// `prefix` の変数を、safetensors の形のバイト列にします。
    pub fn to_bytes(&self, prefix: &str) -> anyhow::Result<Vec<u8>> {
        let named = self.named(prefix);
        let tensors = named.iter().map(|(name, var)| (name, var.as_tensor()));
        Ok(safetensors::serialize(tensors, None)?)
    }

    /// `networks` のそれぞれの名前と、[`Variables::to_bytes`] のバイト列です。
    pub fn networks_to_bytes(
        &self,
        networks: &[&'static str],
    ) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        networks.iter().map(|name| Ok((*name, self.to_bytes(name)?))).collect()
    }

    /// [`Variables::to_bytes`] のバイト列を読み込みます。`file` は、失敗したときに示す名前です。
    ///
    /// 名前か形が合わない、有限でない値があるときは、その変数を示して失敗します。
    pub fn load(&self, prefix: &str, bytes: &[u8], file: impl Display) -> anyhow::Result<()> {
        let saved = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).map_err(|_| {
            anyhow!(
                "{file} は壊れているか、safetensors ではありません。学習をやり直すと作り直されます"
            )
        })?;
        for (name, var) in self.named(prefix) {
            let tensor = saved.get(&name).with_context(|| {
                format!("{file} に変数 {name} がありません。別の章か、別の設定の重みです")
            })?;
            ensure!(
                tensor.shape() == var.shape() && tensor.dtype() == var.dtype(),
                "{file} の {name} は形が {:?} ですが、隣の設定では {:?} です。学習をやり直してください",
                tensor.dims(),
                var.dims()
            );
            ensure!(
                is_finite(tensor)?,
                "{file} の {name} に、NaN か無限大が入っています。学習率を小さくして、学習をやり直してください"
            );
            var.set(tensor)?;
        }
        Ok(())
    }

    /// NaN か無限大の入った変数の名前。
    pub fn not_finite(&self) -> anyhow::Result<Option<String>> {
        for (name, var) in self.named("") {
            if !is_finite(var.as_tensor())? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// BatchNorm の移動平均も変数なので、一緒に戻ります。
impl Resume for Variables {
    fn save(&self, state: &mut State, name: &str) -> anyhow::Result<()> {
        for (var_name, var) in self.named("") {
            // 変数と記憶を分け合わないよう、写しを取る。
            state.put(format!("{name}.{var_name}"), var.as_tensor().copy()?);
        }
        Ok(())
    }

    fn restore(&mut self, state: &State, name: &str) -> anyhow::Result<()> {
        for (var_name, var) in self.named("") {
            var.set(state.get(&format!("{name}.{var_name}"))?)?;
        }
        Ok(())
    }
}

impl SimpleBackend for Variables {
    fn get(&self, shape: Shape, name: &str, init: Init, _: DType, _: &Device) -> Result<Tensor> {
        let mut vars = self.vars.lock().expect("変数の置き場は壊れない");
        if let Some((_, var)) = vars.iter().find(|(known, _)| known == name) {
            if var.shape() != &shape {
                bail!("変数 {name} の形が {:?} と {shape:?} で食い違っています", var.shape());
            }
            return Ok(var.as_tensor().clone());
        }
        let rng = &mut self.seed.rng(name);
        let value = match init {
            Init::Const(value) => Tensor::full(value as f32, shape, &Device::Cpu)?,
            Init::Randn { mean, stdev } => normal(rng, shape)?.affine(stdev, mean)?,
            Init::Uniform { lo, up } => uniform(rng, lo as f32, up as f32, shape)?,
            Init::Kaiming { dist, fan, non_linearity } => {
                let std = non_linearity.gain() / (fan.for_shape(&shape) as f64).sqrt();
                match dist {
                    NormalOrUniform::Normal => normal(rng, shape)?.affine(std, 0.)?,
                    NormalOrUniform::Uniform => {
                        let bound = (3f64.sqrt() * std) as f32;
                        uniform(rng, -bound, bound, shape)?
                    }
                }
            }
        };
        let var = Var::from_tensor(&value)?;
        vars.push((name.to_string(), var.clone()));
        Ok(var.as_tensor().clone())
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        let vars = self.vars.lock().expect("変数の置き場は壊れない");
        match vars.iter().find(|(known, _)| known == name) {
            Some((_, var)) => Ok(var.as_tensor().clone()),
            None => bail!("変数 {name} はまだ作られていません"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.get_unchecked(name, DType::F32, &Device::Cpu).is_ok()
    }
}
