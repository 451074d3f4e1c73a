//! 層の表、小さな学習、コマンドの文面が、気付かないうちに変わらないようにします。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use ch03_gan::config::{Config, Data};
use ch03_gan::train::{Gan, train};

#[test]
fn layers() {
    for data in [Data::Ring, Data::Digits] {
        let gan = Gan::new(&Config::book(data.clone())).unwrap();
        insta::assert_snapshot!(format!("layers-{}", data.name()), gan.variables.table(""));
    }
}

#[test]
fn tiny_run() {
    let trained =
        train(&Config::tiny(Data::Ring), |_| Ok(std::ops::ControlFlow::Continue(()))).unwrap();
    let text: String = trained
        .history
        .series("loss D")
        .iter()
        .zip(trained.history.series("loss G"))
        .map(|(d, g)| format!("{} D {:.2} G {:.2}\n", d.0, d.1, g.1))
        .collect();
    chapter::assert_close(include_str!("tiny_run.txt"), &text, 0.02);
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch03-gan");

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
    let (code, text) = run(&["--data", "moons", "--steps", "20", "--out", out]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("識別器の答えの平均は"), "{text}");
    insta::assert_snapshot!(chapter::names(dir.path()));
    let (code, text) = run(&["generate", "--data", "moons", "--count", "9", "--out", out]);
    assert_eq!(code, Some(0), "{text}");
    assert!(dir.path().join("generated.svg").exists());
}
