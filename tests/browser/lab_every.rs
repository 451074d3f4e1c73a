//! 実験室のどの台にも共通の約束: 読み上げの規則、鍵盤、電話の幅、設定のリンク、要るものだけを読み込むこと。

use serde_json::{Value, json};

use crate::lab::{open, opened};
use crate::reader::{Reader, thorough};

const ROOM: &str = "lab/index.html";

/// 実験室のページにある台の名前。
fn benches(reader: &Reader) -> Vec<String> {
    let names = "[...document.querySelectorAll('.lab')].map((box) => box.dataset.lab)";
    serde_json::from_value(reader.js(names)).unwrap()
}

/// すべての台を開いた、実験室のページ。
fn everything_opened(reader: &Reader) {
    reader.open(ROOM);
    let names = benches(reader);
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        open(reader, &name);
    }
    reader.js("document.querySelectorAll('.lab details').forEach((part) => { part.open = true; })");
}

#[test]
fn every_opened_bench_keeps_the_accessibility_rules_in_light_and_dark() {
    if !thorough() {
        return;
    }
    let Some(reader) = Reader::online() else { return };
    everything_opened(&reader);
    for theme in ["light", "navy"] {
        reader.choose_theme(theme);
        assert_eq!(reader.violations_in(".lab", ""), json!([]), "{theme}");
        reader.assert_readable(".lab[data-formula]", 10, "式の台");
    }
}

#[test]
fn every_opened_bench_fits_a_phone() {
    if !thorough() {
        return;
    }
    let Some(reader) = Reader::new() else { return };
    reader.phone();
    everything_opened(&reader);
    assert_eq!(reader.overflow(), None);
    // 押す所は、指の幅より小さくない。
    let small = "[...document.querySelectorAll('.lab :is(button, select, input[type=range])')].filter((part) =>
        part.checkVisibility() && part.getBoundingClientRect().height < 28).map((part) => part.outerHTML.slice(0, 80))";
    assert_eq!(reader.js(small), json!([]));
}

/// マウスを使わずに、開いて、動かせる。矢印でページはめくられない。
#[test]
fn every_bench_works_by_keyboard_alone() {
    if !thorough() {
        return;
    }
    let Some(reader) = Reader::online() else { return };
    reader.open(ROOM);
    for name in benches(&reader) {
        reader.js(&format!(
            "(window.box = document.querySelector('.lab[data-lab=\"{name}\"]')).querySelector('.lab-open').focus()"
        ));
        reader.press("Enter");
        reader.wait("box.bench");
        if reader.is("box.querySelector('summary')") {
            reader.js("box.querySelector('summary').focus()");
            reader.press("Enter");
            reader.wait("box.querySelector('details').open");
        }
        reader.js("window.part = box.querySelector('.lab-controls :is(input[type=range], select)'); part.focus(); window.first = part.value; window.turned = 0; 0");
        reader.watch_page_turns();
        let (there, back) = if reader.is("part.value === (part.max ?? '')") {
            ("ArrowLeft", "ArrowRight")
        } else {
            ("ArrowRight", "ArrowLeft")
        };
        reader.press(if reader.is("part.matches('select')") { "ArrowDown" } else { there });
        reader.wait("part.value !== first");
        reader.press(if reader.is("part.matches('select')") { "ArrowUp" } else { back });
        reader.wait("part.value === first");
        assert!(!reader.page_turned(), "{name}: ページがめくられました");
    }
}

/// 送られたリンクを開くと、台がひとりでに開き、その設定になっている。
#[test]
fn a_shared_link_opens_the_bench_with_its_settings() {
    if !thorough() {
        return;
    }
    let Some(reader) = Reader::new() else { return };
    for (page, bench, changed) in [
        ("ch03-gan/run.html", "gan", json!({ "lr_d": 2e-4, "pack": 2 })),
        ("ch02-vae/run.html", "vae", json!({ "beta": 10 })),
        ("ch01-generative-models/theory.html", "coins", json!({ "heads": 3, "tails": 1 })),
        ("ch02-vae/theory.html", "cloud", json!({ "mu": -2, "sigma": 0.3 })),
        ("ch03-gan/theory.html", "hills", json!({ "real": 0.5, "mix": 0.25 })),
        ("ch04-dcgan/theory.html", "stamps", json!({ "kernel": 3, "size": 6, "row": 5 })),
        ("ch05-pix2pix/theory.html", "pixels", json!({ "way": "lottery", "a": 4 })),
        ("ch06-cyclegan/theory.html", "arrows", json!({ "g0": "1", "f2": "0" })),
    ] {
        reader.open(page);
        open(&reader, bench);
        let shown = "Object.values(box.bench.controls).map((control) => (control.querySelector('output, select') ?? {}).value ?? control.querySelector('input').checked)";
        let before = reader.js("({ ...box.bench.settings })");
        let plain = reader.js(shown);
        reader.js(&format!("(async () => {{ await box.bench.change({changed}); }})()"));
        let sent = reader.js("({ ...box.bench.settings })");
        assert_ne!(before, sent, "{bench}");
        let link = reader.js("box.bench.link()");
        let friend = reader.another();
        friend.visit(link.as_str().unwrap());
        friend.wait(&format!(
            "(window.box = document.querySelector('.lab[data-lab=\"{bench}\"]'))?.bench"
        ));
        assert_eq!(friend.js("({ ...box.bench.settings })"), sent, "{bench}");
        // つまみの見た目も、その値である。
        assert_ne!(friend.js(shown), plain, "{bench}");
        // 何も送らない: 設定は # の後ろにだけある。
        assert_eq!(friend.js("location.search"), "");
    }
    // 開いているページの番地に貼っても、その設定になる。
    reader.js("location.hash = '#lab-arrows?g0=2&g2=0'; 0");
    reader.wait(
        "(window.box = document.querySelector('.lab[data-lab=arrows]'))?.bench?.settings.g0 === '2'",
    );
    assert_eq!(reader.js("box.bench.settings.g2"), "0");
}

/// でたらめなリンクは、選べる値に直される。
#[test]
fn a_broken_link_falls_back_to_values_that_can_be_chosen() {
    let Some(reader) = Reader::new() else { return };
    reader.visit(&format!(
        "{}/ch03-gan/theory.html#lab-hills?real=1e9&fake=x&mix=0.333&nothing=1",
        crate::reader::from_files()
    ));
    reader.wait("(window.box = document.querySelector('.lab[data-lab=hills]'))?.bench");
    let settings = reader.js("box.bench.settings");
    assert_eq!(
        settings,
        json!({ "real": 4, "fake": -1, "spread_real": 1, "spread_fake": 1, "mix": 0.35 })
    );
    assert!(reader.is("Number.isFinite(box.bench.state.jsd)"));
    // 学習の台は、章のコードが断った理由を 1 文で言い、並べかけた台を残さない。
    let stranger = reader.another();
    stranger.visit(&format!("{}/ch03-gan/run.html#lab-gan?lr_g=7", crate::reader::from_files()));
    stranger
        .wait("document.querySelector('.lab-note').textContent.startsWith('動かせませんでした')");
    assert_eq!(stranger.js("document.querySelectorAll('.lab button').length"), 1);
}

/// リンクを写せないブラウザでは、番地の欄がリンクになる。
#[test]
fn the_share_button_says_where_the_link_is() {
    let Some(reader) = opened("ch02-vae/theory.html", "cloud") else { return };
    reader.js("Object.defineProperty(navigator, 'clipboard', { value: { writeText: () => Promise.reject(new Error()) } }); 0");
    crate::lab::press(&reader, "この設定のリンクを写す");
    reader.wait("location.hash.startsWith('#lab-cloud?mu=1&sigma=0.5')");
    assert!(reader.text(".lab-news").contains("番地の欄"));
}

/// 式の台は、WebAssembly の無いブラウザでも動き、学習の部屋を読み込まない。
#[test]
fn formula_benches_need_no_module() {
    let Some(reader) = Reader::watched(crate::reader::from_files) else { return };
    reader.run_before_pages("delete window.WebAssembly; delete window.Worker;");
    reader.open(ROOM);
    let formula =
        "[...document.querySelectorAll('.lab[data-formula]')].map((box) => box.dataset.lab)";
    let names: Vec<String> = serde_json::from_value(reader.js(formula)).unwrap();
    assert_eq!(names.len(), 6);
    for name in names {
        open(&reader, &name);
    }
    assert_eq!(reader.js("document.querySelectorAll('script[src*=module]').length"), 0);
    assert_eq!(reader.js("typeof window.workbookLabModule"), "undefined");
    // 学習の台は、動かせない理由を言う。
    assert_eq!(reader.js("document.querySelector('.lab[data-lab=gan] button')"), Value::Null);
    assert!(reader.text(".lab[data-lab=gan] .lab-note").contains("このブラウザでは"));
    reader.assert_quiet();
}

/// 台の読み込む量は、ページに書いたとおり。
#[test]
fn a_formula_bench_is_light() {
    let folder = crate::support::root().join("book/src/lab");
    let size = |name: &str| std::fs::metadata(folder.join(name)).unwrap().len();
    for name in ["coins", "cloud", "hills", "stamps", "pixels", "arrows"] {
        let total = size("bench.js") + size(&format!("{name}.js"));
        assert!(total < 60_000, "{name}: {total} バイト");
    }
}
