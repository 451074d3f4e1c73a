//! 段落に 1 つだけ置いた画像を、説明の付いた図にする。
//!
//! SVG はページに埋め込む。`<img>` の中の SVG には本の色もフォントも届かないからである。
//! PNG は小さな生成画像なので、大きさを書き、ぼかさずに拡大する。

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow, bail, ensure};
use mdbook_markdown::pulldown_cmark::{Event, Tag, TagEnd};
use regex::Regex;

use crate::markup::files::{read_text, reason, slashed};
use crate::markup::html::escape_attribute;
use crate::markup::parser::parser;
use crate::markup::placeholders::Placeholders;
use crate::markup::short;
use crate::markup::source::{Edit, Source};
use crate::page::context::Page;

pub fn convert(
    source: &mut Source,
    page: &Page<'_>,
    placeholders: &mut Placeholders,
    problems: &mut Vec<String>,
) {
    let mut edits: Vec<Edit> = Vec::new();
    let events: Vec<_> = parser(&source.text).into_offset_iter().collect();
    for (index, (event, range)) in events.iter().enumerate() {
        let Event::Start(Tag::Image { dest_url, title, .. }) = event else {
            continue;
        };
        let end = events[index..]
            .iter()
            .position(|(event, _)| matches!(event, Event::End(TagEnd::Image)))
            .map_or(index, |length| index + length);
        let alone = index > 0
            && matches!(events[index - 1].0, Event::Start(Tag::Paragraph))
            && matches!(events.get(end + 1), Some((Event::End(TagEnd::Paragraph), _)));
        if !alone {
            continue;
        }
        let alt: String = events[index..end]
            .iter()
            .filter_map(|(event, _)| match event {
                Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
                Event::SoftBreak => Some(" "),
                _ => None,
            })
            .collect();
        let image = Image { url: dest_url, alt: placeholders.plain(&alt), caption: title };
        match figure(page, &image, edits.len() + 1) {
            Ok(html) => {
                let mut text = placeholders.add(html, String::new());
                // すぐ次の行に見出しなどがあると、HTML のブロックに飲み込まれる。
                let line_start = source.text[..range.start].rfind('\n').map_or(0, |n| n + 1);
                if line_start == range.start {
                    text.push('\n');
                }
                edits.push((range.clone(), text));
            }
            Err(error) => {
                problems.push(format!("{}: {error:#}。", source.place(range.start)));
                // 同じ図について、後の処理が別の誤りを重ねて知らせないようにする。
                edits.push((range.clone(), String::new()));
            }
        }
    }
    source.edit(edits);
}

struct Image<'a> {
    url: &'a str,
    alt: String,
    caption: &'a str,
}

/// 図の HTML を 1 行で作る。`number` はページの中での番号で、id を重ならせないために使う。
fn figure(page: &Page<'_>, image: &Image<'_>, number: usize) -> Result<String> {
    ensure!(
        !image.alt.trim().is_empty(),
        "図 {} に代替文がありません。![図を見られない人への説明](…) のように書いてください",
        image.url
    );
    let folder = page.src.join(page.path.parent().unwrap_or(Path::new("")));
    let file = page.root.join(&folder).join(image.url);
    let shown = slashed(&folder.join(image.url));
    let extension = file.extension().and_then(|e| e.to_str()).unwrap_or("");
    let body = match extension {
        "svg" => {
            let svg = read_text(&file).with_context(|| format!("図 {shown} を読めません"))?;
            // 印刷用のページには全ページの図が並ぶので、id にはページの名前も要る。
            let slug = page.path.with_extension("");
            let slug = slug.to_string_lossy().replace(['/', '\\'], "-");
            inline_svg(&svg, &image.alt, &format!("fig-{slug}-{number}-"))
                .with_context(|| format!("図 {shown} を埋め込めません"))?
        }
        "png" => {
            let bytes = fs::read(&file)
                .map_err(|error| anyhow!("図 {shown} を読めません: {}", reason(&error)))?;
            let (width, height) =
                png_size(&bytes).with_context(|| format!("{shown} は PNG ではありません"))?;
            format!(
                "<img src=\"{}\" alt=\"{}\" width=\"{width}\" height=\"{height}\" loading=\"lazy\" style=\"--w:{width};--h:{height}\">",
                escape_attribute(image.url),
                escape_attribute(&image.alt)
            )
        }
        _ => bail!("図 {shown} は .svg か .png にしてください"),
    };
    let caption = match image.caption.trim() {
        "" => String::new(),
        caption => {
            format!("<figcaption>{}</figcaption>", short::caption(caption)?.replace('\n', " "))
        }
    };
    Ok(format!("<figure class=\"figure figure-{extension}\">{body}{caption}</figure>"))
}

static NOT_DRAWN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)<\?.*?\?>|<!DOCTYPE[^>]*>|<!--.*?-->").expect("正しい正規表現")
});
static ROOT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s)<svg\b([^>]*)>").expect("正しい正規表現"));
static ATTRIBUTE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"([\w:-]+)\s*=\s*"([^"]*)""#).expect("正しい正規表現"));
static ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r##"\b(id="|url\(#|href="#|aria-labelledby="|aria-describedby=")([^")]*)"##)
        .expect("正しい正規表現")
});

/// SVG をページに置ける 1 行にする: 幅は図の枠に任せ、id には `prefix` を付ける。
fn inline_svg(svg: &str, alt: &str, prefix: &str) -> Result<String> {
    let svg = NOT_DRAWN.replace_all(svg, "");
    for forbidden in ["<style", "<script", "href=\"http", "url(http"] {
        ensure!(
            !svg.contains(forbidden),
            "本の色や通信に影響するので、SVG に {forbidden} は書けません"
        );
    }
    let root = ROOT.captures(&svg).context("<svg> がありません")?;
    let attribute = |name: &str| {
        ATTRIBUTE
            .captures_iter(&root[1])
            .find(|found| &found[1] == name)
            .map(|found| found[2].to_string())
    };
    let view_box = match attribute("viewBox") {
        Some(view_box) => view_box,
        None => format!(
            "0 0 {} {}",
            attribute("width").context("viewBox も width もありません")?,
            attribute("height").context("viewBox も height もありません")?
        ),
    };
    let width = view_box
        .split([' ', ','])
        .filter(|part| !part.is_empty())
        .nth(2)
        .context("viewBox に 4 つの数がありません")?;
    let kept: String = ATTRIBUTE
        .captures_iter(&root[1])
        .filter(|found| {
            !matches!(&found[1], "width" | "height" | "viewBox" | "role" | "style")
                && !found[1].starts_with("aria-")
        })
        .map(|found| format!(" {}", &found[0]))
        .collect();
    let start = format!(
        "<svg{kept} viewBox=\"{view_box}\" role=\"img\" aria-label=\"{}\" style=\"--w:{width}\">",
        escape_attribute(alt)
    );
    let body = &svg[root.get(0).expect("全体").end()..];
    let end = body.rfind("</svg>").context("</svg> がありません")?;
    let body = ID.replace_all(&body[..end], |found: &regex::Captures<'_>| {
        let names: Vec<String> =
            found[2].split_whitespace().map(|name| format!("{prefix}{name}")).collect();
        format!("{}{}", &found[1], names.join(" "))
    });
    // 図の中の `<title>` は、マウスを載せたときの吹き出しになる。代替文と同じ役なので外す。
    let body = TITLE.replace_all(&body, "");
    Ok(format!("{start}{}</svg>", squeeze(&body)))
}

static TITLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s)<title\b[^>]*>.*?</title>").expect("正しい正規表現"));

/// 改行と字下げを 1 つの空白にする。SVG では意味が変わらない。
fn squeeze(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// PNG の先頭 24 バイトにある幅と高さ。
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    (bytes.get(..8)? == b"\x89PNG\r\n\x1a\n").then_some(())?;
    Some((number(16)?, number(20)?))
}
