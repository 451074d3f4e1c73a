//! 第7章の表のための測定: 八つの山の輪に、この章の混合ガウスを当てはめます。

use std::ops::ControlFlow;

use anyhow::Result;
use common::data::ring;
use common::seed::Seed;
use common::state::State;
use tools::compare::{Compared, POINTS, SEEDS};

use crate::config::{Config, Data, Model};
use crate::convert::{matrix, tensor};
use crate::data::{Labelled, Split};
use crate::{measure, train};

/// 種を変えて当てはめ、同じ物差しで測ります。
pub fn ring_of_mixtures() -> Result<Compared> {
    let mut compared = Compared::default();
    for seed in SEEDS {
        let config = Config { seed, ..Config::book(Data::Moons, Model::Mixture) };
        let points = |name| -> Result<Labelled> {
            let x = matrix(&ring::sample(config.train, &mut Seed(seed).rng(name))?)?;
            Ok(Labelled { labels: vec![0; config.train], x })
        };
        let split = Split { train: points("ring")?, held_out: points("held-out")? };
        let fit =
            || train::resume(&config, &split, &State::default(), |_| Ok(ControlFlow::Continue(())));
        compared.run(fit, |trained| {
            Ok(tensor(&measure::generate(&trained.model, None, POINTS, Seed(0)).0)?)
        })?;
    }
    Ok(compared)
}
