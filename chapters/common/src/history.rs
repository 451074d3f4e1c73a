//! 学習の記録。端末・スナップショット・本の「実行結果」は、同じ 1 つの表を見せます。

use std::fmt;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// ステップごとの値の記録。列の名前は最初の記録で決まります。
#[derive(Debug, Clone, Default)]
pub struct History {
    names: Vec<&'static str>,
    rows: Vec<(usize, Vec<f32>)>,
}

impl History {
    /// 1 ステップの値を足します。
    pub fn push(&mut self, step: usize, values: &[(&'static str, f32)]) {
        if self.rows.is_empty() {
            self.names = values.iter().map(|&(name, _)| name).collect();
        }
        debug_assert!(values.iter().map(|v| v.0).eq(self.names.iter().copied()));
        self.rows.push((step, values.iter().map(|&(_, value)| value).collect()));
    }

    /// 記録したステップの数。
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// まだ何も記録していなければ真。
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// 列 `name` の (ステップ, 値)。知らない名前なら空です。
    pub fn series(&self, name: &str) -> Vec<(f64, f64)> {
        let Some(column) = self.names.iter().position(|&known| known == name) else {
            return Vec::new();
        };
        self.rows.iter().map(|(step, values)| (*step as f64, f64::from(values[column]))).collect()
    }

    /// `width` ステップごとの平均。線グラフでは、1 ステップごとの揺れをならして見せます。
    pub fn smoothed(&self, name: &str, width: usize) -> Vec<(f64, f64)> {
        self.series(name)
            .chunks(width.max(1))
            .map(|chunk| {
                let n = chunk.len() as f64;
                let sum =
                    chunk.iter().fold((0., 0.), |sum, point| (sum.0 + point.0, sum.1 + point.1));
                (sum.0 / n, sum.1 / n)
            })
            .collect()
    }

    /// 列 `name` の最後の `n` ステップの平均。
    pub fn tail_mean(&self, name: &str, n: usize) -> f64 {
        let series = self.series(name);
        let tail = &series[series.len().saturating_sub(n)..];
        tail.iter().map(|point| point.1).sum::<f64>() / tail.len().max(1) as f64
    }
}

/// 表の 1 行は、区間の平均です。全体を 10 区間ほどに分けます。
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ROWS: usize = 10;
        write!(f, "{:>8}", "step")?;
        for name in &self.names {
            write!(f, "{name:>12}")?;
        }
        writeln!(f)?;
        for chunk in self.rows.chunks(self.rows.len().div_ceil(ROWS).max(1)) {
            let (last, _) = chunk.last().expect("chunks は空の切れ端を返さない");
            write!(f, "{last:>8}")?;
            for column in 0..self.names.len() {
                let sum: f32 = chunk.iter().map(|(_, values)| values[column]).sum();
                write!(f, "{:>12.3}", sum / chunk.len() as f32)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

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

/// 3 桁ごとにコンマを入れた数。
pub fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    groups.map(|group| String::from_utf8_lossy(group)).collect::<Vec<_>>().join(",")
}

/// 図を決めるソース (`src` の下の .rs すべて) の指紋。改行の種類には左右されません。
pub fn fingerprint(source_dirs: &[&Path]) -> anyhow::Result<String> {
    fn visit(dir: &Path, files: &mut Vec<std::path::PathBuf>) -> std::io::Result<()> {
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() {
                visit(&path, files)?;
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
        Ok(())
    }
    let mut hash = Sha256::new();
    for dir in source_dirs {
        let mut files = Vec::new();
        visit(dir, &mut files)
            .with_context(|| format!("ソースのフォルダ {} を読めません", dir.display()))?;
        files.sort();
        for file in files {
            hash.update(std::fs::read_to_string(file)?.replace("\r\n", "\n"));
        }
    }
    let digest = hash.finalize();
    Ok(digest[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}
