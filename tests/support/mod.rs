//! 本の試験が分け合う道具。試験のファイルごとに使うものが違うので、未使用の警告は出さない。
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

/// ワークスペースのフォルダ。
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// 本物の本を一時フォルダに 1 度だけ作る。target/book は読者が見ているかもしれないので触れない。
pub fn real_book() -> &'static Path {
    static BOOK: OnceLock<PathBuf> = OnceLock::new();
    BOOK.get_or_init(|| {
        let dest = tempfile::tempdir().unwrap().keep();
        if let Err(error) = workbook::build_book(root(), &dest) {
            panic!("本を作れません: {error:#}");
        }
        dest
    })
}

/// `folder` の中の、その拡張子のファイル。
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// 試験のための小さな本。
pub struct TinyBook {
    folder: TempDir,
}

impl TinyBook {
    /// 1 ページ (`book/src/ch03-gan/page.md`) の本。
    pub fn new(page: &str) -> Self {
        let book = Self { folder: tempfile::tempdir().unwrap() };
        book.write(
            "book.toml",
            "[book]\ntitle = \"小さな本\"\nlanguage = \"ja\"\nsrc = \"book/src\"\n\
             [build]\nbuild-dir = \"target/book\"\ncreate-missing = false\n\
             [preprocessor.workbook]\ncommand = \"false\"\nbefore = [\"links\"]\n\
             [output.html]\nsmart-punctuation = false\n",
        );
        book.write("book/src/SUMMARY.md", "- [ページ](ch03-gan/page.md)\n");
        book.write(
            "book/quiz/syllabus.toml",
            "[[item]]\nid = \"a\"\nedition = \"2024\"\nnumber = \"1\"\ntitle = \"a\"\n",
        );
        book.write("book/src/ch03-gan/page.md", page);
        book
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// 本を作り、できた出力のフォルダを返す。失敗したら誤りの文を返す。
    pub fn build(&self) -> Result<PathBuf, String> {
        let dest = self.root().join("target/book");
        match workbook::build_book(self.root(), &dest) {
            Ok(()) => Ok(dest),
            Err(error) => Err(format!("{error:#}")),
        }
    }

    /// ページの本文 (`<main>` の中身)。
    pub fn main_html(&self) -> String {
        let dest = self.build().unwrap();
        let html = fs::read_to_string(dest.join("ch03-gan/page.html")).unwrap();
        let (_, rest) = html.split_once("<main>").unwrap();
        let (main, _) = rest.split_once("</main>").unwrap();
        main.trim().to_string()
    }

    /// 作れないはずの本の、誤りの文。
    pub fn error(&self) -> String {
        self.build().expect_err("この本は作れないはず")
    }
}

/// 1 ページの本の本文。
pub fn main_html(page: &str) -> String {
    TinyBook::new(page).main_html()
}

/// `selector` の中に見えている文字それぞれの、背景との明るさの比（WCAG 2）を測る式。[`assert_readable`] に渡す。
pub fn low_contrast(selector: &str) -> String {
    format!("({LOW_CONTRAST})({selector:?})")
}

/// `least` より多くの文字を測り、比が 4.5 に届かないものが無いことを確かめる。
#[track_caller]
pub fn assert_readable(measured: &Value, least: u64, place: &str) {
    assert!(measured["seen"].as_u64().unwrap() > least, "{place}: {measured:#}");
    assert_eq!(measured["low"], json!([]), "{place}に読みにくい文字があります");
}

const LOW_CONTRAST: &str = r#"(selector) => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const background = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] === 255) return color;
      if (color[3] > 0) throw new Error('半透明の背景は測れません: ' + e.outerHTML.slice(0, 80));
    }
    return [255, 255, 255];
  };
  const low = [];
  let seen = 0;
  const texts = document.createTreeWalker(document.querySelector(selector), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.matches(':disabled')) continue;
    seen += 1;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgba(element.closest('svg') ? style.fill : style.color)), light(background(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(ratio.toFixed(2) + ' ' + texts.currentNode.data.trim().slice(0, 30));
  }
  return { seen, low };
}"#;
