//! 手元の画像: フォルダと MNIST の IDX ファイル。悪い画像の表は、chapters/tools/tests/folder.rs にあります。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::{mnist, picture, succeeds};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch03-gan");

/// 手元の写真のフォルダから、カラーのまま学習し、生成できる。
#[test]
fn a_folder_of_photos_trains_in_colour() {
    let dir = tempfile::tempdir().unwrap();
    let (photos, out) = (dir.path().join("写真"), dir.path().join("out"));
    for n in 0..5u8 {
        picture(&photos.join(format!("猫/{n}.png")), 30, 20, |_, y| [200, 10 * n, y as u8]);
    }
    let (photos, out) = (photos.to_str().unwrap(), out.to_str().unwrap());
    let small = ["--size", "8", "--hidden", "8", "--steps", "3", "--batch", "4", "--out", out];
    let text = succeeds(PROGRAM, &[&["--data", photos], &small[..]].concat());
    assert!(text.contains("5 枚を使います。画像は 1 つ下のフォルダ (猫) にありました"), "{text}");
    succeeds(PROGRAM, &["generate", "--own", "--count", "3", "--out", out]);
    let real = image::open(dir.path().join("out/folder/folder-real.png")).unwrap().to_rgb8();
    let red = real.pixels().filter(|pixel| pixel.0[0].abs_diff(200) < 3 && pixel.0[2] < 30);
    assert!(red.count() > 5 * 8 * 8, "見せた本物は、明るいまま、色のまま");
}

/// MNIST のファイルから学習し、生成できる。
#[test]
fn mnist_files_train() {
    let dir = tempfile::tempdir().unwrap();
    mnist(dir.path(), 80);
    let out = dir.path().join("out");
    let (data, out) = (dir.path().to_str().unwrap(), out.to_str().unwrap());
    let small = ["--hidden", "8", "--steps", "3", "--out", out];
    let text = succeeds(PROGRAM, &[&["--data", data], &small[..]].concat());
    assert!(text.contains("80 枚を使います"), "{text}");
    let file = dir.path().join("train-images.idx3-ubyte");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let (code, text) = chapter::run(PROGRAM, &[&["--data", data], &small[..]].concat());
    assert_eq!(code, Some(1));
    assert!(text.contains("途中で切れています"), "{text}");
}
