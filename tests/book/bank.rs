//! 本物の問題集を数える: 知らなくても当たる手がかり、水準、組、名前を問う向き、題材の数。
//!
//! 数えた値は `cargo test -p workbook --test book bank -- --nocapture` で読める。

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use crate::support::root;
use workbook::content::coverage::keywords;
use workbook::content::questions::{self, Bank, Choice, DIRECTIONS, LEVELS, Question};
use workbook::content::syllabus::{self, Syllabus};
use workbook::content::terms::{self, Glossary};

static BANK: LazyLock<Bank> = LazyLock::new(|| questions::load(root()).unwrap());
static GLOSSARY: LazyLock<Glossary> = LazyLock::new(|| terms::load(root()).unwrap());
static SYLLABUS: LazyLock<Syllabus> = LazyLock::new(|| syllabus::load(root()).unwrap());

fn all() -> Vec<&'static Question> {
    BANK.chapters.iter().flat_map(|chapter| &chapter.questions).collect()
}

fn choices(question: &Question) -> impl Iterator<Item = &Choice> {
    question.groups().into_iter().flat_map(|(_, choices)| choices)
}

fn keys(question: &Question) -> impl Iterator<Item = &str> {
    choices(question).filter(|choice| choice.correct).map(|choice| choice.text.as_str())
}

fn percent(part: usize, all: usize) -> f64 {
    100.0 * part as f64 / all as f64
}

/// 文字だけを比べる形: 数式は 1 字とし、太字の印と空白を除き、大文字と小文字を分けない。
fn plain(text: &str) -> String {
    let parts = text.split('$').enumerate();
    let text: String = parts.map(|(i, part)| if i % 2 == 0 { part } else { "式" }).collect();
    text.replace("**", "").to_lowercase().chars().filter(|c| !c.is_whitespace()).collect()
}

/// 続いた `n` 文字のすべて。
fn grams(text: &str, n: usize) -> BTreeSet<Vec<char>> {
    let chars: Vec<char> = plain(text).chars().collect();
    chars.windows(n).map(<[char]>::to_vec).collect()
}

// ---- 知らなくても当たる手がかり ----

/// `n` 個の選択肢のうち正解が `right` 個か、それより偏ることが、割合 `p` の当てずっぽうで起こる確率 (両側)。
fn chance(right: usize, n: usize, p: f64) -> f64 {
    let mut term = (1.0 - p).powi(n as i32);
    let (mut below, mut above) = (0.0, 0.0);
    for k in 0..=n {
        below += if k <= right { term } else { 0.0 };
        above += if k >= right { term } else { 0.0 };
        term *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
    }
    f64::min(1.0, 2.0 * f64::min(below, above))
}

#[test]
fn chance_agrees_with_hand_counted_binomials() {
    // 2 回とも裏: 1/4 の両側。4 回のうち表 2 回は、いちばん普通なので 1。
    assert!((chance(0, 2, 0.5) - 0.5).abs() < 1e-12);
    assert_eq!(chance(2, 4, 0.5), 1.0);
    // 0.75^8 × 2。
    assert!((chance(0, 8, 0.25) - 0.200_226).abs() < 1e-6);
}

/// 強い言い切りや、ぼかした言い方。書き手の癖が出やすい。
const SUSPECTS: [&str; 27] = [
    "必ず",
    "すべて",
    "まったく",
    "一度も",
    "正確に",
    "そのまま",
    "だけ",
    "言い切れる",
    "決して",
    "常に",
    "いつも",
    "どれも",
    "完全に",
    "絶対",
    "一切",
    "しか",
    "のみ",
    "何も",
    "無制限",
    "ではなく",
    "限らない",
    "場合がある",
    "ことがある",
    "にくい",
    "やすい",
    "うる",
    "可能性",
];

/// 手がかりになる語が無い。
///
/// 疑わしい語は、8 回以上使われ、正解の割合が 10 % を下回るか 50 % を上回れば直す。4 択の当てずっぽうは 25 % で、
/// 8 回で正解 0 は 10 回に 1 回、5 回以上は 37 回に 1 回しか起こらず、読者の当たりを倍近く変えるからである。
/// 疑っていない語も、12 回以上使われた 2〜5 文字の並びを残らず調べる。千を超える並びを調べると偶然だけで偏るものも出るので、
/// 並びの数で割った 1 % (ボンフェローニの補正) より珍しい偏りだけを、書き手の癖とみなす。
#[test]
fn no_word_gives_the_answer_away() {
    let questions = all();
    let texts: Vec<&Choice> = questions.iter().flat_map(|question| choices(question)).collect();
    let base = percent(texts.iter().filter(|choice| choice.correct).count(), texts.len());
    println!("選択肢 {}、正解の割合 {base:.1} %", texts.len());
    let mut tells = Vec::new();
    for word in SUSPECTS {
        let used: Vec<_> = texts.iter().filter(|choice| choice.text.contains(word)).collect();
        let right = used.iter().filter(|choice| choice.correct).count();
        let share = percent(right, used.len().max(1));
        if !used.is_empty() {
            println!("  「{word}」 {right}/{}", used.len());
        }
        if used.len() >= 8 && !(10.0..=50.0).contains(&share) {
            tells.push(format!("「{word}」は {} 回のうち正解が {right} 回", used.len()));
        }
    }
    let mut counts: HashMap<Vec<char>, (usize, usize)> = HashMap::new();
    for choice in &texts {
        for gram in (2..=5).flat_map(|n| grams(&choice.text, n)) {
            let (used, right) = counts.entry(gram).or_default();
            *used += 1;
            *right += usize::from(choice.correct);
        }
    }
    let common = counts.iter().filter(|(_, (used, _))| *used >= 12);
    let mut rare: Vec<(f64, String)> = common
        .map(|(gram, &(used, right))| {
            let text: String = gram.iter().collect();
            (
                chance(right, used, base / 100.0),
                format!("「{text}」は {used} 回のうち正解が {right} 回"),
            )
        })
        .collect();
    rare.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    println!(
        "  12 回以上の並び {}、最も偏ったもの: {} (p = {:.4})",
        rare.len(),
        rare[0].1,
        rare[0].0
    );
    let limit = 0.01 / rare.len() as f64;
    tells.extend(rare.into_iter().filter(|(p, _)| *p < limit).map(|(_, text)| text));
    assert!(tells.is_empty(), "正解を言い当てる語があります:\n{}", tells.join("\n"));
}

/// 本番と同じく、どの選択肢の組も 4 つで、点数に入る問題で選ぶのは 1 つ。
#[test]
fn every_group_has_four_choices_and_scored_questions_have_one_key() {
    for question in all() {
        let scored = question.level != LEVELS[2];
        assert!(
            !(scored && question.kind == "multiple"),
            "{}: 1 つを選ぶ形にするか、点数に入らない「発展」にしてください",
            question.id
        );
        for (label, choices) in question.groups() {
            assert_eq!(choices.len(), 4, "{} {label}", question.id);
        }
    }
}

/// 否定で問う問題は、本番に慣れるだけはあり、読み違えが得点を左右するほどは無い。語は太字にする。
#[test]
fn negative_questions_are_a_tenth_and_bold() {
    let words =
        ["不適切", "適切でない", "誤っている", "正しくない", "当てはまらない", "あてはまらない"];
    let questions = all();
    let mut count = 0;
    for question in &questions {
        let Some(word) = words.iter().find(|word| question.stem.contains(**word)) else { continue };
        count += 1;
        let bold = question.stem.split("**").skip(1).step_by(2).any(|part| part.contains(word));
        assert!(bold, "{}: 「{word}」を太字にしてください", question.id);
    }
    let share = percent(count, questions.len());
    println!("不適切なものを選ぶ問題: {count}/{} ({share:.1} %)", questions.len());
    assert!((10.0..=15.0).contains(&share), "不適切なものを選ぶ問題が {share:.1} % です");
}

/// 正解を、本のコードで確かめた問題の割合。確かめられるものは、決め手のテストを名指しする。
///
/// 名前・法律・よその論文の事実は、この本のコードでは決まらないので、全部にはならない。
#[test]
fn questions_of_the_chapters_name_the_test_that_decides() {
    let (mut named, mut whole) = (0, 0);
    for chapter in &BANK.chapters {
        let own = chapter.questions.len();
        let tested = chapter.questions.iter().filter(|q| !q.evidence.is_empty()).count();
        println!("{}: {own} 問のうち {tested} 問が決め手のテストを持つ", chapter.chapter);
        named += tested;
        whole += own;
        // 第1章は法律と倫理を、「その先」はコードの無い話題を受け持つ。
        let least = match chapter.chapter.as_str() {
            "beyond" => 0.0,
            "ch01-generative-models" => 40.0,
            _ => 55.0,
        };
        assert!(percent(tested, own) >= least, "{}: 決め手のテストが足りません", chapter.chapter);
    }
    println!("決め手のテストを持つ問題: {named}/{whole} ({:.0} %)", percent(named, whole));
}

// ---- 水準 ----

/// どの選択肢も数で、ほかの文字はほとんど無い組があるか。計算して選ぶ問題は、どれもこの形になる。
/// 条の番号のような、計算しない数を選ぶ問題も入るので、計算問題を少なめに数えることはない。
fn asks_for_a_number(question: &Question) -> bool {
    let number = |choice: &Choice| {
        let words = choice.text.chars().filter(|c| !c.is_ascii() && !"−×".contains(*c)).count();
        choice.text.contains(|c: char| c.is_ascii_digit()) && words <= 8
    };
    question.groups().iter().any(|(_, choices)| choices.iter().all(number))
}

#[test]
fn calculations_are_few() {
    let questions = all();
    let scored: Vec<_> = questions.iter().filter(|question| question.level != LEVELS[2]).collect();
    let count = |list: &[&&Question]| list.iter().filter(|q| asks_for_a_number(q)).count();
    let every: Vec<_> = questions.iter().collect();
    let shares = [&every, &scored].map(|list| percent(count(list), list.len()));
    println!("数を選ぶ問題: 全体 {:.1} %、点数に入るもの {:.1} %", shares[0], shares[1]);
    assert!(shares.iter().all(|share| *share <= 5.0), "数を選ぶ問題が多すぎます: {shares:?}");
}

/// 本番の量の模擬試験を、一つの組から 1 問だけで、基本 4 割・標準 6 割にできる。
#[test]
fn a_mock_exam_of_the_real_size_can_be_drawn() {
    let questions = all();
    let mut families: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for level in LEVELS {
        let own: Vec<_> = questions.iter().filter(|question| question.level == level).collect();
        families.insert(level, own.iter().map(|question| question.family()).collect());
        println!("{level}: {} 問、{} 組", own.len(), families[level].len());
    }
    let scored = &families[LEVELS[0]] | &families[LEVELS[1]];
    println!("点数に入る組: {}", scored.len());
    // 本番は小問 145。空欄補充は 1 問で二つ以上の小問になるので、問題はこれより少なくてよい。
    assert!(scored.len() >= 145, "点数に入る組が {} しかありません", scored.len());
    assert!(families[LEVELS[0]].len() >= 58, "基本の組が 4 割に足りません");
}

// ---- 組 ----

/// どの問題にも出る言い回しを軽く、珍しい言い回しを重く数えて、二つの文がどれだけ重なるか (0 から 1)。
struct Overlap {
    /// 言い回しの番号 (文字の順) と重さ。
    weight: BTreeMap<Vec<char>, (usize, f64)>,
}

impl Overlap {
    fn new(texts: &[String]) -> Self {
        let mut seen: BTreeMap<Vec<char>, usize> = BTreeMap::new();
        for text in texts {
            for gram in grams(text, 3) {
                *seen.entry(gram).or_default() += 1;
            }
        }
        let weigh = |count: usize| (texts.len() as f64 / count as f64).ln();
        let numbered = seen.into_iter().enumerate();
        Self { weight: numbered.map(|(at, (gram, count))| (gram, (at, weigh(count)))).collect() }
    }

    /// 文の言い回し。番号の順に並び、どの問題にも無いものは除く。
    fn grams(&self, text: &str) -> Vec<(usize, f64)> {
        grams(text, 3).iter().filter_map(|gram| self.weight.get(gram).copied()).collect()
    }

    /// 足す順をそろえて、どこで動かしても同じ値にする。
    fn of(a: &[(usize, f64)], b: &[(usize, f64)]) -> f64 {
        let (mut both, mut either) = (0.0, 0.0);
        let (mut i, mut j) = (0, 0);
        while i < a.len() || j < b.len() {
            let order = match (a.get(i), b.get(j)) {
                (Some(a), Some(b)) => a.0.cmp(&b.0),
                (Some(_), None) => Ordering::Less,
                _ => Ordering::Greater,
            };
            let weight = if order.is_le() { a[i].1 } else { b[j].1 };
            either += weight;
            if order.is_eq() {
                both += weight;
            }
            i += usize::from(order.is_le());
            j += usize::from(order.is_ge());
        }
        both / either.max(f64::MIN_POSITIVE)
    }
}

/// ほとんど同じことを問う問題は、同じ組に入る。
#[test]
fn near_duplicates_share_a_family() {
    let questions = all();
    let text = |question: &Question| question.stem.clone() + &keys(question).collect::<String>();
    let texts: Vec<String> = questions.iter().map(|question| text(question)).collect();
    let overlap = Overlap::new(&texts);
    // 言い回しが同じで題材の違う文は似ておらず、言い換えただけの文は似ている。
    let of = |a: &str, b: &str| Overlap::of(&overlap.grams(a), &overlap.grams(b));
    let same = of(
        "VAE のデコーダの説明として、**不適切なもの**はどれですか。潜在変数の平均と分散を出す",
        "VAE のデコーダについて、**不適切な説明**を選んでください。潜在変数の平均と分散を出す",
    );
    let form = of(
        "NeRF の説明として、最も適切なものはどれですか。複数の視点の写真から一つの場面を学ぶ",
        "β-VAE の説明として、最も適切なものはどれですか。KL の項を強めて、潜在変数のもつれを解く",
    );
    assert!(same > 0.4 && form < 0.25, "{same} {form}");

    let all_grams: Vec<_> = texts.iter().map(|text| overlap.grams(text)).collect();
    let mut pairs = Vec::new();
    for (i, a) in questions.iter().enumerate() {
        for (j, b) in questions.iter().enumerate().skip(i + 1) {
            if a.family() != b.family() {
                pairs.push((Overlap::of(&all_grams[i], &all_grams[j]), &a.id, &b.id));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("組の違う問題で最も似たもの:");
    for (value, a, b) in &pairs[..3] {
        println!("  {value:.2} {a} と {b}");
    }
    let close: Vec<_> = pairs.iter().take_while(|(value, ..)| *value > 0.25).collect();
    assert!(close.is_empty(), "同じ組に入れるか、問い方を変えてください: {close:#?}");
}

/// ほかの問題文に出ても答えにならない、ふつうの言い方の正解。
const ORDINARY: [(&str, &str); 5] = [
    ("変わらない", "何が変わらないのかは、問題文ごとに違う"),
    ("最大化する", "何を最大化するのかは、問題文ごとに違う"),
    ("最小化する", "何を最小化するのかは、問題文ごとに違う"),
    ("画像と文", "VQA が受け取るものだとは、ほかの問題文から分からない"),
    ("エンコーダの出力", "30個の数がどこに現れるかは、VQ-VAE の問題文から分からない"),
];

/// 問題文に、ほかの問題の正解が書いてあれば、二つは同じ組に入る。
///
/// 4 字より短い正解、語の名前だけの正解は比べない。名前は、ほかの問題文に出るのがふつうだからである。
#[test]
fn a_stem_that_tells_another_key_shares_its_family() {
    let questions = all();
    let names: HashSet<String> =
        GLOSSARY.terms.iter().flat_map(|term| term.names()).map(plain).collect();
    let stems: Vec<String> = questions.iter().map(|question| plain(&question.stem)).collect();
    let (mut told, mut used) = (Vec::new(), HashSet::new());
    for question in &questions {
        for key in keys(question) {
            let text = plain(key);
            // 英字だけの正解は、用語集に無いモデルの名前。
            if text.chars().count() < 4 || names.contains(&text) || text.is_ascii() {
                continue;
            }
            for (other, stem) in questions.iter().zip(&stems) {
                if other.family() == question.family() || !stem.contains(&text) {
                    continue;
                }
                match ORDINARY.iter().find(|(ordinary, _)| plain(ordinary) == text) {
                    Some((ordinary, _)) => drop(used.insert(*ordinary)),
                    None => told
                        .push(format!("{} の正解「{key}」が {} にあります", question.id, other.id)),
                }
            }
        }
    }
    assert!(told.is_empty(), "同じ組に入れるか、問題文を変えてください:\n{}", told.join("\n"));
    let idle: Vec<_> = ORDINARY.iter().filter(|(text, _)| !used.contains(text)).collect();
    assert!(idle.is_empty(), "もう要らない断り: {idle:?}");
}

// ---- 名前を問う問題 ----

/// 三つの向きのすべてでは問わない語と、その理由。公式のキーワードは、ここに入れられない。
const PARTIAL: [(&str, &[&str]); 6] = [
    (
        "シラバスの外のモデルや道具で、見分けるための名前として問う",
        &[
            "flow",
            "infogan",
            "stylegan",
            "biggan",
            "progressive-gan",
            "srgan",
            "sngan",
            "rag",
            "clip-score",
        ],
    ),
    (
        "公式の語のほうを三つの向きで問い、その一部であるこの語では同じ問いを繰り返さない",
        &[
            "bottleneck",
            "decoder",
            "disentanglement",
            "codebook",
            "alternating-update",
            "contrastive-learning",
            "discriminative-model",
            "likelihood",
            "image-to-image",
            "style-transfer",
            "cycle-consistency",
            "paired-data",
            "unpaired-data",
        ],
    ),
    (
        "畳み込みやネットワークの部品で、使い道は公式の語「ストライド」「U-Net」「Pix2Pix」などの場面で問う",
        &[
            "convolution",
            "strided-convolution",
            "transposed-convolution",
            "residual-block",
            "patchgan",
            "image-buffer",
        ],
    ),
    (
        "理論や評価の語で、場面は GAN の学習や FID の問題として問う",
        &["nash-equilibrium", "js-divergence", "inception-score"],
    ),
    (
        "生成モデルの使い道で、名前ではなく場面で問う",
        &["latent-interpolation", "latent-arithmetic", "anomaly-detection", "data-augmentation"],
    ),
    (
        "権利と情報の語で、著作権の要件や入力の注意として、ほかの向きでも問う",
        &[
            "similarity",
            "dependence",
            "portrait-right",
            "publicity-right",
            "personal-information",
            "data-bias",
        ],
    ),
];

#[test]
fn terms_are_asked_in_three_directions() {
    let mut asked: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for question in all() {
        if let (Some(term), Some(direction)) = (&question.term, &question.direction) {
            asked.entry(term).or_default().insert(direction);
            *counts.entry(direction).or_default() += 1;
        }
    }
    let total: usize = counts.values().sum();
    println!("名前を問う問題: {total} {counts:?}、語 {}", asked.len());
    assert!(total >= 120, "名前を問う問題が {total} 問しかありません");
    let partial: BTreeSet<&str> = asked
        .iter()
        .filter(|(_, directions)| directions.len() < DIRECTIONS.len())
        .map(|(term, _)| *term)
        .collect();
    assert_eq!(
        partial,
        PARTIAL.iter().flat_map(|(_, terms)| terms.iter().copied()).collect(),
        "三つの向きがそろわない語"
    );
}

/// 公式のキーワードには、三つの向きの問題がある。
#[test]
fn every_official_keyword_is_asked_in_three_directions() {
    let rows = keywords(&SYLLABUS, &BANK, &GLOSSARY);
    let (mut empty, mut asked) = (Vec::new(), 0);
    for row in &rows {
        let missing: Vec<&str> = DIRECTIONS
            .iter()
            .zip(&row.cells)
            .filter(|(_, ids)| ids.is_empty())
            .map(|(direction, _)| *direction)
            .collect();
        asked += usize::from(missing.is_empty());
        match (SYLLABUS.exempt(row.keyword), missing.is_empty()) {
            (None, false) => empty.push(format!("「{}」: {}", row.keyword, missing.join("、"))),
            (Some(_), true) => empty.push(format!("「{}」の断りは、もう要りません", row.keyword)),
            _ => {}
        }
    }
    println!("キーワード {} のうち、三つの向きがそろうもの {asked}", rows.len());
    assert!(empty.is_empty(), "キーワードの表に空きがあります:\n{}", empty.join("\n"));
    for exempt in &SYLLABUS.exempt {
        assert!(
            rows.iter().any(|row| row.keyword == exempt.keyword),
            "{} はありません",
            exempt.keyword
        );
    }
}

// ---- 題材 ----

type Wanted = Box<dyn Fn(&Question) -> bool>;

/// いま試験に出る題材が、読んだ時間に見合うだけある。
#[test]
fn todays_topics_are_asked_enough() {
    let questions = all();
    let text = |q: &Question| plain(&(q.stem.clone() + &keys(q).collect::<String>()));
    let names = |words: &'static [&'static str]| {
        move |q: &Question| words.iter().any(|word| text(q).contains(&plain(word)))
    };
    let items = |ids: &'static [&'static str]| {
        move |q: &Question| q.syllabus.iter().any(|id| ids.contains(&id.as_str()))
    };
    let variants = |q: &Question| {
        let own = [
            "条件付き gan",
            "wgan",
            "lsgan",
            "infogan",
            "stylegan",
            "biggan",
            "progressivegan",
            "srgan",
            "sngan",
        ];
        keys(q).any(|key| own.iter().any(|name| plain(key).starts_with(&plain(name))))
    };
    let crossing = |q: &Question| {
        q.id.contains("-case-") && q.family().starts_with("case-")
            || q.id.starts_with("beyond-case-")
            || q.id.contains("-cross-")
    };
    let topics: [(&str, usize, Wanted); 7] = [
        (
            "拡散モデル",
            35,
            Box::new(names(&["拡散モデル", "DDPM", "Stable Diffusion", "Diffusion Model"])),
        ),
        ("マルチモーダルと Text-To-Image", 15, Box::new(items(&["2024-32"]))),
        ("NeRF と WaveNet", 8, Box::new(names(&["NeRF", "WaveNet"]))),
        ("法律と倫理", 20, Box::new(items(&["2024-law", "2024-ethics"]))),
        ("評価", 8, Box::new(names(&["FID", "Inception Score", "MOS", "CLIP スコア", "評価指標"]))),
        ("GAN の変種の名前", 8, Box::new(variants)),
        ("モデル・データ・危うさ・備えを重ねた事例", 20, Box::new(crossing)),
    ];
    let mut few = Vec::new();
    for (name, least, wanted) in topics {
        let count = questions.iter().filter(|question| wanted(question)).count();
        println!("{name}: {count} (目安 {least})");
        if count < least {
            few.push(name);
        }
    }
    assert!(few.is_empty(), "問題が足りない題材: {few:?}");
    assert!(questions.len() >= 420, "問題が {} 問しかありません", questions.len());
}
