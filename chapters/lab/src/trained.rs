//! 学習を終えた生成器を、ページに添えるファイル `book/src/figures/lab/weights-台.js` にします。
//!
//! 学習は、各章の `cargo run` と同じ道 (`book::run`) を通ります。丸めたために絵がどれだけ変わったかは、学習に
//! 使わないデータで測り、ファイルと `book/src/figures/lab/run.json` に残します。

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use candle_core::{DType, Device, Tensor};
use common::measure::ssim;
use common::nn::l1;
use common::seed::{Seed, Variables};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tools::record::{self, Run};
use tools::{cli, files};

use crate::pack::{chapters, folder};
use crate::weights::Weights;
use crate::{cyclegan, dcgan, pix2pix};

/// 1 つの台の重みの作り方。
pub struct Source {
    /// 台の名前
    pub name: &'static str,
    chapter: &'static str,
    /// 章のソースのうち、重みを変えうるもの
    files: &'static [&'static str],
    /// 学習の名前と、その設定
    configs: fn() -> Value,
    train: fn() -> Result<Made>,
}

/// 学習して、丸めた重み。
pub struct Made {
    pub weights: Weights,
    /// 測った値。本に出すとおりの文字です
    pub results: Vec<(&'static str, String)>,
}

pub const SOURCES: [Source; 3] = [
    Source {
        name: "dcgan",
        chapter: "ch04-dcgan",
        files: &["config.rs", "data.rs", "measure.rs", "model.rs", "train.rs"],
        configs: || json!({ dcgan::RUN: ch04_dcgan::config::Config::book() }),
        train: train_dcgan,
    },
    Source {
        name: "pix2pix",
        chapter: "ch05-pix2pix",
        files: &["config.rs", "data.rs", "measure.rs", "model.rs", "train.rs"],
        configs: || named(pix2pix::runs()),
        train: train_pix2pix,
    },
    Source {
        name: "cyclegan",
        chapter: "ch06-cyclegan",
        files: &["config.rs", "data.rs", "model.rs", "train.rs"],
        configs: || named(cyclegan::runs()),
        train: train_cyclegan,
    },
];

fn named<C: Serialize>(runs: [(&str, C); 3]) -> Value {
    runs.into_iter().map(|(name, config)| (name.to_string(), json!(config))).collect()
}

impl Source {
    /// 重みを決めるソースの指紋。
    pub fn fingerprint(&self) -> String {
        let own = ["trained.rs", "weights.rs"].map(|file| chapters().join("lab/src").join(file));
        let chapter = |file| chapters().join(self.chapter).join("src").join(file);
        let mut sources: Vec<PathBuf> = self.files.iter().map(chapter).collect();
        sources.extend(own);
        sources.extend(["common/src", "common/data"].map(|name| chapters().join(name)));
        record::digest(&sources).unwrap_or_else(|_| "不明".into())
    }

    fn start(&self) -> String {
        format!("(window.workbookLabWeights ??= {{}}).{} = ", self.name)
    }

    /// 本に置いたファイル。
    pub fn place(&self) -> PathBuf {
        folder().join(format!("weights-{}.js", self.name))
    }

    /// 本に置いたファイルの中身。なければ None です。
    pub fn kept(&self) -> Option<Value> {
        let text = fs::read_to_string(self.place()).ok()?;
        let json = text.strip_prefix(&self.start())?.trim_end().strip_suffix(';')?;
        serde_json::from_str(json).ok()
    }

    /// いまのソースと設定で学習した重みが、もう置いてあれば真。
    pub fn is_fresh(&self) -> bool {
        self.kept().is_some_and(|kept| {
            kept["fingerprint"] == self.fingerprint() && kept["configs"] == (self.configs)()
        })
    }

    /// 学習して、本に置きます。縮めた大きさ (バイト) を返します。
    pub fn make(&self) -> Result<usize> {
        let Made { weights, results } = common::nn::run(self.train)?;
        ensure!(!cli::stop_requested(), "{} の学習の途中で止めました", self.chapter);
        let mut small = GzEncoder::new(Vec::new(), Compression::best());
        small.write_all(&weights.to_bytes()?)?;
        let small = small.finish()?;
        let mut named = Map::new();
        for (key, value) in results {
            named.insert(format!("{}.{key}", self.name), value.into());
        }
        named.insert(format!("{}.kb", self.name), (small.len() / 1000).to_string().into());
        let kept = json!({
            "fingerprint": self.fingerprint(),
            "configs": (self.configs)(),
            "results": named,
            "packed": BASE64_STANDARD.encode(&small),
        });
        files::write(&self.place(), format!("{}{kept};\n", self.start()).as_bytes())?;
        Ok(small.len())
    }
}

/// 置いたファイルの重みのバイト列。台の `start` に渡すものです。
pub fn bytes(kept: &Value) -> Result<Vec<u8>> {
    let packed = kept["packed"].as_str().context("重みがありません")?;
    let mut plain = Vec::new();
    GzDecoder::new(&BASE64_STANDARD.decode(packed)?[..]).read_to_end(&mut plain)?;
    Ok(plain)
}

/// 置いてある重みの、測った値のすべて。ページはこれを引きます。
pub fn results() -> Run {
    let mut run = Run::new(String::new());
    for source in &SOURCES {
        let Some(kept) = source.kept() else { continue };
        run.fingerprint += kept["fingerprint"].as_str().unwrap_or_default();
        run.configs.insert(source.name.into(), kept["configs"].clone());
        if let Value::Object(results) = kept["results"].clone() {
            run.results.extend(results);
        }
    }
    run
}

/// 2 組の絵の、画素の差の絶対値の平均。
fn difference(a: &Tensor, b: &Tensor) -> Result<String> {
    Ok(format!("{:.3}", l1(a, b)?.to_scalar::<f32>()?))
}

/// 重みの区切りの数。
const LEVELS: u8 = 127;
/// 重みの数が桁違いに多い U-Net の区切りの数。縮めると、1 つの重みは 5 ビットあまりになります。
const FEW_LEVELS: u8 = 15;

fn train_dcgan() -> Result<Made> {
    use ch04_dcgan::config::Config;
    use ch04_dcgan::measure::{Groups, distance};
    use ch04_dcgan::model::Generator;
    use ch04_dcgan::train::draw;

    let config = Config::book();
    let trained = ch04_dcgan::book::run("DCGAN", &config, false)?.trained;
    let mut weights = Weights::default();
    weights.add(dcgan::RUN, "generator", &trained.gan.variables, LEVELS)?;
    let (z, plain) = ch04_dcgan::figures::many(&trained)?;
    let groups = Groups::choose(&z, &plain)?;
    weights.put(dcgan::THICK, (groups.thick_dense.mean(0)? - groups.thin_dense.mean(0)?)?);

    let variables = Seed(0).variables();
    let generator = Generator::new(&config, variables.builder("generator"))?;
    weights.fill(dcgan::RUN, "generator", &variables)?;
    let rounded = draw(&generator, &z)?;
    let real = trained.pictures.sample(1_000, &mut Seed(0).rng("lab"))?;
    let results = vec![
        ("pixels", difference(&plain, &rounded)?),
        ("distance_f32", format!("{:.2}", distance(&plain, &real)?)),
        ("distance", format!("{:.2}", distance(&rounded, &real)?)),
    ];
    Ok(Made { weights, results })
}

fn train_cyclegan() -> Result<Made> {
    use ch06_cyclegan::book::run;
    use ch06_cyclegan::model::Generator;

    let labels = ["標準", "恒等損失なし", "敵対的損失だけ"];
    let mut weights = Weights::default();
    let mut results = Vec::new();
    for ((name, config), label) in cyclegan::runs().into_iter().zip(labels) {
        let outcome = run(label, &config, false)?;
        let (gan, data) = (&outcome.trained.gan, &outcome.dataset);
        let rounded = Seed(0).variables();
        let mut generators = Vec::new();
        for network in cyclegan::GENERATORS {
            weights.add(name, network, &gan.variables, LEVELS)?;
            generators.push(Generator::new(&config, rounded.builder(network))?);
            weights.fill(name, network, &rounded)?;
        }
        if name == "standard" {
            let plain = gan.generator_xy.forward(&data.test_x)?;
            let now = generators[0].forward(&data.test_x)?;
            results = vec![
                ("pixels", difference(&plain, &now)?),
                ("ssim_f32", format!("{:.3}", ssim(&plain, &data.test_y)?)),
                ("ssim", format!("{:.3}", ssim(&now, &data.test_y)?)),
            ];
        }
    }
    Ok(Made { weights, results })
}

/// 台で選べる、取り置いた字の数。
const SHOWN: usize = 15;

fn train_pix2pix() -> Result<Made> {
    use ch05_pix2pix::book::run;
    use ch05_pix2pix::data;
    use ch05_pix2pix::measure::measure;
    use ch05_pix2pix::model::Generator;
    use ch05_pix2pix::train::translate;

    let labels = ["両方", "L1 だけ", "スキップなし"];
    let mut weights = Weights::default();
    let mut results = Vec::new();
    for ((name, config), label) in pix2pix::runs().into_iter().zip(labels) {
        let trained = run(label, &config, false)?.trained;
        let variables = &trained.networks.variables;
        weights.add(name, "generator", variables, FEW_LEVELS)?;
        let rounded = Seed(0).variables();
        let generator = Generator::new(&config, rounded.builder("generator"))?;
        weights.fill(name, "generator", &rounded)?;
        let held_out = &trained.dataset.held_out;
        let now = translate(&generator, &config, &held_out.x, Seed(0))?;
        let measured = measure(&now, &held_out.y)?;
        let keys: [&str; 3] = match name {
            "both" => ["both_l1", "both_ssim", "both_sharpness"],
            "l1" => ["l1_l1", "l1_ssim", "l1_sharpness"],
            _ => ["no_skips_l1", "no_skips_ssim", "no_skips_sharpness"],
        };
        results.push((keys[0], format!("{:.3}", measured.l1)));
        results.push((keys[1], format!("{:.2}", measured.ssim)));
        results.push((keys[2], format!("{:.3}", measured.sharpness)));
        if name == "both" {
            results.push(("steps", config.steps.to_string()));
            results.push(("width", config.width_g.to_string()));
            results.push(("levels", FEW_LEVELS.to_string()));
            weights.add(name, "discriminator", variables, LEVELS)?;
            let plain = trained.translate(&held_out.x, Seed(0))?;
            results.push(("pixels", difference(&plain, &now)?));
            results.push(("ssim_f32", format!("{:.2}", measure(&plain, &held_out.y)?.ssim)));
            // 画素の少ない (込み入っていない) 字のほうが、指で書いた字と比べやすい。
            let characters = data::characters(Seed(config.seed)).1;
            let ink = held_out.x.mean((1, 2, 3))?.to_vec1::<f32>()?;
            let mut order: Vec<u32> = (0..characters.len() as u32).collect();
            order.sort_by(|&a, &b| ink[a as usize].total_cmp(&ink[b as usize]));
            order.truncate(SHOWN);
            let shown: Vec<u32> = order.iter().map(|&at| characters[at as usize] as u32).collect();
            let order = Tensor::new(order, &Device::Cpu)?;
            let bytes = |pictures: &Tensor| -> Result<Tensor> {
                let chosen = pictures.index_select(&order, 0)?.affine(127.5, 127.5)?;
                Ok(chosen.round()?.to_dtype(DType::U8)?)
            };
            let [x, y, names] = pix2pix::HELD_OUT;
            weights.put(x, bytes(&held_out.x)?);
            weights.put(y, bytes(&held_out.y)?);
            weights.put(names, Tensor::new(shown, &Device::Cpu)?);
        }
    }
    Ok(Made { weights, results })
}

/// 学習した重みと、丸めて戻した重みの変数。試験が、丸めの大きさを確かめるために使います。
pub fn rounded(variables: &Variables, network: &str, levels: u8, into: &Variables) -> Result<()> {
    let mut weights = Weights::default();
    weights.add("run", network, variables, levels)?;
    Weights::from_bytes(&weights.to_bytes()?)?.fill("run", network, into)
}
