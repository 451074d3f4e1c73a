//! mdBook の前処理。`cargo run` からは直に、stock の `mdbook build` からは標準入出力で呼ばれる。
//!
//! どちらで作っても本文は同じになる。違いは mdBook 自身の画面の言葉だけで、
//! それは描いた後の HTML を直す [`crate::site::interface`] が受け持つ (stock の mdbook では英語のまま)。
//!
//! book.toml では `before = ["links"]` とする。`links` が先に動くと、取り込みの印が消えていて
//! 確かめられない。

use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use mdbook_preprocessor::book::{Book, BookItem, Chapter};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use crate::content::questions::{self, Bank};
use crate::content::sections::Sections;
use crate::content::terms::{self, Glossary};
use crate::markup::files::slashed;
use crate::markup::source::Source;
use crate::page::context::Page;
use crate::page::{includes, prepare};

/// 前処理の名前。book.toml の `[preprocessor.workbook]` と同じにする。
pub const NAME: &str = "workbook";

pub struct Workbook;

impl Preprocessor for Workbook {
    fn name(&self) -> &str {
        NAME
    }

    fn run(&self, context: &PreprocessorContext, mut book: Book) -> Result<Book> {
        let root = &context.root;
        let src = &context.config.book.src;
        let html = context.config.html_config().unwrap_or_default();
        let Manuscripts { mut sources, sections, bank, glossary, mut problems } =
            read(root, src, &book)?;

        for_each_page(&mut book.items, &mut |chapter| {
            let path = source_path(chapter).to_path_buf();
            let page = Page {
                root,
                src,
                path: &path,
                bank: &bank,
                glossary: &glossary,
                sections: &sections,
                repository: html.git_repository_url.as_deref(),
            };
            if let Some(source) = sources.remove(&path) {
                chapter.content = prepare::prepare(source, &page, &mut problems);
            }
        });
        if !problems.is_empty() {
            bail!("本の原稿に {} 個の誤りがあります。\n{}", problems.len(), problems.join("\n"));
        }
        Ok(book)
    }

    fn supports_renderer(&self, renderer: &str) -> Result<bool> {
        Ok(renderer == "html")
    }
}

/// 本の原稿のすべてと、見つかった誤り。
pub struct Manuscripts {
    sources: HashMap<PathBuf, Source>,
    sections: Sections,
    pub bank: Bank,
    pub glossary: Glossary,
    pub problems: Vec<String>,
}

/// 原稿を読み、ページを直す前に分かる誤りを探す。`src` は `root` から見た原稿のフォルダ。
pub fn read(root: &Path, src: &Path, book: &Book) -> Result<Manuscripts> {
    let mut problems = Vec::new();
    // 問題集は節の名前を確かめるので、先に全ページの見出しを集める。
    let mut sources: HashMap<PathBuf, Source> = HashMap::new();
    let mut sections = Sections::default();
    for chapter in book.chapters() {
        let path = source_path(chapter);
        let source = includes::expand(root, &src.join(path), &chapter.content, &mut problems);
        sections.add_page(&slashed(path), &source.text);
        sources.insert(path.to_path_buf(), source);
    }
    let bank = questions::load(root)?;
    problems.extend(bank.problems(root, &sections));
    let glossary = terms::load(root)?;
    problems.extend(glossary.problems(&sections));
    Ok(Manuscripts { sources, sections, bank, glossary, problems })
}

/// 元のファイル。`index` の前処理が README.md を index.md に替えた後でも変わらない。
fn source_path(chapter: &Chapter) -> &Path {
    chapter.source_path.as_deref().or(chapter.path.as_deref()).unwrap_or(Path::new(""))
}

fn for_each_page(items: &mut [BookItem], change: &mut dyn FnMut(&mut Chapter)) {
    for item in items {
        if let BookItem::Chapter(chapter) = item {
            if !chapter.is_draft_chapter() {
                change(chapter);
            }
            for_each_page(&mut chapter.sub_items, change);
        }
    }
}

/// mdBook の前処理の約束: 標準入力の JSON を読み、直した本を標準出力へ JSON で書く。
pub fn speak_protocol(input: impl Read, output: impl Write) -> Result<()> {
    let (mut context, book) = mdbook_preprocessor::parse_input(input).context(
        "標準入力が mdBook の前処理の形ではありません。このコマンドは mdbook build が呼び出します",
    )?;
    // mdBook は本のフォルダに移ってからこのコマンドを呼ぶので、相対の道はここから見ると違う所を指す。
    if context.root.is_relative() {
        context.root = std::env::current_dir()?;
    }
    let book = Workbook.run(&context, book)?;
    serde_json::to_writer(output, &book).context("直した本を書き出せません")
}
