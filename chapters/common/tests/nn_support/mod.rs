//! 検査の下請け: 決まった乱数、値の比較、有限差分。

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use common::nn::Activation;

pub const ACTIVATIONS: [Activation; 5] = [
    Activation::None,
    Activation::Relu,
    Activation::LeakyRelu(0.2),
    Activation::Tanh,
    Activation::Sigmoid,
];

/// 種ごとに決まる、-1〜1 の一様乱数。
pub fn random(seed: u64, dims: &[usize]) -> Tensor {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1;
    let values: Vec<f32> = (0..dims.iter().product())
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

pub fn var(seed: u64, dims: &[usize]) -> Var {
    Var::from_tensor(&random(seed, dims)).unwrap()
}

pub fn values(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

pub fn bits(t: &Tensor) -> Vec<u32> {
    values(t).iter().map(|x| x.to_bits()).collect()
}

/// 2 つのテンソルの最大の差が、大きい方の絶対値の最大の `tolerance` 倍以下であること。
#[track_caller]
pub fn assert_close(what: &str, a: &Tensor, b: &Tensor, tolerance: f32) {
    assert_eq!(a.dims(), b.dims(), "{what}: 形が違う");
    let (a, b) = (values(a), values(b));
    let scale = a.iter().chain(&b).fold(1e-3f32, |m, x| m.max(x.abs()));
    for (i, (a, b)) in a.iter().zip(&b).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}: {i} 番目が {a} と {b}");
    }
}

/// スカラー `f(inputs)` の勾配を、入力のすべての要素について中心差分と比べる。
///
/// ReLU や絶対値の折れ目をまたぐ要素では、差分そのものが歩幅によって変わる。そこは比べないが、4 分の 1 までしか許さない。
#[track_caller]
pub fn check_gradients(what: &str, inputs: &[Var], f: impl Fn() -> Result<Tensor>) {
    let grads = f().unwrap().backward().unwrap();
    for (n, input) in inputs.iter().enumerate() {
        let grad =
            values(grads.get(input).unwrap_or_else(|| panic!("{what}: 入力 {n} の勾配が無い")));
        let original = values(input);
        let scale = grad.iter().fold(1e-2f32, |m, g| m.max(g.abs()));
        let mut kinks = 0;
        for i in 0..original.len() {
            let slope = |step: f32| {
                let at = |delta: f32| {
                    let mut moved = original.clone();
                    moved[i] += delta;
                    input
                        .set(&Tensor::from_vec(moved, input.dims(), &Device::Cpu).unwrap())
                        .unwrap();
                    f64::from(f().unwrap().to_scalar::<f32>().unwrap())
                };
                ((at(step) - at(-step)) / f64::from(2.0 * step)) as f32
            };
            let (wide, narrow) = (slope(4e-3), slope(2e-3));
            if (wide - narrow).abs() > 1e-2 * scale {
                kinks += 1;
            } else {
                let error = (grad[i] - wide).abs() / scale;
                assert!(
                    error < 2e-2,
                    "{what}: 入力 {n} の {i} 番目の勾配が {}、差分が {wide}",
                    grad[i]
                );
            }
        }
        assert!(
            kinks * 4 <= original.len().max(4),
            "{what}: 入力 {n} で比べられない要素が {kinks} 個"
        );
        input.set(&Tensor::from_vec(original, input.dims(), &Device::Cpu).unwrap()).unwrap();
    }
}

/// 名前の順に、決まった乱数で埋めた変数。
pub fn seeded(vars: &VarMap) -> Vec<Var> {
    let data = vars.data().lock().unwrap();
    let mut names: Vec<_> = data.keys().collect();
    names.sort();
    let fill = |(i, name): (usize, &&String)| {
        let var = data[*name].clone();
        var.set(&random(1000 + i as u64, var.dims()).affine(0.5, 0.0).unwrap()).unwrap();
        var
    };
    names.iter().enumerate().map(fill).collect()
}

/// 出力に決まった重みを掛けて足し、どの要素の勾配も違う値になるスカラーにする。
pub fn weighted_sum(y: &Tensor) -> Result<Tensor> {
    (y * random(99, y.dims()))?.sum_all()
}

pub fn candle_activation(x: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::None => Ok(x.clone()),
        Activation::Relu => x.relu(),
        Activation::LeakyRelu(slope) => candle_nn::ops::leaky_relu(x, slope),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => candle_nn::ops::sigmoid(x),
    }
}

pub fn builder(vars: &VarMap) -> VarBuilder<'static> {
    VarBuilder::from_varmap(vars, DType::F32, &Device::Cpu)
}
