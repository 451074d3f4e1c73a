//! 「動かす」のページの測った値は、run.json から引き、手では書かない。

use std::collections::BTreeSet;
use std::fs;

use crate::support::root;
use regex::Regex;
use serde_json::Value;

/// 測った値ではない小数や割合。設定の値は run.json から分かるので、ここには挙げない。
const NOT_MEASURED: &[(&str, &[&str])] = &[
    // 何も知らない一様分布 (log2 17)、問いの条件、分散の底を変えた表
    ("ch01", &["4.09", "0.9", "0.1", "0.001", "0.00001", "0.000001"]),
    // KL がこれを超えた次元を「使った」と数える
    ("ch02", &["0.01"]),
    // 順位の平均、重みの初期値、論文の学習率、計算した重なりの比、論文の正解率と誤り率
    ("ch04", &["50 %", "0.02", "0.0002", "2.25", "82.8%", "22.48%"]),
    // 図を描くときの、強め方と黒さの目盛り
    ("ch05", &["2.5", "0.2"]),
    // 計算した釣り合いの値
    ("ch06", &["0.25"]),
    // 1 ミリ秒より短い時間の表し方
    ("ch07", &["0.000"]),
];

/// 設定に現れる小数。
fn settings(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.values().for_each(|value| settings(value, found)),
        Value::Number(number) => drop(number.as_f64().map(|value| found.insert(value.to_string()))),
        _ => {}
    }
}

/// ページの文から、記録から引く値・コード・数式・文献を除いたもの。行は保つ。
fn prose(page: &str) -> String {
    let lines = |text: &str| "\n".repeat(text.matches('\n').count());
    let mut text = page.to_owned();
    for pattern in [
        r"(?s)```.*?```",
        r"(?s)\$\$.*?\$\$",
        r"\{\{[^}]*\}\}",
        r"`[^`\n]*`",
        r"\$[^$\n]*\$",
        r"\]\([^) ]*",
        r"\d{4}\.\d{4,5}",
        r"\d[\d.]*節",
    ] {
        let found = Regex::new(pattern).unwrap();
        text = found.replace_all(&text, |found: &regex::Captures| lines(&found[0])).into_owned();
    }
    text
}

#[test]
fn measured_numbers_on_the_run_pages_come_from_the_record() {
    let number = Regex::new(r"\d+(?:\.\d+)? ?[%％]|\d+\.\d+|\d+ / 8").unwrap();
    let mut written = Vec::new();
    let mut pages = 0;
    for entry in fs::read_dir(root().join("book/src")).unwrap() {
        let path = entry.unwrap().path();
        let chapter = path.file_name().unwrap().to_str().unwrap();
        let Ok(page) = fs::read_to_string(path.join("run.md")) else { continue };
        pages += 1;
        let record = root().join("book/src/figures").join(chapter).join("run.json");
        let record: Value = serde_json::from_str(&fs::read_to_string(record).unwrap()).unwrap();
        let mut known = BTreeSet::new();
        settings(&record["configs"], &mut known);
        let listed = NOT_MEASURED.iter().filter(|(start, _)| chapter.starts_with(start));
        known.extend(listed.flat_map(|(_, numbers)| numbers.iter().map(|n| (*n).to_owned())));
        for (at, line) in prose(&page).lines().enumerate() {
            for found in number.find_iter(line).filter(|found| !known.contains(found.as_str())) {
                written.push(format!("{chapter}/run.md:{}: {}", at + 1, found.as_str()));
            }
        }
    }
    assert_eq!(pages, 7);
    assert!(written.is_empty(), "手で書いた値は {{{{run …}}}} で引いてください: {written:#?}");
}
