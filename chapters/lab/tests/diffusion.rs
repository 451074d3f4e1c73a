//! 拡散モデルの台が、章の学習・生成と同じ計算をすること。

use std::ops::ControlFlow;

use ch07_diffusion::config::{Config, Data};
use ch07_diffusion::train::{self, Sampler, Trained};
use common::data::ring;
use common::seed::Seed;
use lab::room::{Answer, Room};
use serde_json::{Value, json};

/// 章の学習を `steps` 回で止めたもの。学習率の予定は、本の回数のまま。
fn chapter(config: &Config, steps: usize) -> Trained {
    train::train(config, |now| {
        Ok(if now.step < steps { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })
    .unwrap()
}

fn ask(room: &mut Room, what: &str, with: Value) -> Answer {
    room.answer(&json!({ "bench": "diffusion", "do": what, "with": with }).to_string()).unwrap()
}

fn list(x: &candle_core::Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

/// 台で学習した損失も、作った点も、測った値も、章のものと 1 ビットも違わない。
#[test]
fn the_diffusion_bench_trains_and_generates_as_the_chapter_does() {
    let trained = chapter(&Config::book(Data::Ring), 300);
    let mut room = Room::default();
    ask(&mut room, "start", json!({}));
    let answer = ask(&mut room, "train", json!(300));
    let expected: Vec<f32> =
        trained.history.series("loss").iter().map(|point| point.1 as f32).collect();
    assert_eq!(answer.numbers("losses").unwrap(), expected);
    assert_eq!(answer.text["step"], 300);

    for (sampler, steps, fresh) in [
        (Sampler::Ddpm, 0, true),
        (Sampler::DdpmWithoutNoise, 0, false),
        (Sampler::Ddim(10), 10, true),
    ] {
        let made = trained.generator().generate(&[0; 50], 1., sampler, Seed(3)).unwrap();
        let wish = json!({ "count": 50, "steps": steps, "fresh": fresh, "guidance": 1, "seed": 3 });
        let walk = ask(&mut room, "walk", wish);
        let times: Vec<usize> = serde_json::from_value(walk.text["times"].clone()).unwrap();
        assert_eq!(times.len(), if steps == 0 { 101 } else { steps + 1 });
        assert_eq!((times[0], times[times.len() - 1]), (100, 0));
        let states = walk.numbers("states").unwrap();
        assert_eq!(states.len(), times.len() * 100);
        assert_eq!(states[states.len() - 100..], list(&made));
        let coverage = ring::coverage(&made).unwrap();
        assert_eq!(walk.text["modes"], coverage.modes());
        assert_eq!(walk.text["inside"], coverage.good());
    }
}

/// 数字でも、条件を空にする抽選まで、章と 1 ビットも違わない。本の回数で終わる。
#[test]
fn the_digits_of_the_bench_train_as_the_chapters_do() {
    let config = Config::book(Data::Digits);
    let trained = chapter(&config, 60);
    let mut room = Room::default();
    ask(&mut room, "start", json!({ "data": "digits" }));
    let answer = ask(&mut room, "train", json!(60));
    let expected: Vec<f32> =
        trained.history.series("loss").iter().map(|point| point.1 as f32).collect();
    assert_eq!(answer.numbers("losses").unwrap(), expected);

    let made = trained.generator().generate(&[3; 8], 2., Sampler::Ddim(20), Seed(0)).unwrap();
    let wish =
        json!({ "count": 8, "class": 3, "steps": 20, "fresh": true, "guidance": 2, "seed": 0 });
    let walk = ask(&mut room, "walk", wish);
    let states = walk.numbers("states").unwrap();
    assert_eq!(states[states.len() - 8 * 64..], list(&made));
    assert!((0. ..=8.).contains(&walk.text["read"].as_f64().unwrap()));
    assert!(walk.text["diversity"].as_f64().unwrap() > 0.);
}

/// 順過程は、スケジュールの割合で、同じノイズを混ぜるだけである。
#[test]
fn the_forward_side_mixes_by_the_schedule() {
    let mut room = Room::default();
    ask(&mut room, "start", json!({ "data": "digits" }));
    let schedule = ask(&mut room, "schedule", Value::Null);
    let (signal, noise) = (schedule.numbers("signal").unwrap(), schedule.numbers("noise").unwrap());
    assert_eq!((signal.len(), signal[0], noise[0]), (101, 1., 0.));
    assert!(signal.iter().zip(noise).all(|(s, n)| (s * s + n * n - 1.).abs() < 1e-6));
    let mut mix = |t: usize| {
        ask(&mut room, "mix", json!({ "t": t, "count": 1, "class": 7, "from": 2, "guidance": 1 }))
    };
    let start = mix(0);
    assert_eq!(start.numbers("mixed"), start.numbers("clean"));
    assert_eq!(start.numbers("guess"), start.numbers("clean"));
    let half = mix(40);
    let (clean, mixed) = (half.numbers("clean").unwrap(), half.numbers("mixed").unwrap());
    assert_eq!(half.numbers("guess").unwrap().len(), 64);
    // x_t から √ᾱ_t·x_0 を引いた残りは、同じノイズの √(1 − ᾱ_t) 倍。
    let end = mix(100);
    let eps = |answer: &Answer, t: usize| -> Vec<f32> {
        let (clean, mixed) = (answer.numbers("clean").unwrap(), answer.numbers("mixed").unwrap());
        clean.iter().zip(mixed).map(|(x0, x)| (x - signal[t] * x0) / noise[t]).collect()
    };
    let far = eps(&half, 40).iter().zip(eps(&end, 100)).any(|(a, b)| (a - b).abs() > 1e-3);
    assert!(!far, "{clean:?} {mixed:?}");
}

/// 読者の描いた点でも学習できる。矢印は、時刻ごとに変わる。
#[test]
fn points_that_the_reader_draws_are_learned() {
    let mut room = Room::default();
    ask(&mut room, "start", json!({ "points": [0.5, 0.5, -0.5, 0.2] }));
    ask(&mut room, "train", json!(3));
    let field = |room: &mut Room, t: usize| {
        let answer = ask(room, "field", json!({ "t": t, "cells": 9, "extent": 2 }));
        answer.numbers("arrows").unwrap().to_vec()
    };
    let (early, late) = (field(&mut room, 100), field(&mut room, 5));
    assert_eq!(early.len(), 162);
    assert_ne!(early, late);
    let wish = json!({ "count": 20, "steps": 5, "fresh": true, "guidance": 1, "seed": 0 });
    let walk = ask(&mut room, "walk", wish);
    assert!(walk.text["distance"].as_f64().unwrap().is_finite());
    assert_eq!(walk.text.get("modes"), None);
}

fn refused(room: &mut Room, what: &str, with: Value) {
    let request = json!({ "bench": "diffusion", "do": what, "with": with }).to_string();
    assert!(room.answer(&request).is_err(), "{request}");
}

/// でたらめな頼みごとには、止まらずに断る。
#[test]
fn odd_requests_to_the_diffusion_bench_are_refused() {
    let mut room = Room::default();
    refused(&mut room, "train", json!(1));
    for with in [
        json!({ "data": "kanji" }),
        json!({ "points": [1] }),
        json!({ "data": "digits", "points": [0.5, 0.5] }),
        json!({ "nothing": 1 }),
    ] {
        refused(&mut room, "start", with);
    }
    ask(&mut room, "start", json!({}));
    refused(&mut room, "mix", json!({ "t": 101, "count": 5, "guidance": 1 }));
    refused(&mut room, "mix", json!({ "t": 5, "count": 5, "class": 1, "guidance": 1 }));
    refused(&mut room, "field", json!({ "t": 0, "cells": 9, "extent": 2 }));
    refused(&mut room, "field", json!({ "t": 5, "cells": 900, "extent": 2 }));
    refused(
        &mut room,
        "walk",
        json!({ "count": 5, "steps": 101, "fresh": true, "guidance": 1, "seed": 0 }),
    );
    refused(
        &mut room,
        "walk",
        json!({ "count": 0, "steps": 0, "fresh": true, "guidance": 1, "seed": 0 }),
    );
    refused(
        &mut room,
        "walk",
        json!({ "count": 5, "steps": 0, "fresh": true, "guidance": -1, "seed": 0 }),
    );
    refused(&mut room, "sing", Value::Null);
}
