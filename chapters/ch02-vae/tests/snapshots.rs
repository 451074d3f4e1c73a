//! 層の表、小さな学習、コマンドの文面が、気付かないうちに変わらないようにします。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use ch02_vae::config::{Config, Data};
use ch02_vae::train::{Vae, train};

#[test]
fn layers() {
    for (name, config) in [
        ("vae", Config::book(Data::Hiragana)),
        ("autoencoder", Config::book(Data::Hiragana).autoencoder()),
    ] {
        let vae = Vae::new(&config).unwrap();
        insta::assert_snapshot!(format!("layers-{name}"), vae.variables.table(""));
    }
}

#[test]
fn tiny_run() {
    let trained =
        train(&Config::tiny(Data::Digits), |_| Ok(std::ops::ControlFlow::Continue(()))).unwrap();
    let text: String = trained
        .history
        .series("recon")
        .iter()
        .zip(trained.history.series("KL"))
        .map(|(recon, kl)| format!("{} 再構成 {:.2} KL {:.2}\n", recon.0, recon.1, kl.1))
        .collect();
    chapter::assert_close(include_str!("tiny_run.txt"), &text, 0.02);
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch02-vae");

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
    let (code, text) = run(&["--data", "vowels", "--steps", "20", "--out", out]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("エネルギー距離は"), "{text}");
    let names = || chapter::names(dir.path());
    insta::assert_snapshot!(names());
    let (code, text) = run(&["generate", "--data", "vowels", "--count", "9", "--out", out]);
    assert_eq!(code, Some(0), "{text}");
    assert!(names().contains("generated.png"));
}

#[test]
fn a_font_of_the_reader_joins_the_others() {
    let font = concat!(env!("CARGO_MANIFEST_DIR"), "/../common/data/fonts/brush.ttf");
    let config = Config { font: Some(font.into()), ..Config::tiny(Data::Vowels) };
    let count = |config: &Config| ch02_vae::train::dataset(config).unwrap().train.labels.len();
    assert_eq!(count(&config) * 24, count(&Config::tiny(Data::Vowels)) * 25);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let (code, text) = run(&["--font", font, "--steps", "2", "--out", out]);
    assert_eq!(code, Some(0), "{text}");
}
