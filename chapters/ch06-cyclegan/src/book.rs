//! 本に載せる実験の一式。コマンドと `cargo test` は、同じこの 1 つの道を通ります。

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;
use common::history::History;
use common::measure::ssim;
use common::nn::{both, in_parts, l1};
use common::seed::Seed;
use common::state::State;
use tools::folder::Reader;
use tools::plot::{self, Line, color};
use tools::progress::Watch;
use tools::record::{self, Run};
use tools::session::Settings;
use tools::store::Store;
use tools::{cli, folder};

use crate::config::{Config, Direction};
use crate::data::{self, Dataset, Style};
use crate::figures::{self, Recorder};
use crate::model::Generator;
use crate::toy;
use crate::train::{self, NETWORKS, Paired, Trained};

/// 学習の結果と、図に使う途中経過。
pub struct Outcome {
    pub trained: Trained,
    pub recorder: Recorder,
    pub dataset: Dataset,
    /// [`Outcome::scores`] は何度も使うので、1 度だけ測る。
    measured: OnceLock<Scores>,
}

impl Settings for Config {
    const CHAPTER: &str = env!("CARGO_PKG_NAME");

    fn name(&self) -> String {
        self.name().into()
    }

    fn flags(&self) -> String {
        let data = self.data.as_ref();
        data.map_or(String::new(), |dir| format!("--data \"{}\"", dir.display()))
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

/// 設定のデータを用意します。`--data` があれば、読者の画像を読みます。
pub fn dataset(config: &Config, quiet: bool) -> Result<Dataset> {
    let Some(dir) = &config.data else { return data::dataset(config) };
    // 著者のデータと同じ名前のフォルダ。
    let names = ["trainA", "trainB"];
    let advice = "写真などは trainA に、行き先の画像は trainB に";
    let mut places = names
        .map(|name| folder::inside(dir, &[name], advice))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let tests = ["testA", "testB"].map(|name| dir.join(name));
    for (test, train) in tests.iter().zip(names) {
        match test.is_dir() {
            true => places.push(test.clone()),
            false => cli::warn(format!(
                "{} が無いので、図と測定には {train} の画像を使います。",
                test.display()
            )),
        }
    }
    let mut read = reader(config, quiet).images(&places)?.into_iter();
    let mut next = || read.next().context("フォルダの画像がそろいません");
    let (train_x, train_y) = (next()?, next()?);
    let mut test = |dir: &Path, train: &Tensor| match dir.is_dir() {
        true => next(),
        false => Ok(train.clone()),
    };
    let (test_x, test_y) = (test(&tests[0], &train_x)?, test(&tests[1], &train_y)?);
    for (place, images) in places.iter().zip([&train_x, &train_y]) {
        folder::enough(place, images.dim(0)?, config.batch)?;
    }
    Ok(Dataset { train_x, train_y, test_x, test_y, test_is_paired: false })
}

fn reader(config: &Config, quiet: bool) -> Reader {
    Reader { size: config.size, channels: 3, quiet }
}

/// 1 回の学習を、進み具合を見せながら行います。Ctrl-C なら、そこまでの結果を返します。
pub fn run(label: &str, config: &Config, quiet: bool) -> Result<Outcome> {
    config.check()?;
    run_on(label, config, dataset(config, quiet)?, quiet)
}

/// データを渡して学習します。
pub fn run_on(label: &str, config: &Config, dataset: Dataset, quiet: bool) -> Result<Outcome> {
    resume(label, config, dataset, quiet, &State::default())
}

/// [`run_on`] を、止めたときのようす `saved` から続けます。空なら、はじめからです。
pub fn resume(
    label: &str,
    config: &Config,
    dataset: Dataset,
    quiet: bool,
    saved: &State,
) -> Result<Outcome> {
    let mut recorder = Recorder::new(config, &dataset)?;
    saved.restore(&mut [("figures", &mut recorder)])?;
    let mut watch = Watch::new(label, config.steps, quiet, "--lr-g と --lr-d");
    let trained = train::resume(config, &dataset, saved, |now| {
        recorder.observe(now)?;
        if let Some(frame) = recorder.frames.last() {
            watch.picture(now.step, recorder.frames.len(), || {
                let text = preview(&recorder.test_x, &frame.xyx[0])?;
                Ok(format!("(左が x、右が G(x))\n{text}"))
            })?;
        }
        watch.step(now.step, now.losses.map(|losses| losses.named()), Some(&now.gan.variables))
    })?;
    watch.finish(&trained.history);
    Ok(Outcome { trained, recorder, dataset, measured: OnceLock::new() })
}

/// 端末に出す見本。訳す前と後の 1 枚ずつを、縮めて左右に並べます。
pub fn preview(before: &Tensor, after: &Tensor) -> Result<String> {
    let small = |images: &Tensor| -> Result<Tensor> {
        let step = images.dim(3)?.div_ceil(16);
        Ok(images.narrow(0, 0, 1)?.avg_pool2d(step)?.squeeze(0)?)
    };
    plot::ascii(&Tensor::cat(&[small(before)?, small(after)?], 2)?)
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
        self.trained.gan.variables.networks_to_bytes(&NETWORKS)
    }

    fn draw(&self, folder: &Path) -> Result<()> {
        figures::draw(&self.trained, &self.recorder, folder)
    }

    /// 学習の終わりに端末へ出す、短い読み方。
    fn reading(&self) -> Result<String> {
        let Scores { ssim: [xy, yx], back: [x, y], .. } = self.scores()?;
        let mut text = format!(
            "訳して訳し戻すと、元との差 (−1 から 1 の画素で平均) は X → Y → X で {x:.3}、Y → X → Y で {y:.3} でした。"
        );
        if self.dataset.test_is_paired {
            let before = ssim(&self.dataset.test_x, &self.dataset.test_y)?;
            text += &format!(
                "\n学習に一度も出していない本当の対との SSIM は、変換の前の {before:.2} から、\
                 X → Y で {xy:.2}、Y → X で {yx:.2} になりました。1 に近いほど、場面の中身を保っています。"
            );
        }
        let history = &self.trained.history;
        let tail = |column| history.tail_mean(column, (history.len() / 10).max(1));
        text += &format!(
            "\n敵対的損失は G が {:.2}、D_Y が {:.2} で終わりました。下がり切らなくても、絵は良くなり続けます。",
            tail("loss G"),
            tail("loss D_Y")
        );
        Ok(text)
    }
}

/// 学習に使わない画像で測った値。
#[derive(Debug, Clone, Copy)]
pub struct Scores {
    /// 本当の対との SSIM: X → Y と Y → X
    pub ssim: [f64; 2],
    /// 訳し戻した画像と元の画像の L1: X → Y → X と Y → X → Y
    pub back: [f64; 2],
    /// もう一方の画風の画像を入れたときの変わりよう (L1): G(y) と F(x)
    pub same: [f64; 2],
    /// G(x) の、本当は何もない空に出た影 ([`shadow`])
    pub shadow: f64,
}

impl Outcome {
    /// テストデータのすべてで測ります。対が分からないデータでは、SSIM と影は 0 です。
    pub fn scores(&self) -> Result<Scores> {
        if let Some(scores) = self.measured.get() {
            return Ok(*scores);
        }
        let (g, f) = (&self.trained.gan.generator_xy, &self.trained.gan.generator_yx);
        let (x, y) = (&self.dataset.test_x, &self.dataset.test_y);
        let config = &self.trained.config;
        let apply = |generator: &Generator, x: &Tensor| apply(generator, config, x);
        let (fake_y, fake_x) = (apply(g, x)?, apply(f, y)?);
        let distance = |a: &Tensor, b: &Tensor| -> Result<f64> {
            Ok(f64::from(l1(a, b)?.to_scalar::<f32>()?))
        };
        let (ssim, shadow) = match self.dataset.test_is_paired {
            true => ([ssim(&fake_y, y)?, ssim(&fake_x, x)?], shadow(&fake_y, y)?),
            false => ([0.; 2], 0.),
        };
        let scores = Scores {
            ssim,
            back: [distance(&apply(f, &fake_y)?, x)?, distance(&apply(g, &fake_x)?, y)?],
            same: [distance(&apply(g, y)?, y)?, distance(&apply(f, x)?, x)?],
            shadow,
        };
        Ok(*self.measured.get_or_init(|| scores))
    }
}

/// 画像 `x` を訳します。メモリに収まるよう、少しずつ通します。
fn apply(generator: &Generator, config: &Config, x: &Tensor) -> Result<Tensor> {
    let most = (65_536 / (config.size * config.size)).max(16);
    Ok(in_parts(x, most, |x| generator.forward(x))?)
}

/// Pix2Pix 型の学習の結果。
pub struct PairedOutcome {
    pub gan: Paired,
    /// (ステップ, 本当の対との SSIM)
    pub similarity: Vec<(f64, f64)>,
    /// 学習の後の、テストデータのすべての場面での、本当の対との SSIM
    pub ssim: f64,
    /// 本当は何もない空に出た影 ([`shadow`])
    pub shadow: f64,
}

/// 比較のための Pix2Pix 型を学習します。`shuffled` なら、対をわざとずらします。
pub fn run_paired(config: &Config, dataset: &Dataset, shuffled: bool) -> Result<PairedOutcome> {
    let truth = data::true_pairs(config)?;
    let truth = if shuffled { rotated(&truth)? } else { truth };
    let measured = Recorder::new(config, dataset)?;
    let mut similarity = Vec::new();
    let gan = train::train_paired(config, &dataset.train_x, &truth, |step, generator| {
        ensure!(!cli::stop_requested(), "Pix2Pix 型の学習の途中で止めました");
        if step.is_multiple_of(config.steps.div_ceil(12)) || step == config.steps {
            let fake = generator.forward(&measured.test_x)?;
            similarity.push((step as f64, ssim(&fake, &measured.test_y)?));
        }
        Ok(())
    })?;
    let (fake, real) = (gan.generator.forward(&dataset.test_x)?, &dataset.test_y);
    let (ssim, shadow) = (ssim(&fake, real)?, shadow(&fake, real)?);
    Ok(PairedOutcome { gan, similarity, ssim, shadow })
}

/// CycleGAN の短い学習の SSIM (両方向の平均)。`shuffled` なら、Y の画像を並べ替えてから学習します。
///
/// 並べ替えると、ミニバッチの中身はすべて変わります。対を見ていなければ、成績は変わらないはずです。
pub fn order_of_y(config: &Config, dataset: &Dataset, shuffled: bool) -> Result<f64> {
    let config = Config { steps: 2 * config.steps / 15, ..config.clone() };
    let mut dataset = dataset.clone();
    if shuffled {
        dataset.train_y = rotated(&dataset.train_y)?;
    }
    // 途中の絵は要らないので、ここでは学習だけを行う。
    let gan = train::train(&config, &dataset, |_| match cli::stop_requested() {
        true => Ok(ControlFlow::Break(())),
        false => Ok(ControlFlow::Continue(())),
    })?
    .gan;
    ensure!(!cli::stop_requested(), "並びの学習の途中で止めました");
    let (x, y) = (&dataset.test_x, &dataset.test_y);
    let (xy, yx) = (gan.generator_xy.forward(x)?, gan.generator_yx.forward(y)?);
    Ok((ssim(&xy, y)? + ssim(&yx, x)?) / 2.)
}

/// 変換した絵 `fake` の、本当は何もない空のうち、暗くなった画素の割合。
///
/// 「何もない空」は、本当の浮世絵 `truth` の、まわり 1 画素まで紙の地の色しかないところです。
fn shadow(fake: &Tensor, truth: &Tensor) -> Result<f64> {
    let (n, _, h, w) = truth.dims4()?;
    let paper = Tensor::new(&data::PAPER, truth.device())?.affine(2., -1.)?;
    let paper = paper.reshape((1, 3, 1, 1))?;
    let off = truth.broadcast_sub(&paper)?.abs()?.max(1)?.to_vec3::<f32>()?;
    let dark = fake.broadcast_sub(&paper)?.mean(1)?.to_vec3::<f32>()?;
    let (mut sky, mut shadows) = (0., 0.);
    for (off, dark) in off.iter().zip(&dark).take(n) {
        for y in 1..h - 1 {
            for x in 1..w - 1 {
                let empty = |row: &Vec<f32>| row[x - 1..=x + 1].iter().all(|&off| off < 0.1);
                if off[y - 1..=y + 1].iter().all(empty) {
                    sky += 1.;
                    shadows += f64::from(u8::from(dark[y][x] < -0.25));
                }
            }
        }
    }
    Ok(shadows / f64::max(sky, 1.))
}

/// 画像の順番をずらします。同じ番号どうしの対は、すべて崩れます。
pub fn rotated(images: &Tensor) -> Result<Tensor> {
    let n = images.dim(0)?;
    let shift = (n / 3).max(1);
    Ok(Tensor::cat(&[images.narrow(0, shift, n - shift)?, images.narrow(0, 0, shift)?], 0)?)
}

/// 小さな世界の学習を、種を替えて繰り返します。
fn toy_runs(config: &Config, lambda: f64) -> Result<Vec<Tensor>> {
    const SEEDS: u64 = 20;
    let seeds = (0..SEEDS).map(|at| Seed(config.seed.wrapping_mul(SEEDS).wrapping_add(at)));
    // とても小さなネットワークなので、学習率は本編の 5 倍にする。
    seeds.map(|seed| toy::train::shares(seed, lambda, 5. * config.lr_g)).collect()
}

/// 本に載せる実験の結果。
pub struct Book {
    pub main: Outcome,
    /// 恒等損失を外したもの (敵対的損失とサイクル損失)。
    pub no_identity: Outcome,
    /// さらにサイクル損失も外したもの (敵対的損失だけ)。
    pub gan_only: Outcome,
    pub paired: PairedOutcome,
    pub paired_shuffled: PairedOutcome,
    /// 短い学習の SSIM (両方向の平均): Y の並びがそのままのときと、並べ替えたとき。
    pub order: [f64; 2],
    /// 小さな世界で、種を替えて学習した対応: 敵対的損失だけ、サイクル損失も足したもの。
    pub toy: [Vec<Tensor>; 2],
}

impl Book {
    /// すべて学習します。回数・ミニバッチ・データは、どの学習でも同じです。
    ///
    /// 設定は、`change` を通してから使います。試験が種や学習率を変えるためのもので、本では何も変えません。
    pub fn train(change: impl Fn(Config) -> Config, quiet: bool) -> Result<Self> {
        let config = change(Config::book());
        let dataset = data::dataset(&config)?;
        let run = |label, config: &Config| -> Result<Outcome> {
            let outcome = run_on(label, config, dataset.clone(), quiet)?;
            ensure!(!cli::stop_requested(), "{label}の途中で止めました");
            outcome.scores()?;
            Ok(outcome)
        };
        let no_identity = Config { lambda_identity: 0., ..config.clone() };
        let gan_only = Config { lambda_cycle: 0., ..no_identity.clone() };
        let paired = |shuffled| run_paired(&config, &dataset, shuffled);
        let order = |shuffled| order_of_y(&config, &dataset, shuffled);
        let toy = |lambda| toy_runs(&config, lambda);
        // 互いに関わりのない学習なので、かかる時間がほぼ等しい 2 つに分けて、並べて進める。
        let first = || -> Result<_> {
            let main = run("標準", &config)?;
            Ok((main, paired(false)?, paired(true)?, order(false)?, toy(0.)?))
        };
        let second = || -> Result<_> {
            let no_identity = run("恒等損失なし", &no_identity)?;
            let gan_only = run("敵対的損失だけ", &gan_only)?;
            Ok((no_identity, gan_only, order(true)?, toy(config.lambda_cycle)?))
        };
        let (first, second) = both(first, second);
        let (main, paired, paired_shuffled, straight, without) = first?;
        let (no_identity, gan_only, shuffled, with) = second?;
        Ok(Self {
            main,
            no_identity,
            gan_only,
            paired,
            paired_shuffled,
            order: [straight, shuffled],
            toy: [without, with],
        })
    }

    /// 本の図と `run.json` を `dir` に書きます。
    pub fn draw(&self, dir: &Path) -> Result<()> {
        let Outcome { trained, recorder, dataset, .. } = &self.main;
        figures::draw(trained, recorder, dir)?;
        figures::data(dataset, dir)?;
        let (x, y) = (figures::shown(&dataset.test_x)?, figures::shown(&dataset.test_y)?);
        let (real, fake) = (color::REAL, color::FAKE);
        let last = |outcome: &Outcome| -> Result<[Tensor; 2]> {
            let frame = outcome.recorder.frames.last().context("途中経過がありません")?;
            Ok(frame.xyx.clone())
        };
        // サイクル損失の働きは、恒等損失のない 2 つの学習で比べる。違いはサイクル損失だけ。
        let ([cycle, cycle_back], [gan, gan_back]) =
            (last(&self.no_identity)?, last(&self.gan_only)?);
        let rows = [
            ("入力 x\n写真風 X", &x, real),
            ("サイクルあり\n変換 G(x)", &cycle, fake),
            ("サイクルあり\n戻り F(G(x))", &cycle_back, fake),
            ("敵対的だけ\n変換 G(x)", &gan, fake),
            ("敵対的だけ\n戻り F(G(x))", &gan_back, fake),
            ("正解\n浮世絵風 Y", &y, real),
        ];
        figures::stack(&dir.join("compare-cycle.png"), &rows)?;

        let [main, _] = last(&self.main)?;
        let rows = [
            ("入力 x\n写真風 X", &x, real),
            ("恒等あり\n変換 G(x)", &main, fake),
            ("恒等なし\n変換 G(x)", &cycle, fake),
            ("正解\n浮世絵風 Y", &y, real),
        ];
        figures::stack(&dir.join("compare-identity.png"), &rows)?;
        let same = |outcome: &Outcome| outcome.trained.gan.generator_xy.forward(&y);
        let (with, without) = (same(&self.main)?, same(&self.no_identity)?);
        let rows = [
            ("入力 y\n浮世絵風 Y", &y, real),
            ("恒等あり\n浮世絵風へ\nG(y)", &with, fake),
            ("恒等なし\n浮世絵風へ\nG(y)", &without, fake),
        ];
        figures::stack(&dir.join("compare-same.png"), &rows)?;

        let draw = |outcome: &PairedOutcome| outcome.gan.generator.forward(&x);
        let (paired, shuffled) = (draw(&self.paired)?, draw(&self.paired_shuffled)?);
        let rows = [
            ("入力 x\n写真風 X", &x, real),
            ("CycleGAN\nペアなし", &main, fake),
            ("Pix2Pix 型\nペアあり", &paired, fake),
            ("Pix2Pix 型\nペアばらし", &shuffled, fake),
            ("正解\n浮世絵風 Y", &y, real),
        ];
        figures::stack(&dir.join("compare-paired.png"), &rows)?;
        figures::permutation(&self.toy, &dir.join("permutation.png"))?;

        let untouched = ssim(&dataset.test_x, &dataset.test_y)?;
        let line = |label, color, points: &[_]| Line { label, color, points: points.to_vec() };
        let curve =
            |label, color, outcome: &Outcome| line(label, color, &outcome.recorder.similarity[0]);
        figures::compare(
            &dir.join("compare-cycle.svg"),
            vec![
                curve("+サイクル+恒等", color::GENERATOR, &self.main),
                curve("+サイクル", color::LATENT, &self.no_identity),
                curve("敵対的損失だけ", color::FAKE, &self.gan_only),
            ],
            vec![(untouched, "何もしない")],
        )?;
        figures::compare(
            &dir.join("compare-paired.svg"),
            vec![
                curve("CycleGAN ペアなし", color::GENERATOR, &self.main),
                line("Pix2Pix ペアあり", color::REAL, &self.paired.similarity),
                line("Pix2Pix ペアばらし", color::FAKE, &self.paired_shuffled.similarity),
            ],
            vec![(untouched, "何もしない")],
        )?;
        let text = trained.history.to_string();
        tools::files::write(&dir.join("history.txt"), text.as_bytes())?;
        self.record()?.write(dir)
    }

    /// 本文が引用する測定値。
    fn record(&self) -> Result<Run> {
        let mut record = Run::new(fingerprint());
        let dataset = &self.main.dataset;
        record.result("input.ssim", format!("{:.2}", ssim(&dataset.test_x, &dataset.test_y)?));
        for (name, outcome) in
            [("main", &self.main), ("no_identity", &self.no_identity), ("gan_only", &self.gan_only)]
        {
            record.config(name, &outcome.trained.config)?;
            let scores = outcome.scores()?;
            for (key, [a, b], values) in [
                ("ssim", ["xy", "yx"], scores.ssim),
                ("back", ["x", "y"], scores.back),
                ("same", ["xy", "yx"], scores.same),
            ] {
                let digits = if key == "ssim" { 2 } else { 3 };
                record.result(&format!("{name}.{key}_{a}"), format!("{:.digits$}", values[0]));
                record.result(&format!("{name}.{key}_{b}"), format!("{:.digits$}", values[1]));
            }
            let history = &outcome.trained.history;
            for (key, column) in [
                ("loss_g", "loss G"),
                ("loss_f", "loss F"),
                ("loss_d_x", "loss D_X"),
                ("loss_d_y", "loss D_Y"),
            ] {
                let tenth = (history.len() / 10).max(1);
                let (early, late) =
                    (history.smoothed(column, tenth)[0].1, history.tail_mean(column, tenth));
                record.result(&format!("{name}.{key}"), format!("{late:.2}"));
                record.result(&format!("{name}.{key}_early"), format!("{early:.2}"));
            }
            let [early, late] = outcome.cycle_early_and_late();
            record.result(&format!("{name}.cycle_early"), format!("{early:.3}"));
            record.result(&format!("{name}.cycle_late"), format!("{late:.3}"));
            outcome.record_cycle_x(name, &mut record);
        }
        for (name, runs) in ["toy.alone", "toy.cycle"].into_iter().zip(&self.toy) {
            let [right, permuted, incomplete] = toy::count(runs)?;
            record.result("toy.runs", runs.len());
            record.result(&format!("{name}_right"), right);
            record.result(&format!("{name}_permuted"), permuted);
            record.result(&format!("{name}_incomplete"), incomplete);
        }
        let percent = |share: f64| format!("{:.1} %", 100. * share);
        record.result("main.shadow", percent(self.main.scores()?.shadow));
        record.result("no_identity.shadow", percent(self.no_identity.scores()?.shadow));
        record.result("gan_only.shadow", percent(self.gan_only.scores()?.shadow));
        record.result("paired.shadow", percent(self.paired.shadow));
        record.result("paired.ssim_xy", format!("{:.2}", self.paired.ssim));
        let [plain, shuffled] = self.order;
        record.result("order.plain", format!("{plain:.2}"));
        record.result("order.shuffled", format!("{shuffled:.2}"));
        let shuffled = self.paired_shuffled.ssim;
        record.result("paired_shuffled.ssim_xy", format!("{shuffled:.2}"));
        Ok(record)
    }
}

impl Outcome {
    /// 写真から始めたサイクル損失: 1 回目、最初の 1 割、最後の 1 割。
    fn record_cycle_x(&self, name: &str, record: &mut Run) {
        let history = &self.trained.history;
        let tenth = (history.len() / 10).max(1);
        let early = history.smoothed("cycle X", tenth)[0].1;
        let late = history.tail_mean("cycle X", tenth);
        let first = history.series("cycle X")[0].1;
        for (key, value) in [("first", first), ("early", early), ("late", late)] {
            record.result(&format!("{name}.cycle_x_{key}"), format!("{value:.3}"));
        }
    }

    /// サイクル損失 (両方向の平均): 最初の 1 割と、最後の 1 割。
    pub fn cycle_early_and_late(&self) -> [f64; 2] {
        let history = &self.trained.history;
        let tenth = (history.len() / 10).max(1);
        let mean = |values: fn(&[(f64, f64)]) -> f64| {
            let [x, y] = ["cycle X", "cycle Y"].map(|column| history.smoothed(column, tenth));
            (values(&x) + values(&y)) / 2.
        };
        [mean(|means| means[0].1), mean(|means| means[means.len() - 1].1)]
    }
}

/// 「自分で試す」と本文の答えに載せる、本の実験のほかの学習。本の図を作り直すときだけ行い、`record` に足します。
pub fn answers(record: &mut Run) -> Result<()> {
    let run = |label: &str, config: Config| run(label, &config, true);
    let book = Config::book;
    let (strict, others) = both(
        || -> Result<_> {
            let strict = run("λ = 100", Config { lambda_cycle: 100., ..book() })?;
            Ok((strict, run("恒等写像から", Config { skip: 1.5, ..book() })?))
        },
        || -> Result<_> {
            Ok([
                ("try.last7.seed0", run("7×7", Config { last: 7, ..book() })?),
                ("try.last7.seed1", run("7×7", Config { last: 7, seed: 1, ..book() })?),
                ("try.last3.seed1", run("3×3", Config { seed: 1, ..book() })?),
            ])
        },
    );
    let (strict, skip) = strict?;
    for (name, outcome) in [("try.lambda100", &strict), ("try.skip", &skip)] {
        let scores = outcome.scores()?;
        record.result(&format!("{name}.back_x"), format!("{:.3}", scores.back[0]));
        record.result(&format!("{name}.back_y"), format!("{:.3}", scores.back[1]));
        record.result(&format!("{name}.ssim_xy"), format!("{:.2}", scores.ssim[0]));
        record.result(&format!("{name}.ssim_yx"), format!("{:.2}", scores.ssim[1]));
        let history = &outcome.trained.history;
        let loss = history.tail_mean("loss G", history.len() / 10);
        record.result(&format!("{name}.loss_g"), format!("{loss:.2}"));
        outcome.record_cycle_x(name, record);
    }
    for (name, outcome) in others? {
        record
            .result(&format!("{name}.shadow"), format!("{:.1} %", 100. * outcome.scores()?.shadow));
    }
    Ok(())
}

/// この章の図を決めるソースの指紋。
pub fn fingerprint() -> String {
    record::fingerprint(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// 訳す前と、訳した後。
pub struct Translation {
    pub before: Tensor,
    pub after: Tensor,
}

/// 保存した一方の生成器だけを使って訳します。もう一方の生成器も、識別器も読みません。
///
/// `input` は画像のフォルダか、1 枚の画像です。省くと、学習に使っていない風景を `count` 枚描いて訳します。
/// `own` が真なら、風景ではなく、手元の画像 (`--data`) で学習した生成器です。
pub fn translate(
    direction: Direction,
    own: bool,
    store: &Store,
    input: Option<&Path>,
    count: usize,
    seed: Seed,
) -> Result<Translation> {
    let data = own.then(|| "DIR".into());
    let kept = store.open(&Config { data, ..Config::book() })?;
    let config: Config = kept.config()?;
    let (network, style) = match direction {
        Direction::Xy => ("generator_xy", Style::Photo),
        Direction::Yx => ("generator_yx", Style::Ukiyoe),
    };
    let variables = Seed(config.seed).variables();
    let generator = Generator::new(&config, variables.builder(network))?;
    kept.weights(network, &variables)?;
    let before = match input {
        Some(path) => reader(&config, false).inputs(path, None)?,
        None => data::draw(&data::scenes(seed, "translate", count), style, config.size)?,
    };
    let after = apply(&generator, &config, &before)?;
    Ok(Translation { before, after })
}
