//! 本に載せる実験の一式。コマンドと `cargo test` は、同じこの 1 つの道を通ります。

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use candle_core::Tensor;
use common::data::{energy_distance, ring};
use common::history::History;
use common::nn::both;
use common::seed::Seed;
use common::state::State;
use tools::cli;
use tools::compare::{Compared, POINTS, SEEDS};
use tools::folder::{self, Labelled, Reader};
use tools::plot::{self, color};
use tools::progress::Watch;
use tools::record::{self, Run};
use tools::session::{Keep, Settings};
use tools::store::Store;

use crate::config::{Betas, Config, Data, Space};
use crate::data::{self, Dataset, Samples};
use crate::figures::{self, Recorder};
use crate::measure;
use crate::model::Classifier;
use crate::train::{self, Generator, Sampler, Schedule, Trained, fit_classifier, guided};

/// 学習の結果と、図に使う途中経過。
pub struct Outcome {
    pub trained: Trained,
    pub recorder: Recorder,
}

impl Settings for Config {
    const CHAPTER: &str = env!("CARGO_PKG_NAME");

    fn name(&self) -> String {
        self.name()
    }

    fn flags(&self) -> String {
        let space = match (&self.data, self.space) {
            (Data::Hiragana, Space::Pixels) => " --space pixels",
            (Data::Digits | Data::Own(_), Space::Latent) => " --space latent",
            _ => "",
        };
        match &self.data {
            Data::Own(path) => format!("--data \"{}\"{space}", path.display()),
            data => format!("--data {}{space}", data.name()),
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
pub fn dataset(config: &Config, quiet: bool) -> Result<Dataset> {
    let &Config { size, channels, .. } = config;
    let Data::Own(path) = &config.data else { return data::dataset(config) };
    let Labelled { images, .. } = Reader { size, channels, quiet }.any(path)?;
    folder::enough(path, images.dim(0)?, config.batch)?;
    let x = images.flatten_from(1)?;
    let samples = |x: Tensor| Ok::<_, anyhow::Error>(Samples { labels: vec![0; x.dim(0)?], x });
    Ok(Dataset { held_out: samples(x.narrow(0, 0, 1)?)?, train: samples(x)? })
}

/// 1 回の学習を、進み具合を見せながら行います。Ctrl-C なら、そこまでの結果を返します。
pub fn run(label: &str, config: &Config, quiet: bool) -> Result<Outcome> {
    resume(label, config, quiet, &State::default())
}

/// [`run`] を、止めたときのようす `saved` から続けます。空なら、はじめからです。
pub fn resume(label: &str, config: &Config, quiet: bool, saved: &State) -> Result<Outcome> {
    config.check()?;
    let real = dataset(config, quiet)?;
    let mut recorder = Recorder::new(config, &real.held_out.x)?;
    saved.restore(&mut [("figures", &mut recorder)])?;
    let mut watch = Watch::new(label, config.steps, quiet, "--lr");
    let compress = format!("{label}のオートエンコーダ");
    let latent = config.space == Space::Latent && saved.is_empty();
    let mut preparing = latent.then(|| Watch::new(&compress, config.ae_steps, quiet, "--lr"));
    let trained = train::resume(config, real, saved, |now| {
        let losses = now.loss.map(|loss| [("loss", loss)]);
        if let (true, Some(watch)) = (now.preparing, &mut preparing) {
            return watch.step(now.step, losses, None);
        }
        if let Some(watch) = preparing.take() {
            watch.finish(&History::default());
        }
        recorder.observe(now)?;
        if let Some(frame) = recorder.frames.last() {
            watch.picture(now.step, recorder.frames.len(), || preview(config, &frame.samples))?;
        }
        watch.step(now.step, losses, Some(&now.diffusion.variables))
    })?;
    watch.finish(&trained.history);
    Ok(Outcome { trained, recorder })
}

/// 端末に出す見本。画像は 80 桁に収まるだけ横に並べます。
pub fn preview(config: &Config, samples: &Tensor) -> Result<String> {
    if config.data.is_points() {
        return plot::ascii(samples);
    }
    let shrink = config.size.div_ceil(40);
    let count = samples.dim(0)?.min((40 * shrink / config.size).max(1));
    let images = figures::images(config, &samples.narrow(0, 0, count)?)?.avg_pool2d(shrink)?;
    let row: Vec<_> = (0..count).map(|i| images.get(i)).collect::<candle_core::Result<_>>()?;
    plot::ascii(&Tensor::cat(&row, 2)?)
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

    /// 残すのは、生成に使う、重みをならしたネットワークだけです。
    fn weights(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        let names: &[&str] = match self.trained.config.space {
            Space::Pixels => &["average"],
            Space::Latent => &["average", "encoder", "decoder"],
        };
        self.trained.diffusion.variables.networks_to_bytes(names)
    }

    fn draw(&self, folder: &Path) -> Result<()> {
        figures::draw(&self.trained, &self.recorder, folder)
    }

    /// 学習の終わりに端末へ出す、短い読み方。
    fn reading(&self) -> Result<String> {
        let trained = &self.trained;
        let dim = trained.config.dim();
        let tail = (trained.history.len() / 10).max(1);
        let loss = format!(
            "ノイズの 2 乗誤差は、いつも 0 と答えれば {dim} のところ、{:.2} まで下がりました。",
            trained.history.tail_mean("loss", tail)
        );
        Ok(match &trained.config.data {
            Data::Ring => {
                let coverage = ring::coverage(&self.points(Sampler::Ddpm)?)?;
                format!(
                    "8 つの山のうち {} 個を覆い、標本の {:.0} % が山の中に落ちました。\n{loss}",
                    coverage.modes(),
                    100. * coverage.good()
                )
            }
            Data::Moons | Data::Own(_) => loss,
            data @ (Data::Digits | Data::Hiragana) => {
                let classes = data.classes();
                let reader = fit_classifier(&trained.dataset.train, classes, Seed(0))?;
                let asked: Vec<u32> = asked(data, 5);
                let made = trained.generate(&asked, Sampler::Ddpm, Seed(0))?;
                format!(
                    "指定したとおりの字に読めた割合は {:.0} % です (本物の字で学習した分類器が読みます)。\n{loss}",
                    100. * measure::agreement(&reader, &made, &asked)?
                )
            }
        })
    }
}

impl Outcome {
    /// 平面の点を [`POINTS`] 個作ります。
    pub fn points(&self, sampler: Sampler) -> Result<Tensor> {
        self.trained.generate(&[0; POINTS], sampler, Seed(0))
    }
}

/// どのクラスも `each` 回ずつ頼みます。
pub fn asked(data: &Data, each: usize) -> Vec<u32> {
    let classes = data.classes();
    (0..classes * each).map(|i| (i % classes) as u32).collect()
}

/// 比べるガイダンスの強さ。
pub const GUIDANCES: [f64; 5] = [0., 1., 2., 3., 7.];

/// 比べる歩数。はじめは DDPM の T 歩、あとは DDIM です。
pub const SAMPLERS: [Sampler; 6] = [
    Sampler::Ddpm,
    Sampler::Ddim(50),
    Sampler::Ddim(20),
    Sampler::Ddim(10),
    Sampler::Ddim(5),
    Sampler::Ddim(1),
];

/// 1 つの作り方を測ったもの。
#[derive(Clone)]
pub struct Measured {
    pub samples: Tensor,
    /// 作るのにかかった秒数
    pub seconds: f64,
    /// 頼んだ字に読めた割合
    pub agreement: f64,
    /// 同じ字どうしの隔たり
    pub diversity: f64,
}

/// 字を読む分類器と、それで測った本物と生成した字。
pub struct Letters {
    pub outcome: Outcome,
    pub asked: Vec<u32>,
    reader: Classifier,
    /// 取っておいた本物を、分類器が読めた割合
    pub real_agreement: f64,
    /// 本物の同じ字どうしの隔たり
    pub real_diversity: f64,
    /// ガイダンスの強さごと。作り方は DDPM
    pub guided: Vec<(f64, Measured)>,
    /// 歩数ごと。ガイダンスの強さは設定のもの
    pub stepped: Vec<(Sampler, Measured)>,
}

impl Letters {
    /// どの字も `each` 枚ずつ作り、`guidances` と `samplers` のそれぞれで測ります。
    fn new(outcome: Outcome, each: usize, guidances: &[f64], samplers: &[Sampler]) -> Result<Self> {
        let trained = &outcome.trained;
        let (data, held_out) = (&trained.config.data, &trained.dataset.held_out);
        let reader = fit_classifier(&trained.dataset.train, data.classes(), Seed(0))?;
        let mut letters = Self {
            real_agreement: measure::agreement(&reader, &held_out.x, &held_out.labels)?,
            real_diversity: measure::diversity(&reader, &held_out.x, &held_out.labels)?,
            asked: asked(data, each),
            reader,
            guided: Vec::new(),
            stepped: Vec::new(),
            outcome,
        };
        for &w in guidances {
            let made = letters.make(w, Sampler::Ddpm)?;
            letters.guided.push((w, made));
        }
        let w = letters.outcome.trained.config.guidance;
        for &sampler in samplers {
            // 設定の強さでの DDPM は、上でもう作った。
            let made = letters.guided.iter().find(|made| made.0 == w && sampler == Sampler::Ddpm);
            let made = made.map_or_else(|| letters.make(w, sampler), |made| Ok(made.1.clone()))?;
            letters.stepped.push((sampler, made));
        }
        Ok(letters)
    }

    /// ガイダンスの強さ `w` で作ったもの。
    pub fn guided(&self, w: f64) -> &Measured {
        let found = self.guided.iter().find(|made| made.0 == w);
        &found.expect("測った強さのはず").1
    }

    /// 作り方 `sampler` で作ったもの。
    pub fn stepped(&self, sampler: Sampler) -> &Measured {
        let found = self.stepped.iter().find(|made| made.0 == sampler);
        &found.expect("測った作り方のはず").1
    }

    fn make(&self, w: f64, sampler: Sampler) -> Result<Measured> {
        let generator = self.outcome.trained.generator();
        self.measure(|asked| generator.generate(asked, w, sampler, Seed(0)))
    }

    /// `make` が作ったものを測ります。
    fn measure(&self, make: impl FnOnce(&[u32]) -> Result<Tensor>) -> Result<Measured> {
        let start = Instant::now();
        let samples = make(&self.asked)?;
        Ok(Measured {
            seconds: start.elapsed().as_secs_f64(),
            agreement: measure::agreement(&self.reader, &samples, &self.asked)?,
            diversity: measure::diversity(&self.reader, &samples, &self.asked)?,
            samples,
        })
    }
}

/// 輪で測ったもの。
pub struct Points {
    pub samples: Tensor,
    pub seconds: f64,
    pub coverage: ring::Coverage,
    pub distance: f64,
}

impl Points {
    fn new(make: impl FnOnce() -> Result<Tensor>, real: &Tensor) -> Result<Self> {
        let start = Instant::now();
        let samples = make()?;
        let seconds = start.elapsed().as_secs_f64();
        let distance = f64::from(energy_distance(&samples, real)?);
        Ok(Self { seconds, coverage: ring::coverage(&samples)?, distance, samples })
    }
}

/// 本に載せる実験の結果。
pub struct Book {
    pub ring: Outcome,
    /// 種を変えた輪の測定 (ほかの章と並べる)
    pub compared: Compared,
    /// [`SAMPLERS`] と同じ順
    pub ring_stepped: Vec<Points>,
    pub timeless: Points,
    pub silent: Points,
    pub wrong_schedule: Points,
    pub confused: Points,
    pub moons: Outcome,
    pub digits: Letters,
    pub hiragana: Letters,
    /// 新しいノイズを足さずに作ったひらがな
    pub silent_letters: Measured,
    /// 学習と違うスケジュールで作ったひらがな
    pub wrong_letters: Measured,
    /// 画素のまま拡散したひらがな
    pub pixels: Letters,
}

impl Book {
    /// 重みも残す学習の設定。
    pub fn named_configs() -> Vec<Config> {
        let data = [Data::Ring, Data::Moons, Data::Digits, Data::Hiragana];
        data.map(Config::book).into_iter().chain([Config::pixels()]).collect()
    }

    /// すべて学習します。Ctrl-C なら、残りの学習はせずに失敗します。
    ///
    /// `keep` は学習が 1 つ終わる (または止められる) たびに呼ばれ、結果を残す機会になります。
    pub fn train(quiet: bool, keep: &Keep<Config>) -> Result<Self> {
        Self::train_as(quiet, keep, |config| config)
    }

    /// [`Book::train`] の設定を、`change` で変えたもの。学習しない (学習率 0 の) 一式を作る試験に使います。
    pub fn train_as(
        quiet: bool,
        keep: &Keep<Config>,
        change: impl Fn(Config) -> Config + Sync,
    ) -> Result<Self> {
        let named = Self::named_configs();
        let next = |label: &str, config: Config| -> Result<Outcome> {
            let outcome = run(label, &change(config.clone()), quiet)?;
            if named.contains(&config) {
                keep(&outcome)?;
            }
            ensure!(!cli::stop_requested(), "{label}の途中で止めました");
            Ok(outcome)
        };
        // 互いに関わりのない学習なので、かかる時間がほぼ等しい 2 つに分けて、並べて進める。
        let first = || -> Result<_> {
            let hiragana = next("ひらがな", Config::book(Data::Hiragana))?;
            let hiragana = Letters::new(hiragana, 10, &GUIDANCES, &SAMPLERS)?;
            let trained = &hiragana.outcome.trained;
            let silent = hiragana.make(trained.config.guidance, Sampler::DdpmWithoutNoise)?;
            let wrong = hiragana.measure(|asked| wrong_schedule(trained, asked))?;
            let digits = next("数字", Config::book(Data::Digits))?;
            let digits = Letters::new(digits, 30, &GUIDANCES, &SAMPLERS)?;
            let timeless = next("時刻なしの輪", Config::timeless())?;
            let real = &timeless.trained.dataset.held_out.x;
            let timeless = Points::new(|| timeless.points(Sampler::Ddpm), real)?;
            let moons = next("三日月", Config::book(Data::Moons))?;
            Ok((hiragana, silent, wrong, digits, timeless, moons))
        };
        let second = || -> Result<_> {
            let mut compared = Compared::default();
            let mut rings = Vec::new();
            for seed in SEEDS {
                let config = Config { seed, ..Config::book(Data::Ring) };
                rings.push(compared.run(
                    || next(&format!("輪 (種 {seed})"), config),
                    |outcome| outcome.points(Sampler::Ddpm),
                )?);
            }
            let ring = rings.swap_remove(0);
            let pixels = next("ひらがな (画素)", Config::pixels())?;
            // 本文と主張に要るものだけを測る。
            let pixels =
                Letters::new(pixels, 10, &GUIDANCES[..4], &[Sampler::Ddpm, Sampler::Ddim(1)])?;
            let real = &ring.trained.dataset.held_out.x;
            let stepped = SAMPLERS.iter().map(|&it| Points::new(|| ring.points(it), real));
            let stepped = stepped.collect::<Result<Vec<_>>>()?;
            let broken = [
                Points::new(|| ring.points(Sampler::DdpmWithoutNoise), real)?,
                Points::new(|| wrong_schedule(&ring.trained, &[0; POINTS]), real)?,
                Points::new(|| confused(&ring.trained), real)?,
            ];
            Ok((ring, compared, stepped, broken, pixels))
        };
        let (first, second) = both(first, second);
        let (hiragana, silent_letters, wrong_letters, digits, timeless, moons) = first?;
        let (ring, compared, ring_stepped, broken, pixels) = second?;
        let [silent, wrong_schedule, confused] = broken;
        Ok(Self {
            ring,
            compared,
            ring_stepped,
            timeless,
            silent,
            wrong_schedule,
            confused,
            moons,
            digits,
            hiragana,
            silent_letters,
            wrong_letters,
            pixels,
        })
    }

    /// 本の図と `run.json` を `dir` に書きます。
    pub fn draw(&self, dir: &Path) -> Result<()> {
        let file = |name: &str| dir.join(name);
        for outcome in [&self.ring, &self.moons] {
            figures::draw(&outcome.trained, &outcome.recorder, dir)?;
        }
        for letters in [&self.digits, &self.hiragana, &self.pixels] {
            figures::draw(&letters.outcome.trained, &letters.outcome.recorder, dir)?;
        }
        let (pixels, hiragana) = (&self.pixels.outcome.trained, &self.hiragana.outcome.trained);
        figures::schedules(self.ring.trained.config.timesteps, dir)?;
        figures::dissolve(pixels, 0, &file("dissolve.png"))?;
        figures::glimpses(pixels, [0, 5, 21], &file("glimpses.png"))?;
        figures::flow(&self.ring.trained, &file("ring-flow.svg"))?;
        figures::loss_and_quality(&self.ring.trained, &self.ring.recorder, dir)?;
        self.draw_steps(dir)?;
        self.draw_guidance(dir)?;
        self.draw_spaces(&hiragana.config, &file("spaces.png"))?;
        let real = self.ring.trained.dataset.train.x.narrow(0, 0, 128)?;
        let runs = [
            ("標準", &self.ring_stepped[0]),
            ("時刻を渡さない", &self.timeless),
            ("新しいノイズなし", &self.silent),
            ("作るときだけ β が直線", &self.wrong_schedule),
            ("ε を x_0 と取る", &self.confused),
            ("5 歩だけ", &self.ring_stepped[4]),
        ];
        let runs = runs.map(|(title, points)| (title, points.samples.clone()));
        let good = |points: &Points| format!("{:.0} %", 100. * points.coverage.good());
        let notes = [
            "拡散モデルの、学習か作り方を 1 か所ずつ変えた".to_string(),
            format!(
                "作るときだけ β が直線: 山の中に {} (標準は {})",
                good(&self.wrong_schedule),
                good(&self.ring_stepped[0])
            ),
            format!(
                "ε を x_0 と取る: 点の {:.0} % は枠の外 (描いていない)",
                100. * figures::outside(&self.confused.samples)?
            ),
        ];
        figures::broken(&real, &runs, &notes, &file("broken.svg"))?;
        let text = self.ring.trained.history.to_string();
        tools::files::write(&file("ring-history.txt"), text.as_bytes())?;
        self.record()?.write(dir)
    }

    /// 歩数に対する良さ。
    fn draw_steps(&self, dir: &Path) -> Result<()> {
        // 対数目盛。2 倍を 3 目盛にすると、どの歩数も、ほぼ整数のところに来る。
        let steps = SAMPLERS.iter().rev().map(|&sampler| short(sampler));
        let ticks: Vec<(usize, String)> = steps
            .map(|steps| (3. * steps.parse::<f64>().unwrap_or(1.).log2(), steps))
            .map(|(at, steps)| (at.round() as usize, steps))
            .collect();
        let good: Vec<f64> =
            self.ring_stepped.iter().rev().map(|points| 100. * points.coverage.good()).collect();
        let read = |letters: &Letters| -> Vec<f64> {
            letters.stepped.iter().rev().map(|made| 100. * made.1.agreement).collect()
        };
        figures::spaced_chart(
            &dir.join("steps.svg"),
            &ticks,
            (
                "通す回数 (対数目盛、100 は DDPM、ほかは DDIM)",
                "% (輪は山に入った点、字は指定どおり読めた割合)",
            ),
            &[
                ("8 つの山の輪", color::FAKE, good),
                ("数字", color::LATENT, read(&self.digits)),
                ("ひらがな", color::REAL, read(&self.hiragana)),
            ],
            0. ..100.,
            vec![],
        )?;
        const SHOWN: usize = 10;
        let letters = &self.hiragana;
        let rows: Vec<_> = letters
            .stepped
            .iter()
            .map(|(sampler, made)| {
                Ok((long(*sampler), color::FAKE, made.samples.narrow(0, 0, SHOWN)?))
            })
            .collect::<Result<_>>()?;
        let config = &letters.outcome.trained.config;
        let path = dir.join("steps-pictures.png");
        let notes = [figures::SAME_NOISE, "左の数は、ネットワークを通す回数"];
        figures::by_class(config, &letters.asked[..SHOWN], &rows, &notes, &path)
    }

    /// ガイダンスの強さに対する、読めた割合と散らばり。
    fn draw_guidance(&self, dir: &Path) -> Result<()> {
        let ticks = GUIDANCES.map(|w| (w as usize, format!("{w}")));
        let both =
            [("数字", color::LATENT, &self.digits), ("ひらがな", color::REAL, &self.hiragana)];
        let read = both.map(|(name, color, letters)| {
            (name, color, letters.guided.iter().map(|made| 100. * made.1.agreement).collect())
        });
        let x_label = "拡散モデルのガイダンスの強さ w (0 は条件なし)";
        figures::spaced_chart(
            &dir.join("guidance-agreement.svg"),
            &ticks,
            (x_label, "指定した字に読めた割合 (%)"),
            &read,
            0. ..100.,
            vec![],
        )?;
        let spread = both.map(|(name, color, letters)| {
            let share = |made: &(f64, Measured)| 100. * made.1.diversity / letters.real_diversity;
            (name, color, letters.guided.iter().map(share).collect())
        });
        figures::spaced_chart(
            &dir.join("guidance-diversity.svg"),
            &ticks,
            (x_label, "生成した同じ字どうしの特徴の隔たり (本物 = 100)"),
            &spread,
            0. ..200.,
            vec![(100., "本物 = 100")],
        )?;
        for (name, letters, step) in [("digits", &self.digits, 1), ("hiragana", &self.hiragana, 4)]
        {
            let config = &letters.outcome.trained.config;
            // 数字は全種類、ひらがなは 4 字おき。
            let at: Vec<u32> = (0..10).map(|i| i * step).collect();
            let index = Tensor::new(at.as_slice(), &candle_core::Device::Cpu)?;
            let rows: Vec<_> = letters
                .guided
                .iter()
                .map(|(w, made)| {
                    Ok((format!("w = {w}"), color::FAKE, made.samples.index_select(&index, 0)?))
                })
                .collect::<Result<_>>()?;
            let path = dir.join(format!("{name}-guidance.png"));
            let notes = [figures::SAME_NOISE, "w は、ガイダンスの強さ (0 は条件なし)"];
            figures::by_class(config, &at, &rows, &notes, &path)?;
        }
        Ok(())
    }

    /// 本物、潜在拡散、画素のままの拡散。
    fn draw_spaces(&self, config: &Config, path: &Path) -> Result<()> {
        const SHOWN: usize = 10;
        let asked = &self.hiragana.asked[..SHOWN];
        let real = self.hiragana.outcome.trained.dataset.held_out.x.narrow(0, 0, SHOWN)?;
        let made =
            |letters: &Letters, from| letters.stepped(Sampler::Ddpm).samples.narrow(0, from, SHOWN);
        let classes = config.data.classes();
        let rows = [
            ("本物".to_string(), color::REAL, real),
            ("潜在拡散\n1 枚目".into(), color::FAKE, made(&self.hiragana, 0)?),
            ("潜在拡散\n2 枚目".into(), color::FAKE, made(&self.hiragana, classes)?),
            ("画素のまま\n1 枚目".into(), color::FAKE, made(&self.pixels, 0)?),
            ("画素のまま\n2 枚目".into(), color::FAKE, made(&self.pixels, classes)?),
        ];
        figures::by_class(config, asked, &rows, &[], path)
    }

    /// 本文が引用する測定値。
    fn record(&self) -> Result<Run> {
        let mut record = Run::new(fingerprint());
        let percent = |share: f64| format!("{:.0} %", 100. * share);
        let ring = &self.ring.trained;
        record.config("ring", &ring.config)?;
        record.config("timeless", &Config::timeless())?;
        for (name, points) in [
            ("ring", &self.ring_stepped[0]),
            ("timeless", &self.timeless),
            ("silent", &self.silent),
            ("wrong_schedule", &self.wrong_schedule),
            ("confused", &self.confused),
        ] {
            record.result(&format!("{name}.modes"), points.coverage.modes());
            record.result(&format!("{name}.good"), percent(points.coverage.good()));
            record.result(&format!("{name}.distance"), format!("{:.3}", points.distance));
        }
        let least = self.ring_stepped[0].coverage.counts.iter().min().copied().unwrap_or(0);
        record.result("ring.least", format!("{:.1} %", 100. * least as f64 / POINTS as f64));
        for (sampler, points) in SAMPLERS.iter().zip(&self.ring_stepped) {
            let name = format!("ring.steps.{}", short(*sampler));
            record.result(&format!("{name}.modes"), points.coverage.modes());
            record.result(&format!("{name}.good"), percent(points.coverage.good()));
            record.result(&format!("{name}.distance"), format!("{:.3}", points.distance));
            record.result(&format!("{name}.seconds"), format!("{:.2}", points.seconds));
        }
        let series = ring.history.series("loss");
        let mean = |from: usize, to: usize| {
            let part = &series[from..to];
            part.iter().map(|point| point.1).sum::<f64>() / part.len() as f64
        };
        let tenth = series.len() / 10;
        record.result("ring.loss_start", format!("{:.2}", series[0].1));
        record.result("ring.loss_early", format!("{:.2}", mean(tenth, 2 * tenth)));
        record.result("ring.loss_end", format!("{:.2}", mean(9 * tenth, series.len())));
        let [early, end] = self.ring_distances();
        record.result("ring.distance_early", format!("{early:.3}"));
        record.result("ring.distance_end", format!("{end:.3}"));
        self.compared.record(ring.config.timesteps, &mut record);
        for (name, letters) in
            [("digits", &self.digits), ("hiragana", &self.hiragana), ("pixels", &self.pixels)]
        {
            let trained = &letters.outcome.trained;
            record.config(name, &trained.config)?;
            record.result(&format!("{name}.real"), percent(letters.real_agreement));
            record.result(&format!("{name}.count"), letters.asked.len());
            let tail = (trained.history.len() / 10).max(1);
            let loss = trained.history.tail_mean("loss", tail);
            record.result(&format!("{name}.loss"), format!("{loss:.2}"));
            for (w, made) in &letters.guided {
                record.result(&format!("{name}.w{w}.read"), percent(made.agreement));
                let share = made.diversity / letters.real_diversity;
                record.result(&format!("{name}.w{w}.diversity"), percent(share));
            }
            for (sampler, made) in &letters.stepped {
                let name = format!("{name}.steps.{}", short(*sampler));
                record.result(&format!("{name}.read"), percent(made.agreement));
                record.result(&format!("{name}.seconds"), format!("{:.2}", made.seconds));
            }
        }
        record.result("hiragana.silent.read", percent(self.silent_letters.agreement));
        let share = self.silent_letters.diversity / self.hiragana.real_diversity;
        record.result("hiragana.silent.diversity", percent(share));
        record.result("hiragana.wrong_schedule.read", percent(self.wrong_letters.agreement));
        let [first, last] = figures::glimpse_sharpness(&self.pixels.outcome.trained)?;
        record.result("glimpse.first", format!("{first:.2}"));
        record.result("glimpse.last", format!("{last:.2}"));
        Ok(record)
    }

    /// 輪の学習の 1 割のところと終わりでの、本物とのエネルギー距離。
    pub fn ring_distances(&self) -> [f64; 2] {
        let distances = &self.ring.recorder.distances;
        let early = self.ring.trained.config.steps / 10;
        let at = distances.iter().find(|(step, _)| *step >= early as f64);
        let end = distances.last();
        [at, end].map(|point| point.map_or(f64::NAN, |point| point.1))
    }
}

/// 「100」「50」のような、歩数だけの名前。
fn short(sampler: Sampler) -> String {
    match sampler {
        Sampler::Ddpm | Sampler::DdpmWithoutNoise => "100".into(),
        Sampler::Ddim(steps) => steps.to_string(),
    }
}

fn long(sampler: Sampler) -> String {
    match sampler {
        Sampler::Ddpm | Sampler::DdpmWithoutNoise => "DDPM 100".into(),
        Sampler::Ddim(steps) => format!("DDIM {steps}"),
    }
}

/// 学習と違うスケジュールで作ります (わざと壊す)。
pub fn wrong_schedule(trained: &Trained, classes: &[u32]) -> Result<Tensor> {
    let other = match trained.config.betas {
        Betas::Linear => Betas::Cosine,
        Betas::Cosine => Betas::Linear,
    };
    let schedule = Schedule::new(other, trained.config.timesteps);
    let generator = Generator { schedule: &schedule, ..trained.generator() };
    generator.generate(classes, trained.config.guidance, Sampler::Ddpm, Seed(0))
}

/// 当てたノイズ ε を、元のデータ x_0 の予想だと思い込んで作ります (わざと壊す)。
pub fn confused(trained: &Trained) -> Result<Tensor> {
    let generator = trained.generator();
    generator.run(POINTS, Sampler::Ddpm, Seed(0), |x, t| {
        let x0 = guided(generator.network, x, t, &[0; POINTS], 1.)?;
        // x_0 の予想と思えば、そこから求まるノイズは (x_t − √ᾱ_t·x_0)/√(1 − ᾱ_t)。
        let bar = generator.schedule.alpha_bar[t];
        Ok((x - x0.affine(bar.sqrt(), 0.)?)?.affine(1. / (1. - bar).sqrt(), 0.)?)
    })
}

/// 「自分で試す」の答えに載せる、本の実験のほかの学習。本の図を作り直すときだけ行い、`record` に足します。
pub fn answers(record: &mut Run) -> Result<()> {
    let ring = || Config::book(Data::Ring);
    let (linear, coarse) = both(
        || run("直線のスケジュール", &Config { betas: Betas::Linear, ..ring() }, true),
        || run("時刻が 20", &Config { timesteps: 20, ..ring() }, true),
    );
    for (name, outcome) in [("linear", linear?), ("t20", coarse?)] {
        let coverage = ring::coverage(&outcome.points(Sampler::Ddpm)?)?;
        record.result(&format!("try.{name}.modes"), coverage.modes());
        record.result(&format!("try.{name}.good"), format!("{:.0} %", 100. * coverage.good()));
    }
    Ok(())
}

/// この章の図を決めるソースの指紋。
pub fn fingerprint() -> String {
    record::fingerprint(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// 生成のときに変えられること。
pub struct Wish {
    pub count: usize,
    pub seed: Seed,
    /// 作る字。None なら、すべての字を順に
    pub class: Option<u32>,
    /// ガイダンスの強さ。None なら学習したときの設定
    pub guidance: Option<f64>,
    /// DDIM の歩数。None なら DDPM で T 歩すべて
    pub steps: Option<usize>,
}

/// 保存したネットワーク (潜在拡散ではデコーダも) だけを使って、新しいデータ `[count, dim]` を作ります。
pub fn generate(asked: &Config, store: &Store, wish: &Wish) -> Result<(Config, Tensor)> {
    let kept = store.open(asked)?;
    let config: Config = kept.config()?;
    let diffusion = train::Diffusion::new(&config)?;
    kept.weights("average", &diffusion.variables)?;
    if config.space == Space::Latent {
        kept.weights("decoder", &diffusion.variables)?;
    }
    let classes = config.data.classes() as u32;
    let pick = |i: usize| wish.class.unwrap_or(if classes == 0 { 0 } else { i as u32 % classes });
    let list: Vec<u32> = (0..wish.count).map(pick).collect();
    let sampler = match wish.steps {
        None => Sampler::Ddpm,
        Some(steps) => {
            common::check::within("--ddim", steps, 1, config.timesteps)?;
            Sampler::Ddim(steps)
        }
    };
    let generator = Generator {
        config: &config,
        schedule: &diffusion.schedule,
        network: &diffusion.average,
        autoencoder: diffusion.autoencoder.as_ref(),
    };
    let guidance = wish.guidance.unwrap_or(config.guidance);
    let samples = generator.generate(&list, guidance, sampler, wish.seed)?;
    Ok((config, samples))
}
