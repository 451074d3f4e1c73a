//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;
mod untrained;

use std::cell::Cell;
use std::sync::LazyLock;

use ch01_generative_models::book::{self, AXES_OF, Book, MODELS};
use ch01_generative_models::config::{Config, Data, Model};
use ch01_generative_models::figures::{self, Sweep};
use ch01_generative_models::measure::{self, generate, mean};
use common::seed::Seed;

static BOOK: LazyLock<Book> =
    LazyLock::new(|| common::nn::run(|| Book::train(true, &|_| Ok(()))).unwrap());

thread_local! {
    static SUBJECT: Cell<Option<&'static Book>> = const { Cell::new(None) };
}

/// 主張を確かめる相手。監査が、学習していない本に替えます。
fn book() -> &'static Book {
    SUBJECT.get().unwrap_or_else(|| &BOOK)
}

#[test]
fn figures_are_written() {
    let fingerprint = book::fingerprint();
    let record = chapter::redraw("ch01-generative-models", &fingerprint, |dir| BOOK.draw(dir));
    let config = Config::book(Data::Digits, Model::Mixture);
    assert_eq!(record.configs["digits.mixture"], serde_json::to_value(config).unwrap());
}

/// テストデータの対数尤度は、独立画素、ガウス、混合ガウスの順に高くなる。
#[test]
fn held_out_likelihood_grows_with_the_model() {
    let [pixels, gaussian, mixture] =
        book().digits.each_ref().map(|outcome| outcome.log_likelihood()[1]);
    assert!(gaussian > pixels + 10., "独立画素 {pixels}、ガウス {gaussian}");
    assert!(mixture > gaussian + 4., "ガウス {gaussian}、混合 {mixture}");
    // どれも、何も知らないモデルの log₂ 17 ビットよりは良い。
    assert!(measure::bits_per_pixel(pixels, 64) < 17f64.log2());
}

#[test]
#[ignore = "10 個の種で学習します (数十秒)"]
fn held_out_likelihood_grows_with_the_model_for_ten_seeds() {
    for seed in 0..10 {
        let outcomes = MODELS.map(|model| {
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
        let start = outcomes[2].start().unwrap();
        let start = measure::purity(&start.classes[0], real, 10);
        println!("種 {seed}: {held_out:.1?} {distance:.4?} {flipped:.2} {start:.2} {purity:.2}");
        assert!(held_out[1] > held_out[0] + 10. && held_out[2] > held_out[1] + 4.);
        assert!(distance[1] < distance[0] / 2. && distance[2] < distance[1]);
        assert!(flipped > 0.85 && purity > start);
    }
}

/// 作った数字と本物との距離は、独立画素、ガウス、混合ガウスの順に縮む。
#[test]
fn samples_get_closer_to_the_real_ones() {
    let [pixels, gaussian, mixture] =
        book().digits.each_ref().map(|outcome| outcome.distance().unwrap());
    assert!(gaussian < pixels / 2., "独立画素 {pixels}、ガウス {gaussian}");
    assert!(mixture < gaussian - 0.002, "ガウス {gaussian}、混合 {mixture}");
}

/// 作った数字は、どの訓練データの写しでもない。
#[test]
fn samples_are_not_copies_of_the_training_images() {
    let mut means = Vec::new();
    let split = &book().digits[0].split;
    let real = measure::nearest(&split.held_out.x, &split.train.x);
    for outcome in &book().digits {
        let (fake, _) = generate(&outcome.trained.model, None, 500, Seed(0));
        let nearest = measure::nearest(&fake, &split.train.x);
        // 見たことのない本物よりも、さらに訓練データから離れている。
        assert!(mean(&nearest) > mean(&real));
        // いちばん似ているものでも、雑音 1 段ぶん (1/8 を 64 画素) より遠い。
        let closest = nearest.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(closest > 1., "いちばん近い訓練データまで {closest}");
        means.push(mean(&nearest));
    }
    // 遠いだけなら、何も学んでいない絵でもよい。よく学んだモデルほど、写しではないのに近い。
    assert!(means[1] < means[0] - 0.4 && means[2] < means[1] - 0.4, "{means:?}");
}

/// 山を増やすほど訓練データの尤度は上がり続け、テストデータの尤度は途中から下がる。
#[test]
fn too_many_components_overfit() {
    let points = &book().components.points;
    // 訓練データの尤度は、成分を増やすほど上がり続ける。
    assert!(points.windows(2).all(|pair| pair[1].1 > pair[0].1));
    // テストデータの尤度は、途中でいちばん高くなり、多すぎると 1 つの正規分布よりも悪くなる。
    let best = points.iter().max_by(|a, b| a.2.total_cmp(&b.2)).unwrap();
    let (one, most) = (points[0], points[points.len() - 1]);
    assert!((5. ..=10.).contains(&best.0), "いちばん良い成分の数 {}", best.0);
    assert!(best.2 > one.2 + 4. && best.2 > most.2 + 5.);
    assert!(most.1 - most.2 > 3. * (best.1 - best.2), "訓練とテストの差が広がる");
}

/// 分散の下限を下げるほど訓練データの尤度は上がり続け、学習に使わないデータの尤度は落ちる。
#[test]
fn without_a_floor_the_training_likelihood_explodes() {
    let points = &book().floors.points;
    // 下限を下げるほど訓練データの尤度は上がり、テストデータの尤度は、あるところから落ちる。
    assert!(points.windows(2).all(|pair| pair[0].1 > pair[1].1 + 5.));
    let best = points.iter().max_by(|a, b| a.2.total_cmp(&b.2)).unwrap();
    assert_eq!(best.0, -2.);
    assert!(points[0].2 < best.2 - 30. && points[0].1 > best.1 + 30.);
}

/// 上下逆さまの数字とノイズには、本物より低い密度が付く。
#[test]
fn upside_down_and_noise_get_lower_likelihood() {
    let suspects = book().suspects();
    for outcome in &book().digits[1..] {
        let [real, flipped, noise] =
            suspects.each_ref().map(|x| outcome.trained.model.log_density(x));
        assert!(measure::win_rate(&real, &flipped) > 0.8);
        assert!(mean(&real) > mean(&flipped) + 8.);
        // 雑音は、いちばん出にくい本物よりも、さらに出にくい。
        let lowest = real.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(noise.iter().all(|log| *log < lowest));
    }
}

/// 「0」だけのガウスの三つの軸のうち、2 本めだけが字を傾け、1 本めは墨を減らし、3 本めは増やす。
#[test]
fn axes_of_one_digit_are_thickness_and_slant() {
    let gaussian = &book().by_label.trained.model.classes[AXES_OF].components[0];
    // 墨の量と、傾き (縦へ 1 進むと、墨が横へいくら寄るか)。
    let measure = |image: &[f64]| {
        let ink: Vec<f64> = image.iter().map(|v| (v + 1.).clamp(0., 2.) / 2.).collect();
        let total: f64 = ink.iter().sum();
        let mean = |f: &dyn Fn(f64, f64) -> f64| {
            let at = |i: usize| f((i % 8) as f64, (i / 8) as f64);
            ink.iter().enumerate().map(|(i, ink)| ink * at(i)).sum::<f64>() / total
        };
        let (x, y) = (mean(&|x, _| x), mean(&|_, y| y));
        (total, mean(&|a, b| (a - x) * (b - y)) / mean(&|_, b| (b - y) * (b - y)))
    };
    let changes = figures::principal(gaussian).into_iter().take(3).map(|axis| {
        let ends = figures::along(gaussian, axis, 2);
        let [from, to] = [0, 1].map(|end| measure(ends.column(end).as_slice()));
        (to.0 - from.0, to.1 - from.1)
    });
    let changes: Vec<(f64, f64)> = changes.collect();
    let slant = |axis: usize| changes[axis].1.abs();
    assert!(slant(1) > 3. * slant(0).max(slant(2)), "{changes:?}");
    assert!(changes[0].0 < -3. && changes[2].0 > 3., "{changes:?}");
}

/// EM は、ラベルを見ずに、山と数字の一致を出発点より良くする。
#[test]
fn components_find_digits_without_labels() {
    let outcome = &book().digits[2];
    let mixture = &outcome.trained.model.classes[0];
    let purity = measure::purity(mixture, &outcome.split.held_out, 10);
    // でたらめに分ければ 1 割あまり。選んだ 10 枚のどれに近いかで分けるだけ (EM の出発点) でも、半分を超える。
    let start = book().purity_at_start().unwrap();
    assert!(purity > start + 0.05, "EM の前 {start}、後 {purity}");
}

/// 条件付きで作った数字を、別の識別モデルは頼んだとおりの数字だと答える。
#[test]
fn conditional_generation_obeys_the_label() {
    // 別に学習した識別モデルに見せると、頼んだ数字だと答える。
    let obedience = book().obedience().unwrap();
    assert!(obedience > 0.9, "{obedience}");
    // 無条件のモデルの標本では、識別モデルの答えは 10 種類に散らばる。
    let (x, _) = generate(&book().digits[2].trained.model, None, 500, Seed(0));
    let posterior = book().digit_classifier.trained.classifier.posterior(&x).unwrap();
    let mut counts = [0; 10];
    posterior.column_iter().for_each(|p| counts[p.imax()] += 1);
    assert!(counts.iter().all(|&count| (5..200).contains(&count)), "{counts:?}");
}

/// 数字ごとの密度からベイズの定理で分類しても、識別モデルに負けない。
#[test]
fn generative_model_also_classifies() {
    // クラスごとの密度からベイズの定理で識別しても、識別モデルに負けない。
    let outcome = &book().by_label;
    let posterior = outcome.trained.model.posterior(&outcome.split.held_out.x);
    let bayes = measure::accuracy(&posterior, &outcome.split.held_out.labels);
    let classifier = book().digit_classifier.accuracy().unwrap();
    assert!(bayes > 0.95 && classifier > 0.93, "生成 {bayes}、識別 {classifier}");
}

/// 三日月では、混合ガウスの尤度がほかの二つよりずっと高い。
#[test]
fn moons_need_a_mixture() {
    let [pixels, gaussian, mixture] =
        book().moons.each_ref().map(|outcome| outcome.log_likelihood()[1]);
    assert!(pixels < gaussian && gaussian + 0.8 < mixture, "{pixels} {gaussian} {mixture}");
}

/// 学習していない本。
fn untrained_book() -> Book {
    let book = common::nn::run(|| Book::train(true, &|_| Ok(()))).unwrap();
    let sweep = |settings: &[(f64, Config)]| Sweep {
        points: settings
            .iter()
            .map(|(value, config)| {
                let outcome = book::run("試験", config, true).unwrap();
                let [train, held_out] = untrained::outcome(outcome).log_likelihood();
                (*value, train, held_out)
            })
            .collect(),
    };
    Book {
        classifier: untrained::classifier(&book.classifier.trained.config),
        blobs: untrained::outcome(book.blobs),
        moons: book.moons.map(untrained::outcome),
        digits: book.digits.map(untrained::outcome),
        by_label: untrained::outcome(book.by_label),
        digit_classifier: untrained::classifier(&book.digit_classifier.trained.config),
        components: sweep(&book::components()),
        floors: sweep(&book::floors()),
        few: sweep(&book::few()),
        crowded: sweep(&book::crowded()),
        compared: book.compared,
    }
}

#[test]
#[ignore = "学習していないモデルで、すべての主張を試します (数十秒)"]
fn claims_die_on_a_dead_model() {
    SUBJECT.set(Some(Box::leak(Box::new(untrained_book()))));
    let claims = chapter::claims![
        held_out_likelihood_grows_with_the_model,
        samples_get_closer_to_the_real_ones,
        samples_are_not_copies_of_the_training_images,
        too_many_components_overfit,
        without_a_floor_the_training_likelihood_explodes,
        upside_down_and_noise_get_lower_likelihood,
        axes_of_one_digit_are_thickness_and_slant,
        components_find_digits_without_labels,
        conditional_generation_obeys_the_label,
        generative_model_also_classifies,
        moons_need_a_mixture,
    ];
    let structure: &[(&str, &[&str])] =
        &[("図を書くだけで、何も主張しない", &["figures_are_written"])];
    chapter::audit(include_str!("book.rs"), claims, structure);
}
