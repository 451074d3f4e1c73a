//! 悪い入力、途中で止めること、途中で消えることに、前の結果が耐えるか。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::Trust;

const TRUST: Trust = Trust {
    program: env!("CARGO_BIN_EXE_ch01-generative-models"),
    small: &["--data", "moons", "--model", "gaussian"],
    name: "moons-gaussian",
    weights: "model.safetensors",
    reuse: &["generate", "--data", "moons", "--model", "gaussian"],
    made: "generated.svg",
    edit: ["", ""],
};

#[test]
fn bad_input_gets_one_japanese_sentence() {
    insta::assert_snapshot!(TRUST.refusals(&[
        &["--components"],
        &["--components", "0"],
        &["--components", "3", "--model", "gaussian"],
        &["--components", "40", "--train", "30"],
        &["--train", "5000"],
        &["--floor", "-1"],
        &["--floor", "0", "--components", "20", "--train", "300", "--quiet", "--out", "DIR/good"],
        &["--lr", "nan"],
        &["--lr", "-0.5"],
        &["--lr", "inf"],
        &["--data", "digit"],
        &["--model", "vae"],
        &["--labels", "use", "--model", "classifier"],
        &["--labels", "use", "--components", "50", "--train", "100", "--out", "DIR/good"],
        &["generate", "--out", "DIR/good", "--model", "classifier"],
        &["generate", "--count", "0"],
        &["generate", "--count", "-3"],
        &["generate", "--count", "10001"],
        &["generate", "--label", "x"],
        &[
            "generate", "--data", "moons", "--model", "gaussian", "--label", "1", "--out",
            "DIR/good"
        ],
    ]));
}

/// Ctrl-C で止めても、そこまでの学習が残り、続ければ、止めなかったときと同じバイトになる。
#[cfg(unix)]
#[test]
fn a_stopped_run_resumes_to_the_same_bytes() {
    let mixture = ["--data", "digits", "--components", "5"];
    chapter::resumes(TRUST.program, &mixture, "100", "digits-mixture");
    let classifier = ["--data", "digits", "--model", "classifier"];
    chapter::resumes(TRUST.program, &classifier, "600", "digits-classifier");
}

#[cfg(unix)]
#[test]
#[ignore = "保存の最中に 200 回、kill -9 で止めます (数分)"]
fn killing_while_saving_never_mixes_two_runs() {
    chapter::kill_loop(&TRUST, &["--train", "100"], 200);
}
