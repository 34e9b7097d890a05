//! Address and rate -> keep decisions: the mask contract, plainly.
//!
//! A decision drops when its uniform integer U, of 36 bits, is below 16 T. Its four leading bits come from *planes*:
//! one call of Philox gives a bit of each of 128 decisions. Those that still *tie* with 16 T then get byte after byte:
//! one call gives a byte to sixteen of them, in order of their *ranks*. A decision is settled at the first bit or byte
//! that differs; what still ties when the rest of T is zeros is kept.

#[cfg(test)]
pub(crate) mod tests;

use super::stream::{Domain, Stream};
use super::tile::{BLOCK_LIMBS, Block, from_words};
use crate::address::Address;
use crate::philox::low;
use crate::rate::Rate;
use crate::simd::Limb;

/// Bit planes of a decision.
pub(crate) const PLANES: u32 = 4;

/// Calls of bytes at each level: eight times sixteen bytes are enough for a whole block that ties.
pub(crate) const LEVEL: u32 = 8;

/// The blocks of one mask: everything of an address and a rate but the index.
#[derive(Clone, Copy)]
pub(crate) struct Bernoulli {
    pub(crate) stream: Stream,
    pub(crate) threshold: Threshold,
}

impl Bernoulli {
    pub(crate) const fn new(rate: Rate, address: Address) -> Self {
        Self { stream: Stream::new(address), threshold: Threshold::new(rate.threshold()) }
    }

    /// The keep bits of a block, decision i in bit i, right for the `wanted` decisions: the reference for every other
    /// path.
    #[inline(always)]
    pub(crate) const fn block(&self, block: u64, wanted: Block) -> Block {
        let mut decisions = Decisions::new(self.threshold, wanted);
        while let Some((domain, k)) = decisions.next() {
            decisions.compare(domain, self.stream.call(block, domain, k));
        }
        decisions.keep()
    }
}

/// The threshold T of a rate, as decisions compare with it: four bits, then four bytes, of 16 T.
#[derive(Clone, Copy)]
pub(crate) struct Threshold {
    value: u64,
    /// Planes up to the last one bit: what ties then is kept, or goes on with bytes.
    pub(crate) planes: u32,
    /// Bytes up to the last that is not zero: none if the planes have it all.
    pub(crate) levels: u32,
}

impl Threshold {
    pub(crate) const fn new(value: u64) -> Self {
        let bits = u32::BITS - low(value).trailing_zeros();
        let planes = if bits < PLANES { bits } else { PLANES };
        Self { value, planes, levels: (bits - planes).div_ceil(u8::BITS) }
    }

    /// Whether it is 2^32, which has no place among the bits below.
    pub(crate) const fn drops_all(self) -> bool {
        self.value > u32::MAX as u64
    }

    /// The bit of a plane, in every bit.
    pub(crate) const fn plane(self, k: u32) -> Limb {
        ((self.value << k >> 31 & 1) as Limb).wrapping_neg()
    }

    /// The byte of a level.
    pub(crate) const fn byte(self, level: u32) -> u8 {
        (low(self.value) << PLANES << (u8::BITS * level) >> (u32::BITS - u8::BITS)) as u8
    }
}

/// The state of a block's 128 decisions. It asks for one call after another and does not know where the words come
/// from, so that tests can make them up.
#[derive(Clone, Copy)]
pub(crate) struct Decisions {
    threshold: Threshold,
    wanted: Block,
    /// Below the threshold.
    dropped: Block,
    /// Equal to the threshold so far.
    tied: Block,
    /// Those that tied after the planes: a decision's rank is its place among them.
    ranked: Block,
    /// Those of `ranked` that have no byte of this level yet.
    waiting: Block,
    /// The next plane.
    plane: u32,
    /// The next call of bytes.
    call: u32,
}

impl Decisions {
    #[inline(always)]
    pub(crate) const fn new(threshold: Threshold, wanted: Block) -> Self {
        let dropped = if threshold.drops_all() { ALL } else { NONE };
        Self { threshold, wanted, dropped, tied: ALL, ranked: NONE, waiting: NONE, plane: 0, call: 0 }
    }

    /// The next call, if one is needed.
    #[inline(always)]
    pub(crate) const fn next(&self) -> Option<(Domain, u32)> {
        if is_empty(both(self.tied, self.wanted)) {
            None
        } else if self.plane < self.threshold.planes {
            Some((Domain::Planes, self.plane))
        } else if self.call < LEVEL * self.threshold.levels {
            Some((Domain::Ties, self.call))
        } else {
            None
        }
    }

    /// Goes on with the words of the next call.
    #[inline(always)]
    pub(crate) const fn compare(&mut self, domain: Domain, words: [u32; 4]) {
        match domain {
            Domain::Planes => self.compare_bits(words),
            _ => self.compare_bytes(words),
        }
    }

    /// A bit for every decision.
    #[inline(always)]
    const fn compare_bits(&mut self, plane: [u32; 4]) {
        compare_plane(from_words(plane), self.threshold.plane(self.plane), &mut self.tied, &mut self.dropped);
        self.plane += 1;
        if self.plane == PLANES {
            (self.ranked, self.waiting) = (self.tied, self.tied);
            self.tied = both(self.tied, self.wanted);
        }
    }

    /// A byte for each of the next sixteen decisions that had ties after the planes.
    #[inline(always)]
    const fn compare_bytes(&mut self, [a, b, c, d]: [u32; 4]) {
        let bytes = [a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes(), d.to_le_bytes()];
        let bytes = bytes.as_flattened();
        let threshold = self.threshold.byte(self.call / LEVEL);
        let (mut limb, mut rank) = (0, 0);
        while limb < BLOCK_LIMBS {
            let (mut waiting, mut below, mut equal) = (self.waiting[limb], 0, 0);
            while waiting != 0 && rank < bytes.len() {
                let decision = waiting & waiting.wrapping_neg();
                // A bit without a branch: which bytes are below is chance, and the branch would be mispredicted.
                below |= decision & ((bytes[rank] < threshold) as Limb).wrapping_neg();
                if bytes[rank] == threshold {
                    equal = rarely(equal, decision);
                }
                waiting &= waiting - 1;
                rank += 1;
            }
            self.dropped[limb] |= self.tied[limb] & below;
            self.tied[limb] &= waiting | equal | !self.waiting[limb];
            self.waiting[limb] = waiting;
            limb += 1;
        }
        self.call += 1;
        if is_empty(both(self.waiting, self.tied)) {
            self.waiting = self.ranked;
            self.call = self.call.next_multiple_of(LEVEL);
        }
    }

    /// The keep bits, right for the wanted decisions once no call is needed.
    #[inline(always)]
    pub(crate) const fn keep(&self) -> Block {
        let (mut keep, mut limb) = (NONE, 0);
        while limb < BLOCK_LIMBS {
            keep[limb] = !self.dropped[limb];
            limb += 1;
        }
        keep
    }
}

/// Compares the next bit of every decision, which `plane` has, with that of the threshold, in every bit.
#[inline(always)]
pub(crate) const fn compare_plane(plane: Block, threshold: Limb, tied: &mut Block, dropped: &mut Block) {
    let mut limb = 0;
    while limb < BLOCK_LIMBS {
        dropped[limb] |= tied[limb] & threshold & !plane[limb];
        tied[limb] &= !(plane[limb] ^ threshold);
        limb += 1;
    }
}

const NONE: Block = [0; BLOCK_LIMBS];

/// All decisions of a block.
pub(crate) const ALL: Block = [Limb::MAX; BLOCK_LIMBS];

const fn both(mut a: Block, b: Block) -> Block {
    let mut limb = 0;
    while limb < BLOCK_LIMBS {
        a[limb] &= b[limb];
        limb += 1;
    }
    a
}

const fn is_empty(block: Block) -> bool {
    let (mut any, mut limb) = (0, 0);
    while limb < BLOCK_LIMBS {
        any |= block[limb];
        limb += 1;
    }
    any == 0
}

/// `a | b`, called so that the compiler keeps the rare case behind a branch.
#[cold]
#[inline(never)]
const fn rarely(a: Limb, b: Limb) -> Limb {
    a | b
}
