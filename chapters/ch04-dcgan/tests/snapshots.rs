//! 層の表、小さな学習、コマンドの文面が、気付かないうちに変わらないようにします。

use std::ops::ControlFlow;
use std::process::Command;

use ch04_dcgan::config::{Config, Model};
use ch04_dcgan::data::Pictures;
use ch04_dcgan::train::{Gan, train};

#[test]
fn layers() {
    for (name, config) in [
        ("dcgan", Config::book()),
        ("mlp", Config { model: Model::Mlp, ..Config::book() }),
        ("pytorch", Config::pytorch()),
    ] {
        let gan = Gan::new(&config).unwrap();
        insta::assert_snapshot!(format!("layers-{name}"), gan.variables.table(""));
    }
}

#[test]
fn tiny_run() {
    let config = Config::tiny();
    let pictures = Pictures::new(&config).unwrap();
    let trained = train(&config, pictures, |_| Ok(ControlFlow::Continue(()))).unwrap();
    // 丸めの違う CPU でも同じになるよう、小数第 2 位までで比べる。
    let text: String = trained
        .history
        .series("loss D")
        .iter()
        .zip(trained.history.series("loss G"))
        .map(|(d, g)| format!("{} D {:.2} G {:.2}\n", d.0, d.1, g.1))
        .collect();
    insta::assert_snapshot!(text);
}

fn run(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ch04-dcgan")).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn help() {
    let (code, text) = run(&["--help"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(text);
}

#[test]
fn bad_input_gets_one_japanese_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    std::fs::write(dir.path().join("mlp-config.json"), "{ broken").unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let cases: [&[&str]; 14] = [
        &["--steps", "x"],
        &["--steps", "0"],
        &["--batch", "1"],
        &["--size", "40"],
        &["--channels", "2"],
        &["--kernel", "7"],
        &["--lr", "nan"],
        &["--norm", "layer"],
        &["--preset", "pape"],
        &["--data", out],
        &["--unknown"],
        &["generate", "--out", out],
        &["generate", "--out", out, "--model", "mlp"],
        &["generate", "--count", "0"],
    ];
    let mut texts = String::new();
    for case in cases {
        let (code, text) = run(case);
        assert!(matches!(code, Some(1 | 2)), "{case:?} の終了コード {code:?}: {text}");
        let shown = text.replace(out, "DIR");
        texts += &format!("$ {}\n{shown}", case.join(" ").replace(out, "DIR"));
    }
    // 書き込めない場所では、学習の後でも何が起きたかを伝える。
    let target = file.join("below");
    let (code, text) = run(&["--steps", "1", "--out", target.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(text.contains("書き込めません"), "{text}");
    insta::assert_snapshot!(texts);
}

#[test]
fn a_short_run_leaves_figures_weights_and_a_reading() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let (code, text) = run(&["--steps", "3", "--width", "4", "--out", out]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("識別器の答えの平均は"), "{text}");
    let names = || {
        let mut names: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names.join("\n")
    };
    insta::assert_snapshot!(names());
    let (code, text) = run(&["generate", "--count", "9", "--out", out]);
    assert_eq!(code, Some(0), "{text}");
    assert!(names().contains("generated.png"));
}

/// Ctrl-C (SIGINT) で止めても、そこまでの学習が残る。
#[cfg(unix)]
#[test]
fn interrupt_keeps_what_was_learned() {
    use std::io::{BufRead, BufReader, Read};

    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ch04-dcgan"))
        .args(["--steps", "1000000", "--width", "4", "--out", out])
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    assert!(first.contains("1/1000000"), "{first}");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("そこまでの結果は残してあります"), "{rest}");
    assert!(dir.path().join("dcgan-generator.safetensors").exists());
    assert!(dir.path().join("dcgan-samples.png").exists());
}
