//! シラバス対応表の試験: 生成モデルに関わる項目に、節と問題があること。

use std::fs;

use crate::support::{real_book, root};
use scraper::{ElementRef, Html, Selector};
use workbook::content::coverage::{coverage, keywords};
use workbook::content::syllabus::load;
use workbook::content::{errata, questions, terms};

/// シラバスのどの項目にも、本文の節と、三つ以上の問題がある。
#[test]
fn every_item_has_a_section_and_three_questions() {
    let syllabus = load(root()).unwrap();
    let bank = questions::load(root()).unwrap();
    let mut short = Vec::new();
    for item in &syllabus.item {
        let covered = coverage(&bank, &item.id);
        if covered.sections.is_empty() || covered.questions.len() < 3 {
            short.push(format!(
                "{} {}: 節 {}、問題 {}",
                item.id,
                item.title,
                covered.sections.len(),
                covered.questions.len()
            ));
        }
    }
    assert!(short.is_empty(), "節か問題が足りない項目:\n{}", short.join("\n"));
}

#[test]
fn editions_say_when_they_were_checked() {
    let syllabus = load(root()).unwrap();
    for edition in ["2021", "2024"] {
        let edition = &syllabus.edition[edition];
        let parts: Vec<u32> =
            edition.checked.split('-').map(|part| part.parse().unwrap()).collect();
        let [year, month, day] = parts[..] else { panic!("日付の形: {}", edition.checked) };
        assert!(year >= 2026 && (1..=12).contains(&month) && (1..=31).contains(&day));
        assert!(edition.url.starts_with("https://www.jdla.org/"));
        let page = fs::read_to_string(real_book().join("appendix/syllabus.html")).unwrap();
        assert!(page.contains(&edition.checked) && page.contains(&edition.effective));
    }
}

/// どの項目も、新旧の対応のどこかに 1 度は出てくる。
#[test]
fn every_item_stands_in_a_pair() {
    let syllabus = load(root()).unwrap();
    for item in &syllabus.item {
        let found =
            syllabus.pair.iter().any(|pair| pair.old == item.id || pair.new.contains(&item.id));
        assert!(found, "{} が新旧の対応にありません", item.id);
    }
    for pair in &syllabus.pair {
        for id in pair.new.iter().chain(Some(&pair.old).filter(|old| !old.is_empty())) {
            assert!(syllabus.get(id).is_some(), "{id} という項目はありません");
        }
    }
}

/// 表の数は、問題集から数えた数である。
#[test]
fn the_page_counts_the_questions_of_the_bank() {
    let syllabus = load(root()).unwrap();
    let bank = questions::load(root()).unwrap();
    let page = fs::read_to_string(real_book().join("appendix/syllabus.html")).unwrap();
    for item in &syllabus.item {
        let count = coverage(&bank, &item.id).questions.len();
        let (_, rest) = page.split_once(&format!("id=\"item-{}\"", item.id)).unwrap();
        let part = rest.split("<h3").next().unwrap();
        let shown = format!("<strong>{count}問</strong>");
        assert!(part.contains(&shown), "{}: {shown} がありません", item.id);
    }
}

/// キーワードの表: どの行にも、三つの向きの問題へのリンクか、問わない理由がある。
#[test]
fn the_keyword_table_shows_every_cell() {
    let syllabus = load(root()).unwrap();
    let bank = questions::load(root()).unwrap();
    let glossary = terms::load(root()).unwrap();
    let html = Html::parse_document(
        &fs::read_to_string(real_book().join("appendix/syllabus.html")).unwrap(),
    );
    let select = |text: &str| Selector::parse(text).unwrap();
    let text = |element: ElementRef<'_>| element.text().collect::<String>();
    let all: Vec<_> = html
        .select(&select(".keywords tbody tr"))
        .filter(|row| !text(*row).contains('「'))
        .collect();
    let rows = keywords(&syllabus, &bank, &glossary);
    assert_eq!(all.len(), rows.len());
    for (shown, row) in all.iter().zip(&rows) {
        assert_eq!(shown.select(&select("th")).map(text).collect::<String>(), row.keyword);
        let cells: Vec<_> = shown.select(&select("td")).collect();
        if let Some(reason) = syllabus.exempt(row.keyword) {
            assert_eq!(cells.len(), 1);
            assert_eq!(text(cells[0]), reason);
            continue;
        }
        assert_eq!(cells.len(), 3);
        for (cell, ids) in cells.iter().zip(&row.cells) {
            let links: Vec<_> = cell
                .select(&select("a[data-question]"))
                .map(|link| link.attr("data-question").unwrap())
                .collect();
            assert_eq!(&links, ids);
            assert_eq!(links.is_empty(), text(*cell) == "ありません");
        }
    }
}

#[test]
fn errata_has_all_30_points_with_something_that_decides() {
    let errata = errata::load(root()).unwrap();
    assert_eq!(errata.points.len(), 30);
    let html = Html::parse_document(
        &fs::read_to_string(real_book().join("appendix/errata.html")).unwrap(),
    );
    let select = |text: &str| Selector::parse(text).unwrap();
    for (index, point) in errata.points.iter().enumerate() {
        let heading = select(&format!("#point-{}", index + 1));
        let heading = html.select(&heading).next().expect("点の見出し");
        let list = heading
            .next_siblings()
            .find_map(scraper::ElementRef::wrap)
            .expect("見出しの次の箇条書き");
        let decides = list.select(&select("li:last-child .test-badge, li:last-child a")).count();
        assert!(decides > 0, "「{}」に決め手がありません", point.title);
        for part in ["よくある説明", "論文では", "決め手"] {
            assert!(list.text().any(|text| text.contains(part)), "{part}: {}", point.title);
        }
    }
}
