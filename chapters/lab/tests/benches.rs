//! 台が、章の学習と同じ計算をすること。

use std::ops::ControlFlow;

use ch02_vae::config as vae;
use ch03_gan::config as gan;
use lab::room::Room;
use serde_json::json;

/// 台で 300 回学習した損失は、章の `train` の損失と 1 ビットも違わない。
#[test]
fn the_gan_bench_trains_as_the_chapter_does() {
    let config = gan::Config { steps: 300, ..gan::Config::book(gan::Data::Ring) };
    let mut expected: Vec<f32> = Vec::new();
    let trained = ch03_gan::train::train(&config, |progress| {
        expected.extend(progress.losses.iter().flat_map(|losses| losses.named().map(|(_, v)| v)));
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    let mut room = Room::default();
    room.answer(r#"{"bench":"gan","do":"start","with":{"data":"ring"}}"#).unwrap();
    let answer = room.answer(r#"{"bench":"gan","do":"train","with":300}"#).unwrap();
    assert_eq!(answer.numbers("losses").unwrap(), expected);
    assert_eq!(answer.text["step"], 300);

    // 覆った山の数は、章の測り方と同じもの。
    let view = r#"{"bench":"gan","do":"view","with":{"grid":10,"extent":1.6,"samples":400}}"#;
    let view = room.answer(view).unwrap();
    assert_eq!(view.numbers("samples").unwrap().len(), 800);
    assert_eq!(view.numbers("surface").unwrap().len(), 100);
    assert_eq!(view.numbers("arrows").unwrap().len(), 800);
    assert!(view.text["modes"].as_u64().unwrap() <= 8);
    drop(trained);
}

/// 識別器の番では作った点が動かず、生成器の番では識別器の答えが動かない。
#[test]
fn one_turn_moves_one_network() {
    let mut room = Room::default();
    room.answer(r#"{"bench":"gan","do":"start","with":{}}"#).unwrap();
    let mut look = |what: Option<&str>| {
        if let Some(what) = what {
            room.answer(&format!(r#"{{"bench":"gan","do":"{what}"}}"#)).unwrap();
        }
        let view = r#"{"bench":"gan","do":"view","with":{"grid":10,"extent":1.6,"samples":100}}"#;
        let view = room.answer(view).unwrap();
        ["surface", "samples"].map(|name| view.numbers(name).unwrap().to_vec())
    };
    let start = look(None);
    let after_d = look(Some("discriminator"));
    assert_ne!(start[0], after_d[0]);
    assert_eq!(start[1], after_d[1]);
    let after_g = look(Some("generator"));
    assert_eq!(after_d[0], after_g[0]);
    assert_ne!(after_d[1], after_g[1]);
}

/// 数字でも、章の `train` と 1 ビットも違わない。作った絵を分類器に読ませて、種類を数えられる。
#[test]
fn the_gan_bench_makes_digits_too() {
    let config = gan::Config { steps: 50, ..gan::Config::book(gan::Data::Digits) };
    let mut expected: Vec<f32> = Vec::new();
    ch03_gan::train::train(&config, |progress| {
        expected.extend(progress.losses.iter().flat_map(|losses| losses.named().map(|(_, v)| v)));
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    let mut room = Room::default();
    room.answer(r#"{"bench":"gan","do":"start","with":{"data":"digits"}}"#).unwrap();
    let answer = room.answer(r#"{"bench":"gan","do":"train","with":50}"#).unwrap();
    assert_eq!(answer.numbers("losses").unwrap(), expected);
    let view = r#"{"bench":"gan","do":"view","with":{"grid":10,"extent":1.6,"samples":40}}"#;
    let view = room.answer(view).unwrap();
    assert_eq!(view.numbers("samples").unwrap().len(), 40 * 64);
    let counts = view.numbers("counts").unwrap();
    assert_eq!((counts.len(), counts.iter().sum::<f32>()), (10, 40.));
    assert_eq!(view.text["kinds"], counts.iter().filter(|&&count| count > 0.).count());
}

/// 台で 300 回学習した VAE の損失は、章の `train` の損失と 1 ビットも違わない。
#[test]
fn the_vae_bench_trains_as_the_chapter_does() {
    let config = vae::Config { steps: 300, ..vae::Config::book(vae::Data::Vowels) };
    let mut expected: Vec<f32> = Vec::new();
    ch02_vae::train::train(&config, |progress| {
        expected.extend(progress.losses.iter().flat_map(|losses| losses.named().map(|(_, v)| v)));
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    let mut room = Room::default();
    room.answer(r#"{"bench":"vae","do":"start","with":{}}"#).unwrap();
    let answer = room.answer(r#"{"bench":"vae","do":"train","with":300}"#).unwrap();
    assert_eq!(answer.numbers("losses").unwrap(), expected);
    let map = room.answer(r#"{"bench":"vae","do":"map","with":50}"#).unwrap();
    assert_eq!(map.text["labels"].as_str().unwrap().chars().count(), 50);
    assert_eq!(map.numbers("means").unwrap().len(), 100);
}

/// 潜在変数の次元を変えた台も、章の同じ設定の学習と 1 ビットも違わない。
#[test]
fn the_vae_bench_takes_another_number_of_dimensions() {
    for z_dim in [1, 16] {
        let config = vae::Config { steps: 20, z_dim, ..vae::Config::book(vae::Data::Vowels) };
        let mut expected: Vec<f32> = Vec::new();
        ch02_vae::train::train(&config, |progress| {
            expected
                .extend(progress.losses.iter().flat_map(|losses| losses.named().map(|(_, v)| v)));
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        let mut room = Room::default();
        let start = json!({ "bench": "vae", "do": "start", "with": { "z_dim": z_dim } });
        room.answer(&start.to_string()).unwrap();
        let answer = room.answer(r#"{"bench":"vae","do":"train","with":20}"#).unwrap();
        assert_eq!(answer.numbers("losses").unwrap(), expected, "{z_dim} 次元");
        let map = room.answer(r#"{"bench":"vae","do":"map","with":50}"#).unwrap();
        assert_eq!(map.numbers("means").unwrap().len(), 50 * z_dim);
        let decode = json!({ "bench": "vae", "do": "decode", "with": vec![0.; z_dim] });
        let picture = room.answer(&decode.to_string()).unwrap();
        assert_eq!(picture.numbers("pixels").unwrap().len(), 256);
        let odd = json!({ "bench": "vae", "do": "decode", "with": vec![0.; z_dim + 1] });
        assert_eq!(room.answer(&odd.to_string()).is_err(), z_dim > 1);
    }
}

/// でたらめな頼みごとには、止まらずに断る。
#[test]
fn odd_requests_are_refused() {
    let mut room = Room::default();
    for request in [
        "",
        "{}",
        r#"{"bench":"gan","do":"train","with":1}"#,
        r#"{"bench":"gan","do":"start","with":{"lr_g":7}}"#,
        r#"{"bench":"gan","do":"start","with":{"pack":3}}"#,
        r#"{"bench":"gan","do":"start","with":{"points":[1]}}"#,
        r#"{"bench":"gan","do":"start","with":{"points":[]}}"#,
        r#"{"bench":"gan","do":"start","with":{"data":"digits","points":[0.5,0.5]}}"#,
        r#"{"bench":"gan","do":"start","with":{"nothing":1}}"#,
        r#"{"bench":"vae","do":"start","with":{"beta":-1}}"#,
        r#"{"bench":"vae","do":"start","with":{"z_dim":0}}"#,
        r#"{"bench":"kitchen","do":"start"}"#,
    ] {
        assert!(room.answer(request).is_err(), "{request}");
    }
    room.answer(r#"{"bench":"gan","do":"start","with":{"points":[0.5,0.5,-0.5,0.2]}}"#).unwrap();
    room.answer(r#"{"bench":"gan","do":"train","with":2}"#).unwrap();
    let view = r#"{"bench":"gan","do":"view","with":{"grid":999,"extent":1.6,"samples":100}}"#;
    assert!(room.answer(view).is_err());
    assert!(room.answer(r#"{"bench":"gan","do":"set","with":{"pack":2}}"#).is_err());
}

/// 本に置いた組み立ては、いまのソースのものである。
#[test]
fn the_kept_module_is_of_these_sources() {
    let kept = lab::pack::kept();
    if kept.is_some_and(|kept| kept["fingerprint"] == lab::pack::fingerprint()) {
        return;
    }
    let text = "book/src/figures/lab/module.js が、いまのソースより古くなっています。cargo run -- lab で作り直し、一緒にコミットしてください";
    assert!(std::env::var_os("CI").is_none(), "{text}");
    eprintln!("{text}");
}
