//! 層の表、小さな学習、コマンドの文面が、気付かないうちに変わらないようにします。

#[path = "../../common/tests/chapter/mod.rs"]
mod chapter;

use ch05_pix2pix::config::Config;
use ch05_pix2pix::train::{Pix2Pix, train};

#[test]
fn layers() {
    let networks = Pix2Pix::new(&Config::book()).unwrap();
    insta::assert_snapshot!("layers-book", networks.variables.table(""));
    let networks = Pix2Pix::new(&Config::paper()).unwrap();
    insta::assert_snapshot!("layers-paper", networks.variables.table(""));
}

#[test]
fn tiny_run() {
    let trained = train(&Config::tiny(), |_| Ok(std::ops::ControlFlow::Continue(()))).unwrap();
    // 丸めの違う CPU でも同じになるよう、小数第 2 位までで比べる。
    let history = &trained.history;
    let text: String = history
        .series("loss D")
        .iter()
        .zip(history.series("loss GAN"))
        .zip(history.series("L1"))
        .map(|((d, g), l1)| format!("{} D {:.2} GAN {:.2} L1 {:.2}\n", d.0, d.1, g.1, l1.1))
        .collect();
    insta::assert_snapshot!(text);
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch05-pix2pix");

fn run(args: &[&str]) -> (Option<i32>, String) {
    chapter::run(PROGRAM, args)
}

#[test]
fn help() {
    for (name, args) in [("help", &["--help"][..]), ("help-translate", &["translate", "--help"])] {
        let (code, text) = run(args);
        assert_eq!(code, Some(0));
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn bad_input_gets_one_japanese_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let empty = dir.path().join("empty");
    std::fs::create_dir_all(empty.join("train")).unwrap();
    let empty = empty.to_str().unwrap();
    let cases: [&[&str]; 16] = [
        &["--steps", "x"],
        &["--steps", "0"],
        &["--size", "48"],
        &["--patch-layers", "4"],
        &["--channels", "3"],
        &["--mirror", "on"],
        &["--preset", "paper"],
        &["--preset", "papr"],
        &["--lambda-l1", "0", "--lambda-gan", "0"],
        &["--dropout", "1"],
        &["--pairs", "mixed"],
        &["--data", "nowhere"],
        &["--data", empty],
        &["translate", "--out", out],
        &["translate", "--out", out, "--input", empty],
        &["translate", "--text", "字", "--input", empty],
    ];
    let texts = chapter::refusals(PROGRAM, &cases, out);
    chapter::cannot_write(PROGRAM, &[&TINY[..], &["--steps", "1"]].concat(), dir.path());
    insta::assert_snapshot!(texts);
}

const TINY: [&str; 6] = ["--width-g", "4", "--width-d", "4", "--batch", "4"];

#[test]
fn a_short_run_leaves_figures_weights_and_a_reading() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let (code, text) = run(&[&TINY[..], &["--steps", "20", "--out", out]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("正解との SSIM は"), "{text}");
    insta::assert_snapshot!(chapter::names(dir.path()));
    let (code, text) = run(&["translate", "--text", "宇宙", "--out", out]);
    assert_eq!(code, Some(0), "{text}");
    assert!(dir.path().join("translated.png").exists());
    let (code, text) = run(&["translate", "--text", "A", "--out", out]);
    assert_eq!(code, Some(1));
    assert!(text.contains("「A」"), "{text}");
}

/// Ctrl-C (SIGINT) で止めても、そこまでの学習が残る。
#[cfg(unix)]
#[test]
fn interrupt_keeps_what_was_learned() {
    let kept = ["kanji-generator.safetensors", "losses.svg"];
    chapter::interrupt(PROGRAM, &TINY, kept);
}
