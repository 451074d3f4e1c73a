//! 実験室の台の置き方: どの台も、考えの立つ章と、実験室のページの両方にある。

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use regex::Regex;

use crate::support::{files, root};

/// 台の名前ごとに、置いてあるページと、式の台 (`data-formula`) かどうか。
fn benches() -> BTreeMap<String, (Vec<String>, BTreeSet<bool>)> {
    let mark = Regex::new(
        r#"<div class="lab" data-lab="([a-z0-9]+)"( data-formula)?( data-weights="[^"]+")?>"#,
    )
    .unwrap();
    let folder = root().join("book/src");
    let mut found: BTreeMap<String, (Vec<String>, BTreeSet<bool>)> = BTreeMap::new();
    for path in files(&folder, "md") {
        let text = fs::read_to_string(&path).unwrap();
        let page = path.strip_prefix(&folder).unwrap().display().to_string();
        assert_eq!(mark.find_iter(&text).count(), text.matches("data-lab=").count(), "{page}");
        for bench in mark.captures_iter(&text) {
            let (pages, formula) = found.entry(bench[1].to_owned()).or_default();
            pages.push(page.clone());
            formula.insert(bench.get(2).is_some());
        }
    }
    found
}

#[test]
fn every_bench_stands_in_its_chapter_and_in_the_laboratory() {
    let benches = benches();
    assert!(benches.len() >= 8, "{:?}", benches.keys());
    for (name, (pages, _)) in &benches {
        let chapters = pages.iter().filter(|page| page.starts_with("ch0")).count();
        let room = pages.iter().filter(|page| *page == "lab/README.md").count();
        assert!(chapters >= 1 && room == 1, "{name}: {pages:?}");
    }
}

/// 式の台だけが、学習の部屋 (module.js) を読み込ませない。
#[test]
fn a_bench_says_truly_whether_it_needs_the_module() {
    for (name, (pages, formula)) in &benches() {
        let text = fs::read_to_string(root().join(format!("book/src/lab/{name}.js"))).unwrap();
        assert!(text.contains(&format!("benches.{name} = ")), "{name}");
        let alone = text.contains("extends FormulaBench");
        assert_eq!(formula, &BTreeSet::from([alone]), "{name}: {pages:?}");
    }
}
