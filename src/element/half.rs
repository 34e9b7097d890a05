//! `f16` and `bf16` elements: constants and arithmetic are `f32`, and the result is rounded once more.

use bytemuck::must_cast as cast;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use half::{bf16, f16};

use super::sealed::{Element, Float, mean, sum, weights};
use crate::simd::{CHUNK, Lanes};

/// The bits of a chunk. To convert element by element is a loop that the compiler leaves as it is, but for opt-level 3.
#[inline(always)]
fn bits<E>(x: &[E; CHUNK]) -> &[u16; CHUNK]
where
    [E]: HalfFloatSliceExt,
{
    x.reinterpret_cast().first_chunk().unwrap_or(&[0; CHUNK])
}

macro_rules! half {
    ($type:ty, $load:ident, $store:ident, $of_bits:ident) => {
        /// The chunk of these bits.
        #[inline(always)]
        fn $of_bits(bits: [u16; CHUNK]) -> [$type; CHUNK] {
            *bits.reinterpret_cast().first_chunk().unwrap_or(&[<$type>::ZERO; CHUNK])
        }

        impl Element for $type {
            const ZERO: Self = Self::ZERO;

            #[inline(always)]
            fn repeat<L: Lanes>(lanes: L, x: Self) -> [Self; CHUNK] {
                $of_bits(cast(lanes.store_i16(lanes.splat_i32(x.to_bits().cast_signed().into()))))
            }

            #[inline(always)]
            fn select<L: Lanes>(lanes: L, keep: u16, kept: [Self; CHUNK], dropped: [Self; CHUNK]) -> [Self; CHUNK] {
                $of_bits(lanes.select_u16(keep, *bits(&kept), *bits(&dropped)))
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
                lanes.$load(bits(x))
            }

            #[inline(always)]
            fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> L::F32s {
                lanes.load_f32(x)
            }

            #[inline(always)]
            fn store<L: Lanes>(lanes: L, x: L::F32s) -> [Self; CHUNK] {
                $of_bits(lanes.$store(x))
            }
        }
    };
}

half!(f16, load_f16, store_f16, f16_of_bits);
half!(bf16, load_bf16, store_bf16, bf16_of_bits);
