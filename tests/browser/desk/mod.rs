//! 試験の机 (模擬試験・復習・学習の記録) を、読者と同じ手順で使う。

mod clock;
mod exam;
mod look;
mod record;
mod review;

use serde_json::Value;

use crate::reader::Reader;

const MOCK: &str = "exam/mock.html";
const REVIEW: &str = "exam/review.html";
const RECORD: &str = "exam/record.html";
const CHAPTER: &str = "ch03-gan/quiz.html";

/// 点数に入る (発展でない) 問題の、組の数。
const SCORED_FAMILIES: &str = "new Set(workbookBank.questions.filter(({ level }) => level < 2).map(({ family }) => family)).size";

/// 机での動作。
impl Reader {
    fn desk(&self) -> String {
        self.text(".desk")
    }

    /// その文字で始まる、見えているボタンを押す。
    fn press_button(&self, text: &str) {
        self.click_element(&format!(
            "[...document.querySelectorAll('.desk :is(button, a)')]
               .find((e) => e.checkVisibility() && e.textContent.startsWith({text:?}))"
        ));
    }

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
