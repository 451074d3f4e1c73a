//! チートシートは、それぞれ A4 の紙 1 枚に収まる。

use serde_json::json;

use crate::reader::{Reader, address_of, thorough};
use crate::support::{files, real_book};

impl Reader {
    /// 開いているページを印刷した PDF。
    fn print(&self) -> Vec<u8> {
        let answer = self.tab.call("Page.printToPDF", json!({ "preferCSSPageSize": true }));
        base64(answer["data"].as_str().unwrap())
    }
}

/// base64 を元のバイトに戻す。
fn base64(text: &str) -> Vec<u8> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = |byte: u8| letters.iter().position(|&letter| letter == byte).unwrap() as u32;
    let mut bytes = Vec::new();
    for part in text.trim_end_matches('=').as_bytes().chunks(4) {
        let whole = part.iter().fold(0, |whole, &byte| whole << 6 | bits(byte));
        // 1 文字は 6 ビット。終わりの組では、8 ビットに満たない余りを捨てる。
        let whole = whole << (6 * (4 - part.len()));
        bytes.extend(&whole.to_be_bytes()[1..part.len()]);
    }
    bytes
}

/// PDF のページの数。
fn pages(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf);
    text.match_indices("/Type /Page")
        .filter(|(at, found)| !text[at + found.len()..].starts_with('s'))
        .count()
}

#[test]
fn every_cheatsheet_fills_one_sheet_of_a4() {
    if !thorough() {
        return;
    }
    let Some(reader) = Reader::new() else { return };
    let mut sheets = 0;
    for file in files(&real_book().join("appendix"), "html") {
        if !file.file_name().unwrap().to_str().unwrap().starts_with("cheatsheet-") {
            continue;
        }
        reader.desktop();
        reader.media("");
        reader.visit(&address_of(&file));
        let pdf = reader.print();
        assert_eq!(pages(&pdf), 1, "{} が 1 枚に収まりません", file.display());
        // A4 は 595 × 842 ポイント。
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.contains("[0 0 594.9") && text.contains(" 841."), "{}", file.display());
        // 余白を除いた紙 (188 × 277 mm) の大きさの画面に、紙の見た目で並べる。
        reader.resize(711, 1047);
        reader.media("print");
        // 目次が退くまで、紙の幅にはならない。
        let settled = "document.querySelector('.cheatsheet').clientWidth >= 710
            && document.fonts.status === 'loaded'";
        reader.wait(settled);
        // 段から表や式がはみ出すと、隣の段の字に重なる。
        let wide = reader.js("[...document.querySelectorAll('.cheatsheet :is(table, math)')]
                .filter(item => {
                    const frame = item.closest('.table-wrapper, li, p').getBoundingClientRect();
                    return item.getBoundingClientRect().right > frame.right + 1;
                })
                .map(item => item.textContent.slice(0, 40))");
        assert_eq!(wide, json!([]), "{}", file.display());
        let filled = reader.js(
            "(() => {
                const top = document.querySelector('h1:has(+ .cheatsheet)').getBoundingClientRect().top;
                return (document.querySelector('.cheatsheet').getBoundingClientRect().bottom - top) / 1047;
            })()",
        );
        let filled = filled.as_f64().unwrap();
        assert!(
            filled >= 0.8,
            "{} は紙の {:.0} % しか使っていません",
            file.display(),
            filled * 100.0
        );
        sheets += 1;
    }
    assert_eq!(sheets, 8);
}
