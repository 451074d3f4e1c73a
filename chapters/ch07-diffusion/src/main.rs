//! `cargo run -p ch07-diffusion`: 拡散モデルを学習させ、図と重みを `target/ch07-diffusion/` に残します。

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use ch07_diffusion::book::{self, Book, Wish};
use ch07_diffusion::config::{Config, Data, Space};
use ch07_diffusion::data::class_name;
use ch07_diffusion::figures;
use clap::{ArgMatches, Parser, Subcommand};
use common::check::within;
use common::seed::Seed;
use tools::cli;
use tools::folder;
use tools::plot::{self, Sheet, color};
use tools::session::{self, Options, Outcome};

/// 第7章 拡散モデル
///
/// 指定なしで、本に載せた実験をすべて行います (輪、壊した輪、三日月、数字、ひらがな)。
/// 設定を 1 つでも指定すると、そのデータだけを学習します。
#[derive(Parser)]
#[command(name = "ch07-diffusion", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// 学習したネットワークだけを使って、ノイズから新しいデータを作ります
    Generate {
        /// 作る数 (省くと 46)
        #[arg(long, default_value_t = 46)]
        count: usize,
        /// ノイズの種 (省くと 1)。変えると違うものが出ます
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// どの学習を使うか: ring、moons、digits、hiragana (省くと hiragana)
        #[arg(long, default_value = "hiragana", conflicts_with = "own")]
        data: Data,
        /// 手元の画像 (--data) で学習したものを使います
        #[arg(long)]
        own: bool,
        /// どこで拡散する学習を使うか: pixels か latent (省くと本の設定)
        #[arg(long, value_enum)]
        space: Option<Space>,
        /// 作る字 (省くとすべての字を順に)
        #[arg(long)]
        class: Option<String>,
        /// ガイダンスの強さ (省くと学習したときの設定)
        #[arg(long)]
        guidance: Option<f64>,
        /// DDIM で飛ばして進むときの歩数 (省くと DDPM で全部の時刻を進みます)
        #[arg(long)]
        ddim: Option<usize>,
    },
}

fn main() -> ExitCode {
    cli::run::<Cli, Config>(|Cli { command, options }, given| match command {
        Some(Command::Generate { count, seed, data, own, space, class, guidance, ddim }) => {
            let data = if own { Data::Own("DIR".into()) } else { data };
            within("--count", count, 1, 10_000)?;
            let class = class.map(|name| class_of(&data, &name)).transpose()?;
            if let Some(w) = guidance {
                within("--guidance", w, 0., 100.)?;
            }
            let book = Config::book(data);
            let asked = Config { space: space.unwrap_or(book.space), ..book };
            asked.check()?;
            let wish = Wish { count, seed: Seed(seed), class, guidance, steps: ddim };
            generate(&asked, &options, &wish)
        }
        None if options.one_run::<Config>(given) => train_one(&options, given),
        None => train_book(&options),
    })
}

/// 字の名前から番号を引きます。
fn class_of(data: &Data, name: &str) -> Result<u32> {
    let classes = data.classes();
    ensure!(
        classes > 0,
        "--class は、作る字を指定できるデータのものです。--data digits か --data hiragana と一緒に指定してください"
    );
    let at = (0..classes).position(|class| class_name(data, class) == name);
    let at = at.with_context(|| {
        format!(
            "--class に「{name}」は使えません。{} から {} までの 1 字にしてください",
            class_name(data, 0),
            class_name(data, classes - 1)
        )
    })?;
    Ok(at as u32)
}

/// 本の実験をすべて行い、本と同じ図を書きます。
fn train_book(options: &Options) -> Result<()> {
    session::train_book(
        options,
        &Book::named_configs(),
        |keep| Book::train(options.quiet, keep),
        Book::draw,
        |book| {
            vec![
                ("輪", book.ring.reading()),
                ("三日月", book.moons.reading()),
                ("数字", book.digits.outcome.reading()),
                ("ひらがな (潜在拡散)", book.hiragana.outcome.reading()),
                ("ひらがな (画素のまま)", book.pixels.outcome.reading()),
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
        book::resume(&config.name(), config, options.quiet, saved)
    })
}

fn generate(asked: &Config, options: &Options, wish: &Wish) -> Result<()> {
    let store = options.store::<Config>();
    let (config, samples) = book::generate(asked, &store, wish)?;
    cli::say(book::preview(&config, &samples)?);
    let path = match config.data.is_points() {
        false => store.publish("generated.png", |path| {
            let images = figures::images(&config, &samples)?;
            let columns = wish.count.min(10);
            let sheet = Sheet { images: &images, columns, frame: color::FAKE };
            let scale = (64 / config.size as u32).max(1);
            plot::table(path, &[""], &["生成"], &[sheet], scale)
        })?,
        true => store.publish("generated.svg", |path| {
            let panel = plot::Panel {
                title: format!("{} 個", wish.count),
                points: vec![(color::FAKE, plot::points(&samples)?)],
                ..Default::default()
            };
            plot::panels(path, &[panel], 1)
        })?,
    };
    cli::say(format!("ノイズから {} 個を作り、{} に書きました。", wish.count, path.display()));
    Ok(())
}
