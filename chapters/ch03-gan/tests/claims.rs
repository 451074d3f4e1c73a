//! 試験で問われる主張を、式・勾配・1 回の更新で確かめます。どれも数秒で終わります。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use candle_core::{Device, Result, Tensor, Var};
use candle_nn::ops::sigmoid;
use ch03_gan::book;
use ch03_gan::config::{Config, Data, GLoss};
use ch03_gan::figures::{gradient_curve, optimal_discriminator};
use ch03_gan::model::Discriminator;
use ch03_gan::train::{Gan, discriminator_loss, generator_loss, train, train_step, value};
use common::seed::{Seed, normal};
use tools::store::Store;

/// 本の「理論」で手計算する 2 つの分布。
const DATA: [f64; 3] = [0.5, 0.4, 0.1];
const G: [f64; 3] = [0.1, 0.4, 0.5];

fn column(values: &[f32]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap().reshape(((), 1)).unwrap()
}

fn scalar(tensor: Result<Tensor>) -> f32 {
    tensor.unwrap().to_scalar().unwrap()
}

/// 離散分布での V(D, G) = Σ p_data log D + Σ p_g log(1 − D)。
fn value_on(p_data: &[f64], p_g: &[f64], d: &[f64]) -> f64 {
    let term = |p: f64, log: f64| if p == 0. { 0. } else { p * log };
    (0..d.len()).map(|i| term(p_data[i], d[i].ln()) + term(p_g[i], (1. - d[i]).ln())).sum()
}

/// D* = p_data / (p_data + p_g) (命題 1)
fn best(p_data: &[f64], p_g: &[f64]) -> Vec<f64> {
    p_data.iter().zip(p_g).map(|(data, g)| data / (data + g)).collect()
}

fn kl(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).map(|(p, q)| if *p == 0. { 0. } else { p * (p / q).ln() }).sum()
}

/// JSD は、2 つの分布の平均 m までの KL の平均です。
fn jsd(p: &[f64], q: &[f64]) -> f64 {
    let m: Vec<f64> = p.iter().zip(q).map(|(p, q)| (p + q) / 2.).collect();
    (kl(p, &m) + kl(q, &m)) / 2.
}

/// 変数の今の値を、比べられるように取り出します。
fn snapshot(gan: &Gan, network: &str) -> Vec<Vec<f32>> {
    let vars = gan.variables.of(network);
    vars.iter().map(|var| var.flatten_all().unwrap().to_vec1().unwrap()).collect()
}

/// 1 回だけ更新して、前後の重みを返します。学習率 0 の側は動けません。
fn step_once(lr_g: f64, lr_d: f64, real: f32) -> [[Vec<Vec<f32>>; 2]; 2] {
    let config = Config { lr_g, lr_d, ..Config::tiny(Data::Ring) };
    let mut gan = Gan::new(&config).unwrap();
    let networks = ["generator", "discriminator"];
    let before = networks.map(|network| snapshot(&gan, network));
    let mut rng = Seed(5).rng("noise");
    let real = Tensor::full(real, (config.batch, 2), &Device::Cpu);
    train_step(
        &mut gan,
        &config,
        || real.as_ref().map_err(|_| unreachable!()).cloned(),
        || normal(&mut rng, (config.batch, config.z_dim)),
    )
    .unwrap();
    [before, networks.map(|network| snapshot(&gan, network))]
}

/// 最良の識別器 D* が手計算と一致し、そこからずらすと V が下がる。
#[test]
fn optimal_discriminator_matches_hand_computation() {
    // 本の手計算: D* = (5/6, 1/2, 1/6)。
    let d = best(&DATA, &G);
    for (d, hand) in d.iter().zip([5. / 6., 0.5, 1. / 6.]) {
        assert!((d - hand).abs() < 1e-12);
    }
    // そこから少しでもずらすと、V は小さくなる。
    let top = value_on(&DATA, &G, &d);
    for i in 0..d.len() {
        for shift in [-0.1, -0.01, 0.01, 0.1] {
            let mut moved = d.clone();
            moved[i] += shift;
            assert!(value_on(&DATA, &G, &moved) < top);
        }
    }
}

/// 最良の識別器での V は、−log 4 + 2·JSD に一致する。
#[test]
fn value_at_optimum_is_minus_log4_plus_2jsd() {
    for (p_data, p_g) in [
        (DATA, G),
        ([0.2, 0.3, 0.5], [0.6, 0.3, 0.1]),
        ([0.5, 0.5, 0.], [0., 0., 1.]),
        ([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]),
    ] {
        let v = value_on(&p_data, &p_g, &best(&p_data, &p_g));
        let c = -(4f64.ln()) + 2. * jsd(&p_data, &p_g);
        assert!((v - c).abs() < 1e-12, "V(D*) = {v}、−log 4 + 2·JSD = {c}");
    }
    // 本の手計算: V(D*) はおよそ −1.0952、JSD はおよそ 0.1456。
    assert!((value_on(&DATA, &G, &best(&DATA, &G)) + 1.0952).abs() < 5e-5);
    assert!((jsd(&DATA, &G) - 0.1456).abs() < 5e-5);
    // 重ならない分布で JSD は最大の log 2、等しい分布で 0 になる。
    assert!((jsd(&[1., 0.], &[0., 1.]) - 2f64.ln()).abs() < 1e-12);
    assert_eq!(jsd(&[0.3, 0.7], &[0.3, 0.7]), 0.);
}

/// いつも 1/2 と答える識別器では、V が −log 4 になる。
#[test]
fn value_of_a_guessing_discriminator_is_minus_log4() {
    let half = column(&[0.5; 4]);
    assert!((scalar(value(&half, &half)) + 4f32.ln()).abs() < 1e-6);
    // 識別器の損失は −V なので、ロジット 0 (確率 1/2) では log 4 になる。
    let zero = column(&[0.; 4]);
    assert!((scalar(discriminator_loss(&zero, &zero)) - 4f32.ln()).abs() < 1e-6);
}

/// 識別器の損失は、V の符号を変えたものである。
#[test]
fn discriminator_loss_is_minus_the_value() {
    let (real, fake) = (column(&[0.3, -1.2, 2.5]), column(&[-0.7, 0.4, 1.1]));
    let v = scalar(value(&sigmoid(&real).unwrap(), &sigmoid(&fake).unwrap()));
    assert!((scalar(discriminator_loss(&real, &fake)) + v).abs() < 1e-5);
}

/// 生成器を止めて学習した識別器は、計算で求めた D* に近づく。
#[test]
fn trained_discriminator_approaches_the_optimum() {
    let lr_d = if chapter::dead() { 0. } else { book::optimum().lr_d };
    let config = Config { lr_d, ..book::optimum() };
    let discriminator = common::nn::run(|| book::fit_optimum(&config)).unwrap();
    let xs: Vec<f32> = (-20..=20).map(|i| i as f32 / 10.).collect();
    let learned = sigmoid(&discriminator.forward(&column(&xs)).unwrap()).unwrap();
    let learned = learned.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (x, d) in xs.iter().zip(learned) {
        let optimal = optimal_discriminator(f64::from(*x));
        let gap = (f64::from(d) - optimal).abs();
        assert!(gap < 0.06, "x = {x}: 学習した D は {d:.3}、D* は {optimal:.3}");
    }
}

/// 識別器の損失は、本物と偽物の両方で決まる。
#[test]
fn discriminator_loss_uses_real_and_fake() {
    let (low, high) = (column(&[-1.; 3]), column(&[1.; 3]));
    let base = scalar(discriminator_loss(&low, &low));
    // 本物に高い点を付けると損失は下がり、偽物に高い点を付けると上がる。
    assert!(scalar(discriminator_loss(&high, &low)) < base);
    assert!(scalar(discriminator_loss(&low, &high)) > base);
    // 1 回の更新でも、本物を替えれば識別器の重みの行き先が変わる。
    let [[_, _], [_, near]] = step_once(0., 1e-3, 0.1);
    let [[_, _], [_, far]] = step_once(0., 1e-3, 3.);
    assert_ne!(near, far);
}

/// 識別器の答えは、0 から 1 までの確率である。
#[test]
fn discriminator_output_is_a_probability() {
    let gan = Gan::new(&Config::tiny(Data::Ring)).unwrap();
    let x = normal(&mut Seed(1).rng("x"), (64, 2)).unwrap().affine(100., 0.).unwrap();
    let d = sigmoid(&gan.discriminator.forward(&x).unwrap()).unwrap();
    assert_eq!(d.dims(), [64, 1]);
    let d = d.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(d.iter().all(|d| (0. ..=1.).contains(d)));
    // 真か偽かの二択ではなく、間の値も取る。
    assert!(d.iter().any(|d| (0.01..0.99).contains(d)));
}

/// 識別器は標本を一つずつ判定し、PacGAN では二つまとめて判定する。
#[test]
fn discriminator_judges_each_sample_alone() {
    let x = normal(&mut Seed(1).rng("x"), (8, 2)).unwrap();
    let judge = |pack: usize, x: &Tensor| -> Vec<f32> {
        let config = Config { pack, ..Config::tiny(Data::Ring) };
        let gan = Gan::new(&config).unwrap();
        gan.discriminator.forward(x).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    };
    // ほかの標本と一緒に見せても、1 つだけ見せても、答えは同じ。
    let together = judge(1, &x);
    for (i, answer) in together.iter().enumerate() {
        let alone = judge(1, &x.narrow(0, i, 1).unwrap())[0];
        assert!((alone - answer).abs() < 1e-5);
    }
    // PacGAN では 2 つで 1 つの答えになり、隣の標本が答えを変える。
    assert_eq!(judge(2, &x).len(), 4);
    let swapped =
        Tensor::cat(&[x.narrow(0, 0, 1).unwrap(), x.narrow(0, 2, 1).unwrap()], 0).unwrap();
    assert!((judge(2, &swapped)[0] - judge(2, &x)[0]).abs() > 1e-4);
}

/// 識別器の番では、生成器の重みが変わらない。
#[test]
fn discriminator_step_leaves_generator_unchanged() {
    // 生成器の学習率を 0 にして、識別器の番だけを働かせる。
    let [[g, d], [g_after, d_after]] = step_once(0., 1e-3, 1.);
    assert_eq!(g, g_after);
    assert_ne!(d, d_after);
    // detach した偽物からは、生成器へ勾配が届かない。
    let config = Config::tiny(Data::Ring);
    let gan = Gan::new(&config).unwrap();
    let fake = gan.generator.forward(&column(&[0.5; 8]).reshape((4, 2)).unwrap()).unwrap();
    let logits = gan.discriminator.forward(&fake.detach()).unwrap();
    let gradients = discriminator_loss(&logits, &logits).unwrap().backward().unwrap();
    assert!(gan.variables.of("generator").iter().all(|var| gradients.get(var).is_none()));
    assert!(gan.variables.of("discriminator").iter().all(|var| gradients.get(var).is_some()));
}

/// 生成器の番では、識別器の重みが変わらない。
#[test]
fn generator_step_leaves_discriminator_unchanged() {
    let [[g, d], [g_after, d_after]] = step_once(1e-3, 0., 1.);
    assert_eq!(d, d_after);
    assert_ne!(g, g_after);
    // 固定した識別器を通ると、勾配は生成器にだけ届く。
    let gan = Gan::new(&Config::tiny(Data::Ring)).unwrap();
    let fake = gan.generator.forward(&column(&[0.5; 8]).reshape((4, 2)).unwrap()).unwrap();
    let logits = gan.discriminator.frozen().forward(&fake).unwrap();
    let gradients = generator_loss(GLoss::NonSaturating, &logits).unwrap().backward().unwrap();
    assert!(gan.variables.of("discriminator").iter().all(|var| gradients.get(var).is_none()));
    assert!(gan.variables.of("generator").iter().all(|var| gradients.get(var).is_some()));
}

/// 識別器を止めておけば、本物を替えても、生成器の動きは 1 ビットも変わらない。
#[test]
fn generator_never_sees_real_data() {
    // 識別器を止めておけば、本物を何に替えても、生成器の動きは 1 ビットも変わらない。
    let [_, [near, _]] = step_once(1e-3, 0., 0.1);
    let [_, [far, _]] = step_once(1e-3, 0., 30.);
    assert_eq!(near, far);
    // 識別器が動けば、本物の影響は識別器を通って生成器に伝わる。
    let [_, [near, _]] = step_once(1e-3, 1e-1, 0.1);
    let [_, [far, _]] = step_once(1e-3, 1e-1, 30.);
    assert_ne!(near, far);
}

/// 偽物が見抜かれているとき、飽和する損失の勾配は 0 に近く、非飽和の損失の勾配は 1 に近い。
#[test]
fn saturating_gradient_vanishes_where_non_saturating_does_not() {
    let saturating = gradient_curve(GLoss::Saturating).unwrap();
    let non_saturating = gradient_curve(GLoss::NonSaturating).unwrap();
    for ((d, s), (_, n)) in saturating.iter().zip(&non_saturating) {
        // ロジットで微分すると、log(1 − D) は −D、−log D は −(1 − D)。
        assert!((s + d).abs() < 1e-4, "D = {d}: 飽和する損失の勾配 {s}");
        assert!((n + (1. - d)).abs() < 1e-4, "D = {d}: 非飽和の損失の勾配 {n}");
    }
    // 偽物と見抜かれているとき (D が 0 に近い) の差。
    let (d, s) = saturating[0];
    assert!(d < 0.02 && s.abs() < 0.02 && non_saturating[0].1.abs() > 0.98);
}

/// 生成器の二つの損失は、どちらも、本物とみなされる向きに押す。
#[test]
fn both_generator_losses_push_the_same_way() {
    for kind in [GLoss::Saturating, GLoss::NonSaturating] {
        // 勾配が負 = ロジットを上げると損失が下がる = 本物とみなされる向きに動く。
        assert!(gradient_curve(kind).unwrap().iter().all(|(_, gradient)| *gradient < 0.));
    }
}

/// 極端なロジットでも、損失と勾配はあふれない。
#[test]
fn losses_stay_finite_for_extreme_logits() {
    let extreme = Var::from_tensor(&column(&[-1e4, -50., 50., 1e4])).unwrap();
    for kind in [GLoss::Saturating, GLoss::NonSaturating] {
        let loss = generator_loss(kind, extreme.as_tensor()).unwrap();
        assert!(loss.to_scalar::<f32>().unwrap().is_finite());
        let gradients = loss.backward().unwrap();
        let gradient = gradients.get(&extreme).unwrap().flatten_all().unwrap();
        assert!(gradient.to_vec1::<f32>().unwrap().iter().all(|g| g.is_finite()));
    }
}

/// 識別器の重みを消しても、同じ絵が作れる。
#[test]
fn generation_uses_only_the_generator() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = book::run("試験", &Config::tiny(Data::Digits), true).unwrap();
    let store = Store::at(dir.path());
    store.keep(&outcome).unwrap();
    // 識別器の重みを消しても、同じものが作れる。
    std::fs::remove_file(dir.path().join("digits/discriminator.safetensors")).unwrap();
    let (_, made) = book::generate(Data::Digits, &store, 5, Seed(3)).unwrap();
    let expected = outcome.trained.generate(5, Seed(3)).unwrap();
    assert_eq!(made.to_vec2::<f32>().unwrap(), expected.to_vec2::<f32>().unwrap());
    // 生成器の重みがなければ、作れない。
    std::fs::remove_file(dir.path().join("digits/generator.safetensors")).unwrap();
    let error = book::generate(Data::Digits, &store, 5, Seed(3)).unwrap_err().to_string();
    assert!(error.contains("digits/generator.safetensors"), "{error}");
}

/// 同じ種なら、スレッドの数によらず、学習の結果は 1 バイトも違わない。
#[test]
fn same_seed_gives_the_same_bytes() {
    let weights = |seed: u64, threads: usize| {
        let config = Config { seed, ..Config::tiny(Data::Digits) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let trained =
            pool.install(|| train(&config, |_| Ok(std::ops::ControlFlow::Continue(()))).unwrap());
        [snapshot(&trained.gan, "generator"), snapshot(&trained.gan, "discriminator")]
    };
    let first = weights(1, 1);
    assert_eq!(first, weights(1, 1));
    assert_eq!(first, weights(1, 3), "スレッドの数が結果を変えました");
    assert_ne!(first, weights(2, 1));
}

/// まとめて判定する識別器で増えるのは、最初の層の入力だけである。
#[test]
fn packed_discriminator_has_wider_input_only() {
    let parameters = |pack: usize| {
        let variables = Seed(0).variables();
        let config = Config { pack, ..Config::tiny(Data::Ring) };
        Discriminator::new(2, &config, variables.builder("d")).unwrap();
        variables.of("d").iter().map(|var| var.elem_count()).sum::<usize>()
    };
    // 増えるのは最初の層の入力だけ: 2 × 16 個。
    assert_eq!(parameters(2) - parameters(1), 2 * 16);
}

#[test]
#[ignore = "学習していないモデルで、学習についての主張を試します"]
fn claims_die_on_a_dead_model() {
    let structure: &[(&str, &[&str])] = &[
        (
            "式を手計算と比べる。モデルは出てこない",
            &[
                "optimal_discriminator_matches_hand_computation",
                "value_at_optimum_is_minus_log4_plus_2jsd",
                "value_of_a_guessing_discriminator_is_minus_log4",
                "discriminator_loss_is_minus_the_value",
                "saturating_gradient_vanishes_where_non_saturating_does_not",
                "both_generator_losses_push_the_same_way",
                "losses_stay_finite_for_extreme_logits",
            ],
        ),
        (
            "1 回の更新で、どの重みが動き、どの重みが動かないかを見る",
            &[
                "discriminator_loss_uses_real_and_fake",
                "discriminator_step_leaves_generator_unchanged",
                "generator_step_leaves_discriminator_unchanged",
                "generator_never_sees_real_data",
                "same_seed_gives_the_same_bytes",
            ],
        ),
        (
            "ネットワークの形と、保存と読み込みを見る",
            &[
                "discriminator_output_is_a_probability",
                "discriminator_judges_each_sample_alone",
                "generation_uses_only_the_generator",
                "packed_discriminator_has_wider_input_only",
            ],
        ),
    ];
    let claims = chapter::claims![trained_discriminator_approaches_the_optimum];
    chapter::audit(include_str!("claims.rs"), claims, structure);
}
