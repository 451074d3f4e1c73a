//! `> [!IMPORTANT]` などの囲みを、日本語の題を持つ箱にする。
//!
//! mdBook の囲みの題は英語で、stock の mdbook では直せない。原稿の段階で箱に替えておけば、
//! どちらでビルドしても同じになる。囲みは 3 種類だけ: 要点、注意 (よくある誤り)、試験では。

use mdbook_markdown::pulldown_cmark::{BlockQuoteKind, Event, Tag};

use crate::markup::parser::parser;
use crate::markup::source::{Edit, Source};

pub fn convert(source: &mut Source, problems: &mut Vec<String>) {
    let mut edits: Vec<Edit> = Vec::new();
    for (event, range) in parser(&source.text).into_offset_iter() {
        let Event::Start(Tag::BlockQuote(Some(kind))) = event else {
            continue;
        };
        let (class, title) = match kind {
            BlockQuoteKind::Important => ("important", "要点"),
            BlockQuoteKind::Warning => ("warning", "注意"),
            BlockQuoteKind::Tip => ("exam", "試験では"),
            BlockQuoteKind::Note | BlockQuoteKind::Caution => {
                problems.push(format!(
                    "{}: 囲みは [!IMPORTANT] (要点)、[!WARNING] (注意)、[!TIP] (試験では) の 3 つだけです。",
                    source.place(range.start)
                ));
                continue;
            }
        };
        let line_start = source.text[..range.start].rfind('\n').map_or(0, |n| n + 1);
        if line_start != range.start {
            problems.push(format!(
                "{}: 囲みは、箇条書きや引用の中ではなく、行頭から始めてください。",
                source.place(range.start)
            ));
            continue;
        }
        // 1 行目は `> [!IMPORTANT]`。2 行目からが中身で、行頭の `> ` を外すと普通の本文になる。
        let body: Vec<&str> = source.text[range.clone()]
            .lines()
            .skip(1)
            .map(|line| {
                let line = line.trim_start().strip_prefix('>').unwrap_or(line);
                line.strip_prefix(' ').unwrap_or(line)
            })
            .collect();
        // 行の数を変えなければ、この後の誤りも元の行番号で知らせられる。1 行目に箱と題を書き、
        // 中身の前には空行が要るので、1 行だけ増やして `edit` を 2 つに分ける。
        let first_end = range.start + source.text[range.clone()].find('\n').unwrap_or(range.len());
        edits.push((
            range.start..first_end,
            format!(
                "<div class=\"box box-{class}\" role=\"note\"><p class=\"box-title\">{title}</p>\n"
            ),
        ));
        let mut at = first_end;
        for (line, clean) in
            source.text[first_end..range.end].trim_start_matches('\n').lines().zip(body)
        {
            at += 1;
            edits.push((at..at + line.len(), clean.to_string()));
            at += line.len();
        }
        edits.push((range.end..range.end, "\n\n</div>\n\n".to_string()));
    }
    source.edit(edits);
}
