//! 数式が MathML になり、読めない数式がファイルと行を添えて知らされること。

use crate::support::{TinyBook, main_html};

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
