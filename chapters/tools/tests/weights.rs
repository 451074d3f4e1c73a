//! 重みと、学習の途中のようすのファイルの試験。でたらめなバイト列でも、止まらずに断ります。

mod fuzz;

use candle_nn::Init;
use common::seed::{Seed, Variables};
use common::state::State;
use fuzz::{long, mutated};
use proptest::prelude::*;

/// 小さな 2 つの層の重み。
fn variables() -> Variables {
    let variables = Seed(0).variables();
    let vb = variables.builder("decoder");
    let init = Init::Randn { mean: 0., stdev: 1. };
    vb.get_with_hints((3, 4), "1.weight", init).unwrap();
    vb.get_with_hints(3, "1.bias", init).unwrap();
    variables
}

fn seeds() -> Vec<Vec<u8>> {
    let mut state = State::default();
    state.put_numbers("history".into(), &[1., 2., 3.]).unwrap();
    state.put_bytes("rng", &[7; 40]).unwrap();
    vec![variables().to_bytes("decoder").unwrap(), state.to_bytes().unwrap()]
}

/// 読めたなら、値はすべて有限。断ったなら、その文はファイルの名前を含む。
fn weights_never_panic(bytes: &[u8]) {
    let variables = variables();
    match variables.load("decoder", bytes, "decoder.safetensors") {
        Ok(()) => assert_eq!(variables.not_finite().unwrap(), None),
        Err(error) => assert!(error.to_string().contains("decoder.safetensors"), "{error}"),
    }
    if let Ok(state) = State::from_bytes(bytes) {
        let _ = (state.numbers("history"), state.bytes("rng"));
    }
}

#[test]
fn untouched_weights_are_read() {
    let [weights, _] = &seeds()[..] else { panic!() };
    variables().load("decoder", weights, "decoder.safetensors").unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_weights(bytes in mutated(seeds())) {
        weights_never_panic(&bytes);
    }
}

#[test]
#[ignore = "10 分かかる"]
fn fuzz_weights() {
    long("weights", seeds(), weights_never_panic);
}
