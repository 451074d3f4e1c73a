//! 各章の試験が分け合う道具: コマンドを動かす、図を書き直す。章ごとに使うものが違うので、未使用の警告は出さない。
//!
//! 章の試験は `#[path = "../../common/tests/chapter/mod.rs"] mod chapter;` で取り込みます。
#![allow(dead_code)]

use std::path::Path;
use std::process::Command;

use common::history::Run;

/// 章のコマンド `program` を動かし、終了コードと、画面に出た文のすべてを返します。
pub fn run(program: &str, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// 受け付けないはずの指定を順に試し、知らせる文を並べて返します。一時フォルダ `dir` は DIR と書きます。
pub fn refusals(program: &str, cases: &[&[&str]], dir: &str) -> String {
    let mut texts = String::new();
    for case in cases {
        let (code, text) = run(program, case);
        assert!(matches!(code, Some(1 | 2)), "{case:?} の終了コード {code:?}: {text}");
        let shown = text.replace(dir, "DIR");
        texts += &format!("$ {}\n{shown}", case.join(" ").replace(dir, "DIR"));
    }
    texts
}

/// 書き込めない場所では、学習の後でも何が起きたかを伝えることを確かめます。
pub fn cannot_write(program: &str, args: &[&str], dir: &Path) {
    let file = dir.join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("below");
    let (code, text) = run(program, &[args, &["--out", below.to_str().unwrap()]].concat());
    assert_eq!(code, Some(1));
    assert!(text.contains("書き込めません"), "{text}");
}

/// フォルダの中のファイルの名前。1 行に 1 つ、名前の順です。
pub fn names(dir: &Path) -> String {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names.join("\n")
}

/// 100 万回の学習を始め、1 回進んだところで Ctrl-C (SIGINT) を送り、`kept` のファイルが残ることを確かめます。
#[cfg(unix)]
pub fn interrupt(program: &str, args: &[&str], kept: [&str; 2]) {
    use std::io::{BufRead, BufReader, Read};

    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(program)
        .args(["--steps", "1000000", "--out"])
        .arg(dir.path())
        .args(args)
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
    for file in kept {
        assert!(dir.path().join(file).exists(), "{file} が残っていません");
    }
}

/// 本の図を書き直し、書いた記録を返します。
///
/// CI では、置いてある図が今のソースから作られたものかを、書き直す前に確かめます。
pub fn redraw(
    chapter: &str,
    fingerprint: &str,
    draw: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> Run {
    let folder = format!("book/src/figures/{chapter}");
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(&folder);
    if std::env::var_os("CI").is_some() {
        assert_eq!(
            Run::read(&dir).unwrap().fingerprint,
            fingerprint,
            "図が古くなっています。cargo test -p {chapter} を実行し、{folder} をコミットしてください"
        );
    }
    draw(&dir).unwrap();
    let record = Run::read(&dir).unwrap();
    assert_eq!(record.fingerprint, fingerprint);
    record
}
