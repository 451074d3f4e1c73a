//! `cargo run -p ch04-dcgan`: DCGAN を学習させ、図と重みを `target/ch04-dcgan/` に残します。

use std::process::ExitCode;

use anyhow::Result;
use ch04_dcgan::book;
use ch04_dcgan::config::{Config, Model, Preset};
use clap::{ArgMatches, Parser, Subcommand};
use common::check::within;
use common::seed::Seed;
use tools::cli;
use tools::plot::{self, Sheet, color};
use tools::session::{self, Options};

/// 第4章 深層畳み込み GAN (DCGAN)
///
/// 指定なしで、本の DCGAN を教育漢字で学習します。
/// 設定を指定すると、その項目だけを変えて学習します。
#[derive(Parser)]
#[command(name = "ch04-dcgan", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// 設定のひとそろい: book (本)、paper (論文)、pytorch (PyTorch の公開例)
    #[arg(long, value_enum, default_value_t = Preset::Book)]
    preset: Preset,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// 学習した生成器だけを使って、新しい画像を作ります
    Generate {
        /// 作る数 (省くと 16)
        #[arg(long, default_value_t = 16)]
        count: usize,
        /// 潜在変数の種 (省くと 1)。変えると違うものが出ます
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// どの学習の生成器を使うか: dcgan、mlp (省くと dcgan)
        #[arg(long, value_enum, default_value_t = Model::Dcgan)]
        model: Model,
        /// 漢字ではなく、手元の画像 (--data) で学習した生成器を使います
        #[arg(long)]
        own: bool,
    },
}

fn main() -> ExitCode {
    cli::run::<Cli, Config>(|Cli { command, preset, options }, given| match command {
        Some(Command::Generate { count, seed, model, own }) => {
            generate(model, own, &options, count, Seed(seed))
        }
        None => train(&options, preset, given),
    })
}

fn train(options: &Options, preset: Preset, given: &ArgMatches) -> Result<()> {
    // 手元の画像は、カラーとみなす。
    let channels = if given.contains_id("data") { 3 } else { Config::preset(preset).channels };
    let preset = Config { channels, ..Config::preset(preset) };
    session::train(options, given, preset, |config, saved| {
        book::resume(config.model.name(), config, options.quiet, saved)
    })
}

fn generate(model: Model, own: bool, options: &Options, count: usize, seed: Seed) -> Result<()> {
    within("--count", count, 1, 10_000)?;
    let store = options.store::<Config>();
    let samples = book::generate(model, own, &store, count, seed)?;
    cli::say(book::preview(&samples)?);
    let path = store.publish("generated.png", |path| {
        let scale = (64 / samples.dim(2)?).max(1) as u32;
        let sheet = Sheet { images: &samples, columns: count.min(8), frame: color::FAKE };
        plot::table(path, &[""], &["生成"], &[sheet], scale)
    })?;
    cli::say(format!("生成器だけを使って {count} 枚を作り、{} に書きました。", path.display()));
    Ok(())
}
