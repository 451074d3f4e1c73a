//! mdBook の描いたページを直す。
//!
//! - 読み上げとキーボード: 目次を開くのは本物のボタン、「本文へ」のリンク、空の見出しの升
//! - 道案内: ページごとに違う題、前後のページの名前、共有されたときの題と絵、誤りを知らせる所
//! - 見つからないページ: どの深さで開かれても、本の初めへ戻れる
//!
//! stock の `mdbook build` では、どれも mdBook のままになる。

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::{Captures, Regex};

use crate::content::questions::short_name;
use crate::markup::files::{read_text, slashed};
use crate::markup::html::escape_attribute;
use crate::site::output::files;

/// book.toml の `[preprocessor.workbook]` で決める、公開した本のこと。どれも、書かなければ付かない。
#[derive(Default)]
pub struct Address {
    /// 公開した場所 (`https://example.com/workbook/`)。共有されたときの絵は、ここからの道でしか指せない。
    pub site: Option<String>,
    /// 誤りを知らせる所。`{page}` は、ページの道に替わる。
    pub report: Option<String>,
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("正しい正規表現")
}

static TITLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"<title>(.*?)</title>"));
static DESCRIPTION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"<meta name="description" content="([^"]*)">"#));
static NAVIGATION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?s)<a rel="(prev|next)[^"]*" href="([^"]+)" class="(mobile-nav-chapters|nav-chapters) (?:previous|next)" title="[^"]*" aria-label="[^"]*" (aria-keyshortcuts="[^"]*")>\s*(.*?)\s*</a>"#,
    )
});
static PRINT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?s)<a href="((?:\.\./)*)print\.html" title="全ページを印刷する" aria-label="全ページを印刷する">(.*?)</a>"#,
    )
});
static TOGGLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?s)<label id="mdbook-sidebar-toggle" class="icon-button" for="mdbook-sidebar-toggle-anchor"([^>]*)>(.*?)</label>"#,
    )
});

/// 決まった置き換え。前が mdBook の書き方で、どれも、どのページにもある。
pub const PARTS: &[(&str, &str)] = &[
    ("<body>", "<body>\n    <a class=\"skip\" href=\"#mdbook-content\">本文へ</a>"),
    (
        "<div id=\"mdbook-content\" class=\"content\">",
        "<div id=\"mdbook-content\" class=\"content\" tabindex=\"-1\">",
    ),
    (
        "aria-describedby=\"searchresults-header\"",
        "aria-describedby=\"mdbook-searchresults-header\"",
    ),
    (
        "<div id=\"mdbook-searchresults-header\" class=\"searchresults-header\">",
        "<div id=\"mdbook-searchresults-header\" class=\"searchresults-header\" role=\"status\">",
    ),
];

/// `dest` のページをすべて直す。
pub fn mend(dest: &Path, address: &Address) -> Result<()> {
    let mut pages = HashMap::new();
    for name in files(dest).into_iter().filter(|name| name.ends_with(".html")) {
        let path = dest.join(&name);
        let html = read_text(&path).with_context(|| format!("{} を読めません", path.display()))?;
        pages.insert(name, html);
    }
    let titles: HashMap<&String, (String, String)> =
        pages.iter().filter_map(|(name, html)| Some((name, title(name, html)?))).collect();
    for (name, html) in &pages {
        let html = match name.as_str() {
            "404.html" => lost(html),
            "toc.html" => continue,
            _ => page(name, html, &titles, address),
        };
        let path = dest.join(name);
        fs::write(&path, html).with_context(|| format!("{} を書けません", path.display()))?;
    }
    Ok(())
}

/// ページの題 (目次の名前) と、本の題。章の中のページには、章の番号を付ける。
fn title(name: &str, html: &str) -> Option<(String, String)> {
    let whole = TITLE.captures(html)?.get(1)?.as_str();
    let (own, book) = whole.rsplit_once(" - ").unwrap_or((whole, ""));
    let folder = name.split('/').next().unwrap_or_default();
    let chapter = short_name(folder);
    let numbered = name.contains('/') && chapter != folder && !name.ends_with("/index.html");
    let own = if numbered { format!("{chapter} {own}") } else { own.to_owned() };
    Some((own, book.to_owned()))
}

fn page(
    name: &str,
    html: &str,
    titles: &HashMap<&String, (String, String)>,
    address: &Address,
) -> String {
    let mut html =
        PARTS.iter().fold(html.to_owned(), |html, (from, to)| html.replacen(from, to, 1));
    html = html.replace("<th></th>", "<td></td>");
    html = TOGGLE
        .replace(
            &html,
            "<button type=\"button\" id=\"mdbook-sidebar-toggle\" class=\"icon-button\"$1>$2</button>\
             <noscript><label class=\"icon-button\" for=\"mdbook-sidebar-toggle-anchor\">目次</label></noscript>",
        )
        .into_owned();
    // 押した途端に何百枚もの本を刷る代わりに、このページを刷る窓を開く。JavaScript が無ければ、今までのリンク。
    html = PRINT
        .replace(
            &html,
            "<button type=\"button\" id=\"print-page\" class=\"icon-button\" title=\"印刷する\" aria-label=\"印刷する\">$2</button>\
             <noscript><a href=\"${1}print.html\">印刷</a></noscript>",
        )
        .into_owned();
    let Some((own, book)) = titles.get(&name.to_owned()) else { return html };
    html = NAVIGATION
        .replace_all(&html, |found: &Captures<'_>| navigation(name, found, titles))
        .into_owned();
    let whole = match (name, book.is_empty()) {
        // 表紙は、本の題を先に名乗る。
        ("index.html", false) => format!("{book} — {own}"),
        (_, true) => own.clone(),
        _ => format!("{own} - {book}"),
    };
    let description =
        DESCRIPTION.captures(&html).map_or(String::new(), |found| found[1].to_owned());
    let mut head = format!(
        "<title>{whole}</title>\n        <meta property=\"og:title\" content=\"{}\">\n        <meta property=\"og:type\" content=\"article\">\n        <meta property=\"og:description\" content=\"{description}\">",
        whole.replace('"', "&quot;")
    );
    if let Some(site) = &address.site {
        let site = escape_attribute(site.trim_end_matches('/'));
        head.push_str(&format!(
            "\n        <meta property=\"og:url\" content=\"{site}/{name}\">\n        <meta property=\"og:image\" content=\"{site}/icons/card.png\">\n        <meta name=\"twitter:card\" content=\"summary_large_image\">"
        ));
    }
    html = TITLE.replace(&html, regex::NoExpand(&head)).into_owned();
    if let Some(report) = &address.report {
        let link = report.replace("{page}", name);
        let link = format!(
            "</main>\n\n                    <p class=\"report\"><a href=\"{}\">このページの誤りを知らせる</a></p>",
            escape_attribute(&link)
        );
        html = html.replacen("</main>", &link, 1);
    }
    html
}

/// 前後のページへのリンク。行き先の名前を持つ。
fn navigation(
    name: &str,
    found: &Captures<'_>,
    titles: &HashMap<&String, (String, String)>,
) -> String {
    let (rel, href, class, keys, icon) = (&found[1], &found[2], &found[3], &found[4], &found[5]);
    let (way, side) = if rel == "prev" { ("前", "previous") } else { ("次", "next") };
    let own = titles.get(&resolve(name, href)).map_or("", |(own, _)| own.as_str());
    let label = format!("{way}のページ: {own}");
    let rel = if rel == "prev" { "prev" } else { "next prefetch" };
    let words = match class {
        "mobile-nav-chapters" => {
            format!(
                "<span class=\"nav-name\"><span class=\"nav-way\">{way}のページ</span>{own}</span>"
            )
        }
        _ => String::new(),
    };
    let label = label.replace('"', "&quot;");
    format!(
        "<a rel=\"{rel}\" href=\"{href}\" class=\"{class} {side}\" title=\"{label}\" aria-label=\"{label}\" {keys}>{icon}{words}</a>"
    )
}

/// `page` から見た道 `href` の、本の根元からの道。
fn resolve(page: &str, href: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in href.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." => {}
            part => parts.push(part),
        }
    }
    slashed(Path::new(&parts.join("/")))
}

/// 見つからないページ。どの深さで開かれるか分からないので、ほかのファイルに頼らず、本の根元は開かれてから探す。
fn lost(html: &str) -> String {
    let title = TITLE.captures(html).map_or("", |found| found.get(1).map_or("", |m| m.as_str()));
    format!(
        r##"<!DOCTYPE html>
<html lang="ja">
<head>
<meta charset="UTF-8">
<title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; background: Canvas; color: CanvasText; font: 17px/1.9 system-ui, "Hiragino Sans", "Noto Sans JP", Meiryo, sans-serif; }}
main {{ max-inline-size: 36em; margin: 12vh auto; padding: 0 20px; }}
h1 {{ font-size: 1.5em; line-height: 1.4; }}
a {{ display: inline-block; min-block-size: 44px; line-height: 44px; margin-inline-end: 1.4em; }}
</style>
</head>
<body>
<main>
<h1>ページが見つかりません (404)</h1>
<p>この URL のページはありません。名前が変わったか、リンクが古いのかもしれません。</p>
<p><a data-page="index.html" href="index.html">本の初めへ</a></p>
</main>
<script>
// 本は、フォルダの中に置かれていることもある。今の道を 1 段ずつ上がり、本の目次がある所を根元とする。
(async () => {{
  if (!location.protocol.startsWith('http')) return;
  const parts = location.pathname.split('/');
  for (let depth = parts.length - 1; depth > 0; depth--) {{
    const root = parts.slice(0, depth).join('/') + '/';
    const found = await fetch(root + 'toc.html', {{ method: 'HEAD' }}).then(({{ ok }}) => ok, () => false);
    if (!found) continue;
    for (const link of document.querySelectorAll('[data-page]')) link.href = root + link.dataset.page;
    document.documentElement.dataset.root = root;
    return;
  }}
}})();
</script>
</body>
</html>
"##
    )
}
