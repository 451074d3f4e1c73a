//! 試験で問われる主張を、できあがったモデル・式・1 回の更新で確かめます。どれも数秒で終わります。

use std::ops::ControlFlow;
use std::sync::LazyLock;

use candle_core::{Device, Tensor};
use ch04_dcgan::book;
use ch04_dcgan::config::{Config, Model, Noise, Norm};
use ch04_dcgan::data::{Kanji, Pictures};
use ch04_dcgan::model::{Discriminator, Generator, Plan, double, halve};
use ch04_dcgan::train::{
    Gan, discriminator_loss, generator_loss, latent, optimizer, train, train_step,
};
use ch04_dcgan::{figures, measure};
use common::nn::Activation;
use common::seed::{Seed, normal};
use tools::store::Store;

/// 本の大きさと、公開されている 2 つの大きさの設定と、組み立てたネットワーク。試験が分け合い、1 度だけ組み立てます。
static BUILT: LazyLock<[(Config, Gan); 3]> = LazyLock::new(|| {
    [Config::book(), Config::paper(), Config::pytorch()].map(|config| {
        let gan = Gan::new(&config).unwrap();
        (config, gan)
    })
});

/// できあがった生成器と識別器の、各層の設計。
fn plans(gan: &Gan) -> [Vec<Plan>; 2] {
    let (Generator::Dcgan(g), Discriminator::Dcgan(d)) = (&gan.generator, &gan.discriminator)
    else {
        panic!("畳み込みのネットワークではない")
    };
    [g.iter().map(|block| block.plan).collect(), d.iter().map(|block| block.plan).collect()]
}

/// 学習する変数 (BatchNorm の移動平均は、勾配で動くのではないので除く)。
fn learned(gan: &Gan, network: &str) -> Vec<(String, candle_core::Var)> {
    let named = gan.variables.named(network).into_iter();
    named.filter(|(name, _)| !name.contains("running_")).collect()
}

/// 変数の今の値を、比べられるように取り出します。
fn snapshot(gan: &Gan, network: &str) -> Vec<Vec<f32>> {
    learned(gan, network).iter().map(|(_, var)| values(var.as_tensor())).collect()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn batch(config: &Config, seed: u64) -> Tensor {
    Pictures::new(config).unwrap().sample(config.batch, &mut Seed(seed).rng("real")).unwrap()
}

fn noise(config: &Config, count: usize) -> Tensor {
    latent(config, count, &mut Seed(1).rng("noise")).unwrap()
}

fn close(a: &[f32], b: &[f32], tolerance: f32) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance)
}

fn deviation(values: &[f32]) -> f32 {
    let mean = measure::mean(values);
    measure::mean(&values.iter().map(|v| (v - mean).powi(2)).collect::<Vec<_>>()).sqrt()
}

// ---- 論文 3 節と 4 節の処方 ----

/// 大きさを変えるのは畳み込みのストライドだけで、プーリングの層は無い。
#[test]
fn no_pooling_only_strides() {
    for (config, gan) in &*BUILT {
        let [g, d] = plans(gan);
        // 大きさを変えるのは畳み込みのストライドだけ。2 でない層は、4×4 と 1×1 を結ぶ端の層に限る。
        let strides = |plans: &[Plan]| plans.iter().map(|p| p.conv.stride).collect::<Vec<_>>();
        let twos = vec![2; config.stages()];
        assert_eq!(strides(&g), [vec![1], twos.clone()].concat());
        assert_eq!(strides(&d), [twos, vec![1]].concat());
        // できあがった変数は、畳み込みと BatchNorm のものだけである。
        for (name, _) in gan.variables.named("") {
            assert!(name.contains(".conv.") || name.contains(".norm."), "{name}");
        }
    }
}

/// 隠れ層に全結合層が無い。
#[test]
fn no_hidden_fully_connected_layer() {
    for (_, gan) in &*BUILT {
        for (name, var) in gan.variables.named("") {
            // 全結合層の重みなら 2 次元。畳み込みの重みは 4 次元、正規化の変数は 1 次元である。
            let rank = if name.ends_with("conv.weight") { 4 } else { 1 };
            assert_eq!(var.rank(), rank, "{name}");
        }
        // z の入る層と D の答えを出す層は、4×4 の画像の全体を 1 度に見る畳み込みになっている。
        let [g, d] = plans(gan);
        for end in [g.first().unwrap(), d.last().unwrap()] {
            assert_eq!((end.conv.kernel, end.conv.stride, end.conv.padding), (4, 1, 0));
        }
    }
    // 比較用の全結合のネットワークの重みは、どれも 2 次元である。
    let mlp = Gan::new(&Config { model: Model::Mlp, ..Config::tiny() }).unwrap();
    let named = mlp.variables.named("").into_iter();
    assert!(named.filter(|(name, _)| name.ends_with("weight")).all(|(_, var)| var.rank() == 2));
}

/// バッチ正規化は、生成器の出力層と識別器の入力層を除いて置かれている。
#[test]
fn batch_norm_everywhere_but_generator_output_and_discriminator_input() {
    for (config, gan) in &*BUILT {
        let [g, d] = plans(gan);
        let last = config.stages() + 1;
        // D では、画像の入る層のほかに、答えの数を 1 個だけ出す層にも置かない。
        let networks = [("generator", g, vec![last]), ("discriminator", d, vec![1, last])];
        for (network, plans, without) in networks {
            for (at, plan) in plans.iter().enumerate() {
                let layer = format!("{network}.{}", at + 1);
                let expected = !without.contains(&(at + 1));
                assert_eq!(plan.norm, expected, "{layer}");
                // 設計だけでなく、変数 (γ、β、移動平均 2 つ) が本当にあるかも確かめる。
                let norm = gan.variables.of(&format!("{layer}.norm")).len();
                assert_eq!(norm, if expected { 4 } else { 0 }, "{layer}");
                // 畳み込みの変数は重みだけで、バイアスはない。
                assert_eq!(gan.variables.of(&format!("{layer}.conv")).len(), 1, "{layer}");
            }
        }
    }
}

/// 活性化関数は、生成器が ReLU と tanh、識別器が Leaky ReLU である。
#[test]
fn activations_are_relu_tanh_and_leaky_relu() {
    for (_, gan) in &*BUILT {
        let [g, d] = plans(gan);
        let (last, hidden) = g.split_last().unwrap();
        assert!(hidden.iter().all(|plan| plan.activation == Activation::Relu));
        assert_eq!(last.activation, Activation::Tanh);
        let (last, hidden) = d.split_last().unwrap();
        assert!(hidden.iter().all(|plan| plan.activation == Activation::LeakyRelu(0.2)));
        // 答えはロジットのまま出す。シグモイドは損失の中で掛ける。
        assert_eq!(last.activation, Activation::None);
    }
}

/// 作った画像の画素は、−1 から 1 の間に収まる。
#[test]
fn generated_pixels_lie_in_minus_one_to_one() {
    let config = Config::tiny();
    let gan = Gan::new(&config).unwrap();
    // z をどれだけ大きくしても、tanh を通るので画素は [-1, 1] を出ない。
    let z = noise(&config, 8).affine(1e4, 0.).unwrap();
    let images = gan.generator.forward(&z, false).unwrap();
    assert_eq!(images.dims(), [8, 1, config.size, config.size]);
    let pixels = values(&images);
    assert!(pixels.iter().all(|v| (-1. ..=1.).contains(v)));
    assert!(pixels.iter().any(|v| v.abs() > 0.9));
    // 本物も同じ範囲にあり、地と墨が両端にある。
    let real = values(&batch(&Config::book(), 1));
    assert!(real.iter().all(|v| (-1. ..=1.).contains(v)));
    assert!(real.contains(&-1.) && real.contains(&1.));
}

/// 重みは、標準偏差 0.02 の正規分布から始まる。
#[test]
fn weights_start_from_normal_with_deviation_002() {
    let [(_, gan), ..] = &*BUILT;
    for (name, var) in learned(gan, "") {
        let values = values(var.as_tensor());
        if name.ends_with("norm.bias") {
            assert!(values.iter().all(|&v| v == 0.), "{name}");
            continue;
        }
        // 畳み込みの重みは N(0, 0.02)、BatchNorm の γ は N(1, 0.02)。
        let center = if name.ends_with("norm.weight") { 1. } else { 0. };
        let (mean, deviation, n) = (measure::mean(&values), deviation(&values), values.len());
        // 標本の平均と標準偏差は、個数に応じた揺れの 5 倍までしか外れない。
        let slack = 5. * 0.02 / (n as f32).sqrt();
        assert!((mean - center).abs() < slack, "{name}: 平均 {mean}");
        assert!((deviation - 0.02).abs() < slack, "{name}: 標準偏差 {deviation}");
    }
}

/// 論文の設定の Adam は、学習率 0.0002、β1 = 0.5 で動く。
#[test]
fn adam_uses_the_papers_settings() {
    let paper = Config::paper();
    let adam = optimizer(&paper);
    assert_eq!((adam.lr, adam.beta1, adam.beta2), (0.0002, 0.5, 0.999));
    assert_eq!((paper.batch, paper.z_dim, paper.noise), (128, 100, Noise::Uniform));
    assert_eq!(Config::book().beta1, 0.5);
    // Adam の最初の 1 歩は、勾配の大きさによらず学習率と同じ幅になる。動いた量から学習率を読み取る。
    for lr in [0.0002, 0.005] {
        let config = Config { lr, ..Config::tiny() };
        let mut gan = Gan::new(&config).unwrap();
        for network in ["generator", "discriminator"] {
            let before = snapshot(&gan, network);
            train_step(&mut gan, &batch(&config, 1), &noise(&config, config.batch)).unwrap();
            let after = snapshot(&gan, network);
            let moves = before.iter().flatten().zip(after.iter().flatten());
            let most = moves.map(|(a, b)| (a - b).abs()).fold(0., f32::max);
            assert!(most < 1.6 * lr as f32 && most > 0.9 * lr as f32, "{network}: {most}");
        }
    }
}

// ---- 大きさと個数 ----

/// 畳み込みと転置畳み込みの出力の大きさは、式のとおりになる。
#[test]
fn output_sizes_follow_the_formula() {
    // 畳み込み: (入力 + 2·余白 − カーネル) ÷ ストライド + 1 (端数は切り捨て)
    // 転置畳み込み: (入力 − 1)·ストライド + カーネル − 2·余白 + 追加の余白
    for kernel in 2..=5 {
        let (down, up) = (halve(kernel), double(kernel));
        for size in [4, 8, 16, 32] {
            assert_eq!((size + 2 * down.padding - kernel) / 2 + 1, size / 2);
            assert_eq!((size - 1) * 2 + kernel - 2 * up.padding + up.output_padding, size * 2);
        }
        // 式だけでなく、実際の層の出力の大きさも確かめる。
        let config = Config { kernel, ..Config::tiny() };
        let gan = Gan::new(&config).unwrap();
        let images = gan.generator.forward(&noise(&config, 2), false).unwrap();
        assert_eq!(images.dims(), [2, 1, 16, 16]);
        assert_eq!(gan.discriminator.forward(&images, false).unwrap().dims(), [2, 1]);
    }
    // 本の手計算: カーネル 4、ストライド 2、余白 1 の転置畳み込みで 4 → 8 → 16 → 32。
    let up = double(4);
    assert_eq!((up.kernel, up.stride, up.padding, up.output_padding), (4, 2, 1, 0));
    let mut size = 4;
    for expected in [8, 16, 32] {
        size = (size - 1) * up.stride + up.kernel - 2 * up.padding;
        assert_eq!(size, expected);
    }
}

/// 生成器では、画像が 2 倍になるたびにチャネルが半分になる。
#[test]
fn channels_halve_while_the_image_doubles() {
    let [_, (_, paper), (_, pytorch)] = &*BUILT;
    let outputs =
        |gan| plans(gan).map(|plans| plans.iter().map(|plan| plan.output).collect::<Vec<_>>());
    let [g, d] = outputs(pytorch);
    assert_eq!((g, d), (vec![512, 256, 128, 64, 3], vec![64, 128, 256, 512, 1]));
    // 論文の図 1: 100 → 4×4×1024 → 8×8×512 → 16×16×256 → 32×32×128 → 64×64×3
    let [g, _] = outputs(paper);
    assert_eq!(g, [1024, 512, 256, 128, 3]);
}

/// 論文の大きさのネットワークの重みの数は、公開されているものと一致する。
#[test]
fn paper_size_networks_have_the_public_parameter_counts() {
    let [_, (_, paper), (_, built)] = &*BUILT;
    let count =
        |gan: &Gan| ["generator", "discriminator"].map(|network| gan.variables.parameters(network));
    // PyTorch の公開例 (pytorch/examples、dcgan/main.py)。どの畳み込みも 4×4 でバイアスなし、
    // BatchNorm は 1 チャネルにつき γ と β の 2 個。
    let pytorch = [
        16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 2 * (512 + 256 + 128 + 64),
        16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 2 * (128 + 256 + 512),
    ];
    assert_eq!(pytorch, [3_576_704, 2_765_568]);
    assert_eq!(count(built), pytorch);

    // 著者のコード (Newmu/dcgan_code、faces/train_uncond_dcgan.py)。ngf = ndf = 128、5×5。
    // z → 4×4×1024 は行列 [100, 16384]、D の出力は行列 [16384, 1] と書かれているが、4×4 の畳み込みと同じ数になる。
    let authors = [
        100 * 16_384
            + 2 * 16_384
            + 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
            + 2 * (512 + 256 + 128),
        25 * (3 * 128 + 128 * 256 + 256 * 512 + 512 * 1024) + 2 * (256 + 512 + 1024) + 16_384,
    ];
    assert_eq!(authors, [18_885_760, 17_232_768]);
    // 論文との差: 著者のコードの最初の BatchNorm は、16,384 個の数を別々に正規化する (γ と β が 32,768 個)。
    // 本では PyTorch の例と同じく、1,024 チャネルごとに正規化する。
    assert_eq!(count(paper), [authors[0] - 2 * (16_384 - 1_024), authors[1]]);
}

// ---- 損失と 1 回の更新 (GAN の章と同じ約束) ----

/// 識別器の損失は、本物と偽物の両方で決まる。
#[test]
fn discriminator_loss_uses_real_and_fake() {
    let column = |v: f32| Tensor::full(v, (3, 1), &Device::Cpu).unwrap();
    let loss = |real: f32, fake: f32| -> f32 {
        discriminator_loss(&column(real), &column(fake)).unwrap().to_scalar().unwrap()
    };
    assert!((loss(0., 0.) - 4f32.ln()).abs() < 1e-6);
    assert!(loss(1., -1.) < loss(-1., -1.) && loss(-1., 1.) > loss(-1., -1.));
    // 生成器の損失は −log D(G(z))。見抜かれているほど大きい。
    let generator =
        |fake: f32| -> f32 { generator_loss(&column(fake)).unwrap().to_scalar().unwrap() };
    assert!((generator(0.) - 2f32.ln()).abs() < 1e-6 && generator(-3.) > 3.);
}

/// 識別器の番では、生成器の重みが変わらない。
#[test]
fn discriminator_step_leaves_generator_unchanged() {
    // detach した偽物からは、生成器へ勾配が届かない。
    let config = Config::tiny();
    let gan = Gan::new(&config).unwrap();
    let fake = gan.generator.forward(&noise(&config, 16), true).unwrap();
    let real = gan.discriminator.forward(&batch(&config, 1), true).unwrap();
    let logits = gan.discriminator.forward(&fake.detach(), true).unwrap();
    let gradients = discriminator_loss(&real, &logits).unwrap().backward().unwrap();
    assert!(learned(&gan, "generator").iter().all(|(_, var)| gradients.get(var).is_none()));
    assert!(learned(&gan, "discriminator").iter().all(|(_, var)| gradients.get(var).is_some()));
}

/// 生成器の番では、識別器の重みが変わらない。
#[test]
fn generator_step_leaves_discriminator_unchanged() {
    // 固定した識別器を通ると、勾配は生成器にだけ届く。
    let config = Config::tiny();
    let mut gan = Gan::new(&config).unwrap();
    let fake = gan.generator.forward(&noise(&config, 16), true).unwrap();
    let logits = gan.discriminator.frozen().forward(&fake, true).unwrap();
    let gradients = generator_loss(&logits).unwrap().backward().unwrap();
    assert!(learned(&gan, "discriminator").iter().all(|(_, var)| gradients.get(var).is_none()));
    assert!(learned(&gan, "generator").iter().all(|(_, var)| gradients.get(var).is_some()));
    // 1 回の更新では、どちらの重みも動く。
    for network in ["generator", "discriminator"] {
        let before = snapshot(&gan, network);
        train_step(&mut gan, &batch(&config, 1), &noise(&config, config.batch)).unwrap();
        let after = snapshot(&gan, network);
        assert!(before.iter().zip(&after).all(|(before, after)| before != after));
    }
}

/// 生成器の番に、本物の画像は使われない。
#[test]
fn generator_never_sees_real_data() {
    // 生成器が 1 回でどう動いたか。識別器の学習率は、生成器と同じ `lr` である。
    let config = Config::tiny();
    let z = noise(&config, config.batch);
    let real = batch(&config, 1);
    // 生成器の損失は偽物のロジットだけの関数。識別器が動かなければ、本物を裏返しても変わらない。
    let loss = |lr: f64, real: &Tensor| {
        let mut gan = Gan::new(&Config { lr, ..config.clone() }).unwrap();
        train_step(&mut gan, real, &z).unwrap().generator
    };
    let inverted = real.neg().unwrap();
    assert_eq!(loss(0., &real), loss(0., &inverted));
    // 識別器が動けば、本物の影響は識別器を通って生成器に伝わる。
    assert_ne!(loss(0.01, &real), loss(0.01, &inverted));
}

// ---- BatchNorm ----

/// 学習中は、同じミニバッチのほかの画像によって出力が変わる。
#[test]
fn batch_norm_ties_the_images_of_a_batch() {
    let config = Config::tiny();
    let (x, other) = (batch(&config, 1), batch(&config, 2));
    // 1 枚目は同じで、隣の画像だけを取り替える。
    let mixed = Tensor::cat(&[x.narrow(0, 0, 1).unwrap(), other.narrow(0, 1, 15).unwrap()], 0);
    let mixed = mixed.unwrap();
    let gap = |norm: Norm, train: bool| {
        let gan = Gan::new(&Config { norm, ..config.clone() }).unwrap();
        let first = |x: &Tensor| values(&gan.discriminator.forward(x, train).unwrap())[0];
        (first(&x) - first(&mixed)).abs()
    };
    // 学習のときの BatchNorm は、ミニバッチの統計を使うので、隣の画像が答えを変える。
    assert!(gap(Norm::Batch, true) > 1e-3);
    // 移動平均を使うか、BatchNorm を抜けば、1 枚ずつ独立に判定する。
    assert!(gap(Norm::Batch, false) < 1e-6);
    assert!(gap(Norm::None, true) < 1e-6);
}

/// 生成のときは、ほかの画像が何でも、出力は変わらない。
#[test]
fn generation_does_not_depend_on_the_batch() {
    let config = Config::tiny();
    let gan = Gan::new(&config).unwrap();
    let z = noise(&config, 8);
    let together = gan.generator.forward(&z, false).unwrap();
    for i in 0..8 {
        let alone = gan.generator.forward(&z.narrow(0, i, 1).unwrap(), false).unwrap();
        assert!(close(&values(&alone), &values(&together.get(i).unwrap()), 1e-5));
    }
    // 学習のときの計算では、同じ z からでも、一緒に作る画像によって違う絵になる。
    let first = |count: usize| {
        let z = z.narrow(0, 0, count).unwrap();
        values(&gan.generator.forward(&z, true).unwrap().get(0).unwrap())
    };
    assert!(!close(&first(4), &first(8), 1e-3));
}

/// バッチ正規化があると、学習の前でも信号がしぼまない。
#[test]
fn batch_norm_keeps_the_signal_alive_at_the_start() {
    // N(0, 0.02) の小さな重みでは、層を重ねるたびに信号がしぼむ。BatchNorm は毎回、標準偏差を 1 に戻す。
    let spread = |norm: Norm| {
        let config = Config { norm, ..Config::book() };
        let gan = Gan::new(&config).unwrap();
        let images = gan.generator.forward(&noise(&config, 64), true).unwrap();
        // 画素ごとに、z を変えたときの散らばりを見る。
        let mean = images.mean_keepdim(0).unwrap();
        deviation(&values(&images.broadcast_sub(&mean).unwrap()))
    };
    let (with, without) = (spread(Norm::Batch), spread(Norm::None));
    assert!(with > 10. * without, "あり {with}、なし {without}");
}

// ---- 市松模様 ----

/// カーネル 3 では重なりにむらがあり、カーネル 4 では一様である。
#[test]
fn kernel_three_overlaps_unevenly_and_kernel_four_evenly() {
    let inner = |kernel: usize| {
        let counts = measure::overlap(kernel, 1, 8).unwrap();
        let counts = counts.get(0).unwrap().get(0).unwrap();
        // 縁では入力が足りないので、中だけを見る。
        let counts = counts.narrow(0, 4, 8).unwrap().narrow(1, 4, 8).unwrap();
        let mut counts = values(&counts.contiguous().unwrap());
        counts.sort_by(f32::total_cmp);
        counts.dedup();
        counts
    };
    // 1 方向に届く入力の数は、カーネル 3 なら 1 個と 2 個が交互、4 なら 2 個ずつ、5 なら 2 個と 3 個が交互。
    // 縦と横を掛けたものが、1 つの画素に届く数になる。
    assert_eq!(inner(2), [1.]);
    assert_eq!(inner(3), [1., 2., 4.]);
    assert_eq!(inner(4), [4.]);
    assert_eq!(inner(5), [4., 6., 9.]);
    // 2 層を重ねると、むらは強くなる。1 方向で 1, 2, 1, 2 … の隣どうしを足して、1〜3 になる。
    let most = |stages: usize| -> f32 {
        measure::overlap(3, stages, 8).unwrap().max_all().unwrap().to_scalar().unwrap()
    };
    assert_eq!((most(1), most(2)), (4., 9.));
}

/// 学習していない生成器の市松模様は、重なりにむらのあるカーネルだけに出る。
#[test]
fn untrained_generator_shows_the_checkerboard_only_when_overlap_is_uneven() {
    let strength = |kernel: usize| {
        measure::checkerboard(&figures::untrained(&Config::book(), kernel).unwrap()).unwrap()
    };
    let [two, three, four, five] = [2, 3, 4, 5].map(strength);
    println!("{two} {three} {four} {five}");
    // 乱数の重みでは、画素の 2 乗平均が、届く入力の数に比例する。カーネル 3 なら 1 : 2 : 4、5 なら 4 : 6 : 9。
    assert!((three - 4.).abs() < 1. && (five - 2.25).abs() < 0.6, "{three} {five}");
    assert!(two < 1.4 && four < 1.4, "{two} {four}");
}

// ---- データ、特徴、潜在変数 ----

/// 同じ画像は、二度と出てこない。
#[test]
fn pictures_are_endless() {
    let config = Config::book();
    let pictures = Pictures::new(&config).unwrap();
    let rng = &mut Seed(0).rng("pictures");
    let rows: Vec<Vec<f32>> = (0..2)
        .flat_map(|_| pictures.sample(64, rng).unwrap().flatten_from(1).unwrap().to_vec2().unwrap())
        .collect();
    for (i, a) in rows.iter().enumerate() {
        assert!(rows[..i].iter().all(|b| a != b));
    }
    assert_eq!(Kanji::new(32, 1).unwrap().all().unwrap().dims(), [2 * 1026, 1, 32, 32]);
    // カラーなら、白い紙に黒い墨。
    let colour = Pictures::new(&Config { channels: 3, ..config }).unwrap();
    let colour = colour.sample(4, &mut Seed(0).rng("pictures")).unwrap();
    assert_eq!(colour.dims(), [4, 3, 32, 32]);
    assert_eq!(values(&colour)[0], 1.);
}

/// この章の距離は、ぼけ・砂嵐・線の向きの違いのどれでも大きくなる。
#[test]
fn distance_grows_with_blur_noise_and_wrong_strokes() {
    let pictures = Pictures::new(&Config::book()).unwrap();
    let rng = &mut Seed(0).rng("distance");
    let (a, b) = (pictures.sample(300, rng).unwrap(), pictures.sample(300, rng).unwrap());
    let same = measure::distance(&a, &b).unwrap();
    assert!(same.abs() < 0.02, "{same}");
    let blurred = a.avg_pool2d(2).unwrap().upsample_nearest2d(32, 32).unwrap();
    let noisy = (&a + normal(rng, a.dims()).unwrap().affine(0.5, 0.).unwrap()).unwrap();
    let turned = a.t().unwrap().contiguous().unwrap();
    for (name, broken) in [("ぼけ", blurred), ("砂嵐", noisy), ("縦横の入れ替え", turned)]
    {
        let distance = measure::distance(&broken, &b).unwrap();
        assert!(distance > 0.05, "{name} {distance}");
    }
}

/// 3 個の平均を足し引きした z の散らばりは、1 個の z と同じになる。
#[test]
fn three_exemplars_keep_the_spread_of_z() {
    // 3 個の平均を足し引きすると、分散は 1/3 を 3 回足して、1 個の z と同じ 1 になる。
    let rng = &mut Seed(0).rng("z");
    let answers: Vec<f32> = (0..200)
        .flat_map(|_| {
            let triples = [(); 3].map(|()| normal(rng, (3, 64)).unwrap());
            values(&measure::arithmetic(triples.each_ref()).unwrap())
        })
        .collect();
    assert!((deviation(&answers) - 1.).abs() < 0.03, "{}", deviation(&answers));
}

/// z の間の道は、まっすぐで等間隔である。
#[test]
fn a_walk_is_straight_and_even() {
    let [a, b] = ["a", "b"].map(|name| normal(&mut Seed(0).rng(name), 8).unwrap());
    let walk = measure::walk(&a, &b, 5).unwrap();
    let at = |i: usize| values(&walk.get(i).unwrap());
    assert!(close(&at(0), &values(&a), 0.) && close(&at(4), &values(&b), 0.));
    let quarter = (a.affine(0.75, 0.).unwrap() + b.affine(0.25, 0.).unwrap()).unwrap();
    assert!(close(&at(1), &values(&quarter), 1e-6));
}

// ---- 生成と再現 ----

/// 生成に要るのは生成器だけで、識別器の重みを消しても作れる。
#[test]
fn generation_uses_only_the_generator() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = book::run("試験", &Config::tiny(), true).unwrap();
    let store = Store::at(dir.path());
    store.keep(&outcome).unwrap();
    // 識別器の重みを消しても、同じものが作れる。
    std::fs::remove_file(dir.path().join("dcgan/discriminator.safetensors")).unwrap();
    let made = book::generate(Model::Dcgan, false, &store, 5, Seed(3)).unwrap();
    assert_eq!(values(&made), values(&outcome.trained.generate(5, Seed(3)).unwrap()));
    // 生成器の重みがなければ、作れない。
    std::fs::remove_file(dir.path().join("dcgan/generator.safetensors")).unwrap();
    let error = book::generate(Model::Dcgan, false, &store, 5, Seed(3)).unwrap_err().to_string();
    assert!(error.contains("dcgan/generator.safetensors"), "{error}");
}

/// 同じ種なら、スレッドの数によらず、結果は 1 バイトも違わない。
#[test]
fn same_seed_gives_the_same_bytes() {
    let weights = |seed: u64, threads: usize| {
        let config = Config { seed, ..Config::tiny() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let pictures = Pictures::new(&config).unwrap();
        let trained =
            pool.install(|| train(&config, pictures, |_| Ok(ControlFlow::Continue(())))).unwrap();
        [snapshot(&trained.gan, "generator"), snapshot(&trained.gan, "discriminator")]
    };
    let first = weights(1, 1);
    assert_eq!(first, weights(1, 1));
    assert_eq!(first, weights(1, 3), "スレッドの数が結果を変えました");
    assert_ne!(first, weights(2, 1));
}

/// 手元の画像のフォルダでも学習でき、漢字の結果とは別に残る。
#[test]
fn a_folder_of_pictures_trains_too() {
    let dir = tempfile::tempdir().unwrap();
    let kanji = Kanji::new(16, 1).unwrap().all().unwrap();
    for i in 0..5 {
        let images = kanji.narrow(0, i, 1).unwrap();
        let frame = tools::plot::color::REAL;
        let sheet = tools::plot::Sheet { images: &images, columns: 1, frame };
        let path = dir.path().join(format!("{i}.png"));
        tools::plot::image_grid(&path, &[sheet], 1).unwrap();
    }
    let config = Config { data: Some(dir.path().into()), channels: 3, ..Config::tiny() };
    let outcome = book::run("試験", &config, true).unwrap();
    assert_eq!(outcome.trained.generate(2, Seed(0)).unwrap().dims(), [2, 3, 16, 16]);
    let out = tempfile::tempdir().unwrap();
    Store::at(out.path()).keep(&outcome).unwrap();
    // 漢字で学習した結果とは、別のフォルダに残る。
    assert!(out.path().join("dcgan-folder/dcgan-nearest.png").exists());
}
