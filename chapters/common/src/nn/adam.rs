//! Adam (Kingma & Ba, 2014, arXiv:1412.6980, Algorithm 1)。重みの減衰は無い。

use std::sync::Mutex;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, DType, Device, InplaceOp2, Layout, Result, Tensor, Var, bail};
use rayon::prelude::*;

use super::fused::slice;
use super::kernel::{CHUNK, wide};
use crate::state::{Resume, State};

/// Adam の設定。既定は論文の値 (学習率 1e-3、β1 = 0.9、β2 = 0.999、ε = 1e-8)。
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    pub lr: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

/// 変数と、そのそれぞれの 1 次・2 次モーメント。
pub struct Adam {
    vars: Vec<Slot>,
    config: AdamConfig,
}

struct Slot {
    var: Var,
    /// 勾配の平均 m と、勾配の 2 乗の平均 v。
    moments: Mutex<(Vec<f32>, Vec<f32>)>,
    steps: i32,
}

impl Adam {
    /// `vars` を更新する Adam を作る。F32 で途切れなく並んだ変数に限る。
    pub fn new(vars: Vec<Var>, config: AdamConfig) -> Result<Self> {
        let slot = |var: Var| {
            if var.dtype() != DType::F32 || !var.is_contiguous() {
                bail!("Adam: 形 {:?} の変数が F32 の連続した並びではありません", var.dims());
            }
            let zeros = vec![0f32; var.elem_count()];
            Ok(Slot { var, moments: Mutex::new((zeros.clone(), zeros)), steps: 0 })
        };
        Ok(Self { vars: vars.into_iter().map(slot).collect::<Result<_>>()?, config })
    }

    pub fn learning_rate(&self) -> f64 {
        self.config.lr
    }

    pub fn set_learning_rate(&mut self, lr: f64) {
        self.config.lr = lr;
    }

    /// 変数ごとの、いまの 1 次・2 次モーメント (m, v) の写し。
    pub fn moments(&self) -> Vec<(Vec<f32>, Vec<f32>)> {
        let copy =
            |slot: &Slot| slot.moments.lock().expect("途中で止まった Adam は使えない").clone();
        self.vars.iter().map(copy).collect()
    }

    /// 勾配のある変数だけを 1 歩更新する。
    ///
    /// m ← β1·m + (1-β1)·g、v ← β2·v + (1-β2)·g²、θ ← θ - lr · m̂ / (√v̂ + ε)。
    /// m̂ = m / (1-β1^t) と v̂ = v / (1-β2^t) は、0 から始めた平均が小さく出るのを補う。
    pub fn step(&mut self, grads: &GradStore) -> Result<()> {
        let AdamConfig { lr, beta1, beta2, eps } = self.config;
        for slot in &mut self.vars {
            let Some(grad) = grads.get(&slot.var) else { continue };
            slot.steps += 1;
            let update = Update {
                moments: &slot.moments,
                beta1: [beta1, 1.0 - beta1].map(|b| b as f32),
                beta2: [beta2, 1.0 - beta2].map(|b| b as f32),
                rate: (lr / (1.0 - beta1.powi(slot.steps))) as f32,
                unbias2: (1.0 / (1.0 - beta2.powi(slot.steps)).sqrt()) as f32,
                eps: eps as f32,
            };
            slot.var.inplace_op2(&grad.contiguous()?, &update)?;
        }
        Ok(())
    }
}

struct Update<'a> {
    moments: &'a Mutex<(Vec<f32>, Vec<f32>)>,
    /// β と、新しい値に掛ける 1 - β (単精度で引くと 5 桁しか残らないので、先に引いておく)。
    beta1: [f32; 2],
    beta2: [f32; 2],
    rate: f32,
    unbias2: f32,
    eps: f32,
}

/// 絶対値が `least` より小さい数を 0 にする。
///
/// 勾配が 0 のままの重みでは、m と v が減り続けて非正規化数 (1.2e-38 より小さい数) になり、丸めのために
/// 0 には届かない。非正規化数の計算は CPU によっては何十倍も遅い。ε = 1e-8 に比べて小さすぎる値なので、
/// 0 にしても重みの動きは変わらない。
#[inline(always)]
fn flush(x: f32, least: f32) -> f32 {
    if x.abs() < least { 0.0 } else { x }
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "adam"
    }

    /// θ・m・v・g を 1 度ずつ読み、θ・m・v をその場に書く。
    fn cpu_fwd(
        &self,
        theta: &mut CpuStorage,
        theta_l: &Layout,
        grad: &CpuStorage,
        grad_l: &Layout,
    ) -> Result<()> {
        let g = slice(grad, grad_l)?;
        let (CpuStorage::F32(theta), Some((start, end))) = (theta, theta_l.contiguous_offsets())
        else {
            bail!("Adam: 変数が F32 の連続した並びではありません")
        };
        let (m, v) = &mut *self.moments.lock().expect("更新の途中で止まった Adam は使えない");
        theta[start..end]
            .par_chunks_mut(CHUNK)
            .zip(m.par_chunks_mut(CHUNK))
            .zip(v.par_chunks_mut(CHUNK))
            .zip(g.par_chunks(CHUNK))
            .for_each(|(((theta, m), v), g)| update(self, theta, m, v, g));
        Ok(())
    }
}

wide! {
    fn update(rule: &Update, theta: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32]) {
        let &Update { beta1: [keep1, new1], beta2: [keep2, new2], rate, unbias2, eps, .. } = rule;
        for (((theta, m), v), &g) in theta.iter_mut().zip(m).zip(v).zip(g) {
            let g = flush(g, 1e-16);
            *m = flush(keep1 * *m + new1 * g, 1e-30);
            *v = flush(keep2 * *v + new2 * g * g, 1e-36);
            *theta -= rate * *m / (v.sqrt() * unbias2 + eps);
        }
    }
}

/// モーメントと、変数ごとの更新の回数。
impl Resume for Adam {
    fn save(&self, state: &mut State, name: &str) -> anyhow::Result<()> {
        let steps: Vec<f64> = self.vars.iter().map(|slot| f64::from(slot.steps)).collect();
        state.put_numbers(format!("{name}.steps"), &steps)?;
        for (at, (m, v)) in self.moments().into_iter().enumerate() {
            state.put(format!("{name}.{at}.m"), Tensor::new(m, &Device::Cpu)?);
            state.put(format!("{name}.{at}.v"), Tensor::new(v, &Device::Cpu)?);
        }
        Ok(())
    }

    fn restore(&mut self, state: &State, name: &str) -> anyhow::Result<()> {
        let steps = state.numbers(&format!("{name}.steps"))?;
        anyhow::ensure!(steps.len() == self.vars.len(), "途中のようすの {name} の数が合いません");
        for (at, (slot, steps)) in self.vars.iter_mut().zip(steps).enumerate() {
            let read = |part: &str| -> anyhow::Result<Vec<f32>> {
                Ok(state.get(&format!("{name}.{at}.{part}"))?.to_vec1()?)
            };
            let moments = (read("m")?, read("v")?);
            anyhow::ensure!(
                moments.0.len() == slot.var.elem_count() && moments.1.len() == moments.0.len(),
                "途中のようすの {name}.{at} の形が合いません"
            );
            slot.moments = Mutex::new(moments);
            slot.steps = steps as i32;
        }
        Ok(())
    }
}
