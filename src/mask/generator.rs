//! What computes masks and noise: whole groups of blocks on wide lanes, block by block on scalar ones.

use super::bernoulli::{ALL, Bernoulli, Threshold};
use super::stream::{BLOCK, Domain, Stream};
use super::tile::{Block, from_words};
use crate::simd::{CHUNK, Lanes, Scalar, Task};

/// Which blocks to compute. It goes by reference, as what is moved just after it was written stalls.
pub(crate) enum Numbers<'a> {
    /// This one and those that follow it.
    From(u64),
    Of(&'a [u64]),
}

impl Numbers<'_> {
    #[inline(always)]
    pub(crate) fn get(&self, i: usize) -> u64 {
        match *self {
            Self::From(first) => first.wrapping_add(i as u64),
            Self::Of(numbers) => numbers.get(i).copied().unwrap_or(0),
        }
    }
}

/// Lanes that come with a generator of random bits.
pub(crate) trait Generate: Lanes {
    /// The keep bits of the blocks with these numbers.
    fn blocks(self, mask: &Bernoulli, numbers: &Numbers<'_>, keep: &mut [Block]);

    /// Those of a few blocks, each by itself.
    fn singly(self, few: Few<'_>);

    /// The words of a block's calls of noise, in order.
    fn noise(self, stream: &Stream, block: u64) -> [Self::I32s; BLOCK / CHUNK];
}

impl Generate for Scalar {
    fn blocks(self, mask: &Bernoulli, numbers: &Numbers<'_>, keep: &mut [Block]) {
        for (i, keep) in keep.iter_mut().enumerate() {
            *keep = from_words(mask.block(numbers.get(i), ALL));
        }
    }

    fn singly(self, Few { stream, threshold, numbers, keep }: Few<'_>) {
        self.blocks(&Bernoulli { stream: *stream, threshold: *threshold }, &numbers, keep);
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

/// Computes blocks on the lanes of a backend.
pub(super) struct Blocks<'a> {
    pub(super) mask: &'a Bernoulli,
    pub(super) numbers: &'a Numbers<'a>,
    pub(super) keep: &'a mut [Block],
}

impl<L: Generate> Task<L> for Blocks<'_> {
    #[inline(always)]
    fn run(self, lanes: L) {
        lanes.blocks(self.mask, self.numbers, self.keep);
    }
}

/// Computes a few blocks on the lanes of a backend, each by itself.
pub(crate) struct Few<'a> {
    pub(super) stream: &'a Stream,
    pub(super) threshold: &'a Threshold,
    pub(super) numbers: Numbers<'a>,
    pub(super) keep: &'a mut [Block],
}

impl<L: Generate> Task<L> for Few<'_> {
    #[inline(always)]
    fn run(self, lanes: L) {
        lanes.singly(self);
    }
}
