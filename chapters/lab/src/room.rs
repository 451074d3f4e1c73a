//! ページとのやりとり。
//!
//! ページは [`reserve`] で得た場所に頼みごと (JSON) を書き、[`call`] を呼びます。重みなどを渡すときは、0 の 1 バイトで
//! 区切って、後ろに続けます。答えは 1 つのメモリの塊で、
//! 4 バイトずつの「文字の長さ」「数の個数」、f32 の並び、文字 (JSON) の順です。
//! ブラウザとの間の取り決めはこれだけなので、橋渡しのコードを作る道具は使いません。

use std::cell::RefCell;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cyclegan::CycleGanBench;
use crate::dcgan::DcganBench;
use crate::diffusion::DiffusionBench;
use crate::gan::GanBench;
use crate::pix2pix::Pix2PixBench;
use crate::vae::VaeBench;

/// 頼みごとへの答え。数の並びは、文字の側の `parts` が名前と個数で区切ります。
#[derive(Debug, Default)]
pub struct Answer {
    pub text: serde_json::Map<String, Value>,
    numbers: Vec<f32>,
    parts: Vec<(String, usize)>,
}

impl Answer {
    /// 文字の側に 1 つ書き足します。
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.text.insert(name.into(), value.into());
        self
    }

    /// 数の並びを 1 つ足します。
    pub fn with_numbers(mut self, name: &str, numbers: Vec<f32>) -> Self {
        self.parts.push((name.into(), numbers.len()));
        self.numbers.extend(numbers);
        self
    }

    /// 名前の付いた数の並び。
    pub fn numbers(&self, name: &str) -> Option<&[f32]> {
        let mut start = 0;
        for (part, length) in &self.parts {
            if part == name {
                return Some(&self.numbers[start..start + length]);
            }
            start += length;
        }
        None
    }

    fn bytes(mut self) -> Vec<u8> {
        self.text.insert("parts".into(), json!(self.parts));
        let text = Value::Object(self.text).to_string();
        let counts = [text.len() as u32, self.numbers.len() as u32];
        let mut bytes: Vec<u8> = counts.iter().flat_map(|count| count.to_le_bytes()).collect();
        bytes.extend(self.numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(text.as_bytes());
        bytes
    }
}

/// 頼みごと。はじめに `start` で台を作り、あとはその台に頼みます。
#[derive(Debug, Deserialize)]
struct Request {
    /// 台の名前: gan、vae、diffusion、dcgan、pix2pix、cyclegan
    bench: String,
    /// 何をするか。台ごとに決まっています。
    #[serde(rename = "do")]
    what: String,
    /// 頼みごとの細かい指定。
    #[serde(default)]
    with: Value,
}

/// 動いている台。1 つの部屋 (ワーカー) に 1 つです。
#[derive(Default)]
pub struct Room {
    gan: Option<GanBench>,
    vae: Option<VaeBench>,
    diffusion: Option<DiffusionBench>,
    dcgan: Option<DcganBench>,
    pix2pix: Option<Pix2PixBench>,
    cyclegan: Option<CycleGanBench>,
}

impl Room {
    /// 頼みごと `request` (JSON) に答えます。
    pub fn answer(&mut self, request: &str) -> Result<Answer> {
        self.answer_with(request, &[])
    }

    /// [`Room::answer`] に、頼みごとの後ろに続いたバイト列 (学習を終えた重み) も渡します。
    pub fn answer_with(&mut self, request: &str, data: &[u8]) -> Result<Answer> {
        let Request { bench, what, with } =
            serde_json::from_str(request).context("頼みごとの形が正しくありません")?;
        const NOT_YET: &str = "先に start を頼んでください";
        match (bench.as_str(), what.as_str()) {
            ("gan", "start") => {
                self.gan = Some(GanBench::new(with)?);
                Ok(Answer::default())
            }
            ("gan", what) => self.gan.as_mut().context(NOT_YET)?.answer(what, with),
            ("vae", "start") => {
                self.vae = Some(VaeBench::new(with)?);
                Ok(Answer::default())
            }
            ("vae", what) => self.vae.as_mut().context(NOT_YET)?.answer(what, with),
            ("diffusion", "start") => {
                self.diffusion = Some(DiffusionBench::new(with)?);
                Ok(Answer::default())
            }
            ("diffusion", what) => self.diffusion.as_mut().context(NOT_YET)?.answer(what, with),
            ("dcgan", "start") => {
                self.dcgan = Some(DcganBench::new(data)?);
                Ok(Answer::default())
            }
            ("dcgan", what) => self.dcgan.as_ref().context(NOT_YET)?.answer(what, with),
            ("pix2pix", "start") => {
                let bench = self.pix2pix.insert(Pix2PixBench::new(data)?);
                bench.held_out()
            }
            ("pix2pix", what) => self.pix2pix.as_ref().context(NOT_YET)?.answer(what, with),
            ("cyclegan", "start") => {
                self.cyclegan = Some(CycleGanBench::new(data)?);
                Ok(Answer::default())
            }
            ("cyclegan", what) => self.cyclegan.as_ref().context(NOT_YET)?.answer(what, with),
            _ => anyhow::bail!("台 {bench} はありません"),
        }
    }
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
    static REQUEST: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static ANSWER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// 頼みごとを書く場所 (`length` バイト) を用意して、その場所を返します。
#[unsafe(no_mangle)]
pub extern "C" fn reserve(length: usize) -> *mut u8 {
    REQUEST.with_borrow_mut(|request| {
        request.clear();
        request.resize(length, 0);
        request.as_mut_ptr()
    })
}

/// 書かれた頼みごとに答えて、答えの場所を返します。失敗は、答えの `error` に入ります。
#[unsafe(no_mangle)]
pub extern "C" fn call() -> *const u8 {
    let answer = REQUEST.with_borrow(|request| {
        // JSON の文字に 0 のバイトは現れない。
        let end = request.iter().position(|&byte| byte == 0).unwrap_or(request.len());
        let (text, data) = (String::from_utf8_lossy(&request[..end]), &request[end..]);
        ROOM.with_borrow_mut(|room| room.answer_with(&text, data.get(1..).unwrap_or_default()))
    });
    let answer =
        answer.unwrap_or_else(|error| Answer::default().with("error", format!("{error:#}")));
    ANSWER.with_borrow_mut(|bytes| {
        *bytes = answer.bytes();
        bytes.as_ptr()
    })
}
