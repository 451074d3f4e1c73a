//! 悪い入力、途中で止めること、途中で消えることに、前の結果が耐えるか。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::Trust;

const TRUST: Trust = Trust {
    program: env!("CARGO_BIN_EXE_ch06-cyclegan"),
    small: &["--steps", "1", "--size", "16", "--width", "2", "--width-d", "2", "--train", "8"],
    name: "landscape",
    weights: "generator_xy.safetensors",
    reuse: &["translate"],
    made: "translated.png",
    edit: ["\"width\": 2", "\"width\": 4096"],
};

#[test]
fn bad_input_gets_one_japanese_sentence() {
    insta::assert_snapshot!(TRUST.refusals(&[
        &["--size", "30", "--downs", "2"],
        &["--size", "16", "--d-layers", "3"],
        &["--lr-g", "nan"],
        &["--lr-d", "-1"],
        &["--beta1", "1"],
        &["--decay", "1.5"],
        &["--skip", "11"],
        &["--buffer", "100001"],
        &["--lambda-cycle", "-10"],
        &["--batch", "8", "--train", "4", "--out", "DIR/good"],
        &["--preset", "papper"],
        &["--data", "DIR/nowhere"],
        &["--data", "DIR/memo"],
        &["--size", "1024", "--train", "100000"],
        &["generate"],
        &["translate", "--count", "0"],
        &["translate", "--count", "3", "--input", "DIR/good"],
        &["translate", "--direction", "xz"],
        &["translate", "--own", "--out", "DIR/good"],
        &["translate", "--input", "DIR/nowhere", "--out", "DIR/good"],
    ]));
}

/// Ctrl-C で止めても、そこまでの学習が残り、続ければ、止めなかったときと同じバイトになる。
#[cfg(unix)]
#[test]
fn a_stopped_run_resumes_to_the_same_bytes() {
    let tiny = ["--size", "16", "--width", "4", "--width-d", "4", "--train", "8"];
    chapter::resumes(TRUST.program, &tiny, "60", "landscape");
}

#[cfg(unix)]
#[test]
#[ignore = "保存の最中に 200 回、kill -9 で止めます (数分)"]
fn killing_while_saving_never_mixes_two_runs() {
    chapter::kill_loop(&TRUST, &["--width", "3"], 200);
}
