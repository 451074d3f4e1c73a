//! 設定の値が範囲に収まるかを確かめます。外れていれば、どの指定をどう直すかを伝えます。

use std::fmt::Display;

use anyhow::{Result, ensure};

/// `value` が `least` 以上 `most` 以下でなければ (NaN も)、指定 `name` をどう直すかを伝えて失敗します。
pub fn within<T: PartialOrd + Display>(name: &str, value: T, least: T, most: T) -> Result<()> {
    ensure!(
        (&least..=&most).contains(&&value),
        "{name} は {least} 以上 {most} 以下にしてください ({value} でした)"
    );
    Ok(())
}

/// `value` が 0 以上 1 未満でなければ (NaN も)、指定 `name` をどう直すかを伝えて失敗します。
pub fn below_one(name: &str, value: f64) -> Result<()> {
    ensure!((0. ..1.).contains(&value), "{name} は 0 以上 1 未満にしてください ({value} でした)");
    Ok(())
}

/// 1 回の学習に使ってよいメモリ (GB)。
pub const MOST_MEMORY: f64 = 8.;

/// 設定から見積もったメモリ `gb` (GB) が上限を超えれば、どの指定 `flags` を小さくするかを伝えて失敗します。
pub fn memory(gb: f64, flags: &str) -> Result<()> {
    ensure!(
        gb <= MOST_MEMORY,
        "この設定の学習にはおよそ {gb:.0} GB のメモリが要り、上限の {MOST_MEMORY} GB を超えます。{flags} を小さくしてください"
    );
    Ok(())
}
