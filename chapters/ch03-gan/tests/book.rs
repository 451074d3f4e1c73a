//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::cell::Cell;
use std::sync::LazyLock;

use ch03_gan::book::{self, Book};
use ch03_gan::config::{Config, Data, GLoss};
use ch03_gan::train::{self, Gan};
use common::seed::Seed;
use tools::session::Outcome as _;

static BOOK: LazyLock<Book> = LazyLock::new(|| train(|config| config));

thread_local! {
    static SUBJECT: Cell<Option<&'static Book>> = const { Cell::new(None) };
}

/// 主張を確かめる相手。監査が、学習していない本に替えます。
fn book() -> &'static Book {
    SUBJECT.get().unwrap_or_else(|| &BOOK)
}

fn train(change: impl Fn(Config) -> Config + Sync + Send) -> Book {
    common::nn::run(|| Book::train(change, true, &|_| Ok(()))).unwrap()
}

/// 学習してみなければ分からない主張。
const CLAIMS: &[(&str, fn())] = chapter::claims![
    ring_covers_at_least_seven_modes,
    ring_discriminator_ends_near_one_half,
    collapsed_run_loses_modes,
    one_half_alone_does_not_mean_success,
    saturating_loss_also_learns_the_balanced_ring,
    packing_cures_the_collapse,
    digits_move_towards_the_real_ones,
    digits_collapse_to_one_kind_on_the_way,
    quality_improves_while_the_generator_loss_does_not_fall,
    digits_are_not_all_alike,
];

#[test]
fn figures_are_written() {
    let fingerprint = book::fingerprint();
    let record =
        chapter::redraw_with_answers("ch03-gan", &fingerprint, |dir| BOOK.draw(dir), book::answers);
    assert_eq!(record.configs["ring"], serde_json::to_value(Config::book(Data::Ring)).unwrap());
}

/// 端末に出るエネルギー距離は、本のページの数と同じものである。
#[test]
fn the_terminal_gives_the_distance_of_the_page() {
    let digits = &book().digits;
    let [_, distance, _] = book().digit_distances().unwrap();
    let reading = digits.reading().unwrap();
    assert!(reading.contains(&format!("エネルギー距離は {distance:.2} です")), "{reading}");
}

/// 標準の学習は、八つの山のうち七つ以上を覆う。
#[test]
fn ring_covers_at_least_seven_modes() {
    let coverage = book().ring.coverage().unwrap();
    assert!(coverage.modes() >= 7, "{coverage:?}");
    assert!(coverage.good() >= 0.7, "{coverage:?}");
}

#[test]
#[ignore = "10 個の種で学習します (数十秒)"]
fn ring_covers_at_least_seven_modes_for_nine_of_ten_seeds() {
    let covered =
        |config: Config| book::run("種", &config, true).unwrap().coverage().unwrap().modes();
    let good = (0..10).filter(|&seed| covered(Config { seed, ..Config::book(Data::Ring) }) >= 7);
    assert!(good.count() >= 9);
    // 壊した設定と直した設定も、種によらない。
    let collapsed = (0..10).filter(|&seed| covered(Config { seed, ..Config::collapsed() }) <= 3);
    assert!(collapsed.count() >= 9);
    let cured = (0..10).filter(|&seed| covered(Config { seed, ..Config::cured() }) >= 7);
    assert!(cured.count() >= 9);
    let saturating = |seed| Config { seed, g_loss: GLoss::Saturating, ..Config::book(Data::Ring) };
    assert!((0..10).filter(|&seed| covered(saturating(seed)) >= 7).count() >= 9);
}

/// 標準の学習の終わりに、識別器は、学習の前の偽物を見抜けるのに、今の本物と偽物には 1/2 に近い答えを返す。
#[test]
fn ring_discriminator_ends_near_one_half() {
    let ring = &book().ring;
    let history = &ring.trained.history;
    for column in ["D(x)", "D(G(z))"] {
        let mean = history.tail_mean(column, history.len() / 10);
        assert!((mean - 0.5).abs() < 0.08, "{column} の平均 {mean}");
    }
    // 何も学ばない識別器も 1/2 と答える。この識別器は、学習の前の生成器の点なら見抜ける。
    let untrained = Gan::new(&ring.trained.config).unwrap().generator;
    let start = train::generate(&untrained, &ring.trained.config, 2_000, Seed(0)).unwrap();
    let seen_through = ring.judge(&start).unwrap();
    assert!(seen_through < 0.2, "学習の前の生成器の点への答え {seen_through}");
}

/// 識別器を遅らせると、覆う山が三つ以下に減る。
#[test]
fn collapsed_run_loses_modes() {
    let (broken, standard) =
        (book().collapsed.coverage().unwrap(), book().ring.coverage().unwrap());
    assert!(broken.modes() <= 3, "{broken:?}");
    assert!(broken.good() < standard.good(), "{broken:?} {standard:?}");
}

/// 八つの山を覆った学習でも、崩壊した学習でも、識別器の答えの平均は 1/2 に近い。
#[test]
fn one_half_alone_does_not_mean_success() {
    // 八つの山を覆った学習も、崩壊した学習も、識別器の答えの平均は 1/2 に近い。平均だけでは崩壊に気付けない。
    for outcome in [&book().ring, &book().collapsed] {
        let history = &outcome.trained.history;
        for column in ["D(x)", "D(G(z))"] {
            let mean = history.tail_mean(column, history.len() / 10);
            assert!((mean - 0.5).abs() < 0.1, "{column} の平均 {mean}");
        }
    }
    let [success, failure] =
        [&book().ring, &book().collapsed].map(|outcome| outcome.coverage().unwrap().modes());
    assert!(success >= 7 && failure <= 3, "{success} {failure}");
}

/// 飽和する損失でも、この輪では七つ以上の山を覆う。
#[test]
fn saturating_loss_also_learns_the_balanced_ring() {
    // 飽和が困るのは、識別器が大きく勝っている間だけ。力の近い 2 人なら学習できる。
    let coverage = book().saturating.coverage().unwrap();
    assert!(coverage.modes() >= 7, "{coverage:?}");
}

/// 2 点まとめて判定すると、覆う山が七つ以上に戻る。
#[test]
fn packing_cures_the_collapse() {
    let (cured, broken) = (book().cured.coverage().unwrap(), book().collapsed.coverage().unwrap());
    assert!(cured.modes() >= 7 && cured.modes() >= broken.modes() + 4, "{cured:?} {broken:?}");
}

/// 学習の後の数字は、学習の前よりずっと本物に近い。
#[test]
fn digits_move_towards_the_real_ones() {
    let [start, end, real] = book().digit_distances().unwrap();
    assert!(end < start / 10., "学習の前 {start}、学習の後 {end}");
    assert!(end < 0.2, "学習の後 {end}、本物どうし {real}");
}

/// 数字の学習は、途中で一度、どのノイズからも同じ字を作り、やがてほどける。
#[test]
fn digits_collapse_to_one_kind_on_the_way() {
    let variety = book().digits.variety().unwrap();
    // 図の 2 行目 (学習の 5 %) と最後の行。
    let (collapsed, end) = (variety[1], variety[variety.len() - 1]);
    assert!(collapsed < 0.25 && end > 0.6, "{variety:?}");
}

/// 生成器の損失が初めより高いまま終わっても、数字は本物に近づく。
#[test]
fn quality_improves_while_the_generator_loss_does_not_fall() {
    // 数字の絵は良くなり続けるのに、生成器の損失は学習の前 (およそ log 2) より高いまま終わる。
    let history = &book().digits.trained.history;
    let first = history.series("loss G")[0].1;
    let last = history.tail_mean("loss G", history.len() / 10);
    assert!(last > first, "最初 {first}、最後 {last}");
    let [start, end, _] = book().digit_distances().unwrap();
    assert!(end < start / 10.);
}

/// 学習の終わりの数字どうしの散らばりは、本物の 7 割を超える。
#[test]
fn digits_are_not_all_alike() {
    // 作った数字どうしの散らばりが、本物どうしの散らばりの 7 割を下回らない。
    let spread = |samples: candle_core::Tensor| {
        let mean = samples.mean_keepdim(0).unwrap();
        let centered = samples.broadcast_sub(&mean).unwrap();
        centered.sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap()
    };
    let digits = &book().digits.trained;
    let real = spread(ch03_gan::train::dataset(&digits.config).unwrap());
    let fake = spread(digits.generate(1_000, Seed(0)).unwrap());
    assert!(fake > 0.7 * real, "作ったもの {fake}、本物 {real}");
}

/// 種を 10 個変えても、300 回の更新では、どのノイズからもほとんど同じ字を作る。
#[test]
#[ignore = "10 個の種で、はじめの 300 回だけを学習します (数秒)"]
fn digits_collapse_to_one_kind_for_ten_seeds() {
    for seed in 0..10 {
        // 本の図の 2 行目 (学習の 5 %) で止める。最後の途中経過が、それに当たる。
        let config = Config { seed, steps: 300, ..Config::book(Data::Digits) };
        let outcome = book::run("種", &config, true).unwrap();
        let variety = outcome.variety().unwrap();
        let collapsed = variety[variety.len() - 1];
        println!("種 {seed}: {collapsed:.2}");
        assert!(collapsed < 0.1, "{collapsed}");
    }
}

#[test]
#[ignore = "学習していないモデルで、すべての主張を試します (数十秒)"]
fn claims_die_on_a_dead_model() {
    let dead = train(|config| Config { lr_g: 0., lr_d: 0., ..config });
    SUBJECT.set(Some(Box::leak(Box::new(dead))));
    let structure: &[(&str, &[&str])] = &[(
        "図や文を書くだけで、何も主張しない",
        &["figures_are_written", "the_terminal_gives_the_distance_of_the_page"],
    )];
    chapter::audit(include_str!("book.rs"), CLAIMS, structure);
}
