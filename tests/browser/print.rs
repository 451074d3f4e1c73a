//! 本の全体を 1 枚にした、印刷用のページ。開くのに時間がかかるので、1 度だけ開く。

use crate::reader::{Reader, thorough};

#[test]
fn the_whole_book_stands_on_one_page() {
    if !thorough() {
        return;
    }
    let Some(reader) = Reader::new() else { return };
    reader.phone();
    // 「潜在変数を動かす」図は、置き場所の違いにまごつかずに動く。
    reader.explore("print.html");
    // 試験の机は、紙では使えないので、案内のままになる。
    assert!(reader.is("document.querySelectorAll('.desk').length === 3"));
    assert!(reader.is("!document.querySelector('.desk.quiz-js')"));
    assert!(reader.text(".desk").contains("画面の上で模擬試験が開きます"));
    assert_eq!(reader.overflow(), None);
}

/// 印のボタンは、本の全体ではなく、このページを刷る窓を開く。畳んだ答えは開いて刷る。
#[test]
fn a_page_is_printed_alone_with_its_answers() {
    let Some(reader) = Reader::online() else { return };
    reader.open("ch03-gan/run.html");
    reader.js("(window.print = () => { window.printed = [...document.querySelectorAll('main details')].length; }, 0)");
    reader.click("#print-page");
    assert!(reader.is("document.querySelector('.print-menu').open"));
    reader.media("print");
    let folded = "[...document.querySelectorAll('main details')].filter((details) => ![...details.children].every((child) => child.checkVisibility({ contentVisibilityAuto: true }))).length";
    assert_eq!(reader.js(folded), serde_json::json!(0), "畳んだままの答えがあります");
    reader.media("");
    reader.click(".print-menu button");
    assert!(reader.is("window.printed > 0 && !document.querySelector('.print-menu').open"));

    // 確認問題は、答えを最後にまとめるか、刷らないかを選べる。
    reader.open("ch03-gan/quiz.html");
    let inline = "document.querySelector('.quiz-question .quiz-answer').checkVisibility()";
    for (nth, last) in [(2, true), (3, false)] {
        reader.js("(window.print = () => { dispatchEvent(new Event('beforeprint')); }, 0)");
        reader.media("");
        reader.js("document.getElementById('print-page').click()");
        reader
            .js(&format!("document.querySelectorAll('.print-menu > button')[{}].click()", nth - 1));
        reader.media("print");
        assert!(!reader.is(inline));
        assert_eq!(reader.is("document.querySelector('.print-answers')?.checkVisibility()"), last);
        reader.js("dispatchEvent(new Event('afterprint'))");
        assert!(reader.is("!document.querySelector('.print-answers')"));
    }
}
