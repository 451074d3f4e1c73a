//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

use std::path::Path;
use std::sync::LazyLock;

use ch05_pix2pix::book::{self, Book};
use ch05_pix2pix::config::Config;
use ch05_pix2pix::measure::{Measured, measure};
use common::history::Run;
use common::measure::sharpness;

static BOOK: LazyLock<Book> = LazyLock::new(|| common::nn::run(|| Book::train(0, true)).unwrap());

fn figures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/figures/ch05-pix2pix")
}

#[test]
fn figures_are_written() {
    // CI では、置いてある図が今のソースから作られたものかを、書き直す前に確かめる。
    if std::env::var_os("CI").is_some() {
        let committed = Run::read(&figures()).unwrap();
        assert_eq!(
            committed.fingerprint,
            book::fingerprint().unwrap(),
            "図が古くなっています。cargo test -p ch05-pix2pix を実行し、book/src/figures/ch05-pix2pix をコミットしてください"
        );
    }
    BOOK.draw(&figures()).unwrap();
    let record = Run::read(&figures()).unwrap();
    assert_eq!(record.fingerprint, book::fingerprint().unwrap());
    assert_eq!(record.configs["main"], serde_json::to_value(Config::book()).unwrap());
}
