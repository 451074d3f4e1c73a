//! 実験室のファイルを作り直すコマンド (`cargo run -- lab` から呼ばれます)。

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use lab::{pack, trained};

fn main() -> ExitCode {
    match make() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("エラー: {}", tools::cli::sentence(&error));
            ExitCode::FAILURE
        }
    }
}

fn make() -> Result<()> {
    pack::check_target()?;
    for source in &trained::SOURCES {
        // 学習には何分もかかる。ソースが同じなら、同じ重みになる。
        if !source.is_fresh() {
            say(&source.place(), source.make()?);
        }
    }
    trained::results().write(&pack::folder())?;
    say(&pack::place(), pack::pack()?);
    println!("作り直したファイルを、一緒にコミットしてください。");
    Ok(())
}

fn say(place: &Path, size: usize) {
    println!("{} を作り直しました ({} kB)", place.display(), size / 1000);
}
