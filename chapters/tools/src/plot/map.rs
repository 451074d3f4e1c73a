//! 平面の地図。種類ごとに色を変えた点と、そのまわりの広がりを描きます。

use plotters::prelude::*;

use super::*;

/// 同じ種類の点の集まり。
pub struct Cluster {
    /// 種類の名前。集まりの中央に書きます。
    pub label: String,
    pub color: RGBColor,
    pub points: Vec<(f32, f32)>,
    /// 点ごとの広がり (横と縦の標準偏差)。はじめの何点かの分だけでもかまいません。
    pub spreads: Vec<(f32, f32)>,
}

/// 1 枚の地図。見える範囲は [-extent, extent] の正方形です。
pub struct Map {
    pub title: String,
    pub extent: f32,
    pub clusters: Vec<Cluster>,
    /// 原点を中心とする円の半径と、その名前。
    pub circles: Vec<f32>,
    pub circles_label: String,
}

/// 地図を横に並べて SVG に書きます。横軸が z1、縦軸が z2 です。下に、色と印の意味を書きます。
pub fn save(path: &Path, maps: &[Map], keys: &[Key]) -> Result<()> {
    const TITLE: i32 = 30;
    const AXIS: i32 = 26;
    const GAP: i32 = 14;
    let columns = maps.len() as i32;
    let side = (WIDTH as i32 - GAP * (columns - 1)) / columns - AXIS;
    let below = TITLE + side + AXIS;
    draw(path, below as u32 + key::height(keys)?, |area| {
        key::draw(area, keys, below)?;
        for (at, map) in maps.iter().enumerate() {
            let left = AXIS + at as i32 * (AXIS + side + GAP);
            draw_map(area, map, (left, TITLE), side)
                .map_err(|error| anyhow!("地図を描けません: {error:?}"))?;
        }
        Ok(())
    })
}

type Drawn = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw_map(area: &Area, map: &Map, (left, top): (i32, i32), side: i32) -> Drawn {
    let scale = side as f32 / (2. * map.extent);
    let pixel = |x: f32, y: f32| {
        (
            left + ((x + map.extent) * scale).round() as i32,
            top + ((map.extent - y) * scale).round() as i32,
        )
    };
    let seen = |&(x, y): &(f32, f32)| x.abs() < map.extent && y.abs() < map.extent;
    let write = |label: &str, at, size, h, v| {
        area.draw(&Text::new(label.to_string(), at, text(size, color::INK, Pos::new(h, v))))
    };
    write(&map.title, (left + side / 2, top - 6), TEXT, HPos::Center, VPos::Bottom)?;
    area.draw(&Rectangle::new([(left, top), (left + side, top + side)], color::MUTED))?;
    for tick in ticks(map.extent) {
        let (x, y) = pixel(tick, tick);
        let name = number(f64::from(tick));
        write(&name, (x, top + side + 4), TEXT - 3, HPos::Center, VPos::Top)?;
        write(&name, (left - 4, y), TEXT - 3, HPos::Right, VPos::Center)?;
    }
    for cluster in &map.clusters {
        for (&(x, y), &(sx, sy)) in cluster.points.iter().zip(&cluster.spreads) {
            let edge = circle(16).map(|(c, s)| (x + sx * c, y + sy * s));
            if edge.clone().all(|point| seen(&point)) {
                let corners: Vec<_> = edge.map(|(x, y)| pixel(x, y)).collect();
                area.draw(&Polygon::new(corners, cluster.color.mix(0.28)))?;
            }
        }
    }
    for cluster in &map.clusters {
        for &(x, y) in cluster.points.iter().filter(|point| seen(point)) {
            area.draw(&Circle::new(pixel(x, y), 2, cluster.color.mix(0.7).filled()))?;
        }
    }
    let most = map.circles.iter().copied().fold(0f32, f32::max);
    for &radius in &map.circles {
        let edge = circle(96).map(|(c, s)| (radius * c, radius * s)).chain([(radius, 0.)]);
        let edge = edge.map(|(x, y)| pixel(x, y)).collect::<Vec<_>>();
        area.draw(&PathElement::new(edge, color::INK.stroke_width(2)))?;
    }
    if most > 0. {
        // 円が小さく、点に紛れることがある。線を引いて、何の円かを書く。
        let (x, bottom) = pixel(0., -most);
        let label = top + side - 24;
        if bottom + 4 < label {
            area.draw(&PathElement::new([(x, bottom), (x, label)], color::INK.stroke_width(1)))?;
        }
        write(&map.circles_label, (x, top + side - 6), TEXT - 2, HPos::Center, VPos::Bottom)?;
    }
    // 名前は最後に書く。点や円に隠れると、色が何を表すか分からない。
    for cluster in map.clusters.iter().filter(|cluster| !cluster.points.is_empty()) {
        let (x, y) = median(&cluster.points);
        write(&cluster.label, pixel(x, y), TEXT + 11, HPos::Center, VPos::Center)?;
    }
    write("z1 →", (left + side - 4, top + side - 4), TEXT - 3, HPos::Right, VPos::Bottom)?;
    write("↑ z2", (left + 4, top + 4), TEXT - 3, HPos::Left, VPos::Top)?;
    Ok(())
}

/// 単位円の上の `n` 点。
fn circle(n: usize) -> impl Iterator<Item = (f32, f32)> + Clone {
    (0..n).map(move |i| {
        let angle = std::f32::consts::TAU * i as f32 / n as f32;
        (angle.cos(), angle.sin())
    })
}

/// 0 と、それを挟む切りのよい 2 つの目盛り。
fn ticks(extent: f32) -> [f32; 3] {
    let power = 10f32.powf((extent * 0.9).log10().floor());
    let step = [5., 2., 1.].map(|m| m * power).into_iter().find(|&step| step <= extent * 0.9);
    let step = step.unwrap_or(power);
    [-step, 0., step]
}

/// 横と縦それぞれの中央値。外れた点に引きずられません。
fn median(points: &[(f32, f32)]) -> (f32, f32) {
    let middle = |mut values: Vec<f32>| {
        values.sort_by(f32::total_cmp);
        values[values.len() / 2]
    };
    (
        middle(points.iter().map(|point| point.0).collect()),
        middle(points.iter().map(|point| point.1).collect()),
    )
}
