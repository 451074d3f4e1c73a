//! 悪い入力、途中で止めること、途中で消えることに、前の結果が耐えるか。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::Trust;

const TRUST: Trust = Trust {
    program: env!("CARGO_BIN_EXE_ch05-pix2pix"),
    small: &["--steps", "1", "--width-g", "2", "--width-d", "2", "--batch", "4", "--size", "16"],
    name: "kanji",
    weights: "generator.safetensors",
    reuse: &["translate"],
    made: "translated.png",
    edit: ["\"width_g\": 2", "\"width_g\": 513"],
};

#[test]
fn bad_input_gets_one_japanese_sentence() {
    insta::assert_snapshot!(TRUST.refusals(&[
        &["--size", "48"],
        &["--size", "2048"],
        &["--patch-layers", "4"],
        &["--channels", "3"],
        &["--mirror", "on"],
        &["--preset", "paper"],
        &["--preset", "papr"],
        &["--lambda-l1", "0", "--lambda-gan", "0"],
        &["--lambda-l1", "-1"],
        &["--dropout", "1"],
        &["--dropout", "-0.5"],
        &["--shift", "9"],
        &["--jitter", "17"],
        &["--pairs", "mixed"],
        &["--data", "DIR/nowhere"],
        &["--size", "1024"],
        &["--direction", "ba"],
        &["--direction", "left"],
        &["--pair-ratio", "4:3"],
        &["--pair-ratio", "4/3"],
        &["--pair-ratio", "0:1"],
        &["--data", "DIR/memo"],
        &["translate", "--text", "字", "--input", "DIR/memo"],
        &["translate", "--text", "A", "--out", "DIR/good"],
        &["translate", "--font", "DIR/file", "--out", "DIR/good"],
        &["translate", "--input", "DIR/memo", "--out", "DIR/good"],
    ]));
}

/// Ctrl-C で止めても、そこまでの学習が残り、続ければ、止めなかったときと同じバイトになる。
#[cfg(unix)]
#[test]
fn a_stopped_run_resumes_to_the_same_bytes() {
    let tiny = ["--width-g", "4", "--width-d", "4", "--batch", "4", "--size", "16"];
    chapter::resumes(TRUST.program, &tiny, "150", "kanji");
}

#[cfg(unix)]
#[test]
#[ignore = "保存の最中に 200 回、kill -9 で止めます (数分)"]
fn killing_while_saving_never_mixes_two_runs() {
    chapter::kill_loop(&TRUST, &["--width-g", "3"], 200);
}
