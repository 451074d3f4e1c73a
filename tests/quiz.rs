//! 問題集の検査と、そこから作る HTML の試験。最後に、本物の問題集の偏りを調べる。

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use workbook::markdown::render_markdown;
use workbook::quiz::{self, Bank};
use workbook::sections::Sections;

const SYLLABUS: &str = r#"
[[item]]
id = "2024-30"
edition = "2024"
number = "30"
title = "データ生成"
"#;

const CLAIMS: &str = "
#[test]
#[ignore]
fn only_the_generator_is_used() {}

fn helper() {}
";

/// 3 種類の問題を 1 問ずつ持つ、正しい問題集。各試験はここを 1 か所だけ壊す。
const BANK: &str = r#"
chapter = "ch03-gan"

[[question]]
id = "gan-one"
kind = "single"
importance = "超重要"
concept = true
syllabus = ["2024-30"]
section = "ch03-gan/concept.md#discriminator"
source = "Goodfellow et al. (2014), 3節, arXiv:1406.2661"
evidence = ["ch03-gan::claims::only_the_generator_is_used"]
stem = "$D(x)$ が表すものはどれですか。"
explanation = "**識別器**の出力は確率です。"

[[question.choice]]
text = "本物である確率 $0 \\le D(x) \\le 1$"
correct = true
reason = "シグモイドを通した値だからです。"

[[question.choice]]
text = "偽物である確率"
reason = "向きが逆です。"

[[question.choice]]
text = "生成した画像"
reason = "それは生成器の出力です。"

[[question]]
id = "gan-many"
kind = "multiple"
importance = "重要"
concept = true
syllabus = ["2024-30"]
section = "ch03-gan/concept.md#discriminator"
source = "同, 3節"
stem = "識別器に入るものを選びます。"
explanation = "本物と偽物の両方を見せます。"

[[question.choice]]
text = "本物の画像"
correct = true
reason = "これを本物と答えるように学びます。"

[[question.choice]]
text = "生成した画像"
correct = true
reason = "これを偽物と答えるように学びます。"

[[question.choice]]
text = "ノイズ"
reason = "ノイズは生成器の入力です。"

[[question]]
id = "gan-blanks"
kind = "blanks"
importance = "覚えておきたい"
concept = false
syllabus = ["2024-30"]
section = "ch03-gan/concept.md#discriminator"
source = "同, 1節"
stem = "（ア）は偽物を作り、（イ）は見分けます。"
explanation = "2 つのネットワークが競います。"

[[question.blank]]
label = "ア"

[[question.blank.choice]]
text = "生成器"
correct = true
reason = "作る側です。"

[[question.blank.choice]]
text = "符号化器"
reason = "VAE の部品です。"

[[question.blank.choice]]
text = "分類器"
reason = "作りません。"

[[question.blank]]
label = "イ"

[[question.blank.choice]]
text = "識別器"
correct = true
reason = "見分ける側です。"

[[question.blank.choice]]
text = "復号器"
reason = "VAE の<部品>です。"

[[question.blank.choice]]
text = "最適化器"
reason = "重みを動かすものです。"
"#;

/// `bank` を ch03-gan の問題集とする、小さなワークスペースを作る。
fn workspace(bank: &str) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("book/quiz/syllabus.toml", SYLLABUS);
    write("book/quiz/ch03-gan.toml", bank);
    write("chapters/ch03-gan/tests/claims.rs", CLAIMS);
    root
}

fn problems(root: &Path) -> Vec<String> {
    let mut sections = Sections::default();
    sections.add_page("ch03-gan/concept.md", "# やさしい節\n\n## 識別器 {#discriminator}\n");
    quiz::load(root).unwrap().problems(root, &sections)
}

/// `from` を `to` に変えた問題集が、問題 `id` の `sentence` だけを理由に断られることを確かめる。
#[track_caller]
fn rejects(from: &str, to: &str, id: &str, sentence: &str) {
    assert!(BANK.contains(from), "{from} がありません");
    let root = workspace(&BANK.replacen(from, to, 1));
    let found = problems(root.path());
    let expected = format!("book/quiz/ch03-gan.toml の問題「{id}」: ");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(&expected), "{}", found[0]);
    assert!(found[0].contains(sentence), "{}", found[0]);
}

/// 読む段階で断られる誤り。TOML の何行目かも伝える。
#[track_caller]
fn refuses_to_load(from: &str, to: &str, words: &[&str]) {
    let root = workspace(&BANK.replacen(from, to, 1));
    let error = format!("{:#}", quiz::load(root.path()).err().expect("断られるはず"));
    for word in words.iter().chain(&["ch03-gan.toml", "形式に合いません"]) {
        assert!(error.contains(word), "「{word}」がありません: {error}");
    }
}

#[test]
fn three_kinds_become_semantic_html() {
    let root = workspace(BANK);
    assert_eq!(problems(root.path()), Vec::<String>::new());
    let bank = quiz::load(root.path()).unwrap();
    let html = bank.render("ch03-gan", &render_markdown).unwrap();
    insta::assert_snapshot!(html);
}

#[test]
fn an_unknown_chapter_cannot_be_rendered() {
    let root = workspace(BANK);
    let bank = quiz::load(root.path()).unwrap();
    let error = bank.render("ch99", &render_markdown).unwrap_err();
    assert!(error.to_string().contains("book/quiz/ch99.toml がありません"));
}

#[test]
fn a_broken_formula_names_the_question() {
    let root = workspace(&BANK.replacen("$D(x)$ が", "$\\\\frac{$ が", 1));
    let bank = quiz::load(root.path()).unwrap();
    let error = format!("{:#}", bank.render("ch03-gan", &render_markdown).unwrap_err());
    assert!(error.contains("book/quiz/ch03-gan.toml の問題「gan-one」"), "{error}");
}

#[test]
fn rejects_a_duplicate_id() {
    rejects("\"gan-many\"", "\"gan-one\"", "gan-one", "同じ id の問題が");
}

#[test]
fn rejects_an_id_that_is_not_ascii_kebab() {
    rejects("\"gan-one\"", "\"GAN_1\"", "GAN_1", "英小文字・数字・ハイフン");
}

#[test]
fn rejects_an_unknown_kind() {
    rejects("\"single\"", "\"essay\"", "gan-one", "kind「essay」はありません");
}

#[test]
fn rejects_an_unknown_importance() {
    rejects("\"超重要\"", "\"最重要\"", "gan-one", "importance「最重要」はありません");
}

#[test]
fn rejects_an_empty_stem() {
    rejects("\"識別器に入るものを選びます。\"", "\" \"", "gan-many", "stem（問題文）が空です");
}

#[test]
fn rejects_a_missing_explanation() {
    let line = "explanation = \"本物と偽物の両方を見せます。\"\n";
    rejects(line, "", "gan-many", "explanation（解説）が空です");
}

#[test]
fn rejects_an_empty_source() {
    rejects("\"同, 3節\"", "\"\"", "gan-many", "source（出典）が空です");
}

#[test]
fn rejects_an_unknown_section() {
    rejects("#discriminator", "#generator", "gan-one", "という節は本にありません");
}

#[test]
fn rejects_an_unknown_syllabus_item() {
    rejects("[\"2024-30\"]", "[\"2024-99\"]", "gan-one", "syllabus「2024-99」は");
}

#[test]
fn rejects_a_question_outside_the_syllabus() {
    rejects("[\"2024-30\"]", "[]", "gan-one", "syllabus が空です");
}

#[test]
fn rejects_an_evidence_that_does_not_exist() {
    rejects("::only_the_generator_is_used", "::missing", "gan-one", "evidence のテストが");
}

#[test]
fn rejects_an_evidence_that_is_not_a_test() {
    rejects("::only_the_generator_is_used", "::helper", "gan-one", "evidence のテストが");
}

#[test]
fn rejects_a_question_without_a_correct_choice() {
    rejects("correct = true\n", "", "gan-one", "正解（correct = true）がありません");
}

#[test]
fn rejects_a_blank_without_a_correct_choice() {
    let from = "text = \"生成器\"\ncorrect = true";
    rejects(from, "text = \"生成器\"", "gan-blanks", "空欄（ア）の選択肢に正解");
}

#[test]
fn rejects_two_correct_choices_in_a_single_choice_question() {
    let from = "text = \"偽物である確率\"";
    let to = "text = \"偽物である確率\"\ncorrect = true";
    rejects(from, to, "gan-one", "正解が 2 つ以上あります");
}

#[test]
fn rejects_a_choice_without_a_reason() {
    rejects("reason = \"向きが逆です。\"", "", "gan-one", "「偽物である確率」に reason");
}

#[test]
fn rejects_fewer_than_three_choices() {
    let choice =
        "[[question.choice]]\ntext = \"ノイズ\"\nreason = \"ノイズは生成器の入力です。\"\n";
    rejects(choice, "", "gan-many", "3 つ以上");
}

#[test]
fn rejects_identical_choices() {
    rejects("\"ノイズ\"", "\"本物の画像\"", "gan-many", "「本物の画像」が 2 度");
}

#[test]
fn rejects_a_blank_that_the_passage_lacks() {
    rejects("（イ）は見分け", "識別器は見分け", "gan-blanks", "問題文に空欄（イ）がありません");
}

#[test]
fn rejects_choices_outside_the_blanks() {
    let from = "kind = \"multiple\"";
    rejects(from, "kind = \"blanks\"", "gan-many", "blank（空欄）がありません");
}

#[test]
fn rejects_a_file_named_differently_from_its_chapter() {
    let root = workspace(&BANK.replacen("chapter = \"ch03-gan\"", "chapter = \"ch02-vae\"", 1));
    let found = problems(root.path());
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("book/quiz/ch03-gan.toml: "), "{}", found[0]);
    assert!(found[0].contains("chapter「ch02-vae」とファイル名が違います"));
}

#[test]
fn refuses_an_unknown_key() {
    refuses_to_load("kind = \"single\"", "knd = \"single\"", &["knd"]);
}

#[test]
fn refuses_a_question_that_does_not_say_whether_it_is_conceptual() {
    refuses_to_load("concept = true\n", "", &["concept", "line"]);
}

// ここからは本物の問題集。

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn real_bank() -> Bank {
    quiz::load(&root()).unwrap()
}

/// 原稿のフォルダにあるすべてのページの節。
fn real_sections() -> Sections {
    fn add(sections: &mut Sections, src: &Path, dir: &Path) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(sections, src, &path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.strip_prefix(src).unwrap().to_str().unwrap();
                sections.add_page(&name.replace('\\', "/"), &fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut sections = Sections::default();
    let src = root().join("book/src");
    add(&mut sections, &src, &src);
    sections
}

/// 単一選択の問題ごとに、ビルド時の並びでの正解の位置と、選択肢の文字数。
fn single_questions(bank: &Bank) -> Vec<(usize, Vec<(bool, usize)>)> {
    let questions = bank.chapters.iter().flat_map(|chapter| &chapter.questions);
    questions
        .filter(|question| question.kind == "single")
        .map(|question| {
            let order = question.order(&question.choices);
            let position = order.iter().position(|choice| choice.correct).unwrap();
            let length = |text: &str| text.trim().chars().count();
            let choices = question.choices.iter();
            let lengths = choices.map(|c| (c.correct, length(&c.text))).collect();
            (position, lengths)
        })
        .collect()
}

#[test]
fn the_real_bank_has_no_problem() {
    let bank = real_bank();
    let problems = bank.problems(&root(), &real_sections());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let count: usize = bank.chapters.iter().map(|c| c.questions.len()).sum();
    assert!(count >= 20, "問題が {count} 問しかありません");
    for chapter in &bank.chapters {
        bank.render(&chapter.chapter, &render_markdown).unwrap();
    }
}

#[test]
fn correct_choices_are_spread_over_the_positions() {
    let singles = single_questions(&real_bank());
    let positions: HashSet<_> = singles.iter().map(|(position, _)| position).collect();
    assert!(positions.len() >= 3, "正解の位置が偏っています: {positions:?}");
    for position in positions {
        let count = singles.iter().filter(|(p, _)| p == position).count();
        assert!(
            count * 2 <= singles.len(),
            "{} 問中 {count} 問の正解が {} 番目です",
            singles.len(),
            position + 1
        );
    }
}

#[test]
fn the_longest_choice_does_not_give_the_answer_away() {
    let singles = single_questions(&real_bank());
    let longest = singles.iter().filter(|(_, lengths)| {
        let wrong = lengths.iter().filter(|(right, _)| !right);
        let right = lengths.iter().find(|(right, _)| *right).unwrap();
        wrong.map(|(_, length)| length).max().unwrap() < &right.1
    });
    let (longest, all) = (longest.count(), singles.len());
    println!("正解がいちばん長い単一選択の問題: {longest}/{all}");
    assert!(
        (longest as f64) < 0.45 * all as f64,
        "単一選択 {all} 問のうち {longest} 問で、正解がいちばん長い選択肢です。長さをそろえてください。"
    );
}
