//! 本に載せる実験の一式。コマンドと `cargo test` は、同じこの 1 つの道を通ります。

use std::path::Path;

use anyhow::{Result, ensure};
use common::data::energy_distance;
use common::history::History;
use common::seed::Seed;
use common::state::State;
use nalgebra::DMatrix;
use tools::cli;
use tools::compare::Compared;
use tools::plot;
use tools::progress::{Progress, Watch};
use tools::record::{self, Run};
use tools::session::{Keep, Settings};
use tools::store::Store;

use crate::compare;
use crate::config::{Config, Data, Labels, Model};
use crate::convert;
use crate::data::{self, HELD_OUT, Split};
use crate::figures::{self, Recorder, Sweep};
use crate::measure;
use crate::model::Generative;
use crate::train::{self, Trained, TrainedClassifier};

/// 生成モデルの学習の結果と、図に使う途中経過。
pub struct Outcome {
    pub trained: Trained,
    pub recorder: Recorder,
    pub split: Split,
}

/// 識別モデルの学習の結果。
pub struct ClassifierOutcome {
    pub trained: TrainedClassifier,
    pub split: Split,
}

impl Settings for Config {
    const CHAPTER: &str = env!("CARGO_PKG_NAME");

    fn name(&self) -> String {
        figures::name(self)
    }

    fn flags(&self) -> String {
        let labels = if self.labels == Labels::Use { " --labels use" } else { "" };
        format!("--data {} --model {}{labels}", self.data.name(), self.model.name())
    }

    fn steps(&self) -> usize {
        self.steps
    }

    fn check(&self) -> Result<()> {
        self.check()
    }
}

/// 生成モデルの学習を、進み具合を見せながら行います。Ctrl-C なら、そこまでの結果を返します。
pub fn run(label: &str, config: &Config, quiet: bool) -> Result<Outcome> {
    resume(label, config, quiet, &State::default())
}

/// [`run`] を、止めたときのようす `saved` から続けます。空なら、はじめからです。
pub fn resume(label: &str, config: &Config, quiet: bool, saved: &State) -> Result<Outcome> {
    config.check()?;
    let split = data::dataset(config)?;
    let mut recorder = Recorder::default();
    saved.restore(&mut [("figures", &mut recorder)])?;
    let mut watch = Watch::new(label, config.steps, quiet, "--components");
    let trained = train::resume(config, &split, saved, |now| {
        recorder.observe(config, now);
        watch.step(now.step, Some(now.named()), None)
    })?;
    watch.finish(&trained.history);
    Ok(Outcome { trained, recorder, split })
}

/// 識別モデルの学習を、進み具合を見せながら行います。`saved` が空でなければ、その続きです。
pub fn run_classifier(
    label: &str,
    config: &Config,
    quiet: bool,
    saved: &State,
) -> Result<ClassifierOutcome> {
    config.check()?;
    let split = data::dataset(config)?;
    let mut watch = Watch::new(label, config.steps, quiet, "--lr");
    let trained = train::train_classifier(config, &split, saved, |step, losses| {
        watch.step(step, Some(losses), None)
    })?;
    watch.finish(&trained.history);
    Ok(ClassifierOutcome { trained, split })
}

/// 端末に出す見本。画像は 4 枚を横に並べます。
pub fn preview(x: &DMatrix<f64>) -> Result<String> {
    if x.nrows() == 2 {
        return plot::ascii(&convert::tensor(x)?);
    }
    let images = figures::images(&figures::first(x, 4))?;
    let row: Vec<_> =
        (0..images.dim(0)?).map(|i| images.get(i)).collect::<candle_core::Result<_>>()?;
    plot::ascii(&candle_core::Tensor::cat(&row, 2)?)
}

impl Outcome {
    /// 標本 1 つあたりの log p(x) の平均: 学習に使ったデータ、テストデータ。
    pub fn log_likelihood(&self) -> [f64; 2] {
        [&self.split.train, &self.split.held_out]
            .map(|data| measure::mean(&self.trained.model.log_density(&data.x)))
    }

    /// 学習の前のモデル。EM の出発点です。
    pub fn start(&self) -> Result<Generative> {
        let config = &self.trained.config;
        let (prior, groups) = train::groups(config, &self.split.train)?;
        let rng = &mut Seed(config.seed).rng("initial");
        let classes =
            groups.iter().map(|x| train::initial(config, x, rng)).collect::<Result<_>>()?;
        Ok(Generative { prior, classes })
    }

    /// テストデータとのエネルギー距離。
    pub fn distance(&self) -> Result<f32> {
        measure::distance(&self.trained.model, &self.split.held_out.x)
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
        Ok(vec![("model", self.trained.model.to_bytes()?)])
    }

    fn draw(&self, folder: &Path) -> Result<()> {
        figures::draw(&self.trained, &self.recorder, &self.split.held_out, folder)
    }

    /// 学習の終わりに端末へ出す、短い読み方。
    fn reading(&self) -> Result<String> {
        let [train, held_out] = self.log_likelihood();
        let likelihood = format!(
            "1 つあたりの対数尤度は、訓練データで {train:.2}、テストデータで {held_out:.2} でした。差が大きいほど、訓練データに合わせすぎています。"
        );
        let mut lines = vec![likelihood];
        let config = &self.trained.config;
        if config.data == Data::Digits {
            lines.push(format!(
                "1 画素あたり {:.2} ビットです (何も知らなければ 4.09)。本物とのエネルギー距離は {:.3} です。どちらも小さいほど良い値です。",
                measure::bits_per_pixel(held_out, config.data.dim()),
                self.distance()?
            ));
        }
        if config.labels == Labels::Use {
            let posterior = self.trained.model.posterior(&self.split.held_out.x);
            lines.push(format!(
                "ベイズの定理で識別にも使うと、テストデータの {:.1} % を当てました。",
                100. * measure::accuracy(&posterior, &self.split.held_out.labels)
            ));
        }
        Ok(lines.join("\n"))
    }
}

impl ClassifierOutcome {
    /// テストデータでの正解率。
    pub fn accuracy(&self) -> Result<f64> {
        let posterior = self.trained.classifier.posterior(&self.split.held_out.x)?;
        Ok(measure::accuracy(&posterior, &self.split.held_out.labels))
    }
}

impl tools::session::Outcome for ClassifierOutcome {
    type Config = Config;

    fn config(&self) -> &Config {
        &self.trained.config
    }

    fn history(&self) -> &History {
        &self.trained.history
    }

    fn state(&self) -> Result<State> {
        Ok(self.trained.state.clone())
    }

    fn weights(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        Ok(vec![("classifier", self.trained.variables.to_bytes("classifier")?)])
    }

    /// 識別モデルには、図にする標本がありません。
    fn draw(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    /// 学習の終わりに端末へ出す、短い読み方。
    fn reading(&self) -> Result<String> {
        Ok(format!(
            "テストデータの {:.1} % を当てました。このモデルが知っているのは p(y|x) だけで、新しい x は作れません。",
            100. * self.accuracy()?
        ))
    }
}

/// 本に載せる実験の結果。
pub struct Book {
    pub classifier: ClassifierOutcome,
    pub blobs: Outcome,
    /// 独立、正規分布、混合の順。
    pub moons: [Outcome; 3],
    /// 独立な画素、正規分布、混合の順。
    pub digits: [Outcome; 3],
    pub by_label: Outcome,
    pub digit_classifier: ClassifierOutcome,
    pub components: Sweep,
    pub floors: Sweep,
    /// 「自分で試す」の 2 つ: [`few`] と [`crowded`]
    pub few: Sweep,
    pub crowded: Sweep,
    /// 輪での測定 (第7章で、ほかのモデルと並べる)
    pub compared: Compared,
}

/// 軸を図にする数字と、その軸に沿って変わるもの。
pub const AXES_OF: usize = 0;
pub const AXES: [&str; 3] = ["太さ", "傾き", "濃さ"];

/// 3 つの生成モデル。
pub const MODELS: [Model; 3] = [Model::Pixels, Model::Gaussian, Model::Mixture];

impl Book {
    /// モデルも残す学習。
    pub fn named_configs() -> Vec<Config> {
        let of = |data| MODELS.map(|model| Config::book(data, model));
        let classifier = |data| Config::book(data, Model::Classifier);
        let mut named = [of(Data::Moons), of(Data::Digits)].concat();
        for data in [Data::Blobs, Data::Digits] {
            named.extend([Config::by_class(data), classifier(data)]);
        }
        named
    }

    /// すべて学習します。Ctrl-C なら、残りの学習はせずに失敗します。
    ///
    /// `keep` は学習が 1 つ終わる (または止められる) たびに呼ばれ、結果を残す機会になります。
    pub fn train(quiet: bool, keep: &Keep<Config>) -> Result<Self> {
        let kept = |label: &str, outcome: &dyn tools::session::Outcome<Config = Config>| {
            keep(outcome)?;
            ensure!(!cli::stop_requested(), "{label}の途中で止めました");
            Ok(())
        };
        let run = |label: &str, config: Config| -> Result<Outcome> {
            let outcome = run(label, &config, quiet)?;
            kept(label, &outcome)?;
            Ok(outcome)
        };
        let three = |data: Data, title: &str| -> Result<[Outcome; 3]> {
            let outcome = |model: Model| {
                run(&format!("{title} ({})", model.title()), Config::book(data, model))
            };
            let [a, b, c] = MODELS.map(outcome);
            Ok([a?, b?, c?])
        };
        let classifier = |label: &str, data| -> Result<ClassifierOutcome> {
            let config = Config::book(data, Model::Classifier);
            let outcome = run_classifier(label, &config, quiet, &State::default())?;
            kept(label, &outcome)?;
            Ok(outcome)
        };
        Ok(Self {
            classifier: classifier("2 クラス (識別)", Data::Blobs)?,
            blobs: run("2 クラス (生成)", Config::by_class(Data::Blobs))?,
            moons: three(Data::Moons, "三日月")?,
            digits: three(Data::Digits, "数字")?,
            by_label: run("数字 (ラベルごと)", Config::by_class(Data::Digits))?,
            digit_classifier: classifier("数字 (識別)", Data::Digits)?,
            components: sweep("山の数", quiet, &components())?,
            floors: sweep("分散の下限", quiet, &floors())?,
            few: sweep("訓練データ 100 枚", quiet, &few())?,
            crowded: sweep("三日月の山の数", quiet, &crowded())?,
            compared: compare::ring_of_mixtures()?,
        })
    }

    /// 本の図と `run.json` を `dir` に書きます。
    pub fn draw(&self, dir: &Path) -> Result<()> {
        let (classifier, blobs) = (&self.classifier.trained.classifier, &self.blobs.trained.model);
        figures::compare(classifier, blobs, &self.blobs.split.held_out, dir)?;
        figures::sampling(classifier, blobs, &self.blobs.split.held_out, dir)?;
        figures::far(classifier, blobs, dir)?;

        let moons = self.moons.each_ref().map(|outcome| &outcome.trained.model);
        figures::moons(moons, &self.moons[0].split.held_out, dir)?;
        let mixture = &self.moons[2];
        figures::draw(&mixture.trained, &mixture.recorder, &mixture.split.held_out, dir)?;

        let real = &self.digits[0].split.held_out.x;
        let digits = self.digits.each_ref().map(|outcome| &outcome.trained.model);
        figures::real_digits(real, dir)?;
        figures::side_by_side(real, digits, dir)?;
        figures::axes(&self.by_label.trained.model, AXES_OF, &AXES, dir)?;
        for outcome in self.digits.iter().chain([&self.by_label]) {
            figures::draw(&outcome.trained, &outcome.recorder, &outcome.split.held_out, dir)?;
        }
        let suspects = self.suspects();
        let densities = suspects.each_ref().map(|x| digits[2].log_density(x));
        let means = densities.each_ref().map(|values| measure::mean(values));
        figures::suspects(suspects.each_ref(), means, dir)?;
        let [real, flipped, _] = densities;
        figures::outliers(&real, &flipped, &dir.join("digits-outliers.svg"))?;
        figures::sweep(
            &self.components,
            "山の数",
            "テストデータ",
            &dir.join("digits-components.svg"),
        )?;
        // 下限は、この図を見て選んだ。選ぶために測るデータは、検証データと呼ぶ。
        figures::sweep(
            &self.floors,
            "分散の下限 (10 の何乗か)",
            "検証データ",
            &dir.join("digits-floor.svg"),
        )?;
        let history = self.digits[2].trained.history.to_string();
        tools::files::write(&dir.join("digits-history.txt"), history.as_bytes())?;
        self.record()?.write(dir)
    }

    /// テストデータの本物、それを上下逆さまにしたもの、雑音。どれも `[64, 500]` です。
    pub fn suspects(&self) -> [DMatrix<f64>; 3] {
        let real = &self.digits[0].split.held_out.x;
        let noise = measure::noise(real.nrows(), real.ncols(), Seed(0));
        [real.clone(), measure::upside_down(real), noise]
    }

    /// 混合ガウスの、EM を始める前の純度。
    pub fn purity_at_start(&self) -> Result<f64> {
        let mixture = &self.digits[2];
        Ok(measure::purity(&mixture.start()?.classes[0], &mixture.split.held_out, 10))
    }

    /// 条件付き生成 p(x|y) で作った画像を、別に学習した識別モデルが y と答える割合。
    pub fn obedience(&self) -> Result<f64> {
        let model = &self.by_label.trained.model;
        let mut total = 0.;
        for y in 0..model.classes.len() {
            let (x, labels) = measure::generate(model, Some(y), 100, Seed(y as u64));
            let posterior = self.digit_classifier.trained.classifier.posterior(&x)?;
            total += measure::accuracy(&posterior, &labels);
        }
        Ok(total / model.classes.len() as f64)
    }

    /// 識別モデルの p(y|x) と、生成モデルからベイズの定理で求めた p(y|x) の差。テストデータの中での最大です。
    pub fn posterior_gap(&self) -> Result<f64> {
        let x = &self.blobs.split.held_out.x;
        let gap = self.classifier.trained.classifier.posterior(x)?
            - self.blobs.trained.model.posterior(x);
        Ok(gap.abs().max())
    }

    /// データから遠い点で、識別モデルが反対側の種類に残した確率と、いちばん高いところに比べた密度。
    pub fn far_away(&self) -> Result<(f64, f64)> {
        let model = &self.blobs.trained.model;
        let (_, x) = figures::away(model);
        let last = x.ncols() - 1;
        let doubt = self.classifier.trained.classifier.posterior(&x)?[(0, last)];
        let log_density = model.log_density(&x);
        let top = log_density.iter().copied().fold(f64::MIN, f64::max);
        Ok((doubt, (log_density[last] - top).exp()))
    }

    /// 本文が引用する測定値。
    fn record(&self) -> Result<Run> {
        let mut record = Run::new(fingerprint());
        let percent = |rate: f64| format!("{:.1} %", 100. * rate);

        record.config("blobs.classifier", &self.classifier.trained.config)?;
        record.config("blobs", &self.blobs.trained.config)?;
        let blobs = &self.blobs.split.held_out;
        let bayes = measure::accuracy(&self.blobs.trained.model.posterior(&blobs.x), &blobs.labels);
        let (doubt, density) = self.far_away()?;
        record.result("blobs.accuracy_classifier", percent(self.classifier.accuracy()?));
        record.result("blobs.accuracy_bayes", percent(bayes));
        record.result("blobs.gap", format!("{:.2}", self.posterior_gap()?));
        record.result("blobs.far.doubt", format!("10 の −{:.0} 乗", -doubt.log10()));
        record.result("blobs.far.density", format!("10 の −{:.0} 乗", -density.log10()));

        for (outcome, model) in self.moons.iter().zip(MODELS) {
            let key = format!("moons.{}", model.name());
            record.config(&key, &outcome.trained.config)?;
            record
                .result(&format!("{key}.held_out"), format!("{:.2}", outcome.log_likelihood()[1]));
        }

        let real = &self.digits[0].split;
        record.result("digits.train", real.train.labels.len());
        record.result("digits.held_out", real.held_out.labels.len());
        let [a, b] = [&real.train.x, &real.held_out.x].map(convert::tensor);
        record.result("digits.distance_real", format!("{:.3}", energy_distance(&a?, &b?)?));
        let nearest = measure::nearest(&real.held_out.x, &real.train.x);
        record.result("digits.nearest_real", format!("{:.2}", measure::mean(&nearest)));
        let names = MODELS.map(Model::name).into_iter().chain(["by_label"]);
        for (outcome, name) in self.digits.iter().chain([&self.by_label]).zip(names) {
            let key = format!("digits.{name}");
            record.config(&key, &outcome.trained.config)?;
            let [train, held_out] = outcome.log_likelihood();
            let bits = |nats| format!("{:.2}", measure::bits_per_pixel(nats, 64));
            record.result(&format!("{key}.nats_train"), format!("{train:.1}"));
            record.result(&format!("{key}.nats"), format!("{held_out:.1}"));
            record.result(&format!("{key}.bits_train"), bits(train));
            record.result(&format!("{key}.bits"), bits(held_out));
            record.result(&format!("{key}.distance"), format!("{:.3}", outcome.distance()?));
            let (fake, _) = measure::generate(&outcome.trained.model, None, HELD_OUT, Seed(0));
            let nearest = measure::nearest(&fake, &real.train.x);
            record.result(&format!("{key}.nearest"), format!("{:.2}", measure::mean(&nearest)));
        }
        let mixture = &self.digits[2];
        let purity = measure::purity(&mixture.trained.model.classes[0], &real.held_out, 10);
        record.result("digits.mixture.components", mixture.trained.config.components);
        record.result("digits.mixture.purity", percent(purity));
        record.result("digits.mixture.purity_start", percent(self.purity_at_start()?));

        let suspects = self.suspects();
        let [real, flipped, noise] =
            suspects.each_ref().map(|x| mixture.trained.model.log_density(x));
        for (name, values) in [("real", &real), ("flipped", &flipped), ("noise", &noise)] {
            record.result(&format!("outliers.{name}"), format!("{:.0}", measure::mean(values)));
        }
        record.result("outliers.flipped_rate", percent(measure::win_rate(&real, &flipped)));
        record.result("outliers.noise_rate", percent(measure::win_rate(&real, &noise)));

        record.config("digit_classifier", &self.digit_classifier.trained.config)?;
        let posterior = self.by_label.trained.model.posterior(&suspects[0]);
        let labels = &self.by_label.split.held_out.labels;
        record
            .result("conditional.accuracy_classifier", percent(self.digit_classifier.accuracy()?));
        record.result("conditional.accuracy_bayes", percent(measure::accuracy(&posterior, labels)));
        record.result("conditional.obedience", percent(self.obedience()?));

        let components = self.components.points.iter().map(|p| (format!("components.{}", p.0), p));
        let floors = self.floors.points.iter().map(|p| (format!("floor.1e{}", p.0), p));
        for (key, (_, train, held_out)) in components.chain(floors) {
            record.result(&format!("{key}.train"), format!("{train:.1}"));
            record.result(&format!("{key}.held_out"), format!("{held_out:.1}"));
        }
        for (model, (_, train, held_out)) in MODELS.into_iter().zip(&self.few.points) {
            let key = format!("few.{}", model.name());
            record.result(&format!("{key}.train"), format!("{train:.1}"));
            record.result(&format!("{key}.held_out"), format!("{held_out:.1}"));
            let bits = measure::bits_per_pixel(*held_out, 64);
            record.result(&format!("{key}.bits"), format!("{bits:.2}"));
        }
        for ((_, config), (_, train, held_out)) in crowded().iter().zip(&self.crowded.points) {
            let key = format!("crowded.{}.{}", config.train, config.components);
            // 差は、表に書いた値どうしの差にする。
            let [train, held_out] = [train, held_out].map(|value| (value * 100.).round() / 100.);
            for (name, value) in
                [("train", train), ("held_out", held_out), ("gap", train - held_out)]
            {
                record.result(&format!("{key}.{name}"), format!("{value:.2}").replace('-', "−"));
            }
        }
        self.compared.record(0, &mut record);
        Ok(record)
    }
}

fn sweep(label: &str, quiet: bool, settings: &[(f64, Config)]) -> Result<Sweep> {
    let bar = Progress::new(label, settings.len(), quiet);
    let mut points = Vec::new();
    for (index, (value, config)) in settings.iter().enumerate() {
        let [train, held_out] = run(label, config, true)?.log_likelihood();
        ensure!(!cli::stop_requested(), "{label}の途中で止めました");
        points.push((*value, train, held_out));
        bar.step(index + 1, &[("train", train as f32), ("held-out", held_out as f32)]);
    }
    bar.finish();
    Ok(Sweep { points })
}

/// 成分の数だけを変えた設定。多すぎると、テストデータの尤度が下がります。
pub fn components() -> [(f64, Config); 6] {
    let config = Config { steps: 15, ..Config::book(Data::Digits, Model::Mixture) };
    [1, 2, 5, 10, 20, 40]
        .map(|components| (components as f64, Config { components, ..config.clone() }))
}

/// 分散の下限だけを変えた設定。下限が低すぎると、訓練データの尤度だけが際限なく上がります。
pub fn floors() -> [(f64, Config); 6] {
    let config = Config { steps: 8, components: 20, ..Config::book(Data::Digits, Model::Mixture) };
    [-6, -5, -4, -3, -2, -1]
        .map(|power| (f64::from(power), Config { floor: 10f64.powi(power), ..config.clone() }))
}

/// 訓練データを 100 枚に減らした、3 つの生成モデル。
pub fn few() -> [(f64, Config); 3] {
    MODELS.map(|model| (100., Config { train: 100, ..Config::book(Data::Digits, model) }))
}

/// 三日月の点の数と、山の数を変えた設定。
pub fn crowded() -> [(f64, Config); 5] {
    let config = Config::book(Data::Moons, Model::Mixture);
    [(2_000, 2), (2_000, 6), (2_000, 20), (200, 6), (200, 20)].map(|(train, components)| {
        (components as f64, Config { train, components, ..config.clone() })
    })
}

/// この章の図を決めるソースの指紋。
pub fn fingerprint() -> String {
    record::fingerprint(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// 保存したモデルだけを使って、新しい標本 `[dim, count]` を作ります。訓練データは読みません。
pub fn generate(
    config: &Config,
    label: Option<usize>,
    store: &Store,
    count: usize,
    seed: Seed,
) -> Result<DMatrix<f64>> {
    ensure!(
        config.model != Model::Classifier,
        "識別モデルは p(y|x) だけを学ぶので、新しい x は作れません。--model に pixels、gaussian、mixture のどれかを指定してください"
    );
    let (file, bytes) = store.open(config)?.bytes("model")?;
    let model = Generative::from_bytes(&bytes, file)?;
    if let Some(label) = label {
        ensure!(
            label < model.classes.len(),
            "--label は 0 以上 {} 以下にしてください ({label} でした)",
            model.classes.len() - 1
        );
    }
    Ok(measure::generate(&model, label, count, seed).0)
}
