//! 本物のブラウザで本を開き、読者の手順をなぞる。
//!
//! Chromium が無ければ `SKIPPED` と書いて通る。`REQUIRE_BROWSER=1` なら、無いことを失敗にする。
//! 使うブラウザは環境変数 `CHROME` でも指せる。実験室だけは、あれば Firefox でも動かす。

mod chrome;
mod reader;
#[path = "../support/mod.rs"]
mod support;

mod access;
mod cheatsheet;
mod desk;
mod firefox;
mod glossary;
mod lab;
mod lab_diffusion;
mod lab_every;
mod lab_formula;
mod lab_generators;
mod latent;
mod offline;
mod pages;
mod points;
mod print;
mod quiz;
mod search;
mod way;
mod zoom;
