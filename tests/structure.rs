//! 「どの章も同じ形」という約束を、ソースを読んで確かめます。

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
        for file in ["claims.rs", "book.rs", "snapshots.rs"] {
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
    for (path, text) in sources(&root().join("chapters/common/src")) {
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
