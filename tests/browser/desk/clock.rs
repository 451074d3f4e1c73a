//! 試験の時計: ほかのページにも出る、時計を戻しても延びない、問題ごとの時間、推移。

use serde_json::json;

use super::{MOCK, RECORD};
use crate::reader::Reader;

#[test]
fn the_clock_of_an_exam_is_seen_everywhere_and_never_turned_back() {
    let Some(reader) = Reader::online() else { return };
    reader.begin(3);
    reader.open("ch03-gan/concept.html");
    assert!(reader.text(".exam-clock").starts_with("試験中 "));
    reader.click(".exam-clock");
    reader.wait("document.querySelector('.desk-time')?.textContent.startsWith('残り')");
    let left = "(() => { const [m, s] = document.querySelector('.desk-time').textContent.replace('残り ', '').split(':').map(Number); return 60 * m + s; })()";
    let before = reader.js(left).as_i64().unwrap();
    // 端末の時計を 1 時間戻す。
    reader.js("(() => { const now = Date.now; Date.now = () => now() - 3600000; window.turnedBack = true; })()");
    reader.wait("JSON.parse(localStorage.getItem('workbook-exam-v1')).seen < Date.now() + 2000");
    reader.wait(&format!("{left} <= {before}"));
    let after = reader.js(left).as_i64().unwrap();
    assert!(after <= before && after > before - 60, "{before} → {after}");
}

#[test]
fn two_results_show_a_trend_and_the_slow_questions() {
    let Some(reader) = Reader::online() else { return };
    for round in 0..2 {
        reader.open(MOCK);
        reader.begin(2);
        reader.pick(round == 1);
        // 1 問目に、本番のペースより 10 秒だけ長くかけたことにする。
        reader.js("(() => {
               const parts = document.querySelectorAll('.desk .quiz-group').length;
               const now = Date.now;
               Date.now = () => now() + 1000 * (41 * parts + 10);
             })()");
        reader.press_button("次の問題");
        reader.confirm(true);
        reader.press_button("終了して採点する");
        reader.wait("document.querySelector('.desk-score')?.textContent.startsWith('小問')");
        assert!(reader.desk().contains("時間をかけた問題"));
    }
    reader.open(MOCK);
    assert_eq!(reader.js("document.querySelectorAll('.desk-column').length"), json!(2));
    assert!(
        reader.is("document.querySelector('.desk-trend').getAttribute('aria-label').includes('%')")
    );
    // 記録のページは、どこにあり、いつ消えるかを言う。
    reader.open(RECORD);
    let host = reader.js("location.host").as_str().unwrap().to_owned();
    assert!(reader.desk().contains(&format!("このブラウザの、{host} の記録です。")));
    assert!(!reader.desk().contains("まだファイルに書き出していない"));
    // 7 日書き出していない答えがあれば、勧める。
    reader.js("(() => { const all = JSON.parse(localStorage.getItem('workbook-quiz-v1')); for (const one of Object.values(all)) one.at -= 8 * 86400000; localStorage.setItem('workbook-quiz-v1', JSON.stringify(all)); })()");
    reader.reload();
    assert!(reader.desk().contains("まだファイルに書き出していない答えが"));
}
