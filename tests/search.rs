//! 日本語の検索を、本物のブラウザで確かめる。

mod support;

use std::path::PathBuf;
use std::process::Command;

use scraper::{Html, Selector};
use support::{TinyBook, root};

fn find_chrome() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CHROME") {
        return Some(PathBuf::from(path));
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

/// 検索の箱に `query` を入れたときの、見出しの行と、見つかった文。
fn search(chrome: &PathBuf, book: &TinyBook, query: &str) -> (String, Vec<String>) {
    let page = book.root().join("target/book/index.html");
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chrome)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .arg("--virtual-time-budget=5000")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}?search={query}", page.display()))
        .output()
        .unwrap();
    let html = Html::parse_document(&String::from_utf8(output.stdout).unwrap());
    let texts = |selector: &str| -> Vec<String> {
        html.select(&Selector::parse(selector).unwrap())
            .map(|element| element.text().collect())
            .collect()
    };
    (texts("#mdbook-searchresults-header").concat(), texts("#mdbook-searchresults li"))
}

#[test]
fn japanese_is_found_in_any_kind_of_kana_and_width() {
    let Some(chrome) = find_chrome() else {
        assert!(
            std::env::var_os("REQUIRE_BROWSER").is_none_or(|value| value != "1"),
            "Chromium がありません。chromium を入れるか、環境変数 CHROME で場所を教えてください。"
        );
        println!("SKIPPED: Chromium がないので、ブラウザの試験を飛ばします。");
        return;
    };
    let book = TinyBook::new(
        "# 題\n\n## 一つ目\n\nこの節は**モード**崩壊の話です。\n\n## 二つ目\n\nWGAN の話です。\n",
    );
    let config = std::fs::read_to_string(book.root().join("book.toml")).unwrap();
    book.write("book.toml", config + "additional-js = [\"search.js\"]\n");
    let script = std::fs::read(root().join("book/theme/search.js")).unwrap();
    book.write("search.js", script);
    book.build().unwrap();

    // 文の途中の語、強調をまたぐ語、かなの違い、全角と小文字。
    for (query, found) in [
        ("崩壊", "一つ目"),
        ("モード崩壊", "一つ目"),
        ("もーど崩壊の話", "一つ目"),
        ("ｗｇａｎ", "二つ目"),
        ("この 崩壊", "一つ目"),
    ] {
        let (header, results) = search(&chrome, &book, query);
        assert_eq!(results.len(), 1, "{query}: {header} {results:?}");
        assert!(results[0].contains(found), "{query}: {results:?}");
        assert!(header.contains("1 か所にあります"), "{header}");
    }
    let (header, results) = search(&chrome, &book, "拡散");
    assert!(results.is_empty() && header.contains("見つかりませんでした"), "{header} {results:?}");
}
