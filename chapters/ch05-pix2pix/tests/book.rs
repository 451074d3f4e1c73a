//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::sync::LazyLock;

use ch05_pix2pix::book::{self, Book};
use ch05_pix2pix::config::Config;
use ch05_pix2pix::measure::{Measured, measure};
use common::measure::sharpness;

static BOOK: LazyLock<Book> = LazyLock::new(|| common::nn::run(|| Book::train(0, true)).unwrap());

#[test]
fn figures_are_written() {
    let fingerprint = book::fingerprint();
    let record = chapter::redraw("ch05-pix2pix", &fingerprint, |dir| BOOK.draw(dir));
    assert_eq!(record.configs["main"], serde_json::to_value(Config::book()).unwrap());
}

/// 同じ回数だけ学習した 5 つのうちの 1 つ。
fn compared(book: &Book, key: &str) -> Measured {
    let measured = book.measured().unwrap();
    measured.into_iter().find(|(known, _)| *known == key).unwrap().1
}

fn redrawn(book: &Book) {
    // 取り置いた 100 字で、入力のままより正解に近づく。
    let held_out = &book.main.trained.dataset.held_out;
    let input = measure(&held_out.x, &held_out.y).unwrap();
    let output = book.main.measure().unwrap();
    assert!(output.ssim > input.ssim + 0.1, "{input:?} {output:?}");
    assert!(output.l1 < 0.75 * input.l1, "{input:?} {output:?}");
}

fn blurs(book: &Book) {
    // 正解が 1 つに決まらないデータでは、L1 だけの出力はぼけ、GAN を足すと正解の鮮明さに近づく。
    let truth = sharpness(&book.main.trained.dataset.held_out.y).unwrap();
    let [l1, both] = book.shifted.each_ref().map(|outcome| outcome.measure().unwrap());
    println!("L1 だけ {l1:?}、両方 {both:?}、正解の鮮明さ {truth}");
    assert!(l1.sharpness < 0.75 * truth, "{l1:?} {truth}");
    assert!(both.sharpness > l1.sharpness + 0.025 && both.sharpness < truth, "{l1:?} {both:?}");
    // それでも、画素ごとの点数は、ぼけた L1 だけのほうが良い。
    assert!(l1.l1 < both.l1 && l1.ssim > both.ssim, "{l1:?} {both:?}");
}

fn lambda_hides_the_gan(book: &Book) {
    // 正解が 1 つに決まるデータで、L1 の重みが大きいと、点数には、ほとんど差がない。
    let (l1, both) = (compared(book, "l1"), compared(book, "both"));
    println!("L1 だけ {l1:?}、両方 {both:?}");
    assert!((l1.l1 - both.l1).abs() < 0.02 && (l1.ssim - both.ssim).abs() < 0.03);
}

fn strays(book: &Book) {
    // GAN だけだと、鮮明だが、正解からは遠い。
    let (gan, both) = (compared(book, "gan"), compared(book, "both"));
    assert!(gan.sharpness > both.sharpness + 0.02, "{gan:?} {both:?}");
    assert!(gan.l1 > both.l1 + 0.02 && gan.ssim < both.ssim - 0.04, "{gan:?} {both:?}");
}

fn needs_skips(book: &Book) {
    let (without, with) = (compared(book, "no_skips"), compared(book, "both"));
    assert!(without.ssim < with.ssim - 0.25, "{without:?} {with:?}");
    assert!(without.l1 > 1.3 * with.l1, "{without:?} {with:?}");
}

fn needs_pairs(book: &Book) {
    let (unpaired, paired) = (compared(book, "unpaired"), compared(book, "both"));
    assert!(unpaired.ssim < paired.ssim - 0.3, "{unpaired:?} {paired:?}");
    // 入力をそのまま写すよりも、正解から遠い。
    let held_out = &book.main.trained.dataset.held_out;
    let input = measure(&held_out.x, &held_out.y).unwrap();
    assert!(unpaired.ssim < input.ssim - 0.2 && unpaired.l1 > input.l1, "{unpaired:?} {input:?}");
}

fn noise_is_minor(book: &Book) {
    // ドロップアウトで出力は変わるが、その幅は正解との差の半分に満たない。
    let deviation = f64::from(book.main.noise_deviation().unwrap());
    let error = book.main.measure().unwrap().l1;
    assert!(deviation > 0.005 && deviation < error / 2., "{deviation} {error}");
}

fn patches_differ(book: &Book) {
    let [real, fake] = book.main.mean_patches().unwrap();
    assert!(real > fake + 0.1, "{real} {fake}");
}

/// 学習に使っていない字も、入力のままより正解に近い字に書き直す。
#[test]
fn held_out_characters_are_redrawn() {
    redrawn(&BOOK);
}

/// 正解がずれるデータを L1 だけで学習すると、出力は正解よりぼける。
#[test]
fn l1_alone_blurs() {
    blurs(&BOOK);
}

/// L1 の重みが大きいと、GAN を加えても点数はほとんど変わらない。
#[test]
fn a_large_lambda_hides_the_gan() {
    lambda_hides_the_gan(&BOOK);
}

/// GAN だけで学習すると、鮮明だが、正解からは遠くなる。
#[test]
fn gan_alone_strays_from_the_truth() {
    strays(&BOOK);
}

/// スキップ結合を外すと、正解からの差が 1.3 倍より大きくなる。
#[test]
fn skips_matter() {
    needs_skips(&BOOK);
}

/// 対をでたらめに組み替えて学習すると、入力のままよりも正解から遠くなる。
#[test]
fn unpaired_data_breaks_it() {
    needs_pairs(&BOOK);
}

/// ドロップアウトで出力は変わるが、その幅は正解との差の半分に満たない。
#[test]
fn noise_moves_the_output_only_a_little() {
    noise_is_minor(&BOOK);
}

/// 識別器は、本物のパッチに、作ったパッチよりも高い点を付ける。
#[test]
fn real_patches_score_higher_than_fake_ones() {
    patches_differ(&BOOK);
}

#[test]
#[ignore = "ほかの 3 つの種で、本の学習をすべて行います (数分)"]
fn claims_hold_for_three_more_seeds() {
    for seed in 1..=3 {
        let book = common::nn::run(|| Book::train(seed, true)).unwrap();
        println!("種 {seed}");
        println!("{:?}", book.measured().unwrap());
        println!(
            "{:?} {}",
            book.main.mean_patches().unwrap(),
            book.main.noise_deviation().unwrap()
        );
        for claim in [
            redrawn,
            blurs,
            lambda_hides_the_gan,
            strays,
            needs_skips,
            needs_pairs,
            noise_is_minor,
            patches_differ,
        ] {
            claim(&book);
        }
    }
}
