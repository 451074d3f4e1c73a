//! 学習の結果を図にします。ここでは学習しません。

use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use common::seed::{Seed, normal};
use common::state::{Resume, State};
use tools::plot::map::{self, Cluster, Map};
use tools::plot::{self, Key, Line, LineChart, Mark, Sheet, color};

use crate::config::{Config, Data, Model};
use crate::explorer;
use crate::train::{Batch, Images, Progress, Trained, corrupt, encoder_gradient};

/// 図に載せる途中経過。
pub struct Frame {
    pub step: usize,
    /// 固定した z から作った画像 `[固定した数, dim]`
    pub samples: Tensor,
}

/// 学習を見ながら、図に要る途中経過を集めます。z も画像も、ずっと同じものを使います。
pub struct Recorder {
    config: Config,
    z: Tensor,
    pub frames: Vec<Frame>,
    /// (ステップ, 再構成の項からエンコーダに届いた勾配の大きさ)。[`reparameterization`] に使う学習でだけ集めます。
    pub gradients: Vec<(f64, f64)>,
}

impl Recorder {
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            config: config.clone(),
            z: normal(&mut Seed(config.seed).rng("figures"), (10, config.z_dim))?,
            frames: Vec::new(),
            gradients: Vec::new(),
        })
    }

    /// `train` の observer から毎回呼びます。
    pub fn observe(&mut self, progress: &Progress) -> Result<()> {
        let (step, steps) = (progress.step, self.config.steps);
        let due = |percent: usize| (steps * percent).div_ceil(100);
        if [0, 2, 5, 20, 50, 100].map(due).contains(&step) {
            let samples = progress.vae.decoder.images(&self.z)?.detach();
            self.frames.push(Frame { step, samples });
        }
        if has_gradients(&self.config) && step.is_multiple_of(steps.div_ceil(50)) {
            let count = progress.dataset.held_out.labels.len().min(400);
            let x = progress.dataset.held_out.x.narrow(0, 0, count)?;
            let rng = &mut Seed(self.config.seed).rng("gradient");
            let noise = normal(rng, (count, self.config.z_dim))?;
            let batch = Batch { input: x.clone(), x, noise };
            let gradient = encoder_gradient(progress.vae, &self.config, &batch)?;
            self.gradients.push((step as f64, f64::from(gradient)));
        }
        Ok(())
    }
}

/// 勾配を図にする学習か。再パラメータ化の有無だけが違う、「あいうえお」の 2 次元の VAE です。
fn has_gradients(config: &Config) -> bool {
    config.data == Data::Vowels && config.model == Model::Vae && config.z_dim == 2
}

impl Resume for Recorder {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        let steps: Vec<f64> = self.frames.iter().map(|frame| frame.step as f64).collect();
        state.put_numbers(format!("{name}.steps"), &steps)?;
        let samples: Vec<Tensor> = self.frames.iter().map(|frame| frame.samples.clone()).collect();
        samples.save(state, &format!("{name}.samples"))?;
        self.gradients.save(state, &format!("{name}.gradients"))
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        let mut samples = Vec::<Tensor>::new();
        samples.restore(state, &format!("{name}.samples"))?;
        let frame = |(step, samples): (f64, Tensor)| Frame { step: step as usize, samples };
        let steps = state.numbers(&format!("{name}.steps"))?;
        self.frames = steps.into_iter().zip(samples).map(frame).collect();
        self.gradients.restore(state, &format!("{name}.gradients"))
    }
}

/// 1 回の学習の図を `dir` に書きます。ファイル名はデータとモデルの名前で始まります。
pub fn draw(trained: &Trained, recorder: &Recorder, dir: &Path) -> Result<()> {
    let (config, name) = (&trained.config, trained.config.name());
    let file = |kind: &str| dir.join(format!("{name}-{kind}"));
    losses(trained, &file("losses.svg"))?;

    let model = short(config.model);
    let steps: Vec<String> = recorder.frames.iter().map(|f| updates(f.step)).collect();
    let made = recorder.frames.iter().zip(&steps);
    let made: Vec<_> = made.map(|(f, name)| (name.as_str(), &f.samples, color::FAKE)).collect();
    let title = format!("{model} が作った絵\n(行は更新回数、同じ列は同じ z)");
    rows(config, &file("steps.png"), &title, &made)?;

    let x = spread_rows(&trained.dataset.held_out, 10)?;
    let pair = [("入力", &x, color::REAL), ("再構成", &reconstruct(trained, &x)?, color::FAKE)];
    rows(config, &file("pair.png"), &format!("{model} の再構成 (テストデータ)"), &pair)?;
    if config.z_dim == 2 {
        let keys = [
            Key::new(Mark::Dot, color::MUTED, "1 枚の絵の雲の中心 (平均)"),
            Key::new(Mark::Area, color::MUTED, "楕円は、雲の標準偏差 (一部の点だけに描いた)"),
            Key::note("色と字は、絵に書かれた字"),
            CIRCLES,
        ];
        let title = format!("{model} の潜在平面 (テストデータ)");
        map::save(&file("latent.svg"), &[latent_map(trained, title, true)?], &keys)?;
        grid(trained, &file("grid.png"))?;
    }
    Ok(())
}

/// 図に書く、モデルの短い名前。
fn short(model: Model) -> &'static str {
    match model {
        Model::Vae => "VAE",
        Model::Ae => "AE",
    }
}

/// 途中経過の行の名前。
fn updates(step: usize) -> String {
    if step == 0 { "0 回\n学習の前".into() } else { plot::times(step) }
}

/// 地図の円の読み方。
const CIRCLES: Key = Key {
    mark: Mark::Note,
    color: color::INK,
    label: "二つの円は、標準正規分布の標準偏差の 1 倍と 2 倍",
};

fn scale(config: &Config) -> u32 {
    if config.size > 8 { 2 } else { 4 }
}

/// 1 列に並べた画像 `[N, dim]` を、`[N, C, H, W]` に戻します。
pub fn images(config: &Config, samples: &Tensor) -> Result<Tensor> {
    Ok(samples.reshape(((), config.channels, config.size, config.size))?)
}

fn reconstruct(trained: &Trained, x: &Tensor) -> Result<Tensor> {
    trained.vae.reconstruct(x)
}

/// テストデータから、均等に離れた `count` 枚。
fn spread_rows(images: &Images, count: usize) -> Result<Tensor> {
    let all = images.labels.len();
    // 字の並びの周期と重なると同じ字ばかりになるので、1 枚ずつずらす。
    let rows: Vec<u32> = (0..count).map(|i| ((i * all / count + i) % all) as u32).collect();
    Ok(images.x.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?)
}

/// 名前の付いた 1 行ずつの画像を、上下に積みます。`title` は全体の上に書きます。
fn rows(
    config: &Config,
    path: &Path,
    title: &str,
    rows: &[(&str, &Tensor, color::RGBColor)],
) -> Result<()> {
    let names: Vec<&str> = rows.iter().map(|row| row.0).collect();
    let drawn: Vec<Tensor> = rows.iter().map(|row| images(config, row.1)).collect::<Result<_>>()?;
    let sheets: Vec<Sheet> = drawn
        .iter()
        .zip(rows)
        .map(|(images, &(_, _, frame))| Ok(Sheet { images, columns: images.dim(0)?, frame }))
        .collect::<Result<_>>()?;
    plot::table(path, &names, &[title], &sheets, scale(config) + 1)
}

/// 学習の 2 つの項。単位が同じなので、1 枚に重ねる。
fn losses(trained: &Trained, path: &Path) -> Result<()> {
    let width = (trained.history.len() / 80).max(1);
    let line = |label, column, color| Line { label, color, points: course(trained, column, width) };
    let mut lines = vec![line("再構成", "recon", color::LOSS)];
    if trained.config.model == Model::Vae {
        lines.push(line("KL", "KL", color::LATENT));
    }
    let y_label = format!("{} の損失の項 (nat/枚)", short(trained.config.model));
    let y_range = 0. ..top(&trained.config);
    LineChart { x_label: "更新回数", y_label: &y_label, lines, y_range, guides: vec![] }.save(path)
}

/// 学習の前は、どの画素にも 1/2 と答える。そのときの再構成の項 (1 画素に log 2) が入る高さ。
fn top(config: &Config) -> f64 {
    config.dim() as f64 * 0.75
}

/// ならした線。ならすと消える、最初の 1 回の値から始めます。
fn course(trained: &Trained, column: &str, width: usize) -> Vec<(f64, f64)> {
    let first = trained.history.series(column).into_iter().take(1);
    first.chain(trained.history.smoothed(column, width)).collect()
}

/// テストデータの潜在変数を、字ごとに色を変えて描きます。円は N(0, I) の 1σ と 2σ です。
pub fn latent_map(trained: &Trained, title: String, spreads: bool) -> Result<Map> {
    const POINTS: usize = 480;
    const SPREADS: usize = 80;
    let held_out = &trained.dataset.held_out;
    let count = held_out.labels.len().min(POINTS);
    let code = trained.vae.encoder.forward(&held_out.x.narrow(0, 0, count)?)?;
    let (mean, deviation) = (code.mean().to_vec2::<f32>()?, code.deviation()?.to_vec2::<f32>()?);
    let mut labels = held_out.labels.clone();
    labels.sort();
    labels.dedup();
    let classes = labels.len();
    let clusters = labels.iter().enumerate().map(|(class, label)| {
        let of_label = |rows: &[Vec<f32>]| -> Vec<(f32, f32)> {
            let rows = rows.iter().zip(&held_out.labels).filter(|(_, known)| *known == label);
            rows.map(|(z, _)| (z[0], z[1])).collect()
        };
        let mut deviation = if spreads { of_label(&deviation) } else { Vec::new() };
        deviation.truncate(SPREADS / classes);
        Cluster {
            label: label.to_string(),
            color: color::CLASSES[class % color::CLASSES.len()],
            points: of_label(&mean),
            spreads: deviation,
        }
    });
    let extent = explorer::extent(&mean);
    Ok(Map {
        title,
        extent,
        clusters: clusters.collect(),
        circles: vec![1., 2.],
        circles_label: "標準正規分布".into(),
    })
}

/// 潜在平面を格子に切り、各点をデコーダで絵にします。上下左右は地図と同じです。
fn grid(trained: &Trained, path: &Path) -> Result<()> {
    const CELLS: usize = 13;
    let reach = 2.5;
    let at = |cell: usize| (cell as f32 / (CELLS - 1) as f32 * 2. - 1.) * reach;
    let z: Vec<f32> = (0..CELLS)
        .flat_map(|row| (0..CELLS).flat_map(move |column| [at(column), -at(row)]))
        .collect();
    let z = Tensor::from_vec(z, (CELLS * CELLS, 2), &Device::Cpu)?;
    let images = images(&trained.config, &trained.vae.decoder.images(&z)?)?;
    let sheet = Sheet { images: &images, columns: CELLS, frame: color::GENERATOR };
    let title = format!(
        "{} のデコーダが、潜在平面の各点から作った絵\n右端が z1 = {reach}、上端が z2 = {reach}、中央が 0",
        short(trained.config.model)
    );
    plot::table(path, &[""], &[title], &[sheet], scale(&trained.config))
}

/// 左がオートエンコーダ、右が VAE の潜在平面。
pub fn latent_pair(autoencoder: &Trained, vae: &Trained, path: &Path) -> Result<()> {
    let mut maps =
        [latent_map(autoencoder, String::new(), false)?, latent_map(vae, String::new(), false)?];
    for (map, model) in maps.iter_mut().zip(["AE", "VAE"]) {
        map.title = format!("{model} (−{0}〜{0})", map.extent);
    }
    // 小さな地図では字が重なって読めないので、字は下に、色と組にして書く。
    let names: Vec<(String, color::RGBColor)> =
        maps[0].clusters.iter().map(|cluster| (cluster.label.clone(), cluster.color)).collect();
    for cluster in maps.iter_mut().flat_map(|map| &mut map.clusters) {
        cluster.label.clear();
    }
    let ratio = maps[0].extent / maps[1].extent;
    let scale = format!("AE の枠の幅は、VAE の枠の {ratio:.0} 倍。円は、どちらも同じ");
    let mut keys: Vec<Key> =
        names.iter().map(|(name, color)| Key::new(Mark::Dot, *color, name)).collect();
    keys.extend([Key::note("点は、絵の潜在変数 (VAE では雲の中心)"), CIRCLES, Key::note(&scale)]);
    map::save(path, &maps, &keys)
}

/// 本物と、潜在変数の取り出し方ごとに作った画像を、左右に並べます。
pub fn samples(vae: &Trained, made: &[(&str, Tensor)], path: &Path) -> Result<()> {
    const COLUMNS: usize = 3;
    let config = &vae.config;
    let real = spread_rows(&vae.dataset.held_out, SAMPLES)?;
    let all: Vec<Tensor> = std::iter::once(&real)
        .chain(made.iter().map(|(_, samples)| samples))
        .map(|samples| images(config, samples))
        .collect::<Result<_>>()?;
    let names: Vec<&str> = std::iter::once("本物").chain(made.iter().map(|made| made.0)).collect();
    let sheets: Vec<Sheet> = all
        .iter()
        .enumerate()
        .map(|(at, images)| {
            let frame = if at == 0 { color::REAL } else { color::FAKE };
            Sheet { images, columns: COLUMNS, frame }
        })
        .collect();
    let keys = [
        Key::note("AE と VAE は、z を標準正規分布から取り出した"),
        Key::note("AE + は、AE の z に当てはめた分布から"),
    ];
    plot::table_with_key(path, &[""], &names, &sheets, scale(config), &keys)
}

/// [`samples`] に並べる枚数。
pub const SAMPLES: usize = 24;

/// 同じ入力を、2 次元と 16 次元の潜在変数で再構成します。`errors` は、それぞれの再構成誤差です。
pub fn dims(two: &Trained, sixteen: &Trained, errors: [f64; 2], path: &Path) -> Result<()> {
    let x = spread_rows(&two.dataset.held_out, 10)?;
    let names = [("2", errors[0]), ("16", errors[1])]
        .map(|(dim, error)| format!("{dim} 次元\n誤差 {error:.1}"));
    let pictures = [
        ("入力", &x, color::REAL),
        (names[0].as_str(), &reconstruct(two, &x)?, color::FAKE),
        (names[1].as_str(), &reconstruct(sixteen, &x)?, color::FAKE),
    ];
    let title = "潜在変数の次元だけを変えた VAE の再構成\n誤差は、テストデータの再構成誤差の平均";
    rows(&two.config, path, title, &pictures)
}

/// 使われている次元を 1 つずつ動かした絵。KL の大きい順に 1 行ずつで、ほかの次元は 0 のままです。
pub fn traversal(trained: &Trained, path: &Path) -> Result<()> {
    const COLUMNS: usize = 9;
    let reach = 2.5;
    let kl = trained.held_out_kl_per_dim()?;
    let mut order: Vec<usize> = (0..kl.len()).filter(|&dim| kl[dim] > USED).collect();
    order.sort_by(|&a, &b| kl[b].total_cmp(&kl[a]));
    let mut names = Vec::new();
    let mut drawn = Vec::new();
    for (rank, &dim) in order.iter().enumerate() {
        let mut z = vec![0f32; COLUMNS * kl.len()];
        for column in 0..COLUMNS {
            let at = column as f32 / (COLUMNS - 1) as f32 * 2. - 1.;
            z[column * kl.len() + dim] = at * reach;
        }
        let z = Tensor::from_vec(z, (COLUMNS, kl.len()), &Device::Cpu)?;
        names.push(format!("次元 {}\nKL {:.1}", rank + 1, kl[dim]));
        drawn.push(trained.vae.decoder.images(&z)?);
    }
    let pictures: Vec<_> =
        names.iter().zip(&drawn).map(|(n, x)| (n.as_str(), x, color::GENERATOR)).collect();
    let title = format!(
        "β = {} の VAE の、潜在変数の 1 つの次元だけを\n−{reach} から {reach} へ動かす。KL は、その次元を使う量\n({} 次元のうち、使われているものだけ)",
        trained.config.beta,
        kl.len()
    );
    rows(&trained.config, path, &title, &pictures)
}

/// KL の平均がこれ (nat) を超える次元を、使われている次元とみなします。
pub const USED: f32 = 0.01;

/// 補間する 2 字の組。
const PAIRS: [(char, char); 4] = [('い', 'り'), ('つ', 'し'), ('へ', 'く'), ('に', 'た')];

/// 2 枚の画像の間。上は潜在変数で、下は画素をそのまま混ぜたものです。
pub fn interpolation(trained: &Trained, path: &Path) -> Result<()> {
    const COLUMNS: usize = 10;
    let held_out = &trained.dataset.held_out;
    // どの字も、最初に見つかる画像は同じ書体である。
    let find = |c: char| -> Result<Tensor> {
        let at = held_out.labels.iter().position(|&label| label == c);
        Ok(held_out.x.narrow(0, at.with_context(|| format!("「{c}」の画像がありません"))?, 1)?)
    };
    let blend = |a: &Tensor, b: &Tensor| -> Result<Vec<Tensor>> {
        let share = |i: usize| i as f64 / (COLUMNS - 1) as f64;
        let mixed = (0..COLUMNS).map(|i| Ok(((a * (1. - share(i)))? + (b * share(i))?)?));
        mixed.collect()
    };
    let (mut latent, mut pixels) = (Vec::new(), Vec::new());
    for (from, to) in PAIRS {
        let (from, to) = (find(from)?, find(to)?);
        let code = |x: &Tensor| Ok::<_, anyhow::Error>(trained.vae.encoder.forward(x)?);
        let z = Tensor::cat(&blend(code(&from)?.mean(), code(&to)?.mean())?, 0)?;
        latent.push(trained.vae.decoder.images(&z)?);
        pixels.extend(blend(&from, &to)?);
    }
    let latent = images(&trained.config, &Tensor::cat(&latent, 0)?)?;
    let pixels = images(&trained.config, &Tensor::cat(&pixels, 0)?)?;
    let sheets = [
        Sheet { images: &latent, columns: COLUMNS, frame: color::LATENT },
        Sheet { images: &pixels, columns: COLUMNS, frame: color::MUTED },
    ];
    let title = "左端の字から、右端の字へ (VAE)";
    plot::table(path, &["潜在変数\nで混ぜる", "画素で\n混ぜる"], &[title], &sheets, 3)
}

/// β を変えた学習の 1 つ分の測定。
pub struct Swept<'a> {
    pub beta: f64,
    pub trained: &'a Trained,
    pub reconstruction: f64,
    pub kl: f64,
    /// N(0, I) からの標本と、本物のエネルギー距離
    pub distance: f64,
}

/// β の軸の名前。目盛りは等間隔の数ではない。
const BETA_AXIS: &str = "KL の重み β (目盛りはおよそ 3 倍ずつ)";

/// β に対する 2 つの項、標本の良さ、絵の変わり方。
pub fn beta(runs: &[Swept], dir: &Path) -> Result<()> {
    let names: Vec<String> = runs.iter().map(|run| run.beta.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let line = |label, color, value: &dyn Fn(&Swept) -> f64| Line {
        label,
        color,
        points: runs.iter().enumerate().map(|(i, run)| (i as f64, value(run))).collect(),
    };
    let mut kl = line("KL", color::LATENT, &|run| run.kl);
    // β = 0 では KL に歯止めがなく、けた違いに大きい。線に入れず、値を書く。
    let outside: Vec<String> = runs
        .iter()
        .filter(|run| run.kl >= 100.)
        .map(|run| format!("β = {} の KL は {:.1} で枠の外", run.beta, run.kl))
        .collect();
    kl.points.retain(|&(_, kl)| kl < 100.);
    LineChart {
        x_label: BETA_AXIS,
        y_label: &["損失の項 (nat/枚)".to_string()]
            .into_iter()
            .chain(outside)
            .collect::<Vec<_>>()
            .join("。"),
        lines: vec![line("再構成", color::LOSS, &|run| run.reconstruction), kl],
        y_range: 0. ..100.,
        guides: vec![],
    }
    .save_with_ticks(&dir.join("beta-terms.svg"), &names)?;
    LineChart {
        x_label: BETA_AXIS,
        y_label: "標本と本物のエネルギー距離 (0 に近いほど良い)",
        lines: vec![line("標本", color::FAKE, &|run| run.distance)],
        y_range: 0. ..8.,
        guides: vec![],
    }
    .save_with_ticks(&dir.join("beta-distance.svg"), &names)?;

    // 1 行目は本物。2 行目から、β の小さい順に、左は再構成、右は N(0, I) からの標本。
    const COLUMNS: usize = 7;
    let first = runs.first().context("β の実験がありません")?.trained;
    let x = spread_rows(&first.dataset.held_out, COLUMNS)?;
    let other = first.dataset.train.x.narrow(0, 0, COLUMNS)?;
    let (mut names, mut cells) = (vec!["本物".to_string()], vec![x.clone(), other]);
    for run in runs {
        names.push(format!("β = {}", run.beta));
        cells.push(reconstruct(run.trained, &x)?);
        cells.push(run.trained.generate(COLUMNS, Seed(run.trained.config.seed))?);
    }
    let cells: Vec<Tensor> =
        cells.iter().map(|cell| images(&first.config, cell)).collect::<Result<_>>()?;
    let sheets: Vec<Sheet> = cells
        .iter()
        .enumerate()
        .map(|(at, images)| {
            let frame = if at < 2 { color::REAL } else { color::FAKE };
            Sheet { images, columns: COLUMNS, frame }
        })
        .collect();
    let notes = [
        Key::note("行ごとに、VAE の KL に掛ける重み β を変えた"),
        Key::note("β = 1 がふつうの VAE"),
    ];
    let columns = ["再構成", "N(0, I) から生成"];
    plot::table_with_key(&dir.join("beta-pictures.png"), &names, &columns, &sheets, 2, &notes)
}

/// 再パラメータ化の有無で、エンコーダに届く勾配と再構成の進み方を比べます。
pub fn reparameterization(
    (on, on_recorder): (&Trained, &Recorder),
    (off, off_recorder): (&Trained, &Recorder),
    dir: &Path,
) -> Result<()> {
    let most = on_recorder.gradients.iter().fold(0f64, |most, &(_, g)| most.max(g));
    let line = |label, color, points| Line { label, color, points };
    LineChart {
        x_label: "更新回数",
        y_label: "再構成誤差の勾配の大きさ (エンコーダの重みについて)",
        lines: vec![
            line("再パラメータ化あり", color::DISCRIMINATOR, on_recorder.gradients.clone()),
            line("再パラメータ化なし", color::FAKE, off_recorder.gradients.clone()),
        ],
        y_range: 0. ..(most * 1.1).ceil(),
        guides: vec![],
    }
    .save(&dir.join("gradients.svg"))?;
    let curve = |trained: &Trained| course(trained, "recon", trained.history.len() / 80);
    LineChart {
        x_label: "更新回数",
        y_label: "VAE の再構成誤差 (nat/枚)",
        lines: vec![
            line("再パラメータ化あり", color::DISCRIMINATOR, curve(on)),
            line("再パラメータ化なし", color::FAKE, curve(off)),
        ],
        y_range: 0. ..top(&on.config),
        guides: vec![],
    }
    .save(&dir.join("broken-losses.svg"))?;
    let x = spread_rows(&on.dataset.held_out, 10)?;
    let pictures = [
        ("入力", &x, color::REAL),
        ("する", &reconstruct(on, &x)?, color::FAKE),
        ("しない", &reconstruct(off, &x)?, color::FAKE),
    ];
    let title = "再パラメータ化をする VAE と、しない VAE の再構成";
    rows(&on.config, &dir.join("broken-pair.png"), title, &pictures)
}

/// 上から、汚した入力、出力、汚す前の画像。
pub fn denoise(trained: &Trained, path: &Path) -> Result<()> {
    let clean = spread_rows(&trained.dataset.held_out, 10)?;
    let noisy = corrupt(&trained.config, &clean, &mut Seed(trained.config.seed).rng("denoise"))?;
    let pictures = [
        ("汚した\n入力", &noisy, color::REAL),
        ("出力", &reconstruct(trained, &noisy)?, color::FAKE),
        ("元の絵", &clean, color::REAL),
    ];
    rows(&trained.config, path, "デノイジングオートエンコーダの出力", &pictures)
}

/// 線形ガウスの例: z ~ N(0, 1)、x = w·z + 雑音 N(0, s²)。周辺尤度も本当の事後分布も、式で分かります。
pub mod linear_gaussian {
    /// デコーダの傾き w と雑音の標準偏差 s、観測した x。
    pub const W: f64 = 1.5;
    pub const S: f64 = 0.8;
    pub const X: f64 = 1.2;

    /// log N(x; mean, variance)
    pub fn log_normal(x: f64, mean: f64, variance: f64) -> f64 {
        -0.5 * ((std::f64::consts::TAU * variance).ln() + (x - mean).powi(2) / variance)
    }

    /// log p(x)。z を消すと x ~ N(0, w² + s²) です。
    pub fn log_likelihood() -> f64 {
        log_normal(X, 0., W * W + S * S)
    }

    /// 本当の事後分布 p(z|x) の平均と分散。
    pub fn posterior() -> (f64, f64) {
        let precision = 1. + W * W / (S * S);
        (W * X / (S * S) / precision, 1. / precision)
    }

    /// E_q[log p(x|z)] (q = N(mean, variance))。
    pub fn expected_log_likelihood(mean: f64, variance: f64) -> f64 {
        log_normal(X, W * mean, S * S) - W * W * variance / (2. * S * S)
    }

    /// KL(N(mean, variance) ‖ N(0, 1))
    pub fn kl(mean: f64, variance: f64) -> f64 {
        0.5 * (mean * mean + variance - 1. - variance.ln())
    }

    /// ELBO = E_q[log p(x|z)] − KL(q ‖ p(z))
    pub fn elbo(mean: f64, variance: f64) -> f64 {
        expected_log_likelihood(mean, variance) - kl(mean, variance)
    }
}

/// q の平均を動かしたときの ELBO。破線の log p(x) を超えず、本当の事後分布で触れます。
pub fn elbo(path: &Path) -> Result<()> {
    use linear_gaussian::{elbo, log_likelihood, posterior};
    let variance = posterior().1;
    let curve = |variance: f64| -> Vec<(f64, f64)> {
        (0..=80).map(|i| i as f64 / 40. - 0.4).map(|m| (m, elbo(m, variance))).collect()
    };
    LineChart {
        x_label: "q の平均 (1 倍は真の分散)",
        y_label: "対数尤度 log p(x) と、その下界 ELBO",
        lines: vec![
            Line {
                label: "ELBO (q の分散 4 倍)",
                color: color::MUTED,
                points: curve(4. * variance),
            },
            Line { label: "ELBO (q の分散 1 倍)", color: color::LOSS, points: curve(variance) },
        ],
        y_range: -6. ..0.,
        guides: vec![(log_likelihood(), "log p(x)")],
    }
    .save(path)
}
