//! What computes masks: whole groups of blocks on wide lanes, block by block on scalar ones.

use super::bernoulli::Bernoulli;
use super::stream::{BLOCK, Domain, Stream};
use super::tile::{Block, from_u128};
use crate::simd::{CHUNK, Lanes, Scalar};

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

    /// The keep bits of consecutive blocks.
    fn blocks(&self, first: u64, keep: &mut [Block]);
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
        blocks(self, block, wanted, &mut keep);
        keep[0]
    }

    fn blocks(&self, first: u64, keep: &mut [Block]) {
        blocks(self, first, u128::MAX, keep);
    }
}

/// One function that every kernel calls: it computes once what blocks have in common, and its code is in an image once.
#[inline(never)]
fn blocks(mask: &Bernoulli, first: u64, wanted: u128, keep: &mut [Block]) {
    for (i, keep) in keep.iter_mut().enumerate() {
        *keep = from_u128(mask.block(first.wrapping_add(i as u64), wanted));
    }
}
