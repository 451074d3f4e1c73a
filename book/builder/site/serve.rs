//! `cargo run` のサーバー: 本を作り、見せ、原稿が変わったら作り直す。

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::future::{Future, poll_fn};
use std::hash::{Hash, Hasher};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, RwLock};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tower_http::services::{ServeDir, ServeFile};
use tower_livereload::{LiveReloadLayer, Reloader};

use crate::site::build;
use crate::site::terminal::say;

/// 番号を指定されなかったときのポート。
pub const DEFAULT_PORT: u16 = 3000;

/// 変化を見る間隔。mtime を比べるだけなので、この本の大きさでは負荷にならない。
/// OS の通知 (notify) は読み出しまで知らせ、作り直しが止まらなくなるので使わない。
const POLL: Duration = Duration::from_millis(300);

/// 見せるフォルダ。作り直しのたびに入れ替わる。
struct Folders {
    current: PathBuf,
    next: PathBuf,
}

type Shared = Arc<RwLock<Folders>>;

/// 本を作って見せる。Ctrl-C まで戻らない。
pub fn run(root: &Path, port: Option<u16>, open: bool) -> Result<()> {
    let current = build::build_dir(root)?;
    let listener = listen(port)?;
    let next = current.with_file_name("book.next");
    // 作っている間の書き換えも見落とさないよう、作る前の様子を覚えておく。
    let seen = fingerprint(root);
    build::build_book(root, &current)?;

    let address = format!("http://{}/", listener.local_addr()?);
    let folders = Arc::new(RwLock::new(Folders { current, next }));
    let live_reload = LiveReloadLayer::new();
    let reloader = live_reload.reloader();
    let watched = (root.to_path_buf(), folders.clone());
    std::thread::spawn(move || watch(&watched.0, seen, &watched.1, &reloader));

    let app = Router::new().fallback(page).with_state(folders).layer(live_reload);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        // Ctrl-C の受け付けは、最初に呼んだときに始まる。案内を見てすぐ押されても正常に終われるよう、先に始める。
        let mut stop = pin!(tokio::signal::ctrl_c());
        let pressed = poll_fn(|context| Poll::Ready(stop.as_mut().poll(context))).await;
        if pressed.is_ready() {
            return Ok(());
        }
        say(format_args!("本を開きました: {address}  (終えるには Ctrl-C)"));
        if open && let Err(error) = opener::open_browser(&address) {
            eprintln!("ブラウザを開けませんでした ({error})。上の URL を開いてください。");
        }
        // 再読み込みの接続は開いたままなので、すべての接続が閉じるのを待たずに終える。
        tokio::select! {
            served = axum::serve(listener, app) => served.context("サーバーが止まりました"),
            _ = stop => Ok(()),
        }
    })?;
    runtime.shutdown_background();
    say("\n終わります。");
    Ok(())
}

/// ポートを開く。番号を指定されなかったときだけ、ふさがっていれば次の番号を試す。
fn listen(port: Option<u16>) -> Result<TcpListener> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    if let Some(port) = port {
        return match bind(port) {
            Ok(listener) => Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
                "ポート {port} はほかのプログラムが使っています。--port で別の番号を指定してください"
            ),
            Err(error) => Err(error).with_context(|| {
                format!("ポート {port} を開けません。--port で別の番号を指定してください")
            }),
        };
    }
    for port in DEFAULT_PORT..DEFAULT_PORT + 20 {
        match bind(port) {
            Ok(listener) => {
                if port != DEFAULT_PORT {
                    say(format_args!("ポート {DEFAULT_PORT} は使用中なので、{port} を使います。"));
                }
                return Ok(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error).context("127.0.0.1 のポートを開けません"),
        }
    }
    bail!(
        "ポート {DEFAULT_PORT} から {} まで、すべて使用中です。--port で空いている番号を指定してください",
        DEFAULT_PORT + 19
    )
}

/// 要求されたファイルを返す。
///
/// CSS などの名前は内容のハッシュを含む。入れ替えの直前に HTML を受け取った読者が
/// 前の名前を求めても応えられるよう、無ければ前のフォルダも見る。
async fn page(State(folders): State<Shared>, request: Request) -> Response {
    let (current, previous) = {
        let folders = folders.read().unwrap_or_else(|error| error.into_inner());
        (folders.current.clone(), folders.next.clone())
    };
    let missing = ServeFile::new(current.join("404.html"));
    let mut files =
        ServeDir::new(&current).fallback(ServeDir::new(previous).not_found_service(missing));
    match files.try_call(request).await {
        Ok(response) => response.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// 原稿が変わったら、使っていないほうのフォルダに作り、できあがってから入れ替える。
/// 作れなかったときは理由を知らせ、前のページを見せ続ける。
fn watch(root: &Path, mut seen: u64, folders: &Shared, reloader: &Reloader) {
    loop {
        std::thread::sleep(POLL);
        let mut now = fingerprint(root);
        if now == seen {
            continue;
        }
        // 保存の途中で読まないよう、変化が止むのを待つ。
        loop {
            std::thread::sleep(POLL / 3);
            let settled = fingerprint(root);
            if settled == now {
                break;
            }
            now = settled;
        }
        seen = now;
        let next = match folders.read() {
            Ok(folders) => folders.next.clone(),
            Err(_) => return,
        };
        match build::build_book(root, &next) {
            Ok(()) => {
                if let Ok(mut folders) = folders.write() {
                    let folders = &mut *folders;
                    std::mem::swap(&mut folders.current, &mut folders.next);
                }
                say("本を作り直しました。");
                reloader.reload();
            }
            Err(error) => eprintln!(
                "{error:#}\n本を作り直せませんでした。直して保存するまで、前のページを表示し続けます。"
            ),
        }
    }
}

/// 本の材料のファイルの名前、時刻、大きさをまとめた値。
fn fingerprint(root: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut add = |path: &Path| {
        walk(path, &mut |file, modified, length| {
            (file, modified, length).hash(&mut hasher);
        });
    };
    add(&root.join("book.toml"));
    for folder in ["src", "quiz", "theme"] {
        add(&root.join("book").join(folder));
    }
    let mut chapters: Vec<PathBuf> = fs::read_dir(root.join("chapters"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    chapters.sort();
    for chapter in chapters {
        add(&chapter.join("src"));
        add(&chapter.join("tests"));
    }
    hasher.finish()
}

fn walk(path: &Path, add: &mut dyn FnMut(&Path, Option<SystemTime>, u64)) {
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    if metadata.is_file() {
        add(path, metadata.modified().ok(), metadata.len());
        return;
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        walk(&entry, add);
    }
}
