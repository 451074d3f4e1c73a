//! できあがった本のリンクがすべて届くこと、外のものを何も読み込まないこと。

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::support::{TinyBook, files, real_book, root};
use scraper::{Html, Selector};

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn is_external(url: &str) -> bool {
    url.starts_with("http:") || url.starts_with("https:") || url.starts_with("//")
}

/// `%E3%81%82` のような書き方を元の文字に戻す。
fn decode(url: &str) -> String {
    let bytes = url.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = url.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap()
}

fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

/// 壊れたリンクを「ページ: リンク」の形で集める。
fn broken_links(book: &Path) -> Vec<String> {
    let pages: HashMap<PathBuf, Html> = files(book, "html")
        .into_iter()
        .map(|path| {
            let html = Html::parse_document(&fs::read_to_string(&path).unwrap());
            (path, html)
        })
        .collect();
    let ids: HashMap<&PathBuf, HashSet<&str>> = pages
        .iter()
        .map(|(path, html)| {
            let ids =
                html.select(&selector("[id]")).filter_map(|element| element.attr("id")).collect();
            (path, ids)
        })
        .collect();
    let mut broken = Vec::new();
    for (path, html) in &pages {
        // 404.html は、どの深さの URL でも使えるように <base> を持つ。
        let base = if html.select(&selector("base")).next().is_some() {
            book
        } else {
            path.parent().unwrap()
        };
        for element in html.select(&selector("[href]:not(base), [src]")) {
            let url = element.attr("href").or(element.attr("src")).unwrap_or_default();
            if is_external(url) || url.starts_with("data:") || url.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = url.split_once('#').unwrap_or((url, ""));
            let target =
                if file.is_empty() { path.clone() } else { normalize(&base.join(decode(file))) };
            let target = if target.is_dir() { target.join("index.html") } else { target };
            let reached = target.is_file()
                && (anchor.is_empty()
                    || ids.get(&target).is_some_and(|ids| ids.contains(decode(anchor).as_str())));
            if !reached {
                broken.push(format!("{}: {url}", path.strip_prefix(book).unwrap().display()));
            }
        }
    }
    broken.sort();
    broken
}

#[test]
fn every_internal_link_and_anchor_is_reached() {
    assert_eq!(broken_links(real_book()), Vec::<String>::new());
}

/// 検査が本当に見つけることを、壊した本で確かめる。日本語の見出しへのリンクも。
/// 図のファイルは、どれも本のどこかのページに出る。
#[test]
fn every_figure_stands_on_a_page() {
    let source = root().join("book/src");
    let pages = files(&source, "md").into_iter();
    let pages: String = pages.map(|page| fs::read_to_string(page).unwrap()).collect();
    let figures: Vec<PathBuf> =
        ["svg", "png"].iter().flat_map(|extension| files(&source, extension)).collect();
    assert!(figures.len() > 150, "{}", figures.len());
    let unused: Vec<&PathBuf> = figures
        .iter()
        .filter(|figure| {
            // 章の図は、章の違う同じ名前のものと取り違えないよう、フォルダの名前から確かめる。
            let path = figure.strip_prefix(&source).unwrap();
            let name = if path.starts_with("figures") {
                path
            } else {
                Path::new(path.file_name().unwrap())
            };
            !pages.contains(&name.to_str().unwrap().replace('\\', "/"))
        })
        .collect();
    assert!(unused.is_empty(), "どのページにも出ない図: {unused:?}");
}

#[test]
fn broken_links_are_found() {
    let book = TinyBook::new(
        "# 題\n\n## 日本語の見出し\n\n[よい](#日本語の見出し) [よい](page.md#日本語の見出し) \
         [わるい](#ない見出し) [わるい](nai.md)\n",
    );
    let dest = book.root().join("target/drawn");
    workbook::render(book.root(), &dest).unwrap();
    let found = broken_links(&dest);
    let page: Vec<&str> = found
        .iter()
        .filter_map(|link| link.strip_prefix("ch03-gan/page.html: "))
        .map(|url| if url.starts_with('#') { "#" } else { url })
        .collect();
    assert_eq!(page, ["#", "nai.html"], "{found:?}");
    // 本を作る道具も同じものを見つけ、切れたリンクのある本は作らない。
    let error = book.error();
    assert!(error.contains("2 個の切れたリンク"), "{error}");
    assert!(error.contains("book/src/ch03-gan/page.md:5: リンク「nai.html」"), "{error}");
}

#[test]
fn readme_links_lead_to_index_pages() {
    let book = TinyBook::new("# 題\n\n[章の初め](README.md#top)\n");
    book.write(
        "book/src/SUMMARY.md",
        "- [章](ch03-gan/README.md)\n  - [ページ](ch03-gan/page.md)\n",
    );
    book.write("book/src/ch03-gan/README.md", "# 章 {#top}\n");
    assert_eq!(broken_links(&book.build().unwrap()), Vec::<String>::new());
}

/// `<a href>` は読者が押すまで読み込まれないので、外を指してよい。
fn outside_resources(book: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for path in files(book, "html") {
        let html = Html::parse_document(&fs::read_to_string(&path).unwrap());
        let loads =
            selector("[src], [srcset], link[href], use[href], image[href], object[data], [poster]");
        for element in html.select(&loads) {
            for name in ["src", "srcset", "href", "data", "poster"] {
                if let Some(url) = element.attr(name).filter(|url| is_external(url)) {
                    found.push(format!("{}: {url}", path.display()));
                }
            }
        }
        for element in html.select(&selector("style, [style]")) {
            let css = element
                .attr("style")
                .map_or_else(|| element.text().collect::<String>(), str::to_string);
            found.extend(css_urls(&css).map(|url| format!("{}: {url}", path.display())));
        }
    }
    for path in files(book, "css") {
        let css = fs::read_to_string(&path).unwrap();
        found.extend(css_urls(&css).map(|url| format!("{}: {url}", path.display())));
    }
    found
}

/// CSS の `url(…)` と `@import` のうち、外を指すもの。
fn css_urls(css: &str) -> impl Iterator<Item = String> + '_ {
    ["url(", "@import "].into_iter().flat_map(move |start| {
        css.split(start).skip(1).filter_map(|rest| {
            let url = rest.trim_start_matches(['"', '\'', ' ']);
            let end = url.find(['"', '\'', ')', ';']).unwrap_or(url.len());
            is_external(&url[..end]).then(|| url[..end].to_string())
        })
    })
}

#[test]
fn nothing_is_loaded_from_another_host() {
    assert_eq!(outside_resources(real_book()), Vec::<String>::new());
}

/// mdBook の JS は、動かせるコードの欄があるときだけ外へ送る。
#[test]
fn no_page_has_a_playground() {
    for path in files(real_book(), "html") {
        let html = Html::parse_document(&fs::read_to_string(&path).unwrap());
        assert!(
            html.select(&selector(".playground")).next().is_none(),
            "{} に動かせるコードの欄があります",
            path.display()
        );
    }
}

#[test]
fn css_of_other_hosts_is_found() {
    let css = "a { background: url(\"https://example.com/a.png\") } @import '//example.com/b.css'; b { background: url(data:x) }";
    assert_eq!(css_urls(css).count(), 2);
}

/// 本のフォントは、CSS が指す名前で本当に配られている。
#[test]
fn every_file_named_in_css_exists() {
    let mut seen = 0;
    for path in files(real_book(), "css") {
        let css = fs::read_to_string(&path).unwrap();
        for rest in css.split("url(").skip(1) {
            let url = rest.trim_start_matches(['"', '\'']);
            let url = &url[..url.find(['"', '\'', ')']).unwrap()];
            if url.starts_with("data:") || url.starts_with('#') {
                continue;
            }
            let target = normalize(&path.parent().unwrap().join(url));
            assert!(target.is_file(), "{}: {url} がありません", path.display());
            seen += 1;
        }
    }
    assert!(seen > 0, "フォントの指定が 1 つも見つかりません");
}
