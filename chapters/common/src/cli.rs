//! 各章のコマンドに共通の部分。日本語の案内とエラー、進み具合、Ctrl-C の扱いです。

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, CommandFactory, FromArgMatches};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

static STOP: AtomicBool = AtomicBool::new(false);

/// Ctrl-C が押されたら真。学習はこの印を見て、切りのよいところで止まります。
pub fn stop_requested() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// 章の `main`。失敗は日本語の 1 文で伝え、0 でない終了コードを返します。
pub fn run(body: impl FnOnce() -> Result<()> + Send) -> ExitCode {
    // 2 度目の Ctrl-C は、待たずに終わりたいという合図と受け取る。
    let handler = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    let outcome =
        handler.context("Ctrl-C を受け取る準備ができません").and_then(|()| crate::nn::run(body));
    match outcome {
        Ok(()) if stop_requested() => {
            let _ =
                writeln!(std::io::stderr(), "途中で止めました。そこまでの結果は残してあります。");
            ExitCode::from(130)
        }
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes: Vec<_> = error.chain().skip(1).map(|cause| cause.to_string()).collect();
            let detail = if causes.is_empty() {
                String::new()
            } else {
                format!(" (原因: {})", causes.join(": "))
            };
            let _ = writeln!(std::io::stderr(), "エラー: {error}{detail}");
            ExitCode::from(if stop_requested() { 130 } else { 1 })
        }
    }
}

/// 章の結果を置くフォルダ (`target/章の名前`)。cargo の外で動かしたときは、今のフォルダの下です。
pub fn output_dir(chapter: &str) -> PathBuf {
    let root = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(|dir| PathBuf::from(dir).join("../.."))
        .and_then(|dir| dir.canonicalize().ok())
        .unwrap_or_default();
    root.join("target").join(chapter)
}

/// 標準出力に 1 行書きます。`| head` などで読み手がいなくなっても、止まりません。
pub fn say(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// コマンドラインを読みます。設定 `C` の項目も、そのまま指定として並びます。
///
/// `C` の値は [`overlay`] で取り出します。指定のない項目は、章ごとの本の値のままです。
pub fn parse<P: FromArgMatches + CommandFactory, C: Args>() -> (P, ArgMatches) {
    let matches = command::<P, C>().try_get_matches();
    let parsed = matches.and_then(|matches| Ok((P::from_arg_matches(&matches)?, matches)));
    parsed.unwrap_or_else(|error| {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            let _ = error.print();
            std::process::exit(0);
        }
        let _ = writeln!(std::io::stderr(), "エラー: {}", explain(&error));
        std::process::exit(2);
    })
}

/// `P` のコマンドに、設定 `C` の項目を必須でない指定として足したもの。
pub fn command<P: CommandFactory, C: Args>() -> Command {
    let command = P::command();
    // 設定の説明文が、コマンドの説明文を上書きしないようにする。
    let about = command.get_about().cloned().unwrap_or_default();
    let command = command.next_help_heading("設定 (省くと本の値)");
    japanese(C::augment_args_for_update(command).about(about))
}

/// コマンドラインで指定された項目だけを `preset` に重ねます。
pub fn overlay<C: FromArgMatches>(mut preset: C, matches: &ArgMatches) -> Result<C> {
    preset.update_from_arg_matches(matches).map_err(|error| anyhow::anyhow!(explain(&error)))?;
    Ok(preset)
}

/// `value` が `least` 以上 `most` 以下でなければ (NaN も)、指定 `name` をどう直すかを伝えて失敗します。
pub fn within<T: PartialOrd + Display>(name: &str, value: T, least: T, most: T) -> Result<()> {
    anyhow::ensure!(
        (&least..=&most).contains(&&value),
        "{name} は {least} 以上 {most} 以下にしてください ({value} でした)"
    );
    Ok(())
}

/// `value` が 0 以上 1 未満でなければ (NaN も)、指定 `name` をどう直すかを伝えて失敗します。
pub fn below_one(name: &str, value: f64) -> Result<()> {
    anyhow::ensure!(
        (0. ..1.).contains(&value),
        "{name} は 0 以上 1 未満にしてください ({value} でした)"
    );
    Ok(())
}

/// 設定 `C` の項目が 1 つでも指定されていれば真。
pub fn any_setting<C: Args>(matches: &ArgMatches) -> bool {
    let settings = C::augment_args_for_update(Command::new("settings"));
    settings.get_arguments().any(|arg| matches.value_source(arg.get_id().as_str()).is_some())
}

/// clap の決まり文句を日本語にします。
fn japanese(command: Command) -> Command {
    let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_string()).collect();
    let sub = if names.is_empty() { "" } else { " [コマンド]" };
    let usage = format!("{} [指定]{sub}", command.get_bin_name().unwrap_or(command.get_name()));
    let mut command = command
        .override_usage(usage)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .subcommand_help_heading("コマンド")
        .subcommand_value_name("コマンド")
        .help_template("{about}\n\n使い方: {usage}\n\n{all-args}")
        .mut_args(|arg| {
            let valued = arg.get_action().takes_values();
            let arg = arg.hide_possible_values(valued).hide_default_value(valued);
            match arg.get_help_heading() {
                Some(_) => arg,
                None => arg.help_heading("指定"),
            }
        })
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .help("この説明を表示します")
                .help_heading("そのほか")
                .action(ArgAction::Help),
        );
    for name in names {
        command = command.mut_subcommand(name, japanese);
    }
    command
}

/// clap のエラーを、何が悪く、どう直すかの 1 文にします。
fn explain(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let arg = context(ContextKind::InvalidArg);
    let arg = arg.split(' ').next().unwrap_or_default();
    let value = context(ContextKind::InvalidValue);
    let help = "使える指定は --help で確かめられます";
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let near = context(ContextKind::SuggestedArg);
            if near.is_empty() {
                format!("指定 {arg} はありません。{help}")
            } else {
                format!("指定 {arg} はありません。{near} のことでしょうか。{help}")
            }
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("{arg} には値が要ります。{help}")
        }
        ErrorKind::InvalidValue => {
            let valid = context(ContextKind::ValidValue);
            format!("{arg} に「{value}」は使えません。次から選んでください: {valid}")
        }
        ErrorKind::ValueValidation => {
            format!("{arg} に「{value}」は使えません。正しい形の数や名前にしてください。{help}")
        }
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand);
            format!("コマンド {name} はありません。{help}")
        }
        ErrorKind::ArgumentConflict => {
            format!("{arg} は 1 度だけ、ほかの指定と矛盾しないように書いてください。{help}")
        }
        ErrorKind::MissingRequiredArgument => format!("{arg} が足りません。{help}"),
        _ => format!("コマンドの書き方が正しくありません。{help}"),
    }
}

/// 並べて学習するときも棒が重ならないよう、1 か所で描く。
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// 学習の進み具合。端末では棒で、そうでなければ 1 割ごとに 1 行で知らせます。
pub struct Progress {
    bar: ProgressBar,
    label: String,
    steps: usize,
    plain: bool,
}

impl Progress {
    /// `label` の学習 (`steps` 回) を始めます。`quiet` なら何も出しません。
    pub fn new(label: &str, steps: usize, quiet: bool) -> Self {
        let plain = !quiet && !std::io::stderr().is_terminal();
        let bar = match quiet || plain {
            true => ProgressBar::hidden(),
            false => BARS.add(ProgressBar::new(steps as u64)),
        };
        let style =
            ProgressStyle::with_template("{prefix} {bar:24.cyan} {pos}/{len} 残り {eta} {msg}")
                .expect("書式は定数");
        bar.set_style(style);
        bar.set_prefix(label.to_string());
        Self { bar, label: label.to_string(), steps, plain }
    }

    /// `step` 回目 (1 から) が終わったことを、損失とともに知らせます。
    pub fn step(&self, step: usize, losses: &[(&'static str, f32)]) {
        // 毎回書き換えると、文字を作る時間が学習より長くなる。
        let tenth = self.steps.div_ceil(10).max(1);
        let due = step.is_multiple_of(20) || step == 1 || step == self.steps;
        if due || self.plain {
            let text = || {
                let items = losses.iter().map(|(name, value)| format!("{name} {value:.3}"));
                items.collect::<Vec<_>>().join("  ")
            };
            if due && !self.bar.is_hidden() {
                self.bar.set_position(step as u64);
                self.bar.set_message(text());
            }
            if self.plain && (step == 1 || step.is_multiple_of(tenth)) {
                let _ =
                    writeln!(std::io::stderr(), "{} {step}/{}  {}", self.label, self.steps, text());
            }
        }
    }

    /// 棒の邪魔をせずに、途中の絵などを出します。
    pub fn show(&self, text: &str) {
        if !self.bar.is_hidden() {
            BARS.suspend(|| say(text));
        }
    }

    /// 終わりを知らせます。途中で止めたときは、棒もそこで止まります。
    pub fn finish(&self) {
        self.bar.abandon();
    }
}
