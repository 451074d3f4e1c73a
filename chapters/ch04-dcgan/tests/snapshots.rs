//! 層の表、小さな学習、コマンドの文面が、気付かないうちに変わらないようにします。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::ops::ControlFlow;

use ch04_dcgan::config::{Config, Model};
use ch04_dcgan::data::Pictures;
use ch04_dcgan::train::{Gan, train};

#[test]
fn layers() {
    for (name, config) in [
        ("dcgan", Config::book()),
        ("mlp", Config { model: Model::Mlp, ..Config::book() }),
        ("pytorch", Config::pytorch()),
    ] {
        let gan = Gan::new(&config).unwrap();
        insta::assert_snapshot!(format!("layers-{name}"), gan.variables.table(""));
    }
}

#[test]
fn tiny_run() {
    let config = Config::tiny();
    let pictures = Pictures::new(&config).unwrap();
    let trained = train(&config, pictures, |_| Ok(ControlFlow::Continue(()))).unwrap();
    let text: String = trained
        .history
        .series("loss D")
        .iter()
        .zip(trained.history.series("loss G"))
        .map(|(d, g)| format!("{} D {:.2} G {:.2}\n", d.0, d.1, g.1))
        .collect();
    chapter::assert_close(include_str!("tiny_run.txt"), &text, 0.02);
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch04-dcgan");

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
    let (code, text) = run(&["--steps", "3", "--width", "4", "--out", out]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("識別器の答えの平均は"), "{text}");
    let names = || chapter::names(dir.path());
    insta::assert_snapshot!(names());
    let (code, text) = run(&["generate", "--count", "9", "--out", out]);
    assert_eq!(code, Some(0), "{text}");
    assert!(names().contains("generated.png"));
}
