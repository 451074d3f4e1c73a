//! 試験で問われる主張を、層の形・式・1 回の更新で確かめます。どれも数秒で終わります。

use candle_core::{Device, Result, Tensor};
use ch05_pix2pix::book::{self, Source};
use ch05_pix2pix::config::{Config, Pairs, Switch};
use ch05_pix2pix::data::{self, HELD_OUT};
use ch05_pix2pix::figures::field_of_the_middle;
use ch05_pix2pix::model::{
    Discriminator, dropout, output_size, parameters, patch_gan, receptive_field,
};
use ch05_pix2pix::train::{
    Pix2Pix, discriminator_loss, generator_loss, train, train_step, translate,
};
use common::seed::{Seed, normal};
use tools::store::Store;

/// 標準正規分布の画像 `[n, 1, size, size]`。
fn pictures(name: &str, n: usize, size: usize) -> Tensor {
    normal(&mut Seed(1).rng(name), (n, 1, size, size)).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn scalar(tensor: Result<Tensor>) -> f32 {
    tensor.unwrap().to_scalar().unwrap()
}

fn column(values: &[f32]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap()
}

/// 学習する重みの今の値。正規化の移動平均は、重みではないので入れません。
fn snapshot(networks: &Pix2Pix, network: &str) -> Vec<Vec<f32>> {
    let named = networks.variables.named(network).into_iter();
    named.filter(|(name, _)| !name.contains("running_")).map(|(_, var)| values(&var)).collect()
}

/// 1 回だけ更新して、前後の重み [前, 後] の [生成器, 識別器] を返します。
fn step_once(config: &Config) -> [[Vec<Vec<f32>>; 2]; 2] {
    let mut networks = Pix2Pix::new(config).unwrap();
    let both = ["generator", "discriminator"];
    let before = both.map(|network| snapshot(&networks, network));
    let pair = [pictures("x", config.batch, 32), pictures("y", config.batch, 32)];
    train_step(&mut networks, config, &pair, &mut Seed(5).rng("noise")).unwrap();
    [before, both.map(|network| snapshot(&networks, network))]
}

/// 生成器の損失が 0 になる設定。勾配が 0 なので、生成器は動けません。
fn idle_generator() -> Config {
    Config { lambda_gan: 0., lambda_l1: 0., ..Config::tiny() }
}

fn layers_of(patch_layers: usize) -> Vec<ch05_pix2pix::model::Layer> {
    patch_gan(&Config { patch_layers, ..Config::paper() })
}

/// 受容野は、ストライド 2 の層の数に応じて 16・34・70・142・286 になる。
#[test]
fn receptive_fields_are_16_34_70_142_286() {
    // 著者のコード (phillipi/pix2pix の models.lua) の注釈にある値。
    for (patch_layers, field) in [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286), (6, 574)] {
        assert_eq!(receptive_field(&layers_of(patch_layers)), field);
    }
    // 論文の設定は 70×70。本の設定は、32×32 の半分を見る 16×16。
    assert_eq!(receptive_field(&patch_gan(&Config::paper())), 70);
    assert_eq!(receptive_field(&patch_gan(&Config::book())), 16);
}

/// 計算した受容野は、画素を動かして測った範囲と一致する。
#[test]
fn receptive_field_is_measured_by_moving_pixels() {
    for (patch_layers, size) in [(1, 32), (2, 64)] {
        let config = Config { patch_layers, size, ..Config::tiny() };
        let vb = Seed(0).variables().builder("discriminator");
        let discriminator = Discriminator::new(&config, vb).unwrap();
        let x = pictures("x", 1, size);
        let middle = output_size(&patch_gan(&config), size) / 2;
        let answer = |y: &Tensor| -> f32 {
            let map = discriminator.forward(&x, y, false).unwrap();
            values(&map.get(0).unwrap().get(0).unwrap().get(middle).unwrap())[middle]
        };
        let y = pictures("y", 1, size);
        let base = answer(&y);
        // 画素の列を 1 本ずつ動かして、中央の答えが変わる列を数える。
        let moved = |at: usize| {
            let bump = (0..size * size).map(|i| if i % size == at { 1f32 } else { 0. });
            let bump = Tensor::from_iter(bump, &Device::Cpu).unwrap();
            answer(&(&y + bump.reshape((1, 1, size, size)).unwrap()).unwrap()) != base
        };
        let seen: Vec<isize> = (0..size).filter(|&at| moved(at)).map(|at| at as isize).collect();
        let field = field_of_the_middle(&patch_gan(&config), size);
        assert_eq!(seen.len(), receptive_field(&patch_gan(&config)));
        assert_eq!(seen, field.collect::<Vec<_>>());
    }
}

/// 論文の大きさの生成器の重みは 54,413,955 個である。
#[test]
fn paper_generator_has_54_413_955_parameters() {
    // 著者の PyTorch 版 (junyanz/pytorch-CycleGAN-and-pix2pix) は、unet_256・ngf 64・batch norm で
    // 「[Network G] Total number of parameters : 54.414 M」と表示する。内訳:
    //   縮める側の畳み込み 16·(3·64 + 64·128 + 128·256 + 256·512 + 4·512·512) = 19,532,800
    //   その正規化         2·(128 + 256 + 4·512)                               =      4,608
    //   広げる側の転置畳み込み
    //     16·(512·512 + 3·1024·512 + 1024·256 + 512·128 + 256·64 + 128·3) + 3  = 34,871,299
    //   その正規化         2·(4·512 + 256 + 128 + 64)                          =      4,992
    // (縮める側で正規化があるのは 128、256、512 が 4 つ。先頭と 1×1 の層には無い。)
    let norms = 2 * (128 + 256 + 4 * 512) + 2 * (4 * 512 + 256 + 128 + 64);
    assert_eq!(parameters("generator", &Config::paper()).unwrap(), 19_532_800 + 34_871_299 + norms);
    assert_eq!(19_532_800 + 34_871_299 + norms, 54_413_955);
    // 同じリポジトリの issue #1152: 濃淡の画像で 64×64 用 (縮める層が 6 つ) なら 29.238 M。
    let small = Config { size: 64, channels: 1, ..Config::paper() };
    assert_eq!((parameters("generator", &small).unwrap() as f64 / 1e3).round(), 29_238.);
}

/// 論文の大きさの識別器の重みは 2,768,705 個である。
#[test]
fn paper_discriminator_has_2_768_705_parameters() {
    // 同じ表示で「[Network D] Total number of parameters : 2.769 M」(basic、n_layers 3)。内訳:
    //   16·6·64 + 64、16·64·128 + 2·128、16·128·256 + 2·256、16·256·512 + 2·512、16·512·1 + 1
    let layers = [6_208, 131_328, 524_800, 2_098_176, 8_193];
    assert_eq!(
        parameters("discriminator", &Config::paper()).unwrap(),
        layers.iter().sum::<usize>()
    );
    assert_eq!(layers.iter().sum::<usize>(), 2_768_705);
    // issue #1152: 濃淡の画像なら 2.765 M、n_layers 2 なら 0.662 M。
    for (patch_layers, thousands) in [(3, 2_765.), (2, 662.)] {
        let grey = Config { channels: 1, patch_layers, ..Config::paper() };
        assert_eq!((parameters("discriminator", &grey).unwrap() as f64 / 1e3).round(), thousands);
    }
}

/// 識別器は、入力と出力を重ねた 6 チャネルを受け取る。
#[test]
fn paper_discriminator_takes_six_channels() {
    // 入力 3 チャネルと、正解か出力の 3 チャネル。
    assert_eq!(patch_gan(&Config::paper())[0].input, 6);
    assert_eq!(patch_gan(&Config::book())[0].input, 2);
}

/// 識別器の答えは、入力 x によっても変わる。
#[test]
fn discriminator_sees_the_pair() {
    let networks = Pix2Pix::new(&Config::tiny()).unwrap();
    let judge =
        |x: &Tensor, y: &Tensor| values(&networks.discriminator.forward(x, y, false).unwrap());
    let (x, y, other) = (pictures("x", 2, 32), pictures("y", 2, 32), pictures("other", 2, 32));
    // y が同じでも、入力 x を替えれば答えが変わる。x が同じでも、y を替えれば変わる。
    assert_ne!(judge(&x, &y), judge(&other, &y));
    assert_ne!(judge(&x, &y), judge(&x, &other));
    let (name, first) = networks.variables.named("discriminator").remove(0);
    assert_eq!((name.as_str(), first.dims()), ("discriminator.0.weight", &[4, 2, 4, 4][..]));
}

/// 識別器の答えは、区画ごとのマップである。
#[test]
fn discriminator_answers_a_map_of_patches() {
    let config = Config::tiny();
    let networks = Pix2Pix::new(&config).unwrap();
    let x = pictures("x", 3, 32);
    let map = networks.discriminator.forward(&x, &x, false).unwrap();
    assert_eq!(map.dims(), [3, 1, 14, 14]);
    assert_eq!(output_size(&patch_gan(&config), 32), 14);
    // 論文の設定では、256×256 の画像に 30×30 個の答え。
    assert_eq!(output_size(&patch_gan(&Config::paper()), 256), 30);
}

/// 識別器の損失は半分にされている。
#[test]
fn discriminator_loss_is_halved() {
    let zero = column(&[0.; 4]);
    // 1/2 としか答えない D の損失は、半分にしない GAN なら log 4、ここでは log 2。
    assert!((scalar(discriminator_loss(&zero, &zero)) - 2f32.ln()).abs() < 1e-6);
    // 本物に高い点、偽物に低い点を付けるほど下がる。
    let (low, high) = (column(&[-1.; 4]), column(&[1.; 4]));
    assert!(scalar(discriminator_loss(&high, &low)) < 2f32.ln());
    assert!(scalar(discriminator_loss(&low, &high)) > 2f32.ln());
}

/// 生成器の損失は、GAN の項と L1 の項の二つである。
#[test]
fn generator_loss_has_a_gan_term_and_an_l1_term() {
    let (fake, truth) = (column(&[0.5, -0.5]), column(&[1., 1.]));
    let [gan, l1] = generator_loss(&column(&[0.; 2]), &fake, &truth).unwrap();
    // −log 1/2 と、(0.5 + 1.5) / 2。
    assert!((gan.to_scalar::<f32>().unwrap() - 2f32.ln()).abs() < 1e-6);
    assert!((l1.to_scalar::<f32>().unwrap() - 1.).abs() < 1e-6);
    for config in [Config::book(), Config::paper()] {
        assert_eq!((config.lambda_gan, config.lambda_l1), (1., 100.));
    }
}

/// L1 だけの学習では、識別器が何でも結果は変わらない。
#[test]
fn with_l1_alone_the_discriminator_does_not_matter() {
    // 重みの違う D を付けても、GAN の項が 0 なら、G の動きは 1 ビットも変わらない。
    let moved = |lambda_gan: f64, shift: f64| {
        let config = Config { lambda_gan, ..Config::tiny() };
        let mut networks = Pix2Pix::new(&config).unwrap();
        for var in networks.variables.of("discriminator") {
            var.set(&(var.as_tensor() + shift).unwrap()).unwrap();
        }
        let pair = [pictures("x", config.batch, 32), pictures("y", config.batch, 32)];
        train_step(&mut networks, &config, &pair, &mut Seed(5).rng("noise")).unwrap();
        snapshot(&networks, "generator")
    };
    assert_eq!(moved(0., 0.), moved(0., 0.1));
    assert_ne!(moved(1., 0.), moved(1., 0.1));
}

/// 識別器の番では、生成器の重みが変わらない。
#[test]
fn discriminator_step_leaves_generator_unchanged() {
    // 生成器の損失を 0 にして、識別器の番だけを働かせる。
    let [[g, d], [g_after, d_after]] = step_once(&idle_generator());
    assert_eq!(g, g_after);
    assert_ne!(d, d_after);
    // detach した偽物からは、生成器へ勾配が届かない。
    let networks = Pix2Pix::new(&Config::tiny()).unwrap();
    let x = pictures("x", 4, 32);
    let fake = networks.generator.forward(&x, &mut Seed(0).rng("noise"), true).unwrap();
    let logits = networks.discriminator.forward(&x, &fake.detach(), true).unwrap();
    let gradients = discriminator_loss(&logits, &logits).unwrap().backward().unwrap();
    assert!(networks.variables.of("generator").iter().all(|var| gradients.get(var).is_none()));
}

/// 生成器の番では、識別器の重みが変わらない。
#[test]
fn generator_step_leaves_discriminator_unchanged() {
    // 生成器の番があってもなくても、識別器の行き先は 1 ビットも変わらない。
    let [[g, _], [g_after, d_after]] = step_once(&Config::tiny());
    let [_, [_, d_alone]] = step_once(&idle_generator());
    assert_eq!(d_after, d_alone);
    assert_ne!(g, g_after);
    // 固定した識別器を通ると、勾配は生成器にだけ届く。
    let networks = Pix2Pix::new(&Config::tiny()).unwrap();
    let x = pictures("x", 4, 32);
    let fake = networks.generator.forward(&x, &mut Seed(0).rng("noise"), true).unwrap();
    let judged = networks.discriminator.frozen().forward(&x, &fake, true).unwrap();
    let [gan, _] = generator_loss(&judged, &fake, &x).unwrap();
    let gradients = gan.backward().unwrap();
    assert!(networks.variables.of("discriminator").iter().all(|v| gradients.get(v).is_none()));
    for (name, var) in networks.variables.named("generator") {
        assert_eq!(gradients.get(&var).is_some(), !name.contains("running_"), "{name}");
    }
}

/// スキップ結合があると、広げる側の層の入力が 2 倍になる。
#[test]
fn skips_double_the_input_of_the_decoder() {
    let inputs = |skips: Switch| -> Vec<usize> {
        let networks = Pix2Pix::new(&Config { skips, ..Config::tiny() }).unwrap();
        let named = networks.variables.named("generator.up").into_iter();
        let weights = named.filter(|(name, _)| name.ends_with(".weight") && !name.contains("norm"));
        weights.map(|(_, var)| var.dims()[0]).collect()
    };
    // 幅 4 の U-Net。いちばん狭い所から出る層だけは、横から受け取るものがない。
    assert_eq!(inputs(Switch::Off), [32, 32, 16, 8, 4]);
    assert_eq!(inputs(Switch::On), [32, 64, 32, 16, 8]);
}

/// スキップ結合が無いと、すべての情報がボトルネックを通る。
#[test]
fn without_skips_everything_passes_the_bottleneck() {
    // いちばん狭い 1×1 の層の重みを 0 にして、そこを何も通れなくする。
    let outputs = |skips: Switch| {
        let config = Config { skips, dropout: 0., ..Config::tiny() };
        let networks = Pix2Pix::new(&config).unwrap();
        let named = networks.variables.named("generator");
        let (_, narrowest) = named.iter().find(|(n, _)| n == "generator.down.4.weight").unwrap();
        narrowest.set(&narrowest.zeros_like().unwrap()).unwrap();
        ["x", "other"].map(|name| {
            values(
                &translate(&networks.generator, &config, &pictures(name, 1, 32), Seed(0)).unwrap(),
            )
        })
    };
    let [one, other] = outputs(Switch::Off);
    assert_eq!(one, other, "スキップ結合がなければ、出力は入力によらなくなる");
    let [one, other] = outputs(Switch::On);
    assert_ne!(one, other, "スキップ結合があれば、入力は横から出力に届く");
}

/// ドロップアウトは、値を 0 にするか 2 倍にする。
#[test]
fn dropout_zeroes_or_doubles() {
    let ones = Tensor::ones((100, 100), candle_core::DType::F32, &Device::Cpu).unwrap();
    let dropped = values(&dropout(&ones, 0.5, &mut Seed(0).rng("noise")).unwrap());
    assert!(dropped.iter().all(|&v| v == 0. || v == 2.));
    // 平均は保たれる (標準誤差は 0.01)。
    let mean = dropped.iter().sum::<f32>() / dropped.len() as f32;
    assert!((mean - 1.).abs() < 0.05, "{mean}");
}

/// ノイズはドロップアウトだけで、変換のときも止めない。
#[test]
fn dropout_is_the_only_noise_and_stays_on_at_test_time() {
    let output = |dropout: f64, seed: u64| {
        let config = Config { dropout, ..Config::tiny() };
        let networks = Pix2Pix::new(&config).unwrap();
        let x = pictures("x", 2, 32);
        values(&translate(&networks.generator, &config, &x, Seed(seed)).unwrap())
    };
    // 変換でもドロップアウトは働き、種ごとに違う出力になる。同じ種なら同じ出力になる。
    assert_ne!(output(0.5, 1), output(0.5, 2));
    assert_eq!(output(0.5, 1), output(0.5, 1));
    // ドロップアウトがなければ、種を変えても同じ入力からは同じ出力しか出ない。
    assert_eq!(output(0., 1), output(0., 2));
}

/// 1 枚の変換は、一緒に変換する画像に左右されない。
#[test]
fn one_picture_is_translated_alone() {
    // 本の設定 (移動平均) でも論文の設定 (1 枚ずつの統計) でも、一緒に変換する画像に左右されない。
    for batch in [4, 1] {
        let config = Config { batch, dropout: 0., ..Config::tiny() };
        let networks = Pix2Pix::new(&config).unwrap();
        let x = pictures("x", 3, 32);
        let of = |x: &Tensor| values(&translate(&networks.generator, &config, x, Seed(0)).unwrap());
        assert_eq!(of(&x.narrow(0, 1, 1).unwrap()), of(&x)[32 * 32..2 * 32 * 32]);
    }
}

/// テストデータの字は、訓練データに一つも無い。
#[test]
fn held_out_characters_are_never_trained_on() {
    for seed in [0, 1] {
        let (train, held_out) = data::characters(Seed(seed));
        assert_eq!((train.len(), held_out.len()), (926, HELD_OUT));
        assert!(held_out.iter().all(|c| !train.contains(c)));
    }
    assert_ne!(data::characters(Seed(0)).1, data::characters(Seed(1)).1);
    let dataset = data::dataset(&Config::tiny()).unwrap();
    assert_eq!(dataset.train.x.dims(), [926, 1, 32, 32]);
    assert_eq!(dataset.held_out.y.dims(), [100, 1, 32, 32]);
}

/// ペアをばらしても、画像の集まりは変わらない。
#[test]
fn shuffling_breaks_the_pairs_but_keeps_the_pictures() {
    let aligned = data::dataset(&Config::tiny()).unwrap();
    let config = Config { pairs: Pairs::Shuffled, ..Config::tiny() };
    let shuffled = data::dataset(&config).unwrap();
    assert_eq!(values(&aligned.train.x), values(&shuffled.train.x));
    assert_ne!(values(&aligned.train.y), values(&shuffled.train.y));
    let sorted = |y: &Tensor| {
        let mut pictures = y.flatten_from(1).unwrap().to_vec2::<f32>().unwrap();
        pictures.sort_by(|a, b| a.partial_cmp(b).unwrap());
        pictures
    };
    assert_eq!(sorted(&aligned.train.y), sorted(&shuffled.train.y));
    // 確かめるための対は、壊さない。
    assert_eq!(values(&aligned.held_out.y), values(&shuffled.held_out.y));
}

/// 切り出す位置をずらすとき、ペアの 2 枚は同じだけ動く。
#[test]
fn jitter_moves_both_pictures_together() {
    let config = Config { jitter: 6, mirror: Switch::On, ..Config::tiny() };
    let x = pictures("x", 16, 38);
    let pair = Tensor::cat(&[&x, &x.neg().unwrap()], 1).unwrap();
    let [x, y] = data::crop(&pair, &config, &mut Seed(0).rng("jitter")).unwrap();
    assert_eq!(x.dims(), [16, 1, 32, 32]);
    assert_eq!(values(&x.neg().unwrap()), values(&y));
    // 呼ぶたびに、違う場所を切り取る。
    let [again, _] = data::crop(&pair, &config, &mut Seed(1).rng("jitter")).unwrap();
    assert_ne!(values(&x), values(&again));
}

/// 正解をずらす設定で動くのは、正解だけである。
#[test]
fn shift_moves_only_the_truth() {
    let config = Config { shift: 1, ..Config::tiny() };
    let x = pictures("x", 16, 34);
    let pair = Tensor::cat(&[&x, &x], 1).unwrap();
    let [moved_x, moved_y] = data::crop(&pair, &config, &mut Seed(0).rng("shift")).unwrap();
    let cut = |i: usize, top, left| {
        values(&x.narrow(0, i, 1).unwrap().narrow(2, top, 32).unwrap().narrow(3, left, 32).unwrap())
    };
    let mut places = std::collections::BTreeSet::new();
    for i in 0..16 {
        // 入力は真ん中のまま。正解は、9 通りのどこかへずれる。
        assert_eq!(values(&moved_x.narrow(0, i, 1).unwrap()), cut(i, 1, 1));
        let y = values(&moved_y.narrow(0, i, 1).unwrap());
        let all = (0..9).find(|place| y == cut(i, place / 3, place % 3));
        places.insert(all.expect("1 画素までのずれ"));
    }
    assert!(places.len() > 4, "{places:?}");
}

/// 変換に要るのは生成器だけである。
#[test]
fn translation_uses_only_the_generator() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = book::run("試験", &Config::tiny(), true).unwrap();
    let store = Store::at(dir.path());
    store.keep(&outcome).unwrap();
    // 識別器の重みを消しても、同じ変換ができる。正解の画像も要らない。
    std::fs::remove_file(dir.path().join("kanji/discriminator.safetensors")).unwrap();
    let source = Source::Text { text: "宇宙".into(), font: None };
    let [x, made] = book::translate(&source, &store, Seed(3)).unwrap();
    assert_eq!(made.dims(), [2, 1, 32, 32]);
    assert_eq!(values(&made), values(&outcome.trained.translate(&x, Seed(3)).unwrap()));
    // 生成器の重みがなければ、変換できない。
    std::fs::remove_file(dir.path().join("kanji/generator.safetensors")).unwrap();
    let error = book::translate(&source, &store, Seed(3)).unwrap_err().to_string();
    assert!(error.contains("kanji/generator.safetensors"), "{error}");
}

/// 手元のペアのフォルダで学習し、変換できる。
#[test]
fn folder_of_pairs_is_learned_and_translated() {
    let dir = tempfile::tempdir().unwrap();
    // 左が明るい正方形、右がその白黒を逆にしたもの。
    for (folder, count) in [("train", 5), ("test", 2), ("inputs", 2)] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
        for i in 0..count {
            let wide = if folder == "inputs" { 20 } else { 40 };
            let picture = image::RgbImage::from_fn(wide, 20, |x, y| {
                let inside = (x % 20).abs_diff(8 + i) < 5 && y.abs_diff(10) < 5;
                image::Rgb([if inside == (x < 20) { 250 } else { 10 }; 3])
            });
            picture.save(dir.path().join(folder).join(format!("{i}.png"))).unwrap();
        }
    }
    let config = Config {
        data: Some(dir.path().into()),
        channels: 3,
        size: 16,
        jitter: 4,
        mirror: Switch::On,
        batch: 1,
        ..Config::tiny()
    };
    let outcome = book::run("試験", &config, true).unwrap();
    assert_eq!(outcome.trained.dataset.train.x.dims(), [5, 3, 20, 20]);
    assert_eq!(outcome.trained.dataset.held_out.x.dims(), [2, 3, 16, 16]);
    let store = Store::at(dir.path());
    store.keep(&outcome).unwrap();
    let source = Source::Pictures(dir.path().join("inputs"));
    let [_, output] = book::translate(&source, &store, Seed(1)).unwrap();
    assert_eq!(output.dims(), [2, 3, 16, 16]);
    std::fs::remove_dir_all(dir.path().join("test")).unwrap();
    let error = book::run("試験", &config, true).err().unwrap().to_string();
    assert!(error.contains("test か val"), "{error}");
}

/// 同じ種なら、スレッドの数によらず、結果は 1 バイトも違わない。
#[test]
fn same_seed_gives_the_same_bytes() {
    let weights = |seed: u64, threads: usize| {
        let config = Config { seed, jitter: 2, ..Config::tiny() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let dataset = data::dataset(&config).unwrap();
        let trained = pool.install(|| {
            train(&config, dataset, |_| Ok(std::ops::ControlFlow::Continue(()))).unwrap()
        });
        ["generator", "discriminator"].map(|network| snapshot(&trained.networks, network))
    };
    let first = weights(1, 1);
    assert_eq!(first, weights(1, 1));
    assert_eq!(first, weights(1, 3), "スレッドの数が結果を変えました");
    assert_ne!(first, weights(2, 1));
}
