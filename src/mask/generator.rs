//! What computes masks: whole groups of blocks on wide lanes, block by block on scalar ones.

use super::bernoulli::Bernoulli;
use super::stream::{BLOCK, Domain, Stream};
use super::tile::{Block, split};
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
    /// The keep bits of one block, right for the decisions that are wanted.
    fn block(&self, block: u64, wanted: u128) -> Block;

    /// The keep bits of consecutive blocks.
    fn blocks<W: Work>(&self, first: u64, keep: &mut [Block], work: &mut W);
}

/// What can be done while a mask is computed: the random planes keep the multipliers busy, and the values of the tile before keep the
/// memory busy, so a generator that has planes to compute does some work between them.
pub(crate) trait Work {
    /// Whether there is any at all.
    const ANY: bool = true;

    /// Does the work of this many limbs of keep bits, if so much is left.
    fn advance(&mut self, limbs: usize);
}

/// Nothing to do.
impl Work for () {
    const ANY: bool = false;

    #[inline(always)]
    fn advance(&mut self, _: usize) {}
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
        split(Bernoulli::block(self, block, wanted))
    }

    fn blocks<W: Work>(&self, first: u64, keep: &mut [Block], _: &mut W) {
        for (i, keep) in keep.iter_mut().enumerate() {
            *keep = Generator::block(self, first.wrapping_add(i as u64), u128::MAX);
        }
    }
}
