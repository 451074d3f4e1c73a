//! `cargo run`: 本を作り、ブラウザで読めるようにする。

use std::io::{stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use mdbook_preprocessor::Preprocessor;
use workbook::site::build::build_book;
use workbook::site::export::Existing;
use workbook::site::load::build_dir;
use workbook::site::preprocessor::{self, Workbook};
use workbook::site::terminal::{explain, say, tell};
use workbook::site::{command_line, export, serve};

/// 深層生成モデルのワークブックを作り、ブラウザで読めるようにする。
#[derive(Parser)]
#[command(name = "workbook", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeOptions,
}

#[derive(Subcommand)]
enum Command {
    /// 本を作って見せる。原稿を保存すると作り直す (何も付けないときと同じ)。
    Serve(ServeOptions),
    /// 本を book.toml の build-dir に作るだけで終わる。
    Build,
    /// 問題集と用語集を、Anki や表計算ソフトで開けるファイルにして DIR に書く。
    Export {
        /// 書き出す先のフォルダ。無ければ作る。
        dir: PathBuf,
        /// 同じ名前のファイルがあっても、書き替える。
        #[arg(long)]
        overwrite: bool,
    },
    /// 実験室 (章のコードと、学習を終えた重み) を、ブラウザのために作り直す。章のコードを変えたときだけ要る。
    Lab,
    /// mdbook build から呼ばれる前処理。手で使うものではない。
    Preprocess {
        #[command(subcommand)]
        query: Option<Query>,
    },
}

#[derive(clap::Args)]
struct ServeOptions {
    /// ポートの番号。書かなければ 3000 から空いている番号を探す。
    #[arg(long, value_name = "番号", allow_negative_numbers = true)]
    port: Option<u16>,
    /// ブラウザも開く。
    #[arg(long)]
    open: bool,
}

#[derive(Subcommand)]
enum Query {
    /// この描き方を受け持つかどうかを、終了コードで答える。
    Supports { renderer: String },
}

fn main() -> ExitCode {
    // 途中で止まった理由は、止まった所が日本語で知らせる。
    std::panic::set_hook(Box::new(|_| {}));
    let cli = command_line::japanese(Cli::command())
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match cli {
        Ok(cli) => cli,
        Err(error)
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            tell(format_args!("エラー: {}", command_line::explain(&error)));
            return ExitCode::from(2);
        }
    };
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            tell(format_args!("エラー: {}", explain(&error)));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        None => serve::run(&root()?, cli.serve.port, cli.serve.open)?,
        Some(Command::Serve(options)) => serve::run(&root()?, options.port, options.open)?,
        Some(Command::Build) => {
            let root = root()?;
            let dest = build_dir(&root)?;
            build_book(&root, &dest)?;
            say(format_args!("本を作りました: {}", dest.join("index.html").display()));
        }
        Some(Command::Export { dir, overwrite }) => {
            let existing = if overwrite { Existing::Replace } else { Existing::Keep };
            for file in export::write(&root()?, &dir, existing)? {
                say(format_args!("書き出しました: {}", file.display()));
            }
        }
        Some(Command::Lab) => {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let lab = std::process::Command::new(cargo)
                .args(["run", "--quiet", "--package", "lab"])
                .current_dir(root()?)
                .status()
                .context("cargo を始められません。Rust が入っているか確かめてください")?;
            if !lab.success() {
                return Ok(ExitCode::FAILURE);
            }
        }
        Some(Command::Preprocess { query: None }) => {
            preprocessor::speak_protocol(stdin().lock(), stdout().lock())?;
        }
        Some(Command::Preprocess { query: Some(Query::Supports { renderer }) }) => {
            if !Workbook.supports_renderer(&renderer)? {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// ワークスペースのフォルダ。`cargo run` はどこで打っても CARGO_MANIFEST_DIR に入れてくれる。
fn root() -> Result<PathBuf> {
    match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => std::env::current_dir().context("今のフォルダが分かりません"),
    }
}
