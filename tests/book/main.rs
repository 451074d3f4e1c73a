//! 本の原稿と、それを作るプログラムの試験。ブラウザを使うものは tests/browser にある。

#[path = "../support/mod.rs"]
mod support;

mod bank;
mod build;
mod comparison;
mod export;
mod fuzz;
mod glossary;
mod japanese;
mod lab;
mod licenses;
mod links;
mod math;
mod numbers;
mod points;
mod quiz;
mod search;
mod serve;
mod shape;
mod structure;
mod syllabus;
mod trust;
