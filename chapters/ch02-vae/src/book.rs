//! 本に載せる実験の一式。コマンドと `cargo test` は、同じこの 1 つの道を通ります。

use std::path::Path;

use anyhow::{Result, ensure};
use candle_core::Tensor;
use common::data::energy_distance;
use common::history::History;
use common::nn::{both, mse};
use common::seed::Seed;
use common::state::State;
use tools::cli;
use tools::compare::Compared;
use tools::folder::{self, Labelled, Reader};
use tools::plot;
use tools::progress::Watch;
use tools::record::{self, Run};
use tools::session::{Keep, Settings};
use tools::store::Store;

use crate::compare;
use crate::config::{Config, Data, Model};
use crate::density::Mixture;
use crate::explorer::Explorer;
use crate::figures::{self, Recorder, Swept};
use crate::model::Decoder;
use crate::train::{self, Dataset, Trained, corrupt};

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
        let model = if self.model == Model::Ae { " --model ae" } else { "" };
        match &self.data {
            Data::Own(path) => format!("--data \"{}\"{model}", path.display()),
            data => format!("--data {}{model}", data.name()),
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
    let Data::Own(path) = &config.data else { return train::dataset(config) };
    let Labelled { images, labels } = Reader { size, channels, quiet }.any(path)?;
    let dataset = train::own(config, &images, labels.as_deref())?;
    folder::enough(path, dataset.train.labels.len(), config.batch)?;
    Ok(dataset)
}

/// 1 回の学習を、進み具合を見せながら行います。Ctrl-C なら、そこまでの結果を返します。
pub fn run(label: &str, config: &Config, quiet: bool) -> Result<Outcome> {
    resume(label, config, quiet, &State::default())
}

/// [`run`] を、止めたときのようす `saved` から続けます。空なら、はじめからです。
pub fn resume(label: &str, config: &Config, quiet: bool, saved: &State) -> Result<Outcome> {
    config.check()?;
    let dataset = dataset(config, quiet)?;
    let mut recorder = Recorder::new(config)?;
    saved.restore(&mut [("figures", &mut recorder)])?;
    let mut watch = Watch::new(label, config.steps, quiet, "--lr か --beta");
    let trained = train::resume(config, dataset, saved, |now| {
        recorder.observe(now)?;
        if let Some(frame) = recorder.frames.last() {
            watch.picture(now.step, recorder.frames.len(), || preview(config, &frame.samples))?;
        }
        watch.step(now.step, now.losses.map(|losses| losses.named()), Some(&now.vae.variables))
    })?;
    watch.finish(&trained.history);
    Ok(Outcome { trained, recorder })
}

/// 端末に出す見本。画像を 80 桁に収まるだけ横に並べます。
pub fn preview(config: &Config, samples: &Tensor) -> Result<String> {
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

    fn weights(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        self.trained.vae.variables.networks_to_bytes(&["encoder", "decoder"])
    }

    fn draw(&self, folder: &Path) -> Result<()> {
        figures::draw(&self.trained, &self.recorder, folder)
    }

    /// 学習の終わりに端末へ出す、短い読み方。
    fn reading(&self) -> Result<String> {
        let measured = self.measure()?;
        let config = &self.trained.config;
        let samples = format!(
            "N(0, I) から作った画像と本物とのエネルギー距離は {:.2} です。0 に近いほど、本物と分布が近いことを表します。",
            measured.distance
        );
        Ok(match config.model {
            Model::Vae => format!(
                "テストデータで、再構成 {:.1}、KL {:.1} (nat/枚) でした。潜在変数 {} 次元のうち {} 次元が使われています。\n{samples}",
                measured.reconstruction, measured.kl, config.z_dim, measured.active
            ),
            Model::Ae => format!(
                "テストデータで、再構成 {:.1} (nat/枚) でした。潜在変数の並び方は、何も整えていません。\n{samples}",
                measured.reconstruction
            ),
        })
    }
}

/// β を動かす実験の値。0 は KL を切った学習、1 は元の VAE です。
pub const BETAS: [f64; 7] = [0., 0.1, 0.3, 1., 3., 10., 30.];

/// 次元を 1 つずつ動かす図の β。
pub const TRAVERSED: f64 = 3.;

/// オートエンコーダの潜在変数に当てはめる混合ガウスの、成分の数。第1章の数字と同じです。
pub const COMPONENTS: usize = 10;

/// 本に載せる実験の結果。
pub struct Book {
    pub vowels: Outcome,
    pub vowels_ae: Outcome,
    pub hiragana: Outcome,
    pub hiragana_ae: Outcome,
    pub digits: Outcome,
    pub digits_ae: Outcome,
    /// [`BETAS`] と同じ順
    pub sweep: Vec<Outcome>,
    pub broken: Outcome,
    pub denoising: Outcome,
    /// デノイジングと比べる、汚れを知らないオートエンコーダ
    pub plain: Outcome,
    /// 「あいうえお」の VAE の、潜在変数の次元だけを 1 と 16 に変えたもの
    pub one: Outcome,
    pub sixteen: Outcome,
    /// [`Book::pairs`] と同じ順
    fitted: [Fitted; 3],
    /// 輪での測定 (第7章で、ほかのモデルと並べる)
    pub compared: Compared,
}

/// オートエンコーダの潜在変数に分布を当てはめ、そこから引いて作った画像 `[N, dim]`。
pub struct Fitted {
    /// 1 つのガウスから
    pub gaussian: Tensor,
    /// [`COMPONENTS`] 個の成分の混合ガウスから
    pub mixture: Tensor,
}

/// 同じデータの、VAE とオートエンコーダ。
pub struct Pair<'a> {
    /// run.json とファイルの名前
    pub name: &'static str,
    pub vae: &'a Outcome,
    pub autoencoder: &'a Outcome,
    pub fitted: &'a Fitted,
}

impl Book {
    /// 重みも残す 6 つの学習。
    pub fn named_configs() -> Vec<Config> {
        let data = [Data::Vowels, Data::Hiragana, Data::Digits].into_iter();
        data.map(Config::book).flat_map(|vae| [vae.clone(), vae.autoencoder()]).collect()
    }

    /// すべて学習します。Ctrl-C なら、残りの学習はせずに失敗します。
    ///
    /// どの設定も、`change` を通してから使います。試験が種や学習率を変えるためのもので、本では何も変えません。
    /// `keep` は学習が 1 つ終わる (または止められる) たびに呼ばれ、結果を残す機会になります。
    pub fn train(
        change: impl Fn(Config) -> Config + Sync,
        quiet: bool,
        keep: &Keep<Config>,
    ) -> Result<Self> {
        let named = Self::named_configs();
        let run = |label: &str, config: Config| -> Result<Outcome> {
            let outcome = run(label, &change(config.clone()), quiet)?;
            if named.contains(&config) {
                keep(&outcome)?;
            }
            ensure!(!cli::stop_requested(), "{label}の途中で止めました");
            Ok(outcome)
        };
        let book = Config::book;
        // 互いに関わりのない学習なので、半分ずつ並べて進める。
        let large = || -> Result<_> {
            let hiragana_ae = run("ひらがな (AE)", book(Data::Hiragana).autoencoder())?;
            let fitted = hiragana_ae.fitted()?;
            let named = [
                run("ひらがな (VAE)", book(Data::Hiragana))?,
                run("数字 (VAE)", book(Data::Digits))?,
                run("再パラメータ化なし", Config::broken())?,
                hiragana_ae,
            ];
            Ok((named, fitted))
        };
        let small = || -> Result<_> {
            let sweep = BETAS.iter().map(|&beta| run(&format!("β = {beta}"), Config::swept(beta)));
            let vowels_ae = run("あいうえお (AE)", book(Data::Vowels).autoencoder())?;
            let digits_ae = run("数字 (AE)", book(Data::Digits).autoencoder())?;
            let fitted = [vowels_ae.fitted()?, digits_ae.fitted()?];
            let named = [
                run("あいうえお (VAE)", book(Data::Vowels))?,
                run("デノイジング", Config::denoising())?,
                run("汚れを知らない AE", Config { noise: 0., ..Config::denoising() })?,
                run("1 次元", Config { z_dim: 1, ..book(Data::Vowels) })?,
                run("16 次元", Config { z_dim: 16, ..book(Data::Vowels) })?,
                vowels_ae,
                digits_ae,
            ];
            Ok((named, fitted, sweep.collect::<Result<_>>()?, compare::ring_of_vaes()?))
        };
        let (large, small) = both(large, small);
        let ([hiragana, digits, broken, hiragana_ae], fitted_hiragana) = large?;
        let (named, [fitted_vowels, fitted_digits], sweep, compared) = small?;
        let [vowels, denoising, plain, one, sixteen, vowels_ae, digits_ae] = named;
        Ok(Self {
            fitted: [fitted_vowels, fitted_hiragana, fitted_digits],
            vowels,
            vowels_ae,
            hiragana,
            hiragana_ae,
            digits,
            digits_ae,
            sweep,
            broken,
            denoising,
            plain,
            one,
            sixteen,
            compared,
        })
    }

    /// β = `beta` の学習。
    pub fn swept(&self, beta: f64) -> &Outcome {
        &self.sweep[BETAS.iter().position(|&known| known == beta).expect("BETAS にある値")]
    }

    /// データごとの、VAE とオートエンコーダ。
    pub fn pairs(&self) -> [Pair<'_>; 3] {
        let [vowels, hiragana, digits] = &self.fitted;
        let pair = |name, vae, autoencoder, fitted| Pair { name, vae, autoencoder, fitted };
        [
            pair("vowels", &self.vowels, &self.vowels_ae, vowels),
            pair("hiragana", &self.hiragana, &self.hiragana_ae, hiragana),
            pair("digits", &self.digits, &self.digits_ae, digits),
        ]
    }

    /// 学習した順に、run.json での名前を付けて並べます。
    fn named(&self) -> Vec<(String, &Outcome)> {
        let mut named: Vec<(String, &Outcome)> = [
            ("vowels", &self.vowels),
            ("vowels_ae", &self.vowels_ae),
            ("hiragana", &self.hiragana),
            ("hiragana_ae", &self.hiragana_ae),
            ("digits", &self.digits),
            ("digits_ae", &self.digits_ae),
        ]
        .map(|(name, outcome)| (name.to_string(), outcome))
        .into();
        named.extend(BETAS.iter().zip(&self.sweep).map(|(b, o)| (format!("beta.{b}"), o)));
        named.push(("reparam_off".into(), &self.broken));
        named.extend([("dims.1".into(), &self.one), ("dims.16".into(), &self.sixteen)]);
        named
    }

    /// 本の図と `run.json` を `dir` に書きます。
    pub fn draw(&self, dir: &Path) -> Result<()> {
        let file = |name: &str| dir.join(name);
        for Pair { name, vae, autoencoder, fitted } in self.pairs() {
            figures::draw(&vae.trained, &vae.recorder, dir)?;
            let count = figures::SAMPLES;
            let seed = Seed(vae.trained.config.seed);
            let made = [
                ("AE", autoencoder.trained.generate(count, seed)?),
                ("AE +\nガウス", fitted.gaussian.narrow(0, 0, count)?),
                ("AE +\n混合", fitted.mixture.narrow(0, 0, count)?),
                ("VAE", vae.trained.generate(count, seed)?),
            ];
            figures::samples(&vae.trained, &made, &file(&format!("{name}-samples.png")))?;
            let (autoencoder, vae) = (&autoencoder.trained, &vae.trained);
            if vae.config.z_dim == 2 {
                figures::latent_pair(autoencoder, vae, &file(&format!("{name}-latent-pair.svg")))?;
            }
            let text = vae.history.to_string();
            tools::files::write(&file(&format!("{name}-history.txt")), text.as_bytes())?;
        }
        let (two, sixteen) = (&self.vowels.trained, &self.sixteen.trained);
        let errors = [self.vowels.measure()?, self.sixteen.measure()?];
        let errors = errors.map(|measured| measured.reconstruction);
        figures::dims(two, sixteen, errors, &file("dims-pair.png"))?;
        figures::interpolation(&self.hiragana.trained, &file("hiragana-interpolation.png"))?;
        let swept = BETAS.iter().zip(&self.sweep).map(|(&beta, outcome)| {
            let measured = outcome.measure()?;
            Ok(Swept {
                beta,
                trained: &outcome.trained,
                reconstruction: measured.reconstruction,
                kl: measured.kl,
                distance: measured.distance,
            })
        });
        figures::beta(&swept.collect::<Result<Vec<_>>>()?, dir)?;
        figures::traversal(&self.swept(TRAVERSED).trained, &file("traversal.png"))?;
        figures::reparameterization(
            (&self.vowels.trained, &self.vowels.recorder),
            (&self.broken.trained, &self.broken.recorder),
            dir,
        )?;
        figures::denoise(&self.denoising.trained, &file("denoise.png"))?;
        figures::elbo(&file("elbo.svg"))?;
        Explorer::new(&self.vowels.trained, &self.vowels_ae.trained)?.write(&file("latent.js"))?;
        self.record()?.write(dir)
    }

    /// 本文が引用する測定値。
    fn record(&self) -> Result<Run> {
        let mut record = Run::new(fingerprint());
        for (name, outcome) in self.named() {
            let measured = outcome.measure()?;
            record.config(&name, &outcome.trained.config)?;
            let mut put = |key: &str, value: String| record.result(&format!("{name}.{key}"), value);
            put("reconstruction", format!("{:.1}", measured.reconstruction));
            put("distance", format!("{:.2}", measured.distance));
            if outcome.trained.config.model == Model::Vae {
                put("kl", format!("{:.1}", measured.kl));
                put("active", measured.active.to_string());
            }
        }
        for (name, outcome) in
            [("vowels", &self.vowels), ("hiragana", &self.hiragana), ("digits", &self.digits)]
        {
            let real = outcome.distance_between_real()?;
            record.result(&format!("{name}.distance_real"), format!("{:.2}", real.max(0.)));
        }
        for (name, outcome) in [
            ("vowels", &self.vowels),
            ("vowels_ae", &self.vowels_ae),
            ("digits", &self.digits),
            ("digits_ae", &self.digits_ae),
        ] {
            let share = 100. * outcome.neighbours_agree()?;
            record.result(&format!("{name}.neighbour"), format!("{share:.0} %"));
            let (mean, deviation) = outcome.spread_of_codes()?;
            record.result(&format!("{name}.code_mean"), format!("{mean:.2}"));
            record.result(&format!("{name}.code_deviation"), format!("{deviation:.2}"));
        }
        for Pair { name, autoencoder, fitted, .. } in self.pairs() {
            for (key, made) in [("gaussian", &fitted.gaussian), ("mixture", &fitted.mixture)] {
                let distance = autoencoder.distance_of(made)?;
                record.result(&format!("{name}_ae.distance_{key}"), format!("{distance:.2}"));
            }
        }
        record.config("denoise", &self.denoising.trained.config)?;
        let [before, after, plain] = self.denoising_errors()?;
        for (key, value) in [("before", before), ("after", after), ("plain", plain)] {
            record.result(&format!("denoise.{key}"), format!("{value:.3}"));
        }
        self.compared.record(1, &mut record);
        Ok(record)
    }

    /// きれいな画像との 2 乗誤差 (画素の平均): 汚した入力、デノイジングの出力、汚れを知らない AE の出力。
    pub fn denoising_errors(&self) -> Result<[f32; 3]> {
        let trained = &self.denoising.trained;
        let clean = &trained.dataset.held_out.x;
        let noisy = corrupt(&trained.config, clean, &mut Seed(0).rng("denoise"))?;
        let error = |x: &Tensor| Ok::<f32, anyhow::Error>(mse(x, clean)?.to_scalar()?);
        Ok([
            error(&noisy)?,
            error(&trained.vae.reconstruct(&noisy)?)?,
            error(&self.plain.trained.vae.reconstruct(&noisy)?)?,
        ])
    }
}

/// テストデータでの測定。
pub struct Measured {
    /// 再構成の項 (nat/枚)
    pub reconstruction: f64,
    /// KL (nat/枚)
    pub kl: f64,
    /// 使われている潜在変数の次元の数 (KL の平均が 0.01 nat を超えるもの)
    pub active: usize,
    /// N(0, I) からの標本と、本物とのエネルギー距離
    pub distance: f64,
}

impl Outcome {
    /// テストデータで測ります。
    pub fn measure(&self) -> Result<Measured> {
        let terms = self.trained.held_out_terms()?;
        let per_dim = self.trained.held_out_kl_per_dim()?;
        Ok(Measured {
            reconstruction: f64::from(terms.reconstruction.to_scalar::<f32>()?),
            kl: f64::from(terms.kl.to_scalar::<f32>()?),
            active: per_dim.iter().filter(|&&kl| kl > figures::USED).count(),
            distance: f64::from(self.distance()?),
        })
    }

    /// N(0, I) からの標本と、テストデータとのエネルギー距離。
    pub fn distance(&self) -> Result<f32> {
        let count = self.trained.dataset.held_out.labels.len();
        self.distance_of(&self.trained.generate(count, Seed(0))?)
    }

    /// 画像 `[N, dim]` と、テストデータとのエネルギー距離。
    pub fn distance_of(&self, made: &Tensor) -> Result<f32> {
        Ok(energy_distance(made, &self.trained.dataset.held_out.x)?)
    }

    /// 訓練データの潜在変数に分布を当てはめ、テストデータと同じ枚数を作ります。
    fn fitted(&self) -> Result<Fitted> {
        let Trained { config, vae, dataset, .. } = &self.trained;
        let codes = vae.encoder.forward(&dataset.train.x)?.mean().detach();
        let made = |components: usize| -> Result<Tensor> {
            let density = Mixture::fit(&codes, components, Seed(config.seed))?;
            let z = density.sample(dataset.held_out.labels.len(), Seed(0))?;
            Ok(vae.decoder.images(&z)?.detach())
        };
        Ok(Fitted { gaussian: made(1)?, mixture: made(COMPONENTS)? })
    }

    /// 学習に使った本物と、テストデータとのエネルギー距離。標本の距離が目指す下限です。
    pub fn distance_between_real(&self) -> Result<f32> {
        let dataset = &self.trained.dataset;
        let count = dataset.held_out.labels.len();
        Ok(energy_distance(&dataset.train.x.narrow(0, 0, count)?, &dataset.held_out.x)?)
    }

    /// 潜在平面でいちばん近い学習用の 1 枚が、同じ字である割合。ラベルは学習に使っていません。
    pub fn neighbours_agree(&self) -> Result<f64> {
        let dataset = &self.trained.dataset;
        let code = |x| -> Result<Vec<Vec<f32>>> {
            Ok(self.trained.vae.encoder.forward(x)?.mean().to_vec2()?)
        };
        let (known, asked) = (code(&dataset.train.x)?, code(&dataset.held_out.x)?);
        let nearest = |z: &Vec<f32>| {
            let distance = |other: &Vec<f32>| -> f32 {
                z.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum()
            };
            let best =
                known.iter().enumerate().min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
            best.map(|(at, _)| dataset.train.labels[at])
        };
        let agree = asked.iter().zip(&dataset.held_out.labels);
        let agree = agree.filter(|(z, label)| nearest(z) == Some(**label)).count();
        Ok(agree as f64 / asked.len() as f64)
    }

    /// テストデータの潜在変数全体の、平均と標準偏差 (次元の平均)。N(0, I) なら 0 と 1 です。
    pub fn spread_of_codes(&self) -> Result<(f32, f32)> {
        let code = self.trained.vae.encoder.forward(&self.trained.dataset.held_out.x)?;
        let mean = code.mean().mean_keepdim(0)?;
        let between = code.mean().broadcast_sub(&mean)?.sqr()?.mean(0)?;
        let within = code.deviation()?.sqr()?.mean(0)?;
        let deviation = (between + within)?.sqrt()?.mean_all()?.to_scalar()?;
        Ok((mean.abs()?.mean_all()?.to_scalar()?, deviation))
    }
}

/// 「自分で試す」と本文の答えに載せる、本の実験のほかの学習。本の図を作り直すときだけ行い、`record` に足します。
pub fn answers(record: &mut Run) -> Result<()> {
    let font = Path::new(env!("CARGO_MANIFEST_DIR")).join("../common/data/fonts/plot.ttf");
    let config = Config { font: Some(font), ..Config::book(Data::Hiragana) };
    let measured = run("25 書体", &config, true)?.measure()?;
    record.result("try.font.reconstruction", format!("{:.1}", measured.reconstruction));
    record.result("try.font.kl", format!("{:.1}", measured.kl));
    record.result("try.font.active", measured.active);
    record.result("try.font.distance", format!("{:.2}", measured.distance));
    Ok(())
}

/// この章の図を決めるソースの指紋。
pub fn fingerprint() -> String {
    record::fingerprint(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// 保存したデコーダだけを使って、新しい画像 `[count, dim]` を作ります。エンコーダは読みません。
pub fn generate(
    data: Data,
    model: Model,
    store: &Store,
    count: usize,
    seed: Seed,
) -> Result<(Config, Tensor)> {
    let kept = store.open(&Config { model, ..Config::book(data) })?;
    let config: Config = kept.config()?;
    let variables = Seed(config.seed).variables();
    let decoder = Decoder::new(&config, variables.builder("decoder"))?;
    kept.weights("decoder", &variables)?;
    let samples = train::generate(&decoder, &config, count, seed)?;
    Ok((config, samples))
}
