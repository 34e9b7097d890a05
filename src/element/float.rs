//! `f32` and `f64` elements.

use super::sealed::{Element, Float, mean, sum, weights};
use crate::simd::{CHUNK, Lanes, SOFT_FLOAT};

impl Element for f32 {
    const ZERO: Self = 0.0;

    const IN_SOFTWARE: bool = SOFT_FLOAT;

    #[inline(always)]
    fn select<L: Lanes>(lanes: L, keep: u16, kept: [Self; CHUNK], dropped: [Self; CHUNK]) -> [Self; CHUNK] {
        lanes.store_f32(lanes.select_f32(keep, lanes.load_f32(&kept), lanes.load_f32(&dropped)))
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

impl Float for f32 {
    type Number = Self;
    type Vector<L: Lanes> = L::F32s;

    fn number(x: f64) -> Self {
        x as Self
    }

    fn constant(nearest: Self, _: impl FnOnce() -> f64) -> Self {
        nearest
    }

    fn nearest(x: Self) -> Self {
        x
    }

    #[inline(always)]
    fn splat<L: Lanes>(lanes: L, x: Self) -> L::F32s {
        lanes.splat_f32(x)
    }

    #[inline(always)]
    fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> L::F32s {
        lanes.load_f32(x)
    }

    #[inline(always)]
    fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> L::F32s {
        lanes.load_f32(x)
    }

    #[inline(always)]
    fn store<L: Lanes>(lanes: L, x: L::F32s) -> [Self; CHUNK] {
        lanes.store_f32(x)
    }
}

impl Element for f64 {
    const ZERO: Self = 0.0;

    #[inline(always)]
    fn select<L: Lanes>(lanes: L, keep: u16, kept: [Self; CHUNK], dropped: [Self; CHUNK]) -> [Self; CHUNK] {
        lanes.store_f64(lanes.select_f64(keep, lanes.load_f64(&kept), lanes.load_f64(&dropped)))
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

impl Float for f64 {
    type Number = Self;
    type Vector<L: Lanes> = L::F64s;

    fn number(x: f64) -> Self {
        x
    }

    fn constant(_: f32, exact: impl FnOnce() -> Self) -> Self {
        exact()
    }

    fn nearest(x: Self) -> Self {
        x
    }

    #[inline(always)]
    fn splat<L: Lanes>(lanes: L, x: Self) -> L::F64s {
        lanes.splat_f64(x)
    }

    #[inline(always)]
    fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> L::F64s {
        lanes.load_f64(x)
    }

    #[inline(always)]
    fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> L::F64s {
        lanes.load_f64(&x.map(Self::from))
    }

    #[inline(always)]
    fn store<L: Lanes>(lanes: L, x: L::F64s) -> [Self; CHUNK] {
        lanes.store_f64(x)
    }
}
