//! `cargo run -p ch03-gan`: GAN を学習させ、図と重みを `target/ch03-gan/` に残します。

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use ch03_gan::book::{self, Book};
use ch03_gan::config::{Config, Data};
use clap::{ArgMatches, Parser, Subcommand};
use common::cli;
use common::plot::{self, Sheet, color};
use common::seed::Seed;

/// 第3章 敵対的生成ネットワーク (GAN)
///
/// 指定なしで、本に載せた実験をすべて行います (輪、壊した輪、治した輪、数字)。
/// 設定を 1 つでも指定すると、そのデータだけを学習します。
#[derive(Parser)]
#[command(name = "ch03-gan", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// 図と重みを置くフォルダ (省くと target/ch03-gan)
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,
    /// 進み具合を表示しません
    #[arg(long)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    /// 学習した生成器だけを使って、新しいデータを作ります
    Generate {
        /// 作る数 (省くと 16)
        #[arg(long, default_value_t = 16)]
        count: usize,
        /// ノイズの種 (省くと 1)。変えると違うものが出ます
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// どの学習の生成器を使うか: ring、moons、digits (省くと digits)
        #[arg(long, value_enum, default_value_t = Data::Digits)]
        data: Data,
    },
}

fn main() -> ExitCode {
    let (cli, matches) = cli::parse::<Cli, Config>();
    cli::run(|| {
        let dir = cli.out.clone().unwrap_or_else(|| cli::output_dir("ch03-gan"));
        match cli.command {
            Some(Command::Generate { count, seed, data }) => {
                generate(data, &dir, count, Seed(seed))
            }
            None if cli::any_setting::<Config>(&matches) => train_one(&matches, &dir, cli.quiet),
            None => train_book(&dir, cli.quiet),
        }
    })
}

/// 本の実験をすべて行い、本と同じ図を書きます。
fn train_book(dir: &Path, quiet: bool) -> Result<()> {
    let book = Book::train(quiet, |outcome| book::save(outcome, dir))?;
    book.draw(dir)?;
    for (title, outcome) in [
        ("輪", &book.ring),
        ("壊した輪 (--lr-d 2e-4)", &book.collapsed),
        ("治した輪 (--lr-d 2e-4 --pack 2)", &book.cured),
        ("数字", &book.digits),
    ] {
        cli::say(format!("\n■ {title}\n{}", outcome.reading()?));
    }
    closing(dir);
    Ok(())
}

/// 指定された設定で 1 回だけ学習します。
fn train_one(matches: &ArgMatches, dir: &Path, quiet: bool) -> Result<()> {
    let data = matches.get_one::<Data>("data").copied().unwrap_or(Data::Ring);
    let config: Config = cli::overlay(Config::book(data), matches)?;
    let outcome = book::run(data.name(), &config, quiet)?;
    ensure!(
        !outcome.trained.history.is_empty(),
        "1 回も学習しないうちに止めました。前の結果はそのままです"
    );
    book::save(&outcome, dir)?;
    cli::say(format!("{}\n{}", outcome.trained.history, outcome.reading()?));
    closing(dir);
    Ok(())
}

fn generate(data: Data, dir: &Path, count: usize, seed: Seed) -> Result<()> {
    ensure!(
        (1..=10_000).contains(&count),
        "--count は 1 以上 10000 以下にしてください ({count} でした)"
    );
    let (config, samples) = book::generate(data, dir, count, seed)?;
    cli::say(book::preview(&config, &samples)?);
    let path = match data {
        Data::Digits => {
            let path = dir.join("generated.png");
            let images = samples.reshape(((), 1, 8, 8))?;
            let sheet = Sheet { images: &images, columns: count.min(8), frame: color::FAKE };
            plot::image_grid(&path, &[sheet], 8)?;
            path
        }
        Data::Ring | Data::Moons => {
            let path = dir.join("generated.svg");
            let panel = plot::Panel {
                title: format!("{count} 個"),
                points: vec![(color::FAKE, plot::points(&samples)?)],
                ..Default::default()
            };
            plot::panels(&path, &[panel], 1)?;
            path
        }
    };
    cli::say(format!("生成器だけを使って {count} 個を作り、{} に書きました。", path.display()));
    Ok(())
}

fn closing(dir: &Path) {
    cli::say(format!("\n図と重みは {} にあります。", dir.display()));
    cli::say("図の読み方は、本の第3章「動かす」にあります (cargo run で本が開きます)。");
}
