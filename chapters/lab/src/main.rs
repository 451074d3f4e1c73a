//! 実験室のファイルを作り直すコマンド (`cargo run -- lab` から呼ばれます)。

use std::process::ExitCode;

fn main() -> ExitCode {
    match lab::pack::pack() {
        Ok(size) => {
            println!(
                "{} を作り直しました ({} kB)。一緒にコミットしてください。",
                lab::pack::place().display(),
                size / 1000
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("エラー: {}", tools::cli::sentence(&error));
            ExitCode::FAILURE
        }
    }
}
