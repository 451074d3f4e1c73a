//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::sync::LazyLock;

use ch03_gan::book::{self, Book};
use ch03_gan::config::{Config, Data, GLoss};
use common::seed::Seed;

static BOOK: LazyLock<Book> =
    LazyLock::new(|| common::nn::run(|| Book::train(true, &|_| Ok(()))).unwrap());

#[test]
fn figures_are_written() {
    let fingerprint = book::fingerprint();
    let record = chapter::redraw("ch03-gan", &fingerprint, |dir| BOOK.draw(dir));
    assert_eq!(record.configs["ring"], serde_json::to_value(Config::book(Data::Ring)).unwrap());
}

/// 作った点は、八つの山のうち七つ以上を覆う。
#[test]
fn ring_covers_at_least_seven_modes() {
    let coverage = BOOK.ring.coverage().unwrap();
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
    // 壊した設定と治した設定も、種によらない。
    let collapsed = (0..10).filter(|&seed| covered(Config { seed, ..Config::collapsed() }) <= 3);
    assert!(collapsed.count() >= 9);
    let cured = (0..10).filter(|&seed| covered(Config { seed, ..Config::cured() }) >= 7);
    assert!(cured.count() >= 9);
    let saturating = |seed| Config { seed, g_loss: GLoss::Saturating, ..Config::book(Data::Ring) };
    assert!((0..10).filter(|&seed| covered(saturating(seed)) >= 7).count() >= 9);
}

/// 学習の終わりに、識別器の答えの平均は本物にも偽物にも 1/2 に近い。
#[test]
fn ring_discriminator_ends_near_one_half() {
    let history = &BOOK.ring.trained.history;
    for column in ["D(x)", "D(G(z))"] {
        let mean = history.tail_mean(column, history.len() / 10);
        assert!((mean - 0.5).abs() < 0.08, "{column} の平均 {mean}");
    }
}

/// 崩壊した学習では、八つの山のうち三つまでしか覆わない。
#[test]
fn collapsed_run_loses_modes() {
    let (broken, standard) = (BOOK.collapsed.coverage().unwrap(), BOOK.ring.coverage().unwrap());
    assert!(broken.modes() <= 3, "{broken:?}");
    assert!(broken.good() < standard.good(), "{broken:?} {standard:?}");
}

/// 崩壊した学習でも、識別器の答えの平均は 1/2 に近い。
#[test]
fn one_half_alone_does_not_mean_success() {
    // 崩壊した学習でも、識別器の答えの平均は 1/2 に近い。平均だけでは崩壊に気付けない。
    let history = &BOOK.collapsed.trained.history;
    for column in ["D(x)", "D(G(z))"] {
        let mean = history.tail_mean(column, history.len() / 10);
        assert!((mean - 0.5).abs() < 0.1, "{column} の平均 {mean}");
    }
    assert!(BOOK.collapsed.coverage().unwrap().modes() <= 3);
}

/// 力の近い二人なら、飽和する損失でも七つ以上の山を覆う。
#[test]
fn saturating_loss_also_learns_the_balanced_ring() {
    // 飽和が困るのは、識別器が大きく勝っている間だけ。力の近い 2 人なら学習できる。
    let coverage = BOOK.saturating.coverage().unwrap();
    assert!(coverage.modes() >= 7, "{coverage:?}");
}

/// 2 個まとめて見せる PacGAN にすると、崩壊していた学習が七つ以上の山を覆う。
#[test]
fn packing_cures_the_collapse() {
    let (cured, broken) = (BOOK.cured.coverage().unwrap(), BOOK.collapsed.coverage().unwrap());
    assert!(cured.modes() >= 7 && cured.modes() >= broken.modes() + 4, "{cured:?} {broken:?}");
}

/// 作った数字と本物との距離は、学習で 10 分の 1 より小さくなる。
#[test]
fn digits_move_towards_the_real_ones() {
    let [start, end, real] = BOOK.digit_distances().unwrap();
    assert!(end < start / 10., "学習の前 {start}、学習の後 {end}");
    assert!(end < 0.2, "学習の後 {end}、本物どうし {real}");
}

/// 作った数字は本物に近づくのに、生成器の損失は初めより高いまま終わる。
#[test]
fn quality_improves_while_the_generator_loss_does_not_fall() {
    // 数字の絵は良くなり続けるのに、生成器の損失は学習の前 (およそ log 2) より高いまま終わる。
    let history = &BOOK.digits.trained.history;
    let first = history.series("loss G")[0].1;
    let last = history.tail_mean("loss G", history.len() / 10);
    assert!(last > first, "最初 {first}、最後 {last}");
    let [start, end, _] = BOOK.digit_distances().unwrap();
    assert!(end < start / 10.);
}

#[test]
fn digits_are_not_all_alike() {
    // 作った数字どうしの散らばりが、本物どうしの散らばりの 7 割を下回らない。
    let spread = |samples: candle_core::Tensor| {
        let mean = samples.mean_keepdim(0).unwrap();
        let centered = samples.broadcast_sub(&mean).unwrap();
        centered.sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap()
    };
    let digits = &BOOK.digits.trained;
    let real = spread(ch03_gan::train::dataset(&digits.config).unwrap());
    let fake = spread(digits.generate(1_000, Seed(0)).unwrap());
    assert!(fake > 0.7 * real, "作ったもの {fake}、本物 {real}");
}
