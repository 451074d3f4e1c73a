//! 第2章の VAE の台: あいうえおの地図 (潜在空間。本の設定では 2 次元) ができていくようすを、学習しながら見ます。

use anyhow::{Result, bail, ensure};
use candle_core::{Device, Tensor};
use ch02_vae::config::{Config, Data, Model};
use ch02_vae::train::{self, Batch, Dataset, Vae, corrupt, train_step};
use common::data::Batches;
use common::seed::{Seed, normal};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::Value;

use crate::room::Answer;

/// ページから変えられる設定。無いものは、本の設定のままです。
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    seed: Option<u64>,
    beta: Option<f64>,
    /// 真なら、ふつうのオートエンコーダ。
    autoencoder: Option<bool>,
    /// 潜在変数の次元。
    z_dim: Option<usize>,
}

/// 学習の途中の VAE。乱数の流れは、章の `train` と同じ名前・同じ順に使います。
pub struct VaeBench {
    config: Config,
    vae: Vae,
    dataset: Dataset,
    batches: Batches,
    dirt: ChaCha8Rng,
    noise: ChaCha8Rng,
    step: usize,
}

impl VaeBench {
    pub fn new(with: Value) -> Result<Self> {
        let start: Start = serde_json::from_value(with)?;
        let mut config = Config::book(Data::Vowels);
        config.seed = start.seed.unwrap_or(config.seed);
        config.beta = start.beta.unwrap_or(config.beta);
        config.z_dim = start.z_dim.unwrap_or(config.z_dim);
        if start.autoencoder == Some(true) {
            config.model = Model::Ae;
        }
        config.check()?;
        let seed = Seed(config.seed);
        let dataset = train::dataset(&config)?;
        let batches = Batches::new(dataset.train.x.clone(), config.batch, seed.rng("batches"))?;
        let vae = Vae::new(&config)?;
        let (dirt, noise) = (seed.rng("dirt"), seed.rng("noise"));
        Ok(Self { config, vae, dataset, batches, dirt, noise, step: 0 })
    }

    pub fn answer(&mut self, what: &str, with: Value) -> Result<Answer> {
        match what {
            "set" => {
                let start: Start = serde_json::from_value(with)?;
                self.config.beta = start.beta.unwrap_or(self.config.beta);
                self.config.check()?;
                Ok(Answer::default())
            }
            "train" => self.train(with.as_u64().unwrap_or(1) as usize),
            "map" => self.map(with.as_u64().unwrap_or(600) as usize),
            "decode" => {
                let z: Vec<f32> = serde_json::from_value(with)?;
                let dim = self.config.z_dim;
                ensure!(z.len().is_multiple_of(dim) && !z.is_empty(), "z は {dim} 個ずつの数です");
                let count = z.len() / dim;
                let z = Tensor::from_vec(z, (count, dim), &Device::Cpu)?;
                Ok(Answer::default().with_numbers("pixels", self.pixels(&z)?))
            }
            "encode" => {
                let x: Vec<f32> = serde_json::from_value(with)?;
                ensure!(x.len() == self.config.dim(), "絵の画素の数が合いません");
                let code = self.vae.encoder.forward(&Tensor::from_vec(
                    x,
                    (1, self.config.dim()),
                    &Device::Cpu,
                )?)?;
                let back = self.pixels(code.mean())?;
                Ok(Answer::default()
                    .with_numbers("mean", code.mean().flatten_all()?.to_vec1()?)
                    .with_numbers("deviation", code.deviation()?.flatten_all()?.to_vec1()?)
                    .with_numbers("pixels", back))
            }
            _ => bail!("VAE の台は「{what}」を知りません"),
        }
    }

    fn train(&mut self, count: usize) -> Result<Answer> {
        let mut series = Vec::with_capacity(3 * count);
        for _ in 0..count {
            let x = self.batches.next_batch()?;
            let input = corrupt(&self.config, &x, &mut self.dirt)?;
            let noise = normal(&mut self.noise, (self.config.batch, self.config.z_dim))?;
            let losses = train_step(&mut self.vae, &self.config, &Batch { x, input, noise })?;
            series.extend(losses.named().map(|(_, value)| value));
            self.step += 1;
        }
        let finite = series.iter().all(|value| value.is_finite());
        let answer = Answer::default().with("step", self.step).with("finite", finite);
        Ok(answer.with_numbers("losses", series))
    }

    /// 地図: テストデータのそれぞれの平均 μ `[N, z_dim]` と、標準偏差 σ `[N, z_dim]`、字。
    fn map(&self, count: usize) -> Result<Answer> {
        let test = &self.dataset.held_out;
        let count = count.min(test.labels.len());
        let code = self.vae.encoder.forward(&test.x.narrow(0, 0, count)?)?;
        let labels: String = test.labels[..count].iter().collect();
        Ok(Answer::default()
            .with("step", self.step)
            .with("labels", labels)
            .with_numbers("means", code.mean().flatten_all()?.to_vec1()?)
            .with_numbers("deviations", code.deviation()?.flatten_all()?.to_vec1()?))
    }

    /// z `[N, 2]` から作った画像の画素。値は [-1, 1] です。
    fn pixels(&self, z: &Tensor) -> Result<Vec<f32>> {
        Ok(self.vae.decoder.images(z)?.flatten_all()?.to_vec1()?)
    }
}
