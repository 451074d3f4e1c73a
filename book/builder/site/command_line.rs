//! コマンドラインの説明と誤りを日本語にする。
//!
//! 章のコマンドと同じ話し方だが、章の道具 (chapters/common) は学習の道具まで引き込むので使わない。

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

/// clap の決まり文句を日本語にする。
pub fn japanese(command: Command) -> Command {
    let subs: Vec<String> =
        command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let mut usage = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    usage.push_str(" [指定]");
    for arg in command.get_positionals() {
        usage.push_str(&format!(" {}", arg.get_id().as_str().to_uppercase()));
    }
    if !subs.is_empty() {
        usage.push_str(" [コマンド]");
    }
    let mut command = command
        .override_usage(usage)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .subcommand_help_heading("コマンド")
        .subcommand_value_name("コマンド")
        .help_template("{about}\n\n使い方: {usage}\n\n{all-args}")
        .mut_args(|arg| match arg.is_positional() {
            true => arg.help_heading("渡すもの"),
            false => arg.help_heading("指定"),
        })
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .help("この説明を表示する")
                .help_heading("そのほか")
                .action(ArgAction::Help),
        );
    if command.get_version().is_some() {
        command = command.arg(
            Arg::new("version")
                .short('V')
                .long("version")
                .help("版を表示する")
                .help_heading("そのほか")
                .action(ArgAction::Version),
        );
    }
    for name in subs {
        let full = format!("{} {name}", command.get_name());
        command = command.mut_subcommand(name, |sub| japanese(sub.bin_name(full)));
    }
    command
}

/// clap の誤りを、何が悪く、どう直すかの 1 文にする。
pub fn explain(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join("、"),
        Some(ContextValue::StyledStr(text)) => StyledStr::to_string(text),
        _ => String::new(),
    };
    let arg = context(ContextKind::InvalidArg);
    let arg = arg.split(' ').next().unwrap_or_default().trim_matches(['<', '>']);
    let value = context(ContextKind::InvalidValue);
    let help = "使える指定は --help で確かめられます";
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let near = context(ContextKind::SuggestedArg);
            let near =
                if near.is_empty() { near } else { format!("{near} のことでしょうか。") };
            match arg.starts_with('-') {
                true => format!("指定 {arg} はありません。{near}{help}"),
                false => format!("「{arg}」が余っています。{help}"),
            }
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("{arg} には値が要ります。{help}"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match arg {
            "--port" => {
                format!("--port に「{value}」は使えません。0 以上 65535 以下の整数にしてください")
            }
            _ => format!("{arg} に「{value}」は使えません。{help}"),
        },
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues => {
            format!("{arg} に渡すものの数が違います。{help}")
        }
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand);
            let near = context(ContextKind::SuggestedSubcommand);
            let near =
                if near.is_empty() { near } else { format!("{near} のことでしょうか。") };
            format!("コマンド {name} はありません。{near}{help}")
        }
        ErrorKind::ArgumentConflict => {
            let other = context(ContextKind::PriorArg);
            let other = other.split(' ').next().unwrap_or_default();
            match (arg, other) {
                ("", _) => format!("指定は、コマンドの名前の後に書いてください。{help}"),
                (arg, other) if other.is_empty() || other == arg => {
                    format!("{arg} は 1 度だけ書いてください。{help}")
                }
                (arg, other) => format!("{arg} と {other} は一緒に使えません。{help}"),
            }
        }
        ErrorKind::MissingRequiredArgument => {
            format!("{arg} が足りません。書き出す先のフォルダなどを書き足してください。{help}")
        }
        ErrorKind::InvalidUtf8 => format!("UTF-8 でない文字は使えません。{help}"),
        _ => format!("コマンドの書き方が正しくありません。{help}"),
    }
}
