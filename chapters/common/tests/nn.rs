//! `common::nn` の検査。
//!
//! 値は candle 自身の演算か、テストの中の素朴なループと比べる。勾配は、すべての入力について有限差分と比べる。

mod nn_support;

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{Init, Module, ModuleT, VarMap};
use common::nn::{
    self, Activation, Adam, AdamConfig, BatchNorm2d, Conv2d, ConvConfig, ConvTranspose2d,
    InstanceNorm2d, Linear,
};
use nn_support::{
    ACTIVATIONS, assert_close, bits, builder, candle_activation, check_gradients, random, seeded,
    values, var, weighted_sum,
};

/// この本の全結合層の値と勾配が、candle の計算と一致する。
#[test]
fn linear_agrees_with_candle() -> Result<()> {
    for activation in ACTIVATIONS {
        for (rows, inputs, outputs) in [(1, 1, 1), (3, 5, 7), (1, 784, 20), (128, 20, 33)] {
            let vars = VarMap::new();
            let layer = Linear::new(inputs, outputs, activation, builder(&vars))?;
            // 同じ名前・同じ形なので、candle の層をそのまま同じ変数の上に作れる。
            let plain = candle_nn::linear(inputs, outputs, builder(&vars))?;
            let x = var(1, &[rows, inputs]);
            let (ours, theirs) =
                (layer.forward(&x)?, candle_activation(&plain.forward(&x)?, activation)?);
            assert_close("出力", &ours, &theirs, 2e-5);
            let (g, h) = (weighted_sum(&ours)?.backward()?, weighted_sum(&theirs)?.backward()?);
            for v in [plain.weight(), plain.bias().unwrap(), &x] {
                assert_close("勾配", g.get(v).unwrap(), h.get(v).unwrap(), 2e-5);
            }
        }
    }
    Ok(())
}

/// 全結合層の勾配が、値を少し動かして測った傾きと一致する。
#[test]
fn linear_gradients_match_finite_differences() -> Result<()> {
    for activation in ACTIVATIONS {
        let vars = VarMap::new();
        let layer = Linear::new(3, 4, activation, builder(&vars))?;
        let mut inputs = seeded(&vars);
        inputs.push(var(3, &[2, 5, 3]));
        let x = inputs[2].clone();
        check_gradients("Linear", &inputs, || weighted_sum(&layer.forward(&x)?));
    }
    Ok(())
}

#[test]
fn linear_takes_non_contiguous_inputs() -> Result<()> {
    let vars = VarMap::new();
    let layer = Linear::new(3, 4, Activation::Tanh, builder(&vars))?;
    seeded(&vars);
    let x = var(3, &[3, 5]);
    let (a, b) = (layer.forward(&x.t()?)?, layer.forward(&x.t()?.contiguous()?)?);
    assert_eq!(bits(&a), bits(&b));
    check_gradients("転置した入力", std::slice::from_ref(&x), || {
        weighted_sum(&layer.forward(&x.t()?)?)
    });
    Ok(())
}

#[test]
fn linear_starts_like_pytorch() -> Result<()> {
    let vars = common::seed::Seed(0).variables();
    Linear::new(100, 50, Activation::None, vars.builder("linear"))?;
    for v in vars.of("linear") {
        let largest = values(&v).iter().fold(0f32, |m, x| m.max(x.abs()));
        assert!(largest <= 0.1 && largest > 0.09, "±1/√100 の一様分布: 最大 {largest}");
    }
    let init = Init::Randn { mean: 0.0, stdev: 0.02 };
    let vars = VarMap::new();
    Linear::with_init(100, 50, Activation::None, init, Init::Const(0.0), builder(&vars))?;
    let data = vars.data().lock().unwrap();
    assert!(values(&data["bias"]).iter().all(|&b| b == 0.0));
    let mean_square = data["weight"].sqr()?.mean_all()?.to_scalar::<f32>()?;
    assert!((mean_square.sqrt() - 0.02).abs() < 0.002);
    Ok(())
}

/// 形の合わない入力は、どこが違うかを言って断る。
#[test]
fn bad_shapes_are_named() -> Result<()> {
    let vars = VarMap::new();
    let layer = Linear::new(3, 4, Activation::None, builder(&vars))?;
    let message = |r: Result<Tensor>| r.unwrap_err().to_string();
    let e = message(layer.forward(&random(1, &[2, 5])));
    assert!(e.contains("[2, 5]") && e.contains("[4, 3]"), "{e}");
    let e = message(layer.forward(&random(1, &[2, 3]).to_dtype(DType::F64)?));
    assert!(e.contains("F64"), "{e}");
    let e = message(nn::l1(&random(1, &[2, 3]), &random(1, &[3, 2])));
    assert!(e.contains("[2, 3]") && e.contains("[3, 2]"), "{e}");
    let e = message(nn::mse(&random(1, &[0, 3]), 0.0));
    assert!(e.contains("[0, 3]"), "{e}");
    let vars = VarMap::new();
    let e = Linear::new(3, 4, Activation::LeakyRelu(-0.1), builder(&vars)).unwrap_err().to_string();
    assert!(e.contains("-0.1"), "{e}");
    Ok(())
}

/// この本の損失の値と勾配が、candle の計算と一致する。
#[test]
fn losses_agree_with_candle() -> Result<()> {
    for dims in [&[1usize][..], &[3, 5], &[2, 3, 65, 67]] {
        let x = var(1, dims);
        let target = Var::from_tensor(&random(2, dims).affine(0.5, 0.5)?)?;
        let compare = |name: &str, ours: Tensor, theirs: Tensor, vars: &[&Var]| -> Result<()> {
            assert_close(name, &ours, &theirs, 2e-5);
            let (g, h) = (ours.backward()?, theirs.backward()?);
            for v in vars {
                assert_close(name, g.get(v).unwrap(), h.get(v).unwrap(), 2e-5);
            }
            Ok(())
        };
        let bce = candle_nn::loss::binary_cross_entropy_with_logit(&x, &target)?;
        compare("bce", nn::bce_with_logits(&x, target.as_tensor())?, bce, &[&x, &target])?;
        let l1 = (x.as_tensor() - target.as_tensor())?.abs()?.mean_all()?;
        compare("l1", nn::l1(&x, target.as_tensor())?, l1, &[&x, &target])?;
        let mse = candle_nn::loss::mse(&x, &target)?;
        compare("mse", nn::mse(&x, target.as_tensor())?, mse, &[&x, &target])?;
        // 数で渡した目標は、その数で埋めたテンソルと同じ。
        let ones = x.ones_like()?;
        let bce = candle_nn::loss::binary_cross_entropy_with_logit(&x, &ones)?;
        compare("bce(1)", nn::bce_with_logits(&x, 1.0)?, bce, &[&x])?;
        assert_eq!(bits(&nn::mse(&x, &ones)?), bits(&nn::mse(&x, 1.0f32)?));
    }
    Ok(())
}

/// 損失の勾配が、値を少し動かして測った傾きと一致する。
#[test]
fn losses_gradients_match_finite_differences() {
    let x = var(1, &[3, 4]);
    let t = Var::from_tensor(&random(2, &[3, 4]).affine(0.4, 0.5).unwrap()).unwrap();
    let both = [x.clone(), t.clone()];
    check_gradients("bce", &both, || nn::bce_with_logits(&x, t.as_tensor())?.affine(3.0, 0.0));
    check_gradients("l1", &both, || nn::l1(&x, t.as_tensor())?.affine(3.0, 0.0));
    check_gradients("mse", &both, || nn::mse(&x, t.as_tensor())?.affine(3.0, 0.0));
    check_gradients("bce(0)", &both[..1], || nn::bce_with_logits(&x, 0.0));
}

/// ロジットがどれだけ大きくても、損失は有限のままで、手計算と一致する。
///
/// 期待値は倍精度の log(1 + e^x) を手で計算したもの。x = ±100 では素朴な式は無限大か NaN になる。
#[test]
fn bce_is_finite_for_large_logits() -> Result<()> {
    for (x, target, expected) in [
        (0.0f32, 1.0, std::f64::consts::LN_2),
        (17.0, 0.0, 17.000_000_041_4),
        (-17.0, 0.0, 4.139_937_7e-8),
        (100.0, 0.0, 100.0),
        (-100.0, 1.0, 100.0),
        (100.0, 1.0, 0.0),
        (1e4, 0.0, 1e4),
        (2.0, 0.25, 1.626_928_011),
    ] {
        let logit = Var::new(&[x], &Device::Cpu)?;
        let loss = nn::bce_with_logits(&logit, target)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        assert!((value - expected).abs() <= 1e-6 * expected.max(1e-2), "x = {x}: {value}");
        let slope = values(loss.backward()?.get(&logit).unwrap())[0];
        let exact = 1.0 / (1.0 + (-f64::from(x)).exp()) - target;
        assert!((f64::from(slope) - exact).abs() < 1e-6, "x = {x}: 傾き {slope}");
    }
    Ok(())
}

/// 活性化関数の値が、倍精度の計算と一致する。
#[test]
fn activations_are_accurate() -> Result<()> {
    let vars = VarMap::new();
    let one = Init::Const(1.0);
    let xs: Vec<f32> = (-4000..=4000)
        .map(|i| i as f32 * 0.025)
        .chain([1e-8, -1e-6, 3e-4, 0.624_99, 0.625_01, 1e30, f32::INFINITY, f32::NEG_INFINITY])
        .collect();
    let x = Tensor::from_vec(xs.clone(), (xs.len(), 1), &Device::Cpu)?;
    for (activation, exact) in [
        (Activation::Tanh, f64::tanh as fn(f64) -> f64),
        (Activation::Sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
    ] {
        let layer = Linear::with_init(
            1,
            1,
            activation,
            one,
            Init::Const(0.0),
            builder(&vars).pp(format!("{activation:?}")),
        )?;
        for (&x, &y) in xs.iter().zip(&values(&layer.forward(&x)?)) {
            let exact = exact(f64::from(x));
            // tanh は 0 の近くでも相対誤差が小さく、sigmoid は 1e-37 より小さい値を 0 と区別しなくてよい。
            let tolerance = 3e-7 * exact.abs() + 1e-37;
            assert!(
                (f64::from(y) - exact).abs() <= tolerance,
                "{activation:?}({x}) = {y}, 正しくは {exact}"
            );
        }
    }
    let layer =
        Linear::with_init(1, 1, Activation::Tanh, one, Init::Const(0.0), builder(&vars).pp("nan"))?;
    assert!(values(&layer.forward(&Tensor::new(&[[f32::NAN]], &Device::Cpu)?)?)[0].is_nan());
    Ok(())
}

/// この本の Adam は、論文の Algorithm 1 を倍精度で計算した結果と一致する。
///
/// 論文の Algorithm 1 を倍精度でそのまま書き、学習率を途中で変えながら 20 歩比べる。
#[test]
fn adam_follows_the_paper() -> Result<()> {
    let config = AdamConfig { lr: 2e-3, beta1: 0.5, beta2: 0.999, eps: 1e-8 };
    let theta = var(1, &[37, 300]);
    let untouched = var(2, &[3]);
    let before = bits(&untouched);
    let mut adam = Adam::new(vec![theta.clone(), untouched.clone()], config)?;
    let mut expected: Vec<f64> = values(&theta).iter().map(|&x| x.into()).collect();
    let (mut m, mut v) = (vec![0.0; expected.len()], vec![0.0; expected.len()]);
    for t in 1..=20 {
        let lr = if t > 10 { 1e-3 } else { 2e-3 };
        adam.set_learning_rate(lr);
        assert_eq!(adam.learning_rate(), lr);
        let target = random(100 + t as u64, theta.dims());
        let grads = (theta.as_tensor() - target)?.sqr()?.sum_all()?.backward()?;
        let g = values(grads.get(&theta).unwrap());
        adam.step(&grads)?;
        for i in 0..expected.len() {
            let g = f64::from(g[i]);
            m[i] = 0.5 * m[i] + 0.5 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            let (m_hat, v_hat) = (m[i] / (1.0 - 0.5f64.powi(t)), v[i] / (1.0 - 0.999f64.powi(t)));
            expected[i] -= lr * m_hat / (v_hat.sqrt() + 1e-8);
        }
        let expected = Tensor::from_vec(
            expected.iter().map(|&x| x as f32).collect::<Vec<_>>(),
            theta.dims(),
            &Device::Cpu,
        )?;
        assert_close("θ", &theta, &expected, 1e-5);
    }
    assert_eq!(bits(&untouched), before, "勾配の無い変数は動かない");
    Ok(())
}

/// PyTorch 2.15 の値:
/// ```python
/// p = torch.tensor([0.5, -1.0, 2.0], requires_grad=True)
/// opt = torch.optim.Adam([p], lr=0.1, betas=(0.5, 0.999), eps=1e-8)
/// for _ in range(5):
///     opt.zero_grad(); (p ** 3 + p.abs()).sum().backward(); opt.step()
/// ```
#[test]
fn adam_matches_pytorch() -> Result<()> {
    let p = Var::new(&[0.5f32, -1.0, 2.0], &Device::Cpu)?;
    let config = AdamConfig { lr: 0.1, beta1: 0.5, ..Default::default() };
    let mut adam = Adam::new(vec![p.clone()], config)?;
    for _ in 0..5 {
        let loss = (p.powf(3.0)? + p.abs()?)?.sum_all()?;
        adam.step(&loss.backward()?)?;
    }
    let expected = Tensor::new(&[0.038_025_066f32, -1.547_525_6, 1.525_699_6], &Device::Cpu)?;
    assert_close("θ", &p, &expected, 1e-6);
    Ok(())
}

/// 勾配が届かなくなった重みの m と v は、ちょうど 0 になる。
///
/// 勾配が届かなくなった重みの m と v は、遅い非正規化数に留まらず、ちょうど 0 になる。
#[test]
fn adam_lets_dead_moments_become_zero() -> Result<()> {
    // 式のとおりに減らすと、丸めのために、0 でも正規化数でもない所で止まる。
    let mut m = 1f32;
    for _ in 0..10_000 {
        m *= 0.9;
    }
    assert!(m > 0.0 && m.is_subnormal(), "{m}");
    let p = Var::new(&[1f32, 1.0], &Device::Cpu)?;
    let mut adam = Adam::new(vec![p.clone()], AdamConfig { beta2: 0.9, ..Default::default() })?;
    // 1 つ目は最初の 1 歩だけ勾配があり、2 つ目は 2 乗すると非正規化数になる勾配がずっと届く。
    for step in 0..2_000 {
        let slope = Tensor::new(&[if step == 0 { 1f32 } else { 0.0 }, 1e-20], &Device::Cpu)?;
        adam.step(&(p.as_tensor() * slope)?.sum_all()?.backward()?)?;
    }
    let (m, v) = adam.moments().remove(0);
    assert_eq!((m, v), (vec![0.0; 2], vec![0.0; 2]));
    Ok(())
}

/// 固定した全結合層には、勾配が届かない。
#[test]
fn frozen_linear_gets_no_gradient() -> Result<()> {
    let vars = VarMap::new();
    let first = Linear::new(3, 5, Activation::Relu, builder(&vars).pp("first"))?;
    let second = Linear::new(5, 2, Activation::None, builder(&vars).pp("second"))?;
    let x = random(1, &[4, 3]);
    let free = weighted_sum(&second.forward(&first.forward(&x)?)?)?.backward()?;
    let fixed = weighted_sum(&second.frozen().forward(&first.forward(&x)?)?)?.backward()?;
    for (name, v) in vars.data().lock().unwrap().iter() {
        match name.starts_with("first") {
            true => assert_eq!(bits(free.get(v).unwrap()), bits(fixed.get(v).unwrap())),
            false => assert!(free.get(v).is_some() && fixed.get(v).is_none(), "{name}"),
        }
    }
    // 凍結した層は元の層と重みを共有するので、更新された値を使う。
    let (frozen, h) = (second.frozen(), random(2, &[1, 5]));
    Adam::new(vars.all_vars(), AdamConfig::default())?.step(&free)?;
    assert_eq!(bits(&frozen.forward(&h)?), bits(&second.forward(&h)?));
    Ok(())
}

/// (カーネル, ストライド, 余白, 追加の余白, 枚数, 入力, 出力, 縦, 横)。奇数、縦横の違い、1 枚、1 画素、半端な割り切れ方を含む。
const SHAPES: [[usize; 9]; 21] = [
    [3, 1, 1, 0, 2, 3, 4, 7, 5],
    [4, 2, 1, 0, 3, 2, 5, 8, 8],
    [4, 2, 1, 0, 1, 1, 1, 9, 6],
    [5, 3, 2, 0, 2, 2, 3, 9, 11],
    [7, 1, 0, 0, 1, 3, 2, 9, 8],
    [1, 1, 0, 0, 2, 5, 3, 4, 3],
    [1, 2, 0, 0, 2, 3, 3, 5, 4],
    [3, 2, 1, 1, 2, 4, 3, 5, 7],
    [2, 2, 0, 0, 5, 3, 17, 4, 6],
    [4, 1, 0, 0, 3, 5, 2, 4, 4],
    [3, 4, 1, 3, 2, 2, 2, 10, 13],
    [3, 1, 2, 0, 2, 2, 3, 1, 1],
    [4, 2, 1, 0, 70, 3, 9, 4, 4],
    [3, 1, 1, 0, 3, 8, 50, 16, 20],
    [4, 2, 1, 0, 2, 33, 64, 16, 16],
    [3, 1, 1, 0, 1, 2, 2, 1, 40],
    [4, 2, 1, 0, 9, 20, 10, 2, 2],
    [7, 1, 3, 0, 2, 3, 4, 34, 33],
    [3, 2, 1, 1, 8, 16, 32, 8, 8],
    [4, 2, 1, 0, 6, 20, 96, 7, 5],
    [3, 3, 0, 0, 37, 18, 7, 6, 3],
];

fn conv_config(
    [kernel, stride, padding, output_padding, ..]: [usize; 9],
    activation: Activation,
) -> ConvConfig {
    ConvConfig { kernel, stride, padding, output_padding, activation, ..Default::default() }
}

/// この本の転置畳み込みの値と勾配が、candle の計算と一致する。
///
/// 転置畳み込みの candle 版は値も勾配も素朴なループなので、基準にできる。
#[test]
fn conv_transpose_agrees_with_candle() -> Result<()> {
    for (shape, activation) in SHAPES.into_iter().zip(ACTIVATIONS.into_iter().cycle()) {
        let [k, stride, padding, output_padding, n, in_c, out_c, h, w] = shape;
        if (h - 1) * stride + k + output_padding <= 2 * padding {
            continue;
        }
        let vars = VarMap::new();
        let layer =
            ConvTranspose2d::new(in_c, out_c, conv_config(shape, activation), builder(&vars))?;
        let config =
            candle_nn::ConvTranspose2dConfig { padding, output_padding, stride, dilation: 1 };
        let plain = candle_nn::conv_transpose2d(in_c, out_c, k, config, builder(&vars))?;
        seeded(&vars);
        let x = var(1, &[n, in_c, h, w]);
        let what = format!("{shape:?} {activation:?}");
        let (ours, theirs) =
            (layer.forward(&x)?, candle_activation(&plain.forward(&x)?, activation)?);
        assert_close(&what, &ours, &theirs, 2e-5);
        let (g, t) = (weighted_sum(&ours)?.backward()?, weighted_sum(&theirs)?.backward()?);
        for (v, name) in
            [(plain.weight(), "重み"), (plain.bias().unwrap(), "バイアス"), (x.as_tensor(), "入力")]
        {
            assert_close(
                &format!("{what}: {name}の勾配"),
                g.get(v).unwrap(),
                t.get(v).unwrap(),
                2e-5,
            );
        }
    }
    Ok(())
}

/// この本の畳み込みの値と勾配が、candle の計算と一致する。
///
/// candle の `Conv2D` の勾配は、割り切れない大きさではエラーになる。そこで、随伴である転置畳み込みの candle 版
/// (`conv_transpose2d`) を、入力の大きさまで 0 を足して使う。
#[test]
fn conv_agrees_with_candle() -> Result<()> {
    for (shape, activation) in SHAPES.into_iter().zip(ACTIVATIONS.into_iter().cycle()) {
        let [k, stride, padding, _, n, in_c, out_c, h, w] = shape;
        if h + 2 * padding < k || w + 2 * padding < k {
            continue;
        }
        let vars = VarMap::new();
        let layer = Conv2d::new(in_c, out_c, conv_config(shape, activation), builder(&vars))?;
        let config = candle_nn::Conv2dConfig { padding, stride, ..Default::default() };
        let plain = candle_nn::conv2d(in_c, out_c, k, config, builder(&vars))?;
        seeded(&vars);
        let x = var(1, &[n, in_c, h, w]);
        let what = format!("{shape:?} {activation:?}");
        let (ours, theirs) =
            (layer.forward(&x)?, candle_activation(&plain.forward(&x)?, activation)?);
        assert_close(&what, &ours, &theirs, 2e-5);
        let g = weighted_sum(&ours)?.backward()?;
        // 活性化だけの勾配を candle に求めさせ、そこから先を定義どおりに計算する。
        let before = Var::from_tensor(&plain.forward(&x)?)?;
        let inner = weighted_sum(&candle_activation(&before, activation)?)?.backward()?;
        let inner = inner.get(&before).unwrap();
        let (_, _, oh, ow) = inner.dims4()?;
        let db = inner.sum((0, 2, 3))?;
        assert_close(
            &format!("{what}: バイアスの勾配"),
            g.get(plain.bias().unwrap()).unwrap(),
            &db,
            2e-5,
        );
        let dx = inner.conv_transpose2d(plain.weight(), 0, 0, stride, 1)?;
        let (_, _, fh, fw) = dx.dims4()?;
        let (ph, pw) = ((h + 2 * padding).max(fh), (w + 2 * padding).max(fw));
        let dx = dx.pad_with_zeros(2, 0, ph - fh)?.pad_with_zeros(3, 0, pw - fw)?;
        let dx = dx.narrow(2, padding, h)?.narrow(3, padding, w)?;
        assert_close(&format!("{what}: 入力の勾配"), g.get(&x).unwrap(), &dx, 2e-5);
        // 重みの (ki, kj) の勾配は、(ki, kj) から stride おきに抜いた入力と、出力の勾配との積の和。
        let padded = x.pad_with_zeros(2, padding, padding + stride)?.pad_with_zeros(
            3,
            padding,
            padding + stride,
        )?;
        let g_rows = inner.transpose(0, 1)?.contiguous()?.reshape((out_c, n * oh * ow))?;
        let mut taps = Vec::new();
        for (ki, kj) in (0..k * k).map(|r| (r / k, r % k)) {
            let pick = |count: usize, from: usize| -> Result<Tensor> {
                let index: Vec<u32> = (0..count).map(|i| (from + i * stride) as u32).collect();
                Tensor::new(index, &Device::Cpu)
            };
            let seen = padded.index_select(&pick(oh, ki)?, 2)?.index_select(&pick(ow, kj)?, 3)?;
            let seen = seen.transpose(0, 1)?.contiguous()?.reshape((in_c, n * oh * ow))?;
            taps.push(g_rows.matmul(&seen.t()?)?);
        }
        let dw = Tensor::stack(&taps, 2)?.reshape((out_c, in_c, k, k))?;
        assert_close(&format!("{what}: 重みの勾配"), g.get(plain.weight()).unwrap(), &dw, 2e-5);
    }
    Ok(())
}

/// 折れ目の無い活性化。折れ目のあるものは、多くの画素が混ざる層では差分と比べられない (candle とは比べてある)。
const SMOOTH: [Activation; 3] = [Activation::None, Activation::Tanh, Activation::Sigmoid];

/// 畳み込みの勾配が、値を少し動かして測った傾きと一致する。
#[test]
fn conv_gradients_match_finite_differences() -> Result<()> {
    for (shape, activation) in SHAPES[..12].iter().zip(SMOOTH.into_iter().cycle()) {
        let [.., n, in_c, out_c, h, w] = *shape;
        let config = conv_config(*shape, activation);
        let vars = VarMap::new();
        let x = var(3, &[n.min(2), in_c, h, w]);
        let down = Conv2d::new(in_c, out_c, config, builder(&vars).pp("conv"))?;
        let up = ConvTranspose2d::new(in_c, out_c, config, builder(&vars).pp("transposed"))?;
        let mut inputs = seeded(&vars);
        inputs.push(x.clone());
        let (conv, transposed) =
            ([0, 1, 4].map(|i| inputs[i].clone()), [2, 3, 4].map(|i| inputs[i].clone()));
        if down.forward(&x).is_ok() {
            check_gradients(&format!("Conv2d {shape:?}"), &conv, || {
                weighted_sum(&down.forward(&x)?)
            });
        }
        if up.forward(&x).is_ok() {
            check_gradients(&format!("ConvTranspose2d {shape:?}"), &transposed, || {
                weighted_sum(&up.forward(&x)?)
            });
        }
    }
    Ok(())
}

#[test]
fn convs_take_non_contiguous_inputs() -> Result<()> {
    let vars = VarMap::new();
    let config = ConvConfig { kernel: 4, stride: 2, padding: 1, ..Default::default() };
    let down = Conv2d::new(3, 4, config, builder(&vars).pp("down"))?;
    let up = ConvTranspose2d::new(3, 4, config, builder(&vars).pp("up"))?;
    let x = var(3, &[2, 6, 8, 3]);
    let turned = x.permute((0, 3, 2, 1))?;
    for layer in [&down as &dyn Module, &up] {
        let (a, b) = (layer.forward(&turned)?, layer.forward(&turned.contiguous()?)?);
        assert_eq!(bits(&a), bits(&b));
        // 出力の側も並べ替え、逆伝播に並びの飛んだ勾配が来るようにする。
        let loss =
            || weighted_sum(&layer.forward(&x.permute((0, 3, 2, 1))?)?.permute((3, 0, 2, 1))?);
        check_gradients("並べ替えた入出力", std::slice::from_ref(&x), loss);
    }
    Ok(())
}

#[test]
fn convs_start_like_pytorch() -> Result<()> {
    let vars = common::seed::Seed(0).variables();
    let config = ConvConfig { kernel: 4, ..Default::default() };
    Conv2d::new(16, 32, config, vars.builder("conv"))?;
    ConvTranspose2d::new(16, 32, config, vars.builder("transposed"))?;
    Conv2d::new(16, 32, ConvConfig { bias: false, ..config }, vars.builder("plain"))?;
    let data: std::collections::HashMap<_, _> = vars.named("").into_iter().collect();
    assert!(data.contains_key("plain.weight") && !data.contains_key("plain.bias"));
    assert_eq!(data["conv.weight"].dims(), [32, 16, 4, 4]);
    assert_eq!(data["transposed.weight"].dims(), [16, 32, 4, 4]);
    for (name, v) in data.iter() {
        let bound =
            if name.starts_with("transposed") { 1.0 / (32f32 * 16.0).sqrt() } else { 1.0 / 16.0 };
        let largest = values(v).iter().fold(0f32, |m, x| m.max(x.abs()));
        assert!(largest <= bound && largest > 0.8 * bound, "{name}: 最大 {largest}、上限 {bound}");
    }
    Ok(())
}

/// 形の合わない画像は、どこが違うかを言って断る。
#[test]
fn bad_images_are_named() -> Result<()> {
    let vars = VarMap::new();
    let config = ConvConfig { kernel: 4, stride: 2, padding: 1, ..Default::default() };
    let conv = Conv2d::new(3, 4, config, builder(&vars).pp("conv"))?;
    let up = ConvTranspose2d::new(
        3,
        4,
        ConvConfig { kernel: 1, padding: 1, ..config },
        builder(&vars).pp("up"),
    )?;
    let norm = BatchNorm2d::new(3, Activation::None, builder(&vars).pp("norm"))?;
    let message = |r: Result<Tensor>| r.unwrap_err().to_string();
    for (result, parts) in [
        (conv.forward(&random(1, &[2, 5, 8, 8])), ["[2, 5, 8, 8]", "[4, 3, 4, 4]"]),
        (conv.forward(&random(1, &[3, 8, 8])), ["[3, 8, 8]", "枚数"]),
        (conv.forward(&random(1, &[2, 3, 1, 9])), ["[2, 3, 1, 9]", "[4, 3, 4, 4]"]),
        (up.forward(&random(1, &[2, 3, 1, 1])), ["[2, 3, 1, 1]", "[3, 4, 1, 1]"]),
        (conv.forward(&random(1, &[1, 3, 8, 8]).to_dtype(DType::F64)?), ["Conv2d", "F64"]),
        (norm.forward_t(&random(1, &[2, 4, 8, 8]), true), ["[2, 4, 8, 8]", "3"]),
        (norm.forward_t(&random(1, &[1, 3, 1, 1]), true), ["[1, 3, 1, 1]", "統計"]),
        (nn::reflection_pad(&random(1, &[1, 3, 2, 5]), 2), ["[1, 3, 2, 5]", "2"]),
        (nn::upsample_nearest(&random(1, &[3, 2, 5]), 2), ["[3, 2, 5]", "縦"]),
    ] {
        let e = message(result);
        assert!(parts.iter().all(|part| e.contains(part)), "{e}");
    }
    for bad in [
        ConvConfig { kernel: 0, ..config },
        ConvConfig { stride: 0, ..config },
        ConvConfig { output_padding: 2, ..config },
    ] {
        assert!(Conv2d::new(3, 4, bad, builder(&vars).pp("bad")).is_err(), "{bad:?}");
    }
    Ok(())
}

/// この本のバッチ正規化の値と勾配が、candle の計算と一致する。
#[test]
fn batch_norm_agrees_with_candle() -> Result<()> {
    for (dims, activation) in
        [[4, 3, 5, 7], [1, 2, 3, 1], [70, 5, 1, 1], [2, 33, 16, 16]].into_iter().zip(ACTIVATIONS)
    {
        let vars = VarMap::new();
        let ours = BatchNorm2d::new(dims[1], activation, builder(&vars).pp("ours"))?;
        let theirs = candle_nn::batch_norm(dims[1], 1e-5, builder(&vars).pp("theirs"))?;
        let (gamma, beta) = theirs.weight_and_bias().unwrap();
        let get = |name: &str| vars.data().lock().unwrap()[&format!("ours.{name}")].clone();
        for (name, plain, seed) in [("weight", gamma, 5), ("bias", beta, 6)] {
            get(name).set(&random(seed, plain.dims()))?;
            Var::from_tensor(plain)?.set(&random(seed, plain.dims()))?;
        }
        let x = var(1, &dims);
        let (a, b) = (
            ours.forward_t(&x, true)?,
            candle_activation(&theirs.forward_t(&x, true)?, activation)?,
        );
        let (g, h) = (weighted_sum(&a)?.backward()?, weighted_sum(&b)?.backward()?);
        assert_close("入力の勾配", g.get(&x).unwrap(), h.get(&x).unwrap(), 1e-4);
        // 平均が分散よりずっと大きい入力でも、桁落ちしないこと。
        let x = Var::from_tensor(&(random(1, &dims) + 30.0)?)?;
        for _ in 0..3 {
            let (a, b) = (
                ours.forward_t(&x, true)?,
                candle_activation(&theirs.forward_t(&x, true)?, activation)?,
            );
            assert_close("学習時の出力", &a, &b, 1e-4);
            let (g, h) = (weighted_sum(&a)?.backward()?, weighted_sum(&b)?.backward()?);
            assert_close("γ の勾配", g.get(&get("weight")).unwrap(), h.get(gamma).unwrap(), 1e-3);
            assert_close("β の勾配", g.get(&get("bias")).unwrap(), h.get(beta).unwrap(), 1e-3);
        }
        assert_close("平均の移動平均", &get("running_mean"), theirs.running_mean(), 1e-5);
        assert_close("分散の移動平均", &get("running_var"), theirs.running_var(), 1e-3);
        let before = bits(&get("running_mean"));
        let (a, b) = (
            ours.forward_t(&x, false)?,
            candle_activation(&theirs.forward_t(&x, false)?, activation)?,
        );
        assert_close("生成時の出力", &a, &b, 1e-3);
        assert_eq!(bits(&get("running_mean")), before, "生成時は移動平均を変えない");
    }
    Ok(())
}

/// PyTorch 2.15 の値:
/// ```python
/// x = torch.arange(12.).sin().reshape(2, 2, 3, 1).requires_grad_()
/// bn = torch.nn.BatchNorm2d(2)
/// y = torch.tanh(bn(x)); (y * torch.arange(12.).reshape(2, 2, 3, 1)).sum().backward()
/// print(y, x.grad, bn.running_mean, bn.running_var)
/// ```
#[test]
fn batch_norm_matches_pytorch() -> Result<()> {
    let vars = VarMap::new();
    let norm = BatchNorm2d::new(2, Activation::Tanh, builder(&vars))?;
    let index = Tensor::arange(0f32, 12.0, &Device::Cpu)?.reshape((2, 2, 3, 1))?;
    let x = Var::from_tensor(&index.sin()?)?;
    let y = norm.forward_t(&x, true)?;
    let grads = (&y * index)?.sum_all()?.backward()?;
    let data = vars.data().lock().unwrap();
    for (name, ours, expected) in [
        (
            "出力",
            &y,
            &[
                -0.791_102_8f32,
                0.581_995_6,
                0.667_219_64,
                0.798_443_4,
                -0.511_621_3,
                -0.734_492_9,
                -0.929_145_1,
                0.276_631_27,
                0.749_253_45,
                0.920_922_76,
                -0.170_066_62,
                -0.767_533_9,
            ][..],
        ),
        (
            "入力の勾配",
            grads.get(&x).unwrap(),
            &[
                -2.395_880_7,
                -4.160_281_7,
                -3.485_679_6,
                -2.486_18,
                -2.468_045_7,
                -4.441_716,
                0.339_748_92,
                8.524_839,
                1.177_253_6,
                -0.934_526_15,
                10.831_942,
                -0.501_472_5,
            ],
        ),
        ("平均の移動平均", &data["running_mean"], &[0.051_961_63, -0.045_108_33]),
        ("分散の移動平均", &data["running_var"], &[0.928_068_46, 0.935_142_46]),
    ] {
        assert_close(name, ours, &Tensor::new(expected, &Device::Cpu)?.reshape(ours.dims())?, 1e-5);
    }
    Ok(())
}

/// 正規化の勾配が、値を少し動かして測った傾きと一致する。
#[test]
fn norm_gradients_match_finite_differences() -> Result<()> {
    for activation in SMOOTH {
        let vars = VarMap::new();
        let norm = BatchNorm2d::new(3, activation, builder(&vars))?;
        let x = var(3, &[2, 3, 3, 5]);
        seeded(&vars);
        let data = vars.data().lock().unwrap().clone();
        data["running_var"].set(&random(9, &[3]).affine(0.3, 1.0)?)?;
        let inputs = [data["weight"].clone(), data["bias"].clone(), x.clone()];
        for train in [true, false] {
            check_gradients("BatchNorm2d", &inputs, || weighted_sum(&norm.forward_t(&x, train)?));
        }
        let norm = InstanceNorm2d::new(activation)?;
        check_gradients("InstanceNorm2d", std::slice::from_ref(&x), || {
            weighted_sum(&norm.forward(&x)?)
        });
    }
    Ok(())
}

/// この本のインスタンス正規化の値と勾配が、candle の計算と一致する。
#[test]
fn instance_norm_agrees_with_candle() -> Result<()> {
    for dims in [[3, 4, 5, 7], [1, 1, 1, 2], [2, 3, 32, 33]] {
        let x = var(1, &dims);
        let ours = InstanceNorm2d::new(Activation::Relu)?.forward(&x)?;
        // チャネルと同じ数の組に分けたグループ正規化は、インスタンス正規化に等しい。
        let ones = Tensor::ones(dims[1], DType::F32, &Device::Cpu)?;
        let plain =
            candle_nn::GroupNorm::new(ones.clone(), ones.zeros_like()?, dims[1], dims[1], 1e-5)?;
        let theirs = plain.forward(&x)?.relu()?;
        assert_close("出力", &ours, &theirs, 2e-5);
        let (g, h) = (weighted_sum(&ours)?.backward()?, weighted_sum(&theirs)?.backward()?);
        assert_close("勾配", g.get(&x).unwrap(), h.get(&x).unwrap(), 1e-4);
    }
    Ok(())
}

/// 絵の拡大と縮小が、手計算と一致する。
#[test]
fn resampling_matches_hand_computation() -> Result<()> {
    let x = Tensor::new(&[[[[1f32, 2., 3.], [4., 5., 6.]]]], &Device::Cpu)?;
    let padded = nn::reflection_pad(&x, 1)?;
    assert_eq!(padded.dims(), [1, 1, 4, 5]);
    assert_eq!(
        values(&padded),
        [5., 4., 5., 6., 5., 2., 1., 2., 3., 2., 5., 4., 5., 6., 5., 2., 1., 2., 3., 2.]
    );
    let doubled = nn::upsample_nearest(&x, 2)?;
    assert_eq!(doubled.dims(), [1, 1, 4, 6]);
    assert_eq!(values(&doubled)[..12], [1., 1., 2., 2., 3., 3., 1., 1., 2., 2., 3., 3.]);
    let x = var(1, &[2, 3, 4, 5]);
    for padding in [0, 1, 3] {
        check_gradients("reflection_pad", std::slice::from_ref(&x), || {
            weighted_sum(&nn::reflection_pad(&x, padding)?)
        });
    }
    // 拡大した後も元のテンソルを使う。candle の upsample_nearest2d は、このとき勾配を上書きしてしまう。
    check_gradients("upsample_nearest", std::slice::from_ref(&x), || {
        let h = x.tanh()?;
        weighted_sum(&nn::upsample_nearest(&h, 3)?)? + weighted_sum(&h)?
    });
    Ok(())
}

/// 学習の結果は、スレッドの数によらず 1 ビットも変わらない。
///
/// 畳み込み・正規化・損失・Adam を通した学習 3 歩の結果が、スレッド数によらず同じビットになる。
#[test]
fn thread_count_does_not_change_a_bit() -> Result<()> {
    let train = || -> Result<Vec<Vec<u32>>> {
        let vars = VarMap::new();
        let (relu, leaky) = (Activation::Relu, Activation::LeakyRelu(0.2));
        let config = ConvConfig {
            kernel: 4,
            stride: 2,
            padding: 1,
            activation: leaky,
            ..Default::default()
        };
        let first = Conv2d::new(3, 17, config, builder(&vars).pp("a"))?;
        let norm = BatchNorm2d::new(17, relu, builder(&vars).pp("b"))?;
        let second = ConvTranspose2d::new(17, 3, config, builder(&vars).pp("c"))?;
        let fully = Linear::new(3 * 32 * 32, 100, Activation::Tanh, builder(&vars).pp("d"))?;
        seeded(&vars);
        let mut adam = Adam::new(vars.all_vars(), AdamConfig::default())?;
        let x = random(7, &[21, 3, 32, 32]);
        for _ in 0..3 {
            let y = second.forward(&norm.forward_t(&first.forward(&x)?, true)?)?;
            let y = InstanceNorm2d::new(leaky)?.forward(&nn::reflection_pad(&y, 1)?)?;
            let y = y.narrow(2, 1, 32)?.narrow(3, 1, 32)?;
            let logits = fully.forward(&y.flatten_from(1)?)?;
            let loss = (nn::bce_with_logits(&logits, 1.0)? + nn::l1(&y, &x)?)?;
            adam.step(&loss.backward()?)?;
        }
        let data = vars.data().lock().unwrap();
        let mut names: Vec<_> = data.keys().collect();
        names.sort();
        Ok(names.iter().map(|name| bits(&data[*name])).collect())
    };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(train)
    };
    let one = with(1)?;
    assert!(one.iter().flatten().all(|b| f32::from_bits(*b).is_finite()));
    for threads in [2, 3] {
        assert!(with(threads)? == one, "{threads} スレッドで結果が変わった");
    }
    assert!(nn::run(train)? == one, "nn::run の中で結果が変わった");
    let (a, b) = nn::run(|| nn::both(train, train));
    assert!(a? == one && b? == one, "並べて学習すると結果が変わった");
    Ok(())
}

/// 固定した識別器には勾配が届かず、生成器の勾配は固定しないときと同じである。
///
/// 識別器を凍結した生成器の 1 歩: 識別器の変数には勾配が無く、生成器の勾配は凍結しないときと同じビット。
#[test]
fn frozen_images_layers_get_no_gradient() -> Result<()> {
    let vars = VarMap::new();
    let config = ConvConfig { kernel: 4, stride: 2, padding: 1, ..Default::default() };
    let up = ConvTranspose2d::new(5, 3, config, builder(&vars).pp("g.up"))?;
    let down = Conv2d::new(3, 6, config, builder(&vars).pp("d.down"))?;
    let norm = BatchNorm2d::new(6, Activation::LeakyRelu(0.2), builder(&vars).pp("d.norm"))?;
    let back = ConvTranspose2d::new(6, 1, config, builder(&vars).pp("d.back"))?;
    let x = random(1, &[2, 5, 4, 4]);
    let image = || up.forward(&x);
    let free = back.forward(&norm.forward_t(&down.forward(&image()?)?, true)?)?;
    let fixed = back
        .frozen()
        .forward(&norm.frozen().forward_t(&down.frozen().forward(&image()?)?, true)?)?;
    let (free, fixed) = (weighted_sum(&free)?.backward()?, weighted_sum(&fixed)?.backward()?);
    for (name, v) in vars.data().lock().unwrap().iter() {
        if name.starts_with('g') {
            assert_eq!(bits(free.get(v).unwrap()), bits(fixed.get(v).unwrap()), "{name}");
        } else {
            let learns = !name.contains("running");
            assert!(free.get(v).is_some() == learns && fixed.get(v).is_none(), "{name}");
        }
    }
    Ok(())
}
