//! 本の試験が分け合う道具。試験のプログラムごとに使うものが違うので、未使用の警告は出さない。
#![allow(dead_code)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

/// ワークスペースのフォルダ。
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// 本物の本を 1 度だけ作る。target/book は読者が見ているかもしれないので触れない。
pub fn real_book() -> &'static Path {
    static BOOK: OnceLock<(PathBuf, File)> = OnceLock::new();
    let (dest, _) = BOOK.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let dest = folder.join(env!("CARGO_CRATE_NAME"));
        // 同時に走る 2 つ目の cargo test は、1 つ目が読み終わるまで待つ。鍵は、試験が終わるまで持つ。
        let lock = File::create(dest.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        if let Err(error) = workbook::build_book(root(), &dest) {
            panic!("本を作れません: {error:#}");
        }
        (dest, lock)
    });
    dest
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
