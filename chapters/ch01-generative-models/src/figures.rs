//! 学習の結果を図にします。ここでは学習しません。

use std::path::Path;

use anyhow::Result;
use candle_core::Tensor;
use common::seed::Seed;
use common::state::{Resume, State};
use nalgebra::{DMatrix, DVector};
use rand::Rng;
use tools::plot::{
    self, EXTENT, Key, Line, LineChart, Mark, Panel, RGBColor, Sheet, Surface, color,
};

use crate::config::{Config, Data, Labels, Model};
use crate::convert;
use crate::data::Labelled;
use crate::measure::generate;
use crate::model::{Classifier, Gaussian, Generative};
use crate::train::{Progress, Trained};

/// 平面のデータで、図に載せる途中経過を集めます。
#[derive(Default)]
pub struct Recorder {
    /// (終わった回数, そのときのモデル)
    pub frames: Vec<(usize, Generative)>,
}

impl Recorder {
    /// `train` の observer から毎回呼びます。
    pub fn observe(&mut self, config: &Config, progress: &Progress) {
        let due = |percent: usize| (config.steps * percent).div_ceil(100).max(1);
        if config.data != Data::Digits && [0, 10, 20, 30, 45, 100].map(due).contains(&progress.step)
        {
            self.frames.push((progress.step, progress.model.clone()));
        }
    }
}

impl Resume for Recorder {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        let steps: Vec<f64> = self.frames.iter().map(|(step, _)| *step as f64).collect();
        state.put_numbers(format!("{name}.steps"), &steps)?;
        for (at, (_, model)) in self.frames.iter().enumerate() {
            state.put_bytes(&format!("{name}.{at}"), &model.to_bytes()?)?;
        }
        Ok(())
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        let steps = state.numbers(&format!("{name}.steps"))?.into_iter().enumerate();
        let frame = |(at, step): (usize, f64)| {
            let bytes = state.bytes(&format!("{name}.{at}"))?;
            Ok((step as usize, Generative::from_bytes(&bytes, "途中のモデル")?))
        };
        self.frames = steps.map(frame).collect::<Result<_>>()?;
        Ok(())
    }
}

/// 1 回の学習の図を `dir` に書きます。ファイル名はデータとモデルの名前で始まります。
pub fn draw(trained: &Trained, recorder: &Recorder, real: &Labelled, dir: &Path) -> Result<()> {
    let config = &trained.config;
    let name = name(config);
    match config.data {
        Data::Blobs | Data::Moons => {
            let em = if config.model == Model::Mixture { "EM " } else { "" };
            let panels = recorder.frames.iter().map(|(step, model)| Panel {
                title: format!("{em}{}", plot::times(*step)),
                points: vec![(color::REAL, points(&first(&real.x, 128)))],
                paths: ellipses(model),
                ..Default::default()
            });
            let fitted = format!("{}の山 (標準偏差の 2 倍)", config.model.title());
            let keys = [
                Key::new(Mark::Dot, color::REAL, "データ"),
                Key::new(Mark::Line, color::LATENT, &fitted),
            ];
            let path = dir.join(format!("{name}-steps.svg"));
            plot::panels_with_key(&path, &panels.collect::<Vec<_>>(), 3, &keys)?;
            let (fake, labels) = generate(&trained.model, None, 400, Seed(config.seed));
            let panel = |title: &str, color, data: &Labelled| {
                classes(Panel { title: title.into(), ..Default::default() }, color, data)
            };
            let fake = Labelled { x: fake, labels };
            let mut real = Labelled { x: first(&real.x, 400), labels: real.labels[..400].to_vec() };
            if config.labels == Labels::Ignore {
                real.labels.fill(0);
            }
            let panels = [panel("本物", color::REAL, &real), panel("生成", color::FAKE, &fake)];
            plot::panels(&dir.join(format!("{name}-samples.svg")), &panels, 2)?;
        }
        Data::Digits => {
            let path = dir.join(format!("{name}-samples.png"));
            match config.labels {
                Labels::Ignore => {
                    let images = images(&generate(&trained.model, None, 60, Seed(config.seed)).0)?;
                    let sheet = Sheet { images: &images, columns: 12, frame: color::FAKE };
                    let title = format!("{}が作った数字", config.model.title());
                    plot::table(&path, &[""], &[title], &[sheet], 4)?;
                }
                Labels::Use => {
                    let title = format!("{}に条件 y を渡して作った数字", config.model.title());
                    conditional(&trained.model, &title, &path)?
                }
            }
            if config.model == Model::Mixture && config.labels == Labels::Ignore {
                means(&trained.model, &dir.join(format!("{name}-means.png")))?;
            }
        }
    }
    if trained.history.len() > 1 {
        likelihood(trained, &dir.join(format!("{name}-likelihood.svg")))?;
    }
    Ok(())
}

/// ファイル名の始まり。
pub fn name(config: &Config) -> String {
    let by_label = if config.labels == Labels::Use { "-by-label" } else { "" };
    format!("{}-{}{by_label}", config.data.name(), config.model.name())
}

/// 学習の歩みに対する、訓練データとテストデータの対数尤度。
fn likelihood(trained: &Trained, path: &Path) -> Result<()> {
    let line = |label, column, color| Line { label, color, points: trained.history.series(column) };
    let lines = vec![
        line("訓練データ", "train", color::GENERATOR),
        line("テストデータ", "held-out", color::REAL),
    ];
    let y_range = range(&lines);
    let config = &trained.config;
    let one = if config.data == Data::Digits { "1 枚" } else { "1 点" };
    let y_label = format!("{}の対数尤度 ({one}あたり)", config.model.title());
    LineChart { x_label: "EM の反復回数", y_label: &y_label, lines, y_range, guides: vec![] }
        .save(path)
}

/// 線がすべて収まる、切りのよい縦軸の範囲。
fn range(lines: &[Line]) -> std::ops::Range<f64> {
    let ys = || lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
    let (low, high) = (ys().fold(f64::MAX, f64::min), ys().fold(f64::MIN, f64::max));
    let step = 10f64.powf((high - low).max(1e-6).log10().floor()) / 2.;
    (low / step).floor() * step..(high / step).ceil() * step
}

/// 行列 `[dim, N]` の最初の `count` 列。
pub fn first(x: &DMatrix<f64>, count: usize) -> DMatrix<f64> {
    x.columns(0, count.min(x.ncols())).into_owned()
}

/// 行列 `[2, N]` を点の列にします。
pub fn points(x: &DMatrix<f64>) -> Vec<(f32, f32)> {
    x.column_iter().map(|p| (p[0] as f32, p[1] as f32)).collect()
}

/// 行列 `[64, N]` を画像 `[N, 1, 8, 8]` にします。
pub fn images(x: &DMatrix<f64>) -> Result<Tensor> {
    Ok(convert::tensor(x)?.reshape((x.ncols(), 1, 8, 8))?)
}

/// 2 つのクラスを、塗った点 (0) と白抜きの点 (1) で足します。色は役割のままです。
fn classes(mut panel: Panel, color: RGBColor, data: &Labelled) -> Panel {
    panel.points.push((color, points(&data.of_class(0))));
    panel.rings.push((color, points(&data.of_class(1))));
    panel
}

/// 平面の升目の中心 `[2, 升目の数]`。行は下から上、列は左から右です。
fn grid() -> DMatrix<f64> {
    let at = |cell: usize| ((cell as f64 + 0.5) / CELLS as f64 * 2. - 1.) * f64::from(EXTENT);
    DMatrix::from_fn(
        2,
        CELLS * CELLS,
        |axis, i| {
            if axis == 0 { at(i % CELLS) } else { at(i / CELLS) }
        },
    )
}

const CELLS: usize = 48;

fn surface(values: impl Iterator<Item = f64>) -> Surface {
    let values: Vec<f32> = values.map(|value| value as f32).collect();
    Surface { values: values.chunks(CELLS).map(<[f32]>::to_vec).collect() }
}

/// 密度 p(x) の面。いちばん高いところを 1 とします。
fn density(model: &Generative) -> (RGBColor, Surface) {
    let log_density = model.log_density(&grid());
    let top = log_density.iter().copied().fold(f64::MIN, f64::max);
    // そのままでは山の頂上しか見えないので、平方根で裾を持ち上げる。
    (color::GENERATOR, surface(log_density.into_iter().map(|log| (0.5 * (log - top)).exp())))
}

/// 識別モデルの p(y = 1|x) の面。
fn boundary(classifier: &Classifier) -> Result<(RGBColor, Surface)> {
    let posterior = classifier.posterior(&grid())?;
    Ok((color::DISCRIMINATOR, surface(posterior.row(1).iter().copied())))
}

/// 成分ごとに、標準偏差の 2 倍を囲む楕円。
fn ellipses(model: &Generative) -> Vec<(RGBColor, Vec<(f32, f32)>)> {
    let ellipse = |gaussian: &Gaussian| {
        let at = |i: i32| {
            let angle = f64::from(i) / 48. * std::f64::consts::TAU;
            let x = gaussian.place(&(2. * DVector::from_vec(vec![angle.cos(), angle.sin()])));
            (x[0] as f32, x[1] as f32)
        };
        (color::LATENT, (0..=48).map(at).collect())
    };
    model.classes.iter().flat_map(|class| class.components.iter().map(ellipse)).collect()
}

/// 同じデータに対する、識別モデルの面 p(y|x) と生成モデルの面 p(x)。
pub fn compare(
    classifier: &Classifier,
    model: &Generative,
    real: &Labelled,
    dir: &Path,
) -> Result<()> {
    let shown = Labelled { x: first(&real.x, 200), labels: real.labels[..200].to_vec() };
    // 別の図 (blobs-far) で、この線に沿って遠ざかる。
    let path = vec![(color::INK, points(&away(model).1))];
    let panel = |title: &str, heat| {
        let paths = path.clone();
        let panel = Panel { title: title.into(), heat: Some(heat), paths, ..Default::default() };
        classes(panel, color::REAL, &shown)
    };
    let panels = [
        panel("識別モデル p(y|x)", boundary(classifier)?),
        panel("生成モデル p(x)", density(model)),
    ];
    let keys = [
        Key::new(Mark::Dot, color::REAL, "一方の種類"),
        Key::new(Mark::Ring, color::REAL, "もう一方の種類 ○"),
        Key::new(Mark::Area, color::DISCRIMINATOR, "濃いほど ○ らしい"),
        Key::new(Mark::Area, color::GENERATOR, "濃いほど点が多い"),
        Key::new(Mark::Line, color::INK, "データから遠ざかる道"),
    ];
    plot::panels_with_key(&dir.join("blobs-boundary.svg"), &panels, 2, &keys)
}

/// それぞれのモデルから取り出せるもの。識別モデルからは、与えた x のラベルしか取り出せません。
pub fn sampling(
    classifier: &Classifier,
    model: &Generative,
    real: &Labelled,
    dir: &Path,
) -> Result<()> {
    let given = first(&real.x, 200);
    let rng = &mut Seed(0).rng("labels");
    let posterior = classifier.posterior(&given)?;
    let labels = posterior.column_iter().map(|p| usize::from(rng.random::<f64>() < p[1])).collect();
    let (x, fake_labels) = generate(model, None, 200, Seed(0));
    let panel = |title: &str, color, data: &Labelled| {
        classes(Panel { title: title.into(), ..Default::default() }, color, data)
    };
    let panels = [
        panel("識別: y だけ取り出せる", color::REAL, &Labelled { x: given, labels }),
        panel("生成: x も取り出せる", color::FAKE, &Labelled { x, labels: fake_labels }),
    ];
    let keys = [
        Key::new(Mark::Dot, color::REAL, "渡した本物の点 x"),
        Key::new(Mark::Dot, color::FAKE, "作った点 x"),
        Key::note("塗った丸と白抜きの丸は、取り出した種類 y"),
    ];
    plot::panels_with_key(&dir.join("blobs-sampling.svg"), &panels, 2, &keys)
}

/// 2 つのクラスの中間から、クラス 1 を通って遠ざかる点の列。距離と点 `[2, N]` です。
pub fn away(model: &Generative) -> (Vec<f64>, DMatrix<f64>) {
    let [from, to] = [0, 1].map(|y| model.classes[y].components[0].mean.clone());
    let (middle, direction) = ((&to + &from) / 2., (&to - &from).normalize());
    let distances: Vec<f64> = (0..=75).map(|i| f64::from(i) * 0.02).collect();
    let columns: Vec<_> =
        distances.iter().map(|&distance| &middle + distance * &direction).collect();
    (distances, DMatrix::from_columns(&columns))
}

/// データから遠ざかるときの、識別モデルの確信と、生成モデルの密度。
pub fn far(classifier: &Classifier, model: &Generative, dir: &Path) -> Result<()> {
    let (distances, x) = away(model);
    let confidence = classifier.posterior(&x)?;
    let log_density = model.log_density(&x);
    let top = log_density.iter().copied().fold(f64::MIN, f64::max);
    let line = |label, color, values: Vec<f64>| Line {
        label,
        color,
        points: distances.iter().copied().zip(values).collect(),
    };
    let lines = vec![
        line(
            "識別モデル p(y|x)",
            color::DISCRIMINATOR,
            confidence.row(1).iter().copied().collect(),
        ),
        line(
            "生成モデル p(x)",
            color::GENERATOR,
            log_density.iter().map(|log| (log - top).exp()).collect(),
        ),
    ];
    LineChart {
        x_label: "2 種類の中間から ○ の側へ離れた距離",
        y_label: "○ である確率 p(y|x) と、密度 p(x) (最大を 1)",
        lines,
        y_range: 0. ..1.,
        guides: vec![],
    }
    .save(&dir.join("blobs-far.svg"))
}

/// 三日月に当てはめた 3 つのモデル。上の段が密度、下の段がそこから作った点です。
pub fn moons(models: [&Generative; 3], real: &Labelled, dir: &Path) -> Result<()> {
    let titles = ["独立", "ガウス", "混合ガウス"];
    let densities = models.iter().zip(titles).map(|(model, title)| Panel {
        title: title.into(),
        heat: Some(density(model)),
        points: vec![(color::REAL, points(&first(&real.x, 60)))],
        ..Default::default()
    });
    let samples = models.iter().map(|model| Panel {
        title: "作った点".into(),
        points: vec![(color::FAKE, points(&generate(model, None, 300, Seed(0)).0))],
        ..Default::default()
    });
    let panels: Vec<Panel> = densities.chain(samples).collect();
    let keys = [
        Key::new(Mark::Dot, color::REAL, "本物の点"),
        Key::new(Mark::Area, color::GENERATOR, "濃いほど密度 p(x) が高い"),
        Key::new(Mark::Dot, color::FAKE, "上のモデルが作った点"),
    ];
    plot::panels_with_key(&dir.join("moons-models.svg"), &panels, 3, &keys)
}

/// 本物と、3 つのモデルの標本を左右に並べます。
pub fn side_by_side(real: &DMatrix<f64>, models: [&Generative; 3], dir: &Path) -> Result<()> {
    const COUNT: usize = 24;
    let real = images(&first(real, COUNT))?;
    let fakes = models
        .iter()
        .map(|model| images(&generate(model, None, COUNT, Seed(0)).0))
        .collect::<Result<Vec<_>>>()?;
    let sheet = |images, frame| Sheet { images, columns: 4, frame };
    let fakes = fakes.iter().map(|images| sheet(images, color::FAKE));
    let sheets: Vec<Sheet> = std::iter::once(sheet(&real, color::REAL)).chain(fakes).collect();
    let names = ["本物", "独立画素", "ガウス", "混合ガウス"];
    plot::table(&dir.join("digits-models.png"), &[""], &names, &sheets, 4)
}

/// 本物の数字。
pub fn real_digits(real: &DMatrix<f64>, dir: &Path) -> Result<()> {
    let images = images(&first(real, 60))?;
    let sheet = Sheet { images: &images, columns: 12, frame: color::REAL };
    plot::table(&dir.join("digits-real.png"), &[""], &["本物の手書き数字 (8×8 画素)"], &[sheet], 4)
}

/// 成分の平均像を、重みの大きい順に並べます。
pub fn means(model: &Generative, path: &Path) -> Result<()> {
    let mixture = &model.classes[0];
    let mut order: Vec<usize> = (0..mixture.weights.len()).collect();
    order.sort_by(|&a, &b| mixture.weights[b].total_cmp(&mixture.weights[a]));
    let columns: Vec<_> = order.iter().map(|&k| mixture.components[k].mean.clone()).collect();
    let images = images(&DMatrix::from_columns(&columns))?;
    let sheet = Sheet { images: &images, columns: columns.len().min(10), frame: color::LATENT };
    plot::table(path, &[""], &["混合ガウスの、山ごとの平均像 (割合の大きい順)"], &[sheet], 6)
}

/// 数字 `digit` だけの正規分布の軸 (主成分)。行ごとに 1 本の軸で、中央が平均像、左右へ標準偏差の 3 倍までずらします。
///
/// `names` は、軸に沿って変わるものの名前です。
pub fn axes(model: &Generative, digit: usize, names: &[&str], dir: &Path) -> Result<()> {
    const COLUMNS: usize = 9;
    let gaussian = &model.classes[digit].components[0];
    let rows = principal(gaussian).into_iter().zip(names);
    let rows: Vec<Tensor> =
        rows.map(|(axis, _)| images(&along(gaussian, axis, COLUMNS))).collect::<Result<_>>()?;
    let sheets: Vec<Sheet> = rows
        .iter()
        .map(|images| Sheet { images, columns: COLUMNS, frame: color::LATENT })
        .collect();
    let names: Vec<String> =
        (1..).zip(names).map(|(axis, name)| format!("軸 {axis}\n{name}")).collect();
    let title = format!(
        "「{digit}」のガウスの平均像 (中央) を、ばらつきの\n大きい順の軸に沿って、標準偏差の −3〜3 倍動かす"
    );
    plot::table(&dir.join("digits-axes.png"), &names, &[title], &sheets, 6)
}

/// 平均像を、軸 `axis` に沿って標準偏差の −3 倍から 3 倍までずらした `count` 枚 `[dim, count]`。
pub fn along(gaussian: &Gaussian, axis: usize, count: usize) -> DMatrix<f64> {
    let moved = (0..count).map(|step| {
        let mut z = DVector::zeros(gaussian.mean.len());
        z[axis] = 6. * step as f64 / (count - 1) as f64 - 3.;
        gaussian.place(&z)
    });
    DMatrix::from_columns(&moved.collect::<Vec<_>>())
}

/// 軸の番号を、分散の大きい順に並べます。
pub fn principal(gaussian: &Gaussian) -> Vec<usize> {
    let mut order: Vec<usize> = (0..gaussian.variances.len()).collect();
    order.sort_by(|&a, &b| gaussian.variances[b].total_cmp(&gaussian.variances[a]));
    order
}

/// 条件付き生成。行が y = 0, 1, …, 9 です。
pub fn conditional(model: &Generative, title: &str, path: &Path) -> Result<()> {
    const COLUMNS: usize = 12;
    let rows: Vec<Tensor> = (0..model.classes.len())
        .map(|y| images(&generate(model, Some(y), COLUMNS, Seed(y as u64)).0))
        .collect::<Result<_>>()?;
    let names: Vec<String> = (0..rows.len()).map(|y| format!("y = {y}")).collect();
    let sheets: Vec<Sheet> =
        rows.iter().map(|images| Sheet { images, columns: COLUMNS, frame: color::FAKE }).collect();
    plot::table(path, &names, &[title], &sheets, 4)
}

/// 設定を 1 つだけ変えながら測った、訓練データとテストデータの対数尤度。
pub struct Sweep {
    /// (横軸の値, 訓練データ, テストデータ)
    pub points: Vec<(f64, f64, f64)>,
}

/// 混合ガウスの、成分の数や分散の下限を変えたときの図。`held_out` は、学習に使わなかったデータの呼び名です。
pub fn sweep(sweep: &Sweep, x_label: &str, held_out: &str, path: &Path) -> Result<()> {
    let line = |label, color, value: fn(&(f64, f64, f64)) -> f64| Line {
        label,
        color,
        points: sweep.points.iter().map(|point| (point.0, value(point))).collect(),
    };
    let lines = vec![
        line("訓練データ", color::GENERATOR, |point| point.1),
        line(held_out, color::REAL, |point| point.2),
    ];
    let y_range = range(&lines);
    let y_label = "混合ガウスの対数尤度 (1 枚あたり)";
    LineChart { x_label, y_label, lines, y_range, guides: vec![] }.save(path)
}

/// テストデータの本物と、上下を逆さまにした本物の、log p(x) の分かれ方。
pub fn outliers(real: &[f64], flipped: &[f64], path: &Path) -> Result<()> {
    const BINS: usize = 26;
    const LOW: f64 = -200.;
    const HIGH: f64 = 60.;
    let width = (HIGH - LOW) / BINS as f64;
    let histogram = |values: &[f64]| {
        let mut counts = vec![0.; BINS];
        for value in values {
            // 範囲より小さいものは、いちばん左に積む。
            let bin = ((value - LOW) / width).max(0.) as usize;
            counts[bin.min(BINS - 1)] += 100. / values.len() as f64;
        }
        let center = |bin: usize| LOW + (bin as f64 + 0.5) * width;
        counts.into_iter().enumerate().map(|(bin, count)| (center(bin), count)).collect()
    };
    let lines = vec![
        Line { label: "本物", color: color::REAL, points: histogram(real) },
        Line { label: "逆さまの本物", color: color::INK, points: histogram(flipped) },
    ];
    let y_range = range(&lines);
    LineChart {
        x_label: "混合ガウスの対数密度 log p(x)",
        y_label: "画像の割合 (%)",
        lines,
        y_range,
        guides: vec![],
    }
    .save(path)
}

/// 本物、上下を逆さまにした本物、雑音の画像。`densities` は、それぞれの対数密度の平均です。
pub fn suspects(images_of: [&DMatrix<f64>; 3], densities: [f64; 3], dir: &Path) -> Result<()> {
    let shown = images_of.map(|x| images(&first(x, 16)));
    let [real, flipped, noise] = shown;
    let (real, flipped, noise) = (real?, flipped?, noise?);
    let sheet = |images, frame| Sheet { images, columns: 4, frame };
    let sheets =
        [sheet(&real, color::REAL), sheet(&flipped, color::MUTED), sheet(&noise, color::MUTED)];
    let names: Vec<String> = ["本物", "逆さまの本物", "ノイズ"]
        .iter()
        .zip(densities)
        .map(|(name, density)| {
            format!("{name}\n混合ガウスの\nlog p(x) の\n平均 {density:.0}").replace('-', "−")
        })
        .collect();
    plot::table(&dir.join("digits-outliers.png"), &[""], &names, &sheets, 4)
}
