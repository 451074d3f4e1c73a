//! `cargo run` のサーバー: 答える、作り直す、その間も途切れない、ポートの誤りを知らせる。

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::support::TinyBook;

/// 本物の `workbook` を、小さな本の上で動かす。
fn workbook(book: &TinyBook, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workbook"));
    command
        .args(arguments)
        .current_dir(book.root())
        .env_remove("CARGO_MANIFEST_DIR")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

struct Server {
    child: Child,
    /// `127.0.0.1:番号`
    address: String,
}

impl Server {
    fn start(book: &TinyBook) -> Self {
        // 0 番は、空いている番号を OS に選ばせる。
        let mut child = workbook(book, &["serve", "--port", "0"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let (_, rest) = line.split_once("http://").expect(&line);
        let (address, _) = rest.split_once('/').unwrap();
        Self { address: address.to_string(), child }
    }

    /// 状態の番号と本文。
    fn get(&self, path: &str) -> (u16, String) {
        self.get_with(path, "")
    }

    /// 見出し `header` (`名前: 値\r\n`) を添えて求める。
    fn get_with(&self, path: &str, header: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\n{header}Connection: close\r\n\r\n",
            self.address
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    /// ページに `text` が現れるまで読み続ける。途中の答えはすべて 200 でなければならない。
    fn wait_for(&self, path: &str, text: &str) -> usize {
        let start = Instant::now();
        let mut answers = 0;
        loop {
            let (status, body) = self.get(path);
            assert_eq!(status, 200, "{path} が {status} になりました");
            answers += 1;
            if body.contains(text) {
                return answers;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "「{text}」が現れません");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn pages_are_served_and_missing_pages_are_404() {
    let book = TinyBook::new("# 題\n\n最初の文\n");
    let server = Server::start(&book);
    let (status, body) = server.get("/ch03-gan/page.html");
    assert_eq!(status, 200);
    assert!(body.contains("最初の文") && body.contains("キーボード操作"), "{body}");
    assert!(body.contains("tower-livereload"), "再読み込みの仕掛けがありません");
    assert_eq!(server.get("/").0, 200);
    let (status, body) = server.get("/nai.html");
    assert_eq!(status, 404);
    assert!(body.contains("この URL のページはありません"), "{body}");
}

#[test]
fn a_change_is_shown_without_a_moment_of_404() {
    let book = TinyBook::new("# 題\n\n最初の文\n");
    let server = Server::start(&book);
    server.wait_for("/ch03-gan/page.html", "最初の文");
    for round in 0..3 {
        let text = format!("書き直した文 {round}");
        book.write("book/src/ch03-gan/page.md", format!("# 題\n\n{text}\n"));
        let answers = server.wait_for("/ch03-gan/page.html", &text);
        assert!(answers > 1, "作り直しの間を 1 度も見ていません");
    }
}

#[test]
fn a_mistake_keeps_the_old_pages_and_can_be_mended() {
    let book = TinyBook::new("# 題\n\n最初の文\n");
    let mut server = Server::start(&book);
    book.write("book/src/ch03-gan/page.md", "# 題\n\n$\\nosuch$\n");
    let errors = BufReader::new(server.child.stderr.take().unwrap());
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || errors.lines().try_for_each(|line| send.send(line.unwrap())));
    let mut told = Vec::new();
    while let Ok(line) = receive.recv_timeout(Duration::from_secs(20)) {
        told.push(line);
        if told[told.len() - 1].contains("作り直せませんでした") {
            break;
        }
    }
    assert!(told.iter().any(|line| line.contains("book/src/ch03-gan/page.md:3")), "{told:?}");
    server.wait_for("/ch03-gan/page.html", "最初の文");
    book.write("book/src/ch03-gan/page.md", "# 題\n\n直した文\n");
    server.wait_for("/ch03-gan/page.html", "直した文");
}

#[test]
fn a_busy_port_is_one_clear_sentence() {
    let book = TinyBook::new("# 題\n");
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port().to_string();
    let output = workbook(&book, &["--port", &port]).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        error.trim(),
        format!(
            "エラー: ポート {port} はほかのプログラムが使っています。--port で別の番号を指定してください"
        )
    );
}

/// 番号を指定しなければ、3000 番がふさがっていても次の番号で開き、そのことを伝える。
#[test]
fn a_busy_default_port_gives_the_next_free_one() {
    let book = TinyBook::new("# 題\n");
    // ほかのプログラムがもう 3000 番を使っているなら、それでよい。
    let _busy = TcpListener::bind("127.0.0.1:3000");
    let mut child = workbook(&book, &[]).spawn().unwrap();
    let lines: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().take(2).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lines[0].contains("ポート 3000 は使用中なので、"), "{lines:?}");
    assert!(lines[1].contains("http://127.0.0.1:30"), "{lines:?}");
}

#[test]
fn a_folder_without_a_book_is_one_clear_sentence() {
    let book = TinyBook::new("# 題\n");
    std::fs::remove_file(book.root().join("book.toml")).unwrap();
    for arguments in [&["build"][..], &["serve", "--port", "0"]] {
        let output = workbook(&book, arguments).output().unwrap();
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("book.toml がありません"), "{error}");
        assert_eq!(error.trim().lines().count(), 1, "{error}");
    }
}

#[test]
fn build_writes_into_the_build_dir() {
    let book = TinyBook::new("# 題\n");
    let output = workbook(&book, &["build"]).output().unwrap();
    assert!(output.status.success());
    assert!(book.root().join("target/book/index.html").is_file());
    assert!(!book.root().join("target/book.next").exists());
}

/// Ctrl-C では、開いたままの再読み込みの接続があっても、すぐに正常に終わる。
#[cfg(unix)]
#[test]
fn ctrl_c_ends_cleanly() {
    let book = TinyBook::new("# 題\n");
    let mut server = Server::start(&book);
    let mut waiting = TcpStream::connect(&server.address).unwrap();
    write!(waiting, "GET /_tower-livereload/event-stream HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let pid = server.child.id().to_string();
    Command::new("kill").args(["-INT", &pid]).status().unwrap();
    let start = Instant::now();
    loop {
        if let Some(status) = server.child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "終わりません");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn building_goes_on_when_nobody_reads_the_notice() {
    let book = TinyBook::new("# 試し");
    let mut build = workbook(&book, &["build"]).spawn().unwrap();
    drop(build.stdout.take());
    let mut errors = String::new();
    build.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(build.wait().unwrap().success(), "{errors}");
}

/// 用語集なども、保存すると作り直す。
#[test]
fn every_manuscript_is_watched() {
    let term = |definition: &str| {
        format!(
            "[[term]]\nid = \"gan\"\nja = \"GAN\"\nen = \"GAN\"\nreading = \"がん\"\n\
             definition = \"{definition}\"\nsection = \"ch03-gan/page.md\"\n"
        )
    };
    let point = |text: &str| {
        format!(
            "[[point]]\ntitle = \"題\"\npopular = \"{text}\"\npaper = \"p\"\nsource = \"s\"\n\
             tests = [\"workbook::syllabus::it_holds\"]\nsections = []\n"
        )
    };
    let book = TinyBook::new("# 題\n\n{{glossary}}\n\n{{errata}}\n\n{{run ch03-gan value}}\n");
    book.write("book/terms.toml", term("初めの説明。"));
    book.write("book/errata.toml", point("初めの話"));
    book.write("book/src/figures/ch03-gan/run.json", r#"{"results":{"value":"初めの値"}}"#);
    book.write("tests/book/syllabus.rs", "/// 値は正しい。\n#[test]\nfn it_holds() {}\n");
    let server = Server::start(&book);
    let page = "/ch03-gan/page.html";
    server.wait_for(page, "初めの説明");
    book.write("book/terms.toml", term("直した説明。"));
    server.wait_for(page, "直した説明");
    book.write("book/errata.toml", point("直した話"));
    server.wait_for(page, "直した話");
    book.write("book/src/figures/ch03-gan/run.json", r#"{"results":{"value":"直した値"}}"#);
    server.wait_for(page, "直した値");
    book.write(
        "tests/book/syllabus.rs",
        "// 1 行ずらす\n/// 値は正しい。\n#[test]\nfn it_holds() {}\n",
    );
    server.wait_for(page, "tests/book/syllabus.rs 4 行目");
}

/// どんな誤りの後でも見張りは続き、消された本も作り直す。
#[test]
fn the_watch_survives_every_mistake() {
    let book = TinyBook::new("# 題\n\n最初の文\n");
    let server = Server::start(&book);
    let page = "/ch03-gan/page.html";
    for (round, wrong) in [
        "# 題\n\n\u{E000}999\u{E001}\n".as_bytes(),
        b"\xff\xfe",
        "# 題\r\n\r\n$\\nosuch$\r\n".as_bytes(),
        "# 題\n\n</div></section></p>\n".as_bytes(),
    ]
    .into_iter()
    .enumerate()
    {
        book.write("book/src/ch03-gan/page.md", wrong);
        std::thread::sleep(Duration::from_millis(900));
        assert_eq!(server.get(page).0, 200);
        let text = format!("直した文 {round}");
        book.write("book/src/ch03-gan/page.md", format!("# 題\n\n{text}\n"));
        server.wait_for(page, &text);
    }
    for folder in ["target/book", "target/book.next"] {
        let _ = std::fs::remove_dir_all(book.root().join(folder));
    }
    let start = Instant::now();
    while server.get(page).0 != 200 {
        assert!(start.elapsed() < Duration::from_secs(20), "消された本が作り直されません");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// 範囲を指定されたら、再読み込みの仕掛けを足さずに、頼まれた範囲だけを返す。
#[test]
fn a_range_is_exactly_what_was_asked() {
    let book = TinyBook::new("# 題\n");
    let server = Server::start(&book);
    let (status, answer) = server.get_with("/ch03-gan/page.html", "Range: bytes=0-9\r\n");
    assert_eq!(status, 206);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "<!DOCTYPE ", "{answer}");
    assert!(head.to_lowercase().contains("content-length: 10"), "{head}");
}

/// 本の外のファイルは、リンクや `..` を通しても、長い名前でも出さない。
#[test]
fn nothing_outside_the_book_is_served() {
    let book = TinyBook::new("# 題\n");
    book.write("secret.txt", "ひみつ");
    let server = Server::start(&book);
    #[cfg(unix)]
    {
        let dest = book.root().join("target/book");
        std::os::unix::fs::symlink(book.root().join("secret.txt"), dest.join("link.txt")).unwrap();
        std::os::unix::fs::symlink(book.root(), dest.join("folder")).unwrap();
    }
    let long = format!("/{}", "a".repeat(9000));
    let many = "/a".repeat(3000);
    for path in [
        "/link.txt",
        "/folder/secret.txt",
        "/folder/book.toml",
        "/../secret.txt",
        "/%2e%2e/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%5c..%5csecret.txt",
        "/C:/secret.txt",
        "//secret.txt",
        "/ch03-gan/page.html%00",
        "/%ff%fe",
        "/%",
        &long,
        &many,
    ] {
        let (status, answer) = server.get(path);
        assert!(matches!(status, 400 | 404), "{status}: {}", &path[..path.len().min(40)]);
        assert!(!answer.contains("ひみつ") && !answer.contains("[preprocessor"), "{path}");
    }
    assert_eq!(server.get("/ch03-gan/page.html").0, 200);
}

/// 知らせを書けない端末でも、見張りは続く。
#[cfg(target_os = "linux")]
#[test]
fn a_full_terminal_does_not_stop_anything() {
    let book = TinyBook::new("# 題\n\n$\\nosuch$\n");
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let status = workbook(&book, &["build"]).stdout(full()).stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let status = workbook(&book, &["--zzz"]).stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(2));
    book.write("book/src/ch03-gan/page.md", "# 題\n");
    let status = workbook(&book, &["build"]).stdout(full()).stderr(full()).status().unwrap();
    assert!(status.success());
}

/// 読者が章を動かしていれば、その図と数を見せる。章のフォルダの外は見せない。
#[test]
fn the_readers_own_runs_are_served() {
    let book = TinyBook::new("# 題\n");
    book.write("chapters/ch03-gan/src/lib.rs", "");
    book.write("book/src/figures/ch03-gan/run.json", r#"{"results":{"a":"1"}}"#);
    let server = Server::start(&book);
    let (status, body) = server.get("/-/runs/ch03-gan");
    assert!(status == 200 && body.contains(r#""runs":[]"#), "{body}");
    book.write("target/ch03-gan/ring/config.json", r#"{"steps":5}"#);
    book.write("target/ch03-gan/ring/steps.svg", "<svg>あなたの図</svg>");
    book.write("target/ch03-gan/ring/weights.safetensors", "秘密");
    book.write("target/secret.txt", "秘密");
    let (_, body) = server.get("/-/runs/ch03-gan");
    assert!(body.contains(r#""config":{"steps":5}"#) && body.contains("steps.svg"), "{body}");
    assert!(
        body.contains(r#""book":{"results":{"a":"1"}}"#)
            && body.contains(r#""figures":["run.json"]"#),
        "{body}"
    );
    let (status, body) = server.get("/-/runs/ch03-gan/ring/steps.svg");
    assert!(
        status == 200 && body.contains("あなたの図") && body.contains("image/svg+xml"),
        "{body}"
    );
    for path in [
        "/-/runs/ch03-gan/ring/weights.safetensors",
        "/-/runs/ch03-gan/../secret.txt",
        "/-/runs/ch03-gan/%2e%2e/secret.txt",
        "/-/runs/ch03-gan/ring%2f..%2f..%2fsecret.txt/a.txt",
        "/-/runs/nai",
        "/-/runs/",
    ] {
        let (status, body) = server.get(path);
        assert!(status == 404 && !body.contains("秘密"), "{path}: {body}");
    }
}
