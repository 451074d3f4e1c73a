//! 数式や図の HTML を、ほかの処理から守って運ぶ目印。

/// HTML にする前の目印。1 つの私用文字の間に番号を書く。
///
/// 原稿の文字としては現れず、Markdown の記号でもないので、どの処理も 1 つの語として運ぶ。
#[derive(Default)]
pub struct Placeholders(Vec<Placeholder>);

struct Placeholder {
    html: String,
    plain: String,
}

const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';

/// 原稿に紛れた、目印と同じ文字の位置。
pub fn stray(text: &str) -> Option<usize> {
    text.find([OPEN, CLOSE])
}

/// [`stray`] の知らせ。
pub const STRAY: &str =
    "表示できない私用文字 (U+E000 か U+E001) があります。消すか、ほかの文字に替えてください";

/// 行の頭に来てはならない記号。
const CLOSING_MARKS: &[char] = &['、', '。', '，', '．', '）', '」', '』', '】'];

impl Placeholders {
    /// HTML を預けて目印をもらう。`plain` は、HTML を書けない所 (図の代替文) で使う文字。
    pub fn add(&mut self, html: String, plain: String) -> String {
        self.0.push(Placeholder { html, plain });
        format!("{OPEN}{}{CLOSE}", self.0.len() - 1)
    }

    /// 目印を HTML に戻す。預けた HTML の中に、さらに目印があってもよい (図の説明の数式)。
    pub fn restore(&self, text: &str) -> String {
        self.replace(text, &|placeholder| self.restore(&placeholder.html))
    }

    /// 目印をただの文字に戻す。
    pub fn plain(&self, text: &str) -> String {
        self.replace(text, &|placeholder| placeholder.plain.clone())
    }

    fn replace(&self, text: &str, show: &dyn Fn(&Placeholder) -> String) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            out.push_str(before);
            let found = after.split_once(CLOSE).and_then(|(number, tail)| {
                Some((self.0.get(number.parse::<usize>().ok()?)?, tail))
            });
            // 原稿に紛れた私用文字 ([`stray`] が知らせる) は、目印ではない。
            let Some((placeholder, tail)) = found else {
                out.push(OPEN);
                rest = after;
                continue;
            };
            let shown = show(placeholder);
            // ブラウザは、数式の直後なら「。」の前でも行を折る。1 つに包んで、行頭に来ないようにする。
            let closing = tail.len() - tail.trim_start_matches(CLOSING_MARKS).len();
            if closing > 0 && shown.starts_with("<math") {
                out.push_str(&format!("<span class=\"keep\">{shown}{}</span>", &tail[..closing]));
                rest = &tail[closing..];
            } else {
                out.push_str(&shown);
                rest = tail;
            }
        }
        out.push_str(rest);
        out
    }
}
