//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::cell::Cell;
use std::sync::LazyLock;

use candle_core::Tensor;
use ch04_dcgan::book::{self, Book, Outcome};
use ch04_dcgan::config::Config;
use ch04_dcgan::measure::Answer;
use common::seed::Seed;

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
    samples_move_towards_the_real_ones,
    samples_are_not_all_alike,
    dcgan_beats_the_mlp_with_the_same_budget,
    samples_are_not_copies_of_training_characters,
    walking_in_z_beats_mixing_pixels,
    arithmetic_in_z_moves_the_attribute,
    without_batch_norm_learning_is_worse,
    a_large_learning_rate_breaks_learning,
];

/// 図と run.json を、いまのソースから書ける。
#[test]
fn figures_are_written() {
    let fingerprint = book::fingerprint();
    let record = chapter::redraw_with_answers(
        "ch04-dcgan",
        &fingerprint,
        |dir| book().draw(dir),
        book::answers,
    );
    assert_eq!(record.configs["dcgan"], serde_json::to_value(Config::book()).unwrap());
}

/// 学習すると、作った字と本物との隔たりが、学習の前の 5 分の 1 より小さくなる。
#[test]
fn samples_move_towards_the_real_ones() {
    let book = book();
    let (start, end, real) = book.dcgan.distances().unwrap();
    println!("学習の前 {start}、後 {end}、本物どうし {real}");
    assert!(end < start / 5. && end < 0.3, "学習の前 {start}、後 {end}");
    assert!(real.abs() < end, "本物どうし {real}");
}

/// 作った字の散らばりは、本物の 7 割より大きい。
#[test]
fn samples_are_not_all_alike() {
    let book = book();
    // 画素ごとの散らばりが、本物の 7 割を下回らない。
    let spread = |images: Tensor| -> f32 {
        let centered = images.broadcast_sub(&images.mean_keepdim(0).unwrap()).unwrap();
        centered.sqr().unwrap().mean_all().unwrap().to_scalar().unwrap()
    };
    let trained = &book.dcgan.trained;
    let real = spread(trained.pictures.sample(500, &mut Seed(0).rng("spread")).unwrap());
    let fake = spread(trained.generate(500, Seed(0)).unwrap());
    println!("散らばり {fake}、本物 {real}");
    assert!(fake > 0.7 * real, "作ったもの {fake}、本物 {real}");
}

/// 同じ計算時間で、DCGAN は全結合の GAN より本物に近づく。
#[test]
fn dcgan_beats_the_mlp_with_the_same_budget() {
    let book = book();
    let [dcgan, mlp] = book.compared_distances();
    println!("DCGAN {dcgan}、全結合 {mlp}");
    assert!(dcgan < 0.7 * mlp, "DCGAN {dcgan}、全結合 {mlp}");
    // 学習する数は、全結合のほうが多い。畳み込みは同じ重みを場所を変えて使い回す。
    let count = |outcome: &book::Outcome| {
        let variables = &outcome.trained.gan.variables;
        ["generator", "discriminator"].map(|network| variables.parameters(network))
    };
    let (conv, full) = (count(&book.dcgan), count(&book.mlp));
    assert!(full[0] > 2 * conv[0] && full[1] > 2 * conv[1], "{conv:?} {full:?}");
}

/// 作った字は漢字らしく、どの訓練用の字の写しでもない。
#[test]
fn samples_are_not_copies_of_training_characters() {
    let book = book();
    let nearest = book.dcgan.nearest().unwrap();
    println!(
        "作った {}、同じ字 {}、ほかの字 {}、写し {}",
        nearest.fake, nearest.same, nearest.other, nearest.copies
    );
    // 丸ごと覚えた字を少し置き直しただけなら、same と同じくらいになるはず。
    assert!(nearest.fake > 1.3 * nearest.same);
    assert!(nearest.copies < 0.02);
    // でたらめな絵も、写しではない。漢字らしいものが、いろいろな字の近くに出ていてはじめて、意味がある。
    let (start, end, _) = book.dcgan.distances().unwrap();
    println!("近い字の種類 {}", nearest.kinds);
    assert!(end < start / 5. && nearest.kinds > 100, "{start} {end} {}", nearest.kinds);
}

/// z の中間から作った字は、画素を混ぜた絵より本物に近い。
#[test]
fn walking_in_z_beats_mixing_pixels() {
    let book = book();
    let [walked, mixed] = book.dcgan.midpoints().unwrap();
    println!("z の中間 {walked}、画素の中間 {mixed}");
    assert!(walked < 0.6 * mixed, "z の中間 {walked}、画素の中間 {mixed}");
}

/// 足し引きの答えは、関わりのない差を足したものより太く、逆向きはそれより細い。
#[test]
fn arithmetic_in_z_moves_the_attribute() {
    let book = book();
    let places = book.dcgan.arithmetic().unwrap();
    for (answer, place) in &places {
        println!("{answer:?} 太さ {:.2} 込み具合 {:.2}", place.thickness, place.outline);
    }
    // でたらめな z や、性質と関わりのない差を足しただけでも、細い字は太くなる。「前より太い」は証拠にならない。
    // a − b に「太い」という向きがあるなら、関わりのない差より太くなり、逆向きにすると細くなるはず。
    let thickness = |wanted| places.iter().find(|place| place.0 == wanted).unwrap().1.thickness;
    let answer = thickness(Answer::Arithmetic);
    let (unrelated, reversed) = (thickness(Answer::Unrelated), thickness(Answer::Reversed));
    assert!(answer > unrelated + 0.1 && unrelated > reversed, "{places:?}");
}

/// バッチ正規化を抜くと出だしが遅れる: 200 回更新した時点で、標準より本物から遠く、識別器の優勢が大きい。
#[test]
fn without_batch_norm_learning_is_worse() {
    // それより後では、種や CPU によって、標準に追い付くことがある。
    const EARLY: usize = 200;
    let book = book();
    let [standard, no_norm] =
        [&book.dcgan, &book.no_norm].map(|outcome| outcome.recorder.distance_at(EARLY));
    println!("本編 {standard}、BatchNorm なし {no_norm}");
    assert!(no_norm > standard + 0.5, "本編 {standard}、BatchNorm なし {no_norm}");
    // 識別器の優勢: 本物への答えと偽物への答えの差。どちらも、その直前の 20 回で測る。
    let lead = |outcome: &Outcome| {
        let mean = |name| {
            let series = outcome.trained.history.series(name);
            let last = &series[EARLY - 20..EARLY];
            last.iter().map(|point| point.1).sum::<f64>() / last.len() as f64
        };
        mean("D(x)") - mean("D(G(z))")
    };
    let [standard, no_norm] = [&book.dcgan, &book.no_norm].map(lead);
    println!("識別器の優勢: 本編 {standard}、BatchNorm なし {no_norm}");
    assert!(no_norm > 0.4, "{no_norm}"); // 学習していない識別器は、どちらにも 1/2 のあたりを答える。
    assert!(no_norm > standard + 0.05, "本編 {standard}、BatchNorm なし {no_norm}");
}

/// 学習率を 200 倍にすると、生成器の損失が何倍にも膨らみ、落ち着かない。
#[test]
fn a_large_learning_rate_breaks_learning() {
    let book = book();
    // どう壊れるかも、そのときの本物からの遠さも、種によって違う。膨らむことは変わらない。
    let loss_g = |outcome: &Outcome| {
        let history = &outcome.trained.history;
        history.tail_mean("loss G", history.len() / 10)
    };
    let [standard, large_lr] = [&book.dcgan, &book.large_lr].map(loss_g);
    println!("loss G: 本編 {standard}、大きな学習率 {large_lr}");
    assert!(large_lr > 2.5 * standard, "本編 {standard}、大きな学習率 {large_lr}");
}

#[test]
#[ignore = "種を替えて、すべての実験を学習します (1 つの種に 1 分ほど)"]
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
