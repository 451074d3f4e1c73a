//! `cargo run -p ch05-pix2pix`: Pix2Pix を学習させ、図と重みを `target/ch05-pix2pix/` に残します。

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use ch05_pix2pix::book::{self, Source};
use ch05_pix2pix::config::Config;
use clap::{ArgMatches, Parser, Subcommand, ValueEnum};
use common::cli;
use common::plot::{self, Sheet, color};
use common::seed::Seed;

/// 第5章 Pix2Pix
///
/// 指定なしで、ゴシック体の漢字を明朝体に描き替える学習をします。
/// 設定を指定すると、その設定で学習します。
#[derive(Parser)]
#[command(name = "ch05-pix2pix", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// 図と重みを置くフォルダ (省くと target/ch05-pix2pix)
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,
    /// 設定の元にする値: book (本) か paper (論文)。省くと book です
    #[arg(long, value_enum, default_value_t = Preset::Book)]
    preset: Preset,
    /// 進み具合を表示しません
    #[arg(long)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Preset {
    Book,
    Paper,
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
        /// 変換する画像のフォルダ (--data で学習したとき)
        #[arg(long, value_name = "DIR")]
        input: Option<PathBuf>,
        /// ドロップアウトの種 (省くと 1)。変えると、わずかに違うものが出ます
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    let (cli, matches) = cli::parse::<Cli, Config>();
    cli::run(|| {
        let dir = cli.out.clone().unwrap_or_else(|| cli::output_dir("ch05-pix2pix"));
        match cli.command {
            Some(Command::Translate { text, font, input, seed }) => {
                let source = input.map_or(Source::Text { text, font }, Source::Folder);
                translate(&source, &dir, Seed(seed))
            }
            None => train(cli.preset, &matches, &dir, cli.quiet),
        }
    })
}

fn train(preset: Preset, matches: &ArgMatches, dir: &Path, quiet: bool) -> Result<()> {
    let preset = match preset {
        Preset::Paper => Config::paper(),
        // 手持ちの画像は、カラーとみなす。
        Preset::Book if matches.contains_id("data") => Config { channels: 3, ..Config::book() },
        Preset::Book => Config::book(),
    };
    let config: Config = cli::overlay(preset, matches)?;
    let outcome = book::run("学習", &config, quiet)?;
    ensure!(
        !outcome.trained.history.is_empty(),
        "1 回も学習しないうちに止めました。前の結果はそのままです"
    );
    book::save(&outcome, dir)?;
    cli::say(format!("{}\n{}", outcome.trained.history, outcome.reading()?));
    cli::say(format!("\n図と重みは {} にあります。", dir.display()));
    cli::say("図の読み方は、本の第5章「動かす」にあります (cargo run で本が開きます)。");
    Ok(())
}

fn translate(source: &Source, dir: &Path, seed: Seed) -> Result<()> {
    let [input, output] = book::translate(source, dir, seed)?;
    cli::say(book::preview(&output)?);
    let (count, size) = (output.dim(0)?, output.dim(3)?);
    let path = dir.join("translated.png");
    let columns = count.min(if size > 64 { 4 } else { 8 });
    let sheets = [
        Sheet { images: &input, columns, frame: color::MUTED },
        Sheet { images: &output, columns, frame: color::FAKE },
    ];
    plot::image_stack(&path, &sheets, (96 / size).max(1) as u32)?;
    cli::say(format!("生成器だけを使って {count} 枚を変換し、{} に書きました。", path.display()));
    Ok(())
}
