//! 文字のファイルを読む。改行の種類、BOM、道の区切りは、ここでそろえる。

use std::io;
use std::path::{Component, Path};

use anyhow::{Result, anyhow};

/// 文字のファイルの全体。改行は `\n` だけになり、先頭の BOM は無い。
///
/// 読めないときは「見つかりません」のような理由だけを返すので、何のファイルかは呼ぶ側で添える。
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| anyhow!("{}", reason(&error)))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(normalize(&text)),
        Err(error) => {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
            Err(anyhow!("{line} 行目に UTF-8 でない文字があります。UTF-8 で保存し直してください"))
        }
    }
}

/// 改行を `\n` にそろえ、先頭の BOM を除く。
pub fn normalize(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.to_owned()
    }
}

/// 知らせやページの名前に使う、どの OS でも `/` で区切った道。
pub fn slashed(path: &Path) -> String {
    let relative = path.components().all(|part| {
        matches!(part, Component::Normal(_) | Component::ParentDir | Component::CurDir)
    });
    match relative {
        true => {
            let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
            names.join("/")
        }
        false => path.display().to_string(),
    }
}

/// 入出力の失敗の理由。
pub fn reason(error: &io::Error) -> String {
    use io::ErrorKind::*;
    let text = match error.kind() {
        NotFound => "見つかりません",
        PermissionDenied => "許可がありません",
        AlreadyExists => "同じ名前のものがもうあります",
        IsADirectory => "フォルダです",
        NotADirectory => "途中の名前がフォルダではありません",
        DirectoryNotEmpty => "フォルダが空ではありません",
        ReadOnlyFilesystem => "書き込めない場所です",
        StorageFull | QuotaExceeded => "空き容量がありません",
        InvalidFilename => "名前が長すぎるか、使えない文字があります",
        ResourceBusy | ExecutableFileBusy => "ほかのプログラムが使っています",
        _ => {
            return match error.raw_os_error() {
                Some(number) => format!("OS の誤り {number} 番"),
                None => "読み書きが途中で止まりました".to_owned(),
            };
        }
    };
    text.to_owned()
}
