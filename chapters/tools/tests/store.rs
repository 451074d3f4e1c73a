//! 結果の置き場と、図の記録の試験。

use std::fs;
use std::path::Path;

use tools::files;
use tools::record::{Run, digest};
use tools::session::Settings;
use tools::store::Store;

/// 名前だけの設定。
#[derive(serde::Serialize)]
struct Named(&'static str);

impl Settings for Named {
    const CHAPTER: &str = "ch00-test";

    fn name(&self) -> String {
        self.0.into()
    }

    fn flags(&self) -> String {
        String::new()
    }

    fn steps(&self) -> usize {
        1
    }

    fn check(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

fn fill(text: &'static str) -> impl FnOnce(&Path) -> anyhow::Result<()> {
    move |folder| {
        fs::write(folder.join("a.txt"), text)?;
        Ok(fs::write(folder.join("b.txt"), text)?)
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_failed_write_keeps_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.json");
    files::write(&path, b"old").unwrap();
    let outcome = files::replace(&path, |temporary| {
        fs::write(temporary, b"half")?;
        anyhow::bail!("容量が足りない")
    });
    assert!(format!("{:#}", outcome.unwrap_err()).contains("容量が足りない"));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(dir.path()), ["run.json"], "書きかけが残った");
}

#[test]
fn a_result_is_replaced_as_a_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::at(dir.path());
    store.commit("run", 10, fill("old")).unwrap();
    let failed = store.commit("run", 20, |folder| {
        fs::write(folder.join("a.txt"), "half")?;
        anyhow::bail!("容量が足りない")
    });
    assert!(failed.is_err());
    assert_eq!(fs::read(dir.path().join("run/b.txt")).unwrap(), b"old");
    store.commit("run", 20, fill("new")).unwrap();
    assert_eq!(fs::read(dir.path().join("run/a.txt")).unwrap(), b"new");
    assert_eq!(names(dir.path()), ["run"], "書きかけが残った");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let plain = dir.path().join("plain");
        fs::write(&plain, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&plain), mode(&dir.path().join("run/a.txt")));
    }
}

#[test]
fn the_readers_files_are_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::at(dir.path());
    store.commit("run", 10, fill("old")).unwrap();
    // 学習の前に見つければ、断る。書き替えた図も、読者のもの。
    for (file, text) in [("memo.txt", "memo"), ("a.txt", "edited")] {
        let path = dir.path().join("run").join(file);
        let before = fs::read(&path).ok();
        fs::write(&path, text).unwrap();
        let error = store.prepare(&[("run", 5)]).unwrap_err().to_string();
        assert!(error.contains(file), "{error}");
        // 学習の間に置かれていたら、新しい結果を別の名前で残す。
        store.commit("run", 20, fill("new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::read(dir.path().join("run-2/a.txt")).unwrap(), b"new");
        fs::remove_dir_all(dir.path().join("run-2")).unwrap();
        match before {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    }
    store.prepare(&[("run", 5)]).unwrap();
    // 1 つだけのファイルも、このプログラムが書いたものしか置き換えない。
    let svg = |path: &Path| Ok(fs::write(path, "<svg></svg>\n")?);
    store.publish("made.svg", svg).unwrap();
    store.publish("made.svg", svg).unwrap();
    fs::write(dir.path().join("made.svg"), "<svg>mine</svg>").unwrap();
    assert!(store.publish("made.svg", svg).is_err());
    assert_eq!(fs::read(dir.path().join("made.svg")).unwrap(), b"<svg>mine</svg>");
}

#[test]
fn a_marked_picture_is_still_a_picture() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::at(dir.path());
    let picture = image::RgbImage::from_fn(5, 4, |x, y| image::Rgb([x as u8, y as u8, 7]));
    let save = |path: &Path| Ok(picture.save_with_format(path, image::ImageFormat::Png)?);
    for _ in 0..2 {
        let path = store.publish("made.png", save).unwrap();
        assert_eq!(image::open(path).unwrap().to_rgb8(), picture);
    }
}

#[test]
fn what_a_killed_run_left_is_cleaned_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::at(dir.path());
    store.commit("run", 10, fill("old")).unwrap();
    // 書きかけの途中で消えた実行と、よけた直後に消えた実行。
    fs::create_dir(dir.path().join(".other.workbook-part")).unwrap();
    fs::write(dir.path().join(".other.workbook-part/half"), "half").unwrap();
    fs::rename(dir.path().join("run"), dir.path().join(".run.workbook-old")).unwrap();
    store.open(&Named("run")).unwrap();
    assert_eq!(fs::read(dir.path().join("run/a.txt")).unwrap(), b"old");
    assert_eq!(names(dir.path()), ["run"]);
    let error = store.open(&Named("none")).err().unwrap().to_string();
    assert!(error.contains("none がありません") && error.contains("cargo run"), "{error}");
}

#[test]
fn two_runs_at_once_leave_one_whole_result() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for text in ["one", "two", "three", "four"] {
            let store = Store::at(dir.path());
            scope.spawn(move || (0..20).for_each(|_| store.commit("run", 1, fill(text)).unwrap()));
        }
    });
    let read = |file: &str| fs::read(dir.path().join("run").join(file)).unwrap();
    assert_eq!(read("a.txt"), read("b.txt"));
    assert_eq!(names(dir.path()), ["run"]);
}

#[test]
fn run_record_round_trips_and_notices_changed_sources() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("src");
    fs::create_dir(&source).unwrap();
    let print = |text: &str| {
        fs::write(source.join("a.rs"), text).unwrap();
        digest(std::slice::from_ref(&source)).unwrap()
    };
    let before = print("fn a() {}\n");
    assert_eq!(before, print("fn a() {}\r\n"), "改行の種類は内容ではない");
    assert_eq!(before, print("/// 注釈\nfn a() {}\n\n"), "注釈は図を変えない");
    assert_ne!(before, print("fn b() {}\n"));
    assert_eq!(before, print("fn a() {}\n"));
    fs::write(source.join("main.rs"), "fn main() {}").unwrap();
    assert_eq!(
        before,
        digest(std::slice::from_ref(&source)).unwrap(),
        "コマンドの入り口は図を変えない"
    );
    fs::write(source.join("font.ttf"), [1, 2, 3]).unwrap();
    assert_ne!(before, digest(std::slice::from_ref(&source)).unwrap(), "字形は図を変える");

    let mut run = Run::new(before);
    run.config("ring", &serde_json::json!({"steps": 3})).unwrap();
    run.result("ring.modes", 8);
    run.write(dir.path()).unwrap();
    assert_eq!(Run::read(dir.path()).unwrap(), run);
    assert!(Run::read(&source).unwrap_err().to_string().contains("run.json"));
}
