//! 画像のフォルダと、画像の測り方の試験。

use candle_core::{Device, Tensor};
use common::measure::{sharpness, ssim};
use common::seed::{Seed, uniform};
use tools::folder::{images, pairs};

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// 左半分が `left`、右半分が `right` の、縦 2・横 4 の画像。
fn halves(left: [u8; 3], right: [u8; 3]) -> image::RgbImage {
    image::RgbImage::from_fn(4, 2, |x, _| image::Rgb(if x < 2 { left } else { right }))
}

#[test]
fn a_folder_becomes_a_tensor_in_the_order_of_names() {
    let dir = tempfile::tempdir().unwrap();
    halves([255, 0, 0], [255, 0, 0]).save(dir.path().join("b.png")).unwrap();
    halves([0, 0, 0], [0, 0, 0]).save(dir.path().join("a.PNG")).unwrap();
    std::fs::write(dir.path().join("notes.txt"), "画像ではない").unwrap();
    let colour = images(dir.path(), 2, 3).unwrap();
    assert_eq!(colour.dims(), [2, 3, 2, 2]);
    let red = [[-1f32; 12].as_slice(), &[1.; 4], &[-1.; 8]].concat();
    assert_eq!(values(&colour), red, "チャネルごとの面が並ぶ");
    assert_eq!(images(dir.path(), 5, 1).unwrap().dims(), [2, 1, 5, 5]);
    assert!(images(dir.path(), 2, 2).unwrap_err().to_string().contains("チャネル数 2"));
}

#[test]
fn a_picture_is_cropped_in_the_middle() {
    let dir = tempfile::tempdir().unwrap();
    // 横 6・縦 2 の画像の、真ん中の 2 列だけが白い。
    let white = |x| image::Luma([if (2..4).contains(&x) { 255u8 } else { 0 }]);
    image::GrayImage::from_fn(6, 2, |x, _| white(x)).save(dir.path().join("x.png")).unwrap();
    assert_eq!(values(&images(dir.path(), 2, 1).unwrap()), [1.; 4]);
}

#[test]
fn pairs_split_left_and_right() {
    let dir = tempfile::tempdir().unwrap();
    halves([0, 0, 0], [255, 255, 255]).save(dir.path().join("1.png")).unwrap();
    let [a, b] = pairs(dir.path(), 2, 1).unwrap();
    assert_eq!((values(&a), values(&b)), (vec![-1.; 4], vec![1.; 4]));
    image::GrayImage::new(5, 2).save(dir.path().join("2.png")).unwrap();
    let error = pairs(dir.path(), 2, 1).unwrap_err().to_string();
    assert!(error.contains("2.png") && error.contains("奇数"), "{error}");
}

#[test]
fn a_bad_folder_names_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let error = |path: &std::path::Path| images(path, 2, 1).unwrap_err().to_string();
    assert!(error(&dir.path().join("無い")).contains("開けません"));
    assert!(error(dir.path()).contains("PNG も JPEG もありません"));
    std::fs::write(dir.path().join("broken.png"), "これは画像ではない").unwrap();
    assert!(error(dir.path()).contains("broken.png"));
}

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
