//! 実験室の、学習を終えた生成器の台。読者の手順をなぞり、名前の付いた結果が出ることを確かめる。

use serde_json::json;

use crate::lab::{news, open, opened, press};
use crate::reader::{Reader, thorough};

/// 名前が `name` で始まるつまみか欄の値を変える。つまみは、目盛りの番号で変える。
fn turn(reader: &Reader, name: &str, value: &str) {
    let turned = reader.js(&format!(
        "(() => {{
           const label = [...box.querySelectorAll('label')].find((one) => one.textContent.startsWith({}));
           const input = label?.querySelector('input, select');
           if (!input) return false;
           input.value = {};
           input.dispatchEvent(new Event(input.tagName === 'SELECT' ? 'change' : 'input', {{ bubbles: true }}));
           return true;
         }})()",
        json!(name),
        json!(value)
    ));
    assert_eq!(turned, true, "つまみ「{name}」がありません");
    settled(reader);
}

/// 頼んだことが、すべて片付くまで待つ。
fn settled(reader: &Reader) {
    reader.js("(async () => { await box.bench.following; await box.bench.queue; await box.bench.following; return 0; })()");
}

fn done(reader: &Reader) -> u64 {
    reader.js("box.querySelectorAll('.lab-done').length").as_u64().unwrap()
}

#[test]
fn new_characters_are_drawn_walked_thickened_and_broken() {
    let Some(reader) = opened("ch04-dcgan/run.html", "dcgan") else { return };
    // 新しい字を引くと、字が替わる。
    reader.js("window.before = [...box.bench.z[0]]; 0");
    press(&reader, "新しい字を引く");
    reader.wait("before.some((value, at) => value !== box.bench.z[0][at])");
    settled(&reader);
    // 二つの字を選んで歩く。
    for cell in [5, 7] {
        reader.js(&format!("box.querySelectorAll('.lab-cell')[{cell}].click()"));
        settled(&reader);
    }
    reader.wait("box.bench.settings.from === 5 && box.bench.settings.to === 7 && box.querySelectorAll('.lab-cell')[7].classList.contains('lab-to')");
    settled(&reader);
    for step in 0..11 {
        turn(&reader, "2 字の間", &step.to_string());
    }
    assert_eq!(done(&reader), 1, "{}", reader.text(".lab-readout"));
    // 太さの向きへ動かす。
    press(&reader, "つまみを戻す");
    settled(&reader);
    turn(&reader, "太さの向き", "16");
    assert!(reader.is("box.bench.now.thickness > 0"));
    turn(&reader, "太さの向き", "8");
    // z を遠くへ延ばすと、起きたことに名前が付く。
    turn(&reader, "z を引き延ばす", "16");
    assert!(news(&reader).contains("くじからは出ない遠さ"), "{}", news(&reader));
    turn(&reader, "z を引き延ばす", "0");
    assert!(news(&reader).contains("0 に近すぎます"), "{}", news(&reader));
    assert_eq!(done(&reader), 3);
}

#[test]
fn a_scene_is_translated_and_comes_back_only_with_the_cycle() {
    let Some(reader) = opened("ch06-cyclegan/run.html", "cyclegan") else { return };
    reader.js("window.before = [...box.bench.view.input]; 0");
    turn(&reader, "日の位置", "1");
    assert!(reader.is("before.some((value, at) => value !== box.bench.view.input[at])"));
    // サイクル損失を外した学習は、戻れない。
    for (name, value) in
        [("山の位置", "4"), ("山の位置", "12"), ("山の高さ", "18"), ("日の高さ", "4")]
    {
        turn(&reader, name, value);
    }
    assert!(
        reader.is("box.bench.view.differences[2] > box.bench.view.differences[0]"),
        "{}",
        reader.js("box.bench.view.differences")
    );
    turn(&reader, "向き", "yx");
    assert!(
        done(&reader) >= 2,
        "{}",
        reader.js("[box.bench.view.differences, box.bench.view.likeness]")
    );
    assert!(news(&reader).contains("中身が失われました"), "{}", news(&reader));
    // 自分の写真は、縮めて訳し、本当のペアが分からないことを伝える。
    let photo = std::env::temp_dir().join(format!("lab-{}.png", std::process::id()));
    std::fs::copy("book/theme/favicon.png", &photo).unwrap();
    reader.choose_file(".lab-ready input[type=file]", &photo);
    reader.wait(
        "box.querySelector('.lab-readout').textContent.startsWith('本当のペアは分かりません')",
    );
    assert!(
        reader.is(
            "box.bench.photo.length === 3072 && box.bench.photo.every((v) => v >= -1 && v <= 1)"
        )
    );
    // 画像でないファイルは、1 文で断る。
    let other = photo.with_extension("jpg");
    std::fs::write(&other, "写真ではありません").unwrap();
    reader.choose_file(".lab-ready input[type=file]", &other);
    reader.wait("box.querySelector('.lab-news').textContent.includes('開けませんでした')");
    for file in [photo, other] {
        std::fs::remove_file(file).unwrap();
    }
    press(&reader, "場面に戻す");
    reader.wait("!box.bench.truthBox.hidden");
    settled(&reader);
}

/// 字を書く欄の、割合 (0〜1) で表した点を結ぶ 1 画を書く。
fn stroke(reader: &Reader, points: &[(f64, f64)]) {
    let points: Vec<[f64; 2]> = points.iter().map(|&(x, y)| [x, y]).collect();
    reader.js(&format!(
        "(() => {{
           const pad = box.querySelector('.lab-pad');
           pad.setPointerCapture = () => {{}};
           pad.hasPointerCapture = () => true;
           const frame = pad.getBoundingClientRect();
           {}.forEach(([x, y], at) => pad.dispatchEvent(new PointerEvent(at ? 'pointermove' : 'pointerdown', {{
             bubbles: true, pointerId: 1, clientX: frame.left + x * frame.width, clientY: frame.top + y * frame.height,
           }})));
         }})()",
        json!(points)
    ));
    settled(reader);
}

#[test]
fn a_written_character_becomes_mincho_and_a_cell_shows_what_it_sees() {
    let Some(reader) = opened("ch05-pix2pix/run.html", "pix2pix") else { return };
    // 取り置いた字では、L1 だけの出力がぼける。
    assert!(news(&reader).contains("ぼけています"), "{}", news(&reader));
    // 課題は、読者が字を選んでから。
    assert_eq!(done(&reader), 0);
    turn(&reader, "字", "1");
    assert_eq!(done(&reader), 1);
    // 点を打つだけでは、1 画と数えない。
    for x in [0.2, 0.5, 0.8] {
        stroke(&reader, &[(x, 0.5)]);
    }
    assert!(
        reader.is("box.bench.strokes === 0 && box.querySelector('option[value=real]').disabled")
    );
    press(&reader, "書いた字を消す");
    settled(&reader);
    // 「三」を書く。
    for y in [0.2, 0.5, 0.8] {
        stroke(&reader, &[(0.15, y), (0.5, y), (0.85, y)]);
    }
    assert!(reader.is("box.bench.own.filter((value) => value > 0.5).length > 150"));
    assert!(reader.is("box.bench.truthBox.hidden"));
    // 書いた線の所に、出力の墨がある。
    assert!(reader.is("box.bench.drawn[0].filter((value) => value > 0).length > 40"));
    // マップのマスを押すと、見ている範囲を伝える。
    reader.js("box.querySelector('canvas.lab-plane').focus()");
    for _ in 0..12 {
        reader.press("ArrowLeft");
    }
    let readout = reader.text(".lab-ready .lab-readout");
    assert!(readout.contains("左から 1 のマス") && readout.contains("画像の外"), "{readout}");
    assert_eq!(done(&reader), 3, "{readout}");
    press(&reader, "書いた字を消す");
    reader.wait("box.querySelector('.lab-news').textContent.includes('字を書いてください')");
    turn(&reader, "字", "2");
    assert!(reader.is("!box.bench.truthBox.hidden && box.bench.settings.glyph === 2"));
}

#[test]
fn a_shared_link_opens_the_bench_with_its_settings() {
    if !thorough() {
        return;
    }
    let Some(reader) = Reader::new() else { return };
    reader.open("ch06-cyclegan/run.html#lab-cyclegan?direction=yx&sun=0.21&top=5&scene=5");
    reader.wait("document.querySelector('.lab').bench?.view");
    reader.js("(window.box = document.querySelector('.lab')), 0");
    assert!(reader.is("box.bench.settings.direction === 'yx' && box.bench.settings.sun === 0.2"));
    assert!(reader.is("box.bench.settings.top === 1"));
    assert!(reader.is("box.bench.settings.scene === 5 && box.bench.settings.peak === 0.4"));
    // 使えない値の混ざったリンクでも、使える値で始まる。
    reader.open(
        "ch04-dcgan/run.html#lab-dcgan?step=99&from=-1&to=1.4&seed=-3&thick=1&axis0=9&length=1e9",
    );
    reader.wait("document.querySelector('.lab').bench?.now");
    reader.js("(window.box = document.querySelector('.lab')), 0");
    assert!(reader.is("box.bench.settings.step === 10 && box.bench.settings.from === 0"));
    assert!(reader.is("box.bench.settings.to === 1 && box.bench.settings.thick === 1"));
    assert!(reader.is("box.bench.settings.axis0 === 3 && box.bench.settings.length === 4"));
    assert_eq!(done(&reader), 0); // 動かすまで、課題はできない。
}

#[test]
fn the_generators_come_only_when_they_are_asked_for() {
    let Some(reader) = Reader::watched(crate::reader::from_server) else { return };
    reader.open("lab/index.html");
    assert_eq!(reader.count("script[src*=\"weights-\"]"), 0);
    open(&reader, "dcgan");
    let weights = "[...document.scripts].filter((one) => one.src.includes('weights-')).length";
    assert_eq!(reader.js(weights), 1);
    reader.assert_quiet();
}
