//! 手元の画像: フォルダと MNIST の IDX ファイル。悪い画像の表は、chapters/tools/tests/folder.rs にあります。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::{mnist, picture, succeeds};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch07-diffusion");

/// 写真のフォルダから、色のある絵を学習して作れる。
#[test]
fn a_folder_of_photos_trains_in_colour() {
    let dir = tempfile::tempdir().unwrap();
    let (photos, out) = (dir.path().join("写真"), dir.path().join("out"));
    for n in 0..5u8 {
        picture(&photos.join(format!("猫/{n}.png")), 30, 20, |_, y| [200, 10 * n, y as u8]);
    }
    let (photos, out) = (photos.to_str().unwrap(), out.to_str().unwrap());
    let small = [
        "--size",
        "8",
        "--hidden",
        "8",
        "--steps",
        "3",
        "--batch",
        "4",
        "--timesteps",
        "5",
        "--out",
        out,
    ];
    let text = succeeds(PROGRAM, &[&["--data", photos], &small[..]].concat());
    assert!(text.contains("5 枚を使います。画像は 1 つ下のフォルダ (猫) にありました"), "{text}");
    succeeds(PROGRAM, &["generate", "--own", "--count", "3", "--out", out]);
    let made = image::open(dir.path().join("out/generated.png")).unwrap().to_rgb8();
    assert!(made.pixels().any(|pixel| pixel.0[0] != pixel.0[1]), "色のある絵ができる");
    // 縮めた先で拡散することもできる。
    let latent = ["--space", "latent", "--ae-steps", "3", "--z-dim", "4"];
    succeeds(PROGRAM, &[&["--data", photos], &latent[..], &small[..]].concat());
    let made = ["generate", "--own", "--space", "latent", "--count", "3", "--out", out];
    succeeds(PROGRAM, &made);
}

/// MNIST のファイルで学習でき、途中で切れたファイルは断る。
#[test]
fn mnist_files_train() {
    let dir = tempfile::tempdir().unwrap();
    mnist(dir.path(), 80);
    let out = dir.path().join("out");
    let (data, out) = (dir.path().to_str().unwrap(), out.to_str().unwrap());
    let small = ["--hidden", "8", "--steps", "3", "--timesteps", "5", "--out", out];
    let text = succeeds(PROGRAM, &[&["--data", data], &small[..]].concat());
    assert!(text.contains("80 枚を使います"), "{text}");
    let file = dir.path().join("train-images.idx3-ubyte");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let (code, text) = chapter::run(PROGRAM, &[&["--data", data], &small[..]].concat());
    assert_eq!(code, Some(1));
    assert!(text.contains("途中で切れています"), "{text}");
}
