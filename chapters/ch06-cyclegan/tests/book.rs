//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::sync::LazyLock;

use candle_core::Tensor;
use ch06_cyclegan::book::{self, Book, Scores};
use ch06_cyclegan::config::Config;
use ch06_cyclegan::data::Dataset;
use common::measure::ssim;

static BOOK: LazyLock<Book> = LazyLock::new(|| common::nn::run(|| Book::train(0, true)).unwrap());

fn mean([a, b]: [f64; 2]) -> f64 {
    (a + b) / 2.
}

/// 訳す前の写真風と浮世絵風の SSIM。
fn untouched() -> f64 {
    ssim(&BOOK.main.dataset.test_x, &BOOK.main.dataset.test_y).unwrap()
}

#[test]
fn figures_are_written() {
    let fingerprint = book::fingerprint();
    let record = chapter::redraw("ch06-cyclegan", &fingerprint, |dir| BOOK.draw(dir));
    assert_eq!(record.configs["main"], serde_json::to_value(Config::book()).unwrap());
}

/// サイクル損失が下がり、中身が残る。
fn assert_content_survives(scores: Scores, [early, late]: [f64; 2], untouched: f64) {
    // どちらの向きにも、学習に出していない本当の対に近づく。
    assert!(scores.ssim.iter().all(|ssim| *ssim > untouched + 0.2), "{scores:?} {untouched}");
    assert!(late < 0.6 * early, "サイクル損失 {early} → {late}");
    assert!(scores.back.iter().all(|back| *back < 0.12), "{scores:?}");
}

/// サイクル損失は下がり、訳した絵は、訳す前よりも本当の対に近づく。
#[test]
fn cycle_loss_falls_and_content_survives() {
    let main = &BOOK.main;
    assert_content_survives(main.scores().unwrap(), main.cycle_early_and_late(), untouched());
}

/// サイクル損失を外すと、元に戻せず、中身が失われる。
fn assert_content_is_lost(gan_only: Scores, with_cycle: Scores) {
    assert!(mean(gan_only.back) > 1.8 * mean(with_cycle.back), "{gan_only:?} {with_cycle:?}");
    assert!(mean(gan_only.ssim) < mean(with_cycle.ssim) - 0.1, "{gan_only:?} {with_cycle:?}");
}

/// サイクル損失を外すと、元に戻したときの差が 1.8 倍より大きくなる。
#[test]
fn without_cycle_loss_content_is_lost() {
    // 違いがサイクル損失だけの、恒等損失のない 2 つの学習を比べる。
    let (gan_only, with_cycle) = (&BOOK.gan_only, &BOOK.no_identity);
    assert_content_is_lost(gan_only.scores().unwrap(), with_cycle.scores().unwrap());
    // それでも、敵対的損失は大きく違わない。敵対的損失だけを見ていては、中身が失われたことに気付けない。
    let tail = |outcome: &book::Outcome| outcome.trained.history.tail_mean("loss G", 30);
    let (a, b) = (tail(gan_only), tail(with_cycle));
    assert!((a - b).abs() < 0.3, "敵対的損失だけ {a}、サイクル損失あり {b}");
}

/// 恒等損失を外すと、変えなくてよい絵の変わり方が 1.5 倍より大きくなる。
#[test]
fn identity_loss_keeps_what_is_already_in_the_target_style() {
    let (with, without) = (BOOK.main.scores().unwrap(), BOOK.no_identity.scores().unwrap());
    assert!(mean(without.same) > 1.5 * mean(with.same), "{without:?} {with:?}");
}

#[test]
#[ignore = "10 個の種で学習します (20 分ほど)"]
fn claims_hold_for_ten_seeds() {
    common::nn::run(|| {
        for seed in 0..10 {
            let config = Config { seed, ..Config::book() };
            let run = |config: &Config| book::run("種", config, true).unwrap();
            let main = run(&config);
            let with = main.scores().unwrap();
            let no_identity = Config { lambda_identity: 0., ..config };
            let cycle = run(&no_identity).scores().unwrap();
            let gan_only = run(&Config { lambda_cycle: 0., ..no_identity }).scores().unwrap();
            eprintln!("種 {seed}: {with:?}\n  {cycle:?}\n  {gan_only:?}");
            let untouched = ssim(&main.dataset.test_x, &main.dataset.test_y).unwrap();
            assert_content_survives(with, main.cycle_early_and_late(), untouched);
            assert_content_is_lost(gan_only, cycle);
            assert!(mean(cycle.same) > 1.5 * mean(with.same));
        }
    });
}

/// Y を並べ替えても CycleGAN の成績は変わらず、対を使う Pix2Pix 型は壊れる。
#[test]
fn order_of_y_matters_only_when_training_on_pairs() {
    // Y を並べ替えると、混ぜた後のミニバッチはすべて変わる。それでも CycleGAN の成績は変わらない。
    let [plain, shuffled] = BOOK.order;
    assert!((plain - shuffled).abs() < 0.06, "並べ替える前 {plain}、後 {shuffled}");
    // 同じ並べ替えで、対を使う Pix2Pix 型は壊れる。
    let dataset = &BOOK.main.dataset;
    let paired = BOOK.paired.ssim(dataset).unwrap();
    let broken = BOOK.paired_shuffled.ssim(dataset).unwrap();
    assert!(broken < paired - 0.15, "対のまま {paired}、ずらすと {broken}");
}

/// 対があるデータなら、対を使う Pix2Pix 型のほうが CycleGAN より正解に近い。
#[test]
fn paired_training_wins_when_pairs_exist() {
    let paired = BOOK.paired.ssim(&BOOK.main.dataset).unwrap();
    let unpaired = BOOK.main.scores().unwrap().ssim[0];
    assert!(paired > unpaired + 0.02, "Pix2Pix 型 {paired}、CycleGAN {unpaired}");
}

/// 絵が良くなっていく間も、生成器の敵対的損失は半分までも下がらない。
#[test]
fn adversarial_losses_do_not_settle_while_pictures_improve() {
    let history = &BOOK.main.trained.history;
    let (early, late) = (history.len() / 4, history.len() / 10);
    let first: f64 = history.series("loss G")[late..early].iter().map(|p| p.1).sum::<f64>()
        / (early - late) as f64;
    let last = history.tail_mean("loss G", late);
    // 生成器の敵対的損失は、絵が良くなっても下がり切らない。
    assert!(last > 0.5 * first, "はじめ {first}、終わり {last}");
    let [xy, _] = &BOOK.main.recorder.similarity;
    let at = |part: f64| xy[(part * (xy.len() - 1) as f64) as usize].1;
    assert!(at(1.) > at(0.25) + 0.1, "{xy:?}");
}

/// 訳した絵の平均の色は、元の画風より、相手の画風に近い。
#[test]
fn translated_pictures_take_on_the_other_palette() {
    // 訳した絵の色の平均は、元の画風より、相手の画風に近い。
    let palette =
        |images: &Tensor| -> Vec<f32> { images.mean((0, 2, 3)).unwrap().to_vec1().unwrap() };
    let distance = |a: &[f32], b: &[f32]| -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    };
    let Dataset { test_x, test_y, .. } = &BOOK.main.dataset;
    let gan = &BOOK.main.trained.gan;
    let fake_y = palette(&gan.generator_xy.forward(test_x).unwrap());
    let fake_x = palette(&gan.generator_yx.forward(test_y).unwrap());
    let (x, y) = (palette(test_x), palette(test_y));
    assert!(distance(&fake_y, &y) < 0.5 * distance(&fake_y, &x));
    assert!(distance(&fake_x, &x) < 0.5 * distance(&fake_x, &y));
}
