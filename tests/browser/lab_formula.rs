//! 式の台を動かす。ページの計算が、章の式の値 (と、Rust での数値積分) に合うことも確かめる。

use serde_json::{Value, json};

use crate::lab::{news, open, opened, press};
use crate::reader::Reader;

/// 名前が `name` のつまみか選ぶ欄を、`value` と書かれた所まで動かす。
fn set(reader: &Reader, name: &str, value: &str) {
    let found = reader.js(&format!(
        "(() => {{
           const label = [...box.querySelectorAll('label')].find((l) => l.querySelector('span').textContent === {name});
           const select = label?.querySelector('select');
           if (select) {{
             const option = [...select.options].find((o) => o.textContent === {value});
             if (!option) return false;
             select.value = option.value;
             select.dispatchEvent(new Event('change'));
             return true;
           }}
           const input = label?.querySelector('input');
           for (let at = 0; at <= Number(input?.max ?? -1); at++) {{
             input.value = at;
             input.dispatchEvent(new Event('input'));
             if (label.querySelector('output').textContent === {value}) return true;
           }}
           return false;
         }})()",
        name = json!(name),
        value = json!(value)
    ));
    assert_eq!(found, true, "「{name}」に {value} がありません");
}

fn state(reader: &Reader, key: &str) -> f64 {
    let value = reader.js(&format!("box.bench.state.{key}"));
    value.as_f64().unwrap_or_else(|| panic!("{key} が数ではありません: {value}"))
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} と {expected}");
}

/// できた課題の数。
fn done(reader: &Reader) -> u64 {
    reader.js("box.querySelectorAll('.lab-done').length").as_u64().unwrap()
}

// ---- 第3章: 二つの山 ----

fn normal(x: f64, mean: f64, spread: f64) -> f64 {
    (-0.5 * ((x - mean) / spread).powi(2)).exp() / (spread * (2. * std::f64::consts::PI).sqrt())
}

/// 二つの密度の V(D*, G) と JSD。章の試験 (`value_at_optimum_is_minus_log4_plus_2jsd`) と同じ式を、積分で計算する。
fn optimum(p: impl Fn(f64) -> f64, q: impl Fn(f64) -> f64) -> [f64; 2] {
    let step = 0.001;
    let mut sums = [0., 0.];
    for at in -20_000..=20_000 {
        let x = f64::from(at) * step;
        let (p, q) = (p(x), q(x));
        let term = |share: f64, of: f64| if share == 0. { 0. } else { share * (share / of).ln() };
        sums[0] += step * (term(p, p + q) + term(q, p + q));
        sums[1] += step * (term(p, (p + q) / 2.) + term(q, (p + q) / 2.)) / 2.;
    }
    sums
}

#[test]
fn the_hills_follow_the_optimal_discriminator() {
    let Some(reader) = opened("ch03-gan/theory.html", "hills") else { return };
    let log2 = 2f64.ln();
    // はじめは、本の図と同じ、平均 1 と −1。D*(x) = σ(2x)。
    let [v, gap] = optimum(|x| normal(x, 1., 1.), |x| normal(x, -1., 1.));
    assert_close(state(&reader, "value"), v, 1e-6);
    assert_close(state(&reader, "jsd"), gap, 1e-6);
    for x in [-1f64, 0., 1.] {
        let d = 1. / (1. + (-2. * x).exp());
        assert_close(state(&reader, &format!("best({x})")), d, 1e-9);
    }
    assert_close(v, -2. * log2 + 2. * gap, 1e-6);
    // 混ぜると、密度も混ざる。
    set(&reader, "偽物に混ざる本物", "25 %");
    set(&reader, "偽物の広がり σ", "0.5");
    let mixed = |x: f64| 0.75 * normal(x, -1., 0.5) + 0.25 * normal(x, 1., 1.);
    let [v, gap] = optimum(|x| normal(x, 1., 1.), mixed);
    assert_close(state(&reader, "value"), v, 1e-6);
    assert_close(state(&reader, "jsd"), gap, 1e-6);
    press(&reader, "はじめの設定に戻す");
    assert_eq!(done(&reader), 0);
    // 重ねると、JSD は 0、D* はどこでも 1/2。
    set(&reader, "偽物の中心", "1.0");
    assert_close(state(&reader, "jsd"), 0., 1e-9);
    assert_close(state(&reader, "value"), -2. * log2, 1e-9);
    for x in [-5., 0.3, 5.] {
        assert_close(state(&reader, &format!("best({x})")), 0.5, 1e-9);
    }
    assert!(news(&reader).contains("D* はどこでも 1/2"), "{}", news(&reader));
    assert!(news(&reader).contains("課題 1 ができました"), "{}", news(&reader));
    // 同じ中心で、広がりだけが違っても、JSD は 0 ではない。
    set(&reader, "偽物の広がり σ", "2.5");
    assert!(state(&reader, "jsd") > 0.1 && done(&reader) == 2, "{}", news(&reader));
    // 離すと、log 2 で頭打ちになる。
    press(&reader, "はじめの設定に戻す");
    set(&reader, "本物の中心", "4.0");
    set(&reader, "偽物の中心", "−4.0");
    assert!(news(&reader).contains("log 2 で頭打ち"), "{}", news(&reader));
    let near = state(&reader, "jsd");
    for hill in ["本物", "偽物"] {
        set(&reader, &format!("{hill}の広がり σ"), "0.3");
    }
    assert_close(state(&reader, "jsd"), log2, 1e-9);
    assert!(near < log2 && log2 - near < 0.01);
    assert_eq!(done(&reader), 3);
}

/// 山は、つかんで動かせる。
#[test]
fn a_hill_is_dragged_by_the_mouse() {
    let Some(reader) = opened("ch03-gan/theory.html", "hills") else { return };
    let spot = |x: f64| -> [f64; 2] {
        let at = reader.js(&format!(
            "(() => {{
               box.bench.picture.scrollIntoView({{ block: 'center', behavior: 'instant' }});
               const frame = box.bench.picture.getBoundingClientRect();
               return [frame.x + box.bench.plane.px({x}) / 360 * frame.width, frame.y + frame.height / 4];
             }})()"
        ));
        serde_json::from_value(at).unwrap()
    };
    let ([from_x, y], [to_x, _]) = (spot(-1.), spot(-3.));
    let send = |kind: &str, x: f64| {
        let params = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1 });
        reader.tab.call("Input.dispatchMouseEvent", params);
    };
    send("mousePressed", from_x);
    send("mouseMoved", (from_x + to_x) / 2.);
    send("mouseMoved", to_x);
    send("mouseReleased", to_x);
    send("mouseMoved", from_x); // 放したあとは、ついて来ない。
    assert_close(reader.js("box.bench.settings.fake").as_f64().unwrap(), -3., 0.11);
    assert_eq!(reader.js("box.bench.settings.real"), json!(1));
    let shown = "box.bench.controls.fake.querySelector('output').textContent";
    assert!(reader.js(shown).as_str().unwrap().starts_with('−'));
}

// ---- 第2章: 雲の KL ----

#[test]
fn the_cloud_measures_the_kl_of_the_book() {
    let Some(reader) = opened("ch02-vae/theory.html", "cloud") else { return };
    let (mean, spread) = ("平均 μ（中心）", "標準偏差 σ（広がり）");
    // 理論のページの表と手計算 (第2章の試験 `kl_matches_numerical_integration` が式を確かめている)。
    for (mu, sigma, kl, tolerance) in [
        ("1.0", "0.5", 0.818, 5e-4),
        ("1.0", "1.0", 0.5, 1e-12),
        ("0.0", "0.5", 0.3181, 5e-4),
        ("0.0", "2.0", 0.807, 5e-4),
        ("0.0", "0.1", 1.808, 5e-4),
        ("2.0", "1.0", 2., 1e-12),
        ("0.0", "1.0", 0., 1e-12),
    ] {
        set(&reader, mean, mu);
        set(&reader, spread, sigma);
        assert_close(state(&reader, "kl"), kl, tolerance);
        let shown = reader.js("box.querySelector('.lab-readout').textContent");
        assert!(shown.as_str().unwrap().ends_with(&format!("= {kl:.3}")), "{shown}");
        match (mu, sigma) {
            ("0.0", "0.1") => assert!(news(&reader).contains("KL が引き留め")),
            ("0.0", "2.0") => assert!(news(&reader).contains("広がりすぎ")),
            ("2.0", "1.0") => assert!(news(&reader).contains("中心のずれ")),
            ("0.0", "1.0") => assert!(news(&reader).contains("標準の雲そのもの")),
            _ => {}
        }
    }
    assert_eq!(done(&reader), 3);
    // 式の値は、積分で計算した KL と等しい。
    set(&reader, mean, "−1.5");
    set(&reader, spread, "0.7");
    let step = 0.001;
    let kl: f64 = (-10_000..=10_000)
        .map(|at| f64::from(at) * step)
        .map(|z| (normal(z, -1.5, 0.7), normal(z, 0., 1.)))
        .map(|(q, p)| if q == 0. { 0. } else { step * q * (q / p).ln() })
        .sum();
    assert_close(state(&reader, "kl"), kl, 1e-6);
}

// ---- 第1章: 硬貨 ----

#[test]
fn the_coin_is_most_likely_at_the_frequency() {
    let Some(reader) = opened("ch01-generative-models/theory.html", "coins") else { return };
    let theta = "硬貨 A の θ";
    for (value, log) in
        [("0.50", -6.931), ("0.60", -6.325), ("0.80", -6.390), ("0.90", -7.645), ("0.70", -6.109)]
    {
        set(&reader, theta, value);
        assert_close(state(&reader, "log"), log, 5e-4);
    }
    assert!(news(&reader).contains("表の割合 7/10"), "{}", news(&reader));
    assert_eq!(done(&reader), 1);
    // 硬貨 B は 0.9 のまま。0.5 の硬貨なら、その 2.04 倍このデータが出やすい。
    assert_close(state(&reader, "other"), -7.645, 5e-4);
    assert_close(state(&reader, "apart"), 7.645 - 6.109, 1e-3);
    set(&reader, theta, "0.50");
    assert!(reader.text(".lab-readout").contains("A の硬貨のほうが 2.04 倍出やすい"));
    set(&reader, "硬貨 B の θ", "0.50");
    assert!(reader.text(".lab-readout").contains("同じです"));
    set(&reader, "硬貨 B の θ", "1.00");
    assert!(reader.text(".lab-readout").contains("B の硬貨では、このデータは決して出ません"));
    set(&reader, "硬貨 B の θ", "0.90");
    set(&reader, theta, "0.70");
    press(&reader, "10 倍の回数を投げる");
    assert_eq!(reader.js("box.bench.settings.heads"), json!(70));
    assert_close(state(&reader, "log"), -61.086, 5e-4);
    // A (0.7) と B (0.9) の対数尤度の差も、10 倍になる。
    assert_close(state(&reader, "apart"), 15.366, 5e-4);
    assert_eq!(done(&reader), 2);
    press(&reader, "10 倍の回数を投げる");
    assert!(news(&reader).contains("これより多くは"));
    // 表だけなら、「必ず表」が最尤推定の答えになる。
    press(&reader, "はじめの設定に戻す");
    set(&reader, "裏の出た回数", "0 回");
    set(&reader, theta, "0.00");
    assert!(news(&reader).contains("−∞"), "{}", news(&reader));
    set(&reader, theta, "1.00");
    assert!(news(&reader).contains("過学習"), "{}", news(&reader));
    assert_eq!(state(&reader, "log"), 0.);
    assert_eq!(done(&reader), 3);
    set(&reader, "表の出た回数", "0 回");
    assert!(news(&reader).contains("選べません"));
}

// ---- 第4章: はんこ ----

#[test]
fn the_stamps_overlap_as_the_chapter_counts() {
    let Some(reader) = opened("ch04-dcgan/theory.html", "stamps") else { return };
    // 第4章の試験 `kernel_three_overlaps_unevenly_and_kernel_four_evenly` と同じ数 (ストライド 2)。
    for (kernel, counts) in
        [("2", json!([1])), ("3", json!([1, 2, 4])), ("4", json!([4])), ("5", json!([4, 6, 9]))]
    {
        set(&reader, "カーネル k", kernel);
        assert_eq!(reader.js("box.bench.state.counts"), counts, "カーネル {kernel}");
        let uneven = counts.as_array().unwrap().len() > 1;
        assert_eq!(news(&reader).contains("市松模様"), uneven, "{}", news(&reader));
    }
    // 絵の中の数も、縁から離れた所では同じ。
    set(&reader, "入力の大きさ H", "6");
    set(&reader, "カーネル k", "3");
    set(&reader, "パディング p", "0");
    let numbers = reader.js(
        "[...box.querySelectorAll('.lab-drawing .lab-count')].map((t) => Number(t.textContent))",
    );
    let numbers: Vec<u64> = serde_json::from_value(numbers).unwrap();
    assert_eq!(numbers.len(), 13 * 13);
    let line: Vec<u64> = (0..13).map(|x| numbers[6 * 13 + x]).collect();
    assert_eq!(line, [2, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 2]);
    // 大きさの式: 4 → 8、カーネル 2 でも 2 倍。
    press(&reader, "はじめの設定に戻す");
    assert_eq!(state(&reader, "output"), 8.);
    set(&reader, "カーネル k", "2");
    set(&reader, "パディング p", "0");
    assert_eq!(state(&reader, "output"), 8.);
    set(&reader, "ストライド s", "3");
    assert!(news(&reader).contains("届かない所"), "{}", news(&reader));
    assert_eq!(reader.js("box.bench.state.counts"), json!([0, 1]));
    assert_eq!(done(&reader), 3);
    // 入力が小さいと、内側が無い。出力の無くなるパディングには、できない。
    press(&reader, "はじめの設定に戻す");
    set(&reader, "入力の大きさ H", "3");
    set(&reader, "ストライド s", "1");
    set(&reader, "カーネル k", "5");
    assert!(reader.text(".lab-readout").contains("内側がありません"));
    set(&reader, "パディング p", "2");
    set(&reader, "カーネル k", "2");
    assert_eq!(reader.js("box.bench.settings.padding"), json!(1));
    assert_eq!(state(&reader, "output"), 2.);
    // マスを押すと、そのはんこになる。小さくすると、はみ出したはんこは内へ戻る。
    press(&reader, "はじめの設定に戻す");
    let spot = reader.js(
        "(() => {
           box.bench.picture.scrollIntoView({ block: 'center', behavior: 'instant' });
           const frame = box.bench.picture.getBoundingClientRect();
           const { left, top, unit } = box.bench.input;
           return [frame.x + (left + 3.5 * unit) * frame.width / 360, frame.y + (top + 2.5 * unit) * frame.width / 360];
         })()",
    );
    let (x, y) = serde_json::from_value(spot).unwrap();
    reader.tab.click(x, y);
    assert_eq!(reader.js("[box.bench.settings.row, box.bench.settings.column]"), json!([2, 3]));
    set(&reader, "入力の大きさ H", "3");
    assert_eq!(reader.js("[box.bench.settings.row, box.bench.settings.column]"), json!([2, 2]));
}

// ---- 第5章: 三つの画素 ----

#[test]
fn three_rulers_choose_three_answers() {
    let Some(reader) = opened("ch05-pix2pix/theory.html", "pixels") else { return };
    let paint = |values: [&str; 3]| {
        for (at, value) in values.iter().enumerate() {
            set(&reader, &format!("画素 {} の濃さ", at + 1), value);
        }
    };
    // 理論のページの表: 答え、L1、二乗誤差、最良の識別器の答え。
    let check = |l1: f64, squared: f64, judged: f64| {
        assert_close(state(&reader, "marks.l1"), l1, 1e-9);
        assert_close(state(&reader, "marks.squared"), squared, 1e-9);
        assert_close(state(&reader, "marks.judged"), judged, 1e-9);
    };
    paint(["0.33"; 3]);
    check(4. / 3., 2. / 3., 0.);
    assert!(news(&reader).contains("平均") && done(&reader) == 1, "{}", news(&reader));
    press(&reader, "白紙にする");
    check(1., 1., 0.);
    assert!(news(&reader).contains("中央値") && done(&reader) == 2, "{}", news(&reader));
    paint(["0.00", "1.00", "0.00"]);
    check(4. / 3., 4. / 3., 0.25);
    assert!(news(&reader).contains("二重に減点") && done(&reader) == 3, "{}", news(&reader));
    set(&reader, "答え方", "毎回くじで、正解のどれか");
    check(4. / 3., 4. / 3., 0.5);
    // 濃さを動かすと、くじをやめて、その答えに決まる。どんな答えも、いちばん良い点には勝てない。
    set(&reader, "画素 1 の濃さ", "0.50");
    assert_eq!(reader.js("box.bench.settings.way"), "one");
    for data in ["細い線（どこか 1 画素）", "輪郭（どこから黒いか）"] {
        set(&reader, "正解", data);
        for shade in ["0.00", "0.25", "0.50", "0.75", "1.00"] {
            paint([shade, "0.50", "0.33"]);
            assert!(state(&reader, "marks.l1") >= state(&reader, "best.l1") - 1e-9);
            assert!(state(&reader, "marks.squared") >= state(&reader, "best.squared") - 1e-9);
        }
    }
    // 輪郭では、中央値は正解の一つで、くっきりしている。
    paint(["0.00", "1.00", "1.00"]);
    assert!(news(&reader).contains("輪郭では"), "{}", news(&reader));
    assert_close(state(&reader, "marks.l1"), state(&reader, "best.l1"), 1e-9);
    assert_close(state(&reader, "marks.judged"), 0.25, 1e-9);
}

// ---- 第6章: 矢印 ----

#[test]
fn no_loss_sees_a_permutation_that_comes_back() {
    let Some(reader) = opened("ch06-cyclegan/theory.html", "arrows") else { return };
    let connect = |g: [usize; 3], f: [usize; 3]| {
        for (name, to) in [("G", g), ("F", f)] {
            for (place, to) in ["左", "真ん中", "右"].iter().zip(to) {
                set(&reader, &format!("{name}: 「{place}」の行き先"), ["左", "真ん中", "右"][to]);
            }
        }
    };
    let losses = || (state(&reader, "adversarial"), state(&reader, "cycle"));
    assert!(news(&reader).contains("正しい対応"));
    // すべての G と F について、Rust の計算と比べる。
    let all: Vec<[usize; 3]> = (0..27).map(|n| [n / 9, n / 3 % 3, n % 3]).collect();
    let jsd = |answers: [usize; 3]| -> f64 {
        (0..3)
            .map(|at| answers.iter().filter(|to| **to == at).count() as f64 / 3.)
            .map(|share| {
                let middle = (share + 1. / 3.) / 2.;
                let term = |p: f64| if p == 0. { 0. } else { p * (p / middle).ln() / 2. };
                term(share) + term(1. / 3.)
            })
            .sum()
    };
    let lost = |go: [usize; 3], back: [usize; 3]| {
        (0..3).filter(|from| back[go[*from]] != *from).count() as f64 / 3.
    };
    let page = reader.js(&format!(
        "{}.map(([g, f]) => {{
           const settings = {{}};
           [0, 1, 2].forEach((at) => {{ settings['g' + at] = String(g[at]); settings['f' + at] = String(f[at]); }});
           const {{ adversarial, cycle }} = box.bench.compute(settings);
           return [adversarial, cycle];
         }})",
        json!(all.iter().flat_map(|g| all.iter().map(move |f| (g, f))).collect::<Vec<_>>())
    ));
    let page: Vec<[f64; 2]> = serde_json::from_value(page).unwrap();
    let mut silent = 0;
    for (index, [adversarial, cycle]) in page.iter().enumerate() {
        let (g, f) = (all[index / 27], all[index % 27]);
        assert_close(*adversarial, jsd(g) + jsd(f), 1e-9);
        assert_close(*cycle, lost(g, f) + lost(f, g), 1e-9);
        silent += usize::from(*adversarial < 1e-9 && *cycle < 1e-9);
    }
    assert_eq!(silent, 6); // 3! 通り。正しいのは、そのうちの 1 通り。

    // サイクルだけが気付く入れ替わり。
    connect([1, 0, 2], [0, 1, 2]);
    assert!(losses().0 < 1e-9 && losses().1 > 0., "{:?}", losses());
    assert!(news(&reader).contains("サイクルの損失が気付きます"), "{}", news(&reader));
    // どちらも気付かない入れ替わり。
    connect([1, 2, 0], [2, 0, 1]);
    assert_eq!(state(&reader, "right"), 0.);
    assert!(losses().0 < 1e-9 && losses().1 == 0., "{:?}", losses());
    assert!(news(&reader).starts_with("入れ替わり"), "{}", news(&reader));
    // つぶすと、両方が気付く。
    connect([0, 0, 0], [0, 1, 2]);
    assert!(losses().0 > 0.1 && losses().1 > 0.5, "{:?}", losses());
    assert!(news(&reader).contains("モード崩壊"), "{}", news(&reader));
    assert_eq!(done(&reader), 3);
    // 第6章の「左だけ」と同じ計算: 3 枚では、左の絵に 1/4、ほかの絵に 1。
    assert_eq!(reader.js("box.bench.state.judged"), json!([0.25, 1, 1]));
}

/// 矢印は、絵をつかんでつなぎ替えられる。
#[test]
fn an_arrow_is_pulled_to_another_picture() {
    let Some(reader) = Reader::new() else { return };
    reader.open("ch06-cyclegan/theory.html");
    open(&reader, "arrows");
    let frame = reader
        .js("(box.bench.picture.scrollIntoView({ block: 'center', behavior: 'instant' }),
          (({ x, y, width }) => [x, y, width / 360])(box.bench.picture.getBoundingClientRect()))");
    let [left, top, scale]: [f64; 3] = serde_json::from_value(frame).unwrap();
    let send = |kind: &str, x: f64, y: f64| {
        let params = json!({
            "type": kind, "x": left + x * scale, "y": top + y * scale, "button": "left", "buttons": 1, "clickCount": 1,
        });
        reader.tab.call("Input.dispatchMouseEvent", params);
    };
    send("mousePressed", 96., 26.);
    send("mouseMoved", 120., 90.);
    send("mouseReleased", 304., 156.);
    assert_eq!(reader.js("box.bench.settings.g0"), "2");
    assert_eq!(reader.js("box.bench.controls.g0.querySelector('select').value"), "2");
    // 指で引いても、同じようにつながる。
    reader.tab.call("Emulation.setTouchEmulationEnabled", json!({ "enabled": true }));
    let touch = |kind: &str, points: &[[f64; 2]]| {
        let points: Vec<Value> = points
            .iter()
            .map(|[x, y]| json!({ "x": left + x * scale, "y": top + y * scale }))
            .collect();
        let params = json!({ "type": kind, "touchPoints": points });
        reader.tab.call("Input.dispatchTouchEvent", params);
    };
    touch("touchStart", &[[304., 26.]]);
    for y in [50., 80., 110., 150.] {
        touch("touchMove", &[[200. + (150. - y), y]]);
    }
    touch("touchEnd", &[]);
    assert_eq!(reader.js("box.bench.settings.g2"), "1");
    reader.tab.call("Emulation.setTouchEmulationEnabled", json!({ "enabled": false }));
    // 下の段に届かなければ、つなぎ替わらない。
    send("mousePressed", 200., 156.);
    send("mouseMoved", 200., 190.);
    send("mouseReleased", 96., 210.);
    assert_eq!(reader.js("box.bench.settings.f1"), Value::from("1"));
}
