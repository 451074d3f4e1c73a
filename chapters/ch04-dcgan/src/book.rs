//! 本に載せる実験の一式。コマンドと `cargo test` は、同じこの 1 つの道を通ります。

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use candle_core::Tensor;
use common::history::{History, thousands};
use common::nn::both;
use common::seed::Seed;
use common::state::State;
use tools::folder::Reader;
use tools::plot::{self, color};
use tools::progress::Watch;
use tools::record::{self, Run};
use tools::session::Settings;
use tools::store::Store;

use crate::config::{Config, Model, Norm};
use crate::data::Pictures;
use crate::figures::{self, Recorder};
use crate::measure::{self, Answer, mean};
use crate::model::{Discriminator, Generator};
use crate::train::{self, Trained, latent};

/// 学習の結果と、図に使う途中経過。
pub struct Outcome {
    pub trained: Trained,
    pub recorder: Recorder,
}

impl Settings for Config {
    const CHAPTER: &str = env!("CARGO_PKG_NAME");

    fn name(&self) -> String {
        let own = if self.data.is_some() { "-folder" } else { "" };
        format!("{}{own}", self.model.name())
    }

    fn flags(&self) -> String {
        let model = if self.model == Model::Mlp { "--model mlp " } else { "" };
        let data = self.data.as_ref();
        let data = data.map_or(String::new(), |dir| format!("--data \"{}\"", dir.display()));
        format!("{model}{data}")
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

/// 学習に使う画像を用意します。`--data` があれば、読者の画像を読みます。
pub fn pictures(config: &Config, quiet: bool) -> Result<Pictures> {
    let &Config { size, channels, .. } = config;
    match &config.data {
        None => Pictures::new(config),
        Some(dir) => {
            let images = Reader { size, channels, quiet }.images(std::slice::from_ref(dir))?;
            Ok(Pictures::Folder(images.into_iter().next().context("画像がありません")?))
        }
    }
}

/// 1 回の学習を、進み具合を見せながら行います。Ctrl-C なら、そこまでの結果を返します。
pub fn run(label: &str, config: &Config, quiet: bool) -> Result<Outcome> {
    resume(label, config, quiet, &State::default())
}

/// [`run`] を、止めたときのようす `saved` から続けます。空なら、はじめからです。
pub fn resume(label: &str, config: &Config, quiet: bool, saved: &State) -> Result<Outcome> {
    config.check()?;
    let pictures = pictures(config, quiet)?;
    let mut recorder = Recorder::new(config, &pictures)?;
    saved.restore(&mut [("figures", &mut recorder)])?;
    let mut watch = Watch::new(label, config.steps, quiet, "--lr");
    let trained = train::resume(config, pictures, saved, |now| {
        recorder.observe(now)?;
        if let Some(frame) = recorder.frames.last() {
            watch.picture(now.step, recorder.frames.len(), || preview(&frame.samples))?;
        }
        watch.step(now.step, now.losses.map(|losses| losses.named()), Some(&now.gan.variables))
    })?;
    watch.finish(&trained.history);
    Ok(Outcome { trained, recorder })
}

/// 端末に出す見本。80 桁に収まるよう、縦横 32 画素までに縮めた 1 枚です。
pub fn preview(samples: &Tensor) -> Result<String> {
    let shrink = samples.dim(2)?.div_ceil(32);
    plot::ascii(&samples.narrow(0, 0, 1)?.avg_pool2d(shrink)?.get(0)?)
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
        figures::draw(&self.trained, &self.recorder, folder)?;
        let name = self.trained.config.model.name();
        let path = folder.join(format!("{name}-arithmetic.png"));
        figures::arithmetic(&self.trained, &thickness(&self.arithmetic()?), &path)?;
        figures::real(&self.trained, &folder.join("real.png"))?;
        figures::overlap(folder)
    }

    /// 学習の終わりに端末へ出す、短い読み方。
    fn reading(&self) -> Result<String> {
        let history = &self.trained.history;
        let mean = |column| history.tail_mean(column, (history.len() / 10).max(1));
        let (start, end, _) = self.distances()?;
        Ok(format!(
            "本物とのエネルギー距離は、学習の前 {start:.2}、後 {end:.2} です。0 に近いほど、本物と同じ散らばり方です。\n\
             識別器の答えの平均は、本物に {:.2}、偽物に {:.2} でした。1/2 に近いほど、見分けられていません。",
            mean("D(x)"),
            mean("D(G(z))")
        ))
    }
}

/// DCGAN の 1 回の更新と同じ CPU 時間で、全結合の GAN は何回更新できるか (測ると 3.4 回ほど)。
pub const MLP_UPDATES: f64 = 3.5;

/// 全結合と比べる回数: 本編の半分 (学習率を下げ始めるところ)。全結合には、これと同じ計算時間を与えます。
pub fn compared_steps() -> usize {
    Config::book().steps / 2
}

/// 壊した学習を打ち切る回数: 本編の 5 分の 1。本編の同じ回数の時点と比べます。
pub fn broken_steps() -> usize {
    Config::book().steps / 5
}

/// 市松模様を比べるカーネル。図の上の段がストライド 2 で割り切れるもの、下の段が割り切れないものです。
const KERNELS: [usize; 4] = [2, 4, 3, 5];

/// 本に載せる実験の結果。
pub struct Book {
    pub dcgan: Outcome,
    pub mlp: Outcome,
    pub no_norm: Outcome,
    pub large_lr: Outcome,
}

/// 全結合の GAN。DCGAN と同じ計算時間だけ学習します。比べる時点の DCGAN と同じく、学習率は下げません。
pub fn mlp() -> Config {
    let steps = (compared_steps() as f64 * MLP_UPDATES) as usize;
    Config { model: Model::Mlp, steps, decay: 1., ..Config::book() }
}

/// BatchNorm を抜いた設定。
pub fn no_norm() -> Config {
    Config { norm: Norm::None, steps: broken_steps(), decay: 1., ..Config::book() }
}

/// 学習率を 200 倍の 0.2 にした設定。
pub fn large_lr() -> Config {
    Config { lr: 200. * Config::book().lr, steps: broken_steps(), decay: 1., ..Config::book() }
}

impl Book {
    /// すべて学習します。
    ///
    /// どの設定も、`change` を通してから使います。試験が種や学習率を変えるためのもので、本では何も変えません。
    pub fn train(change: impl Fn(Config) -> Config + Sync, quiet: bool) -> Result<Self> {
        let run = |label: &str, config: Config| run(label, &change(config), quiet);
        // 互いに関わりのない学習なので、半分ずつ並べて進める。
        let others = || -> Result<_> {
            Ok([
                run("全結合", mlp())?,
                run("BatchNorm なし", no_norm())?,
                run("大きな学習率", large_lr())?,
            ])
        };
        let (dcgan, others) = both(|| run("DCGAN", Config::book()), others);
        let [mlp, no_norm, large_lr] = others?;
        Ok(Self { dcgan: dcgan?, mlp, no_norm, large_lr })
    }

    /// 比べる 4 本の学習。
    fn runs(&self) -> [figures::Run<'_>; 4] {
        [
            ("DCGAN", &self.dcgan, 1., color::GENERATOR),
            ("全結合", &self.mlp, MLP_UPDATES, color::CLASSES[0]),
            ("BatchNorm なし", &self.no_norm, 1., color::CLASSES[1]),
            ("学習率 200 倍", &self.large_lr, 1., color::CLASSES[4]),
        ]
        .map(|(label, outcome, updates_per_step, color)| figures::Run {
            label,
            trained: &outcome.trained,
            recorder: &outcome.recorder,
            updates_per_step,
            color,
        })
    }

    /// 同じ計算時間の後の、本物とのエネルギー距離: DCGAN、全結合。
    pub fn compared_distances(&self) -> [f64; 2] {
        let mlp = &self.mlp.recorder;
        [self.dcgan.recorder.distance_at(compared_steps()), mlp.distance_at(usize::MAX)]
    }

    /// 同じ回数だけ更新した時点の、本物とのエネルギー距離: 本編、BatchNorm なし、大きな学習率。
    pub fn broken_distances(&self) -> [f64; 3] {
        [&self.dcgan, &self.no_norm, &self.large_lr]
            .map(|outcome| outcome.recorder.distance_at(broken_steps()))
    }

    /// 本の図と `run.json` を `dir` に書きます。
    pub fn draw(&self, dir: &Path) -> Result<()> {
        let Outcome { trained, recorder } = &self.dcgan;
        figures::draw(trained, recorder, dir)?;
        let places = self.dcgan.arithmetic()?;
        figures::arithmetic(trained, &thickness(&places), &dir.join("dcgan-arithmetic.png"))?;
        figures::real(trained, &dir.join("kanji-real.png"))?;
        figures::compare(&self.runs(), compared_steps(), broken_steps(), dir)?;
        figures::overlap(dir)?;
        let untrained = KERNELS.map(|kernel| figures::untrained(&Config::book(), kernel));
        let untrained = untrained.into_iter().collect::<Result<Vec<_>>>()?;
        figures::checkerboard(&KERNELS, &untrained, dir)?;
        let history = trained.history.to_string();
        tools::files::write(&dir.join("dcgan-history.txt"), history.as_bytes())?;
        self.record(&untrained, &places)?.write(dir)
    }

    /// 本文が引用する測定値。`untrained` は、[`KERNELS`] の順の、学習していない生成器の画像、`places` は足し引きの結果です。
    fn record(&self, untrained: &[Tensor], places: &[(Answer, Place)]) -> Result<Run> {
        let mut record = Run::new(fingerprint());
        for (name, outcome) in [
            ("dcgan", &self.dcgan),
            ("mlp", &self.mlp),
            ("no_norm", &self.no_norm),
            ("large_lr", &self.large_lr),
        ] {
            let config = &outcome.trained.config;
            record.config(name, config)?;
            record.result(&format!("{name}.steps"), config.steps);
            let history = &outcome.trained.history;
            for (key, column) in [
                ("loss_d", "loss D"),
                ("loss_g", "loss G"),
                ("d_real", "D(x)"),
                ("d_fake", "D(G(z))"),
            ] {
                let mean = history.tail_mean(column, history.len() / 10);
                record.result(&format!("{name}.{key}"), format!("{mean:.2}"));
            }
            for network in ["generator", "discriminator"] {
                let count = outcome.trained.gan.variables.parameters(network);
                record.result(&format!("{name}.params_{network}"), thousands(count));
            }
        }
        let (start, end, real) = self.dcgan.distances()?;
        record.result("dcgan.distance_start", format!("{start:.2}"));
        record.result("dcgan.distance", format!("{end:.2}"));
        record.result("dcgan.distance_real", format!("{:.2}", real.max(0.)));
        let [dcgan, mlp] = self.compared_distances();
        record.result("compared.steps", compared_steps());
        record.result("compared.mlp_updates", MLP_UPDATES);
        record.result("compared.dcgan", format!("{dcgan:.2}"));
        record.result("compared.mlp", format!("{mlp:.2}"));
        let [standard, no_norm, large_lr] = self.broken_distances();
        record.result("broken.steps", broken_steps());
        record.result("broken.standard", format!("{standard:.2}"));
        record.result("broken.no_norm", format!("{no_norm:.2}"));
        record.result("broken.large_lr", format!("{large_lr:.2}"));
        let nearest = self.dcgan.nearest()?;
        record.result("nearest.fake", format!("{:.2}", nearest.fake));
        record.result("nearest.same", format!("{:.2}", nearest.same));
        record.result("nearest.other", format!("{:.2}", nearest.other));
        record.result("nearest.copies", format!("{:.1} %", 100. * nearest.copies));
        record.result("nearest.kinds", nearest.kinds);
        let [walked, mixed] = self.dcgan.midpoints()?;
        record.result("walk.z", format!("{walked:.2}"));
        record.result("walk.pixels", format!("{mixed:.2}"));
        for (answer, place) in places {
            let key = answer.key();
            for (name, place) in [("thickness", place.thickness), ("outline", place.outline)] {
                record
                    .result(&format!("arithmetic.{name}_{key}"), format!("{:.0} %", 100. * place));
            }
        }
        for (kernel, images) in KERNELS.into_iter().zip(untrained) {
            let strength = measure::checkerboard(images)?;
            record.result(&format!("checkerboard.k{kernel}"), format!("{strength:.2}"));
        }
        for (name, config) in [("paper", Config::paper()), ("pytorch", Config::pytorch())] {
            let variables = Seed(0).variables();
            Generator::new(&config, variables.builder("generator"))?;
            Discriminator::new(&config, variables.builder("discriminator"))?;
            for network in ["generator", "discriminator"] {
                let count = thousands(variables.parameters(network));
                record.result(&format!("{name}.params_{network}"), count);
            }
        }
        Ok(record)
    }
}

/// 学習用の字までの、特徴での距離の平均。
pub struct Nearest {
    /// 作った画像から、いちばん近い学習用の字まで
    pub fake: f32,
    /// 本物を新しく置いた画像から、元の字まで (丸ごと覚えていたら、これくらいになる)
    pub same: f32,
    /// 本物の字から、ほかの字のうちいちばん近いものまで
    pub other: f32,
    /// 作った画像のうち、「本物を新しく置いた画像」の中ほどより学習用の字に近いものの割合
    pub copies: f64,
    /// 作った画像にいちばん近い学習用の字の、種類の数
    pub kinds: usize,
}

/// 性質の順位: 作った 1,000 枚の中で、下から数えてどこに来るか (0〜1) の平均です。
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// 太さ
    pub thickness: f32,
    /// 込み具合
    pub outline: f32,
}

/// 足し引きの、それぞれの答えの太さの順位。
fn thickness(places: &[(Answer, Place)]) -> Vec<f32> {
    places.iter().map(|(_, place)| place.thickness).collect()
}

impl Outcome {
    /// 本物とのエネルギー距離: 学習の前、学習の後、本物どうし。
    pub fn distances(&self) -> Result<(f32, f32, f32)> {
        const COUNT: usize = 1_000;
        let Trained { config, pictures, .. } = &self.trained;
        let seed = Seed(config.seed);
        let real = pictures.sample(COUNT, &mut seed.rng("distance"))?;
        let untrained = train::Gan::new(config)?.generator;
        let z = latent(config, COUNT, &mut seed.rng("generate"))?;
        Ok((
            // 学習の前の移動平均はまだ何も見ていないので、ミニバッチの統計で作る。
            measure::distance(&untrained.forward(&z, true)?, &real)?,
            measure::distance(&self.trained.generate(COUNT, seed)?, &real)?,
            measure::distance(&pictures.sample(COUNT, &mut seed.rng("other"))?, &real)?,
        ))
    }

    /// 作った画像が学習用の字の写しでないかを測ります。
    pub fn nearest(&self) -> Result<Nearest> {
        const COUNT: usize = 400;
        let Trained { config, pictures, .. } = &self.trained;
        let known = pictures.known()?;
        let distances = |images: &Tensor| -> Result<Vec<f32>> {
            Ok(measure::nearest(images, &known)?
                .into_iter()
                .map(|(distance, _)| distance)
                .collect())
        };
        let found = measure::nearest(&self.trained.generate(COUNT, Seed(config.seed))?, &known)?;
        let kinds = found.iter().map(|&(_, at)| at).collect::<BTreeSet<_>>().len();
        let fake: Vec<f32> = found.into_iter().map(|(distance, _)| distance).collect();
        let mut same = distances(&pictures.sample(COUNT, &mut Seed(config.seed).rng("nearest"))?)?;
        let (same_mean, fake_mean) = (mean(&same), mean(&fake));
        same.sort_by(f32::total_cmp);
        let typical = same[same.len() / 2];
        let copies = fake.iter().filter(|&&distance| distance < typical).count();
        Ok(Nearest {
            fake: fake_mean,
            same: same_mean,
            other: mean(&measure::nearest_others(&known, COUNT)?),
            copies: copies as f64 / fake.len() as f64,
            kinds,
        })
    }

    /// 2 枚の中間と本物とのエネルギー距離: z の中間から作った画像、画素を混ぜた画像。
    pub fn midpoints(&self) -> Result<[f32; 2]> {
        const COUNT: usize = 500;
        let Trained { config, pictures, gan, .. } = &self.trained;
        let rng = &mut Seed(config.seed).rng("midpoints");
        let (a, b) = (latent(config, COUNT, rng)?, latent(config, COUNT, rng)?);
        let draw = |z: &Tensor| train::draw(&gan.generator, z);
        let middle = |a: &Tensor, b: &Tensor| (a + b)? / 2.;
        let real = pictures.sample(COUNT, rng)?;
        Ok([
            measure::distance(&draw(&middle(&a, &b)?)?, &real)?,
            measure::distance(&middle(&draw(&a)?, &draw(&b)?)?, &real)?,
        ])
    }

    /// 足し引き a − b + c を、違う 3 個ずつで何度も行い、使った組・答え・比べる答えの性質を測ります。
    pub fn arithmetic(&self) -> Result<Vec<(Answer, Place)>> {
        const TRIALS: usize = 100;
        let (z, images) = figures::many(&self.trained)?;
        let rng = &mut Seed(self.trained.config.seed).rng("trials");
        let trials = measure::trials(TRIALS, &z, &images, rng)?;
        let place = |attribute: fn(&Tensor) -> Result<Vec<f32>>, shown: &Tensor| -> Result<f32> {
            let all = attribute(&images)?;
            let below = |value: f32| all.iter().filter(|&&other| other < value).count();
            let places = attribute(shown)?.into_iter().map(|v| below(v) as f32 / all.len() as f32);
            Ok(mean(&places.collect::<Vec<_>>()))
        };
        let measured = Answer::ALL.into_iter().zip(trials).map(|(answer, z)| {
            let shown = train::draw(&self.trained.gan.generator, &z)?;
            let thickness = place(measure::thickness, &shown)?;
            Ok((answer, Place { thickness, outline: place(measure::outline, &shown)? }))
        });
        measured.collect()
    }
}

/// 「自分で試す」と本文の答えに載せる、本の実験のほかの学習。本の図を作り直すときだけ行い、`record` に足します。
pub fn answers(record: &mut Run) -> Result<()> {
    let book = Config::book;
    let variants = || -> Result<_> {
        let trained = |label: &str, config: Config| run(label, &config, true);
        // 本の学習率の 5 倍。
        let lr = 5. * book().lr;
        let fast =
            trained("学習率 5 倍", Config { lr, steps: broken_steps(), decay: 1., ..book() })?;
        // 終わりに下げない学習率。下げる学習より多く、3,000 回更新する。
        let lr = book().lr / 2.;
        let constant = trained("一定の学習率", Config { lr, steps: 3_000, decay: 1., ..book() })?;
        Ok([
            fast,
            constant,
            trained("カーネル 3", Config { kernel: 3, ..book() })?,
            trained("2 次元のノイズ", Config { z_dim: 2, ..book() })?,
        ])
    };
    let seeds = || -> Result<Vec<Vec<(Answer, Place)>>> {
        let seeds = 1..=4;
        seeds.map(|seed| run("種", &Config { seed, ..book() }, true)?.arithmetic()).collect()
    };
    let (variants, seeds) = both(variants, seeds);
    let [fast, constant, three, two] = variants?;
    let fast = fast.recorder.distance_at(broken_steps());
    record.result("try.lr5.distance", format!("{fast:.2}"));
    for (name, outcome) in [("constant", &constant), ("kernel3", &three), ("z2", &two)] {
        record.result(&format!("try.{name}.distance"), format!("{:.2}", outcome.distances()?.1));
    }
    let pattern = measure::checkerboard(&three.trained.generate(1_000, Seed(0))?)?;
    record.result("try.kernel3.checkerboard", format!("{pattern:.2}"));
    let seeds = seeds?;
    for wanted in [Answer::Arithmetic, Answer::Unrelated, Answer::Reversed] {
        let places = seeds.iter().flatten().filter(|(answer, _)| *answer == wanted);
        let places: Vec<f32> = places.map(|(_, place)| 100. * place.thickness).collect();
        let least = places.iter().copied().fold(f32::INFINITY, f32::min);
        let most = places.iter().copied().fold(0., f32::max);
        record.result(&format!("try.seeds.{}", wanted.key()), format!("{least:.0}〜{most:.0} %"));
    }
    Ok(())
}

/// この章の図を決めるソースの指紋。
pub fn fingerprint() -> String {
    record::fingerprint(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// 保存した生成器だけを使って、新しい画像 `[count, C, H, W]` を作ります。識別器は読みません。
///
/// `own` が真なら、漢字ではなく、手元の画像 (`--data`) で学習した生成器です。
pub fn generate(
    model: Model,
    own: bool,
    store: &Store,
    count: usize,
    seed: Seed,
) -> Result<Tensor> {
    let data = own.then(|| "DIR".into());
    let kept = store.open(&Config { model, data, ..Config::book() })?;
    let config: Config = kept.config()?;
    let variables = Seed(config.seed).variables();
    let generator = Generator::new(&config, variables.builder("generator"))?;
    kept.weights("generator", &variables)?;
    train::generate(&generator, &config, count, seed)
}
