//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::cell::Cell;
use std::sync::LazyLock;

use ch07_diffusion::book::{self, Book, Letters, Points, SAMPLERS};
use ch07_diffusion::config::{Config, Data};
use ch07_diffusion::figures::glimpse_sharpness;
use ch07_diffusion::train::Sampler;

static BOOK: LazyLock<Book> = LazyLock::new(|| train(|config| config));

thread_local! {
    static SUBJECT: Cell<Option<&'static Book>> = const { Cell::new(None) };
}

/// 主張を確かめる相手。種を変える試験と監査が、別の本に替えます。
fn book() -> &'static Book {
    SUBJECT.get().unwrap_or_else(|| &BOOK)
}

fn train(change: impl Fn(Config) -> Config + Sync + Send) -> Book {
    common::nn::run(|| Book::train_as(true, &|_| Ok(()), change)).unwrap()
}

/// 学習してみなければ分からない主張。
const CLAIMS: &[(&str, fn())] = chapter::claims![
    ring_covers_all_eight_modes,
    moons_are_learned,
    without_time_the_ring_is_blurred,
    without_fresh_noise_modes_are_lost,
    confusing_noise_and_data_breaks_everything,
    too_few_steps_lose_quality,
    quality_improves_while_the_loss_hardly_falls,
    the_asked_letter_is_read,
    without_the_condition_the_letter_is_random,
    guidance_trades_diversity_for_agreement,
    the_first_guess_is_blurred,
    latent_diffusion_needs_fewer_steps,
];

/// 図と記録を書き、記録の設定は本の設定と一致する。
#[test]
fn figures_are_written() {
    let fingerprint = book::fingerprint();
    let record = chapter::redraw_with_answers(
        "ch07-diffusion",
        &fingerprint,
        |dir| book().draw(dir),
        book::answers,
    );
    assert_eq!(record.configs["ring"], serde_json::to_value(Config::book(Data::Ring)).unwrap());
}

fn steps(sampler: Sampler) -> usize {
    SAMPLERS.iter().position(|known| *known == sampler).unwrap()
}

fn share(letters: &Letters, w: f64) -> f64 {
    letters.guided(w).diversity / letters.real_diversity
}

/// 八つの山をすべて、かたよらずに覆い、標本の 9 割以上が山の中に落ちる。
#[test]
fn ring_covers_all_eight_modes() {
    let book = book();
    let coverage = &book.ring_stepped[0].coverage;
    assert_eq!(coverage.modes(), 8, "{coverage:?}");
    assert!(coverage.good() >= 0.93, "{coverage:?}");
    let least = *coverage.counts.iter().min().unwrap() as f64 / coverage.total as f64;
    assert!(least >= 0.08, "{coverage:?}");
}

/// 三日月も、本物とのエネルギー距離が小さい。
#[test]
fn moons_are_learned() {
    let book = book();
    let made = book.moons.points(Sampler::Ddpm).unwrap();
    let real = &book.moons.trained.dataset.held_out.x;
    let distance = common::data::energy_distance(&made, real).unwrap();
    assert!(distance < 0.01, "{distance}");
}

/// 時刻を渡さないと、山の中に落ちる標本がはっきり減る。
#[test]
fn without_time_the_ring_is_blurred() {
    let book = book();
    let (standard, timeless) = (&book.ring_stepped[0], &book.timeless);
    assert!(
        standard.coverage.good() > timeless.coverage.good() + 0.2,
        "{:?} {:?}",
        standard.coverage,
        timeless.coverage
    );
    assert!(standard.distance < timeless.distance);
}

/// 新しいノイズを足さないと、標本が一部の山に偏り、ほとんど落ちない山ができる。
#[test]
fn without_fresh_noise_modes_are_lost() {
    let book = book();
    let least = |points: &Points| *points.coverage.counts.iter().min().unwrap() as f64;
    let (silent, standard) = (least(&book.silent), least(&book.ring_stepped[0]));
    assert!(silent < 0.3 * standard, "{:?}", book.silent.coverage);
    assert!(book.silent.distance > 20. * book.ring_stepped[0].distance.max(0.01));
    // 字では、どれも読めるのに、同じ字どうしがほとんど同じ絵になる。
    let silent = &book.silent_letters;
    assert!(silent.agreement > 0.9, "{}", silent.agreement);
    assert!(silent.diversity < 0.4 * book.hiragana.guided(2.).diversity);
}

/// ε を x_0 と取り違えると、どの山にも落ちない。
#[test]
fn confusing_noise_and_data_breaks_everything() {
    let book = book();
    assert!(book.confused.coverage.good() < 0.1, "{:?}", book.confused.coverage);
    assert!(book.ring_stepped[0].coverage.good() > 0.9);
}

/// 歩数を減らすほど、山の中に落ちる標本が減り、1 歩では、ほとんど落ちない。
#[test]
fn too_few_steps_lose_quality() {
    let book = book();
    let good = |sampler| book.ring_stepped[steps(sampler)].coverage.good();
    assert!(good(Sampler::Ddpm) > good(Sampler::Ddim(10)));
    assert!(good(Sampler::Ddim(10)) > good(Sampler::Ddim(5)) + 0.05);
    assert!(good(Sampler::Ddim(5)) > good(Sampler::Ddim(1)) + 0.2);
    assert!(good(Sampler::Ddim(1)) < 0.3);
    // 50 歩なら、半分の回数で、まだ多くが山の中に落ちる。
    assert!(good(Sampler::Ddim(50)) > 0.85, "{}", good(Sampler::Ddim(50)));
}

/// 損失がほとんど下がらなくなったあとも、標本は良くなり続ける。
#[test]
fn quality_improves_while_the_loss_hardly_falls() {
    let book = book();
    let series = book.ring.trained.history.series("loss");
    let tenth = series.len() / 10;
    let mean = |from: usize, to: usize| {
        series[from..to].iter().map(|p| p.1).sum::<f64>() / (to - from) as f64
    };
    let (early, end) = (mean(tenth, 2 * tenth), mean(9 * tenth, series.len()));
    assert!(early < 0.5 * series[0].1, "{early}");
    assert!(end > 0.75 * early, "損失が下がり続けている: {early} {end}");
    let [before, after] = book.ring_distances();
    assert!(after < 0.6 * before, "{before} {after}");
}

/// 本物の字で学習した分類器が、頼んだ字をほぼいつも読める。
#[test]
fn the_asked_letter_is_read() {
    let book = book();
    for letters in [&book.digits, &book.hiragana] {
        let read = letters.guided(2.).agreement;
        assert!(read >= 0.95, "{read}");
    }
}

/// 条件なし (w = 0) では当てずっぽうに近く、条件を渡すと頼んだ字になる。
#[test]
fn without_the_condition_the_letter_is_random() {
    let book = book();
    for letters in [&book.digits, &book.hiragana, &book.pixels] {
        let chance = 1. / letters.outcome.trained.config.data.classes() as f64;
        assert!(letters.guided(0.).agreement < 3. * chance);
        assert!(letters.guided(1.).agreement > 0.7);
    }
}

/// ひらがなでは、ガイダンスを強めると読める割合が上がり、同じ字どうしの隔たりは縮む。
#[test]
fn guidance_trades_diversity_for_agreement() {
    let book = book();
    // 数字では、はじめからほとんど読めていて、隔たりもあまり変わらないので、主張しない。
    for letters in [&book.hiragana, &book.pixels] {
        assert!(letters.guided(2.).agreement > letters.guided(1.).agreement + 0.02);
        let (one, three) = (share(letters, 1.), share(letters, 3.));
        assert!(three < 0.92 * one, "{one} {three}");
    }
}

/// 途中の見積もりは、はじめはぼやけていて、終わりにはっきりする。
#[test]
fn the_first_guess_is_blurred() {
    let book = book();
    let [first, last] = glimpse_sharpness(&book.pixels.outcome.trained).unwrap();
    assert!(first < 0.8 * last, "{first} {last}");
    assert!(book.pixels.guided(2.).agreement > 0.8);
}

/// 一歩だけで作ると、画素のままの拡散は、潜在拡散より読めない字を作る。
#[test]
fn latent_diffusion_needs_fewer_steps() {
    let book = book();
    let read = |letters: &Letters, sampler| letters.stepped(sampler).agreement;
    let [latent, pixels] =
        [&book.hiragana, &book.pixels].map(|letters| read(letters, Sampler::Ddim(1)));
    assert!(latent > pixels + 0.2, "{latent} {pixels}");
    // 10 歩では、どちらが読めるかは種による。潜在拡散は、どの種でもよく読める。
    assert!(read(&book.hiragana, Sampler::Ddim(10)) > 0.85);
}

#[test]
#[ignore = "10 個の種で、すべての実験を学習します (5 分ほど)"]
fn claims_hold_for_ten_seeds() {
    chapter::over_seeds(CLAIMS, |seed| {
        let book = train(|config| Config { seed, ..config });
        SUBJECT.set(Some(Box::leak(Box::new(book))));
    });
}

#[test]
#[ignore = "学習していないモデルで、すべての主張を試します (30 秒ほど)"]
fn claims_die_on_a_dead_model() {
    let dead = train(|config| Config { lr: 0., ..config });
    SUBJECT.set(Some(Box::leak(Box::new(dead))));
    let structure = [("図を書くだけで、何も主張しない", &["figures_are_written"][..])];
    chapter::audit(include_str!("book.rs"), CLAIMS, &structure);
}
