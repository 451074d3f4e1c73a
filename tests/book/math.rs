//! 数式が MathML になり、読めない数式がファイルと行を添えて知らされること。

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;
use workbook::markup::math_name;

use crate::support::{TinyBook, files, main_html, real_book, root};

/// 数式の字体は、使う字だけに絞ってある。無い字は、ほかの字体で描かれて、形も高さも合わなくなる。
#[test]
fn the_math_font_has_every_character_of_the_formulas() {
    let font: BTreeSet<char> =
        fs::read_to_string(root().join("book/theme/math-font/math.txt")).unwrap().chars().collect();
    let formula = Regex::new("(?s)<math.*?</math>").unwrap();
    let words = Regex::new("(?s)<mtext.*?</mtext>|<[^>]*>").unwrap();
    let reference = Regex::new("&#([0-9]+);").unwrap();
    let mut missing = BTreeSet::new();
    for path in files(real_book(), "html") {
        let html = fs::read_to_string(&path).unwrap();
        for found in formula.find_iter(&html) {
            let text = words.replace_all(found.as_str(), "");
            let text = reference.replace_all(&text, |code: &regex::Captures<'_>| {
                char::from_u32(code[1].parse().unwrap()).unwrap().to_string()
            });
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            // U+FE00 は、前の字の形を選ぶだけで、字ではない。
            let used = text.chars().filter(|c| !c.is_whitespace() && *c != '\u{fe00}');
            missing.extend(used.filter(|c| !font.contains(c)));
        }
    }
    assert_eq!(
        missing,
        BTreeSet::new(),
        "book/theme/math-font/subset_math.py に足して、作り直してください"
    );
}

#[test]
fn inline_formula_becomes_mathml() {
    let html = main_html("損失 $x_1 < 2$ です。\n");
    assert!(html.contains("<msub><mi>x</mi><mn>1</mn></msub>"), "{html}");
    assert!(!html.contains('$'), "{html}");
}

#[test]
fn markdown_inside_a_formula_is_not_markdown() {
    // `*` も `_` も `[…](…)` も、数式の中では数式の記号である。
    let html = main_html("$a*b*c$ と $[x](y)$ と $p_{a_b}$\n");
    assert!(!html.contains("<em>") && !html.contains("href=\"y\""), "{html}");
    assert_eq!(html.matches("<math>").count(), 3, "{html}");
}

#[test]
fn bar_in_a_formula_does_not_split_a_table_cell() {
    let html = main_html("| 式 | 意味 |\n|---|---|\n| $p(y|x)$ | 条件付き |\n");
    assert_eq!(html.matches("<td>").count(), 2, "{html}");
    assert!(html.contains("条件付き"), "{html}");
}

#[test]
fn block_formula_may_span_lines_that_look_like_lists() {
    let html =
        main_html("前\n\n$$\n\\begin{aligned}\nV &= a \\\\\n- b &= c\n\\end{aligned}\n$$\n\n後\n");
    assert!(html.contains("<math display=\"block\">"), "{html}");
    assert!(!html.contains("<li>"), "{html}");
}

#[test]
fn block_formula_works_in_a_box() {
    let html = main_html("> [!IMPORTANT]\n> 次の式です。\n>\n> $$\n> x = 1 \\\\\n> + 2\n> $$\n");
    assert!(html.contains("<math display=\"block\">"), "{html}");
    assert!(!html.contains("&gt;"), "引用の印が数式に混ざった: {html}");
}

#[test]
fn dollars_in_code_stay_as_they_are() {
    let html = main_html("`$HOME` と \\$5 です。\n\n```sh\necho $HOME $$\n```\n");
    assert!(html.contains("<code>$HOME</code>"), "{html}");
    assert!(html.contains("$5"), "{html}");
    assert!(html.contains("echo $HOME $$"), "{html}");
}

#[test]
fn broken_formula_is_reported_with_file_and_line() {
    let error = TinyBook::new("# 題\n\n一行目\n\n$$\nx = 1 \\\\\ny = \\nosuch\n$$\n").error();
    assert!(error.contains("book/src/ch03-gan/page.md:7: 数式"), "{error}");
}

#[test]
fn unclosed_dollar_is_reported_with_file_and_line() {
    let error = TinyBook::new("# 題\n\n値 $x は\n\n次の段落 $ です。\n").error();
    assert!(error.contains("book/src/ch03-gan/page.md:3: 数式の $ が閉じていません"), "{error}");
}

#[test]
fn error_in_an_included_page_names_the_included_file() {
    let book = TinyBook::new("# 題\n\n{{#include part.md}}\n");
    book.write("book/src/ch03-gan/part.md", "よい $x$\n\nわるい $\\nosuch$\n");
    let error = book.error();
    assert!(error.contains("book/src/ch03-gan/part.md:3: 数式"), "{error}");
}

#[test]
fn formulas_in_an_included_page_are_converted() {
    let book = TinyBook::new("# 題\n\n{{#include part.md}}\n");
    book.write("book/src/ch03-gan/part.md", "よい $x$\n");
    assert!(book.main_html().contains("<mi>x</mi>"));
}

#[test]
fn punctuation_never_starts_a_line_after_a_formula() {
    let html = main_html("値は $x$。\n次は $y$（$z$）です。\n");
    assert!(html.contains("</math>。</span>次は"), "{html}");
    assert_eq!(html.matches("<span class=\"keep\"><math>").count(), 2, "{html}");
}

/// 数式の読み。数式だけの選択肢やリンクは、これが名前になる。
#[test]
fn formulas_have_a_japanese_name() {
    for (latex, name) in [
        ("D(G(z))", "D かっこ G かっこ z かっこ閉じ かっこ閉じ"),
        (
            r"-\mathbb{E}_{z}[\log D(G(z))]",
            "マイナス 期待値 添字 z 角かっこ ログ D かっこ G かっこ z かっこ閉じ かっこ閉じ 角かっこ閉じ",
        ),
        (
            r"\mathbb{E}_y[(D_Y(y)-1)^2]",
            "期待値 添字 y 角かっこ かっこ D 添字 大文字 Y かっこ y かっこ閉じ マイナス 1 かっこ閉じ の 2 乗 角かっこ閉じ",
        ),
        (r"\mathrm{KL}(q_\theta\,\|\,p)", "KL かっこ q 添字 シータ 二重縦棒 p かっこ閉じ"),
        (r"p(x\mid y)", "p かっこ x 縦棒 y かっこ閉じ"),
        (r"\frac{1}{2}\sqrt{x}", "2 分の 1 ルート x"),
        (r"\hat{x}^{n+1}", "x ハット の上付き n プラス 1"),
        ("{", ""),
        ("x^", "x の  乗"),
    ] {
        assert_eq!(math_name::name(latex), name, "{latex}");
    }
    assert_eq!(math_name::spoken("数式は無い"), None);
    assert_eq!(math_name::spoken("**$\\mu$** だけ").as_deref(), Some("ミュー だけ"));
    let html = main_html("[$\\beta$](#a)\n\n## a {#a}\n");
    assert!(html.contains("<math aria-label=\"ベータ\">"), "{html}");
}
