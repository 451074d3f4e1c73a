//! 層の表、小さな学習、コマンドの文面が、気付かないうちに変わらないようにします。

use std::process::Command;

use ch06_cyclegan::config::Config;
use ch06_cyclegan::data;
use ch06_cyclegan::train::{CycleGan, train};

#[test]
fn layers() {
    for (name, config) in [("book", Config::book()), ("paper", Config::paper())] {
        let gan = CycleGan::new(&config).unwrap();
        insta::assert_snapshot!(format!("layers-{name}"), gan.variables.table(""));
    }
}

#[test]
fn tiny_run() {
    let config = Config::tiny();
    let dataset = data::dataset(&config).unwrap();
    let trained = train(&config, &dataset, |_| Ok(std::ops::ControlFlow::Continue(()))).unwrap();
    // 丸めの違う CPU でも同じになるよう、小数第 2 位までで比べる。
    let column = |name| trained.history.series(name).into_iter().map(|point| point.1);
    let text: String = (1..)
        .zip(column("loss G"))
        .zip(column("cycle X").zip(column("loss D_Y")))
        .map(|((step, g), (cycle, d))| format!("{step} G {g:.2} cycle {cycle:.2} D {d:.2}\n"))
        .collect();
    insta::assert_snapshot!(text);
}

fn run(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ch06-cyclegan")).args(args).output().unwrap();
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
    let broken = dir.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("config.json"), "{ broken").unwrap();
    let broken = broken.to_str().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let cases: [&[&str]; 15] = [
        &["--steps", "x"],
        &["--steps", "0"],
        &["--steps"],
        &["--size", "30", "--downs", "2"],
        &["--size", "16", "--d-layers", "3"],
        &["--lr-g", "nan"],
        &["--beta1", "1"],
        &["--batch", "8", "--train", "4"],
        &["--preset", "papper"],
        &["--data", out],
        &["--unknown"],
        &["generate"],
        &["translate", "--out", out],
        &["translate", "--out", broken],
        &["translate", "--count", "0"],
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
    let (code, text) =
        run(&["--steps", "1", "--size", "16", "--train", "8", "--out", target.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(text.contains("書き込めません"), "{text}");
    insta::assert_snapshot!(texts);
}

#[test]
fn a_short_run_leaves_figures_weights_and_a_reading() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let tiny = ["--steps", "2", "--size", "16", "--width", "4", "--train", "8", "--out", out];
    let (code, text) = run(&tiny);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("本当の対との SSIM"), "{text}");
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    insta::assert_snapshot!(names.join("\n"));
    for direction in ["xy", "yx"] {
        let (code, text) =
            run(&["translate", "--direction", direction, "--count", "3", "--out", out]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains(&format!("generator_{direction} だけを使って")), "{text}");
    }
    assert!(dir.path().join("translated.png").exists());
}

/// 論文の設定を出発点に、幅だけを狭めて学習する。
#[test]
fn paper_preset_is_the_starting_point() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let narrow = ["--width", "2", "--width-d", "2", "--size", "32", "--train", "2", "--steps", "1"];
    let (code, text) = run(&[&["--preset", "paper", "--out", out], &narrow[..]].concat());
    assert_eq!(code, Some(0), "{text}");
    let saved = std::fs::read_to_string(dir.path().join("config.json")).unwrap();
    let saved: Config = serde_json::from_str(&saved).unwrap();
    let narrow = Config { width: 2, width_d: 2, size: 32, train: 2, steps: 1, ..Config::paper() };
    assert_eq!(saved, narrow);
}

/// Ctrl-C (SIGINT) で止めても、そこまでの学習が残る。
#[cfg(unix)]
#[test]
fn interrupt_keeps_what_was_learned() {
    use std::io::{BufRead, BufReader, Read};

    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ch06-cyclegan"))
        .args(["--steps", "1000000", "--size", "16", "--width", "4", "--train", "8"])
        .args(["--out", dir.path().to_str().unwrap()])
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
    assert!(dir.path().join("generator_xy.safetensors").exists());
    assert!(dir.path().join("losses-xy.svg").exists());
}
