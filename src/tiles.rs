//! A mask in tiles: a stretch of decisions at a time, on the stack.

use crate::bernoulli::{BLOCK, Bernoulli};
use crate::lanes::Lanes;

/// Decisions to a word of keep bits.
pub(crate) const WORD: usize = 64;

/// Words to a block.
pub(crate) const BLOCK_WORDS: usize = BLOCK / WORD;

/// The keep bits of one block: decision i in bit `i % 64` of word `i / 64`.
pub(crate) type Block = [u64; BLOCK_WORDS];

/// A block's bits as one integer.
pub(crate) fn join([low, high]: Block) -> u128 {
    u128::from(low) | u128::from(high) << 64
}

/// The block of an integer's bits.
pub(crate) fn split(bits: u128) -> Block {
    [bits as u64, (bits >> 64) as u64]
}

/// Blocks in a tile.
const TILE: usize = 16;

/// The keep bits of a tile. One block more, because a tile may start inside a block.
pub(crate) type Keep = [u64; (TILE + 1) * BLOCK_WORDS];

pub(crate) const NOTHING_KEPT: Keep = [0; (TILE + 1) * BLOCK_WORDS];

/// A mask, ready to be computed.
pub(crate) trait Generator {
    /// The keep bits of one block.
    fn block(&self, block: u64) -> Block;

    /// The keep bits of consecutive blocks.
    fn blocks(&self, first: u64, keep: &mut [Block], work: &mut impl Work);
}

/// What can be done while a mask is computed: the random planes keep the multipliers busy, and the values of the tile before keep the
/// memory busy, so a generator that has planes to compute does some work between them.
pub(crate) trait Work {
    /// Does the work of this many words of keep bits, if so much is left.
    fn advance(&mut self, words: usize);
}

/// Nothing to do.
impl Work for () {
    #[inline(always)]
    fn advance(&mut self, _: usize) {}
}

/// The tiles of a mask, one after another.
pub(crate) struct Tiles<G> {
    generator: G,
    /// The block that the next decision is in, and its place there: the same for every tile but the first.
    block: u64,
    skip: usize,
    left: usize,
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
        }
    }

    /// Computes the keep bits of the next tile, doing `work` meanwhile, and returns the number of its decisions. Their bits start at
    /// bit 0 of the first word, wherever that is in a block; bits past their end are unspecified.
    #[inline(always)]
    pub(crate) fn next(&mut self, keep: &mut Keep, work: &mut impl Work) -> Option<usize> {
        if self.left == 0 {
            return None;
        }
        let decisions = self.left.min(TILE * BLOCK);
        let (blocks, _) = keep.as_chunks_mut();
        self.generator.blocks(self.block, blocks.get_mut(..(self.skip + decisions).div_ceil(BLOCK))?, work);
        if self.skip > 0 {
            shift(keep.as_chunks_mut().0, self.skip);
        }
        self.block = self.block.wrapping_add(TILE as u64);
        self.left -= decisions;
        Some(decisions)
    }
}

/// The keep bits of so few decisions that they lie in one block, without the set-up that pays for many; `None` if they do not.
#[inline(always)]
pub(crate) fn within_block<L: Lanes>(lanes: L, mask: &Bernoulli, first: u64, decisions: usize) -> Option<Block> {
    let skip = (first % BLOCK as u64) as usize;
    if decisions > BLOCK - skip {
        return None;
    }
    let keep = lanes.generator(mask).block(first / BLOCK as u64);
    Some(split(join(keep) >> skip))
}

/// Moves all bits down by some, but less than a block.
fn shift(blocks: &mut [Block], by: usize) {
    let mut above = 0;
    for block in blocks.iter_mut().rev() {
        let bits = join(*block);
        *block = split(bits >> by | above << (BLOCK - by));
        above = bits;
    }
}
