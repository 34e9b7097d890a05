//! Whatever `wide` finds at compile time: SSE2, NEON, wasm simd128.

use wide::{f32x16, u32x4, u32x16, u64x8};

use super::{Lanes, WideLanes};
use crate::bernoulli::Bernoulli;
use crate::planes::{GROUP, Planes};
use crate::tiles::Block;

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

    type Generator<'a> = Planes<'a, Self>;

    #[inline(always)]
    fn generator(self, mask: &Bernoulli) -> Planes<'_, Self> {
        Planes::new(self, mask)
    }
}

impl WideLanes for Portable {
    type U64x8 = u64x8;

    #[inline(always)]
    fn splat(self, x: u64) -> u64x8 {
        u64x8::splat(x)
    }

    #[inline(always)]
    fn count_from(self, first: u64) -> u64x8 {
        u64x8::splat(first) + u64x8::new([0, 1, 2, 3, 4, 5, 6, 7])
    }

    #[inline(always)]
    fn shl27(self, x: u64x8) -> u64x8 {
        x << 27
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
    fn interleave(self, [low, high]: [u64x8; 2]) -> [Block; GROUP] {
        let (low, high) = (low.to_array(), high.to_array());
        core::array::from_fn(|i| [low[i], high[i]])
    }

    #[inline(always)]
    fn nonzero(self, x: u64x8) -> u8 {
        x.to_array().iter().rev().fold(0, |bits, &lane| bits << 1 | u8::from(lane != 0))
    }
}
