//! 試験で問われる主張を、式・勾配・小さな学習で確かめます。どれも数秒で終わります。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::ops::ControlFlow;

use candle_core::Module;
use candle_core::{Device, Tensor, Var};
use ch02_vae::book;
use ch02_vae::config::{Config, Data, Model, Reparam};
use ch02_vae::figures::linear_gaussian as linear;
use ch02_vae::model::{Code, Encoder};
use ch02_vae::train::{
    Batch, Vae, corrupt, dataset, kl, kl_per_dim, reconstruction, reparameterize, terms, train,
    train_step,
};
use common::nn::{Activation, Adam, AdamConfig, Linear, mse};
use common::seed::{Seed, normal};
use tools::store::Store;

fn row(values: &[f32]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap().reshape((1, ())).unwrap()
}

fn column(values: &[f32]) -> Tensor {
    row(values).t().unwrap().contiguous().unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn scalar(tensor: &Tensor) -> f32 {
    tensor.to_scalar().unwrap()
}

/// 本物の画像と、そのミニバッチ 1 つ。
fn batch(config: &Config) -> Batch {
    let x = dataset(config).unwrap().train.x.narrow(0, 0, config.batch).unwrap();
    let noise = normal(&mut Seed(3).rng("noise"), (config.batch, config.z_dim)).unwrap();
    Batch { input: x.clone(), x, noise }
}

fn gaussian(code: Code) -> (Tensor, Tensor) {
    match code {
        Code::Gaussian { mean, log_variance } => (mean, log_variance),
        Code::Point(_) => panic!("VAE のエンコーダが点を答えた"),
    }
}

/// 変数の今の値を、比べられるように取り出します。
fn snapshot(vae: &Vae, network: &str) -> Vec<Vec<f32>> {
    vae.variables.of(network).iter().map(|var| values(var.as_tensor())).collect()
}

/// ∫ f(x) dx を、標準偏差の 12 倍まで細かく区切って足します。
fn integrate(mean: f64, deviation: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (half, count) = (12. * deviation, 20_000);
    let width = 2. * half / f64::from(count);
    (0..count).map(|i| f(mean - half + (f64::from(i) + 0.5) * width) * width).sum()
}

// ---- KL ----

/// KL の式が、数値積分と一致する。
#[test]
fn kl_matches_numerical_integration() {
    for (mean, variance) in [(0., 1.), (1.5, 0.25), (-0.7, 2.), (3., 0.01), (0.2, 9.)] {
        let log_ratio =
            |z: f64| linear::log_normal(z, mean, variance) - linear::log_normal(z, 0., 1.);
        let density = |z: f64| linear::log_normal(z, mean, variance).exp();
        let expected = integrate(mean, variance.sqrt(), |z| density(z) * log_ratio(z));
        let closed = scalar(&kl(&row(&[mean as f32]), &row(&[variance.ln() as f32])).unwrap());
        assert!(
            (f64::from(closed) - expected).abs() < 1e-4,
            "μ = {mean}, σ² = {variance}: {closed} と {expected}"
        );
        assert!((linear::kl(mean, variance) - expected).abs() < 1e-6);
    }
}

/// KL は、どの次元でも 0 以上である。
#[test]
fn kl_is_never_negative_in_any_dimension() {
    let rng = &mut Seed(1).rng("kl");
    let mean = normal(rng, (500, 4)).unwrap();
    let log_variance = normal(rng, (500, 4)).unwrap().affine(3., 0.).unwrap();
    let all = values(&kl_per_dim(&mean, &log_variance).unwrap());
    assert!(all.iter().all(|&kl| kl >= 0.), "負の KL がある");
    // 合計は次元の和、平均はバッチの平均である。
    let total = scalar(&kl(&mean, &log_variance).unwrap());
    assert!((total - all.iter().sum::<f32>() / 500.).abs() < 1e-3 * total);
}

/// KL が 0 になるのは、標準正規分布と重なったときだけである。
#[test]
fn kl_is_zero_only_at_the_prior() {
    let at = |mean: f32, log_variance: f32| {
        values(&kl_per_dim(&row(&[mean]), &row(&[log_variance])).unwrap())[0]
    };
    assert_eq!(at(0., 0.), 0.);
    for (mean, log_variance) in [(0.1, 0.), (-0.1, 0.), (0., 0.2), (0., -0.2), (1., -1.)] {
        assert!(at(mean, log_variance) > 1e-3, "μ = {mean}, log σ² = {log_variance}");
    }
    // 平均のずれと、狭すぎる・広すぎる分散の、どちらも罰する。
    assert!(at(2., 0.) > at(1., 0.) && at(0., -4.) > at(0., -2.) && at(0., 3.) > at(0., 1.));
}

// ---- エンコーダとくじ ----

/// VAE のエンコーダは平均と対数分散の二本のベクトルを、オートエンコーダは一点を返す。
#[test]
fn encoder_outputs_two_vectors() {
    let config = Config::tiny(Data::Digits);
    let x = batch(&config).x;
    let encoder = |config: &Config| Encoder::new(config, Seed(0).variables().builder("e")).unwrap();
    let (mean, log_variance) = gaussian(encoder(&config).forward(&x).unwrap());
    assert_eq!(mean.dims(), [config.batch, config.z_dim]);
    assert_eq!(log_variance.dims(), mean.dims());
    assert_ne!(values(&mean), values(&log_variance));
    // 対数分散は負にもなれる。そのままでは分散として使えないが、exp を取れば正になる。
    let log_variance = values(&log_variance);
    assert!(log_variance.iter().any(|v| *v < 0.));
    assert!(log_variance.iter().all(|v| v.exp() > 0.));
    // オートエンコーダの答えは、1 つの点だけ。
    let plain = encoder(&config.clone().autoencoder()).forward(&x).unwrap();
    assert!(matches!(plain, Code::Point(z) if z.dims() == [config.batch, config.z_dim]));
}

/// 同じ画像でも、VAE はくじによって違う z を使い、オートエンコーダはいつも同じ z を使う。
#[test]
fn encoder_gives_a_distribution_autoencoder_gives_a_point() {
    for model in [Model::Vae, Model::Ae] {
        let config = Config { model, ..Config::tiny(Data::Digits) };
        let vae = Vae::new(&config).unwrap();
        let batch = batch(&config);
        let other = normal(&mut Seed(4).rng("noise"), batch.noise.shape()).unwrap();
        let other = Batch { x: batch.x.clone(), input: batch.input.clone(), noise: other };
        let loss = |batch| scalar(&terms(&vae, &config, batch).unwrap().reconstruction);
        // 同じ画像でも、VAE はくじによって違う z を使う。オートエンコーダはいつも同じ。
        assert_eq!(loss(&batch) == loss(&other), model == Model::Ae);
    }
}

/// μ + σε で作った標本は、頼んだ平均と標準偏差を持つ。
#[test]
fn reparameterized_sample_has_the_asked_mean_and_spread() {
    const N: usize = 100_000;
    let noise = normal(&mut Seed(2).rng("noise"), (N, 1)).unwrap();
    let (mean, deviation) = (1.5f32, 0.3f32);
    let full = |value: f32| Tensor::full(value, (N, 1), &Device::Cpu).unwrap();
    let z = reparameterize(&full(mean), &full(2. * deviation.ln()), &noise).unwrap();
    let z = values(&z);
    let average = z.iter().sum::<f32>() / N as f32;
    let variance = z.iter().map(|z| (z - average).powi(2)).sum::<f32>() / N as f32;
    assert!((average - mean).abs() < 0.01, "{average}");
    assert!((variance.sqrt() - deviation).abs() < 0.01, "{variance}");
}

// ---- 勾配の通り道 ----

/// 損失の項から、エンコーダの何個の変数に勾配が届くか。
fn reached(config: &Config, term: impl Fn(ch02_vae::train::Terms) -> Tensor) -> (usize, usize) {
    let vae = Vae::new(config).unwrap();
    let gradients = term(terms(&vae, config, &batch(config)).unwrap()).backward().unwrap();
    let count = |network| {
        let vars = vae.variables.of(network);
        vars.iter().filter(|var| gradients.get(var).is_some()).count()
    };
    (count("encoder"), count("decoder"))
}

/// 再構成の勾配は、再パラメータ化をしたときだけエンコーダに届く。
#[test]
fn reconstruction_gradient_reaches_the_encoder_only_with_reparameterization() {
    let on = Config::tiny(Data::Digits);
    let off = Config { reparam: Reparam::Off, ..on.clone() };
    // エンコーダは重みとバイアスが 4 組 (隠れ層 2 つ、平均、対数分散)、デコーダは 3 組。
    assert_eq!(reached(&on, |terms| terms.reconstruction), (8, 6));
    assert_eq!(reached(&off, |terms| terms.reconstruction), (0, 6));
    // 値は同じ。変わるのは、勾配がたどれるかどうかだけである。
    let value = |config: &Config| {
        let terms = terms(&Vae::new(config).unwrap(), config, &batch(config)).unwrap();
        scalar(&terms.reconstruction)
    };
    assert_eq!(value(&on), value(&off));
    // 届いた勾配は、くじを固定したときの損失の坂 (有限差分) と同じ。
    let vae = Vae::new(&on).unwrap();
    let bias = vae.variables.named("encoder").into_iter().find(|v| v.0 == "encoder.mean.bias");
    let (bias, batch) = (bias.unwrap().1, batch(&on));
    let loss = || terms(&vae, &on, &batch).unwrap().reconstruction;
    let gradient = values(loss().backward().unwrap().get(&bias).unwrap())[0];
    let start = values(bias.as_tensor());
    let nudged = |step: f32| {
        let mut moved = start.clone();
        moved[0] += step;
        bias.set(&Tensor::new(moved, &Device::Cpu).unwrap()).unwrap();
        scalar(&loss())
    };
    let slope = (nudged(0.003) - nudged(-0.003)) / 0.006;
    assert!((slope - gradient).abs() < 0.05 * gradient.abs().max(0.05), "{slope} と {gradient}");
}

/// 再パラメータ化をしないと、エンコーダを動かすのは KL だけになる。
#[test]
fn without_reparameterization_only_kl_moves_the_encoder() {
    let off = Config { reparam: Reparam::Off, ..Config::tiny(Data::Digits) };
    assert_eq!(reached(&off, |terms| terms.kl), (8, 0));
    // KL を切ると、エンコーダは 1 回の更新で 1 ビットも変わらない。
    for (beta, moves) in [(0., false), (1., true)] {
        let config = Config { beta, ..off.clone() };
        let mut vae = Vae::new(&config).unwrap();
        let before = [snapshot(&vae, "encoder"), snapshot(&vae, "decoder")];
        train_step(&mut vae, &config, &batch(&config)).unwrap();
        assert_eq!(before[0] != snapshot(&vae, "encoder"), moves, "β = {beta}");
        assert_ne!(before[1], snapshot(&vae, "decoder"));
    }
}

/// スコア関数による勾配は、平均は同じでも、ばらつきがずっと大きい。
#[test]
fn score_function_gradient_agrees_but_is_noisier() {
    // E[(z − 2)²]、z ~ N(μ, 1) を μ で微分すると 2(μ − 2)。μ = 0.5 では −3。
    const N: usize = 100_000;
    let mu = 0.5;
    let noise = values(&normal(&mut Seed(6).rng("noise"), N).unwrap());
    let statistics = |estimates: Vec<f64>| {
        let mean = estimates.iter().sum::<f64>() / N as f64;
        (mean, estimates.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / N as f64)
    };
    let z = |e: &f32| mu + f64::from(*e);
    // 再パラメータ化: くじを固定して、z を通して微分する。
    let (path, path_variance) = statistics(noise.iter().map(|e| 2. * (z(e) - 2.)).collect());
    // スコア関数: f(z)·∂log q(z)/∂μ。f の微分を使わない (論文 2.2 節)。
    let score = |e: &f32| (z(e) - 2.).powi(2) * (z(e) - mu);
    let (score, score_variance) = statistics(noise.iter().map(score).collect());
    assert!((path + 3.).abs() < 0.03, "{path}");
    assert!((score + 3.).abs() < 0.1, "{score}");
    assert!(score_variance > 5. * path_variance, "{score_variance} と {path_variance}");
}

// ---- ELBO ----

/// ELBO は、どんな q でも対数尤度を超えない。
#[test]
fn elbo_never_exceeds_the_log_likelihood() {
    let log_p = linear::log_likelihood();
    // 式で出した log p(x) は、z をすべて足し合わせた値と同じ。
    let joint = |z: f64| {
        (linear::log_normal(z, 0., 1.)
            + linear::log_normal(linear::X, linear::W * z, linear::S * linear::S))
        .exp()
    };
    assert!((integrate(0., 1., joint).ln() - log_p).abs() < 1e-6);
    for mean in (-20..=20).map(|i| f64::from(i) / 5.) {
        for variance in [0.01, 0.1, 0.3, 1., 4.] {
            assert!(linear::elbo(mean, variance) <= log_p + 1e-12, "q = N({mean}, {variance})");
        }
    }
}

/// q が真の事後分布なら、ELBO は対数尤度に一致する。
#[test]
fn elbo_is_tight_at_the_true_posterior() {
    let (mean, variance) = linear::posterior();
    assert!((linear::elbo(mean, variance) - linear::log_likelihood()).abs() < 1e-12);
    // 少しでもずらすと、下がる。
    for (dm, dv) in [(0.05, 1.), (-0.05, 1.), (0., 1.1), (0., 0.9)] {
        assert!(linear::elbo(mean + dm, variance * dv) < linear::log_likelihood() - 1e-4);
    }
}

/// ELBO と対数尤度の隙間は、q から真の事後分布への KL である。
#[test]
fn elbo_gap_is_the_kl_to_the_true_posterior() {
    let (mean, variance) = linear::posterior();
    for (m, v) in [(0., 1.), (1., 0.5), (-1., 0.1), (mean, 2.)] {
        // KL(N(m, v) ‖ 事後分布)
        let kl = 0.5 * (v / variance + (m - mean).powi(2) / variance - 1. + (variance / v).ln());
        assert!((linear::log_likelihood() - linear::elbo(m, v) - kl).abs() < 1e-9);
    }
}

/// 損失は、ELBO の符号を変えたものである。
#[test]
fn loss_is_the_negative_elbo() {
    let config = Config::tiny(Data::Digits);
    let batch = batch(&config);
    let mut vae = Vae::new(&config).unwrap();
    // ELBO = E_q[log p(x|z)] − KL を、画素ごとの確率から手で計算する。
    let (mean, log_variance) = gaussian(vae.encoder.forward(&batch.x).unwrap());
    let z = reparameterize(&mean, &log_variance, &batch.noise).unwrap();
    let probability = vae.decoder.images(&z).unwrap().affine(0.5, 0.5).unwrap();
    let log_p: f64 = values(&probability)
        .iter()
        .zip(values(&batch.x))
        .map(|(&p, x)| {
            let (p, ink) = (f64::from(p), f64::from((x + 1.) / 2.));
            ink * p.ln() + (1. - ink) * (1. - p).ln()
        })
        .sum();
    let elbo = log_p / config.batch as f64 - f64::from(scalar(&kl(&mean, &log_variance).unwrap()));
    let measured = train_step(&mut vae, &config, &batch).unwrap();
    assert!((f64::from(measured.loss) + elbo).abs() < 1e-3, "{} と {}", measured.loss, -elbo);
    // β は KL にだけ掛かる。
    let config = Config { beta: 4., ..config };
    let beta = train_step(&mut Vae::new(&config).unwrap(), &config, &batch).unwrap();
    assert_eq!(beta.reconstruction, measured.reconstruction);
    assert!((beta.loss - beta.reconstruction - 4. * beta.kl).abs() < 1e-3);
}

/// 再構成の損失は、入力そのものを返したときにいちばん小さい。
#[test]
fn target_is_the_input_itself() {
    // 正解のラベルではなく入力そのものが目標なので、入力どおりの確率を出したときに損失が最も小さい。
    let x = row(&[-1., -0.5, 0.25, 1.]);
    let logit = |x: f32| {
        let ink = ((x + 1.) / 2.).clamp(1e-6, 1. - 1e-6);
        (ink / (1. - ink)).ln()
    };
    let best = row(&values(&x).iter().map(|&x| logit(x)).collect::<Vec<_>>());
    let at_best = scalar(&reconstruction(&best, &x).unwrap());
    for i in 0..4 {
        for shift in [-0.3, 0.3] {
            let mut moved = values(&best);
            moved[i] += shift;
            assert!(scalar(&reconstruction(&row(&moved), &x).unwrap()) > at_best - 1e-6);
        }
    }
    assert!(scalar(&reconstruction(&best.neg().unwrap(), &x).unwrap()) > at_best + 1.);
}

// ---- 生成 ----

/// エンコーダの重みを消しても、同じ絵が作れる。
#[test]
fn generation_uses_only_the_decoder() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = book::run("試験", &Config::tiny(Data::Digits), true).unwrap();
    let store = Store::at(dir.path());
    store.keep(&outcome).unwrap();
    // エンコーダの重みを消しても、同じものが作れる。
    std::fs::remove_file(dir.path().join("digits/encoder.safetensors")).unwrap();
    let make = || book::generate(Data::Digits, Model::Vae, &store, 5, Seed(3));
    let expected = outcome.trained.generate(5, Seed(3)).unwrap();
    assert_eq!(values(&make().unwrap().1), values(&expected));
    // デコーダの重みがなければ、作れない。
    std::fs::remove_file(dir.path().join("digits/decoder.safetensors")).unwrap();
    let error = make().unwrap_err().to_string();
    assert!(error.contains("digits/decoder.safetensors"), "{error}");
}

/// 同じ種なら、スレッドの数によらず、学習の結果は 1 バイトも違わない。
#[test]
fn same_seed_gives_the_same_bytes() {
    let weights = |seed: u64, threads: usize| {
        let config = Config { seed, noise: 0.1, ..Config::tiny(Data::Digits) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let trained = pool.install(|| train(&config, |_| Ok(ControlFlow::Continue(()))).unwrap());
        [snapshot(&trained.vae, "encoder"), snapshot(&trained.vae, "decoder")]
    };
    let first = weights(1, 1);
    assert_eq!(first, weights(1, 1));
    assert_eq!(first, weights(1, 3), "スレッドの数が結果を変えました");
    assert_ne!(first, weights(2, 1));
}

// ---- オートエンコーダの仲間 ----

/// 6 次元の正規分布の標本。分散の大きい 2 方向 (主成分) は、軸から傾けてある。
fn tilted_gaussian(n: usize) -> Tensor {
    let z = normal(&mut Seed(8).rng("pca"), (n, 6)).unwrap();
    let scales = row(&[3., 2., 0.5, 0.4, 0.3, 0.2]);
    let x = z.broadcast_mul(&scales).unwrap();
    // でたらめな行列を掛けて、すべての軸を混ぜる。
    x.matmul(&normal(&mut Seed(9).rng("mix"), (6, 6)).unwrap()).unwrap()
}

/// 共分散行列 (6×6) の、上位 2 つの固有ベクトル。べき乗法で求めます。
fn principal_components(x: &Tensor) -> [Vec<f64>; 2] {
    let centered = x.broadcast_sub(&x.mean_keepdim(0).unwrap()).unwrap();
    let covariance: Vec<Vec<f32>> =
        centered.t().unwrap().matmul(&centered).unwrap().to_vec2().unwrap();
    let mut found: Vec<Vec<f64>> = Vec::new();
    for k in 0..2 {
        let mut v = vec![1. + k as f64, 0.3, -0.5, 0.7, 0.2, -0.9];
        for _ in 0..2_000 {
            let product = covariance
                .iter()
                .map(|row| row.iter().zip(&v).map(|(c, v)| f64::from(*c) * v).sum::<f64>());
            v = orthonormal(product.collect(), &found);
        }
        found.push(v);
    }
    found.try_into().unwrap()
}

/// `basis` の成分を除き、長さを 1 にします。
fn orthonormal(mut v: Vec<f64>, basis: &[Vec<f64>]) -> Vec<f64> {
    for b in basis {
        let along = dot(&v, b);
        v.iter_mut().zip(b).for_each(|(v, b)| *v -= along * b);
    }
    let length = dot(&v, &v).sqrt();
    v.iter().map(|v| v / length).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// 線形のオートエンコーダは、主成分と同じ平面を学ぶ。
#[test]
fn linear_autoencoder_spans_the_pca_subspace() {
    let x = tilted_gaussian(2_000);
    let x = x.broadcast_sub(&x.mean_keepdim(0).unwrap()).unwrap();
    let variables = Seed(0).variables();
    let layer = |from, to, name| {
        Linear::new(from, to, Activation::None, variables.builder("ae").pp(name)).unwrap()
    };
    let (encoder, decoder) = (layer(6, 2, "encoder"), layer(2, 6, "decoder"));
    let lr = if chapter::dead() { 0. } else { 0.02 };
    let mut optimizer =
        Adam::new(variables.of("ae"), AdamConfig { lr, ..AdamConfig::default() }).unwrap();
    for step in 0..1_500 {
        if step == 1_000 {
            optimizer.set_learning_rate(lr / 10.);
        }
        let loss = mse(&decoder.forward(&encoder.forward(&x).unwrap()).unwrap(), &x).unwrap();
        optimizer.step(&loss.backward().unwrap()).unwrap();
    }
    let weight = variables.named("ae").into_iter().find(|v| v.0 == "ae.decoder.weight").unwrap();
    let weight: Vec<Vec<f32>> = weight.1.t().unwrap().to_vec2().unwrap();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for direction in &weight {
        let direction = direction.iter().map(|&w| f64::from(w)).collect();
        let unit = orthonormal(direction, &basis);
        basis.push(unit);
    }
    // 主成分を、学習した平面へ射影しても長さが変わらない = 主角が 0。
    let components = principal_components(&x);
    for component in &components {
        let inside = basis.iter().map(|b| dot(component, b).powi(2)).sum::<f64>().sqrt();
        let angle = inside.min(1.).acos().to_degrees();
        assert!(angle < 1., "主成分と学習した平面の角度が {angle} 度");
    }
    // 同じなのは平面であって、1 本 1 本の軸ではない。
    let axis = orthonormal(weight[0].iter().map(|&w| f64::from(w)).collect(), &[]);
    assert!(components.iter().all(|c| dot(c, &axis).abs() < 0.999));
}

/// デノイジングオートエンコーダの目標は、汚した入力ではなく、元の画像である。
#[test]
fn denoising_autoencoder_aims_at_the_clean_image() {
    let config = Config { noise: 0.3, ..Config::tiny(Data::Digits).autoencoder() };
    let clean = batch(&config).x;
    let noisy = corrupt(&config, &clean, &mut Seed(1).rng("dirt")).unwrap();
    let changed = values(&clean).iter().zip(values(&noisy)).filter(|(a, b)| *a != b).count();
    let share = changed as f32 / clean.elem_count() as f32;
    // 黒か白に変わる画素のうち、元と同じ色になったものは変わったように見えない。
    assert!((0.12..0.3).contains(&share), "{share}");
    // 損失は、汚した入力ではなく、きれいな画像との差を測る。
    let vae = Vae::new(&config).unwrap();
    let z = vae.encoder.forward(&noisy).unwrap();
    let logits = vae.decoder.forward(z.mean()).unwrap();
    let noise = normal(&mut Seed(0).rng("unused"), (config.batch, config.z_dim)).unwrap();
    let batch = Batch { x: clean.clone(), input: noisy.clone(), noise };
    let loss = scalar(&terms(&vae, &config, &batch).unwrap().reconstruction);
    assert_eq!(loss, scalar(&reconstruction(&logits, &clean).unwrap()));
    assert_ne!(loss, scalar(&reconstruction(&logits, &noisy).unwrap()));
    // 割合 0 なら、何も変えない。
    let none = Config { noise: 0., ..config };
    assert_eq!(values(&corrupt(&none, &clean, &mut Seed(1).rng("dirt")).unwrap()), values(&clean));
}

/// VQ-VAE の量子化 (van den Oord et al. 2017, arXiv:1711.00937 式 1, 2)。
/// エンコーダの出力を、いちばん近いコードで置き換えます。勾配は、置き換えがなかったかのように素通しします。
fn quantize(z: &Tensor, codes: &Tensor) -> (Tensor, Vec<u32>) {
    let squares = |x: &Tensor| x.sqr().unwrap().sum_keepdim(1).unwrap();
    let cross = z.matmul(&codes.t().unwrap()).unwrap().affine(-2., 0.).unwrap();
    let distance = cross.broadcast_add(&squares(codes).t().unwrap()).unwrap();
    let nearest = distance.argmin(1).unwrap();
    let code = codes.index_select(&nearest, 0).unwrap();
    // z + (code − z).detach(): 値は code、勾配は z のもの。
    ((z + (code - z).unwrap().detach()).unwrap(), nearest.to_vec1().unwrap())
}

/// 量子化はいちばん近いコードを選び、勾配は素通しする。
#[test]
fn vq_picks_the_nearest_code_and_passes_the_gradient_straight_through() {
    let codes = Tensor::new(&[[0f32, 0.], [1., 0.], [0., 1.]], &Device::Cpu).unwrap();
    let z = Tensor::new(&[[0.2f32, 0.1], [0.9, 0.3], [-0.4, 2.]], &Device::Cpu).unwrap();
    let z = Var::from_tensor(&z).unwrap();
    let (quantized, nearest) = quantize(z.as_tensor(), &codes);
    assert_eq!(nearest, [0, 1, 2]);
    let expected =
        values(&codes.index_select(&Tensor::new(&nearest[..], &Device::Cpu).unwrap(), 0).unwrap());
    for (got, expected) in values(&quantized).iter().zip(expected) {
        assert!((got - expected).abs() < 1e-6);
    }
    // 目標 (5, 5) までの 2 乗距離を減らす向きの勾配が、そのまま z に届く: 2·(コード − 目標)。
    let target = Tensor::full(5f32, (3, 2), &Device::Cpu).unwrap();
    let loss = (&quantized - target).unwrap().sqr().unwrap().sum_all().unwrap();
    let gradient = values(loss.backward().unwrap().get(&z).unwrap());
    for (gradient, code) in gradient.iter().zip(values(&quantized)) {
        assert!((gradient - 2. * (code - 5.)).abs() < 1e-5);
    }
    // 素通しにしなければ、番号を選ぶところで勾配は途切れる。
    let picked = codes.index_select(&Tensor::new(&nearest[..], &Device::Cpu).unwrap(), 0).unwrap();
    let loss = picked.sqr().unwrap().sum_all().unwrap();
    assert!(loss.backward().unwrap().get(&z).is_none());
}

/// 分散を決めたガウスのデコーダなら、再構成の項は二乗誤差になる。
#[test]
fn decoder_of_a_gaussian_turns_the_loss_into_squared_error() {
    // 分散を 1 に決めたガウスのデコーダなら、−log p(x|z) は 2 乗誤差の半分と定数になる (論文 付録 C.2)。
    let (x, mean) = (column(&[0.3, -0.8, 0.5]), column(&[0.1, -0.2, 0.9]));
    let negative_log: f64 = values(&x)
        .iter()
        .zip(values(&mean))
        .map(|(&x, m)| -linear::log_normal(f64::from(x), f64::from(m), 1.))
        .sum();
    let squared = 3. * f64::from(scalar(&mse(&mean, &x).unwrap()));
    let constant = 1.5 * std::f64::consts::TAU.ln();
    assert!((negative_log - squared / 2. - constant).abs() < 1e-6);
}

#[test]
#[ignore = "学習していないモデルで、学習についての主張を試します"]
fn claims_die_on_a_dead_model() {
    let structure: &[(&str, &[&str])] = &[
        (
            "式を手計算や数値積分と比べる。学習は出てこない",
            &[
                "kl_matches_numerical_integration",
                "kl_is_never_negative_in_any_dimension",
                "kl_is_zero_only_at_the_prior",
                "reparameterized_sample_has_the_asked_mean_and_spread",
                "score_function_gradient_agrees_but_is_noisier",
                "elbo_never_exceeds_the_log_likelihood",
                "elbo_is_tight_at_the_true_posterior",
                "elbo_gap_is_the_kl_to_the_true_posterior",
                "loss_is_the_negative_elbo",
                "target_is_the_input_itself",
                "denoising_autoencoder_aims_at_the_clean_image",
                "vq_picks_the_nearest_code_and_passes_the_gradient_straight_through",
                "decoder_of_a_gaussian_turns_the_loss_into_squared_error",
            ],
        ),
        (
            "勾配がどこへ届き、1 回の更新でどの重みが動くかを見る",
            &[
                "reconstruction_gradient_reaches_the_encoder_only_with_reparameterization",
                "without_reparameterization_only_kl_moves_the_encoder",
                "same_seed_gives_the_same_bytes",
            ],
        ),
        (
            "ネットワークの形と、保存と読み込みを見る",
            &[
                "encoder_outputs_two_vectors",
                "encoder_gives_a_distribution_autoencoder_gives_a_point",
                "generation_uses_only_the_decoder",
            ],
        ),
    ];
    let claims = chapter::claims![linear_autoencoder_spans_the_pca_subspace];
    chapter::audit(include_str!("claims.rs"), claims, structure);
}
