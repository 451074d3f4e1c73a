//! Chromium と、DevTools プロトコルで話す。
//!
//! 命令と返事は、標準入力と標準出力につないだ管 (`--remote-debugging-pipe`) を、0 のバイトで区切った JSON として流れる。
//! 返事は番号で、出来事はタブの番号で見分けるので、いくつもの試験が 1 つのブラウザを同時に使える。
//! 命令の一覧: <https://chromedevtools.github.io/devtools-protocol/>

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};

/// 待つときの、あきらめるまでの時間。混んだ機械でも足りるように長い。
pub const PATIENCE: Duration = Duration::from_secs(60);

const OPTIONS: &[&str] = &[
    "--headless",
    "--no-startup-window",
    "--remote-debugging-pipe",
    "--no-sandbox", // CI や root では、砂場を作れないことがある。
    "--window-size=1200,1000",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--force-prefers-reduced-motion", // 本は、この望みに応えて動きを止める。試験は動きの終わりを待たなくてよい。
    "--enable-automation",
    // 裏に回ったタブも、表のタブと同じ速さで動かす。
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    // 試験に要らない仕事と、外との通信をさせない。
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    // 窓ごとに先回りして用意される、アドレス欄の候補のページと、次のページのための空のプロセス。
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,SpareRendererForSitePerProcess",
    "--disable-gpu",
    "--disable-hang-monitor",
    "--disable-quic",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--password-store=basic",
    "--use-mock-keychain",
];

/// ブラウザが終わるのを待って、その記録の置き場を消す。試験が途中で止められても、管が閉じてブラウザは終わる。
const LAUNCH: &str = r#""$0" "$@" 3<&0 4>&1 </dev/null >/dev/null; rm -rf "$PROFILE""#;

/// すべての試験が分け合うブラウザ。
///
/// 無ければ SKIPPED と書き、`REQUIRE_BROWSER=1` なら失敗にする。
pub fn browser() -> Option<&'static Browser> {
    static SHARED: OnceLock<Option<&'static Browser>> = OnceLock::new();
    *SHARED.get_or_init(|| find().map(|path| Browser::launch(&path)))
}

fn find() -> Option<PathBuf> {
    // 窓を持たない 1 つ目があれば、そのほうが軽い (CPU の時間が 3 割減る)。
    let names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::var_os("CHROME").map(PathBuf::from).or_else(|| {
        names
            .iter()
            .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
            .find(|candidate| candidate.is_file())
    });
    if found.is_none() {
        assert!(
            std::env::var_os("REQUIRE_BROWSER").is_none_or(|value| value != "1"),
            "Chromium がありません。chromium を入れるか、環境変数 CHROME で場所を教えてください。"
        );
        println!("SKIPPED: Chromium がないので、ブラウザの試験を飛ばします。");
    }
    found
}

pub struct Browser {
    pipe: Mutex<ChildStdin>,
    number: AtomicU64,
    /// 返事を待っている命令。
    calls: Mutex<HashMap<u64, Sender<Value>>>,
    /// タブごとの、起きたこと。
    events: Mutex<HashMap<String, Vec<Value>>>,
}

impl Browser {
    fn launch(path: &Path) -> &'static Self {
        let profile = tempfile::Builder::new().prefix("workbook-browser").tempdir().unwrap().keep();
        let mut command = Command::new("sh");
        command
            .args(["-c", LAUNCH])
            .arg(path)
            .args(OPTIONS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .env("PROFILE", &profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        // Ctrl-C は試験だけを止める。ブラウザは後始末をしてから終わる。
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().expect("sh を起動できません");
        let browser: &'static Self = Box::leak(Box::new(Self {
            pipe: Mutex::new(child.stdin.take().unwrap()),
            number: AtomicU64::new(1),
            calls: Mutex::default(),
            events: Mutex::default(),
        }));
        let mut replies = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while replies.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                browser.receive(serde_json::from_slice(&message[..message.len() - 1]).unwrap());
                message.clear();
            }
            browser.calls.lock().unwrap().clear(); // 待っている試験を、待たせたままにしない。
            let _ = child.wait();
        });
        let started = browser.call(None, "Browser.getVersion", json!({}));
        started.expect("ブラウザを起動できません。CHROME を確かめてください");
        browser
    }

    fn receive(&self, message: Value) {
        if let Some(number) = message["id"].as_u64() {
            let waiting = self.calls.lock().unwrap().remove(&number);
            waiting.map(|sender| sender.send(message));
        } else if let Some(tab) = message["sessionId"].as_str() {
            let mut events = self.events.lock().unwrap();
            events.entry(tab.to_owned()).or_default().push(message);
        }
    }

    /// 命令を送り、返事を待つ。
    ///
    /// # Errors
    /// ブラウザが断ったとき、終わったとき、1 分待っても返事がないとき。
    pub fn call(&self, tab: Option<&str>, method: &str, params: Value) -> Result<Value, String> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({ "id": number, "method": method, "params": params });
        if let Some(tab) = tab {
            message["sessionId"] = json!(tab);
        }
        let (sender, receiver) = channel();
        self.calls.lock().unwrap().insert(number, sender);
        let sent = self.pipe.lock().unwrap().write_all(format!("{message}\0").as_bytes());
        sent.map_err(|error| format!("{method}: {error}"))?;
        let mut reply = receiver
            .recv_timeout(PATIENCE)
            .map_err(|error| format!("{method}: 返事がありません ({error})"))?;
        match reply.get("error") {
            Some(error) => Err(format!("{method}: {error}")),
            None => Ok(reply["result"].take()),
        }
    }
}

/// ほかの試験と記録が混ざらない、シークレットウィンドウ。手放すと、開いたタブも閉じる。
pub struct Window {
    browser: &'static Browser,
    pub id: String,
}

impl Window {
    /// Chromium が無ければ `None`。
    pub fn new() -> Option<Self> {
        let browser = browser()?;
        let answer = browser.call(None, "Target.createBrowserContext", json!({})).unwrap();
        Some(Self { browser, id: text(&answer["browserContextId"]) })
    }

    /// 新しいタブ。裏に隠れないよう、それぞれ別の窓で開く。
    pub fn tab(&self) -> Tab {
        let call = |method, params| self.browser.call(None, method, params).unwrap();
        let target = call(
            "Target.createTarget",
            json!({ "url": "about:blank", "browserContextId": self.id, "newWindow": true }),
        );
        let attached = call(
            "Target.attachToTarget",
            json!({ "targetId": target["targetId"], "flatten": true }),
        );
        let tab = Tab { browser: self.browser, session: text(&attached["sessionId"]) };
        tab.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        tab
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let params = json!({ "browserContextId": self.id });
        let _ = self.browser.call(None, "Target.disposeBrowserContext", params);
    }
}

pub struct Tab {
    browser: &'static Browser,
    session: String,
}

impl Tab {
    #[track_caller]
    pub fn call(&self, method: &str, params: Value) -> Value {
        self.try_call(method, params).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_call(&self, method: &str, params: Value) -> Result<Value, String> {
        self.browser.call(Some(&self.session), method, params)
    }

    /// ページの中で式を評価した値。Promise なら、かなうまで待つ。
    pub fn evaluate(&self, expression: &str) -> Result<Value, String> {
        let mut answer = self.try_call(
            "Runtime.evaluate",
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }),
        )?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(format!("{expression}: {}", thrown["exception"]["description"])),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// 起きたことのうち、名前が `method` のもの。
    pub fn events(&self, method: &str) -> Vec<Value> {
        let events = self.browser.events.lock().unwrap();
        let own = events.get(&self.session).into_iter().flatten();
        own.filter(|event| event["method"] == method).map(|event| event["params"].clone()).collect()
    }

    pub fn move_mouse(&self, x: f64, y: f64) {
        self.call("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": x, "y": y }));
    }

    pub fn click(&self, x: f64, y: f64) {
        self.move_mouse(x, y);
        for kind in ["mousePressed", "mouseReleased"] {
            let params = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", params);
        }
    }

    /// 1 文字か、Enter や ArrowLeft のような名前のキーを押して離す。
    pub fn press(&self, key: &str) {
        // 名前、キーの番号、打ち込まれる文字。
        let (number, typed) = match key {
            "Tab" => (9, None),
            "Enter" => (13, Some("\r")),
            "Escape" => (27, None),
            "Home" => (36, None),
            "ArrowLeft" => (37, None),
            "ArrowUp" => (38, None),
            "ArrowRight" => (39, None),
            "ArrowDown" => (40, None),
            "/" => (191, Some(key)),
            _ => match key.as_bytes() {
                [letter] if letter.is_ascii_alphanumeric() => {
                    (u32::from(letter.to_ascii_uppercase()), Some(key))
                }
                _ => panic!("キー {key} の番号を知りません"),
            },
        };
        let code = match key.as_bytes() {
            [letter] if letter.is_ascii_digit() => format!("Digit{key}"),
            [letter] if letter.is_ascii_alphabetic() => format!("Key{}", key.to_uppercase()),
            [_] => "Slash".to_owned(),
            _ => key.to_owned(),
        };
        for kind in [if typed.is_some() { "keyDown" } else { "rawKeyDown" }, "keyUp"] {
            let mut params = json!({
                "type": kind, "key": key, "code": code,
                "windowsVirtualKeyCode": number, "nativeVirtualKeyCode": number,
            });
            if let (Some(typed), "keyDown") = (typed, kind) {
                params["text"] = json!(typed);
            }
            self.call("Input.dispatchKeyEvent", params);
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
