//! Decisions in tiles: a stretch at a time, on the stack.

use crate::bernoulli::Bernoulli;
use crate::lanes::{Lanes, PORTABLE_IS_VECTORS};
use crate::stream::BLOCK;
use crate::{Address, Rate};

/// Decisions to a word of keep bits.
pub(crate) const WORD: usize = 64;

/// Words to a block.
pub(crate) const BLOCK_WORDS: usize = BLOCK / WORD;

/// The keep bits of one block: decision i in bit `i % 64` of word `i / 64`.
pub(crate) type Block = [u64; BLOCK_WORDS];

/// A block's bits as one integer.
pub(crate) const fn join([low, high]: Block) -> u128 {
    low as u128 | (high as u128) << 64
}

/// The block of an integer's bits.
pub(crate) const fn split(bits: u128) -> Block {
    [bits as u64, (bits >> 64) as u64]
}

/// The first so many decisions of a word, at least one, or all of them; zeros after these.
pub(crate) fn first_of(word: u64, decisions: usize) -> u64 {
    let unused = WORD - decisions.min(WORD);
    word << unused >> unused
}

/// Blocks in a tile: as many as make it worth their while to settle them together, where there are vectors for it.
pub(crate) const TILE: usize = if PORTABLE_IS_VECTORS { 32 } else { 2 };

/// Sixty-four decisions.
pub(crate) trait Word {
    /// Sixty-four like number `i` of these.
    fn all_like(&self, i: usize) -> Self;
}

/// Keep bits.
impl Word for u64 {
    #[inline(always)]
    fn all_like(&self, i: usize) -> Self {
        (self >> i & 1).wrapping_neg()
    }
}

/// Decisions of a stretch, computed together.
pub(crate) trait Tile {
    type Word: Word;

    const NEW: Self;

    /// The most decisions that one can hold.
    const CAPACITY: usize;

    /// From the first decision on.
    fn words(&self) -> &[Self::Word];

    /// The `period` decisions of another tile that begin with number `from`, over and over: `len` of these, after the first `skip`.
    fn cycle(&mut self, tile: &Self, from: usize, period: usize, skip: usize, len: usize);

    /// The decisions of another tile from number `from` on, each `times` times on end: `len` of these, after the first `skip`.
    fn spread(&mut self, tile: &Self, from: usize, times: usize, skip: usize, len: usize);
}

/// The keep bits of a tile. One block more, because a tile may start inside a block.
pub(crate) type Keep = [u64; (TILE + 1) * BLOCK_WORDS];

impl Tile for Keep {
    type Word = u64;

    const NEW: Self = [0; (TILE + 1) * BLOCK_WORDS];

    const CAPACITY: usize = size_of::<Self>() * 8;

    #[inline(always)]
    fn words(&self) -> &[u64] {
        self
    }

    fn cycle(&mut self, tile: &Self, from: usize, period: usize, skip: usize, len: usize) {
        let period = period.max(1);
        let mut next = skip % period;
        if period >= WORD {
            return fill(self, len, |room| {
                let run = (period - next).min(room);
                let bits = bits_from(tile, from + next);
                next = if next + run < period { next + run } else { 0 };
                (bits, run)
            });
        }
        // So many periods at once as fit.
        let (mut bits, mut width) = (u128::from(first_of(bits_from(tile, from), period)), period);
        while width <= WORD {
            bits |= bits << width;
            width *= 2;
        }
        fill(self, len, |room| {
            let run = (width - next).min(room);
            let word = (bits >> next) as u64;
            next = (next + run) % period;
            (word, run)
        });
    }

    fn spread(&mut self, tile: &Self, from: usize, times: usize, skip: usize, len: usize) {
        let (mut next, mut used) = (from + skip / times.max(1), skip % times.max(1));
        fill(self, len, |room| {
            let run = (times - used).min(room);
            let bits = (bits_from(tile, next) & 1).wrapping_neg();
            (next, used) = if used + run < times { (next, used + run) } else { (next + 1, 0) };
            (bits, run)
        });
    }
}

/// The 64 bits of a tile from number `from` on.
fn bits_from(tile: &Keep, from: usize) -> u64 {
    let word = |i: usize| tile.get(from / WORD + i).copied().unwrap_or(0);
    (join([word(0), word(1)]) >> (from % WORD)) as u64
}

/// Fills the words of `len` decisions with runs of bits: given the room that is left in a word, `run` gives the next bits and how many of
/// them count.
fn fill(tile: &mut Keep, len: usize, mut run: impl FnMut(usize) -> (u64, usize)) {
    for word in tile.iter_mut().take(len.div_ceil(WORD)) {
        let mut filled = 0;
        *word = 0;
        while filled < WORD {
            let (bits, len) = run(WORD - filled);
            // What is too much goes over the end or is overwritten with what follows.
            *word = *word & !(u64::MAX << filled) | bits << filled;
            filled += len.max(1);
        }
    }
}

/// Decisions, whence they may come: computed from an address, or read where they were stored.
pub(crate) trait Source {
    type Tile: Tile;
    type Tiles<'a, L: Lanes>: Tiles<Self::Tile>
    where
        Self: 'a;

    /// The first so many decisions, in tiles of at most `blocks` times 128, which are at most [`TILE`].
    fn tiles<L: Lanes>(&mut self, lanes: L, decisions: usize, blocks: usize) -> Self::Tiles<'_, L>;

    /// The first decisions, if they are so few that there is a shorter way to them than a tile.
    #[inline(always)]
    fn few<L: Lanes>(&self, _: L, _: usize) -> Option<[<Self::Tile as Tile>::Word; BLOCK_WORDS]> {
        None
    }
}

/// The tiles of some decisions, one after another.
pub(crate) trait Tiles<T> {
    /// Makes the next tile, doing `work` meanwhile, and returns the number of its decisions. What the words have past their end is
    /// unspecified.
    fn next(&mut self, tile: &mut T, work: &mut impl Work) -> Option<usize>;
}

/// The decisions of a mask from logical index `first` on.
pub(crate) struct Computed {
    mask: Bernoulli,
    first: u64,
}

impl Computed {
    pub(crate) const fn new(rate: Rate, address: Address) -> Self {
        Self { mask: Bernoulli::new(rate, address), first: address.offset }
    }
}

impl Source for Computed {
    type Tile = Keep;
    type Tiles<'a, L: Lanes> = ComputedTiles<L::Generator<'a>>;

    #[inline(always)]
    fn tiles<L: Lanes>(&mut self, lanes: L, decisions: usize, blocks: usize) -> ComputedTiles<L::Generator<'_>> {
        ComputedTiles {
            generator: lanes.generator(&self.mask),
            block: self.first / BLOCK as u64,
            skip: (self.first % BLOCK as u64) as usize,
            left: decisions,
            blocks,
        }
    }

    /// Those within one block, without the set-up that pays for many.
    #[inline(always)]
    fn few<L: Lanes>(&self, lanes: L, decisions: usize) -> Option<Block> {
        let skip = (self.first % BLOCK as u64) as usize;
        if decisions > BLOCK - skip {
            return None;
        }
        let wanted = u128::MAX.checked_shr((BLOCK - decisions) as u32).unwrap_or(0) << skip;
        let keep = lanes.generator(&self.mask).block(self.first / BLOCK as u64, wanted);
        Some(split(join(keep) >> skip))
    }
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

    /// Does the work of this many words of keep bits, if so much is left.
    fn advance(&mut self, words: usize);
}

/// Nothing to do.
impl Work for () {
    const ANY: bool = false;

    #[inline(always)]
    fn advance(&mut self, _: usize) {}
}

pub(crate) struct ComputedTiles<G> {
    generator: G,
    /// The block that the next decision is in, and its place there: the same for every tile but the first.
    block: u64,
    skip: usize,
    left: usize,
    /// In a whole tile.
    blocks: usize,
}

impl<G: Generator> Tiles<Keep> for ComputedTiles<G> {
    #[inline(always)]
    fn next(&mut self, keep: &mut Keep, work: &mut impl Work) -> Option<usize> {
        if self.left == 0 {
            return None;
        }
        let decisions = self.left.min(self.blocks * BLOCK);
        let (blocks, _) = keep.as_chunks_mut();
        self.generator.blocks(self.block, blocks.get_mut(..(self.skip + decisions).div_ceil(BLOCK))?, work);
        if self.skip > 0 {
            shift(keep.as_chunks_mut().0, self.skip);
        }
        self.block = self.block.wrapping_add(self.blocks as u64);
        self.left -= decisions;
        Some(decisions)
    }
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
