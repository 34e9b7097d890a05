//! What computes masks: whole groups of blocks on wide lanes, block by block on scalar ones.

use super::bernoulli::{ALL, Bernoulli, Words};
use super::stream::{BLOCK, Domain, Stream};
use super::tile::{Block, TILE, from_words};
use crate::simd::{CHUNK, Lanes, Scalar};

/// Lanes that come with a generator of random bits.
pub(crate) trait Generate: Lanes {
    type Generator<'a>: Generator;

    fn generator(self, mask: &Bernoulli) -> Self::Generator<'_>;

    /// The words of a block's calls of noise, in order.
    fn noise(self, stream: &Stream, block: u64) -> [Self::I32s; BLOCK / CHUNK];
}

/// A mask, ready to be computed.
pub(crate) trait Generator {
    /// The keep bits of one block, right for the `wanted` decisions.
    fn block(&self, number: u64, wanted: Words) -> Block;

    /// The keep bits of this block and of those that follow it.
    fn blocks(&self, first: u64, keep: &mut [Block]);

    /// The keep bits of the first blocks of a list.
    fn each(&self, numbers: &[u64; TILE], keep: &mut [Block]);
}

impl Generate for Scalar {
    type Generator<'a> = &'a Bernoulli;

    #[inline(always)]
    fn generator(self, mask: &Bernoulli) -> &Bernoulli {
        mask
    }

    #[inline(always)]
    fn noise(self, stream: &Stream, block: u64) -> [Self::I32s; BLOCK / CHUNK] {
        let mut words = [[0; 4]; BLOCK / 4];
        for (words, k) in words.iter_mut().zip(0..) {
            *words = stream.call(block, Domain::Noise, k).map(u32::cast_signed);
        }
        let mut noise = [self.splat_i32(0); BLOCK / CHUNK];
        for (noise, words) in noise.iter_mut().zip(words.as_flattened().as_chunks().0) {
            *noise.as_mut() = *words;
        }
        noise
    }
}

impl Generator for &Bernoulli {
    fn block(&self, number: u64, wanted: Words) -> Block {
        from_words(Bernoulli::block(self, number, wanted))
    }

    fn blocks(&self, first: u64, keep: &mut [Block]) {
        for (keep, i) in keep.iter_mut().zip(0..) {
            whole_block(self, first.wrapping_add(i), keep);
        }
    }

    fn each(&self, numbers: &[u64; TILE], keep: &mut [Block]) {
        for (keep, number) in keep.iter_mut().zip(numbers) {
            whole_block(self, *number, keep);
        }
    }
}

/// One function that all kernels call, so that an image has its code once.
fn whole_block(mask: &Bernoulli, number: u64, keep: &mut Block) {
    *keep = from_words(mask.block(number, ALL));
}
