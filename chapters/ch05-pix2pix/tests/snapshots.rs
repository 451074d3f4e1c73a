//! 層の表、小さな学習、コマンドの文面が、気付かないうちに変わらないようにします。

use std::process::Command;

use ch05_pix2pix::config::Config;
use ch05_pix2pix::train::{Pix2Pix, train};

#[test]
fn layers() {
    let networks = Pix2Pix::new(&Config::book()).unwrap();
    insta::assert_snapshot!("layers-book", networks.variables.table(""));
    let networks = Pix2Pix::new(&Config::paper()).unwrap();
    insta::assert_snapshot!("layers-paper", networks.variables.table(""));
}

#[test]
fn tiny_run() {
    let trained = train(&Config::tiny(), |_| Ok(std::ops::ControlFlow::Continue(()))).unwrap();
    // 丸めの違う CPU でも同じになるよう、小数第 2 位までで比べる。
    let history = &trained.history;
    let text: String = history
        .series("loss D")
        .iter()
        .zip(history.series("loss GAN"))
        .zip(history.series("L1"))
        .map(|((d, g), l1)| format!("{} D {:.2} GAN {:.2} L1 {:.2}\n", d.0, d.1, g.1, l1.1))
        .collect();
    insta::assert_snapshot!(text);
}

fn run(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ch05-pix2pix")).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn help() {
    for (name, args) in [("help", &["--help"][..]), ("help-translate", &["translate", "--help"])] {
        let (code, text) = run(args);
        assert_eq!(code, Some(0));
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn bad_input_gets_one_japanese_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let empty = dir.path().join("empty");
    std::fs::create_dir_all(empty.join("train")).unwrap();
    let empty = empty.to_str().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let cases: [&[&str]; 16] = [
        &["--steps", "x"],
        &["--steps", "0"],
        &["--size", "48"],
        &["--patch-layers", "4"],
        &["--channels", "3"],
        &["--mirror", "on"],
        &["--preset", "paper"],
        &["--preset", "papr"],
        &["--lambda-l1", "0", "--lambda-gan", "0"],
        &["--dropout", "1"],
        &["--pairs", "mixed"],
        &["--data", "nowhere"],
        &["--data", empty],
        &["translate", "--out", out],
        &["translate", "--out", out, "--input", empty],
        &["translate", "--text", "字", "--input", empty],
    ];
    let mut texts = String::new();
    for case in cases {
        let (code, text) = run(case);
        assert!(matches!(code, Some(1 | 2)), "{case:?} の終了コード {code:?}: {text}");
        let shown = |text: &str| text.replace(out, "DIR");
        texts += &format!("$ {}\n{}", shown(&case.join(" ")), shown(&text));
    }
    // 書き込めない場所では、学習の後でも何が起きたかを伝える。
    let target = file.join("below");
    let (code, text) =
        run(&[&TINY[..], &["--steps", "1", "--out", target.to_str().unwrap()]].concat());
    assert_eq!(code, Some(1));
    assert!(text.contains("書き込めません"), "{text}");
    insta::assert_snapshot!(texts);
}

const TINY: [&str; 6] = ["--width-g", "4", "--width-d", "4", "--batch", "4"];

#[test]
fn a_short_run_leaves_figures_weights_and_a_reading() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let (code, text) = run(&[&TINY[..], &["--steps", "20", "--out", out]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("正解との SSIM は"), "{text}");
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    insta::assert_snapshot!(names.join("\n"));
    let (code, text) = run(&["translate", "--text", "宇宙", "--out", out]);
    assert_eq!(code, Some(0), "{text}");
    assert!(dir.path().join("translated.png").exists());
    let (code, text) = run(&["translate", "--text", "A", "--out", out]);
    assert_eq!(code, Some(1));
    assert!(text.contains("「A」"), "{text}");
}

/// Ctrl-C (SIGINT) で止めても、そこまでの学習が残る。
#[cfg(unix)]
#[test]
fn interrupt_keeps_what_was_learned() {
    use std::io::{BufRead, BufReader, Read};

    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ch05-pix2pix"))
        .args(TINY)
        .args(["--steps", "1000000", "--out", dir.path().to_str().unwrap()])
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    assert!(first.contains("1/1000000"), "{first}");
    assert!(
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success()
    );
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("そこまでの結果は残してあります"), "{rest}");
    assert!(dir.path().join("kanji-generator.safetensors").exists());
    assert!(dir.path().join("losses.svg").exists());
}
