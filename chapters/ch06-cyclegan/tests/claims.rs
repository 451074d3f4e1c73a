//! 試験で問われる主張を、式・勾配・1 回の更新で確かめます。どれも数秒で終わります。

use std::ops::ControlFlow;

use candle_core::{Device, Module, Tensor};
use ch06_cyclegan::book;
use ch06_cyclegan::config::{Config, Direction};
use ch06_cyclegan::data::{self, Dataset};
use ch06_cyclegan::model::{Discriminator, Generator};
use ch06_cyclegan::train::{
    CycleGan, ImageBuffer, NETWORKS, Paired, StepLosses, cycle_loss, discriminator_loss,
    generator_loss, identity_loss, learning_rate, paired_step, train, train_step,
};
use common::nn::{Activation, Conv2d, ConvConfig, InstanceNorm2d, reflection_pad};
use common::seed::{Seed, normal, uniform};
use tools::plot::{Sheet, color, image_grid};
use tools::session::Outcome;
use tools::store::Store;

fn scalar(tensor: candle_core::Result<Tensor>) -> f32 {
    tensor.unwrap().to_scalar().unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// 2 つの画像の、いちばん大きな画素の差。
fn gap(a: &Tensor, b: &Tensor) -> f32 {
    values(&(a - b).unwrap()).into_iter().fold(0., |most, d| most.max(d.abs()))
}

/// 変数の今の値を、比べられるように取り出します。
fn snapshot(gan: &CycleGan, network: &str) -> Vec<Vec<f32>> {
    gan.variables.of(network).iter().map(|var| values(var)).collect()
}

/// 最初のミニバッチ。
fn batch(config: &Config, dataset: &Dataset) -> [Tensor; 2] {
    [&dataset.train_x, &dataset.train_y].map(|all| all.narrow(0, 0, config.batch).unwrap())
}

/// 1 回だけ更新して、損失と、4 つのネットワークの前後の重みを返します。
fn step_once(config: &Config, x: &Tensor, y: &Tensor) -> (StepLosses, [[Vec<Vec<f32>>; 4]; 2]) {
    let mut gan = CycleGan::new(config).unwrap();
    let before = NETWORKS.map(|network| snapshot(&gan, network));
    let losses = train_step(&mut gan, config, x, y).unwrap();
    (losses, [before, NETWORKS.map(|network| snapshot(&gan, network))])
}

/// 生成器が二つ、識別器が二つある。
#[test]
fn two_generators_and_two_discriminators() {
    let gan = CycleGan::new(&Config::tiny()).unwrap();
    let mut names: Vec<String> = Vec::new();
    for (name, _) in gan.variables.named("") {
        let network = name.split('.').next().unwrap().to_string();
        if names.last() != Some(&network) {
            names.push(network);
        }
    }
    assert_eq!(names, NETWORKS);
    // 生成器どうし、識別器どうしは同じ形。重みは共有せず、別々に始まる。
    let [xy, yx, x, y] = NETWORKS;
    assert_eq!(gan.variables.parameters(xy), gan.variables.parameters(yx));
    assert_eq!(gan.variables.parameters(x), gan.variables.parameters(y));
    assert_ne!(snapshot(&gan, xy), snapshot(&gan, yx));
    assert_ne!(snapshot(&gan, x), snapshot(&gan, y));
}

/// 敵対的損失は、二乗の損失 (LSGAN) である。
#[test]
fn adversarial_loss_is_least_squares() {
    let column = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
    // 手計算: ((0.5 − 1)² + (2 − 1)²) / 2 = 0.625、(0² + 0.4²) / 2 = 0.08、その和の半分。
    let loss = scalar(discriminator_loss(&column(&[0.5, 2.]), &column(&[0., 0.4])));
    assert!((loss - 0.3525).abs() < 1e-6, "{loss}");
    // 生成器は、偽物への答えを 1 に近づける: ((0 − 1)² + (0.4 − 1)²) / 2 = 0.68。
    let loss = scalar(generator_loss(&column(&[0., 0.4])));
    assert!((loss - 0.68).abs() < 1e-6, "{loss}");
    // 識別器がいつも 1/2 と答えるなら、どちらも 1/4。
    let half = column(&[0.5; 4]);
    assert!((scalar(discriminator_loss(&half, &half)) - 0.25).abs() < 1e-6);
    assert!((scalar(generator_loss(&half)) - 0.25).abs() < 1e-6);
}

/// サイクル一貫性損失は、元に戻ったときにだけ 0 になる。
#[test]
fn cycle_loss_is_zero_exactly_when_the_input_comes_back() {
    let x = uniform(&mut Seed(0).rng("x"), -1., 1., (2, 3, 8, 8)).unwrap();
    assert_eq!(scalar(cycle_loss(&x, &x)), 0.);
    // 画素の差の絶対値の平均 (L1)。すべての画素が 0.25 ずれれば 0.25。2 乗誤差なら 0.0625 になる。
    let moved = x.affine(1., 0.25).unwrap();
    assert!((scalar(cycle_loss(&moved, &x)) - 0.25).abs() < 1e-6);
    // 恒等損失も同じ距離で測る。
    assert!((scalar(identity_loss(&moved, &x)) - 0.25).abs() < 1e-6);
}

/// 明暗を裏返して戻す変換でも、サイクル一貫性損失は 0 になる。
#[test]
fn cycle_loss_alone_accepts_an_inverted_picture() {
    // G も F も明暗を裏返すだけなら、訳し戻せば元に戻り、サイクル損失は 0 になる。
    // サイクル損失だけでは「Y らしさ」は決まらず、敵対的損失も要る。
    let x = uniform(&mut Seed(0).rng("x"), -1., 1., (2, 3, 8, 8)).unwrap();
    let invert = |x: &Tensor| x.neg().unwrap();
    assert_eq!(scalar(cycle_loss(&invert(&invert(&x)), &x)), 0.);
    assert!(gap(&invert(&x), &x) > 1.);
}

/// サイクル一貫性損失の勾配は、二つの生成器の両方に届く。
#[test]
fn cycle_goes_through_both_generators() {
    let config = Config::tiny();
    let gan = CycleGan::new(&config).unwrap();
    let [x, y] = batch(&config, &data::dataset(&config).unwrap());
    let (g, f) = (&gan.generator_xy, &gan.generator_yx);
    let there_and_back = f.forward(&g.forward(&x).unwrap()).unwrap();
    let cycle = cycle_loss(&there_and_back, &x).unwrap().backward().unwrap();
    let identity = identity_loss(&g.forward(&y).unwrap(), &y).unwrap().backward().unwrap();
    let reached = |gradients: &candle_core::backprop::GradStore| {
        NETWORKS.map(|network| gan.variables.of(network).iter().any(|v| gradients.get(v).is_some()))
    };
    // サイクル損失の勾配は G と F の両方に届き、識別器には届かない。
    assert_eq!(reached(&cycle), [true, true, false, false]);
    // 恒等損失 ‖G(y) − y‖ の勾配は、G だけに届く。
    assert_eq!(reached(&identity), [true, false, false, false]);
}

/// 生成器の番では、識別器の重みが変わらない。
#[test]
fn generator_step_leaves_discriminators_unchanged() {
    let config = Config { lr_d: 0., ..Config::tiny() };
    let [x, y] = batch(&config, &data::dataset(&config).unwrap());
    let (_, [before, after]) = step_once(&config, &x, &y);
    for (i, moved) in [true, true, false, false].into_iter().enumerate() {
        assert_eq!(before[i] != after[i], moved, "{}", NETWORKS[i]);
    }
}

/// 識別器の番では、生成器の重みが変わらない。
#[test]
fn discriminator_step_leaves_generators_unchanged() {
    let config = Config { lr_g: 0., ..Config::tiny() };
    let [x, y] = batch(&config, &data::dataset(&config).unwrap());
    let (_, [before, after]) = step_once(&config, &x, &y);
    for (i, moved) in [false, false, true, true].into_iter().enumerate() {
        assert_eq!(before[i] != after[i], moved, "{}", NETWORKS[i]);
    }
}

/// 敵対的損失は向きごとに別で、y を替えても、G の敵対的損失は変わらない。
#[test]
fn each_discriminator_judges_its_own_side() {
    // 生成器を止め、Y の側だけを替える。動くのは D_Y の行き先で、D_X の行き先は F を通った分だけ変わる。
    let config = Config { lr_g: 0., ..Config::tiny() };
    let dataset = data::dataset(&config).unwrap();
    let [x, y] = batch(&config, &dataset);
    let other = dataset.train_y.narrow(0, config.batch, config.batch).unwrap();
    let (first, _) = step_once(&config, &x, &y);
    let (second, _) = step_once(&config, &x, &other);
    // G(x) の敵対的損失は x だけで決まり、F(y) のほうは y で決まる。
    assert_eq!(first.generator_xy, second.generator_xy);
    assert_ne!(first.generator_yx, second.generator_yx);
    assert_eq!(first.cycle_x, second.cycle_x);
    assert_ne!(first.cycle_y, second.cycle_y);
}

/// ミニバッチの中で y の順番を入れ替えても、どの損失も変わらない。
#[test]
fn permuting_y_in_a_batch_changes_no_loss() {
    // ミニバッチの中で y の順番を入れ替えても、どの損失も (丸めを除いて) 変わらない。
    // x と y の組み合わせを、学習が使っていない証拠である。
    let config = Config { batch: 4, ..Config::tiny() };
    let dataset = data::dataset(&config).unwrap();
    let [x, y] = batch(&config, &dataset);
    let permuted = book::rotated(&y).unwrap();
    assert!(gap(&y, &permuted) > 0.5);
    let (first, _) = step_once(&config, &x, &y);
    let (second, _) = step_once(&config, &x, &permuted);
    for ((name, a), (_, b)) in first.named().into_iter().zip(second.named()) {
        assert!((a - b).abs() < 1e-5, "{name}: {a} が {b} に変わった");
    }
    // 同じ試験は、対を使う Pix2Pix 型なら落ちる。
    let truth = data::true_pairs(&config).unwrap().narrow(0, 0, config.batch).unwrap();
    let distance = |y: &Tensor| {
        let mut paired = Paired::new(&config).unwrap();
        paired_step(&mut paired, &x, y).unwrap()
    };
    let (a, b) = (distance(&truth), distance(&book::rotated(&truth).unwrap()));
    assert!((a - b).abs() > 1e-3, "{a} と {b}");
}

/// 訓練データの写真風と浮世絵風に、同じ場面は一つも無い。
#[test]
fn training_scenes_never_share_a_scene() {
    for seed in 0..3 {
        let config = Config { seed, ..Config::book() };
        let xs = data::train_x_scenes(&config);
        let ys = data::train_y_scenes(&config);
        let test = data::scenes(Seed(seed), "held out", data::HELD_OUT);
        assert_eq!((xs.len(), ys.len()), (250, 250));
        // 場面がまったく同じ組は、学習用の X と Y の間にも、保留した場面との間にもない。
        assert!(xs.iter().all(|x| !ys.contains(x) && !test.contains(x)));
        assert!(ys.iter().all(|y| !test.contains(y)));
    }
    // 比較の相手 Pix2Pix 型には、同じ場面の対を渡す。
    let config = Config::tiny();
    let dataset = data::dataset(&config).unwrap();
    assert!(gap(&data::true_pairs(&config).unwrap(), &dataset.train_y) > 0.5);
}

/// 画像バッファは、いっぱいになると、半分の確率で古い偽物を返す。
#[test]
fn buffer_fills_then_returns_an_old_image_half_the_time() {
    let image = |n: usize| Tensor::full(n as f32, (1, 1, 1, 1), &Device::Cpu).unwrap();
    let mut buffer = ImageBuffer::new(50, Seed(0).rng("buffer"));
    // いっぱいになるまでは、ためながら、渡した偽物をそのまま返す。
    for n in 0..50 {
        let shown = buffer.exchange(&image(n)).unwrap();
        assert_eq!(values(&shown), [n as f32]);
        assert_eq!(buffer.len(), n + 1);
    }
    // その後は、2 回に 1 回ほど古いものが返る。返した古いものは、箱から消える。
    let mut returned = std::collections::HashSet::new();
    let mut old = 0;
    for n in 50..2_050 {
        let shown = values(&buffer.exchange(&image(n)).unwrap())[0] as usize;
        assert!(returned.insert(shown), "{shown} が 2 度返った");
        old += usize::from(shown != n);
        assert_eq!(buffer.len(), 50);
    }
    // 確率 1/2 で 2,000 回なら、標準偏差はおよそ 22。
    assert!((900..1_100).contains(&old), "{old}");
}

/// 大きさ 0 の画像バッファは、最新の偽物だけを返す。
#[test]
fn buffer_of_zero_returns_the_newest() {
    let mut buffer = ImageBuffer::new(0, Seed(0).rng("buffer"));
    let fakes = normal(&mut Seed(1).rng("x"), (3, 1, 2, 2)).unwrap();
    for _ in 0..20 {
        assert_eq!(gap(&buffer.exchange(&fakes).unwrap(), &fakes), 0.);
    }
    assert!(buffer.is_empty());
}

/// 学習率は、前半は一定で、後半は 0 へ直線で下がる。
#[test]
fn learning_rate_is_flat_then_falls_to_zero() {
    let config = Config { steps: 200, decay: 0.5, ..Config::book() };
    // 前半 100 回は一定、後半 100 回は直線で 0 へ (論文の 100 + 100 エポックと同じ形)。
    assert!((1..=100).all(|step| learning_rate(&config, step) == 1.));
    let later: Vec<f64> = (101..=200).map(|step| learning_rate(&config, step)).collect();
    assert!(later.windows(2).all(|pair| pair[1] < pair[0]));
    let drops: Vec<f64> = later.windows(2).map(|pair| pair[0] - pair[1]).collect();
    assert!(drops.iter().all(|drop| (drop - drops[0]).abs() < 1e-12));
    assert!(later[99] > 0. && later[99] < 0.02);
    // 下げないなら、最後まで一定。
    let flat = Config { decay: 1., ..config };
    assert!((1..=200).all(|step| learning_rate(&flat, step) == 1.));
}

/// --skip を付けると、生成器は「ほとんど変えない変換」から始まる。
#[test]
fn generators_start_near_the_identity() {
    let dataset = data::dataset(&Config::tiny()).unwrap();
    let x = &dataset.test_x;
    let start = |skip: f64| {
        let config = Config { skip, ..Config::tiny() };
        CycleGan::new(&config).unwrap().generator_xy.forward(x).unwrap()
    };
    // tanh(1.5·x) は、明暗の順を変えずに、少し強めるだけ。
    let expected = x.affine(1.5, 0.).unwrap().tanh().unwrap();
    assert!(scalar(cycle_loss(&start(1.5), &expected)) < 0.1);
    // 論文のとおり tanh(f(x)) なら、初めの出力は入力と関係がない。
    assert!(scalar(cycle_loss(&start(0.), x)) > 0.2);
}

/// インスタンス正規化の前のバイアスは、働かない。
#[test]
fn instance_norm_makes_biases_useless() {
    // 畳み込みのバイアスをどう変えても、InstanceNorm が平均を引くので、出力は変わらない。
    let variables = Seed(0).variables();
    let conv = Conv2d::new(3, 4, ConvConfig::default(), variables.builder("conv")).unwrap();
    let norm = InstanceNorm2d::new(Activation::None).unwrap();
    let x = normal(&mut Seed(1).rng("x"), (2, 3, 8, 8)).unwrap();
    let plain = conv.forward(&x).unwrap();
    let shifted = (&plain + 3.).unwrap();
    assert!(gap(&norm.forward(&plain).unwrap(), &norm.forward(&shifted).unwrap()) < 1e-4);
    // 1 枚ごとに正規化するので、ほかの画像は結果に影響しない (バッチ正規化ならする)。
    let alone = norm.forward(&plain.narrow(0, 0, 1).unwrap()).unwrap();
    let together = norm.forward(&plain).unwrap().narrow(0, 0, 1).unwrap();
    assert!(gap(&alone, &together) < 1e-5);
}

/// 反射パディングでは、縁に暗い枠が出ない。
#[test]
fn reflection_padding_has_no_dark_border() {
    // 一様な画像を広げても一様なまま。0 で囲むと、縁に枠ができる。
    let x = Tensor::full(0.7f32, (1, 1, 4, 4), &Device::Cpu).unwrap();
    assert!(values(&reflection_pad(&x, 3).unwrap()).iter().all(|v| *v == 0.7));
    let zero = x.pad_with_zeros(2, 3, 3).unwrap().pad_with_zeros(3, 3, 3).unwrap();
    assert!(values(&zero).contains(&0.));
    // 縁の画素を軸に折り返す: 1 2 3 → 3 2 1 2 3 2 1。
    let row = Tensor::new(&[[[[1f32, 2., 3.], [1., 2., 3.], [1., 2., 3.]]]], &Device::Cpu).unwrap();
    let padded = values(&reflection_pad(&row, 2).unwrap());
    assert_eq!(padded[..7], [3., 2., 1., 2., 3., 2., 1.]);
}

/// 生成器は、学習と違う大きさの画像でも、大きさを変えずに変換する。
#[test]
fn generator_keeps_the_size_of_the_picture() {
    let config = Config::tiny();
    let generator = Generator::new(&config, Seed(0).variables().builder("g")).unwrap();
    // 畳み込みだけなので、学習と違う大きさの画像も訳せる。
    for (height, width) in [(16, 16), (32, 24)] {
        let x = Tensor::zeros((1, 3, height, width), candle_core::DType::F32, &Device::Cpu);
        assert_eq!(generator.forward(&x.unwrap()).unwrap().dims(), [1, 3, height, width]);
    }
}

/// 識別器の答えは、区画ごとのマップである。
#[test]
fn discriminator_output_is_a_map_of_patches() {
    let answers = |size: usize, d_layers: usize| {
        let config = Config { d_layers, ..Config::tiny() };
        let d = Discriminator::new(3, &config, Seed(0).variables().builder("d")).unwrap();
        let x = Tensor::zeros((1, 3, size, size), candle_core::DType::F32, &Device::Cpu).unwrap();
        d.forward(&x).unwrap().dims().to_vec()
    };
    // 著者の設定では、256×256 の画像に 30×30 の答え。
    assert_eq!(answers(256, 3), [1, 1, 30, 30]);
    assert_eq!(answers(32, 2), [1, 1, 6, 6]);
}

/// 論文の識別器の一マスは、70×70 画素を見る。
#[test]
fn paper_discriminator_sees_70_pixels() {
    // 出力 1 つの受容野を、後ろの層から数える: r ← (r − 1)·ストライド + カーネル。
    let field = |d_layers: usize| {
        let strides = [vec![2; d_layers], vec![1, 1]].concat();
        strides.iter().rev().fold(1, |field, stride| (field - 1) * stride + 4)
    };
    assert_eq!([1, 2, 3].map(field), [16, 34, 70]);
    assert_eq!(field(Config::paper().d_layers), 70);
    // 実物の層の数とカーネルでも、1 つの答えに響く画素は 34×34。InstanceNorm は画像全体の統計を使うので、
    // 畳み込みだけをたどって調べる。
    let config = Config { d_layers: 2, ..Config::tiny() };
    let variables = Seed(0).variables();
    let reach = receptive_field(&config, &variables);
    assert_eq!(reach, 34);
}

/// 識別器の畳み込みだけをたどり、中央の答え 1 つに勾配を返す入力の幅を測ります。
fn receptive_field(config: &Config, variables: &common::seed::Variables) -> usize {
    Discriminator::new(3, config, variables.builder("d")).unwrap();
    let size = 96;
    let x = candle_core::Var::ones((1, 3, size, size), candle_core::DType::F32, &Device::Cpu);
    let x = x.unwrap();
    let mut out = x.as_tensor().clone();
    for (name, var) in variables.named("d") {
        if name.ends_with("weight") {
            let at: usize = name.split('.').nth(2).and_then(|n| n.parse().ok()).unwrap_or(0);
            let last = name.contains("last") || at == config.d_layers;
            // 打ち消し合いを避け、重みはすべて 1 にする。
            let ones = var.ones_like().unwrap();
            out = out.conv2d(&ones, 1, if last { 1 } else { 2 }, 1, 1).unwrap();
        }
    }
    let middle = out.dim(3).unwrap() / 2;
    let answer = out.narrow(2, middle, 1).unwrap().narrow(3, middle, 1).unwrap();
    let gradients = answer.sum_all().unwrap().backward().unwrap();
    let gradient = gradients.get(&x).unwrap().narrow(1, 0, 1).unwrap();
    let columns = gradient.sum(2).unwrap();
    values(&columns).iter().filter(|value| **value != 0.).count()
}

/// 論文の設定の生成器の重みの数が、著者の実装の 1,137 万 8,179 個に一致する。
///
/// 著者の PyTorch 版 (junyanz/pytorch-CycleGAN-and-pix2pix の models/networks.py) の resnet_9blocks、
/// ngf = 64、instance norm は 11.378 M と表示する。InstanceNorm は変数を持たず、畳み込みはすべて
/// バイアスを持つ (use_bias は instance norm のとき真)。層ごとに数えると:
///
/// | 層 | 重み + バイアス | 計 |
/// |---|---|---:|
/// | c7s1-64 | 7·7·3·64 + 64 | 9,472 |
/// | d128 | 3·3·64·128 + 128 | 73,856 |
/// | d256 | 3·3·128·256 + 256 | 295,168 |
/// | R256 × 9 | 9·2·(3·3·256·256 + 256) | 10,621,440 |
/// | u128 | 3·3·256·128 + 128 | 295,040 |
/// | u64 | 3·3·128·64 + 64 | 73,792 |
/// | c7s1-3 | 7·7·64·3 + 3 | 9,411 |
/// | 合計 | | 11,378,179 |
///
/// 同じ著者のコードの古い版 (γ と β を持つ InstanceNorm) は 11,388,675 と表示した (同じ repository の
/// issue 45)。差の 10,496 は、正規化の 2·(64 + 128 + 256 + 18·256 + 128 + 64) 個にちょうど等しい。
#[test]
fn paper_size_generator_has_11378179_parameters() {
    let variables = Seed(0).variables();
    Generator::new(&Config::paper(), variables.builder("g")).unwrap();
    assert_eq!(variables.parameters("g"), 11_378_179);
    let affine = 2 * (64 + 128 + 256 + 18 * 256 + 128 + 64);
    assert_eq!(11_378_179 + affine, 11_388_675);
}

/// 論文の設定の識別器の重みの数が、著者の実装の 276 万 4,737 個に一致する。
///
/// 著者の PyTorch 版の basic (NLayerDiscriminator)、ndf = 64、n_layers = 3 は 2.765 M と表示する。
/// C64 3,136 + C128 131,200 + C256 524,544 + C512 2,097,664 + 出力 8,193 = 2,764,737。
#[test]
fn paper_size_discriminator_has_2764737_parameters() {
    let variables = Seed(0).variables();
    Discriminator::new(3, &Config::paper(), variables.builder("d")).unwrap();
    assert_eq!(variables.parameters("d"), 2_764_737);
    let conv = |from: usize, to: usize| 4 * 4 * from * to + to;
    let layers = [conv(3, 64), conv(64, 128), conv(128, 256), conv(256, 512), conv(512, 1)];
    assert_eq!(layers, [3_136, 131_200, 524_544, 2_097_664, 8_193]);
    assert_eq!(layers.iter().sum::<usize>(), 2_764_737);
}

/// 変換に要るのは、その向きの生成器一つだけである。
#[test]
fn translation_uses_only_one_generator() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = book::run("試験", &Config::tiny(), true).unwrap();
    let store = Store::at(dir.path());
    store.keep(&outcome).unwrap();
    // 逆向きの生成器と 2 つの識別器の重みを消しても、同じように訳せる。
    for network in ["generator_yx", "discriminator_x", "discriminator_y"] {
        std::fs::remove_file(dir.path().join(format!("landscape/{network}.safetensors"))).unwrap();
    }
    let translate = |direction| book::translate(direction, false, &store, None, 3, Seed(1));
    let made = translate(Direction::Xy).unwrap();
    let expected = outcome.trained.gan.generator_xy.forward(&made.before).unwrap();
    assert_eq!(gap(&made.after, &expected), 0.);
    // 逆向きの重みがなければ、逆向きには訳せない。
    let error = translate(Direction::Yx).err().unwrap().to_string();
    assert!(error.contains("generator_yx.safetensors"), "{error}");
}

/// 手元の画像は、trainA・trainB・testA・testB から読まれる。
#[test]
fn own_pictures_are_read_from_four_folders() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { data: Some(dir.path().to_path_buf()), ..Config::tiny() };
    // 著者のデータと同じ名前のフォルダが要る。
    let error = book::run("試験", &config, true).err().unwrap().to_string();
    assert!(error.contains("trainA"), "{error}");
    let pictures = data::dataset(&Config::tiny()).unwrap();
    for (name, images) in [
        ("trainA", &pictures.train_x),
        ("trainB", &pictures.train_y),
        ("testA", &pictures.test_x),
        ("testB", &pictures.test_y),
    ] {
        for n in 0..2 {
            let image = images.narrow(0, n, 1).unwrap();
            let sheet = Sheet { images: &image, columns: 1, frame: color::REAL };
            image_grid(&dir.path().join(name).join(format!("{n}.png")), &[sheet], 1).unwrap();
        }
    }
    let outcome = book::run("試験", &config, true).unwrap();
    assert_eq!(outcome.dataset.train_x.dims(), [2, 3, 16, 16]);
    // 対が分からないので、対との近さは測らない。
    assert!(!outcome.dataset.test_is_paired);
    assert!(!outcome.reading().unwrap().contains("SSIM"));
    // 写真のフォルダを、学習した生成器で訳せる。
    let store = Store::at(dir.path().join("out"));
    store.keep(&outcome).unwrap();
    let input = dir.path().join("testA");
    let made = book::translate(Direction::Xy, true, &store, Some(&input), 1, Seed(0)).unwrap();
    assert_eq!(made.after.dims(), [2, 3, 16, 16]);
}

/// 同じ種なら、スレッドの数によらず、結果は 1 バイトも違わない。
#[test]
fn same_seed_gives_the_same_bytes() {
    let weights = |seed: u64, threads: usize| {
        let config = Config { seed, ..Config::tiny() };
        let dataset = data::dataset(&config).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let trained =
            pool.install(|| train(&config, &dataset, |_| Ok(ControlFlow::Continue(()))).unwrap());
        NETWORKS.map(|network| snapshot(&trained.gan, network))
    };
    let first = weights(1, 1);
    assert_eq!(first, weights(1, 1));
    assert_eq!(first, weights(1, 3), "スレッドの数が結果を変えました");
    assert_ne!(first, weights(2, 1));
}
