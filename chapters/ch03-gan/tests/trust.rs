//! 悪い入力、途中で止めること、途中で消えることに、前の結果が耐えるか。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use chapter::Trust;

const TRUST: Trust = Trust {
    program: env!("CARGO_BIN_EXE_ch03-gan"),
    small: &["--data", "moons", "--steps", "2", "--hidden", "8"],
    name: "moons",
    weights: "generator.safetensors",
    reuse: &["generate", "--data", "moons"],
    made: "generated.svg",
    edit: ["\"hidden\": 8", "\"hidden\": 1000000000"],
};

#[test]
fn bad_input_gets_one_japanese_sentence() {
    insta::assert_snapshot!(TRUST.refusals(&[
        &["--batch", "7", "--pack", "2"],
        &["--batch", "0"],
        &["--z-dim", "-4"],
        &["--lr-g", "nan"],
        &["--lr-g", "-1"],
        &["--lr-d", "2"],
        &["--beta1", "1"],
        &["--beta1", "-0.1"],
        &["--d-steps", "101"],
        &["--data", "rin"],
        &["--g-loss", "least-squares"],
        &["--size", "16", "--data", "ring"],
        &["--size", "7", "--data", "DIR/memo"],
        &["--size", "128", "--hidden", "4096", "--data", "DIR/memo"],
        &["--data", "DIR/file"],
        &["--data", "DIR/memo"],
        &["generate", "--own", "--out", "DIR/good"],
        &["generate", "--count", "0"],
        &["generate", "--count", "-1"],
        &["generate", "--seed", "-1"],
        &["generate", "--steps", "3"],
        &["generate", "--data", "ring", "--out", "DIR/good"],
    ]));
}

/// Ctrl-C で止めても、そこまでの学習が残り、続ければ、止めなかったときと同じバイトになる。
#[cfg(unix)]
#[test]
fn a_stopped_run_resumes_to_the_same_bytes() {
    let args = ["--data", "ring"];
    chapter::resumes(TRUST.program, &args, "800", "ring");
}

/// kill (SIGTERM) でも、端末を閉じても (SIGHUP)、Ctrl-C と同じに残る。
#[cfg(unix)]
#[test]
fn every_way_of_stopping_keeps_what_was_learned() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let dir = tempfile::tempdir().unwrap();
        let out = ["--steps", "1000000", "--out", dir.path().to_str().unwrap()];
        let (code, text) =
            chapter::stop(TRUST.program, &[&["--data", "moons"], &out[..]].concat(), 1, signal);
        assert_eq!(code, Some(130), "{signal}: {text}");
        assert!(text.contains("そこまでの結果は"), "{signal}: {text}");
        assert!(dir.path().join("moons/moons-steps.svg").exists());
    }
}

#[cfg(unix)]
#[test]
#[ignore = "保存の最中に 200 回、kill -9 で止めます (数分)"]
fn killing_while_saving_never_mixes_two_runs() {
    chapter::kill_loop(&TRUST, &["--hidden", "9"], 200);
}
