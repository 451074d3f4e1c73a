//! 「どの章も同じ形」という約束を、ソースを読んで確かめます。

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn chapters() -> Vec<PathBuf> {
    let mut dirs: Vec<_> = fs::read_dir(root().join("chapters"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("ch0"))
        .collect();
    dirs.sort();
    assert!(!dirs.is_empty());
    dirs
}

fn sources(dir: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// 注釈を除いたコードの行。
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or_default())
}

#[test]
fn top_level_is_fixed() {
    let mut names: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    names.sort();
    let expected = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-CC-BY-4.0",
        "LICENSE-MIT",
        "README.md",
        "book",
        "book.toml",
        "chapters",
        "tests",
    ];
    assert_eq!(names, expected);
}

#[test]
fn chapters_have_the_same_files() {
    for dir in chapters() {
        for file in
            ["lib.rs", "config.rs", "model.rs", "train.rs", "figures.rs", "book.rs", "main.rs"]
        {
            assert!(dir.join("src").join(file).exists(), "{} に src/{file} がない", dir.display());
        }
        for file in ["claims.rs", "book.rs", "snapshots.rs", "trust.rs"] {
            assert!(
                dir.join("tests").join(file).exists(),
                "{} に tests/{file} がない",
                dir.display()
            );
        }
        let name = dir.file_name().unwrap();
        assert!(
            root().join("book/src").join(name).join("README.md").exists(),
            "{name:?} のページがない"
        );
        assert!(
            root().join("book/src/figures").join(name).join("run.json").exists(),
            "{name:?} の図がない"
        );
    }
}

/// どの章の「考え方」も、入るもの・出るもの・小さくするものを、同じ形で言う。
#[test]
fn every_concept_page_says_what_goes_in_comes_out_and_is_minimised() {
    for dir in chapters() {
        let page = root().join("book/src").join(dir.file_name().unwrap()).join("concept.md");
        let text = fs::read_to_string(&page).unwrap();
        let section = text.split("{#in-out}").nth(1).unwrap_or_default();
        let section = section.split("\n## ").next().unwrap();
        let counts = ["- 入るもの: ", "- 出るもの: ", "- 小さくするもの: "]
            .map(|name| section.matches(name).count());
        assert!(counts[0] >= 2 && counts == [counts[0]; 3], "{}: {counts:?}", page.display());
    }
}

#[test]
fn chapters_do_not_depend_on_each_other() {
    for dir in chapters() {
        let manifest = fs::read_to_string(dir.join("Cargo.toml")).unwrap();
        let dependencies = manifest.split_once("[dependencies]").unwrap().1;
        assert!(!dependencies.contains("\nch0"), "{} が別の章に依存している", dir.display());
    }
}

#[test]
fn common_knows_no_method() {
    let tools = ["chapters/common/src", "chapters/tools/src"].map(|dir| sources(&root().join(dir)));
    for (path, text) in tools.concat() {
        for line in code(&text) {
            let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            for pair in words.windows(2) {
                if !["fn", "struct", "enum", "trait", "mod"].contains(&pair[0]) {
                    continue;
                }
                // 部分一致では hiragana に gan が見つかってしまうので、語の単位で比べる。
                let name = pair[1].to_lowercase();
                let long = ["generator", "discriminator", "encoder", "decoder"];
                let named = long.iter().any(|method| name.contains(method))
                    || name.split('_').any(|word| word == "gan" || word == "vae");
                assert!(!named, "{}: {line}", path.display());
            }
        }
    }
}

/// 学習はブラウザ (wasm32) でも動く。端末・図・ファイルの道具を、学習の側から使わない。
///
/// 本当に組み立てられるかは `cargo check --target wasm32-unknown-unknown --lib -p 章` で確かめられる。
#[test]
fn training_needs_no_command() {
    let manifest = fs::read_to_string(root().join("chapters/common/Cargo.toml")).unwrap();
    let everywhere = manifest.split_once("[dependencies]").unwrap().1.split_once("\n[").unwrap().0;
    for name in ["clap", "ctrlc", "indicatif", "mimalloc", "plotters", "tools", "unify"] {
        let used = everywhere.lines().any(|line| line.starts_with(name));
        assert!(!used, "common が、ブラウザでは使えない {name} に頼っている");
    }
    let command = ["book.rs", "compare.rs", "explorer.rs", "figures.rs", "main.rs"];
    for dir in chapters() {
        let map = fs::read_to_string(dir.join("src/lib.rs")).unwrap();
        for (path, text) in sources(&dir.join("src")) {
            let file = path.file_name().unwrap().to_str().unwrap();
            if command.contains(&file) {
                let module = format!("pub mod {};", file.trim_end_matches(".rs"));
                let only_here = format!("#[cfg(not(target_arch = \"wasm32\"))]\n{module}");
                assert!(file == "main.rs" || map.contains(&only_here), "{}", path.display());
                continue;
            }
            for line in code(&text) {
                let mut names = vec!["tools::".to_string()];
                names
                    .extend(command.map(|file| format!("crate::{}", file.trim_end_matches(".rs"))));
                let used = names.iter().find(|name| line.contains(name.as_str()));
                assert!(used.is_none(), "{} が {used:?} を使っている", path.display());
            }
        }
    }
}

/// 1 つの章の中で、2 つのファイルが互いを取り込まない。
#[test]
fn no_two_files_of_a_chapter_import_each_other() {
    for dir in chapters() {
        let sources = sources(&dir.join("src"));
        let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_string();
        let imports = |text: &str, other: &str| {
            code(text).any(|line| {
                let of = |start: &str| line.contains(&format!("{start}{other}"));
                of("use crate::") || of("crate::") && line.contains(&format!("crate::{other}::"))
            })
        };
        for (a, text_a) in &sources {
            for (b, text_b) in &sources {
                let (name_a, name_b) = (name(a), name(b));
                if name_a < name_b && name_a != "lib" && name_b != "lib" {
                    let both = imports(text_a, &name_b) && imports(text_b, &name_a);
                    assert!(!both, "{} と {} が互いを取り込んでいる", a.display(), b.display());
                }
            }
        }
    }
}

#[test]
fn only_train_calls_backward() {
    for dir in chapters() {
        for (path, text) in sources(&dir.join("src")) {
            let calls = code(&text).any(|line| line.contains(".backward("));
            let train = path.file_name().unwrap() == "train.rs";
            assert!(!calls || train, "{} が逆伝播を呼んでいる", path.display());
        }
    }
}

#[test]
fn figures_do_not_train() {
    for dir in chapters() {
        let text = fs::read_to_string(dir.join("src/figures.rs")).unwrap();
        for word in ["train_step", "Adam", "train::train", "fit_"] {
            let used = code(&text).any(|line| line.contains(word));
            assert!(!used, "{} の figures.rs が {word} を使っている", dir.display());
        }
    }
}

#[test]
fn randomness_comes_only_from_seed() {
    let chapters = root().join("chapters");
    for (path, text) in sources(&chapters) {
        if path.ends_with("common/src/seed.rs") {
            continue;
        }
        for line in code(&text) {
            for word in
                ["Tensor::randn", "Tensor::rand(", "rand::rng()", "thread_rng", "from_os_rng"]
            {
                assert!(!line.contains(word), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn licences_stand_beside_third_party_data() {
    for file in [
        "chapters/common/data/optdigits/README.md",
        "chapters/common/data/fonts/OFL.txt",
        "chapters/common/data/fonts/README.md",
        "book/theme/fonts/GUST-FONT-LICENSE.txt",
        "book/theme/fonts/plot.OFL.txt",
    ] {
        assert!(root().join(file).exists(), "{file} がない");
    }
}

// ---- 本を作る道具の部屋 ----

/// 下の部屋から上の部屋へ。使ってよいのは、自分の部屋と、前にある部屋だけ。
const ROOMS: [&str; 4] = ["markup", "content", "page", "site"];

/// モジュールの名前 (`markup::html`) から、注釈を除いたソースを引く表。`lib` は `""`、main.rs は `main`。
type Modules = BTreeMap<String, String>;

fn builder() -> Modules {
    let dir = root().join("book/builder");
    let mut modules = Modules::new();
    for (path, text) in sources(&dir) {
        let path = path.strip_prefix(&dir).unwrap().with_extension("");
        let names: Vec<&str> = path.iter().map(|name| name.to_str().unwrap()).collect();
        let name = names.join("::");
        let name = name.strip_suffix("::mod").unwrap_or(if name == "lib" { "" } else { &name });
        modules.insert(name.to_owned(), code(&text).collect::<Vec<_>>().join("\n"));
    }
    modules
}

/// `text` の頭から道を読み、`before` に続けた道のすべてを加える。`{…}` は枝ごとに分かれる。
fn read_paths<'a>(mut text: &'a str, before: &[&'a str], found: &mut Vec<Vec<&'a str>>) -> usize {
    let whole = text.len();
    let mut path = before.to_vec();
    loop {
        text = text.trim_start();
        if let Some(inside) = text.strip_prefix('{') {
            text = inside;
            loop {
                text = text.trim_start_matches([',', ' ', '\n']);
                if let Some(after) = text.strip_prefix('}') {
                    return whole - after.len();
                }
                // 名前でないものが続くなら、`use` の枝ではなく、ふつうの `{` である。
                let length = read_paths(text, &path, found);
                if length == 0 {
                    return whole - text.len();
                }
                text = &text[length..];
            }
        }
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
        if end == 0 {
            break;
        }
        path.push(&text[..end]);
        text = &text[end..];
        match text.strip_prefix("::") {
            Some(after) => text = after,
            None => break,
        }
    }
    let length = whole - text.len();
    if length > 0 {
        found.push(path);
    }
    length
}

/// `word::` で始まる道のすべて。
fn paths_from<'a>(text: &'a str, word: &'a str) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(word) {
        let before = text[..at].chars().next_back();
        let joined = before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
        if let (false, Some(after)) = (joined, text[at + word.len()..].strip_prefix("::")) {
            read_paths(after, &[], &mut found);
        }
    }
    found
}

/// 道のうち、モジュールの名前である所まで。
fn module_of(modules: &Modules, base: &str, path: &[&str]) -> String {
    let mut module = base.to_owned();
    for name in path {
        let next = if module.is_empty() { (*name).to_owned() } else { format!("{module}::{name}") };
        if *name != "self" && modules.contains_key(&next) {
            module = next;
        }
    }
    module
}

/// `name` のソースが使うモジュール: `crate::…`、`super::…`、子、取り込んだモジュールを通した道。
fn imports(modules: &Modules, name: &str) -> BTreeSet<String> {
    let text = &modules[name];
    let parent =
        |module: &str| module.rsplit_once("::").map_or("", |(parent, _)| parent).to_owned();
    let mut used = Vec::new();
    let root = if name == "main" { "workbook" } else { "crate" };
    used.extend(paths_from(text, root).into_iter().map(|path| (String::new(), path)));
    for mut path in paths_from(text, "super") {
        let mut base = parent(name);
        while path.first() == Some(&"super") {
            base = parent(&base);
            path.remove(0);
        }
        used.push((base, path));
    }
    let children = modules.keys().filter(|module| !module.is_empty() && parent(module) == name);
    for child in children.filter(|child| *child != "main") {
        let short = child.rsplit("::").next().unwrap();
        used.extend(paths_from(text, short).into_iter().map(|path| (child.clone(), path)));
    }
    let mut found: BTreeSet<String> = BTreeSet::new();
    for (base, path) in used {
        let module = module_of(modules, &base, &path);
        // `use crate::page;` の後の `page::question::…`。
        let last = module.rsplit("::").next().unwrap_or_default();
        if !last.is_empty() && path.last().is_none_or(|name| *name == last || *name == "self") {
            for path in paths_from(text, last) {
                found.insert(module_of(modules, &module, &path));
            }
        }
        found.insert(module);
    }
    found.remove(name);
    found
}

/// 上の部屋を使う矢印と、輪。空なら、部屋は守られている。
fn broken_rooms(modules: &Modules) -> Vec<String> {
    let rank = |module: &str| {
        let room = module.split("::").next().unwrap();
        ROOMS.iter().position(|name| *name == room).unwrap_or(ROOMS.len())
    };
    let graph: BTreeMap<&str, BTreeSet<String>> =
        modules.keys().map(|name| (name.as_str(), imports(modules, name))).collect();
    let mut problems = Vec::new();
    for (from, used) in &graph {
        for to in
            used.iter().filter(|to| rank(to) > rank(from) || (to.is_empty() && *from != "main"))
        {
            problems.push(format!("{from} が上の {to} を使っている"));
        }
    }
    // 使うものがすべて片付いたものから除く。残りは輪の中か、輪を使うものである。
    let mut left: BTreeSet<&str> = graph.keys().copied().collect();
    loop {
        let free: Vec<&str> = left
            .iter()
            .copied()
            .filter(|name| !graph[name].iter().any(|used| left.contains(used.as_str())))
            .collect();
        if free.is_empty() {
            break;
        }
        for name in free {
            left.remove(name);
        }
    }
    if !left.is_empty() {
        problems.push(format!("輪がある: {left:?}"));
    }
    problems
}

#[test]
fn the_builder_has_four_rooms_and_one_direction() {
    let modules = builder();
    assert!(modules.len() > 25, "{:?}", modules.keys());
    for name in modules.keys().filter(|name| !name.is_empty() && *name != "main") {
        let room = name.split("::").next().unwrap();
        assert!(ROOMS.contains(&room), "{name} がどの部屋にも入っていない");
    }
    let arrows: usize = modules.keys().map(|name| imports(&modules, name).len()).sum();
    assert!(arrows > 60, "矢印が {arrows} 本しか見つからない");
    assert_eq!(broken_rooms(&modules), Vec::<String>::new());
}

/// 見張りが、書き方を変えた逆向きの矢印と輪を見逃さないこと。
#[test]
fn a_wrong_arrow_or_a_circle_in_the_builder_is_found() {
    for (module, line, problem) in [
        ("markup::html", "use crate::page::question;", "markup::html が上の page::question"),
        (
            "markup::html",
            "use crate::{content::{self, terms}};",
            "markup::html が上の content::terms",
        ),
        (
            "content::terms",
            "fn f() { crate::site::export::write(); }",
            "content::terms が上の site::export",
        ),
        (
            "content::terms",
            "use super::super::site::serve::run;",
            "content::terms が上の site::serve",
        ),
        ("page::boxes", "use crate::build_book;", "page::boxes が上の  を"),
        ("markup::source", "use super::math::convert;", "輪がある"),
        (
            "content::syllabus",
            "use crate::content;\nfn f() { content::questions::load(); }",
            "輪がある",
        ),
    ] {
        let mut modules = builder();
        modules.get_mut(module).unwrap().push_str(&format!("\n{line}\n"));
        let problems = broken_rooms(&modules).join("\n");
        assert!(problems.contains(problem), "「{line}」が見つからない: {problems}");
    }
}
