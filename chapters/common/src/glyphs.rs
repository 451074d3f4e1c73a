//! 文字の画像。フォントの字形を、必要になったその場で画像にします。
//!
//! フォントは小さく切り詰めて埋め込んであります (出典と許諾は `data/fonts/README.md`)。
//! 位置・大きさ・傾きを乱数でずらせば、同じ字から何枚でも違う画像を作れます。

use std::path::Path;

use ab_glyph::OutlineCurve::{Cubic, Line, Quad};
use ab_glyph::{
    Font as _, FontArc, FontVec, Glyph, GlyphId, Outline, OutlinedGlyph, Point, PxScale,
    PxScaleFactor, Rect, point,
};
use anyhow::{Context, Result, ensure};
use rand::Rng;

/// ひらがなの清音と「ん」、46 字。
pub const HIRAGANA: &str =
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん";

/// 教育漢字 1,026 字。小学校の学年順で、同じ学年の中は文字コード順です。
pub fn kyoiku_kanji() -> Vec<char> {
    include_str!("../data/fonts/kyoiku-kanji.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::chars)
        .collect()
}

macro_rules! embedded {
    ($($name:literal)*) => {
        &[$(($name, include_bytes!(concat!("../data/fonts/", $name, ".ttf")))),*]
    };
}

/// 図の文字のフォントと、教育漢字の 2 書体。
const PLOT_AND_KANJI: &[(&str, &[u8])] = embedded!("plot" "kanji-gothic" "kanji-mincho");

/// ひらがな 46 字だけを持つフォント。
const KANA: &[(&str, &[u8])] = embedded!(
    "gothic" "gothic-light" "gothic-bold" "gothic-black"
    "gothic-old" "gothic-dot" "gothic-poster" "gothic-stick"
    "round" "round-bold" "round-mincho" "round-pop"
    "mincho" "mincho-bold" "mincho-soft" "mincho-kaisei"
    "brush" "brush-reggae" "brush-rock"
    "hand" "hand-yomogi" "hand-thin" "hand-marker" "hand-pop"
);

/// 字形を取り出せるフォント。
#[derive(Debug, Clone)]
pub struct Font {
    name: String,
    face: FontArc,
}

impl Font {
    /// 埋め込まれたフォント。名前は `data/fonts` のファイル名から `.ttf` を除いたものです。
    pub fn embedded(name: &str) -> Result<Self> {
        let mut all = PLOT_AND_KANJI.iter().chain(KANA);
        let (_, bytes) = all.find(|(known, _)| *known == name).with_context(|| {
            format!("「{name}」というフォントは埋め込まれていません。data/fonts にある名前を指定してください")
        })?;
        Self::from_table(name, bytes)
    }

    fn from_table(name: &str, bytes: &'static [u8]) -> Result<Self> {
        Ok(Self { name: name.to_string(), face: FontArc::try_from_slice(bytes)? })
    }

    /// ファイルのフォント (`--font FILE`)。TrueType と OpenType を読めます。
    pub fn from_file(path: &Path) -> Result<Self> {
        let shown = path.display();
        let bytes = std::fs::read(path).with_context(|| {
            format!("フォント「{shown}」を開けません。.ttf か .otf のファイルを指定してください")
        })?;
        let face = FontVec::try_from_vec(bytes).with_context(|| {
            format!("「{shown}」をフォントとして読めません。壊れていない .ttf か .otf を指定してください")
        })?;
        Ok(Self { name: shown.to_string(), face: face.into() })
    }

    /// フォントの名前。埋め込みなら名前、ファイルならパスです。
    pub fn name(&self) -> &str {
        &self.name
    }

    /// 字送りの幅。em を 1 とします。
    pub fn advance(&self, c: char) -> f32 {
        let em = self.face.units_per_em().unwrap_or(1.);
        self.face.h_advance_unscaled(self.face.glyph_id(c)) / em
    }

    /// この字を持っているか。
    pub fn has(&self, c: char) -> bool {
        self.face.glyph_id(c) != GlyphId(0)
    }
}

/// ひらがな 46 字を持つ 24 書体。ゴシック、丸ゴシック、明朝、筆、手書きの順です。
pub fn hiragana_fonts() -> Result<Vec<Font>> {
    // 名前で探さない。ブラウザ用の組み立てに、使わない漢字のフォントが入らないように。
    KANA.iter().map(|(name, bytes)| Font::from_table(name, bytes)).collect()
}

/// 教育漢字 1,026 字を持つ 2 書体。ゴシック体、明朝体の順です。
pub fn kanji_pair() -> Result<[Font; 2]> {
    let font = Font::embedded;
    Ok([font("kanji-gothic")?, font("kanji-mincho")?])
}

/// 枠の中での字の置き方。
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// 枠の中央からのずれ (右、下)。枠の一辺を 1 とします。
    pub shift: [f32; 2],
    /// 字の仮想ボディの一辺。枠の一辺を 1 とします。
    pub scale: f32,
    /// 斜体の傾き。1 だけ上がると右へいくら寄るかです。
    pub slant: f32,
}

impl Default for Placement {
    /// 枠の中央に、周りを少し空けて、まっすぐ置きます。
    fn default() -> Self {
        Self { shift: [0.; 2], scale: 0.95, slant: 0. }
    }
}

impl Placement {
    /// 字が読めて枠からはみ出さない範囲で、少しだけ動かします。
    pub fn random(rng: &mut impl Rng) -> Self {
        Self {
            shift: [rng.random_range(-0.04..0.04), rng.random_range(-0.04..0.04)],
            scale: rng.random_range(0.82..0.92),
            slant: rng.random_range(-0.12..0.12),
        }
    }
}

/// 日本語フォントの仮想ボディは、どれもベースラインの 0.12 em 下から 0.88 em 上までです。
/// ascent と descent は行間のための値でフォントごとに違うので、中央を決めるのには使えません。
const BODY_CENTER: f32 = 0.38;

/// 字を `size` × `size` の画像にします。値は行順で、地が −1、墨が 1、縁はその間です。
///
/// 中央に来るのは字形の外枠ではなく仮想ボディです。「、」や「っ」のような字の位置と、
/// 「一」のような字の大きさが、組んだ文章と同じになります。
pub fn rasterise(font: &Font, c: char, size: usize, placement: &Placement) -> Result<Vec<f32>> {
    ensure!(
        font.has(c),
        "フォント「{}」に「{c}」(U+{:04X}) がありません。この字を持つフォントを指定してください",
        font.name,
        c as u32
    );
    let mut image = vec![-1.; size * size];
    let id = font.face.glyph_id(c);
    let Some(outline) = font.face.outline(id) else {
        // 空白のほかの字に輪郭がないのは、絵で持つカラー絵文字か、途中で切れたフォント。
        ensure!(
            c.is_whitespace(),
            "フォント「{}」の「{c}」には字形がありません。カラー絵文字のフォントや途中で切れたフォントではない、ふつうのフォントを指定してください",
            font.name
        );
        return Ok(image);
    };
    // 仮想ボディの中央を原点へ移し、そこを中心に傾けます (フォントの座標は上が正)。
    let (face, side) = (&font.face, size as f32);
    let em = face.units_per_em().filter(|&em| em > 0.);
    let em = em.with_context(|| format!("フォント「{}」に em の大きさがありません", font.name))?;
    let (cx, cy) = (face.h_advance_unscaled(id) / 2., BODY_CENTER * em);
    let place = |p: Point| point(p.x - cx + placement.slant * (p.y - cy), p.y - cy);
    let curves = outline.curves.iter().map(|curve| match *curve {
        Line(a, b) => Line(place(a), place(b)),
        Quad(a, b, c) => Quad(place(a), place(b), place(c)),
        Cubic(a, b, c, d) => Cubic(place(a), place(b), place(c), place(d)),
    });
    // 枠は左上 (min) から右下 (max) へ。傾けた枠を、軸に平行な枠で囲みます。
    let Rect { min, max } = outline.bounds;
    let left = place(min).x.min(place(point(min.x, max.y)).x);
    let right = place(max).x.max(place(point(max.x, min.y)).x);
    let bounds = Rect { min: point(left, min.y - cy), max: point(right, max.y - cy) };
    let curves = curves.collect();
    // PxScale は em ではなく ascent + descent の大きさなので使わず、倍率をじかに渡します。
    let factor = side * placement.scale / em;
    // 大きさを偽ったフォントのために、枠をはるかにはみ出す画像は作らない。
    let extent = (bounds.width().max(bounds.height()) * factor / side).abs();
    ensure!(
        extent <= 16.,
        "フォント「{}」の「{c}」は枠の {extent:.0} 倍の大きさです。壊れていないフォントを指定してください",
        font.name
    );
    let at = |shift: f32| side * (0.5 + shift);
    let glyph = Glyph {
        id,
        scale: PxScale::from(side),
        position: point(at(placement.shift[0]), at(placement.shift[1])),
    };
    let scale = PxScaleFactor { horizontal: factor, vertical: factor };
    let outlined = OutlinedGlyph::new(glyph, Outline { bounds, curves }, scale);
    let corner = outlined.px_bounds().min;
    outlined.draw(|x, y, ink| {
        let (x, y) = (x as f32 + corner.x, y as f32 + corner.y);
        if (0. ..side).contains(&x) && (0. ..side).contains(&y) {
            image[y as usize * size + x as usize] = 2. * ink.min(1.) - 1.;
        }
    });
    Ok(image)
}
