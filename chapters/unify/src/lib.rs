//! コードは無い。Cargo.toml を見てください。
