//! 検索の索引の大きさ。検索そのものは tests/browser で確かめる。

use crate::support::{files, real_book};

#[test]
fn the_index_stays_light() {
    let index = files(real_book(), "js")
        .into_iter()
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("searchindex"))
        .expect("検索の索引");
    let size = std::fs::metadata(&index).unwrap().len();
    println!("検索の索引 {size} バイト");
    // 第7章が加わり、1.1 MB になった (gzip で 0.45 MB)。
    assert!(size < 1_258_291, "検索の索引が {size} バイトあります");
}

/// 全ページが読む JS と CSS、数式の字体。重くなると、細い回線では読み始めるまでが長くなる。
#[test]
fn what_every_page_loads_stays_light() {
    for (extension, start, limit) in [
        ("js", "workbook-", 320_000),
        ("css", "workbook-", 120_000),
        ("woff2", "workbook-math", 100_000),
    ] {
        let found: Vec<_> = files(real_book(), extension)
            .into_iter()
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start))
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        let size = std::fs::metadata(&found[0]).unwrap().len();
        println!("{} {size} バイト", found[0].display());
        assert!(size < limit, "{} が {size} バイトあります", found[0].display());
    }
}
