//! 検索と用語集の試験が使うブラウザ。

use std::ffi::OsStr;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

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

/// 新しいブラウザ。無ければ SKIPPED と書き、`REQUIRE_BROWSER=1` なら失敗にする。
pub fn browser() -> Option<Browser> {
    let Some(chrome) = find_chrome() else {
        assert!(
            std::env::var_os("REQUIRE_BROWSER").is_none_or(|value| value != "1"),
            "Chromium がありません。chromium を入れるか、環境変数 CHROME で場所を教えてください。"
        );
        println!("SKIPPED: Chromium がないので、ブラウザの試験を飛ばします。");
        return None;
    };
    let args = ["--disable-component-update", "--disable-quic"];
    let options = LaunchOptions::default_builder()
        .path(Some(chrome))
        .sandbox(false) // CI や root では、砂場を作れないことがある。
        .args(args.map(OsStr::new).to_vec())
        .build()
        .unwrap();
    Some(Browser::new(options).expect("ブラウザを起動できません。CHROME を確かめてください"))
}

/// ページの中で式を評価した値。
pub fn js(tab: &Tab, expression: &str) -> Value {
    tab.evaluate(expression, false).unwrap().value.unwrap_or(Value::Null)
}

/// `expression` が真になるまで待つ。
pub fn wait(tab: &Tab, expression: &str) {
    let start = Instant::now();
    while js(tab, expression) != json!(true) {
        assert!(start.elapsed() < Duration::from_secs(30), "待ちきれません: {expression}");
        sleep(Duration::from_millis(50));
    }
}
