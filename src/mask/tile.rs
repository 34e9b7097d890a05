//! A stretch of consecutive decisions, on the stack.

use core::borrow::Borrow;

use super::stream::BLOCK;
use crate::simd::{Limb, VECTORS, with_vectors, without_vectors};

/// Decisions in a limb, the unit that tiles are made of. (A word is 32 bits: of a generator's output or of a packed
/// mask.)
pub(crate) const LIMB: usize = Limb::BITS as usize;

/// Words in a limb.
pub(crate) const LIMB_WORDS: usize = LIMB / 32;

/// Limbs in a block.
pub(crate) const BLOCK_LIMBS: usize = BLOCK / LIMB;

/// The keep bits of one block: decision i in bit `i % 64` of limb `i / 64`.
pub(crate) type Block = [Limb; BLOCK_LIMBS];

/// A block's bits as one integer.
pub(crate) const fn to_u128(block: Block) -> u128 {
    let (mut bits, mut i) = (0, 0);
    while i < BLOCK_LIMBS {
        bits |= (block[i] as u128) << (i * LIMB);
        i += 1;
    }
    bits
}

/// The block of an integer's bits.
pub(crate) const fn from_u128(bits: u128) -> Block {
    let (mut block, mut i) = ([0; BLOCK_LIMBS], 0);
    while i < BLOCK_LIMBS {
        block[i] = (bits >> (i * LIMB)) as Limb;
        i += 1;
    }
    block
}

/// The words of an integer's bits.
pub(crate) const fn words_of(bits: u128) -> [u32; 4] {
    [bits as u32, (bits >> 32) as u32, (bits >> 64) as u32, (bits >> 96) as u32]
}

with_vectors! {
    /// The block of four words, of which the first has the first decisions.
    #[inline(always)]
    pub(crate) const fn from_words([a, b, c, d]: [u32; 4]) -> Block {
        [a as u64 | (b as u64) << 32, c as u64 | (d as u64) << 32]
    }
}

without_vectors! {
    /// The block of four words, of which the first has the first decisions.
    #[inline(always)]
    pub(crate) const fn from_words(words: [u32; 4]) -> Block {
        words
    }
}

/// The words of a limb, that with the first decisions first.
#[inline(always)]
pub(crate) fn to_words(limb: Limb) -> [u32; LIMB_WORDS] {
    core::array::from_fn(|i| (limb >> (32 * i)) as u32)
}

/// The first `decisions` decisions of a limb, of which there are one or more; zeros after them.
pub(crate) fn first_of(limb: Limb, decisions: usize) -> Limb {
    let unused = LIMB - decisions.min(LIMB);
    limb << unused >> unused
}

/// Blocks in a tile. An out-of-order CPU computes the next tile while the stores of this one drain, so that long tiles
/// are slower; short ones pay for each set-up.
pub(crate) const TILE: usize = if VECTORS { 16 } else { 2 };

/// Consecutive decisions, computed together.
pub(crate) trait Tile {
    /// Decisions, as many as a limb of keep bits has.
    type Limb;

    const NEW: Self;

    /// No decisions.
    const NONE: Self::Limb;

    /// The most decisions that one can hold.
    const CAPACITY: usize;

    /// From decision `from` on. What the limbs have past the last decision is unspecified.
    fn limbs(&self, from: usize) -> impl Iterator<Item: Borrow<Self::Limb>>;

    /// A limb of decisions like number `i` of a limb.
    fn all_like(limb: &Self::Limb, i: usize) -> Self::Limb;

    /// Becomes `len` decisions of an endless repetition of the `period` decisions of `tile` from `from` on, without the
    /// first `skip`.
    fn cycle(&mut self, tile: &Self, from: usize, period: usize, skip: usize, len: usize);

    /// Becomes `len` decisions of those of `tile` from `from` on, each repeated `times` times, without the first
    /// `skip`.
    fn spread(&mut self, tile: &Self, from: usize, times: usize, skip: usize, len: usize);
}

/// The keep bits of a tile.
pub(crate) struct Keep {
    /// The block that the tile before has not used up; one block more than a tile has, because a tile may start inside
    /// a block; and a limb of zeros, so that every limb has a next one to shift bits from.
    bits: [Limb; (TILE + 2) * BLOCK_LIMBS + 1],
    /// The bit of the first decision.
    from: usize,
}

impl Tile for Keep {
    type Limb = Limb;

    const NONE: Limb = 0;

    const NEW: Self = Self { bits: [0; (TILE + 2) * BLOCK_LIMBS + 1], from: 0 };

    const CAPACITY: usize = (TILE + 2) * BLOCK;

    /// Shifted as they are read: moving all bits to the front took longer.
    #[inline(always)]
    fn limbs(&self, from: usize) -> impl Iterator<Item: Borrow<Limb>> {
        self.keep_bits(from)
    }

    #[inline(always)]
    fn all_like(limb: &Limb, i: usize) -> Limb {
        (limb >> i & 1).wrapping_neg()
    }

    fn cycle(&mut self, tile: &Self, from: usize, period: usize, skip: usize, len: usize) {
        let period = period.max(1);
        let mut next = skip % period;
        if period >= LIMB {
            return fill(self, len, |room| {
                let run = (period - next).min(room);
                let bits = bits_from(tile, from + next);
                next = if next + run < period { next + run } else { 0 };
                (bits, run)
            });
        }
        // As many periods at once as fit.
        let (mut bits, mut width) = (u128::from(first_of(bits_from(tile, from), period)), period);
        while width <= LIMB {
            bits |= bits << width;
            width *= 2;
        }
        fill(self, len, |room| {
            let run = (width - next).min(room);
            let limb = (bits >> next) as Limb;
            next = (next + run) % period;
            (limb, run)
        });
    }

    fn spread(&mut self, tile: &Self, from: usize, times: usize, skip: usize, len: usize) {
        let times = times.max(1);
        let (mut next, mut used) = (from + skip / times, skip % times);
        if times > LIMB / 2 {
            return fill(self, len, |room| {
                let run = (times - used).min(room);
                let bits = (bits_from(tile, next) & 1).wrapping_neg();
                (next, used) = if used + run < times { (next, used + run) } else { (next + 1, 0) };
                (bits, run)
            });
        }
        // As many bits at once as fit.
        let spread = Spread::new(times);
        let width = spread.bits * times;
        fill(self, len, |room| {
            let run = (width - used).min(room);
            let bits = spread.of(bits_from(tile, next)) >> used;
            (next, used) = if used + run < width { (next, used + run) } else { (next + spread.bits, 0) };
            (bits, run)
        });
    }
}

impl Keep {
    /// The limbs from decision `from` on.
    #[inline(always)]
    pub(crate) fn keep_bits(&self, from: usize) -> impl Iterator<Item = Limb> {
        let first = self.from + from;
        let limbs = self.bits.get(first / LIMB..);
        debug_assert!(limbs.is_some());
        let limbs = limbs.unwrap_or_default();
        let shift = first % LIMB;
        // Each with the next one, rather than windows of two, whose indices are not known to be in range.
        let pairs = limbs.iter().zip(limbs.get(1..).unwrap_or_default());
        pairs.map(move |(low, high)| low >> shift | high << 1 << (LIMB - 1 - shift))
    }

    /// To be written from the first decision on.
    #[inline(always)]
    pub(crate) fn limbs_mut(&mut self) -> &mut [Limb] {
        self.from = 0;
        &mut self.bits
    }

    /// To be written block by block, where the first decision is that with number `from`.
    #[inline(always)]
    pub(crate) fn blocks_mut(&mut self, from: usize) -> &mut [Block] {
        self.from = from;
        self.bits.as_chunks_mut().0
    }
}

/// Repeats each of several bits: moves them apart, the upper half first, then the upper half of each half, and so on.
struct Spread {
    times: usize,
    /// The number of bits that are spread at once, a power of two.
    bits: usize,
    /// Where the bits are when there are 1, 2, 4, ... next to each other.
    places: [Limb; 5],
}

impl Spread {
    fn new(times: usize) -> Self {
        let bits = 1 << (LIMB / times).ilog2();
        let mut places = [0; 5];
        for (i, places) in places.iter_mut().enumerate() {
            let run = 1 << i;
            for first in (0..bits).step_by(run) {
                *places |= Limb::MAX >> (LIMB - run) << (first * times % LIMB);
            }
        }
        Self { times, bits, places }
    }

    /// The first bits of `bits`, each of them `times` times.
    #[inline(always)]
    fn of(&self, bits: Limb) -> Limb {
        let mut apart = bits & (Limb::MAX >> (LIMB - self.bits));
        for (i, places) in self.places.iter().enumerate().rev() {
            let run = 1 << i;
            if run < self.bits {
                apart = (apart | apart << (run * (self.times - 1))) & places;
            }
        }
        apart.wrapping_mul(Limb::MAX >> (LIMB - self.times))
    }
}

/// A limb of a tile's bits from number `from` on.
fn bits_from(tile: &Keep, from: usize) -> Limb {
    let from = tile.from + from;
    let limb = |i: usize| tile.bits.get(from / LIMB + i).copied().unwrap_or(0);
    let shift = from % LIMB;
    limb(0) >> shift | limb(1) << 1 << (LIMB - 1 - shift)
}

/// Fills the limbs of `len` decisions with runs of bits. `run` is told the room that is left in a limb, and gives bits
/// and how many of them count. What it gives past `len` decisions is not used.
pub(super) fn fill(tile: &mut Keep, len: usize, mut run: impl FnMut(usize) -> (Limb, usize)) {
    for limb in tile.limbs_mut().iter_mut().take(len.div_ceil(LIMB)) {
        let mut filled = 0;
        *limb = 0;
        while filled < LIMB {
            let (bits, len) = run(LIMB - filled);
            // Surplus bits go over the end, or the next run overwrites them.
            *limb = *limb & !(Limb::MAX << filled) | bits << filled;
            filled += len.max(1);
        }
    }
}
