//! 1 ページを直すときの、まわりの事情。

use std::path::Path;

use crate::content::questions::Bank;
use crate::content::sections::Sections;
use crate::content::terms::Glossary;

/// 1 ページを直すときに要る、まわりの事情。
pub struct Page<'a> {
    /// book.toml のあるフォルダ。
    pub root: &'a Path,
    /// 原稿のフォルダ (`root` から見て `book/src`)。
    pub src: &'a Path,
    /// `src` から見たページの道 (`ch03-gan/theory.md`)。
    pub path: &'a Path,
    pub bank: &'a Bank,
    pub glossary: &'a Glossary,
    pub sections: &'a Sections,
    /// ソースの置き場の URL。無ければ、テストの名札はリンクにしない。
    pub repository: Option<&'a str>,
}
