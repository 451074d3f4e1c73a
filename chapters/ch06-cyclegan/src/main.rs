//! `cargo run -p ch06-cyclegan`: CycleGAN を学習させ、図と重みを `target/ch06-cyclegan/` に残します。

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use ch06_cyclegan::book;
use ch06_cyclegan::config::{Config, Direction, Preset};
use clap::{ArgMatches, Parser, Subcommand};
use common::check::within;
use common::seed::Seed;
use tools::cli;
use tools::plot::{self, color};
use tools::session::{self, Options};

/// 第6章 CycleGAN
///
/// 指定なしで、写真風の風景 (X) と浮世絵風の風景 (Y) を、対なしで訳し合う学習をします。
/// 設定を指定すると、その設定で学習します。
#[derive(Parser)]
#[command(name = "ch06-cyclegan", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// 設定の出発点: book (本の図) か paper (論文のとおり)。個々の設定は、その上に重ねます
    #[arg(long, value_enum, default_value_t = Preset::Book)]
    preset: Preset,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// 学習した一方の生成器だけを使って、画像を訳します
    Translate {
        /// 訳す向き: xy (写真風から浮世絵風へ) か yx (省くと xy)
        #[arg(long, value_enum, default_value_t = Direction::Xy)]
        direction: Direction,
        /// 訳す画像のフォルダか、1 枚の画像 (省くと、新しい風景を描いて訳します)
        #[arg(long, value_name = "PATH")]
        input: Option<PathBuf>,
        /// 風景ではなく、手元の画像 (--data) で学習した生成器を使います
        #[arg(long)]
        own: bool,
        /// 描く風景の数 (省くと 8)
        #[arg(long, default_value_t = 8, conflicts_with = "input")]
        count: usize,
        /// 描く風景の種 (省くと 1)
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    cli::run::<Cli, Config>(|Cli { command, preset, options }, given| match command {
        Some(Command::Translate { direction, input, own, count, seed }) => {
            translate(direction, own, &options, input.as_deref(), count, Seed(seed))
        }
        None => train(&options, preset, given),
    })
}

fn train(options: &Options, preset: Preset, given: &ArgMatches) -> Result<()> {
    session::train(options, given, Config::preset(preset), |config, saved| {
        book::resume("風景", config, book::dataset(config, options.quiet)?, options.quiet, saved)
    })
}

fn translate(
    direction: Direction,
    own: bool,
    options: &Options,
    input: Option<&Path>,
    count: usize,
    seed: Seed,
) -> Result<()> {
    within("--count", count, 1, 1_000)?;
    let store = options.store::<Config>();
    let book::Translation { before, after } =
        book::translate(direction, own, &store, input, count, seed)?;
    cli::say(book::preview(&before, &after)?);
    let (count, _, _, size) = before.dims4()?;
    let path = store.publish("translated.png", |path| {
        let rows = [("入力", &before, color::REAL), ("変換", &after, color::FAKE)];
        plot::before_and_after(path, rows, count.min(8), (128 / size as u32).max(1))
    })?;
    let name = if direction == Direction::Xy { "generator_xy" } else { "generator_yx" };
    cli::say(format!("{name} だけを使って {count} 枚を訳し、{} に書きました。", path.display()));
    Ok(())
}
