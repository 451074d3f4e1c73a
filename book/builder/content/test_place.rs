//! 問題の決め手や名札が指すテストの、置き場所と、何を確かめたか。

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use regex::Regex;

use crate::markup::files::read_text;

/// 名札の付いたテストを、中身と一緒に並べるページ (原稿のフォルダから見た道)。
pub const LIST: &str = "appendix/tests.md";

/// テストの置き場所。
pub struct TestPlace {
    /// 原稿での名前 (`ch03-gan::claims::名前`)。
    pub name: String,
    /// ワークスペースから見たファイル (`chapters/ch03-gan/tests/claims.rs`)。
    pub file: String,
    pub line: usize,
    /// 関数の名前。
    pub function: String,
    /// 何を確かめたかを言う 1 文。終わりの「。」は無い。
    pub sentence: String,
    /// 関数の全体。
    pub code: String,
}

impl TestPlace {
    /// [`LIST`] のページの中での id。
    pub fn id(&self) -> String {
        self.name.replace("::", "-")
    }
}

/// 原稿のページの `{{test …}}` が指すテストの名前。名前の順に並べる。
pub fn cited<'a>(src: &Path, pages: impl Iterator<Item = &'a str>) -> Result<BTreeSet<String>> {
    static BADGE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\{\{\s*test\s+([\w:-]+)\s*\}\}").expect("正しい正規表現"));
    let mut names = BTreeSet::new();
    for page in pages {
        let text = read_text(&src.join(page))?;
        names.extend(BADGE.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    Ok(names)
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
            let Some(sentence) = sentence(&lines[..index]) else {
                bail!(
                    "{file}:{}: テスト {function} の上に、何を確かめたかを言う 1 文がありません。#[test] の上に「/// 識別器の出力は、確率である。」のように書いてください",
                    index + 1
                );
            };
            let indent = line.len() - line.trim_start().len();
            let end = format!("{}}}", &line[..indent]);
            let length = lines[index..].iter().position(|line| *line == end).unwrap_or(0);
            return Ok(TestPlace {
                name: name.to_owned(),
                code: lines[index..=index + length].join("\n"),
                file,
                line: index + 1,
                function: function.to_owned(),
                sentence,
            });
        }
    }
    bail!("{file} に #[test] fn {function} がありません")
}

/// 関数のすぐ上にある説明 (`///`) の、初めの段落。「。」で終わるただ 1 つの文でなければ `None`。
fn sentence(above: &[&str]) -> Option<String> {
    let block = above.iter().rposition(|line| {
        let line = line.trim_start();
        !(line.starts_with("#[") || line.starts_with("//"))
    });
    let block = &above[block.map_or(0, |last| last + 1)..];
    let mut words = String::new();
    for line in block.iter().filter_map(|line| line.trim_start().strip_prefix("///")) {
        match line.trim() {
            "" => break,
            text => words.push_str(text),
        }
    }
    let sentence = words.strip_suffix('。')?;
    (!sentence.is_empty() && !sentence.contains('。')).then(|| sentence.to_owned())
}
