//! 学習の見張りの試験。

use candle_core::{Device, Tensor};
use candle_nn::Init;
use common::history::History;
use common::seed::Seed;
use tools::progress::Watch;

#[test]
fn a_run_that_diverges_is_stopped_at_its_step() {
    let variables = Seed(0).variables();
    variables.builder("net").get_with_hints(2, "bias", Init::Const(0.)).unwrap();
    let mut watch = Watch::new("試験", 100, true, "--lr");
    let mut step = |at, loss: f32| watch.step(at, Some([("loss", loss)]), Some(&variables));
    assert!(step(1, 0.5).unwrap().is_continue());
    for bad in [f32::NAN, f32::INFINITY] {
        let error = step(7, bad).unwrap_err().to_string();
        assert!(error.contains("7 回目") && error.contains("loss"), "{error}");
        assert!(error.contains("--lr を小さく") && error.contains("前の結果"), "{error}");
    }
    // 損失が有限でも、重みが壊れていれば止める。最後の更新の後は、損失には現れない。
    let nan = Tensor::new(&[0f32, f32::NAN], &Device::Cpu).unwrap();
    variables.of("net")[0].set(&nan).unwrap();
    for at in [20, 100] {
        let error = step(at, 0.5).unwrap_err().to_string();
        assert!(error.contains("net.bias"), "{error}");
    }
}

#[test]
fn an_absurd_loss_is_remarked() {
    let absurd = |losses: &[f32]| {
        let mut history = History::default();
        for (at, loss) in losses.iter().enumerate() {
            history.push(at + 1, &[("D(x)", 0.5), ("loss", *loss)]);
        }
        tools::progress::absurd(&history).map(|(name, _)| name)
    };
    assert_eq!(absurd(&[0.7, 0.6, 0.5]), None);
    assert_eq!(absurd(&[150., 120., 90.]), None, "はじめから大きい損失 (nat の合計)");
    assert_eq!(absurd(&[0.7, 900., 5e4]).unwrap(), "loss");
}
