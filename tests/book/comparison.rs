//! 第7章の比べる表: 四つの章がそれぞれ残した値から、本文の言うとおりの順になること。

use std::fs;

use crate::support::root;
use serde_json::Value;

/// 「98（97〜98） %」の、いちばん小さい値といちばん大きい値。
fn range(chapter: &str, key: &str) -> [f64; 2] {
    let path = root().join("book/src/figures").join(chapter).join("run.json");
    let run: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let text = run["results"][format!("compare.{key}")].as_str().unwrap().replace('−', "-");
    let inside = text.split_once('（').map_or(text.as_str(), |(_, rest)| rest);
    let inside = inside.trim_end_matches([' ', '%', '秒', '）']);
    let ends: Vec<f64> =
        inside.split('〜').map(|end| end.trim_end_matches('）').parse().unwrap()).collect();
    [ends[0], *ends.last().unwrap()]
}

/// 拡散モデルは、どの種でも、VAE と GAN より多くの点を山の中に置き、本物に近い。
#[test]
fn the_table_says_what_the_page_says() {
    let [good, _] = range("ch07-diffusion", "good");
    let [_, far] = range("ch07-diffusion", "energy");
    for chapter in ["ch02-vae", "ch03-gan"] {
        assert!(good > range(chapter, "good")[1], "{chapter}");
        assert!(far < range(chapter, "energy")[0], "{chapter}");
        assert_eq!(range(chapter, "calls"), [1., 1.]);
    }
    assert_eq!(range("ch07-diffusion", "calls"), [100., 100.]);
    // 混合ガウスは、うまくいった種では、本物と見分けられない。
    let mixture = "ch01-generative-models";
    assert!(range(mixture, "energy")[0] < 0.002 && range(mixture, "good")[1] > 98.);
}
