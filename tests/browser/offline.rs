//! 通信の無い所でも読める。控えは、頼まれたときにだけ取る。

use serde_json::json;

use crate::reader::Reader;

#[test]
fn the_book_is_kept_only_when_asked_and_then_read_without_a_network() {
    let Some(reader) = Reader::online() else { return };
    reader.open("index.html");
    reader.wait("document.querySelector('.offline button')?.textContent.includes('MB')");
    assert_eq!(reader.js("caches.keys().then((keys) => keys.length)"), json!(0));
    reader.click(".offline button");
    reader.wait("document.querySelector('.offline button').textContent === '控えを消す'");
    // 通信を切る。見ていないページも、問題集も開ける。
    reader.tab.call("Network.enable", json!({}));
    let network = |offline: bool| {
        reader.tab.call(
            "Network.emulateNetworkConditions",
            json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 }),
        );
    };
    network(true);
    reader.open("ch04-dcgan/theory.html");
    assert!(reader.is("document.querySelectorAll('main math').length > 10"));
    reader.open("exam/review.html");
    assert!(reader.text(".desk-score").contains("復習"));
    network(false);
    // 控えを消すと、何も残らない。
    reader.open("index.html");
    reader.wait("document.querySelector('.offline button')?.textContent === '控えを消す'");
    reader.click(".offline button");
    reader.wait("document.querySelector('.offline button').textContent.includes('MB')");
    assert_eq!(reader.js("caches.keys().then((keys) => keys.length)"), json!(0));
}

/// 名札のアイコンも、初めのページも、本の中にある。
#[test]
fn the_manifest_points_into_the_book() {
    let Some(reader) = Reader::online() else { return };
    reader.open("ch03-gan/concept.html");
    let found = reader.js(
        "(async () => {
           const link = document.querySelector('link[rel=manifest]').href;
           const manifest = await (await fetch(link)).json();
           const all = [manifest.start_url, ...manifest.icons.map(({ src }) => src)].map((path) => new URL(path, link));
           return Promise.all(all.map((url) => fetch(url).then(({ ok }) => ok)));
         })()",
    );
    assert_eq!(found, json!([true, true, true]));
}

/// 見つからないページは、プロジェクトの道の下の、どの深さからでも、本の初めへ戻れる。
#[test]
fn a_lost_reader_finds_the_way_back() {
    let Some(reader) = Reader::online() else { return };
    reader.open("404.html");
    reader.js("history.replaceState(null, '', '/ch09/none/deep.html')");
    // 開かれた所から、もう一度探させる。
    reader.js("(() => { const script = document.createElement('script'); script.textContent = document.scripts[0].textContent; document.body.append(script); })()");
    reader.wait("document.documentElement.dataset.root === '/'");
    assert!(
        reader.is("document.querySelector('[data-page]').href === location.origin + '/index.html'")
    );
}
