//! 埋め込んだフォントと、字を画像にする関数。

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::glyphs::{self, Font, HIRAGANA, Placement, rasterise};
use common::seed::Seed;

/// 墨の割合 (0 = 真っ白、1 = 真っ黒)。
fn ink(image: &[f32]) -> f32 {
    image.iter().map(|v| (v + 1.) / 2.).sum::<f32>() / image.len() as f32
}

/// 縁から `margin` 画素の内側に墨がないか。
fn frame_is_clear(image: &[f32], size: usize, margin: usize) -> bool {
    let near = |k: usize| k < margin || k >= size - margin;
    (0..size * size).all(|k| !near(k % size) && !near(k / size) || image[k] == -1.)
}

/// 墨の重心 (x, y)。枠の一辺を 1 とする。
fn center_of_ink(image: &[f32], size: usize) -> (f32, f32) {
    let (mut x, mut y, mut total) = (0., 0., 0.);
    for (k, v) in image.iter().enumerate() {
        let weight = (v + 1.) / 2.;
        x += weight * ((k % size) as f32 + 0.5);
        y += weight * ((k / size) as f32 + 0.5);
        total += weight;
    }
    (x / total / size as f32, y / total / size as f32)
}

#[test]
fn every_font_has_the_promised_characters() {
    let kanji = glyphs::kyoiku_kanji();
    assert_eq!(kanji.len(), 1026);
    assert_eq!(HIRAGANA.chars().count(), 46);
    let fonts = glyphs::hiragana_fonts().unwrap();
    assert_eq!(fonts.len(), 24);
    for font in &fonts {
        for c in HIRAGANA.chars() {
            assert!(font.has(c), "{} に {c} がない", font.name());
        }
    }
    for font in glyphs::kanji_pair().unwrap() {
        for &c in &kanji {
            assert!(font.has(c), "{} に {c} がない", font.name());
        }
    }
}

#[test]
fn glyphs_lie_inside_the_frame_with_plausible_ink() {
    let kana = HIRAGANA.chars().collect::<Vec<_>>();
    let kanji = glyphs::kyoiku_kanji();
    let fonts = glyphs::hiragana_fonts().unwrap();
    let pair = glyphs::kanji_pair().unwrap();
    let all = fonts.iter().map(|f| (f, &kana)).chain(pair.iter().map(|f| (f, &kanji)));
    for (font, characters) in all {
        for &c in characters {
            let image = rasterise(font, c, 32, &Placement::default()).unwrap();
            let label = format!("{} {c}", font.name());
            assert_eq!(image.len(), 32 * 32);
            assert!(image.iter().all(|v| (-1. ..=1.).contains(v)), "{label}");
            assert!((0.015..0.60).contains(&ink(&image)), "{label} {}", ink(&image));
            assert!(frame_is_clear(&image, 32, 0), "{label} が枠に触れる");
        }
    }
}

#[test]
fn every_embedded_glyph_differs_from_the_others() {
    // 切り詰めるときに字を取り違えたり、欠けた字の箱が混ざったりすれば、同じ画像が現れる。
    for font in glyphs::hiragana_fonts().unwrap() {
        let mut seen = BTreeMap::new();
        for c in HIRAGANA.chars() {
            let image = rasterise(&font, c, 32, &Placement::default()).unwrap();
            let bits: Vec<u32> = image.iter().map(|v| v.to_bits()).collect();
            if let Some(twin) = seen.insert(bits, c) {
                panic!("{} の {c} と {twin} が同じ", font.name());
            }
        }
    }
}

#[test]
fn a_glyph_is_centred_on_its_body_not_on_its_ink() {
    let [gothic, _] = glyphs::kanji_pair().unwrap();
    // 「十」の墨は仮想ボディの中央にあり、「。」の墨は左下にある。
    let image = rasterise(&gothic, '十', 64, &Placement::default()).unwrap();
    let (x, y) = center_of_ink(&image, 64);
    assert!((x - 0.5).abs() < 0.02 && (y - 0.5).abs() < 0.05, "{x} {y}");
    let plot = Font::embedded("plot").unwrap();
    let image = rasterise(&plot, '。', 64, &Placement::default()).unwrap();
    let (x, y) = center_of_ink(&image, 64);
    assert!(x < 0.3 && y > 0.7, "「。」は左下にあるはず: {x} {y}");
}

#[test]
fn placement_moves_scales_and_slants() {
    let [gothic, _] = glyphs::kanji_pair().unwrap();
    let base = Placement { scale: 0.5, ..Placement::default() };
    let draw = |p: Placement| rasterise(&gothic, '日', 64, &p).unwrap();
    let (x, y) = center_of_ink(&draw(base), 64);

    // 画素の整数倍だけ動かせば、重心も正確にその分だけ動く。
    let shift = [8. / 64., -4. / 64.];
    let (moved_x, moved_y) = center_of_ink(&draw(Placement { shift, ..base }), 64);
    assert!((moved_x - x - 0.125).abs() < 1e-3 && (moved_y - y + 0.0625).abs() < 1e-3);

    // 一辺を 1.5 倍にすれば、墨は 2.25 倍になる。
    let grown = ink(&draw(Placement { scale: 0.75, ..base })) / ink(&draw(base));
    assert!((grown - 2.25).abs() < 0.02, "{grown}");

    // 傾けても墨の量は変わらず、上半分が右へ、下半分が左へ寄る。
    let slanted = draw(Placement { slant: 0.3, ..base });
    assert!((ink(&slanted) / ink(&draw(base)) - 1.).abs() < 0.02);
    let (top, bottom) = slanted.split_at(32 * 64);
    assert!(center_of_ink(top, 64).0 > center_of_ink(bottom, 64).0 + 0.03);
}

#[test]
fn the_em_does_not_depend_on_the_line_height() {
    // 5 書体の ascent + descent は 1.0〜1.5 em とまちまちだが、「ほ」の高さはほぼ等しい。
    // PxScale (ascent + descent) で拡大すると、この範囲から外れる。
    let height = |name: &str| {
        let font = Font::embedded(name).unwrap();
        let image = rasterise(&font, 'ほ', 128, &Placement::default()).unwrap();
        let rows = image.chunks(128).filter(|row| row.iter().any(|&v| v > 0.));
        rows.count() as f32 / 128.
    };
    let heights =
        ["gothic", "gothic-light", "gothic-bold", "gothic-black", "gothic-old"].map(height);
    for h in heights {
        assert!((0.70..0.86).contains(&h), "{heights:?}");
    }
}

#[test]
fn random_placements_are_reproducible_and_stay_readable() {
    let [gothic, mincho] = glyphs::kanji_pair().unwrap();
    let draw = |seed: u64| -> Vec<f32> {
        let mut rng = Seed(seed).rng("glyphs");
        let characters = ['国', '語', '鳥', '一'];
        let images =
            characters.map(|c| rasterise(&gothic, c, 32, &Placement::random(&mut rng)).unwrap());
        images.concat()
    };
    let bits = |seed| draw(seed).iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(1), bits(1));
    assert_ne!(bits(1), bits(2));

    // はみ出して欠ける墨は、余白の広い枠に描いた同じ字の 1 % に満たない。
    let mut rng = Seed(3).rng("clipping");
    for font in [gothic, mincho].into_iter().chain(glyphs::hiragana_fonts().unwrap()) {
        let letters = if font.has('あ') { "あいほゆんへ" } else { "国語鳥議鏡" };
        for c in letters.chars().cycle().take(60) {
            let placement = Placement::random(&mut rng);
            let image = rasterise(&font, c, 32, &placement).unwrap();
            let half = Placement {
                shift: placement.shift.map(|s| s / 2.),
                scale: placement.scale / 2.,
                ..placement
            };
            let roomy = rasterise(&font, c, 64, &half).unwrap();
            let kept = ink(&image) / (4. * ink(&roomy));
            assert!(kept > 0.99, "{} {c}: {kept} {placement:?}", font.name());
        }
    }
}

#[test]
fn a_missing_character_is_named() {
    let font = Font::embedded("hand").unwrap();
    let error = rasterise(&font, '漢', 32, &Placement::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "フォント「hand」に「漢」(U+6F22) がありません。この字を持つフォントを指定してください"
    );
}

#[test]
fn a_missing_or_broken_file_is_one_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("font.ttf");
    let missing = Font::from_file(&path).unwrap_err().to_string();
    assert!(missing.contains("開けません") && missing.contains("font.ttf"), "{missing}");
    fs::write(&path, b"not a font").unwrap();
    let broken = Font::from_file(&path).unwrap_err().to_string();
    assert!(broken.contains("フォントとして読めません") && broken.contains("font.ttf"), "{broken}");
    let unknown = Font::embedded("comic").unwrap_err().to_string();
    assert!(unknown.contains("comic") && unknown.contains("埋め込まれていません"), "{unknown}");
}

/// 字の表はあるのに描けないフォントと、大きさを偽ったフォント。白紙にも、際限のないメモリにもならない。
#[test]
fn a_font_without_outlines_or_with_a_wild_size_is_refused() {
    let bytes =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/fonts/round.ttf")).unwrap();
    let table = |tag: &[u8]| bytes.windows(4).position(|found| found == tag).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("font.ttf");
    let draw = |bytes: &[u8], c| {
        fs::write(&path, bytes).unwrap();
        let font = Font::from_file(&path).unwrap();
        rasterise(&font, c, 32, &Placement::default()).map_err(|error| error.to_string())
    };
    let mut hollow = bytes.clone();
    hollow[table(b"glyf")] = b'x';
    let error = draw(&hollow, 'ゆ').unwrap_err();
    assert!(error.contains("font.ttf") && error.contains("字形がありません"), "{error}");
    let mut wild = bytes.clone();
    let head = table(b"head");
    let offset = u32::from_be_bytes(wild[head + 8..head + 12].try_into().unwrap()) as usize;
    wild[offset + 18..offset + 20].copy_from_slice(&16u16.to_be_bytes());
    let error = draw(&wild, 'ゆ').unwrap_err();
    assert!(error.contains("倍の大きさ"), "{error}");
    assert!(draw(&bytes, 'ゆ').is_ok());
}

#[test]
fn a_font_file_draws_like_the_embedded_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/fonts/round.ttf");
    let draw = |font: Font| rasterise(&font, 'ゆ', 32, &Placement::default()).unwrap();
    assert_eq!(draw(Font::from_file(&file).unwrap()), draw(Font::embedded("round").unwrap()));
}

/// 図に現れうる字は、すべて図のフォントになければならない。ないと、その字は箱になる。
#[test]
fn the_chart_font_covers_the_sources_and_the_figures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for chapter in fs::read_dir(root.join("chapters")).unwrap() {
        let chapter = chapter.unwrap().path();
        // 実験室は、図を描かない。
        if !chapter.ends_with("lab") {
            find(&chapter.join("src"), "rs", &mut files);
        }
    }
    find(&root.join("book/src"), "svg", &mut files);
    assert!(files.iter().any(|path| path.ends_with("tools/src/plot.rs")), "{files:?}");

    let font = Font::embedded("plot").unwrap();
    let mut missing = BTreeMap::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let shown =
            if path.extension().is_some_and(|e| e == "rs") { literals(&text) } else { text };
        for c in shown.chars().filter(|&c| !c.is_control() && !only_in_terminals(c)) {
            if !font.has(c) {
                missing.entry(c).or_insert_with(|| path.clone());
            }
        }
    }
    assert!(
        missing.is_empty(),
        "図のフォントにない字があります: {missing:?}\n\
         python3 chapters/common/data/build_fonts.py plot で作りなおしてください \
         (用意は chapters/common/data/fonts/README.md)"
    );
}

#[test]
fn literals_are_found_and_comments_are_not() {
    let rust = r##"
        // 注釈 "誤"
        /* "誤" */ let c = '字'; let s = "甲\"乙 // 丙"; let r = r#"生"文"#; fn f<'a>(x: &'a str) {} "\u{5B57}丁"
    "##;
    assert_eq!(literals(rust), "字甲\\\"乙 // 丙生\"文\\u{5B57}丁");
}

/// 端末に絵や進み具合を描くための字 (罫線・ブロック・点字)。
fn only_in_terminals(c: char) -> bool {
    matches!(c, '\u{2500}'..='\u{259F}' | '\u{2800}'..='\u{28FF}')
}

fn find(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
}

/// Rust のソースから、文字列と文字の中身だけを抜き出す。
fn literals(rust: &str) -> String {
    let mut found = String::new();
    let mut rest = rust;
    while let Some(c) = rest.chars().next() {
        let (skip, text) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), "")
        } else if rest.starts_with("/*") {
            (rest.find("*/").map_or(rest.len(), |end| end + 2), "")
        } else if let Some(end) = rest.strip_prefix("r\"").and_then(|r| r.find('"')) {
            (end + 3, &rest[2..end + 2])
        } else if let Some(end) = rest.strip_prefix("r#\"").and_then(|r| r.find("\"#")) {
            (end + 5, &rest[3..end + 3])
        } else if c == '"' {
            let end = closing(rest, '"').unwrap_or(rest.len() - 1);
            (end + 1, &rest[1..end])
        } else if let Some(end) = (c == '\'').then(|| closing(rest, '\'')).flatten()
            && (rest[1..end].chars().count() == 1 || rest[1..end].starts_with('\\'))
        {
            (end + 1, &rest[1..end])
        } else {
            (c.len_utf8(), "")
        };
        found.push_str(text);
        rest = &rest[skip..];
    }
    found
}

/// 先頭の引用符に対応する、閉じる引用符の位置。
fn closing(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    rest.char_indices().skip(1).find_map(|(k, c)| {
        let end = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        end.then_some(k)
    })
}
