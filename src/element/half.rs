//! `f16` and `bf16` elements: constants and arithmetic are `f32`, and the result is rounded once more.

use half::{bf16, f16};

use super::sealed::{Element, Float, mean, sum, weights};
use crate::simd::{CHUNK, Lanes};

macro_rules! half {
    ($type:ty, $load:ident, $store:ident) => {
        impl Element for $type {
            const ZERO: Self = Self::ZERO;

            #[inline(always)]
            fn select<L: Lanes>(lanes: L, keep: u16, kept: [Self; CHUNK], dropped: [Self; CHUNK]) -> [Self; CHUNK] {
                lanes.select_u16(keep, kept.map(Self::to_bits), dropped.map(Self::to_bits)).map(Self::from_bits)
            }

            type Weights = [f32; 2];

            fn weights(keep: f64) -> [f32; 2] {
                weights::<Self>(keep)
            }

            #[inline(always)]
            fn sum<L: Lanes>(lanes: L, a: &[Self; CHUNK], b: &[Self; CHUNK]) -> [Self; CHUNK] {
                sum(lanes, a, b)
            }

            #[inline(always)]
            fn mean<L: Lanes>(lanes: L, weights: [f32; 2], kept: &[Self; CHUNK], dropped: &[Self; CHUNK]) -> [Self; CHUNK] {
                mean(lanes, weights, kept, dropped)
            }
        }

        impl Float for $type {
            type Number = f32;
            type Vector<L: Lanes> = L::F32s;

            fn number(x: f64) -> f32 {
                x as f32
            }

            fn constant(nearest: f32, _: impl FnOnce() -> f64) -> f32 {
                nearest
            }

            fn nearest(x: f32) -> Self {
                Self::from_f32(x)
            }

            #[inline(always)]
            fn splat<L: Lanes>(lanes: L, x: f32) -> L::F32s {
                lanes.splat_f32(x)
            }

            #[inline(always)]
            fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> L::F32s {
                lanes.$load(&x.map(Self::to_bits))
            }

            #[inline(always)]
            fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> L::F32s {
                lanes.load_f32(x)
            }

            #[inline(always)]
            fn store<L: Lanes>(lanes: L, x: L::F32s) -> [Self; CHUNK] {
                lanes.$store(x).map(Self::from_bits)
            }
        }
    };
}

half!(f16, load_f16, store_f16);
half!(bf16, load_bf16, store_bf16);
