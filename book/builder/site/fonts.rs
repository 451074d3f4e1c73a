//! 本のフォントの参照を直す。
//!
//! Windows では、mdBook がフォントの名前を `fonts\…` と覚えるので、`{{ resource "fonts/…" }}` が
//! 内容のハッシュの付いた名前に替わらず、フォントが見つからなくなる。

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// `dest` の fonts/*.css の中の、ハッシュの無い名前を、実際にあるファイルの名前にする。
pub fn mend(dest: &Path) -> Result<()> {
    let folder = dest.join("fonts");
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
    let names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    for css in names.iter().filter(|name| name.ends_with(".css")) {
        let path = folder.join(css);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} を読めません", path.display()))?;
        let mended = rename(&text, &names);
        if mended != text {
            fs::write(&path, mended).with_context(|| format!("{} を書けません", path.display()))?;
        }
    }
    Ok(())
}

/// `text` の中の「名前.woff2」を、`names` の「名前-ハッシュ.woff2」に替える。
pub fn rename(text: &str, names: &[String]) -> String {
    let mut out = text.to_owned();
    for name in names {
        let Some((stem, hash)) = name.strip_suffix(".woff2").and_then(|name| name.rsplit_once('-'))
        else {
            continue;
        };
        let plain = format!("/{stem}.woff2");
        if hash.len() == 8 && !names.contains(&plain[1..].to_owned()) {
            out = out.replace(&plain, &format!("/{name}"));
        }
    }
    out
}
