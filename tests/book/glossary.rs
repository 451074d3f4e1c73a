//! 用語集の試験: 一つの語に一つの意味、届くリンク、本文の吹き出し。

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use crate::support::{TinyBook, files, real_book, root};
use scraper::{Html, Selector};
use workbook::content::sections::{self, Sections};
use workbook::content::syllabus;
use workbook::content::terms::{self, Glossary};

fn real() -> Glossary {
    terms::load(root()).unwrap()
}

/// 空白と大文字小文字の違いを無くし、後ろの「(VAE)」のような略語を除いた書き方。
fn fold(name: &str) -> String {
    let name = name.split(" (").next().unwrap();
    name.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect()
}

fn names() -> HashSet<String> {
    real().terms.iter().flat_map(|term| term.names().map(fold).collect::<Vec<_>>()).collect()
}

fn page(name: &str) -> Html {
    Html::parse_document(&fs::read_to_string(real_book().join(name)).unwrap())
}

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

const TWO: &str = r#"
[[term]]
id = "generator"
ja = "生成器"
en = "generator"
reading = "せいせいき"
aliases = ["ジェネレータ"]
definition = "偽のデータを作る。"
section = "ch03-gan/concept.md#generator"
confused = ["decoder"]
difference = "組む相手が違います。"

[[term]]
id = "decoder"
ja = "デコーダ"
en = "decoder"
reading = "でこーだ"
definition = "潜在変数をデータに変える。"
section = "ch03-gan/concept.md"
related = ["generator"]
"#;

fn load(toml: &str) -> Result<Glossary, String> {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("book")).unwrap();
    fs::write(root.path().join(terms::FILE), toml).unwrap();
    terms::load(root.path()).map_err(|error| format!("{error:#}"))
}

fn problems(toml: &str) -> Vec<String> {
    let mut sections = Sections::default();
    sections.add_page("ch03-gan/concept.md", "# 題\n\n## 生成器 {#generator}\n");
    load(toml).unwrap().problems(&sections)
}

#[test]
fn mistakes_in_the_glossary_are_named() {
    assert_eq!(problems(TWO), Vec::<String>::new());
    for (from, to, sentence) in [
        ("id = \"decoder\"", "id = \"generator\"", "同じ id の語"),
        ("en = \"decoder\"", "en = \"Generator\"", "語「generator」も使っています"),
        ("ja = \"デコーダ\"", "ja = \"ジェネレータ\"", "語「generator」も使っています"),
        ("reading = \"でこーだ\"", "reading = \"デコーダ\"", "ひらがなと長音だけ"),
        ("データに変える。", "データに変える。二つ目の文。", "1 文にしてください"),
        ("データに変える。", "$x$ に変える。", "数式や太字の記法"),
        ("concept.md#generator", "concept.md#nai", "という節は本にありません"),
        ("ch03-gan/concept.md#", "ch09-new/concept.md#", "という節は本にありません"),
        ("section = \"ch03-gan/concept.md\"", "section = \"\"", "という節は本にありません"),
        ("related = [\"generator\"]", "related = [\"nai\"]", "「nai」は用語集にありません"),
        ("related = [\"generator\"]", "related = [\"decoder\"]", "自分自身"),
        ("difference = \"組む相手が違います。\"", "", "見分け方 (difference) がありません"),
    ] {
        assert!(TWO.contains(from), "{from}");
        let found = problems(&TWO.replacen(from, to, 1));
        assert!(found.iter().any(|problem| problem.contains(sentence)), "{from}: {found:?}");
    }
    // 節は、どの語にも要る。
    let without = TWO.replacen("section = \"ch03-gan/concept.md\"\n", "", 1);
    assert!(
        load(&without)
            .err()
            .unwrap()
            .contains("book/terms.toml:13: 用語集の形式に合いません。section がありません")
    );
}

#[test]
fn every_syllabus_keyword_has_a_term() {
    // 語ではなく、項目の題や話題として書かれているもの。
    let topics = ["AI 生成物への適用", "生成モデルの考え方"];
    let names = names();
    for item in syllabus::load(root()).unwrap().item {
        for keyword in item.keywords {
            assert!(
                topics.contains(&keyword.as_str()) || names.contains(&fold(&keyword)),
                "{} のキーワード「{keyword}」が用語集にありません",
                item.id
            );
        }
    }
}

/// 章の初めの表のキーワードは、用語集の語か、語を含む言い方である。
#[test]
fn every_chapter_keyword_has_a_term() {
    // 語ではなく、話題の名。
    let topics = [
        "学習と生成",
        "ラベルが無くても学べる",
        "画像・音声・文章の生成",
        "著作権",
        "ぼやけ",
        "学習の不安定さ",
        "評価の難しさ",
        "出力の大きさ",
        "丸暗記の確かめ方",
        "ぼやけの理由",
        "有名な使い道",
        "有名な応用",
        "どの損失を見るか",
        "苦手なこと",
        "対応の不定性",
        "生成が遅い",
        "なぜ一度に消さないか",
        "損失の由来",
        "訓練画像の記憶",
    ];
    let names: Vec<String> = names().into_iter().filter(|name| name.chars().count() > 1).collect();
    let mut seen = 0;
    for file in files(&root().join("book/src"), "md") {
        if !file.ends_with("README.md") || file.parent().unwrap().ends_with("src") {
            continue;
        }
        for line in fs::read_to_string(&file).unwrap().lines() {
            let Some((keyword, _)) = line.strip_prefix("| [").and_then(|rest| rest.split_once(']'))
            else {
                continue;
            };
            let keyword = keyword.replace("<wbr>", "");
            let folded = fold(&keyword);
            seen += 1;
            assert!(
                topics.contains(&keyword.as_str())
                    || names.iter().any(|name| folded.contains(name)),
                "{}: キーワード「{keyword}」の語が用語集にありません",
                file.display()
            );
        }
    }
    assert!(seen >= 80, "キーワードの表を {seen} 行しか読めていません");
}

/// 見出しから、同じか上の段の次の見出しまでの文。`id` が空なら、ページの全体。
fn section_text(page: &Html, id: &str) -> String {
    let level = |element: &scraper::ElementRef<'_>| {
        element.value().name().strip_prefix('h').and_then(|level| level.parse::<u8>().ok())
    };
    let whole = id.is_empty();
    let start = if whole { selector("main h1") } else { selector(&format!("[id=\"{id}\"]")) };
    let start = page.select(&start).next().expect("節の見出し");
    let own = level(&start);
    let rest = start.next_siblings().filter_map(scraper::ElementRef::wrap);
    let rest = rest.take_while(|next| whole || level(next).is_none_or(|next| Some(next) > own));
    [start].into_iter().chain(rest).flat_map(|element| element.text()).collect()
}

/// 用語集から節へ飛んだ読者は、そこで語に出会う。
#[test]
fn every_term_appears_in_its_section() {
    let mut pages: HashMap<String, Html> = HashMap::new();
    let mut lost = Vec::new();
    for term in real().terms {
        let url = sections::url(&term.section);
        let (name, id) = url.split_once('#').unwrap_or((&url, ""));
        let html = pages.entry(name.to_owned()).or_insert_with(|| page(name));
        let text: String = section_text(html, id).to_lowercase().split_whitespace().collect();
        if !term.names().any(|name| text.contains(&fold(name))) {
            lost.push(format!("{} ({})", term.ja, term.section));
        }
    }
    assert!(lost.is_empty(), "節に出てこない語:\n{}", lost.join("\n"));
}

#[test]
fn the_page_has_one_entry_for_each_term() {
    let html = page("appendix/glossary.html");
    let glossary = real();
    assert!(glossary.terms.len() >= 150, "{} 語", glossary.terms.len());
    let mut order = Vec::new();
    for heading in html.select(&selector("h3[id^=term-]")) {
        let id = heading.attr("id").unwrap().strip_prefix("term-").unwrap();
        let term = glossary.terms.iter().find(|term| term.id == id).expect(id);
        assert_eq!(heading.text().collect::<String>().trim(), term.ja);
        order.push(term.reading.clone());
    }
    assert_eq!(order.len(), glossary.terms.len());
    assert!(order.is_sorted(), "五十音の順に並んでいません");
}

#[test]
fn only_the_first_use_on_a_page_gets_a_tooltip() {
    let glossary = real();
    let tips: HashMap<String, &str> = glossary
        .terms
        .iter()
        .map(|term| (format!("#term-{}", term.id), &*term.definition))
        .collect();
    let mut total = 0;
    for file in files(real_book(), "html") {
        let name = file.strip_prefix(real_book()).unwrap();
        if name == Path::new("print.html") {
            continue;
        }
        let html = Html::parse_document(&fs::read_to_string(&file).unwrap());
        let mut seen = HashSet::new();
        for link in html.select(&selector("a.term")) {
            let (url, id) = link.attr("href").unwrap().split_once('#').unwrap();
            assert!(url.ends_with("appendix/glossary.html"), "{url}");
            assert!(seen.insert(id.to_owned()), "{}: {id} が 2 度目です", name.display());
            assert_eq!(link.attr("data-tip"), Some(tips[&format!("#{id}")]));
            let inside = link.ancestors().filter_map(scraper::ElementRef::wrap).any(|element| {
                ["a", "h1", "h2", "h3", "h4", "code", "pre"].contains(&element.value().name())
            });
            assert!(!inside, "{}: {id} がリンクや見出しの中です", name.display());
            total += 1;
        }
        let whole =
            html.select(&selector("main")).next().map(|main| main.text().collect::<String>());
        assert!(!whole.unwrap_or_default().contains("data-tip"), "{}", name.display());
    }
    assert!(total > 200, "吹き出しが {total} 個しかありません");
}

/// 長い語の一部、英字の続き、ふだんの言葉には付かない。
#[test]
fn longer_words_win() {
    let book = TinyBook::new(
        "# 題\n\nDCGAN は、モード崩壊と `GAN` の[生成器](#a)の話です。\n\n## GAN の見出し {#a}\n\nGAN です。\n",
    );
    let term = |id: &str, ja: &str| {
        format!(
            "[[term]]\nid = \"{id}\"\nja = \"{ja}\"\nen = \"{id}\"\nreading = \"よみ\"\ndefinition = \"{id} です。\"\nsection = \"ch03-gan/page.md#a\"\n"
        )
    };
    let terms = [("g", "GAN"), ("m", "モード"), ("mc", "モード崩壊"), ("s", "生成器")];
    book.write(terms::FILE, terms.map(|(id, ja)| term(id, ja)).concat());
    book.write(
        "book/src/SUMMARY.md",
        "- [ページ](ch03-gan/page.md)\n- [用語集](appendix/glossary.md)\n",
    );
    book.write("book/src/appendix/glossary.md", "# 用語集\n\n{{glossary}}\n");
    let html = book.main_html();
    assert!(html.contains(">モード崩壊</a>") && !html.contains(">モード</a>"), "{html}");
    assert_eq!(html.matches("class=\"term\"").count(), 2, "{html}");
    assert!(html.contains(">GAN</a> です"), "{html}");
}
