//! A mask in tiles: a stretch of decisions at a time, on the stack.

use crate::bernoulli::{BLOCK, Bernoulli};
use crate::lanes::{Generator, Lanes};

/// Decisions to a word of keep bits.
pub(crate) const WORD: usize = 64;

/// The keep bits of one block: decision i in bit `i % 64` of word `i / 64`.
pub(crate) type Block = [u64; BLOCK / WORD];

/// Blocks in a tile.
const TILE: usize = 32;

/// The tiles of a mask, one after another.
pub(crate) struct Tiles<G> {
    generator: G,
    /// The block that the next decision is in, and its place there: the same for every tile but the first.
    block: u64,
    skip: usize,
    left: usize,
    /// One block more than a tile, because a tile may start inside a block.
    keep: [Block; TILE + 1],
}

impl<'a, G: Generator> Tiles<G> {
    /// The tiles of this many decisions from logical index `first` on.
    #[inline(always)]
    pub(crate) fn new<L: Lanes<Generator<'a> = G>>(lanes: L, mask: &'a Bernoulli, first: u64, decisions: usize) -> Self {
        Self {
            generator: lanes.generator(mask),
            block: first / BLOCK as u64,
            skip: (first % BLOCK as u64) as usize,
            left: decisions,
            keep: [[0; 2]; TILE + 1],
        }
    }

    /// The number of decisions in the next tile and their keep bits, from bit 0 of the first word on, wherever that is in a block. Bits
    /// past the end are unspecified.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<(usize, &[u64])> {
        if self.left == 0 {
            return None;
        }
        let decisions = self.left.min(TILE * BLOCK);
        let blocks = self.keep.get_mut(..(self.skip + decisions).div_ceil(BLOCK))?;
        self.generator.blocks(self.block, blocks);
        let words = blocks.as_flattened_mut();
        if self.skip > 0 {
            shift(words, self.skip);
        }
        self.block = self.block.wrapping_add(TILE as u64);
        self.left -= decisions;
        words.get(..decisions.div_ceil(WORD)).map(|words| (decisions, words))
    }
}

/// Moves all bits down by less than a block.
fn shift(words: &mut [u64], by: usize) {
    let (whole, bits) = (by / WORD, by % WORD);
    words.copy_within(whole.., 0);
    if bits > 0 {
        let mut above = 0;
        for word in words.iter_mut().rev() {
            (*word, above) = (*word >> bits | above << (WORD - bits), *word);
        }
    }
}
