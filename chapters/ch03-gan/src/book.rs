//! 本に載せる実験の一式。コマンドと `cargo test` は、同じこの 1 つの道を通ります。

use std::path::Path;

use anyhow::{Result, ensure};
use candle_core::Tensor;
use common::data::{energy_distance, ring};
use common::history::History;
use common::nn::both;
use common::seed::{Seed, normal};
use common::state::State;
use tools::cli;
use tools::compare::Compared;
use tools::plot;
use tools::progress::Watch;
use tools::record::{self, Run};
use tools::session::{Keep, Settings};
use tools::store::Store;

use crate::compare;
use crate::config::{Config, Data, GLoss};
use crate::figures::{self, Recorder};
use crate::model::{Discriminator, Generator};
use crate::train::{self, Trained};
use tools::folder::{self, Labelled, Reader};

/// 学習の結果と、図に使う途中経過。
pub struct Outcome {
    pub trained: Trained,
    pub recorder: Recorder,
}

impl Settings for Config {
    const CHAPTER: &str = env!("CARGO_PKG_NAME");

    fn name(&self) -> String {
        self.data.name().into()
    }

    fn flags(&self) -> String {
        match &self.data {
            Data::Own(path) => format!("--data \"{}\"", path.display()),
            data => format!("--data {}", data.name()),
        }
    }

    fn steps(&self) -> usize {
        self.steps
    }

    fn memory(&self) -> f64 {
        self.memory()
    }

    fn check(&self) -> Result<()> {
        self.check()
    }
}

/// 設定のデータを用意します。`--data` が場所なら、読者の画像を読みます。
pub fn dataset(config: &Config, quiet: bool) -> Result<Tensor> {
    let &Config { size, channels, .. } = config;
    let Data::Own(path) = &config.data else { return train::dataset(config) };
    let Labelled { images, .. } = Reader { size, channels, quiet }.any(path)?;
    folder::enough(path, images.dim(0)?, config.batch)?;
    Ok(images.flatten_from(1)?)
}

/// 1 回の学習を、進み具合を見せながら行います。Ctrl-C なら、そこまでの結果を返します。
pub fn run(label: &str, config: &Config, quiet: bool) -> Result<Outcome> {
    resume(label, config, quiet, &State::default())
}

/// [`run`] を、止めたときのようす `saved` から続けます。空なら、はじめからです。
pub fn resume(label: &str, config: &Config, quiet: bool, saved: &State) -> Result<Outcome> {
    config.check()?;
    let real = dataset(config, quiet)?;
    let mut recorder = Recorder::new(config)?;
    saved.restore(&mut [("figures", &mut recorder)])?;
    let mut watch = Watch::new(label, config.steps, quiet, "--lr-g と --lr-d");
    let trained = train::resume(config, real, saved, |now| {
        recorder.observe(now)?;
        if let Some(frame) = recorder.frames.last() {
            watch.picture(now.step, recorder.frames.len(), || preview(config, &frame.samples))?;
        }
        watch.step(now.step, now.losses.map(|losses| losses.named()), Some(&now.gan.variables))
    })?;
    watch.finish(&trained.history);
    Ok(Outcome { trained, recorder })
}

/// 端末に出す見本。画像は、80 桁に収まる 4 枚までを横に並べます。
pub fn preview(config: &Config, samples: &Tensor) -> Result<String> {
    match config.data.is_points() {
        true => plot::ascii(samples),
        false => {
            let shrink = config.size.div_ceil(40);
            let count = samples.dim(0)?.min((40 * shrink / config.size).clamp(1, 4));
            let images = samples.narrow(0, 0, count)?;
            let images = figures::images(config, &images)?.avg_pool2d(shrink)?;
            let row: Vec<_> =
                (0..count).map(|i| images.get(i)).collect::<candle_core::Result<_>>()?;
            plot::ascii(&Tensor::cat(&row, 2)?)
        }
    }
}

impl tools::session::Outcome for Outcome {
    type Config = Config;

    fn config(&self) -> &Config {
        &self.trained.config
    }

    fn history(&self) -> &History {
        &self.trained.history
    }

    fn state(&self) -> Result<State> {
        self.trained.state.with("figures", &self.recorder)
    }

    fn weights(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        self.trained.gan.variables.networks_to_bytes(&["generator", "discriminator"])
    }

    fn draw(&self, folder: &Path) -> Result<()> {
        figures::draw(&self.trained, &self.recorder, folder)
    }

    /// 学習の終わりに端末へ出す、短い読み方。
    fn reading(&self) -> Result<String> {
        let history = &self.trained.history;
        let mean = |column| history.tail_mean(column, (history.len() / 10).max(1));
        let outputs = format!(
            "識別器の答えの平均は、本物に {:.2}、偽物に {:.2} でした。1/2 に近いほど、見分けられていません。",
            mean("D(x)"),
            mean("D(G(z))")
        );
        Ok(match &self.trained.config.data {
            Data::Ring => {
                let coverage = self.coverage()?;
                format!(
                    "8 つの山のうち {} 個を覆い、標本の {:.0} % が山の中に落ちました。\n{outputs}",
                    coverage.modes(),
                    100. * coverage.good()
                )
            }
            Data::Moons => outputs,
            Data::Digits | Data::Own(_) => {
                let what =
                    if self.trained.config.data == Data::Digits { "数字" } else { "画像" };
                format!(
                    "本物の{what}とのエネルギー距離は {:.2} です。0 に近いほど、本物と分布が近いことを表します。\n{outputs}",
                    self.distance()?
                )
            }
        })
    }
}

/// 本に載せる実験の結果。
pub struct Book {
    pub ring: Outcome,
    pub collapsed: Outcome,
    pub cured: Outcome,
    pub saturating: Outcome,
    pub digits: Outcome,
    pub optimum: Discriminator,
    /// 輪での測定 (第7章で、ほかのモデルと並べる)
    pub compared: Compared,
}

impl Book {
    /// すべて学習します。Ctrl-C なら、残りの学習はせずに失敗します。
    ///
    /// どの設定も、`change` を通してから使います。試験が種や学習率を変えるためのもので、本では何も変えません。
    /// `keep` は学習が 1 つ終わる (または止められる) たびに呼ばれ、結果を残す機会になります。
    pub fn train(
        change: impl Fn(Config) -> Config + Sync,
        quiet: bool,
        keep: &Keep<Config>,
    ) -> Result<Self> {
        let next = |label: &str, config: &Config| -> Result<Outcome> {
            let outcome = run(label, &change(config.clone()), quiet)?;
            if *config == Config::book(config.data.clone()) {
                keep(&outcome)?;
            }
            ensure!(!cli::stop_requested(), "{label}の途中で止めました");
            Ok(outcome)
        };
        let saturating = Config { g_loss: GLoss::Saturating, ..Config::book(Data::Ring) };
        // 互いに関わりのない学習なので、かかる時間がほぼ等しい 2 つに分けて、並べて進める。
        let first = || -> Result<_> {
            let rings = [
                next("輪", &Config::book(Data::Ring))?,
                next("壊した輪", &Config::collapsed())?,
                next("飽和する損失", &saturating)?,
                next("直した輪", &Config::cured())?,
            ];
            Ok((rings, compare::ring_of_gans()?))
        };
        let second = || -> Result<_> {
            Ok((next("数字", &Config::book(Data::Digits))?, fit_optimum(&change(optimum()))?))
        };
        let (first, second) = both(first, second);
        let ([ring, collapsed, saturating, cured], compared) = first?;
        let (digits, optimum) = second?;
        Ok(Self { ring, collapsed, cured, saturating, digits, optimum, compared })
    }

    /// 本の図と `run.json` を `dir` に書きます。
    pub fn draw(&self, dir: &Path) -> Result<()> {
        figures::draw(&self.ring.trained, &self.ring.recorder, dir)?;
        figures::draw(&self.digits.trained, &self.digits.recorder, dir)?;
        let [standard, collapsed, cured] =
            [&self.ring, &self.collapsed, &self.cured].map(|outcome| &outcome.recorder);
        figures::compare(standard, collapsed, cured, dir)?;
        figures::optimum(&self.optimum, dir)?;
        figures::gradients(dir)?;
        for (name, outcome) in [("ring", &self.ring), ("digits", &self.digits)] {
            let text = outcome.trained.history.to_string();
            tools::files::write(&dir.join(format!("{name}-history.txt")), text.as_bytes())?;
        }
        self.record()?.write(dir)
    }

    /// 本文が引用する測定値。
    fn record(&self) -> Result<Run> {
        let mut record = Run::new(fingerprint());
        for (name, outcome) in [
            ("ring", &self.ring),
            ("collapse", &self.collapsed),
            ("cured", &self.cured),
            ("saturating", &self.saturating),
        ] {
            let coverage = outcome.coverage()?;
            record.config(name, &outcome.trained.config)?;
            record.result(&format!("{name}.modes"), coverage.modes());
            record.result(&format!("{name}.good"), format!("{:.0} %", 100. * coverage.good()));
            outcome.record(name, &mut record);
        }
        // 崩壊した学習の間に、山を数えた回ごとの、覆った山の数。
        let checks = &self.collapsed.recorder.modes;
        let times =
            |from: f64, to: f64| checks.iter().filter(|(_, n)| (from..=to).contains(n)).count();
        record.result("collapse.checks", checks.len());
        record.result("collapse.checks_none", times(0., 0.));
        record.result("collapse.checks_one", times(1., 1.));
        record.result("collapse.checks_more", times(2., 8.));
        let covered = self.ring.recorder.modes.iter().find(|(_, modes)| *modes == 8.);
        record.result("ring.all_modes_at", covered.map_or(0., |(step, _)| *step));
        let gaps = self.ring.gaps();
        let widest = gaps.iter().copied().fold(f64::MIN, f64::max);
        for (key, gap) in [("first", gaps[0]), ("widest", widest), ("last", gaps[gaps.len() - 1])] {
            record.result(&format!("ring.gap_{key}"), format!("{gap:.3}"));
        }
        record.config("digits", &self.digits.trained.config)?;
        self.digits.record("digits", &mut record);
        for (frame, variety) in self.digits.recorder.frames.iter().zip(self.digits.variety()?) {
            record.result(&format!("digits.variety.{}", frame.step), format!("{variety:.2}"));
        }
        let [start, end, real] = self.digit_distances()?;
        record.result("digits.distance_start", format!("{start:.2}"));
        record.result("digits.distance", format!("{end:.2}"));
        record.result("digits.distance_real", format!("{real:.2}"));
        self.compared.record(1, &mut record);
        Ok(record)
    }

    /// 本物の数字とのエネルギー距離: 学習の前、学習の後、本物どうし。
    pub fn digit_distances(&self) -> Result<[f32; 3]> {
        let trained = &self.digits.trained;
        let other = self.digits.other_half()?;
        let count = other.dim(0)?;
        let untrained = train::Gan::new(&trained.config)?.generator;
        let start = train::generate(&untrained, &trained.config, count, Seed(0))?;
        Ok([
            energy_distance(&start, &other)?,
            self.digits.distance()?,
            energy_distance(&trained.real.narrow(0, 0, count)?, &other)?,
        ])
    }
}

impl Outcome {
    /// 測るときに比べる本物: 後ろの半分 (多ければ 2,000 枚まで)。前の半分は、本物どうしの隔たりに使います。
    fn other_half(&self) -> Result<Tensor> {
        let real = &self.trained.real;
        let count = real.dim(0)?;
        let half = (count / 2).max(1);
        Ok(real.narrow(0, half.min(count - half), half.min(2_000))?)
    }

    /// 学習した生成器の、本物とのエネルギー距離。端末と本は、この同じ数を出します。
    fn distance(&self) -> Result<f32> {
        let other = self.other_half()?;
        Ok(energy_distance(&self.trained.generate(other.dim(0)?, Seed(0))?, &other)?)
    }

    /// 新しい標本 2,000 個が、山をどれだけ覆ったか (ring のとき)。
    pub fn coverage(&self) -> Result<ring::Coverage> {
        Ok(ring::coverage(&self.trained.generate(2_000, Seed(0))?)?)
    }

    /// 学習を 10 に分けたときの、D(x) と D(G(z)) の平均の差。
    pub fn gaps(&self) -> Vec<f64> {
        let history = &self.trained.history;
        let means = |column| history.smoothed(column, history.len().div_ceil(10));
        means("D(x)").iter().zip(means("D(G(z))")).map(|(real, fake)| real.1 - fake.1).collect()
    }

    /// 図に載せる途中経過ごとの、標本どうしの散らばり (画素の分散の平均)。本物の散らばりを 1 とします。
    pub fn variety(&self) -> Result<Vec<f32>> {
        let spread = |samples: &Tensor| -> Result<f32> {
            let centered = samples.broadcast_sub(&samples.mean_keepdim(0)?)?;
            Ok(centered.sqr()?.mean_all()?.to_scalar()?)
        };
        let real = spread(&self.trained.real)?;
        let frames = self.recorder.frames.iter();
        frames.map(|frame| Ok(spread(&frame.samples)? / real)).collect()
    }

    /// 標本 `[N, dim]` に対する、学習を終えた D の答えの平均。
    pub fn judge(&self, samples: &Tensor) -> Result<f32> {
        let logits = self.trained.gan.discriminator.forward(samples)?;
        Ok(candle_nn::ops::sigmoid(&logits)?.mean_all()?.to_scalar()?)
    }

    /// 最後の 1 割と、最初の 1 割の平均を記録します。
    fn record(&self, name: &str, record: &mut Run) {
        let history = &self.trained.history;
        for (key, column) in
            [("loss_d", "loss D"), ("loss_g", "loss G"), ("d_real", "D(x)"), ("d_fake", "D(G(z))")]
        {
            let tenth = (history.len() / 10).max(1);
            let mean = history.tail_mean(column, tenth);
            record.result(&format!("{name}.{key}"), format!("{mean:.2}"));
            let mean = history.smoothed(column, tenth)[0].1;
            record.result(&format!("{name}.{key}_early"), format!("{mean:.2}"));
        }
    }
}

/// [`fit_optimum`] の設定。
pub fn optimum() -> Config {
    Config { steps: 1_500, batch: 512, ..Config::book(Data::Ring) }
}

/// 生成器を N(−1, 1) に止めて、識別器だけを学習させます。本物は N(1, 1) です。
pub fn fit_optimum(config: &Config) -> Result<Discriminator> {
    let seed = Seed(config.seed);
    let (mut real, mut fake) = (seed.rng("real"), seed.rng("fake"));
    let shape = (config.batch, 1);
    train::fit_discriminator(
        config,
        || normal(&mut real, shape)?.affine(1., 1.),
        || normal(&mut fake, shape)?.affine(1., -1.),
    )
}

/// 「自分で試す」と本文の答えに載せる、本の実験のほかの学習。本の図を作り直すときだけ行い、`record` に足します。
pub fn answers(record: &mut Run) -> Result<()> {
    let ring = || Config::book(Data::Ring);
    let saturating = Config { g_loss: GLoss::Saturating, d_steps: 5, ..ring() };
    let (one, others) = both(
        || run("1 次元のノイズ", &Config { z_dim: 1, ..ring() }, true),
        || -> Result<_> {
            let often = run("識別器を 5 回", &Config { d_steps: 5, ..ring() }, true)?;
            Ok((often, run("飽和する損失と 5 回", &saturating, true)?))
        },
    );
    let (often, saturating) = others?;
    for (name, outcome) in [("try.z1", one?), ("try.d5", often), ("try.saturating_d5", saturating)]
    {
        let coverage = outcome.coverage()?;
        record.result(&format!("{name}.modes"), coverage.modes());
        record.result(&format!("{name}.good"), format!("{:.0} %", 100. * coverage.good()));
        outcome.record(name, record);
    }
    Ok(())
}

/// この章の図を決めるソースの指紋。
pub fn fingerprint() -> String {
    record::fingerprint(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// 保存した生成器だけを使って、新しいデータ `[count, dim]` を作ります。識別器は読みません。
pub fn generate(data: Data, store: &Store, count: usize, seed: Seed) -> Result<(Config, Tensor)> {
    let kept = store.open(&Config::book(data))?;
    let config: Config = kept.config()?;
    let variables = Seed(config.seed).variables();
    let generator = Generator::new(&config, variables.builder("generator"))?;
    kept.weights("generator", &variables)?;
    let samples = train::generate(&generator, &config, count, seed)?;
    Ok((config, samples))
}
