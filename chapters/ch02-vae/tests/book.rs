//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use candle_core::Tensor;
use ch02_vae::book::{self, BETAS, Book, Measured, Outcome};
use ch02_vae::config::{Config, Data};
use ch02_vae::explorer::Explorer;

static BOOK: LazyLock<Book> =
    LazyLock::new(|| common::nn::run(|| Book::train(0, true, &|_| Ok(()))).unwrap());

#[test]
fn figures_are_written() {
    let fingerprint = book::fingerprint();
    let record = chapter::redraw("ch02-vae", &fingerprint, |dir| BOOK.draw(dir));
    assert_eq!(record.configs["vowels"], serde_json::to_value(Config::book(Data::Vowels)).unwrap());
}

fn measured(outcome: &Outcome) -> Measured {
    outcome.measure().unwrap()
}

fn scalar(tensor: candle_core::Result<Tensor>) -> f32 {
    tensor.unwrap().to_scalar().unwrap()
}

/// 画像ごとの違いの大きさ (画素ごとに画像の間で標準偏差を取り、平均したもの)。
fn variety(images: &Tensor) -> f32 {
    let mean = images.mean_keepdim(0).unwrap();
    let squares = images.broadcast_sub(&mean).unwrap().sqr().unwrap();
    scalar(squares.mean(0).unwrap().sqrt().unwrap().mean_all())
}

/// 再構成がどれだけ入力を反映しているか。1 なら入力と同じだけ変わり、0 なら入力によらず同じ絵になる。
fn faithfulness(outcome: &Outcome) -> f32 {
    let x = &outcome.trained.dataset.held_out.x;
    variety(&outcome.trained.vae.reconstruct(x).unwrap()) / variety(x)
}

/// β = `beta` の学習。
fn swept(book: &Book, beta: f64) -> &Outcome {
    &book.sweep[BETAS.iter().position(|&known| known == beta).unwrap()]
}

/// 学習が進むと、再構成誤差は下がり、KL は上がる。
#[test]
fn reconstruction_falls_while_kl_rises() {
    reconstruction_falls_while_kl_rises_in(&BOOK);
}

fn reconstruction_falls_while_kl_rises_in(book: &Book) {
    for outcome in [&book.vowels, &book.hiragana, &book.digits] {
        let history = &outcome.trained.history;
        let early = |column| {
            let series = &history.series(column)[50..150];
            series.iter().map(|point| point.1).sum::<f64>() / 100.
        };
        let late = |column| history.tail_mean(column, 100);
        assert!(late("recon") < early("recon") - 3.);
        assert!(late("KL") > early("KL") + 1.);
    }
}

/// N(0, I) から作った標本は、VAE のほうがオートエンコーダよりずっと本物に近い。
#[test]
fn vae_samples_beat_autoencoder_samples() {
    vae_samples_beat_autoencoder_samples_in(&BOOK);
}

fn vae_samples_beat_autoencoder_samples_in(book: &Book) {
    for (vae, autoencoder) in [
        (&book.vowels, &book.vowels_ae),
        (&book.hiragana, &book.hiragana_ae),
        (&book.digits, &book.digits_ae),
    ] {
        let (vae, autoencoder) = (measured(vae), measured(autoencoder));
        // 再構成はオートエンコーダのほうが良いのに、N(0, I) からの標本は VAE のほうがずっと本物に近い。
        assert!(autoencoder.reconstruction < vae.reconstruction + 0.5);
        assert!(
            vae.distance * 2. < autoencoder.distance,
            "VAE {}、オートエンコーダ {}",
            vae.distance,
            autoencoder.distance
        );
    }
}

/// VAE の潜在変数は N(0, I) に重なり、オートエンコーダの潜在変数は外へ広がる。
#[test]
fn vae_codes_fill_the_prior_but_autoencoder_codes_do_not() {
    vae_codes_fill_the_prior_but_autoencoder_codes_do_not_in(&BOOK);
}

fn vae_codes_fill_the_prior_but_autoencoder_codes_do_not_in(book: &Book) {
    for (vae, autoencoder) in [(&book.vowels, &book.vowels_ae), (&book.digits, &book.digits_ae)] {
        let (mean, deviation) = vae.spread_of_codes().unwrap();
        assert!(mean < 0.3 && (0.8..1.25).contains(&deviation), "{mean} {deviation}");
        let (_, deviation) = autoencoder.spread_of_codes().unwrap();
        assert!(deviation > 2., "{deviation}");
    }
}

/// ラベルを使わなくても、同じ字の潜在変数は近くに集まる。
#[test]
fn same_letters_gather_without_labels() {
    same_letters_gather_without_labels_in(&BOOK);
}

fn same_letters_gather_without_labels_in(book: &Book) {
    // でたらめな並びなら、字は 20 %、数字は 10 % しか当たらない。
    for (outcome, share) in [(&book.vowels, 0.7), (&book.digits, 0.6)] {
        let agree = outcome.neighbours_agree().unwrap();
        assert!(agree > share, "{agree}");
    }
}

#[test]
fn sixteen_dimensions_reconstruct_better_than_two() {
    sixteen_dimensions_reconstruct_better_than_two_in(&BOOK);
}

fn sixteen_dimensions_reconstruct_better_than_two_in(book: &Book) {
    let (two, sixteen) = (measured(&book.vowels_ae), measured(&book.plain));
    assert!(sixteen.reconstruction < two.reconstruction - 4.);
}

/// 再構成は、入力よりも輪郭がぼやけている。
#[test]
fn reconstructions_are_blurrier_than_the_inputs() {
    reconstructions_are_blurrier_than_the_inputs_in(&BOOK);
}

fn reconstructions_are_blurrier_than_the_inputs_in(book: &Book) {
    // 隣り合う画素の差が小さいほど、輪郭がぼやけている。
    let sharpness = |images: &Tensor| {
        let images = images.reshape(((), 16, 16)).unwrap();
        let (left, right) = (images.narrow(2, 0, 15).unwrap(), images.narrow(2, 1, 15).unwrap());
        scalar((left - right).unwrap().abs().unwrap().mean_all())
    };
    let trained = &book.hiragana.trained;
    let x = &trained.dataset.held_out.x;
    let (input, output) = (sharpness(x), sharpness(&trained.vae.reconstruct(x).unwrap()));
    assert!(output < 0.85 * input, "入力 {input}、再構成 {output}");
}

/// β = 0 は再構成がいちばん良いが、標本は間の β より本物から遠い。
#[test]
fn beta_zero_reconstructs_best_but_samples_worse() {
    beta_zero_reconstructs_best_but_samples_worse_in(&BOOK);
}

fn beta_zero_reconstructs_best_but_samples_worse_in(book: &Book) {
    let all: Vec<Measured> = book.sweep.iter().map(measured).collect();
    for pair in all.windows(2) {
        assert!(pair[0].reconstruction < pair[1].reconstruction + 0.5);
        assert!(pair[0].kl > pair[1].kl - 0.05);
    }
    let at = |beta| measured(swept(book, beta));
    assert!(at(0.).reconstruction < at(1.).reconstruction - 4.);
    // 標本は、間の β がいちばん良い。
    for beta in [0.1, 0.3, 1.] {
        assert!(at(beta).distance * 2. < at(0.).distance.min(at(30.).distance));
    }
}

/// β = 30 では KL がほぼ 0 になり、働いている潜在変数の次元が無くなる。
#[test]
fn large_beta_collapses_the_posterior() {
    large_beta_collapses_the_posterior_in(&BOOK);
}

fn large_beta_collapses_the_posterior_in(book: &Book) {
    let (collapsed, standard) = (measured(swept(book, 30.)), measured(swept(book, 1.)));
    assert!(collapsed.kl < 0.1 && collapsed.active == 0, "{}", collapsed.kl);
    assert!(standard.kl > 3. && standard.active >= 3, "{}", standard.kl);
}

/// β を大きくしすぎると、再構成は入力によらず、ほぼ同じ絵になる。
#[test]
fn collapsed_reconstructions_ignore_the_input() {
    collapsed_reconstructions_ignore_the_input_in(&BOOK);
}

fn collapsed_reconstructions_ignore_the_input_in(book: &Book) {
    let (collapsed, standard) = (faithfulness(swept(book, 30.)), faithfulness(swept(book, 1.)));
    assert!(collapsed < 0.05 && standard > 0.5, "{collapsed} {standard}");
}

/// 再パラメータ化を外して学習すると、再構成は入力によらず、ほぼ同じ絵になる。
#[test]
fn without_reparameterization_reconstructions_ignore_the_input() {
    without_reparameterization_reconstructions_ignore_the_input_in(&BOOK);
}

fn without_reparameterization_reconstructions_ignore_the_input_in(book: &Book) {
    let (broken, standard) = (faithfulness(&book.broken), faithfulness(&book.vowels));
    assert!(broken < 0.05 && standard > 0.5, "{broken} {standard}");
    // KL だけがエンコーダを動かすので、どの画像にも N(0, I) を答えるようになる。
    assert!(measured(&book.broken).kl < 0.1);
    // 届いた勾配は、学習の間ずっと、ちょうど 0 だった。
    assert!(book.broken.recorder.gradients.iter().all(|&(_, gradient)| gradient == 0.));
    assert!(book.vowels.recorder.gradients.iter().all(|&(_, gradient)| gradient > 0.));
}

/// いちばん近い学習用の画像までの距離の平均。
fn distance_to_real(images: &Tensor, real: &Tensor) -> f32 {
    let squares = |x: &Tensor| x.sqr().unwrap().sum_keepdim(1).unwrap();
    let cross = images.matmul(&real.t().unwrap()).unwrap().affine(-2., 0.).unwrap();
    let squared = cross.broadcast_add(&squares(images)).unwrap();
    let squared = squared.broadcast_add(&squares(real).t().unwrap()).unwrap();
    scalar(squared.min(1).unwrap().relu().unwrap().sqrt().unwrap().mean_all())
}

/// 潜在変数の中点から作った絵は、画素を混ぜた絵よりも本物に近い。
#[test]
fn interpolation_beats_mixing_pixels() {
    interpolation_beats_mixing_pixels_in(&BOOK);
}

fn interpolation_beats_mixing_pixels_in(book: &Book) {
    let trained = &book.hiragana.trained;
    let (train, a) = (&trained.dataset.train.x, &trained.dataset.held_out.x);
    // 違う字どうしを組にする。
    let n = a.dim(0).unwrap() as u32;
    let partner: Vec<u32> = (0..n).map(|i| (i * 577 + 301) % n).collect();
    let b = a.index_select(&Tensor::new(partner, a.device()).unwrap(), 0).unwrap();
    let middle = |a: &Tensor, b: &Tensor| ((a + b).unwrap() / 2.).unwrap();
    let code = |x: &Tensor| trained.vae.encoder.forward(x).unwrap().mean().clone();
    let latent = trained.vae.decoder.images(&middle(&code(a), &code(&b))).unwrap();
    let (latent, pixels) =
        (distance_to_real(&latent, train), distance_to_real(&middle(a, &b), train));
    assert!(latent < 0.92 * pixels, "潜在変数の中点 {latent}、画素の中点 {pixels}");
}

/// デノイジングオートエンコーダは、汚した画像の誤差を 3 分の 1 より小さくする。
#[test]
fn denoising_removes_the_noise() {
    denoising_removes_the_noise_in(&BOOK);
}

fn denoising_removes_the_noise_in(book: &Book) {
    let [before, after, plain] = book.denoising_errors().unwrap();
    assert!(after < before / 3., "汚した入力 {before}、出力 {after}");
    assert!(after < 0.9 * plain, "デノイジング {after}、汚れを知らない AE {plain}");
}

/// 動かせる図に載せた重みは、学習したデコーダと同じ絵を描く。
#[test]
fn explorer_weights_reproduce_the_decoder() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("latent.js");
    Explorer::new(&BOOK.vowels.trained, &BOOK.vowels_ae.trained).unwrap().write(&path).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 150_000);
    let explorer = Explorer::read(&path).unwrap();
    assert_eq!(explorer.models.len(), 2);
    for model in &explorer.models {
        assert_eq!(model.points.len(), 360);
        for check in &model.checks {
            let mut x = check.z.to_vec();
            for (depth, layer) in model.layers.iter().enumerate() {
                let rounded = BASE64_STANDARD.decode(&layer.weights).unwrap();
                let rounded: Vec<i16> =
                    rounded.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
                let rows = rounded.chunks_exact(layer.inputs).zip(&layer.scales).zip(&layer.biases);
                let sums = rows.map(|((row, scale), bias)| {
                    let products = row.iter().zip(&x).map(|(&w, x)| f32::from(w) * scale * x);
                    products.sum::<f32>() + bias
                });
                let last = depth + 1 == model.layers.len();
                x = sums.map(|v| if last { 1. / (1. + (-v).exp()) } else { v.max(0.) }).collect();
            }
            assert_eq!(x.len(), 256);
            for (rounded, exact) in x.iter().zip(&check.pixels) {
                assert!((rounded - exact).abs() < 0.005, "{rounded} と {exact}");
            }
        }
    }
}

#[test]
#[ignore = "10 個の種で、すべての実験を学習します (数分)"]
fn claims_hold_for_ten_seeds() {
    for seed in 0..10 {
        let book = common::nn::run(|| Book::train(seed, true, &|_| Ok(()))).unwrap();
        println!("種 {seed}");
        reconstruction_falls_while_kl_rises_in(&book);
        vae_samples_beat_autoencoder_samples_in(&book);
        vae_codes_fill_the_prior_but_autoencoder_codes_do_not_in(&book);
        same_letters_gather_without_labels_in(&book);
        sixteen_dimensions_reconstruct_better_than_two_in(&book);
        reconstructions_are_blurrier_than_the_inputs_in(&book);
        beta_zero_reconstructs_best_but_samples_worse_in(&book);
        large_beta_collapses_the_posterior_in(&book);
        collapsed_reconstructions_ignore_the_input_in(&book);
        without_reparameterization_reconstructions_ignore_the_input_in(&book);
        interpolation_beats_mixing_pixels_in(&book);
        denoising_removes_the_noise_in(&book);
    }
}
