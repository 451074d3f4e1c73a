//! `cargo run -p ch01-generative-models`: 生成モデルと識別モデルを学習させ、図とモデルを残します。

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use ch01_generative_models::book::{self, Book, MODELS};
use ch01_generative_models::config::{Config, Data, Labels, Model};
use ch01_generative_models::figures;
use clap::{ArgMatches, Parser, Subcommand};
use common::cli;
use common::plot::{self, Sheet, color};
use common::seed::Seed;

/// 第1章 生成モデルの考え方
///
/// 指定なしで、本に載せた実験をすべて行います (2 クラス、三日月、数字)。
/// 設定を 1 つでも指定すると、その設定で 1 回だけ学習します。
#[derive(Parser)]
#[command(name = "ch01-generative-models", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// 図とモデルを置くフォルダ (省くと target/ch01-generative-models)
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,
    /// 進み具合を表示しません
    #[arg(long)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    /// 学習したモデルだけを使って、新しいデータを作ります
    Generate {
        /// 作る数 (省くと 16)
        #[arg(long, default_value_t = 16)]
        count: usize,
        /// 乱数の種 (省くと 1)。変えると違うものが出ます
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// どのデータを学んだモデルか: blobs、moons、digits (省くと digits)
        #[arg(long, value_enum, default_value_t = Data::Digits)]
        data: Data,
        /// どのモデルか: pixels、gaussian、mixture (省くと mixture、blobs か --label では gaussian)
        #[arg(long, value_enum)]
        model: Option<Model>,
        /// 条件付き生成のクラス。--labels use で学習したモデルを使います
        #[arg(long)]
        label: Option<usize>,
    },
}

fn main() -> ExitCode {
    let (cli, matches) = cli::parse::<Cli, Config>();
    cli::run(|| {
        let dir = cli.out.clone().unwrap_or_else(|| cli::output_dir("ch01-generative-models"));
        match cli.command {
            Some(Command::Generate { count, seed, data, model, label }) => {
                generate(data, model, label, &dir, count, Seed(seed))
            }
            None if cli::any_setting::<Config>(&matches) => train_one(&matches, &dir, cli.quiet),
            None => train_book(&dir, cli.quiet),
        }
    })
}

/// 本の実験をすべて行い、本と同じ図を書きます。
fn train_book(dir: &Path, quiet: bool) -> Result<()> {
    let book = Book::train(quiet)?;
    book.draw(dir)?;
    for outcome in book.moons.iter().chain(&book.digits).chain([&book.blobs, &book.by_label]) {
        outcome.save(dir)?;
    }
    for outcome in [&book.classifier, &book.digit_classifier] {
        outcome.save(dir)?;
    }
    cli::say(format!("\n■ 2 クラス (識別)\n{}", book.classifier.reading()?));
    cli::say(format!("\n■ 2 クラス (生成)\n{}", book.blobs.reading()?));
    for (outcome, (_, name)) in book.digits.iter().zip(MODELS) {
        cli::say(format!("\n■ 数字 ({name})\n{}", outcome.reading()?));
    }
    cli::say(format!("\n■ 数字 (ラベルごと)\n{}", book.by_label.reading()?));
    closing(dir);
    Ok(())
}

/// 指定された設定で 1 回だけ学習します。
fn train_one(matches: &ArgMatches, dir: &Path, quiet: bool) -> Result<()> {
    let data = matches.get_one::<Data>("data").copied().unwrap_or(Data::Digits);
    let model = matches.get_one::<Model>("model").copied().unwrap_or(Model::Mixture);
    let config: Config = cli::overlay(Config::book(data, model), matches)?;
    let label = format!("{} ({})", data.name(), model.name());
    let (history, reading) = if model == Model::Classifier {
        let outcome = book::run_classifier(&label, &config, quiet)?;
        outcome.save(dir)?;
        (outcome.trained.history.to_string(), outcome.reading()?)
    } else {
        let outcome = book::run(&label, &config, quiet)?;
        outcome.save(dir)?;
        (outcome.trained.history.to_string(), outcome.reading()?)
    };
    cli::say(format!("{history}\n{reading}"));
    closing(dir);
    Ok(())
}

fn generate(
    data: Data,
    model: Option<Model>,
    label: Option<usize>,
    dir: &Path,
    count: usize,
    seed: Seed,
) -> Result<()> {
    ensure!(
        (1..=10_000).contains(&count),
        "--count は 1 以上 10000 以下にしてください ({count} でした)"
    );
    let by_label = label.is_some() || (data == Data::Blobs && model.is_none());
    let (usual, labels) =
        if by_label { (Model::Gaussian, Labels::Use) } else { (Model::Mixture, Labels::Ignore) };
    let model = model.unwrap_or(usual);
    let config = Config { labels, ..Config::book(data, model) };
    let x = book::generate(&config, label, dir, count, seed)?;
    cli::say(book::preview(&x)?);
    let path = match data {
        Data::Digits => {
            let path = dir.join("generated.png");
            let images = figures::images(&x)?;
            let sheet = Sheet { images: &images, columns: count.min(8), frame: color::FAKE };
            plot::image_grid(&path, &[sheet], 8)?;
            path
        }
        Data::Blobs | Data::Moons => {
            let path = dir.join("generated.svg");
            let panel = plot::Panel {
                title: format!("{count} 個"),
                points: vec![(color::FAKE, figures::points(&x))],
                ..Default::default()
            };
            plot::panels(&path, &[panel], 1)?;
            path
        }
    };
    cli::say(format!(
        "学習したモデルだけを使って {count} 個を作り、{} に書きました。",
        path.display()
    ));
    Ok(())
}

fn closing(dir: &Path) {
    cli::say(format!("\n図とモデルは {} にあります。", dir.display()));
    cli::say("図の読み方は、本の第1章「動かす」にあります (cargo run で本が開きます)。");
}
