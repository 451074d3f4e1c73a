//! 層の表、小さな学習、コマンドの文面が、気付かないうちに変わらないようにします。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use ch07_diffusion::config::{Config, Data};
use ch07_diffusion::train::{Diffusion, train};

/// 層の名前と形。
#[test]
fn layers() {
    for data in [Data::Ring, Data::Hiragana] {
        let diffusion = Diffusion::new(&Config::book(data.clone())).unwrap();
        insta::assert_snapshot!(format!("layers-{}", data.name()), diffusion.variables.table(""));
    }
}

/// 小さな学習の損失。
#[test]
fn tiny_run() {
    let trained =
        train(&Config::tiny(Data::Ring), |_| Ok(std::ops::ControlFlow::Continue(()))).unwrap();
    let series = trained.history.series("loss");
    let text: String =
        series.iter().map(|(step, loss)| format!("{step} loss {loss:.2}\n")).collect();
    chapter::assert_close(include_str!("tiny_run.txt"), &text, 0.02);
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch07-diffusion");

fn run(args: &[&str]) -> (Option<i32>, String) {
    chapter::run(PROGRAM, args)
}

/// コマンドの説明。
#[test]
fn help() {
    let (code, text) = run(&["--help"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(text);
}

/// 短い学習が、図と重みと読み方を残し、その重みだけで生成できる。
#[test]
fn a_short_run_leaves_figures_weights_and_a_reading() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let short = ["--steps", "20", "--timesteps", "10", "--out", out];
    let (code, text) = run(&[&["--data", "moons"], &short[..]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("ノイズの 2 乗誤差は"), "{text}");
    let (code, text) = run(&[&["--data", "hiragana", "--ae-steps", "5"], &short[..]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("指定したとおりの字に読めた割合は"), "{text}");
    insta::assert_snapshot!(chapter::names(dir.path()));
    let (code, text) = run(&["generate", "--data", "moons", "--count", "9", "--out", out]);
    assert_eq!(code, Some(0), "{text}");
    assert!(dir.path().join("generated.svg").exists());
    let asked = ["generate", "--class", "ぬ", "--ddim", "5", "--guidance", "3", "--out", out];
    let (code, text) = run(&asked);
    assert_eq!(code, Some(0), "{text}");
    assert!(dir.path().join("generated.png").exists());
}
