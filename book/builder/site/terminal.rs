//! 端末への知らせ。

/// 1 行の知らせ。`| head` などで読み手がいなくなっても、仕事は続ける。
pub fn say(text: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
}
