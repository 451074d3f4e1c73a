//! 実験室を動かす。ページの中の学習が、章のコードの学習と合うことも確かめる。

use serde_json::{Value, json};

use crate::reader::{Reader, thorough};

/// 台を開いた読者。
pub fn opened(page: &str, bench: &str) -> Option<Reader> {
    let reader = Reader::new()?;
    reader.open(page);
    open(&reader, bench);
    Some(reader)
}

pub fn open(reader: &Reader, bench: &str) {
    reader.js(&format!(
        "(window.box = document.querySelector('.lab[data-lab=\"{bench}\"]')).querySelector('.lab-open').click()"
    ));
    reader.wait(
        "box.bench || box.querySelector('.lab-note')?.textContent.startsWith('動かせませんでした')",
    );
    assert_eq!(reader.js("box.querySelector('.lab-note')?.textContent ?? null"), Value::Null);
}

/// 名前が `name` で始まるボタンを押す。
pub fn press(reader: &Reader, name: &str) {
    let pressed = reader.js(&format!(
        "(() => {{ const found = [...box.querySelectorAll('button')].find((b) => b.textContent.startsWith({}));
           found?.click(); return Boolean(found); }})()",
        json!(name)
    ));
    assert_eq!(pressed, true, "ボタン「{name}」がありません");
}

/// 台が知らせている文。
pub fn news(reader: &Reader) -> String {
    reader.js("box.querySelector('.lab-news').textContent").as_str().unwrap().to_owned()
}

/// 数の並びが、`tolerance` の割合まで等しい。
fn assert_near(name: &str, page: &Value, rust: &Value, tolerance: f64) {
    let list = |value: &Value| -> Vec<f64> { serde_json::from_value(value.clone()).unwrap() };
    let (page, rust) = (list(page), list(rust));
    assert_eq!(page.len(), rust.len());
    for (page, rust) in page.iter().zip(&rust) {
        let close = (page - rust).abs() <= tolerance * rust.abs().max(0.1);
        assert!(close, "{name}: ページ {page}、Rust {rust}");
    }
}

/// 300 回学習して、Rust の結果と比べる。
pub fn assert_same_numbers(reader: &Reader, bench: &str, width: usize) {
    assert_same_numbers_by(|expression| reader.js(expression), bench, width);
}

/// `js` でページの式を評価して、Rust の結果と比べる。
pub fn assert_same_numbers_by(mut js: impl FnMut(&str) -> Value, bench: &str, width: usize) {
    let checks = js(&format!("workbookLabModule.checks.{bench}"));
    let page = js(&format!(
        "(async () => {{
           await box.bench.ask('start', {{}});
           const {{ losses }} = await box.bench.ask('train', 300);
           const last = Array.from({{ length: {width} }}, (_, at) => {{
             let sum = 0;
             for (let step = 200; step < 300; step++) sum += losses[{width} * step + at];
             return sum / 100;
           }});
           return {{ first: [...losses.slice(0, 5 * {width})], last }};
         }})()"
    ));
    assert_near(bench, &page["first"], &checks["first"], 1e-3);
    assert_near(bench, &page["last"], &checks["last"], 0.1);
}

#[test]
fn the_gan_in_the_page_collapses_and_is_mended() {
    let Some(reader) = opened("ch03-gan/run.html", "gan") else { return };
    assert_same_numbers(&reader, "gan", 4);
    let view = reader.js("box.bench.ask('view', { grid: 10, extent: 1.6, samples: 400 })");
    assert_eq!(view["modes"], reader.js("workbookLabModule.checks.gan.modes"));

    // 1 つの番では、1 つのネットワークだけが動く。
    press(&reader, "はじめから");
    reader.wait("box.bench.view?.step === 0");
    reader.js("window.before = [...box.bench.view.samples]; 0");
    press(&reader, "識別器の番");
    reader.wait("box.querySelector('.lab-news').textContent.startsWith('識別器の番')");
    assert!(reader.is("before.every((value, at) => value === box.bench.view.samples[at])"));
    press(&reader, "生成器の番");
    reader.wait("box.querySelector('.lab-news').textContent.startsWith('生成器の番')");
    assert!(reader.is("before.some((value, at) => value !== box.bench.view.samples[at])"));

    // 壊すと、覆う山が減って、名前が出る。
    press(&reader, "壊す");
    reader.wait("box.bench.view?.step === 0 && box.bench.settings.lr_d === 2e-4");
    reader.js("box.bench.advance(1200)");
    reader.wait("box.querySelector('.lab-news').textContent.includes('モード崩壊')");
    assert!(reader.is("box.bench.view.modes <= 4"));
    // 直すと、山が戻る。
    press(&reader, "直す");
    reader.wait("box.bench.view?.step === 0 && box.bench.settings.pack === 2");
    reader.js("box.bench.advance(1200)");
    assert!(reader.is("box.bench.view.modes >= 7"), "{}", reader.text(".lab-readout"));
    assert!(reader.is("box.querySelectorAll('.lab-done').length >= 2"));
}

/// 数字でも学習でき、作った絵の種類を数えて見せる。点の台に戻れば、本の設定も戻る。
#[test]
fn the_gan_in_the_page_makes_digits() {
    let Some(reader) = opened("lab/index.html", "gan") else { return };
    reader.js("box.bench.choose('digits')");
    assert!(reader.is("box.bench.view.samples.length === 40 * 64"));
    reader.js("box.bench.advance(300)");
    assert!(reader.is("box.bench.view.kinds >= 1 && box.bench.view.step === 300"));
    let readout = reader.js("box.querySelector('.lab-readout').textContent");
    assert!(readout.as_str().unwrap().contains("10 種類のうち"), "{readout}");
    reader.js("box.bench.choose('ring')");
    assert!(reader.is("box.bench.settings.z === 2 && box.bench.view.modes !== undefined"));
}

#[test]
fn the_vae_in_the_page_draws_its_map_and_reads_a_letter() {
    let Some(reader) = opened("ch02-vae/run.html", "vae") else { return };
    assert_same_numbers(&reader, "vae", 3);
    reader.js("box.bench.restart()");
    // 学習の前に点を 1 つ打っても、課題はできない。
    reader.js("box.bench.drawn[100] = 1; box.bench.read()");
    assert!(reader.text(".lab-news").contains("まだ場所に意味はありません"));
    assert_eq!(reader.count(".lab-done"), 0);
    press(&reader, "書いた字を消す");
    assert_eq!(reader.text(".lab-news"), "");
    // 動きを減らす設定での「進める」。
    for step in [200, 400, 600] {
        press(&reader, "200 回");
        reader.wait(&format!("box.bench.map.step === {step}"));
    }
    reader.wait("box.querySelectorAll('.lab-done').length === 1");
    assert!(reader.is("box.bench.apart() >= 0.795"), "{}", reader.text(".lab-readout"));
    // テストデータの絵の代わりに、デコーダの描いた字を書き込む。
    reader.js("(async () => {
           const at = [...box.bench.map.labels].indexOf('い');
           const z = [box.bench.map.means[2 * at], box.bench.map.means[2 * at + 1]];
           box.bench.drawn.set((await box.bench.ask('decode', z)).pixels);
           await box.bench.read();
         })()");
    assert!(reader.text(".lab-news").contains("「い」のそば"), "{}", reader.text(".lab-news"));
    let ink = reader.js("box.bench.drawn.filter((value) => value > 0).length");
    assert_eq!(reader.count(".lab-done"), 2, "墨 {ink}");
    // 止まっているあいだに配色を替えても、描き直す。
    reader.js("window.before = box.bench.plane.toDataURL(); document.documentElement.classList.replace('light', 'navy'); 0");
    reader.wait("before !== box.bench.plane.toDataURL()");
}

/// 次元を増やしても、VAE は一部の次元しか使わない。地図は、よく使う 2 つの次元で描かれる。
#[test]
fn the_vae_in_the_page_leaves_dimensions_unused() {
    let Some(reader) = opened("ch02-vae/run.html", "vae") else { return };
    reader.js(
        "(async () => { await box.bench.change({ z_dim: 16 }); await box.bench.advance(500); })()",
    );
    let used = reader.js("box.bench.weight.filter((kl) => kl > 0.01).length").as_u64().unwrap();
    assert!((2..16).contains(&used), "{used}");
    assert!(reader.text(".lab-readout").contains(&format!("使われている次元は {used} / 16")));
    assert!(reader.text(".lab-news").contains("使われない次元"), "{}", reader.text(".lab-news"));
    // 地図の 2 つは、KL の大きいほうから数えて使われている次元である。
    assert!(reader.is("new Set(box.bench.axes).size === 2 && box.bench.axes.every((axis) => 2 * box.bench.weight[axis] >= [...box.bench.weight].sort((a, b) => b - a)[1])"));
    // 地図を押しても、書いた字を置いても、16 個の数の z で絵を作る。
    reader.js("box.bench.move(box.bench.lift([1, -1]))");
    assert!(reader.is(
        "box.bench.z.length === 16 && box.bench.z.filter((value) => value !== 0).length === 2"
    ));
    reader.js("(async () => {
           box.bench.drawn.set((await box.bench.ask('decode', box.bench.z)).pixels);
           await box.bench.read();
         })()");
    assert!(reader.is("box.bench.z.length === 16"));
    // 1 次元では、地図は 1 本の線になる。
    reader.js(
        "(async () => { await box.bench.change({ z_dim: 1 }); await box.bench.advance(20); })()",
    );
    assert!(
        reader.is("box.bench.map.means.length === 400 && box.bench.spot(box.bench.z)[1] === 0")
    );
}

/// 学習する台の「進める」は見えていて、押すと進み、もう 1 度押すと止まる。
#[test]
fn the_play_button_of_every_training_bench_is_in_sight_and_trains() {
    let Some(reader) = Reader::new() else { return };
    reader.open("lab/index.html");
    // 試験のブラウザは動きを減らす設定で、「進める」が「200 回」に替わる。ここでは、ふつうの設定にする。
    reader.js("window.matchMedia = () => ({ matches: false }); 0");
    for bench in ["gan", "vae", "diffusion"] {
        open(&reader, bench);
        assert!(reader.is("box.querySelector('.lab-play')?.checkVisibility() === true"), "{bench}");
        press(&reader, "進める");
        reader.wait("(box.bench.view ?? box.bench.map ?? box.bench).step > 0");
        press(&reader, "止める");
        assert!(reader.is("!box.bench.running"), "{bench}");
    }
}

/// 書き替えられたリンクの値は、選べる値に直してから始める。
#[test]
fn a_broken_link_opens_with_values_the_bench_can_take() {
    let Some(reader) = Reader::new() else { return };
    reader.open("lab/index.html");
    reader.js(
        "history.replaceState(null, '', '#lab-gan?data=zzz&k=-3&seed=1.5&loss=foo&z=7&lr_g='); 0",
    );
    open(&reader, "gan");
    reader.wait("box.bench.view?.step === 0");
    assert_eq!(
        reader.js("box.bench.settings"),
        json!({ "data": "ring", "lr_g": 1e-3, "lr_d": 2e-3, "k": 1, "loss": "non-saturating", "pack": 1, "z": 8, "seed": 2 })
    );
    reader.js("history.replaceState(null, '', '#lab-vae?beta=-5&autoencoder=zzz'); 0");
    open(&reader, "vae");
    assert!(reader.is("box.bench.settings.beta === 0 && box.bench.settings.autoencoder === false"));
}

/// 指では、置いただけでは値が変わらない。縦に送れば変わらず、横に引くか、その場で離せば変わる。
#[test]
fn a_thumb_that_scrolls_the_page_changes_nothing() {
    let Some(reader) = opened("lab/index.html", "coins") else { return };
    reader.js(
        "window.touch = (type, x, y) => {
           const svg = box.bench.picture, frame = svg.getBoundingClientRect();
           svg.setPointerCapture = () => {};
           svg.dispatchEvent(new PointerEvent(type, { pointerId: 9, pointerType: 'touch', clientX: frame.left + frame.width * 0.3 + x, clientY: frame.top + 60 + y }));
           return box.bench.settings.theta;
         };
         window.start = box.bench.settings.theta; 0",
    );
    assert!(
        reader.is("touch('pointerdown', 0, 0) === start && touch('pointermove', 2, 15) === start")
    );
    assert!(
        reader.is("touch('pointercancel', 2, 20) === start && touch('pointerup', 0, 0) === start")
    );
    assert!(
        reader.is("touch('pointerdown', 0, 0) === start && touch('pointerup', 0, 0) !== start")
    );
    reader.js("window.start = box.bench.settings.theta; 0");
    assert!(
        reader.is("touch('pointerdown', 60, 0) === start && touch('pointermove', 70, 0) > start")
    );
}

/// 数字に替えると操作が入れ替わる台も、読み上げと対比の規則を守る (ほかの台は lab_every)。
#[test]
fn benches_with_digits_keep_the_accessibility_rules_too() {
    if !thorough() {
        return;
    }
    let Some(reader) = Reader::new() else { return };
    reader.open("lab/index.html");
    for bench in ["gan", "diffusion"] {
        open(&reader, bench);
        reader.js("box.querySelector('details').open = true; box.bench.change({ data: 'digits' })");
    }
    assert_eq!(reader.violations_in(".lab.lab-ready", ""), json!([]));
}

#[test]
fn the_laboratory_weighs_nothing_until_it_is_opened() {
    let Some(reader) = Reader::watched(crate::reader::from_server) else { return };
    reader.open("lab/index.html");
    assert_eq!(reader.count("script[src*=\"lab/\"]"), 0);
    assert_eq!(reader.count(".lab-open"), reader.count(".lab"));
    open(&reader, "gan");
    reader.assert_quiet();
    // 狭い画面でも、はみ出さない。
    reader.phone();
    assert!(reader.is("document.documentElement.scrollWidth <= innerWidth"));
}
