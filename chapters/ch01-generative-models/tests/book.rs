//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::sync::LazyLock;

use ch01_generative_models::book::{self, Book, MODELS};
use ch01_generative_models::config::{Config, Data, Model};
use ch01_generative_models::measure::{self, generate, mean};
use common::seed::Seed;

static BOOK: LazyLock<Book> =
    LazyLock::new(|| common::nn::run(|| Book::train(true, &|_| Ok(()))).unwrap());

#[test]
fn figures_are_written() {
    let fingerprint = book::fingerprint();
    let record = chapter::redraw("ch01-generative-models", &fingerprint, |dir| BOOK.draw(dir));
    let config = Config::book(Data::Digits, Model::Mixture);
    assert_eq!(record.configs["digits.mixture"], serde_json::to_value(config).unwrap());
}

/// 保留データの尤度は、独立な画素、正規分布、混合の順に高くなる。
#[test]
fn held_out_likelihood_grows_with_the_model() {
    let [pixels, gaussian, mixture] =
        BOOK.digits.each_ref().map(|outcome| outcome.log_likelihood()[1]);
    assert!(gaussian > pixels + 10., "独立な画素 {pixels}、正規分布 {gaussian}");
    assert!(mixture > gaussian + 4., "正規分布 {gaussian}、混合 {mixture}");
    // どれも、何も知らないモデルの log₂ 17 ビットよりは良い。
    assert!(measure::bits_per_pixel(pixels, 64) < 17f64.log2());
}

#[test]
#[ignore = "10 個の種で学習します (数十秒)"]
fn held_out_likelihood_grows_with_the_model_for_ten_seeds() {
    for seed in 0..10 {
        let outcomes = MODELS.map(|(model, _)| {
            let config = Config { seed, ..Config::book(Data::Digits, model) };
            book::run("種", &config, true).unwrap()
        });
        let held_out = outcomes.each_ref().map(|outcome| outcome.log_likelihood()[1]);
        let distance = outcomes.each_ref().map(|outcome| outcome.distance().unwrap());
        let model = &outcomes[2].trained.model;
        let real = &outcomes[2].split.held_out;
        let log_real = model.log_density(&real.x);
        let log_flipped = model.log_density(&measure::upside_down(&real.x));
        let flipped = measure::win_rate(&log_real, &log_flipped);
        let purity = measure::purity(&model.classes[0], real, 10);
        println!("種 {seed}: {held_out:.1?} {distance:.4?} {flipped:.2} {purity:.2}");
        assert!(held_out[1] > held_out[0] + 10. && held_out[2] > held_out[1] + 4.);
        assert!(distance[1] < distance[0] / 2. && distance[2] < distance[1]);
        assert!(flipped > 0.85 && purity > 0.5);
    }
}

/// 標本は、独立な画素、正規分布、混合の順に本物に近づく。
#[test]
fn samples_get_closer_to_the_real_ones() {
    let [pixels, gaussian, mixture] =
        BOOK.digits.each_ref().map(|outcome| outcome.distance().unwrap());
    assert!(gaussian < pixels / 2., "独立な画素 {pixels}、正規分布 {gaussian}");
    assert!(mixture < gaussian - 0.002, "正規分布 {gaussian}、混合 {mixture}");
}

/// 作った画像は、見たことのない本物よりも学習データから離れていて、写しではない。
#[test]
fn samples_are_not_copies_of_the_training_images() {
    let split = &BOOK.digits[0].split;
    let real = measure::nearest(&split.held_out.x, &split.train.x);
    for outcome in &BOOK.digits {
        let (fake, _) = generate(&outcome.trained.model, None, 500, Seed(0));
        let nearest = measure::nearest(&fake, &split.train.x);
        // 見たことのない本物よりも、さらに学習データから離れている。
        assert!(mean(&nearest) > mean(&real));
        // いちばん似ているものでも、雑音 1 段ぶん (1/8 を 64 画素) より遠い。
        let closest = nearest.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(closest > 1., "いちばん近い学習データまで {closest}");
    }
}

/// 成分を増やすほど学習データの尤度は上がり、保留データの尤度は途中から落ちる。
#[test]
fn too_many_components_overfit() {
    let points = &BOOK.components.points;
    // 学習データの尤度は、成分を増やすほど上がり続ける。
    assert!(points.windows(2).all(|pair| pair[1].1 > pair[0].1));
    // 保留データの尤度は、途中でいちばん高くなり、多すぎると 1 つの正規分布よりも悪くなる。
    let best = points.iter().max_by(|a, b| a.2.total_cmp(&b.2)).unwrap();
    let (one, most) = (points[0], points[points.len() - 1]);
    assert!((5. ..=10.).contains(&best.0), "いちばん良い成分の数 {}", best.0);
    assert!(best.2 > one.2 + 4. && best.2 > most.2 + 5.);
    assert!(most.1 - most.2 > 3. * (best.1 - best.2), "学習と保留の差が広がる");
}

/// 分散の底を下げるほど学習データの尤度は上がり、保留データの尤度は途中から落ちる。
#[test]
fn without_a_floor_the_training_likelihood_explodes() {
    let points = &BOOK.floors.points;
    // 底を下げるほど学習データの尤度は上がり、保留データの尤度は、あるところから落ちる。
    assert!(points.windows(2).all(|pair| pair[0].1 > pair[1].1 + 5.));
    let best = points.iter().max_by(|a, b| a.2.total_cmp(&b.2)).unwrap();
    assert_eq!(best.0, -2.);
    assert!(points[0].2 < best.2 - 30. && points[0].1 > best.1 + 30.);
}

/// 上下逆さまの数字も雑音も、本物の数字より尤度が低い。
#[test]
fn upside_down_and_noise_get_lower_likelihood() {
    let suspects = BOOK.suspects();
    for outcome in &BOOK.digits[1..] {
        let [real, flipped, noise] =
            suspects.each_ref().map(|x| outcome.trained.model.log_density(x));
        assert!(measure::win_rate(&real, &flipped) > 0.8);
        assert!(mean(&real) > mean(&flipped) + 8.);
        // 雑音は、いちばん出にくい本物よりも、さらに出にくい。
        let lowest = real.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(noise.iter().all(|log| *log < lowest));
    }
}

/// ラベルを見せなくても、混合の成分はデータを数字ごとに分け、純度は半分を超える。
#[test]
fn components_find_digits_without_labels() {
    let outcome = &BOOK.digits[2];
    let mixture = &outcome.trained.model.classes[0];
    let purity = measure::purity(mixture, &outcome.split.held_out, 10);
    // でたらめに分ければ 1 割あまり。ラベルを見ていないのに、半分を超える。
    assert!(purity > 0.5, "純度 {purity}");
}

/// 頼んだ数字を作らせると、別に学習した識別モデルの答えも 9 割より多くその数字になる。
#[test]
fn conditional_generation_obeys_the_label() {
    // 別に学習した識別モデルに見せると、頼んだ数字だと答える。
    let obedience = BOOK.obedience().unwrap();
    assert!(obedience > 0.9, "{obedience}");
    // 無条件のモデルの標本では、識別モデルの答えは 10 種類に散らばる。
    let (x, _) = generate(&BOOK.digits[2].trained.model, None, 500, Seed(0));
    let posterior = BOOK.digit_classifier.trained.classifier.posterior(&x).unwrap();
    let mut counts = [0; 10];
    posterior.column_iter().for_each(|p| counts[p.imax()] += 1);
    assert!(counts.iter().all(|&count| (5..200).contains(&count)), "{counts:?}");
}

/// クラスごとの密度からベイズの定理で識別しても、正解率は 95 % を超える。
#[test]
fn generative_model_also_classifies() {
    // クラスごとの密度からベイズの定理で識別しても、識別モデルに負けない。
    let outcome = &BOOK.by_label;
    let posterior = outcome.trained.model.posterior(&outcome.split.held_out.x);
    let bayes = measure::accuracy(&posterior, &outcome.split.held_out.labels);
    let classifier = BOOK.digit_classifier.accuracy().unwrap();
    assert!(bayes > 0.95 && classifier > 0.93, "生成 {bayes}、識別 {classifier}");
}

#[test]
fn moons_need_a_mixture() {
    let [pixels, gaussian, mixture] =
        BOOK.moons.each_ref().map(|outcome| outcome.log_likelihood()[1]);
    assert!(pixels < gaussian && gaussian + 0.8 < mixture, "{pixels} {gaussian} {mixture}");
}
