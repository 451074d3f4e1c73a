//! 道しるべ: 続きから、目次の印、試験の日までの計画、確認問題の絞り込み。

use serde_json::json;

use crate::reader::Reader;

#[test]
fn the_book_knows_where_the_reader_stopped() {
    let Some(reader) = Reader::online() else { return };
    reader.phone();
    reader.open("index.html");
    // 初めての人には、電話の一画面目に、最初の一歩がある。
    let first = "[...document.querySelectorAll('.start a')].map((a) => [a.getAttribute('href'), a.getBoundingClientRect().bottom < innerHeight])";
    assert_eq!(
        reader.js(first),
        json!([
            ["ch01-generative-models/concept.html", true],
            ["ch01-generative-models/quiz.html", true],
            ["lab/index.html", true]
        ])
    );
    assert!(reader.text(".start-resume").contains("読み始めると"));
    // 第3章の途中まで読んで、離れる。
    reader.open("ch03-gan/concept.html");
    reader.js("document.getElementById('discriminator-turn')?.scrollIntoView() ?? scrollTo(0, document.documentElement.scrollHeight / 2)");
    reader.wait("JSON.parse(localStorage.getItem('workbook-reading-v1'))?.['ch03-gan/concept.html']?.part > 0.1");
    let place = reader.stored("workbook-reading-v1")["ch03-gan/concept.html"].clone();
    assert_eq!(place["done"], false);
    reader.open("index.html");
    assert!(reader.text(".start-resume a").starts_with("第3章 考え方"));
    let href = reader.js("document.querySelector('.start-resume a').getAttribute('href')");
    assert_eq!(href, format!("ch03-gan/concept.html#{}", place["id"].as_str().unwrap()));
    assert!(reader.is("[...document.querySelectorAll('#mdbook-sidebar a')].find((a) => a.textContent.includes('にせ札')).textContent.endsWith('途中')"));
    // 先頭から開き直すと、続きへ行くボタンが重なって出る。
    reader.open("ch03-gan/concept.html");
    reader.click(".way-resume button");
    reader.wait("scrollY > 300");
    assert!(reader.is("!document.querySelector('.way-resume')"));
    // 終わりまで読むと、読了の印が付く。
    reader.js("scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' })");
    reader.wait("[...document.querySelectorAll('#mdbook-sidebar a')].find((a) => a.textContent.includes('にせ札'))?.textContent.endsWith('読了')");
}

#[test]
fn a_plan_reaches_the_day_of_the_exam() {
    let Some(reader) = Reader::online() else { return };
    reader.open("index.html");
    // 20 日後の試験、1 日 40 分。
    let in_days =
        |days: i64| format!("new Date(Date.now() + {days} * 86400000).toLocaleDateString('sv-SE')");
    reader.js(&format!(
        "(() => {{ const form = document.querySelector('.start-plan form'); form.date.value = {}; form.minutes.value = 40; form.requestSubmit(); }})()",
        in_days(20)
    ));
    reader.wait("document.querySelector('.start-plan strong').textContent === '試験まであと20日'");
    let plan = "workbookPlan.today()";
    let now = reader.js(&format!("(({{ ask, fresh, read, unread, due }}) => ({{ ask: ask.length, fresh: fresh.length, read: read.length, unread: unread.length, due: due.length, important: ask.every(({{ importance }}) => importance === 0) }}))({plan})"));
    let number = |name: &str| now[name].as_u64().unwrap();
    // 終わりの 3 日を残して、重要な問題が割り切れる。
    assert!(number("ask") > 0 && number("ask") <= number("fresh").div_ceil(17), "{now}");
    assert!(number("read") >= 1 && now["important"] == json!(true), "{now}");
    // 間隔は、試験の日を越えない。
    let due = reader.js(
        "(() => {
           const { store, dayAfter } = workbookStore;
           store.put({ id: 'a', picks: [['0']], seed: 1, right: true });
           for (let i = 0; i < 6; i++) { store.records.a.due = 0; store.save(); store.put({ id: 'a', picks: [['0']], seed: 1, right: true }); }
           return [store.records.a.box, Math.round((store.records.a.due - dayAfter(Date.now(), 0)) / 86400000)];
         })()",
    );
    assert_eq!(due, json!([5, 19]));
    // 休んだ日の分は、残りの日に割り直される。試験の前の 3 日は、新しいものを出さない。
    reader.js(&format!("workbookPlan.save({}, 40)", in_days(10)));
    assert!(reader.js(&format!("{plan}.over")).as_u64().unwrap() > 0);
    reader.js(&format!("workbookPlan.save({}, 40)", in_days(2)));
    assert_eq!(
        reader
            .js(&format!("(({{ sweep, ask, read }}) => [sweep, ask.length, read.length])({plan})")),
        json!([true, 0, 0])
    );
    reader.open("exam/review.html");
    assert!(reader.text(".desk").contains("試験まであと2日"));
    // 計画が無ければ、今までどおり。
    reader.js("workbookPlan.clear()");
    reader.reload();
    assert!(!reader.text(".desk").contains("試験まで"));
}

#[test]
fn questions_are_narrowed_shown_one_by_one_and_kept_undecided() {
    let Some(reader) = Reader::online() else { return };
    reader.open("ch03-gan/quiz.html");
    let shown = "[...document.querySelectorAll('.quiz-question')].filter((q) => q.offsetHeight)";
    reader.js("(() => { const list = document.querySelector('.quiz-choose select'); list.value = '超重要'; list.dispatchEvent(new Event('change')); })()");
    assert!(reader.is(&format!("{shown}.length > 3 && {shown}.every((q) => q.querySelector('.quiz-importance').textContent === '超重要')")));
    reader.click(".quiz-choose input");
    assert_eq!(reader.js(&format!("{shown}.length")), json!(1));
    // 選んだだけの答えは、開き直しても残る。
    let id = reader.js(&format!("{shown}[0].id")).as_str().unwrap().to_owned();
    reader.click(&format!("#{id} .quiz-choices label"));
    let key =
        reader.js(&format!("document.querySelector('#{id} li:has(input:checked)').dataset.key"));
    reader.reload();
    assert_eq!(
        reader.js(&format!("document.querySelector('#{id} li:has(input:checked)').dataset.key")),
        key
    );
    // 一問ずつでは、答えて次へ進むと、次の一問だけになる。
    reader.js("document.querySelector('.quiz-choose input').click()");
    let first = reader.js(&format!("{shown}[0].id")).as_str().unwrap().to_owned();
    reader.js(&format!("document.querySelectorAll('#{first} .quiz-group').forEach((group) => group.querySelector('input').click())"));
    reader.click(&format!("#{first} .quiz-decide"));
    assert_eq!(reader.stored("workbook-picked-v1").get(first.trim_start_matches("q-")), None);
    reader.click(&format!("#{first} .quiz-next"));
    assert!(reader.is(&format!("{shown}.length === 1 && {shown}[0].id !== {first:?}")));
}

/// 目次と題から、どのページか分かる。
#[test]
fn every_page_has_its_own_title() {
    let Some(reader) = Reader::online() else { return };
    reader.open("ch05-pix2pix/quiz.html");
    assert!(reader.js("document.title").as_str().unwrap().starts_with("第5章 確認問題 - "));
    // ブラウザの「戻る」で、前の画面がそのまま戻れる (bfcache を妨げるものが無い)。
    assert!(reader.is("!window.onunload"));
    assert_eq!(reader.js("document.querySelectorAll('script[src]').length"), json!(1));
    assert_eq!(reader.js("document.querySelectorAll('link[rel=stylesheet]').length"), json!(1));
}

/// 節の終わりの問題は、章の確認問題と同じ記録を使う。
#[test]
fn a_question_inside_a_section_shares_its_record() {
    let Some(reader) = Reader::online() else { return };
    reader.open("ch03-gan/concept.html");
    let count = "document.querySelectorAll('.quiz-inline.quiz-js .quiz-question').length";
    assert_eq!(reader.js(count), json!(2));
    let id = reader.js("document.querySelector('.quiz-inline .quiz-question').dataset.id");
    let id = id.as_str().unwrap();
    reader.js(&format!("document.querySelectorAll('#q-{id} .quiz-choices label')[[...document.querySelectorAll('#q-{id} .quiz-reasons li')].findIndex((item) => item.matches('.quiz-right'))].click()"));
    reader.click(&format!("#q-{id} .quiz-decide"));
    assert_eq!(reader.text(&format!("#q-{id} .quiz-verdict")), "○ 正解です。");
    reader.open("ch03-gan/quiz.html");
    assert!(reader.text(".quiz-score").ends_with("1 問を解き、1 問正解"));
    assert_eq!(reader.text(&format!("#q-{id} .quiz-verdict")), "○ 正解です。");
}

/// 操作が後から付くページでも、読み始めた所は跳ばない。
#[test]
fn the_page_does_not_jump_while_it_loads() {
    let Some(reader) = Reader::online() else { return };
    reader.phone();
    for page in [
        "index.html",
        "ch02-vae/quiz.html",
        "exam/mock.html",
        "exam/review.html",
        "exam/record.html",
    ] {
        reader.open(page);
        let shift = reader.js(
            "new Promise((done) => {
               let sum = 0;
               new PerformanceObserver((list) => { for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) sum += value; })
                 .observe({ type: 'layout-shift', buffered: true });
               requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(sum))));
             })",
        );
        assert!(shift.as_f64().unwrap() <= 0.05, "{page}: {shift}");
    }
}
