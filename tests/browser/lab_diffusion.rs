//! 拡散モデルの台を、本当に動かす。

use serde_json::json;

use crate::lab::{assert_same_numbers, news, open, opened, press};
use crate::reader::{Reader, thorough};

/// 名前が `name` の選択肢かつまみを、`value` にする。
fn choose(reader: &Reader, name: &str, value: &str) {
    let chosen = reader.js(&format!(
        "(() => {{
           const label = [...box.querySelectorAll('label')].find((label) => label.textContent.startsWith({}));
           const input = label?.querySelector('input, select');
           if (!input) return false;
           if (input.type === 'checkbox') input.checked = {value} === 'true';
           else input.value = {value};
           input.dispatchEvent(new Event(input.type === 'range' ? 'input' : 'change'));
           return true;
         }})()",
        json!(name),
        value = json!(value),
    ));
    assert_eq!(chosen, true, "「{name}」がありません");
}

/// 頼みごとがすべて片付くまで待つ。
fn settle(reader: &Reader) {
    reader.js("(async () => { for (let i = 0; i < 5; i++) { await box.bench.queue; await new Promise((done) => setTimeout(done)); } return 0; })()");
}

#[test]
fn the_diffusion_in_the_page_trains_breaks_and_is_mended() {
    if !thorough() {
        return;
    }
    let Some(reader) = opened("ch07-diffusion/run.html", "diffusion") else { return };
    assert_same_numbers(&reader, "diffusion", 1);

    // 学習の前は、引いてもノイズのまま。
    press(&reader, "はじめから");
    reader.wait("box.bench.walk?.step === 0");
    settle(&reader);
    assert!(news(&reader).contains("まだ何も学んでいない"), "{}", news(&reader));
    // 配色を替えると、止まっていても描き直す。
    reader.js("window.painted = 0; window.paint = box.bench.plane.paint; box.bench.plane.paint = () => { painted += 1; }; document.documentElement.classList.add('another'); 0");
    reader.wait("painted === 1");
    reader.js(
        "box.bench.plane.paint = paint; document.documentElement.classList.remove('another'); 0",
    );
    // 見えているボタンで、学習が進む。
    press(&reader, "200 回");
    reader.wait("box.bench.step === 200 && box.bench.walk?.step === 200");
    settle(&reader);
    reader.js("box.bench.advance(box.bench.shape.steps * 3 / 4 - 200)");
    assert!(
        reader.is("box.bench.walk.modes === 8 && box.bench.walk.inside >= 0.9"),
        "{}",
        reader.text(".lab-readout")
    );
    assert!(news(&reader).contains("すべて覆っています"), "{}", news(&reader));
    assert_eq!(reader.count(".lab-done"), 1);

    // 「ノイズから作る」は、T から 0 まで続けて引く。試験のブラウザは動きを減らす設定なので、ボタンは無い。
    assert!(reader.is(
        "![...box.querySelectorAll('button')].some((b) => b.textContent === 'ノイズから作る')"
    ));
    reader.js("box.bench.roll(), 0");
    reader.wait("box.bench.rolling && box.bench.t > 50");
    reader.wait("!box.bench.rolling && box.bench.t === 0");
    assert!(news(&reader).contains("100 歩で作りました"), "{}", news(&reader));

    // 1 歩引くと、時刻が 1 つ減る。1 歩混ぜると、順過程に替わって 1 つ増える。
    choose(&reader, "時刻 t", "50");
    settle(&reader);
    press(&reader, "1 歩引く");
    reader.wait("box.bench.settings.t === 49");
    settle(&reader);
    assert!(news(&reader).contains("t = 50 から 49 へ: 当てたノイズを"), "{}", news(&reader));
    press(&reader, "1 歩混ぜる");
    reader.wait("box.bench.settings.t === 50 && box.bench.settings.way === 'forward'");
    settle(&reader);
    assert!(news(&reader).contains("t = 49 から 50 へ: 信号を減らし"), "{}", news(&reader));

    // 作り方だけを壊すと、理由つきで名前が出る。学習はそのまま。
    choose(&reader, "向き", "back");
    choose(&reader, "作り方と歩数", "5");
    reader.wait("box.bench.walk?.times.length === 6");
    settle(&reader);
    assert!(
        news(&reader).contains("山の外に散っています: 5 歩では、歩数が足りません"),
        "{}",
        news(&reader)
    );
    press(&reader, "壊す（新しいノイズ");
    reader.wait("box.bench.walk?.times.length === 101");
    settle(&reader);
    assert!(news(&reader).contains("新しいノイズを足していない"), "{}", news(&reader));
    assert!(reader.is("box.bench.walk.modes <= 6"), "{}", reader.text(".lab-readout"));
    press(&reader, "直す");
    reader.wait("box.bench.walk?.modes === 8");
    settle(&reader);
    assert_eq!(reader.count(".lab-done"), 2);
    assert!(reader.is("box.bench.step === box.bench.shape.steps * 3 / 4"));

    // 時刻を渡さないと、学び直しても散ったまま。
    press(&reader, "壊す（時刻");
    reader.wait("box.bench.walk?.step === 0");
    reader.js("box.bench.advance(box.bench.shape.steps / 2)");
    assert!(
        news(&reader).contains("山の外に散っています: 時刻を渡していない"),
        "{}",
        news(&reader)
    );
    press(&reader, "直す");
    reader.wait("box.bench.walk?.step === 0 && box.bench.settings.time");
}

#[test]
fn the_diffusion_in_the_page_makes_the_digit_that_is_asked_for() {
    if !thorough() {
        return;
    }
    let Some(reader) = opened("lab/index.html", "diffusion") else { return };
    choose(&reader, "データ", "digits");
    reader.wait("box.bench.digits && box.bench.walk?.read !== undefined");
    reader.js("box.bench.advance(box.bench.shape.steps * 2 / 3)");
    assert!(reader.is("box.bench.walk.read >= 14"), "{}", reader.text(".lab-readout"));
    // 条件を使わなければ、頼んだ数字は選べない。
    choose(&reader, "ガイダンスの強さ w", "0");
    reader.wait("box.bench.walk?.read < 8");
    settle(&reader);
    assert!(news(&reader).contains("条件を使っていない"), "{}", news(&reader));
    // 順過程: 本物と、混ぜた絵と、見積もり。
    choose(&reader, "向き", "forward");
    reader.wait("box.bench.mix");
    choose(&reader, "時刻 t", "0");
    reader.wait("box.bench.mix.clean.every((value, at) => value === box.bench.mix.mixed[at])");
    choose(&reader, "時刻 t", "100");
    reader.wait(
        "box.bench.mix.clean.some((value, at) => Math.abs(value - box.bench.mix.mixed[at]) > 0.5)",
    );
}

#[test]
fn points_drawn_by_the_reader_are_learned_in_the_page() {
    let Some(reader) = Reader::new() else { return };
    reader.phone();
    reader.open("lab/index.html");
    open(&reader, "diffusion");
    choose(&reader, "データ", "drawn");
    reader.wait("box.bench.shape === null");
    reader.click(".lab[data-lab=diffusion] .lab-plane");
    reader.wait("box.bench.drawn.length === 1");
    press(&reader, "例の形を置く");
    reader.wait("box.bench.drawn.length === 32");
    // 学習の途中で点を置かれても、止まらずに始め直せる。
    press(&reader, "10 回");
    press(&reader, "1 歩混ぜる");
    reader.js("box.bench.place([[0, 0]]); 0");
    settle(&reader);
    assert!(news(&reader).starts_with("点が 33 個"), "{}", news(&reader));
    press(&reader, "例の形を置く");
    press(&reader, "10 回");
    reader.wait("box.bench.step === 10 && box.bench.walk?.step === 10");
    assert!(
        reader.is("Number.isFinite(box.bench.walk.distance) && box.bench.walk.modes === undefined")
    );
    assert!(reader.is("document.documentElement.scrollWidth <= innerWidth"));
}

/// 分け合ったリンクは、設定を戻す。おかしな値のリンクは、選べる値に直す。
#[test]
fn a_shared_link_restores_the_diffusion_bench() {
    if !thorough() {
        return;
    }
    let Some(reader) = Reader::new() else { return };
    reader.open("ch07-diffusion/run.html#lab-diffusion?data=moons&steps=10&way=forward&t=70&w=3");
    reader.js("window.box = document.querySelector('.lab'); 0");
    reader.wait("box.bench?.mix");
    let settings = reader.js("box.bench.settings");
    for (name, value) in [("data", json!("moons")), ("steps", json!(10)), ("t", json!(70))] {
        assert_eq!(settings[name], value, "{name}");
    }
    assert_eq!(reader.js("box.bench.timer.querySelector('output').textContent"), "70");
    reader.open("ch03-gan/run.html");
    reader.open("ch07-diffusion/run.html#lab-diffusion?data=kitchen&way=up&steps=7&t=1000&w=9&digit=99&seed=1.5");
    reader.js("window.box = document.querySelector('.lab'); 0");
    reader.wait("box.bench?.walk");
    let settings = reader.js("box.bench.settings");
    for (name, value) in [
        ("data", json!("ring")),
        ("way", json!("back")),
        ("steps", json!(5)),
        ("t", json!(100)),
        ("w", json!(7)),
        ("digit", json!(9)),
        ("seed", json!(2)),
    ] {
        assert_eq!(settings[name], value, "{name}");
    }
}
