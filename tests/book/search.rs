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
