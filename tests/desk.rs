//! 試験の机 (模擬試験・復習・学習の記録) を、本物のブラウザで読者と同じ手順で使う。
//!
//! ページは file:// で開く。読者がいちばん厳しい条件で読むときと同じにするため。
//! Chromium が無ければ `SKIPPED` と書いて通る。`REQUIRE_BROWSER=1` なら、無いことを失敗にする。

#[path = "support/chrome.rs"]
mod chrome;
mod support;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use headless_chrome::browser::tab::point::Point;
use headless_chrome::protocol::cdp::{Emulation, Page};
use headless_chrome::{Browser, Tab};
use serde_json::{Value, json};
use support::{assert_readable, low_contrast, real_book};
use workbook::site::export;

const MOCK: &str = "exam/mock.html";
const REVIEW: &str = "exam/review.html";
const RECORD: &str = "exam/record.html";
const CHAPTER: &str = "ch03-gan/quiz.html";

// ---- 読者 ----

struct Reader {
    tab: Arc<Tab>,
    browser: Arc<Browser>,
}

impl Reader {
    fn new() -> Option<Self> {
        let browser = chrome::browser()?;
        let tab = chrome::private_tab(&browser);
        tab.set_default_timeout(Duration::from_secs(20));
        Some(Self { tab, browser })
    }

    /// 同じ読者の、もう一つのタブ。
    fn another(&self) -> Self {
        let tab = chrome::another_tab(&self.browser, &self.tab);
        tab.set_default_timeout(Duration::from_secs(20));
        Self { tab, browser: self.browser.clone() }
    }

    fn open(&self, page: &str) {
        let url = format!("file://{}/{page}", real_book().canonicalize().unwrap().display());
        self.tab.navigate_to(&url).unwrap();
        self.wait(&format!("location.href === {url:?}"));
        self.ready();
    }

    fn reload(&self) {
        self.js("window.beforeReload = true");
        self.tab.reload(false, None).unwrap();
        self.wait("!window.beforeReload");
        self.ready();
    }

    /// ページと、机の問題集が読めるまで待つ。
    fn ready(&self) {
        self.wait(
            "document.readyState === 'complete' && !document.querySelector('.desk:not(.quiz-js)')",
        );
    }

    fn js(&self, expression: &str) -> Value {
        let text = format!("JSON.stringify(({expression}) ?? null)");
        let answer = self.tab.evaluate(&text, false);
        let answer = answer.unwrap_or_else(|error| panic!("{expression}: {error}"));
        let text = answer.value.unwrap_or_else(|| panic!("{expression}: 例外が起きました"));
        serde_json::from_str(text.as_str().unwrap()).unwrap()
    }

    fn is(&self, expression: &str) -> bool {
        self.js(&format!("Boolean({expression})")) == Value::Bool(true)
    }

    fn text(&self, selector: &str) -> String {
        let text = self.js(&format!("document.querySelector({selector:?}).textContent"));
        text.as_str().unwrap().to_owned()
    }

    fn desk(&self) -> String {
        self.text(".desk")
    }

    fn count(&self, selector: &str) -> u64 {
        let visible = "filter((e) => e.checkVisibility()).length";
        self.js(&format!("[...document.querySelectorAll({selector:?})].{visible}"))
            .as_u64()
            .unwrap()
    }

    #[track_caller]
    fn wait(&self, expression: &str) {
        chrome::wait(&self.tab, expression, 20);
    }

    fn click(&self, selector: &str) {
        self.click_element(&format!("document.querySelector({selector:?})"));
    }

    /// その文字で始まる、見えているボタンを押す。
    fn press_button(&self, text: &str) {
        self.click_element(&format!(
            "[...document.querySelectorAll('.desk :is(button, a)')]
               .find((e) => e.checkVisibility() && e.textContent.startsWith({text:?}))"
        ));
    }

    fn click_element(&self, element: &str) {
        chrome::click(&self.tab, element);
    }

    fn press(&self, key: &str) {
        self.tab.press_key(key).unwrap();
    }

    fn confirm(&self, answer: bool) {
        self.js(&format!(
            "(window.confirm = (text) => {{ window.asked = text; return {answer}; }}, 0)"
        ));
    }

    fn stored(&self, key: &str) -> Value {
        self.js(&format!("JSON.parse(localStorage.getItem({key:?}))"))
    }

    fn phone(&self) {
        chrome::resize(&self.tab, 390, 844);
    }

    // ---- 机での動作 ----

    /// 第3章だけから `count` 問の模擬試験を始める。
    fn begin(&self, count: usize) {
        self.open(MOCK);
        self.js(
            "(document.querySelectorAll('.desk-form input[type=checkbox]')
                .forEach((box) => { if (box.checked !== (box.value === 'ch03-gan')) box.click(); }), 0)",
        );
        self.js(&format!("(document.querySelector('input[type=number]').value = {count}, 0)"));
        self.press_button("始める");
        self.wait("document.querySelector('.desk .quiz-question')");
    }

    /// 第3章だけから、その問題 (難しさは発展でないもの) の入った模擬試験を始め、問題の数を返す。
    fn draw_with(&self, id: &str) -> u64 {
        for _ in 0..60 {
            self.begin(99);
            let items = self.stored("workbook-exam-v1")["items"].clone();
            let items = items.as_array().unwrap();
            if items.iter().any(|item| item["id"] == id) {
                return items.len() as u64;
            }
            self.js("(localStorage.removeItem('workbook-exam-v1'), 0)");
        }
        panic!("{id} が 60 回の抽選に出ませんでした");
    }

    /// 見えている問題に答える。正解は、問題集の資料から知る。
    fn pick(&self, right: bool) {
        let keys = self.js(&format!(
            "(() => {{
               const id = document.querySelector('.quiz-question').dataset.id;
               const question = window.workbookBank.questions.find((one) => one.id === id);
               const wrong = question.keys.map((keys, i) => [keys.find((key) => !question.right[i].includes(key))]);
               return {right} ? question.right : wrong;
             }})()"
        ));
        let groups: Vec<Vec<String>> = serde_json::from_value(keys).unwrap();
        for (group, keys) in groups.iter().enumerate() {
            for key in keys {
                self.click_element(&format!(
                    "document.querySelectorAll('.quiz-question .quiz-group')[{group}].querySelector('li[data-key=\"{key}\"] label')"
                ));
            }
        }
    }

    fn question_id(&self) -> String {
        self.js("document.querySelector('.quiz-question').dataset.id").as_str().unwrap().to_owned()
    }

    /// 章の確認問題のページで、1 つ選ぶ問題に答える。
    fn answer_in_chapter(&self, index: usize, right: bool) -> String {
        self.open(CHAPTER);
        let card =
            format!("document.querySelectorAll('.quiz-question[data-kind=single]')[{index}]");
        let mark = if right { ".quiz-right" } else { ".quiz-wrong" };
        self.click_element(&format!(
            "{card}.querySelectorAll('.quiz-choices label')[[...{card}.querySelectorAll('.quiz-reasons li')]
               .findIndex((item) => item.matches('{mark}'))]"
        ));
        self.click_element(&format!("{card}.querySelector('.quiz-decide')"));
        self.wait(&format!("{card}.matches('.quiz-answered')"));
        self.js(&format!("{card}.dataset.id")).as_str().unwrap().to_owned()
    }

    /// 復習の予定を `days` 日早める。`days` 日たったのと同じになる。
    fn days_pass(&self, days: i64) {
        self.js(&format!(
            "(() => {{
               const records = JSON.parse(localStorage.getItem('workbook-quiz-v1'));
               for (const record of Object.values(records)) record.due -= {days} * 86400000;
               localStorage.setItem('workbook-quiz-v1', JSON.stringify(records));
             }})()"
        ));
    }

    /// 横にはみ出した要素と、指で押すには小さいもの。
    fn misfits(&self) -> Value {
        self.js(
            "[...['html', 'body', '.page', '.content', 'main'].filter((selector) => {
                 const element = document.querySelector(selector);
                 return element && (element.scrollWidth > element.clientWidth || element.scrollWidth > innerWidth);
               }).map((selector) => selector + ' がはみ出します'),
              ...[...document.querySelectorAll('.desk :is(button, label, .desk-link, input[type=number])')]
               .filter((e) => e.checkVisibility() && (e.offsetHeight < 44 || e.offsetWidth < 44))
               .map((e) => '小さい: ' + e.outerHTML.slice(0, 100))]",
        )
    }
}

// ---- 模擬試験 ----

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
    assert_eq!(reader.stored("workbook-exam-v1")["items"], items);
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
    reader.tab.move_mouse_to_point(Point { x: 1.0, y: 1.0 }).unwrap();
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
    reader
        .tab
        .call_method(Emulation::SetEmulatedMedia { media: Some("print".into()), features: None })
        .unwrap();
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
    sleep(Duration::from_millis(200));
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

/// 点数に入る (発展でない) 問題の、組の数。
const SCORED_FAMILIES: &str = "new Set(workbookBank.questions.filter(({ level }) => level < 2).map(({ family }) => family)).size";

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

// ---- 復習 ----

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

// ---- 学習の記録 ----

/// 押すと落ちてくるファイルを待つ。
fn downloaded(folder: &Path, extension: &str) -> PathBuf {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(path) = support::files(folder, extension).pop()
            && fs::metadata(&path).unwrap().len() > 0
        {
            return path;
        }
        assert!(Instant::now() < deadline, "ファイルが落ちてきません");
        sleep(Duration::from_millis(50));
    }
}

impl Reader {
    #[allow(deprecated)]
    fn download_to(&self, folder: &Path) {
        self.tab
            .call_method(Page::SetDownloadBehavior {
                behavior: Page::SetDownloadBehaviorBehaviorOption::Allow,
                download_path: Some(folder.display().to_string()),
            })
            .unwrap();
    }

    fn choose_file(&self, path: &Path) {
        let input = self.tab.find_element(".desk input[type=file]").unwrap();
        input.set_input_files(&[path.to_str().unwrap()]).unwrap();
    }

    /// 読み込めないファイルについての、1 つの文。
    fn refusal(&self, path: &Path) -> String {
        self.js("(document.querySelector('.desk-notice').textContent = '', 0)");
        self.choose_file(path);
        self.wait("document.querySelector('.desk-notice').textContent");
        self.text(".desk-notice")
    }
}

#[test]
fn progress_is_shown_carried_away_erased_and_brought_back() {
    let Some(reader) = Reader::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let wrong = reader.answer_in_chapter(0, false);
    reader.answer_in_chapter(1, true);
    reader.begin(2);
    reader.pick(false); // 同じ問題が出ても、間違えたままにする。
    reader.confirm(true);
    reader.press_button("終了して採点する");

    reader.open(RECORD);
    let known = reader.stored("workbook-quiz-v1").as_object().unwrap().len();
    let answered = reader.js(
        "Object.values(JSON.parse(localStorage.getItem('workbook-quiz-v1'))).filter(({ picks }) => picks.every((keys) => keys.length)).length",
    );
    assert!(reader.text(".desk-score").ends_with(&format!("問のうち{answered}問を解きました。")));
    let row = reader.js(
        "[...document.querySelectorAll('.desk-table tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent))
           .find(([name]) => name.startsWith('第3章'))",
    );
    let own =
        reader.js("workbookBank.questions.filter(({ chapter }) => chapter === 'ch03-gan').length");
    assert_eq!(row[1], format!("{answered} / {own}"));
    // 間違えた問題の節へ行ける。
    let section = format!("workbookBank.questions.find(({{ id }}) => id === {wrong:?}).section");
    let links = reader
        .js("[...document.querySelectorAll('.desk-weak a')].map((a) => a.getAttribute('href'))");
    let expected = json!(format!("../{}", reader.js(&format!("{section}.page")).as_str().unwrap()));
    assert!(links.as_array().unwrap().contains(&expected), "{links} に {expected} がありません");
    assert!(!reader.text(".desk-weak a").is_empty());

    // 書き出す。
    reader.download_to(folder.path());
    reader.press_button("ファイルに書き出す");
    let file = downloaded(folder.path(), "json");
    let saved: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(saved["records"], reader.stored("workbook-quiz-v1"));
    assert_eq!(saved["history"], reader.stored("workbook-history-v1"));

    // 消す。断れば残る。
    reader.confirm(false);
    reader.press_button("すべて消す");
    assert!(!reader.text(".desk-score").ends_with("問のうち0問を解きました。"));
    reader.confirm(true);
    reader.press_button("すべて消す");
    assert!(reader.text(".desk-score").ends_with("問のうち0問を解きました。"));
    let left = reader.js("Object.keys(localStorage).filter((key) => key.startsWith('workbook-'))");
    assert_eq!(left, json!([]));

    // 読み込むと元に戻る。2 度読んでも増えない。
    for added in [1, 0] {
        reader.choose_file(&file);
        let message = format!("{known}問の記録を読み込み、模擬試験の結果を{added}回分加えました。");
        reader.wait(&format!("document.querySelector('.desk').textContent.includes({message:?})"));
        assert_eq!(saved["records"], reader.stored("workbook-quiz-v1"));
        assert_eq!(saved["history"], reader.stored("workbook-history-v1"));
    }
    // 今の答えのほうが新しければ、今の答えが残る。
    reader.js(&format!(
        "(() => {{
           const records = JSON.parse(localStorage.getItem('workbook-quiz-v1'));
           records[{wrong:?}].at += 1000; records[{wrong:?}].seed = 7;
           localStorage.setItem('workbook-quiz-v1', JSON.stringify(records));
         }})()"
    ));
    reader.reload();
    reader.choose_file(&file);
    reader.wait("document.querySelector('.desk').textContent.includes('読み込み、')");
    assert_eq!(reader.stored("workbook-quiz-v1")[&wrong]["seed"], 7);
}

#[test]
fn bad_files_and_full_storage_get_one_sentence() {
    let Some(reader) = Reader::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let id = reader.answer_in_chapter(0, true);
    reader.open(RECORD);
    let before = reader.stored("workbook-quiz-v1");
    for (name, text) in [
        ("broken.json", "{\"format\": "),
        ("other.json", "{\"a\": 1}"),
        ("null.json", "null"),
        (
            "newer.json",
            "{\"format\":\"workbook-progress\",\"version\":9,\"records\":{},\"history\":[]}",
        ),
        (
            "shape.json",
            "{\"format\":\"workbook-progress\",\"version\":1,\"records\":3,\"history\":[]}",
        ),
        ("picture.json", "\u{89}PNG"),
    ] {
        let sentence = reader.refusal(&write(name, text));
        assert!(
            sentence.starts_with(&format!("「{name}」は学習の記録として読めません。")),
            "{sentence}"
        );
        assert_eq!(sentence.matches('。').count(), 2, "{sentence}");
        assert_eq!(reader.stored("workbook-quiz-v1"), before);
    }
    // 形の合わない記録と、悪さをする記録は写さない。
    let evil = write(
        "evil.json",
        "{\"format\":\"workbook-progress\",\"version\":1,\"records\":{\"<img src=x onerror=alert(1)>\":{\"picks\":[[]]},
          \"__proto__\":{\"picks\":[[]]},\"gan-x\":{\"picks\":\"a\"},\"gan-y\":5},\"history\":[{\"started\":1},7,{\"started\":2,\"seconds\":3,\"answers\":[]}]}",
    );
    reader.choose_file(&evil);
    reader.wait("document.querySelector('.desk').textContent.includes('0問の記録を読み込み、模擬試験の結果を0回分加えました')");
    assert_eq!(reader.stored("workbook-quiz-v1"), before);

    // 今の問題集に無い問題の記録も、失わずに受け取り、いくつあるかを知らせる。
    let gone = write(
        "gone.json",
        "{\"format\":\"workbook-progress\",\"version\":1,\"records\":{\"gone-q\":{\"picks\":[[\"0123abcd\"]],\"at\":1}},
          \"history\":[{\"started\":1000,\"seconds\":9,\"answers\":[{\"id\":\"gone-q\",\"picks\":[[\"0123abcd\"]],\"marks\":[true]}]}]}",
    );
    reader.choose_file(&gone);
    reader.wait("document.querySelector('.desk').textContent.includes('うち1問は、今の問題集に無い問題です')");
    assert_eq!(reader.stored("workbook-quiz-v1")["gone-q"]["picks"], json!([["0123abcd"]]));
    // 次の知らせが出るときには、前の知らせは消える。大きすぎるファイルは、読み始めない。
    let huge = folder.path().join("huge.json");
    fs::File::create(&huge).unwrap().set_len(21_000_000).unwrap();
    assert!(reader.refusal(&huge).starts_with("「huge.json」は学習の記録として読めません。"));
    assert!(!reader.desk().contains("問の記録を読み込み、"));
    reader.open(MOCK);
    reader.press_button("見る");
    assert!(reader.desk().contains(
        "問 1: ○ 正解。この問題は、試験のあとで書き直されたか、問題集から除かれました。"
    ));
    reader.open(RECORD);
    let before = reader.stored("workbook-quiz-v1");

    // 満杯の保存場所。
    let good = write(
        "good.json",
        "{\"format\":\"workbook-progress\",\"version\":1,\"records\":{\"gan-z\":{\"picks\":[[\"0123abcd\"]],\"at\":1}},\"history\":[]}",
    );
    let full = "(Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }, 0)";
    reader.js(full);
    let sentence = reader.refusal(&good);
    assert!(
        sentence.contains("読み込めませんでした") && sentence.matches('。').count() == 1,
        "{sentence}"
    );
    assert_eq!(reader.stored("workbook-quiz-v1"), before);
    // 模擬試験は、残せないことを知らせて続けられる。
    reader.open(MOCK);
    reader.js(full);
    reader.press_button("10問");
    reader.press_button("始める");
    reader.wait("document.querySelector('.desk-notice')?.textContent.startsWith('このブラウザの保存場所がいっぱい')");
    reader.pick(true);
    reader.confirm(true);
    reader.press_button("終了して採点する");
    assert!(reader.text(".desk-score").starts_with("小問"));
    assert!(reader.text(".desk-notice").contains("記録を残せません"));
    assert_eq!(reader.stored("workbook-quiz-v1")[&id], before[&id]);
}

#[test]
fn the_bank_can_be_downloaded_from_the_record_page() {
    let Some(reader) = Reader::new() else { return };
    reader.open(RECORD);
    for name in [export::ANKI, export::CSV] {
        let folder = tempfile::tempdir().unwrap();
        reader.download_to(folder.path());
        reader.click(&format!(".desk a[href='{name}']"));
        let file = downloaded(folder.path(), name.rsplit('.').next().unwrap());
        assert_eq!(file.file_name().unwrap(), name);
        let book = real_book().join("exam").join(name);
        assert!(fs::read(&file).unwrap() == fs::read(book).unwrap());
    }
    let listed = reader.js(
        "[...document.querySelectorAll('.desk a[download]')].map((a) => a.getAttribute('href'))",
    );
    for name in listed.as_array().unwrap() {
        assert!(
            real_book().join("exam").join(name.as_str().unwrap()).is_file(),
            "{name} がありません"
        );
    }
}

// ---- 画面と紙 ----

#[test]
fn every_state_of_the_desk_fits_a_phone() {
    let Some(reader) = Reader::new() else { return };
    reader.phone();
    let mut wrong = Vec::new();
    let mut look = |state: &str| {
        let misfits = reader.misfits();
        if misfits != json!([]) {
            wrong.push(format!("{state}: {misfits:#}"));
        }
    };
    reader.open(MOCK);
    look("始める前");
    reader.press_button("出せるだけ");
    reader.press_button("始める");
    look("解いている間");
    let all = reader.js(SCORED_FAMILIES).as_u64().unwrap();
    assert_eq!(reader.count(".desk-numbers button"), all);
    // 下まで読んでも、残り時間が見えている。
    reader.js("(document.querySelector('.desk-numbers').scrollIntoView({ block: 'end', behavior: 'instant' }), 0)");
    sleep(Duration::from_millis(300));
    assert!(reader.is("(({ top, bottom }) => top >= 0 && bottom <= innerHeight)(document.querySelector('.desk-time').getBoundingClientRect())"));
    reader.pick(false);
    reader.confirm(true);
    reader.press_button("終了して採点する");
    reader.js("document.querySelectorAll('.desk .quiz-question').forEach((card) => { card.style.contentVisibility = 'visible'; })");
    look("結果");
    reader.open(MOCK);
    look("履歴");
    reader.open(REVIEW);
    look("復習の前");
    reader.press_button("復習を始める");
    look("復習");
    reader.pick(false);
    reader.press_button("決定");
    look("復習の答え");
    reader.open(RECORD);
    look("学習の記録");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_state_keeps_its_contrast_in_every_theme() {
    let Some(reader) = Reader::new() else { return };
    reader.answer_in_chapter(0, false);
    for theme in ["light", "rust", "coal", "navy", "ayu"] {
        reader.js(&format!("localStorage.setItem('mdbook-theme', '{theme}')"));
        let check = |state: &str| {
            assert!(reader.is(&format!("document.documentElement.matches('.{theme}')")));
            let measured = reader.js(&low_contrast(".quiz"));
            assert_readable(&measured, 10, &format!("{theme} の{state}"));
        };
        reader.open(RECORD);
        check("記録");
        reader.open(REVIEW);
        check("復習");
        reader.begin(2);
        reader.pick(false);
        reader.press_button("次の問題");
        check("試験");
        reader.confirm(true);
        reader.press_button("終了して採点する");
        check("結果");
    }
}

#[test]
fn paper_and_pages_without_scripts_say_what_is_missing() {
    let Some(reader) = Reader::new() else { return };
    reader.tab.navigate_to(&format!("file://{}/print.html", real_book().display())).unwrap();
    reader.wait(
        "document.readyState === 'complete' && document.querySelectorAll('.desk').length === 3",
    );
    assert!(
        reader.is(
            "![...document.querySelectorAll('.desk')].some((desk) => desk.matches('.quiz-js'))"
        )
    );
    assert!(reader.text(".desk").contains("画面の上で模擬試験が開きます"));

    // stock の mdbook で作った本には、問題集の JS が無い。
    let bare = tempfile::tempdir().unwrap();
    let (page, scripts) = ("exam/mock.html", real_book());
    fs::create_dir(bare.path().join("exam")).unwrap();
    fs::copy(scripts.join(page), bare.path().join(page)).unwrap();
    for path in support::files(scripts, "js") {
        let name = path.strip_prefix(scripts).unwrap();
        if name != Path::new("exam/bank.js") {
            fs::create_dir_all(bare.path().join(name).parent().unwrap()).unwrap();
            fs::copy(&path, bare.path().join(name)).unwrap();
        }
    }
    reader.tab.navigate_to(&format!("file://{}", bare.path().join(page).display())).unwrap();
    reader.wait("document.querySelector('.desk-notice')?.textContent.startsWith('問題集 (bank.js) が見つかりません')");
}
