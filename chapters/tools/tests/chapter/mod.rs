//! 各章の試験が分け合う道具: コマンドを動かす、結果を比べる、図を描く。章ごとに使うものが違うので、未使用の警告は出さない。
//!
//! 章の試験は `#[path = "../../tools/tests/chapter/mod.rs"] mod chapter;` で取り込みます。
#![allow(dead_code, unused_imports, unused_macros)]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tools::record::Run;

thread_local! {
    static DEAD: Cell<bool> = const { Cell::new(false) };
}

/// 監査 ([`audit`]) の間は真。章の試験は、真のときだけ、学習していないモデルを相手にします。
pub fn dead() -> bool {
    DEAD.get()
}

/// 試験の関数を、名前と組にして並べます。
macro_rules! claims {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name as fn())),*] };
}
pub(crate) use claims;

/// 学習していないモデルで、主張の試験を 1 つずつ呼び、どれも落ちることを確かめます。
///
/// 死んだモデルでも通る試験は、学習について何も言っていません。`structure` は、学習していなくても成り立つはずの
/// 試験で、理由ごとに並べます。`source` は試験のファイルの中身で、どちらにも載っていない試験があれば失敗します。
pub fn audit(source: &str, claims: &[(&str, fn())], structure: &[(&str, &[&str])]) {
    let structure = structure.iter().flat_map(|(_, names)| names.iter().copied());
    let listed = claims.iter().map(|claim| claim.0).chain(structure);
    assert_eq!(tests(source), listed.collect(), "監査する試験の表");
    let mut alive = Vec::new();
    DEAD.set(true);
    for (name, claim) in claims {
        match catch_unwind(claim) {
            Ok(()) => alive.push(name),
            Err(reason) => {
                let text = reason.downcast_ref::<String>().map(String::as_str);
                let text = text.or(reason.downcast_ref::<&str>().copied()).unwrap_or_default();
                println!("{name}: {}", text.lines().next().unwrap_or_default());
            }
        }
    }
    DEAD.set(false);
    assert!(alive.is_empty(), "学習していないモデルでも通る主張: {alive:?}");
}

/// 10 個の種で主張を 1 つずつ呼び、成り立った種の数を表に書き、9 個に満たない主張があれば失敗します。
///
/// `prepare` は、その種で学習した一式を、主張の相手に据えます。
pub fn over_seeds(claims: &[(&str, fn())], prepare: impl Fn(u64)) {
    let mut held = vec![0; claims.len()];
    for seed in 0..10 {
        println!("種 {seed}");
        prepare(seed);
        for ((name, claim), held) in claims.iter().zip(&mut held) {
            match catch_unwind(claim) {
                Ok(()) => *held += 1,
                Err(_) => println!("種 {seed} では成り立たない: {name}"),
            }
        }
    }
    for ((name, _), held) in claims.iter().zip(&held) {
        println!("{held} / 10  {name}");
    }
    assert!(held.iter().all(|&held| held >= 9), "9 個の種で成り立たない主張があります");
}

/// 試験のファイルにある、ふだん動く試験の名前。
fn tests(source: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for test in source.split("\n#[test]\n").skip(1) {
        let (attributes, rest) = test.split_once("fn ").unwrap();
        if !attributes.contains("#[ignore") {
            found.insert(rest.split('(').next().unwrap());
        }
    }
    found
}

/// 章のコマンド `program` を動かし、終了コードと、画面に出た文のすべてを返します。
pub fn run(program: &str, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// 幅 `width`、高さ `height` の PNG を書きます。画素 (x, y) の色が `colour` です。
pub fn picture(path: &Path, width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::RgbImage::from_fn(width, height, |x, y| image::Rgb(colour(x, y))).save(path).unwrap();
}

/// `count` 枚の、縦棒の画像とラベルを、MNIST の IDX ファイルで置きます。
pub fn mnist(dir: &Path, count: u32) {
    let mut images = vec![0, 0, 8, 3];
    [count, 28, 28].iter().for_each(|size| images.extend(size.to_be_bytes()));
    let mut labels = vec![0, 0, 8, 1];
    labels.extend(count.to_be_bytes());
    for n in 0..count {
        let bar = |x: u32| if x.abs_diff(4 + 2 * (n % 10)) < 2 { 255 } else { 0 };
        images.extend((0..28 * 28).map(|pixel| bar(pixel % 28)));
        labels.push((n % 10) as u8);
    }
    fs::write(dir.join("train-images.idx3-ubyte"), images).unwrap();
    fs::write(dir.join("train-labels.idx1-ubyte"), labels).unwrap();
}

/// 手元の画像 `args` での学習や変換が、終わりまで進むことを確かめ、画面に出た文を返します。
pub fn succeeds(program: &str, args: &[&str]) -> String {
    let (code, text) = run(program, args);
    assert_eq!(code, Some(0), "{args:?}: {text}");
    text
}

/// フォルダの下のすべてのファイル: 名前と中身。
pub fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

/// 受け付けないはずの指定を順に試し、知らせる文を並べて返します。一時フォルダ `dir` は DIR と書きます。
///
/// どれも、0 でない終了コードと日本語の 1 文で断り、`dir` の中のものを 1 バイトも変えないことを確かめます。
pub fn refusals(program: &str, cases: &[&[&str]], dir: &str) -> String {
    let before = contents(Path::new(dir));
    let mut texts = String::new();
    for case in cases {
        let (code, text) = run(program, case);
        assert!(matches!(code, Some(1 | 2)), "{case:?} の終了コード {code:?}: {text}");
        assert!(!text.contains("panicked"), "{case:?}: {text}");
        let errors: Vec<_> = text.lines().filter(|line| line.starts_with("エラー: ")).collect();
        assert_eq!(errors.len(), 1, "{case:?}: {text}");
        assert!(errors[0].chars().any(|c| ('ぁ'..='ん').contains(&c)), "{case:?}: {text}");
        let shown = errors[0].replace(dir, "DIR");
        texts += &format!("$ {}\n{shown}\n", case.join(" ").replace(dir, "DIR"));
    }
    assert!(contents(Path::new(dir)) == before, "断ったのに、{dir} の中が変わりました");
    texts
}

/// フォルダの下のファイルの、フォルダから見た名前。1 行に 1 つ、名前の順です。
pub fn names(dir: &Path) -> String {
    let names = contents(dir)
        .into_keys()
        .map(|path| path.strip_prefix(dir).unwrap().to_str().unwrap().replace('\\', "/"));
    names.collect::<Vec<_>>().join("\n")
}

/// 2 つの文が、数は `tolerance` まで、ほかはすべて一致することを確かめます。丸めの違う CPU でも通ります。
pub fn assert_close(expected: &str, actual: &str, tolerance: f64) {
    let (wanted, found): (Vec<_>, Vec<_>) =
        (expected.split_whitespace().collect(), actual.split_whitespace().collect());
    let same = |(a, b): (&&str, &&str)| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= tolerance,
        _ => a == b,
    };
    let close = wanted.len() == found.len() && wanted.iter().zip(&found).all(same);
    assert!(close, "期待した値:\n{expected}\n測った値:\n{actual}");
}

/// 悪い入力に備える試験。どの章にも共通の入力を、章ごとの言葉で試します。
pub struct Trust {
    pub program: &'static str,
    /// 一瞬で終わる学習。
    pub small: &'static [&'static str],
    /// その結果のフォルダの名前と、重みのファイル。
    pub name: &'static str,
    pub weights: &'static str,
    /// その結果だけを使うコマンド。
    pub reuse: &'static [&'static str],
    /// `reuse` が書くファイル。
    pub made: &'static str,
    /// 設定のファイルの中の 1 項目と、受け付けない値。
    pub edit: [&'static str; 2],
}

impl Trust {
    /// 共通の入力と、章に特有の入力 `own` (一時フォルダは DIR と書く) を試し、断る文を並べて返します。
    pub fn refusals(&self, own: &[&[&str]]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let write = |path: &str, bytes: &[u8]| {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), bytes).unwrap();
        };
        let (name, weights) = (self.name, self.weights);
        let good = at("good");
        let out = ["--out", good.to_str().unwrap()];
        let (code, text) = run(self.program, &[self.small, &out].concat());
        assert_eq!(code, Some(0), "{text}");
        // いちばん大きな種でも学習でき、前の結果は知らせてから置き換わる。
        let seed = ["--seed", "18446744073709551615"];
        let (code, text) = run(self.program, &[self.small, &seed, &out].concat());
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("終わると置き換えます"), "{text}");
        // よい結果を写し、1 か所だけを悪くする。
        let good = contents(&at("good"));
        let spoil = |copy: &str, file: &str, change: &dyn Fn(&[u8]) -> Option<Vec<u8>>| {
            for (path, bytes) in &good {
                let path = path.strip_prefix(at("good")).unwrap().to_str().unwrap();
                let bytes = if path == format!("{name}/{file}") {
                    change(bytes)
                } else {
                    Some(bytes.clone())
                };
                if let Some(bytes) = bytes {
                    write(&format!("{copy}/{path}"), &bytes);
                }
            }
        };
        let nan = |bytes: &[u8]| {
            // 重みは末尾に並ぶ。最後の 8 バイトを、f32 でも f64 でも NaN にする。
            let mut bytes = bytes.to_vec();
            let end = bytes.len() - 8;
            bytes[end..].copy_from_slice(&[0xff; 8]);
            Some(bytes)
        };
        spoil("nan", weights, &nan);
        spoil("cut", weights, &|bytes| Some(bytes[..bytes.len() / 2].to_vec()));
        spoil("lost", weights, &|_| None);
        spoil("json", "config.json", &|_| Some(b"{ broken".to_vec()));
        spoil("latin", "config.json", &|_| Some(vec![0xff, 0xfe]));
        let edit = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            assert!(text.contains(self.edit[0]), "{text}");
            Some(text.replace(self.edit[0], self.edit[1]).into_bytes())
        };
        if !self.edit[0].is_empty() {
            spoil("edited", "config.json", &edit);
        }
        spoil("mine", "", &|_| None);
        write(&format!("mine/{}", self.made), b"the reader's own picture");
        write(&format!("memo/{name}/memo.txt"), b"the reader's own file");
        write("file", b"the reader's own file");

        let mut cases: Vec<Vec<&str>> = vec![
            vec!["--unknown"],
            vec!["foo"],
            vec!["--steps"],
            vec!["--steps", "x"],
            vec!["--steps", "0"],
            vec!["--steps", "-1"],
            vec!["--steps", "1.5"],
            vec!["--steps", "10000001"],
            vec!["--steps", "99999999999999999999999"],
            vec!["--steps", "1", "--steps", "2"],
            vec!["--seed", "-1"],
            vec!["--seed", "18446744073709551616"],
            [&["--steps", "2"], self.reuse].concat(),
            [&["--quiet"], self.reuse].concat(),
            vec!["--steps", "1", "--out", "DIR/file"],
            vec!["--steps", "1", "--out", "DIR/file/below"],
        ];
        let with = |args: &[&'static str], rest: &[&'static str]| [args, rest].concat();
        cases.push(with(self.small, &["--out", "DIR/memo"]));
        cases.push(with(self.small, &["--resume", "--out", "DIR/good"]));
        cases.push(with(self.small, &["--resume", "--out", "DIR/nowhere"]));
        // 設定を読まない章もあるので、読む章だけで確かめる。
        let unread = self.edit[0].is_empty();
        let of_config = ["DIR/json", "DIR/latin", "DIR/edited"];
        let spoiled = ["DIR/nan", "DIR/cut", "DIR/lost", "DIR/mine", "DIR/nowhere"];
        for folder in spoiled.into_iter().chain(of_config.into_iter().filter(|_| !unread)) {
            cases.push([self.reuse, &["--out", folder]].concat());
        }
        cases.extend(own.iter().map(|case| case.to_vec()));
        let root = dir.path().to_str().unwrap();
        let cases: Vec<Vec<String>> = cases
            .iter()
            .map(|case| case.iter().map(|word| word.replace("DIR", root)).collect())
            .collect();
        let cases: Vec<Vec<&str>> =
            cases.iter().map(|case| case.iter().map(String::as_str).collect()).collect();
        refusals(self.program, &cases.iter().map(Vec::as_slice).collect::<Vec<_>>(), root)
    }
}

/// 進み具合の行を読み、`count` 行目が出たところで `signal` (-INT なら Ctrl-C) を送ります。
///
/// 終了コードと、残りの文を返します。
#[cfg(unix)]
pub fn stop(program: &str, args: &[&str], count: usize, signal: &str) -> (Option<i32>, String) {
    use std::io::{BufRead, BufReader, Read};

    let mut child = Command::new(program)
        .args(args)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    let mut seen = 0;
    while seen < count {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "止める前に終わりました: {args:?}");
        seen += usize::from(line.contains("  "));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    (child.wait().unwrap().code(), rest)
}

/// `steps` 回の学習 `args` を途中で止めて続けると、止めなかったときと同じバイトの結果になることを確かめます。
///
/// 結果は `--out` の下の `name` というフォルダに残ります。止めるのが早すぎれば、前の結果が残ることも確かめます。
#[cfg(unix)]
pub fn resumes(program: &str, args: &[&str], steps: &str, name: &str) {
    let dir = tempfile::tempdir().unwrap();
    let out = |which: &str| dir.path().join(which).to_str().unwrap().to_string();
    let (whole, parts) = (out("whole"), out("parts"));
    let long = [args, &["--steps", "1000000", "--out", &whole]].concat();
    let args = [args, &["--steps", steps]].concat();
    let (code, text) = run(program, &[&args[..], &["--out", &whole]].concat());
    assert_eq!(code, Some(0), "{text}");

    let before = contents(Path::new(&whole));
    let (code, text) = stop(program, &long, 1, "-INT");
    assert_eq!(code, Some(130), "{text}");
    assert!(text.contains("前の結果はそのままです"), "{text}");
    assert!(contents(Path::new(&whole)) == before, "前の結果が変わりました");

    let (code, text) = stop(program, &[&args[..], &["--out", &parts]].concat(), 3, "-INT");
    assert_eq!(code, Some(130), "{text}");
    assert!(text.contains("そこまでの結果は") && text.contains("--resume"), "{text}");
    assert!(!text.contains("エラー"), "{text}");
    let folder = Path::new(&parts).join(name);
    assert!(folder.join("state.safetensors").exists(), "{}", names(&folder));

    // 違う設定では続けない。
    let other = [&args[..], &["--out", &parts, "--resume", "--seed", "7"]].concat();
    let (code, text) = run(program, &other);
    assert!(code == Some(1) && text.contains("違う設定"), "{text}");
    let (code, text) = run(program, &[&args[..], &["--out", &parts, "--resume"]].concat());
    assert_eq!(code, Some(0), "{text}");
    let strip = |root: &str| -> BTreeMap<PathBuf, Vec<u8>> {
        let files = contents(Path::new(root)).into_iter();
        files.map(|(path, bytes)| (path.strip_prefix(root).unwrap().into(), bytes)).collect()
    };
    let (whole, parts) = (strip(&whole), strip(&parts));
    assert!(whole.keys().eq(parts.keys()), "{:?} {:?}", whole.keys(), parts.keys());
    let differing: Vec<_> = whole
        .iter()
        .filter(|(path, bytes)| parts[*path] != **bytes)
        .map(|(path, _)| path)
        .collect();
    assert!(differing.is_empty(), "止めて続けると変わるファイル: {differing:?}");
}

/// 学習 `small` の保存を、でたらめな時に kill -9 で `kills` 回止めます。
///
/// `wider` は、形の違う重みを残す設定です。2 つを交互に同じフォルダへ残すので、片方の設定ともう片方の重みが
/// 混ざれば、`reuse` が断ります。最後にもう一度学習すると、書きかけは 1 つも残りません。
#[cfg(unix)]
pub fn kill_loop(trust: &Trust, wider: &[&str], kills: usize) {
    use std::time::Instant;

    let dir = tempfile::tempdir().unwrap();
    let out = ["--quiet", "--out", dir.path().to_str().unwrap()];
    // 2 つの設定を交互に学習する。混ざれば、重みの形が設定と合わない。
    let mut other = trust.small.to_vec();
    for pair in wider.chunks(2) {
        match other.iter().position(|&flag| flag == pair[0]) {
            Some(at) => other[at + 1] = pair[1],
            None => other.extend(pair),
        }
    }
    let settings = [[trust.small, &out[..]].concat(), [&other[..], &out].concat()];
    let timed = |turn: usize| {
        let start = Instant::now();
        let (code, text) = run(trust.program, &settings[turn % 2]);
        assert_eq!(code, Some(0), "{text}");
        start.elapsed()
    };
    let whole = (0..6).map(timed).min().unwrap();
    let reuse = [trust.reuse, &out[1..]].concat();
    let (mut seed, mut killed, mut runs, mut leftovers) = (1u64, 0, 0, 0);
    while killed < kills {
        let mut child = Command::new(trust.program)
            .args(&settings[runs % 2])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        runs += 1;
        // 線形合同法 (Knuth)。学習の始まりから終わりまで。
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(whole.mul_f64((seed >> 40) as f64 / (1u64 << 24) as f64));
        // 間に合わずに終わった学習は、数えない。
        killed += usize::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        let _ = child.wait();
        leftovers += usize::from(names(dir.path()).contains(".workbook-part"));
        let (code, text) = run(trust.program, &reuse);
        assert_eq!(code, Some(0), "{killed} 回目の kill の後: {text}");
        let left = names(dir.path());
        assert!(!left.contains(".workbook-") && !left.contains(".tmp"), "{left}");
    }
    println!(
        "kill -9 を {killed} 回 (学習は {runs} 回): 混ざった結果 0、書きかけが残った {leftovers} 回 (次のコマンドが片付けた)"
    );
}

/// README と、本のすべてのページの文。
fn pages() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut text = fs::read_to_string(root.join("README.md")).unwrap();
    for (path, bytes) in contents(&root.join("book/src")) {
        if path.extension().is_some_and(|extension| extension == "md") {
            text += std::str::from_utf8(&bytes).unwrap();
        }
    }
    text
}

/// 図を `target/figures/章` に描き、その記録を返します。
///
/// 本に置いてある図が今のソースから作られたものなら、そのままにします。違えば描いた図のうち本で使うものに
/// 替え、1 行で知らせます。CI では替えずに失敗します。
pub fn redraw(
    chapter: &str,
    fingerprint: &str,
    draw: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> Run {
    redraw_with_answers(chapter, fingerprint, draw, |_| Ok(()))
}

/// [`redraw`] と同じですが、図を替えるときだけ `answers` も測り、記録に足します。
pub fn redraw_with_answers(
    chapter: &str,
    fingerprint: &str,
    draw: impl FnOnce(&Path) -> anyhow::Result<()>,
    answers: impl FnOnce(&mut Run) -> anyhow::Result<()> + Send,
) -> Run {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let fresh = target.join("figures").join(chapter);
    let _ = fs::remove_dir_all(&fresh);
    draw(&fresh).unwrap();
    let record = Run::read(&fresh).unwrap();
    assert_eq!(record.fingerprint, fingerprint);

    let folder = format!("book/src/figures/{chapter}");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(&folder);
    if Run::read(&kept).is_ok_and(|kept| kept.fingerprint == fingerprint) {
        return record;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "図が古くなっています。cargo test -p {chapter} を実行し、{folder} をコミットしてください"
    );
    let _ = fs::remove_dir_all(&kept);
    fs::create_dir_all(&kept).unwrap();
    let pages = pages();
    for name in names(&fresh).lines() {
        let picture = name.ends_with(".svg") || name.ends_with(".png");
        if !picture || pages.contains(&format!("figures/{chapter}/{name}")) {
            fs::copy(fresh.join(name), kept.join(name)).unwrap();
        }
    }
    let mut whole = record.clone();
    common::nn::run(|| answers(&mut whole)).unwrap();
    whole.write(&kept).unwrap();
    // eprintln! は試験が隠してしまうので、じかに書く。
    let note = format!("{folder} の図を、いまのソースのものに替えました。コミットしてください。\n");
    std::io::stderr().write_all(note.as_bytes()).unwrap();
    record
}
