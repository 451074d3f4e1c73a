//! 通信の無い所でも読めるようにするもの: 名札 (manifest)、アイコン、控えを守るサービスワーカー。
//!
//! 控えは、読者が頼んだときにだけ、本の全体をまとめて取る (book/theme/offline.js)。頼まなければ、何も起きない。
//! file:// で開いた本では、ブラウザがどれも使わない。

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::site::bundle::digest;
use crate::site::output::files;

/// `root` の book/theme/icons。
const ICONS: &str = "book/theme/icons";

/// 控えに入れないもの: 全ページを 1 枚にしたもの (同じ中身が 2 度になる) と、目次だけの部品でないもの。
const LEFT_OUT: [&str; 3] = ["print.html", "sw.js", "offline.json"];

/// できあがった `dest` に、名札とサービスワーカーを置く。アイコンの無い本では何もしない。
pub fn write(root: &Path, dest: &Path) -> Result<()> {
    let icons = root.join(ICONS);
    if !icons.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dest.join("icons")).context("icons を作れません")?;
    for name in files(&icons) {
        let to = dest.join("icons").join(&name);
        fs::copy(icons.join(&name), &to)
            .with_context(|| format!("{} を書けません", to.display()))?;
    }
    put(dest, "manifest.webmanifest", &manifest())?;
    // 中身が変われば、版も変わる。名前にハッシュの無いファイルもあるので、大きさと中身の両方から決める。
    let mut bytes = 0;
    let mut marks = String::new();
    let mut names = Vec::new();
    for name in files(dest) {
        if LEFT_OUT.contains(&name.as_str()) || name.starts_with('.') {
            continue;
        }
        let content = fs::read(dest.join(&name)).with_context(|| format!("{name} を読めません"))?;
        bytes += content.len();
        let sum = content
            .iter()
            .fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        marks.push_str(&format!("{name} {sum:x}\n"));
        names.push(name);
    }
    let version = digest(&marks);
    put(
        dest,
        "offline.json",
        &json!({ "version": version, "bytes": bytes, "count": names.len() }).to_string(),
    )?;
    let worker =
        WORKER.replace("VERSION", &version).replace("FILES", &serde_json::to_string(&names)?);
    put(dest, "sw.js", &worker)
}

fn put(dest: &Path, name: &str, text: &str) -> Result<()> {
    fs::write(dest.join(name), text).with_context(|| format!("{name} を書けません"))
}

fn manifest() -> String {
    json!({
        "name": "深層生成モデル 実行できるワークブック",
        "short_name": "生成モデル",
        "lang": "ja",
        "start_url": "index.html",
        "scope": "./",
        "display": "standalone",
        "background_color": "#fefdfb",
        "theme_color": "#12314f",
        "icons": [
            { "src": "icons/icon-192.png", "sizes": "192x192", "type": "image/png", "purpose": "any maskable" },
            { "src": "icons/icon-512.png", "sizes": "512x512", "type": "image/png", "purpose": "any maskable" },
        ],
    })
    .to_string()
}

/// サービスワーカー。通信できるときは、いつも新しいものを見せる。できないときだけ、控えを見せる。
/// 新しい版は、全部そろってから古い版と入れ替わる。途中で切れても、古い控えが残る。
const WORKER: &str = r#"// 本の控え。読者が「この端末に残す」を押したときにだけ働く。
const NAME = 'workbook-VERSION';
const files = FILES;

self.addEventListener('install', (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(NAME);
    // 一度に頼みすぎると、つながりの細い所で落ちる。
    for (let at = 0; at < files.length; at += 8) {
      await cache.addAll(files.slice(at, at + 8).map((name) => new Request(new URL(encodeURI(name), self.registration.scope), { cache: 'reload' })));
      for (const client of await self.clients.matchAll({ includeUncontrolled: true })) client.postMessage({ done: Math.min(at + 8, files.length), all: files.length });
    }
    await self.skipWaiting();
  })());
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith('workbook-') && name !== NAME) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(self.registration.scope)) return;
  event.respondWith((async () => {
    try {
      return await fetch(request);
    } catch (error) {
      const url = new URL(request.url);
      if (url.pathname.endsWith('/')) url.pathname += 'index.html';
      const found = await (await caches.open(NAME)).match(url, { ignoreSearch: true });
      if (found) return found;
      throw error;
    }
  })());
});
"#;
