//! モデルの大きさ、小さな学習、コマンドの文面が、気付かないうちに変わらないようにします。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use ch01_generative_models::book;
use ch01_generative_models::config::{Config, Data, Labels, Model};

#[test]
fn model_sizes() {
    let mut table = String::new();
    for (model, labels) in [
        (Model::Pixels, Labels::Ignore),
        (Model::Gaussian, Labels::Ignore),
        (Model::Mixture, Labels::Ignore),
        (Model::Gaussian, Labels::Use),
    ] {
        let config = Config { labels, ..Config::tiny(Data::Digits, model) };
        let outcome = book::run("試験", &config, true).unwrap();
        let bytes = outcome.trained.model.to_bytes().unwrap();
        let device = candle_core::Device::Cpu;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &device).unwrap();
        let mut rows: Vec<_> = tensors
            .iter()
            .filter(|(name, _)| *name == "prior" || name.starts_with("0."))
            .map(|(name, tensor)| format!("  {name} {:?}\n", tensor.dims()))
            .collect();
        rows.sort();
        table += &format!("{} ({labels:?})\n{}", model.name(), rows.concat());
    }
    insta::assert_snapshot!(table);
}

#[test]
fn tiny_run() {
    let outcome = book::run("試験", &Config::tiny(Data::Moons, Model::Mixture), true).unwrap();
    let history = &outcome.trained.history;
    let text: String = history
        .series("train")
        .iter()
        .zip(history.series("held-out"))
        .map(|(train, held_out)| {
            format!("{} train {:.2} held-out {:.2}\n", train.0, train.1, held_out.1)
        })
        .collect();
    chapter::assert_close(include_str!("tiny_run.txt"), &text, 0.02);
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_ch01-generative-models");

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
fn a_short_run_leaves_figures_a_model_and_a_reading() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    for args in [
        &["--data", "moons", "--steps", "5"][..],
        &["--data", "digits", "--model", "gaussian", "--labels", "use"],
        &["--data", "blobs", "--model", "classifier", "--steps", "20"],
    ] {
        let (code, text) = run(&[args, &["--out", out]].concat());
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("テストデータ"), "{text}");
    }
    insta::assert_snapshot!(chapter::names(dir.path()));
    for (args, made) in [
        (&["generate", "--data", "moons", "--count", "9"][..], "generated.svg"),
        (&["generate", "--label", "3", "--count", "9"], "generated.png"),
    ] {
        let (code, text) = run(&[args, &["--out", out]].concat());
        assert_eq!(code, Some(0), "{text}");
        assert!(dir.path().join(made).exists());
    }
    let (code, text) = run(&["generate", "--label", "10", "--out", out]);
    assert_eq!(code, Some(1));
    assert!(text.contains("--label は 0 以上 9 以下"), "{text}");
}
