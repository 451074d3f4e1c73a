//! 手元の画像: trainA と trainB。悪い画像の表は、chapters/tools/tests/folder.rs にあります。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::{picture, succeeds};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch06-cyclegan");

const SMALL: [&str; 10] =
    ["--size", "16", "--width", "2", "--width-d", "2", "--batch", "2", "--steps", "1"];

/// trainA と trainB だけで学習でき、1 枚の画像を変換できる。
#[test]
fn two_folders_are_enough_and_one_picture_is_translated() {
    let dir = tempfile::tempdir().unwrap();
    for (folder, rgb) in [("trainA", [220, 30, 30]), ("trainB", [30, 30, 220])] {
        for n in 0..3 {
            picture(&dir.path().join(folder).join(format!("{n}.png")), 20, 30, |_, _| rgb);
        }
    }
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    let (data, out) = (path("."), path("out"));
    let args = [&["--data", &data, "--out", &out], &SMALL[..]].concat();
    let text = succeeds(PROGRAM, &args);
    assert!(text.contains("testB が無いので、図と測定には trainB の画像を使います"), "{text}");
    let one = path("trainA/0.png");
    let text = succeeds(PROGRAM, &["translate", "--own", "--input", &one, "--out", &path("out")]);
    assert!(text.contains("1 枚を訳し"), "{text}");
    // 4 つのフォルダの悪い画像を、一度に知らせる。
    std::fs::write(dir.path().join("trainA/x.png"), "").unwrap();
    std::fs::write(dir.path().join("trainB/y.jpg"), "<html></html>").unwrap();
    let (code, text) = chapter::run(PROGRAM, &args);
    assert_eq!(code, Some(1));
    assert!(text.contains("x.png") && text.contains("y.jpg (Web ページ)"), "{text}");
}
