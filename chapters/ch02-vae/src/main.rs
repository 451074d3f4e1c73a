//! `cargo run -p ch02-vae`: VAE を学習させ、図と重みを `target/ch02-vae/` に残します。

use std::process::ExitCode;

use anyhow::Result;
use ch02_vae::book::{self, Book};
use ch02_vae::config::{Config, Data, Model};
use ch02_vae::figures;
use clap::{ArgMatches, Parser, Subcommand};
use common::check::within;
use common::seed::Seed;
use tools::plot::{self, Sheet, color};
use tools::session::{self, Options, Outcome};
use tools::{cli, folder};

/// 第2章 変分オートエンコーダ (VAE)
///
/// 指定なしで、本に載せた実験をすべて行います。
/// 設定を 1 つでも指定すると、そのデータとモデルだけを学習します。
#[derive(Parser)]
#[command(name = "ch02-vae", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
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
        #[arg(long, default_value = "hiragana", conflicts_with = "own")]
        data: Data,
        /// 手元の画像 (--data) で学習したデコーダを使います
        #[arg(long)]
        own: bool,
        /// どのモデルのデコーダを使うか: vae、ae (省くと vae)
        #[arg(long, value_enum, default_value_t = Model::Vae)]
        model: Model,
    },
}

fn main() -> ExitCode {
    cli::run::<Cli, Config>(|Cli { command, options }, given| match command {
        Some(Command::Generate { count, seed, data, own, model }) => {
            let data = if own { Data::Own("DIR".into()) } else { data };
            generate(data, model, &options, count, Seed(seed))
        }
        None if options.one_run::<Config>(given) => train_one(&options, given),
        None => train_book(&options),
    })
}

/// 本の実験をすべて行い、本と同じ図を書きます。
fn train_book(options: &Options) -> Result<()> {
    session::train_book(
        options,
        &Book::named_configs(),
        |keep| Book::train(|config| config, options.quiet, keep),
        Book::draw,
        |book| {
            vec![
                ("あいうえお、VAE", book.vowels.reading()),
                ("あいうえお、オートエンコーダ", book.vowels_ae.reading()),
                ("ひらがな、VAE", book.hiragana.reading()),
                ("ひらがな、オートエンコーダ", book.hiragana_ae.reading()),
                ("数字、VAE", book.digits.reading()),
                ("数字、オートエンコーダ", book.digits_ae.reading()),
                ("再パラメータ化なし (--reparam off)", book.broken.reading()),
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
        data => Config::book(data.cloned().unwrap_or(Data::Vowels)),
    };
    session::train(options, given, preset, |config, saved| {
        book::resume(&config.name(), config, options.quiet, saved)
    })
}

fn generate(data: Data, model: Model, options: &Options, count: usize, seed: Seed) -> Result<()> {
    within("--count", count, 1, 10_000)?;
    let store = options.store::<Config>();
    let (config, samples) = book::generate(data, model, &store, count, seed)?;
    cli::say(book::preview(&config, &samples)?);
    let path = store.publish("generated.png", |path| {
        let images = figures::images(&config, &samples)?;
        let sheet = Sheet { images: &images, columns: count.min(8), frame: color::FAKE };
        let scale = (64 / config.size as u32).max(1);
        plot::table(path, &[""], &["生成"], &[sheet], scale)
    })?;
    cli::say(format!("デコーダだけを使って {count} 枚を作り、{} に書きました。", path.display()));
    Ok(())
}
