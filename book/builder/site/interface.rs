//! mdBook の画面の言葉を日本語にし、この本に合わない働きを止める。
//!
//! mdBook には言葉を差し替える設定が無い。ひな形 (index.hbs) を写して直すと、mdBook を
//! 上げるたびに写し直すことになるので、描いた後の HTML と JS の決まった文字列だけを置き換える。
//! mdBook が文言を変えたら tests/book/build.rs が落ちて知らせる。
//! stock の `mdbook build` はこの後処理をしないので、画面の言葉だけが英語になる。本文は同じである。

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// HTML の置き換え。ほかの文に当たらないよう、属性やタグごと書く。
pub const HTML: &[(&str, &str)] = &[
    (">Keyboard shortcuts</h2>", ">キーボード操作</h2>"),
    (
        "<p>Press <kbd>←</kbd> or <kbd>→</kbd> to navigate between chapters</p>",
        "<p><kbd>←</kbd> <kbd>→</kbd> 前後のページへ移る</p>",
    ),
    (
        "<p>Press <kbd>S</kbd> or <kbd>/</kbd> to search in the book</p>",
        "<p><kbd>S</kbd> または <kbd>/</kbd> 本の中を検索する</p>",
    ),
    ("<p>Press <kbd>?</kbd> to show this help</p>", "<p><kbd>?</kbd> この説明を開く</p>"),
    ("<p>Press <kbd>Esc</kbd> to hide this help</p>", "<p><kbd>Esc</kbd> この説明を閉じる</p>"),
    ("aria-label=\"Table of contents\"", "aria-label=\"目次\""),
    (
        "title=\"Toggle Table of Contents\" aria-label=\"Toggle Table of Contents\"",
        "title=\"目次を開閉する\" aria-label=\"目次を開閉する\"",
    ),
    (
        "title=\"Change theme\" aria-label=\"Change theme\"",
        "title=\"配色を変える\" aria-label=\"配色を変える\"",
    ),
    ("aria-label=\"Themes\"", "aria-label=\"配色\""),
    ("id=\"mdbook-theme-default_theme\">Auto<", "id=\"mdbook-theme-default_theme\">自動<"),
    ("id=\"mdbook-theme-light\">Light<", "id=\"mdbook-theme-light\">ライト<"),
    ("id=\"mdbook-theme-rust\">Rust<", "id=\"mdbook-theme-rust\">セピア<"),
    ("id=\"mdbook-theme-coal\">Coal<", "id=\"mdbook-theme-coal\">ダーク (灰)<"),
    ("id=\"mdbook-theme-navy\">Navy<", "id=\"mdbook-theme-navy\">ダーク (紺)<"),
    ("id=\"mdbook-theme-ayu\">Ayu<", "id=\"mdbook-theme-ayu\">ダーク (黒)<"),
    (
        "title=\"Search (`/`)\" aria-label=\"Toggle Searchbar\"",
        "title=\"検索 (`/`)\" aria-label=\"検索欄を開閉する\"",
    ),
    (
        "placeholder=\"Search this book ...\"",
        "placeholder=\"この本の中を検索\" aria-label=\"この本の中を検索\"",
    ),
    (
        "title=\"Print this book\" aria-label=\"Print this book\"",
        "title=\"全ページを印刷する\" aria-label=\"全ページを印刷する\"",
    ),
    ("aria-label=\"Page navigation\"", "aria-label=\"前後のページ\""),
    (
        "title=\"Previous chapter\" aria-label=\"Previous chapter\"",
        "title=\"前のページ\" aria-label=\"前のページ\"",
    ),
    (
        "title=\"Next chapter\" aria-label=\"Next chapter\"",
        "title=\"次のページ\" aria-label=\"次のページ\"",
    ),
    ("<title>Page not found", "<title>ページが見つかりません"),
    (">Document not found (404)</a>", ">ページが見つかりません (404)</a>"),
    (
        "This URL is invalid, sorry. Please use the navigation bar or search to continue.",
        "この URL のページはありません。左の目次か検索から探してください。",
    ),
];

/// JS の置き換え。引用符ごと書き、プログラムの名前には触れない。
pub const JS: &[(&str, &str)] = &[
    ("title=\"Show hidden lines\"", "title=\"隠れた行を表示する\""),
    ("aria-label=\"Show hidden lines\"", "aria-label=\"隠れた行を表示する\""),
    ("'Show hidden lines'", "'隠れた行を表示する'"),
    ("'Hide lines'", "'行を隠す'"),
    ("'Copy to clipboard'", "'コピーする'"),
    ("'Copied!'", "'コピーしました'"),
    (
        "count + ' search result for \\'' + searchterm + '\\':'",
        "'「' + searchterm + '」は ' + count + ' か所にあります'",
    ),
    (
        "'No search results for \\'' + searchterm + '\\'.'",
        "'「' + searchterm + '」は見つかりませんでした'",
    ),
    (
        "count + ' search results for \\'' + searchterm + '\\':'",
        "'「' + searchterm + '」は ' + count + ' か所にあります'",
    ),
    ("aria-label=\"Search Result Teaser\"", "aria-label=\"見つかった文\""),
    // ---- ここからは、言葉ではなく働き ----
    // これがあると、ブラウザの「戻る」で前の画面がそのまま戻らない。
    ("window.onunload = function() { };", ""),
    // コードの色の CSS は、1 枚にまとめるとき、配色の中に入れてある (bundle.rs)。
    ("document.querySelector('#mdbook-ayu-highlight-css')", "{}"),
    ("document.querySelector('#mdbook-tomorrow-night-css')", "{}"),
    ("document.querySelector('#mdbook-highlight-css')", "{}"),
    // 検索を開いても、読んでいた所から動かない。
    ("            window.scrollTo(0, 0);\n", ""),
    // 見つかった数は、並べた数ではなく、本当の数を言う。
    (
        "formatSearchMetric(resultcount, searchterm)",
        "formatSearchMetric(results.length, searchterm)",
    ),
    // 印は、語に割らずに、見つけた書き方のまま付ける。
    (
        "decodeURIComponent(url.params[URL_MARK_PARAM]).split(' ')",
        "[decodeURIComponent(url.params[URL_MARK_PARAM])]",
    ),
    (
        "                exclude: mark_exclude,\n",
        "                exclude: mark_exclude, separateWordSearch: false, acrossElements: true,\n",
    ),
];

/// `dest` の HTML と、mdBook の JS を置き換える。
pub fn translate(dest: &Path) -> Result<()> {
    for entry in fs::read_dir(dest)? {
        let path = entry?.path();
        if path.is_dir() {
            translate(&path)?;
            continue;
        }
        let list = match path.extension().and_then(|extension| extension.to_str()) {
            Some("html") => HTML,
            Some("js") if is_mdbook_js(&path) => JS,
            _ => continue,
        };
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} を読めません", path.display()))?;
        let translated = list.iter().fold(text, |text, (from, to)| text.replace(from, to));
        fs::write(&path, translated).with_context(|| format!("{} を書けません", path.display()))?;
    }
    Ok(())
}

/// 画面の言葉を持つ、mdBook の 2 つの JS。名前には内容のハッシュが付く。
fn is_mdbook_js(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    name.starts_with("book-") || name.starts_with("searcher-")
}
