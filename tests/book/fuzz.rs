//! でたらめな原稿でも、本を作る道具は panic せず、日本語の誤りか、正しい本になること。
//!
//! ふだんは少しだけ試す。`WORKBOOK_FUZZ_SECONDS=600 cargo test --test book fuzz -- --ignored` で長く試す。

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::TinyBook;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use workbook::content::questions::{self, Bank};
use workbook::content::sections::Sections;
use workbook::content::terms::{Glossary, Term};
use workbook::markup::short::{to_html, to_html_with_tex};
use workbook::page::context::Page;
use workbook::page::question::render_chapter;
use workbook::page::{includes, prepare};

/// 原稿に意味を持つ文字の並び。これらを混ぜると、でたらめな文字だけより早く隅に届く。
const PIECES: &[&str] = &[
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    " ",
    "    ",
    "\t",
    "あ",
    "い。",
    "漢字",
    "GAN",
    "a",
    "0",
    "😀",
    "が",
    "、",
    "$",
    "$$",
    "$x$",
    "$$\nx\n$$",
    "\\",
    "\\$",
    "\\nosuch",
    "\\frac{",
    "}",
    "{",
    "^",
    "_",
    "**",
    "*",
    "__",
    "~~",
    "{{",
    "}}",
    "{{quiz ch03-gan}}",
    "{{run a b}}",
    "{{test a::b::c}}",
    "{{#include a.rs:x}}",
    "{{#",
    "\\{{",
    "{{glossary}}",
    "`",
    "```",
    "```rust\n",
    "~~~",
    "> ",
    "> [!IMPORTANT]\n",
    "> [!TIP]\n",
    "[!WARNING]",
    "- ",
    "1. ",
    "# ",
    "## ",
    "{#id}",
    "---\n",
    "[",
    "]",
    "](",
    ")",
    "![",
    "![a](b.svg)",
    "[a](README.md)",
    "[^1]",
    "[^1]: ",
    "|",
    "|---|\n",
    "<div>",
    "</div>",
    "<b",
    "<br>",
    "<!--",
    "-->",
    "<script>",
    "&",
    "&amp;",
    "&#0;",
    "\u{E000}",
    "\u{E001}",
    "\u{E000}0\u{E001}",
    "\u{feff}",
    "\u{200b}",
    "\u{0}",
    ":",
    "\"",
    "'",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// `cases` 回、または `WORKBOOK_FUZZ_SECONDS` の間、`check` を試す。
fn run<S: Strategy>(
    name: &str,
    long: bool,
    cases: u32,
    strategy: S,
    check: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let seconds: u64 = match (long, std::env::var("WORKBOOK_FUZZ_SECONDS")) {
        (true, Ok(seconds)) => seconds.parse().unwrap(),
        _ => 0,
    };
    let start = Instant::now();
    let (mut total, mut round) = (0, 0_u8);
    loop {
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        // ふだんは同じ種で、いつも同じ所を試す。長いときは回ごとに変える。
        let mut seed = [7; 32];
        seed[0] = round;
        if round > 0 {
            let now = start.elapsed().as_nanos().to_le_bytes();
            seed[1..9].copy_from_slice(&now[..8]);
        }
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        if let Err(error) = TestRunner::new_with_rng(config, rng).run(&strategy, &check) {
            panic!("{name}: {error}");
        }
        total += cases;
        round = round.wrapping_add(1).max(1);
        if start.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
    }
    println!("{name}: {total} 回を試して、誤りは見つかりませんでした");
}

fn glossary() -> Glossary {
    let term = |id: &str, ja: &str| Term {
        id: id.to_owned(),
        ja: ja.to_owned(),
        en: "x".to_owned(),
        reading: "あ".to_owned(),
        aliases: Vec::new(),
        definition: "説明。".to_owned(),
        section: String::new(),
        related: Vec::new(),
        confused: Vec::new(),
        difference: String::new(),
        tooltip: true,
        line: 1,
    };
    Glossary { terms: vec![term("gan", "GAN"), term("kanji", "漢字")] }
}

/// 1 ページの手順。直した Markdown と、誤りの数。
fn prepared(text: &str) -> (String, Vec<String>) {
    let bank = Bank {
        chapters: Vec::new(),
        syllabus: Vec::new(),
        terms: Default::default(),
        tests: Default::default(),
        lists_tests: false,
    };
    let page = Page {
        root: Path::new("/nai"),
        src: Path::new("book/src"),
        path: Path::new("ch03-gan/page.md"),
        bank: &bank,
        glossary: &glossary(),
        sections: &Sections::default(),
        repository: None,
    };
    let mut problems = Vec::new();
    let file = Path::new("book/src/ch03-gan/page.md");
    let source = includes::expand(page.root, file, text, &mut problems);
    let markdown = prepare::prepare(source, &page, &mut problems);
    (markdown, problems)
}

fn any_page(long: bool) {
    run("ページの手順", long, if long { 2000 } else { 300 }, text(), |text| {
        let (markdown, problems) = prepared(&text);
        if problems.is_empty() {
            prop_assert!(!markdown.contains(['\u{E000}', '\u{E001}']), "目印が残っています");
        }
        for problem in &problems {
            prop_assert!(problem.starts_with("book/src/ch03-gan/page.md:"), "{}", problem);
        }
        // 改行の種類と BOM は、何も変えない。
        let plain = text.trim_start_matches('\u{feff}');
        let lines = plain.replace("\r\n", "\n").replace('\r', "\n");
        let windows = format!("\u{feff}{}", lines.replace('\n', "\r\n"));
        prop_assert_eq!(prepared(plain), prepared(&windows));
        for render in [to_html, to_html_with_tex] {
            if let Ok(html) = render(&text) {
                prop_assert!(!html.contains(['\u{E000}', '\u{E001}']), "目印が残っています");
            }
        }
        Ok(())
    });
}

/// ページから本までの全体。mdBook が描けないものも、日本語の誤りになる。
fn any_book(long: bool) {
    let book = TinyBook::new("# 題\n");
    run("本の全体", long, if long { 100 } else { 20 }, text(), |text| {
        book.write("book/src/ch03-gan/page.md", &text);
        if let Err(error) = book.build() {
            prop_assert!(error.chars().any(|c| matches!(c, 'ぁ'..='ん')), "{}", error);
        }
        Ok(())
    });
}

const QUESTION: &str = "chapter = \"ch03-gan\"\n\n[[question]]\nid = \"a\"\nkind = \"single\"\nimportance = \"重要\"\n\
    concept = true\nsyllabus = [\"a\"]\nsection = \"p.md\"\nsource = \"本\"\nstem = '''\n$x$ は**どれ**。\n'''\n\
    explanation = \"説明\"\n\n[[question.choice]]\ntext = \"甲\"\ncorrect = true\nreason = \"理由\"\n\n\
    [[question.choice]]\ntext = \"乙\"\nreason = \"理由\"\n\n[[question.choice]]\ntext = \"丙\"\nreason = \"理由\"\n";

fn any_quiz(long: bool) {
    let book = TinyBook::new("# 題\n");
    let mut sections = Sections::default();
    sections.add_page("p.md", "# 題\n");
    // 正しい問題集の 1 か所から 3 か所を、ほかの文字に替える。
    let edit = (0..QUESTION.len(), 0..12_usize, text());
    let edits = proptest::collection::vec(edit, 1..4);
    run("問題集", long, if long { 2000 } else { 300 }, edits, |edits| {
        let mut toml = QUESTION.to_owned();
        for (at, length, new) in edits {
            let floor = |at: usize| {
                (0..=at.min(toml.len())).rev().find(|at| toml.is_char_boundary(*at)).unwrap()
            };
            let (start, end) = (floor(at), floor(at + length));
            toml.replace_range(start..end, &new);
        }
        book.write("book/quiz/ch03-gan.toml", &toml);
        match questions::load(book.root()) {
            Err(error) => {
                let error = format!("{error:#}");
                prop_assert!(
                    error.contains("ch03-gan.toml:") && error.contains("形式に合いません"),
                    "{}",
                    error
                );
            }
            Ok(bank) => {
                let problems = bank.problems(book.root(), &sections);
                // 検査を通った問題は、必ず描けるか、何が悪いかを言える。
                let rendered = render_chapter(&bank, &bank.chapters[0].chapter);
                if let (true, Err(error)) = (problems.is_empty(), &rendered) {
                    let error = format!("{error:#}");
                    prop_assert!(error.contains("の問題「"), "{}", error);
                }
            }
        }
        Ok(())
    });
}

#[test]
fn any_page_is_prepared_or_refused() {
    any_page(false);
}

#[test]
fn any_page_becomes_a_book_or_a_sentence() {
    any_book(false);
}

#[test]
fn any_question_file_is_read_or_refused() {
    any_quiz(false);
}

#[test]
#[ignore = "WORKBOOK_FUZZ_SECONDS の間、試し続ける"]
fn long_any_page_is_prepared_or_refused() {
    any_page(true);
}

#[test]
#[ignore = "WORKBOOK_FUZZ_SECONDS の間、試し続ける"]
fn long_any_page_becomes_a_book_or_a_sentence() {
    any_book(true);
}

#[test]
#[ignore = "WORKBOOK_FUZZ_SECONDS の間、試し続ける"]
fn long_any_question_file_is_read_or_refused() {
    any_quiz(true);
}
