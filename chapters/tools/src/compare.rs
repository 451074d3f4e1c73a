//! 章をまたいで比べるための測定: 同じ輪、同じ物差し、いくつかの種。
//!
//! 章どうしは依存しないので、どの章も自分の値を自分の `run.json` に残し、本の表がそれを並べます。

use std::time::Instant;

use anyhow::Result;
use candle_core::Tensor;
use common::data::{energy_distance, ring};
use common::seed::Seed;

use crate::record::Run;

/// 比べるときに作る点の数。
pub const POINTS: usize = 2_000;
/// 比べるときに使う種。
pub const SEEDS: [u64; 3] = [0, 1, 2];

/// 種ごとの測定。
#[derive(Default)]
pub struct Compared {
    modes: Vec<f64>,
    good: Vec<f64>,
    energy: Vec<f64>,
    training: Vec<f64>,
    sampling: Vec<f64>,
}

impl Compared {
    /// 1 つの種で学習し、[`POINTS`] 個の点を作って測ります。時間は 1 つのスレッドのものです。
    pub fn run<T>(
        &mut self,
        train: impl FnOnce() -> Result<T>,
        sample: impl FnOnce(&T) -> Result<Tensor>,
    ) -> Result<T> {
        let start = Instant::now();
        let trained = train()?;
        self.training.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let points = sample(&trained)?;
        self.sampling.push(start.elapsed().as_secs_f64());
        // どの章も、学習に使っていない同じ本物と比べる。
        let real = ring::sample(POINTS, &mut Seed(1_000).rng("compare"))?;
        let coverage = ring::coverage(&points)?;
        self.modes.push(coverage.modes() as f64);
        self.good.push(100. * coverage.good());
        self.energy.push(f64::from(energy_distance(&points, &real)?));
        Ok(trained)
    }

    /// 平均と幅を `compare.…` という名前で記録します。`calls` は、点を作るのにネットワークを通す回数です。
    pub fn record(&self, calls: usize, record: &mut Run) {
        for (key, values, digits, unit) in [
            ("modes", &self.modes, 0, ""),
            ("good", &self.good, 0, " %"),
            ("energy", &self.energy, 4, ""),
            ("training", &self.training, 1, " 秒"),
            ("sampling", &self.sampling, 3, " 秒"),
        ] {
            record.result(&format!("compare.{key}"), spread(values, digits) + unit);
        }
        record.result("compare.calls", calls);
        record.result("compare.seeds", self.modes.len());
    }
}

/// 平均と、いちばん小さい値からいちばん大きい値まで。どの値も同じなら、1 つの数です。
pub fn spread(values: &[f64], digits: usize) -> String {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let text = |value: f64| format!("{value:.digits$}").replace('-', "−");
    match text(least) == text(most) {
        true => text(mean),
        false => format!("{}（{}〜{}）", text(mean), text(least), text(most)),
    }
}
