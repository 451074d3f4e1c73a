//! 確認問題のカード: 答える、理由を読む、解き直す、記録が残る。

use serde_json::{Value, json};

use crate::reader::{Reader, THEMES, from_files, from_server};

const QUIZ: &str = "ch03-gan/quiz.html";

impl Reader {
    /// 画面の並びで、種類 `kind` の最初の問題。
    fn question(&self, kind: &str) -> Question<'_> {
        let id =
            self.js(&format!("document.querySelector('.quiz-question[data-kind={kind}]')?.id"));
        let id = id.as_str().unwrap_or_else(|| panic!("{kind} の問題がありません"));
        Question { reader: self, id: id.to_owned() }
    }
}

struct Question<'a> {
    reader: &'a Reader,
    id: String,
}

impl Question<'_> {
    /// 組ごとに、画面の並びで何番目の選択肢が正解か。
    fn right(&self) -> Vec<Vec<usize>> {
        let right = self.reader.js(&format!(
            "[...document.querySelectorAll('#{} .quiz-reasons')].map((list) => [...list.children]
               .flatMap((item, i) => item.matches('.quiz-right') ? [i] : []))",
            self.id
        ));
        serde_json::from_value(right).unwrap()
    }

    /// 組ごとに選び、決定する。
    fn answer(&self, picks: &[Vec<usize>]) {
        for (group, picks) in picks.iter().enumerate() {
            for pick in picks {
                let name = format!("{}-{group}", self.id.trim_start_matches("q-"));
                let item = format!("li:nth-child({}):has(input[name='{name}'])", pick + 1);
                self.reader.click(&format!("#{} {item} label", self.id));
            }
        }
        self.click(".quiz-decide");
    }

    fn click(&self, selector: &str) {
        self.reader.click(&format!("#{} {selector}", self.id));
    }

    fn verdict(&self) -> String {
        self.reader.text(&format!("#{} .quiz-verdict", self.id))
    }

    /// 画面に見えている理由の数。
    fn visible_reasons(&self) -> Value {
        self.reader.js(&format!(
            "[...document.querySelectorAll('#{} .quiz-note')]
               .filter((note) => note.offsetHeight > 0 && note.textContent.trim().length > 8).length",
            self.id
        ))
    }

    fn choices(&self) -> Value {
        self.reader
            .js(&format!("document.querySelectorAll('#{} .quiz-choices > li').length", self.id))
    }
}

/// どの組でも正解を外した選び方。選択肢は 3 つ以上あるので、次の番号はいつも別の選択肢になる。
fn wrong(right: &[Vec<usize>]) -> Vec<Vec<usize>> {
    right.iter().map(|group| vec![if group.contains(&0) { 1 } else { 0 }]).collect()
}

/// 間違える → 理由を読む → もう一度 → 正解 → 再読み込みしても残る。
fn wrong_then_right(reader: &Reader) {
    reader.open(QUIZ);
    let question = reader.question("single");
    assert_eq!(question.visible_reasons(), 0);
    question.answer(&wrong(&question.right()));
    assert!(question.verdict().starts_with("× 不正解"), "{}", question.verdict());
    assert_eq!(question.visible_reasons(), question.choices());
    assert!(reader.text(".quiz-score").ends_with("1 問を解き、0 問正解"));

    reader.reload();
    assert!(question.verdict().starts_with("× 不正解"), "再読み込みで忘れました");

    question.click(".quiz-after button");
    assert_eq!(question.verdict(), "");
    question.answer(&question.right());
    assert_eq!(question.verdict(), "○ 正解です。");
    let order = format!("document.querySelector('#{} .quiz-choices').textContent", question.id);
    let before = reader.js(&order);

    reader.reload();
    assert_eq!(question.verdict(), "○ 正解です。");
    assert_eq!(reader.js(&order), before, "解き終えた問題の並びが変わりました");
    assert!(reader.text(".quiz-score").ends_with("1 問を解き、1 問正解"));
    reader.assert_quiet();
}

#[test]
fn a_wrong_answer_is_explained_retried_and_remembered() {
    let Some(reader) = Reader::watched(from_server) else { return };
    wrong_then_right(&reader);
}

#[test]
fn a_wrong_answer_is_explained_retried_and_remembered_from_files() {
    let Some(reader) = Reader::watched(from_files) else { return };
    wrong_then_right(&reader);
}

#[test]
fn several_choices_and_blanks_are_judged_as_a_whole() {
    let Some(reader) = Reader::online() else { return };
    reader.open(QUIZ);
    for kind in ["multiple", "blanks"] {
        let question = reader.question(kind);
        let right = question.right();
        // 1 つだけ選び残す。複数選択では不正解になり、空欄補充では決定できない。
        let mut partial = right.clone();
        partial.last_mut().unwrap().pop();
        question.answer(&partial);
        if kind == "blanks" {
            assert!(question.verdict().contains("選んでから決定"), "{}", question.verdict());
            question.answer(&wrong(&right));
        }
        assert!(question.verdict().starts_with("× 不正解"), "{}", question.verdict());
        assert_eq!(question.visible_reasons(), question.choices());
        question.click(".quiz-after button");
        question.answer(&question.right());
        assert_eq!(question.verdict(), "○ 正解です。");
    }
    assert!(reader.text(".quiz-score").ends_with("2 問を解き、2 問正解"));
}

#[test]
fn keys_answer_without_turning_the_page() {
    let Some(reader) = Reader::online() else { return };
    reader.open(QUIZ);
    reader.watch_page_turns();
    let question = reader.question("single");
    let focus = |selector: &str| {
        reader.js(&format!("document.querySelector('#{} {selector}').focus()", question.id));
    };
    // mdBook は、ボタンや見出しにいる間の矢印と検索のキーを自分のものとして受け取る。
    focus(".quiz-decide");
    for key in ["ArrowRight", "ArrowLeft", "s", "/"] {
        reader.press(key);
    }
    assert!(!reader.page_turned(), "ページがめくられました");
    assert!(reader.is("document.activeElement.matches('.quiz-decide')"), "検索に移りました");

    focus("input");
    let number = question.right()[0][0] + 1;
    reader.press(&number.to_string());
    assert!(reader.is("document.activeElement.checked"));
    reader.press("ArrowDown");
    reader.press("ArrowUp");
    reader.press("Enter");
    assert_eq!(question.verdict(), "○ 正解です。");
    reader.press("ArrowRight");
    reader.press("Enter");
    assert!(!reader.page_turned(), "ページがめくられました");
    let next = format!(
        "document.getElementById('{}').nextElementSibling === document.activeElement",
        question.id
    );
    assert!(reader.is(&next), "次の問題へ進みません");
}

#[test]
fn digits_fill_the_blanks_one_after_another() {
    let Some(reader) = Reader::online() else { return };
    reader.open(QUIZ);
    let question = reader.question("blanks");
    reader.js(&format!("document.getElementById('{}').focus()", question.id));
    for group in question.right() {
        reader.press(&(group[0] + 1).to_string());
    }
    reader.press("Enter");
    assert_eq!(question.verdict(), "○ 正解です。");
}

#[test]
fn wrong_questions_can_be_filtered_solved_again_and_erased() {
    let Some(reader) = Reader::online() else { return };
    reader.open(QUIZ);
    let question = reader.question("single");
    question.answer(&wrong(&question.right()));
    let visible =
        "[...document.querySelectorAll('.quiz-question')].filter((q) => q.offsetHeight).length";
    let all = reader.js(visible).as_u64().unwrap();

    reader.click(".quiz-bar [role=group] button:nth-child(2)"); // まだ解いていない
    assert_eq!(reader.js(visible), all - 1);
    reader.click(".quiz-bar [role=group] button:nth-child(3)"); // 間違えた
    assert_eq!(reader.js(visible), 1);
    reader.click(".quiz-bar > .quiz-buttons:not([role]) button"); // 解き直す
    assert_eq!(reader.js(visible), 1);
    question.answer(&question.right());
    assert_eq!(question.verdict(), "○ 正解です。");

    let erase = ".quiz-bar > .quiz-buttons:not([role]) button:last-child";
    reader.js("window.confirm = () => false");
    reader.click(erase);
    assert!(reader.text(".quiz-score").ends_with("1 問正解"), "断ったのに消えました");
    reader.js("window.confirm = () => true");
    reader.click(erase);
    assert!(reader.text(".quiz-score").ends_with("0 問を解き、0 問正解"));
    assert_eq!(reader.js(visible), all);
    reader.reload();
    assert!(reader.text(".quiz-score").ends_with("0 問を解き、0 問正解"));
}

#[test]
fn broken_or_forbidden_storage_does_not_stop_the_reader() {
    let Some(reader) = Reader::online() else { return };
    reader.open(QUIZ);
    let question = reader.question("single");
    let id = question.id.trim_start_matches("q-");
    for broken in [
        "{".to_owned(),
        "[1]".to_owned(),
        format!("{{\"{id}\":{{\"picks\":[[\"no-such\"]],\"seed\":1}}}}"),
        format!("{{\"{id}\":7}}"),
    ] {
        for key in ["quiz", "picked", "reading", "plan"] {
            reader.js(&format!("localStorage.setItem('workbook-{key}-v1', {broken:?})"));
        }
        reader.reload();
        assert!(reader.text(".quiz-score").ends_with("0 問を解き、0 問正解"), "{broken}");
    }
    reader.run_before_pages(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } });",
    );
    reader.reload();
    question.answer(&question.right());
    assert_eq!(question.verdict(), "○ 正解です。");
    assert!(reader.text(".quiz-score").contains("記録を残せません"));
}

#[test]
fn without_javascript_and_in_print_the_answers_stand_in_the_page() {
    let Some(reader) = Reader::online() else { return };
    let open = "document.querySelector('.quiz-answer .quiz-explanation').checkVisibility()";
    let controls = "[...document.querySelectorAll('.quiz :is(button, input, .quiz-bar)')].some((e) => e.offsetHeight)";

    reader.open(QUIZ);
    assert!(reader.is(controls));
    reader.media("print");
    assert!(!reader.is(controls), "印刷に操作が出ます");
    assert!(reader.is(open), "印刷で答えが開きません");
    reader.media("");

    reader.allow_scripts(false);
    reader.reload();
    assert!(reader.is("document.querySelector('.quiz:not(.quiz-js)')"));
    assert!(!reader.is(controls));
    assert!(!reader.is(open), "JavaScript なしで、答えが初めから見えています");
    reader.click(".quiz-answer summary");
    assert!(reader.is(open), "JavaScript なしで、答えが開きません");
    assert!(reader.is("document.querySelectorAll('.quiz-reasons li')[0].offsetHeight > 0"));
}

#[test]
fn touch_targets_are_large_enough_on_a_phone() {
    let Some(reader) = Reader::online() else { return };
    reader.phone();
    reader.open(QUIZ);
    let question = reader.question("single");
    question.answer(&wrong(&question.right()));
    let small = reader.js("[...document.querySelectorAll('.quiz :is(button, label)')]
           .filter((e) => e.offsetHeight && (e.offsetHeight < 44 || e.offsetWidth < 44))
           .map((e) => e.outerHTML)");
    assert_eq!(small, json!([]));
}

#[test]
fn cards_keep_their_contrast_in_every_theme() {
    let Some(reader) = Reader::online() else { return };
    reader.open(QUIZ);
    // 正解、不正解、選び忘れ、未解答のカードを並べる。
    let blanks = reader.question("blanks");
    blanks.answer(&blanks.right());
    for kind in ["single", "multiple"] {
        let question = reader.question(kind);
        question.answer(&wrong(&question.right()));
    }
    reader.assert_readable(".quiz", 50, "カード");
    // 選んだ配色も、答えも、開き直して残る。
    reader.reload();
    reader.assert_theme(THEMES[4]);
    assert!(reader.text(".quiz-score").contains("3 問を解き"));
}
