//! 層の表、小さな学習、コマンドの文面が、気付かないうちに変わらないようにします。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use ch05_pix2pix::config::Config;
use ch05_pix2pix::data;
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
    let config = Config::tiny();
    let dataset = data::dataset(&config).unwrap();
    let trained = train(&config, dataset, |_| Ok(std::ops::ControlFlow::Continue(()))).unwrap();
    let history = &trained.history;
    let text: String = history
        .series("loss D")
        .iter()
        .zip(history.series("loss GAN"))
        .zip(history.series("L1"))
        .map(|((d, g), l1)| format!("{} D {:.2} GAN {:.2} L1 {:.2}\n", d.0, d.1, g.1, l1.1))
        .collect();
    chapter::assert_close(include_str!("tiny_run.txt"), &text, 0.02);
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
