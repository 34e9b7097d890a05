//! Half-precision elements, computed with in `f32` and rounded once. The conversions are exact integer and float operations that every
//! instruction set has, so that all give the same bits.

use core::ops::{BitAnd, BitXor};

use half::{bf16, f16};

use super::{Arithmetic, Sealed};
use crate::kernel::CHUNK;
use crate::lanes::Lanes;

macro_rules! half {
    ($type:ty, $load:ident, $store:ident) => {
        impl Sealed for $type {
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

        impl Arithmetic for $type {
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

#[inline(always)]
pub(crate) fn widen_f16<L: Lanes>(lanes: L, x: L::I32x16) -> L::F32x16 {
    let sign = lanes.shl::<16>(x & lanes.splat_i32(0x8000));
    // The exponent is 112 short in its new place. A product makes it good also where it is 0, a subnormal.
    let magnitude = lanes.shl::<13>(x & lanes.splat_i32(0x7FFF));
    let value = lanes.cast_i32(lanes.cast_f32(magnitude) * lanes.splat_f32(f32::from_bits((127 + 112) << 23)));
    let not_finite = less(lanes, lanes.splat_i32((31 << 23) - 1), magnitude) & lanes.splat_i32(INFINITY);
    lanes.cast_f32(value | not_finite | sign)
}

#[inline(always)]
pub(crate) fn narrow_f16<L: Lanes>(lanes: L, x: L::I32x16) -> L::I32x16 {
    let magnitude = x & lanes.splat_i32(i32::MAX);
    // All from 2^16 on are as infinite as that.
    let limit = lanes.splat_i32((127 + 16) << 23);
    let finite = pick(less(lanes, magnitude, limit), magnitude, limit);
    let odd = lanes.shr::<13>(finite) & lanes.splat_i32(1);
    let normal = lanes.shr::<13>(finite + odd + lanes.splat_i32(0xFFF - (112 << 23)));
    // Next to 1/2 a unit in the last place is the smallest subnormal, so that the sum rounds as it should.
    let half = lanes.splat_f32(0.5);
    let subnormal = lanes.cast_i32(lanes.cast_f32(finite) + half) - lanes.cast_i32(half);
    let number = pick(less(lanes, finite, lanes.splat_i32((127 - 14) << 23)), subnormal, normal);
    let nan = less(lanes, lanes.splat_i32(INFINITY), magnitude);
    pick(nan, lanes.splat_i32(0x7E00), number) | lanes.shr::<16>(x) & lanes.splat_i32(0x8000)
}

#[inline(always)]
pub(crate) fn widen_bf16<L: Lanes>(lanes: L, x: L::I32x16) -> L::F32x16 {
    lanes.cast_f32(lanes.shl::<16>(x))
}

#[inline(always)]
pub(crate) fn narrow_bf16<L: Lanes>(lanes: L, x: L::I32x16) -> L::I32x16 {
    let nan = less(lanes, lanes.splat_i32(INFINITY), x & lanes.splat_i32(i32::MAX));
    let odd = lanes.shr::<16>(x) & lanes.splat_i32(1);
    let number = lanes.shr::<16>(x + odd + lanes.splat_i32(0x7FFF));
    pick(nan, lanes.shr::<16>(x) | lanes.splat_i32(0x40), number)
}

/// The bits of an `f32` infinity; a NaN's are above.
const INFINITY: i32 = f32::INFINITY.to_bits().cast_signed();

/// All bits of the lanes where a < b, neither of them negative.
#[inline(always)]
fn less<L: Lanes>(lanes: L, a: L::I32x16, b: L::I32x16) -> L::I32x16 {
    lanes.sar(a - b, 31)
}

/// `a` where the mask is set, `b` elsewhere.
#[inline(always)]
fn pick<V: Copy + BitXor<Output = V> + BitAnd<Output = V>>(mask: V, a: V, b: V) -> V {
    b ^ (a ^ b) & mask
}

/// To `f32` so that a further rounding to a shorter type gives what a single one would: inexact values become odd
/// (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", IEEE TC 57, 2008).
#[expect(clippy::float_cmp, reason = "exact or not is the question")]
fn round_to_odd(x: f64) -> f32 {
    let nearest = x as f32;
    let bits = nearest.to_bits();
    if f64::from(nearest) == x || bits % 2 == 1 {
        return nearest;
    }
    f32::from_bits(if (f64::from(nearest) < x) == (x > 0.0) { bits + 1 } else { bits - 1 })
}
