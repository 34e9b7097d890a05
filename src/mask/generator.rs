//! What computes masks: whole groups of blocks on wide lanes, block by block on scalar ones.

use super::bernoulli::Bernoulli;
use super::stream::{BLOCK, Domain, Stream};
use super::tile::{Block, TILE, from_u128};
use crate::simd::{CHUNK, GROUP, Lanes, Scalar, WideLanes};

/// Lanes that come with a generator of random bits.
pub(crate) trait Generate: Lanes {
    type Generator<'a>: Generator;

    fn generator(self, mask: &Bernoulli) -> Self::Generator<'_>;

    /// The words of a block's calls of noise, in order.
    fn noise(self, stream: &Stream, block: u64) -> [Self::I32x16; BLOCK / CHUNK];
}

/// A mask, ready to be computed.
pub(crate) trait Generator {
    /// The keep bits of one block, right for the `wanted` decisions.
    fn block(&self, block: u64, wanted: u128) -> Block;

    /// The keep bits of as many blocks as there is room for.
    fn blocks(&self, numbers: impl Numbers, keep: &mut [Block]);
}

/// Which blocks to compute.
pub(crate) trait Numbers: Copy {
    fn get(self, i: usize) -> u64;

    /// Those from number `i` on.
    fn group<L: WideLanes>(self, lanes: L, i: usize) -> L::U64x8;
}

/// This one and those after it.
#[derive(Clone, Copy)]
pub(crate) struct Consecutive(pub(crate) u64);

impl Numbers for Consecutive {
    #[inline(always)]
    fn get(self, i: usize) -> u64 {
        self.0.wrapping_add(i as u64)
    }

    #[inline(always)]
    fn group<L: WideLanes>(self, lanes: L, i: usize) -> L::U64x8 {
        lanes.count_from(self.get(i))
    }
}

/// Those of a list, of which the first count.
impl Numbers for &[u64; TILE] {
    #[inline(always)]
    fn get(self, i: usize) -> u64 {
        debug_assert!(i < self.len());
        self.as_slice().get(i).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn group<L: WideLanes>(self, lanes: L, i: usize) -> L::U64x8 {
        debug_assert!(i.is_multiple_of(GROUP));
        lanes.load(self.as_chunks().0.get(i / GROUP).unwrap_or(&[0; GROUP]))
    }
}

impl Generate for Scalar {
    type Generator<'a> = &'a Bernoulli;

    #[inline(always)]
    fn generator(self, mask: &Bernoulli) -> &Bernoulli {
        mask
    }

    #[inline(always)]
    fn noise(self, stream: &Stream, block: u64) -> [Self::I32x16; BLOCK / CHUNK] {
        let mut noise = [self.splat_i32(0); BLOCK / CHUNK];
        let fours = noise.iter_mut().flat_map(|lanes| lanes.as_mut().as_chunks_mut().0);
        for (four, k) in fours.zip(0..) {
            *four = stream.call(block, Domain::Noise, k).map(u32::cast_signed);
        }
        noise
    }
}

impl Generator for &Bernoulli {
    fn block(&self, block: u64, wanted: u128) -> Block {
        let mut keep = [[0; 2]];
        blocks(self, Consecutive(block), wanted, &mut keep);
        keep[0]
    }

    fn blocks(&self, numbers: impl Numbers, keep: &mut [Block]) {
        blocks(self, numbers, u128::MAX, keep);
    }
}

/// One function that all kernels call: it computes once what blocks have in common, and its code is in an image once.
#[inline(never)]
fn blocks(mask: &Bernoulli, numbers: impl Numbers, wanted: u128, keep: &mut [Block]) {
    for (i, keep) in keep.iter_mut().enumerate() {
        *keep = from_u128(mask.block(numbers.get(i), wanted));
    }
}
