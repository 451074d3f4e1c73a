//! 学習の結果を図にします。ここでは学習しません。

use std::path::Path;

use anyhow::Result;
use candle_core::Tensor;
use common::seed::{Seed, uniform};
use common::state::{Resume, State};
use tools::plot::{self, Line, LineChart, Panel, Sheet, Surface, color};

use crate::config::Config;
use crate::data::Pictures;
use crate::measure::{self, Groups};
use crate::model::Generator;
use crate::train::{self, Progress, Trained, latent};

/// 途中経過の 1 コマ。
pub struct Frame {
    pub step: usize,
    /// 固定した z から作った画像 `[FIXED, C, H, W]`
    pub samples: Tensor,
}

/// 途中経過に使う、固定した z の数。
const FIXED: usize = 36;
/// 距離を測るときの枚数。
const MEASURED: usize = 500;

/// 学習を見ながら、図に要る途中経過を集めます。z はずっと同じものを使います。
pub struct Recorder {
    config: Config,
    z: Tensor,
    real: Tensor,
    pub frames: Vec<Frame>,
    /// (更新回数, 本物とのエネルギー距離)
    pub distances: Vec<(f64, f64)>,
}

impl Recorder {
    pub fn new(config: &Config, pictures: &Pictures) -> Result<Self> {
        let seed = Seed(config.seed);
        Ok(Self {
            config: config.clone(),
            z: latent(config, FIXED, &mut seed.rng("figures"))?,
            real: pictures.sample(MEASURED, &mut seed.rng("measured"))?,
            frames: Vec::new(),
            distances: Vec::new(),
        })
    }

    /// `train` の observer から毎回呼びます。
    pub fn observe(&mut self, progress: &Progress) -> Result<()> {
        let (step, steps) = (progress.step, self.config.steps);
        let due = |percent: usize| (steps * percent).div_ceil(100);
        let generator = &progress.gan.generator;
        if [0, 3, 10, 20, 50, 100].map(due).contains(&step) {
            let samples = train::draw(generator, &self.z)?;
            self.frames.push(Frame { step, samples });
        }
        // 学習の前の G の移動平均はまだ何も見ていないので、測るのは 1 区切りめから。
        if step > 0 && step.is_multiple_of(steps.div_ceil(10)) {
            let fake = train::generate(generator, &self.config, MEASURED, Seed(self.config.seed))?;
            let distance = measure::distance(&fake, &self.real)?;
            self.distances.push((step as f64, f64::from(distance)));
        }
        Ok(())
    }

    /// `step` 回目の前後で、いちばん近くに測った距離。
    pub fn distance_at(&self, step: usize) -> f64 {
        let gap = |point: &&(f64, f64)| (point.0 - step as f64).abs();
        let closest = self.distances.iter().min_by(|a, b| gap(a).total_cmp(&gap(b)));
        closest.map_or(f64::INFINITY, |point| point.1)
    }

    /// `step` 回目までの、最後のコマ。
    pub fn frame_at(&self, step: usize) -> Option<&Frame> {
        self.frames.iter().rev().find(|frame| frame.step <= step)
    }
}

impl Resume for Recorder {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        let steps: Vec<f64> = self.frames.iter().map(|frame| frame.step as f64).collect();
        state.put_numbers(format!("{name}.steps"), &steps)?;
        let samples: Vec<Tensor> = self.frames.iter().map(|frame| frame.samples.clone()).collect();
        samples.save(state, &format!("{name}.samples"))?;
        self.distances.save(state, &format!("{name}.distances"))
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        let mut samples = Vec::<Tensor>::new();
        samples.restore(state, &format!("{name}.samples"))?;
        let frame = |(step, samples): (f64, Tensor)| Frame { step: step as usize, samples };
        let steps = state.numbers(&format!("{name}.steps"))?;
        self.frames = steps.into_iter().zip(samples).map(frame).collect();
        self.distances.restore(state, &format!("{name}.distances"))
    }
}

/// 1 回の学習の図を `dir` に書きます。ファイル名はネットワークの名前で始まります。
pub fn draw(trained: &Trained, recorder: &Recorder, dir: &Path) -> Result<()> {
    let name = trained.config.model.name();
    let file = |what: &str| dir.join(format!("{name}-{what}"));
    let seed = Seed(trained.config.seed);

    const COLUMNS: usize = 10;
    let rows: Vec<Tensor> = recorder
        .frames
        .iter()
        .map(|frame| frame.samples.narrow(0, 0, COLUMNS))
        .collect::<candle_core::Result<_>>()?;
    let images = Tensor::cat(&rows, 0)?;
    let sheet = Sheet { images: &images, columns: COLUMNS, frame: color::FAKE };
    plot::image_grid(&file("steps.png"), &[sheet], 2)?;

    let real = trained.pictures.sample(36, &mut seed.rng("shown"))?;
    pair(
        &file("samples.png"),
        &[(&real, color::REAL), (&trained.generate(36, seed)?, color::FAKE)],
    )?;
    nearest(trained, &file("nearest.png"))?;
    walk(trained, &file("walk.png"))?;
    arithmetic(trained, &file("arithmetic.png"))?;

    let width = (trained.history.len() / 60).max(1);
    let line = |label, column, color| Line {
        label,
        color,
        points: trained.history.smoothed(column, width),
    };
    LineChart {
        x_label: "生成器の更新回数",
        y_label: "損失",
        lines: vec![
            line("識別器", "loss D", color::DISCRIMINATOR),
            line("生成器", "loss G", color::GENERATOR),
        ],
        y_range: 0. ..6.,
        guides: vec![(4f64.ln(), "log 4")],
    }
    .save(&file("losses.svg"))?;
    LineChart {
        x_label: "生成器の更新回数",
        y_label: "本物である確率の平均",
        lines: vec![
            line("本物 D(x)", "D(x)", color::REAL),
            line("偽物 D(G(z))", "D(G(z))", color::FAKE),
        ],
        y_range: 0. ..1.,
        guides: vec![(0.5, "1/2")],
    }
    .save(&file("outputs.svg"))
}

/// 画像の群れを、1 群を 6 列にして左から右へ並べます。
fn pair(path: &Path, groups: &[(&Tensor, color::RGBColor)]) -> Result<()> {
    let sheets: Vec<Sheet> =
        groups.iter().map(|&(images, frame)| Sheet { images, columns: 6, frame }).collect();
    plot::image_grid(path, &sheets, 2)
}

/// 学習に使う本物の見本。
pub fn real(trained: &Trained, path: &Path) -> Result<()> {
    let images = trained.pictures.sample(60, &mut Seed(trained.config.seed).rng("samples"))?;
    plot::image_grid(path, &[Sheet { images: &images, columns: 10, frame: color::REAL }], 2)
}

/// 作った画像の下に、特徴でいちばん近い学習用の字を置きます。
fn nearest(trained: &Trained, path: &Path) -> Result<()> {
    const COLUMNS: usize = 10;
    let known = trained.pictures.known()?;
    let fake = trained.generate(2 * COLUMNS, Seed(trained.config.seed.wrapping_add(1)))?;
    let found = measure::nearest(&fake, &known)?;
    let found: Vec<u32> = found.iter().map(|&(_, at)| at as u32).collect();
    let found = known.index_select(&Tensor::new(found, known.device())?, 0)?;
    let mut rows = Vec::new();
    for start in [0, COLUMNS] {
        rows.push((fake.narrow(0, start, COLUMNS)?, color::FAKE));
        rows.push((found.narrow(0, start, COLUMNS)?, color::REAL));
    }
    let sheets: Vec<Sheet> = rows
        .iter()
        .map(|(images, frame)| Sheet { images, columns: COLUMNS, frame: *frame })
        .collect();
    plot::image_stack(path, &sheets, 2)
}

/// z を歩く: 上の 4 行は潜在変数を、下の 1 行は画素を、少しずつ混ぜたもの。
fn walk(trained: &Trained, path: &Path) -> Result<()> {
    const STEPS: usize = 10;
    const ROWS: usize = 4;
    let (config, generator) = (&trained.config, &trained.gan.generator);
    let ends = latent(config, ROWS + 1, &mut Seed(config.seed).rng("walk"))?;
    let mut rows = Vec::new();
    for row in 0..ROWS {
        let z = measure::walk(&ends.get(row)?, &ends.get(row + 1)?, STEPS)?;
        rows.push(train::draw(generator, &z)?);
    }
    let walked = Tensor::cat(&rows, 0)?;
    // 最後の行の両端を、画素のまま混ぜる。
    let last = &rows[ROWS - 1];
    let mixed = measure::walk(&last.get(0)?, &last.get(STEPS - 1)?, STEPS)?;
    let sheets = [
        Sheet { images: &walked, columns: STEPS, frame: color::LATENT },
        Sheet { images: &mixed, columns: STEPS, frame: color::MUTED },
    ];
    plot::image_stack(path, &sheets, 2)
}

/// 属性で選ぶための、たくさんの z と、その画像。
pub fn many(trained: &Trained) -> Result<(Tensor, Tensor)> {
    const MANY: usize = 1_000;
    let z = latent(&trained.config, MANY, &mut Seed(trained.config.seed).rng("arithmetic"))?;
    let images = train::draw(&trained.gan.generator, &z)?;
    Ok((z, images))
}

/// (太・密) − (細・密) + (細・疎)。左の 3 列は元の 3 枚とその平均、右は答えとその近所です。
fn arithmetic(trained: &Trained, path: &Path) -> Result<()> {
    let (z, images) = many(trained)?;
    let groups = Groups::choose(&z, &images)?;
    let draw = |z: &Tensor| train::draw(&trained.gan.generator, z);
    let first = |group: &Tensor| group.narrow(0, 0, 3);
    let triples =
        [first(&groups.thick_dense)?, first(&groups.thin_dense)?, first(&groups.thin_sparse)?];
    let column = |triple: &Tensor| draw(&Tensor::cat(&[triple, &triple.mean_keepdim(0)?], 0)?);
    let columns = triples.iter().map(column).collect::<Result<Vec<_>>>()?;
    // 論文と同じく、答えのまわりに ±0.25 の一様なノイズを足したものも見せる。
    let answer = measure::arithmetic(triples.each_ref())?;
    let dim = trained.config.z_dim;
    let noise = uniform(&mut Seed(trained.config.seed).rng("around"), -0.25, 0.25, (11, dim))?;
    let answers = draw(&Tensor::cat(&[&answer, &answer.broadcast_add(&noise)?], 0)?)?;
    let mut sheets: Vec<Sheet> =
        columns.iter().map(|images| Sheet { images, columns: 1, frame: color::LATENT }).collect();
    sheets.push(Sheet { images: &answers, columns: 3, frame: color::FAKE });
    plot::image_grid(path, &sheets, 2)
}

/// 転置畳み込みの重なり。重みも入力もすべて 1 の、本物の層の出力です。
pub fn overlap(dir: &Path) -> Result<()> {
    const SHOWN: usize = 12;
    // 縁では入力が足りずに薄くなるので、真ん中だけを見せる。
    let middle = |kernel: usize, stages: usize| -> Result<Vec<Vec<f32>>> {
        let counts = measure::overlap(kernel, stages, 12)?.get(0)?.get(0)?;
        let start = counts.dim(0)? / 4;
        Ok(counts.narrow(0, start, SHOWN)?.narrow(1, start, SHOWN)?.to_vec2()?)
    };
    let panel = |kernel: usize, stages: usize| -> Result<Panel> {
        let mut values = middle(kernel, stages)?;
        let most = values.iter().flatten().fold(0f32, |most, &v| most.max(v));
        values.iter_mut().flatten().for_each(|value| *value /= most);
        Ok(Panel {
            title: format!("カーネル {kernel}、{stages} 層"),
            heat: Some((color::GENERATOR, Surface { values })),
            ..Default::default()
        })
    };
    let panels = [panel(3, 1)?, panel(4, 1)?, panel(3, 2)?, panel(4, 2)?];
    plot::panels(&dir.join("overlap.svg"), &panels, 2)?;

    let line = |label, kernel: usize, color| -> Result<Line> {
        // 対角線の上では、縦と横に同じ数だけ重なるので、平方根が 1 方向の重なりになる。
        let rows = middle(kernel, 1)?.into_iter().enumerate();
        let points = rows.map(|(x, row)| (x as f64, f64::from(row[x]).sqrt()));
        Ok(Line { label, color, points: points.collect() })
    };
    LineChart {
        x_label: "出力の画素の位置",
        y_label: "その画素に届く入力の画素の数",
        lines: vec![
            line("カーネル 5", 5, color::CLASSES[0])?,
            line("カーネル 4", 4, color::CLASSES[2])?,
            line("カーネル 3", 3, color::CLASSES[1])?,
        ],
        y_range: 0. ..4.,
        guides: vec![],
    }
    .save(&dir.join("overlap-counts.svg"))
}

/// 学習していない生成器をたくさん作り、画素ごとの 2 乗平均を描きます: カーネル 3、4、5。
pub fn checkerboard(config: &Config, dir: &Path) -> Result<()> {
    let maps = [3, 4, 5].map(|kernel| -> Result<Tensor> {
        let energy = measure::energy(&untrained(config, kernel)?)?;
        // いちばん強い画素を黒、0 を白にする。
        let most = energy.max_all()?.to_scalar::<f32>()?;
        Ok(energy.affine(2. / f64::from(most), -1.)?)
    });
    let maps = maps.into_iter().collect::<Result<Vec<_>>>()?;
    let sheets: Vec<Sheet> =
        maps.iter().map(|images| Sheet { images, columns: 1, frame: color::GENERATOR }).collect();
    plot::image_grid(&dir.join("checkerboard.png"), &sheets, 6)
}

/// 種だけが違う、学習していない生成器 100 個の画像 `[400, C, H, W]`。
///
/// 1 個の生成器では、たまたま引いた重みの癖が混じります。平均すると、重なり方の効果だけが残ります。
pub fn untrained(config: &Config, kernel: usize) -> Result<Tensor> {
    const NETWORKS: u64 = 100;
    let images = (0..NETWORKS).map(|seed| {
        let config = Config { kernel, seed, ..config.clone() };
        let z = latent(&config, 4, &mut Seed(seed).rng("untrained"))?;
        let vb = Seed(seed).variables().builder("generator");
        Generator::new(&config, vb)?.forward(&z, true)
    });
    Ok(Tensor::cat(&images.collect::<candle_core::Result<Vec<_>>>()?, 0)?.detach())
}

/// 比べる 1 本の学習: 名前、結果、DCGAN の 1 回と同じ時間でできる更新の回数、線の色。
pub struct Run<'a> {
    pub label: &'a str,
    pub trained: &'a Trained,
    pub recorder: &'a Recorder,
    pub updates_per_step: f64,
    pub color: color::RGBColor,
}

impl Run<'_> {
    /// DCGAN の `step` 回と同じ計算時間の後の、固定した z からの画像。
    fn samples_at(&self, step: usize) -> &Tensor {
        let frame = self.recorder.frame_at((step as f64 * self.updates_per_step).ceil() as usize);
        &frame.expect("学習の前のコマは必ずある").samples
    }
}

/// 本編 (`runs[0]`) と全結合を `compared` 回で、本編と壊した 2 つを `broken` 回で比べます。
pub fn compare(runs: &[Run; 4], compared: usize, broken: usize, dir: &Path) -> Result<()> {
    let [dcgan, mlp, no_norm, large_lr] = runs;
    let config = &dcgan.trained.config;
    let real = dcgan.trained.pictures.sample(FIXED, &mut Seed(config.seed).rng("shown"))?;
    let groups = [dcgan, mlp].map(|run| (run.samples_at(compared), color::FAKE));
    pair(&dir.join("compare.png"), &[(&real, color::REAL), groups[0], groups[1]])?;
    let groups = [dcgan, no_norm, large_lr].map(|run| (run.samples_at(broken), color::FAKE));
    pair(&dir.join("broken.png"), &groups)?;
    let lines = runs.iter().map(|run| {
        let points = run.recorder.distances.iter();
        let points = points.map(|&(step, d)| (step / run.updates_per_step, d)).collect();
        Line { label: run.label, color: run.color, points }
    });
    LineChart {
        x_label: "計算時間 (DCGAN の更新回数に換算)",
        y_label: "本物とのエネルギー距離",
        lines: lines.collect(),
        y_range: 0. ..7.,
        guides: vec![],
    }
    .save(&dir.join("distance.svg"))?;
    let lines = [dcgan, no_norm, large_lr].map(|run| {
        let losses = run.trained.history.smoothed("loss D", (broken / 40).max(1));
        let points = losses.into_iter().filter(|&(step, _)| step <= broken as f64).collect();
        Line { label: run.label, color: run.color, points }
    });
    LineChart {
        x_label: "更新回数",
        y_label: "識別器の損失",
        lines: lines.into(),
        y_range: 0. ..2.,
        guides: vec![(4f64.ln(), "log 4")],
    }
    .save(&dir.join("broken-losses.svg"))
}
