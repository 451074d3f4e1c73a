//! 本文のページ: 数式と図が出る、電話に収まる、どの配色でも読める。

use serde_json::json;

use crate::reader::{Reader, from_files, from_server, thorough};
use crate::support::{files, real_book};

const THEORY: &str = "ch03-gan/theory.html";

impl Reader {
    /// 幅からはみ出すものがあれば、それ。
    pub fn overflow(&self) -> Option<String> {
        // mdBook の .content は自分で横に動くので、文書の幅だけを見ても、はみ出しは分からない。
        let overflow = self.js(
            "['html', 'body', '.page', '.content', 'main'].filter((selector) => {
               const element = document.querySelector(selector);
               return element && (element.scrollWidth > element.clientWidth || element.scrollWidth > innerWidth);
             })",
        );
        if overflow == json!([]) {
            return None;
        }
        let culprits = self.js(
            "[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > innerWidth)
               .slice(0, 3).map((e) => e.outerHTML.slice(0, 120))",
        );
        Some(format!("{overflow} が画面の幅からはみ出します。例: {culprits:#}"))
    }
}

fn theory_page_is_complete(reader: &Reader) {
    reader.open(THEORY);
    let small =
        "(e) => e.getBoundingClientRect().width < 1 || e.getBoundingClientRect().height < 1";
    assert!(reader.is("document.querySelectorAll('main math').length > 10"));
    let hidden = reader.js(&format!(
        "[...document.querySelectorAll('main math')].filter({small}).map((e) => e.outerHTML)"
    ));
    assert_eq!(hidden, json!([]), "大きさのない数式があります");
    assert!(reader.is("document.querySelector('main figure :is(svg, img)')"), "図がありません");
    let broken = reader.js(&format!(
        "[...document.querySelectorAll('main figure svg, main img')]
           .filter((e) => ({small})(e) || (e.matches('img') && !(e.complete && e.naturalWidth)))
           .map((e) => e.outerHTML.slice(0, 200))"
    ));
    assert_eq!(broken, json!([]), "表示されない図があります");
    reader.assert_quiet();
}

#[test]
fn theory_page_shows_formulas_and_figures_from_a_server() {
    let Some(reader) = Reader::watched(from_server) else { return };
    theory_page_is_complete(&reader);
}

#[test]
fn theory_page_shows_formulas_and_figures_from_files() {
    let Some(reader) = Reader::watched(from_files) else { return };
    theory_page_is_complete(&reader);
}

/// 矢印のキーで本当にページがめくられ、見張りがそれを見逃さない。問題と机の試験は、この見張りを頼る。
#[test]
fn arrows_turn_an_ordinary_page() {
    let Some(reader) = Reader::new() else { return };
    reader.open(THEORY);
    reader.watch_page_turns();
    assert!(!reader.page_turned());
    reader.press("ArrowRight");
    assert!(reader.page_turned());
    reader.wait(&format!("!location.pathname.endsWith({THEORY:?})"));
}

#[test]
fn no_page_scrolls_sideways_on_a_phone() {
    if !thorough() {
        return;
    }
    let Some(reader) = Reader::online() else { return };
    reader.phone();
    let mut pages = files(real_book(), "html");
    // 目次だけの toc.html は、本文のページの中に埋め込まれる部品である。
    // 全体を 1 枚にした print.html は重いので、print.rs でまとめて確かめる。
    pages.retain(|page| !page.ends_with("toc.html") && !page.ends_with("print.html"));
    assert!(pages.len() > 5, "{pages:?}");
    let mut wide = Vec::new();
    for page in pages {
        let path = page.strip_prefix(real_book()).unwrap().display().to_string();
        reader.open(&path);
        wide.extend(reader.overflow().map(|overflow| format!("{path}: {overflow}")));
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

/// 図の名札、コード、本文の文字が、どの配色でも地から読み分けられる。
#[test]
fn figures_and_code_keep_their_contrast_in_every_theme() {
    let Some(reader) = Reader::online() else { return };
    for page in ["ch03-gan/run.html", "ch04-dcgan/run.html", "ch03-gan/concept.html"] {
        reader.open(page);
        reader.assert_readable("main", 50, page);
    }
}
