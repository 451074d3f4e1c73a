//! `cargo run -p ch06-cyclegan`: CycleGAN を学習させ、図と重みを `target/ch06-cyclegan/` に残します。

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use ch06_cyclegan::book;
use ch06_cyclegan::config::{Config, Direction, Preset};
use clap::{Parser, Subcommand};
use common::cli;
use common::plot::{self, Sheet, color};
use common::seed::Seed;

/// 第6章 CycleGAN
///
/// 指定なしで、写真風の風景 (X) と浮世絵風の風景 (Y) を、対なしで訳し合う学習をします。
/// 設定を指定すると、その設定で学習します。
#[derive(Parser)]
#[command(name = "ch06-cyclegan", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// 図と重みを置くフォルダ (省くと target/ch06-cyclegan)
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,
    /// 設定の出発点: book (本の図) か paper (論文のとおり)。個々の設定は、その上に重ねます
    #[arg(long, value_enum, default_value_t = Preset::Book)]
    preset: Preset,
    /// 進み具合を表示しません
    #[arg(long)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    /// 学習した一方の生成器だけを使って、画像を訳します
    Translate {
        /// 訳す向き: xy (写真風から浮世絵風へ) か yx (省くと xy)
        #[arg(long, value_enum, default_value_t = Direction::Xy)]
        direction: Direction,
        /// 訳す画像のフォルダ (省くと、新しい風景を描いて訳します)
        #[arg(long, value_name = "DIR")]
        input: Option<PathBuf>,
        /// 描く風景の数 (省くと 8)
        #[arg(long, default_value_t = 8)]
        count: usize,
        /// 描く風景の種 (省くと 1)
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    let (cli, matches) = cli::parse::<Cli, Config>();
    cli::run(|| {
        let dir = cli.out.clone().unwrap_or_else(|| cli::output_dir("ch06-cyclegan"));
        match cli.command {
            Some(Command::Translate { direction, input, count, seed }) => {
                translate(direction, &dir, input.as_deref(), count, Seed(seed))
            }
            None => {
                let preset = match cli.preset {
                    Preset::Book => Config::book(),
                    Preset::Paper => Config::paper(),
                };
                train(&cli::overlay(preset, &matches)?, &dir, cli.quiet)
            }
        }
    })
}

fn train(config: &Config, dir: &Path, quiet: bool) -> Result<()> {
    let outcome = book::run("風景", config, quiet)?;
    ensure!(
        !outcome.trained.history.is_empty(),
        "1 回も学習しないうちに止めました。前の結果はそのままです"
    );
    book::save(&outcome, dir)?;
    cli::say(format!("{}\n{}", outcome.trained.history, outcome.reading()?));
    cli::say(format!("\n図と重みは {} にあります。", dir.display()));
    cli::say("図の読み方は、本の第6章「動かす」にあります (cargo run で本が開きます)。");
    Ok(())
}

fn translate(
    direction: Direction,
    dir: &Path,
    input: Option<&Path>,
    count: usize,
    seed: Seed,
) -> Result<()> {
    ensure!(
        (1..=1_000).contains(&count),
        "--count は 1 以上 1000 以下にしてください ({count} でした)"
    );
    let book::Translation { before, after } = book::translate(direction, dir, input, count, seed)?;
    cli::say(book::preview(&before, &after)?);
    let (count, _, _, size) = before.dims4()?;
    let columns = count.min(8);
    let path = dir.join("translated.png");
    let sheets = [(&before, color::REAL), (&after, color::FAKE)];
    let sheets = sheets.map(|(images, frame)| Sheet { images, columns, frame });
    plot::image_stack(&path, &sheets, (128 / size as u32).max(1))?;
    let name = if direction == Direction::Xy { "generator_xy" } else { "generator_yx" };
    cli::say(format!("{name} だけを使って {count} 枚を訳し、{} に書きました。", path.display()));
    Ok(())
}
