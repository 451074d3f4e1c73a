//! 画面と紙での見た目。

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{MOCK, RECORD, REVIEW, SCORED_FAMILIES};
use crate::reader::{Reader, address_of};
use crate::support::{files, real_book};

#[test]
fn every_state_of_the_desk_fits_a_phone() {
    let Some(reader) = Reader::new() else { return };
    reader.phone();
    let mut wrong = Vec::new();
    let mut look = |state: &str| {
        let misfits = reader.misfits();
        if misfits != json!([]) {
            wrong.push(format!("{state}: {misfits:#}"));
        }
    };
    reader.open(MOCK);
    look("始める前");
    reader.press_button("出せるだけ");
    reader.press_button("始める");
    look("解いている間");
    let all = reader.js(SCORED_FAMILIES).as_u64().unwrap();
    assert_eq!(reader.count(".desk-numbers button"), all);
    // 下まで読んでも、残り時間が見えている。
    reader.js("(document.querySelector('.desk-numbers').scrollIntoView({ block: 'end', behavior: 'instant' }), 0)");
    reader.next_frame();
    assert!(reader.is("(({ top, bottom }) => top >= 0 && bottom <= innerHeight)(document.querySelector('.desk-time').getBoundingClientRect())"));
    reader.pick(false);
    reader.confirm(true);
    reader.press_button("終了して採点する");
    reader.js("document.querySelectorAll('.desk .quiz-question').forEach((card) => { card.style.contentVisibility = 'visible'; })");
    look("結果");
    reader.open(MOCK);
    look("履歴");
    reader.open(REVIEW);
    look("復習の前");
    reader.press_button("復習を始める");
    look("復習");
    reader.pick(false);
    reader.press_button("決定");
    look("復習の答え");
    reader.open(RECORD);
    look("学習の記録");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_state_keeps_its_contrast_in_every_theme() {
    let Some(reader) = Reader::new() else { return };
    reader.answer_in_chapter(0, false);
    reader.open(RECORD);
    reader.assert_readable(".quiz", 10, "記録");
    reader.open(REVIEW);
    reader.assert_readable(".quiz", 10, "復習");
    reader.begin(2);
    reader.pick(false);
    reader.press_button("次の問題");
    reader.assert_readable(".quiz", 10, "試験");
    reader.confirm(true);
    reader.press_button("終了して採点する");
    reader.assert_readable(".quiz", 10, "結果");
}

#[test]
fn a_book_without_the_bank_says_what_is_missing() {
    let Some(reader) = Reader::new() else { return };
    // stock の mdbook で作った本には、問題集の JS が無い。
    let bare = tempfile::tempdir().unwrap();
    let (page, scripts) = ("exam/mock.html", real_book());
    fs::create_dir(bare.path().join("exam")).unwrap();
    fs::copy(scripts.join(page), bare.path().join(page)).unwrap();
    for path in files(scripts, "js") {
        let name = path.strip_prefix(scripts).unwrap();
        if name != Path::new("exam/bank.js") {
            fs::create_dir_all(bare.path().join(name).parent().unwrap()).unwrap();
            fs::copy(&path, bare.path().join(name)).unwrap();
        }
    }
    reader.visit(&address_of(&bare.path().join(page)));
    reader.wait("document.querySelector('.desk-notice')?.textContent.startsWith('問題集 (bank.js) が見つかりません')");
}
