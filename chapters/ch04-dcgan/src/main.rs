//! `cargo run -p ch04-dcgan`: DCGAN を学習させ、図と重みを `target/ch04-dcgan/` に残します。

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use ch04_dcgan::book;
use ch04_dcgan::config::{Config, Model, Preset};
use ch04_dcgan::figures;
use clap::{ArgMatches, Parser, Subcommand};
use common::cli;
use common::plot::{self, Sheet, color};
use common::seed::Seed;

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
    /// 図と重みを置くフォルダ (省くと target/ch04-dcgan)
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,
    /// 進み具合を表示しません
    #[arg(long)]
    quiet: bool,
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
    },
}

fn main() -> ExitCode {
    let (cli, matches) = cli::parse::<Cli, Config>();
    cli::run(|| {
        let dir = cli.out.clone().unwrap_or_else(|| cli::output_dir("ch04-dcgan"));
        match cli.command {
            Some(Command::Generate { count, seed, model }) => {
                generate(model, &dir, count, Seed(seed))
            }
            None => train(&matches, cli.preset, &dir, cli.quiet),
        }
    })
}

fn train(matches: &ArgMatches, preset: Preset, dir: &Path, quiet: bool) -> Result<()> {
    let config: Config = cli::overlay(Config::preset(preset), matches)?;
    let outcome = book::run(config.model.name(), &config, quiet)?;
    let trained = &outcome.trained;
    ensure!(
        !trained.history.is_empty(),
        "1 回も学習しないうちに止めました。前の結果はそのままです"
    );
    book::save(&outcome, dir)?;
    figures::real(trained, &dir.join("real.png"))?;
    figures::overlap(dir)?;
    cli::say(format!("{}\n{}", trained.history, outcome.reading()?));
    cli::say(format!("\n図と重みは {} にあります。", dir.display()));
    cli::say("図の読み方は、本の第4章「動かす」にあります (cargo run で本が開きます)。");
    Ok(())
}

fn generate(model: Model, dir: &Path, count: usize, seed: Seed) -> Result<()> {
    ensure!(
        (1..=10_000).contains(&count),
        "--count は 1 以上 10000 以下にしてください ({count} でした)"
    );
    let samples = book::generate(model, dir, count, seed)?;
    cli::say(book::preview(&samples)?);
    let path = dir.join("generated.png");
    let scale = (64 / samples.dim(2)?).max(1) as u32;
    let sheet = Sheet { images: &samples, columns: count.min(8), frame: color::FAKE };
    plot::image_grid(&path, &[sheet], scale)?;
    cli::say(format!("生成器だけを使って {count} 枚を作り、{} に書きました。", path.display()));
    Ok(())
}
