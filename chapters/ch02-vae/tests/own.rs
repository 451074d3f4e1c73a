//! 手元の画像: フォルダと MNIST の IDX ファイル。悪い画像の表は、chapters/tools/tests/folder.rs にあります。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::{mnist, picture, succeeds};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch02-vae");

/// 手元の写真のフォルダから、カラーのまま学習し、生成できる。
#[test]
fn a_folder_of_photos_trains_in_colour() {
    let dir = tempfile::tempdir().unwrap();
    let (photos, out) = (dir.path().join("写真"), dir.path().join("out"));
    for n in 0..20u8 {
        picture(&photos.join(format!("{n}.png")), 30, 20, |_, y| [200, 10 * n, y as u8]);
    }
    std::fs::write(photos.join("x.jpg"), b"\0\0\0\x18ftypheic").unwrap();
    let (photos, out) = (photos.to_str().unwrap(), out.to_str().unwrap());
    let small = ["--size", "8", "--hidden", "8", "--steps", "3", "--out", out];
    let args = [&["--data", photos, "--batch", "18"], &small[..]].concat();
    let text = succeeds(PROGRAM, &args);
    assert!(text.contains("21 枚のうち 20 枚を使います。1 枚は HEIC です: x.jpg"), "{text}");
    succeeds(PROGRAM, &["generate", "--own", "--count", "3", "--out", out]);
    let made = image::open(dir.path().join("out/generated.png")).unwrap();
    assert!(made.color().has_color());
    // 見せた本物は、明るいまま、色のまま。
    let pair = image::open(dir.path().join("out/folder/folder-pair.png")).unwrap().to_rgb8();
    let red = pair.pixels().filter(|pixel| pixel.0[0].abs_diff(200) < 3 && pixel.0[2] < 30);
    assert!(red.count() > 10 * 8 * 8);
    // 足りない枚数は、どう直すかとともに断る。
    let (code, text) = chapter::run(PROGRAM, &[&["--data", photos], &small[..]].concat());
    assert_eq!(code, Some(1));
    assert!(text.contains("--batch 100") && text.contains("--batch 18"), "{text}");
}

/// MNIST のファイルから学習でき、ラベルは地図の色になる。
#[test]
fn mnist_files_train_and_their_labels_colour_the_map() {
    let dir = tempfile::tempdir().unwrap();
    mnist(dir.path(), 200);
    let out = dir.path().join("out");
    let (data, out) = (dir.path().to_str().unwrap(), out.to_str().unwrap());
    let small = ["--z-dim", "2", "--hidden", "8", "--steps", "3", "--out", out];
    let text = succeeds(PROGRAM, &[&["--data", data], &small[..]].concat());
    assert!(text.contains("200 枚を使います (ラベルも隣にあります)"), "{text}");
    let map = std::fs::read_to_string(dir.path().join("out/folder/folder-latent.svg")).unwrap();
    assert!(map.contains(">7<") || map.contains("\n7\n"), "ラベル 7 が地図にありません");
    let labels = dir.path().join("train-labels.idx1-ubyte");
    let (code, text) =
        chapter::run(PROGRAM, &[&["--data", labels.to_str().unwrap()], &small[..]].concat());
    assert_eq!(code, Some(1));
    assert!(text.contains("ラベルの IDX ファイルです"), "{text}");
}
