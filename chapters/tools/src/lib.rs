//! 章のコマンドと図に要る道具です。手法は知りません。学習に要る道具は、隣の `common` クレートにあります。
//!
//! | モジュール | 役割 |
//! |---|---|
//! | [`cli`] | コマンドの指定を読み、失敗を日本語の 1 文で伝える |
//! | [`session`] | 学習のコマンドの流れ: 設定を決める、学習する、残す、読み方を見せる |
//! | [`progress`] | 進み具合の棒、途中の絵、Ctrl-C、発散の見張り |
//! | [`store`] | 結果の置き場: 設定・重み・図・記録は、そろって現れるか、まったく現れない |
//! | [`files`] | 途中で止まっても壊れない書き込み |
//! | [`folder`] | 読者の画像: フォルダか、MNIST の IDX ファイル |
//! | [`picture`] | 1 枚の画像ファイル |
//! | [`idx`] | MNIST の IDX ファイル |
//! | [`plot`] | SVG と PNG の図 |
//! | [`compare`] | 章をまたいで比べる、同じ輪での測定 |
//! | [`record`] | 本の図の記録 `run.json` と、ソースの指紋 |

pub mod cli;
pub mod compare;
pub mod files;
pub mod folder;
pub mod idx;
pub mod picture;
pub mod plot;
pub mod progress;
pub mod record;
pub mod session;
pub mod store;
