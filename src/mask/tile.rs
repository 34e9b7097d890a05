//! Keep bits on the stack: a block's, and those of a stretch of consecutive decisions.

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
#[inline(always)]
pub(crate) const fn first_of(limb: Limb, decisions: usize) -> Limb {
    let unused = LIMB - if decisions < LIMB { decisions } else { LIMB };
    limb << unused >> unused
}

/// Blocks in a tile. An out-of-order CPU computes the next tile while the stores of this one drain, so that long tiles
/// are slower; short ones pay for each set-up.
pub(crate) const TILE: usize = if VECTORS { 16 } else { 2 };

/// Keep bits from some bit on. Where there are tiles, a limb of anything follows the last, so that every limb has a next
/// one to shift bits from.
#[derive(Clone, Copy)]
pub(crate) struct Bits<'a> {
    limbs: &'a [Limb],
    from: usize,
}

impl<'a> Bits<'a> {
    #[inline(always)]
    pub(crate) const fn new(limbs: &'a [Limb], from: usize) -> Self {
        Self { limbs, from }
    }

    /// So many that all are set.
    pub(crate) const fn ones() -> Bits<'static> {
        const ONES: &[Limb; 66] = &[Limb::MAX; 66];
        Bits { limbs: ONES, from: 0 }
    }

    /// Without the first ones.
    #[inline(always)]
    pub(crate) const fn skip(self, bits: usize) -> Self {
        Self { from: self.from + bits, ..self }
    }

    /// The next limb of bits from number `i` on.
    #[inline(always)]
    pub(crate) fn limb(self, i: usize) -> Limb {
        let (at, shift) = ((self.from + i) / LIMB, (self.from + i) % LIMB);
        debug_assert!(at < self.limbs.len());
        let limb = |i: usize| self.limbs.get(i).copied().unwrap_or(0);
        limb(at) >> shift | limb(at + 1) << 1 << (LIMB - 1 - shift)
    }

    /// All limbs. Shifted as they are read: moving all bits to the front took longer.
    #[inline(always)]
    pub(crate) fn iter(self) -> impl Iterator<Item = Limb> {
        let limbs = self.limbs.get(self.from / LIMB..).unwrap_or_default();
        let shift = self.from % LIMB;
        // Each with the next one, rather than windows of two, whose indices are not known to be in range.
        let pairs = limbs.iter().zip(limbs.get(1..).unwrap_or_default());
        pairs.map(move |(low, high)| low >> shift | high << 1 << (LIMB - 1 - shift))
    }
}

/// The keep bits of consecutive decisions, computed together.
pub(crate) struct Tile {
    /// The block that the tile before has not used up; one block more than a tile has, because a tile may start inside
    /// a block; and the limb that follows the last.
    limbs: [Limb; (TILE + 2) * BLOCK_LIMBS + 1],
    /// The bit of the first decision.
    from: usize,
}

impl Tile {
    pub(crate) const NEW: Self = Self { limbs: [0; (TILE + 2) * BLOCK_LIMBS + 1], from: 0 };

    pub(crate) const fn bits(&self) -> Bits<'_> {
        Bits::new(&self.limbs, self.from)
    }

    /// To be written from the first decision on.
    pub(super) fn limbs_mut(&mut self) -> &mut [Limb] {
        self.from = 0;
        &mut self.limbs
    }

    /// To be written block by block, where the first decision is that with number `from`.
    pub(super) fn blocks_mut(&mut self, from: usize) -> &mut [Block] {
        self.from = from;
        self.limbs.as_chunks_mut().0
    }
}

/// Writes bits one behind the other.
pub(crate) struct Writer<'a> {
    limbs: &'a mut [Limb],
    at: usize,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(limbs: &'a mut [Limb]) -> Self {
        Self { limbs, at: 0 }
    }

    /// Appends `len` bits, at most a limb of them; those above are zero.
    #[inline(always)]
    pub(crate) fn push(&mut self, bits: Limb, len: usize) {
        debug_assert!(len <= LIMB && bits == first_of(bits, len.max(1)));
        let (at, shift) = (self.at / LIMB, self.at % LIMB);
        self.at += len;
        debug_assert!(self.at <= self.limbs.len() * LIMB);
        // What was there before is not cleared.
        if let Some(limb) = self.limbs.get_mut(at) {
            *limb = if shift == 0 { bits } else { *limb | bits << shift };
        }
        if shift + len > LIMB
            && let Some(limb) = self.limbs.get_mut(at + 1)
        {
            *limb = bits >> 1 >> (LIMB - 1 - shift);
        }
    }

    /// Appends `len` zeros.
    pub(crate) fn pad(&mut self, mut len: usize) {
        while len > 0 {
            let zeros = len.min(LIMB);
            self.push(0, zeros);
            len -= zeros;
        }
    }
}
