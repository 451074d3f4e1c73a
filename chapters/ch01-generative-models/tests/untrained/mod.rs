//! 監査のための、学習していないモデル。この章は Adam を使わないので、学習率を 0 にするだけでは死にません。

use ch01_generative_models::book::{self, ClassifierOutcome, Outcome};
use ch01_generative_models::config::{Config, Labels};
use ch01_generative_models::train;
use common::seed::Seed;
use common::state::State;

/// 学習したモデルを、EM の出発点に戻します: 丸い成分が、標本の上に置いてあるだけです。
pub fn outcome(mut outcome: Outcome) -> Outcome {
    let (config, train) = (&outcome.trained.config, &outcome.split.train);
    let rng = &mut Seed(config.seed).rng("initial");
    for (y, class) in outcome.trained.model.classes.iter_mut().enumerate() {
        let x = match config.labels {
            Labels::Ignore => train.x.clone(),
            Labels::Use => train.of_class(y),
        };
        *class = train::initial(config, &x, rng).unwrap();
    }
    outcome
}

/// f32 では 0 になる学習率で、識別モデルを学習させます。
pub fn classifier(config: &Config) -> ClassifierOutcome {
    let config = Config { lr: f64::MIN_POSITIVE, steps: 1, ..config.clone() };
    book::run_classifier("試験", &config, true, &State::default()).unwrap()
}
