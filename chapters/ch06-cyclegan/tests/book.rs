//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::cell::Cell;
use std::sync::LazyLock;

use candle_core::Tensor;
use ch06_cyclegan::book::{self, Book};
use ch06_cyclegan::config::Config;
use ch06_cyclegan::data::Dataset;
use ch06_cyclegan::toy;
use common::measure::ssim;

static BOOK: LazyLock<Book> = LazyLock::new(|| train(|config| config));

thread_local! {
    static SUBJECT: Cell<Option<&'static Book>> = const { Cell::new(None) };
}

/// 主張を確かめる相手。種を変える試験と監査が、別の本に替えます。
fn book() -> &'static Book {
    SUBJECT.get().unwrap_or_else(|| &BOOK)
}

fn train(change: impl Fn(Config) -> Config + Sync + Send) -> Book {
    common::nn::run(|| Book::train(change, true)).unwrap()
}

/// 学習してみなければ分からない主張。
const CLAIMS: &[(&str, fn())] = chapter::claims![
    cycle_loss_falls_and_content_survives,
    without_cycle_loss_content_is_lost,
    identity_loss_keeps_what_is_already_in_the_target_style,
    scenes_are_permuted_with_or_without_the_cycle_loss,
    order_of_y_matters_only_when_training_on_pairs,
    paired_training_wins_when_pairs_exist,
    adversarial_losses_do_not_settle_while_pictures_improve,
    translated_pictures_take_on_the_other_palette,
];

fn mean([a, b]: [f64; 2]) -> f64 {
    (a + b) / 2.
}

/// 訳す前の写真風と浮世絵風の SSIM。
fn untouched() -> f64 {
    ssim(&book().main.dataset.test_x, &book().main.dataset.test_y).unwrap()
}

/// 図と run.json を、いまのソースから書ける。
#[test]
fn figures_are_written() {
    let fingerprint = book::fingerprint();
    let record = chapter::redraw_with_answers(
        "ch06-cyclegan",
        &fingerprint,
        |dir| book().draw(dir),
        book::answers,
    );
    assert_eq!(record.configs["main"], serde_json::to_value(Config::book()).unwrap());
}

/// サイクル一貫性損失が下がり、どちらの向きにも本当のペアに近づく。
#[test]
fn cycle_loss_falls_and_content_survives() {
    let main = &book().main;
    let (scores, untouched) = (main.scores().unwrap(), untouched());
    println!("{scores:?} 変換の前 {untouched}");
    // どちらの向きにも、学習に出していない本当の対に近づく。
    assert!(scores.ssim.iter().all(|ssim| *ssim > untouched + 0.2), "{scores:?} {untouched}");
    let [early, late] = main.cycle_early_and_late();
    assert!(late < 0.6 * early, "サイクル損失 {early} → {late}");
    assert!(scores.back.iter().all(|back| *back < 0.12), "{scores:?}");
}

/// サイクル一貫性損失を外すと、元に戻せず、本当のペアから遠くなる。
#[test]
fn without_cycle_loss_content_is_lost() {
    // 違いがサイクル損失だけの、恒等損失のない 2 つの学習を比べる。
    let (gan_only, with_cycle) = (&book().gan_only, &book().no_identity);
    // サイクル損失を外すと、元に戻せず、中身が失われる。
    let (without, with) = (gan_only.scores().unwrap(), with_cycle.scores().unwrap());
    println!("なし {without:?}\nあり {with:?}");
    assert!(mean(without.back) > 1.8 * mean(with.back), "{without:?} {with:?}");
    assert!(mean(without.ssim) < mean(with.ssim) - 0.1, "{without:?} {with:?}");
    // それでも、敵対的損失は大きく違わない。敵対的損失だけを見ていては、中身が失われたことに気付けない。
    let tail = |outcome: &book::Outcome| outcome.trained.history.tail_mean("loss G", 30);
    let (a, b) = (tail(gan_only), tail(with_cycle));
    assert!((a - b).abs() < 0.3, "敵対的損失だけ {a}、サイクル損失あり {b}");
}

/// 小さな世界では、サイクル一貫性損失があっても無くても、たいてい場面が入れ替わる。
#[test]
fn scenes_are_permuted_with_or_without_the_cycle_loss() {
    let counts = book().toy.each_ref().map(|runs| toy::count(runs).unwrap());
    println!("正しい・入れ替わり・そろわない: {counts:?}");
    let [alone, cycle] = counts;
    // 3 枚がそろっても、たいてい入れ替わる。並べ替えは 6 通りで、正しいのは 1 通りだけである。
    assert!(alone[1] >= 5 && alone[1] > alone[0], "{counts:?}");
    // サイクル損失を足すと、ほとんどいつもそろう。それでも、正しい対応が選ばれるわけではない。
    assert!(cycle[2] <= 4 && cycle[1] >= 6 && cycle[1] > cycle[0], "{counts:?}");
}

/// 恒等損失があると、もう浮世絵である絵を変える量が小さくなる。
#[test]
fn identity_loss_keeps_what_is_already_in_the_target_style() {
    let (with, without) = (book().main.scores().unwrap(), book().no_identity.scores().unwrap());
    assert!(mean(without.same) > 1.5 * mean(with.same), "{without:?} {with:?}");
}

/// y の並べ替えで壊れるのは、ペアで学ぶ Pix2Pix 型だけである。
#[test]
fn order_of_y_matters_only_when_training_on_pairs() {
    // Y を並べ替えると、混ぜた後のミニバッチはすべて変わる。それでも CycleGAN の成績は変わらない。
    let [plain, shuffled] = book().order;
    assert!((plain - shuffled).abs() < 0.06, "並べ替える前 {plain}、後 {shuffled}");
    // 同じ並べ替えで、対を使う Pix2Pix 型は壊れる。
    let (paired, broken) = (book().paired.ssim, book().paired_shuffled.ssim);
    assert!(broken < paired - 0.15, "対のまま {paired}、ずらすと {broken}");
}

/// ペアがあれば、Pix2Pix 型のほうが本当のペアに近い。
#[test]
fn paired_training_wins_when_pairs_exist() {
    let paired = book().paired.ssim;
    let unpaired = book().main.scores().unwrap().ssim[0];
    assert!(paired > unpaired + 0.02, "Pix2Pix 型 {paired}、CycleGAN {unpaired}");
    // 何もない空に出る影も少ない。生成器の形もデータも同じなので、影の原因は、線の場所を教わらないことにある。
    let clean = book().paired.shadow;
    let shadows = book().main.scores().unwrap().shadow;
    println!("影: Pix2Pix 型 {clean}、CycleGAN {shadows}");
    assert!(clean < 0.7 * shadows, "Pix2Pix 型 {clean}、CycleGAN {shadows}");
}

/// 生成器の敵対的損失は下がり切らないまま、絵は本当のペアに近づく。
#[test]
fn adversarial_losses_do_not_settle_while_pictures_improve() {
    let history = &book().main.trained.history;
    let (early, late) = (history.len() / 4, history.len() / 10);
    let first: f64 = history.series("loss G")[late..early].iter().map(|p| p.1).sum::<f64>()
        / (early - late) as f64;
    let last = history.tail_mean("loss G", late);
    // 生成器の敵対的損失は、絵が良くなっても下がり切らない。
    assert!(last > 0.5 * first, "はじめ {first}、終わり {last}");
    let [xy, _] = &book().main.recorder.similarity;
    let at = |part: f64| xy[(part * (xy.len() - 1) as f64) as usize].1;
    assert!(at(1.) > at(0.25) + 0.1, "{xy:?}");
}

/// 変換した絵の色の平均は、元の画風より、行き先の画風に近い。
#[test]
fn translated_pictures_take_on_the_other_palette() {
    // 訳した絵の色の平均は、元の画風より、相手の画風に近い。
    let palette =
        |images: &Tensor| -> Vec<f32> { images.mean((0, 2, 3)).unwrap().to_vec1().unwrap() };
    let distance = |a: &[f32], b: &[f32]| -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    };
    let Dataset { test_x, test_y, .. } = &book().main.dataset;
    let gan = &book().main.trained.gan;
    let fake_y = palette(&gan.generator_xy.forward(test_x).unwrap());
    let fake_x = palette(&gan.generator_yx.forward(test_y).unwrap());
    let (x, y) = (palette(test_x), palette(test_y));
    assert!(distance(&fake_y, &y) < 0.5 * distance(&fake_y, &x));
    assert!(distance(&fake_x, &x) < 0.5 * distance(&fake_x, &y));
}

#[test]
#[ignore = "10 個の種で、すべての実験を学習します (10 分ほど)"]
fn claims_hold_for_ten_seeds() {
    chapter::over_seeds(CLAIMS, |seed| {
        let book = train(|config| Config { seed, ..config });
        SUBJECT.set(Some(Box::leak(Box::new(book))));
    });
}

#[test]
#[ignore = "学習していないモデルで、すべての主張を試します (1 分ほど)"]
fn claims_die_on_a_dead_model() {
    let dead = train(|config| Config { lr_g: 0., lr_d: 0., ..config });
    SUBJECT.set(Some(Box::leak(Box::new(dead))));
    let structure = [("図を書くだけで、何も主張しない", &["figures_are_written"][..])];
    chapter::audit(include_str!("book.rs"), CLAIMS, &structure);
}
