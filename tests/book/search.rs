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
    assert!(size < 1_048_576, "検索の索引が {size} バイトあります");
}
