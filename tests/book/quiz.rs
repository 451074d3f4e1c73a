//! 問題集の検査と、そこから作る HTML の試験。最後に、本物の問題集の偏りを調べる。

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use mdbook_markdown::pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};
use tempfile::TempDir;
use workbook::content::questions::{self, Bank, Question};
use workbook::content::sections::Sections;
use workbook::content::{syllabus, terms};
use workbook::markup::parser::parser;
use workbook::page::question::render_chapter;

const SYLLABUS: &str = r#"
[[item]]
id = "2024-30"
edition = "2024"
number = "30"
title = "データ生成"
"#;

const TERMS: &str = r#"
[[term]]
id = "gan"
ja = "GAN"
en = "GAN"
reading = "がん"
definition = "二つのネットワークを競わせる生成モデル。"
section = "ch03-gan/concept.md#discriminator"
"#;

const CLAIMS: &str = "
/// 使うのは生成器だけである。
#[test]
#[ignore]
fn only_the_generator_is_used() {}

fn helper() {}

/// 一つ目の文。二つ目の文。
#[test]
fn says_two_things() {}
";

/// 3 種類の問題を 1 問ずつ持つ、正しい問題集。各試験はここを 1 か所だけ壊す。
const BANK: &str = r#"
chapter = "ch03-gan"

[[question]]
id = "gan-one"
kind = "single"
importance = "超重要"
concept = true
level = "標準"
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
level = "標準"
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
level = "基本"
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
    write("book/terms.toml", TERMS);
    write("chapters/ch03-gan/tests/claims.rs", CLAIMS);
    root
}

fn problems(root: &Path) -> Vec<String> {
    let mut sections = Sections::default();
    sections.add_page("ch03-gan/concept.md", "# やさしい節\n\n## 識別器 {#discriminator}\n");
    questions::load(root).unwrap().problems(root, &sections)
}

/// `from` を `to` に変えた問題集が、問題 `id` の `sentence` だけを理由に断られることを確かめる。
#[track_caller]
fn rejects(from: &str, to: &str, id: &str, sentence: &str) {
    assert!(BANK.contains(from), "{from} がありません");
    let root = workspace(&BANK.replacen(from, to, 1));
    let found = problems(root.path());
    let expected = format!(" の問題「{id}」: ");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("book/quiz/ch03-gan.toml:"), "{}", found[0]);
    assert!(found[0].contains(&expected), "{}", found[0]);
    assert!(found[0].contains(sentence), "{}", found[0]);
}

/// 読む段階で断られる誤り。TOML の何行目かも伝える。
#[track_caller]
fn refuses_to_load(from: &str, to: &str, words: &[&str]) {
    let root = workspace(&BANK.replacen(from, to, 1));
    let error = format!("{:#}", questions::load(root.path()).err().expect("断られるはず"));
    for word in words.iter().chain(&["ch03-gan.toml", "形式に合いません"]) {
        assert!(error.contains(word), "「{word}」がありません: {error}");
    }
}

#[test]
fn three_kinds_become_semantic_html() {
    let root = workspace(BANK);
    assert_eq!(problems(root.path()), Vec::<String>::new());
    let bank = questions::load(root.path()).unwrap();
    let html = render_chapter(&bank, "ch03-gan").unwrap();
    insta::assert_snapshot!(html);
}

#[test]
fn an_unknown_chapter_cannot_be_rendered() {
    let root = workspace(BANK);
    let bank = questions::load(root.path()).unwrap();
    let error = render_chapter(&bank, "ch99").unwrap_err();
    assert!(error.to_string().contains("book/quiz/ch99.toml がありません"));
}

#[test]
fn a_broken_formula_names_the_question() {
    let root = workspace(&BANK.replacen("$D(x)$ が", "$\\\\frac{$ が", 1));
    let bank = questions::load(root.path()).unwrap();
    let error = format!("{:#}", render_chapter(&bank, "ch03-gan").unwrap_err());
    assert!(error.contains("book/quiz/ch03-gan.toml:4 の問題「gan-one」"), "{error}");
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
fn rejects_a_missing_or_unknown_level() {
    rejects("level = \"標準\"\n", "", "gan-one", "level（難しさ）「」はありません");
    rejects("\"標準\"", "\"やさしい\"", "gan-one", "level（難しさ）「やさしい」はありません");
}

#[test]
fn rejects_a_family_that_is_not_ascii_kebab() {
    let level = "level = \"標準\"\n";
    rejects(
        level,
        &format!("{level}family = \"GAN の組\"\n"),
        "gan-one",
        "family（組） は英小文字",
    );
}

#[test]
fn rejects_a_term_or_a_direction_that_does_not_fit() {
    let level = "level = \"標準\"\n";
    let with = |lines: &str| format!("{level}{lines}\n");
    let direction = "direction = \"場面\"";
    rejects(level, &with("term = \"gan\""), "gan-one", "term（問われる語）には direction");
    rejects(level, &with(direction), "gan-one", "direction（向き）には term");
    let unknown = format!("term = \"gun\"\n{direction}");
    rejects(level, &with(&unknown), "gan-one", "term「gun」は book/terms.toml にありません");
    let sideways = "term = \"gan\"\ndirection = \"横から\"";
    rejects(level, &with(sideways), "gan-one", "direction「横から」はありません");
    let fits = BANK.replacen(level, &with(&format!("term = \"gan\"\n{direction}")), 1);
    assert_eq!(problems(workspace(&fits).path()), Vec::<String>::new());
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
    // 発展だけは、シラバスの外の話題でもよい。読者にもそう知らせる。
    let outside =
        BANK.replacen("level = \"標準\"", "level = \"発展\"", 1).replacen("[\"2024-30\"]", "[]", 1);
    let root = workspace(&outside);
    assert_eq!(problems(root.path()), Vec::<String>::new());
    let html = render_chapter(&questions::load(root.path()).unwrap(), "ch03-gan").unwrap();
    assert!(html.contains("難しさ: 発展（試験の外）"));
    assert!(html.contains("シラバス: シラバスの外（知っておくとよい）"));
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
fn rejects_an_evidence_that_does_not_say_what_it_tests() {
    let reason =
        "claims.rs:11: テスト says_two_things の上に、何を確かめたかを言う 1 文がありません";
    rejects("::only_the_generator_is_used", "::says_two_things", "gan-one", reason);
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
    refuses_to_load("concept = true\n", "", &["concept", "ch03-gan.toml:4:"]);
}

// ここからは本物の問題集。

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn real_bank() -> Bank {
    questions::load(&root()).unwrap()
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
        render_chapter(&bank, &chapter.chapter).unwrap();
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

// 問題集全体の質。1 問ずつの検査では見えない、偏りと抜けを調べる。

fn real_questions(bank: &Bank) -> Vec<&Question> {
    bank.chapters.iter().flat_map(|chapter| &chapter.questions).collect()
}

/// 読者が目で読む長さに近い文: 数式は 1 字と数え、太字の印と空白を除く。
fn plain(text: &str) -> String {
    let without_math: String =
        text.split('$').enumerate().map(|(i, part)| if i % 2 == 0 { part } else { "式" }).collect();
    without_math.replace("**", "").chars().filter(|c| !c.is_whitespace()).collect()
}

fn percent(part: usize, all: usize) -> f64 {
    100.0 * part as f64 / all as f64
}

/// 語の意味を問うだけの問題より、理由や起こることを問う問題を多くする。
#[test]
fn most_questions_ask_for_a_judgement() {
    let bank = real_bank();
    let all = real_questions(&bank);
    let share = percent(all.iter().filter(|question| question.concept).count(), all.len());
    println!("考え方を問う問題: {share:.0} %");
    assert!(share >= 60.0, "考え方を問う問題が {share:.0} % しかありません");
    for chapter in &bank.chapters {
        let count = chapter.questions.iter().filter(|question| question.concept).count();
        let share = percent(count, chapter.questions.len());
        assert!(share >= 50.0, "{}: 考え方を問う問題が {share:.0} % です", chapter.chapter);
    }
}

/// 4 択の正解が、どの位置にもほぼ同じだけある。ずれは、でたらめに並べたときの幅に収まる。
#[test]
fn no_position_is_a_better_guess() {
    let singles = single_questions(&real_bank());
    let mut counts = [0usize; 4];
    for (position, choices) in &singles {
        assert_eq!(choices.len(), 4, "単一選択は 4 択にそろえます");
        counts[*position] += 1;
    }
    let expected = singles.len() as f64 / 4.0;
    let chi: f64 = counts.iter().map(|n| (*n as f64 - expected).powi(2) / expected).sum();
    println!("正解の位置 {counts:?}、カイ二乗 {chi:.2}");
    // 自由度 3 で 1 % の点。
    assert!(chi < 11.34, "正解の位置が偏っています: {counts:?}");
}

/// 長さだけを見て選んでも、当てずっぽう (25 %) とほとんど変わらない。
#[test]
fn length_does_not_tell_the_answer() {
    let singles = single_questions(&real_bank());
    let mut ratio = 0.0;
    let (mut longest, mut shortest) = (0, 0);
    for (_, choices) in &singles {
        let right = choices.iter().find(|(right, _)| *right).unwrap().1;
        let wrong: Vec<usize> = choices.iter().filter(|(right, _)| !right).map(|c| c.1).collect();
        ratio += right as f64 * wrong.len() as f64 / wrong.iter().sum::<usize>() as f64;
        longest += usize::from(wrong.iter().all(|length| *length < right));
        shortest += usize::from(wrong.iter().all(|length| *length > right));
    }
    let all = singles.len();
    let ratio = ratio / all as f64;
    println!(
        "正解と誤答の長さの比 {ratio:.2}、いちばん長い {:.0} %、いちばん短い {:.0} %",
        percent(longest, all),
        percent(shortest, all)
    );
    assert!((0.85..1.15).contains(&ratio), "正解と誤答の長さの比が {ratio:.2} です");
    assert!(percent(longest, all) < 35.0, "正解がいちばん長い問題が {longest} 問あります");
    assert!(percent(shortest, all) < 35.0, "正解がいちばん短い問題が {shortest} 問あります");
}

/// 文字の 3 つ組がどれだけ重なるか。0 なら別の文、1 なら同じ文。
fn grams(text: &str) -> HashSet<Vec<char>> {
    let chars: Vec<char> = plain(text).chars().collect();
    chars.windows(3).map(<[char]>::to_vec).collect()
}

fn similarity(a: &HashSet<Vec<char>>, b: &HashSet<Vec<char>>) -> f64 {
    let both = a.intersection(b).count();
    both as f64 / (a.len() + b.len() - both).max(1) as f64
}

#[test]
fn no_two_stems_are_nearly_the_same() {
    let of = |a, b| similarity(&grams(a), &grams(b));
    assert!(of("生成器の入力はどれですか。", "生成器の入力は、どれですか。") > 0.6);
    assert!(of("生成器の入力はどれですか。", "KL が 0 になるのはいつですか。") < 0.2);
    let bank = real_bank();
    let questions = real_questions(&bank);
    // 短い決まり文句は似てしまう。答えの選択肢まで似ていれば、同じ問題である。
    let answers = |question: &Question| -> String {
        let choices = question.groups().into_iter().flat_map(|(_, choices)| choices);
        choices.map(|choice| &*choice.text).collect()
    };
    let all: Vec<_> = questions
        .iter()
        .map(|question| (&question.id, grams(&question.stem), grams(&answers(question))))
        .collect();
    let mut close = Vec::new();
    for (index, (id, stem, answers)) in all.iter().enumerate() {
        for (other, other_stem, other_answers) in &all[index + 1..] {
            let stems = similarity(stem, other_stem);
            if stems > 0.7 || stems > 0.5 && similarity(answers, other_answers) > 0.4 {
                close.push(format!("{id} と {other}: {stems:.2}"));
            }
        }
    }
    assert!(close.is_empty(), "ほとんど同じ問題:\n{}", close.join("\n"));
}

/// 1 問およそ 41 秒で読んで答えられる長さと、息の続く文。
#[test]
fn questions_can_be_read_in_time() {
    let bank = real_bank();
    let mut long = Vec::new();
    for question in real_questions(&bank) {
        let mut check = |place: &str, length: usize, limit: usize| {
            if length > limit {
                long.push(format!(
                    "{}: {place}が {length} 字あります ({limit} 字まで)",
                    question.id
                ));
            }
        };
        let sentences = |text: &str| -> usize {
            let text = text.replace("\n\n", "。").replace("\n-", "。");
            plain(&text).split(['。', '？']).map(|part| part.chars().count()).max().unwrap_or(0)
        };
        check("問題文", plain(&question.stem).chars().count(), 200);
        check("問題文の 1 文", sentences(&question.stem), 100);
        check("解説の 1 文", sentences(&question.explanation), 120);
        for (_, choices) in question.groups() {
            let lengths = choices.iter().map(|choice| plain(&choice.text).chars().count());
            check("選択肢", lengths.clone().max().unwrap_or(0), 60);
            check(
                "問題文と選択肢の合計",
                plain(&question.stem).chars().count() + lengths.sum::<usize>(),
                320,
            );
        }
    }
    assert!(long.is_empty(), "長すぎる所:\n{}", long.join("\n"));
}

/// ページの `##` の節ごとに、見出しの文と、その節を指す名前 (`##` と、その中の小見出し)。
fn parts(path: &str, markdown: &str) -> Vec<(String, Vec<String>)> {
    let mut parts: Vec<(String, Vec<String>)> = Vec::new();
    let mut reading_title = false;
    for event in parser(markdown) {
        match event {
            Event::Start(Tag::Heading { level, id, .. }) if level >= HeadingLevel::H2 => {
                reading_title = level == HeadingLevel::H2;
                if reading_title {
                    parts.push(Default::default());
                }
                if let (Some((_, names)), Some(id)) = (parts.last_mut(), id) {
                    names.push(format!("{path}#{id}"));
                }
            }
            Event::End(TagEnd::Heading(_)) => reading_title = false,
            Event::Text(text) | Event::Code(text) if reading_title => {
                parts.last_mut().unwrap().0.push_str(&text);
            }
            _ => {}
        }
    }
    parts
}

/// 問題が 1 問も無い `##` の節。読み返すための三つの節と、読み物の一覧には、問題が無くてよい。
fn sections_without_a_question(path: &str, markdown: &str, asked: &HashSet<&str>) -> Vec<String> {
    let exempt = ["simplified", "in-out", "check", "further"].map(|id| format!("{path}#{id}"));
    parts(path, markdown)
        .into_iter()
        .filter(|(_, names)| !names.first().is_some_and(|name| exempt.contains(name)))
        .filter(|(_, names)| !names.iter().any(|name| asked.contains(name.as_str())))
        .map(|(title, names)| match names.first() {
            Some(name) => format!("「{title}」({name})"),
            None => format!("「{title}」({path}、{{#id}} がありません)"),
        })
        .collect()
}

#[test]
fn a_section_without_a_question_is_found() {
    let page = "# 題\n\n## 識別器 $D$ {#d}\n\n### 入力 {#d-input}\n\n## 生成器 {#g}\n\n\
                ### 出力 {#g-output}\n\n## 名無し\n\n## 次に進む前に {#check}\n";
    let found = |asked: &[&str]| {
        sections_without_a_question("ch03-gan/concept.md", page, &asked.iter().copied().collect())
    };
    assert_eq!(
        found(&["ch03-gan/concept.md#d", "ch03-gan/theory.md#g"]),
        [
            "「生成器」(ch03-gan/concept.md#g)",
            "「名無し」(ch03-gan/concept.md、{#id} がありません)"
        ]
    );
    // 小見出しの問題は、それを含む節の問題でもある。
    let asked = ["ch03-gan/concept.md#d-input", "ch03-gan/concept.md#g-output"];
    assert_eq!(found(&asked), ["「名無し」(ch03-gan/concept.md、{#id} がありません)"]);
}

/// 読んだことは、どの節でも確かめられる。考え方・理論・仲間たちのページの `##` の節には、
/// その節か、その中の小見出しを `section` とする問題が 1 問以上ある。
#[test]
fn every_section_is_asked_about() {
    let bank = real_bank();
    let asked: HashSet<&str> =
        real_questions(&bank).iter().map(|question| question.section.as_str()).collect();
    let src = root().join("book/src");
    let (mut pages, mut missing) = (0, Vec::new());
    let mut folders: Vec<PathBuf> =
        fs::read_dir(&src).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        if !(name.starts_with("ch0") || name == "beyond") {
            continue;
        }
        for file in ["concept.md", "theory.md", "derivatives.md"] {
            let Ok(text) = fs::read_to_string(folder.join(file)) else { continue };
            pages += 1;
            missing.extend(sections_without_a_question(&format!("{name}/{file}"), &text, &asked));
        }
    }
    assert!(pages >= 14, "調べたページが {pages} 枚しかありません");
    assert!(missing.is_empty(), "問題が 1 問も無い節があります:\n{}", missing.join("\n"));
}

/// シラバスのキーワードは、どれも 1 問以上に出てくる。用語集の別名や英語で出てきてもよい。
#[test]
fn every_syllabus_keyword_is_asked_about() {
    // 語ではなく、話題として書かれているもの。項目としての問題の数は tests/syllabus.rs が数える。
    let topics = ["AI 生成物への適用", "生成モデルの考え方"];
    let fold = |text: &str| -> String {
        text.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect()
    };
    let bare = |name: &str| fold(name.split(" (").next().unwrap());
    let bank = real_bank();
    let texts: Vec<String> = real_questions(&bank)
        .iter()
        .map(|question| {
            let groups = question.groups();
            let choices = groups.iter().flat_map(|(_, choices)| *choices);
            let choices: String = choices.map(|c| format!("{} {} ", c.text, c.reason)).collect();
            fold(&format!("{} {} {choices}", question.stem, question.explanation))
        })
        .collect();
    let glossary = terms::load(&root()).unwrap();
    let mut missing = Vec::new();
    for item in syllabus::load(&root()).unwrap().item {
        for keyword in item.keywords.iter().filter(|keyword| !topics.contains(&keyword.as_str())) {
            let term =
                glossary.terms.iter().find(|t| t.names().any(|name| bare(name) == bare(keyword)));
            let mut names = vec![bare(keyword)];
            names.extend(term.into_iter().flat_map(|term| term.names().map(bare)));
            if !texts.iter().any(|text| names.iter().any(|name| text.contains(name))) {
                missing.push(format!("{}「{keyword}」", item.id));
            }
        }
    }
    assert!(missing.is_empty(), "問題に出てこないキーワード: {}", missing.join("、"));
}
