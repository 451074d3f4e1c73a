//! `cargo run -p ch02-vae`: VAE を学習させ、図と重みを `target/ch02-vae/` に残します。

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use ch02_vae::book::{self, Book};
use ch02_vae::config::{Config, Data, Model};
use clap::{ArgMatches, Parser, Subcommand};
use common::cli;
use common::plot::{self, Sheet, color};
use common::seed::Seed;

/// 第2章 変分オートエンコーダ (VAE)
///
/// 指定なしで、本に載せた実験をすべて行います。
/// 設定を 1 つでも指定すると、そのデータとモデルだけを学習します。
#[derive(Parser)]
#[command(name = "ch02-vae", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// 図と重みを置くフォルダ (省くと target/ch02-vae)
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,
    /// 進み具合を表示しません
    #[arg(long)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    /// 学習したデコーダだけを使って、新しい画像を作ります
    Generate {
        /// 作る数 (省くと 16)
        #[arg(long, default_value_t = 16)]
        count: usize,
        /// 潜在変数を引く種 (省くと 1)。変えると違うものが出ます
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// どの学習のデコーダを使うか: vowels、hiragana、digits (省くと hiragana)
        #[arg(long, value_enum, default_value_t = Data::Hiragana)]
        data: Data,
        /// どのモデルのデコーダを使うか: vae、ae (省くと vae)
        #[arg(long, value_enum, default_value_t = Model::Vae)]
        model: Model,
    },
}

fn main() -> ExitCode {
    let (cli, matches) = cli::parse::<Cli, Config>();
    cli::run(|| {
        let dir = cli.out.clone().unwrap_or_else(|| cli::output_dir("ch02-vae"));
        match cli.command {
            Some(Command::Generate { count, seed, data, model }) => {
                generate(data, model, &dir, count, Seed(seed))
            }
            None if cli::any_setting::<Config>(&matches) => train_one(&matches, &dir, cli.quiet),
            None => train_book(&dir, cli.quiet),
        }
    })
}

/// 本の実験をすべて行い、本と同じ図を書きます。
fn train_book(dir: &Path, quiet: bool) -> Result<()> {
    let book = Book::train(0, quiet)?;
    book.draw(dir)?;
    let named = [
        ("あいうえお、VAE", &book.vowels),
        ("あいうえお、オートエンコーダ", &book.vowels_ae),
        ("ひらがな、VAE", &book.hiragana),
        ("ひらがな、オートエンコーダ", &book.hiragana_ae),
        ("数字、VAE", &book.digits),
        ("数字、オートエンコーダ", &book.digits_ae),
    ];
    for (_, outcome) in named {
        book::save(outcome, dir)?;
    }
    let broken = [("再パラメータ化なし (--reparam off)", &book.broken)];
    for (title, outcome) in named.into_iter().chain(broken) {
        cli::say(format!("\n■ {title}\n{}", outcome.reading()?));
    }
    closing(dir);
    Ok(())
}

/// 指定された設定で 1 回だけ学習します。
fn train_one(matches: &ArgMatches, dir: &Path, quiet: bool) -> Result<()> {
    let data = matches.get_one::<Data>("data").copied().unwrap_or(Data::Vowels);
    let config: Config = cli::overlay(Config::book(data), matches)?;
    let outcome = book::run(&config.name(), &config, quiet)?;
    book::save(&outcome, dir)?;
    cli::say(format!("{}\n{}", outcome.trained.history, outcome.reading()?));
    closing(dir);
    Ok(())
}

fn generate(data: Data, model: Model, dir: &Path, count: usize, seed: Seed) -> Result<()> {
    ensure!(
        (1..=10_000).contains(&count),
        "--count は 1 以上 10000 以下にしてください ({count} でした)"
    );
    let (config, samples) = book::generate(data, model, dir, count, seed)?;
    cli::say(book::preview(&config, &samples)?);
    let path = dir.join("generated.png");
    let side = config.data.side();
    let images = samples.reshape(((), 1, side, side))?;
    let sheet = Sheet { images: &images, columns: count.min(8), frame: color::FAKE };
    plot::image_grid(&path, &[sheet], 64 / side as u32)?;
    cli::say(format!("デコーダだけを使って {count} 枚を作り、{} に書きました。", path.display()));
    Ok(())
}

fn closing(dir: &Path) {
    cli::say(format!("\n図と重みは {} にあります。", dir.display()));
    cli::say("図の読み方は、本の第2章「動かす」にあります (cargo run で本が開きます)。");
}
