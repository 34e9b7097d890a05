//! `i8`, `u8` and `i16` elements, widened to 32 bits for arithmetic.

use bytemuck::must_cast as cast;

use super::sealed::{Element, Integer};
use crate::simd::{CHUNK, Lanes};

macro_rules! integer {
    ($type:ty, $select:ident, $load:ident, $store:ident) => {
        impl Element for $type {
            const ZERO: Self = 0;

            #[inline(always)]
            fn repeat<L: Lanes>(lanes: L, x: Self) -> [Self; CHUNK] {
                lanes.$store(lanes.splat_i32(x.into()))
            }

            #[inline(always)]
            fn select<L: Lanes>(lanes: L, keep: u16, kept: [Self; CHUNK], dropped: [Self; CHUNK]) -> [Self; CHUNK] {
                cast(lanes.$select(keep, cast(kept), cast(dropped)))
            }

            /// The first one's, times 2^15.
            type Weights = i32;

            fn weights(keep: f64) -> i32 {
                (keep * 32768.0 + 0.5) as i32
            }

            #[inline(always)]
            fn sum<L: Lanes>(lanes: L, a: &[Self; CHUNK], b: &[Self; CHUNK]) -> [Self; CHUNK] {
                lanes.$store(lanes.$load(a) + lanes.$load(b))
            }

            /// Rounded to nearest, ties up. The difference of two `i16` times 2^15 is the most that 32 bits hold.
            #[inline(always)]
            fn mean<L: Lanes>(lanes: L, keep: i32, kept: &[Self; CHUNK], dropped: &[Self; CHUNK]) -> [Self; CHUNK] {
                let dropped = lanes.$load(dropped);
                let product = (lanes.$load(kept) - dropped) * lanes.splat_i32(keep);
                lanes.$store(lanes.sar(product + lanes.splat_i32(1 << 14), 15) + dropped)
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
integer!(u8, select_u8, load_u8, store_u8);
integer!(i16, select_u16, load_i16, store_i16);
