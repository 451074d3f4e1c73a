//! 第4章の DCGAN の台: 学習を終えた生成器に、新しい漢字を描かせ、潜在空間を歩きます。

use anyhow::{Result, bail, ensure};
use candle_core::{Device, Tensor};
use ch04_dcgan::config::Config;
use ch04_dcgan::measure::{self, outline, thickness, walk};
use ch04_dcgan::model::Generator;
use ch04_dcgan::train::{draw, latent};
use common::seed::Seed;
use serde::Deserialize;
use serde_json::Value;

use crate::room::Answer;
use crate::weights::Weights;

/// 重みの中での、学習の名前。
pub const RUN: &str = "dcgan";
/// 太さの向き a − b (太くて込み入った字の z の平均 − 細くて込み入った字の z の平均)。
pub const THICK: &str = "direction/thick";

/// 学習を終えた生成器。
pub struct DcganBench {
    config: Config,
    generator: Generator,
    thick: Tensor,
}

/// 新しく引くくじ。
#[derive(Deserialize)]
struct Draw {
    seed: u64,
    count: usize,
}

/// 2 つの z の間を歩く。
#[derive(Deserialize)]
struct Walk {
    from: Vec<f32>,
    to: Vec<f32>,
    steps: usize,
}

/// 1 つの z を動かす。
#[derive(Deserialize)]
struct Move {
    z: Vec<f32>,
    /// 太さの向き a − b を何倍足すか。
    #[serde(default)]
    thick: f64,
    /// 座標の番号と、そこに足す数。
    #[serde(default)]
    axes: Vec<(usize, f32)>,
    /// 動かし終えた z を、何倍に延ばすか。
    length: f64,
}

impl DcganBench {
    pub fn new(weights: &[u8]) -> Result<Self> {
        let config = Config::book();
        let weights = Weights::from_bytes(weights)?;
        let variables = Seed(config.seed).variables();
        let generator = Generator::new(&config, variables.builder("generator"))?;
        weights.fill(RUN, "generator", &variables)?;
        Ok(Self { config, generator, thick: weights.get(THICK)?.clone() })
    }

    pub fn answer(&self, what: &str, with: Value) -> Result<Answer> {
        match what {
            "draw" => {
                let Draw { seed, count } = serde_json::from_value(with)?;
                ensure!((1..=64).contains(&count), "一度に作れるのは 64 字までです");
                let z = latent(&self.config, count, &mut Seed(seed).rng("generate"))?;
                let answer = Answer::default().with_numbers("pixels", self.pixels(&z)?);
                Ok(answer.with_numbers("z", z.flatten_all()?.to_vec1()?))
            }
            "walk" => self.walk(&serde_json::from_value(with)?),
            "move" => self.shift(&serde_json::from_value(with)?),
            _ => bail!("DCGAN の台は「{what}」を知りません"),
        }
    }

    /// z を歩いた絵と、両端の絵を画素のまま混ぜた絵。
    fn walk(&self, Walk { from, to, steps }: &Walk) -> Result<Answer> {
        ensure!((2..=33).contains(steps), "歩く数は 2 から 33 までです");
        let path = walk(&self.one(from)?.squeeze(0)?, &self.one(to)?.squeeze(0)?, *steps)?;
        let walked = draw(&self.generator, &path)?;
        let mixed = walk(&walked.get(0)?, &walked.get(steps - 1)?, *steps)?;
        Ok(Answer::default()
            .with_numbers("z", path.flatten_all()?.to_vec1()?)
            .with_numbers("pixels", walked.flatten_all()?.to_vec1()?)
            .with_numbers("mixed", mixed.flatten_all()?.to_vec1()?))
    }

    /// 動かした z の絵と、その太さ・込み具合・z の長さ (くじで引かれる長さを 1 とします)。
    fn shift(&self, Move { z, thick, axes, length }: &Move) -> Result<Answer> {
        let mut z = z.clone();
        for &(axis, amount) in axes {
            ensure!(axis < z.len(), "z の座標は {} 番までです", z.len());
            z[axis] += amount;
        }
        let z = (self.one(&z)? + self.thick.affine(*thick, 0.)?.unsqueeze(0)?)?;
        let z = z.affine(*length, 0.)?;
        let images = draw(&self.generator, &z)?;
        let far = (z.sqr()?.sum_all()?.to_scalar::<f32>()? / self.config.z_dim as f32).sqrt();
        Ok(Answer::default()
            .with("thickness", measure::mean(&thickness(&images)?))
            .with("outline", measure::mean(&outline(&images)?))
            .with("far", far)
            .with_numbers("pixels", images.flatten_all()?.to_vec1()?))
    }

    /// 1 つの z `[1, z_dim]`。
    fn one(&self, z: &[f32]) -> Result<Tensor> {
        let size = self.config.z_dim;
        ensure!(z.len() == size, "z は {size} 個の数です");
        ensure!(z.iter().all(|value| value.is_finite()), "z の値が数ではありません");
        Ok(Tensor::from_slice(z, (1, size), &Device::Cpu)?)
    }

    fn pixels(&self, z: &Tensor) -> Result<Vec<f32>> {
        Ok(draw(&self.generator, z)?.flatten_all()?.to_vec1()?)
    }
}
