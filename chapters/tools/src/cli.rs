//! コマンドの指定を読み、結果や失敗を日本語で伝えます。Ctrl-C も受け取ります。

use std::error::Error;
use std::fmt::Display;
use std::io::Write;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, CommandFactory, FromArgMatches};

static STOP: AtomicBool = AtomicBool::new(false);

/// Ctrl-C が押されたら真。学習はこの印を見て、切りのよいところで止まります。
pub fn stop_requested() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Ctrl-C、kill (SIGTERM)、端末を閉じたこと (SIGHUP) を受け取ります。
///
/// 2 度目は、待たずに終わりたいという合図と受け取ります。
fn listen() -> Result<()> {
    // nohup で始めた学習は、端末を閉じても続ける。ctrlc は無視の設定も上書きするので、戻しておく。
    // SAFETY: 合図の受け取り方を決めるだけで、ほかのスレッドはまだ無い。
    #[cfg(unix)]
    let hang_up = unsafe { libc::signal(libc::SIGHUP, libc::SIG_DFL) };
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        warn("止めています。切りのよいところまでお待ちください (もう一度止めると、残さずに終わります)。");
    })
    .map_err(|_| anyhow::anyhow!("Ctrl-C を受け取る準備ができません"))?;
    #[cfg(unix)]
    if hang_up == libc::SIG_IGN {
        // SAFETY: 同上。
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    }
    Ok(())
}

/// 章の `main`。コマンド `P` と設定 `C` の指定を読んで `body` に渡します。
///
/// 失敗は日本語の 1 文で伝え、0 でない終了コードを返します。
pub fn run<P, C>(body: impl FnOnce(P, &ArgMatches) -> Result<()> + Send) -> ExitCode
where
    P: FromArgMatches + CommandFactory + Send,
    C: Args,
{
    let (command, given) = parse::<P, C>();
    let outcome = listen().and_then(|()| common::nn::run(|| body(command, &given)));
    if let Err(error) = &outcome {
        let prefix = if stop_requested() { "" } else { "エラー: " };
        warn(format!("{prefix}{}", sentence(error)));
    }
    match (outcome, stop_requested()) {
        (_, true) => ExitCode::from(130),
        (Ok(()), _) => ExitCode::SUCCESS,
        (Err(_), _) => ExitCode::FAILURE,
    }
}

/// 日本語の字があれば真。
fn in_japanese(text: &str) -> bool {
    text.chars().any(|c| ('\u{3040}'..'\u{a000}').contains(&c))
}

/// 失敗を 1 文にします。原因は、日本語で言えるものだけを添えます。
pub fn sentence(error: &anyhow::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = match cause.downcast_ref::<std::io::Error>().map(crate::files::cause) {
            Some(Some(known)) => known.to_string(),
            _ => cause.to_string(),
        };
        if in_japanese(&text) && !causes.contains(&text) {
            causes.push(text);
        }
    }
    match causes.split_first() {
        None => format!("分からない原因で止まりました。次の文と一緒に知らせてください: {error:#}"),
        Some((first, [])) => first.clone(),
        Some((first, rest)) => format!("{first} (原因: {})", rest.join(": ")),
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

/// 標準エラー出力に 1 行書きます。書けなくても、止まりません。
pub fn warn(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// 標準出力に 1 行書きます。`| head` などで読み手がいなくなっても、止まりません。
pub fn say(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// コマンドラインを読みます。設定 `C` の項目も、そのまま指定として並びます。
///
/// `C` の値は [`overlay`] で取り出します。指定のない項目は、章ごとの本の値のままです。
fn parse<P: FromArgMatches + CommandFactory, C: Args>() -> (P, ArgMatches) {
    let matches = command::<P, C>().try_get_matches();
    let parsed = matches.and_then(|matches| Ok((P::from_arg_matches(&matches)?, matches)));
    parsed.unwrap_or_else(|error| {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            let _ = error.print();
            std::process::exit(0);
        }
        warn(format!("エラー: {}", explain(&error)));
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
            // 負の数を「知らない指定」ではなく、その指定の値として読む。範囲は、後で確かめる。
            let arg = arg
                .hide_possible_values(valued)
                .hide_default_value(valued)
                .allow_negative_numbers(valued);
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
        Some(ContextValue::Strings(texts)) => texts.join("、"),
        _ => String::new(),
    };
    // 「--steps <STEPS>」から、指定の名前だけを取る。
    let flags = |kind| {
        let names = context(kind);
        let names = names.split('、').filter_map(|name| name.split(' ').next());
        names.collect::<Vec<_>>().join("、")
    };
    let (arg, value) = (flags(ContextKind::InvalidArg), context(ContextKind::InvalidValue));
    let command = context(ContextKind::InvalidSubcommand);
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
            let source = error.source();
            let integer = source.and_then(|source| source.downcast_ref::<ParseIntError>());
            let number = source.is_some_and(|source| source.is::<ParseFloatError>());
            let want = match integer.map(ParseIntError::kind) {
                Some(IntErrorKind::PosOverflow) => "大きすぎます。もっと小さな整数にしてください",
                Some(_) => "0 以上の整数にしてください",
                None if number => "数にしてください",
                // 章の型が自分で書いた、日本語の直し方。
                None => match source.map(ToString::to_string) {
                    Some(text) if in_japanese(&text) => {
                        return format!("{arg} に「{value}」は使えません。{text}");
                    }
                    _ => "正しい形の数や名前にしてください",
                },
            };
            format!("{arg} に「{value}」は使えません。{want}。{help}")
        }
        ErrorKind::InvalidSubcommand => format!("コマンド {command} はありません。{help}"),
        ErrorKind::ArgumentConflict if !command.is_empty() => format!(
            "{} は学習の指定なので、{command} とは一緒に使えません。{command} の指定は {command} --help で確かめられます",
            flags(ContextKind::PriorArg)
        ),
        ErrorKind::ArgumentConflict => match flags(ContextKind::PriorArg) {
            other if other == arg || other.is_empty() => {
                format!("{arg} が 2 度あります。1 度だけ書いてください")
            }
            other => format!("{arg} と {other} は一緒に使えません。どちらか 1 つにしてください"),
        },
        ErrorKind::MissingRequiredArgument => format!("{arg} が足りません。{help}"),
        ErrorKind::InvalidUtf8 => {
            format!("{arg} に、文字として読めない値があります。名前を変えてから指定してください")
        }
        _ => format!("コマンドの書き方が正しくありません。{help}"),
    }
}
