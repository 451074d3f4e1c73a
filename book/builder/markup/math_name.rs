//! 数式の、声に出す名前。
//!
//! 数式だけの選択肢やリンクは、読み上げでは名前の無いものになる。LaTeX から、日本語の読みを作って添える。

use std::sync::LazyLock;

use regex::{Captures, Regex};

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\s+|.").expect("正しい正規表現")
});
static FORMULA: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\$\$?((?:[^$\\]|\\.)+)\$\$?").expect("正しい正規表現"));

/// `$…$` を含む短い文の、声に出す形。数式が無ければ `None`。
pub fn spoken(text: &str) -> Option<String> {
    FORMULA.is_match(text).then(|| {
        let plain =
            FORMULA.replace_all(text, |found: &Captures<'_>| format!(" {} ", name(&found[1])));
        let plain = plain.replace(['*', '`'], "");
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

/// LaTeX の数式の、日本語の読み。
pub fn name(latex: &str) -> String {
    let tokens: Vec<&str> = TOKEN.find_iter(latex).map(|token| token.as_str()).collect();
    let mut words = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        next(&tokens, &mut at, &mut words);
    }
    words.join(" ")
}

/// `at` から 1 つ分 (文字、命令とその引数、`{…}` の中身) を読み、読みを `words` に加える。
fn next(tokens: &[&str], at: &mut usize, words: &mut Vec<String>) {
    let Some(token) = tokens.get(*at).copied() else { return };
    *at += 1;
    let mut argument = || {
        let mut inner = Vec::new();
        while tokens.get(*at).is_some_and(|token| token.trim().is_empty()) {
            *at += 1;
        }
        next(tokens, at, &mut inner);
        inner.join(" ")
    };
    match token {
        "{" => {
            while *at < tokens.len() && tokens[*at] != "}" {
                next(tokens, at, words);
            }
            *at += 1;
        }
        "^" => match argument().as_str() {
            power if power.bytes().all(|byte| byte.is_ascii_digit()) => {
                words.push(format!("の {power} 乗"));
            }
            above => words.push(format!("の上付き {above}")),
        },
        "_" => {
            let below = argument();
            words.push(format!("添字 {below}"));
        }
        "\\frac" => {
            let (above, below) = (argument(), argument());
            words.push(format!("{below} 分の {above}"));
        }
        "\\sqrt" => {
            let inner = argument();
            words.push(format!("ルート {inner}"));
        }
        "\\hat" | "\\bar" | "\\tilde" | "\\mathbf" | "\\boldsymbol" => {
            let inner = argument();
            let mark = match token {
                "\\hat" => " ハット",
                "\\bar" => " バー",
                "\\tilde" => " チルダ",
                _ => "",
            };
            words.push(format!("{inner}{mark}"));
        }
        // 書体を変えるだけの命令と、大きさや間の指定。
        "\\mathbb" => match argument().as_str() {
            "E" => words.push("期待値".to_owned()),
            other => words.push(other.to_owned()),
        },
        "\\mathrm" | "\\text" | "\\operatorname" | "\\mathcal" => {
            let inner = argument();
            // 1 字ずつの語 (K L) を、もとの語に戻す。
            words.push(match inner.chars().all(|c| c.is_ascii_alphabetic() || c == ' ') {
                true => inner.replace(' ', ""),
                false => inner,
            });
        }
        _ => {
            let word = word(token);
            if !word.is_empty() {
                words.push(word);
            }
        }
    }
}

fn word(token: &str) -> String {
    let known = match token {
        "(" => "かっこ",
        ")" => "かっこ閉じ",
        "[" => "角かっこ",
        "]" => "角かっこ閉じ",
        "\\{" => "波かっこ",
        "\\}" => "波かっこ閉じ",
        "-" => "マイナス",
        "+" => "プラス",
        "=" => "イコール",
        "," => "、",
        "/" => "割る",
        "|" | "\\mid" | "\\vert" => "縦棒",
        "\\|" | "\\Vert" | "\\lVert" | "\\rVert" => "二重縦棒",
        "<" | "\\lt" => "小なり",
        ">" | "\\gt" => "大なり",
        "\\le" | "\\leq" => "小なりイコール",
        "\\ge" | "\\geq" => "大なりイコール",
        "\\ne" | "\\neq" => "等しくない",
        "\\approx" => "およそ等しい",
        "\\cdot" | "\\times" => "掛ける",
        "\\odot" => "要素ごとに掛ける",
        "\\pm" => "プラスマイナス",
        "\\sim" => "従う",
        "\\in" => "属する",
        "\\to" | "\\rightarrow" => "矢印",
        "\\infty" => "無限大",
        "\\sum" => "総和",
        "\\prod" => "総乗",
        "\\int" => "積分",
        "\\partial" => "偏微分",
        "\\nabla" => "ナブラ",
        "\\log" => "ログ",
        "\\ln" => "自然対数",
        "\\exp" => "エクスポネンシャル",
        "\\tanh" => "ハイパボリックタンジェント",
        "\\min" => "最小",
        "\\max" => "最大",
        "\\arg" => "アーグ",
        "\\alpha" => "アルファ",
        "\\beta" => "ベータ",
        "\\gamma" => "ガンマ",
        "\\delta" => "デルタ",
        "\\epsilon" | "\\varepsilon" => "イプシロン",
        "\\eta" => "イータ",
        "\\theta" => "シータ",
        "\\lambda" => "ラムダ",
        "\\mu" => "ミュー",
        "\\nu" => "ニュー",
        "\\pi" => "パイ",
        "\\rho" => "ロー",
        "\\sigma" => "シグマ",
        "\\tau" => "タウ",
        "\\phi" | "\\varphi" => "ファイ",
        "\\psi" => "プサイ",
        "\\omega" => "オメガ",
        "\\Sigma" => "大文字シグマ",
        "\\Delta" => "大文字デルタ",
        "\\left" | "\\right" | "\\," | "\\;" | "\\!" | "\\:" | "\\quad" | "\\ " | "&" | "}"
        | "\\displaystyle" | "\\bigl" | "\\bigr" | "\\big" => "",
        // 小文字と並べられる大文字は、耳では区別できない。
        "X" => "大文字 X",
        "Y" => "大文字 Y",
        "Z" => "大文字 Z",
        other => return other.trim().trim_start_matches('\\').to_owned(),
    };
    known.to_owned()
}
