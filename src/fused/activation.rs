//! Activation functions and their derivatives, in operations whose results IEEE 754 and two's complement define
//! exactly.

use core::f32::consts::LN_2;
use core::ops::{BitAnd, BitXor};

use crate::simd::Lanes;

/// The activation function of a [`Fused`](crate::Fused) pass.
///
/// All three map NaN to NaN. Where `x` is NaN, GELU's gradient is NaN and the others pass the gradient through, as in
/// PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// `x` itself.
    Identity,
    /// `max(x, 0)`, with +0.0 for -0.0. Where `x <= 0` the gradient is +0.0, even if that of the output is NaN or
    /// infinite.
    Relu,
    /// `x * Phi(x)`, where Phi is the distribution function of the standard normal: the form with erf, not the
    /// approximation with tanh (Hendrycks and Gimpel, "Gaussian error linear units (GELUs)", 2016). It is evaluated as
    /// `max(x, 0) - t * q`, with
    ///
    /// ```text
    /// t = min(|x|, 13.28125)
    /// z = t * t * 0.72134752                                                  so that 2^-z = exp(-t^2 / 2)
    /// n = z to the nearest integer, ties to the odd one                       f = n - z
    /// e = (1 + f (0.6931472 + f (0.24022286 + f (0.05550628 + f (0.009670415 + f 0.0013277117))))) * 2^-n
    /// e = 0                                                                   if n = 127
    /// a = 0.5 + t (0.34290797 + t (0.10867598 + t 0.01450217))
    /// b = 1 + t (1.4836974 + t (0.9012076 + t (0.27202806 + t 0.03636304)))
    /// q = e * (a / b)                                                         about Phi(-t)
    /// ```
    ///
    /// each operation rounded to `f32`. The derivative is `d` for negative x and `1 - d` for others, with
    /// `d = q - t * e * 0.3989423`.
    ///
    /// The largest errors against exact arithmetic, over all x with 2^-14 <= |x| < 16 whose value is normal, also in
    /// units in the last place (ulp). The derivative of negative x changes its sign at -0.75.
    ///
    /// | | value | derivative |
    /// |---|---|---|
    /// | x < 0 | 8.9e-8 absolute, 9.9e-6 relative, 153 ulp | 1.5e-7 absolute |
    /// | x > 0 | 3.2e-7 relative, 4.4 ulp | 1.8e-7 absolute, 3.0 ulp |
    ///
    /// At infinity the value is infinite and the derivative 1. Below -13.25, -infinity included, they are +0.0 and 0.
    Gelu,
}

impl Activation {
    #[inline(always)]
    pub(super) fn value<L: Lanes>(self, lanes: L, x: L::F32s) -> L::F32s {
        match self {
            Self::Identity => x,
            Self::Relu => positive(lanes, x),
            Self::Gelu => {
                let Tail { t, q, .. } = Tail::of(lanes, x);
                positive(lanes, x) - t * q
            }
        }
    }

    /// The gradient with respect to `x`, given that with respect to the value.
    #[inline(always)]
    pub(super) fn gradient<L: Lanes>(self, lanes: L, x: L::F32s, gradient: L::F32s) -> L::F32s {
        match self {
            Self::Identity => gradient,
            Self::Relu => {
                let zero = lanes.sar(magnitude(lanes, x) - lanes.splat_i32(1), 31);
                lanes.cast_f32(without(lanes.cast_i32(gradient), negative(lanes, x) | zero))
            }
            Self::Gelu => {
                let Tail { t, e, q } = Tail::of(lanes, x);
                let d = lanes.cast_i32(q - t * e * lanes.splat_f32(DENSITY));
                let negative = negative(lanes, x);
                let one = without(lanes.cast_i32(lanes.splat_f32(1.0)), negative);
                let sign = without(lanes.splat_i32(i32::MIN), negative);
                let derivative = lanes.cast_f32(one) + lanes.cast_f32(d ^ sign);
                let nan = lanes.sar(lanes.splat_i32(INFINITY) - magnitude(lanes, x), 31);
                gradient * lanes.cast_f32(lanes.cast_i32(derivative) | nan)
            }
        }
    }
}

/// `max(x, 0)`, with NaN for NaN.
#[inline(always)]
fn positive<L: Lanes>(lanes: L, x: L::F32s) -> L::F32s {
    lanes.cast_f32(without(lanes.cast_i32(x), negative(lanes, x)))
}

/// The upper tail of the standard normal at t = |x|: e = exp(-t^2 / 2) and the probability q. The names are those of
/// [`Activation::Gelu`].
struct Tail<L: Lanes> {
    t: L::F32s,
    e: L::F32s,
    q: L::F32s,
}

impl<L: Lanes> Tail<L> {
    #[inline(always)]
    fn of(lanes: L, x: L::F32s) -> Self {
        let limit = lanes.splat_i32(LIMIT);
        let above = magnitude(lanes, x) - limit;
        let t = lanes.cast_f32(limit + (above & lanes.sar(above, 31)));

        let z = t * t * lanes.splat_f32(HALF_LOG2_E);
        let shifter = lanes.splat_f32(SHIFTER);
        let shifted = shifter - z;
        let power = lanes.cast_f32(lanes.shl::<23>(lanes.cast_i32(shifted)));
        let e = lanes.polynomial(&EXP2, (shifter - shifted) - z) * power;
        Self { t, e, q: e * (lanes.polynomial(&A, t) / lanes.polynomial(&B, t)) }
    }
}

#[inline(always)]
fn magnitude<L: Lanes>(lanes: L, x: L::F32s) -> L::I32s {
    lanes.cast_i32(x) & lanes.splat_i32(i32::MAX)
}

/// All ones in the lanes that have the sign bit and are not NaN. Of the integers with a sign bit, the sum with
/// `i32::MAX - INFINITY` loses it exactly for the NaNs.
#[inline(always)]
fn negative<L: Lanes>(lanes: L, x: L::F32s) -> L::I32s {
    let bits = lanes.cast_i32(x);
    lanes.sar(bits & (bits + lanes.splat_i32(i32::MAX - INFINITY)), 31)
}

/// `x` with the bits of `mask` cleared.
#[inline(always)]
fn without<V: Copy + BitXor<Output = V> + BitAnd<Output = V>>(x: V, mask: V) -> V {
    x ^ (x & mask)
}

const INFINITY: i32 = f32::INFINITY.to_bits().cast_signed();
/// The bound of t: n is 127 from there on.
const LIMIT: i32 = 13.281_25_f32.to_bits().cast_signed();
/// log2(e) / 2
const HALF_LOG2_E: f32 = 0.721_347_5;
/// Floats from 2^23 to 2^24 are integers, so `SHIFTER - z` rounds z to an integer n. The 127 in it is the exponent's
/// bias: shifted up by 23, the last bits of the difference are the bits of the float 2^-n.
const SHIFTER: f32 = 12_582_912.0 + 127.0;
/// 1 / sqrt(2 pi)
const DENSITY: f32 = 0.398_942_3;

// Minimax coefficients, fitted by differential correction. They were rounded to `f32` one by one, and after each
// rounding the rest was fitted again.

/// 2^f for f from -1/2 to 1/2. Relative error 1.0e-7.
const EXP2: [f32; 6] = [1.0, LN_2, 0.240_222_86, 0.055_506_28, 0.009_670_415, 0.001_327_711_7];

/// Phi(-t) * exp(t^2 / 2) = A(t) / B(t). Relative error 8.1e-8 * (1 + 0.3 t^2), which follows that of exp(-t^2 / 2) in
/// single precision. No coefficient is negative, so nothing cancels.
const A: [f32; 4] = [0.5, 0.342_907_97, 0.108_675_98, 0.014_502_17];
const B: [f32; 5] = [1.0, 1.483_697_4, 0.901_207_6, 0.272_028_06, 0.036_363_04];
