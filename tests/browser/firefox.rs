//! Firefox でも、実験室が同じ数を出すこと。
//!
//! Firefox とは Marionette で話す。「長さ:JSON」を TCP で送り合うだけの取り決めなので、道具は要らない。
//! 無ければ `SKIPPED` と書いて通る。使う Firefox は環境変数 `FIREFOX` でも指せる。

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::chrome::PATIENCE;
use crate::lab::assert_same_numbers_by;
use crate::reader::{from_files, thorough};

/// 1 つの窓を持つ Firefox。手放すと終わる。
struct Firefox {
    child: Child,
    socket: BufReader<TcpStream>,
    number: u64,
    _profile: tempfile::TempDir,
}

impl Drop for Firefox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::var_os("FIREFOX").map(PathBuf::from).or_else(|| {
        std::env::split_paths(&path)
            .flat_map(|folder| ["firefox", "firefox-esr"].map(|name| folder.join(name)))
            .find(|candidate| candidate.is_file())
    })
}

impl Firefox {
    /// Firefox が無ければ `None`。
    fn new() -> Option<Self> {
        let Some(path) = find() else {
            println!("SKIPPED: Firefox がないので、Firefox の試験を飛ばします。");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let settings =
            "user_pref(\"marionette.port\", 0);\nuser_pref(\"app.update.auto\", false);\n";
        fs::write(profile.path().join("user.js"), settings).unwrap();
        let child = Command::new(path)
            .args(["--headless", "--marionette", "--no-remote", "--profile"])
            .arg(profile.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Firefox を起動できません");
        // 空いていた口の番号が、ここに書かれる。
        let place = profile.path().join("MarionetteActivePort");
        let deadline = Instant::now() + PATIENCE;
        let socket = loop {
            let port = fs::read_to_string(&place).ok().and_then(|text| text.trim().parse().ok());
            if let Some(socket) =
                port.and_then(|port: u16| TcpStream::connect(("127.0.0.1", port)).ok())
            {
                break socket;
            }
            assert!(Instant::now() < deadline, "Firefox が返事をしません");
            sleep(Duration::from_millis(50));
        };
        socket.set_read_timeout(Some(3 * PATIENCE)).unwrap();
        let mut firefox =
            Self { child, socket: BufReader::new(socket), number: 0, _profile: profile };
        firefox.read(); // はじめの名乗り。
        firefox.call("WebDriver:NewSession", json!({}));
        firefox.call("WebDriver:SetTimeouts", json!({ "script": 2 * PATIENCE.as_millis() as u64 }));
        Some(firefox)
    }

    fn read(&mut self) -> Value {
        let mut length = Vec::new();
        self.socket.read_until(b':', &mut length).unwrap();
        let length = String::from_utf8(length).unwrap();
        let mut message = vec![0; length.trim_end_matches(':').parse().unwrap()];
        self.socket.read_exact(&mut message).unwrap();
        serde_json::from_slice(&message).unwrap()
    }

    #[track_caller]
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let message = json!([0, self.number, method, params]).to_string();
        let sent = format!("{}:{message}", message.len());
        self.socket.get_mut().write_all(sent.as_bytes()).unwrap();
        let mut reply = self.read();
        assert_eq!(reply[2], Value::Null, "{method}");
        reply[3].take()
    }

    /// ページの中で式を評価した値。Promise なら、かなうまで待つ。
    #[track_caller]
    fn js(&mut self, expression: &str) -> Value {
        let script = format!("return ({expression})");
        let params = json!({ "script": script, "args": [], "sandbox": null });
        self.call("WebDriver:ExecuteScript", params)["value"].take()
    }
}

/// 直に開いたファイルから、どの台も学習でき、損失は Rust の結果と合う。
#[test]
fn the_laboratory_gives_the_same_numbers_in_firefox() {
    if !thorough() {
        return;
    }
    let Some(mut firefox) = Firefox::new() else { return };
    for (bench, width) in [("gan", 4), ("vae", 3), ("diffusion", 1)] {
        let url = format!("{}/lab/index.html", from_files());
        firefox.call("WebDriver:Navigate", json!({ "url": url }));
        let opened = firefox.js(&format!(
            "(async () => {{
               window.box = document.querySelector('.lab[data-lab={bench}]');
               box.querySelector('.lab-open').click();
               const note = () => box.querySelector('.lab-note')?.textContent ?? '';
               while (!box.bench && !note().startsWith('動かせませんでした')) await new Promise((done) => setTimeout(done, 50));
               return box.bench ? '' : note();
             }})()"
        ));
        assert_eq!(opened, "", "{bench}");
        assert_same_numbers_by(|expression| firefox.js(expression), bench, width);
    }
}
