//! 本の図の記録 `run.json` と、図を決めるソースの指紋。

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// 実行の記録 `run.json`。図と本文の数値が、どの設定とどのソースから出たかを残します。
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Run {
    /// 図を作ったソースの指紋 ([`fingerprint`])。
    pub fingerprint: String,
    /// 使った設定。名前ごとに 1 つ。
    pub configs: serde_json::Map<String, serde_json::Value>,
    /// 本文が引用する測定値。表示する形に丸めてあります。
    pub results: serde_json::Map<String, serde_json::Value>,
}

impl Run {
    /// まだ結果のない記録。
    pub fn new(fingerprint: String) -> Self {
        Self { fingerprint, configs: Default::default(), results: Default::default() }
    }

    /// 設定を記録します。
    pub fn config(&mut self, name: &str, config: &impl Serialize) -> anyhow::Result<()> {
        self.configs.insert(name.to_string(), serde_json::to_value(config)?);
        Ok(())
    }

    /// 測定値を、本文に出すとおりの文字で記録します。
    pub fn result(&mut self, name: &str, value: impl fmt::Display) {
        self.results.insert(name.to_string(), value.to_string().into());
    }

    /// `dir/run.json` に書きます。
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        crate::files::write(&dir.join("run.json"), text.as_bytes())
    }

    /// `dir/run.json` を読みます。
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("run.json");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{} を読めません", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} は run.json の形ではありません", path.display()))
    }
}

/// 章の図を決めるソースの指紋。`chapter` は章のクレートのフォルダです。
///
/// 図を変えうるもの (章のコード、学習の道具とそのデータ、図と記録の道具) だけを数えます。コマンドの文面や
/// 注釈を直しても、図は古くなりません。ソースの無い機械では「不明」です。
pub fn fingerprint(chapter: &Path) -> String {
    let chapters = chapter.join("..");
    let sources = [
        chapter.join("src"),
        chapters.join("common/src"),
        chapters.join("common/data"),
        chapters.join("tools/src/plot.rs"),
        chapters.join("tools/src/plot"),
        chapters.join("tools/src/compare.rs"),
        chapters.join("tools/src/record.rs"),
    ];
    digest(&sources).unwrap_or_else(|_| "不明".into())
}

/// `sources` のファイルと、フォルダの中のファイルすべての指紋。
pub fn digest(sources: &[PathBuf]) -> std::io::Result<String> {
    let mut files = Vec::new();
    for source in sources {
        let start = files.len();
        visit(source, &mut files)?;
        files[start..].sort();
    }
    let mut hash = Sha256::new();
    for file in files {
        let bytes = std::fs::read(&file)?;
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => hash.update(code(&String::from_utf8_lossy(&bytes))),
            // 改行の種類は内容ではない。
            Some("txt") => hash.update(String::from_utf8_lossy(&bytes).replace("\r\n", "\n")),
            Some("png" | "ttf") => hash.update(&bytes),
            _ => {} // 説明や、データを作り直す道具
        }
    }
    Ok(hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `main.rs` のほかの、`path` の下のファイル。
fn visit(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        // main.rs はコマンドの入り口で、図は描かない。
        if path.file_name().is_some_and(|name| name != "main.rs") {
            files.push(path.to_path_buf());
        }
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        visit(&entry?.path(), files)?;
    }
    Ok(())
}

/// 注釈だけの行と空の行を除いたソース。
fn code(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}
