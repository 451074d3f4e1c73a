//! mdBook の英語の知らせと誤りを、日本語にする。
//!
//! mdBook は、閉じていないタグなどを警告するだけで描き終える。この本では誤りにする。

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use regex::Regex;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::markup::files::{reason, slashed};
use crate::markup::parser::code_ranges;

/// 知らせの 1 行を書きためる所。
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<u8>>>);

impl io::Write for Notes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(|error| error.into_inner()).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Notes {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// `work` の間の mdBook の知らせを集める。
pub fn listen<T>(work: impl FnOnce() -> T) -> (T, String) {
    let notes = Notes::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(notes.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    let guard = subscriber.set_default();
    let result = work();
    drop(guard);
    let bytes = std::mem::take(&mut *notes.0.lock().unwrap_or_else(|error| error.into_inner()));
    (result, String::from_utf8_lossy(&bytes).into_owned())
}

static UNCLOSED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"unclosed HTML tag `<([^>`]*)>` found in `([^`]*)`"));
static UNOPENED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"unexpected HTML end tag `</([^>`]*)>` found in `([^`]*)`"));
static UNREADABLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"()html parse error in `([^`]*)`"));
static FOOTNOTE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"footnote `([^`]*)` in `?([^` ]*)`? (?:is defined but|defined multiple)")
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("正しい正規表現")
}

/// タグや脚注の名前から、誤りの文を作る。
type Sentence<'a> = &'a dyn Fn(&str) -> String;

/// 集めた知らせのうち、原稿の誤りであるもの。`src` は `root` から見た原稿のフォルダ。
pub fn problems(notes: &str, root: &Path, src: &Path) -> Vec<String> {
    let kinds: [(&Regex, Sentence); 4] = [
        (&UNCLOSED, &|name| format!("HTML のタグ <{name}> が閉じていません")),
        (&UNOPENED, &|name| format!("閉じるタグ </{name}> に、始まりのタグがありません")),
        (&UNREADABLE, &|_| "HTML の書き方が正しくありません".to_owned()),
        (&FOOTNOTE, &|name| format!("脚注 {name} が、使われていないか 2 度書かれています")),
    ];
    let mut found = Vec::new();
    for (pattern, sentence) in kinds {
        for note in pattern.captures_iter(notes) {
            let (name, page) = (&note[1], &note[2]);
            // mdBook は、README.md のページを index.md と呼ぶ。
            let file = match page.strip_suffix("index.md") {
                Some(folder) if !root.join(src).join(page).is_file() => {
                    format!("{folder}README.md")
                }
                _ => page.to_owned(),
            };
            let file = src.join(file);
            let place = match unbalanced_line(&root.join(&file), name) {
                Some(line) => format!("{}:{line}", slashed(&file)),
                None => slashed(&file),
            };
            let problem = format!("{place}: {}。", sentence(name));
            if !found.contains(&problem) {
                found.push(problem);
            }
        }
    }
    found
}

/// タグ `name` の始まりと終わりを数え、組にならない初めの行。
fn unbalanced_line(file: &Path, name: &str) -> Option<usize> {
    let text = fs::read_to_string(file).ok()?;
    let tag = Regex::new(&format!(r"(?i)<(/?){}\b", regex::escape(name))).ok()?;
    let code = code_ranges(&text);
    let mut open: Vec<usize> = Vec::new();
    for found in tag.captures_iter(&text) {
        let at = found.get(0)?.start();
        if code.iter().any(|code| code.contains(&at)) {
            continue;
        }
        let line = 1 + text[..at].matches('\n').count();
        if found[1].is_empty() {
            open.push(line);
        } else if open.pop().is_none() {
            return Some(line);
        }
    }
    open.first().copied()
}

/// mdBook の誤りの、日本語の理由。この本の前処理の知らせなら、そのまま。
pub fn explain(error: &anyhow::Error) -> String {
    let own: Vec<String> =
        error.chain().map(|cause| cause.to_string()).filter(|text| is_japanese(text)).collect();
    if !own.is_empty() {
        return own.join(": ");
    }
    let whole = format!("{error:#}");
    let cause = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    let cause = cause.map_or(String::new(), |cause| format!(": {}", reason(cause)));
    let name = |before: &str| {
        let rest = whole.split_once(before)?.1;
        Some(rest[..rest.find('`').unwrap_or(rest.len())].to_owned())
    };
    if let Some(page) = name("failed to read chapter `") {
        return format!("SUMMARY.md が挙げるページ {page} を読めません{cause}");
    }
    if let Some(file) = name("failed to open `") {
        return format!(
            "book.toml の additional-css か additional-js の {file} を読めません{cause}"
        );
    }
    if let Some((_, rest)) = whole.split_once("theme dir ") {
        let folder = rest.split(" does not exist").next().unwrap_or_default();
        return format!("book.toml の theme のフォルダ {folder} がありません");
    }
    let line = whole.split_once("line ").map_or(String::new(), |(_, rest)| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        if digits.is_empty() { digits } else { format!(":{digits}") }
    });
    if whole.contains("SUMMARY") || whole.contains("Summary") {
        return format!(
            "SUMMARY.md{line}: 目次の書き方が正しくありません。「- [題](ページ.md)」を並べてください{cause}"
        );
    }
    if whole.contains("configuration") || whole.contains("TOML") || whole.contains("deserialize") {
        return format!("book.toml{line}: 設定の書き方が正しくありません{cause}");
    }
    match cause.is_empty() {
        true => format!("mdBook の知らせ: {whole}"),
        false => format!("本のファイルを読み書きできません{cause}"),
    }
}

/// かな・漢字を含むか。
pub fn is_japanese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
}
