//! ページに添えた、学習を終えた生成器。置いてある重みそのものを確かめるので、学習はほとんどしない。
//!
//! 主張の試験は、学習していない重み ([`untrained`]) では落ちる ([`claims_need_trained_weights`])。

use std::cell::Cell;
use std::ops::ControlFlow;
use std::panic::catch_unwind;

use candle_core::{Device, Tensor};
use ch04_dcgan::config::Config as Dcgan;
use ch04_dcgan::data::Pictures;
use ch04_dcgan::measure::distance;
use ch04_dcgan::train;
use common::nn::l1;
use common::seed::Seed;
use lab::room::{Answer, Room};
use lab::trained::{SOURCES, Source, bytes, results, rounded};
use lab::weights::Weights;
use serde_json::{Value, json};

thread_local! {
    static DEAD: Cell<bool> = const { Cell::new(false) };
}

fn source(name: &str) -> &'static Source {
    SOURCES.iter().find(|source| source.name == name).unwrap()
}

/// 置いてある重みの入った部屋。
struct Bench {
    name: &'static str,
    room: Room,
}

impl Bench {
    fn open(name: &'static str) -> Self {
        Self::opened(name).0
    }

    fn opened(name: &'static str) -> (Self, Answer) {
        let kept = source(name).kept().expect("重みが置いてある (cargo run -- lab)");
        let bytes = bytes(&kept).unwrap();
        let bytes = if DEAD.get() { untrained(&bytes) } else { bytes };
        let mut room = Room::default();
        let start = json!({ "bench": name, "do": "start" });
        let answer = room.answer_with(&start.to_string(), &bytes).unwrap();
        (Self { name, room }, answer)
    }

    fn ask(&mut self, what: &str, with: Value) -> Answer {
        self.room
            .answer(&json!({ "bench": self.name, "do": what, "with": with }).to_string())
            .unwrap()
    }
}

/// 同じ形で、学習していない重み: 畳み込みの重みの番号を、でたらめに並べ替えたもの。
fn untrained(bytes: &[u8]) -> Vec<u8> {
    use rand::seq::SliceRandom;
    let mut weights = Weights::from_bytes(bytes).unwrap();
    let rng = &mut Seed(0).rng("untrained");
    let shuffled = |name: &str, value: &Tensor| {
        if name.starts_with("held_out") || value.dtype() != candle_core::DType::U8 {
            return Ok(value.clone());
        }
        let mut whole = value.flatten_all()?.to_vec1::<u8>()?;
        whole.shuffle(rng);
        Ok(Tensor::from_vec(whole, value.shape(), &Device::Cpu)?)
    };
    weights.each(shuffled).unwrap();
    weights.to_bytes().unwrap()
}

fn pictures(answer: &Answer, name: &str, shape: (usize, usize, usize, usize)) -> Tensor {
    Tensor::from_slice(answer.numbers(name).unwrap(), shape, &Device::Cpu).unwrap()
}

/// くじを 128 個引いた字。`length` は z を何倍に延ばすか。
fn characters(bench: &mut Bench, length: f64) -> Tensor {
    let mut all = Vec::new();
    for seed in 0..2 {
        let drawn = bench.ask("draw", json!({ "seed": seed, "count": 64 }));
        for z in drawn.numbers("z").unwrap().chunks(64) {
            let moved = bench.ask("move", json!({ "z": z, "length": length }));
            all.push(pictures(&moved, "pixels", (1, 1, 32, 32)));
        }
    }
    Tensor::cat(&all, 0).unwrap()
}

fn real() -> Tensor {
    let pictures = Pictures::new(&Dcgan::book()).unwrap();
    pictures.sample(1_000, &mut Seed(0).rng("lab")).unwrap()
}

/// 置いてある DCGAN の字は、丸めた後も、学習の前 (0.8 より上) よりずっと本物に近い。
#[test]
fn the_kept_dcgan_still_draws_characters() {
    let images = characters(&mut Bench::open("dcgan"), 1.);
    let found = distance(&images, &real()).unwrap();
    println!("本物との隔たり {found}");
    assert!(found < 0.3, "本物との隔たり {found}");
    let kept = &source("dcgan").kept().unwrap()["results"];
    let number = |key: &str| kept[key].as_str().unwrap().parse::<f32>().unwrap();
    assert!(number("dcgan.distance") < number("dcgan.distance_f32") + 0.02);
}

/// z を 3 倍に延ばすと、本物から離れる。
#[test]
fn far_from_the_lottery_the_characters_break() {
    let bench = &mut Bench::open("dcgan");
    let real = real();
    let [near, far] = [1., 3.].map(|length| distance(&characters(bench, length), &real).unwrap());
    println!("隔たり: くじのとおり {near}、3 倍 {far}");
    assert!(near < 0.3 && far > 1.5 * near, "くじのとおり {near}、3 倍 {far}");
}

/// 太さの向きへ動かすと、どの字も平均で太くなり、逆へ動かすと細くなる。
#[test]
fn the_thick_direction_thickens() {
    let bench = &mut Bench::open("dcgan");
    let drawn = bench.ask("draw", json!({ "seed": 5, "count": 32 }));
    let z = drawn.numbers("z").unwrap().to_vec();
    let mut mean = |thick: f64| {
        let one = |z: &[f32]| {
            let moved = bench.ask("move", json!({ "z": z, "thick": thick, "length": 1 }));
            moved.text["thickness"].as_f64().unwrap()
        };
        z.chunks(64).map(one).sum::<f64>() / 32.
    };
    let [thin, plain, thick] = [-1., 0., 1.].map(&mut mean);
    println!("太さ: 逆 {thin}、そのまま {plain}、足す {thick}");
    assert!(thin < 0.95 * plain && thick > 1.05 * plain, "{thin} {plain} {thick}");
}

/// 歩いた途中の絵は、章の `walk` のとおりで、混ぜた絵の両端は歩いた絵と同じ。
#[test]
fn walking_follows_the_chapter() {
    let bench = &mut Bench::open("dcgan");
    let drawn = bench.ask("draw", json!({ "seed": 1, "count": 2 }));
    let z: Vec<Vec<f32>> = drawn.numbers("z").unwrap().chunks(64).map(<[f32]>::to_vec).collect();
    let walk = bench.ask("walk", json!({ "from": z[0], "to": z[1], "steps": 11 }));
    let images = pictures(&walk, "pixels", (11, 1, 32, 32));
    let mixed = pictures(&walk, "mixed", (11, 1, 32, 32));
    let ends = pictures(&drawn, "pixels", (2, 1, 32, 32));
    let gap = |a: &Tensor, b: &Tensor| l1(a, b).unwrap().to_scalar::<f32>().unwrap();
    for (end, at) in [(0, 0), (1, 10)] {
        let end = ends.narrow(0, end, 1).unwrap();
        assert!(gap(&images.narrow(0, at, 1).unwrap(), &end) < 1e-5);
        assert!(gap(&mixed.narrow(0, at, 1).unwrap(), &end) < 1e-5);
    }
    assert!(gap(&images.narrow(0, 5, 1).unwrap(), &mixed.narrow(0, 5, 1).unwrap()) > 0.05);
}

/// 場面の既定の数。
fn place(sun: f32) -> Value {
    json!({ "seed": 3, "horizon": 0.5, "peak": 0.4, "top": 0.6, "sun": sun, "sun_height": 0.6 })
}

/// 場面を替えて訳した、SSIM と戻りの差の平均: 3 つの学習の順。
fn translated(bench: &mut Bench, direction: &str) -> [Vec<f64>; 2] {
    const SCENES: usize = 24;
    let mut sums = [vec![0.; 3], vec![0.; 3]];
    for seed in 0..SCENES {
        let mut scene = place(seed as f32 / SCENES as f32);
        scene["seed"] = seed.into();
        let answer = bench.ask("look", json!({ "direction": direction, "scene": scene }));
        for (sums, name) in sums.iter_mut().zip(["likeness", "differences"]) {
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum += answer.text[name][at].as_f64().unwrap() / SCENES as f64;
            }
        }
    }
    sums
}

/// 置いてある CycleGAN は、標準では場面を保ち、サイクル損失を外すと戻れない。
#[test]
fn the_kept_cyclegan_keeps_the_scene_only_with_the_cycle_loss() {
    let bench = &mut Bench::open("cyclegan");
    for direction in ["xy", "yx"] {
        let [likeness, differences] = translated(bench, direction);
        println!("{direction}: SSIM {likeness:.3?}、戻りの差 {differences:.3?}");
        assert!(likeness[0] > 0.65, "{likeness:?}");
        assert!(likeness[2] < likeness[0] - 0.1, "{likeness:?}");
        assert!(differences[2] > 2. * differences[0], "{differences:?}");
    }
    let kept = &source("cyclegan").kept().unwrap()["results"];
    let number = |key: &str| kept[key].as_str().unwrap().parse::<f32>().unwrap();
    assert!(number("cyclegan.ssim") > number("cyclegan.ssim_f32") - 0.01);
}

/// つまみで日を動かすと、描いた場面でも、標準の変換でも、赤い日が同じ側へ動く。
#[test]
fn moving_the_sun_moves_it_in_the_print() {
    let bench = &mut Bench::open("cyclegan");
    // 赤さ (赤 − 青) の、上半分での左右の重心。
    let side = |image: &[f32]| {
        let (mut sum, mut total) = (0., 0.);
        for at in 0..16 * 32 {
            let red = (image[at] - image[2 * 1024 + at] - 0.9).max(0.);
            sum += red * (at % 32) as f32;
            total += red;
        }
        sum / f32::max(total, 1e-6)
    };
    let mut look = |sun: f32| {
        let answer = bench.ask("look", json!({ "direction": "xy", "scene": place(sun) }));
        let standard = &answer.numbers("there").unwrap()[..3 * 1024];
        [side(answer.numbers("truth").unwrap()), side(standard)]
    };
    let ([truth_left, left], [truth_right, right]) = (look(0.1), look(0.9));
    println!("本当 {truth_left} → {truth_right}、変換 {left} → {right}");
    assert!(truth_left + 12. < truth_right, "{truth_left} {truth_right}");
    assert!(left + 8. < right, "{left} {right}");
}

/// 取り置いた字での、三つの学習の L1・SSIM・鮮明さの平均: 両方、L1 だけ、スキップ結合なし。
fn rewritten(bench: &mut Bench, count: usize) -> [[f64; 3]; 3] {
    let mut sums = [[0.; 3]; 3];
    for index in 0..count {
        let answer = bench.ask("look", json!({ "index": index, "seed": 0 }));
        for (run, sums) in sums.iter_mut().enumerate() {
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum += answer.text["scores"][run][at].as_f64().unwrap() / count as f64;
            }
        }
    }
    sums
}

/// 置いてある Pix2Pix は、GAN の項が無いとぼけ、スキップ結合が無いと字を写せない。
#[test]
fn the_kept_pix2pix_blurs_without_the_gan_and_fails_without_skips() {
    let (mut bench, start) = Bench::opened("pix2pix");
    let count = start.text["characters"].as_str().unwrap().chars().count();
    let [both, l1, no_skips] = rewritten(&mut bench, count);
    println!("両方 {both:.3?}、L1 だけ {l1:.3?}、スキップなし {no_skips:.3?}");
    assert!(l1[2] < 0.9 * both[2], "鮮明さ: 両方 {both:?}、L1 だけ {l1:?}");
    assert!(no_skips[1] < both[1] - 0.1, "SSIM: 両方 {both:?}、スキップなし {no_skips:?}");
    assert!(both[1] > 0.5, "SSIM: 両方 {both:?}");
}

/// 識別器の 1 マスの答えは、章の計算した受容野の中の画素を変えると、外を変えたときの 3 倍より大きく動く。
#[test]
fn the_receptive_field_is_what_the_discriminator_sees() {
    let (mut bench, start) = Bench::opened("pix2pix");
    let field = &start.text["field"];
    let number = |key: &str| field[key].as_i64().unwrap();
    let (side, reach, begin, jump) =
        (number("side"), number("reach"), number("start"), number("jump"));
    assert_eq!((side, reach), (14, 16));
    // バッチ正規化は絵の全体の平均も見るので、左上の角のマスの答えは、受容野の外を変えても、わずかに動く。
    let x = start.numbers("x").unwrap()[..1024].to_vec();
    let edge = begin + reach;
    let mut map = |change: &dyn Fn(i64, i64) -> bool| {
        let pixels: Vec<f32> = (0..1024)
            .map(|at| if change(at % 32, at / 32) { 1. } else { x[at as usize] })
            .collect();
        bench.ask("look", json!({ "pixels": pixels, "seed": 0 })).numbers("map").unwrap().to_vec()
    };
    let plain = map(&|_, _| false);
    let outside = map(&|x, y| x >= edge + 2 && y >= edge + 2);
    let inside = map(&|x, y| x < edge - 4 && y < edge - 4);
    let moved = |other: &[f32]| (other[0] - plain[0]).abs();
    println!("外 {}、中 {} (隣までは {jump} 画素)", moved(&outside), moved(&inside));
    assert!(moved(&inside) > 3. * moved(&outside), "{} {}", moved(&outside), moved(&inside));
}

/// 写真は 3 × 32 × 32 の、−1 から 1 の数だけを受け取る。
#[test]
fn odd_pictures_are_refused() {
    let mut cyclegan = Bench::open("cyclegan");
    let mut dcgan = Bench::open("dcgan");
    for (bench, what, with) in [
        ("cyclegan", "look", json!({ "direction": "xy", "pixels": [0.5] })),
        ("cyclegan", "look", json!({ "direction": "xy", "pixels": vec![9.; 3072] })),
        ("cyclegan", "look", json!({ "direction": "up", "scene": place(0.5) })),
        ("cyclegan", "look", json!({ "direction": "xy" })),
        ("cyclegan", "bake", json!({})),
        ("dcgan", "draw", json!({ "seed": 0, "count": 1000 })),
        ("dcgan", "walk", json!({ "from": [1.], "to": [2.], "steps": 5 })),
        ("dcgan", "move", json!({ "z": vec![0.; 64], "axes": [[64, 1.]], "length": 1 })),
    ] {
        let asked = json!({ "bench": bench, "do": what, "with": with }).to_string();
        let room = if bench == "dcgan" { &mut dcgan.room } else { &mut cyclegan.room };
        assert!(room.answer(&asked).is_err(), "{asked}");
    }
    // 重みの無い台は始まらない。
    let start = json!({ "bench": "dcgan", "do": "start" }).to_string();
    assert!(Room::default().answer(&start).is_err());
    assert!(Room::default().answer_with(&start, b"broken").is_err());
}

/// 1 バイトに丸めても、学習した生成器の絵はほとんど変わらない。区切りを粗くすると変わる。
#[test]
fn one_byte_is_enough_and_three_levels_are_not() {
    let config = Dcgan { steps: 40, ..Dcgan::book() };
    let pictures = Pictures::new(&config).unwrap();
    let trained = train::train(&config, pictures, |_| Ok(ControlFlow::Continue(()))).unwrap();
    let plain = trained.generate(64, Seed(0)).unwrap();
    let change = |levels| {
        let variables = Seed(0).variables();
        let vb = variables.builder("generator");
        let generator = ch04_dcgan::model::Generator::new(&config, vb).unwrap();
        rounded(&trained.gan.variables, "generator", levels, &variables).unwrap();
        let images = train::generate(&generator, &config, 64, Seed(0)).unwrap();
        l1(&plain, &images).unwrap().to_scalar::<f32>().unwrap()
    };
    let [fine, coarse] = [127, 3].map(change);
    println!("画素の変化: 127 段 {fine}、3 段 {coarse}");
    assert!(fine < 0.02 && coarse > 5. * fine, "{fine} {coarse}");
}

/// 学習していない重みでは、主張の試験はどれも落ちる。
#[test]
fn claims_need_trained_weights() {
    DEAD.set(true);
    for (name, claim) in [
        ("dcgan", the_kept_dcgan_still_draws_characters as fn()),
        ("far", far_from_the_lottery_the_characters_break),
        ("thick", the_thick_direction_thickens),
        ("pix2pix", the_kept_pix2pix_blurs_without_the_gan_and_fails_without_skips),
        ("cyclegan", the_kept_cyclegan_keeps_the_scene_only_with_the_cycle_loss),
        ("sun", moving_the_sun_moves_it_in_the_print),
    ] {
        assert!(catch_unwind(claim).is_err(), "学習していない重みでも通る主張: {name}");
    }
    DEAD.set(false);
}

/// 本に置いた重みは、いまのソースのもので、ページが引く数は、その重みのものである。
#[test]
fn the_kept_weights_are_of_these_sources() {
    let folder = lab::pack::folder();
    assert_eq!(tools::record::Run::read(&folder).unwrap(), results(), "figures/lab/run.json");
    for source in &SOURCES {
        let size = std::fs::metadata(source.place()).unwrap().len();
        assert!(size < 500_000 * 4 / 3, "{} が大きすぎます", source.place().display());
        if source.is_fresh() {
            continue;
        }
        let text = format!(
            "{} が、いまのソースより古くなっています。cargo run -- lab で作り直し、一緒にコミットしてください",
            source.place().display()
        );
        assert!(std::env::var_os("CI").is_none(), "{text}");
        eprintln!("{text}");
    }
}
