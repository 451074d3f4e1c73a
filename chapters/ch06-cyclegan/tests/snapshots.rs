//! 層の表、小さな学習、コマンドの文面が、気付かないうちに変わらないようにします。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use ch06_cyclegan::config::Config;
use ch06_cyclegan::data;
use ch06_cyclegan::train::{CycleGan, train};

#[test]
fn layers() {
    for (name, config) in [("book", Config::book()), ("paper", Config::paper())] {
        let gan = CycleGan::new(&config).unwrap();
        insta::assert_snapshot!(format!("layers-{name}"), gan.variables.table(""));
    }
}

#[test]
fn tiny_run() {
    let config = Config::tiny();
    let dataset = data::dataset(&config).unwrap();
    let trained = train(&config, &dataset, |_| Ok(std::ops::ControlFlow::Continue(()))).unwrap();
    let column = |name| trained.history.series(name).into_iter().map(|point| point.1);
    let text: String = (1..)
        .zip(column("loss G"))
        .zip(column("cycle X").zip(column("loss D_Y")))
        .map(|((step, g), (cycle, d))| format!("{step} G {g:.2} cycle {cycle:.2} D {d:.2}\n"))
        .collect();
    chapter::assert_close(include_str!("tiny_run.txt"), &text, 0.02);
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch06-cyclegan");

fn run(args: &[&str]) -> (Option<i32>, String) {
    chapter::run(PROGRAM, args)
}

#[test]
fn help() {
    let (code, text) = run(&["--help"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(text);
}

#[test]
fn a_short_run_leaves_figures_weights_and_a_reading() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let tiny = ["--steps", "2", "--size", "16", "--width", "4", "--train", "8", "--out", out];
    let (code, text) = run(&tiny);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("本当の対との SSIM"), "{text}");
    insta::assert_snapshot!(chapter::names(dir.path()));
    for direction in ["xy", "yx"] {
        let (code, text) =
            run(&["translate", "--direction", direction, "--count", "3", "--out", out]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains(&format!("generator_{direction} だけを使って")), "{text}");
    }
    assert!(dir.path().join("translated.png").exists());
}

/// 論文の設定を出発点に、幅だけを狭めて学習する。
#[test]
fn paper_preset_is_the_starting_point() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let narrow = ["--width", "2", "--width-d", "2", "--size", "32", "--train", "2", "--steps", "1"];
    let (code, text) = run(&[&["--preset", "paper", "--out", out], &narrow[..]].concat());
    assert_eq!(code, Some(0), "{text}");
    let saved = std::fs::read_to_string(dir.path().join("landscape/config.json")).unwrap();
    let saved: Config = serde_json::from_str(&saved).unwrap();
    let narrow = Config { width: 2, width_d: 2, size: 32, train: 2, steps: 1, ..Config::paper() };
    assert_eq!(saved, narrow);
}
