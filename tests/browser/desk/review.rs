//! 復習。

use serde_json::json;

use super::{CHAPTER, REVIEW};
use crate::reader::Reader;

#[test]
fn wrong_and_due_questions_come_back() {
    let Some(reader) = Reader::new() else { return };
    reader.open(REVIEW);
    assert!(reader.desk().contains("答えた問題がまだない"));
    // 章の確認問題で答えた 2 問。間違えた 1 問だけが、今日の復習になる。
    let wrong = reader.answer_in_chapter(0, false);
    let right = reader.answer_in_chapter(1, true);
    let boxes = |id: &str| reader.stored("workbook-quiz-v1")[id]["box"].clone();
    assert_eq!((boxes(&wrong), boxes(&right)), (json!(0), json!(2)));
    reader.open(REVIEW);
    assert_eq!(reader.text(".desk-score"), "今日の復習は1問です。");

    // また間違えると列の終わりに戻り、正解すると箱 1 に進んで、今日は出なくなる。
    reader.press_button("復習を始める");
    assert_eq!(reader.question_id(), wrong);
    reader.pick(false);
    reader.press_button("決定");
    assert!(reader.text(".quiz-verdict").starts_with("× 不正解です"));
    assert_eq!(reader.count(".quiz-note"), reader.count(".quiz-choices li"));
    reader.press_button("次の問題へ");
    assert_eq!(reader.question_id(), wrong);
    reader.pick(true);
    reader.press_button("決定");
    reader.press_button("復習を終える");
    assert!(reader.text(".desk-score").starts_with("今日の復習は終わりました。"));
    assert_eq!(boxes(&wrong), 1);

    // 1 日たつと箱 1 の問題が、3 日たつと箱 2 の問題も出る。
    reader.days_pass(1);
    reader.reload();
    assert_eq!(reader.text(".desk-score"), "今日の復習は1問です。");
    reader.press_button("復習を始める");
    assert_eq!(reader.question_id(), wrong);
    reader.pick(true);
    reader.press_button("決定");
    assert_eq!(boxes(&wrong), 2);
    reader.days_pass(2);
    reader.reload();
    reader.press_button("復習を始める");
    assert_eq!(reader.question_id(), right);
    reader.pick(true);
    reader.press_button("決定");
    assert_eq!(boxes(&right), 3);
    // 期日の前に章のページで正解しても、箱は進まない。間違えれば箱 0 に戻る。
    reader.open(CHAPTER);
    let card = format!("document.getElementById('q-{right}')");
    for (mark, expected) in [(".quiz-right", 3), (".quiz-wrong", 0)] {
        reader.click_element(&format!("{card}.querySelector('.quiz-after button')"));
        reader.click_element(&format!(
            "{card}.querySelectorAll('.quiz-choices label')[[...{card}.querySelectorAll('.quiz-reasons li')].findIndex((i) => i.matches('{mark}'))]"
        ));
        reader.click_element(&format!("{card}.querySelector('.quiz-decide')"));
        assert_eq!(boxes(&right), expected);
    }
}

#[test]
fn a_review_asks_one_question_of_a_family_at_a_time() {
    let Some(reader) = Reader::new() else { return };
    reader.open(REVIEW);
    // 同じ組の 2 問と、ほかの組の 1 問が、今日の復習に入っている。
    let ids = reader.js(
        "(() => {
           const { questions } = workbookBank;
           const [a, b] = questions.map((one) => questions.filter(({ family }) => family === one.family)).find((all) => all.length > 1);
           const c = questions.find(({ family }) => family !== a.family);
           const record = ({ right }) => ({ picks: right, seed: 1, right: true, at: 1, box: 1, due: 1 });
           localStorage.setItem('workbook-quiz-v1', JSON.stringify(Object.fromEntries([a, b, c].map((one) => [one.id, record(one)]))));
           return [a.id, b.id, c.id];
         })()",
    );
    reader.reload();
    assert_eq!(reader.text(".desk-score"), "今日の復習は3問です。");
    assert!(reader.text(".desk-about").contains("一度に解くのは2問です。"));
    let mut asked = Vec::new();
    reader.press_button("復習を始める");
    for after in ["次の問題へ", "復習を終える"] {
        asked.push(reader.question_id());
        reader.pick(true);
        reader.press_button("決定");
        reader.press_button(after);
    }
    let pair = [&ids[0], &ids[1]];
    assert_eq!(
        asked.iter().filter(|id| pair.iter().any(|one| *one == *id)).count(),
        1,
        "{asked:?}"
    );
    // 残りの 1 問は、続けて解ける。
    assert_eq!(reader.text(".desk-score"), "今日の復習は1問です。");
    reader.press_button("復習を始める");
    assert!(!asked.contains(&reader.question_id()));
}

#[test]
fn records_of_the_first_edition_are_reviewed_today() {
    let Some(reader) = Reader::new() else { return };
    let id = reader.answer_in_chapter(0, true);
    reader.js(&format!(
        "(() => {{
           const {{ picks, seed }} = JSON.parse(localStorage.getItem('workbook-quiz-v1'))[{id:?}];
           localStorage.setItem('workbook-quiz-v1', JSON.stringify({{ {id:?}: {{ picks, seed }}, 'gone-question': 3 }}));
         }})()"
    ));
    reader.open(REVIEW);
    assert_eq!(reader.text(".desk-score"), "今日の復習は1問です。");
}
