//! `cargo run -p ch01-generative-models`: 生成モデルと識別モデルを学習させ、図とモデルを残します。

use std::process::ExitCode;

use anyhow::Result;
use ch01_generative_models::book::{self, Book};
use ch01_generative_models::config::{Config, Data, Labels, Model};
use ch01_generative_models::figures;
use clap::{ArgMatches, Parser, Subcommand};
use common::check::within;
use common::seed::Seed;
use tools::cli;
use tools::plot::{self, Sheet, color};
use tools::session::{self, Options, Outcome};

/// 第1章 生成モデルの考え方
///
/// 指定なしで、本に載せた実験をすべて行います (2 クラス、三日月、数字)。
/// 設定を 1 つでも指定すると、その設定で 1 回だけ学習します。
#[derive(Parser)]
#[command(name = "ch01-generative-models", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
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
    cli::run::<Cli, Config>(|Cli { command, options }, given| match command {
        Some(Command::Generate { count, seed, data, model, label }) => {
            generate(data, model, label, &options, count, Seed(seed))
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
        |keep| Book::train(options.quiet, keep),
        Book::draw,
        |book| {
            let [pixels, gaussian, mixture] = &book.digits;
            vec![
                ("2 クラス (識別)", book.classifier.reading()),
                ("2 クラス (生成)", book.blobs.reading()),
                ("数字 (独立な画素)", pixels.reading()),
                ("数字 (ガウス)", gaussian.reading()),
                ("数字 (混合)", mixture.reading()),
                ("数字 (ラベルごと)", book.by_label.reading()),
            ]
        },
    )
}

/// 指定された設定で 1 回だけ学習します。
fn train_one(options: &Options, given: &ArgMatches) -> Result<()> {
    let data = given.get_one::<Data>("data").copied().unwrap_or(Data::Digits);
    let model = given.get_one::<Model>("model").copied().unwrap_or(Model::Mixture);
    let label = format!("{} ({})", data.name(), model.name());
    let preset = Config::book(data, model);
    match model {
        Model::Classifier => session::train(options, given, preset, |config, saved| {
            book::run_classifier(&label, config, options.quiet, saved)
        }),
        _ => session::train(options, given, preset, |config, saved| {
            book::resume(&label, config, options.quiet, saved)
        }),
    }
}

fn generate(
    data: Data,
    model: Option<Model>,
    label: Option<usize>,
    options: &Options,
    count: usize,
    seed: Seed,
) -> Result<()> {
    within("--count", count, 1, 10_000)?;
    let by_label = label.is_some() || (data == Data::Blobs && model.is_none());
    let (usual, labels) =
        if by_label { (Model::Gaussian, Labels::Use) } else { (Model::Mixture, Labels::Ignore) };
    let model = model.unwrap_or(usual);
    let config = Config { labels, ..Config::book(data, model) };
    let store = options.store::<Config>();
    let x = book::generate(&config, label, &store, count, seed)?;
    cli::say(book::preview(&x)?);
    let path = match data {
        Data::Digits => store.publish("generated.png", |path| {
            let images = figures::images(&x)?;
            let sheet = Sheet { images: &images, columns: count.min(8), frame: color::FAKE };
            plot::table(path, &[""], &["生成"], &[sheet], 8)
        })?,
        Data::Blobs | Data::Moons => store.publish("generated.svg", |path| {
            let panel = plot::Panel {
                title: format!("{count} 個"),
                points: vec![(color::FAKE, figures::points(&x))],
                ..Default::default()
            };
            plot::panels(path, &[panel], 1)
        })?,
    };
    cli::say(format!(
        "学習したモデルだけを使って {count} 個を作り、{} に書きました。",
        path.display()
    ));
    Ok(())
}
