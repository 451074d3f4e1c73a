//! 本の作り方の約束: 出力先、取り込み、図、画面の言葉、stock の mdbook との同じさ。

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{TinyBook, files, main_html, real_book, root};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;
use scraper::{Html, Selector};

/// mdBook は出力先を空にする。原稿のフォルダを指していたら、原稿が消える。
#[test]
fn build_dir_is_outside_the_manuscript() {
    let dest = workbook::build_dir(root()).unwrap();
    assert!(!dest.starts_with(root().join("book")), "{}", dest.display());
    assert!(dest.starts_with(root().join("target")), "{}", dest.display());
}

#[test]
fn building_into_the_manuscript_is_refused() {
    let book = TinyBook::new("# 題\n");
    let error = workbook::build_book(book.root(), &book.root().join("book/src")).unwrap_err();
    assert!(error.to_string().contains("原稿のフォルダの中"), "{error}");
    assert!(book.root().join("book/src/ch03-gan/page.md").is_file());
}

#[test]
fn missing_book_toml_is_a_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let error = workbook::build_book(folder.path(), &folder.path().join("out")).unwrap_err();
    assert!(error.to_string().contains("book.toml がありません"), "{error}");
}

// ---- 取り込み ----

const CODE: &str = "// ANCHOR: one\nfn one() {}\n// ANCHOR_END: one\n// ANCHOR: none\n// ANCHOR_END: none\n// ANCHOR: open\nfn open() {}\n";

fn includes(target: &str) -> TinyBook {
    let book = TinyBook::new(&format!("# 題\n\n```rust\n{{{{#include {target}}}}}\n```\n"));
    book.write("chapters/ch03-gan/src/train.rs", CODE);
    book
}

#[test]
fn included_code_is_shown() {
    let html = includes("../../../chapters/ch03-gan/src/train.rs:one").main_html();
    assert!(html.contains("fn one() {}"), "{html}");
    assert!(!html.contains("ANCHOR") && !html.contains("fn open"), "{html}");
}

#[test]
fn bad_includes_are_refused_with_file_and_line() {
    for (target, reason) in [
        ("../../../chapters/ch03-gan/src/nai.rs:one", "nai.rs を読めません"),
        ("../../../chapters/ch03-gan/src/train.rs:nai", "ANCHOR: nai がありません"),
        ("../../../chapters/ch03-gan/src/train.rs:none", "(none) が空です"),
        ("../../../chapters/ch03-gan/src/train.rs:open", "ANCHOR_END: open がありません"),
    ] {
        let error = includes(target).error();
        assert!(error.contains("book/src/ch03-gan/page.md:4: "), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn real_book_shows_code_in_every_rust_block() {
    let code = Selector::parse("code.language-rust").unwrap();
    let mut blocks = 0;
    for path in files(real_book(), "html") {
        let html = Html::parse_document(&fs::read_to_string(&path).unwrap());
        for block in html.select(&code) {
            let text: String = block.text().collect();
            assert!(!text.trim().is_empty(), "{}", path.display());
            assert!(!text.contains("#include") && !text.contains("ANCHOR"), "{text}");
            blocks += 1;
        }
    }
    assert!(blocks > 0, "コードが 1 つもありません");
}

/// コードは、コンパイルされるソースからの取り込みだけにする。
#[test]
fn rust_code_in_the_manuscript_is_always_included() {
    for path in files(&root().join("book/src"), "md") {
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if !line.trim_start_matches(['>', ' ']).starts_with("```rust") {
                continue;
            }
            for inner in lines.by_ref().take_while(|inner| !inner.contains("```")) {
                assert!(
                    inner.contains("{{#include"),
                    "{}: コードは #include で取り込んでください: {inner}",
                    path.display()
                );
            }
        }
    }
}

// ---- 残りもの ----

/// 読者の目に触れる文字。コードは書いたとおりに見せるので除く。
fn visible_text(html: &Html) -> String {
    let mut text = String::new();
    for node in html.select(&Selector::parse("main").unwrap()) {
        for child in node.descendants() {
            let hidden = child.ancestors().any(|ancestor| {
                ancestor
                    .value()
                    .as_element()
                    .is_some_and(|element| matches!(element.name(), "code" | "pre" | "script"))
            });
            if let (false, Some(part)) = (hidden, child.value().as_text()) {
                text.push_str(part);
            }
        }
    }
    text
}

#[test]
fn no_unprocessed_notation_is_left_in_the_pages() {
    for path in files(real_book(), "html") {
        let html = Html::parse_document(&fs::read_to_string(&path).unwrap());
        let text = visible_text(&html);
        for left in ["{{", "}}", "$$", "**", "[!", "\u{E000}", "ANCHOR", "![", "]("] {
            assert!(!text.contains(left), "{} に「{left}」が残っています", path.display());
        }
    }
}

// ---- 図 ----

const SVG: &str = "<?xml version=\"1.0\"?>\n<!-- 図 -->\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"300\" height=\"100\">\n\n<defs><marker id=\"m\"/></defs>\n<path marker-end=\"url(#m)\" fill=\"#0072B2\"/>\n</svg>\n";

#[test]
fn svg_is_inlined_and_scales() {
    let book = TinyBook::new(
        "前\n\n![代替文](a.svg \"説明の $x$ と **太字。**次\")\n## すぐ次の見出し\n\n![二つ目](a.svg)\n",
    );
    book.write("book/src/ch03-gan/a.svg", SVG);
    let html = book.main_html();
    let page = Html::parse_fragment(&html);
    let figures: Vec<_> = page.select(&Selector::parse("figure > svg").unwrap()).collect();
    assert_eq!(figures.len(), 2, "{html}");
    assert_eq!(figures[0].attr("viewBox"), Some("0 0 300 100"));
    assert_eq!(figures[0].attr("width"), None);
    assert_eq!(figures[0].attr("role"), Some("img"));
    assert_eq!(figures[0].attr("aria-label"), Some("代替文"));
    let ids: Vec<_> = page
        .select(&Selector::parse("marker").unwrap())
        .map(|marker| marker.attr("id").unwrap())
        .collect();
    assert_ne!(ids[0], ids[1], "id が重なっています");
    assert!(html.contains(&format!("url(#{})", ids[0])), "{html}");
    assert!(html.contains("<figcaption>説明の <math>"), "{html}");
    assert!(html.contains("<strong>太字。</strong>次</figcaption>"), "{html}");
    assert!(html.contains("<h2 id=\"すぐ次の見出し\">"), "{html}");
}

#[test]
fn png_has_its_size() {
    let book = TinyBook::new("![点](a.png \"説明\")\n");
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend([0, 0, 0, 90, 0, 0, 0, 26]);
    book.write("book/src/ch03-gan/a.png", png);
    let html = book.main_html();
    assert!(html.contains("width=\"90\" height=\"26\""), "{html}");
    assert!(html.contains("<figcaption>説明</figcaption>"), "{html}");
}

#[test]
fn bad_figures_are_refused_with_file_and_line() {
    for (image, reason) in [
        ("![代替文](nai.svg)", "nai.svg を読めません"),
        ("![](a.svg)", "代替文がありません"),
        ("![代替文](style.svg)", "<style は書けません"),
    ] {
        let book = TinyBook::new(&format!("# 題\n\n{image}\n"));
        book.write("book/src/ch03-gan/a.svg", SVG);
        book.write(
            "book/src/ch03-gan/style.svg",
            "<svg viewBox=\"0 0 1 1\"><style>a{}</style></svg>",
        );
        let error = book.error();
        assert!(error.contains("book/src/ch03-gan/page.md:3: "), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}

/// 本のどのページでも、印刷用のページでも、id は 1 度しか現れない。
#[test]
fn ids_are_unique_on_every_page() {
    for path in files(real_book(), "html") {
        let html = Html::parse_document(&fs::read_to_string(&path).unwrap());
        let mut seen = std::collections::HashSet::new();
        for element in html.select(&Selector::parse("[id]").unwrap()) {
            let id = element.attr("id").unwrap();
            assert!(seen.insert(id), "{} に id={id} が 2 つあります", path.display());
        }
    }
}

// ---- 実行の記録とテストの名札 ----

#[test]
fn run_values_and_test_badges_are_filled_in() {
    let book = TinyBook::new(
        "値は {{run ch03-gan ring.modes}} です。{{test ch03-gan::claims::it_holds}}\n",
    );
    book.write("book/src/figures/ch03-gan/run.json", r#"{"results":{"ring.modes":"8 / 8"}}"#);
    book.write(
        "chapters/ch03-gan/tests/claims.rs",
        "/// 値は $1 < 2$ である。\n///\n/// 細かな話。\n#[test]\nfn it_holds() {}\n",
    );
    let html = book.main_html();
    assert!(html.contains("値は 8 / 8 です。"), "{html}");
    assert!(
        html.contains("title=\"it_holds (chapters/ch03-gan/tests/claims.rs 5 行目)\""),
        "{html}"
    );
    assert!(html.contains(">テスト: 値は $1 &lt; 2$ である</span>"), "{html}");
}

/// 同じ札は 1 ページに 1 度だけ。2 度目は、初めの札へ戻るリンクになる。
#[test]
fn a_test_badge_stands_once_on_a_page() {
    let test = "{{test ch03-gan::claims::it_holds}}";
    let book = TinyBook::new(&format!("一つ目。{test}\n\n二つ目。{test}\n"));
    book.write(
        "chapters/ch03-gan/tests/claims.rs",
        "/// 値は正しい。\n#[test]\nfn it_holds() {}\n",
    );
    let html = book.main_html();
    assert_eq!(html.matches("値は正しい").count(), 1, "{html}");
    assert!(html.contains("<span class=\"test-badge\" id=\"test-ch03-gan-page-1\""), "{html}");
    assert!(html.contains("<a class=\"test-badge\" href=\"#test-ch03-gan-page-1\""), "{html}");
}

/// テストの一覧のページがあれば、札はそこへのリンクになり、一覧には中身がある。
#[test]
fn test_badges_lead_to_the_list_of_tests() {
    let book = TinyBook::new("{{test ch03-gan::claims::it_holds}}\n");
    let claims = "/// 値は `f32` で正しい。\n#[test]\nfn it_holds() {\n    assert!(1 < 2);\n}\n\nfn other() {}\n";
    book.write("chapters/ch03-gan/tests/claims.rs", claims);
    book.write("book/errata.toml", "point = []\n");
    book.write("book/src/appendix/tests.md", "# 一覧\n\n{{tests}}\n");
    let summary = fs::read_to_string(book.root().join("book/src/SUMMARY.md")).unwrap();
    book.write("book/src/SUMMARY.md", summary + "- [一覧](appendix/tests.md)\n");
    let html = book.main_html();
    assert!(html.contains("href=\"../appendix/tests.html#ch03-gan-claims-it_holds\""), "{html}");
    let list = fs::read_to_string(book.root().join("target/book/appendix/tests.html")).unwrap();
    let item = &list[list.find("<li id=\"ch03-gan-claims-it_holds\">").unwrap()..];
    let item = &item[..item.find("</li>").unwrap()];
    assert!(item.contains("値は <code>f32</code> で正しい。"), "{item}");
    assert!(item.contains("assert!(1 &lt; 2);"), "{item}");
    assert!(!item.contains("fn other"), "{item}");
}

#[test]
fn test_badge_links_to_the_repository_when_it_is_known() {
    let book = TinyBook::new("{{test ch03-gan::claims::it_holds}}\n");
    let claims = "/// 値は正しい。\n#[test]\nfn it_holds() {}\n";
    book.write("chapters/ch03-gan/tests/claims.rs", claims);
    let config = fs::read_to_string(book.root().join("book.toml")).unwrap();
    book.write("book.toml", config + "git-repository-url = \"https://example.com/book\"\n");
    let html = book.main_html();
    let link = "href=\"https://example.com/book/blob/main/chapters/ch03-gan/tests/claims.rs#L3\"";
    assert!(html.contains(link), "{html}");
}

#[test]
fn bad_directives_are_refused_with_file_and_line() {
    for (text, reason) in [
        ("{{run ch03-gan ring.nai}}", "results に ring.nai がありません"),
        ("{{run ch09-nai ring.modes}}", "実行の記録"),
        ("{{test ch03-gan::claims::nai}}", "#[test] fn nai がありません"),
        ("{{test ch03-gan::claims::helper}}", "#[test] fn helper がありません"),
        ("{{test ch03-gan::nai::it_holds}}", "nai.rs がありません"),
        ("{{test ch03-gan::claims::it_holds}}", "claims.rs:2: テスト it_holds の上に"),
        ("{{quizz ch03-gan}}", "という書き方はありません"),
        ("文の中の {{quiz ch03-gan}}", "1 行に単独で"),
    ] {
        let book = TinyBook::new(&format!("# 題\n\n{text}\n"));
        book.write("book/src/figures/ch03-gan/run.json", r#"{"results":{"ring.modes":"8"}}"#);
        book.write(
            "chapters/ch03-gan/tests/claims.rs",
            "#[test]\nfn it_holds() {}\n\nfn helper() {}\n",
        );
        let error = book.error();
        assert!(error.contains("book/src/ch03-gan/page.md:3: "), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let error = TinyBook::new("$\\nosuch$\n\n*強調*\n\n{{run a b}}\n").error();
    assert!(error.contains("3 個の誤り"), "{error}");
}

// ---- 画面の言葉 ----

/// mdBook が文言を変えると、置き換えは黙って効かなくなる。元の出力に今もあることを確かめる。
#[test]
fn every_translated_string_still_occurs_in_mdbook() {
    let book = TinyBook::new("# 一\n");
    book.write(
        "book/src/SUMMARY.md",
        "- [一](ch03-gan/page.md)\n- [二](two.md)\n- [三](three.md)\n",
    );
    book.write("book/src/two.md", "# 二\n");
    book.write("book/src/three.md", "# 三\n");
    let dest = book.root().join("target/book");
    workbook::render(book.root(), &dest).unwrap();
    for (extension, list) in
        [("html", workbook::site::interface::HTML), ("js", workbook::site::interface::JS)]
    {
        let all: String =
            files(&dest, extension).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        for (from, _) in list {
            assert!(all.contains(from), "mdBook の出力に「{from}」がありません");
        }
    }
}

#[test]
fn pages_speak_japanese() {
    let english = [
        "Keyboard shortcuts",
        "Change theme",
        "Search this book",
        "Print this book",
        "Next chapter",
    ];
    for path in files(real_book(), "html") {
        let html = fs::read_to_string(&path).unwrap();
        assert!(html.contains("lang=\"ja\""), "{}", path.display());
        for phrase in english {
            assert!(!html.contains(phrase), "{} に「{phrase}」が残っています", path.display());
        }
    }
}

// ---- stock の mdbook との約束 ----

fn preprocess(input: &str, arguments: &[&str]) -> (bool, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_workbook"))
        .arg("preprocess")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (
        output.status.success(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// stock の mdbook が標準入力へ書く JSON。
fn protocol_input(book: &TinyBook, content: &str) -> String {
    let context = serde_json::json!({
        "root": book.root(),
        "config": { "book": { "src": "book/src", "language": "ja" } },
        "renderer": "html",
        "mdbook_version": "0.5.4",
    });
    let chapter = serde_json::json!({ "Chapter": {
        "name": "ページ", "content": content, "number": [1], "sub_items": [],
        "path": "ch03-gan/page.md", "source_path": "ch03-gan/page.md", "parent_names": [],
    }});
    serde_json::json!([context, { "items": [chapter] }]).to_string()
}

#[test]
fn stock_mdbook_gets_the_same_page() {
    let page = "# 題\n\n**重要。**次の式 $x$ です。\n";
    let book = TinyBook::new(page);
    let (success, out, err) = preprocess(&protocol_input(&book, page), &[]);
    assert!(success, "{err}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let content = json["items"][0]["Chapter"]["content"].as_str().unwrap();
    assert!(content.contains("<strong>重要。</strong>次の式 <math><mi>x</mi></math>"), "{content}");
    // 同じページを `cargo run` の道で描いたものと、本文が一致する。
    assert!(book.main_html().contains(&main_html(content)));
}

/// 本物の本を、stock の mdbook と同じ道 (前処理を子プロセスで呼ぶ) で描くと、同じ本になる。
/// 違うのは、描いた後に訳す画面の言葉だけである。
#[test]
fn stock_mdbook_renders_the_same_book() {
    let ours = tempfile::tempdir().unwrap();
    workbook::render(root(), ours.path()).unwrap();
    let stock = tempfile::tempdir().unwrap();
    let mut config = Config::from_disk(root().join("book.toml")).unwrap();
    let command = format!("{} preprocess", env!("CARGO_BIN_EXE_workbook"));
    config.set("preprocessor.workbook.command", command).unwrap();
    config.build.build_dir = stock.path().to_path_buf();
    MDBook::load_with_config(root(), config).unwrap().build().unwrap();
    let pages = files(ours.path(), "html");
    assert!(pages.len() > 3);
    for page in pages {
        let other = stock.path().join(page.strip_prefix(ours.path()).unwrap());
        assert!(
            fs::read_to_string(&page).unwrap() == fs::read_to_string(&other).unwrap(),
            "{} が違います",
            other.display()
        );
    }
}

#[test]
fn stock_mdbook_is_told_of_mistakes() {
    let page = "# 題\n\n$\\nosuch$\n";
    let (success, out, err) = preprocess(&protocol_input(&TinyBook::new(page), page), &[]);
    assert!(!success && out.is_empty());
    assert!(err.contains("book/src/ch03-gan/page.md:3: 数式"), "{err}");
}

#[test]
fn preprocess_supports_html_only() {
    assert!(preprocess("", &["supports", "html"]).0);
    assert!(!preprocess("", &["supports", "epub"]).0);
}

#[test]
fn preprocess_explains_itself_to_a_person() {
    let (success, _, err) = preprocess("こんにちは", &[]);
    assert!(!success);
    assert!(err.contains("mdbook build が呼び出します"), "{err}");
}

// ---- 公開するための名札 ----

/// 誤りを知らせる所と、共有されたときの題は、book.toml に書いたときだけ付く。
#[test]
fn pages_carry_their_names_and_the_addresses_of_the_book() {
    let book = TinyBook::new("# 一\n");
    book.write("book/src/SUMMARY.md", "- [一](ch03-gan/page.md)\n- [二](ch03-gan/two.md)\n");
    book.write("book/src/ch03-gan/two.md", "# 二\n\n| | a |\n| --- | --- |\n| b | c |\n");
    let read = |dest: &std::path::Path| fs::read_to_string(dest.join("ch03-gan/two.html")).unwrap();
    let html = read(&book.build().unwrap());
    assert!(html.contains("<title>第3章 二 - 小さな本</title>"), "{html}");
    assert!(html.contains("property=\"og:title\" content=\"第3章 二 - 小さな本\""), "{html}");
    assert!(!html.contains("og:image") && !html.contains("誤りを知らせる"), "{html}");
    assert!(html.contains("前のページ: 第3章 一"), "{html}");
    assert!(html.contains("<td></td>") && !html.contains("<th></th>"), "空の見出し");
    assert!(html.contains("<button type=\"button\" id=\"mdbook-sidebar-toggle\""), "目次のボタン");
    assert!(html.contains("<a class=\"skip\" href=\"#mdbook-content\">"), "本文へ");
    let config = fs::read_to_string(book.root().join("book.toml")).unwrap();
    let config = config.replace(
        "before = [\"links\"]",
        "before = [\"links\"]\nsite = \"https://example.com/w/\"\nreport = \"https://example.com/new?t={page}\"",
    );
    book.write("book.toml", config);
    let html = read(&book.build().unwrap());
    assert!(html.contains("content=\"https://example.com/w/icons/card.png\""), "{html}");
    assert!(html.contains("href=\"https://example.com/new?t=ch03-gan/two.html\""), "{html}");
}
