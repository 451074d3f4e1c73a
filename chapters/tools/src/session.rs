//! 学習のコマンドの流れ: 設定を決める、学習する、残す、読み方を見せる。どの章も同じです。

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{ArgMatches, FromArgMatches};
use common::history::History;
use common::state::State;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::{self, say, stop_requested, warn};
use crate::store::Store;

/// 1 回の学習の設定。
pub trait Settings: Serialize {
    /// 章のクレートの名前。
    const CHAPTER: &str;

    /// 結果を置くフォルダの名前。設定の種類が同じなら同じ名前です。
    fn name(&self) -> String;

    /// この種類の設定を選ぶ指定。
    fn flags(&self) -> String;

    /// 学習する回数。
    fn steps(&self) -> usize;

    /// 学習に要るメモリの見積もり (GB)。小さな学習しかしない章では 0 です。
    fn memory(&self) -> f64 {
        0.
    }

    /// 使えない値があれば、どの指定をどう直すかを伝えて失敗します。
    fn check(&self) -> Result<()>;
}

/// 1 回の学習の結果。
pub trait Outcome {
    type Config: Settings;

    fn config(&self) -> &Self::Config;

    fn history(&self) -> &History;

    /// 止めたところから続けるための、学習の途中のようす (図の途中経過も含む)。
    fn state(&self) -> Result<State>;

    /// 残す重み: ネットワークの名前と、safetensors のバイト列。
    fn weights(&self) -> Result<Vec<(&'static str, Vec<u8>)>>;

    /// 図を `folder` に書きます。
    fn draw(&self, folder: &Path) -> Result<()>;

    /// 学習の終わりに端末へ出す、短い読み方。
    fn reading(&self) -> Result<String>;
}

/// 学習の結果を残す関数。
pub type Keep<'a, C> = dyn Fn(&dyn Outcome<Config = C>) -> Result<()> + Sync + 'a;

/// どの章のコマンドにもある指定。
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// 図と重みを置くフォルダ (省くと target の下の、章の名前のフォルダ)
    #[arg(long, value_name = "DIR", global = true)]
    pub out: Option<PathBuf>,
    /// 進み具合を表示しません
    #[arg(long)]
    pub quiet: bool,
    /// 途中で止めた学習を、止めたところから続けます
    #[arg(long)]
    pub resume: bool,
}

impl Options {
    /// 設定が 1 つでも指定されていれば、1 回だけ学習する。続きを学習するときも同じ。
    pub fn one_run<C: clap::Args>(&self, given: &ArgMatches) -> bool {
        self.resume || cli::any_setting::<C>(given)
    }

    /// 結果の置き場。
    pub fn store<C: Settings>(&self) -> Store {
        Store::at(self.out.clone().unwrap_or_else(|| cli::output_dir(C::CHAPTER)))
    }
}

/// 1 回だけ学習するコマンド。`preset` に、指定された項目 `given` を重ねた設定で、`run` が学習します。
pub fn train<C, O>(
    options: &Options,
    given: &ArgMatches,
    preset: C,
    run: impl FnOnce(&C, &State) -> Result<O>,
) -> Result<()>
where
    C: Settings + FromArgMatches + DeserializeOwned + PartialEq,
    O: Outcome<Config = C>,
{
    let asked: C = cli::overlay(preset, given)?;
    asked.check()?;
    serde_json::to_string(&asked)
        .context("フォルダやファイルの名前に、文字として読めないものがあります。名前を変えてから指定してください")?;
    let store = options.store::<C>();
    let (config, saved) = match options.resume {
        true => begun(&store, asked, given)?,
        false => (asked, State::default()),
    };
    let name = config.name();
    match saved.is_empty() {
        true => store.prepare(&[(&name, config.steps())])?,
        false => store.prepare(&[])?,
    }
    if config.memory() > 1. {
        warn(format!("この学習には、およそ {:.0} GB のメモリを使います。", config.memory()));
    }
    let outcome = run(&config, &saved)?;
    let kept = store.keep(&outcome)?;
    let done = outcome.history().len();
    if stop_requested() && done < config.steps() {
        ensure!(kept, "{done} 回で止めました。短すぎるので残しません。前の結果はそのままです");
        stopped(&store, options, &config, done);
        return Ok(());
    }
    say(format!("{}\n{}", outcome.history(), outcome.reading()?));
    closing::<C>(&store.dir.join(name));
    Ok(())
}

/// 本の実験をすべて行うコマンド。終わった学習から残し、本の図はフォルダ `book` に描きます。
///
/// `named` は、結果を残す学習の設定です。`train` は、学習が終わるたびに、渡された関数で結果を残します。
pub fn train_book<C: Settings, B>(
    options: &Options,
    named: &[C],
    train: impl FnOnce(&Keep<C>) -> Result<B>,
    draw: impl FnOnce(&B, &Path) -> Result<()>,
    readings: impl FnOnce(&B) -> Vec<(&'static str, Result<String>)>,
) -> Result<()> {
    let store = options.store::<C>();
    let names: Vec<_> = named.iter().map(|config| (config.name(), config.steps())).collect();
    let names = names.iter().map(|(name, steps)| (name.as_str(), *steps)).chain([("book", 0)]);
    store.prepare(&names.collect::<Vec<_>>())?;
    let book = train(&|outcome: &dyn Outcome<Config = C>| {
        let (config, done) = (outcome.config(), outcome.history().len());
        let kept = store.keep(outcome)?;
        if stop_requested() && done < config.steps() && kept {
            stopped(&store, options, config, done);
        }
        Ok(())
    })?;
    store.commit("book", 0, |folder| draw(&book, folder))?;
    for (title, reading) in readings(&book) {
        say(format!("\n■ {title}\n{}", reading?));
    }
    closing::<C>(&store.dir.join("book"));
    Ok(())
}

/// 止めた学習の設定とようす。指定された項目が、止めた学習と違えば失敗します。
fn begun<C: Settings + FromArgMatches + DeserializeOwned + PartialEq>(
    store: &Store,
    asked: C,
    given: &ArgMatches,
) -> Result<(C, State)> {
    let kept = store.open(&asked)?;
    let config: C = kept.config()?;
    let saved = kept.state()?;
    let same: C = cli::overlay(kept.config()?, given)?;
    ensure!(
        same == config,
        "{} の学習は、指定と違う設定で始めたものです。続けるなら --resume のほかの指定を外すか、はじめと同じにしてください",
        store.dir.join(config.name()).display()
    );
    Ok((config, saved))
}

/// 止めた学習がどこに残り、どう続けられるかを知らせます。
fn stopped<C: Settings>(store: &Store, options: &Options, config: &C, done: usize) {
    let place = store.dir.join(config.name());
    warn(format!("{done} 回で止めました。そこまでの結果は {} に残してあります。", place.display()));
    let out =
        options.out.as_ref().map_or(String::new(), |out| format!(" --out \"{}\"", out.display()));
    warn(format!("続きから始めるには: {}{out} --resume", command(config)));
}

/// この種類の設定で学習するコマンド。
pub fn command<C: Settings>(config: &C) -> String {
    format!("cargo run -p {} -- {}", C::CHAPTER, config.flags()).trim_end().to_string()
}

/// 結果の場所と、図の読み方のページ。
pub fn closing<C: Settings>(place: &Path) {
    let chapter = C::CHAPTER.trim_start_matches(['c', 'h', '0']);
    let chapter = chapter.split('-').next().unwrap_or_default();
    say(format!("\n図と重みは {} にあります。", place.display()));
    say(format!(
        "図の読み方は、本の第{chapter}章「動かす」にあります (cargo run で本が開きます)。"
    ));
}
