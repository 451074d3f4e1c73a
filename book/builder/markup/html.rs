//! HTML に書ける文字にする。

/// HTML を 1 行にする。空行があると Markdown の HTML ブロックがそこで終わってしまう。
/// 改行は文字参照にするので、`<pre>` の中の改行も失われない。
pub fn one_line(html: &str) -> String {
    html.trim().replace('\n', "&#10;")
}

/// 属性の値に書ける形にする。
pub fn escape_attribute(text: &str) -> String {
    escape(text).replace('"', "&quot;")
}

/// 本文に書ける形にする。
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
