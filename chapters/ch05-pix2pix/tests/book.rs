//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::cell::Cell;
use std::sync::LazyLock;

use ch05_pix2pix::book::{self, Book};
use ch05_pix2pix::config::Config;
use ch05_pix2pix::measure::{Measured, measure};
use common::measure::sharpness;

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
    held_out_characters_are_redrawn,
    l1_alone_blurs,
    a_large_lambda_hides_the_gan,
    gan_alone_strays_from_the_truth,
    skips_matter,
    unpaired_data_breaks_it,
    noise_moves_the_output_only_a_little,
    real_patches_score_higher_than_fake_ones,
];

/// 図と run.json を、いまのソースから書ける。
#[test]
fn figures_are_written() {
    let fingerprint = book::fingerprint();
    let record = chapter::redraw_with_answers(
        "ch05-pix2pix",
        &fingerprint,
        |dir| book().draw(dir),
        book::answers,
    );
    assert_eq!(record.configs["main"], serde_json::to_value(Config::book()).unwrap());
}

/// 同じ回数だけ学習した 5 つのうちの 1 つ。
fn compared(book: &Book, key: &str) -> Measured {
    book.measured(key).unwrap()
}

/// 一度も見せていない字でも、出力は入力のままより正解に近い。
#[test]
fn held_out_characters_are_redrawn() {
    let book = book();
    // 取り置いた 100 字で、入力のままより正解に近づく。
    let held_out = &book.main.trained.dataset.held_out;
    let input = measure(&held_out.x, &held_out.y).unwrap();
    let output = book.main.measure().unwrap();
    assert!(output.ssim > input.ssim + 0.1, "{input:?} {output:?}");
    assert!(output.l1 < 0.75 * input.l1, "{input:?} {output:?}");
}

/// 正解が一つに決まらないデータでは、L1 だけだとぼけ、GAN を足すと鮮明になる。
#[test]
fn l1_alone_blurs() {
    let book = book();
    // 正解が 1 つに決まらないデータでは、L1 だけの出力はぼけ、GAN を足すと正解の鮮明さに近づく。
    let truth = sharpness(&book.main.trained.dataset.held_out.y).unwrap();
    let [l1, both] = book.shifted.each_ref().map(|outcome| outcome.measure().unwrap());
    println!("L1 だけ {l1:?}、両方 {both:?}、正解の鮮明さ {truth}");
    assert!(l1.sharpness < 0.75 * truth, "{l1:?} {truth}");
    assert!(both.sharpness > l1.sharpness + 0.025 && both.sharpness < truth, "{l1:?} {both:?}");
    // それでも、画素ごとの点数は、ぼけた L1 だけのほうが良い。
    assert!(l1.l1 < both.l1 && l1.ssim > both.ssim, "{l1:?} {both:?}");
}

/// λ = 100 では、GAN を足しても点数がほとんど変わらず、引く力も L1 の半分に届かない。
#[test]
fn a_large_lambda_hides_the_gan() {
    let book = book();
    // 正解が 1 つに決まるデータで、L1 の重みが大きいと、点数には、ほとんど差がない。
    let (l1, both) = (compared(book, "l1"), compared(book, "both"));
    println!("L1 だけ {l1:?}、両方 {both:?}");
    assert!((l1.l1 - both.l1).abs() < 0.02 && (l1.ssim - both.ssim).abs() < 0.03);
    // 何も学んでいないから同じなのではない。どちらも、入力のままより正解に近い。
    let held_out = &book.main.trained.dataset.held_out;
    let input = measure(&held_out.x, &held_out.y).unwrap();
    assert!(l1.ssim > input.ssim + 0.04 && both.ssim > input.ssim + 0.04, "{input:?}");
    // GAN の項が G(x) を引く力は、L1 の項の半分にも届かない。λ を 10 に下げた学習では、差が縮まる。
    let [gan, l1] = book.main.pulls().unwrap();
    let [shifted_gan, shifted_l1] = book.shifted[1].pulls().unwrap();
    println!("引く力: λ = 100 で {gan} と {l1}、λ = 10 で {shifted_gan} と {shifted_l1}");
    assert!(gan < l1 / 2., "{gan} {l1}");
    assert!(shifted_gan / shifted_l1 > 1.5 * gan / l1, "{shifted_gan} {shifted_l1}");
}

/// GAN だけでは、鮮明だが、正解から遠い。
#[test]
fn gan_alone_strays_from_the_truth() {
    let book = book();
    // GAN だけだと、鮮明だが、正解からは遠い。
    let (gan, both) = (compared(book, "gan"), compared(book, "both"));
    assert!(gan.sharpness > both.sharpness + 0.02, "{gan:?} {both:?}");
    assert!(gan.l1 > both.l1 + 0.02 && gan.ssim < both.ssim - 0.04, "{gan:?} {both:?}");
}

/// スキップ結合を切ると、正解からずっと遠くなる。
#[test]
fn skips_matter() {
    let book = book();
    let (without, with) = (compared(book, "no_skips"), compared(book, "both"));
    assert!(without.ssim < with.ssim - 0.25, "{without:?} {with:?}");
    assert!(without.l1 > 1.3 * with.l1, "{without:?} {with:?}");
}

/// ペアをばらすと、入力のままより正解から遠くなる。
#[test]
fn unpaired_data_breaks_it() {
    let book = book();
    let (unpaired, paired) = (compared(book, "unpaired"), compared(book, "both"));
    assert!(unpaired.ssim < paired.ssim - 0.3, "{unpaired:?} {paired:?}");
    // 入力をそのまま写すよりも、正解から遠い。
    let held_out = &book.main.trained.dataset.held_out;
    let input = measure(&held_out.x, &held_out.y).unwrap();
    assert!(unpaired.ssim < input.ssim - 0.2 && unpaired.l1 > input.l1, "{unpaired:?} {input:?}");
}

/// ドロップアウトで変わる幅は正解との差の半分に満たず、おもに線の縁で変わる。
#[test]
fn noise_moves_the_output_only_a_little() {
    let book = book();
    // ドロップアウトで出力は変わるが、その幅は正解との差の半分に満たない。
    let [deviation, edge, flat] = book.main.noise().unwrap();
    let deviation = f64::from(deviation);
    let error = book.main.measure().unwrap().l1;
    assert!(deviation > 0.005 && deviation < error / 2., "{deviation} {error}");
    // 変わるのは、線の縁である。字を描けていないモデルには、縁が無い。
    println!("ばらつき {deviation}、縁 {edge}、ほか {flat}");
    assert!(edge > 2. * flat, "縁 {edge}、ほか {flat}");
}

/// 識別器の区画ごとの答えは、本物の組で高く、偽物の組で低い。
#[test]
fn real_patches_score_higher_than_fake_ones() {
    let book = book();
    let [real, fake] = book.main.mean_patches().unwrap();
    assert!(real > fake + 0.1, "{real} {fake}");
    // 片側だけが本物の画像では、本物の側のほうが、本物らしいと判定される。
    let [of_real, of_fake, higher] = book.main.half_patches().unwrap();
    println!("本物 {real}、偽物 {fake}、片側だけ {of_real} {of_fake}、割合 {higher}");
    assert!(of_real > of_fake + 0.03 && higher > 0.6, "{of_real} {of_fake} {higher}");
}

#[test]
#[ignore = "ほかの種で、本の学習をすべて行います (1 つの種に 1 分ほど)"]
fn claims_hold_for_ten_seeds() {
    chapter::over_seeds(CLAIMS, |seed| {
        let book = train(|config| Config { seed, ..config });
        SUBJECT.set(Some(Box::leak(Box::new(book))));
    });
}

#[test]
#[ignore = "学習していないモデルで、すべての主張を試します (1 分ほど)"]
fn claims_die_on_a_dead_model() {
    let dead = train(|config| Config { lr: 0., ..config });
    SUBJECT.set(Some(Box::leak(Box::new(dead))));
    let structure = [("図を書くだけで、何も主張しない", &["figures_are_written"][..])];
    chapter::audit(include_str!("book.rs"), CLAIMS, &structure);
}
