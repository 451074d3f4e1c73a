//! 端末への知らせ。読み手がいなくなっても、書く先がいっぱいでも、仕事は続ける。

use std::fmt::Display;
use std::io::{self, Write};

use crate::markup::files::reason;
use crate::site::mdbook_messages::is_japanese;

/// 標準出力に 1 行書く。
pub fn say(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// 標準エラー出力に 1 行書く。
pub fn tell(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// 誤りと、その原因。英語の原因は、日本語の理由に替えるか、省く。
pub fn explain(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        match cause.downcast_ref::<io::Error>() {
            Some(cause) => parts.push(reason(cause)),
            None if is_japanese(&cause.to_string()) => parts.push(cause.to_string()),
            None => {}
        }
    }
    if parts.is_empty() { format!("{error:#}") } else { parts.join(": ") }
}
