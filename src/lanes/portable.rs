//! Whatever `wide` finds at compile time: SSE2, NEON, wasm simd128.

use wide::{f32x16, u32x4, u32x16, u64x8};

use super::{Lanes, WideLanes};
use crate::bernoulli::Bernoulli;
use crate::planes::{GROUP, Planes};

#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Lanes for Portable {
    type F32x16 = f32x16;

    #[inline(always)]
    fn splat_f32(self, x: f32) -> f32x16 {
        f32x16::splat(x)
    }

    #[inline(always)]
    fn load_f32(self, x: &[f32; 16]) -> f32x16 {
        f32x16::new(*x)
    }

    #[inline(always)]
    fn store_f32(self, x: f32x16) -> [f32; 16] {
        x.to_array()
    }

    #[inline(always)]
    fn select_f32(self, keep: u16, kept: f32x16, dropped: f32x16) -> f32x16 {
        let lane = u32x16::new(core::array::from_fn(|i| 1 << i));
        let kept_lanes = (u32x16::splat(u32::from(keep)) & lane).simd_eq(lane);
        kept_lanes.select(kept, dropped)
    }

    #[inline(always)]
    fn blocks(self, mask: &Bernoulli, first: u64, keep: &mut [u128]) {
        Planes::new(self, mask).blocks(first, keep);
    }
}

impl WideLanes for Portable {
    type U64x8 = u64x8;

    #[inline(always)]
    fn splat(self, x: u64) -> u64x8 {
        u64x8::splat(x)
    }

    #[inline(always)]
    fn load(self, x: [u64; GROUP]) -> u64x8 {
        u64x8::new(x)
    }

    #[inline(always)]
    fn mul(self, x: u64x8, factor: u32) -> u64x8 {
        // Two lanes' halves are a `u32x4`. Of its four products only those of the low halves are used, which leaves one multiply
        // instruction a vector of 128 bits.
        let x = x.to_array();
        let pair = |i: usize| {
            let halves = u32x4::new([x[i] as u32, (x[i] >> 32) as u32, x[i + 1] as u32, (x[i + 1] >> 32) as u32]);
            let [first, _, second, _] = halves.widening_mul(u32x4::splat(factor)).to_array();
            [first, second]
        };
        let ([a, b], [c, d], [e, f], [g, h]) = (pair(0), pair(2), pair(4), pair(6));
        u64x8::new([a, b, c, d, e, f, g, h])
    }

    #[inline(always)]
    fn high(self, x: u64x8) -> u64x8 {
        x >> 32
    }

    #[inline(always)]
    fn swap(self, x: u64x8) -> u64x8 {
        x >> 32 | x << 32
    }

    #[inline(always)]
    fn interleave(self, [low, high]: [u64x8; 2]) -> [u128; GROUP] {
        let (low, high) = (low.to_array(), high.to_array());
        core::array::from_fn(|i| u128::from(low[i]) | u128::from(high[i]) << 64)
    }

    #[inline(always)]
    fn nonzero(self, x: u64x8) -> u8 {
        x.to_array().iter().rev().fold(0, |bits, &lane| bits << 1 | u8::from(lane != 0))
    }
}
