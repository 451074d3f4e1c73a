//! ブラウザを使う試験が分け合う道具。試験のファイルごとに使うものが違うので、未使用の警告は出さない。
#![allow(dead_code)]

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use headless_chrome::browser::context::Context;
use headless_chrome::browser::tab::point::Point;
use headless_chrome::protocol::cdp::Emulation;
use headless_chrome::{Browser, LaunchOptions, Tab};
use serde_json::{Value, json};

fn find_chrome() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CHROME") {
        return Some(PathBuf::from(path));
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

/// 使っている試験がある間だけ生きる、分け合うブラウザ。static に置くと、試験が終わってもプロセスが残ってしまう。
///
/// 無ければ SKIPPED と書き、`REQUIRE_BROWSER=1` なら失敗にする。
pub fn browser() -> Option<Arc<Browser>> {
    static SHARED: Mutex<Weak<Browser>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(|broken| broken.into_inner());
    if let Some(browser) = shared.upgrade() {
        return Some(browser);
    }
    let browser = Arc::new(launch()?);
    *shared = Arc::downgrade(&browser);
    Some(browser)
}

/// 記録がほかの試験と混ざらないよう、別のシークレットウィンドウで開いたタブ。
pub fn private_tab(browser: &Browser) -> Arc<Tab> {
    tab_in(&browser.new_context().unwrap())
}

/// `tab` と同じ記録を見る、もう一つのタブ。
pub fn another_tab(browser: &Browser, tab: &Tab) -> Arc<Tab> {
    let window = tab.get_browser_context_id().unwrap().unwrap();
    tab_in(&Context::new(browser, window))
}

fn tab_in(window: &Context) -> Arc<Tab> {
    let tab = window.new_tab().unwrap();
    tab.call_method(Emulation::SetFocusEmulationEnabled { enabled: true }).unwrap();
    tab
}

fn launch() -> Option<Browser> {
    let Some(chrome) = find_chrome() else {
        assert!(
            std::env::var_os("REQUIRE_BROWSER").is_none_or(|value| value != "1"),
            "Chromium がありません。chromium を入れるか、環境変数 CHROME で場所を教えてください。"
        );
        println!("SKIPPED: Chromium がないので、ブラウザの試験を飛ばします。");
        return None;
    };
    let args = ["--disable-component-update", "--disable-quic", "--hide-scrollbars"];
    let options = LaunchOptions::default_builder()
        .path(Some(chrome))
        .sandbox(false) // CI や root では、砂場を作れないことがある。
        .window_size(Some((1200, 1000)))
        .idle_browser_timeout(Duration::from_secs(120))
        .args(args.map(OsStr::new).to_vec())
        .build()
        .unwrap();
    Some(Browser::new(options).expect("ブラウザを起動できません。CHROME を確かめてください"))
}

/// ページの中で式を評価した値。
pub fn js(tab: &Tab, expression: &str) -> Value {
    tab.evaluate(expression, false).unwrap().value.unwrap_or(Value::Null)
}

/// `expression` が真になるまで、`seconds` 秒まで待つ。移動の途中では評価そのものが失敗するので、それも待つ。
#[track_caller]
pub fn wait(tab: &Tab, expression: &str, seconds: u64) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let holds = || {
        let answer = tab.evaluate(&format!("Boolean({expression})"), false);
        answer.is_ok_and(|answer| answer.value == Some(json!(true)))
    };
    while !holds() {
        assert!(Instant::now() < deadline, "待っても成り立ちません: {expression}");
        sleep(Duration::from_millis(20));
    }
}

/// 式 `element` の要素の座標を本当に押す。ほかの物が上に重なっていれば、押したことにならない。
pub fn click(tab: &Tab, element: &str) {
    let center = js(
        tab,
        &format!(
            "(() => {{
               const element = {element};
               element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
               const box = element.getBoundingClientRect();
               return JSON.stringify([box.x + box.width / 2, box.y + box.height / 2]);
             }})()"
        ),
    );
    let center = center.as_str().unwrap_or_else(|| panic!("{element} を押せません"));
    let (x, y) = serde_json::from_str(center).unwrap();
    tab.click_point(Point { x, y }).unwrap();
}

/// 画面を、その大きさの電話にする。
pub fn resize(tab: &Tab, width: u32, height: u32) {
    tab.call_method(Emulation::SetDeviceMetricsOverride {
        width,
        height,
        device_scale_factor: 1.0,
        mobile: true,
        scale: None,
        screen_width: None,
        screen_height: None,
        position_x: None,
        position_y: None,
        dont_set_visible_size: None,
        screen_orientation: None,
        viewport: None,
        display_feature: None,
        device_posture: None,
    })
    .unwrap();
}
