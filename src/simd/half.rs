//! Conversions of half precision in exact integer and float operations, for instruction sets that have none of their
//! own: all give the same bits. No float operation has a subnormal operand or result that counts, so these are the same
//! on a CPU that is told to flush subnormals to zero.

use core::ops::{BitAnd, BitXor};

use super::lanes::{CHUNK, Lanes};

/// The conversions of [`Lanes`] by those of this file.
macro_rules! half_precision {
    () => {
        half_precision! { load_f16 store_f16 }
        half_precision! { load_bf16 store_bf16 }
    };
    ($load:ident $store:ident) => {
        #[inline(always)]
        fn $load(self, x: &[u16; CHUNK]) -> Self::F32s {
            $crate::simd::half::$load(self, x)
        }

        #[inline(always)]
        fn $store(self, x: Self::F32s) -> [u16; CHUNK] {
            $crate::simd::half::$store(self, x)
        }
    };
}

#[inline(always)]
pub(super) fn load_f16<L: Lanes>(lanes: L, x: &[u16; CHUNK]) -> L::F32s {
    let x = lanes.load_u16(x);
    let sign = lanes.shl::<16>(x & lanes.splat_i32(0x8000));
    let magnitude = x & lanes.splat_i32(0x7FFF);
    // The exponent is 112 short in its new place.
    let normal = lanes.shl::<13>(magnitude) + lanes.splat_i32(112 << 23);
    // One of exponent 0 is an integer, times the smallest of all.
    let subnormal = lanes.cast_i32(lanes.to_f32(magnitude) * lanes.splat_f32(f32::from_bits((127 - 24) << 23)));
    let value = pick(less(lanes, magnitude, lanes.splat_i32(1 << 10)), subnormal, normal);
    let not_finite = less(lanes, lanes.splat_i32((31 << 10) - 1), magnitude) & lanes.splat_i32(INFINITY);
    lanes.cast_f32(value | not_finite | sign)
}

#[inline(always)]
pub(super) fn store_f16<L: Lanes>(lanes: L, x: L::F32s) -> [u16; CHUNK] {
    let x = lanes.cast_i32(x);
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
    lanes.store_u16(pick(nan, lanes.splat_i32(0x7E00), number) | lanes.shr::<16>(x) & lanes.splat_i32(0x8000))
}

#[inline(always)]
pub(super) fn load_bf16<L: Lanes>(lanes: L, x: &[u16; CHUNK]) -> L::F32s {
    lanes.cast_f32(lanes.shl::<16>(lanes.load_u16(x)))
}

#[inline(always)]
pub(super) fn store_bf16<L: Lanes>(lanes: L, x: L::F32s) -> [u16; CHUNK] {
    let x = lanes.cast_i32(x);
    let nan = less(lanes, lanes.splat_i32(INFINITY), x & lanes.splat_i32(i32::MAX));
    let odd = lanes.shr::<16>(x) & lanes.splat_i32(1);
    let number = lanes.shr::<16>(x + odd + lanes.splat_i32(0x7FFF));
    lanes.store_u16(pick(nan, lanes.shr::<16>(x) | lanes.splat_i32(0x40), number))
}

/// The bits of an `f32` infinity; a NaN's are above.
const INFINITY: i32 = f32::INFINITY.to_bits().cast_signed();

/// All bits of the lanes where a < b, neither of them negative.
#[inline(always)]
fn less<L: Lanes>(lanes: L, a: L::I32s, b: L::I32s) -> L::I32s {
    lanes.sar(a - b, 31)
}

/// `a` where the mask is set, `b` elsewhere.
#[inline(always)]
fn pick<V: Copy + BitXor<Output = V> + BitAnd<Output = V>>(mask: V, a: V, b: V) -> V {
    b ^ (a ^ b) & mask
}
