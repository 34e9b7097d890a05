//! `i8` and `i16` elements, widened to 32 bits for arithmetic.

use super::sealed::{Element, Integer};
use crate::simd::{CHUNK, Lanes};

macro_rules! integer {
    ($type:ty, $select:ident, $load:ident, $store:ident) => {
        impl Element for $type {
            const ZERO: Self = 0;

            #[inline(always)]
            fn select<L: Lanes>(lanes: L, keep: u16, kept: [Self; CHUNK], dropped: Self) -> [Self; CHUNK] {
                lanes.$select(keep, kept.map(Self::cast_unsigned), dropped.cast_unsigned()).map(|x| x.cast_signed())
            }
        }

        impl Integer for $type {
            #[inline(always)]
            fn rescale<L: Lanes>(lanes: L, x: &[Self; CHUNK], zero_point: Self, multiplier: i32, shift: u32) -> [Self; CHUNK] {
                let zero_point = lanes.splat_i32(zero_point.into());
                let half = lanes.splat_i32((1 << shift) / 2);
                let product = (lanes.$load(x) - zero_point) * lanes.splat_i32(multiplier);
                lanes.$store(lanes.sar(product + half, shift) + zero_point)
            }
        }
    };
}

integer!(i8, select_u8, load_i8, store_i8);
integer!(i16, select_u16, load_i16, store_i16);
