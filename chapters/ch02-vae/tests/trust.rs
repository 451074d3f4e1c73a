//! 悪い入力、途中で止めること、途中で消えることに、前の結果が耐えるか。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::Trust;

const TRUST: Trust = Trust {
    program: env!("CARGO_BIN_EXE_ch02-vae"),
    small: &["--data", "digits", "--steps", "2", "--hidden", "8"],
    name: "digits",
    weights: "decoder.safetensors",
    reuse: &["generate", "--data", "digits"],
    made: "generated.png",
    edit: ["\"hidden\": 8", "\"hidden\": 100000"],
};

#[test]
fn bad_input_gets_one_japanese_sentence() {
    insta::assert_snapshot!(TRUST.refusals(&[
        &["--batch", "2000"],
        &["--batch", "-2"],
        &["--z-dim", "0"],
        &["--hidden", "4097"],
        &["--lr", "nan"],
        &["--lr", "-1"],
        &["--beta", "-1"],
        &["--beta", "1e7"],
        &["--noise", "1.5"],
        &["--data", "hiragan"],
        &["--model", "gan"],
        &["--reparam", "maybe"],
        &["--font", "DIR/none.ttf"],
        &["--font", "DIR/file", "--out", "DIR/good"],
        &["--font", "DIR/file", "--data", "digits"],
        &["--size", "16", "--data", "digits"],
        &["--size", "7", "--data", "DIR/memo"],
        &["--size", "128", "--hidden", "4096", "--data", "DIR/memo"],
        &["--data", "DIR/file"],
        &["--data", "DIR/memo"],
        &["generate", "--own", "--data", "digits"],
        &["generate", "--own", "--out", "DIR/good"],
        &["generate", "--count", "0"],
        &["generate", "--model", "ae", "--data", "digits", "--out", "DIR/good"],
    ]));
}

/// 発散した学習は、何回目で何が起きたかを伝えて止まり、前の結果は 1 バイトも変わらない。
#[test]
fn a_diverging_run_stops_and_leaves_the_old_result() {
    let dir = tempfile::tempdir().unwrap();
    let out = ["--out", dir.path().to_str().unwrap()];
    assert_eq!(chapter::run(TRUST.program, &[TRUST.small, &out].concat()).0, Some(0));
    let before = chapter::contents(dir.path());
    let wild = ["--data", "digits", "--steps", "400", "--lr", "1", "--beta", "1e6", "--quiet"];
    let (code, text) = chapter::run(TRUST.program, &[&wild[..], &out].concat());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("回目で発散し") && text.contains("--lr"), "{text}");
    assert!(chapter::contents(dir.path()) == before, "前の結果が変わりました");
}

/// Ctrl-C で止めても、そこまでの学習が残り、続ければ、止めなかったときと同じバイトになる。
#[cfg(unix)]
#[test]
fn a_stopped_run_resumes_to_the_same_bytes() {
    let args = ["--data", "vowels", "--noise", "0.1", "--hidden", "32"];
    chapter::resumes(TRUST.program, &args, "600", "vowels");
}

#[cfg(unix)]
#[test]
#[ignore = "保存の最中に 200 回、kill -9 で止めます (数分)"]
fn killing_while_saving_never_mixes_two_runs() {
    chapter::kill_loop(&TRUST, &["--hidden", "9"], 200);
}
