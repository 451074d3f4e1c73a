//! 学習の記録: 見る、書き出す、消す、読み込む。

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use workbook::site::export;

use super::{MOCK, RECORD};
use crate::reader::{Reader, downloaded};
use crate::support::real_book;

impl Reader {
    fn choose(&self, path: &Path) {
        self.choose_file(".desk input[type=file]", path);
    }

    /// 読み込めないファイルについての、1 つの文。
    fn refusal(&self, path: &Path) -> String {
        self.js("(document.querySelector('.desk-notice').textContent = '', 0)");
        self.choose(path);
        self.wait("document.querySelector('.desk-notice').textContent");
        self.text(".desk-notice")
    }
}

#[test]
fn progress_is_shown_carried_away_erased_and_brought_back() {
    let Some(reader) = Reader::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let wrong = reader.answer_in_chapter(0, false);
    reader.answer_in_chapter(1, true);
    reader.begin(2);
    reader.pick(false); // 同じ問題が出ても、間違えたままにする。
    reader.confirm(true);
    reader.press_button("終了して採点する");

    reader.open(RECORD);
    let known = reader.stored("workbook-quiz-v1").as_object().unwrap().len();
    let answered = reader.js(
        "Object.values(JSON.parse(localStorage.getItem('workbook-quiz-v1'))).filter(({ picks }) => picks.every((keys) => keys.length)).length",
    );
    assert!(reader.text(".desk-score").ends_with(&format!("問のうち{answered}問を解きました。")));
    let row = reader.js(
        "[...document.querySelectorAll('.desk-table tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent))
           .find(([name]) => name.startsWith('第3章'))",
    );
    let own =
        reader.js("workbookBank.questions.filter(({ chapter }) => chapter === 'ch03-gan').length");
    assert_eq!(row[1], format!("{answered} / {own}"));
    // 間違えた問題の節へ行ける。
    let section = format!("workbookBank.questions.find(({{ id }}) => id === {wrong:?}).section");
    let links = reader
        .js("[...document.querySelectorAll('.desk-weak a')].map((a) => a.getAttribute('href'))");
    let expected = json!(format!("../{}", reader.js(&format!("{section}.page")).as_str().unwrap()));
    assert!(links.as_array().unwrap().contains(&expected), "{links} に {expected} がありません");
    assert!(!reader.text(".desk-weak a").is_empty());

    // 書き出す。
    reader.download_to(folder.path());
    reader.press_button("ファイルに書き出す");
    let file = downloaded(folder.path(), "json");
    let saved: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(saved["records"], reader.stored("workbook-quiz-v1"));
    assert_eq!(saved["history"], reader.stored("workbook-history-v1"));

    // 消す。断れば残る。
    reader.confirm(false);
    reader.press_button("すべて消す");
    assert!(!reader.text(".desk-score").ends_with("問のうち0問を解きました。"));
    reader.confirm(true);
    reader.press_button("すべて消す");
    assert!(reader.text(".desk-score").ends_with("問のうち0問を解きました。"));
    let left = reader.js("Object.keys(localStorage).filter((key) => key.startsWith('workbook-'))");
    assert_eq!(left, json!([]));

    // 読み込むと元に戻る。2 度読んでも増えない。
    for added in [1, 0] {
        reader.choose(&file);
        let newer = if added == 1 { known } else { 0 };
        let message = format!(
            "{known}問の記録のうち、今より新しい{newer}問を入れ、模擬試験の結果を{added}回分加えました。"
        );
        reader.wait(&format!("document.querySelector('.desk').textContent.includes({message:?})"));
        assert_eq!(saved["records"], reader.stored("workbook-quiz-v1"));
        assert_eq!(saved["history"], reader.stored("workbook-history-v1"));
    }
    // 今の答えのほうが新しければ、今の答えが残る。
    reader.js(&format!(
        "(() => {{
           const records = JSON.parse(localStorage.getItem('workbook-quiz-v1'));
           records[{wrong:?}].at += 1000; records[{wrong:?}].seed = 7;
           localStorage.setItem('workbook-quiz-v1', JSON.stringify(records));
         }})()"
    ));
    reader.reload();
    reader.choose(&file);
    reader.wait("document.querySelector('.desk').textContent.includes('今より新しい')");
    assert_eq!(reader.stored("workbook-quiz-v1")[&wrong]["seed"], 7);
}

#[test]
fn bad_files_and_full_storage_get_one_sentence() {
    let Some(reader) = Reader::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let id = reader.answer_in_chapter(0, true);
    reader.open(RECORD);
    let before = reader.stored("workbook-quiz-v1");
    for (name, text) in [
        ("broken.json", "{\"format\": "),
        ("other.json", "{\"a\": 1}"),
        ("null.json", "null"),
        (
            "newer.json",
            "{\"format\":\"workbook-progress\",\"version\":9,\"records\":{},\"history\":[]}",
        ),
        (
            "shape.json",
            "{\"format\":\"workbook-progress\",\"version\":1,\"records\":3,\"history\":[]}",
        ),
        ("picture.json", "\u{89}PNG"),
    ] {
        let sentence = reader.refusal(&write(name, text));
        assert!(
            sentence.starts_with(&format!("「{name}」は学習の記録として読めません。")),
            "{sentence}"
        );
        assert_eq!(sentence.matches('。').count(), 2, "{sentence}");
        assert_eq!(reader.stored("workbook-quiz-v1"), before);
    }
    // 形の合わない記録と、悪さをする記録は写さない。
    let evil = write(
        "evil.json",
        "{\"format\":\"workbook-progress\",\"version\":1,\"records\":{\"<img src=x onerror=alert(1)>\":{\"picks\":[[]]},
          \"__proto__\":{\"picks\":[[]]},\"gan-x\":{\"picks\":\"a\"},\"gan-y\":5},\"history\":[{\"started\":1},7,{\"started\":2,\"seconds\":3,\"answers\":[]}]}",
    );
    reader.choose(&evil);
    reader.wait("document.querySelector('.desk').textContent.includes('0問の記録のうち、今より新しい0問を入れ、模擬試験の結果を0回分加えました')");
    assert_eq!(reader.stored("workbook-quiz-v1"), before);

    // 今の問題集に無い問題の記録も、失わずに受け取り、いくつあるかを知らせる。
    let gone = write(
        "gone.json",
        "{\"format\":\"workbook-progress\",\"version\":1,\"records\":{\"gone-q\":{\"picks\":[[\"0123abcd\"]],\"at\":1}},
          \"history\":[{\"started\":1000,\"seconds\":9,\"answers\":[{\"id\":\"gone-q\",\"picks\":[[\"0123abcd\"]],\"marks\":[true]}]}]}",
    );
    reader.choose(&gone);
    reader.wait("document.querySelector('.desk').textContent.includes('うち1問は、今の問題集に無い問題です')");
    assert_eq!(reader.stored("workbook-quiz-v1")["gone-q"]["picks"], json!([["0123abcd"]]));
    // 次の知らせが出るときには、前の知らせは消える。大きすぎるファイルは、読み始めない。
    let huge = folder.path().join("huge.json");
    fs::File::create(&huge).unwrap().set_len(21_000_000).unwrap();
    assert!(reader.refusal(&huge).starts_with("「huge.json」は学習の記録として読めません。"));
    assert!(!reader.desk().contains("問の記録のうち、"));
    reader.open(MOCK);
    reader.press_button("見る");
    assert!(reader.desk().contains(
        "問 1: ○ 正解。この問題は、試験のあとで書き直されたか、問題集から除かれました。"
    ));
    reader.open(RECORD);
    let before = reader.stored("workbook-quiz-v1");

    // 満杯の保存場所。
    let good = write(
        "good.json",
        "{\"format\":\"workbook-progress\",\"version\":1,\"records\":{\"gan-z\":{\"picks\":[[\"0123abcd\"]],\"at\":1}},\"history\":[]}",
    );
    let full = "(Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }, 0)";
    reader.js(full);
    let sentence = reader.refusal(&good);
    assert!(
        sentence.contains("読み込めませんでした") && sentence.matches('。').count() == 1,
        "{sentence}"
    );
    assert_eq!(reader.stored("workbook-quiz-v1"), before);
    // 模擬試験は、残せないことを知らせて続けられる。
    reader.open(MOCK);
    reader.js(full);
    reader.press_button("10問");
    reader.press_button("始める");
    reader.wait("document.querySelector('.desk-notice')?.textContent.startsWith('このブラウザの保存場所がいっぱい')");
    reader.pick(true);
    reader.confirm(true);
    reader.press_button("終了して採点する");
    assert!(reader.text(".desk-score").starts_with("小問"));
    assert!(reader.text(".desk-notice").contains("記録を残せません"));
    assert_eq!(reader.stored("workbook-quiz-v1")[&id], before[&id]);
}

#[test]
fn the_bank_can_be_downloaded_from_the_record_page() {
    let Some(reader) = Reader::new() else { return };
    reader.open(RECORD);
    for name in [export::ANKI, export::CSV] {
        let folder = tempfile::tempdir().unwrap();
        reader.download_to(folder.path());
        reader.click(&format!(".desk a[href='{name}']"));
        let file = downloaded(folder.path(), name.rsplit('.').next().unwrap());
        assert_eq!(file.file_name().unwrap(), name);
        let book = real_book().join("exam").join(name);
        assert!(fs::read(&file).unwrap() == fs::read(book).unwrap());
    }
    let listed = reader.js(
        "[...document.querySelectorAll('.desk a[download]')].map((a) => a.getAttribute('href'))",
    );
    for name in listed.as_array().unwrap() {
        assert!(
            real_book().join("exam").join(name.as_str().unwrap()).is_file(),
            "{name} がありません"
        );
    }
}
