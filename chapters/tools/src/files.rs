//! ファイルへの書き込み。途中で止まっても、前のファイルは失われません。

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;

/// 隣に書いてから名前を替えます。フォルダがなければ作ります。
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    replace(path, |temporary| Ok(std::fs::write(temporary, bytes)?))
}

/// `fill` が仮のファイルを書き終えたら、`path` に置き換えます。
pub fn replace(path: &Path, fill: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let temporary = temporary(path);
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .map_err(Into::into)
        .and_then(|()| fill(&temporary))
        .and_then(|()| Ok(std::fs::rename(&temporary, path)?));
    if written.is_err() {
        // 書きかけを残さない。消せなくても、伝えるべきは元の失敗のほうです。
        let _ = std::fs::remove_file(&temporary);
    }
    written.with_context(|| {
        format!("{} に書き込めません。空き容量と書き込み権限を確かめてください", path.display())
    })
}

/// `path` の隣の、ほかの実行とも重ならない仮の名前。
fn temporary(path: &Path) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (run, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    path.with_file_name(format!(".{name}.{run}-{count}.tmp"))
}

/// OS が伝えた原因を日本語で。言い換えのないものは None です。
pub fn cause(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        ErrorKind::NotFound => "見つかりません",
        ErrorKind::PermissionDenied => "権限がありません",
        ErrorKind::AlreadyExists => "同じ名前のものがあります",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "空き容量がありません",
        ErrorKind::ReadOnlyFilesystem => "書き込めない場所です",
        ErrorKind::NotADirectory => "途中の名前が、フォルダではなくファイルです",
        ErrorKind::IsADirectory => "ファイルではなくフォルダです",
        ErrorKind::DirectoryNotEmpty => "フォルダが空ではありません",
        ErrorKind::InvalidFilename => "使えない名前です",
        ErrorKind::FileTooLarge => "大きすぎます",
        ErrorKind::ResourceBusy | ErrorKind::ExecutableFileBusy => "ほかのプログラムが使っています",
        ErrorKind::OutOfMemory => "メモリが足りません",
        _ => return None,
    })
}
