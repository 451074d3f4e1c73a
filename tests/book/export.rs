//! 持ち出すファイル: Anki のテキストと CSV。`cargo run -- export DIR` を本当に動かして確かめる。

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{TinyBook, root};
use workbook::content::questions;
use workbook::site::export::{self, ANKI, ANKI_TERMS, CSV, CSV_TERMS, Existing};

fn command(dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_workbook"))
        .arg("export")
        .arg(dir)
        .env("CARGO_MANIFEST_DIR", root())
        .output()
        .unwrap()
}

/// 引用符で囲まれた欄の並びを読む。Anki も表計算ソフトも、この規則 (RFC 4180) で読む。
fn parse(text: &str, separator: char) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c if c == separator && !quoted => row.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    assert!(!quoted && field.is_empty() && row.is_empty(), "閉じていない欄があります");
    rows
}

#[test]
fn the_command_writes_files_of_every_question() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("新しい/フォルダ");
    let output = command(&dir);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.lines().all(|line| line.starts_with("書き出しました: ")), "{shown}");

    let bank = questions::load(root()).unwrap();
    let ids: Vec<&str> =
        bank.chapters.iter().flat_map(|c| &c.questions).map(|q| q.id.as_str()).collect();

    // Anki: 指示の行、1 行 1 枚、問題の id から決まる GUID、二つの札。
    let text = fs::read_to_string(dir.join(ANKI)).unwrap();
    let (head, body) = text.split_at(text.find("\n\"").unwrap() + 1);
    assert!(head.lines().all(|line| line.starts_with('#')), "{head}");
    // 取り込み直したときにノートが増えず、更新されるための行もある。Anki 26.09 で確かめた。
    for line in [
        "#separator:tab",
        "#html:true",
        "#notetype:基本",
        "#notetype:Basic",
        "#if matches:update current",
        "#guid column:1",
        "#tags column:4",
    ] {
        assert!(head.lines().any(|found| found == line), "{line}");
    }
    let rows = parse(body, '\t');
    assert_eq!(rows.len(), body.lines().count(), "カードが 2 行にまたがっています");
    let guids: Vec<&str> =
        rows.iter().map(|row| row[0].strip_prefix("workbook-").unwrap()).collect();
    assert_eq!(guids, ids);
    assert_eq!(guids.iter().collect::<HashSet<_>>().len(), ids.len());
    for row in &rows {
        let [guid, front, back, tags] = &row[..] else {
            panic!("列の数が違います: {row:?}")
        };
        assert!(
            front.contains("<ol") && back.contains("正解: ") && back.contains("出典: "),
            "{guid}"
        );
        let tags: Vec<&str> = tags.split(' ').collect();
        let (_, _, question) = bank.find(guid.strip_prefix("workbook-").unwrap()).unwrap();
        let marks = ["章::", "重要度::", "難しさ::", "向き::"];
        let expected = marks.iter().take(3 + usize::from(question.direction.is_some()));
        assert!(
            tags.len() == expected.len()
                && tags.iter().zip(expected).all(|(tag, mark)| tag.starts_with(mark)),
            "{guid}: {tags:?}"
        );
        assert_eq!(tags[2], format!("難しさ::{}", question.level));
        // 数式は、Anki が描ける形だけになっている。
        for html in [front, back] {
            assert!(!html.contains("<math") && !html.contains('$'), "{guid}: {html}");
            assert_eq!(html.matches("\\(").count(), html.matches("\\)").count(), "{guid}: {html}");
        }
    }
    assert!(rows.iter().any(|row| row[1].contains("\\(")), "数式のある問題がありません");

    // CSV: どの行も同じ列の数で、正解の番号が選択肢の中にある。
    let text = fs::read_to_string(dir.join(CSV)).unwrap();
    let rows = parse(text.strip_prefix('\u{feff}').unwrap(), ',');
    assert_eq!(rows[0][..2], ["id", "章"]);
    assert_eq!(rows[0][13..], ["難しさ", "問われる語", "向き"]);
    let asked = rows.iter().find(|row| row[0] == "beyond-dilation-name").unwrap();
    assert_eq!(asked[13..], ["基本", "ダイレーション", "説明から名前"]);
    assert_eq!(rows[1..].iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ids);
    for row in &rows[1..] {
        assert_eq!(row.len(), rows[0].len(), "{}", row[0]);
        for number in row[6].split('、') {
            let choice = format!("{number}. ");
            assert!(row[5].lines().any(|line| line.starts_with(&choice)), "{}: {number}", row[0]);
        }
    }
}

#[test]
fn terms_are_written_when_there_is_a_glossary() {
    let book = TinyBook::new("# 題\n");
    let out = book.root().join("out");
    export::write(book.root(), &out, Existing::Replace).unwrap();
    assert!(!out.join(ANKI_TERMS).exists(), "用語集が無いのに書いています");
    book.write(
        "book/terms.toml",
        "[[term]]\nid = \"gan\"\nja = \"GAN\"\nen = \"GAN\"\nreading = \"がん\"\naliases = []\n\
         definition = \"\\\"作る<側>\\\"と見分ける側を競わせる。\"\nsection = \"ch03-gan/page.md\"\n",
    );
    export::write(book.root(), &out, Existing::Replace).unwrap();
    let text = fs::read_to_string(out.join(ANKI_TERMS)).unwrap();
    let rows = parse(&text[text.find("\n\"").unwrap() + 1..], '\t');
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0][0], "workbook-term-gan");
    assert_eq!(rows[0][2], "<p>GAN</p><p>\"作る&lt;側&gt;\"と見分ける側を競わせる。</p>");
    let text = fs::read_to_string(out.join(CSV_TERMS)).unwrap();
    let rows = parse(text.strip_prefix('\u{feff}').unwrap(), ',');
    assert_eq!(rows[1][..2], ["gan", "GAN"]);

    book.write("book/terms.toml", "term = 3");
    let error = export::write(book.root(), &out, Existing::Replace).unwrap_err().to_string();
    assert!(error.contains("用語集の形式に合いません"), "{error}");
}

/// 問題を書き直しても、Anki がノートを見分ける番号は変わらず、文面だけが変わる。
#[test]
fn a_rewritten_question_keeps_its_guid() {
    let book = TinyBook::new("# 題\n");
    let read = |stem: &str, reason: &str| {
        let bank = fs::read_to_string(root().join("book/quiz/ch03-gan.toml")).unwrap();
        let bank = bank.replacen("stem = '''", &format!("stem = '''{stem}"), 1);
        book.write(
            "book/quiz/ch03-gan.toml",
            bank.replacen("reason = \"", &format!("reason = \"{reason}"), 1),
        );
        let bank = questions::load(book.root()).unwrap();
        let texts = export::texts(book.root(), &bank, &[]).unwrap();
        let (_, text) = texts.into_iter().find(|(name, _)| *name == ANKI).unwrap();
        parse(&text[text.find("\n\"").unwrap() + 1..], '\t')
    };
    let syllabus = fs::read_to_string(root().join("book/quiz/syllabus.toml")).unwrap();
    book.write("book/quiz/syllabus.toml", &syllabus);
    let (old, new) = (read("", ""), read("新しい文。", "新しい理由。"));
    assert_eq!(old.len(), new.len());
    for (index, (old, new)) in old.iter().zip(&new).enumerate() {
        assert_eq!((&old[0], &old[3]), (&new[0], &new[3]));
        let changed = index == 0;
        assert_eq!((old[1] != new[1], old[2] != new[2]), (changed, changed), "{}", old[0]);
    }
    assert!(new[0][1].contains("新しい文。") && new[0][2].contains("新しい理由。"));
}

#[test]
fn writing_twice_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let read = || [ANKI, CSV].map(|name| fs::read(folder.path().join(name)).unwrap());
    export::write(root(), folder.path(), Existing::Replace).unwrap();
    let first = read();
    export::write(root(), folder.path(), Existing::Replace).unwrap();
    assert!(first == read());
}

#[test]
fn a_folder_that_cannot_be_written_gets_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    // 書こうとするファイルの名前が、もうフォルダに使われている。
    fs::create_dir_all(folder.path().join("taken").join(ANKI)).unwrap();
    for dir in [file.clone(), file.join("inside"), folder.path().join("taken")] {
        let output = command(&dir);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.starts_with(&format!("エラー: {}", dir.display())), "{error}");
        let sentence = " に書き出せません: ";
        assert!(error.contains(sentence) && error.contains("書き込めるフォルダを"), "{error}");
    }
}

#[test]
fn without_a_folder_the_command_says_so() {
    let output = Command::new(env!("CARGO_BIN_EXE_workbook")).arg("export").output().unwrap();
    assert!(!output.status.success());
}
