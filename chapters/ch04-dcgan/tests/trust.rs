//! 悪い入力、途中で止めること、途中で消えることに、前の結果が耐えるか。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::Trust;

const TRUST: Trust = Trust {
    program: env!("CARGO_BIN_EXE_ch04-dcgan"),
    small: &["--steps", "2", "--width", "2", "--size", "16", "--batch", "4"],
    name: "dcgan",
    weights: "generator.safetensors",
    reuse: &["generate"],
    made: "generated.png",
    edit: ["\"width\": 2", "\"width\": 1000000"],
};

#[test]
fn bad_input_gets_one_japanese_sentence() {
    insta::assert_snapshot!(TRUST.refusals(&[
        &["--batch", "1"],
        &["--size", "40"],
        &["--size", "-16"],
        &["--channels", "2"],
        &["--kernel", "7"],
        &["--width", "0"],
        &["--lr", "nan"],
        &["--lr", "-1"],
        &["--norm", "layer"],
        &["--noise", "cauchy"],
        &["--preset", "pape"],
        &["--data", "DIR/memo/dcgan"],
        &["--data", "DIR/nowhere"],
        &["--data", "DIR/file"],
        &["--size", "128", "--width", "512", "--batch", "1024", "--channels", "3"],
        &["generate", "--count", "0"],
        &["generate", "--model", "mlp", "--out", "DIR/good"],
        &["generate", "--own", "--out", "DIR/good"],
    ]));
}

/// Ctrl-C で止めても、そこまでの学習が残り、続ければ、止めなかったときと同じバイトになる。
#[cfg(unix)]
#[test]
fn a_stopped_run_resumes_to_the_same_bytes() {
    let args = ["--width", "4", "--size", "16"];
    chapter::resumes(TRUST.program, &args, "150", "dcgan");
}

#[cfg(unix)]
#[test]
#[ignore = "保存の最中に 200 回、kill -9 で止めます (数分)"]
fn killing_while_saving_never_mixes_two_runs() {
    chapter::kill_loop(&TRUST, &["--width", "3"], 200);
}
