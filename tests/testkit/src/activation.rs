//! The activations of fused layers and their derivatives, one value at a time. GELU's bits are a promise: its formula is the one that
//! `Activation::Gelu` documents, and `tests/kinds/fused.rs` holds it to libm's error function. ReLU and its gradient are PyTorch's.

use std::f32::consts::LN_2;

use dropout_kernels::Activation;

fn gelu_parts(x: f32) -> [f32; 3] {
    let t = if x.abs() < 13.28125 { x.abs() } else { 13.28125 };
    let z = t * t * 0.721_347_5;
    // The nearest even integer to a number next to it is the odd one to the number itself.
    let n = ((f64::from(z) - 1.0).round_ties_even() + 1.0) as f32;
    let f = n - z;
    // By its bits: what `exp2` gives need not be exact.
    let power = if n > 126.0 { 0.0 } else { f32::from_bits((127 - (n as i32).cast_unsigned()) << 23) };
    let e = (1.0 + f * (LN_2 + f * (0.240_222_86 + f * (0.055_506_28 + f * (0.009_670_415 + f * 0.001_327_711_7))))) * power;
    let a = 0.5 + t * (0.342_907_97 + t * (0.108_675_98 + t * 0.014_502_17));
    let b = 1.0 + t * (1.483_697_4 + t * (0.901_207_6 + t * (0.272_028_06 + t * 0.036_363_04)));
    [t, e, e * (a / b)]
}

fn relu(x: f32) -> f32 {
    if x > 0.0 || x.is_nan() { x } else { 0.0 }
}

pub fn value(activation: Activation, x: f32) -> f32 {
    match activation {
        Activation::Identity => x,
        Activation::Relu => relu(x),
        Activation::Gelu => {
            let [t, _, q] = gelu_parts(x);
            relu(x) - t * q
        }
        other => panic!("{other:?} has no definition here"),
    }
}

pub fn gradient(activation: Activation, x: f32, gradient: f32) -> f32 {
    match activation {
        Activation::Relu if x <= 0.0 => 0.0,
        Activation::Identity | Activation::Relu => gradient,
        Activation::Gelu if x.is_nan() => x,
        Activation::Gelu => {
            let [t, e, q] = gelu_parts(x);
            let d = q - t * e * 0.398_942_3;
            gradient * if x < 0.0 { d } else { 1.0 - d }
        }
        other => panic!("{other:?} has no definition here"),
    }
}

/// Every other value moved to where activations have their bends.
pub fn near_bends(x: f32) -> f32 {
    if x.to_bits() & 1 == 1 { f32::from((x.to_bits() >> 16) as i16) / 2048.0 } else { x }
}
