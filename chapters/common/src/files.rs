//! ファイルの読み書き。書き込みが途中で止まっても、前のファイルは失われません。

use std::path::Path;

use anyhow::Context;

/// 隣に書いてから名前を替えます。フォルダがなければ作ります。
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    replace(path, |temporary| Ok(std::fs::write(temporary, bytes)?))
}

/// `fill` が仮のファイルを書き終えたら、`path` に置き換えます。
pub fn replace(path: &Path, fill: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = Path::new(&temporary);
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .map_err(Into::into)
        .and_then(|()| fill(temporary))
        .and_then(|()| Ok(std::fs::rename(temporary, path)?));
    if written.is_err() {
        // 書きかけを残さない。消せなくても、伝えるべきは元の失敗のほうです。
        let _ = std::fs::remove_file(temporary);
    }
    written.with_context(|| {
        format!("{} に書き込めません。空き容量と書き込み権限を確かめてください", path.display())
    })
}

/// 学習が残した設定を読みます。無いときは、残すためのコマンド `command` を伝えて失敗します。
pub fn read_config<C: serde::de::DeserializeOwned>(
    path: &Path,
    command: &str,
) -> anyhow::Result<C> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("{} がありません。先に {command} で学習してください", path.display())
    })?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} が壊れています。学習をやり直してください", path.display()))
}
