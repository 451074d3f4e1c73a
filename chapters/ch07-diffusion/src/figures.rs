//! 学習の結果を図にします。ここでは学習しません。

use std::path::Path;

use anyhow::Result;
use candle_core::{Device, Tensor};
use common::data::energy_distance;
use common::measure::sharpness;
use common::seed::{Seed, normal};
use common::state::{Resume, State};
use tools::plot::{self, EXTENT, Key, Line, LineChart, Mark, Panel, Sheet, color};

use crate::config::{Betas, Config};
use crate::data::class_name;
use crate::train::{Progress, Sampler, Schedule, Trained, estimate, guided, q_sample};

/// 図に載せる途中経過。
pub struct Frame {
    pub step: usize,
    /// 固定したノイズから作ったデータ `[固定した数, データの次元]`
    pub samples: Tensor,
}

/// 学習を見ながら、図に要る途中経過を集めます。ノイズはずっと同じものを使います。
pub struct Recorder {
    config: Config,
    pub frames: Vec<Frame>,
    /// (ステップ, 本物とのエネルギー距離)。平面の点のときだけ集めます。
    pub distances: Vec<(f64, f64)>,
    real: Tensor,
}

/// 途中経過に使うクラス。
fn watched(config: &Config) -> Vec<u32> {
    match config.data.classes() {
        0 if config.data.is_points() => vec![0; 256],
        0 => vec![0; 10],
        classes => (0..12).map(|i| i * 4 % classes as u32).collect(),
    }
}

impl Recorder {
    /// `held_out` は、学習に使わない本物です。
    pub fn new(config: &Config, held_out: &Tensor) -> Result<Self> {
        let real = held_out.narrow(0, 0, held_out.dim(0)?.min(1_000))?;
        Ok(Self { config: config.clone(), frames: Vec::new(), distances: Vec::new(), real })
    }

    /// `train` の observer から毎回呼びます。
    pub fn observe(&mut self, progress: &Progress) -> Result<()> {
        if progress.preparing {
            return Ok(());
        }
        let (step, steps) = (progress.step, self.config.steps);
        let due = |percent: usize| (steps * percent).div_ceil(100);
        let generate = |classes: &[u32], sampler| {
            let diffusion = progress.diffusion;
            let generator = crate::train::Generator {
                config: &self.config,
                schedule: &diffusion.schedule,
                network: &diffusion.average,
                autoencoder: diffusion.autoencoder.as_ref(),
            };
            generator.generate(classes, self.config.guidance, sampler, Seed(self.config.seed))
        };
        if [0, 5, 15, 30, 60, 100].map(due).contains(&step) {
            let samples = generate(&watched(&self.config), Sampler::Ddpm)?;
            self.frames.push(Frame { step, samples });
        }
        let often = [0, 2, 4, 7, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100];
        if self.config.data.is_points() && often.map(due).contains(&step) {
            let samples = generate(&[0; 1_000], Sampler::Ddim(20.min(self.config.timesteps)))?;
            let distance = energy_distance(&samples, &self.real)?;
            self.distances.push((step as f64, f64::from(distance)));
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
        self.distances.save(state, &format!("{name}.distances"))
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        let mut samples = Vec::<Tensor>::new();
        samples.restore(state, &format!("{name}.samples"))?;
        let steps = state.numbers(&format!("{name}.steps"))?.into_iter().map(|step| step as usize);
        self.frames = steps.zip(samples).map(|(step, samples)| Frame { step, samples }).collect();
        self.distances.restore(state, &format!("{name}.distances"))
    }
}

/// 画像の集まり `[N, dim]` → `[N, C, 辺, 辺]`
pub fn images(config: &Config, x: &Tensor) -> Result<Tensor> {
    Ok(x.reshape(((), config.channels, config.size, config.size))?)
}

/// 1 回の学習の図を `dir` に書きます。ファイル名は学習の名前で始まります。
pub fn draw(trained: &Trained, recorder: &Recorder, dir: &Path) -> Result<()> {
    let (config, name) = (&trained.config, trained.config.name());
    match config.data.is_points() {
        true => {
            let real = trained.dataset.train.x.narrow(0, 0, 128)?;
            let panels: Vec<Panel> = recorder
                .frames
                .iter()
                .map(|frame| plane(plot::times(frame.step), &real, &frame.samples))
                .collect::<Result<_>>()?;
            let path = dir.join(format!("{name}-progress.svg"));
            let note = Key::note("回数は、拡散モデルの更新回数。枠の外の点は描いていない");
            plot::panels_with_key(&path, &panels, 3, &[&POINTS[..], &[note]].concat())?;
        }
        false => {
            let named = config.data.classes() > 0;
            let name_of =
                |class| if named { class_name(&config.data, class) } else { String::new() };
            let names: Vec<String> =
                watched(config).iter().map(|&class| name_of(class as usize)).collect();
            let rows: Vec<Row> = recorder
                .frames
                .iter()
                .map(|frame| {
                    let mut name = plot::times(frame.step);
                    if frame.step == 0 {
                        // 潜在拡散では、拡散を学ぶ前の行でも、デコーダが字の断片を描く。
                        let before = match trained.diffusion.autoencoder.is_some() {
                            true => "拡散は学習前\nデコーダは済",
                            false => "学習の前",
                        };
                        name = format!("更新 {name}\n{before}");
                    }
                    (name, color::FAKE, frame.samples.clone())
                })
                .collect();
            let notes: &[&str] = if named { &[ASKED, SAME_NOISE] } else { &[SAME_NOISE] };
            table(config, &names, &rows, notes, &dir.join(format!("{name}-progress.png")))?;
            all_classes(trained, &dir.join(format!("{name}-all.png")))?;
        }
    }
    let most = trained.history.series("loss").first().map_or(1., |first| first.1);
    LineChart {
        x_label: "更新回数",
        y_label: "損失 (ノイズの 2 乗誤差の和)",
        lines: vec![Line {
            label: "損失",
            color: color::LOSS,
            points: trained.history.smoothed("loss", (trained.history.len() / 80).max(1)),
        }],
        y_range: 0. ..most.max(1e-3).ceil(),
        guides: vec![],
    }
    .save(&dir.join(format!("{name}-loss.svg")))
}

/// 平面の点の読み方。
const POINTS: [Key; 2] = [
    Key { mark: Mark::Dot, color: color::REAL, label: "本物の点" },
    Key { mark: Mark::Dot, color: color::FAKE, label: "生成した点" },
];

fn plane(mut title: String, real: &Tensor, fake: &Tensor) -> Result<Panel> {
    let points = vec![(color::REAL, plot::points(real)?), (color::FAKE, plot::points(fake)?)];
    // 学習の前の点は、どれも枠の外に散る。無いように見えるので、そう書く。
    if !points[1].1.iter().any(|(x, y)| x.abs() < EXTENT && y.abs() < EXTENT) {
        title += " (朱は枠の外)";
    }
    Ok(Panel { title, points, ..Default::default() })
}

/// 画像の表の 1 行: 名前、枠の色、画像 `[列の数, データの次元]`。
pub type Row = (String, plot::RGBColor, Tensor);

/// 画像の表の下に書く、読み方。
const ASKED: &str = "上に並ぶ字は、指定した字";
pub const SAME_NOISE: &str = "同じ列は、同じノイズから作った";

/// 行と列に名前の付いた画像の表。足りない枠は空けておき、下に読み方を書きます。
pub fn table(
    config: &Config,
    columns: &[impl AsRef<str>],
    rows: &[Row],
    notes: &[&str],
    path: &Path,
) -> Result<()> {
    let blank = Tensor::full(-1f32, (1, config.data_dim()), &Device::Cpu)?;
    let mut pictures = Vec::new();
    for (_, frame, x) in rows {
        for column in 0..columns.len() {
            pictures.push(match column < x.dim(0)? {
                true => (images(config, &x.narrow(0, column, 1)?)?, *frame),
                false => (images(config, &blank)?, plot::RGBColor(0xE4, 0xE4, 0xE4)),
            });
        }
    }
    let sheet = |picture| {
        let (images, frame): &(Tensor, plot::RGBColor) = picture;
        Sheet { images, columns: 1, frame: *frame }
    };
    let cells: Vec<Sheet> = pictures.iter().map(sheet).collect();
    let names: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    let scale = (64 / config.size.max(1) as u32).clamp(1, 8);
    let notes: Vec<Key> = notes.iter().map(|note| Key::note(note)).collect();
    plot::table_with_key(path, &names, columns, &cells, scale, &notes)
}

/// 頼んだクラスを、すべて 1 枚ずつ。
pub fn all_classes(trained: &Trained, path: &Path) -> Result<()> {
    const COLUMNS: usize = 10;
    let (config, named) = (&trained.config, trained.config.data.classes());
    // 種類のない手元の画像では、50 枚を並べる。
    let classes = if named > 0 { named } else { 5 * COLUMNS };
    let asked: Vec<u32> = (0..classes).map(|class| (class * named.min(1)) as u32).collect();
    let made = trained.generate(&asked, Sampler::Ddpm, Seed(config.seed))?;
    let rows = asked.chunks(COLUMNS).enumerate().map(|(at, asked)| {
        let end = |at: usize| class_name(&config.data, asked[at] as usize);
        let last = asked.len() - 1;
        let name = if named > 0 { format!("{}〜{}", end(0), end(last)) } else { String::new() };
        Ok((name, color::FAKE, made.narrow(0, at * COLUMNS, asked.len())?))
    });
    let notes: &[&str] = match named > 0 {
        true => &["字を指定して、拡散モデルが作った", "1 枚ずつで、選んでいない"],
        false => &[],
    };
    table(config, &[""; COLUMNS], &rows.collect::<Result<Vec<Row>>>()?, notes, path)
}

/// 時刻の並び: 0 から T までを 10 等分します。
fn tenths(timesteps: usize) -> Vec<usize> {
    (0..=10).map(|i| i * timesteps / 10).collect()
}

/// 本物の字が溶けていき (順過程)、ノイズから字が現れる (逆過程) まで。
pub fn dissolve(trained: &Trained, class: u32, path: &Path) -> Result<()> {
    let (config, schedule) = (&trained.config, &trained.diffusion.schedule);
    let times = tenths(schedule.timesteps());
    let at = trained.dataset.held_out.labels.iter().position(|&label| label == class);
    let x0 = trained.dataset.held_out.x.narrow(0, at.unwrap_or(0), 1)?;
    let noise = normal(&mut Seed(config.seed).rng("dissolve"), (1, config.dim()))?;
    let forward = q_sample(
        schedule,
        &x0.broadcast_as((times.len(), config.dim()))?.contiguous()?,
        &times,
        &noise.broadcast_as((times.len(), config.dim()))?.contiguous()?,
    )?;
    let mut backward = path_back(trained, class, config.guidance, Seed(config.seed))?;
    backward.retain(|(t, ..)| times.contains(t));
    backward.reverse();
    let backward: Vec<Tensor> = backward.into_iter().map(|(_, x, _)| x).collect();
    let names: Vec<String> = times.iter().map(|t| t.to_string()).collect();
    let rows = [
        ("順過程 →\n本物を汚す".to_string(), color::REAL, forward),
        ("← 逆過程\n新しく作る".to_string(), color::FAKE, Tensor::cat(&backward, 0)?),
    ];
    table(config, &names, &rows, &["上の数は、時刻 t (0 は絵、100 はノイズ)"], path)
}

/// 1 枚を作る途中のようす: (時刻 t, x_t, その時点での元の絵の見積もり x̂_0)。最後は時刻 0 です。
pub fn path_back(
    trained: &Trained,
    class: u32,
    guidance: f64,
    seed: Seed,
) -> Result<Vec<(usize, Tensor, Tensor)>> {
    let generator = trained.generator();
    let mut steps = Vec::new();
    let last = generator.run(1, Sampler::Ddpm, seed, |x, t| {
        let predicted = guided(generator.network, x, t, &[class], guidance)?;
        let guess = estimate(generator.schedule, x, t, &predicted)?;
        steps.push((t, x.clone(), generator.decode(&guess)?));
        Ok(predicted)
    })?;
    steps.push((0, last.clone(), last));
    Ok(steps)
}

/// 「なぜ一度に消さないのか」の図に載せる時刻。
pub const GLIMPSES: [usize; 7] = [80, 70, 60, 50, 40, 20, 0];

/// 途中で「元の絵はこれだ」と見積もったもの。はじめはぼやけ、進むほどはっきりします。
pub fn glimpses(trained: &Trained, classes: [u32; 3], path: &Path) -> Result<()> {
    let config = &trained.config;
    let names: Vec<String> =
        GLIMPSES.iter().map(|t| if *t == 0 { "完成".into() } else { format!("t = {t}") }).collect();
    let mut rows = Vec::new();
    for class in classes {
        let name = class_name(&config.data, class as usize);
        let steps = path_back(trained, class, 1., Seed(config.seed))?;
        let pick = |part: &dyn Fn(&(usize, Tensor, Tensor)) -> Tensor| -> Result<Tensor> {
            let found = GLIMPSES.iter().filter_map(|t| steps.iter().find(|step| step.0 == *t));
            Ok(Tensor::cat(&found.map(part).collect::<Vec<_>>(), 0)?)
        };
        rows.push((format!("{name} 途中"), color::LATENT, pick(&|step| step.1.clone())?));
        rows.push((format!("{name} 見積もり"), color::FAKE, pick(&|step| step.2.clone())?));
    }
    let note = "見積もり: 途中の絵から当てた、元の絵";
    table(config, &names, &rows, &[note], path)
}

/// 見積もりの鮮明さ: 図のはじめの時刻と、終わり (t = 0)。全クラスの平均です。
pub fn glimpse_sharpness(trained: &Trained) -> Result<[f64; 2]> {
    let config = &trained.config;
    let classes: Vec<u32> = (0..config.data.classes() as u32).collect();
    let generator = trained.generator();
    let mut first = None;
    let last = generator.run(classes.len(), Sampler::Ddpm, Seed(config.seed), |x, t| {
        let predicted = guided(generator.network, x, t, &classes, 1.)?;
        if t == GLIMPSES[0] {
            first = Some(generator.decode(&estimate(generator.schedule, x, t, &predicted)?)?);
        }
        Ok(predicted)
    })?;
    let first = first.unwrap_or_else(|| last.clone());
    Ok([sharpness(&images(config, &first)?)?, sharpness(&images(config, &last)?)?])
}

/// 平面の点が、ノイズから山へ戻るまで。矢印は、当てたノイズを引く向き (−ε_θ) です。
pub fn flow(trained: &Trained, path: &Path) -> Result<()> {
    const SHOWN: [usize; 6] = [100, 60, 40, 20, 10, 0];
    const CELLS: usize = 9;
    let generator = trained.generator();
    let count = 256;
    let at = |cell: usize| ((cell as f32 + 0.5) / CELLS as f32 * 2. - 1.) * EXTENT;
    let grid: Vec<f32> = (0..CELLS)
        .flat_map(|row| (0..CELLS).flat_map(move |column| [at(column), at(row)]))
        .collect();
    let grid = Tensor::from_vec(grid, (CELLS * CELLS, 2), &Device::Cpu)?;
    let mut panels = Vec::new();
    let mut panel = |x: &Tensor, t: usize| -> Result<()> {
        let mut paths = Vec::new();
        if t > 0 {
            let noise = guided(generator.network, &grid, t, &[0; CELLS * CELLS], 1.)?;
            for (from, noise) in plot::points(&grid)?.into_iter().zip(plot::points(&noise)?) {
                paths.push((color::GENERATOR, arrow(from, (-noise.0, -noise.1))));
            }
        }
        let points = vec![(color::FAKE, plot::points(x)?)];
        let title = match t {
            100 => "t = 100 (ノイズ)".into(),
            0 => "t = 0 (完成)".into(),
            t => format!("t = {t}"),
        };
        panels.push(Panel { title, points, paths, ..Default::default() });
        Ok(())
    };
    let x = generator.run(count, Sampler::Ddpm, Seed(trained.config.seed), |x, t| {
        if SHOWN.contains(&t) {
            panel(x, t)?;
        }
        guided(generator.network, x, t, &vec![0; count], 1.)
    })?;
    panel(&x, 0)?;
    let keys = [
        Key::new(Mark::Dot, color::FAKE, "作りかけの点"),
        Key::new(Mark::Line, color::GENERATOR, "矢印: 当てたノイズを引く向き"),
        Key::note("t は時刻。ノイズの雲から 8 つの山まで、枠の外は描いていない"),
    ];
    plot::panels_with_key(path, &panels, 3, &keys)
}

/// `from` から `by` の向きの、長さをそろえた矢印。
fn arrow(from: (f32, f32), by: (f32, f32)) -> Vec<(f32, f32)> {
    const LENGTH: f32 = 0.2;
    let length = by.0.hypot(by.1).max(1e-6);
    // 1 より小さい答えは、そのぶん短く描く。
    let size = LENGTH * length.min(1.) / length;
    let (dx, dy) = (by.0 * size, by.1 * size);
    let tip = (from.0 + dx, from.1 + dy);
    let side =
        |turn: f32| (tip.0 - 0.35 * dx - turn * 0.25 * dy, tip.1 - 0.35 * dy + turn * 0.25 * dx);
    vec![from, tip, side(1.), tip, side(-1.)]
}

/// 2 つのスケジュールの ᾱ_t と、信号・ノイズの割合。
pub fn schedules(timesteps: usize, dir: &Path) -> Result<()> {
    let curve = |kind, share: &dyn Fn(f64) -> f64| -> Vec<(f64, f64)> {
        let schedule = Schedule::new(kind, timesteps);
        schedule.alpha_bar.iter().enumerate().map(|(t, &bar)| (t as f64, share(bar))).collect()
    };
    let line = |label, color, points| Line { label, color, points };
    let x_label = &format!("時刻 t (0 は元のデータ、{timesteps} はノイズ)");
    LineChart {
        x_label,
        y_label: "残る信号の割合の 2 乗 (β が直線なのは DDPM)",
        lines: vec![
            line("β が直線", color::MUTED, curve(Betas::Linear, &|bar| bar)),
            line("コサイン (この章)", color::REAL, curve(Betas::Cosine, &|bar| bar)),
        ],
        y_range: 0. ..1.,
        guides: vec![],
    }
    .save_with_names_at(&dir.join("alpha-bar.svg"), 0.4 * timesteps as f64)?;
    LineChart {
        x_label,
        y_label: "混ぜる割合 (信号とノイズの 2 乗の和は 1)",
        lines: vec![
            line("信号(コサイン)", color::REAL, curve(Betas::Cosine, &|bar| bar.sqrt())),
            line("ノイズ(コサイン)", color::LATENT, curve(Betas::Cosine, &|bar| (1. - bar).sqrt())),
            line("信号(β が直線)", color::MUTED, curve(Betas::Linear, &|bar| bar.sqrt())),
            line("ノイズ(β が直線)", color::INK, curve(Betas::Linear, &|bar| (1. - bar).sqrt())),
        ],
        y_range: 0. ..1.,
        guides: vec![],
    }
    .save(&dir.join("shares.svg"))
}

/// 損失と、標本の良さ。損失は早くに下げ止まり、標本はそのあとも良くなります。
pub fn loss_and_quality(trained: &Trained, recorder: &Recorder, dir: &Path) -> Result<()> {
    // はじめの、けたの違う値は描かない。枠の上端に、切れた線を残さないため。
    const TOP: f64 = 0.1;
    let distances = &recorder.distances;
    let from = distances.iter().position(|point| point.1 < TOP).unwrap_or(0);
    let seen = distances[from..].to_vec();
    LineChart {
        x_label: "更新回数",
        y_label: "拡散モデルの点と本物 (8 つの山の輪) のエネルギー距離",
        lines: vec![Line { label: "生成した点", color: color::FAKE, points: seen }],
        y_range: 0. ..TOP,
        guides: vec![],
    }
    .save(&dir.join("ring-quality.svg"))?;
    LineChart {
        x_label: "更新回数",
        y_label: "拡散モデルの損失 (8 つの山の輪、2 乗誤差の和)",
        lines: vec![Line {
            label: "損失",
            color: color::LOSS,
            points: trained.history.smoothed("loss", (trained.history.len() / 80).max(1)),
        }],
        y_range: 0. ..2.,
        guides: vec![(2., "0 と答え続ける")],
    }
    .save(&dir.join("ring-loss.svg"))
}

/// 飛び飛びの値で測った線グラフ。`ticks` は横の位置 (0 以上の整数) と、そこに書く名前です。線の値も、この順です。
pub fn spaced_chart(
    path: &Path,
    ticks: &[(usize, String)],
    (x_label, y_label): (&str, &str),
    lines: &[(&str, plot::RGBColor, Vec<f64>)],
    y_range: std::ops::Range<f64>,
    guides: Vec<(f64, &str)>,
) -> Result<()> {
    let lines = lines.iter().map(|(label, color, values)| Line {
        label,
        color: *color,
        points: ticks.iter().zip(values).map(|(tick, &value)| (tick.0 as f64, value)).collect(),
    });
    let mut names = vec![""; ticks.iter().map(|tick| tick.0 + 1).max().unwrap_or(0)];
    for (at, name) in ticks {
        names[*at] = name;
    }
    LineChart { x_label, y_label, lines: lines.collect(), y_range, guides }
        .save_with_ticks(path, &names)
}

/// 行ごとに作り方を変えた画像の表。列は同じクラスです。`notes` は、ほかの読み方です。
pub fn by_class(
    config: &Config,
    classes: &[u32],
    rows: &[Row],
    notes: &[&str],
    path: &Path,
) -> Result<()> {
    let names: Vec<String> =
        classes.iter().map(|&class| class_name(&config.data, class as usize)).collect();
    table(config, &names, rows, &[&[ASKED][..], notes].concat(), path)
}

/// 壊した作り方を並べた図。`notes` は、絵だけでは分からないことの説明です。
pub fn broken(real: &Tensor, runs: &[(&str, Tensor)], notes: &[String], path: &Path) -> Result<()> {
    let notes: Vec<Key> = notes.iter().map(|note| Key::note(note)).collect();
    let panels: Vec<Panel> = runs
        .iter()
        .map(|(title, x)| plane(title.to_string(), real, &x.narrow(0, 0, 256)?))
        .collect::<Result<_>>()?;
    plot::panels_with_key(path, &panels, 3, &[&POINTS[..], &notes].concat())
}

/// 枠に入らない点の割合。
pub fn outside(x: &Tensor) -> Result<f64> {
    let points = plot::points(x)?;
    let out = points.iter().filter(|(x, y)| x.abs() >= EXTENT || y.abs() >= EXTENT).count();
    Ok(out as f64 / points.len().max(1) as f64)
}
