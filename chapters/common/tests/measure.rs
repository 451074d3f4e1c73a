//! 画像の測り方の試験。

use candle_core::{Device, Tensor};
use common::measure::{sharpness, ssim};
use common::seed::{Seed, uniform};

#[test]
fn ssim_is_one_for_the_same_and_falls_with_noise_and_inversion() {
    let rng = &mut Seed(0).rng("pictures");
    let a = uniform(rng, -0.8, 0.8, (2, 3, 9, 12)).unwrap();
    let noise = uniform(rng, -0.2, 0.2, (2, 3, 9, 12)).unwrap();
    let noisy = (&a + noise).unwrap();
    assert!((ssim(&a, &a).unwrap() - 1.).abs() < 1e-9);
    let near = ssim(&a, &noisy).unwrap();
    assert!((0.8..0.99).contains(&near), "{near}");
    assert!(ssim(&a, &a.neg().unwrap()).unwrap() < 0.);
    assert!(ssim(&a, &a.narrow(3, 0, 8).unwrap()).is_err());
    let small = Tensor::zeros((1, 1, 5, 5), candle_core::DType::F32, &Device::Cpu).unwrap();
    assert!(ssim(&small, &small).is_err());
}

/// 窓 1 つぶんの画像 (7 × 7) なら、式 13 を手で計算できる。
#[test]
fn ssim_of_one_window_matches_the_formula() {
    let ramp = Tensor::arange(0f32, 49., &Device::Cpu).unwrap().reshape((1, 1, 7, 7)).unwrap();
    let a = ramp.affine(1. / 24., -1.).unwrap(); // 平均 0、分散 (49² − 1) / 12 / 24²
    let b = a.affine(0.5, 0.25).unwrap();
    let variance = (49f64 * 49. - 1.) / 12. / (24. * 24.);
    let (c1, c2) = (0.0004, 0.0036);
    // 0 以上に直した平均は 1 と 1.25、分散は v と v/4、共分散は v/2。
    let luminance = (2.5 + c1) / (2.5625 + c1);
    let structure = (variance + c2) / (1.25 * variance + c2);
    assert!((ssim(&a, &b).unwrap() - luminance * structure).abs() < 1e-6);
}

#[test]
fn sharpness_is_the_mean_step_between_neighbours() {
    // 横に 1 ずつ増え、縦には変わらない。
    let x = Tensor::new(&[[[[0f32, 1., 2.], [0., 1., 2.]]]], &Device::Cpu).unwrap();
    assert_eq!(sharpness(&x).unwrap(), 0.5);
    assert!(sharpness(&x.narrow(2, 0, 1).unwrap()).is_err());
}
