//! 小さな世界の学習。損失は、本編の学習と同じ関数です。

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use common::nn::{Adam, AdamConfig};
use common::seed::{Seed, normal};

use super::{Net, SCENES};
use crate::train::{cycle_loss, discriminator_loss, generator_loss};

/// 種 `seed` で学習した G の答え `[3, 3]`: i 行めは、i 枚めの写真を、3 枚の浮世絵のどれにどれだけ変えるかです。
///
/// `lambda` はサイクル一貫性損失の重み。0 なら、敵対的損失だけで学びます。
pub fn shares(seed: Seed, lambda: f64, lr: f64) -> Result<Tensor> {
    const STEPS: usize = 400;
    // 本物は、1 枚の割合だけが 1 の 3 通り。写真も浮世絵も、同じ書き方になる。
    let real = Tensor::eye(SCENES, DType::F32, &Device::Cpu)?;
    let variables = seed.variables();
    let net = |name, outputs| Net::new(outputs, variables.builder(name));
    let (g, f) = (net("g.xy", SCENES)?, net("g.yx", SCENES)?);
    let (d_x, d_y) = (net("d.x", 1)?, net("d.y", 1)?);
    let adam = |networks| {
        let settings = AdamConfig { lr, beta1: 0.5, ..AdamConfig::default() };
        Adam::new(variables.of(networks), settings)
    };
    let (mut g_optimizer, mut d_optimizer) = (adam("g")?, adam("d")?);
    let mut rng = seed.rng("blur");
    for _ in 0..STEPS {
        // 本物が 3 点しかないので、識別器に見せるものは少し揺らして、点のまわりも学べるようにする。
        let mut blurred =
            |shares: &Tensor| shares + normal(&mut rng, shares.dims())?.affine(0.3, 0.)?;
        let (fake_y, fake_x) = (g.translate(&real)?, f.translate(&real)?);
        let mut loss = (generator_loss(&d_y.frozen().forward(&blurred(&fake_y)?)?)?
            + generator_loss(&d_x.frozen().forward(&blurred(&fake_x)?)?)?)?;
        if lambda > 0. {
            let cycle = (cycle_loss(&f.translate(&fake_y)?, &real)?
                + cycle_loss(&g.translate(&fake_x)?, &real)?)?;
            loss = (loss + cycle.affine(lambda, 0.)?)?;
        }
        g_optimizer.step(&loss.backward()?)?;

        let mut judge = |d: &Net, fake: &Tensor| {
            let (real, fake) = (blurred(&real)?, blurred(&fake.detach())?);
            discriminator_loss(&d.forward(&real)?, &d.forward(&fake)?)
        };
        let loss = (judge(&d_x, &fake_x)? + judge(&d_y, &fake_y)?)?;
        d_optimizer.step(&loss.backward()?)?;
    }
    Ok(g.translate(&real)?.detach())
}
