//! 問われる65点の確認表に、読者の結果が付くこと。

use serde_json::json;

use crate::reader::Reader;

/// 記録のあるブラウザでは、問題の後ろに最後の結果が付く。file:// でも働く。
#[test]
fn each_question_shows_the_readers_result() {
    let Some(reader) = Reader::new() else { return };
    let open = || {
        reader.open("appendix/points.html");
        reader.wait("document.querySelector('[data-result]')");
    };
    let results = "[...document.querySelectorAll('[data-question]')]
        .slice(0, 4).map((link) => link.dataset.result)";
    open();
    assert_eq!(reader.js(results), json!(["まだ", "まだ", "まだ", "まだ"]));
    // 1 問目は正解、2 問目は不正解。3 問目の記録は、いまの選択肢に合わない。
    reader.js("(() => {
           const links = [...document.querySelectorAll('[data-question]')].slice(0, 3);
           const records = links.map(({ dataset }, i) => [dataset.question, {
             picks: [[i === 2 ? '00000000' : dataset.keys.split(' ')[0]]], right: i !== 1 }]);
           localStorage.setItem('workbook-quiz-v1', JSON.stringify(Object.fromEntries(records)));
         })()");
    open();
    assert_eq!(reader.js(results), json!(["○", "×", "まだ", "まだ"]));
}
