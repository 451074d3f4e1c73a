//! 書き換えながらも「元のファイルの何行目か」を答えられる原稿。
//!
//! 誤りは `book/src/ch03-gan/theory.md:12` の形で知らせたい。取り込みや書き換えで行は動くので、
//! 行ごとに出どころを持ち、書き換えはすべて [`Source::edit`] を通す。

use std::ops::Range;
use std::rc::Rc;

/// ある行の出どころ。
#[derive(Clone, Debug)]
struct Origin {
    file: Rc<str>,
    line: usize,
}

/// 原稿の 1 枚。
#[derive(Debug)]
pub struct Source {
    pub text: String,
    origins: Vec<Origin>,
}

/// 置き換え 1 つ: 元の範囲と、新しい文字列。
pub type Edit = (Range<usize>, String);

impl Source {
    /// `text` は `file` の `first_line` 行目から始まる。
    pub fn new(file: &str, first_line: usize, text: &str) -> Self {
        let file: Rc<str> = file.into();
        let origins = (first_line..=first_line + text.matches('\n').count())
            .map(|line| Origin { file: file.clone(), line })
            .collect();
        Self { text: text.to_string(), origins }
    }

    /// その位置の「ファイル:行」。
    pub fn place(&self, offset: usize) -> String {
        let line = self.text[..offset].matches('\n').count();
        let origin = &self.origins[line];
        format!("{}:{}", origin.file, origin.line)
    }

    /// 重ならない置き換えをまとめて行う。置き換えた文字列の行は、元の範囲の先頭の行に由来する。
    pub fn edit(&mut self, edits: Vec<Edit>) {
        let inserts = edits
            .into_iter()
            .map(|(range, text)| {
                let origins = vec![self.origin(range.start); text.matches('\n').count()];
                (range, text, origins)
            })
            .collect();
        self.splice(inserts);
    }

    /// 別の原稿 (取り込んだファイル) を、その行の出どころごと差し込む。
    pub fn insert(&mut self, inserts: Vec<(Range<usize>, Source)>) {
        let inserts = inserts
            .into_iter()
            .map(|(range, source)| (range, source.text, source.origins[1..].to_vec()))
            .collect();
        self.splice(inserts);
    }

    fn origin(&self, offset: usize) -> Origin {
        self.origins[self.text[..offset].matches('\n').count()].clone()
    }

    /// `origins` は、差し込む文字列の 2 行目からの出どころ。
    fn splice(&mut self, mut inserts: Vec<(Range<usize>, String, Vec<Origin>)>) {
        inserts.sort_by_key(|(range, ..)| range.start);
        let mut text = String::with_capacity(self.text.len());
        let mut origins = vec![self.origins[0].clone()];
        let (mut end, mut line) = (0, 0);
        for (range, new, new_origins) in inserts {
            let kept = &self.text[end..range.start];
            let newlines = kept.matches('\n').count();
            origins.extend_from_slice(&self.origins[line + 1..=line + newlines]);
            line += newlines + self.text[range.clone()].matches('\n').count();
            text.push_str(kept);
            text.push_str(&new);
            origins.extend(new_origins);
            end = range.end;
        }
        origins.extend_from_slice(&self.origins[line + 1..]);
        text.push_str(&self.text[end..]);
        self.text = text;
        self.origins = origins;
    }
}
