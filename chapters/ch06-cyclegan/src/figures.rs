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
    // 余計な線や抜けも見えるよう、大きく描く。
    plot::table(path, &names, &[""], &sheets, 2 * scale(&images[0])?)
}

/// 1 回の学習の図を `dir` に書きます。
pub fn draw(trained: &Trained, recorder: &Recorder, dir: &Path) -> Result<()> {
    let (x, y) = (&recorder.test_x, &recorder.test_y);
    let (g, f) = (&trained.gan.generator_xy, &trained.gan.generator_yx);
    for (name, [from, to, round], input, truth, [there, back]) in [
        ("xyx", XYX, x, y, there_and_back(g, f, &shown(x)?)?),
        ("yxy", YXY, y, x, there_and_back(f, g, &shown(y)?)?),
    ] {
        let mut rows = vec![
            (from, input, color::REAL),
            (to, &there, color::FAKE),
            (round, &back, color::FAKE),
        ];
        if recorder.test_is_paired {
            rows.push(("正解", truth, color::REAL));
        }
        stack(&dir.join(format!("{name}.png")), &rows)?;
    }
    if recorder.frames.len() > 1 {
        let pick =
            |f: fn(&Frame) -> &[Tensor; 2]| recorder.frames.iter().map(move |it| (it.step, f(it)));
        steps(&dir.join("xyx-steps.png"), XYX, x, pick(|frame| &frame.xyx).collect())?;
        steps(&dir.join("yxy-steps.png"), YXY, y, pick(|frame| &frame.yxy).collect())?;
    }
    losses(trained, dir)?;
    let [xy, yx] = &recorder.similarity;
    if xy.len() > 1 {
        let untouched = ssim(x, y)?;
        LineChart {
            x_label: "生成器の更新回数",
            y_label: "本当のペアとの SSIM",
            lines: vec![
                Line { label: "X → Y", color: color::GENERATOR, points: xy.clone() },
                Line { label: "Y → X", color: color::REAL, points: yx.clone() },
            ],
            y_range: 0. ..1.,
            guides: vec![(untouched, "変換の前")],
        }
        .save(&dir.join("ssim.svg"))?;
    }
    Ok(())
}

/// 入力・変換・戻りの名前。
const XYX: [&str; 3] = ["入力\nx", "変換\nG(x)", "戻り\nF(G(x))"];
const YXY: [&str; 3] = ["入力\ny", "変換\nF(y)", "戻り\nG(F(y))"];

/// 途中経過。左が変換、右が戻り。下へ行くほど学習が進みます。
fn steps(
    path: &Path,
    [from, to, round]: [&str; 3],
    input: &Tensor,
    frames: Vec<(usize, &[Tensor; 2])>,
) -> Result<()> {
    let columns = input.dim(0)?.min(4);
    let first = |images: &Tensor| images.narrow(0, 0, columns);
    let mut rows = vec![from.replace('\n', " ")];
    let mut cells = vec![(first(input)?, color::REAL), (first(input)?, color::REAL)];
    for (step, sides) in frames {
        rows.push(plot::times(step));
        for images in sides {
            cells.push((first(images)?, color::FAKE));
        }
    }
    let sheets = cells.iter().map(|(images, frame)| Sheet { images, columns, frame: *frame });
    let names = [to, round].map(|name| name.replace('\n', " "));
    plot::table(path, &rows, &names, &sheets.collect::<Vec<_>>(), scale(input)?)
}

/// 損失の移り変わり。敵対的損失は、争う 2 つのネットワークごとに 1 枚です。
fn losses(trained: &Trained, dir: &Path) -> Result<()> {
    let width = (trained.history.len() / 60).max(1);
    let line = |label, column, color| Line {
        label,
        color,
        points: trained.history.smoothed(column, width),
    };
    for (name, generator, discriminator) in [
        ("losses-xy", ("生成器 G", "loss G"), ("識別器 D_Y", "loss D_Y")),
        ("losses-yx", ("生成器 F", "loss F"), ("識別器 D_X", "loss D_X")),
    ] {
        LineChart {
            x_label: "生成器の更新回数",
            y_label: "敵対的損失 (LSGAN)",
            lines: vec![
                line(generator.0, generator.1, color::GENERATOR),
                line(discriminator.0, discriminator.1, color::DISCRIMINATOR),
            ],
            y_range: 0. ..1.,
            // 識別器がいつも 1/2 と答えるなら、どちらの損失も (1/2)² になる。
            guides: vec![(0.25, "1/4")],
        }
        .save(&dir.join(format!("{name}.svg")))?;
    }
    // 記録の恒等損失は 2 つの向きの和なので、1 つの向きあたりに直して、サイクルと比べられるようにする。
    let mut identity = line("恒等の平均", "identity", color::MUTED);
    identity.points.iter_mut().for_each(|point| point.1 /= 2.);
    let lines = vec![
        line("X → Y → X", "cycle X", color::LOSS),
        line("Y → X → Y", "cycle Y", color::REAL),
        identity,
    ];
    LineChart {
        x_label: "生成器の更新回数",
        y_label: "画素の差の絶対値の平均 (1 つの向き)",
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
            ("写真風\nX", &dataset.test_x, color::REAL),
            ("浮世絵風\nY", &dataset.test_y, color::REAL),
        ],
    )?;
    let (x, y) = (dataset.train_x.narrow(0, 0, 16)?, dataset.train_y.narrow(0, 0, 16)?);
    let sheets = [&x, &y].map(|images| Sheet { images, columns: 4, frame: color::REAL });
    plot::table(&dir.join("train.png"), &[""], &["写真風 X", "浮世絵風 Y"], &sheets, scale(&x)?)
}

/// 小さな世界: 種ごとに、3 枚の写真が何に変わったか。左は敵対的損失だけ、右はサイクル損失も足した学習です。
pub fn permutation(runs: &[Vec<Tensor>; 2], path: &Path) -> Result<()> {
    const SEEDS: usize = 5;
    let [x, y] = toy::pictures()?;
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    for (name, images) in [("入力", x), ("正解", y.clone())] {
        rows.push(name.to_string());
        cells.extend([(); 2].map(|()| (images.clone(), color::REAL)));
    }
    for at in 0..SEEDS {
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
    let keys = [
        Key::new(Mark::Frame, color::DISCRIMINATOR, "正解と同じ"),
        Key::new(Mark::Frame, color::FAKE, "入れ替わり"),
        Key::new(Mark::Frame, color::MUTED, "そろわない"),
    ];
    plot::table_with_key(path, &rows, &["敵対的損失だけ", "サイクルも足す"], &sheets, 3, &keys)
}

/// 複数の学習の SSIM (X → Y) を 1 枚に重ねます。
pub fn compare(path: &Path, lines: Vec<Line>, guides: Vec<(f64, &str)>) -> Result<()> {
    LineChart {
        x_label: "生成器の更新回数",
        y_label: "本当のペアとの SSIM (X → Y)",
        lines,
        y_range: 0. ..1.,
        guides,
    }
    .save(path)
}
