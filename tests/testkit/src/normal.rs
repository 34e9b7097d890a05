//! The quantile of the standard normal at `(u + 1/2) / 2^32`, one number at a time, each operation of `f32` rounded by itself. Its bits are
//! a promise, and the operations of `src/kernel/normal.rs` define them: no other formula has the same. That they are the quantile is
//! held to libm's error function there, over all 2^32 integers.

use std::f32::consts::FRAC_1_SQRT_2;

const LOG: [f32; 3] = [2.885_39, 0.961_643_2, 0.594_252_8];
const LIMIT: f32 = 1.253_314_1;
const P: [f32; 5] = [0.227_432_97, 0.023_011_483, 0.002_966_423_8, 0.000_174_374_79, 4.477_557e-6];
const Q: [f32; 6] = [1.0, 0.066_664_025, 0.015_594_215, 0.000_725_559_7, 3.862_606e-5, 1.627_329_7e-7];

pub fn normal(u: u32) -> f32 {
    if u < 1 << 31 { -magnitude(!u - (1 << 31)) } else { magnitude(u - (1 << 31)) }
}

/// At n = 0 just above the median, at 2^31 - 1 at the end.
fn magnitude(n: u32) -> f32 {
    let x = in_units(n);
    let one_minus_x = in_units((1 << 31) - 1 - n);
    let one_plus_x = 1.0 + x;
    let mut mantissa = one_minus_x * one_plus_x;
    let mut halvings = 0.0;
    while mantissa < FRAC_1_SQRT_2 {
        mantissa *= 2.0;
        halvings += 1.0;
    }
    let above = mantissa - 1.0;
    let below = mantissa + 1.0;
    let s = above / below;
    let square = s * s;
    let log = s * polynomial(&LOG, square);
    let w = halvings - log;
    let numerator = w * polynomial(&P, w);
    let ratio = numerator / polynomial(&Q, w);
    let slope = LIMIT + ratio;
    x * slope
}

/// (n + 1/2) / 2^31
#[expect(clippy::cast_precision_loss, reason = "rounded to nearest, as specified")]
fn in_units(n: u32) -> f32 {
    let n = n as f32;
    let middle = n + 0.5;
    middle / 2_147_483_648.0
}

/// The constant term first.
fn polynomial(coefficients: &[f32], x: f32) -> f32 {
    let mut sum = 0.0;
    for c in coefficients.iter().rev() {
        let product = sum * x;
        sum = product + c;
    }
    sum
}
