//! 本の設定で学習し、図を書き、学習してみなければ分からない主張を確かめます。

#[path = "../../tools/tests/chapter/mod.rs"]
mod chapter;

use std::cell::Cell;
use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use candle_core::Tensor;
use ch02_vae::book::{self, Book, Measured, Outcome, Pair, TRAVERSED};
use ch02_vae::config::{Config, Data};
use ch02_vae::explorer::Explorer;
use ch02_vae::figures::USED;

static BOOK: LazyLock<Book> = LazyLock::new(|| train(|config| config));

thread_local! {
    static SUBJECT: Cell<Option<&'static Book>> = const { Cell::new(None) };
}

/// 主張を確かめる相手。種を変える試験と監査が、別の本に替えます。
fn book() -> &'static Book {
    SUBJECT.get().unwrap_or_else(|| &BOOK)
}

fn train(change: impl Fn(Config) -> Config + Sync + Send) -> Book {
    common::nn::run(|| Book::train(change, true, &|_| Ok(()))).unwrap()
}

/// 学習してみなければ分からない主張。
const CLAIMS: &[(&str, fn())] = chapter::claims![
    reconstruction_falls_while_kl_rises,
    vae_samples_beat_autoencoder_samples,
    vae_codes_fill_the_prior_but_autoencoder_codes_do_not,
    same_letters_gather_without_labels,
    sixteen_dimensions_reconstruct_better_than_two,
    a_fitted_density_mends_the_autoencoder_samples,
    only_the_used_dimensions_move_the_picture,
    reconstructions_are_blurrier_than_the_inputs,
    beta_zero_reconstructs_best_but_samples_worse,
    large_beta_collapses_the_posterior,
    collapsed_reconstructions_ignore_the_input,
    without_reparameterization_reconstructions_ignore_the_input,
    interpolation_beats_mixing_pixels,
    denoising_removes_the_noise,
];

#[test]
fn figures_are_written() {
    let fingerprint = book::fingerprint();
    let record =
        chapter::redraw_with_answers("ch02-vae", &fingerprint, |dir| BOOK.draw(dir), book::answers);
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

/// 学習が進むと、再構成誤差は下がり、KL は上がる。
#[test]
fn reconstruction_falls_while_kl_rises() {
    let book = book();
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

/// 再構成はオートエンコーダのほうが良いのに、標準正規分布から作った絵は VAE のほうがずっと本物に近い。
#[test]
fn vae_samples_beat_autoencoder_samples() {
    for Pair { vae, autoencoder, .. } in book().pairs() {
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

/// 潜在変数の平均と広がりは、VAE では標準正規分布と合い、オートエンコーダでは合わない。
#[test]
fn vae_codes_fill_the_prior_but_autoencoder_codes_do_not() {
    let book = book();
    for (vae, autoencoder) in [(&book.vowels, &book.vowels_ae), (&book.digits, &book.digits_ae)] {
        let (mean, deviation) = vae.spread_of_codes().unwrap();
        assert!(mean < 0.3 && (0.8..1.25).contains(&deviation), "{mean} {deviation}");
        let (_, deviation) = autoencoder.spread_of_codes().unwrap();
        assert!(deviation > 2., "{deviation}");
    }
}

/// ラベルを使わずに学んでも、潜在空間では同じ文字が集まる。
#[test]
fn same_letters_gather_without_labels() {
    let book = book();
    // でたらめな並びなら、字は 20 %、数字は 10 % しか当たらない。
    for (outcome, share) in [(&book.vowels, 0.7), (&book.digits, 0.6)] {
        let agree = outcome.neighbours_agree().unwrap();
        assert!(agree > share, "{agree}");
    }
}

/// 次元だけを 2 から 16 に増やすと、再構成が良くなる。
#[test]
fn sixteen_dimensions_reconstruct_better_than_two() {
    let book = book();
    // 次元のほかは、同じ設定で学習した。
    let (two, sixteen) = (measured(&book.vowels), measured(&book.sixteen));
    assert!(sixteen.reconstruction < two.reconstruction - 1.);
}

/// 潜在変数に分布を当てはめて引けば、オートエンコーダの生成は大きく良くなる。
#[test]
fn a_fitted_density_mends_the_autoencoder_samples() {
    for Pair { name, autoencoder, fitted, .. } in book().pairs() {
        let plain = autoencoder.distance().unwrap();
        let [gaussian, mixture] =
            [&fitted.gaussian, &fitted.mixture].map(|made| autoencoder.distance_of(made).unwrap());
        assert!(
            gaussian < plain / 2. && mixture < plain / 4.,
            "{name}: {plain} {gaussian} {mixture}"
        );
    }
}

/// 使われている次元を動かすと絵が変わり、使われていない次元を動かしても変わらない。
#[test]
fn only_the_used_dimensions_move_the_picture() {
    let trained = &book().swept(TRAVERSED).trained;
    let kl = trained.held_out_kl_per_dim().unwrap();
    let moved = |dim: usize| {
        let ends = [-2f32, 2.].map(|at| {
            let z: Vec<f32> = (0..kl.len()).map(|d| if d == dim { at } else { 0. }).collect();
            let z = Tensor::new(&z[..], trained.dataset.held_out.x.device()).unwrap();
            trained.vae.decoder.images(&z.unsqueeze(0).unwrap()).unwrap()
        });
        scalar((&ends[0] - &ends[1]).unwrap().abs().unwrap().mean_all())
    };
    let of = |used: bool| -> Vec<f32> {
        (0..kl.len()).filter(|&dim| (kl[dim] > USED) == used).map(moved).collect()
    };
    let (used, unused) = (of(true), of(false));
    let least = used.iter().copied().fold(f32::INFINITY, f32::min);
    let most = unused.iter().copied().fold(0., f32::max);
    assert!(used.len() >= 2 && !unused.is_empty() && least > 4. * most, "{used:?} {unused:?}");
}

/// 再構成は、入力ごとの違いを写しながら、輪郭が入力よりぼやける。
#[test]
fn reconstructions_are_blurrier_than_the_inputs() {
    let book = book();
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
    // どの入力にも同じ灰色を返しているのではない。入力ごとの違いは写している。
    let faithful = faithfulness(&book.hiragana);
    assert!(faithful > 0.6, "{faithful}");
}

/// β = 0 では再構成がいちばん良く、標準正規分布からの生成は、間の β より悪い。
#[test]
fn beta_zero_reconstructs_best_but_samples_worse() {
    let book = book();
    let all: Vec<Measured> = book.sweep.iter().map(measured).collect();
    for pair in all.windows(2) {
        assert!(pair[0].reconstruction < pair[1].reconstruction + 0.5);
        assert!(pair[0].kl > pair[1].kl - 0.05);
    }
    let at = |beta| measured(book.swept(beta));
    assert!(at(0.).reconstruction < at(1.).reconstruction - 4.);
    // 標本は、間の β がいちばん良い。
    for beta in [0.1, 0.3, 1.] {
        assert!(at(beta).distance * 2. < at(0.).distance.min(at(30.).distance));
    }
}

/// β = 30 では KL がほぼ 0 になり、使われる次元が無くなる。
#[test]
fn large_beta_collapses_the_posterior() {
    let book = book();
    let (collapsed, standard) = (measured(book.swept(30.)), measured(book.swept(1.)));
    assert!(collapsed.kl < 0.1 && collapsed.active == 0, "{}", collapsed.kl);
    assert!(standard.kl > 3. && standard.active >= 3, "{}", standard.kl);
}

/// 事後崩壊した VAE は、どの入力にもほとんど同じ絵を返す。
#[test]
fn collapsed_reconstructions_ignore_the_input() {
    let book = book();
    let (collapsed, standard) = (faithfulness(book.swept(30.)), faithfulness(book.swept(1.)));
    assert!(collapsed < 0.05 && standard > 0.5, "{collapsed} {standard}");
}

/// 再パラメータ化をしないと、エンコーダに再構成の勾配が届かず、どの入力にも同じ絵を返す。
#[test]
fn without_reparameterization_reconstructions_ignore_the_input() {
    let book = book();
    let (broken, standard) = (faithfulness(&book.broken), faithfulness(&book.vowels));
    assert!(broken < 0.05 && standard > 0.5, "{broken} {standard}");
    // KL だけがエンコーダを動かすので、どの画像にも N(0, I) を答えるようになる。
    assert!(measured(&book.broken).kl < 0.1);
    let times = [&book.broken, &book.vowels].map(|outcome| outcome.recorder.gradients.len());
    assert!(times.iter().all(|&count| count >= 50), "{times:?}");
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

/// 潜在変数の中点から作った絵は、画素を混ぜた絵より、本物の文字に近い。
#[test]
fn interpolation_beats_mixing_pixels() {
    let book = book();
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

/// デノイジングオートエンコーダは、汚れを知らないものより、元の絵の近くに戻す。
#[test]
fn denoising_removes_the_noise() {
    let book = book();
    let [before, after, plain] = book.denoising_errors().unwrap();
    assert!(after < before / 3., "汚した入力 {before}、出力 {after}");
    assert!(after < 0.9 * plain, "デノイジング {after}、汚れを知らない AE {plain}");
}

/// ページに入れた重みは、学習したデコーダと同じ絵を描く。
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
    chapter::over_seeds(CLAIMS, |seed| {
        let book = train(|config| Config { seed, ..config });
        SUBJECT.set(Some(Box::leak(Box::new(book))));
    });
}

#[test]
#[ignore = "学習していないモデルで、すべての主張を試します (数十秒)"]
fn claims_die_on_a_dead_model() {
    let dead = train(|config| Config { lr: 0., ..config });
    SUBJECT.set(Some(Box::leak(Box::new(dead))));
    let structure: &[(&str, &[&str])] = &[
        ("図を書くだけで、何も主張しない", &["figures_are_written"]),
        ("どんな重みでも、丸めて運べるかを見る", &["explorer_weights_reproduce_the_decoder"]),
    ];
    chapter::audit(include_str!("book.rs"), CLAIMS, structure);
}
