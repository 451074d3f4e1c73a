//! 本の節の一覧。問題集の `section` が実在するかを、ここで確かめる。

use std::collections::BTreeMap;

use mdbook_markdown::pulldown_cmark::{Event, Tag, TagEnd};

use crate::markup::parser::parser;

/// 節の名前 (`ch03-gan/concept.md#discriminator`) から見出しの文を引く表。
///
/// `{#ascii-id}` を付けた見出しだけを載せる。id の無い見出しは、文を直すと
/// リンクが切れるので、問題から指してはいけない。`#` の無い名前はページ全体を指す。
#[derive(Debug, Default, Clone)]
pub struct Sections(BTreeMap<String, String>);

/// 節へのリンク。`url` は本の頭からの道。
#[derive(Debug)]
pub struct Link {
    pub url: String,
    pub title: String,
}

/// 節のページの、本の根元からの道 (`ch03-gan/concept.html#discriminator`)。
pub fn url(name: &str) -> String {
    name.replace("README.md", "index.md").replace(".md", ".html")
}

impl Sections {
    /// ページ 1 枚の見出しを加える。`path` は `book/src` からの道 (`ch03-gan/concept.md`)。
    pub fn add_page(&mut self, path: &str, markdown: &str) {
        let mut current: Option<(String, String)> = None;
        for event in parser(markdown) {
            match event {
                Event::Start(Tag::Heading { level, id, .. }) => {
                    if let Some(id) = id {
                        current = Some((format!("{path}#{id}"), String::new()));
                    } else if level as u8 == 1 {
                        current = Some((path.to_string(), String::new()));
                    }
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some((_, title)) = &mut current {
                        title.push_str(&text);
                    }
                }
                Event::End(TagEnd::Heading(level)) => {
                    if let Some((name, title)) = current.take() {
                        if level as u8 == 1 {
                            self.0.insert(path.to_string(), title.clone());
                        }
                        self.0.insert(name, title);
                    }
                }
                _ => {}
            }
        }
        self.0.entry(path.to_string()).or_default();
    }

    /// その名前の節があるか。
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// 本にあるページの、`book/src` からの道。
    pub fn pages(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(|name| !name.contains('#'))
    }

    /// 見出しの文。リンクの文字に使う。
    pub fn title(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// 付録から本文の節へのリンク。その節が本に無ければ、理由を返す。
    pub fn link(&self, name: &str) -> Result<Link, String> {
        match self.title(name) {
            Some(title) => Ok(Link { url: url(name), title: title.trim().to_owned() }),
            None => Err(format!("section「{name}」という節は本にありません。")),
        }
    }

    /// 章の初めのページの題。そのページが無ければ、章の名前のまま。
    pub fn chapter_title<'a>(&'a self, chapter: &'a str) -> &'a str {
        let title = self.title(&format!("{chapter}/README.md"));
        title.filter(|title| !title.is_empty()).unwrap_or(chapter)
    }
}
