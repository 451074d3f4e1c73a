//! 本に載せる実験の一式。コマンドと `cargo test` は、同じこの 1 つの道を通ります。

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use candle_core::{DType, Tensor};
use common::glyphs::Font;
use common::history::{History, thousands};
use common::measure::sharpness;
use common::nn::both;
use common::seed::Seed;
use common::state::State;
use tools::folder::{self, Half, Reader};
use tools::plot::{self, color};
use tools::progress::Watch;
use tools::record::{self, Run};
use tools::session::Settings;
use tools::store::Store;

use crate::config::{Config, Direction, Pairs, Switch};
use crate::data::{self, Dataset, HELD_OUT, Pictures};
use crate::figures::{
    self, Compared, Recorder, deviation, half_and_half, patches, with_different_noise,
};
use crate::measure::{Measured, measure};
use crate::model::{Generator, field_origin, output_size, parameters, patch_gan, receptive_field};
use crate::train::{self, Trained};

/// 学習の結果と、図に使う途中経過。
pub struct Outcome {
    pub trained: Trained,
    pub recorder: Recorder,
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
    // 著者のデータでは、取り置きの対が test のものと val のものがある。
    let train = folder::inside(dir, &["train"], "学習用の対は train に、確かめる対は test に")?;
    let test =
        folder::inside(dir, &["test", "val"], "学習用の対は train に、確かめる対は test に")?;
    let places = [(train.clone(), config.frame()), (test, config.size)];
    let read = reader(config, quiet).pairs(&places, config.pair_ratio.0)?;
    let pictures = read.into_iter().map(|[a, b]| match config.direction {
        Direction::Ab => Pictures { x: a, y: b },
        Direction::Ba => Pictures { x: b, y: a },
    });
    let [learned, held_out] = <[Pictures; 2]>::try_from(pictures.collect::<Vec<_>>())
        .map_err(|_| anyhow!("学習用と取り置きの対がそろいません"))?;
    folder::enough(&train, learned.x.dim(0)?, config.batch)?;
    data::paired(config, learned, held_out)
}

fn reader(config: &Config, quiet: bool) -> Reader {
    Reader { size: config.size, channels: config.channels, quiet }
}

/// 1 回の学習を、進み具合を見せながら行います。Ctrl-C なら、そこまでの結果を返します。
pub fn run(label: &str, config: &Config, quiet: bool) -> Result<Outcome> {
    resume(label, config, quiet, &State::default())
}

/// [`run`] を、止めたときのようす `saved` から続けます。空なら、はじめからです。
pub fn resume(label: &str, config: &Config, quiet: bool, saved: &State) -> Result<Outcome> {
    config.check()?;
    let dataset = dataset(config, quiet)?;
    let mut recorder = Recorder::new(config);
    saved.restore(&mut [("figures", &mut recorder)])?;
    let mut watch = Watch::new(label, config.steps, quiet, "--lr");
    let trained = train::resume(config, dataset, saved, |now| {
        recorder.observe(now)?;
        if let Some(frame) = recorder.frames.last() {
            watch.picture(now.step, recorder.frames.len(), || preview(&frame.output))?;
        }
        let weights = Some(&now.networks.variables);
        watch.step(now.step, now.losses.map(|losses| losses.named()), weights)
    })?;
    watch.finish(&trained.history);
    Ok(Outcome { trained, recorder })
}

/// 端末に出す見本。最初の 1 枚を、80 桁に収まる大きさにします。
pub fn preview(images: &Tensor) -> Result<String> {
    let shrink = (images.dim(3)? / 32).max(1);
    plot::ascii(&images.narrow(0, 0, 1)?.avg_pool2d(shrink)?.get(0)?)
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
        self.trained.networks.variables.networks_to_bytes(&["generator", "discriminator"])
    }

    fn draw(&self, folder: &Path) -> Result<()> {
        figures::draw(&self.trained, &self.recorder, folder)
    }

    /// 学習の終わりに端末へ出す、短い読み方。
    fn reading(&self) -> Result<String> {
        let held_out = &self.trained.dataset.held_out;
        let (input, output) = (measure(&held_out.x, &held_out.y)?, self.measure()?);
        Ok(format!(
            "学習で一度も見せていない {} 枚で、正解との SSIM は入力のままの {:.2} から {:.2} に、L1 は {:.3} から {:.3} になりました。\n鮮明さは {:.3} です (正解は {:.3})。",
            held_out.x.dim(0)?,
            input.ssim,
            output.ssim,
            input.l1,
            output.l1,
            output.sharpness,
            sharpness(&held_out.y)?
        ))
    }
}

/// 比べる学習の回数。本の学習の途中 (3 割) と、同じ回数になります。
pub fn compared_steps() -> usize {
    Config::book().steps * 3 / 10
}

/// 正解をずらす学習の回数。
pub fn shifted_steps() -> usize {
    Config::book().steps / 2
}

/// 正解が 1 画素までずれ、1 つに決まらないデータでの設定。L1 の重みは 10 に下げ、GAN の項を効かせます。
pub fn shifted() -> Config {
    Config { shift: 1, lambda_l1: 10., steps: shifted_steps(), ..Config::book() }
}

/// GAN の項を外した設定。学習しない識別器は何も変えないので、小さくて足ります。
pub fn without_gan(config: Config) -> Config {
    Config { lambda_gan: 0., width_d: 1, ..config }
}

/// 本に載せる実験の結果。
pub struct Book {
    pub main: Outcome,
    /// L1 の項だけ (--lambda-gan 0)
    pub l1: Outcome,
    /// GAN の項だけ (--lambda-l1 0)
    pub gan: Outcome,
    /// スキップ結合なし (--skips off)
    pub no_skips: Outcome,
    /// 対をばらばらにした (--pairs shuffled)
    pub unpaired: Outcome,
    /// 正解が 1 つに決まらないデータ (--shift 1) での、L1 だけと両方
    pub shifted: [Outcome; 2],
}

impl Book {
    /// すべて学習します。
    ///
    /// どの設定も、`change` を通してから使います。試験が種や学習率を変えるためのもので、本では何も変えません。
    pub fn train(change: impl Fn(Config) -> Config, quiet: bool) -> Result<Self> {
        let book = change(Config::book());
        let short = Config { steps: compared_steps(), ..book.clone() };
        let shifted = change(shifted());
        // 互いに関わりのない学習なので、かかる時間がほぼ等しい 2 つに分けて、並べて進める。
        let first = || -> Result<_> {
            Ok([run("本の学習", &book, quiet)?, run("ずらした両方", &shifted, quiet)?])
        };
        let second = || -> Result<_> {
            Ok([
                run("L1 だけ", &without_gan(short.clone()), quiet)?,
                run("GAN だけ", &Config { lambda_l1: 0., ..short.clone() }, quiet)?,
                run("スキップなし", &Config { skips: Switch::Off, ..short.clone() }, quiet)?,
                run("対をばらした", &Config { pairs: Pairs::Shuffled, ..short.clone() }, quiet)?,
                run("ずらした L1 だけ", &without_gan(shifted.clone()), quiet)?,
            ])
        };
        let (first, second) = both(first, second);
        let [main, shifted_both] = first?;
        let [l1, gan, no_skips, unpaired, shifted_l1] = second?;
        Ok(Self { main, l1, gan, no_skips, unpaired, shifted: [shifted_l1, shifted_both] })
    }

    /// 同じ回数だけ学習した 5 つ。「両方」は、本の学習の途中です。
    pub fn compared(&self) -> [(&'static str, Compared<'_>); 5] {
        [
            ("l1", "L1 だけ", color::LOSS, &self.l1),
            ("gan", "GAN だけ", color::DISCRIMINATOR, &self.gan),
            ("both", "両方 (L1+GAN)", color::FAKE, &self.main),
            ("no_skips", "スキップなし", color::GENERATOR, &self.no_skips),
            ("unpaired", "ペアをばらす", color::LATENT, &self.unpaired),
        ]
        .map(|(key, label, color, outcome)| {
            (key, Compared { label, color, recorder: &outcome.recorder })
        })
    }

    /// 同じ回数だけ学習した 5 つのうち、`key` の、取り置いた字での測定。
    pub fn measured(&self, key: &str) -> Result<Measured> {
        let run = self.compared().into_iter().find(|run| run.0 == key).context("比べない学習")?.1;
        let frame = run.recorder.frame(compared_steps()).context("比べる回数の出力がない")?;
        measure(&frame.output, &self.main.trained.dataset.held_out.y)
    }

    /// 本の図と `run.json` を `dir` に書きます。
    pub fn draw(&self, dir: &Path) -> Result<()> {
        let Outcome { trained, recorder } = &self.main;
        figures::draw(trained, recorder, dir)?;
        let runs = self.compared().map(|(_, run)| run);
        figures::compare(&runs, compared_steps(), &trained.dataset.held_out, dir)?;
        let shifted = self.shifted.each_ref().map(|outcome| &outcome.trained);
        figures::blur(shifted, &dir.join("blur.png"))?;
        figures::receptive(&dir.join("receptive.png"))?;
        tools::files::write(&dir.join("history.txt"), trained.history.to_string().as_bytes())?;
        self.record()?.write(dir)
    }

    /// 本文が引用する測定値。
    fn record(&self) -> Result<Run> {
        let mut record = Run::new(fingerprint());
        let trained = &self.main.trained;
        let config = &trained.config;
        let held_out = &trained.dataset.held_out;
        record.config("main", config)?;
        record.result("train_characters", trained.dataset.train.x.dim(0)?);
        record.result("held_out_characters", HELD_OUT);
        let mut put = |name: &str, measured: Measured| {
            record.result(&format!("{name}.l1"), format!("{:.3}", measured.l1));
            record.result(&format!("{name}.ssim"), format!("{:.2}", measured.ssim));
            record.result(&format!("{name}.sharpness"), format!("{:.3}", measured.sharpness));
        };
        put("input", measure(&held_out.x, &held_out.y)?);
        put("main", self.main.measure()?);
        for (name, outcome) in ["shifted.l1", "shifted.both"].into_iter().zip(&self.shifted) {
            put(name, outcome.measure()?);
        }
        for (key, _) in self.compared() {
            put(&format!("compare.{key}"), self.measured(key)?);
        }
        record.result("truth.sharpness", format!("{:.3}", sharpness(&held_out.y)?));
        record.result("main.steps", config.steps);
        let seen = config.steps * config.batch;
        let epochs = seen as f64 / trained.dataset.train.x.dim(0)? as f64;
        record.result("main.epochs", format!("{epochs:.0}"));
        record.result("compare.steps", compared_steps());
        record.result("shifted.steps", shifted_steps());
        record.result("shifted.lambda", shifted().lambda_l1);
        let history = &trained.history;
        for (key, column) in [
            ("loss_d", "loss D"),
            ("loss_gan", "loss GAN"),
            ("train_l1", "L1"),
            ("d_real", "D(x,y)"),
            ("d_fake", "D(x,G(x))"),
        ] {
            let mean = history.tail_mean(column, history.len() / 10);
            record.result(&format!("main.{key}"), format!("{mean:.2}"));
        }
        for (name, outcome) in [("main", &self.main), ("shifted", &self.shifted[1])] {
            let [gan, l1] = outcome.pulls()?;
            record.result(&format!("pull.{name}_gan"), format!("{gan:.3}"));
            record.result(&format!("pull.{name}_l1"), format!("{l1:.3}"));
            record.result(&format!("pull.{name}_ratio"), format!("{:.1}", l1 / gan));
        }
        let [deviation, edge, flat] = self.main.noise()?;
        record.result("noise.deviation", format!("{deviation:.3}"));
        record.result("noise.edge", format!("{edge:.3}"));
        record.result("noise.flat", format!("{flat:.3}"));
        let [real, fake, higher] = self.main.half_patches()?;
        record.result("half.real", format!("{real:.2}"));
        record.result("half.fake", format!("{fake:.2}"));
        record.result("half.higher", format!("{:.0} %", 100. * higher));
        for (key, mean) in ["real", "fake"].into_iter().zip(self.main.mean_patches()?) {
            record.result(&format!("patch.{key}"), format!("{mean:.2}"));
        }
        let layers = patch_gan(config);
        let side = output_size(&layers, config.size);
        record.result("patch.map", format!("{side}×{side}"));
        record.result("patch.field", receptive_field(&layers));
        for patch_layers in 1..=5 {
            let layers = patch_gan(&Config { patch_layers, ..Config::paper() });
            record.result(&format!("rf.{patch_layers}"), receptive_field(&layers));
        }
        for network in ["generator", "discriminator"] {
            let (book, paper) =
                (parameters(network, config)?, parameters(network, &Config::paper())?);
            record.result(&format!("params.{network}"), thousands(book));
            record.result(&format!("params.paper_{network}"), thousands(paper));
        }
        Ok(record)
    }
}

impl Outcome {
    /// 取り置いた画像での測定。
    pub fn measure(&self) -> Result<Measured> {
        let held_out = &self.trained.dataset.held_out;
        measure(&self.trained.translate(&held_out.x, Seed(0))?, &held_out.y)
    }

    /// 同じ入力を違うドロップアウトで変換した出力どうしの、画素ごとの標準偏差の平均。
    ///
    /// 全体の平均と、正解の線の縁 (隣の画素と大きく違うところ) の平均と、ほかのところの平均です。
    pub fn noise(&self) -> Result<[f32; 3]> {
        let held_out = &self.trained.dataset.held_out;
        let spread = deviation(&with_different_noise(&self.trained, &held_out.x, 8)?)?;
        let size = held_out.y.dim(3)?;
        let inner = |images: &Tensor, down: usize, right: usize| {
            images.narrow(2, down, size - 1)?.narrow(3, right, size - 1)
        };
        let y = &held_out.y;
        let change = ((inner(y, 0, 0)? - inner(y, 1, 0)?)?.abs()?
            + (inner(y, 0, 0)? - inner(y, 0, 1)?)?.abs()?)?;
        // 地と墨の差は 2。その半分より大きく変わるところを縁とする。
        let edge = change.gt(1f32)?.to_dtype(DType::F32)?;
        let whole = spread.mean_all()?.to_scalar()?;
        let spread = inner(&spread, 0, 0)?;
        let mean = |place: &Tensor| -> Result<f32> {
            let (sum, count) = ((&spread * place)?.sum_all()?, place.sum_all()?);
            Ok(sum.to_scalar::<f32>()? / count.to_scalar::<f32>()?)
        };
        Ok([whole, mean(&edge)?, mean(&edge.affine(-1., 1.)?)?])
    }

    /// テストデータの G(x) を、GAN の項と L1 の項 (どちらも重みを掛けた後) が引く強さ。
    pub fn pulls(&self) -> Result<[f32; 2]> {
        let Pictures { x, y } = &self.trained.dataset.held_out;
        train::pulls(&self.trained, &[x.clone(), y.clone()])
    }

    /// 片側だけが本物の画像で、D が小片ごとに答えた確率: 本物の側の平均、偽物の側の平均、本物の側のほうが高い画像の割合。
    ///
    /// 左が本物の画像と、右が本物の画像の両方で測ります。境目をまたぐ小片は除きます。
    pub fn half_patches(&self) -> Result<[f64; 3]> {
        let Pictures { x, y } = &self.trained.dataset.held_out;
        let fake = self.trained.translate(x, Seed(0))?;
        let layers = patch_gan(&self.trained.config);
        let (start, jump) = field_origin(&layers);
        let (middle, reach) = ((x.dim(3)? / 2) as isize, receptive_field(&layers) as isize);
        let (mut real, mut fakes, mut higher) = (Vec::new(), Vec::new(), 0.);
        for (halves, real_is_left) in
            [(half_and_half(y, &fake)?, true), (half_and_half(&fake, y)?, false)]
        {
            let map = patches(&self.trained, x, &halves)?;
            let width = map.dim(3)?;
            let from = |cell: usize| start + (cell * jump) as isize;
            let left = (0..width).filter(|&cell| from(cell) + reach <= middle).count();
            let right = (0..width).filter(|&cell| from(cell) >= middle).count();
            let side = |from: usize, cells: usize| -> Result<Vec<f32>> {
                Ok(map.narrow(3, from, cells)?.mean((1, 2, 3))?.to_vec1()?)
            };
            let (left, right) = (side(0, left)?, side(width - right, right)?);
            let (of_real, of_fake) = if real_is_left { (left, right) } else { (right, left) };
            higher +=
                of_real.iter().zip(&of_fake).filter(|(real, fake)| real > fake).count() as f64;
            real.extend(of_real);
            fakes.extend(of_fake);
        }
        let mean = |values: &[f32]| f64::from(values.iter().sum::<f32>()) / values.len() as f64;
        Ok([mean(&real), mean(&fakes), higher / real.len() as f64])
    }

    /// 取り置いた画像で D が小片ごとに答えた確率の平均: 本物の対、偽物の対。
    pub fn mean_patches(&self) -> Result<[f32; 2]> {
        let held_out = &self.trained.dataset.held_out;
        let fake = self.trained.translate(&held_out.x, Seed(0))?;
        let mean = |y: &Tensor| -> Result<f32> {
            Ok(patches(&self.trained, &held_out.x, y)?.mean_all()?.to_scalar()?)
        };
        Ok([mean(&held_out.y)?, mean(&fake)?])
    }
}

/// 「自分で試す」と本文の答えに載せる、本の実験のほかの学習。本の図を作り直すときだけ行い、`record` に足します。
pub fn answers(record: &mut Run) -> Result<()> {
    let run = |label: &str, config: Config| run(label, &config, true);
    let (lambda, patch) = both(
        || run("λ = 10", Config { lambda_l1: 10., ..Config::book() }),
        || run("70×70 の受容野", Config { patch_layers: 3, ..Config::book() }),
    );
    for (name, outcome) in [("lambda10", lambda?), ("patch3", patch?)] {
        let measured = outcome.measure()?;
        record.result(&format!("try.{name}.l1"), format!("{:.3}", measured.l1));
        record.result(&format!("try.{name}.ssim"), format!("{:.2}", measured.ssim));
        record.result(&format!("try.{name}.sharpness"), format!("{:.3}", measured.sharpness));
    }
    Ok(())
}

/// この章の図を決めるソースの指紋。
pub fn fingerprint() -> String {
    record::fingerprint(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// 変換する入力。
pub enum Source {
    /// 文字。フォントを省くと、学習に使ったゴシック体です。空なら、取り置いた字から選びます
    Text { text: String, font: Option<PathBuf> },
    /// 画像のフォルダか、1 枚の画像
    Pictures(PathBuf),
}

/// 保存した生成器だけを使って変換し、入力と出力を返します。識別器は読みません。
pub fn translate(source: &Source, store: &Store, seed: Seed) -> Result<[Tensor; 2]> {
    let data = matches!(source, Source::Pictures(_)).then(|| "DIR".into());
    let kept = store.open(&Config { data, ..Config::book() })?;
    let config: Config = kept.config()?;
    let variables = Seed(config.seed).variables();
    let generator = Generator::new(&config, variables.builder("generator"))?;
    kept.weights("generator", &variables)?;
    let x = match source {
        Source::Pictures(path) => {
            let half = match config.direction {
                Direction::Ab => Half::Left,
                Direction::Ba => Half::Right,
            };
            reader(&config, false).inputs(path, Some((config.pair_ratio.0, half)))?
        }
        Source::Text { text, font } => {
            let font = match font {
                Some(path) => Font::from_file(path)?,
                None => Font::embedded("kanji-gothic")?,
            };
            let text: Vec<char> = match text.is_empty() {
                true => data::characters(Seed(config.seed)).1.into_iter().take(8).collect(),
                false => text.chars().filter(|c| !c.is_whitespace()).collect(),
            };
            ensure!(
                (1..=256).contains(&text.len()),
                "--text は 1 字以上 256 字以下にしてください ({} 字でした)",
                text.len()
            );
            data::write(&font, &text, config.size, config.size)?
        }
    };
    let output = train::translate(&generator, &config, &x, seed)?;
    Ok([x, output])
}
