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
