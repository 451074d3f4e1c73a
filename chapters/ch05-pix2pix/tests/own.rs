//! 手元の画像: 左右に並べた対。悪い画像の表は、chapters/tools/tests/folder.rs にあります。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::{picture, succeeds};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch05-pix2pix");

const SMALL: [&str; 10] =
    ["--size", "16", "--width-g", "2", "--width-d", "2", "--batch", "2", "--steps", "1"];

/// 左が赤、右が青の対。
fn pairs(dir: &std::path::Path, width: u32, height: u32) {
    for folder in ["train", "test"] {
        for n in 0..2 {
            let path = dir.join(folder).join(format!("{n}.png"));
            picture(&path, width, height, |x, _| match x < width / 2 {
                true => [220, 30, 30],
                false => [30, 30, 220],
            });
        }
    }
}

/// 変換前の絵の、赤の画素と青の画素の数。
fn red_and_blue(path: &std::path::Path) -> [usize; 2] {
    let shown = image::open(path).unwrap().to_rgb8();
    let count = |rgb: [u8; 3]| shown.pixels().filter(|pixel| pixel.0 == rgb).count();
    [count([220, 30, 30]), count([30, 30, 220])]
}

/// どちらの向きでも、1 枚の画像もペアの画像も変換できる。
#[test]
fn both_directions_single_pictures_and_pairs_are_translated() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 40, 20);
    picture(&dir.path().join("one.png"), 20, 20, |_, _| [220, 30, 30]);
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    for (direction, reversed) in [("ab", false), ("ba", true)] {
        let out = path(direction);
        let args = ["--data", &path("."), "--direction", direction, "--out", &out];
        succeeds(PROGRAM, &[&args[..], &SMALL].concat());
        // 対の画像は、変換元の半分だけを使う。
        let text = succeeds(PROGRAM, &["translate", "--input", &path("test"), "--out", &out]);
        let side = if reversed { "右" } else { "左" };
        assert!(text.contains(&format!("2 枚は左右に並べた対なので、{side}の半分だけ")), "{text}");
        let [red, blue] = red_and_blue(&dir.path().join(direction).join("translated.png"));
        assert_eq!((red > 0, blue > 0), (!reversed, reversed), "{direction}: {red} {blue}");
        // 1 枚の画像も変換できる。
        let text = succeeds(PROGRAM, &["translate", "--input", &path("one.png"), "--out", &out]);
        assert!(text.contains("1 枚を変換し"), "{text}");
    }
}

/// ペアの形でない画像は、学習の前に尋ねる。
#[test]
fn a_picture_that_is_no_pair_is_asked_about() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 80, 30);
    let (data, out) = (dir.path().to_str().unwrap(), dir.path().join("out"));
    let args = [&["--data", data, "--out", out.to_str().unwrap()], &SMALL[..]].concat();
    let (code, text) = chapter::run(PROGRAM, &args);
    assert_eq!(code, Some(1));
    assert!(text.contains("使えない画像が 4 枚あります"), "{text}");
    assert!(text.contains("0.png (80×30)") && text.contains("--pair-ratio 4:3"), "{text}");
    assert!(!out.exists());
    succeeds(PROGRAM, &[&args[..], &["--pair-ratio", "4:3"]].concat());
}

/// ペアが足りなければ、直す指定とフォルダを知らせる。
#[test]
fn too_few_pairs_name_the_flag_and_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 40, 20);
    let (code, text) = chapter::run(PROGRAM, &["--data", dir.path().to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(text.contains("--batch 16") && text.contains("train の学習用の画像は 2 枚"), "{text}");
}
