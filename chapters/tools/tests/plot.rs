//! 図の試験。書いたファイルを読み戻して、見えるはずのものがあるかを確かめます。

use candle_core::{Device, Tensor};
use tools::plot::map::{self, Cluster, Map};
use tools::plot::{
    Key, Line, LineChart, Mark, Panel, Sheet, Surface, ascii, before_and_after, color, image_grid,
    panels, panels_with_key, table, table_with_key,
};

fn chart() -> LineChart<'static> {
    let line = |label, color, slope: f64| Line {
        label,
        color,
        points: (0..=10).map(|x| (f64::from(x) * 500., f64::from(x) * slope)).collect(),
    };
    LineChart {
        x_label: "生成器の更新回数",
        y_label: "損失",
        lines: vec![
            line("識別器", color::DISCRIMINATOR, 0.1),
            line("生成器", color::GENERATOR, 0.101),
        ],
        y_range: 0. ..2.,
        guides: vec![(1.386, "log 4")],
    }
}

#[test]
fn line_chart_labels_its_lines_without_overlap() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chart.svg");
    chart().save(&path).unwrap();
    let svg = std::fs::read_to_string(&path).unwrap();
    // 文字は <text> の次の行にある。名前は線の色で書く。
    let lines: Vec<&str> = svg.lines().collect();
    let height = |label: &str| -> (i32, String) {
        let at = lines.iter().position(|line| line.trim() == label).unwrap();
        let tag = lines[at - 1];
        let attribute = |name: &str| {
            let start = tag.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
            tag[start..].split('"').next().unwrap().to_string()
        };
        (attribute("y").parse().unwrap(), attribute("fill"))
    };
    let (d, g, guide) = (height("識別器"), height("生成器"), height("log 4"));
    assert_eq!((d.1.as_str(), g.1.as_str(), guide.1.as_str()), ("#009E73", "#E69F00", "#1A1A1A"));
    assert!((d.0 - g.0).abs() >= 15, "ほぼ同じ高さの線の名前が重なる: {} {}", d.0, g.0);
    assert!(svg.contains("4,000") && svg.contains("損失") && svg.contains("生成器の更新回数"));
    // 同じ入力からは、同じバイトの図ができる。
    let again = dir.path().join("again.svg");
    chart().save(&again).unwrap();
    assert_eq!(svg, std::fs::read_to_string(again).unwrap());
}

#[test]
fn line_chart_draws_even_a_single_step() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chart.svg");
    let mut chart = chart();
    for line in &mut chart.lines {
        line.points.truncate(1);
    }
    chart.save(&path).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains("識別器"));
    chart.lines.clear();
    assert!(chart.save(&path).unwrap_err().to_string().contains("点がありません"));
}

#[test]
fn panel_shows_the_surface_and_only_points_inside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("panel.svg");
    // 左半分は偽物らしく (0)、右半分は本物らしい (1) 面。
    let surface = Surface { values: vec![vec![0., 0., 1., 1.]; 4] };
    let points = vec![(color::REAL, vec![(0.5, 0.5), (9., 0.)]), (color::FAKE, vec![(-0.5, 0.)])];
    let panel =
        Panel { title: "100 回".into(), surface: Some(surface), points, ..Default::default() };
    panels(&path, &[panel], 3).unwrap();
    let svg = std::fs::read_to_string(&path).unwrap();
    assert_eq!(svg.matches("<circle").count(), 2, "枠の外の点は描かない");
    assert!(svg.contains("100 回"));
    let fills: Vec<&str> = svg
        .lines()
        .filter(|line| line.starts_with("<rect"))
        .filter_map(|line| line.split("fill=\"").nth(1)?.split('"').next())
        .collect();
    // 下地 1 つ、行ごとに 2 色、枠 1 つ。
    assert_eq!(fills.iter().filter(|fill| **fill != "none").count(), 1 + 4 * 2, "{fills:?}");
}

#[test]
fn image_grid_enlarges_without_smoothing_and_frames_by_role() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("grid.png");
    let image = [[[[-1f32, 1.], [1., -1.]]], [[[1., 1.], [1., 1.]]]];
    let images = Tensor::new(&image, &Device::Cpu).unwrap();
    let sheet = |frame| Sheet { images: &images, columns: 2, frame };
    image_grid(&path, &[sheet(color::REAL), sheet(color::FAKE)], 4).unwrap();
    let picture = image::open(&path).unwrap().to_rgba8();
    let at = |x, y| picture.get_pixel(x, y).0;
    assert_eq!(at(0, 0), [0x00, 0x72, 0xB2, 255]);
    assert_eq!(at(picture.width() - 1, 0), [0xD5, 0x5E, 0x00, 255]);
    // 枠 4、すき間 4 の内側で、1 画素が 4×4 の同じ色になる。−1 は白、1 は黒。
    for dy in 0..4 {
        for dx in 0..4 {
            assert_eq!(at(8 + dx, 8 + dy), [255, 255, 255, 255]);
            assert_eq!(at(12 + dx, 8 + dy), [0, 0, 0, 255]);
        }
    }
    let colour = Tensor::zeros((1, 2, 2, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
    let sheet = Sheet { images: &colour, columns: 1, frame: color::REAL };
    assert!(image_grid(&path, &[sheet], 1).unwrap_err().to_string().contains("チャネル"));
}

#[test]
fn table_writes_its_names_beside_the_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.png");
    let images = Tensor::zeros((2, 1, 8, 8), candle_core::DType::F32, &Device::Cpu).unwrap();
    let sheet = |frame| Sheet { images: &images, columns: 2, frame };
    let cells = [color::REAL, color::FAKE, color::REAL, color::FAKE].map(sheet);
    let draw = |rows: [&str; 2], columns: [&str; 2]| {
        table(&path, &rows, &columns, &cells, 4)?;
        Ok::<_, anyhow::Error>(image::open(&path)?.to_rgba8())
    };
    let bare = draw(["", ""], ["", ""]).unwrap();
    let named = draw(["入力", "再パラ\nメータ化"], ["左", "右"]).unwrap();
    // 名前の分だけ、左と上に場所が増える。透けるところはない。
    let (left, top) = (named.width() - bare.width(), named.height() - bare.height());
    assert!(left > 4 * 18 && top > 18, "{left} {top}");
    assert!(named.pixels().all(|pixel| pixel.0[3] == 255));
    // 左の帯と上の帯のどちらにも、墨がある。
    let ink = |x: std::ops::Range<u32>, y: std::ops::Range<u32>| {
        let mut dark = y.flat_map(|y| x.clone().map(move |x| (x, y)));
        dark.any(|(x, y)| named.get_pixel(x, y).0[0] < 60)
    };
    assert!(ink(0..left, top..named.height()) && ink(left..named.width(), 0..top));
    // 絵は、名前の無い表と同じ画素で描く。
    let (width, height) = bare.dimensions();
    for (x, y, pixel) in
        image::imageops::crop_imm(&bare, 8, 8, 60, 30).to_image().enumerate_pixels()
    {
        assert_eq!(
            named.get_pixel(named.width() - width + 8 + x, named.height() - height + 8 + y),
            pixel
        );
    }
    let error = draw(["🍎", ""], ["", ""]).unwrap_err().to_string();
    assert!(error.contains('🍎'), "{error}");
    let error = table(&path, &[""], &["", ""], &cells, 4).unwrap_err().to_string();
    assert!(error.contains("1 行 2 列"), "{error}");
}

#[test]
fn ascii_preview_shows_images_and_points() {
    let image = Tensor::new(&[[[-1f32, 0., 1.]]], &Device::Cpu).unwrap();
    assert_eq!(ascii(&image).unwrap(), "  ▒▒██\n");
    let points = Tensor::new(&[[0f32, 0.], [9., 9.]], &Device::Cpu).unwrap();
    let text = ascii(&points).unwrap();
    assert_eq!(text.matches('█').count(), 2, "{text}");
    assert_eq!(text.lines().count(), 21);
    let vector = Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap();
    assert!(ascii(&vector).is_err());
}

#[test]
fn line_chart_names_its_ticks_when_the_axis_is_not_even() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chart.svg");
    let points = (0..4).map(|x| (f64::from(x), 8.)).collect();
    let lines = vec![Line { label: "再構成", color: color::LOSS, points }];
    LineChart { lines, y_range: 0. ..40., ..chart() }
        .save_with_ticks(&path, &["0", "0.1", "1", "30"])
        .unwrap();
    let svg = std::fs::read_to_string(&path).unwrap();
    let written: Vec<&str> = svg.lines().map(str::trim).collect();
    for tick in ["0", "0.1", "1", "30"] {
        assert!(written.contains(&tick), "{tick} がない");
    }
    // 間の目盛り (0.5 など) には名前を書かない。
    assert!(!svg.contains("0.5\n</text>"));
}

#[test]
fn before_and_after_alternate() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pairs.png");
    let images = Tensor::ones((5, 1, 8, 8), candle_core::DType::F32, &Device::Cpu).unwrap();
    let rows = [("入力", &images, color::MUTED), ("変換", &images, color::FAKE)];
    before_and_after(&path, rows, 3, 4).unwrap();
    let picture = image::open(&path).unwrap().to_rgba8();
    // 右端の列を上からたどると、枠の色が 入力、変換、入力、変換 の順に現れる。
    let x = picture.width() - 9;
    let mut frames = Vec::new();
    for y in 0..picture.height() {
        match picture.get_pixel(x, y).0 {
            [0x8A, 0x8A, 0x8A, _] => frames.push("入力"),
            [0xD5, 0x5E, 0x00, _] => frames.push("変換"),
            _ => {}
        }
    }
    frames.dedup();
    assert_eq!(frames, ["入力", "変換", "入力", "変換"]);
}

#[test]
fn a_key_stands_below_the_picture() {
    let dir = tempfile::tempdir().unwrap();
    let keys = [
        Key::new(Mark::Dot, color::REAL, "本物の点"),
        Key::new(Mark::Area, color::FAKE, "識別器が、生成した点だと強く答えたところの色"),
        Key::note("枠の外の点は描いていない"),
    ];
    let svg = |keys: &[Key]| {
        let path = dir.path().join("panel.svg");
        panels_with_key(&path, &[Panel::default()], 1, keys).unwrap();
        std::fs::read_to_string(&path).unwrap()
    };
    let height = |svg: &str| -> u32 {
        let start = svg.find(r#"height=""#).unwrap() + 8;
        svg[start..].split('"').next().unwrap().parse().unwrap()
    };
    let (bare, keyed) = (svg(&[]), svg(&keys));
    // 2 つ目と注は 1 行に入らないので、3 行になる。
    assert_eq!(height(&svg(&keys[..1])) - height(&bare), 33);
    assert_eq!(height(&keyed) - height(&bare), 83);
    for key in keys {
        assert!(keyed.lines().any(|line| line.trim() == key.label), "{} がない", key.label);
    }

    let path = dir.path().join("table.png");
    let images = Tensor::zeros((8, 1, 8, 8), candle_core::DType::F32, &Device::Cpu).unwrap();
    let cells = [Sheet { images: &images, columns: 8, frame: color::MUTED }];
    let png = |keys: &[Key]| {
        table_with_key(&path, &[""], &[""], &cells, 4, keys).unwrap();
        image::open(&path).unwrap().to_rgba8()
    };
    let (bare, keyed) = (png(&[]), png(&keys));
    assert!(keyed.width() == bare.width() && keyed.height() > bare.height() + 3 * 18);
    let fake = keyed.pixels().filter(|pixel| pixel.0 == [0xD5, 0x5E, 0x00, 255]).count();
    assert!(fake >= 18 * 18, "塗った印がない: {fake}");
}

#[test]
fn crowded_labels_spread_both_ways_and_are_tied_to_their_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chart.svg");
    let line = |label, y: f64| Line { label, color: color::REAL, points: vec![(0., y), (9., y)] };
    let lines = vec![line("上", 1.1), line("下", 0.9)];
    LineChart { lines, guides: vec![(1., "中")], ..chart() }.save(&path).unwrap();
    let svg = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = svg.lines().map(str::trim).collect();
    let height = |label: &str| -> i32 {
        let tag = lines[lines.iter().position(|line| *line == label).unwrap() - 1];
        let start = tag.find(" y=\"").unwrap() + 4;
        tag[start..].split('"').next().unwrap().parse().unwrap()
    };
    let (above, guide, below) = (height("上"), height("中"), height("下"));
    assert!((guide - above, below - guide) == (19, 19), "{above} {guide} {below}");
    // 3 本の引き出し線は、グラフの右の端から始まる。
    let ends = svg.matches("<polyline").count();
    LineChart { lines: vec![line("上", 1.1)], guides: vec![], ..chart() }.save(&path).unwrap();
    let alone = std::fs::read_to_string(&path).unwrap().matches("<polyline").count();
    assert!(ends > alone + 3, "{ends} {alone}");
}

#[test]
fn names_can_stand_beside_the_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chart.svg");
    let line =
        |label, slope: f64| Line { label, color: color::REAL, points: vec![(0., 1.), (9., slope)] };
    let chart = LineChart {
        lines: vec![line("直線", 0.), line("コサイン", 2.)],
        guides: vec![],
        ..chart()
    };
    chart.save_with_names_at(&path, 5.).unwrap();
    let svg = std::fs::read_to_string(&path).unwrap();
    assert!(svg.lines().any(|line| line.trim() == "直線"));
}

#[test]
fn map_names_each_cluster_and_hides_what_is_outside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("map.svg");
    let cluster = |label: &str, color, x: f32| Cluster {
        label: label.into(),
        color,
        points: vec![(x, 0.), (x, 1.), (99., 0.)],
        spreads: vec![(0.2, 0.1)],
    };
    let clusters =
        vec![cluster("あ", color::CLASSES[0], -1.), cluster("い", color::CLASSES[1], 1.)];
    let map = |clusters| Map {
        title: "地図".into(),
        extent: 3.,
        clusters,
        circles: vec![1.],
        circles_label: "単位円".into(),
    };
    map::save(&path, &[map(clusters), map(vec![])], &[]).unwrap();
    let svg = std::fs::read_to_string(&path).unwrap();
    assert_eq!(svg.matches("<circle").count(), 4, "枠の外の点は描かない");
    assert_eq!(svg.matches("<polygon").count(), 2);
    for text in ["あ", "い", "地図", "単位円", "−2", "2", "z1 →", "↑ z2"] {
        assert!(svg.lines().any(|line| line.trim() == text), "{text} がない");
    }
}
