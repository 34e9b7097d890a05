//! `i8` and `i16` elements, widened to 32 bits for arithmetic.

use super::sealed::{Element, Integer};
use crate::simd::{CHUNK, Lanes};

macro_rules! integer {
    ($type:ty, $load:ident, $store:ident) => {
        impl Element for $type {
            const ZERO: Self = 0;

            type Vector<L: Lanes> = L::I32x16;

            #[inline(always)]
            fn splat<L: Lanes>(lanes: L, x: Self) -> L::I32x16 {
                lanes.splat_i32(x.into())
            }

            #[inline(always)]
            fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> L::I32x16 {
                lanes.$load(x)
            }

            #[inline(always)]
            fn store<L: Lanes>(lanes: L, x: L::I32x16) -> [Self; CHUNK] {
                lanes.$store(x)
            }

            #[inline(always)]
            fn select<L: Lanes>(lanes: L, keep: u16, kept: L::I32x16, dropped: L::I32x16) -> L::I32x16 {
                lanes.select_i32(keep, kept, dropped)
            }
        }

        impl Integer for $type {
            #[inline(always)]
            fn rescale<L: Lanes>(lanes: L, x: L::I32x16, zero_point: Self, multiplier: i32, shift: u32) -> L::I32x16 {
                let zero_point = lanes.splat_i32(zero_point.into());
                let half = lanes.splat_i32((1 << shift) / 2);
                lanes.sar((x - zero_point) * lanes.splat_i32(multiplier) + half, shift) + zero_point
            }
        }
    };
}

integer!(i8, load_i8, store_i8);
integer!(i16, load_i16, store_i16);
