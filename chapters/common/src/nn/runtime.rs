//! スレッドとメモリの設定。章のプログラムは [`run`] で学習を包むだけでよい。

use std::panic::resume_unwind;
use std::sync::Once;

use candle_core::{Result, Tensor};
use rayon::ThreadPoolBuilder;

/// 学習では同じ大きさのテンソルを毎回作っては捨てる。既定のアロケータは大きな領域を OS に返しては
/// 取り直すので、それだけで 1.2〜1.7 倍遅くなる。mimalloc は手元に残して使い回す。
#[cfg(not(target_arch = "wasm32"))] // ブラウザには OS がない。
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `f` を rayon のスレッドの中で動かし、その戻り値を返す。
///
/// 外から層を呼ぶと、呼ぶたびに仕事がスレッドの境目を越えて遅くなる。中で呼べば越えない。
/// スレッド数は既定では論理 CPU の数で、環境変数 `RAYON_NUM_THREADS` で変えられる。結果は変わらない。
pub fn run<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        if std::env::var_os("CANDLE_NUM_THREADS").is_none() {
            // candle 自身のスレッドは仕事を待つ間も CPU を使い続け、rayon と奪い合う。1 なら作られない。
            // candle はこの変数を最初に使うとき 1 度だけ読むので、学習の前に決めておく。
            //
            // SAFETY: 危険なのは、他のスレッドの C のコードが同時に環境変数を読むときだけである。
            // Rust の標準ライブラリ同士は排他され、この本のプログラムに環境変数を読む C のコードは無い
            // (mimalloc は main より前に読み終えている)。
            unsafe { std::env::set_var("CANDLE_NUM_THREADS", "1") };
        }
    });
    rayon::scope(|_| f())
}

/// 独立した 2 つの仕事を並べて動かし、両方の結果を返す。
///
/// 小さなモデルでは、1 つの計算をスレッドに分けるより、学習ごと分けるほうが速い。スレッドは半分ずつ使う。
/// スレッドが 1 つしか無ければ、順に動かす。どちらでも結果は変わらない。
pub fn both<A: Send, B: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    let threads = rayon::current_num_threads();
    if threads == 1 {
        return (a(), b());
    }
    let pool = |threads| {
        ThreadPoolBuilder::new().num_threads(threads).build().expect("スレッドを作れるはず")
    };
    let (first, second) = (pool(threads.div_ceil(2)), pool(threads / 2));
    std::thread::scope(|scope| {
        let a = scope.spawn(|| first.install(a));
        let b = scope.spawn(|| second.install(b));
        let (a, b) = (a.join(), b.join());
        (
            a.unwrap_or_else(|panic| resume_unwind(panic)),
            b.unwrap_or_else(|panic| resume_unwind(panic)),
        )
    })
}

/// `x` を `most` 枚ずつ `f` に通し、結果をつなげます。学習ではない、1 枚ずつの計算のためのものです。
///
/// 一度に通すと、枚数しだいで途中の値がメモリに収まりません。
pub fn in_parts(
    x: &Tensor,
    most: usize,
    mut f: impl FnMut(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let n = x.dim(0)?;
    let parts = (0..n).step_by(most.max(1));
    let parts = parts.map(|start| Ok(f(&x.narrow(0, start, most.min(n - start))?)?.detach()));
    Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)
}
