//! 問われる65点の確認表: どの点にも、実在する節と問題があること。

use std::collections::{HashMap, HashSet};
use std::fs;

use crate::support::{TinyBook, real_book, root};
use scraper::{ElementRef, Html, Selector};
use workbook::content::{points, questions};

const PAGE: &str = "appendix/points.html";

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn page(path: &str) -> Html {
    Html::parse_document(&fs::read_to_string(real_book().join(path)).unwrap())
}

#[test]
fn there_are_65_points_in_ten_groups() {
    let points = points::load(root()).unwrap().points;
    assert_eq!(points.len(), 65);
    // 組の大きさ。点を足し引きしたら、ここと、ページの「65」を直す。
    let starts: Vec<usize> =
        (0..points.len()).filter(|index| !points[*index].group.is_empty()).collect();
    let ends = starts[1..].iter().copied().chain([points.len()]);
    let sizes: Vec<usize> = starts.iter().zip(ends).map(|(start, end)| end - start).collect();
    assert_eq!(sizes, [5, 6, 9, 4, 10, 5, 6, 5, 8, 7]);
    let mut texts = HashSet::new();
    for point in &points {
        assert!(texts.insert(&point.text), "同じ文が 2 度あります: {}", point.text);
        let one = point.text.ends_with('。') && point.text.matches('。').count() == 1;
        assert!(one, "「。」で終わる 1 文にしてください: {}", point.text);
        let questions: HashSet<&String> = point.questions.iter().collect();
        assert!(!questions.is_empty(), "問題がありません: {}", point.text);
        assert_eq!(questions.len(), point.questions.len(), "同じ問題が 2 度: {}", point.text);
    }
}

/// 節と問題へのリンクは、できたページの本物の要素に届く。番号も、飛んだ先の番号と同じである。
#[test]
fn every_link_of_the_page_leads_to_its_element() {
    let points = points::load(root()).unwrap().points;
    let html = page(PAGE);
    let (links, anchor) = (selector("main ol > li .point-links"), selector("a"));
    let rows: Vec<ElementRef<'_>> = html.select(&links).collect();
    assert_eq!(rows.len(), points.len());
    let mut targets: HashMap<&str, Html> = HashMap::new();
    for (row, point) in rows.iter().zip(&points) {
        let anchors: Vec<_> = row.select(&anchor).collect();
        assert_eq!(anchors.len(), 1 + point.questions.len(), "{}", point.text);
        for anchor in &anchors {
            let href = anchor.attr("href").unwrap().strip_prefix("../").unwrap();
            let (file, id) = href.split_once('#').unwrap_or((href, ""));
            let target = targets.entry(file).or_insert_with(|| page(file));
            let wanted = selector(if id.is_empty() { "h1" } else { "[id]" });
            let element = target
                .select(&wanted)
                .find(|element| id.is_empty() || element.attr("id") == Some(id));
            let element = element.unwrap_or_else(|| panic!("{}: {href} がありません", point.text));
            let Some(question) = anchor.attr("data-question") else { continue };
            assert_eq!(element.attr("data-id"), Some(question));
            let title = element.select(&selector(".quiz-title")).next().unwrap();
            let number = title.text().collect::<String>().replace(' ', "");
            let shown = anchor.text().collect::<String>();
            assert!(shown.ends_with(&format!(" {number}")), "{question}: {shown}");
            let choices = selector("[data-key]");
            let keys: HashSet<_> = element.select(&choices).map(|li| li.attr("data-key")).collect();
            let listed: HashSet<_> =
                anchor.attr("data-keys").unwrap().split(' ').map(Some).collect();
            assert_eq!(keys, listed, "{question}");
        }
    }
}

/// 逆向きの検査: どの章の問題集からも、1 問以上が選ばれている。
#[test]
fn every_bank_is_used() {
    let points = points::load(root()).unwrap().points;
    let used: HashSet<&String> = points.iter().flat_map(|point| &point.questions).collect();
    for chapter in questions::load(root()).unwrap().chapters {
        let found = chapter.questions.iter().any(|question| used.contains(&question.id));
        assert!(found, "{} の問題が、確認表に 1 つもありません", chapter.file);
    }
}

#[test]
fn bad_points_are_refused_by_name() {
    for (section, questions, reason) in [
        (
            "ch03-gan/page.md#nai",
            "[\"a\"]",
            "section「ch03-gan/page.md#nai」という節は本にありません",
        ),
        ("ch03-gan/page.md", "[\"nai\"]", "問題「nai」は book/quiz にありません"),
        ("ch03-gan/page.md", "[]", "questions が空です"),
    ] {
        let book = TinyBook::new("# 題\n\n{{points}}\n");
        book.write(
            points::FILE,
            format!(
                "[[point]]\ngroup = \"組\"\ntext = \"点の文です。\"\n\
                 section = \"{section}\"\nquestions = {questions}\n"
            ),
        );
        let error = book.error();
        assert!(error.contains("book/points.toml:1 の点 1「点の文です。」: "), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}
