//! 許諾の付録が Cargo.lock と合い、どの許諾も .cargo/deny.toml で認めたものであること。
//!
//! 依存クレートを変えたら `cargo test --test book licenses -- --ignored` で一覧を書き直す。

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use crate::support::root;
use serde_json::Value;

const PAGE: &str = "book/src/appendix/licenses.md";
const MARK: &str = "--ignored` が書きます。 -->\n\n";
const REWRITE: &str = "cargo test --test book licenses -- --ignored で書き直してください";

/// 名前と版。
type Package = (String, String);

fn toml_file(path: &str) -> Value {
    toml::from_str(&fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

/// 付録の一覧。「- **許諾**: 名前 版、名前 版」の行が並ぶ。
fn listed() -> BTreeMap<String, Vec<Package>> {
    let text = fs::read_to_string(root().join(PAGE)).unwrap();
    let (_, list) = text.split_once(MARK).unwrap();
    let mut found = BTreeMap::new();
    for line in list.lines() {
        let (license, packages) = line.strip_prefix("- **").unwrap().split_once("**: ").unwrap();
        let packages = packages.split('、').map(|package| {
            let (name, version) = package.split_once(' ').unwrap();
            (name.trim_matches('`').to_owned(), version.to_owned())
        });
        found.insert(license.to_owned(), packages.collect());
    }
    found
}

#[test]
fn the_page_lists_every_package_of_the_lock_file() {
    let lock = toml_file("Cargo.lock");
    let packages = lock["package"].as_array().unwrap().iter();
    let locked: BTreeSet<Package> = packages
        .filter(|package| package.get("source").is_some())
        .map(|package| {
            let field = |name: &str| package[name].as_str().unwrap().to_owned();
            (field("name"), field("version"))
        })
        .collect();
    let listed: BTreeSet<Package> = listed().into_values().flatten().collect();
    assert!(locked.len() > 100);
    let missing: Vec<_> = locked.difference(&listed).collect();
    let extra: Vec<_> = listed.difference(&locked).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "足りない {missing:?}、余る {extra:?}。{REWRITE}"
    );
}

/// 「A AND (B OR C)」のどれかの選び方が、認めた許諾だけになるか。
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let bare = expression.replace(['(', ')'], " ");
    // かっこのあるものは、どちらを選んでもよいときだけ認める。
    let all = |text: &str, or: &str, and: &str| {
        text.split(or)
            .map(|part| part.split(and).all(|one| allowed.contains(one.trim())))
            .collect::<Vec<_>>()
    };
    match expression.contains('(') {
        true => bare.split(" AND ").all(|part| all(part, " OR ", " AND ").contains(&true)),
        false => all(&bare, " OR ", " AND ").contains(&true),
    }
}

#[test]
fn every_license_is_allowed() {
    let deny = toml_file(".cargo/deny.toml");
    let allowed: BTreeSet<String> = deny["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .map(|license| license.as_str().unwrap().to_owned())
        .collect();
    for (license, packages) in listed() {
        assert!(is_allowed(&license, &allowed), "{license}: {packages:?}");
    }
    for wrong in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "(MIT OR Apache-2.0) AND GPL-3.0-only"] {
        assert!(!is_allowed(wrong, &allowed), "{wrong}");
    }
}

#[test]
#[ignore = "付録の一覧を書き直す"]
fn write_the_page() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        if package["source"].is_null() {
            continue;
        }
        let field = |name: &str| package[name].as_str().map(str::to_owned);
        let name = field("name").unwrap();
        let license = field("license").unwrap_or_else(|| panic!("{name} の許諾の名前がありません"));
        let license = license.replace(" / ", "/").replace('/', " OR ");
        // 順序だけが違うものは、1 つにまとめる。
        let mut choices: Vec<&str> = license.split(" OR ").collect();
        let license = match license.contains('(') {
            true => license.clone(),
            false => {
                choices.sort_unstable();
                choices.join(" OR ")
            }
        };
        let version = field("version").unwrap();
        groups.entry(license).or_default().insert(format!("`{name}` {version}"));
    }
    let lines: String = groups
        .into_iter()
        .map(|(license, packages)| {
            format!("- **{license}**: {}\n", packages.into_iter().collect::<Vec<_>>().join("、"))
        })
        .collect();
    let path = root().join(PAGE);
    let text = fs::read_to_string(&path).unwrap();
    let (head, _) = text.split_once(MARK).unwrap();
    fs::write(path, format!("{head}{MARK}{lines}")).unwrap();
}
