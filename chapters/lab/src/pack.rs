//! ページに載せるファイル `book/src/figures/lab/module.js` の、作り方と指紋。
//!
//! file:// で開いた本は WebAssembly のファイルを読めないので、縮めて文字にし、変数に代入するだけの
//! JavaScript として置きます。

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tools::{files, record};

use crate::room::Room;

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "lab";
const START: &str = "window.workbookLabModule = ";

pub(crate) fn chapters() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// 実験室のファイルを置くフォルダ。
pub fn folder() -> PathBuf {
    chapters().join("../book/src/figures/lab")
}

/// 本に置いたファイル。
pub fn place() -> PathBuf {
    folder().join("module.js")
}

/// いまのソースの指紋。組み立てに入るソースとデータだけを数えます。
pub fn fingerprint() -> String {
    let chapter = |name: &str, files: &[&str]| -> Vec<PathBuf> {
        files.iter().map(|file| chapters().join(name).join("src").join(file)).collect()
    };
    let learning = ["config.rs", "model.rs", "train.rs"];
    let sources = [
        chapter("lab", &["room.rs", "gan.rs", "vae.rs", "diffusion.rs", "weights.rs"]),
        chapter("lab", &["dcgan.rs", "pix2pix.rs", "cyclegan.rs"]),
        chapter("ch02-vae", &learning),
        chapter("ch03-gan", &learning),
        chapter("ch04-dcgan", &["config.rs", "measure.rs", "model.rs", "train.rs"]),
        chapter("ch05-pix2pix", &["config.rs", "measure.rs", "model.rs", "train.rs"]),
        chapter("ch06-cyclegan", &["config.rs", "data.rs", "model.rs", "train.rs"]),
        chapter("ch07-diffusion", &[&learning[..], &["data.rs", "measure.rs"][..]].concat()),
        vec![chapters().join("common/src"), chapters().join("common/data")],
    ];
    record::digest(&sources.concat()).unwrap_or_else(|_| "不明".into())
}

/// 本に置いたファイルの中身。なければ None です。
pub fn kept() -> Option<Value> {
    let text = fs::read_to_string(place()).ok()?;
    let json = text.strip_prefix(START)?.trim_end().strip_suffix(';')?;
    serde_json::from_str(json).ok()
}

/// 本の種で 300 回学習した結果。ブラウザの試験が、ページの中の学習と比べます。
///
/// 丸めは CPU とブラウザで違うので、はじめの 5 回はほぼ同じ値、終わりの 100 回は平均を比べます。
pub fn checks() -> Result<Value> {
    let mut room = Room::default();
    let mut ask = |request: Value| room.answer(&request.to_string());
    let mut all = serde_json::Map::new();
    for (bench, width) in [("gan", 4), ("vae", 3), ("diffusion", 1)] {
        ask(json!({ "bench": bench, "do": "start", "with": {} }))?;
        let answer = ask(json!({ "bench": bench, "do": "train", "with": 300 }))?;
        let losses = answer.numbers("losses").context("損失がありません")?;
        let mean = |at: usize| {
            let series = losses.iter().skip(200 * width + at).step_by(width);
            series.sum::<f32>() / 100.
        };
        let last: Vec<f32> = (0..width).map(mean).collect();
        all.insert(bench.into(), json!({ "first": losses[..5 * width], "last": last }));
    }
    let view = json!({ "grid": 10, "extent": 1.6, "samples": 400 });
    let view = ask(json!({ "bench": "gan", "do": "view", "with": view }))?;
    all["gan"]["modes"] = view.text["modes"].clone();
    Ok(Value::Object(all))
}

/// ブラウザのための部品があることを確かめます。
pub fn check_target() -> Result<()> {
    ensure!(
        has_target()?,
        "ブラウザのための部品 ({TARGET}) がありません。rustup target add {TARGET} を実行してから、もう一度どうぞ"
    );
    Ok(())
}

/// 章のコードをブラウザのために組み立て、本に置きます。縮めた大きさ (バイト) を返します。
pub fn pack() -> Result<usize> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let options = ["--lib", "--crate-type", "cdylib", "--target", TARGET, "--profile", PROFILE];
    let done = Command::new(cargo)
        .args(["rustc", "--package", "lab"])
        .args(options)
        .current_dir(chapters())
        .status()
        .context("cargo を始められません")?;
    ensure!(done.success(), "ブラウザのための組み立てに失敗しました。上の誤りを直してください");
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target),
        None => chapters().join("../target"),
    };
    let built = target.join(TARGET).join(PROFILE).join("lab.wasm");
    let bytes = fs::read(&built).with_context(|| format!("{} を読めません", built.display()))?;
    let mut small = GzEncoder::new(Vec::new(), Compression::best());
    small.write_all(&bytes)?;
    let small = small.finish()?;
    let module = json!({
        "fingerprint": fingerprint(),
        "checks": checks()?,
        "packed": BASE64_STANDARD.encode(&small),
    });
    fs::create_dir_all(folder())?;
    files::write(&place(), format!("{START}{module};\n").as_bytes())?;
    Ok(small.len())
}

fn has_target() -> Result<bool> {
    let asked =
        Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    let asked = asked.context("rustc を始められません")?;
    let folder = String::from_utf8_lossy(&asked.stdout).trim().to_string();
    Ok(asked.status.success() && Path::new(&folder).is_dir())
}
