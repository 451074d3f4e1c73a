//! 日本語の組版: 改行の空白、記号の隣の太字、囲み。

use crate::support::{TinyBook, main_html};

#[test]
fn newline_between_japanese_leaves_no_gap() {
    assert_eq!(main_html("これは\n一つの文です。\n"), "<p>これは一つの文です。</p>");
}

#[test]
fn newline_next_to_a_full_width_mark_leaves_no_gap() {
    assert_eq!(main_html("終わり。\nGAN は、\nAI です\n"), "<p>終わり。GAN は、AI です</p>");
}

#[test]
fn newline_between_latin_words_stays() {
    assert_eq!(main_html("one\ntwo 三\nfour\n"), "<p>one\ntwo 三\nfour</p>");
}

#[test]
fn newline_in_lists_quotes_and_bold_leaves_no_gap() {
    assert!(main_html("- 箇条書きの\n  続き\n").contains("箇条書きの続き"));
    assert!(main_html("> 引用の\n> 続き\n").contains("引用の続き"));
    assert!(main_html("**太字**\n続き\n").contains("<strong>太字</strong>続き"));
}

#[test]
fn newlines_in_code_stay() {
    assert!(main_html("```text\nあ\nい\n```\n").contains("あ\nい"));
}

#[test]
fn bold_works_next_to_japanese_marks() {
    assert_eq!(
        main_html("**重要。**次の**「語」**です\n"),
        "<p><strong>重要。</strong>次の<strong>「語」</strong>です</p>"
    );
}

#[test]
fn bold_works_in_headings_tables_and_links() {
    assert!(main_html("## **「見出し」**の文\n").contains("<strong>「見出し」</strong>の文"));
    assert!(main_html("| a |\n|---|\n| **値。**次 |\n").contains("<strong>値。</strong>次"));
    assert!(
        main_html("[**名。**前](https://example.com/)\n").contains("<strong>名。</strong>前</a>")
    );
}

#[test]
fn asterisks_in_code_and_escapes_stay() {
    let html = main_html("`a ** b * c` と 2 \\* 3\n\n```text\n* ** *\n```\n");
    assert!(html.contains("<code>a ** b * c</code>"), "{html}");
    assert!(html.contains("2 * 3"), "{html}");
    assert!(html.contains("* ** *"), "{html}");
}

#[test]
fn single_asterisk_is_refused_with_file_and_line() {
    let error = TinyBook::new("# 題\n\nこれは *強調* です。\n").error();
    assert!(error.contains("book/src/ch03-gan/page.md:3: 「*」は使えません"), "{error}");
}

#[test]
fn unpaired_bold_is_refused_with_file_and_line() {
    let error = TinyBook::new("# 題\n\n前\n\nこれは **太字です。\n").error();
    assert!(error.contains("book/src/ch03-gan/page.md:5: 太字の ** が"), "{error}");
}

#[test]
fn bullets_may_be_asterisks() {
    assert_eq!(main_html("* 一\n* 二\n").matches("<li>").count(), 2);
}

#[test]
fn boxes_have_japanese_titles() {
    for (kind, class, title) in [
        ("IMPORTANT", "box-important", "要点"),
        ("WARNING", "box-warning", "注意"),
        ("TIP", "box-exam", "試験では"),
    ] {
        let html =
            main_html(&format!("前\n\n> [!{kind}]\n> **太字。**と\n> 続き\n>\n> - 項目\n\n後\n"));
        assert!(html.contains(&format!("class=\"box {class}\"")), "{html}");
        assert!(html.contains(&format!("<p class=\"box-title\">{title}</p>")), "{html}");
        assert!(html.contains("<strong>太字。</strong>と続き"), "{html}");
        assert!(html.contains("<li>項目</li>"), "{html}");
        let (inside, outside) = html.split_once("</div>").unwrap();
        assert!(inside.contains("項目") && outside.contains("<p>後</p>"), "{html}");
    }
}

#[test]
fn other_boxes_are_refused() {
    let error = TinyBook::new("# 題\n\n> [!NOTE]\n> 文\n").error();
    assert!(error.contains("book/src/ch03-gan/page.md:3: 囲みは"), "{error}");
}

#[test]
fn errors_after_a_box_still_name_the_right_line() {
    let error = TinyBook::new("# 題\n\n> [!TIP]\n> 一\n> 二\n\n後の *強調* です\n").error();
    assert!(error.contains("book/src/ch03-gan/page.md:7: "), "{error}");
}
