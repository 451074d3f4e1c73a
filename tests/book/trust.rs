//! 悪い入力の表: 日本語の 1 文、0 でない終了コード、panic が無いこと、前の本が 1 バイトも変わらないこと。

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{TinyBook, files, real_book, root};

// ---- 題材の本 ----

const PAGE: &str = "# 題\n\n## 節 {#part}\n\n[次](../ch04-dcgan/next.md) の前に、**大切な** $x^2$ を読む。\n\n![図](a.svg)\n\n{{test ch03-gan::claims::it_holds}}\n\n{{run ch03-gan value}}\n";

const QUIZ: &str = r#"chapter = "ch03-gan"

[[question]]
id = "gan-one"
kind = "single"
importance = "重要"
level = "標準"
concept = true
syllabus = ["a"]
section = "ch03-gan/page.md#part"
source = "本"
evidence = ["ch03-gan::claims::it_holds"]
stem = "$D(x)$ は**どれ**ですか。"
explanation = "説明です。"

[[question.choice]]
text = "甲"
correct = true
reason = "理由です。"

[[question.choice]]
text = "乙"
reason = "理由です。"

[[question.choice]]
text = "丙"
reason = "理由です。"
"#;

const TERMS: &str = r#"[[term]]
id = "gan"
ja = "GAN"
en = "generative adversarial network"
reading = "がん"
definition = "二つのネットワークを競わせるモデル。"
section = "ch03-gan/page.md#part"
"#;

const POINTS: &str = "[[point]]\ngroup = \"組\"\ntext = \"点の文です。\"\nsection = \"ch03-gan/page.md\"\nquestions = [\"gan-one\"]\n";

const ERRATA: &str = "[[point]]\ngroup = \"組\"\ntitle = \"題\"\npopular = \"よくある説明\"\npaper = \"論文\"\nsource = \"出典\"\ntests = [\"ch03-gan::claims::it_holds\"]\nsections = [\"ch03-gan/page.md#part\"]\n";

/// どの種類の原稿も 1 つずつある、正しい本。
fn whole_book() -> TinyBook {
    let book = TinyBook::new(PAGE);
    book.write(
        "book/src/SUMMARY.md",
        "- [ページ](ch03-gan/page.md)\n- [次](ch04-dcgan/next.md)\n- [問題](ch03-gan/quiz.md)\n\
         - [用語](appendix/glossary.md)\n- [点](appendix/points.md)\n- [正誤](appendix/errata.md)\n\
         - [模試](exam/mock.md)\n",
    );
    book.write("book/src/ch03-gan/a.svg", "<svg viewBox=\"0 0 1 1\"><path d=\"M0 0\"/></svg>");
    book.write(
        "book/src/ch04-dcgan/next.md",
        "# 次\n\n```rust\n{{#include ../../../chapters/ch03-gan/src/train.rs:one}}\n```\n",
    );
    book.write("book/src/ch03-gan/quiz.md", "# 問題\n\n{{quiz ch03-gan}}\n");
    book.write("book/src/appendix/glossary.md", "# 用語\n\n{{glossary}}\n");
    book.write("book/src/appendix/points.md", "# 点\n\n{{points}}\n");
    book.write("book/src/appendix/errata.md", "# 正誤\n\n{{errata}}\n");
    book.write(
        "book/src/exam/mock.md",
        "# 模試\n\n<div class=\"desk\" data-desk=\"mock\">\n\n机\n\n</div>\n",
    );
    book.write("book/src/figures/ch03-gan/run.json", "{\"results\":{\"value\":\"8\"}}");
    book.write("book/quiz/ch03-gan.toml", QUIZ);
    book.write("book/terms.toml", TERMS);
    book.write("book/points.toml", POINTS);
    book.write("book/errata.toml", ERRATA);
    book.write("book/theme/extra.js", "'use strict';\n");
    let config = fs::read_to_string(book.root().join("book.toml")).unwrap();
    book.write("book.toml", config + "additional-js = [\"book/theme/extra.js\"]\n");
    book.write(
        "chapters/ch03-gan/tests/claims.rs",
        "/// 値は正しい。\n#[test]\nfn it_holds() {}\n",
    );
    book.write(
        "chapters/ch03-gan/src/train.rs",
        "// ANCHOR: one\nfn one() {}\n// ANCHOR_END: one\n",
    );
    book
}

fn workbook(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_workbook"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("CARGO_MANIFEST_DIR")
        .output()
        .unwrap()
}

/// フォルダの中のすべてのファイルの中身。
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap_or_default());
        }
    }
    found
}

fn is_japanese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, 'ぁ'..='ん' | 'ァ'..='ヶ' | '一'..='龠'))
}

/// 失敗の約束: 終了コード、「エラー: 」で始まる日本語、どの行にも日本語、panic が無い、`words` がある。
#[track_caller]
fn refused(case: &str, output: &Output, status: i32, words: &[&str]) {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(status), "{case}: {error}");
    assert!(error.starts_with("エラー: "), "{case}: {error}");
    for line in error.lines() {
        assert!(is_japanese(line), "{case}: 日本語の無い行「{line}」: {error}");
    }
    assert!(!error.contains("panic"), "{case}: {error}");
    for word in words {
        assert!(error.contains(word), "{case}: 「{word}」がありません: {error}");
    }
    assert!(output.stdout.is_empty(), "{case}: {}", String::from_utf8_lossy(&output.stdout));
}

// ---- 原稿の誤り ----

/// 原稿をどう壊すか。
enum Break {
    /// 文字を置き換える。
    Replace(&'static str, &'static str),
    /// 後ろに書き足す。
    Append(&'static str),
    /// 中身をこのバイトにする。
    Bytes(&'static [u8]),
    Remove,
}
use Break::{Append, Bytes, Remove, Replace};

const MANUSCRIPTS: &[(&str, Break, &[&str])] = &[
    // ページ
    ("book/src/ch03-gan/page.md", Append("\n\u{E000}999\u{E001}\n"), &["page.md:13: ", "私用文字"]),
    ("book/src/ch03-gan/page.md", Append("\n$x\n"), &["page.md:13: ", "$ が閉じていません"]),
    (
        "book/src/ch03-gan/page.md",
        Append("\n$\\nosuch$\n"),
        &["page.md:13: ", "\\nosuch という命令はありません"],
    ),
    ("book/src/ch03-gan/page.md", Append("\n$\\frac{1}$\n"), &["page.md:13: ", "数式"]),
    (
        "book/src/ch03-gan/page.md",
        Append("\n**太字\n"),
        &["page.md:13: ", "** が段落の中で閉じていません"],
    ),
    ("book/src/ch03-gan/page.md", Append("\n*強調*\n"), &["page.md:13: ", "「*」は使えません"]),
    ("book/src/ch03-gan/page.md", Append("\n> [!NOTE]\n> 囲み\n"), &["page.md:13: ", "3 つだけ"]),
    ("book/src/ch03-gan/page.md", Append("\n{{quiz ch03-gan\n"), &["page.md:13: ", "閉じていない"]),
    (
        "book/src/ch03-gan/page.md",
        Append("\n{{quizz ch03-gan}}\n"),
        &["page.md:13: ", "という書き方はありません"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n{{quiz ch99}}\n"),
        &["page.md:13: ", "ch99.toml がありません"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n{{run ch03-gan nai}}\n"),
        &["page.md:13: ", "results に nai がありません"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n{{run ch09 nai}}\n"),
        &["page.md:13: ", "cargo test -p ch09"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n{{test ch03-gan::claims::nai}}\n"),
        &["page.md:13: ", "fn nai がありません"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n{{test nai}}\n"),
        &["page.md:13: ", "の形で書いてください"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n{{#include nai.rs}}\n"),
        &["page.md:13: ", "nai.rs を読めません: 見つかりません"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n{{#include ../../../chapters/ch03-gan/src/train.rs:nai}}\n"),
        &["page.md:13: ", "ANCHOR: nai がありません"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n{{#include page.md}}\n"),
        &["page.md:13: ", "8 段より深く"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n```\n{{#include a.rs\n```\n"),
        &["page.md:14: ", "閉じていない"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n{{#playground a.rs}}\n"),
        &["page.md:13: ", "#include で取り込んで"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n![図](nai.svg)\n"),
        &["page.md:13: ", "nai.svg を読めません: 見つかりません"],
    ),
    ("book/src/ch03-gan/page.md", Append("\n![](a.svg)\n"), &["page.md:13: ", "代替文"]),
    ("book/src/ch03-gan/page.md", Append("\n![図](page.md)\n"), &["page.md:13: ", ".svg か .png"]),
    (
        "book/src/ch03-gan/page.md",
        Append("\n[先](nai.md)\n"),
        &["page.md:13: ", "nai.html", "本にありません"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n[先](../ch04-dcgan/next.md#nai)\n"),
        &["page.md:13: ", "#nai", "見出し"],
    ),
    ("book/src/ch03-gan/page.md", Append("\n[先](#nai)\n"), &["page.md:13: ", "#nai", "見出し"]),
    (
        "book/src/ch03-gan/page.md",
        Append("\n文<b>太字\n"),
        &["page.md:13: ", "<b> が閉じていません"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Append("\n</div>\n"),
        &["page.md:13: ", "</div>", "始まりのタグがありません"],
    ),
    (
        "book/src/ch03-gan/page.md",
        Bytes(b"# a\n\n\xff\xfe\n"),
        &["book/src/ch03-gan/page.md", "3 行目に UTF-8 でない文字"],
    ),
    ("book/src/ch03-gan/page.md", Remove, &["SUMMARY.md", "ch03-gan/page.md", "見つかりません"]),
    ("book/src/SUMMARY.md", Remove, &["SUMMARY.md", "見つかりません"]),
    ("book/src/SUMMARY.md", Append("\n文\n\n- [次](ch04-dcgan/next.md)\n"), &["SUMMARY.md"]),
    (
        "book/src/ch03-gan/a.svg",
        Bytes(b"<svg><style>a{}</style></svg>"),
        &["page.md:7: ", "<style は書けません"],
    ),
    ("book/src/ch03-gan/a.svg", Bytes(b"\xff"), &["page.md:7: ", "a.svg を読めません", "UTF-8"]),
    (
        "book/src/figures/ch03-gan/run.json",
        Bytes(b"{\"results\":"),
        &["page.md:11: ", "run.json を JSON として読めません"],
    ),
    ("book/src/figures/ch03-gan/run.json", Bytes(b"\xff"), &["page.md:11: ", "run.json", "UTF-8"]),
    ("chapters/ch03-gan/tests/claims.rs", Remove, &["page.md:9: ", "claims.rs がありません"]),
    (
        "chapters/ch03-gan/src/train.rs",
        Bytes(b"// ANCHOR: one\nfn one() {}\n"),
        &["next.md:4: ", "ANCHOR_END: one がありません"],
    ),
    // 問題集
    (
        "book/quiz/ch03-gan.toml",
        Replace("correct = true\n", ""),
        &["ch03-gan.toml:3 の問題「gan-one」", "正解（correct = true）がありません"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Replace("$D(x)$", "$D(x"),
        &["quiz.md:3: ", "ch03-gan.toml:3 の問題「gan-one」", "閉じていません"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Replace("$D(x)$", "<img src=x onerror=alert(1)>"),
        &["ch03-gan.toml:3 の問題「gan-one」", "HTML の「<img"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Replace("**どれ**", "\u{E000}9\u{E001}"),
        &["ch03-gan.toml:3 の問題「gan-one」", "私用文字"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Replace("id = \"gan-one\"", "id = \"GAN 1\""),
        &["ch03-gan.toml:3 の問題「GAN 1」", "id は英小文字"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Replace("kind = \"single\"", "kind = \"sngle\""),
        &["ch03-gan.toml:3 の問題「gan-one」", "kind「sngle」はありません"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Replace("importance = \"重要\"", "importance = \"\""),
        &["importance「」はありません"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Replace("concept = true\n", ""),
        &["ch03-gan.toml:3: ", "concept がありません"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Replace("concept = true", "concept = 3"),
        &["ch03-gan.toml:8: ", "true か false を書いてください"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Replace("source = ", "sorce = "),
        &["ch03-gan.toml:11: ", "sorce という欄はありません"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Replace("source = \"本\"", "source = \"本"),
        &["ch03-gan.toml:11: ", "引用符"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Replace("[[question]]", "[[question"),
        &["ch03-gan.toml:3: ", "かっこ"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Replace("#part", "#nai"),
        &["section「ch03-gan/page.md#nai」という節は本にありません"],
    ),
    ("book/quiz/ch03-gan.toml", Replace("[\"a\"]", "[\"z\"]"), &["syllabus「z」"]),
    ("book/quiz/ch03-gan.toml", Replace("it_holds", "nai"), &["evidence のテストが使えません"]),
    (
        "book/quiz/ch03-gan.toml",
        Replace("text = \"乙\"", "text = \"甲\""),
        &["選択肢「甲」が 2 度"],
    ),
    (
        "book/quiz/ch03-gan.toml",
        Bytes(b"chapter = \"\xff\"\n"),
        &["book/quiz/ch03-gan.toml を読めません", "1 行目に UTF-8 でない文字"],
    ),
    ("book/quiz/syllabus.toml", Remove, &["book/quiz/syllabus.toml を読めません: 見つかりません"]),
    (
        "book/quiz/syllabus.toml",
        Append("[[item]]\nid = 3\n"),
        &["syllabus.toml:7: ", "文字 (\"…\") を書いてください"],
    ),
    // 用語集、確認表、正誤対照
    (
        "book/terms.toml",
        Replace("id = \"gan\"", "id = \"G\""),
        &["book/terms.toml:1 の語「G」", "英小文字"],
    ),
    (
        "book/terms.toml",
        Replace("ja = \"GAN\"", "ja = \"\""),
        &["book/terms.toml:1 の語「gan」", "ja か en が空です"],
    ),
    (
        "book/terms.toml",
        Append("aliases = [\"\", \"G\"]\nrelated = [\"nai\"]\n"),
        &["book/terms.toml:1 の語「gan」", "関連する語「nai」は用語集にありません"],
    ),
    ("book/terms.toml", Replace("がん", "ガン"), &["book/terms.toml:1 の語「gan」", "ひらがな"]),
    ("book/terms.toml", Replace("モデル。", "モデル"), &["1 文にしてください"]),
    ("book/terms.toml", Replace("#part", "#nai"), &["section「ch03-gan/page.md#nai」"]),
    (
        "book/terms.toml",
        Replace("[[term]]", "[[term"),
        &["book/terms.toml:1: ", "用語集の形式に合いません"],
    ),
    (
        "book/points.toml",
        Replace("[[point]]", "[[point"),
        &["points.md:3: ", "book/points.toml:1: ", "確認表の形式に合いません"],
    ),
    (
        "book/points.toml",
        Replace("gan-one", "nai"),
        &["points.md:3: ", "book/points.toml:1 の点 1", "問題「nai」"],
    ),
    (
        "book/points.toml",
        Remove,
        &["points.md:3: ", "book/points.toml を読めません: 見つかりません"],
    ),
    (
        "book/errata.toml",
        Replace("[[point]]", "[[point"),
        &["errata.md:3: ", "book/errata.toml:1: ", "正誤対照の形式に合いません"],
    ),
    (
        "book/errata.toml",
        Replace("title = \"題\"\n", ""),
        &["book/errata.toml:1: ", "title がありません"],
    ),
    (
        "book/errata.toml",
        Replace("it_holds", "nai"),
        &["book/errata.toml:1 の点 1", "fn nai がありません"],
    ),
    (
        "book/errata.toml",
        Replace("#part", "#nai"),
        &["book/errata.toml:1 の点 1", "という節は本にありません"],
    ),
    // 設定と見た目
    ("book.toml", Remove, &["book.toml がありません"]),
    ("book.toml", Bytes(b"[book\n"), &["book.toml", "設定の書き方が正しくありません"]),
    ("book.toml", Bytes(b"\xff"), &["book.toml を読めません", "UTF-8"]),
    (
        "book.toml",
        Replace("[preprocessor.workbook]", "[preprocessor.other]"),
        &["[preprocessor.workbook]"],
    ),
    ("book.toml", Replace("extra.js", "nai.js"), &["additional-js", "nai.js"]),
    (
        "book.toml",
        Replace("src = \"book/src\"", "src = \"nai\""),
        &["原稿のフォルダ nai を開けません: 見つかりません"],
    ),
    ("book.toml", Append("theme = \"nai\"\n"), &["theme", "nai がありません"]),
];

#[test]
fn every_broken_manuscript_is_one_sentence_and_the_old_book_stays() {
    let book = whole_book();
    let built = workbook(book.root(), &["build"]);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let dest = book.root().join("target/book");
    assert!(dest.join("exam/bank.js").is_file());
    let before = contents(&book.root().join("target"));
    let mut wrong = Vec::new();
    for (file, damage, words) in MANUSCRIPTS {
        let path = book.root().join(file);
        let good = fs::read(&path).unwrap();
        let text = String::from_utf8(good.clone()).unwrap();
        match damage {
            Replace(from, to) => {
                assert!(text.contains(from), "{file}: {from} がありません");
                fs::write(&path, text.replacen(from, to, 1)).unwrap();
            }
            Append(more) => fs::write(&path, text + more).unwrap(),
            Bytes(bytes) => fs::write(&path, bytes).unwrap(),
            Remove => fs::remove_file(&path).unwrap(),
        }
        let case = format!("{file} {words:?}");
        let output = workbook(book.root(), &["build"]);
        // 表の全部を調べてから、まとめて知らせる。
        let told = std::panic::catch_unwind(|| refused(&case, &output, 1, words));
        if told.is_err() {
            wrong.push(case.clone());
        }
        assert!(contents(&book.root().join("target")) == before, "{case}: 前の本が変わりました");
        fs::write(&path, good).unwrap();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // 直せば、元と同じ本になる。
    assert!(workbook(book.root(), &["build"]).status.success());
    assert!(contents(&book.root().join("target")) == before);
}

// ---- 出力先 ----

/// `build-dir` の値と、断る理由。どれも、原稿の 1 バイトも失わない。
#[test]
fn a_build_dir_never_loses_what_the_program_did_not_make() {
    let book = whole_book();
    book.write("target/debug/result", "組み立てた結果");
    book.write("notes/memo.txt", "わたしの覚え書き");
    book.write("file", "ファイル");
    let config = fs::read_to_string(book.root().join("book.toml")).unwrap();
    let parent = book.root().parent().unwrap().to_path_buf();
    let outside = parent.join(format!("outside-{}", std::process::id()));
    for (dir, words) in [
        ("", &["含んでいます", "book"][..]),
        (".", &["含んでいます", "book"]),
        ("..", &["含んでいます"]),
        ("../..", &["含んでいます"]),
        ("/", &["含んでいます"]),
        ("target/..", &["含んでいます"]),
        ("target/nai/../..", &["含んでいます"]),
        ("book", &["原稿のフォルダの中"]),
        ("book/src", &["原稿のフォルダの中"]),
        ("book/new", &["原稿のフォルダの中"]),
        ("target/../book/src", &["原稿のフォルダの中"]),
        ("chapters", &["ソースのフォルダの中"]),
        ("chapters/ch03-gan/out", &["ソースのフォルダの中"]),
        ("tests", &["ソースのフォルダの中"]),
        (".git", &["ソースのフォルダの中"]),
        ("target", &["作っていないもの", "debug"]),
        ("target/debug", &["作っていないもの", "result"]),
        ("notes", &["作っていないもの", "memo.txt"]),
        ("file", &["ファイルです"]),
        ("file/inside", &["書き込めません"]),
    ] {
        book.write("book.toml", config.replace("target/book", dir));
        let before = contents(book.root());
        refused(&format!("build-dir = {dir:?}"), &workbook(book.root(), &["build"]), 1, words);
        assert!(contents(book.root()) == before, "build-dir = {dir:?} でファイルが変わりました");
    }
    // 空のフォルダと、まだ無いフォルダには作る。作り直しもできる。
    fs::create_dir(book.root().join("empty")).unwrap();
    for dir in ["empty", "new/deep", outside.to_str().unwrap()] {
        let shown = dir.replace('\\', "\\\\");
        book.write("book.toml", config.replace("target/book", &shown));
        for _ in 0..2 {
            let output = workbook(book.root(), &["build"]);
            assert!(output.status.success(), "{dir}: {}", String::from_utf8_lossy(&output.stderr));
        }
        assert!(book.root().join(dir).join("index.html").is_file());
    }
    // 作った本の中に読者が置いたファイルも、消さない。
    book.write("book.toml", config.replace("target/book", "empty"));
    book.write("empty/ch03-gan/わたしのメモ.txt", "大切");
    let before = contents(book.root());
    refused(
        "メモ",
        &workbook(book.root(), &["build"]),
        1,
        &["作っていないもの", "ch03-gan/わたしのメモ.txt"],
    );
    assert!(contents(book.root()) == before);
    fs::remove_dir_all(outside).unwrap();
}

/// リンクの先にある、よそのフォルダも消さない。
#[cfg(unix)]
#[test]
fn a_build_dir_behind_a_link_is_judged_by_where_it_leads() {
    let book = whole_book();
    book.write("notes/memo.txt", "わたしの覚え書き");
    fs::create_dir_all(book.root().join("target")).unwrap();
    for (to, word) in
        [("notes", "memo.txt"), ("book/src", "原稿のフォルダの中"), (".", "含んでいます")]
    {
        let link = book.root().join("target/book");
        std::os::unix::fs::symlink(book.root().join(to), &link).unwrap();
        refused(to, &workbook(book.root(), &["build"]), 1, &[word]);
        fs::remove_file(link).unwrap();
    }
    assert!(book.root().join("notes/memo.txt").is_file());
    assert!(book.root().join("book/src/ch03-gan/page.md").is_file());
}

/// 同じ所へ同時に作っても、どの組み立ても成功し、本は 1 つの全体になる。
#[test]
fn builds_at_once_do_not_break_each_other() {
    let book = whole_book();
    assert!(workbook(book.root(), &["build"]).status.success());
    let before = contents(&book.root().join("target"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let output = workbook(book.root(), &["build"]);
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            });
        }
    });
    assert!(contents(&book.root().join("target")) == before);
}

/// 途中で殺しても、前の本が残り、次の組み立てが残りものを片付ける。
#[test]
fn a_killed_build_leaves_the_old_book() {
    let book = whole_book();
    assert!(workbook(book.root(), &["build"]).status.success());
    let before = contents(&book.root().join("target"));
    for wait in [5, 15, 30, 50, 80] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_workbook"))
            .arg("build")
            .current_dir(book.root())
            .env_remove("CARGO_MANIFEST_DIR")
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
        assert!(workbook(book.root(), &["build"]).status.success());
        assert!(contents(&book.root().join("target")) == before, "{wait} ミリ秒");
    }
}

/// 書き込めない所では、前の本を残して、理由を言う。
#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_one_sentence() {
    use std::os::unix::fs::PermissionsExt;
    let book = whole_book();
    assert!(workbook(book.root(), &["build"]).status.success());
    let target = book.root().join("target");
    let before = contents(&target);
    fs::set_permissions(&target, fs::Permissions::from_mode(0o555)).unwrap();
    // 管理者は、許可に関わらず書ける。
    if fs::write(target.join("probe"), "").is_err() {
        refused(
            "読み取り専用",
            &workbook(book.root(), &["build"]),
            1,
            &["書き込めません", "許可がありません"],
        );
        assert!(contents(&target) == before);
    }
    fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).unwrap();
}

// ---- コマンドライン ----

#[test]
fn every_wrong_command_line_is_one_sentence() {
    let book = whole_book();
    for (arguments, words) in [
        (&["--port", "70000"][..], &["--port に「70000」は使えません", "65535"][..]),
        (&["--port", "65536"], &["「65536」", "65535"]),
        (&["--port", "-1"], &["「-1」", "0 以上"]),
        (&["--port", "x"], &["「x」", "整数"]),
        (&["--port", "18446744073709551616"], &["「18446744073709551616」"]),
        (&["--port", "3000.5"], &["「3000.5」"]),
        (&["--port", ""], &["--port"]),
        (&["--port"], &["--port には値が要ります"]),
        (&["--port", "1", "--port", "2"], &["--port は 1 度だけ"]),
        (&["serve", "--port", "70000"], &["「70000」"]),
        (&["serve", "余り"], &["「余り」が余っています"]),
        (&["nosuch"], &["コマンド nosuch はありません"]),
        (&["biuld"], &["コマンド biuld はありません", "build のことでしょうか"]),
        (&["--zzz"], &["指定 --zzz はありません"]),
        (&["--opne"], &["指定 --opne はありません", "--open のことでしょうか"]),
        (&["-x"], &["指定 -x はありません"]),
        (&["export"], &["DIR が足りません"]),
        (&["export", "a", "b"], &["「b」が余っています"]),
        (&["export", "--nai", "a"], &["指定 --nai はありません"]),
        (&["build", "--port", "1"], &["指定 --port はありません"]),
        (&["preprocess", "nai"], &["コマンド nai はありません"]),
        (&["preprocess", "supports"], &["RENDERER が足りません"]),
        (&["--port", "3000", "build"], &["書いてください"]),
        (&["help", "nosuch"], &["コマンド help はありません"]),
    ] {
        let output = workbook(book.root(), arguments);
        refused(&format!("{arguments:?}"), &output, 2, words);
        assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1, "{arguments:?}");
    }
    assert!(!book.root().join("target").exists(), "断ったのに、何かを作りました");
}

#[test]
fn help_speaks_japanese() {
    let book = whole_book();
    for arguments in
        [&["--help"][..], &["serve", "-h"], &["build", "--help"], &["export", "--help"]]
    {
        let output = workbook(book.root(), arguments);
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("使い方: workbook"), "{text}");
        for english in ["Usage", "Options", "Commands", "Print", "Arguments", "help for"] {
            assert!(!text.contains(english), "{english}: {text}");
        }
    }
    let version = workbook(book.root(), &["--version"]);
    assert!(String::from_utf8(version.stdout).unwrap().starts_with("workbook "));
}

// ---- 持ち出し ----

#[test]
fn export_never_replaces_what_it_did_not_write() {
    let book = whole_book();
    let own = "わたしの単語帳\n";
    book.write("x/terms.csv", own);
    refused("もうある", &workbook(book.root(), &["export", "x"]), 1, &["terms.csv", "--overwrite"]);
    assert_eq!(fs::read_to_string(book.root().join("x/terms.csv")).unwrap(), own);
    assert_eq!(contents(&book.root().join("x")).len(), 1, "ほかのファイルも書いてはいけません");

    // 言われれば替える。同じものを書くだけなら、言われなくても通る。
    assert!(workbook(book.root(), &["export", "x", "--overwrite"]).status.success());
    let before = contents(&book.root().join("x"));
    assert_eq!(before.len(), 4);
    assert!(workbook(book.root(), &["export", "x"]).status.success());

    // 誤りのある原稿は書き出さず、前のファイルも残る。
    for (from, to, word) in [
        ("correct = true\n", "", "正解（correct = true）がありません"),
        ("text = \"乙\"", "text = \"甲\"", "選択肢「甲」が 2 度"),
        ("$D(x)$", "$D(x", "閉じていません"),
        ("stem = ", "stm = ", "stm という欄はありません"),
    ] {
        book.write("book/quiz/ch03-gan.toml", QUIZ.replacen(from, to, 1));
        for arguments in [&["export", "x", "--overwrite"][..], &["export", "y"]] {
            refused(to, &workbook(book.root(), arguments), 1, &[word, "ch03-gan.toml:"]);
        }
        assert!(contents(&book.root().join("x")) == before);
    }
    // 2 つの問題が同じ id を持つと、Anki が取り違える。
    let twice = format!("{QUIZ}{}", QUIZ.split_once("\n\n").unwrap().1);
    book.write("book/quiz/ch03-gan.toml", twice);
    refused("同じ id", &workbook(book.root(), &["export", "y"]), 1, &["同じ id の問題"]);
    assert!(!book.root().join("y").exists());
}

#[test]
fn exported_cells_are_not_formulas_and_code_keeps_its_lines() {
    let book = whole_book();
    let quiz = QUIZ.replace("text = \"乙\"", "text = \"=1+1\"");
    let quiz = quiz.replace("\"説明です。\"", "\"=SUM(A1)\\n\\n```\\na\\nb\\n```\"");
    book.write("book/quiz/ch03-gan.toml", quiz);
    let output = workbook(book.root(), &["export", "x"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let csv = fs::read_to_string(book.root().join("x/questions.csv")).unwrap();
    assert!(csv.contains("\"'=SUM(A1)"), "{csv}");
    let anki = fs::read_to_string(book.root().join("x/anki-questions.txt")).unwrap();
    assert!(anki.contains("a&#10;b"), "{anki}");
}

// ---- 改行、BOM、道 ----

/// 本物の原稿を Windows の改行と BOM で書いても、同じページができる。
#[test]
fn windows_line_ends_and_boms_give_the_same_book() {
    let copy = tempfile::tempdir().unwrap();
    let text = ["md", "toml", "rs", "svg", "json", "txt"];
    let mut folders =
        vec![PathBuf::from("book/src"), "book/quiz".into(), "book/theme".into(), "tests".into()];
    for chapter in fs::read_dir(root().join("chapters")).unwrap() {
        let name = Path::new("chapters").join(chapter.unwrap().file_name());
        folders.extend([name.join("src"), name.join("tests")]);
    }
    let mut all: Vec<PathBuf> =
        ["book.toml", "book/terms.toml", "book/points.toml", "book/errata.toml"]
            .map(PathBuf::from)
            .into();
    for folder in folders.iter().filter(|folder| root().join(folder).is_dir()) {
        let paths = contents(&root().join(folder)).into_keys();
        all.extend(paths.map(|path| path.strip_prefix(root()).unwrap().to_owned()));
    }
    for path in all {
        let mut bytes = fs::read(root().join(&path)).unwrap();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
        if text.contains(&extension) && !path.starts_with("book/theme") {
            let lines = String::from_utf8(bytes).unwrap().replace('\n', "\r\n");
            bytes = format!("\u{feff}{lines}").into_bytes();
        }
        let to = copy.path().join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
    let dest = copy.path().join("target/book");
    workbook::build_book(copy.path(), &dest).unwrap_or_else(|error| panic!("{error:#}"));
    let pages = files(real_book(), "html");
    assert!(pages.len() > 50);
    for page in pages.into_iter().chain([real_book().join("exam/bank.js")]) {
        let name = page.strip_prefix(real_book()).unwrap();
        let ours = fs::read_to_string(dest.join(name)).unwrap();
        assert!(ours == fs::read_to_string(&page).unwrap(), "{} が違います", name.display());
    }
}

#[test]
fn folders_with_spaces_and_japanese_names_work() {
    let book = whole_book();
    let names: &[&str] = match cfg!(unix) {
        true => &["空 白", "日本語の フォルダ", "a\\b", "C:", "100%", "#1 [x](y)"],
        false => &["空 白", "日本語の フォルダ", "100%"],
    };
    assert!(workbook(book.root(), &["build"]).status.success());
    let good = contents(&book.root().join("target/book"));
    let elsewhere = tempfile::tempdir().unwrap();
    for name in names {
        let folder = elsewhere.path().join(name);
        for (path, bytes) in contents(book.root()) {
            let path = path.strip_prefix(book.root()).unwrap();
            if !path.starts_with("target") {
                fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
                fs::write(folder.join(path), bytes).unwrap();
            }
        }
        let output = workbook(&folder, &["build"]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let made = contents(&folder.join("target/book"));
        assert_eq!(made.len(), good.len(), "{name}");
        assert!(made.values().eq(good.values()), "{name}");
        assert!(workbook(&folder, &["export", "持ち出し 先"]).status.success());
    }
}

/// Windows の mdBook が残す、ハッシュの無いフォントの名前を直す。
#[test]
fn font_names_without_a_hash_are_mended() {
    let names = ["plot-0123abcd.woff2", "plain.woff2", "fonts-aaaaaaaa.css"].map(str::to_owned);
    let css = "a { src: url('../fonts/plot.woff2') } b { src: url('../fonts/plain.woff2') }";
    let mended = workbook::site::fonts::rename(css, &names);
    assert_eq!(mended, css.replace("plot.woff2", "plot-0123abcd.woff2"));
    // ほかの OS では、もう直っている。
    assert_eq!(workbook::site::fonts::rename(&mended, &names), mended);
}

#[test]
fn the_table_is_long_enough() {
    assert!(MANUSCRIPTS.len() >= 60, "{}", MANUSCRIPTS.len());
}
