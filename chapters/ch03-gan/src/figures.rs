//! 学習の結果を図にします。ここでは学習しません。

use std::path::Path;

use anyhow::Result;
use candle_core::{Device, Tensor};
use candle_nn::ops::sigmoid;
use common::data::ring;
use common::seed::{Seed, normal};
use common::state::{Resume, State};
use tools::plot::{self, EXTENT, Key, Line, LineChart, Mark, Panel, Sheet, Surface, color};

use crate::config::{Config, Data, GLoss};
use crate::model::Discriminator;
use crate::train::{Progress, Trained, generator_gradient};

/// 図に載せる途中経過。
pub struct Frame {
    pub step: usize,
    /// 固定したノイズから作ったデータ `[固定した数, dim]`
    pub samples: Tensor,
    /// 平面の各点で D が答えた確率
    pub surface: Option<Surface>,
}

/// 学習を見ながら、図に要る途中経過を集めます。ノイズはずっと同じものを使います。
pub struct Recorder {
    config: Config,
    noise: Tensor,
    pub frames: Vec<Frame>,
    /// (ステップ, 覆った山の数)。ring のときだけ集めます。
    pub modes: Vec<(f64, f64)>,
}

impl Recorder {
    pub fn new(config: &Config) -> Result<Self> {
        let count = if config.data.is_points() { 256 } else { 12 };
        Ok(Self {
            config: config.clone(),
            noise: normal(&mut Seed(config.seed).rng("figures"), (count, config.z_dim))?,
            frames: Vec::new(),
            modes: Vec::new(),
        })
    }

    /// `train` の observer から毎回呼びます。
    pub fn observe(&mut self, progress: &Progress) -> Result<()> {
        let (step, steps) = (progress.step, self.config.steps);
        let due = |percent: usize| (steps * percent).div_ceil(100);
        if [0, 5, 15, 30, 60, 100].map(due).contains(&step) {
            let surface = match self.config.data.is_points() {
                false => None,
                true => surface(&progress.gan.discriminator, self.config.pack)?,
            };
            let samples = progress.gan.generator.forward(&self.noise)?.detach();
            self.frames.push(Frame { step, samples, surface });
        }
        if self.config.data == Data::Ring && step.is_multiple_of(steps.div_ceil(100)) {
            let samples = progress.gan.generator.forward(&self.noise)?;
            let modes = ring::coverage(&samples)?.modes();
            self.modes.push((step as f64, modes as f64));
        }
        Ok(())
    }
}

impl Resume for Recorder {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        let steps: Vec<f64> = self.frames.iter().map(|frame| frame.step as f64).collect();
        state.put_numbers(format!("{name}.steps"), &steps)?;
        let samples: Vec<Tensor> = self.frames.iter().map(|frame| frame.samples.clone()).collect();
        samples.save(state, &format!("{name}.samples"))?;
        let surfaces = self.frames.iter().filter_map(|frame| frame.surface.as_ref());
        let surfaces = surfaces.map(|surface| Tensor::new(surface.values.clone(), &Device::Cpu));
        let surfaces: Vec<Tensor> = surfaces.collect::<candle_core::Result<_>>()?;
        surfaces.save(state, &format!("{name}.surfaces"))?;
        self.modes.save(state, &format!("{name}.modes"))
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        let (mut samples, mut surfaces) = (Vec::<Tensor>::new(), Vec::<Tensor>::new());
        samples.restore(state, &format!("{name}.samples"))?;
        surfaces.restore(state, &format!("{name}.surfaces"))?;
        let mut surfaces = surfaces.into_iter();
        let steps = state.numbers(&format!("{name}.steps"))?;
        let frame = |(step, samples): (f64, Tensor)| {
            let surface = surfaces.next().map(|values| values.to_vec2()).transpose()?;
            let surface = surface.map(|values| Surface { values });
            Ok(Frame { step: step as usize, samples, surface })
        };
        self.frames = steps.into_iter().zip(samples).map(frame).collect::<Result<_>>()?;
        self.modes.restore(state, &format!("{name}.modes"))
    }
}

/// 平面を升目に区切り、各点で D が答える確率を調べます。
fn surface(discriminator: &Discriminator, pack: usize) -> Result<Option<Surface>> {
    const CELLS: usize = 44;
    // まとめて判定する D の答えは、1 つの点だけでは決まらない。
    if pack > 1 {
        return Ok(None);
    }
    let at = |cell: usize| ((cell as f32 + 0.5) / CELLS as f32 * 2. - 1.) * EXTENT;
    let grid: Vec<f32> = (0..CELLS)
        .flat_map(|row| (0..CELLS).flat_map(move |column| [at(column), at(row)]))
        .collect();
    let points = Tensor::from_vec(grid, (CELLS * CELLS, 2), &Device::Cpu)?;
    let values = sigmoid(&discriminator.forward(&points)?)?.reshape((CELLS, CELLS))?;
    Ok(Some(Surface { values: values.to_vec2()? }))
}

/// 1 回の学習の図を `dir` に書きます。ファイル名はデータの名前で始まります。
pub fn draw(trained: &Trained, recorder: &Recorder, dir: &Path) -> Result<()> {
    let name = trained.config.data.name();
    match trained.config.data.is_points() {
        true => {
            let real = trained.real.narrow(0, 0, 128)?;
            let panels: Vec<Panel> = recorder
                .frames
                .iter()
                .map(|frame| plane(updates(frame.step, " "), &real, frame))
                .collect::<Result<_>>()?;
            let mut keys = POINTS.to_vec();
            if panels.iter().any(|panel| panel.surface.is_some()) {
                keys.extend([
                    Key::new(Mark::Area, plot::tint(1.), "濃いほど、D の答えが 1 (本物) に近い"),
                    Key::new(Mark::Area, plot::tint(0.), "濃いほど、D の答えが 0 (偽物) に近い"),
                    Key::note("白い所は、D の答えが 1/2 (見分けられない)"),
                ]);
            }
            // 学習の前の D は、ほとんどどこでも 1/2 の近くを答えるので、背景が白い。
            let first = recorder.frames.first().and_then(|frame| frame.surface.as_ref());
            if first.is_some_and(|surface| neutral(surface) > 0.95) {
                keys.push(Key::note("学習の前の D は、ほとんどどこでも 1/2 の近くを答える"));
            }
            plot::panels_with_key(&dir.join(format!("{name}-steps.svg")), &panels, 3, &keys)?;
        }
        false => {
            let images = |rows: &Tensor| images(&trained.config, rows);
            let scale = if trained.config.size > 8 { 2 } else { 4 };
            let file = |kind: &str| dir.join(format!("{name}-{kind}.png"));
            let steps: Vec<String> =
                recorder.frames.iter().map(|frame| updates(frame.step, "\n")).collect();
            let made: Vec<Tensor> = recorder
                .frames
                .iter()
                .map(|frame| images(&frame.samples))
                .collect::<Result<_>>()?;
            let sheets: Vec<Sheet> = made
                .iter()
                .map(|images| Ok(Sheet { images, columns: images.dim(0)?, frame: color::FAKE }))
                .collect::<Result<_>>()?;
            plot::table(
                &file("steps"),
                &steps,
                &["GAN が作った絵\n(行は更新回数、同じ列は同じ z)"],
                &sheets,
                scale,
            )?;

            // 手元の画像が少なければ、あるだけを見せる。
            let real = images(&trained.real)?;
            let count = real.dim(0)?;
            let shown = real.narrow(0, 0, count.min(60))?;
            let sheet = Sheet { images: &shown, columns: 12, frame: color::REAL };
            let title = format!("本物 ({0}×{0} 画素)", trained.config.size);
            plot::table(&file("real"), &[""], &[title], &[sheet], scale)?;

            let first = if count < 96 { 0 } else { 60 };
            let (real, fake) = (
                real.narrow(0, first, count.min(36))?,
                images(&trained.generate(36, Seed(trained.config.seed))?)?,
            );
            let sheets = [
                Sheet { images: &real, columns: 6, frame: color::REAL },
                Sheet { images: &fake, columns: 6, frame: color::FAKE },
            ];
            plot::table(&file("pair"), &[""], &["本物", "GAN が作った絵"], &sheets, scale)?;
        }
    }
    let width = (trained.history.len() / 80).max(1);
    let line = |label, column, color| Line {
        label,
        color,
        points: trained.history.smoothed(column, width),
    };
    let (log4, log2) = (4f64.ln(), 2f64.ln());
    // 数字では、はじめに識別器が大勝ちして、生成器の損失が跳ね上がる。
    // 平面の点では 2 本の線がすぐ 1/2 に寄るので、その近くだけを拡大する。
    let (losses, outputs) = match trained.config.data.is_points() {
        false => (0. ..5., 0. ..1.),
        true => (0. ..3., 0.4..0.6),
    };
    LineChart {
        x_label: "生成器の更新回数",
        y_label: "損失。破線は、D がどこでも 1/2 と答えるときの値",
        lines: vec![
            line("識別器", "loss D", color::DISCRIMINATOR),
            line("生成器", "loss G", color::GENERATOR),
        ],
        y_range: losses,
        // 識別器の損失は、本物と偽物の 2 項の和なので、同じ 1/2 でも 2 倍になる。
        guides: vec![(log4, "2 log 2 (識別器)"), (log2, "log 2 (生成器)")],
    }
    .save(&dir.join(format!("{name}-losses.svg")))?;
    LineChart {
        x_label: "生成器の更新回数",
        y_label: if outputs.start > 0. {
            "D の答え (本物である確率) の平均。1/2 の近くを拡大"
        } else {
            "D の答え (本物である確率) の平均"
        },
        lines: vec![
            line("本物 D(x)", "D(x)", color::REAL),
            line("偽物 D(G(z))", "D(G(z))", color::FAKE),
        ],
        y_range: outputs,
        guides: vec![(0.5, "1/2")],
    }
    .save(&dir.join(format!("{name}-outputs.svg")))
}

/// 面のうち、1/2 の色に塗られる割合。
fn neutral(surface: &Surface) -> f64 {
    let values: Vec<f32> = surface.values.concat();
    let count = values.iter().filter(|&&value| plot::tint(value) == plot::tint(0.5)).count();
    count as f64 / values.len() as f64
}

/// 途中経過の名前。`gap` は、2 つの語の間です。
fn updates(step: usize, gap: &str) -> String {
    if step == 0 { format!("0 回{gap}学習の前") } else { plot::times(step) }
}

/// 平面の点の読み方。
const POINTS: [Key; 2] = [
    Key { mark: Mark::Dot, color: color::REAL, label: "本物の点" },
    Key { mark: Mark::Dot, color: color::FAKE, label: "GAN が作った点" },
];

fn plane(title: String, real: &Tensor, frame: &Frame) -> Result<Panel> {
    let surface = frame.surface.as_ref().map(|surface| Surface { values: surface.values.clone() });
    Ok(Panel {
        title,
        surface,
        points: vec![
            (color::REAL, plot::points(real)?),
            (color::FAKE, plot::points(&frame.samples)?),
        ],
        ..Default::default()
    })
}

/// 1 列に並べた画像 `[N, dim]` を、`[N, C, H, W]` に戻します。
pub fn images(config: &Config, samples: &Tensor) -> Result<Tensor> {
    Ok(samples.reshape(((), config.channels, config.size, config.size))?)
}

/// 標準・壊した・直した、3 つの学習を比べる図。山の数の移り変わりと、点の群れです。
pub fn compare(
    standard: &Recorder,
    collapsed: &Recorder,
    cured: &Recorder,
    dir: &Path,
) -> Result<()> {
    fn line<'a>(label: &'a str, recorder: &Recorder, color: plot::RGBColor) -> Line<'a> {
        Line { label, color, points: recorder.modes.clone() }
    }
    let slower = standard.config.lr_d / collapsed.config.lr_d;
    let slow = format!("D の学習率 1/{slower:.0}");
    let grouped = format!("学習率 1/{slower:.0} で {} 点 1 組", cured.config.pack);
    LineChart {
        x_label: "生成器の更新回数",
        y_label: "覆った山の数 (8 つのうち)",
        lines: vec![
            line("標準", standard, color::REAL),
            line(&slow, collapsed, color::FAKE),
            line(&grouped, cured, color::DISCRIMINATOR),
        ],
        y_range: 0. ..8.,
        guides: vec![],
    }
    .save(&dir.join("ring-modes.svg"))?;

    let real = crate::train::dataset(&standard.config)?.narrow(0, 0, 128)?;
    // 崩壊した点の群れは山から山へ渡り歩く。1 コマでは分からないので、3 つの時点を並べる。
    let panels: Vec<Panel> = [("壊した", collapsed), ("直した", cured)]
        .into_iter()
        .flat_map(|(title, recorder)| {
            recorder.frames.iter().rev().take(3).rev().map(move |f| (title, f))
        })
        .map(|(title, frame)| {
            // まとめて判定する D の面は描けないので、どちらも点だけを描く。
            let frame = Frame { surface: None, samples: frame.samples.clone(), ..*frame };
            plane(format!("{title} {}", plot::times(frame.step)), &real, &frame)
        })
        .collect::<Result<_>>()?;
    let notes = [
        format!("壊した: 識別器の学習率を {slower:.0} 分の 1 にした"),
        format!("直した: その識別器に、点を {} つずつ見せた", cured.config.pack),
    ];
    let keys = [&POINTS[..], &notes.each_ref().map(|note| Key::note(note))].concat();
    plot::panels_with_key(&dir.join("collapse.svg"), &panels, 3, &keys)
}

/// 1 次元の正規分布 N(±1, 1) を本物と偽物にしたときの、確率密度。
pub fn density(mean: f64, x: f64) -> f64 {
    (-(x - mean).powi(2) / 2.).exp() / std::f64::consts::TAU.sqrt()
}

/// 最適な識別器 D*(x) = p_data(x) / (p_data(x) + p_g(x)) (論文 命題 1)。本物は N(1, 1)、偽物は N(−1, 1)。
pub fn optimal_discriminator(x: f64) -> f64 {
    let (data, g) = (density(1., x), density(-1., x));
    data / (data + g)
}

/// 学習した 1 次元の識別器を、計算で求めた最適な識別器に重ねます。
pub fn optimum(discriminator: &Discriminator, dir: &Path) -> Result<()> {
    let xs: Vec<f64> = (0..=80).map(|i| f64::from(i) / 10. - 4.).collect();
    let inputs: Vec<f32> = xs.iter().map(|&x| x as f32).collect();
    let inputs = Tensor::from_vec(inputs, (xs.len(), 1), &Device::Cpu)?;
    let learned = sigmoid(&discriminator.forward(&inputs)?)?.flatten_all()?.to_vec1::<f32>()?;
    let curve = |f: &dyn Fn(f64) -> f64| xs.iter().map(|&x| (x, f(x))).collect();
    let path = dir.join("optimum.svg");
    LineChart {
        x_label: "x",
        y_label: "D は本物である確率、山は確率密度",
        lines: vec![
            Line {
                label: "本物の密度", color: color::REAL, points: curve(&|x| density(1., x))
            },
            Line {
                label: "偽物の密度", color: color::FAKE, points: curve(&|x| density(-1., x))
            },
            Line {
                label: "学習した D",
                color: color::DISCRIMINATOR,
                points: xs.iter().zip(learned).map(|(&x, d)| (x, f64::from(d))).collect(),
            },
            Line {
                label: "計算した D* (破線)",
                color: color::INK,
                points: curve(&optimal_discriminator),
            },
        ],
        y_range: 0. ..1.,
        guides: vec![],
    }
    .save(&path)?;
    // 2 本の線はほとんど重なる。下の線を太く、上の線を破線にして、どちらも見えるようにする。
    let stroke = |plot::RGBColor(r, g, b), width: u32| {
        format!("stroke=\"#{r:02X}{g:02X}{b:02X}\" stroke-width=\"{width}\"")
    };
    let (learned, computed) = (stroke(color::DISCRIMINATOR, 2), stroke(color::INK, 2));
    let svg = std::fs::read_to_string(&path)?
        .replace(&learned, &stroke(color::DISCRIMINATOR, 6))
        .replace(&computed, &format!("{computed} stroke-dasharray=\"7 7\""));
    tools::files::write(&path, svg.as_bytes())
}

/// 生成器の損失をロジットで微分した値を、(D(G(z)), 勾配) の列で返します。
pub fn gradient_curve(kind: GLoss) -> Result<Vec<(f64, f64)>> {
    let logits: Vec<f32> = (0..=80).map(|i| i as f32 / 10. - 4.).collect();
    let logits = Tensor::from_vec(logits, (81, 1), &Device::Cpu)?;
    let gradient = generator_gradient(kind, &logits)?.flatten_all()?.to_vec1::<f32>()?;
    let d = sigmoid(&logits)?.flatten_all()?.to_vec1::<f32>()?;
    Ok(d.iter().zip(gradient).map(|(&d, g)| (f64::from(d), f64::from(g))).collect())
}

/// 2 つの損失の勾配の大きさを、D(G(z)) に対して描きます。
pub fn gradients(dir: &Path) -> Result<()> {
    let line = |label, kind, color| -> Result<Line> {
        let points = gradient_curve(kind)?.into_iter().map(|(d, g)| (d, g.abs())).collect();
        Ok(Line { label, color, points })
    };
    LineChart {
        x_label: "D(G(z)) 偽物が本物とみなされる確率",
        y_label: "D のロジットについての、生成器の損失の勾配の大きさ",
        lines: vec![
            line("非飽和 −log D", GLoss::NonSaturating, color::GENERATOR)?,
            line("飽和 log(1 − D)", GLoss::Saturating, color::LOSS)?,
        ],
        y_range: 0. ..1.,
        guides: vec![],
    }
    .save(&dir.join("gradients.svg"))
}
