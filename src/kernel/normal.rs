//! From a uniform 32-bit integer to a standard normal.

#[cfg(test)]
mod tests;

use core::f32::consts::FRAC_1_SQRT_2;

use crate::simd::Lanes;

/// The quantile of the standard normal at `(u + 1/2) / 2^32`: from -6.337957 at 0 to 6.337957 at `u32::MAX`, and never
/// zero. `normal(!u)` is exactly `-normal(u)`.
///
/// With x = 2p - 1 for the probability p, z / x is a smooth function of w = -log2(1 - x^2), smooth enough that one
/// rational function covers all of it, tails included. So the code has no branches, and IEEE 754 and two's complement
/// define the result of each operation exactly. The absolute error is at most 2.0e-6, measured over all integers.
#[inline(always)]
pub(crate) fn normal<L: Lanes>(lanes: L, u: L::I32s) -> L::F32s {
    // Both |x| and 1 - |x|, as integers. The result depends on the relative error of |x| near the median and of 1 - |x|
    // in the tails, and the conversion of an integer to a float is exact only where it is small.
    let signed = u ^ lanes.splat_i32(i32::MIN);
    let from_median = signed ^ lanes.sar(signed, 31);
    let from_end = from_median ^ lanes.splat_i32(i32::MAX);
    let (half, unit) = (lanes.splat_f32(0.5), lanes.splat_f32(UNIT));
    let x = (lanes.to_f32(from_median) + half) * unit;
    let one_minus_x = (lanes.to_f32(from_end) + half) * unit;

    // w: 1 - x^2 = 2^-halvings * mantissa, with sqrt(1/2) <= mantissa < sqrt(2) and s such that
    // `mantissa = (1 + s) / (1 - s)`.
    let one = lanes.splat_f32(1.0);
    let bits = lanes.cast_i32(one_minus_x * (one + x)) + lanes.splat_i32(ONE - SQRT_HALF);
    let halvings = lanes.splat_f32(127.0) - lanes.to_f32(lanes.shr::<23>(bits));
    let mantissa = lanes.cast_f32((bits & lanes.splat_i32(MANTISSA)) + lanes.splat_i32(SQRT_HALF));
    let s = (mantissa - one) / (mantissa + one);
    let w = halvings - s * lanes.polynomial(&LOG, s * s);

    let ratio = w * lanes.polynomial(&P, w) / lanes.polynomial(&Q, w);
    let magnitude = x * (lanes.splat_f32(LIMIT) + ratio);
    lanes.cast_f32(lanes.cast_i32(magnitude) | signed & lanes.splat_i32(i32::MIN))
}

/// 2^-31
const UNIT: f32 = 1.0 / 2_147_483_648.0;
const ONE: i32 = 1.0_f32.to_bits().cast_signed();
const SQRT_HALF: i32 = FRAC_1_SQRT_2.to_bits().cast_signed();
const MANTISSA: i32 = (1 << 23) - 1;

// Minimax coefficients, fitted by differential correction. They were rounded to `f32` one by one, and after each
// rounding the rest was fitted again.

/// log2((1 + s) / (1 - s)) / s in powers of s^2. Relative error 1.5e-7.
const LOG: [f32; 3] = [2.885_39, 0.961_643_2, 0.594_252_8];

/// z / x = LIMIT + w P(w) / Q(w) for w from 0 to 31. Relative error 1.4e-7. LIMIT is sqrt(pi / 2), the slope of the
/// quantile at the median. No coefficient is negative, so nothing cancels and single precision is enough.
const LIMIT: f32 = 1.253_314_1;
const P: [f32; 5] = [0.227_432_97, 0.023_011_483, 0.002_966_423_8, 0.000_174_374_79, 4.477_557e-6];
const Q: [f32; 6] = [1.0, 0.066_664_025, 0.015_594_215, 0.000_725_559_7, 3.862_606e-5, 1.627_329_7e-7];
