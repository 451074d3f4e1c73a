//! データ、乱数、記録、ファイルの試験。

use std::collections::HashSet;

use candle_core::{Device, Tensor};
use candle_nn::Init;
use common::data::{Batches, digits, energy_distance, ring, two_moons};
use common::history::History;
use common::nn::{Adam, AdamConfig};
use common::seed::{Seed, normal, uniform};
use common::state::State;
use rand::{Rng, RngCore};

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn named_streams_are_repeatable_and_independent() {
    let first = |seed: u64, name: &str| Seed(seed).rng(name).next_u64();
    assert_eq!(first(1, "noise"), first(1, "noise"));
    assert_ne!(first(1, "noise"), first(1, "data"));
    assert_ne!(first(1, "noise"), first(2, "noise"));
}

#[test]
fn a_variable_depends_only_on_seed_and_name() {
    let init = Init::Uniform { lo: -1., up: 1. };
    let (a, b) = (Seed(3).variables(), Seed(3).variables());
    let weight = a.builder("net").get_with_hints((4, 5), "weight", init).unwrap();
    // 先に別の変数を作っても、同じ名前の変数の初期値は変わらない。
    b.builder("net").get_with_hints(7, "other", init).unwrap();
    let again = b.builder("net").get_with_hints((4, 5), "weight", init).unwrap();
    assert_eq!(values(&weight), values(&again));
    assert_eq!(b.of("net").len(), 2);
    assert_eq!(b.of("ne").len(), 0, "名前の途中までの一致は、別のネットワーク");
    // 同じ名前を別の形で求めるのは、作り間違い。
    assert!(b.builder("net").get_with_hints(9, "weight", init).is_err());
}

#[test]
fn initial_values_follow_their_distribution() {
    let variables = Seed(0).variables();
    let vb = variables.builder("v");
    let randn = vb.get_with_hints(20_000, "randn", Init::Randn { mean: 1., stdev: 0.02 }).unwrap();
    let randn = values(&randn);
    let mean = randn.iter().sum::<f32>() / randn.len() as f32;
    let spread =
        (randn.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / randn.len() as f32).sqrt();
    assert!((mean - 1.).abs() < 1e-3 && (spread - 0.02).abs() < 1e-3, "{mean} {spread}");
    let flat = uniform(&mut Seed(0).rng("u"), -2., 3., 10_000).unwrap();
    assert!(values(&flat).iter().all(|v| (-2. ..3.).contains(v)));
    assert!(values(&flat).iter().any(|v| *v < -1.9) && values(&flat).iter().any(|v| *v > 2.9));
}

#[test]
fn weights_survive_saving_and_loading() {
    let init = Init::Uniform { lo: -1., up: 1. };
    let saved = Seed(1).variables();
    let weight = saved.builder("net").get_with_hints((2, 3), "weight", init).unwrap();
    let bytes = saved.to_bytes("net").unwrap();

    let loaded = Seed(2).variables();
    let other = loaded.builder("net").get_with_hints((2, 3), "weight", init).unwrap();
    assert_ne!(values(&weight), values(&other));
    loaded.load("net", &bytes, "ファイル").unwrap();
    assert_eq!(values(&weight), values(&loaded.of("net")[0]));

    // 形の違い、名前の違い、壊れたファイルは、それぞれ分かる文で断る。
    let wrong = Seed(2).variables();
    wrong.builder("net").get_with_hints((3, 3), "weight", init).unwrap();
    let error = wrong.load("net", &bytes, "ファイル").unwrap_err().to_string();
    assert!(error.contains("net.weight") && error.contains("[2, 3]"), "{error}");
    let unknown = Seed(2).variables();
    unknown.builder("net").get_with_hints(3, "bias", init).unwrap();
    let error = unknown.load("net", &bytes, "ファイル").unwrap_err().to_string();
    assert!(error.contains("net.bias"), "{error}");
    let error = loaded.load("net", b"broken", "ファイル").unwrap_err().to_string();
    assert!(error.contains("ファイル は壊れている"), "{error}");
}

#[test]
fn weights_that_are_not_finite_are_noticed_and_refused() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let variables = Seed(1).variables();
        variables.builder("net").get_with_hints(3, "bias", Init::Const(1.)).unwrap();
        assert_eq!(variables.not_finite().unwrap(), None);
        let values = Tensor::new(&[f32::MAX, bad, f32::MIN], &Device::Cpu).unwrap();
        variables.of("net")[0].set(&values).unwrap();
        assert_eq!(variables.not_finite().unwrap().unwrap(), "net.bias");
        let bytes = variables.to_bytes("net").unwrap();
        let error = variables.load("net", &bytes, "ファイル").unwrap_err().to_string();
        assert!(error.contains("NaN か無限大"), "{error}");
    }
}

/// 保存して戻すと、その先の列は、止めなかったときと同じになる。
#[test]
fn a_restored_state_goes_on_as_if_never_stopped() {
    let data = Tensor::arange(0f32, 12., &Device::Cpu).unwrap().reshape((12, 1)).unwrap();
    let parts = || {
        let variables = Seed(3).variables();
        variables.builder("net").get_with_hints(4, "bias", Init::Const(0.5)).unwrap();
        let adam = Adam::new(variables.of("net"), AdamConfig::default()).unwrap();
        let batches = Batches::new(data.clone(), 5, Seed(3).rng("batches")).unwrap();
        (variables, adam, batches, Seed(3).rng("noise"), History::default())
    };
    type Parts = (common::seed::Variables, Adam, Batches, rand_chacha::ChaCha8Rng, History);
    let step = |(variables, adam, batches, rng, history): &mut Parts| -> Vec<f32> {
        let var = &variables.of("net")[0];
        let noise = normal(rng, 4).unwrap();
        let loss = (var.as_tensor() * noise).unwrap().sqr().unwrap().sum_all().unwrap();
        adam.step(&loss.backward().unwrap()).unwrap();
        history.push(history.len() + 1, &[("loss", loss.to_scalar().unwrap())]);
        [values(var), values(&batches.next_batch().unwrap()), vec![rng.random()]].concat()
    };
    let mut first = parts();
    (0..3).for_each(|_| drop(step(&mut first)));
    let (variables, adam, batches, rng, history) = &first;
    let state = State::of(&[
        ("net", variables),
        ("adam", adam),
        ("batches", batches),
        ("rng", rng),
        ("history", history),
    ])
    .unwrap();
    let state = State::from_bytes(&state.to_bytes().unwrap()).unwrap();
    let mut second = parts();
    let (variables, adam, batches, rng, history) = &mut second;
    state
        .restore(&mut [
            ("net", variables),
            ("adam", adam),
            ("batches", batches),
            ("rng", rng),
            ("history", history),
        ])
        .unwrap();
    for _ in 0..4 {
        assert_eq!(step(&mut first), step(&mut second));
    }
    assert_eq!(first.4.to_string(), second.4.to_string());
    // 足りないようすからは戻せず、名前を示して断る。
    let mut missing = History::default();
    let error = state.restore(&mut [("log", &mut missing)]).unwrap_err().to_string();
    assert!(error.contains("log"), "{error}");
}

#[test]
fn ring_samples_lie_on_eight_modes() {
    let samples = ring::sample(4_000, &mut Seed(0).rng("ring")).unwrap();
    let coverage = ring::coverage(&samples).unwrap();
    assert_eq!(coverage.modes(), ring::MODES);
    assert!(coverage.good() > 0.99, "{coverage:?}");
    assert!(coverage.counts.iter().all(|count| (400..600).contains(count)), "{coverage:?}");
    // 1 つの山だけなら 1、どこでもない所なら 0 と数える。
    let [x, y] = ring::centers()[3];
    let one = Tensor::new(&[[x, y]; 10], &Device::Cpu).unwrap();
    assert_eq!(ring::coverage(&one).unwrap().modes(), 1);
    let nowhere = Tensor::zeros((10, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
    assert_eq!(ring::coverage(&nowhere).unwrap().modes(), 0);
    assert_eq!(ring::coverage(&nowhere).unwrap().good(), 0.);
}

#[test]
fn moons_stay_in_the_picture() {
    let samples = values(&two_moons(2_000, &mut Seed(0).rng("moons")).unwrap());
    assert!(samples.iter().all(|v| v.abs() < 1.3));
    assert!(samples.iter().any(|v| *v < -0.9) && samples.iter().any(|v| *v > 0.9));
}

#[test]
fn digits_are_complete() {
    let digits = digits().unwrap();
    assert_eq!(digits.images.dims(), [1797, 1, 8, 8]);
    assert_eq!(digits.labels.len(), 1797);
    assert!(values(&digits.images).iter().all(|v| (-1. ..=1.).contains(v)));
    // 数字ごとの枚数は、配布元の説明にある数と同じ。
    let counts: Vec<_> =
        (0..10).map(|d| digits.labels.iter().filter(|label| **label == d).count()).collect();
    assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    // 最初の画像は 0 で、最初の行は 0 0 5 13 9 1 0 0 (配布元の 1 行目)。
    let row: Vec<f32> = values(&digits.images)[..8].iter().map(|v| (v + 1.) * 8.).collect();
    assert_eq!(row, [0., 0., 5., 13., 9., 1., 0., 0.]);
}

#[test]
fn batches_visit_everything_once_per_round() {
    let data = Tensor::arange(0f32, 12., &Device::Cpu).unwrap().reshape((12, 1)).unwrap();
    let mut batches = Batches::new(data.clone(), 4, Seed(0).rng("batches")).unwrap();
    let mut round =
        || -> Vec<f32> { (0..3).flat_map(|_| values(&batches.next_batch().unwrap())).collect() };
    let (first, second) = (round(), round());
    assert_eq!(first.iter().map(|v| *v as i32).collect::<HashSet<_>>().len(), 12);
    assert_eq!(second.iter().map(|v| *v as i32).collect::<HashSet<_>>().len(), 12);
    assert_ne!(first, second, "並べ替えられていない");
    for size in [0, 13] {
        assert!(Batches::new(data.clone(), size, Seed(0).rng("b")).is_err());
    }
}

/// 九百万個の距離を足しても、倍精度で計算した値と合う。AVX の無い CPU でも。
#[test]
fn energy_distance_of_many_points_is_the_one_of_the_formula() {
    let sample =
        |name, scale| normal(&mut Seed(0).rng(name), (3000, 8)).unwrap().affine(scale, 0.).unwrap();
    let (a, b) = (sample("a", 1.4), sample("b", 1.3));
    let mean = |a: &Tensor, b: &Tensor, count: f64| {
        let [a, b] = [a, b].map(|x| x.to_vec2::<f32>().unwrap());
        let distance = |p: &[f32], q: &[f32]| {
            let square = |(x, y): (&f32, &f32)| (f64::from(*x) - f64::from(*y)).powi(2);
            p.iter().zip(q).map(square).sum::<f64>().sqrt()
        };
        a.iter().flat_map(|p| b.iter().map(move |q| distance(p, q))).sum::<f64>() / count
    };
    let (pairs, others) = (3000. * 3000., 3000. * 2999.);
    let expected = 2. * mean(&a, &b, pairs) - mean(&a, &a, others) - mean(&b, &b, others);
    let measured = f64::from(energy_distance(&a, &b).unwrap());
    assert!((measured - expected).abs() < 1e-4, "{measured} {expected}");
}

#[test]
fn energy_distance_is_zero_only_for_the_same_distribution() {
    let sample =
        |name, shift| normal(&mut Seed(0).rng(name), (800, 3)).unwrap().affine(1., shift).unwrap();
    let same = energy_distance(&sample("a", 0.), &sample("b", 0.)).unwrap();
    let near = energy_distance(&sample("a", 0.), &sample("b", 0.3)).unwrap();
    let far = energy_distance(&sample("a", 0.), &sample("b", 3.)).unwrap();
    assert!(same.abs() < 0.02 && near > 0.04 && far > 10. * near, "{same} {near} {far}");
    // 種類が偏っただけでも気付く (モード崩壊)。
    let one = normal(&mut Seed(0).rng("c"), (800, 3)).unwrap().affine(0.01, 0.).unwrap();
    assert!(energy_distance(&sample("a", 0.), &one).unwrap() > 0.3);
}

#[test]
fn history_rounds_once_and_averages_the_tail() {
    let mut history = History::default();
    assert!(history.is_empty());
    for step in 1..=20 {
        history.push(step, &[("loss", step as f32), ("D(x)", 0.5)]);
    }
    assert_eq!(history.len(), 20);
    assert_eq!(history.tail_mean("loss", 4), 18.5);
    assert_eq!(history.smoothed("loss", 10), [(5.5, 5.5), (15.5, 15.5)]);
    assert!(history.series("unknown").is_empty());
    insta::assert_snapshot!(history, @r"
        step        loss        D(x)
           2       1.500       0.500
           4       3.500       0.500
           6       5.500       0.500
           8       7.500       0.500
          10       9.500       0.500
          12      11.500       0.500
          14      13.500       0.500
          16      15.500       0.500
          18      17.500       0.500
          20      19.500       0.500
    ");
}
