//! 第7章の表のための測定: 八つの山の輪を、この章の VAE で学習します。

use anyhow::Result;
use common::data::ring;
use common::seed::Seed;
use tools::compare::{Compared, POINTS, SEEDS};

use crate::config::{Config, Data};
use crate::train::{fit_points, generate_points};

/// 平面の点のための設定。点は「2 チャネルの 1 画素」とみなします。
pub fn config(seed: u64) -> Config {
    Config { size: 1, channels: 2, seed, lr: 2e-3, ..Config::book(Data::Vowels) }
}

/// 種を変えて学習し、同じ物差しで測ります。
pub fn ring_of_vaes() -> Result<Compared> {
    let mut compared = Compared::default();
    for seed in SEEDS {
        let config = config(seed);
        let points = ring::sample(20_000, &mut Seed(seed).rng("ring"))?;
        compared.run(
            || fit_points(&config, points.clone()),
            |vae| generate_points(vae, &config, POINTS, Seed(0)),
        )?;
    }
    Ok(compared)
}
