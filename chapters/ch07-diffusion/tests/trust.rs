//! 悪い入力、途中で止めること、途中で消えることに、前の結果が耐えるか。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::Trust;

const TRUST: Trust = Trust {
    program: env!("CARGO_BIN_EXE_ch07-diffusion"),
    small: &["--data", "moons", "--steps", "2", "--hidden", "8", "--timesteps", "5"],
    name: "moons",
    weights: "average.safetensors",
    reuse: &["generate", "--data", "moons"],
    made: "generated.svg",
    edit: ["\"hidden\": 8", "\"hidden\": 1000000000"],
};

#[test]
fn bad_input_gets_one_japanese_sentence() {
    insta::assert_snapshot!(TRUST.refusals(&[
        &["--batch", "0"],
        &["--hidden", "-4"],
        &["--lr", "nan"],
        &["--lr", "2"],
        &["--timesteps", "1"],
        &["--timesteps", "20", "--betas", "linear"],
        &["--betas", "sigmoid"],
        &["--ema", "1"],
        &["--drop", "1.5", "--data", "digits"],
        &["--guidance", "-1", "--data", "digits"],
        &["--guidance", "2", "--data", "ring"],
        &["--drop", "0.1", "--data", "moons"],
        &["--space", "latent", "--data", "ring"],
        &["--z-dim", "0"],
        &["--ae-steps", "0", "--data", "hiragana"],
        &["--data", "rin"],
        &["--size", "16", "--data", "ring"],
        &["--size", "7", "--data", "DIR/memo"],
        &["--size", "128", "--hidden", "4096", "--data", "DIR/memo"],
        &["--data", "DIR/file"],
        &["--data", "DIR/memo"],
        &["--guidance", "2", "--data", "DIR/memo"],
        &["generate", "--own", "--out", "DIR/good"],
        &["generate", "--count", "0"],
        &["generate", "--class", "漢"],
        &["generate", "--class", "3", "--data", "ring"],
        &["generate", "--class", "10", "--data", "digits"],
        &["generate", "--space", "latent", "--data", "moons"],
        &["generate", "--guidance", "nan"],
        &["generate", "--data", "moons", "--ddim", "6", "--out", "DIR/good"],
        &["generate", "--data", "moons", "--ddim", "0", "--out", "DIR/good"],
        &["generate", "--data", "ring", "--out", "DIR/good"],
    ]));
}

/// Ctrl-C で止めても、そこまでの学習が残り、続ければ、止めなかったときと同じバイトになる。
#[cfg(unix)]
#[test]
fn a_stopped_run_resumes_to_the_same_bytes() {
    let args = ["--data", "ring", "--timesteps", "20"];
    chapter::resumes(TRUST.program, &args, "800", "ring");
}

/// 潜在拡散では、下ごしらえのオートエンコーダも一緒に残り、続きはやり直さない。
#[cfg(unix)]
#[test]
fn a_stopped_latent_run_resumes_to_the_same_bytes() {
    let args = ["--data", "hiragana", "--ae-steps", "9", "--hidden", "32", "--timesteps", "10"];
    chapter::resumes(TRUST.program, &args, "800", "hiragana");
}

#[cfg(unix)]
#[test]
#[ignore = "保存の最中に 200 回、kill -9 で止めます (数分)"]
fn killing_while_saving_never_mixes_two_runs() {
    chapter::kill_loop(&TRUST, &["--hidden", "9"], 200);
}
