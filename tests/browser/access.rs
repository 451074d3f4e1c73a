//! 読み上げとキーボードだけでも読める: axe の検査、目次のボタン、「本文へ」、横に流れる箱、数式の選択肢の名前。

use std::path::Path;

use serde_json::{Value, json};

use crate::reader::{Reader, from_server, thorough};
use crate::support::{files, real_book};

const AXE: &str = include_str!("axe/axe.min.js");

impl Reader {
    /// 開いているページの、WCAG 2.2 A・AA に反する所。`rules` は axe への、規則の選び方。
    fn violations(&self, rules: &str) -> Value {
        self.violations_in("html", rules)
    }

    /// `selector` の中だけを調べる。
    pub fn violations_in(&self, selector: &str, rules: &str) -> Value {
        // 誤りの文には式がそのまま入る。66 万字の道具は、知らせに出さない。
        let ready = self.tab.evaluate(&format!("{AXE}\n;0"));
        assert!(ready == Ok(json!(0)), "axe を読み込めません");
        self.js(&format!(
            "axe.run({selector:?}, {{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'], {rules} }})
               .then(({{ violations }}) => violations.map(({{ id, nodes }}) => `${{id}} ${{nodes.length}}: ${{nodes[0].html.slice(0, 120)}}`))"
        ))
    }

    /// 本のページのうち `pages` を開き、配色 `theme` で調べる。
    fn audit(&self, theme: &str, pages: &[String], rules: &str) {
        self.run_before_pages(&format!(
            "try {{ localStorage.setItem('mdbook-theme', '{theme}') }} catch {{}}"
        ));
        let mut found = Vec::new();
        for page in pages {
            self.open(page);
            if !rules.is_empty() {
                self.js(LIGHTEN);
            }
            let violations = self.violations(rules);
            if violations != json!([]) {
                found.push(format!("{page} ({theme}): {violations:#}"));
            }
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// 全体を 1 枚にした print.html と、ページの部品の toc.html のほかの、すべてのページ。
fn pages() -> Vec<String> {
    let name = |path: &Path| path.strip_prefix(real_book()).unwrap().display().to_string();
    let all = files(real_book(), "html").iter().map(|path| name(path)).collect::<Vec<_>>();
    all.into_iter().filter(|page| !["print.html", "toc.html"].contains(&page.as_str())).collect()
}

/// 色の対比は時間がかかり、配色ごとの読みやすさは別の試験がページの種類ごとに測っている。ここでは、そのほかの規則をすべてのページで調べる。
const STRUCTURE: &str = "rules: { 'color-contrast': { enabled: false } }";

/// 図の中身とコードの色分けは、対比のほかの規則に関わらない。数が多く、調べる時間の半分を使うので外す。
const LIGHTEN: &str = "(() => {
    document.querySelectorAll('svg').forEach((svg) => svg.replaceChildren());
    document.querySelectorAll('pre code').forEach((code) => { code.textContent = code.textContent; });
    return 0;
})()";

/// すべてのページを、二つの試験で半分ずつ、同時に調べる。
fn audit_half(rest: usize) {
    if !thorough() {
        return;
    }
    let Some(reader) = Reader::online() else { return };
    let half: Vec<String> = pages().into_iter().skip(rest).step_by(2).collect();
    reader.audit(["light", "navy"][rest], &half, STRUCTURE);
}

#[test]
fn no_page_breaks_the_accessibility_rules() {
    audit_half(0);
}

#[test]
fn no_page_breaks_the_accessibility_rules_in_the_other_half() {
    audit_half(1);
}

/// 明るい配色と暗い配色で、ページの種類ごとに 1 枚ずつ、色の対比まで調べる。
#[test]
fn each_kind_of_page_keeps_its_contrast() {
    if !thorough() {
        return;
    }
    let Some(reader) = Reader::online() else { return };
    let kinds = [
        "index.html",
        "404.html",
        "ch06-cyclegan/concept.html",
        "ch04-dcgan/run.html",
        "ch05-pix2pix/quiz.html",
        "exam/mock.html",
        "exam/record.html",
        "appendix/points.html",
    ];
    for theme in ["light", "navy"] {
        reader.audit(theme, &kinds.map(str::to_owned), "");
    }
}

#[test]
#[ignore = "すべてのページを明暗の両方で、色の対比まで調べます (2 分ほど)"]
fn no_page_breaks_any_rule_in_light_or_dark() {
    let Some(reader) = Reader::online() else { return };
    for theme in ["light", "navy"] {
        reader.audit(theme, &pages(), "");
    }
}

/// 目次はボタンで、キーだけで開き、選び、閉じられる。外を押しても閉じる。
#[test]
fn the_menu_is_a_real_button() {
    let Some(reader) = Reader::online() else { return };
    reader.phone();
    reader.open("ch03-gan/concept.html");
    let open = "document.getElementById('mdbook-sidebar-toggle-anchor').checked";
    // 初めの Tab は「本文へ」。押すと、次の Tab は本文の中へ行く。
    reader.press("Tab");
    assert!(reader.is("document.activeElement.matches('.skip')"));
    reader.press("Enter");
    reader.press("Tab");
    assert!(reader.is("document.activeElement.closest('main')"), "本文へ飛びません");
    assert!(!reader.is(open));
    reader.js("document.getElementById('mdbook-sidebar-toggle').focus()");
    reader.press("Enter");
    assert!(reader.is(open));
    assert!(reader.is("document.activeElement.matches('#mdbook-sidebar a.active')"));
    assert_eq!(
        reader.js("document.getElementById('mdbook-sidebar-toggle').getAttribute('aria-expanded')"),
        "true"
    );
    reader.press("Escape");
    assert!(!reader.is(open));
    assert!(reader.is("document.activeElement.id === 'mdbook-sidebar-toggle'"));
    reader.press("Enter");
    assert!(reader.is(open));
    reader.tab.click(370., 500.);
    assert!(!reader.is(open), "外を押しても閉じません");
    // 前後のページは、行き先の名前を持つ。
    assert!(
        reader.text(".mobile-nav-chapters.next").contains("第3章 動かす — 図を読み、壊してみる")
    );
}

/// 横に流れるコードの中の → は、ページをめくらない。
#[test]
fn arrows_scroll_wide_code_instead_of_turning_the_page() {
    let Some(reader) = Reader::watched(from_server) else { return };
    reader.phone();
    reader.open("ch03-gan/run.html");
    let wide = "[...document.querySelectorAll('main pre > code')].find((code) => code.scrollWidth > code.clientWidth + 40)";
    reader.wait(&format!("({wide}).tabIndex === 0"));
    reader.watch_page_turns();
    reader.click_element(wide);
    reader.press("ArrowRight");
    assert!(!reader.page_turned(), "ページがめくられました");
    assert!(reader.is(&format!("document.activeElement === {wide}")));
    reader.assert_quiet();
}

/// 数式の選択肢も、読み上げでは日本語の名前を持つ。
#[test]
fn formulas_as_choices_have_names() {
    let Some(reader) = Reader::online() else { return };
    reader.open("ch06-cyclegan/quiz.html");
    let nameless = "[...document.querySelectorAll('.quiz-choices input')].filter((input) =>
        input.closest('label').querySelector('math') && !/[ぁ-んァ-ヶ一-龠A-Za-z]/.test(input.ariaLabel ?? '')).length";
    assert_eq!(reader.js(nameless), json!(0));
    assert!(reader.is("document.querySelectorAll('.quiz-choices label math').length > 10"));
    reader.tab.call("Accessibility.enable", json!({}));
    let found = reader.tab.call(
        "Runtime.evaluate",
        json!({ "expression": "document.querySelector('[data-name*=大文字] input')" }),
    );
    let node = reader.tab.call(
        "Accessibility.getPartialAXTree",
        json!({ "objectId": found["result"]["objectId"], "fetchRelatives": false }),
    );
    let name = node["nodes"][0]["name"]["value"].as_str().unwrap().to_owned();
    assert!(name.contains("大文字"), "{name}");
}
