//! `f16` and `bf16` elements: arithmetic is done in `f32`, and the result rounded once.

use half::{bf16, f16};

use super::sealed::{Element, Float};
use crate::simd::{CHUNK, Lanes};

macro_rules! half {
    ($type:ty, $load:ident, $store:ident) => {
        impl Element for $type {
            const ZERO: Self = Self::ZERO;

            type Vector<L: Lanes> = L::F32x16;

            #[inline(always)]
            fn splat<L: Lanes>(lanes: L, x: Self) -> L::F32x16 {
                lanes.splat_f32(x.to_f32())
            }

            #[inline(always)]
            fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> L::F32x16 {
                lanes.$load(&x.map(Self::to_bits))
            }

            #[inline(always)]
            fn store<L: Lanes>(lanes: L, x: L::F32x16) -> [Self; CHUNK] {
                lanes.$store(x).map(Self::from_bits)
            }

            #[inline(always)]
            fn select<L: Lanes>(lanes: L, keep: u16, kept: L::F32x16, dropped: L::F32x16) -> L::F32x16 {
                lanes.select_f32(keep, kept, dropped)
            }
        }

        impl Float for $type {
            fn from_f64(x: f64) -> Self {
                Self::from_f32(round_to_odd(x))
            }

            #[inline(always)]
            fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> L::F32x16 {
                lanes.load_f32(x)
            }
        }
    };
}

half!(f16, load_f16, store_f16);
half!(bf16, load_bf16, store_bf16);

/// Rounds to `f32` such that a second rounding, to a narrower type, gives the same as a single one. An inexact result
/// takes the neighbour whose last bit is 1, which the second rounding cannot mistake for a tie (Boldo and Melquiond,
/// "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", IEEE TC 57, 2008).
#[expect(clippy::float_cmp, reason = "exact or not is the question")]
fn round_to_odd(x: f64) -> f32 {
    let nearest = x as f32;
    let bits = nearest.to_bits();
    if f64::from(nearest) == x || bits % 2 == 1 {
        return nearest;
    }
    f32::from_bits(if (f64::from(nearest) < x) == (x > 0.0) { bits + 1 } else { bits - 1 })
}
