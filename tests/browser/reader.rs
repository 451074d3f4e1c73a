//! 読者: 本を開き、読み、押し、打つ。

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tower_http::services::ServeDir;

use crate::chrome::{PATIENCE, Tab, Window};
use crate::support::{files, real_book};

pub const THEMES: [&str; 5] = ["light", "rust", "coal", "navy", "ayu"];

/// `file://` で開く本の場所。読者がいちばん厳しい条件で読むときと同じになる。
pub fn from_files() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| address_of(real_book()))
}

pub fn address_of(path: &Path) -> String {
    format!("file://{}", path.canonicalize().unwrap().display())
}

/// サーバーが配る本の場所。
pub fn from_server() -> &'static str {
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

/// すべてのページや長い学習を調べる、時間のかかる試験を行うか。
///
/// 合わせて 1 分あまりかかるので、CI (`REQUIRE_BROWSER=1`) だけで行う。
pub fn thorough() -> bool {
    let asked = std::env::var_os("REQUIRE_BROWSER").is_some_and(|value| value == "1");
    if !asked {
        println!("SKIPPED: 時間のかかる検査は、REQUIRE_BROWSER=1 のときだけ行います");
    }
    asked
}

/// 1 つのタブで本を読む人。人が違えば、ブラウザに残る記録も違う。
pub struct Reader {
    pub tab: Tab,
    window: Arc<Window>,
    origin: &'static str,
}

impl Reader {
    /// 本を `file://` で開く読者。Chromium が無ければ `None`。
    pub fn new() -> Option<Self> {
        Self::at(from_files)
    }

    /// サーバーから本を読む読者。
    pub fn online() -> Option<Self> {
        Self::at(from_server)
    }

    fn at(origin: fn() -> &'static str) -> Option<Self> {
        let window = Arc::new(Window::new()?);
        Some(Self { tab: window.tab(), window, origin: origin() })
    }

    /// コンソールの誤りと、取りに行ったものを書き留める読者。[`Reader::assert_quiet`] で確かめる。
    pub fn watched(origin: fn() -> &'static str) -> Option<Self> {
        let reader = Self::at(origin)?;
        for domain in ["Network", "Log", "Runtime"] {
            reader.tab.call(&format!("{domain}.enable"), json!({}));
        }
        Some(reader)
    }

    /// 同じ読者の、もう一つのタブ。
    pub fn another(&self) -> Self {
        Self { tab: self.window.tab(), window: self.window.clone(), origin: self.origin }
    }

    // ---- ページを開く ----

    /// 本のページを開き、読み終わるまで待つ。
    #[track_caller]
    pub fn open(&self, page: &str) {
        self.visit(&format!("{}/{page}", self.origin));
    }

    #[track_caller]
    pub fn visit(&self, url: &str) {
        let answer = self.tab.call("Page.navigate", json!({ "url": url }));
        assert_eq!(answer.get("errorText"), None, "{url} を開けません");
        assert_eq!(self.js("location.href"), url);
        self.ready();
    }

    #[track_caller]
    pub fn reload(&self) {
        self.js("window.left = false");
        self.tab.call("Page.reload", json!({}));
        self.wait("window.left === undefined");
        self.ready();
    }

    /// ページが読み終わるまで待つ。試験の机は、問題集も読めるまで。
    #[track_caller]
    fn ready(&self) {
        self.wait(
            "document.readyState === 'complete'
             && !(location.pathname.includes('/exam/') && document.querySelector('.desk:not(.quiz-js, :has(.desk-notice))'))",
        );
    }

    /// これから開くページで、ページのスクリプトより先に動かす。
    pub fn run_before_pages(&self, source: &str) {
        self.tab.call("Page.enable", json!({}));
        self.tab.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source }));
    }

    pub fn allow_scripts(&self, allowed: bool) {
        self.tab.call("Emulation.setScriptExecutionDisabled", json!({ "value": !allowed }));
    }

    // ---- 読む ----

    #[track_caller]
    pub fn js(&self, expression: &str) -> Value {
        self.tab.evaluate(expression).unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    pub fn is(&self, expression: &str) -> bool {
        self.js(&format!("Boolean({expression})")) == json!(true)
    }

    /// `expression` が真になるまで待つ。ページを移る途中では評価そのものが失敗するので、それも待つ。
    #[track_caller]
    pub fn wait(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        let test = format!("Boolean({expression})");
        // 尋ねるたびにブラウザが手を止めるので、だんだん間を空ける。
        let mut pause = Duration::from_millis(5);
        while self.tab.evaluate(&test) != Ok(json!(true)) {
            assert!(Instant::now() < deadline, "待っても成り立ちません: {expression}");
            sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(40));
        }
    }

    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        let text = self.js(&format!("document.querySelector({selector:?}).textContent"));
        text.as_str().unwrap().to_owned()
    }

    /// 見えている要素の数。
    #[track_caller]
    pub fn count(&self, selector: &str) -> u64 {
        let visible = "filter((e) => e.checkVisibility()).length";
        self.js(&format!("[...document.querySelectorAll({selector:?})].{visible}"))
            .as_u64()
            .unwrap()
    }

    pub fn stored(&self, key: &str) -> Value {
        self.js(&format!("JSON.parse(localStorage.getItem({key:?}))"))
    }

    // ---- 押す、打つ ----

    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.click_element(&format!("document.querySelector({selector:?})"));
    }

    /// 式 `element` の要素の座標を本当に押す。ほかの物が上に重なっていれば、押したことにならない。
    #[track_caller]
    pub fn click_element(&self, element: &str) {
        let center = self.js(&format!(
            "(() => {{
               const element = {element};
               element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
               const box = element.getBoundingClientRect();
               return [box.x + box.width / 2, box.y + box.height / 2];
             }})()"
        ));
        let (x, y) = serde_json::from_value(center).unwrap();
        self.tab.click(x, y);
    }

    pub fn press(&self, key: &str) {
        self.tab.press(key);
    }

    /// これからの確認の窓に、`answer` と答える。聞かれた文は `window.asked` に残る。
    pub fn confirm(&self, answer: bool) {
        self.js(&format!(
            "(window.confirm = (text) => {{ window.asked = text; return {answer}; }}, 0)"
        ));
    }

    // ---- 画面 ----

    /// はじめの大きさの画面に戻す。
    pub fn desktop(&self) {
        self.tab.call("Emulation.clearDeviceMetricsOverride", json!({}));
    }

    /// 電話の大きさの画面にする。
    pub fn phone(&self) {
        self.resize(390, 844);
    }

    pub fn resize(&self, width: u32, height: u32) {
        self.tab.call(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true }),
        );
    }

    /// `print` なら紙の見た目にする。空なら画面に戻す。
    pub fn media(&self, media: &str) {
        self.tab.call("Emulation.setEmulatedMedia", json!({ "media": media }));
    }

    /// 次の画が描かれるまで待つ。
    pub fn next_frame(&self) {
        self.js(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))",
        );
    }

    /// これから、ページがめくられるかを見張る。ページを移ろうとした時点で分かるので、待たなくてよい。
    pub fn watch_page_turns(&self) {
        self.js(
            "(window.turned = 0, navigation.addEventListener('navigate', () => { window.turned += 1; }))",
        );
    }

    /// 見張り始めてから、ページを移ろうとしたか。
    pub fn page_turned(&self) -> bool {
        self.tab.evaluate("window.turned") != Ok(json!(0))
    }

    // ---- コンソールと通信 ----

    /// 取りに行ったものがすべて届き、することが無くなるまで待ってから、
    /// 本の外へ取りに行っていないことと、誤りが 1 つも無いことを確かめる。
    #[track_caller]
    pub fn assert_quiet(&self) {
        let idle = "new Promise((done) => requestIdleCallback(() => setTimeout(done)))";
        // blob: は、ページが自分で作ったもの (実験室のワーカー)。届いたという知らせは来ない。
        let own = |sent: &Value| sent["request"]["url"].as_str().unwrap_or("").starts_with("blob:");
        let ids = |method: &str| -> HashSet<String> {
            let events = self.tab.events(method);
            let events = events.iter().filter(|event| !own(event));
            events.map(|event| event["requestId"].to_string()).collect()
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.js(idle);
            let mut waiting = ids("Network.requestWillBeSent");
            for end in ["Network.loadingFinished", "Network.loadingFailed"] {
                waiting.retain(|id| !ids(end).contains(id));
            }
            if waiting.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "届かないものがあります: {waiting:?}");
            sleep(Duration::from_millis(10));
        }
        let mut requests = self.tab.events("Network.requestWillBeSent");
        requests.retain(|sent| !own(sent));
        let urls: Vec<&str> =
            requests.iter().map(|sent| sent["request"]["url"].as_str().unwrap()).collect();
        assert!(!urls.is_empty());
        let inside = |url: &&&str| url.starts_with(self.origin) || url.starts_with("data:");
        let outside: Vec<_> = urls.iter().filter(|url| !inside(url)).collect();
        assert!(outside.is_empty(), "本の外へ取りに行っています: {outside:#?}");
        let mut errors = self.tab.events("Runtime.exceptionThrown");
        let logged = self.tab.events("Log.entryAdded");
        errors.extend(logged.into_iter().filter(|log| log["entry"]["level"] == "error"));
        let called = self.tab.events("Runtime.consoleAPICalled");
        errors.extend(called.into_iter().filter(|call| call["type"] == "error"));
        assert!(errors.is_empty(), "コンソールに誤りがあります: {errors:#?}");
    }

    // ---- 配色 ----

    /// 開いているページで配色を選ぶ。
    #[track_caller]
    pub fn choose_theme(&self, theme: &str) {
        self.js(&format!("document.getElementById('mdbook-theme-{theme}').click()"));
        self.assert_theme(theme);
    }

    #[track_caller]
    pub fn assert_theme(&self, theme: &str) {
        assert!(self.is(&format!("document.documentElement.matches('.{theme}')")), "{theme}");
    }

    /// どの配色でも、`selector` の中の文字が読める。
    #[track_caller]
    pub fn assert_readable(&self, selector: &str, least: u64, place: &str) {
        for theme in THEMES {
            self.choose_theme(theme);
            let measured = self.js(&format!("({LOW_CONTRAST})({selector:?})"));
            assert!(measured["seen"].as_u64().unwrap() > least, "{theme} の{place}: {measured:#}");
            assert_eq!(measured["low"], json!([]), "{theme} の{place}に読みにくい文字があります");
        }
    }

    // ---- ファイル ----

    pub fn download_to(&self, folder: &Path) {
        let path = folder.display().to_string();
        self.tab.call(
            "Browser.setDownloadBehavior",
            json!({ "behavior": "allow", "downloadPath": path, "browserContextId": self.window.id }),
        );
    }

    pub fn choose_file(&self, input: &str, path: &Path) {
        let expression = format!("document.querySelector({input:?})");
        let found = self.tab.call("Runtime.evaluate", json!({ "expression": expression }));
        let object = &found["result"]["objectId"];
        self.tab.call("DOM.setFileInputFiles", json!({ "files": [path], "objectId": object }));
    }
}

/// 押すと落ちてくるファイルを待つ。
pub fn downloaded(folder: &Path, extension: &str) -> PathBuf {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(path) = files(folder, extension).pop()
            && fs::metadata(&path).unwrap().len() > 0
        {
            return path;
        }
        assert!(Instant::now() < deadline, "ファイルが落ちてきません");
        sleep(Duration::from_millis(10));
    }
}

// ---- 文字の読みやすさ ----

/// 見えている文字それぞれの、背景との明るさの比（WCAG 2）を測り、4.5 に届かないものを集める。
const LOW_CONTRAST: &str = r#"(selector) => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const known = new Map();
  const rgba = (color) => {
    if (!known.has(color)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      known.set(color, [...canvas.getImageData(0, 0, 1, 1).data]);
    }
    return known.get(color);
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const background = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] === 255) return color;
      if (color[3] > 0) throw new Error('半透明の背景は測れません: ' + e.outerHTML.slice(0, 80));
    }
    return [255, 255, 255];
  };
  const low = [];
  let seen = 0;
  const texts = document.createTreeWalker(document.querySelector(selector), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.matches(':disabled')) continue;
    seen += 1;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgba(element.closest('svg') ? style.fill : style.color)), light(background(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(ratio.toFixed(2) + ' ' + texts.currentNode.data.trim().slice(0, 30));
  }
  return { seen, low };
}"#;
