//! `cargo run -p ch05-pix2pix`: Pix2Pix を学習させ、図と重みを `target/ch05-pix2pix/` に残します。

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use ch05_pix2pix::book::{self, Source};
use ch05_pix2pix::config::{Config, Preset};
use clap::{ArgMatches, Parser, Subcommand};
use common::seed::Seed;
use tools::cli;
use tools::plot::{self, color};
use tools::session::{self, Options};

/// 第5章 Pix2Pix
///
/// 指定なしで、ゴシック体の漢字を明朝体に描き替える学習をします。
/// 設定を指定すると、その設定で学習します。
#[derive(Parser)]
#[command(name = "ch05-pix2pix", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// 設定の元にする値: book (本) か paper (論文)。省くと book です
    #[arg(long, value_enum, default_value_t = Preset::Book)]
    preset: Preset,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// 学習した生成器だけを使って、新しい入力を変換します
    Translate {
        /// 変換する文字。省くと、学習で見せていない字から選びます
        #[arg(long, default_value = "", conflicts_with = "input")]
        text: String,
        /// 文字を書くフォント (省くと、学習に使ったゴシック体)
        #[arg(long, value_name = "FILE", conflicts_with = "input")]
        font: Option<PathBuf>,
        /// 変換する画像のフォルダか、1 枚の画像 (--data で学習したとき)
        #[arg(long, value_name = "PATH")]
        input: Option<PathBuf>,
        /// ドロップアウトの種 (省くと 1)。変えると、わずかに違うものが出ます
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    cli::run::<Cli, Config>(|Cli { command, preset, options }, given| match command {
        Some(Command::Translate { text, font, input, seed }) => {
            let source = input.map_or(Source::Text { text, font }, Source::Pictures);
            translate(&source, &options, Seed(seed))
        }
        None => train(&options, preset, given),
    })
}

fn train(options: &Options, preset: Preset, given: &ArgMatches) -> Result<()> {
    // 手元の画像は、カラーとみなす。
    let channels = if given.contains_id("data") { 3 } else { Config::preset(preset).channels };
    let preset = Config { channels, ..Config::preset(preset) };
    session::train(options, given, preset, |config, saved| {
        book::resume("学習", config, options.quiet, saved)
    })
}

fn translate(source: &Source, options: &Options, seed: Seed) -> Result<()> {
    let store = options.store::<Config>();
    let [input, output] = book::translate(source, &store, seed)?;
    cli::say(book::preview(&output)?);
    let (count, size) = (output.dim(0)?, output.dim(3)?);
    let path = store.publish("translated.png", |path| {
        let columns = count.min(if size > 64 { 4 } else { 8 });
        let rows = [("入力", &input, color::MUTED), ("変換", &output, color::FAKE)];
        plot::before_and_after(path, rows, columns, (96 / size).max(1) as u32)
    })?;
    cli::say(format!("生成器だけを使って {count} 枚を変換し、{} に書きました。", path.display()));
    Ok(())
}
