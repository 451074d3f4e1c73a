//! 試験で問われる主張を、式・手計算・小さな学習で確かめます。どれも数秒で終わります。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;
mod untrained;

use std::ops::ControlFlow;

use ch01_generative_models::book::{self, ClassifierOutcome, Outcome};
use ch01_generative_models::config::{Config, Data, Labels, Model};
use ch01_generative_models::data::{self, Split};
use ch01_generative_models::figures;
use ch01_generative_models::measure::{self, generate, mean};
use ch01_generative_models::model::{Gaussian, Generative, Mixture};
use ch01_generative_models::train::{self, e_step, fit_gaussian, initial, m_step};
use common::seed::Seed;
use common::state::State;
use nalgebra::{DMatrix, DVector, dmatrix, dvector};
use tools::store::Store;

fn learn(config: &Config) -> Outcome {
    let outcome = book::run("試験", config, true).unwrap();
    if chapter::dead() { untrained::outcome(outcome) } else { outcome }
}

fn classify(config: &Config) -> ClassifierOutcome {
    if chapter::dead() {
        return untrained::classifier(config);
    }
    book::run_classifier("試験", config, true, &State::default()).unwrap()
}

/// 下限のない、最尤推定そのものの設定。
fn exact(model: Model) -> Config {
    Config { floor: 0., ..Config::tiny(Data::Moons, model) }
}

fn ones(n: usize) -> DVector<f64> {
    DVector::from_element(n, 1.)
}

fn assert_close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{a} と {b} の差が {tolerance} を超えました");
}

/// Σ p log(p / q)
fn kl(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).map(|(p, q)| if *p == 0. { 0. } else { p * (p / q).ln() }).sum()
}

// ───── 密度と最尤推定 ─────

/// 三つのモデルの密度は、平面全体で足し合わせると 1 になる。
#[test]
fn density_integrates_to_one() {
    for model in [Model::Pixels, Model::Gaussian, Model::Mixture] {
        let model = learn(&Config::tiny(Data::Moons, model)).trained.model;
        // 中点則。格子 400 × 400、範囲 [-4, 4]²。
        let step = 8. / 400.;
        let grid = DMatrix::from_fn(2, 400 * 400, |axis, i| {
            let cell = if axis == 0 { i % 400 } else { i / 400 };
            -4. + (cell as f64 + 0.5) * step
        });
        let total: f64 = model.log_density(&grid).iter().map(|log| log.exp() * step * step).sum();
        assert_close(total, 1., 1e-3);
    }
}

/// 対数密度が、手計算と一致する。
#[test]
fn log_density_matches_hand_computation() {
    // Σ = [[2, 1], [1, 2]] は行列式 3、逆行列 [[2, −1], [−1, 2]] / 3。x − μ = (1, 0) なら二次形式は 2/3。
    let gaussian =
        Gaussian::from_covariance(dvector![1., 1.], dmatrix![2., 1.; 1., 2.], 0.).unwrap();
    let hand = -(std::f64::consts::TAU.ln()) - 0.5 * 3f64.ln() - 1. / 3.;
    assert_close(gaussian.log_density(&dmatrix![2.; 1.])[0], hand, 1e-12);
}

/// ガウス分布の最尤推定は、標本の平均と、個数で割った共分散である。
#[test]
fn gaussian_mle_is_the_sample_mean_and_covariance() {
    let x = dmatrix![1., 2., 3., 6.; 0., 2., 1., 5.];
    let fitted = fit_gaussian(&exact(Model::Gaussian), &x, &ones(4)).unwrap();
    // 手計算: 平均 (3, 2)。個数 4 で割った分散は 14/4 と 14/4、共分散は 13/4。
    assert!((&fitted.mean - dvector![3., 2.]).norm() < 1e-12);
    assert!((fitted.covariance() - dmatrix![3.5, 3.25; 3.25, 3.5]).norm() < 1e-12);
}

/// 最尤推定から平均や軸や分散を少しでもずらすと、尤度が下がる。
#[test]
fn likelihood_is_highest_at_the_mle() {
    let x = learn(&Config::tiny(Data::Blobs, Model::Gaussian)).split.train.x;
    let fitted = fit_gaussian(&exact(Model::Gaussian), &x, &ones(x.ncols())).unwrap();
    let top = mean(&fitted.log_density(&x));
    // 平均をずらしても、分散を広げても狭めても、軸を回しても、尤度は下がる。
    let moved = |change: &dyn Fn(&mut Gaussian)| {
        let mut other = fitted.clone();
        change(&mut other);
        assert!(mean(&other.log_density(&x)) < top - 1e-6);
    };
    for shift in [-0.05, 0.05] {
        for axis in 0..2 {
            moved(&|g| g.mean[axis] += shift);
            moved(&|g| g.variances[axis] *= 1. + shift);
        }
        let (sin, cos) = shift.sin_cos();
        moved(&|g| g.axes = dmatrix![cos, -sin; sin, cos] * &g.axes);
    }
}

/// 表が 7 回、裏が 3 回なら、尤度は 0.7 でいちばん高い。
#[test]
fn coin_likelihood_is_highest_at_the_frequency() {
    // 表 7 回、裏 3 回。対数尤度 7 log q + 3 log(1 − q)。
    let log_likelihood = |q: f64| 7. * q.ln() + 3. * (1. - q).ln();
    let best = (1..1000).map(|i| f64::from(i) / 1000.);
    let best = best.max_by(|a, b| log_likelihood(*a).total_cmp(&log_likelihood(*b))).unwrap();
    assert_close(best, 0.7, 1e-12);
    assert_close(log_likelihood(0.7), -6.109, 5e-4);
}

/// 対数尤度の平均は、KL の符号を変えたものと、モデルによらない定数の和である。
#[test]
fn maximum_likelihood_minimises_the_forward_kl() {
    // 平均対数尤度 Σ p log q = −H(p) − KL(p‖q)。H(p) は q によらないので、2 つの最適化は同じになる。
    let p: [f64; 3] = [0.49, 0.02, 0.49];
    let entropy: f64 = -p.iter().map(|p| p * p.ln()).sum::<f64>();
    for q in [[1. / 3.; 3], [0.96, 0.02, 0.02], [0.2, 0.3, 0.5], p] {
        let likelihood: f64 = p.iter().zip(q).map(|(p, q)| p * q.ln()).sum();
        assert_close(likelihood, -entropy - kl(&p, &q), 1e-12);
    }
}

/// KL は、向きを変えると値も、勝つモデルも変わる。
#[test]
fn kl_divergence_is_asymmetric() {
    // 2 つの山 p を、広い q と、片方の山だけの q で近似する。
    let (p, broad, one) = ([0.49, 0.02, 0.49], [1. / 3.; 3], [0.96, 0.02, 0.02]);
    // KL(p‖q) は、p のあるところを q が取りこぼすのを嫌う。広いほうが勝つ。
    assert_close(kl(&p, &broad), 0.321, 5e-4);
    assert_close(kl(&p, &one), 1.238, 5e-4);
    // KL(q‖p) は、p のないところに q が広がるのを嫌う。片方の山だけのほうが勝つ。
    assert_close(kl(&broad, &p), 0.681, 5e-4);
    assert_close(kl(&one, &p), 0.582, 5e-4);
}

/// 標本の 99 % をノイズに替えても、対数尤度は log 100 までしか下がらない。
#[test]
fn noise_mixed_in_hardly_lowers_the_likelihood() {
    // 99 % を雑音に替えても、log p が下がるのは log 100 まで (Theis et al. 2016, 3.2 節)。
    let outcome = learn(&Config::book(Data::Digits, Model::Gaussian));
    let good = &outcome.trained.model.classes[0];
    let noise = Gaussian::independent(DVector::zeros(64), ones(64), 0.).unwrap();
    let x = &outcome.split.held_out.x;
    let noise_alone = mean(&noise.log_density(x));
    let spoiled =
        Mixture { weights: vec![0.01, 0.99], components: vec![good.components[0].clone(), noise] };
    let (before, after) = (mean(&good.log_density(x)), mean(&spoiled.log_density(x)));
    assert_close(100f64.ln(), 4.605, 5e-4);
    assert!(before - after <= 100f64.ln() + 1e-9, "{before} から {after}");
    // 尤度を支えているのは、残した 1 % のほうである。
    assert!(after > noise_alone + 20., "雑音入り {after}、雑音だけ {noise_alone}");
    // 下がり方は、独立な画素に替えたときの落ち込みよりずっと小さいのに、標本は 99 % が雑音になる。
    let pixels = learn(&Config::book(Data::Digits, Model::Pixels));
    let poor = mean(&pixels.trained.model.log_density(x));
    assert!(after > poor + 5., "雑音入り {after}、独立な画素 {poor}");
}

// ───── 3 つの生成モデル ─────

/// 独立画素のモデルは分散だけを残し、画素どうしの相関を捨てる。
#[test]
fn independent_pixels_keep_only_the_diagonal() {
    let x = learn(&Config::tiny(Data::Moons, Model::Pixels)).split.train.x;
    let [pixels, full] = [Model::Pixels, Model::Gaussian]
        .map(|model| fit_gaussian(&exact(model), &x, &ones(x.ncols())).unwrap().covariance());
    // 三日月には、はっきりした相関がある。
    assert!(full[(0, 1)].abs() > 0.02);
    assert_eq!(pixels[(0, 1)], 0.);
    for axis in 0..2 {
        assert_close(pixels[(axis, axis)], full[(axis, axis)], 1e-12);
    }
    // 作った点も、相関を失っている。
    let covariance = |model: Model| {
        let outcome = learn(&Config { floor: 0., ..Config::book(Data::Moons, model) });
        let (x, _) = generate(&outcome.trained.model, None, 20_000, Seed(1));
        fit_gaussian(&exact(Model::Gaussian), &x, &ones(20_000)).unwrap().covariance()[(0, 1)]
    };
    assert!(covariance(Model::Pixels).abs() < 0.01 && covariance(Model::Gaussian).abs() > 0.02);
}

/// 独立画素の密度は、画素ごとの密度の積である。
#[test]
fn independent_pixels_likelihood_is_a_product() {
    let outcome = learn(&Config::tiny(Data::Digits, Model::Pixels));
    let gaussian = &outcome.trained.model.classes[0].components[0];
    let x = &outcome.split.held_out.x;
    // log p(x) は、1 画素ずつの対数密度の和になる。
    let each: f64 = (0..64)
        .map(|pixel| {
            let one = Gaussian::independent(
                dvector![gaussian.mean[pixel]],
                dvector![gaussian.variances[pixel]],
                0.,
            );
            one.unwrap().log_density(&dmatrix![x[(pixel, 0)]])[0]
        })
        .sum();
    assert_close(gaussian.log_density(x)[0], each, 1e-9);
}

/// ガウス分布の軸は、散らばりがいちばん大きい向きから順に並ぶ主成分である。
#[test]
fn gaussian_axes_are_the_principal_components() {
    let outcome = learn(&Config { floor: 0., ..Config::book(Data::Digits, Model::Gaussian) });
    let gaussian = &outcome.trained.model.classes[0].components[0];
    let x = &outcome.split.train.x;
    let centered = ch01_generative_models::model::centered(x, &gaussian.mean);
    // 第 1 の軸は、どのランダムな向きよりも、データの散らばりが大きい向き (PCA の定義)。
    let spread = |direction: &DVector<f64>| {
        (direction.transpose() * &centered).norm_squared() / x.ncols() as f64
    };
    let first = figures::principal(gaussian)[0];
    let top = spread(&gaussian.axes.column(first).into());
    assert_close(top, gaussian.variances[first], 1e-9);
    let random = generate(&outcome.trained.model, None, 50, Seed(2)).0;
    for direction in random.column_iter() {
        assert!(spread(&direction.normalize()) < top);
    }
    // 軸は互いに直交し、軸の上では相関がない。
    let gram = gaussian.axes.transpose() * &gaussian.axes;
    assert!((gram - DMatrix::identity(64, 64)).abs().max() < 1e-9);
    let z = gaussian.axes.transpose() * &centered;
    let covariance = &z * z.transpose() / x.ncols() as f64;
    assert!((covariance - DMatrix::from_diagonal(&gaussian.variances)).abs().max() < 1e-9);
}

/// 作った点の平均と共分散は、学習した平均と共分散に一致する。
#[test]
fn sampling_matches_the_fitted_mean_and_covariance() {
    let fitted = learn(&Config::tiny(Data::Blobs, Model::Gaussian)).trained.model;
    let (x, _) = generate(&fitted, None, 200_000, Seed(1));
    let again = fit_gaussian(&exact(Model::Gaussian), &x, &ones(x.ncols())).unwrap();
    let gaussian = &fitted.classes[0].components[0];
    assert!((&again.mean - &gaussian.mean).norm() < 5e-3);
    assert!((again.covariance() - gaussian.covariance()).norm() < 5e-3);
}

/// EM の繰り返しで、訓練データの対数尤度は 1 回も下がらない。
#[test]
fn em_never_lowers_the_log_likelihood() {
    // 下限のない平面の点と、下限が効いている数字の両方で、1 回も下がらない。
    for (config, seed) in [
        (Config { components: 6, ..exact(Model::Mixture) }, 1),
        (Config { components: 6, ..exact(Model::Mixture) }, 2),
        (Config { components: 8, ..Config::tiny(Data::Digits, Model::Mixture) }, 1),
    ] {
        let x = data::dataset(&Config { seed, ..config.clone() }).unwrap().train.x;
        let mut mixture = initial(&config, &x, &mut Seed(seed).rng("initial")).unwrap();
        let mut previous = f64::NEG_INFINITY;
        let mut risen = 0;
        for _ in 0..25 {
            let (shares, log_likelihood) = e_step(&mixture, &x);
            assert!(log_likelihood >= previous - 1e-7, "{previous} から {log_likelihood}");
            risen += usize::from(log_likelihood > previous + 1e-3);
            previous = log_likelihood;
            if !chapter::dead() {
                mixture = m_step(&config, &x, &shares).unwrap();
            }
        }
        assert!(risen > 3, "対数尤度が上がったのは {risen} 回だけでした");
    }
}

/// どの山から来たかの確率は、足すと 1 になる。
#[test]
fn responsibilities_sum_to_one() {
    let outcome = learn(&Config::tiny(Data::Digits, Model::Mixture));
    let (shares, _) = e_step(&outcome.trained.model.classes[0], &outcome.split.train.x);
    for share in shares.column_iter() {
        assert_close(share.sum(), 1., 1e-12);
        assert!(share.iter().all(|p| (0. ..=1.).contains(p)));
    }
    let weights: f64 = outcome.trained.model.classes[0].weights.iter().sum();
    assert_close(weights, 1., 1e-12);
}

/// ラベルを隠して混合を学ぶと、山が隠れた種類とほぼ重なる。
#[test]
fn em_recovers_hidden_components_without_labels() {
    // 2 つのクラスのデータから、ラベルを隠して混合を学ぶと、隠れた成分がクラスとほぼ重なる。
    let config = Config { components: 2, ..Config::book(Data::Blobs, Model::Mixture) };
    for seed in 0..5 {
        let outcome = learn(&Config { seed, ..config.clone() });
        let mixture = &outcome.trained.model.classes[0];
        let purity = measure::purity(mixture, &outcome.split.held_out, 2);
        assert!(purity > 0.85, "種 {seed} の純度 {purity}");
    }
}

// ───── 識別モデルと生成モデル ─────

/// p(y) p(x|y) の表 `[クラス][x]` から、p(x) と、クラス 0 の p(y|x)。
fn bayes(joint: [&[f64]; 2]) -> (Vec<f64>, Vec<f64>) {
    let total: f64 = joint.iter().flat_map(|row| row.iter()).sum();
    let p_x: Vec<f64> = joint[0].iter().zip(joint[1]).map(|(a, b)| (a + b) / total).collect();
    let posterior = joint[0].iter().zip(&p_x).map(|(a, p)| a / total / p).collect();
    (p_x, posterior)
}

/// ベイズの定理の計算が、籠の手計算と一致する。
#[test]
fn bayes_rule_matches_hand_computation() {
    // 籠に、みかん 12 個 (小 8・中 3・大 1) と、りんご 8 個 (小 1・中 3・大 4)。
    let (p_x, posterior) = bayes([&[8., 3., 1.], &[1., 3., 4.]]);
    for (p, hand) in p_x.iter().zip([0.45, 0.30, 0.25]) {
        assert_close(*p, hand, 1e-12);
    }
    for (p, hand) in posterior.iter().zip([8. / 9., 0.5, 0.2]) {
        assert_close(*p, hand, 1e-12);
    }
    // この章の Generative も、同じ計算をしている。
    let part = |mean: f64| Mixture {
        weights: vec![1.],
        components: vec![Gaussian::independent(dvector![mean], dvector![1.], 0.).unwrap()],
    };
    let model = Generative { prior: vec![0.6, 0.4], classes: vec![part(-1.), part(1.)] };
    // x = 0.5 では、密度の比は exp(−(1.5² − 0.5²) / 2) = exp(−1)。
    let hand = 0.6 * (-1f64).exp() / (0.6 * (-1f64).exp() + 0.4);
    assert_close(model.posterior(&dmatrix![0.5])[(0, 0)], hand, 1e-12);
}

/// 生成モデルの密度から求めた答えと、識別モデルの答えが、ほぼ一致する。
#[test]
fn bayes_rule_matches_the_classifier() {
    // 広がりの同じ 2 つの正規分布なら、正しい p(y|x) はソフトマックスの形をしている。
    let many = |config: Config| Config { train: 20_000, ..config };
    for seed in 0..3 {
        let with_seed = |config| many(Config { seed, ..config });
        let generative = learn(&with_seed(Config::by_class(Data::Blobs)));
        let classifier = classify(&with_seed(Config::book(Data::Blobs, Model::Classifier)));
        let x = &generative.split.held_out.x;
        let gap = classifier.trained.classifier.posterior(x).unwrap()
            - generative.trained.model.posterior(x);
        assert!(gap.abs().max() < 0.08, "差の最大 {}", gap.abs().max());
        assert!(gap.abs().mean() < 0.02, "差の平均 {}", gap.abs().mean());
    }
}

/// まったく違う二つの分布が、同じ p(y|x) を持つことがある。
#[test]
fn two_densities_share_one_classifier() {
    // 籠の例: p(y|x) がまったく同じでも、p(x) の違う籠がある。
    let (near_x, near) = bayes([&[8., 3., 1.], &[1., 3., 4.]]);
    let (far_x, far) = bayes([&[8., 30., 10.], &[1., 30., 40.]]);
    for (a, b) in near.iter().zip(&far) {
        assert_close(*a, *b, 1e-12);
    }
    assert!(near_x[0] > 0.4 && far_x[0] < 0.1);
    // 連続な例: 平均も分散も 4 倍にした 2 つの正規分布は、どの x でも同じ p(y|x) を与える。
    let model = |scale: f64| {
        let class = |mean: f64| Mixture {
            weights: vec![1.],
            components: vec![
                Gaussian::independent(dvector![mean * scale], dvector![scale], 0.).unwrap(),
            ],
        };
        Generative { prior: vec![0.5, 0.5], classes: vec![class(-1.), class(1.)] }
    };
    let x = DMatrix::from_fn(1, 61, |_, i| -3. + 0.1 * i as f64);
    let (narrow, wide) = (model(1.), model(4.));
    assert!((narrow.posterior(&x) - wide.posterior(&x)).abs().max() < 1e-12);
    // それでも密度は別物: 端では広いほうが、ずっと高い。
    let edge = dmatrix![6.];
    assert!(wide.log_density(&edge)[0] - narrow.log_density(&edge)[0] > 5.);
}

/// データから遠い点に、識別モデルは 99 % 以上の確率を答え、生成モデルは低い密度を付ける。
#[test]
fn classifier_is_confident_where_the_density_is_tiny() {
    for seed in 0..5 {
        let generative = learn(&Config { seed, ..Config::by_class(Data::Blobs) });
        let classifier = classify(&Config { seed, ..Config::book(Data::Blobs, Model::Classifier) });
        let model = &generative.trained.model;
        let (_, away) = figures::away(model);
        let far = away.columns(away.ncols() - 1, 1).into_owned();
        let confidence = classifier.trained.classifier.posterior(&far).unwrap()[(1, 0)];
        let log_density = model.log_density(&far)[0];
        // どのテストデータよりも出にくい点なのに、識別モデルは 99 % 以上の確信を持つ。
        let lowest = model.log_density(&generative.split.held_out.x);
        let lowest = lowest.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(confidence > 0.99, "確信 {confidence}");
        assert!(log_density < lowest - 2., "遠い点 {log_density}、テストデータの最低 {lowest}");
    }
}

/// ラベルを 1 つずつずらした、でたらめなラベルのデータ。
fn mislabelled(split: &Split) -> Split {
    let mut train = split.train.clone();
    train.labels.rotate_right(1);
    Split { train, held_out: split.held_out.clone() }
}

/// ラベルをでたらめにしても、学んだ密度は 1 ビットも変わらない。
#[test]
fn labels_do_not_change_the_density() {
    for model in [Model::Pixels, Model::Gaussian, Model::Mixture] {
        let config = Config::tiny(Data::Digits, model);
        let split = data::dataset(&config).unwrap();
        let learn = |split: &Split| {
            train::train(&config, split, |_| Ok(ControlFlow::Continue(()))).unwrap().model
        };
        let wrong = mislabelled(&split);
        assert_ne!(wrong.train.labels, split.train.labels);
        assert_eq!(learn(&split), learn(&wrong));
    }
}

/// ラベルをでたらめにすると、識別モデルは当たらなくなる。
#[test]
fn labels_decide_the_classifier() {
    let book = Config::book(Data::Digits, Model::Classifier);
    let lr = if chapter::dead() { f64::MIN_POSITIVE } else { book.lr };
    let config = Config { steps: 100, lr, ..book };
    let split = data::dataset(&config).unwrap();
    let accuracy = |split: &Split| {
        let trained = train::train_classifier(&config, split, &State::default(), |_, _| {
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        let posterior = trained.classifier.posterior(&split.held_out.x).unwrap();
        measure::accuracy(&posterior, &split.held_out.labels)
    };
    let (right, wrong) = (accuracy(&split), accuracy(&mislabelled(&split)));
    assert!(right > 0.9 && wrong < 0.3, "正しいラベル {right}、でたらめなラベル {wrong}");
}

/// 交差エントロピーが、手計算と一致する。
#[test]
fn cross_entropy_matches_hand_computation() {
    use candle_core::{Device, Tensor};
    // ロジット (log 3, 0) の softmax は (3/4, 1/4)。
    let logits = Tensor::new(&[[3f32.ln(), 0.], [3f32.ln(), 0.]], &Device::Cpu).unwrap();
    let labels = Tensor::new(&[0u32, 1], &Device::Cpu).unwrap();
    let loss: f32 = train::cross_entropy(&logits, &labels).unwrap().to_scalar().unwrap();
    let hand = -(0.75f64.ln() + 0.25f64.ln()) / 2.;
    assert_close(f64::from(loss), hand, 1e-6);
}

// ───── 生成 ─────

/// 識別モデルは新しい x を作れず、生成モデルは訓練データに無い点を作る。
#[test]
fn only_the_generative_model_makes_new_x() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::tiny(Data::Blobs, Model::Classifier);
    let store = Store::at(dir.path());
    store.keep(&classify(&config)).unwrap();
    let error = book::generate(&config, None, &store, 5, Seed(1)).unwrap_err().to_string();
    assert!(error.contains("新しい x は作れません"), "{error}");

    let config = Config::tiny(Data::Blobs, Model::Gaussian);
    let outcome = learn(&config);
    store.keep(&outcome).unwrap();
    let made = book::generate(&config, None, &store, 5, Seed(1)).unwrap();
    // 訓練データのどの点とも一致しない、新しい点。
    let nearest = measure::nearest(&made, &outcome.split.train.x);
    assert!(nearest.iter().all(|distance| *distance > 1e-9));
}

/// 保存したモデルのほかをすべて消しても、同じものが作れる。
#[test]
fn generation_uses_only_the_saved_model() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::tiny(Data::Digits, Model::Mixture);
    let outcome = learn(&config);
    let store = Store::at(dir.path());
    store.keep(&outcome).unwrap();
    // モデルのファイルのほかは、すべて消す。
    for entry in std::fs::read_dir(dir.path().join("digits-mixture")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "safetensors") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let made = book::generate(&config, None, &store, 5, Seed(3)).unwrap();
    assert_eq!(made, generate(&outcome.trained.model, None, 5, Seed(3)).0);
    // モデルがなければ、作れない。壊れていれば、そう伝える。
    let path = dir.path().join("digits-mixture/model.safetensors");
    std::fs::write(&path, "broken").unwrap();
    let error = book::generate(&config, None, &store, 5, Seed(3)).unwrap_err().to_string();
    assert!(error.contains("壊れています"), "{error}");
    std::fs::remove_file(path).unwrap();
    let error = book::generate(&config, None, &store, 5, Seed(3)).unwrap_err().to_string();
    assert!(error.contains("model.safetensors がありません"), "{error}");
}

/// 条件付きで作った点は、頼んだ種類の中心の周りに集まる。
#[test]
fn conditional_samples_belong_to_the_asked_class() {
    let outcome = learn(&Config::by_class(Data::Blobs));
    for y in 0..2 {
        let (x, labels) = generate(&outcome.trained.model, Some(y), 2_000, Seed(1));
        assert!(labels.iter().all(|&label| label == y));
        // 頼んだクラスの中心の周りに集まる。
        let truth = &data::blobs_truth()[y].1;
        assert!((x.column_mean() - &truth.mean).norm() < 0.05);
    }
    // 無条件の生成では、クラスは p(y) の割合で混ざる。
    let (_, labels) = generate(&outcome.trained.model, None, 20_000, Seed(1));
    let share = labels.iter().filter(|&&label| label == 0).count() as f64 / 20_000.;
    assert_close(share, outcome.trained.model.prior[0], 0.02);
}

/// 分散が 0 の方向では密度が際限なく上がるので、下限のない設定を断る。
#[test]
fn zero_floor_is_refused_on_constant_pixels() {
    // 同じ値ばかりの方向では、分散 0 の正規分布がいくらでも高い密度を持ててしまう。
    let x = DMatrix::from_fn(2, 10, |axis, i| if axis == 0 { 1. } else { i as f64 });
    for model in [Model::Pixels, Model::Gaussian] {
        let error = fit_gaussian(&exact(model), &x, &ones(10)).unwrap_err().to_string();
        assert!(error.contains("--floor を大きく"), "{error}");
        let raised = Config { floor: 1e-3, ..exact(model) };
        let fitted = fit_gaussian(&raised, &x, &ones(10)).unwrap();
        assert_close(fitted.variances.min(), 1e-3, 1e-12);
    }
    // 下限を 1/100 にするたびに、訓練データの尤度は log 10 ずつ、際限なく上がる。
    let likelihood = |floor: f64| {
        let config = Config { floor, ..exact(Model::Gaussian) };
        mean(&fit_gaussian(&config, &x, &ones(10)).unwrap().log_density(&x))
    };
    assert_close(likelihood(1e-6) - likelihood(1e-4), 10f64.ln(), 1e-6);
    assert_close(likelihood(1e-8) - likelihood(1e-6), 10f64.ln(), 1e-6);
}

/// 何も知らないモデルは 1 画素あたり log₂ 17 ビットで、足した雑音は丸めれば消える。
#[test]
fn dequantised_density_bounds_the_discrete_probability() {
    // 何も知らないモデル (17 段の幅に一様) は、1 画素あたり log₂ 17 ビットになる。
    let uniform = 64. * (8. / 17f64).ln();
    assert_close(measure::bits_per_pixel(uniform, 64), 17f64.log2(), 1e-12);
    // 雑音は 1 段の幅に収まるので、丸めれば元の画像に戻る。
    let config = Config::tiny(Data::Digits, Model::Pixels);
    let x = data::dataset(&config).unwrap().train.x;
    assert!(x.iter().all(|v| ((v / data::LEVEL).round() * data::LEVEL - v).abs() <= 1. / 16.));
    assert!(x.iter().all(|v| (v / data::LEVEL).round().abs() <= 8.));
}

/// 同じ種なら、学習の結果は 1 バイトも違わない。
#[test]
fn same_seed_gives_the_same_bytes() {
    let bytes = |config: &Config| learn(config).trained.model.to_bytes().unwrap();
    let config = Config::tiny(Data::Digits, Model::Mixture);
    assert_eq!(bytes(&config), bytes(&config));
    assert_ne!(bytes(&config), bytes(&Config { seed: 1, ..config.clone() }));
    let by_label = Config { labels: Labels::Use, components: 2, ..config };
    assert_eq!(bytes(&by_label), bytes(&by_label));
}

#[test]
#[ignore = "学習していないモデルで、学習についての主張を試します"]
fn claims_die_on_a_dead_model() {
    let claims = chapter::claims![
        noise_mixed_in_hardly_lowers_the_likelihood,
        independent_pixels_keep_only_the_diagonal,
        gaussian_axes_are_the_principal_components,
        em_never_lowers_the_log_likelihood,
        em_recovers_hidden_components_without_labels,
        bayes_rule_matches_the_classifier,
        classifier_is_confident_where_the_density_is_tiny,
        labels_decide_the_classifier,
        conditional_samples_belong_to_the_asked_class,
    ];
    let structure: &[(&str, &[&str])] = &[
        (
            "式を手計算や数値積分と比べる。どんな重みでも成り立つ",
            &[
                "density_integrates_to_one",
                "log_density_matches_hand_computation",
                "coin_likelihood_is_highest_at_the_frequency",
                "maximum_likelihood_minimises_the_forward_kl",
                "kl_divergence_is_asymmetric",
                "independent_pixels_likelihood_is_a_product",
                "sampling_matches_the_fitted_mean_and_covariance",
                "responsibilities_sum_to_one",
                "bayes_rule_matches_hand_computation",
                "two_densities_share_one_classifier",
                "cross_entropy_matches_hand_computation",
                "dequantised_density_bounds_the_discrete_probability",
            ],
        ),
        (
            "最尤推定の式そのものを、手計算やほかの値と比べる",
            &[
                "gaussian_mle_is_the_sample_mean_and_covariance",
                "likelihood_is_highest_at_the_mle",
                "zero_floor_is_refused_on_constant_pixels",
            ],
        ),
        (
            "学習がラベルを使わないこと、種だけで決まること、保存と読み込みを見る",
            &[
                "labels_do_not_change_the_density",
                "only_the_generative_model_makes_new_x",
                "generation_uses_only_the_saved_model",
                "same_seed_gives_the_same_bytes",
            ],
        ),
    ];
    chapter::audit(include_str!("claims.rs"), claims, structure);
}
