//! 章をまたいで比べるための測定: 同じ輪、同じ物差し、いくつかの種。
//!
//! 章どうしは依存しないので、どの章も自分の値を自分の `run.json` に残し、本の表がそれを並べます。

use anyhow::Result;
use candle_core::Tensor;
use common::data::{energy_distance, ring};
use common::seed::Seed;
use rayon::ThreadPoolBuilder;

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
    /// 1 つの種で学習し、[`POINTS`] 個の点を作って測ります。時間は、1 つのスレッドが使った CPU の時間です。
    pub fn run<T: Send>(
        &mut self,
        train: impl FnOnce() -> Result<T> + Send,
        sample: impl FnOnce(&T) -> Result<Tensor> + Send,
    ) -> Result<T> {
        let measure = || -> Result<_> {
            let start = seconds();
            let trained = train()?;
            let middle = seconds();
            let points = sample(&trained)?;
            Ok((trained, points, [middle - start, seconds() - middle]))
        };
        let pool = ThreadPoolBuilder::new().num_threads(1).build()?;
        let (trained, points, [training, sampling]) = pool.install(measure)?;
        self.training.push(training);
        self.sampling.push(sampling);
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

/// いまのスレッドが使った CPU の秒数。並んで動くほかの学習の分は入りません。
#[cfg(unix)]
fn seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: 書き込み先は、この関数の中の変数である。
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// CPU の時間を尋ねられない OS では、時計の時間で代えます。
#[cfg(not(unix))]
fn seconds() -> f64 {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed().as_secs_f64()
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
