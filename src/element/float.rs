//! `f32` and `f64` elements.

use super::sealed::{Element, Float, mean, sum, weights};
use crate::simd::{CHUNK, Lanes, SOFT_FLOAT};

macro_rules! float {
    (
        $type:ident in $vector:ident, $in_software:expr, $splat:ident, $load:ident, $store:ident, $select:ident;
        constant: |$nearest:ident, $exact:ident| $constant:expr;
        noise: |$noise:ident| $of_noise:expr;
    ) => {
        impl Element for $type {
            const ZERO: Self = 0.0;

            const IN_SOFTWARE: bool = $in_software;

            #[inline(always)]
            fn repeat<L: Lanes>(lanes: L, x: Self) -> [Self; CHUNK] {
                lanes.$store(lanes.$splat(x))
            }

            #[inline(always)]
            fn select<L: Lanes>(lanes: L, keep: u16, kept: [Self; CHUNK], dropped: [Self; CHUNK]) -> [Self; CHUNK] {
                lanes.$store(lanes.$select(keep, lanes.$load(&kept), lanes.$load(&dropped)))
            }

            type Weights = [Self; 2];

            fn weights(keep: f64) -> [Self; 2] {
                weights::<Self>(keep)
            }

            #[inline(always)]
            fn sum<L: Lanes>(lanes: L, a: &[Self; CHUNK], b: &[Self; CHUNK]) -> [Self; CHUNK] {
                sum(lanes, a, b)
            }

            #[inline(always)]
            fn mean<L: Lanes>(lanes: L, weights: [Self; 2], kept: &[Self; CHUNK], dropped: &[Self; CHUNK]) -> [Self; CHUNK] {
                mean(lanes, weights, kept, dropped)
            }
        }

        impl Float for $type {
            type Number = Self;
            type Vector<L: Lanes> = L::$vector;

            fn number(x: f64) -> Self {
                x as Self
            }

            fn constant($nearest: f32, $exact: impl FnOnce() -> f64) -> Self {
                $constant
            }

            fn nearest(x: Self) -> Self {
                x
            }

            #[inline(always)]
            fn splat<L: Lanes>(lanes: L, x: Self) -> L::$vector {
                lanes.$splat(x)
            }

            #[inline(always)]
            fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> L::$vector {
                lanes.$load(x)
            }

            #[inline(always)]
            fn load_f32<L: Lanes>(lanes: L, $noise: &[f32; CHUNK]) -> L::$vector {
                lanes.$load($of_noise)
            }

            #[inline(always)]
            fn store<L: Lanes>(lanes: L, x: L::$vector) -> [Self; CHUNK] {
                lanes.$store(x)
            }
        }
    };
}

float! {
    f32 in F32s, SOFT_FLOAT, splat_f32, load_f32, store_f32, select_f32;
    constant: |nearest, _exact| nearest;
    noise: |x| x;
}

float! {
    f64 in F64s, false, splat_f64, load_f64, store_f64, select_f64;
    constant: |_nearest, exact| exact();
    noise: |x| &widened(x);
}

/// As `map` would have it, which some builds call for each chunk.
#[inline(always)]
fn widened(x: &[f32; CHUNK]) -> [f64; CHUNK] {
    let mut wide = [0.0; CHUNK];
    wide.iter_mut().zip(x).for_each(|(to, from)| *to = f64::from(*from));
    wide
}
