//! 学習の結果を図にします。ここでは学習しません。

use std::path::Path;

use anyhow::Result;
use candle_core::Tensor;
use common::history::thousands;
use common::seed::Seed;
use common::state::{Resume, State};
use tools::plot::{self, Key, Line, LineChart, Mark, Panel, Sheet, Surface, color};

use crate::config::{Config, Model};
use crate::data::Pictures;
use crate::measure::{self, Answer};
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

    let rows = recorder.frames.iter().map(|frame| {
        let name = format!("{} 回", thousands(frame.step));
        Ok((name, frame.samples.narrow(0, 0, COLUMNS)?, color::FAKE))
    });
    let title = format!(
        "{}。左は更新の回数 (0 回は学習の前)\n同じ列は、同じ z から作った字",
        maker(trained)
    );
    titled_rows(&file("steps.png"), &title, &rows.collect::<Result<Vec<_>>>()?)?;

    let real = trained.pictures.distinct(SIDE_BY_SIDE, &mut seed.rng("shown"))?;
    side_by_side(
        &file("samples.png"),
        &[
            ("本物", &real, color::REAL),
            ("生成された字", &trained.generate(SIDE_BY_SIDE, seed)?, color::FAKE),
        ],
        &[Key::note(&format!("右は、{}が学習の後に作った字", maker(trained)))],
    )?;
    nearest(trained, &file("nearest.png"))?;
    walk(trained, &file("walk.png"))?;

    let width = (trained.history.len() / 60).max(1);
    let line = |label, column, color| Line {
        label,
        color,
        points: trained.history.smoothed(column, width),
    };
    LineChart {
        x_label: "生成器の更新回数",
        y_label: "損失 (破線は、D がいつも 1/2 と答えるときの値)",
        lines: vec![
            line("識別器 D", "loss D", color::DISCRIMINATOR),
            line("生成器 G", "loss G", color::GENERATOR),
        ],
        y_range: 0. ..6.,
        guides: vec![(4f64.ln(), "log 4 (識別器)"), (2f64.ln(), "log 2 (生成器)")],
    }
    .save(&file("losses.svg"))?;
    LineChart {
        x_label: "生成器の更新回数",
        y_label: "本物である確率の平均 (1/2 は見分けられない)",
        lines: vec![
            line("本物 D(x)", "D(x)", color::REAL),
            line("偽物 D(G(z))", "D(G(z))", color::FAKE),
        ],
        y_range: 0. ..1.,
        guides: vec![(0.5, "1/2")],
    }
    .save(&file("outputs.svg"))
}

/// 図に書く、作り手の名前。
fn maker(trained: &Trained) -> &'static str {
    match trained.config.model {
        Model::Dcgan => "DCGAN の生成器",
        Model::Mlp => "全結合の生成器",
    }
}

/// 左右に並べて見比べる、1 群の枚数。
const SIDE_BY_SIDE: usize = 36;

/// 名前の付いた画像の群れを、1 群を 6 列にして左から右へ並べます。
fn side_by_side(
    path: &Path,
    groups: &[(&str, &Tensor, color::RGBColor)],
    keys: &[Key],
) -> Result<()> {
    let names: Vec<_> = groups.iter().map(|group| group.0).collect();
    let sheets = groups.iter().map(|&(_, images, frame)| Sheet { images, columns: 6, frame });
    plot::table_with_key(path, &[""], &names, &sheets.collect::<Vec<_>>(), 2, keys)
}

/// 1 行の枚数。
const COLUMNS: usize = 10;

/// 名前の付いた画像の行を上から下へ積み、その上に全体の名前を書きます。
fn titled_rows(
    path: &Path,
    title: &str,
    rows: &[(impl AsRef<str>, Tensor, color::RGBColor)],
) -> Result<()> {
    let names: Vec<_> = rows.iter().map(|row| row.0.as_ref()).collect();
    let sheets =
        rows.iter().map(|(_, images, frame)| Sheet { images, columns: COLUMNS, frame: *frame });
    plot::table(path, &names, &[title], &sheets.collect::<Vec<_>>(), 2)
}

/// 学習に使う本物の見本。
pub fn real(trained: &Trained, path: &Path) -> Result<()> {
    let images = trained.pictures.sample(60, &mut Seed(trained.config.seed).rng("samples"))?;
    let title = "学習に使う本物。位置と大きさを、毎回変える";
    titled_rows(path, title, &[("本物", images, color::REAL)])
}

/// 作った画像の下に、特徴でいちばん近い学習用の字を置きます。
fn nearest(trained: &Trained, path: &Path) -> Result<()> {
    let known = trained.pictures.known()?;
    let fake = trained.generate(2 * COLUMNS, Seed(trained.config.seed.wrapping_add(1)))?;
    let found = measure::nearest(&fake, &known)?;
    let found: Vec<u32> = found.iter().map(|&(_, at)| at as u32).collect();
    let found = known.index_select(&Tensor::new(found, known.device())?, 0)?;
    let mut rows = Vec::new();
    for start in [0, COLUMNS] {
        rows.push(("生成", fake.narrow(0, start, COLUMNS)?, color::FAKE));
        rows.push(("近い字", found.narrow(0, start, COLUMNS)?, color::REAL));
    }
    let title = "生成した字と、いちばん近い訓練用の字";
    titled_rows(path, title, &rows)
}

/// z を歩く: 上の 4 行は潜在変数を、下の 1 行は画素を、少しずつ混ぜたもの。
fn walk(trained: &Trained, path: &Path) -> Result<()> {
    const ROWS: usize = 4;
    let (config, generator) = (&trained.config, &trained.gan.generator);
    let ends = latent(config, ROWS + 1, &mut Seed(config.seed).rng("walk"))?;
    let mut rows = Vec::new();
    for row in 0..ROWS {
        let z = measure::walk(&ends.get(row)?, &ends.get(row + 1)?, COLUMNS)?;
        let name = format!("z{} から\nz{} へ歩く", row + 1, row + 2);
        rows.push((name, train::draw(generator, &z)?, color::LATENT));
    }
    // 最後の行の両端を、画素のまま混ぜる。
    let last = &rows[ROWS - 1].1;
    let mixed = measure::walk(&last.get(0)?, &last.get(COLUMNS - 1)?, COLUMNS)?;
    rows.push((format!("z{ROWS} と z{} の\n画素を混ぜる", ROWS + 1), mixed, color::MUTED));
    titled_rows(path, "左から右へ、z を少しずつ変えて生成した字", &rows)
}

/// 属性で選ぶための、たくさんの z と、その画像。
pub fn many(trained: &Trained) -> Result<(Tensor, Tensor)> {
    const MANY: usize = 1_000;
    let z = latent(&trained.config, MANY, &mut Seed(trained.config.seed).rng("arithmetic"))?;
    let images = train::draw(&trained.gan.generator, &z)?;
    Ok((z, images))
}

/// 足し引きの例。1 行が 1 例で、左から、使った 3 つの組、答え、比べるための答えです。
///
/// `thickness` は、[`Answer::ALL`] の順の、太さの順位の平均 (0〜1) です。
pub fn arithmetic(trained: &Trained, thickness: &[f32], path: &Path) -> Result<()> {
    const EXAMPLES: usize = 3;
    let (z, images) = many(trained)?;
    let rng = &mut Seed(trained.config.seed).rng("examples");
    let trials = measure::trials(EXAMPLES, &z, &images, rng)?;
    let draw = |z: &Tensor| train::draw(&trained.gan.generator, z);
    let images = trials.iter().map(draw).collect::<Result<Vec<_>>>()?;
    let mut cells = Vec::new();
    for example in 0..EXAMPLES {
        for (answer, images) in Answer::ALL.iter().zip(&images) {
            let frame = match answer {
                Answer::A | Answer::B | Answer::C => color::LATENT,
                Answer::Arithmetic => color::FAKE,
                _ => color::MUTED,
            };
            cells.push((images.narrow(0, example, 1)?, frame));
        }
    }
    let rows: Vec<_> = (1..=EXAMPLES).map(|example| format!("例 {example}")).collect();
    let sheets = cells.iter().map(|(images, frame)| Sheet { images, columns: 1, frame: *frame });
    let keys = [
        Key::new(Mark::Frame, color::LATENT, "使った 3 つ"),
        Key::new(Mark::Frame, color::FAKE, "答え"),
        Key::new(Mark::Frame, color::MUTED, "比べる答え"),
        Key::note("足し引きは z の上。答えの z を生成器に入れる"),
        Key::note("1 行が 1 例。a・b・c は 3 個の z の平均"),
        Key::note("r と s は、太さと関わりなく選んだ z"),
        Key::note("太さの %: 細い順の何番めか (100 例の平均)"),
    ];
    let names: Vec<String> = Answer::ALL
        .iter()
        .zip(thickness)
        .map(|(answer, place)| format!("{}\n{:.0} %", answer.name(), 100. * place))
        .collect();
    let sheets = sheets.collect::<Vec<_>>();
    plot::table_with_key(path, &rows, &names, &sheets, 2, &keys)
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
        let least = values.iter().flatten().fold(most, |least, &v| least.min(v));
        let range =
            if least < most { format!("{least}〜{most}") } else { format!("{most} だけ") };
        values.iter_mut().flatten().for_each(|value| *value /= most);
        Ok(Panel {
            title: format!("カーネル {kernel}、{stages} 層: {range}"),
            heat: Some((color::GENERATOR, Surface { values })),
            ..Default::default()
        })
    };
    let panels = [panel(3, 1)?, panel(4, 1)?, panel(3, 2)?, panel(4, 2)?];
    let keys = [
        Key::new(Mark::Area, color::GENERATOR, "濃いほど、その画素に多くの入力が重なる"),
        Key::note("上の数は、重なりの数。どの層もストライド 2 の転置畳み込み"),
    ];
    plot::panels_with_key(&dir.join("overlap.svg"), &panels, 2, &keys)?;

    let line = |label, kernel: usize, color| -> Result<Line> {
        // 対角線の上では、縦と横に同じ数だけ重なるので、平方根が 1 方向の重なりになる。
        let rows = middle(kernel, 1)?.into_iter().enumerate();
        let points = rows.map(|(x, row)| (x as f64, f64::from(row[x]).sqrt()));
        Ok(Line { label, color, points: points.collect() })
    };
    LineChart {
        x_label: "出力の画素の位置",
        y_label: "転置畳み込みで重なる数 (ストライド 2、横 1 列)",
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

/// カーネルごとの、学習していない生成器の画像 ([`untrained`]) の、画素ごとの 2 乗平均を描きます。
pub fn checkerboard(kernels: &[usize], untrained: &[Tensor], dir: &Path) -> Result<()> {
    let panels = kernels.iter().zip(untrained).map(|(kernel, images)| -> Result<Panel> {
        let mut values = measure::repeated(images)?;
        // いちばん強い画素をその色に、0 を無彩色にする。
        let most = values.iter().flatten().fold(0f32, |most, &v| most.max(v));
        values.iter_mut().flatten().for_each(|value| *value /= most);
        Ok(Panel {
            title: format!("カーネル {kernel}、ストライド 2"),
            heat: Some((color::GENERATOR, Surface { values })),
            ..Default::default()
        })
    });
    let panels = panels.collect::<Result<Vec<_>>>()?;
    let note = format!("学習していない生成器 {NETWORKS} 個の平均");
    let keys = [
        Key::new(Mark::Area, color::GENERATOR, "濃いほど、画素の値の 2 乗の平均が大きい"),
        Key::note("上の段は 2 で割り切れるカーネル、下の段は割り切れないもの"),
        Key::note(&note),
    ];
    plot::panels_with_key(&dir.join("checkerboard.svg"), &panels, 2, &keys)
}

/// 格子を測る、学習していない生成器の数。
const NETWORKS: u64 = 100;

/// 種だけが違う、学習していない生成器 100 個の画像 `[400, C, H, W]`。
///
/// 1 個の生成器では、たまたま引いた重みの癖が混じります。平均すると、重なり方の効果だけが残ります。
pub fn untrained(config: &Config, kernel: usize) -> Result<Tensor> {
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
    let real = dcgan.trained.pictures.distinct(FIXED, &mut Seed(config.seed).rng("shown"))?;
    let groups = [dcgan, mlp].map(|run| (run.label, run.samples_at(compared), color::FAKE));
    let groups = [("本物", &real, color::REAL), groups[0], groups[1]];
    let note = "DCGAN と全結合は、同じ計算時間だけ学習した時点";
    side_by_side(&dir.join("compare.png"), &groups, &[Key::note(note)])?;
    let rows = [("標準 (DCGAN)", dcgan), (no_norm.label, no_norm), (large_lr.label, large_lr)]
        .map(|(name, run)| (name, run.samples_at(broken), color::FAKE));
    let rows = [("本物", &real, color::REAL), rows[0], rows[1], rows[2]]
        .map(|(name, x, frame)| Ok((name.to_string(), x.narrow(0, 0, COLUMNS)?, frame)));
    let title = format!("どれも {}だけ更新した時点\n(標準もまだ途中)", plot::times(broken));
    titled_rows(&dir.join("broken.png"), &title, &rows.into_iter().collect::<Result<Vec<_>>>()?)?;
    distance(runs, &dir.join("distance.svg"))?;
    let lines = [dcgan, no_norm, large_lr].map(|run| {
        let losses = run.trained.history.smoothed("loss D", (broken / 40).max(1));
        let points = losses.into_iter().filter(|&(step, _)| step <= broken as f64).collect();
        let label = if run.label == dcgan.label { "標準" } else { run.label };
        Line { label, color: run.color, points }
    });
    LineChart {
        x_label: "更新回数",
        y_label: "識別器の損失 (上で切れた線は、2 を超えた所)",
        lines: lines.into(),
        y_range: 0. ..2.,
        guides: vec![(4f64.ln(), "log 4 (常に 1/2)")],
    }
    .save(&dir.join("broken-losses.svg"))
}

/// 計算時間に対する、本物との距離。
fn distance(runs: &[Run; 4], path: &Path) -> Result<()> {
    let curves = runs.each_ref().map(|run| -> Vec<(f64, f64)> {
        let points = run.recorder.distances.iter();
        points.map(|&(step, d)| (step / run.updates_per_step, d)).collect()
    });
    let ends = curves.each_ref().map(|points| points.last().copied().unwrap_or_default());
    let longest = ends.iter().fold(0f64, |longest, end| longest.max(end.0));
    // 線の終わる所は、線ごとに違う。名前だけの点を、そこに置く。同じ所で終わる線があれば、高い順に下へ並べる。
    const BELOW: f64 = 0.65;
    let mut lines = Vec::new();
    for ((run, points), end) in runs.iter().zip(curves).zip(ends) {
        let here = ends.iter().filter(|other| other.0 == end.0);
        let top = here.clone().fold(end.1, |top, other| top.max(other.1));
        let rank = here.clone().filter(|other| other.1 > end.1).count();
        let mut write = |label, color, row: usize| {
            let place = (end.0, top - BELOW * row as f64);
            lines.push(Line { label, color, points: vec![place] });
        };
        write(run.label, run.color, rank);
        if rank == 0 && end.0 < 0.9 * longest {
            write("(ここで止めた)", color::INK, here.count());
        }
        lines.push(Line { label: "", color: run.color, points });
    }
    LineChart {
        x_label: "計算時間 (DCGAN の更新回数に換算)",
        y_label: "本物とのエネルギー距離 (小さいほど本物に近い)",
        lines,
        y_range: 0. ..7.,
        guides: vec![],
    }
    .save_with_names_at(path, 0.)
}
