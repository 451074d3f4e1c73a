//! `cargo run` のサーバー: 本を作り、見せ、原稿が変わったら作り直す。

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::future::{Future, poll_fn};
use std::hash::{Hash, Hasher};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, RwLock};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow, bail};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RANGE};
use axum::response::{IntoResponse, Response};
use tower_http::services::{ServeDir, ServeFile};
use tower_livereload::{LiveReloadLayer, Reloader};

use crate::site::build::build_book;
use crate::site::links::decode;
use crate::site::load::build_dir;
use crate::site::runs;
use crate::site::terminal::{explain, say, tell};

/// 番号を指定されなかったときのポート。
pub const DEFAULT_PORT: u16 = 3000;

/// 変化を見る間隔。mtime を比べるだけなので、この本の大きさでは負荷にならない。
/// OS の通知 (notify) は読み出しまで知らせ、作り直しが止まらなくなるので使わない。
const POLL: Duration = Duration::from_millis(300);

/// 見せるフォルダ。作り直しのたびに入れ替わる。
struct Folders {
    root: PathBuf,
    current: PathBuf,
    next: PathBuf,
}

type Shared = Arc<RwLock<Folders>>;

/// 本を作って見せる。Ctrl-C まで戻らない。
pub fn run(root: &Path, port: Option<u16>, open: bool) -> Result<()> {
    let current = build_dir(root)?;
    let listener = listen(port)?;
    let mut name = current.file_name().unwrap_or_default().to_os_string();
    name.push(".next");
    let next = current.with_file_name(name);
    // 作っている間の書き換えも見落とさないよう、作る前の様子を覚えておく。
    let seen = fingerprint(root);
    build_book(root, &current)?;

    let address = format!("http://{}/", listener.local_addr()?);
    let folders = Arc::new(RwLock::new(Folders { root: root.to_path_buf(), current, next }));
    // 一部だけを求められたときは、頼まれた範囲をそのまま返す。
    let live_reload = LiveReloadLayer::new().request_predicate(whole_page);
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
        if open {
            // ブラウザが無くても、開く命令そのものは成功することがある。
            say("ブラウザを開きます。開かないときは、上の URL をブラウザに入れてください。");
            if opener::open_browser(&address).is_err() {
                tell("ブラウザを開けませんでした。上の URL を開いてください。");
            }
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
                    say(format_args!(
                        "ポート {DEFAULT_PORT} は使用中なので、{port} を使います。学習の記録は番地ごとに分かれるので、{DEFAULT_PORT} で解いた記録は見えません。"
                    ));
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

fn whole_page<Body>(request: &axum::http::Request<Body>) -> bool {
    !request.headers().contains_key(RANGE)
}

/// 要求されたファイルを返す。
///
/// CSS などの名前は内容のハッシュを含む。入れ替えの直前に HTML を受け取った読者が
/// 前の名前を求めても応えられるよう、無ければ前のフォルダも見る。
async fn page(State(folders): State<Shared>, request: Request) -> Response {
    let (root, current, previous) = {
        let folders = folders.read().unwrap_or_else(|error| error.into_inner());
        (folders.root.clone(), folders.current.clone(), folders.next.clone())
    };
    if let Some((kind, content)) = runs::answer(&root, request.uri().path()) {
        return ([(CONTENT_TYPE, kind)], content).into_response();
    }
    let mut missing = ServeFile::new(current.join("404.html"));
    // 本の外へ出るリンクの先や、OS の扱えない長い名前は、無いものとする。
    if outside(request.uri().path(), &[&current, &previous]) {
        return match missing.try_call(request).await {
            Ok(response) => (StatusCode::NOT_FOUND, response).into_response(),
            Err(_) => StatusCode::NOT_FOUND.into_response(),
        };
    }
    let mut files =
        ServeDir::new(&current).fallback(ServeDir::new(previous).not_found_service(missing));
    match files.try_call(request).await {
        Ok(response) => response.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// 要求された道が、どのフォルダでも、その外のファイルを指すか。
fn outside(path: &str, folders: &[&Path]) -> bool {
    let path = decode(path);
    let path = path.trim_start_matches('/');
    if path.len() > 1024 || path.split('/').any(|name| name.len() > 255) {
        return true;
    }
    folders.iter().any(|folder| {
        match (fs::canonicalize(folder), fs::canonicalize(folder.join(path))) {
            (Ok(folder), Ok(file)) => !file.starts_with(folder),
            _ => false,
        }
    })
}

/// 原稿が変わったら、使っていないほうのフォルダに作り、できあがってから入れ替える。
/// 作れなかったときは理由を知らせ、前のページを見せ続ける。
fn watch(root: &Path, mut seen: u64, folders: &Shared, reloader: &Reloader) {
    loop {
        std::thread::sleep(POLL);
        let (current, next) = {
            let folders = folders.read().unwrap_or_else(|error| error.into_inner());
            (folders.current.clone(), folders.next.clone())
        };
        let mut now = fingerprint(root);
        // 見せている本を消されたときも、作り直す。
        if now == seen && current.join("index.html").exists() {
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
        let again = now != seen;
        seen = now;
        // 何が起きても見張りは続ける。
        let built =
            catch_unwind(AssertUnwindSafe(|| build_book(root, &next))).unwrap_or_else(|_| {
                Err(anyhow!("思わぬ所で止まりました。直前に保存した所を見直してください"))
            });
        match built {
            Ok(()) => {
                let mut folders = folders.write().unwrap_or_else(|error| error.into_inner());
                let folders = &mut *folders;
                std::mem::swap(&mut folders.current, &mut folders.next);
                say("本を作り直しました。");
                reloader.reload();
            }
            // 本を消されたままで作れないときは、原稿が変わるまで同じ知らせを繰り返さない。
            Err(_) if !again => {}
            Err(error) => tell(format_args!(
                "{}\n本を作り直せませんでした。直して保存するまで、前のページを表示し続けます。",
                explain(&error)
            )),
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
    add(&root.join("tests"));
    // 本の道具のソースは、変えてもこのプログラムには効かない。
    for entry in sorted(&root.join("book")) {
        if !entry.ends_with("builder") {
            add(&entry);
        }
    }
    for chapter in sorted(&root.join("chapters")) {
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
    for entry in sorted(path) {
        walk(&entry, add);
    }
}

/// フォルダの中の道を、名前の順に。
fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
