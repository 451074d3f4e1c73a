//! 第7章の表のための測定: 八つの山の輪を、この章の GAN で、種を変えて学習します。

use std::ops::ControlFlow;

use anyhow::Result;
use common::seed::Seed;
use tools::compare::{Compared, POINTS, SEEDS};

use crate::config::{Config, Data};
use crate::train;

/// 種を変えて学習し、同じ物差しで測ります。
pub fn ring_of_gans() -> Result<Compared> {
    let mut compared = Compared::default();
    for seed in SEEDS {
        let config = Config { seed, ..Config::book(Data::Ring) };
        compared.run(
            || train::train(&config, |_| Ok(ControlFlow::Continue(()))),
            |trained| trained.generate(POINTS, Seed(0)),
        )?;
    }
    Ok(compared)
}
