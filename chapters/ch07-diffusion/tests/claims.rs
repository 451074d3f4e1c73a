//! 式と仕組みについての主張。学習を待たずに確かめられるものです。

use candle_core::{Device, Tensor, Var};
use ch07_diffusion::book::{self, Wish};
use ch07_diffusion::config::{Betas, Config, Data, Space, Time};
use ch07_diffusion::model::time_features;
use ch07_diffusion::train::{
    Batch, Diffusion, Sampler, Schedule, ancestral, ancestral_step, ddim, ddim_deviation,
    ddim_step, ddim_times, estimate, guided, learning_rate, q_sample, simple_loss, train,
    train_step, update_average,
};
use common::seed::{Seed, normal};
use std::ops::ControlFlow;
use tools::store::Store;

fn column(values: &[f32]) -> Tensor {
    Tensor::from_vec(values.to_vec(), (values.len(), 1), &Device::Cpu).unwrap()
}

fn list(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn scalar(x: candle_core::Result<Tensor>) -> f32 {
    x.unwrap().to_scalar().unwrap()
}

fn noise(seed: u64, shape: (usize, usize)) -> Tensor {
    normal(&mut Seed(seed).rng("test"), shape).unwrap()
}

fn moments(x: &[f32]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let variance = x.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
    (mean, variance)
}

/// 論文のノイズスケジュールでは、最後の時刻に信号がほとんど残らない (ᾱ_T はおよそ 4.04e-5)。
#[test]
fn the_papers_schedule_ends_in_almost_pure_noise() {
    let schedule = Schedule::new(Betas::Linear, 1000);
    assert!((schedule.beta[0] - 1e-4).abs() < 1e-12 && (schedule.beta[999] - 0.02).abs() < 1e-12);
    let last = schedule.alpha_bar[1000];
    assert!((last - 4.0358e-5).abs() < 5e-10, "ᾱ_T = {last}");
}

/// どちらのスケジュールも 1 からほとんど 0 まで減り続け、コサインは真ん中でも信号を半分ほど残す。
#[test]
fn both_schedules_keep_falling_from_one_to_almost_zero() {
    for (kind, timesteps) in [(Betas::Linear, 100), (Betas::Cosine, 100), (Betas::Cosine, 1000)] {
        let schedule = Schedule::new(kind, timesteps);
        assert_eq!(schedule.alpha_bar[0], 1.);
        assert!(schedule.alpha_bar.windows(2).all(|pair| pair[1] < pair[0]));
        assert!(schedule.beta.iter().all(|beta| (0. ..1.).contains(beta)));
        assert!(*schedule.alpha_bar.last().unwrap() < 1e-3);
    }
    // コサインは、真ん中でも信号を半分ほど残す。直線は、早くに消してしまう。
    let half = |kind| Schedule::new(kind, 100).alpha_bar[50];
    assert!(half(Betas::Cosine) > 0.45 && half(Betas::Linear) < 0.15);
}

/// 一度に混ぜても、1 歩ずつ足しても、平均と分散は同じ。
#[test]
fn the_closed_form_equals_many_small_steps() {
    let schedule = Schedule::new(Betas::Cosine, 20);
    let (count, t, start) = (20_000, 12, 1.5f32);
    let x0 = Tensor::full(start, (count, 1), &Device::Cpu).unwrap();
    let once = q_sample(&schedule, &x0, &vec![t; count], &noise(1, (count, 1))).unwrap();
    let mut x = x0;
    for step in 1..=t {
        // x_t = √α_t·x_{t−1} + √β_t·ε (論文 式 2)
        let kept = x.affine(schedule.alpha(step).sqrt(), 0.).unwrap();
        let added = noise(100 + step as u64, (count, 1));
        x = (kept + added.affine(schedule.beta[step - 1].sqrt(), 0.).unwrap()).unwrap();
    }
    let bar = schedule.alpha_bar[t];
    for x in [once, x] {
        let (mean, variance) = moments(&list(&x));
        assert!((mean - bar.sqrt() * f64::from(start)).abs() < 0.03, "平均 {mean}");
        assert!((variance - (1. - bar)).abs() < 0.03, "分散 {variance}");
    }
}

/// 2 回に分けて加えたノイズは、1 回で加えたものと同じ割合になる (理論の手計算)。
#[test]
fn two_doses_of_noise_add_up_like_the_hand_computation() {
    // 本の手計算: 0.8 倍して 0.6 のノイズ、もう一度 0.8 倍して 0.6 のノイズ。
    let (keep, add) = (0.8f64, 0.6f64);
    let signal = keep * keep;
    let variance = (keep * add).powi(2) + add * add;
    assert!((signal - 0.64).abs() < 1e-12 && (variance - 0.5904).abs() < 1e-12);
    assert!((signal * signal + variance - 1.).abs() < 1e-12);
}

/// 1 画素の例: 混ぜると 0.5、損失は 0.04、元の画素の見積もりは 0.85。
#[test]
fn the_worked_pixel_of_the_book() {
    // x_0 = 1、ε = −0.5 を 0.8 と 0.6 で混ぜ、−0.3 と当てた。
    let mut schedule = Schedule::new(Betas::Cosine, 2);
    schedule.alpha_bar = vec![1., 0.64, 0.1];
    let (x0, eps, answer) = (column(&[1.]), column(&[-0.5]), column(&[-0.3]));
    let x = q_sample(&schedule, &x0, &[1], &eps).unwrap();
    assert!((list(&x)[0] - 0.5).abs() < 1e-6);
    assert!((scalar(simple_loss(&answer, &eps)) - 0.04).abs() < 1e-6);
    assert!((list(&estimate(&schedule, &x, 1, &answer).unwrap())[0] - 0.85).abs() < 1e-6);
    // 正しく当てれば、元に戻る。
    assert!((list(&estimate(&schedule, &x, 1, &eps).unwrap())[0] - 1.).abs() < 1e-6);
}

/// アルゴリズム 2 の 1 歩の平均は、事後分布 q(x_{t−1} | x_t, x_0) の平均 (式 7) に、見積もり x̂_0 を入れたもの。
#[test]
fn the_reverse_step_is_the_posterior_of_the_estimate() {
    let schedule = Schedule::new(Betas::Linear, 50);
    let (x, predicted) = (noise(1, (5, 3)), noise(2, (5, 3)));
    for t in [1, 7, 50] {
        let x0 = estimate(&schedule, &x, t, &predicted).unwrap();
        let (bar, before) = (schedule.alpha_bar[t], schedule.alpha_bar[t - 1]);
        let beta = schedule.beta[t - 1];
        let from_x0 = before.sqrt() * beta / (1. - bar);
        let from_x = schedule.alpha(t).sqrt() * (1. - before) / (1. - bar);
        let mean = (x0.affine(from_x0, 0.).unwrap() + x.affine(from_x, 0.).unwrap()).unwrap();
        let silent = x.zeros_like().unwrap();
        let step = ancestral_step(&schedule, &x, t, &predicted, &silent).unwrap();
        for (a, b) in list(&step).iter().zip(list(&mean)) {
            assert!((a - b).abs() < 1e-4, "t = {t}: {a} {b}");
        }
        assert!((schedule.posterior_variance(t) - (1. - before) / (1. - bar) * beta).abs() < 1e-15);
    }
    // 最後の 1 歩には、ノイズが入らない。
    assert_eq!(schedule.posterior_variance(1), 0.);
}

/// 事後分布の式を、平面の数値積分で確かめる: q(x_{t−1} | x_t, x_0) ∝ q(x_t | x_{t−1}) q(x_{t−1} | x_0)。
#[test]
fn the_posterior_formula_agrees_with_bayes() {
    let schedule = Schedule::new(Betas::Cosine, 20);
    let (t, x0, xt) = (9, 0.7f64, -0.4f64);
    let (bar, before, beta) =
        (schedule.alpha_bar[t], schedule.alpha_bar[t - 1], schedule.beta[t - 1]);
    let density = |x: f64, mean: f64, variance: f64| (-(x - mean).powi(2) / (2. * variance)).exp();
    let (mut mass, mut first, mut second) = (0., 0., 0.);
    for i in -40_000..=40_000 {
        let x = f64::from(i) * 1e-4;
        let p = density(xt, schedule.alpha(t).sqrt() * x, beta)
            * density(x, before.sqrt() * x0, 1. - before);
        (mass, first, second) = (mass + p, first + p * x, second + p * x * x);
    }
    let (mean, square) = (first / mass, second / mass);
    let formula = before.sqrt() * beta / (1. - bar) * x0
        + schedule.alpha(t).sqrt() * (1. - before) / (1. - bar) * xt;
    assert!((mean - formula).abs() < 1e-6, "{mean} {formula}");
    assert!((square - mean * mean - schedule.posterior_variance(t)).abs() < 1e-6);
}

/// η = 0 の DDIM は同じノイズから同じ結果を作り、η = 1 の分散は DDPM と同じ。
#[test]
fn ddim_without_noise_is_deterministic_and_with_eta_one_has_the_ddpm_variance() {
    let schedule = Schedule::new(Betas::Cosine, 30);
    let predict = |x: &Tensor, _: usize| Ok(x.affine(0.5, 0.1)?);
    let start = noise(3, (4, 2));
    let make = |seed: u64, eta: f64| {
        let mut rng = Seed(seed).rng("fresh");
        let fresh = |x: &Tensor| Ok(normal(&mut rng, x.shape())?);
        list(&ddim(&schedule, start.clone(), 10, eta, predict, fresh).unwrap())
    };
    assert_eq!(make(1, 0.), make(2, 0.));
    assert_ne!(make(1, 1.), make(2, 1.));
    for t in 1..=30 {
        let sigma = ddim_deviation(&schedule, [t, t - 1], 1.);
        assert!((sigma * sigma - schedule.posterior_variance(t)).abs() < 1e-12);
        assert_eq!(ddim_deviation(&schedule, [t, t - 1], 0.), 0.);
    }
    // 飛ばさない η = 1 の DDIM は、1 歩が DDPM と同じになる。
    let (x, predicted, fresh) = (noise(4, (4, 2)), noise(5, (4, 2)), noise(6, (4, 2)));
    for t in [1, 2, 15, 30] {
        let a = ancestral_step(&schedule, &x, t, &predicted, &fresh).unwrap();
        let b = ddim_step(&schedule, &x, [t, t - 1], &predicted, 1., &fresh).unwrap();
        for (a, b) in list(&a).iter().zip(list(&b)) {
            assert!((a - b).abs() < 1e-3, "t = {t}: {a} {b}");
        }
    }
}

/// 答えが正しければ、DDIM は何歩でも元のデータに着く。
#[test]
fn ddim_with_a_perfect_answer_lands_on_the_data() {
    // 答えがいつも正しければ、何歩で下りても元のデータに着く。
    let schedule = Schedule::new(Betas::Cosine, 40);
    let (x0, eps) = (noise(7, (3, 2)), noise(8, (3, 2)));
    let start = q_sample(&schedule, &x0, &[40; 3], &eps).unwrap();
    for steps in [1, 4, 40] {
        let silent = |x: &Tensor| Ok(x.zeros_like()?);
        let made =
            ddim(&schedule, start.clone(), steps, 0., |_, _| Ok(eps.clone()), silent).unwrap();
        for (a, b) in list(&made).iter().zip(list(&x0)) {
            assert!((a - b).abs() < 1e-3, "{steps} 歩: {a} {b}");
        }
    }
}

/// DDPM は T 回、DDIM は歩数の回数だけ、ネットワークを呼ぶ。
#[test]
fn sampling_calls_the_network_exactly_as_often_as_it_steps() {
    let schedule = Schedule::new(Betas::Cosine, 50);
    let start = noise(9, (2, 2));
    let silent = |x: &Tensor| Ok(x.zeros_like()?);
    let mut seen = Vec::new();
    let count = |x: &Tensor, t: usize| {
        seen.push(t);
        Ok(x.zeros_like()?)
    };
    ancestral(&schedule, start.clone(), count, silent).unwrap();
    assert_eq!(seen, (1..=50).rev().collect::<Vec<_>>());
    for steps in [1, 7, 10, 50] {
        let mut calls = 0;
        let count = |x: &Tensor, _: usize| {
            calls += 1;
            Ok(x.zeros_like()?)
        };
        ddim(&schedule, start.clone(), steps, 0., count, silent).unwrap();
        assert_eq!(calls, steps);
        let times = ddim_times(50, steps);
        assert!(times[0] == 50 && times[steps] == 0 && times.windows(2).all(|p| p[1] < p[0]));
    }
}

/// ぴったり当てた損失は 0、いつも 0 と答えた損失は次元の数。
#[test]
fn a_perfect_answer_costs_nothing_and_zero_costs_the_dimension() {
    let eps = noise(10, (2_000, 16));
    assert_eq!(scalar(simple_loss(&eps, &eps)), 0.);
    let zero = scalar(simple_loss(&eps.zeros_like().unwrap(), &eps));
    assert!((zero - 16.).abs() < 0.5, "{zero}");
}

/// 順過程に学習する重みは無く、学習の前も後も同じように汚れる。
///
/// 学習するのは ε_θ だけ。
#[test]
fn the_forward_process_has_no_parameters() {
    let diffusion = Diffusion::new(&Config::tiny(Data::Ring)).unwrap();
    let names: Vec<String> =
        diffusion.variables.named("").into_iter().map(|(name, _)| name).collect();
    assert!(
        names.iter().all(|n| n.starts_with("denoiser.") || n.starts_with("average.")),
        "{names:?}"
    );
    // 同じ x_0・t・ε なら、学習の前も後も、同じように汚れる。
    let (x0, eps) = (noise(11, (4, 2)), noise(12, (4, 2)));
    let mut trained = Diffusion::new(&Config::tiny(Data::Ring)).unwrap();
    let dirty = |d: &Diffusion| list(&q_sample(&d.schedule, &x0, &[3, 5, 7, 9], &eps).unwrap());
    let before = dirty(&trained);
    step(&mut trained, &Config::tiny(Data::Ring), 2);
    assert_eq!(before, dirty(&trained));
}

fn step(diffusion: &mut Diffusion, config: &Config, dim: usize) -> f32 {
    let batch = Batch {
        x0: noise(13, (8, dim)),
        classes: vec![0; 8],
        times: (1..=8).collect(),
        noise: noise(14, (8, dim)),
    };
    train_step(diffusion, config, &batch).unwrap()
}

fn weights(diffusion: &Diffusion, network: &str) -> Vec<Vec<f32>> {
    diffusion.variables.of(network).iter().map(|var| list(var.as_tensor())).collect()
}

/// 重みの平均は、1 回の更新ごとに式のとおりに動く。
#[test]
fn the_average_follows_its_formula() {
    let var = |v: f32| Var::from_tensor(&column(&[v])).unwrap();
    let (average, weight) = ([var(1.)], [var(3.)]);
    update_average(&average, &weight, 0.75).unwrap();
    assert!((list(average[0].as_tensor())[0] - 1.5).abs() < 1e-6);
    // 学習の 1 回でも、平均は「残す割合 × 前 + 残り × いま」になる。
    let config = Config::tiny(Data::Ring);
    let mut diffusion = Diffusion::new(&config).unwrap();
    let before = weights(&diffusion, "average");
    assert_eq!(before, weights(&diffusion, "denoiser"));
    step(&mut diffusion, &config, 2);
    let (now, average) = (weights(&diffusion, "denoiser"), weights(&diffusion, "average"));
    assert_ne!(before, now);
    for ((old, new), average) in before.iter().zip(&now).zip(&average) {
        for ((old, new), average) in old.iter().zip(new).zip(average) {
            let formula = config.ema as f32 * old + (1. - config.ema as f32) * new;
            assert!((average - formula).abs() < 1e-6);
        }
    }
}

/// 逆伝播の勾配が、重みを少し動かしたときの損失の変わり方と合う。
#[test]
fn gradients_agree_with_finite_differences() {
    let config = Config::tiny(Data::Digits);
    let diffusion = Diffusion::new(&config).unwrap();
    let (x, eps) = (noise(15, (4, 64)), noise(16, (4, 64)));
    let loss = || {
        let predicted = diffusion.denoiser.forward(&x, &[1, 4, 7, 10], &[0, 3, 9, 10]).unwrap();
        simple_loss(&predicted, &eps).unwrap()
    };
    let gradients = loss().backward().unwrap();
    for (name, var) in diffusion.variables.named("denoiser") {
        let gradient = list(gradients.get(&var).unwrap_or_else(|| panic!("{name} に勾配がない")));
        let values = list(var.as_tensor());
        let most =
            (0..values.len()).max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs()));
        let at = most.unwrap();
        let moved = |by: f32| {
            let mut values = values.clone();
            values[at] += by;
            var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
            f64::from(loss().to_scalar::<f32>().unwrap())
        };
        let width = 1e-2;
        let slope = (moved(width) - moved(-width)) / f64::from(2. * width);
        moved(0.);
        let gap = (slope - f64::from(gradient[at])).abs();
        assert!(gap < 0.02 * slope.abs().max(0.5), "{name}: {slope} {}", gradient[at]);
    }
}

/// ガイダンスの強さ w が 1 なら条件付きの答え、0 なら条件なしの答えになる。
///
/// その間と先は一直線。
#[test]
fn guidance_one_is_the_conditional_answer() {
    let config = Config::tiny(Data::Digits);
    let network = Diffusion::new(&config).unwrap().denoiser;
    let (x, classes) = (noise(17, (5, 64)), [0, 1, 2, 3, 4]);
    let answer = |w| list(&guided(&network, &x, 4, &classes, w).unwrap());
    let nothing = network.nothing().unwrap();
    assert_eq!(nothing, 10);
    let with = list(&network.forward(&x, &[4; 5], &classes).unwrap());
    let without = list(&network.forward(&x, &[4; 5], &[nothing; 5]).unwrap());
    assert_eq!(answer(1.), with);
    assert_eq!(answer(0.), without);
    assert_ne!(with, without);
    for ((three, with), without) in answer(3.).iter().zip(&with).zip(&without) {
        assert!((three - (without + 3. * (with - without))).abs() < 1e-4);
    }
    // 手計算: 条件なし 0.2、条件あり 0.5 なら、w = 2 で 0.8。
    assert!((0.2f64 + 2. * (0.5 - 0.2) - 0.8).abs() < 1e-12);
}

/// 時刻は −1 から 1 の波の値で渡し、渡さなければ、どの時刻にも同じ答えになる。
#[test]
fn time_is_told_by_waves_and_can_be_withheld() {
    let features = time_features(&[1, 2, 100], 100).unwrap();
    assert!(list(&features).iter().all(|v| (-1. ..=1.).contains(v)));
    let rows = features.to_vec2::<f32>().unwrap();
    assert_ne!(rows[0], rows[1]);
    // 時刻を渡さないネットワークは、どの時刻にも同じ答えを返す。
    let x = noise(18, (1, 2));
    let answers = |time| {
        let network =
            Diffusion::new(&Config { time, ..Config::tiny(Data::Ring) }).unwrap().denoiser;
        [1, 9].map(|t| list(&network.forward(&x, &[t], &[0]).unwrap()))
    };
    let [early, late] = answers(Time::On);
    assert_ne!(early, late);
    let [early, late] = answers(Time::Off);
    assert_eq!(early, late);
}

/// 入るのは汚れたデータと時刻 (とクラス)、出るのは同じ大きさの 1 つの答え。
#[test]
fn the_answer_has_the_size_of_the_dirty_data() {
    for data in [Data::Ring, Data::Digits, Data::Hiragana] {
        let config = Config::tiny(data);
        let diffusion = Diffusion::new(&config).unwrap();
        let x = noise(19, (3, config.dim()));
        let answer = diffusion.denoiser.forward(&x, &[1, 5, 10], &[0; 3]).unwrap();
        assert_eq!(answer.dims(), [3, config.dim()]);
    }
}

/// 潜在拡散は縮めた先で拡散し、その学習の間、オートエンコーダは動かない。
#[test]
fn latent_diffusion_runs_in_the_smaller_space() {
    let config = Config::tiny(Data::Hiragana);
    assert_eq!((config.space, config.dim(), config.data_dim()), (Space::Latent, 16, 256));
    let mut frozen = None;
    let trained = train(&config, |now| {
        if !now.preparing {
            let parts = ["encoder", "decoder"].map(|part| weights(now.diffusion, part));
            assert_eq!(*frozen.get_or_insert(parts.clone()), parts);
        }
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    // 潜在変数は、次元ごとに平均 0、標準偏差 1 にそろう。
    let autoencoder = trained.diffusion.autoencoder.as_ref().unwrap();
    let z = autoencoder.encode(&trained.dataset.train.x).unwrap();
    for dim in 0..16 {
        let (mean, variance) = moments(&list(&z.narrow(1, dim, 1).unwrap()));
        assert!(mean.abs() < 1e-2 && (variance - 1.).abs() < 2e-2, "{mean} {variance}");
    }
}

/// 学習率は、後半だけ、0 に向かって下がる。
#[test]
fn the_rate_falls_only_in_the_second_half() {
    let config = Config { steps: 100, lr: 1., ..Config::tiny(Data::Ring) };
    let rates: Vec<f64> = (1..=100).map(|step| learning_rate(&config, step)).collect();
    assert!(rates[..50].iter().all(|&rate| rate == 1.));
    assert!(rates[50..].windows(2).all(|pair| pair[1] < pair[0]));
    assert!(rates[99] > 0. && rates[99] < 0.03);
}

/// 生成に要るのは、ならした重みのネットワークとデコーダだけ。
#[test]
fn generation_uses_only_the_averaged_network_and_the_decoder() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::tiny(Data::Hiragana);
    let outcome = book::run("試験", &config, true).unwrap();
    let store = Store::at(dir.path());
    store.keep(&outcome).unwrap();
    // エンコーダの重みを消しても、同じものが作れる。
    std::fs::remove_file(dir.path().join("hiragana/encoder.safetensors")).unwrap();
    let wish = Wish { count: 3, seed: Seed(3), class: Some(2), guidance: None, steps: None };
    let (_, made) = book::generate(&config, &store, &wish).unwrap();
    let expected = outcome.trained.generate(&[2; 3], Sampler::Ddpm, Seed(3)).unwrap();
    assert_eq!(list(&made), list(&expected));
    std::fs::remove_file(dir.path().join("hiragana/decoder.safetensors")).unwrap();
    let error = book::generate(&config, &store, &wish).unwrap_err().to_string();
    assert!(error.contains("hiragana/decoder.safetensors"), "{error}");
}

/// 同じ種なら、スレッドの数によらず、同じ重みになる。
#[test]
fn same_seed_gives_the_same_bytes() {
    let run = |seed: u64, threads: usize| {
        let config = Config { seed, ..Config::tiny(Data::Hiragana) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let trained = pool.install(|| train(&config, |_| Ok(ControlFlow::Continue(()))).unwrap());
        weights(&trained.diffusion, "average")
    };
    let first = run(1, 1);
    assert_eq!(first, run(1, 1));
    assert_eq!(first, run(1, 3), "スレッドの数が結果を変えました");
    assert_ne!(first, run(2, 1));
}

/// 理論のページの手計算。
#[test]
fn hand_computations_of_the_theory_page() {
    let near = |a: f64, b: f64| assert!((a - b).abs() < 6e-4, "{a} {b}");
    // 信号 0.8 倍、ノイズ 0.6 倍を 2 歩。
    let mut schedule = Schedule::new(Betas::Cosine, 2);
    (schedule.beta, schedule.alpha_bar) = (vec![0.36, 0.36], vec![1., 0.64, 0.4096]);
    near(schedule.posterior_variance(2), 0.220);
    near(0.8 * 0.36 / 0.5904, 0.488);
    // DDIM: x_t = 0.5、ᾱ_t = 0.64、当てたノイズ −0.3 から、ᾱ_s = 0.96 へ。
    schedule.alpha_bar = vec![1., 0.96, 0.64];
    let (x, answer) = (column(&[0.5]), column(&[-0.3]));
    let silent = x.zeros_like().unwrap();
    let made = ddim_step(&schedule, &x, [2, 1], &answer, 0., &silent).unwrap();
    near(f64::from(list(&made)[0]), 0.773);
    // 2 画素の損失。
    let pair = |a: f32, b: f32| Tensor::new(&[[a, b]], &Device::Cpu).unwrap();
    near(f64::from(scalar(simple_loss(&pair(0.3, -0.6), &pair(0.5, -1.)))), 0.2);
    // 重みの平均。
    near(0.995 * 1. + 0.005 * 3., 1.01);
}
