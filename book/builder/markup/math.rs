//! `$…$` と `$$…$$` を、ビルドのときに MathML へ直す。読者のブラウザは JavaScript も通信も要らない。

use std::ops::Range;

use math_core::{LatexToMathML, MathCoreConfig, MathDisplay};

use crate::markup::html::{escape, escape_attribute};
use crate::markup::math_name;
use crate::markup::placeholders::Placeholders;
use crate::markup::source::{Edit, Source};

/// 原稿の数式を目印に置き換える。読めない数式は場所を添えて `problems` に加える。
///
/// MathML の中の文字は、そのままでは Markdown として読まれてしまう。目印に替えておけば、
/// あとの処理 (太字、改行、表の `|`) は数式の中身に触れずに済む。
pub fn convert(
    source: &mut Source,
    code: &[Range<usize>],
    placeholders: &mut Placeholders,
    problems: &mut Vec<String>,
) {
    let converter = LatexToMathML::new(MathCoreConfig::default()).expect("マクロを使わない設定");
    let mut edits: Vec<Edit> = Vec::new();
    for found in find(&source.text, code) {
        let formula = match found {
            Ok(formula) => formula,
            Err(start) => {
                problems.push(unclosed(source, start));
                continue;
            }
        };
        let latex = strip_container(&source.text, &formula);
        let display = if formula.block { MathDisplay::Block } else { MathDisplay::Inline };
        match converter.convert_with_local_state(&latex, display) {
            Ok(result) => {
                let mut mathml = protect(&result.mathml);
                // リンクの文字が数式だけなら、リンクの名前が無くなる。
                let link = source.text[..formula.outer.start].ends_with('[')
                    && source.text[formula.outer.end..].starts_with("](");
                if link {
                    let name = escape_attribute(&math_name::name(&latex));
                    mathml = mathml.replacen("<math", &format!("<math aria-label=\"{name}\""), 1);
                }
                let html = if formula.block {
                    format!("<span class=\"formula\">{mathml}</span>")
                } else {
                    mathml
                };
                let mark = placeholders.add(html, format!("${latex}$"));
                edits.push((formula.outer, mark));
            }
            Err(error) => {
                // 誤りの位置は `latex` の中のもの。行は、そこまでの改行の数で分かる。
                let within = (0..=error.0.start.min(latex.len()))
                    .rev()
                    .find(|at| latex.is_char_boundary(*at))
                    .unwrap_or(0);
                let line_start = nth_line(
                    &source.text,
                    formula.inner.start,
                    latex[..within].matches('\n').count(),
                );
                problems.push(format!(
                    "{}: 数式「{}」を読めません{}。LaTeX の書き方を直してください。",
                    source.place(line_start),
                    latex.trim(),
                    reason(&error.error_message())
                ));
            }
        }
    }
    source.edit(edits);
}

fn unclosed(source: &Source, start: usize) -> String {
    format!(
        "{}: 数式の $ が閉じていません。段落の中で閉じるか、ただの記号なら \\$ と書いてください。",
        source.place(start)
    )
}

/// 数式を読む道具の英語の知らせを、日本語の添え書きにする。
fn reason(message: &str) -> String {
    let name = message.split('"').nth(1).unwrap_or_default();
    let text = if message.starts_with("Unknown command") {
        format!("{name} という命令はありません")
    } else if message.starts_with("Unknown environment") {
        format!("{name} という環境はありません")
    } else if message.starts_with("Expected closing token") {
        format!("「{name}」で閉じていません")
    } else if message.starts_with("Unmatched closing token") {
        format!("「{name}」が余っています")
    } else if message.starts_with("Expected argument") {
        "命令に渡すものがありません".to_owned()
    } else if message.starts_with("There must be a parenthesis") {
        format!("{name} の後にかっこが要ります")
    } else if message.starts_with("Expected \"\\end") {
        "\\begin と \\end の名前が違います".to_owned()
    } else if message.starts_with("Found") {
        format!("{name} はここには書けません")
    } else if message.contains("subscript") || message.starts_with("'^'") {
        "「^」か「_」が続いています".to_owned()
    } else {
        return String::new();
    };
    format!(" ({text})")
}

/// 数式を、Anki が MathJax で描く `\(…\)` と `\[…\]` に替える。
pub fn keep_tex(
    source: &mut Source,
    code: &[Range<usize>],
    placeholders: &mut Placeholders,
    problems: &mut Vec<String>,
) {
    let mut edits: Vec<Edit> = Vec::new();
    for found in find(&source.text, code) {
        let formula = match found {
            Ok(formula) => formula,
            Err(start) => {
                problems.push(unclosed(source, start));
                continue;
            }
        };
        let latex = strip_container(&source.text, &formula);
        let (open, close) = if formula.block { ("\\[", "\\]") } else { ("\\(", "\\)") };
        let html = format!("{open}{}{close}", escape(&latex));
        edits.push((formula.outer, placeholders.add(html, latex)));
    }
    source.edit(edits);
}

/// 見つかった数式。`outer` は `$` を含み、`inner` は含まない。
struct Formula {
    outer: Range<usize>,
    inner: Range<usize>,
    block: bool,
}

/// 数式を前から順に探す。閉じない `$` は、その位置を `Err` で返す。
fn find(text: &str, code: &[Range<usize>]) -> Vec<Result<Formula, usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if let Some(range) = code.iter().find(|range| range.contains(&at)) {
            at = range.end;
            continue;
        }
        match bytes[at] {
            b'\\' => at += 2,
            b'$' => {
                let block = bytes.get(at + 1) == Some(&b'$');
                let fence = if block { "$$" } else { "$" };
                let start = at + fence.len();
                match closing(text, start, fence) {
                    Some(end) => {
                        at = end + fence.len();
                        found.push(Ok(Formula {
                            outer: start - fence.len()..at,
                            inner: start..end,
                            block,
                        }));
                    }
                    None => {
                        found.push(Err(at));
                        at = start;
                    }
                }
            }
            _ => at += 1,
        }
    }
    found
}

/// 同じ段落の中で、閉じる `$` を探す。空行 (引用の中では `>` だけの行) は段落の終わり。
fn closing(text: &str, start: usize, fence: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'\n' => {
                let next = text[at + 1..].lines().next().unwrap_or("");
                if next.trim_matches([' ', '\t', '>', '\r']).is_empty() {
                    return None;
                }
                at += 1;
            }
            b'$' if text[at..].starts_with(fence) && at > start => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// 引用や箇条書きの中の数式から、2 行目以降の行頭の `> ` と字下げを外す。
fn strip_container(text: &str, formula: &Formula) -> String {
    let line_start = text[..formula.outer.start].rfind('\n').map_or(0, |n| n + 1);
    let depth = text[line_start..formula.outer.start].matches('>').count();
    let inner = &text[formula.inner.clone()];
    let mut lines = inner.split('\n');
    let mut latex = lines.next().unwrap_or("").to_string();
    for mut line in lines {
        for _ in 0..depth {
            line = line.trim_start();
            line = line.strip_prefix('>').unwrap_or(line);
        }
        latex.push('\n');
        latex.push_str(line.trim());
    }
    latex
}

/// `offset` の行から数えて `lines` 行あとの位置。
fn nth_line(text: &str, offset: usize, lines: usize) -> usize {
    let mut at = offset;
    for _ in 0..lines {
        at = text[at..].find('\n').map_or(at, |n| at + n + 1);
    }
    at
}

/// タグの外の記号を文字参照にして、Markdown にも表の区切りにも読まれないようにする。
fn protect(mathml: &str) -> String {
    let mut out = String::with_capacity(mathml.len() * 2);
    let mut chars = mathml.chars();
    while let Some(c) = chars.next() {
        match c {
            '<' | '&' => {
                let end = if c == '<' { '>' } else { ';' };
                out.push(c);
                for inner in chars.by_ref() {
                    out.push(inner);
                    if inner == end {
                        break;
                    }
                }
            }
            '\n' => out.push(' '),
            c if c.is_ascii_punctuation() => out.push_str(&format!("&#{};", c as u32)),
            c => out.push(c),
        }
    }
    out
}
