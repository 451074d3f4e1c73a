//! 本物のブラウザで本を開き、読者の手順をなぞる。
//!
//! Chromium が無ければ `SKIPPED` と書いて通る。`REQUIRE_BROWSER=1` なら、無いことを失敗にする。
//! 使うブラウザは環境変数 `CHROME` でも指せる。

#[path = "support/chrome.rs"]
mod chrome;
mod support;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::sleep;
use std::time::Duration;

use headless_chrome::protocol::cdp::types::Event;
use headless_chrome::protocol::cdp::{Emulation, Log, Network, Page, Runtime};
use headless_chrome::{Browser, Tab};
use serde_json::Value;
use support::{assert_readable, low_contrast, real_book};
use tower_http::services::ServeDir;

const THEMES: [&str; 5] = ["light", "rust", "coal", "navy", "ayu"];
const THEORY: &str = "ch03-gan/theory.html";
const QUIZ: &str = "ch03-gan/quiz.html";

// ---- 舞台: 本を配るサーバー ----

fn address() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback_service(ServeDir::new(real_book()));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        address
    })
}

fn file_address() -> String {
    format!("file://{}", real_book().canonicalize().unwrap().display())
}

// ---- 読者: 1 つのタブ ----

struct Reader {
    tab: Arc<Tab>,
    /// コンソールの誤りと例外。
    errors: Arc<Mutex<Vec<String>>>,
    requests: Arc<Mutex<Vec<String>>>,
    _browser: Arc<Browser>,
}

impl Reader {
    fn new() -> Option<Reader> {
        let browser = chrome::browser()?;
        let tab = chrome::private_tab(&browser);
        tab.set_default_timeout(Duration::from_secs(10));
        tab.call_method(Network::Enable {
            max_total_buffer_size: None,
            max_resource_buffer_size: None,
            max_post_data_size: None,
            report_direct_socket_traffic: None,
            enable_durable_messages: None,
        })
        .unwrap();
        tab.enable_log().unwrap().enable_runtime().unwrap();
        let (errors, requests) = (Arc::<Mutex<Vec<String>>>::default(), Arc::default());
        let reader = Reader {
            tab: tab.clone(),
            errors: errors.clone(),
            requests: Arc::clone(&requests),
            _browser: browser,
        };
        tab.add_event_listener(Arc::new(move |event: &Event| match event {
            Event::NetworkRequestWillBeSent(sent) => {
                let requests: &Mutex<Vec<String>> = &requests;
                requests.lock().unwrap().push(sent.params.request.url.clone());
            }
            Event::LogEntryAdded(log) if log.params.entry.level == Log::LogEntryLevel::Error => {
                let entry = &log.params.entry;
                let line = format!("{} ({})", entry.text, entry.url.as_deref().unwrap_or(""));
                errors.lock().unwrap().push(line);
            }
            Event::RuntimeExceptionThrown(thrown) => {
                errors.lock().unwrap().push(format!("{:?}", thrown.params.exception_details));
            }
            Event::RuntimeConsoleAPICalled(call)
                if call.params.Type == Runtime::ConsoleAPICalledEventTypeOption::Error =>
            {
                errors.lock().unwrap().push(format!("{:?}", call.params.args));
            }
            _ => {}
        }))
        .unwrap();
        Some(reader)
    }

    fn open(&self, url: &str) {
        self.tab.navigate_to(url).unwrap();
        self.wait(&format!("location.href === {url:?} && document.readyState === 'complete'"));
    }

    fn reload(&self) {
        self.js("window.beforeReload = true");
        self.tab.reload(false, None).unwrap();
        self.wait("!window.beforeReload && document.readyState === 'complete'");
    }

    fn js(&self, expression: &str) -> Value {
        self.try_js(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn try_js(&self, expression: &str) -> Result<Value, String> {
        let evaluate = Runtime::Evaluate {
            expression: expression.to_owned(),
            return_by_value: Some(true),
            await_promise: Some(true),
            object_group: None,
            include_command_line_api: None,
            silent: None,
            context_id: None,
            generate_preview: None,
            user_gesture: None,
            throw_on_side_effect: None,
            timeout: None,
            disable_breaks: None,
            repl_mode: None,
            allow_unsafe_eval_blocked_by_csp: None,
            unique_context_id: None,
            serialization_options: None,
        };
        let answer = self.tab.call_method(evaluate).map_err(|error| error.to_string())?;
        match answer.exception_details {
            Some(thrown) => Err(format!("{:?}", thrown.exception.and_then(|e| e.description))),
            None => Ok(answer.result.value.unwrap_or(Value::Null)),
        }
    }

    fn text(&self, selector: &str) -> String {
        let text = self.js(&format!("document.querySelector({selector:?}).textContent"));
        text.as_str().unwrap().to_owned()
    }

    fn is(&self, expression: &str) -> bool {
        self.js(&format!("Boolean({expression})")) == Value::Bool(true)
    }

    #[track_caller]
    fn wait(&self, expression: &str) {
        chrome::wait(&self.tab, expression, 15);
    }

    fn click(&self, selector: &str) {
        chrome::click(&self.tab, &format!("document.querySelector({selector:?})"));
    }

    fn press(&self, key: &str) {
        self.tab.press_key(key).unwrap();
    }

    fn resize(&self, width: u32, height: u32) {
        chrome::resize(&self.tab, width, height);
    }

    fn emulate_media(&self, media: &str) {
        let media = Some(media.to_owned());
        let features = None;
        self.tab.call_method(Emulation::SetEmulatedMedia { media, features }).unwrap();
    }

    fn run_before_pages(&self, source: &str) {
        self.tab.call_method(Page::Enable { enable_file_chooser_opened_event: None }).unwrap();
        self.tab
            .call_method(Page::AddScriptToEvaluateOnNewDocument {
                source: source.to_owned(),
                world_name: None,
                include_command_line_api: None,
                run_immediately: None,
            })
            .unwrap();
    }

    /// 画面の並びで、種類 `kind` の最初の問題。
    fn question(&self, kind: &str) -> Question<'_> {
        let id =
            self.js(&format!("document.querySelector('.quiz-question[data-kind={kind}]')?.id"));
        let id = id.as_str().unwrap_or_else(|| panic!("{kind} の問題がありません"));
        Question { reader: self, id: id.to_owned() }
    }

    fn assert_quiet(&self, origin: &str) {
        sleep(Duration::from_millis(300)); // 遅れて届く誤りを待つ。
        let requests = self.requests.lock().unwrap();
        assert!(!requests.is_empty());
        let allowed = |url: &&String| url.starts_with(origin) || url.starts_with("data:");
        let outside: Vec<_> = requests.iter().filter(|url| !allowed(url)).collect();
        assert!(outside.is_empty(), "本の外へ取りに行っています: {outside:#?}");
        let errors = self.errors.lock().unwrap();
        assert!(errors.is_empty(), "コンソールに誤りがあります: {errors:#?}");
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

// ---- 試験 ----

fn theory_page_is_complete(reader: &Reader, origin: &str) {
    reader.open(&format!("{origin}/{THEORY}"));
    let small =
        "(e) => e.getBoundingClientRect().width < 1 || e.getBoundingClientRect().height < 1";
    assert!(reader.is("document.querySelectorAll('main math').length > 10"));
    let hidden = reader.js(&format!(
        "[...document.querySelectorAll('main math')].filter({small}).map((e) => e.outerHTML)"
    ));
    assert_eq!(hidden, serde_json::json!([]), "大きさのない数式があります");
    assert!(reader.is("document.querySelector('main figure :is(svg, img)')"), "図がありません");
    let broken = reader.js(&format!(
        "[...document.querySelectorAll('main figure svg, main img')]
           .filter((e) => ({small})(e) || (e.matches('img') && !(e.complete && e.naturalWidth)))
           .map((e) => e.outerHTML.slice(0, 200))"
    ));
    assert_eq!(broken, serde_json::json!([]), "表示されない図があります");
    reader.assert_quiet(origin);
}

#[test]
fn theory_page_shows_formulas_and_figures_from_a_server() {
    let Some(reader) = Reader::new() else { return };
    theory_page_is_complete(&reader, address());
}

#[test]
fn theory_page_shows_formulas_and_figures_from_files() {
    let Some(reader) = Reader::new() else { return };
    theory_page_is_complete(&reader, &file_address());
}

/// 間違える → 理由を読む → もう一度 → 正解 → 再読み込みしても残る。
fn wrong_then_right(reader: &Reader, origin: &str) {
    reader.open(&format!("{origin}/{QUIZ}"));
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
    reader.assert_quiet(origin);
}

#[test]
fn a_wrong_answer_is_explained_retried_and_remembered() {
    let Some(reader) = Reader::new() else { return };
    wrong_then_right(&reader, address());
}

#[test]
fn a_wrong_answer_is_explained_retried_and_remembered_from_files() {
    let Some(reader) = Reader::new() else { return };
    wrong_then_right(&reader, &file_address());
}

#[test]
fn several_choices_and_blanks_are_judged_as_a_whole() {
    let Some(reader) = Reader::new() else { return };
    reader.open(&format!("{}/{QUIZ}", address()));
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
    let Some(reader) = Reader::new() else { return };
    reader.open(&format!("{}/{QUIZ}", address()));
    let url = reader.js("location.href");
    let question = reader.question("single");
    let focus = |selector: &str| {
        reader.js(&format!("document.querySelector('#{} {selector}').focus()", question.id));
    };
    // mdBook は、ボタンや見出しにいる間の矢印と検索のキーを自分のものとして受け取る。
    focus(".quiz-decide");
    for key in ["ArrowRight", "ArrowLeft", "s", "/"] {
        reader.press(key);
    }
    sleep(Duration::from_millis(200));
    assert_eq!(reader.js("location.href"), url, "ページがめくられました");
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
    sleep(Duration::from_millis(200));
    assert_eq!(reader.js("location.href"), url, "ページがめくられました");
    let next = format!(
        "document.getElementById('{}').nextElementSibling === document.activeElement",
        question.id
    );
    assert!(reader.is(&next), "次の問題へ進みません");
}

#[test]
fn digits_fill_the_blanks_one_after_another() {
    let Some(reader) = Reader::new() else { return };
    reader.open(&format!("{}/{QUIZ}", address()));
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
    let Some(reader) = Reader::new() else { return };
    reader.open(&format!("{}/{QUIZ}", address()));
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
    let Some(reader) = Reader::new() else { return };
    reader.open(&format!("{}/{QUIZ}", address()));
    let question = reader.question("single");
    let id = question.id.trim_start_matches("q-");
    for broken in [
        "{".to_owned(),
        "[1]".to_owned(),
        format!("{{\"{id}\":{{\"picks\":[[\"no-such\"]],\"seed\":1}}}}"),
        format!("{{\"{id}\":7}}"),
    ] {
        reader.js(&format!("localStorage.setItem('workbook-quiz-v1', {broken:?})"));
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
    let Some(reader) = Reader::new() else { return };
    let open = "document.querySelector('.quiz-answer .quiz-explanation').checkVisibility()";
    let controls = "[...document.querySelectorAll('.quiz :is(button, input, .quiz-bar)')].some((e) => e.offsetHeight)";

    reader.open(&format!("{}/{QUIZ}", address()));
    assert!(reader.is(controls));
    reader.emulate_media("print");
    assert!(!reader.is(controls), "印刷に操作が出ます");
    assert!(reader.is(open), "印刷で答えが開きません");
    reader.emulate_media("");

    let disable = |value| Emulation::SetScriptExecutionDisabled { value };
    reader.tab.call_method(disable(true)).unwrap();
    reader.tab.reload(false, None).unwrap();
    reader.wait(
        "document.readyState === 'complete' && document.querySelector('.quiz:not(.quiz-js)')",
    );
    assert!(!reader.is(controls));
    assert!(!reader.is(open), "JavaScript なしで、答えが初めから見えています");
    reader.click(".quiz-answer summary");
    assert!(reader.is(open), "JavaScript なしで、答えが開きません");
    assert!(reader.is("document.querySelectorAll('.quiz-reasons li')[0].offsetHeight > 0"));
    reader.tab.call_method(disable(false)).unwrap();
}

#[test]
fn no_page_scrolls_sideways_on_a_phone() {
    let Some(reader) = Reader::new() else { return };
    reader.resize(390, 844);
    let mut pages = Vec::new();
    html_files(real_book(), &mut pages);
    assert!(pages.len() > 5, "{pages:?}");
    let mut wide = Vec::new();
    for page in pages {
        let path = page.strip_prefix(real_book()).unwrap().display().to_string();
        reader.open(&format!("{}/{path}", address()));
        // mdBook の .content は自分で横に動くので、文書の幅だけを見ても、はみ出しは分からない。
        let overflow = reader.js(
            "['html', 'body', '.page', '.content', 'main'].filter((selector) => {
               const element = document.querySelector(selector);
               return element && (element.scrollWidth > element.clientWidth || element.scrollWidth > innerWidth);
             })",
        );
        if overflow != serde_json::json!([]) {
            let culprits = reader.js(
                "[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > innerWidth)
                   .slice(0, 3).map((e) => e.outerHTML.slice(0, 120))",
            );
            wide.push(format!("{path}: {overflow} が幅 390 からはみ出します。例: {culprits:#}"));
        }
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

/// 読者が開くページ。目次だけの toc.html は本文のページの中に埋め込まれる部品なので除く。
fn html_files(dir: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            html_files(&path, pages);
        } else if path.extension() == Some(OsStr::new("html")) && !path.ends_with("toc.html") {
            pages.push(path);
        }
    }
    pages.sort();
}

#[test]
fn touch_targets_are_large_enough_on_a_phone() {
    let Some(reader) = Reader::new() else { return };
    reader.resize(390, 844);
    reader.open(&format!("{}/{QUIZ}", address()));
    let question = reader.question("single");
    question.answer(&wrong(&question.right()));
    let small = reader.js("[...document.querySelectorAll('.quiz :is(button, label)')]
           .filter((e) => e.offsetHeight && (e.offsetHeight < 44 || e.offsetWidth < 44))
           .map((e) => e.outerHTML)");
    assert_eq!(small, serde_json::json!([]));
}

#[test]
fn cards_keep_their_contrast_in_every_theme() {
    let Some(reader) = Reader::new() else { return };
    for theme in THEMES {
        reader.open(&format!("{}/index.html", address()));
        reader.js(&format!("localStorage.setItem('mdbook-theme', '{theme}')"));
        reader.open(&format!("{}/{QUIZ}", address()));
        assert!(reader.is(&format!("document.documentElement.matches('.{theme}')")));
        if theme == THEMES[0] {
            // 正解、不正解、選び忘れ、未解答のカードを並べる。記録はほかの色でも残る。
            let blanks = reader.question("blanks");
            blanks.answer(&blanks.right());
            for kind in ["single", "multiple"] {
                let question = reader.question(kind);
                question.answer(&wrong(&question.right()));
            }
        }
        assert_readable(&reader.js(&low_contrast(".quiz")), 50, theme);
    }
}

/// 図の名札、コード、本文の文字が、どの配色でも地から読み分けられる。
#[test]
fn figures_and_code_keep_their_contrast_in_every_theme() {
    let Some(reader) = Reader::new() else { return };
    for theme in THEMES {
        reader.open(&format!("{}/index.html", address()));
        reader.js(&format!("localStorage.setItem('mdbook-theme', '{theme}')"));
        for page in ["ch03-gan/run.html", "ch04-dcgan/run.html", "ch03-gan/concept.html"] {
            reader.open(&format!("{}/{page}", address()));
            assert!(reader.is(&format!("document.documentElement.matches('.{theme}')")));
            assert_readable(&reader.js(&low_contrast("main")), 50, &format!("{theme} の {page} "));
        }
    }
}
