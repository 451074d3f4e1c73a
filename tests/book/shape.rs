//! 本を作る道具と画面の操作が受け渡すものの形 (book/theme/shape.toml) を、作る側と使う側の両方で確かめる。

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use crate::support::{files, real_book, root};
use regex::Regex;
use scraper::{Html, Selector};
use serde_json::Value;

fn shape() -> Value {
    let text = fs::read_to_string(root().join("book/theme/shape.toml")).unwrap();
    toml::from_str(&text).unwrap()
}

/// 正規表現の、1 つ目のかっこに合った文字のすべて。
fn all(pattern: &str, text: &str) -> BTreeSet<String> {
    let found = Regex::new(pattern).unwrap();
    found.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

/// `folder` の JS をつないだもの。
fn scripts(folder: &str) -> String {
    let paths = files(&root().join(folder), "js");
    assert!(!paths.is_empty());
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

// ---- 作る側 ----

/// `value` が `shape` と違うところ。
fn differences(shape: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    match (shape, value) {
        (Value::String(kind), Value::String(_)) if kind == "文字" => {}
        (Value::String(kind), Value::Number(_)) if kind == "数" => {}
        (Value::Array(one), Value::Array(values)) => {
            for value in values {
                differences(&one[0], value, &format!("{place}[]"), found);
            }
        }
        (Value::Object(fields), Value::Object(values)) if fields.contains_key("*") => {
            for value in values.values() {
                differences(&fields["*"], value, &format!("{place}.*"), found);
            }
        }
        (Value::Object(fields), Value::Object(values)) => {
            let names: BTreeSet<&String> = fields.keys().chain(values.keys()).collect();
            for name in names {
                let place = format!("{place}.{name}");
                match (fields.get(name), values.get(name)) {
                    (Some(shape), Some(value)) => differences(shape, value, &place, found),
                    (None, _) => found.push(format!("{place} は形に無い")),
                    (_, None) => found.push(format!("{place} が書かれていない")),
                }
            }
        }
        _ => found.push(format!("{place} は {shape} のはずが {value}")),
    }
}

#[test]
fn the_builder_writes_exactly_this_shape() {
    let shape = shape();
    for (file, name) in [("bank.js", "workbookBank"), ("files.js", "workbookFiles")] {
        let text = fs::read_to_string(real_book().join("exam").join(file)).unwrap();
        let start = format!("window.{name} = ");
        let json = text.strip_prefix(&start).and_then(|text| text.trim_end().strip_suffix(';'));
        let value: Value = serde_json::from_str(json.expect("変数に入れるだけの JS")).unwrap();
        let mut found = Vec::new();
        differences(&shape[name], &value, name, &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}

#[test]
fn the_built_pages_carry_every_mark() {
    let pages: Vec<Html> = files(real_book(), "html")
        .iter()
        .map(|path| Html::parse_document(&fs::read_to_string(path).unwrap()))
        .collect();
    let shape = shape();
    let names = |list: &str| -> Vec<String> {
        shape["html"][list]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    };
    let classes = names("classes").into_iter().map(|name| format!(".{name}"));
    for selector in classes.chain(names("data").into_iter().map(|name| format!("[data-{name}]"))) {
        let parsed = Selector::parse(&selector).unwrap();
        let seen = pages.iter().any(|page| page.select(&parsed).next().is_some());
        assert!(seen, "{selector} がどのページにもありません");
    }
}

// ---- 使う側 ----

static LISTED: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| shape()["workbookBank"].as_object().unwrap().keys().cloned().collect());

#[test]
fn the_desk_reads_only_this_shape_and_all_of_it() {
    let desk = scripts("book/theme/desk");
    let windows = all(r"window\.(workbook\w+)", &desk);
    let own = [
        "workbookStore",
        "workbookQuiz",
        "workbookDesk",
        "workbookBank",
        "workbookFiles",
        "workbookPlan",
    ];
    assert_eq!(windows, own.map(str::to_owned).into());
    assert_eq!(all(r"\bbank\.(\w+)", &desk), &*LISTED | &BTreeSet::from(["js".to_owned()]));

    let shape = shape();
    for list in ["chapters", "syllabus", "questions"] {
        let fields: BTreeSet<String> =
            shape["workbookBank"][list][0].as_object().unwrap().keys().cloned().collect();
        // `question.x` と、`bank.questions.map(({ x, y }) => …)` や `for (const { x } of bank.questions)`。
        let taken = all(&format!(r"bank\.{list}\.\w+\(\(\{{ ([^}}]*) \}}"), &desk);
        let looped = all(&format!(r"\{{ ([^}}]*) \}} of desk\.bank\.{list}"), &desk);
        let mut read: BTreeSet<String> = (&taken | &looped)
            .iter()
            .flat_map(|names| names.split(", ").map(str::to_owned).collect::<Vec<_>>())
            .collect();
        if list == "questions" {
            read.append(&mut all(r"\bquestion\??\.(\w+)", &desk));
            // 読者の記録は、机が問題に添えるもの。
            assert!(read.remove("record"));
        } else {
            // 章と項目の表は、同じ手順で作る。
            read.append(&mut (&all(r"\bitem\.(\w+)", &desk) & &fields));
        }
        // 組の中から取り出す欄 (section、importance など) は、名前があることだけを見る。
        let strangers: Vec<&String> = read.difference(&fields).collect();
        assert!(strangers.is_empty(), "{list} に無い {strangers:?} を読んでいます");
        for field in fields {
            assert!(
                Regex::new(&format!(r"(\.|[{{,] ){field}\b")).unwrap().is_match(&desk),
                "{list} の {field} をどこでも読んでいません"
            );
        }
    }
}

#[test]
fn the_scripts_look_only_for_these_marks_and_all_of_them() {
    let text: String = ["store.js", "quiz.js", "terms.js"]
        .iter()
        .map(|name| fs::read_to_string(root().join("book/theme").join(name)).unwrap())
        .collect::<String>()
        + &scripts("book/theme/desk");
    let shape = shape();
    let listed = |list: &str| -> BTreeSet<String> {
        shape["html"][list]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    };
    // JS が自分で作る要素の名前は、受け渡すものではない。
    let made: BTreeSet<String> = (&all(r"className: '([^']*)'", &text)
        | &all(r"classList\.add\('([^']*)'\)", &text))
        .iter()
        .flat_map(|names| names.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let looked = &all(r"(?:querySelector(?:All)?|closest\??\.?)\('(?:\w*)\.([\w-]+)'\)", &text)
        | &all(r"classList\.contains\('([\w-]+)'\)", &text);
    assert_eq!(&looked - &made, listed("classes"));
    let written = all(r"dataset\.(\w+) = ", &text);
    let read = &all(r"dataset\.(\w+)", &text) | &all(r"\[data-(\w+)\]", &text);
    assert_eq!(&read - &written, listed("data"));
}
