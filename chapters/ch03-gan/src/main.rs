//! `cargo run -p ch03-gan`: GAN を学習させ、図と重みを `target/ch03-gan/` に残します。

use std::process::ExitCode;

use anyhow::Result;
use ch03_gan::book::{self, Book};
use ch03_gan::config::{Config, Data};
use ch03_gan::figures;
use clap::{ArgMatches, Parser, Subcommand};
use common::check::within;
use common::seed::Seed;
use tools::plot::{self, Sheet, color};
use tools::session::{self, Options, Outcome};
use tools::{cli, folder};

/// 第3章 敵対的生成ネットワーク (GAN)
///
/// 指定なしで、本に載せた実験をすべて行います (輪、壊した輪、直した輪、数字)。
/// 設定を 1 つでも指定すると、そのデータだけを学習します。
#[derive(Parser)]
#[command(name = "ch03-gan", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
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
        #[arg(long, default_value = "digits", conflicts_with = "own")]
        data: Data,
        /// 手元の画像 (--data) で学習した生成器を使います
        #[arg(long)]
        own: bool,
    },
}

fn main() -> ExitCode {
    cli::run::<Cli, Config>(|Cli { command, options }, given| match command {
        Some(Command::Generate { count, seed, data, own }) => {
            let data = if own { Data::Own("DIR".into()) } else { data };
            generate(data, &options, count, Seed(seed))
        }
        None if options.one_run::<Config>(given) => train_one(&options, given),
        None => train_book(&options),
    })
}

/// 本の実験をすべて行い、本と同じ図を書きます。
fn train_book(options: &Options) -> Result<()> {
    let named = [Config::book(Data::Ring), Config::book(Data::Digits)];
    session::train_book(
        options,
        &named,
        |keep| Book::train(|config| config, options.quiet, keep),
        Book::draw,
        |book| {
            vec![
                ("輪", book.ring.reading()),
                ("壊した輪 (--lr-d 2e-4)", book.collapsed.reading()),
                ("直した輪 (--lr-d 2e-4 --pack 2)", book.cured.reading()),
                ("数字", book.digits.reading()),
            ]
        },
    )
}

/// 指定された設定で 1 回だけ学習します。
fn train_one(options: &Options, given: &ArgMatches) -> Result<()> {
    let preset = match given.get_one::<Data>("data") {
        // 手元の画像は、カラーとみなす。MNIST の IDX は濃淡だけ。
        Some(data @ Data::Own(path)) => {
            let channels = if folder::is_idx(path) { 1 } else { 3 };
            Config { channels, ..Config::book(data.clone()) }
        }
        data => Config::book(data.cloned().unwrap_or(Data::Ring)),
    };
    session::train(options, given, preset, |config, saved| {
        book::resume(config.data.name(), config, options.quiet, saved)
    })
}

fn generate(data: Data, options: &Options, count: usize, seed: Seed) -> Result<()> {
    within("--count", count, 1, 10_000)?;
    let store = options.store::<Config>();
    let (config, samples) = book::generate(data, &store, count, seed)?;
    cli::say(book::preview(&config, &samples)?);
    let path = match config.data.is_points() {
        false => store.publish("generated.png", |path| {
            let images = figures::images(&config, &samples)?;
            let sheet = Sheet { images: &images, columns: count.min(8), frame: color::FAKE };
            let scale = (64 / config.size as u32).max(1);
            plot::table(path, &[""], &["生成"], &[sheet], scale)
        })?,
        true => store.publish("generated.svg", |path| {
            let panel = plot::Panel {
                title: format!("{count} 個"),
                points: vec![(color::FAKE, plot::points(&samples)?)],
                ..Default::default()
            };
            plot::panels(path, &[panel], 1)
        })?,
    };
    cli::say(format!("生成器だけを使って {count} 個を作り、{} に書きました。", path.display()));
    Ok(())
}
