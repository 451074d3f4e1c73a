//! でたらめなバイト列での試験の道具。どんなファイルを読んでも、止まらずに、読めるか、断るかのどちらかになるように。

use std::fs;

use proptest::prelude::*;

/// もとのバイト列 `seeds` のどれかを、少し書き換えるか、切るか、つなぎ替えたもの。
pub fn mutated(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12);
    let ends = (any::<prop::sample::Index>(), 0..4u8);
    (prop::sample::select(seeds), edits, ends).prop_map(|(mut bytes, edits, (end, how))| {
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let end = end.index(bytes.len());
        match how {
            0 => bytes.truncate(end),
            1 => drop(bytes.splice(..end, bytes.clone())),
            _ => {}
        }
        bytes
    })
}

/// 長い版: `FUZZ_SECONDS` 秒 (省くと 600 秒) ずつ、見つかるまで続けます。
pub fn long(name: &str, seeds: Vec<Vec<u8>>, check: fn(&[u8])) {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let limit = std::time::Duration::from_secs(seconds.unwrap_or(600));
    let (mut runner, start, mut runs) = (TestRunner::default(), std::time::Instant::now(), 0u64);
    let strategy = mutated(seeds);
    while start.elapsed() < limit {
        let bytes = strategy.new_tree(&mut runner).unwrap().current();
        if std::panic::catch_unwind(|| check(&bytes)).is_err() {
            let file = std::env::temp_dir().join(format!("{name}-found"));
            fs::write(&file, &bytes).unwrap();
            panic!("{runs} 回目に見つかりました: {}", file.display());
        }
        runs += 1;
    }
    println!("{name}: {runs} 回、見つかったものはありません");
}
