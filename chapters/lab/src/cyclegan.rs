//! 第6章の CycleGAN の台: 読者の写真か、場面を動かして描いた風景を、訳して、訳し戻します。

use anyhow::{Result, bail, ensure};
use candle_core::{Device, Tensor};
use ch06_cyclegan::config::{Config, Direction};
use ch06_cyclegan::data::{self, Scene, Style};
use ch06_cyclegan::model::Generator;
use common::measure::ssim;
use common::nn::l1;
use common::seed::Seed;
use rand::{Rng, RngCore};
use serde::Deserialize;
use serde_json::Value;

use crate::room::Answer;
use crate::weights::Weights;

/// 比べる 3 つの学習: 標準、恒等損失なし、さらにサイクル損失もなし (敵対的損失だけ)。
pub fn runs() -> [(&'static str, Config); 3] {
    let standard = Config::book();
    let no_identity = Config { lambda_identity: 0., ..standard.clone() };
    let gan_only = Config { lambda_cycle: 0., ..no_identity.clone() };
    [("standard", standard), ("no_identity", no_identity), ("gan_only", gan_only)]
}

/// 2 つの生成器 G (X → Y) と F (Y → X) の名前。
pub const GENERATORS: [&str; 2] = ["generator_xy", "generator_yx"];

/// 学習を終えた、3 組の生成器。
pub struct CycleGanBench {
    size: usize,
    generators: Vec<[Generator; 2]>,
}

/// 何を訳すか。`pixels` が無ければ、場面を描きます。
#[derive(Deserialize)]
struct Look {
    direction: Direction,
    scene: Option<Place>,
    /// 読者の写真 `[3, size, size]`。値は [-1, 1] です。
    pixels: Option<Vec<f32>>,
}

/// 場面の指定。どの数も 0 から 1 で、学習に使った場面の範囲の、端から端までにあたります。
#[derive(Deserialize)]
struct Place {
    /// ここに無いもの (雲、木、舟、波) は、この番号で決まります。
    seed: u64,
    /// 水平線の高さ
    horizon: f32,
    /// 山の横の位置と、頂の高さ
    peak: f32,
    top: f32,
    /// 太陽の横の位置と、高さ
    sun: f32,
    sun_height: f32,
}

impl Place {
    /// 章の [`Scene::random`] に、くじの代わりに、指定された数を引かせます。
    fn scene(&self) -> Scene {
        let mut rng = Seed(self.seed).rng("lab scene");
        let mut drawn: Vec<f32> = (0..64).map(|_| rng.random()).collect();
        // くじの順番: 水平線、頂、丘 (3 つ)、木の数、木 (2 つずつ)、舟の数、山の横、裾、雪、太陽の横、高さ。
        let trees = (1. + 3.99 * drawn[5]) as usize;
        let peak = 6 + 2 * trees + 1;
        // 高いほど、縦の座標は小さい。
        let places = [
            (0, 1. - self.horizon),
            (1, 1. - self.top),
            (peak, self.peak),
            (peak + 3, self.sun),
            (peak + 4, 1. - self.sun_height),
        ];
        for (at, value) in places {
            drawn[at] = value.clamp(0., 1.);
        }
        Scene::random(&mut Told { drawn, next: 0 })
    }
}

/// 決められた数を、順に引く「くじ」。
struct Told {
    drawn: Vec<f32>,
    next: usize,
}

impl RngCore for Told {
    fn next_u32(&mut self) -> u32 {
        let value = self.drawn[self.next % self.drawn.len()];
        self.next += 1;
        (f64::from(value) * f64::from(u32::MAX)) as u32
    }

    fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) << 32
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| (self.next_u32() >> 24) as u8);
    }
}

impl CycleGanBench {
    pub fn new(weights: &[u8]) -> Result<Self> {
        let weights = Weights::from_bytes(weights)?;
        let mut generators = Vec::new();
        let mut size = 0;
        for (run, config) in runs() {
            size = config.size;
            let variables = Seed(config.seed).variables();
            let generator = |name| -> Result<Generator> {
                let generator = Generator::new(&config, variables.builder(name))?;
                weights.fill(run, name, &variables)?;
                Ok(generator)
            };
            let [xy, yx] = GENERATORS;
            generators.push([generator(xy)?, generator(yx)?]);
        }
        Ok(Self { size, generators })
    }

    pub fn answer(&self, what: &str, with: Value) -> Result<Answer> {
        match what {
            "look" => self.look(&serde_json::from_value(with)?),
            _ => bail!("CycleGAN の台は「{what}」を知りません"),
        }
    }

    /// 訳した絵と、訳し戻した絵を、3 つの学習について。場面を描いたなら、本当の対との SSIM も測ります。
    fn look(&self, Look { direction, scene, pixels }: &Look) -> Result<Answer> {
        let (input, truth) = match (pixels, scene) {
            (Some(pixels), _) => (self.photo(pixels)?, None),
            (None, Some(place)) => {
                let scene = [place.scene()];
                let x = data::draw(&scene, Style::Photo, self.size)?;
                let y = data::draw(&scene, Style::Ukiyoe, self.size)?;
                match direction {
                    Direction::Xy => (x, Some(y)),
                    Direction::Yx => (y, Some(x)),
                }
            }
            (None, None) => bail!("場面か写真を渡してください"),
        };
        let mut there = Vec::new();
        let mut back = Vec::new();
        let mut differences = Vec::new();
        let mut likeness = Vec::new();
        for [xy, yx] in &self.generators {
            let (go, come) = match direction {
                Direction::Xy => (xy, yx),
                Direction::Yx => (yx, xy),
            };
            let translated = go.forward(&input)?.detach();
            let returned = come.forward(&translated)?.detach();
            differences.push(l1(&returned, &input)?.to_scalar::<f32>()?);
            if let Some(truth) = &truth {
                likeness.push(ssim(&translated, truth)?);
            }
            there.extend(translated.flatten_all()?.to_vec1::<f32>()?);
            back.extend(returned.flatten_all()?.to_vec1::<f32>()?);
        }
        let mut answer = Answer::default()
            .with("differences", differences)
            .with("likeness", likeness)
            .with_numbers("input", input.flatten_all()?.to_vec1()?)
            .with_numbers("there", there)
            .with_numbers("back", back);
        if let Some(truth) = truth {
            answer = answer.with("before", ssim(&input, &truth)?);
            answer = answer.with_numbers("truth", truth.flatten_all()?.to_vec1()?);
        }
        Ok(answer)
    }

    /// 読者の写真。
    fn photo(&self, pixels: &[f32]) -> Result<Tensor> {
        let size = self.size;
        ensure!(pixels.len() == 3 * size * size, "写真の画素の数が合いません");
        ensure!(
            pixels.iter().all(|value| (-1. ..=1.).contains(value)),
            "写真の画素が、−1 から 1 の数ではありません"
        );
        Ok(Tensor::from_slice(pixels, (1, 3, size, size), &Device::Cpu)?)
    }
}
