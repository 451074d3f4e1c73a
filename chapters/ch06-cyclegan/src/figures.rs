//! 学習の結果を図にします。ここでは学習しません。

use std::path::Path;

use anyhow::Result;
use candle_core::Tensor;
use common::measure::ssim;
use common::state::{Resume, State};
use tools::plot::{self, Key, Line, LineChart, Mark, RGBColor, Sheet, color};

use crate::config::Config;
use crate::data::Dataset;
use crate::model::Generator;
use crate::toy::{self, Matching};
use crate::train::{CycleGan, Progress, Trained};

/// 図に載せる画像の枚数。
const SHOWN: usize = 4;
/// 途中で似ている度合いを測る枚数。学習の後の測定では、すべてを使います。
const MEASURED: usize = 16;

/// 両方の向きに訳し、訳し戻したもの。
pub struct Frame {
    pub step: usize,
    /// X → Y → X: G(x) と F(G(x))
    pub xyx: [Tensor; 2],
    /// Y → X → Y: F(y) と G(F(y))
    pub yxy: [Tensor; 2],
}

/// `second(first(image))` までの 2 枚。
fn there_and_back(first: &Generator, second: &Generator, image: &Tensor) -> Result<[Tensor; 2]> {
    let there = first.forward(image)?.detach();
    let back = second.forward(&there)?.detach();
    Ok([there, back])
}

/// 学習を見ながら、図に要る途中経過を集めます。画像はずっと同じ、学習に使わないものです。
pub struct Recorder {
    steps: usize,
    pub test_x: Tensor,
    pub test_y: Tensor,
    test_is_paired: bool,
    pub frames: Vec<Frame>,
    /// 本当の対との SSIM の移り変わり: X → Y と Y → X。対が分かるときだけ集めます。
    pub similarity: [Vec<(f64, f64)>; 2],
}

impl Recorder {
    pub fn new(config: &Config, dataset: &Dataset) -> Result<Self> {
        let first = |images: &Tensor| images.narrow(0, 0, images.dim(0)?.min(MEASURED));
        Ok(Self {
            steps: config.steps,
            test_x: first(&dataset.test_x)?,
            test_y: first(&dataset.test_y)?,
            test_is_paired: dataset.test_is_paired,
            frames: Vec::new(),
            similarity: Default::default(),
        })
    }

    /// `train` の observer から毎回呼びます。
    pub fn observe(&mut self, progress: &Progress) -> Result<()> {
        let (step, steps) = (progress.step, self.steps);
        let due = |percent: usize| (steps * percent).div_ceil(100);
        if [0, 10, 20, 40, 60, 100].map(due).contains(&step) {
            self.frames.push(self.frame(step, progress.gan)?);
        }
        if self.test_is_paired && (step.is_multiple_of(steps.div_ceil(12)) || step == steps) {
            let fake_y = progress.gan.generator_xy.forward(&self.test_x)?;
            let fake_x = progress.gan.generator_yx.forward(&self.test_y)?;
            self.similarity[0].push((step as f64, ssim(&fake_y, &self.test_y)?));
            self.similarity[1].push((step as f64, ssim(&fake_x, &self.test_x)?));
        }
        Ok(())
    }

    fn frame(&self, step: usize, gan: &CycleGan) -> Result<Frame> {
        let (g, f) = (&gan.generator_xy, &gan.generator_yx);
        let (x, y) = (shown(&self.test_x)?, shown(&self.test_y)?);
        Ok(Frame { step, xyx: there_and_back(g, f, &x)?, yxy: there_and_back(f, g, &y)? })
    }
}

impl Resume for Recorder {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        let steps: Vec<f64> = self.frames.iter().map(|frame| frame.step as f64).collect();
        state.put_numbers(format!("{name}.steps"), &steps)?;
        let images = self.frames.iter().flat_map(|frame| frame.xyx.iter().chain(&frame.yxy));
        images.cloned().collect::<Vec<Tensor>>().save(state, &format!("{name}.images"))?;
        let [xy, yx] = &self.similarity;
        xy.save(state, &format!("{name}.similarity_xy"))?;
        yx.save(state, &format!("{name}.similarity_yx"))
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        let mut images = Vec::<Tensor>::new();
        images.restore(state, &format!("{name}.images"))?;
        let frame = |(step, images): (f64, &[Tensor])| Frame {
            step: step as usize,
            xyx: [images[0].clone(), images[1].clone()],
            yxy: [images[2].clone(), images[3].clone()],
        };
        let steps = state.numbers(&format!("{name}.steps"))?;
        self.frames = steps.into_iter().zip(images.chunks_exact(4)).map(frame).collect();
        let [xy, yx] = &mut self.similarity;
        xy.restore(state, &format!("{name}.similarity_xy"))?;
        yx.restore(state, &format!("{name}.similarity_yx"))
    }
}

/// 図に載せる先頭の何枚か。
pub fn shown(images: &Tensor) -> Result<Tensor> {
    Ok(images.narrow(0, 0, images.dim(0)?.min(SHOWN))?)
}

/// 画風の名前。読者の画像では、フォルダの名前です。
struct Styles {
    x: &'static str,
    y: &'static str,
}

impl Styles {
    fn of(config: &Config) -> Self {
        match config.data {
            None => Self { x: "写真風 X", y: "浮世絵風 Y" },
            Some(_) => Self { x: "X (trainA)", y: "Y (trainB)" },
        }
    }
}

/// 画像の枠の色の意味。
const FRAMES: [Key; 2] = [
    Key { mark: Mark::Frame, color: color::REAL, label: "データの絵" },
    Key { mark: Mark::Frame, color: color::FAKE, label: "生成器が作った絵" },
];

/// 小さな画像ほど大きく拡大します。
fn scale(images: &Tensor) -> Result<u32> {
    Ok((128 / images.dim(3)? as u32).max(1))
}

/// 同じ列に同じ場面が来るように、名前の付いた画像の行を上から積みます。
pub fn stack(path: &Path, rows: &[(&str, &Tensor, RGBColor)]) -> Result<()> {
    let names: Vec<_> = rows.iter().map(|row| row.0).collect();
    let images = rows.iter().map(|row| shown(row.1)).collect::<Result<Vec<_>>>()?;
    let sheets = rows
        .iter()
        .zip(&images)
        .map(|(row, images)| Ok(Sheet { images, columns: images.dim(0)?, frame: row.2 }))
        .collect::<Result<Vec<_>>>()?;
    let keys = FRAMES.into_iter().filter(|key| rows.iter().any(|row| row.2 == key.color));
    // 余計な線や抜けも見えるよう、大きく描く。
    plot::table_with_key(
        path,
        &names,
        &[""],
        &sheets,
        2 * scale(&images[0])?,
        &keys.collect::<Vec<_>>(),
    )
}

/// 1 回の学習の図を `dir` に書きます。
pub fn draw(trained: &Trained, recorder: &Recorder, dir: &Path) -> Result<()> {
    let (x, y) = (&recorder.test_x, &recorder.test_y);
    let (g, f) = (&trained.gan.generator_xy, &trained.gan.generator_yx);
    let styles = Styles::of(&trained.config);
    let (xyx, yxy) = (names(XYX, styles.x, styles.y), names(YXY, styles.y, styles.x));
    for (name, [from, to, round], answer, input, truth, [there, back]) in [
        ("xyx", &xyx, styles.y, x, y, there_and_back(g, f, &shown(x)?)?),
        ("yxy", &yxy, styles.x, y, x, there_and_back(f, g, &shown(y)?)?),
    ] {
        let mut rows = vec![
            (from.as_str(), input, color::REAL),
            (to, &there, color::FAKE),
            (round, &back, color::FAKE),
        ];
        let answer = format!("正解\n{answer}");
        if recorder.test_is_paired {
            rows.push((&answer, truth, color::REAL));
        }
        stack(&dir.join(format!("{name}.png")), &rows)?;
    }
    if recorder.frames.len() > 1 {
        let pick =
            |f: fn(&Frame) -> &[Tensor; 2]| recorder.frames.iter().map(move |it| (it.step, f(it)));
        steps(&dir.join("xyx-steps.png"), &xyx, x, pick(|frame| &frame.xyx).collect())?;
        steps(&dir.join("yxy-steps.png"), &yxy, y, pick(|frame| &frame.yxy).collect())?;
    }
    losses(trained, dir)?;
    let [xy, yx] = &recorder.similarity;
    if xy.len() > 1 {
        let untouched = ssim(x, y)?;
        LineChart {
            x_label: "生成器の更新回数",
            y_label: "本当のペアとの SSIM (1 なら同じ絵)",
            lines: vec![
                Line { label: "写真 → 浮世絵", color: color::GENERATOR, points: xy.clone() },
                Line { label: "浮世絵 → 写真", color: color::REAL, points: yx.clone() },
            ],
            y_range: 0. ..1.,
            guides: vec![(untouched, "何もしない")],
        }
        .save(&dir.join("ssim.svg"))?;
    }
    Ok(())
}

/// 入力・変換・戻りの名前。
const XYX: [&str; 3] = ["入力 x", "変換 G(x)", "戻り F(G(x))"];
const YXY: [&str; 3] = ["入力 y", "変換 F(y)", "戻り G(F(y))"];

/// 名前に、画風を添えます。`from` から `to` へ訳し、訳し戻します。
fn names([input, there, back]: [&str; 3], from: &str, to: &str) -> [String; 3] {
    [format!("{input}\n{from}"), format!("{there}\n{to} へ"), format!("{back}\n{from} へ")]
}

/// 途中経過。左が変換、右が戻り。下へ行くほど学習が進みます。
fn steps(
    path: &Path,
    [from, to, round]: &[String; 3],
    input: &Tensor,
    frames: Vec<(usize, &[Tensor; 2])>,
) -> Result<()> {
    let columns = input.dim(0)?.min(4);
    let first = |images: &Tensor| images.narrow(0, 0, columns);
    let mut rows = vec![from.clone()];
    let mut cells = vec![(first(input)?, color::REAL), (first(input)?, color::REAL)];
    for (step, sides) in frames {
        let name = plot::times(step);
        rows.push(if step == 0 { format!("更新 {name}\n(学習の前)") } else { name });
        for images in sides {
            cells.push((first(images)?, color::FAKE));
        }
    }
    let sheets = cells.iter().map(|(images, frame)| Sheet { images, columns, frame: *frame });
    let (sheets, names) = (sheets.collect::<Vec<_>>(), [to, round]);
    plot::table_with_key(path, &rows, &names, &sheets, scale(input)?, &FRAMES)
}

/// 損失の移り変わり。敵対的損失は、争う 2 つのネットワークごとに 1 枚です。
fn losses(trained: &Trained, dir: &Path) -> Result<()> {
    let width = (trained.history.len() / 60).max(1);
    let line = |label, column, color| Line {
        label,
        color,
        points: trained.history.smoothed(column, width),
    };
    let Styles { x, y } = Styles::of(&trained.config);
    for (name, from, to, generator, discriminator) in [
        ("losses-xy", x, y, ("生成器 G", "loss G"), ("識別器 D_Y", "loss D_Y")),
        ("losses-yx", y, x, ("生成器 F", "loss F"), ("識別器 D_X", "loss D_X")),
    ] {
        LineChart {
            x_label: "生成器の更新回数",
            y_label: &format!("敵対的損失 ({from} → {to})"),
            lines: vec![
                line(generator.0, generator.1, color::GENERATOR),
                line(discriminator.0, discriminator.1, color::DISCRIMINATOR),
            ],
            y_range: 0. ..1.,
            // 識別器がいつも 1/2 と答えるなら、どちらの損失も (1/2)² になる。
            guides: vec![(0.25, "互角なら 1/4")],
        }
        .save(&dir.join(format!("{name}.svg")))?;
    }
    // 記録の恒等損失は 2 つの向きの和なので、1 つの向きあたりに直して、サイクルと比べられるようにする。
    let mut identity = line("恒等 G(y)、F(x)", "identity", color::MUTED);
    identity.points.iter_mut().for_each(|point| point.1 /= 2.);
    let label = match trained.config.data {
        None => "入れた絵との差 (x は写真風、y は浮世絵風)",
        Some(_) => "入れた絵との差 (画素の L1)",
    };
    let lines = vec![
        line("戻り F(G(x))", "cycle X", color::LOSS),
        line("戻り G(F(y))", "cycle Y", color::REAL),
        identity,
    ];
    LineChart {
        x_label: "生成器の更新回数",
        y_label: label,
        y_range: 0. ..top(&lines),
        lines,
        guides: vec![],
    }
    .save(&dir.join("losses-cycle.svg"))
}

/// すべての点が入る、きりのよい縦軸の上端。
fn top(lines: &[Line]) -> f64 {
    let values = lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
    (values.fold(0., f64::max) * 20.).ceil().max(1.) / 20.
}

/// データの見本: 同じ場面の 2 つの描き方と、学習に使う別々の場面。
pub fn data(dataset: &Dataset, dir: &Path) -> Result<()> {
    stack(
        &dir.join("pairs.png"),
        &[
            ("写真風 X", &dataset.test_x, color::REAL),
            ("同じ場面の\n浮世絵風 Y", &dataset.test_y, color::REAL),
        ],
    )?;
    let (x, y) = (dataset.train_x.narrow(0, 0, 16)?, dataset.train_y.narrow(0, 0, 16)?);
    let sheets = [&x, &y].map(|images| Sheet { images, columns: 4, frame: color::REAL });
    let columns = ["写真風 X", "浮世絵風 Y (場面は別)"];
    plot::table(&dir.join("train.png"), &[""], &columns, &sheets, scale(&x)?)
}

/// 小さな世界: 種ごとに、3 枚の写真が何に変わったか。左は敵対的損失だけ、右はサイクル損失も足した学習です。
pub fn permutation(runs: &[Vec<Tensor>; 2], path: &Path) -> Result<()> {
    const FIRST: usize = 4;
    let [x, y] = toy::pictures()?;
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    for (name, images) in [("入力\n写真風", x), ("正解\n浮世絵風", y.clone())] {
        rows.push(name.to_string());
        cells.extend([(); 2].map(|()| (images.clone(), color::REAL)));
    }
    // はじめのいくつかと、列ごとに、正解どおりになった最初の種。正解どおりは少ないので、選ばないと 1 つも出ないことがある。
    let mut seeds: Vec<usize> = (0..FIRST.min(runs[0].len())).collect();
    for run in runs {
        let found = run.iter().map(toy::matching).collect::<Result<Vec<_>>>()?;
        seeds.extend(found.iter().position(|&found| found == Matching::Right));
    }
    seeds.sort_unstable();
    seeds.dedup();
    for at in seeds {
        rows.push(format!("種 {at}"));
        for run in runs {
            let frame = match toy::matching(&run[at])? {
                Matching::Right => color::DISCRIMINATOR,
                Matching::Permuted => color::FAKE,
                Matching::Incomplete => color::MUTED,
            };
            cells.push((toy::mixed(&run[at], &y)?, frame));
        }
    }
    let sheets = cells
        .iter()
        .map(|(images, frame)| Sheet { images, columns: toy::SCENES, frame: *frame })
        .collect::<Vec<_>>();
    let [alone, cycle] = [toy::count(&runs[0])?, toy::count(&runs[1])?];
    let label = |kind: usize, text| format!("{text} ({} 回と {} 回)", alone[kind], cycle[kind]);
    let labels = [
        label(0, "山の位置が正解の順"),
        label(1, "山の位置が入れ替わり"),
        label(2, "三枚がそろわない"),
    ];
    let note = format!("かっこの中は、{} 回のうちの回数 (左と右)", runs[0].len());
    let keys = [
        Key::new(Mark::Frame, color::REAL, "学習に使う三枚 (左から、山が左・中央・右)"),
        Key::new(Mark::Frame, color::DISCRIMINATOR, &labels[0]),
        Key::new(Mark::Frame, color::FAKE, &labels[1]),
        Key::new(Mark::Frame, color::MUTED, &labels[2]),
        Key::note(&note),
    ];
    plot::table_with_key(path, &rows, &["敵対的損失だけ", "サイクルも足す"], &sheets, 3, &keys)
}

/// 複数の学習の SSIM (写真風から浮世絵風へ) を 1 枚に重ねます。
pub fn compare(path: &Path, lines: Vec<Line>, guides: Vec<(f64, &str)>) -> Result<()> {
    LineChart {
        x_label: "生成器の更新回数",
        y_label: "本当の浮世絵との SSIM (1 なら同じ絵)",
        lines,
        y_range: 0. ..1.,
        guides,
    }
    .save(path)
}
