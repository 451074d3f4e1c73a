//! 手元の画像: 写真のフォルダ。悪い画像の表は、chapters/tools/tests/folder.rs にあります。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::{picture, succeeds};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch04-dcgan");

const SMALL: [&str; 8] = ["--size", "16", "--width", "2", "--batch", "2", "--steps", "1"];

/// 明るい写真は明るいまま、カラーの写真はカラーのまま学習に使われる。
#[test]
fn light_photos_stay_light_and_keep_their_colour() {
    for (channels, want) in [(&[][..], [210, 200, 190]), (&["--channels", "1"], [201; 3])] {
        let dir = tempfile::tempdir().unwrap();
        let (photos, out) = (dir.path().join("写真"), dir.path().join("out"));
        picture(&photos.join("a.png"), 64, 64, |_, _| [210, 200, 190]);
        std::fs::write(photos.join("._a.png"), "Mac OS X").unwrap();
        let places = ["--data", photos.to_str().unwrap(), "--out", out.to_str().unwrap()];
        let text = succeeds(PROGRAM, &[&places[..], &SMALL, channels].concat());
        assert!(text.contains("の画像 1 枚を使います。"), "{text}");
        let real = image::open(out.join("dcgan-folder/real.png")).unwrap().to_rgb8();
        let near = real.pixels().filter(|pixel| {
            pixel.0.iter().zip(want).all(|(value, want): (&u8, u8)| value.abs_diff(want) <= 1)
        });
        assert!(near.count() > 60 * 16 * 16, "明るい画像が、明るいまま並ぶ ({channels:?})");
    }
}

/// 使えない画像はすべて名前を挙げて断り、何も書かない。
#[test]
fn every_bad_picture_is_named_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (photos, out) = (dir.path().join("写真"), dir.path().join("out"));
    picture(&photos.join("良い.png"), 8, 8, |_, _| [0; 3]);
    for n in 0..10 {
        std::fs::write(photos.join(format!("{n}.png")), "").unwrap();
    }
    let places = ["--data", photos.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let (code, text) = chapter::run(PROGRAM, &[&places[..], &SMALL].concat());
    assert_eq!(code, Some(1));
    assert!((0..10).all(|n| text.contains(&format!("{n}.png"))), "{text}");
    assert!(text.contains("使えない画像が 10 枚あります"), "{text}");
    assert!(!out.exists());
}

/// 読み込みの途中の Ctrl-C は、読み終えるのを待たない。
#[cfg(unix)]
#[test]
fn loading_hears_ctrl_c() {
    let dir = tempfile::tempdir().unwrap();
    let (photos, out) = (dir.path().join("写真"), dir.path().join("out"));
    picture(&photos.join("0.png"), 1500, 1500, |x, y| [(x * y) as u8, (x ^ y) as u8, x as u8]);
    for n in 1..300 {
        std::fs::hard_link(photos.join("0.png"), photos.join(format!("{n}.png"))).unwrap();
    }
    let places = ["--data", photos.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let (code, text) = chapter::stop(PROGRAM, &[&places[..], &SMALL].concat(), 1, "-INT");
    assert_eq!(code, Some(130), "{text}");
    assert!(text.contains("画像を読む途中で止めました"), "{text}");
    assert!(!out.exists());
}
