//! 第5章の Pix2Pix の台: 指で書いた字か、取り置いた字を、明朝体に書き直します。

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use candle_nn::ops::sigmoid;
use ch05_pix2pix::config::{Config, Switch};
use ch05_pix2pix::measure::measure;
use ch05_pix2pix::model::{
    Discriminator, Generator, field_origin, output_size, patch_gan, receptive_field,
};
use ch05_pix2pix::train::translate;
use common::seed::Seed;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::room::Answer;
use crate::weights::Weights;

/// 取り置いた字: ゴシック体と明朝体の画素 (0〜255)、字の番号。
pub const HELD_OUT: [&str; 3] = ["held_out/x", "held_out/y", "held_out/characters"];

/// 台の生成器の幅。ページに添えられる大きさにするため、本の学習 (24) より細くします。
pub const WIDTH: usize = 8;

/// 比べる 3 つの学習: 両方 (L1 と GAN)、L1 だけ、スキップ結合なし。
///
/// 正解を 1 画素までずらした、答えが 1 つに決まらないデータで、三つの違いを見ます。
pub fn runs() -> [(&'static str, Config); 3] {
    let both = Config { width_g: WIDTH, shift: 1, lambda_l1: 10., ..Config::book() };
    let l1 = Config { lambda_gan: 0., width_d: 1, ..both.clone() };
    let no_skips = Config { skips: Switch::Off, ..both.clone() };
    [("both", both), ("l1", l1), ("no_skips", no_skips)]
}

/// 学習を終えた生成器 3 つと、「両方」の識別器、取り置いた字。
pub struct Pix2PixBench {
    configs: Vec<Config>,
    generators: Vec<Generator>,
    discriminator: Discriminator,
    x: Tensor,
    y: Tensor,
    /// 取り置いた字の、「両方」の出力。
    outputs: Tensor,
    characters: String,
}

/// 書き直す字。`pixels` が無ければ、取り置いた字 `index` です。
#[derive(Deserialize)]
struct Look {
    pixels: Option<Vec<f32>>,
    index: Option<usize>,
    /// ドロップアウトのくじの番号。
    seed: u64,
}

impl Pix2PixBench {
    pub fn new(weights: &[u8]) -> Result<Self> {
        let weights = Weights::from_bytes(weights)?;
        let (mut configs, mut generators, mut discriminator) = (Vec::new(), Vec::new(), None);
        for (run, config) in runs() {
            let variables = Seed(config.seed).variables();
            generators.push(Generator::new(&config, variables.builder("generator"))?);
            weights.fill(run, "generator", &variables)?;
            if discriminator.is_none() {
                let vb = variables.builder("discriminator");
                discriminator = Some(Discriminator::new(&config, vb)?);
                weights.fill(run, "discriminator", &variables)?;
            }
            configs.push(config);
        }
        let [x, y, characters] = HELD_OUT.map(|name| weights.get(name).cloned());
        let picture = |bytes: Tensor| -> Result<Tensor> {
            Ok(bytes.to_dtype(candle_core::DType::F32)?.affine(2. / 255., -1.)?)
        };
        let x = picture(x?)?;
        let outputs = translate(&generators[0], &configs[0], &x, Seed(0))?;
        let characters = characters?.to_vec1::<u32>()?.into_iter().filter_map(char::from_u32);
        Ok(Self {
            configs,
            generators,
            discriminator: discriminator.context("識別器がありません")?,
            x,
            y: picture(y?)?,
            outputs,
            characters: characters.collect(),
        })
    }

    /// 取り置いた字と、識別器の 1 マスが見る範囲 (章の計算のとおり)。
    pub fn held_out(&self) -> Result<Answer> {
        let layers = patch_gan(&self.configs[0]);
        let (start, jump) = field_origin(&layers);
        let field = json!({
            "side": output_size(&layers, self.configs[0].size),
            "reach": receptive_field(&layers),
            "start": start,
            "jump": jump,
        });
        Ok(Answer::default()
            .with("characters", self.characters.as_str())
            .with("field", field)
            .with_numbers("x", self.x.flatten_all()?.to_vec1()?)
            .with_numbers("y", self.y.flatten_all()?.to_vec1()?))
    }

    pub fn answer(&self, what: &str, with: Value) -> Result<Answer> {
        match what {
            "look" => self.look(&serde_json::from_value(with)?),
            _ => bail!("Pix2Pix の台は「{what}」を知りません"),
        }
    }

    /// 3 つの学習の出力と、「両方」の出力への識別器の答え。取り置いた字なら、正解との近さも測ります。
    fn look(&self, Look { pixels, index, seed }: &Look) -> Result<Answer> {
        let (x, truth) = match (pixels, index) {
            (Some(pixels), _) => (self.drawn(pixels)?, None),
            (None, Some(index)) => {
                ensure!(*index < self.x.dim(0)?, "取り置いた字に {index} 番はありません");
                (self.x.narrow(0, *index, 1)?, Some(self.y.narrow(0, *index, 1)?))
            }
            (None, None) => bail!("字を渡してください"),
        };
        let mut outputs = Vec::new();
        let mut scores = Vec::new();
        for (generator, config) in self.generators.iter().zip(&self.configs) {
            let output = translate(generator, config, &x, Seed(*seed))?;
            if let Some(truth) = &truth {
                let found = measure(&output, truth)?;
                scores.push(json!([found.l1, found.ssim, found.sharpness]));
            } else {
                scores.push(json!([null, null, common::measure::sharpness(&output)?]));
            }
            outputs.push(output);
        }
        let mut answer = Answer::default()
            .with("scores", scores)
            .with_numbers("outputs", Tensor::cat(&outputs, 0)?.flatten_all()?.to_vec1()?)
            .with_numbers("map", self.judge(&x, &outputs[0])?);
        if let Some(truth) = &truth {
            answer = answer.with_numbers("real", self.judge(&x, truth)?);
        }
        Ok(answer)
    }

    /// 識別器の、マスごとの答え。取り置いた字の組と一緒に見せます (バッチ正規化は、一緒に見る絵で答えが変わる)。
    fn judge(&self, x: &Tensor, y: &Tensor) -> Result<Vec<f32>> {
        let (x, y) = (Tensor::cat(&[x, &self.x], 0)?, Tensor::cat(&[y, &self.outputs], 0)?);
        let map = sigmoid(&self.discriminator.forward(&x, &y, true)?)?.detach();
        Ok(map.get(0)?.flatten_all()?.to_vec1()?)
    }

    /// 指で書いた字。
    fn drawn(&self, pixels: &[f32]) -> Result<Tensor> {
        let size = self.configs[0].size;
        ensure!(pixels.len() == size * size, "字の画素の数が合いません");
        ensure!(
            pixels.iter().all(|value| (-1. ..=1.).contains(value)),
            "字の画素が、−1 から 1 の数ではありません"
        );
        Ok(Tensor::from_slice(pixels, (1, 1, size, size), &Device::Cpu)?)
    }
}
