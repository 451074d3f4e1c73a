//! 本のページの「潜在変数を動かす」図に渡すデータ。
//!
//! ページの中では、学習したデコーダを JavaScript が計算します (`book/theme/latent.js`)。
//! 重みは 16 ビットの整数に丸め、行ごとの倍率を添えます。`file://` で開いた本は JSON を読めないので、
//! 変数に代入するだけの JavaScript として書きます。

use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use tools::plot::color;

use crate::train::{Trained, Vae};

/// JSON の前に置く、JavaScript の代入。
const ASSIGNMENT: &str = "window.workbookLatent = ";

/// ファイル全体。
#[derive(Debug, Serialize, Deserialize)]
pub struct Explorer {
    /// 画像の一辺の画素数。
    pub side: usize,
    /// 種類の名前と、地図と同じ色 (#rrggbb)。
    pub labels: Vec<(char, String)>,
    pub models: Vec<Model>,
}

/// 1 つのデコーダ。
#[derive(Debug, Serialize, Deserialize)]
pub struct Model {
    pub name: String,
    /// 平面の見える範囲は [-extent, extent] です。
    pub extent: f32,
    pub layers: Vec<Layer>,
    /// データの位置 (z1, z2) と、`labels` の何番目の種類か。
    pub points: Vec<(f32, f32, usize)>,
    /// Rust のデコーダが出した答え。ページの計算を、試験がこれと比べます。
    pub checks: Vec<Check>,
}

/// 全結合層 y = W·x + b。最後の層のほかは、続けて ReLU を通します。
#[derive(Debug, Serialize, Deserialize)]
pub struct Layer {
    pub inputs: usize,
    /// 丸めた重み (i16、リトルエンディアン、行順) の Base64。
    pub weights: String,
    /// 行ごとの倍率。重み = 丸めた重み × 倍率。
    pub scales: Vec<f32>,
    pub biases: Vec<f32>,
}

/// ある z での、画素ごとの墨の確率。
#[derive(Debug, Serialize, Deserialize)]
pub struct Check {
    pub z: [f32; 2],
    pub pixels: Vec<f32>,
}

impl Explorer {
    /// 2 次元の潜在変数を学習した VAE とオートエンコーダから作ります。
    pub fn new(vae: &Trained, autoencoder: &Trained) -> Result<Self> {
        let mut labels = vae.dataset.held_out.labels.clone();
        labels.sort();
        labels.dedup();
        let models = [("VAE", vae), ("オートエンコーダ", autoencoder)]
            .map(|(name, trained)| Model::new(name, trained, &labels));
        let hex = |class: usize| {
            let color::RGBColor(r, g, b) = color::CLASSES[class % color::CLASSES.len()];
            format!("#{r:02x}{g:02x}{b:02x}")
        };
        Ok(Self {
            side: vae.config.size,
            models: models.into_iter().collect::<Result<_>>()?,
            labels: labels.into_iter().enumerate().map(|(at, c)| (c, hex(at))).collect(),
        })
    }

    /// `path` に書きます。
    pub fn write(&self, path: &Path) -> Result<()> {
        let json = serde_json::to_string(self)?.replace("},{", "},\n{");
        let text = format!(
            "// cargo test -p ch02-vae が書いたファイルです。手では直しません。\n{ASSIGNMENT}{json};\n"
        );
        tools::files::write(path, text.as_bytes())
    }

    /// 書いたものを読み戻します。
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{shown} を読めません"))?;
        let json = text.split_once(ASSIGNMENT).map(|(_, rest)| rest.trim_end_matches(";\n"));
        serde_json::from_str(json.unwrap_or_default())
            .with_context(|| format!("{shown} は潜在平面のデータではありません"))
    }
}

impl Model {
    fn new(name: &str, trained: &Trained, labels: &[char]) -> Result<Self> {
        const POINTS: usize = 360;
        ensure!(
            trained.config.z_dim == 2,
            "潜在平面の図を作れるのは --z-dim 2 のときだけです ({} でした)",
            trained.config.z_dim
        );
        let held_out = &trained.dataset.held_out;
        let x = held_out.x.narrow(0, 0, POINTS.min(held_out.labels.len()))?;
        let points = trained.vae.encoder.forward(&x)?.mean().to_vec2::<f32>()?;
        let extent = extent(&points);
        let place = |(z, label): (&Vec<f32>, &char)| {
            let class = labels.iter().position(|known| known == label).unwrap_or_default();
            (round(z[0], 100.), round(z[1], 100.), class)
        };
        let points = points.iter().zip(&held_out.labels).map(place).collect();
        let checks = [[0., 0.], [0.5, -0.75], [-0.8, 0.3]].map(|[a, b]| {
            let z = [a * extent, b * extent];
            let pixels = trained.vae.decoder.images(&Tensor::new(&[z], &Device::Cpu)?)?;
            let ink = pixels.affine(0.5, 0.5)?.flatten_all()?.to_vec1::<f32>()?;
            Ok(Check { z, pixels: ink.iter().map(|&ink| round(ink, 10_000.)).collect() })
        });
        Ok(Self {
            name: name.to_string(),
            extent,
            layers: layers(&trained.vae)?,
            points,
            checks: checks.into_iter().collect::<Result<_>>()?,
        })
    }
}

/// 点がおよそ収まる、切りのよい範囲。事前分布の 3σ は必ず含めます。
pub fn extent(points: &[Vec<f32>]) -> f32 {
    let mut reach: Vec<f32> = points.iter().flatten().map(|v| v.abs()).collect();
    reach.sort_by(f32::total_cmp);
    // 飛び離れたわずかな点のために、全体が小さくなるのを避ける。
    let most = reach.get(reach.len() * 98 / 100).copied().unwrap_or_default();
    most.ceil().max(3.)
}

/// デコーダの重みを、入力に近い層から順に丸めます。
fn layers(vae: &Vae) -> Result<Vec<Layer>> {
    let named = vae.variables.named("decoder");
    let tensors: Vec<_> = named.iter().map(|(_, var)| var.as_tensor()).collect();
    tensors.chunks_exact(2).map(|pair| layer(pair[0], pair[1])).collect()
}

fn layer(weight: &Tensor, bias: &Tensor) -> Result<Layer> {
    let rows = weight.to_vec2::<f32>()?;
    let mut bytes = Vec::with_capacity(2 * weight.elem_count());
    let mut scales = Vec::with_capacity(rows.len());
    for row in &rows {
        let most = row.iter().fold(f32::MIN_POSITIVE, |most, w| most.max(w.abs()));
        let scale = significant(most / 32_767.);
        bytes.extend(row.iter().flat_map(|w| ((w / scale).round() as i16).to_le_bytes()));
        scales.push(scale);
    }
    Ok(Layer {
        inputs: weight.dim(1)?,
        weights: BASE64_STANDARD.encode(bytes),
        scales,
        biases: bias.to_vec1::<f32>()?.iter().map(|&b| round(b, 10_000.)).collect(),
    })
}

fn round(value: f32, steps: f32) -> f32 {
    (value * steps).round() / steps
}

/// 有効数字 5 桁。
fn significant(value: f32) -> f32 {
    format!("{value:.4e}").parse().unwrap_or(value)
}
