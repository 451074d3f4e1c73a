//! 図の拡大。

use serde_json::json;

use crate::reader::{Reader, THEMES};

const OPEN: &str = "document.querySelector('dialog.zoom').open";

/// キーでも指でも開き、Esc で閉じ、焦点は元へ戻る。開いている間、ページはめくられない。
#[test]
fn every_figure_is_enlarged_by_key_and_touch() {
    let Some(reader) = Reader::new() else { return };
    reader.open("ch02-vae/run.html");
    let without =
        "[...document.querySelectorAll('main .figure')].filter((figure) => figure.checkVisibility()
        && !figure.querySelector('.zoom-open')).length";
    assert_eq!(reader.js(without), json!(0), "拡大できない図があります");
    reader.watch_page_turns();
    reader.js("document.querySelector('.figure-svg .zoom-open').focus()");
    reader.press("Enter");
    assert!(reader.is(OPEN));
    assert!(reader.is("document.activeElement.matches('.zoom-stage')"));
    let width = "document.querySelector('.zoom-stage > *').getBoundingClientRect().width";
    let fitted = reader.js(width).as_f64().unwrap();
    let own =
        "document.querySelector('.figure-svg:has(.zoom-open) > svg').getBoundingClientRect().width";
    assert!(fitted > reader.js(own).as_f64().unwrap());
    reader.click_element("document.querySelector('.zoom [aria-label=大きくする]')");
    assert!(reader.js(width).as_f64().unwrap() > 1.4 * fitted);
    for key in ["ArrowRight", "ArrowLeft", "s", "/"] {
        reader.press(key);
    }
    assert!(!reader.page_turned(), "拡大した図の上で、ページがめくられました");
    reader.press("Escape");
    assert!(!reader.is(OPEN));
    assert!(
        reader.is("document.activeElement.matches('.figure-svg .zoom-open')"),
        "焦点が戻りません"
    );

    // 電話では、図そのものを押すと、収まる大きさの倍から始まる。
    reader.phone();
    reader.reload(); // 広い画面で開いた目次が、図に重なっている。
    reader.click_element(
        "[...document.querySelectorAll('.figure-png > img')].find((e) => e.checkVisibility())",
    );
    assert!(reader.is(OPEN));
    assert!(reader.js(width).as_f64().unwrap() > 390.);
    assert!(reader.is("document.querySelector('.zoom-caption').textContent.length > 5"));
    let stray = reader.js("[...document.querySelectorAll('.zoom button')].filter((b) => b.offsetHeight < 44 || b.offsetWidth < 44).length");
    assert_eq!(stray, json!(0));
    for theme in THEMES {
        reader.js(&format!("document.getElementById('mdbook-theme-{theme}').click()"));
        let same = "getComputedStyle(document.querySelector('dialog.zoom')).backgroundColor === getComputedStyle(document.body.querySelector('.page-wrapper')).backgroundColor";
        assert!(reader.is(same), "{theme}");
    }
    reader.click_element("[...document.querySelectorAll('.zoom-bar button')].at(-1)");
    assert!(!reader.is(OPEN));
}
