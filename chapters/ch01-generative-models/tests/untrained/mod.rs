//! 監査のための、学習していないモデル。この章は Adam を使わないので、学習率を 0 にするだけでは死にません。

use ch01_generative_models::book::{self, ClassifierOutcome, Outcome};
use ch01_generative_models::config::Config;
use common::state::State;

/// 学習したモデルを、EM の出発点に戻します: 丸い成分が、標本の上に置いてあるだけです。
pub fn outcome(mut outcome: Outcome) -> Outcome {
    outcome.trained.model = outcome.start().unwrap();
    outcome
}

/// f32 では 0 になる学習率で、識別モデルを学習させます。
pub fn classifier(config: &Config) -> ClassifierOutcome {
    let config = Config { lr: f64::MIN_POSITIVE, steps: 1, ..config.clone() };
    book::run_classifier("試験", &config, true, &State::default()).unwrap()
}
