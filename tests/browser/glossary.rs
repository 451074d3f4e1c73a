//! 本文の語の吹き出し。

use serde_json::json;

use crate::reader::Reader;

#[test]
fn tooltips_work_with_keyboard_mouse_and_touch() {
    let Some(reader) = Reader::new() else { return };
    reader.open("ch03-gan/concept.html");
    let shown = "(() => { const tip = document.getElementById('term-tip'); return Boolean(tip) && !tip.hidden; })()";

    // キーボード: 焦点で出て、読み上げに結び付き、Esc で消える。焦点は残る。
    reader.js("document.querySelector('main a.term').focus()");
    reader.wait(shown);
    let same =
        "document.activeElement.dataset.tip === document.getElementById('term-tip').textContent
        && document.activeElement.getAttribute('aria-describedby') === 'term-tip'
        && document.getElementById('term-tip').getAttribute('role') === 'tooltip'";
    assert_eq!(reader.js(same), json!(true));
    reader.press("Escape");
    assert_eq!(reader.js(shown), json!(false));
    assert_eq!(reader.js("document.activeElement.matches('a.term')"), json!(true));
    reader.js("document.activeElement.blur()");

    // マウス: 乗ると出て、離れると消える。
    let over = |kind: &str, pointer: &str| {
        reader.js(&format!(
            "document.querySelectorAll('main a.term')[2].dispatchEvent(
                new PointerEvent('{kind}', {{ bubbles: true, pointerType: '{pointer}' }}))"
        ))
    };
    over("pointerover", "mouse");
    assert_eq!(reader.js(shown), json!(true));
    over("pointerout", "mouse");
    reader.wait(&format!("!({shown})"));

    // 指: 1 度目で説明、2 度目で用語集へ。
    let tap = "(() => {
        const term = document.querySelectorAll('main a.term')[2];
        term.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, pointerType: 'touch' }));
        const click = new MouseEvent('click', { bubbles: true, cancelable: true });
        document.addEventListener('click', event => { window.stays = event.defaultPrevented; event.preventDefault(); }, { once: true });
        term.dispatchEvent(click);
        return window.stays;
    })()";
    assert_eq!(reader.js(tap), json!(true));
    assert_eq!(reader.js(shown), json!(true));
    assert_eq!(reader.js(tap), json!(false));

    // 狭い画面でも、画面の中に収まる。
    let inside = "[...document.querySelectorAll('main a.term')].every(term => {
        term.focus();
        const box = document.getElementById('term-tip').getBoundingClientRect();
        return box.left >= 0 && box.right <= document.documentElement.clientWidth;
    })";
    assert_eq!(reader.js(inside), json!(true));
}
