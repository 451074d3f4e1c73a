//! 模擬試験。

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{CHAPTER, MOCK, RECORD, REVIEW, SCORED_FAMILIES};
use crate::reader::Reader;

#[test]
fn an_exam_is_sat_reloaded_graded_and_kept() {
    let Some(reader) = Reader::new() else { return };
    reader.begin(4);
    assert!(reader.text(".desk-time").starts_with("残り "));
    assert!(reader.text(".desk-status").ends_with("4問のうち0問に解答"));
    assert_eq!(reader.count(".desk .quiz-answer, .desk .quiz-decide:not(.desk-form *)"), 0);

    // 1 問目は正しく、2 問目は間違えて、見直す印を付ける。3 問目は飛ばし、4 問目は正しく。
    reader.pick(true);
    let ids = [reader.question_id()];
    assert_eq!(reader.text(".quiz-verdict"), "", "終わる前に正誤が見えます");
    reader.press_button("次の問題");
    reader.pick(false);
    reader.press_button("あとで見直す");
    reader.click(".desk-numbers button:nth-child(4)");
    reader.pick(true);
    let items = reader.stored("workbook-exam-v1")["items"].clone();
    assert_eq!(items[0]["id"], ids[0]);
    let chapter = |item: &Value| {
        reader.js(&format!(
            "workbookBank.questions.find(({{ id }}) => id === {}).chapter",
            item["id"]
        ))
    };
    let drawn: HashSet<String> =
        items.as_array().unwrap().iter().map(|item| item["id"].to_string()).collect();
    assert_eq!(drawn.len(), 4, "同じ問題が 2 度出ました");
    assert!(items.as_array().unwrap().iter().all(|item| chapter(item) == "ch03-gan"));

    // 再読み込みしても、問題、並び、答え、印、いる場所が残る。
    let order = "[...document.querySelectorAll('.quiz-choices li')].map((item) => [item.dataset.key, item.querySelector('input').checked])";
    let before = reader.js(order);
    reader.reload();
    assert_eq!(reader.text(".quiz-title"), "問 4");
    assert_eq!(reader.js(order), before);
    // 使った時間だけは、進み続ける。
    let timeless = |items: &Value| -> Value {
        let mut items = items.clone();
        for item in items.as_array_mut().unwrap() {
            item.as_object_mut().unwrap().remove("spent");
        }
        items
    };
    assert_eq!(timeless(&reader.stored("workbook-exam-v1")["items"]), timeless(&items));
    assert!(reader.text(".desk-status").ends_with("4問のうち3問に解答"));
    let labels =
        reader.js("[...document.querySelectorAll('.desk-numbers button')].map((b) => b.ariaLabel)");
    assert_eq!(
        labels,
        json!(["問 1、解答済み", "問 2、解答済み、見直す印あり", "問 3、未解答", "問 4、解答済み"])
    );

    // 終わりは、答えていない問題があれば確かめる。
    reader.confirm(false);
    reader.press_button("終了して採点する");
    assert!(reader.text(".desk-numbers").contains('4'), "断ったのに終わりました");
    assert!(reader.js("window.asked").as_str().unwrap().contains("1問あります"));
    reader.confirm(true);
    reader.press_button("終了して採点する");
    reader.wait("document.querySelector('.desk-score')?.textContent.startsWith('小問')");
    assert!(reader.desk().contains("4問のうち、すべて正しく答えたのは2問です"));

    // 問題ごとに、自分の答え、正解、選択肢ごとの理由が見える。
    assert_eq!(reader.count(".desk .quiz-question"), 4);
    let verdicts = reader.js(
        "[...document.querySelectorAll('.quiz-verdict')].map((v) => v.textContent.split('。')[0])",
    );
    assert_eq!(verdicts, json!(["○ 正解です", "× 不正解です", "× 答えていません", "○ 正解です"]));
    let notes = "[...document.querySelectorAll('.quiz-question')].map((card) =>
        [card.querySelectorAll('.quiz-choices li').length, [...card.querySelectorAll('.quiz-note')].filter((n) => n.textContent.length > 5).length])";
    for pair in reader.js(notes).as_array().unwrap() {
        assert_eq!(pair[0], pair[1], "理由の無い選択肢があります");
    }
    assert!(reader.is(
        "[...document.querySelectorAll('.quiz-question')][1].textContent.includes('× 選んだ答え')"
    ));
    // 項目ごとの小問の和は、その項目の問題の小問の数に合う。
    let sums = reader.js(
        "[...document.querySelectorAll('.desk-table')].map((table) =>
           [...table.querySelectorAll('tbody td:nth-child(2)')].map((cell) => cell.textContent.split(' / ').map(Number)))",
    );
    let total: Vec<u64> = serde_json::from_value(sums[1][0].clone()).unwrap();
    let score = reader.text(".desk-score");
    assert!(
        score.starts_with(&format!("小問{}のうち{}が正解", total[1], total[0])),
        "{score} {sums}"
    );
    assert!(sums[0].as_array().unwrap().iter().all(|pair| pair[1].as_u64() <= Some(total[1])));

    reader.press_button("間違えた問題 1");
    assert_eq!(reader.count(".desk .quiz-question"), 1);
    reader.press_button("答えなかった問題 1");
    assert_eq!(reader.count(".desk .quiz-question"), 1);
    // 押したボタンに指し手が乗っていても、字が読める。
    let pressed = ".desk button[aria-pressed=true]";
    let colors = format!(
        "(({{ color, backgroundColor }}) => [color, backgroundColor])(getComputedStyle(document.querySelector({pressed:?})))"
    );
    assert!(reader.is(&format!("document.querySelector({pressed:?}).matches(':hover')")));
    let colors = reader.js(&colors);
    reader.press("Tab");
    reader.tab.move_mouse(1.0, 1.0);
    let rest = reader.js(&format!("(({{ color, backgroundColor }}) => [color, backgroundColor])(getComputedStyle(document.querySelector({pressed:?})))"));
    assert_eq!(colors, rest);
    reader.press_button("見直す印を付けた問題 1");
    assert_eq!(reader.count(".desk .quiz-question"), 1);

    // 履歴に残り、開き直せる。答えた 3 問は章のページに、できなかった 2 問は今日の復習に届く。
    reader.open(MOCK);
    assert_eq!(reader.count(".desk-table tbody tr"), 1);
    reader.press_button("見る");
    assert_eq!(reader.text(".desk-score"), score);
    reader.open(REVIEW);
    assert_eq!(reader.text(".desk-score"), "今日の復習は2問です。");
    reader.open(CHAPTER);
    assert!(reader.text(".quiz-score").contains("3 問を解き、2 問正解"));
}

#[test]
fn unanswered_questions_come_back_in_the_review() {
    let Some(reader) = Reader::new() else { return };
    // 章で正解した 1 問を、模擬試験では答えずに終える。
    let known = reader.answer_in_chapter(0, true);
    let before = reader.stored("workbook-quiz-v1")[&known].clone();
    // 同じ組の問題は一緒に出ないので、章のすべては出ない。解いた問題が出る抽選まで、選び直す。
    let all = reader.draw_with(&known);
    reader.confirm(true);
    reader.press_button("終了して採点する");
    assert!(reader.desk().contains(&format!("答えなかった問題は{all}問です")));
    assert!(reader.is("[...document.querySelectorAll('.quiz-verdict')].every((v) => v.textContent.startsWith('× 答えていません'))"));

    // 履歴には無解答のまま残る。
    let answers = reader.stored("workbook-history-v1")[0]["answers"].clone();
    let empty = |picks: &Value| picks.as_array().unwrap().iter().all(|keys| *keys == json!([]));
    assert!(answers.as_array().unwrap().iter().all(|answer| empty(&answer["picks"])));
    // 前に選んだ答えは残り、復習の予定だけが間違いと同じになる。
    let after = reader.stored("workbook-quiz-v1")[&known].clone();
    assert_eq!((&after["picks"], &after["right"]), (&before["picks"], &json!(true)));
    assert_eq!((&before["box"], &after["box"]), (&json!(2), &json!(0)));

    // 解いたことにはならないが、復習には間違えた問題のように出る。
    reader.open(RECORD);
    assert!(reader.text(".desk-score").ends_with("問のうち1問を解きました。"));
    assert!(reader.desk().contains(&format!("今日の復習は{all}問")));
    assert!((3..=10).contains(&reader.count(".desk-weak li")));
    reader.open(CHAPTER);
    assert!(reader.text(".quiz-score").contains("1 問を解き、1 問正解"));
    reader.open(REVIEW);
    assert_eq!(reader.text(".desk-score"), format!("今日の復習は{all}問です。"));
    reader.press_button("復習を始める");
    let id = reader.question_id();
    reader.pick(true);
    reader.press_button("決定");
    assert!(reader.text(".quiz-verdict").starts_with("○ 正解です"));
    assert_eq!(reader.stored("workbook-quiz-v1")[&id]["box"], 1);
    reader.press_button("ここまでにする");
    assert_eq!(reader.text(".desk-score"), format!("今日の復習は{}問です。", all - 1));
}

#[test]
fn two_tabs_share_one_exam() {
    let Some(first) = Reader::new() else { return };
    let second = first.another();
    first.open(MOCK);
    second.open(MOCK);
    // 片方で始めると、もう片方でも始まる。
    first.begin(3);
    second.wait("document.querySelector('.desk .quiz-question')");
    // 片方の答えを、もう片方が受け取り、上書きしない。
    first.pick(true);
    second
        .wait("document.querySelector('.desk-status').textContent.endsWith('3問のうち1問に解答')");
    assert_eq!(
        second.count(".quiz-choices input:checked"),
        first.count(".quiz-choices input:checked")
    );
    second.press("ArrowRight");
    second.pick(false);
    first.wait("document.querySelector('.desk-status').textContent.endsWith('3問のうち2問に解答')");
    first.press("f");
    let items = first.stored("workbook-exam-v1")["items"].clone();
    let answered =
        |item: &Value| item["picks"].as_array().unwrap().iter().all(|keys| *keys != json!([]));
    assert!(answered(&items[0]) && answered(&items[1]) && items[0]["flag"] == true, "{items}");
    // 片方で終えると、もう片方は始めに戻り、終えた結果が並ぶ。
    second.confirm(true);
    second.press_button("終了して採点する");
    first.wait("document.querySelector('.desk-form') && document.querySelectorAll('.desk-past tbody tr').length === 1");
    assert_eq!(first.stored("workbook-history-v1").as_array().unwrap().len(), 1);
    // 別のタブで消した記録を、開いたままのタブの答えが戻さない。
    first.open(CHAPTER);
    second.open(RECORD);
    second.confirm(true);
    second.press_button("すべて消す");
    first.wait("localStorage.getItem('workbook-quiz-v1') === null"); // 別のタブには、少し遅れて伝わる。
    first.js("document.querySelectorAll('.quiz-question[data-kind=single]:not(.quiz-answered) .quiz-choices label')[0].click()");
    first.js("[...document.querySelectorAll('.quiz-question:has(input:checked:enabled) .quiz-decide')].at(-1).click()");
    assert_eq!(first.stored("workbook-quiz-v1").as_object().unwrap().len(), 1);
}

#[test]
fn an_exam_as_large_as_the_real_one_can_be_chosen() {
    let Some(reader) = Reader::new() else { return };
    reader.open(MOCK);
    reader.press_button("本番の量");
    let about = reader.text(".desk-about");
    let parts: f64 =
        about.split("小問").nth(1).unwrap().split('）').next().unwrap().parse().unwrap();
    assert!((120.0..170.0).contains(&parts), "{about}");
    reader.press_button("始める");
    // 知らせた小問の数と、始めた試験の時間が合う。
    let exam = reader.stored("workbook-exam-v1");
    let seconds = (exam["deadline"].as_f64().unwrap() - exam["started"].as_f64().unwrap()) / 1000.0;
    assert_eq!(seconds, parts * 41.0);
    // 途中で印刷しても、答えは出ない。
    reader.media("print");
    assert!(reader.is("document.querySelector('.quiz-stem').checkVisibility()"));
    assert_eq!(reader.count(".desk :is(.quiz-answer, .quiz-reasons)"), 0);
}

#[test]
fn an_exam_is_sat_with_the_keyboard_and_no_page_turns() {
    let Some(reader) = Reader::new() else { return };
    reader.begin(3);
    reader.press("1");
    let picks = reader.stored("workbook-exam-v1")["items"][0]["picks"].clone();
    assert_eq!(picks[0].as_array().unwrap().len(), 1, "{picks}");
    reader.press("f");
    assert_eq!(reader.stored("workbook-exam-v1")["items"][0]["flag"], true);
    reader.press("Enter");
    assert_eq!(reader.text(".quiz-title"), "問 2");
    // 最後の問題で Enter キーを押すと、終わりのボタンへ移る。
    reader.press("Enter");
    reader.press("Enter");
    assert_eq!(reader.text(":focus"), "終了して採点する");
    reader.press("ArrowLeft");
    assert_eq!(reader.text(".quiz-title"), "問 2");
    // 机の外 (ページの地) にいても、矢印は問題を動かし、ページをめくらない。
    reader.watch_page_turns();
    reader.js("document.activeElement.blur()");
    for (key, title) in [
        ("ArrowRight", "問 3"),
        ("ArrowRight", "問 3"),
        ("ArrowLeft", "問 2"),
        ("ArrowLeft", "問 1"),
        ("ArrowLeft", "問 1"),
    ] {
        reader.press(key);
        assert_eq!(reader.text(".quiz-title"), title);
    }
    reader.press("s");
    assert!(!reader.page_turned(), "ページがめくられました");
    assert!(reader.is("location.pathname.endsWith('/exam/mock.html')"));
    assert_eq!(reader.text(".quiz-title"), "問 1");
}

#[test]
fn an_exam_ends_by_itself_even_while_the_page_is_closed() {
    let Some(reader) = Reader::new() else { return };
    let set_deadline = |seconds: i64| {
        reader.js(&format!(
            "(() => {{
               const exam = JSON.parse(localStorage.getItem('workbook-exam-v1'));
               const by = exam.deadline - Date.now() - {seconds} * 1000;
               exam.deadline -= by; exam.started -= by;
               localStorage.setItem('workbook-exam-v1', JSON.stringify(exam));
             }})()"
        ));
    };
    // 2 問で小問が n なら 41n 秒。
    reader.begin(2);
    reader.pick(true);
    let length = "(() => { const exam = JSON.parse(localStorage.getItem('workbook-exam-v1'));
        const parts = exam.items.flatMap(({ picks }) => picks).length; return (exam.deadline - exam.started) / 1000 / parts; })()";
    assert_eq!(reader.js(length).as_f64(), Some(41.0));
    set_deadline(2);
    reader.reload();
    assert!(reader.text(".desk-time").starts_with("残り 0:0"));
    assert!(reader.text(".desk").contains("残り1分を切りました"));
    reader.wait("document.querySelector('.desk-notice')?.textContent === '時間になったので、採点しました。'");
    assert!(reader.desk().contains("2問のうち、すべて正しく答えたのは1問です"));
    assert!(reader.is("localStorage.getItem('workbook-exam-v1') === null"));

    // 閉じている間に時間が過ぎたら、開いたときに、期限の時刻で採点する。
    reader.begin(2);
    set_deadline(-3600);
    reader.reload();
    assert!(reader.desk().contains("時間になったので、採点しました。"));
    let history = reader.stored("workbook-history-v1");
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert!(history[0]["seconds"].as_u64().unwrap() <= 41 * 12, "{}", history[0]["seconds"]);
    reader.reload();
    assert_eq!(reader.count(".desk-table tbody tr"), 2);
}

#[test]
fn a_mock_exam_has_the_chosen_levels_and_no_family_twice() {
    let Some(reader) = Reader::new() else { return };
    let drawn = "JSON.parse(localStorage.getItem('workbook-exam-v1')).items
        .map(({ id }) => workbookBank.questions.find((one) => one.id === id))";
    let levels =
        format!("[0, 1, 2].map((n) => {drawn}.filter(({{ level }}) => level === n).length)");
    let families = format!("new Set({drawn}.map(({{ family }}) => family)).size");
    let give_up = || {
        reader.js("(localStorage.removeItem('workbook-exam-v1'), 0)");
        reader.open(MOCK);
    };
    reader.open(MOCK);
    // 初めは基本 4 割・標準 6 割。始める前に知らせた数のとおりになる。
    assert!(reader.text(".desk-about").contains("難しさは、基本8問、標準12問です。"));
    reader.press_button("始める");
    assert_eq!(reader.js(&levels), json!([8, 12, 0]));
    assert!(reader.text(".quiz-level").starts_with("難しさ: "));
    // 一つの難しさだけにもできる。
    for (mix, expected) in
        [("basic", [10, 0, 0]), ("standard", [0, 10, 0]), ("outside", [0, 0, 10])]
    {
        give_up();
        reader.click(&format!("input[name=mix][value={mix}]"));
        reader.press_button("10問");
        reader.press_button("始める");
        assert_eq!(reader.js(&levels), json!(expected), "{mix}");
    }
    // 出せるだけ出しても、一つの組からは 1 問。多すぎる数は、出せる数になり、そのことを知らせる。
    give_up();
    let all = reader.js(SCORED_FAMILIES).as_u64().unwrap();
    reader.js("(((count) => { count.value = 9999; count.dispatchEvent(new Event('input')); })(document.querySelector('input[type=number]')), 0)");
    assert!(reader.text(".desk-about").contains(&format!("この条件では{all}問までです。")));
    reader.press_button("出せるだけ");
    reader.press_button("始める");
    assert_eq!(reader.js(&families).as_u64(), Some(all));
    assert_eq!(reader.js(&format!("{drawn}.length")).as_u64(), Some(all));
    assert_eq!(reader.js(&levels)[2], 0, "発展が点数に入る試験に出ました");
    // 割合を決めても決めなくても、何度選んでも重ならない。
    let clashes = reader.js(
        "[...Array(200)].filter((_, i) => {
           const drawn = document.querySelector('.desk').draw(workbookBank.questions, 30, i % 2 ? [0.4, 0.6] : []);
           return drawn.length !== 30 || new Set(drawn.map(({ family }) => family)).size !== 30;
         }).length",
    );
    assert_eq!(clashes, 0);
}

#[test]
fn questions_outside_the_exam_are_marked_and_not_scored() {
    let Some(reader) = Reader::new() else { return };
    reader.open(MOCK);
    reader.click("input[name=mix][value=outside]");
    reader.js("(document.querySelector('input[type=number]').value = 3, 0)");
    reader.press_button("始める");
    assert_eq!(reader.text(".quiz-level"), "難しさ: 発展（試験の外）");
    reader.pick(true);
    reader.confirm(true);
    reader.press_button("終了して採点する");
    assert_eq!(reader.text(".desk-score"), "発展だけなので、点数はありません。");
    assert!(reader.text(".desk-beyond").ends_with("が正解です。点数には入れていません。"));
    reader.open(MOCK);
    assert!(reader.text(".desk-past tbody tr").contains("発展 "));

    // 難しさの無かったころの結果も読める。標準の正解と発展の間違いなら、点数は満点になる。
    let result = reader.js(
        "(() => {
           const answers = [[1, true], [2, false]].map(([wanted, right]) => {
             const { id, keys, right: answer } = workbookBank.questions.find(({ level, keys }) => level === wanted && keys.length === 1);
             return { id, seed: 1, flag: false, marks: [right], picks: right ? answer : [[keys[0].find((key) => !answer[0].includes(key))]] };
           });
           const result = { started: 1000, seconds: 60, timeout: false, answers };
           localStorage.setItem('workbook-history-v1', JSON.stringify([result]));
           return result;
         })()",
    );
    reader.open(MOCK);
    assert!(reader.text(".desk-past tbody tr").contains("1 / 1（100%）"));
    reader.press_button("見る");
    assert_eq!(reader.text(".desk-score"), "小問1のうち1が正解（100%）");
    assert!(reader.text(".desk-beyond").contains("小問1のうち0が正解"));
    let rows = reader.js(
        "[...[...document.querySelectorAll('.desk-table')].at(-1).querySelectorAll('tbody tr')].map((row) => row.innerText.split(/\\s+/).slice(0, 1)[0])",
    );
    assert_eq!(rows, json!(["標準", "発展（点数の外）"]));
    assert_eq!(reader.stored("workbook-history-v1"), json!([result]));
}

#[test]
fn important_questions_are_drawn_more_often() {
    let Some(reader) = Reader::new() else { return };
    reader.open(MOCK);
    // 300 回の抽選で、1 問あたりに出た回数を重要度ごとに比べる。
    let rates = reader.js("(() => {
           const { questions } = workbookBank;
           const seen = [0, 0, 0], all = [0, 0, 0];
           for (const { importance } of questions) all[importance] += 1;
           for (let i = 0; i < 300; i++) {
             const drawn = document.querySelector('.desk').draw(questions, 10);
             if (new Set(drawn).size !== 10) throw new Error('重なりました');
             for (const { importance } of drawn) seen[importance] += 1;
           }
           return seen.map((n, i) => n / all[i]);
         })()");
    let rates: Vec<f64> = serde_json::from_value(rates).unwrap();
    assert!(rates[0] > 1.4 * rates[1] && rates[1] > 1.4 * rates[2], "{rates:?}");
}

#[test]
fn a_broken_exam_does_not_stop_the_next_one() {
    let Some(reader) = Reader::new() else { return };
    reader.open(MOCK);
    for broken in
        ["{", "[]", "7", "{\"started\":1,\"items\":[{\"id\":\"no-such\",\"picks\":[[]]}]}"]
    {
        reader.js(&format!("localStorage.setItem('workbook-exam-v1', {broken:?})"));
        reader.js("localStorage.setItem('workbook-history-v1', '[{\"started\":1}, 3, null]')");
        reader.reload();
        assert_eq!(reader.count(".desk-form"), 1, "{broken}");
        assert_eq!(reader.count(".desk-table"), 0, "{broken}");
    }
}
