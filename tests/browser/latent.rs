//! 「潜在変数を動かす」図を動かす。ページの計算が、Rust のデコーダの答えと合うことも確かめる。

use serde_json::Value;

use crate::reader::Reader;
use crate::support::root;

const PAGE: &str = "ch02-vae/run.html";

/// 図の動作。
impl Reader {
    /// 図のあるページを開き、動くようになるまで待つ。
    pub fn explore(&self, page: &str) {
        self.open(page);
        self.wait("document.querySelector('.latent-explorer')?.explorer");
    }

    /// 図の性質。`explorer` は図、`box` はその要素。
    fn ask(&self, expression: &str) -> Value {
        self.js(&format!(
            "(() => {{ const box = document.querySelector('.latent-explorer');
               const explorer = box.explorer; return ({expression}) ?? null; }})()"
        ))
    }

    fn z(&self) -> [f64; 2] {
        serde_json::from_value(self.ask("explorer.z")).unwrap()
    }

    fn pixels(&self) -> Vec<f64> {
        serde_json::from_value(self.ask("explorer.pixels")).unwrap()
    }
}

/// Rust が書いたファイルから、モデルごとの (z, 画素) を取り出す。
fn checks() -> Vec<Vec<([f64; 2], Vec<f64>)>> {
    let path = root().join("book/src/figures/ch02-vae/latent.js");
    let text = std::fs::read_to_string(path).unwrap();
    let json = text.split_once("= ").unwrap().1.trim_end().trim_end_matches(';');
    let data: Value = serde_json::from_str(json).unwrap();
    let list = |value: &Value| value.as_array().unwrap().clone();
    list(&data["models"])
        .iter()
        .map(|model| {
            let check = |check: &Value| {
                let z = serde_json::from_value(check["z"].clone()).unwrap();
                (z, serde_json::from_value(check["pixels"].clone()).unwrap())
            };
            list(&model["checks"]).iter().map(check).collect()
        })
        .collect()
}

#[test]
fn the_page_computes_what_the_rust_decoder_computes() {
    let Some(reader) = Reader::new() else { return };
    reader.explore(PAGE);
    let models = checks();
    assert_eq!(models.len(), 2);
    for (index, checks) in models.iter().enumerate() {
        assert!(checks.len() >= 3);
        reader.ask(&format!("explorer.choose({index})"));
        for (z, expected) in checks {
            reader.ask(&format!("explorer.move([{}, {}])", z[0], z[1]));
            let pixels = reader.pixels();
            assert_eq!(pixels.len(), expected.len());
            for (page, rust) in pixels.iter().zip(expected) {
                assert!((page - rust).abs() < 0.01, "z = {z:?}: ページ {page}、Rust {rust}");
            }
            // 画面に塗った濃さも同じ (0 が黒、255 が白)。
            let painted: Vec<f64> = serde_json::from_value(reader.ask(
                "[...explorer.picture.getContext('2d').getImageData(0, 0, 16, 16).data]
                   .filter((_, i) => i % 4 === 0)",
            ))
            .unwrap();
            for (grey, ink) in painted.iter().zip(&pixels) {
                assert!((grey - 255. * (1. - ink)).abs() <= 1.);
            }
        }
    }
}

#[test]
fn arrow_keys_move_the_point_and_do_not_turn_the_page() {
    let Some(reader) = Reader::new() else { return };
    reader.explore(PAGE);
    reader.ask("explorer.plane.focus()");
    reader.press("Home");
    assert_eq!(reader.z(), [0., 0.]);
    let before = reader.pixels();
    for _ in 0..10 {
        reader.press("ArrowRight");
    }
    reader.press("ArrowUp");
    let [x, y] = reader.z();
    let extent = reader.ask("explorer.model.extent").as_f64().unwrap();
    assert!((x - extent / 5.).abs() < 1e-6 && (y - extent / 50.).abs() < 1e-6, "{x} {y}");
    assert_ne!(reader.pixels(), before);
    // 端まで行くと、そこで止まる。
    for _ in 0..60 {
        reader.press("ArrowLeft");
    }
    assert!((reader.z()[0] + extent).abs() < 1e-6);
    // ボタンの上で押しても、前後のページへは行かない。
    reader.watch_page_turns();
    reader.ask("explorer.buttons[1].focus()");
    for key in ["ArrowLeft", "ArrowRight", "s", "/"] {
        reader.press(key);
    }
    assert!(!reader.page_turned(), "ページがめくられました");
    assert!(reader.js("location.pathname").as_str().unwrap().ends_with(PAGE));
    assert_eq!(reader.js("document.activeElement.textContent"), "オートエンコーダ");
    reader.press("Enter");
    assert_eq!(reader.ask("explorer.model.name"), "オートエンコーダ");
}

#[test]
fn pressing_the_plane_moves_the_point_there() {
    let Some(reader) = Reader::new() else { return };
    reader.explore(PAGE);
    let frame = reader.ask(
        "(explorer.plane.scrollIntoView({ block: 'center', behavior: 'instant' }),
          (({ x, y, width, height }) => [x, y, width, height])(explorer.plane.getBoundingClientRect()))",
    );
    let [left, top, width, height]: [f64; 4] = serde_json::from_value(frame).unwrap();
    assert!((width - height).abs() < 1., "平面が正方形でない: {width} × {height}");
    let before = reader.pixels();
    // 左から 3/4、上から 1/8 の位置。
    reader.tab.click(left + width * 0.75, top + height * 0.125);
    let extent = reader.ask("explorer.model.extent").as_f64().unwrap();
    let [x, y] = reader.z();
    let near = |got: f64, share: f64| (got - extent * share).abs() < extent * 0.02;
    assert!(near(x, 0.5) && near(y, 0.75), "{x} {y}");
    assert_ne!(reader.pixels(), before);
    let readout = reader.ask("explorer.readout.textContent");
    assert!(readout.as_str().unwrap().starts_with("z = (1."), "{readout}");
}

#[test]
fn the_static_figure_stays_without_javascript() {
    let Some(reader) = Reader::new() else { return };
    let visible = "document.querySelector('.latent-explorer > figure')?.offsetHeight > 0";
    reader.explore(PAGE);
    assert_eq!(reader.js(visible), Value::Bool(false), "動く図と動かない図が両方見えています");
    reader.allow_scripts(false);
    reader.reload();
    assert!(reader.is("!document.querySelector('.latent-plane')"));
    assert_eq!(reader.js(visible), Value::Bool(true));
}

#[test]
fn the_weights_are_read_only_where_the_figure_is() {
    let Some(reader) = Reader::new() else { return };
    reader.open("ch02-vae/theory.html");
    assert_eq!(reader.js("typeof window.workbookLatent"), "undefined");
}
