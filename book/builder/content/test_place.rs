//! 問題の決め手や名札が指すテストの、置き場所。

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::markup::files::read_text;

/// テストの置き場所。
pub struct TestPlace {
    /// ワークスペースから見たファイル (`chapters/ch03-gan/tests/claims.rs`)。
    pub file: String,
    pub line: usize,
}

/// `ch03-gan::claims::名前` のテストを探す。`workbook::…` は本そのものの tests/book を指す。
pub fn locate(root: &Path, name: &str) -> Result<TestPlace> {
    let [package, module, function] = name.split("::").collect::<Vec<_>>()[..] else {
        bail!("テストは ch03-gan::claims::名前 の形で書いてください: {name}");
    };
    let file = match package {
        "workbook" => format!("tests/book/{module}.rs"),
        _ => format!("chapters/{package}/tests/{module}.rs"),
    };
    let text = read_text(&root.join(&file))
        .with_context(|| format!("テスト {name} のファイル {file} がありません"))?;
    let signature = format!("fn {function}(");
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let declared = line.trim_start().strip_prefix("pub ").unwrap_or(line.trim_start());
        // 属性の行をさかのぼり、#[test] が付いているかを見る。
        if declared.starts_with(&signature)
            && lines[..index]
                .iter()
                .rev()
                .take_while(|above| {
                    let above = above.trim_start();
                    above.starts_with("#[") || above.starts_with("//")
                })
                .any(|above| above.trim() == "#[test]")
        {
            return Ok(TestPlace { file, line: index + 1 });
        }
    }
    bail!("{file} に #[test] fn {function} がありません")
}
