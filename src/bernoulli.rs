//! Address and rate -> packed keep decisions, bit plane by bit plane.
//!
//! A decision drops when its uniform integer U is below the threshold T. Bit k of U, counted from the most significant, comes from
//! *plane* k: one Philox block gives that bit for 128 decisions. Comparing plane by plane, a decision is settled at the first
//! bit that differs from T's; what still ties when the rest of T is zeros is kept.

use crate::philox::{ROUNDS, high, low, philox4x32};
use crate::{Address, Rate};

/// Decisions in a block: the four words of one Philox output.
pub(crate) const BLOCK: usize = 128;

/// Which decisions of a family of masks are asked for. The value 1 is for Gaussian noise; 2 and 3 are reserved.
pub(crate) const DOMAIN: u32 = 0;

/// The blocks of one mask: everything of an address and a rate but the index.
#[derive(Clone, Copy)]
pub(crate) struct Bernoulli {
    pub(crate) key: [u32; 2],
    pub(crate) layer: u32,
    pub(crate) step: u32,
    pub(crate) threshold: u64,
}

impl Bernoulli {
    pub(crate) const fn new(rate: Rate, address: Address) -> Self {
        let Address { seed, layer, step, .. } = address;
        Self { key: [low(seed), high(seed)], layer, step, threshold: rate.threshold() }
    }

    /// Whether the threshold is 2^32, which has no place among the 32 bits below.
    pub(crate) const fn drops_all(&self) -> bool {
        self.threshold > u32::MAX as u64
    }

    /// Planes up to the last one bit of the threshold: no later plane can drop anything.
    pub(crate) const fn planes(&self) -> u32 {
        32 - low(self.threshold).trailing_zeros()
    }

    /// Bit `plane` of the threshold, counted from the most significant, in every bit. Planes from 32 on are zero.
    pub(crate) const fn threshold_bits(&self, plane: u32) -> u64 {
        (self.threshold << plane >> 31 & 1).wrapping_neg()
    }

    /// The keep bits of a block, decision i of the block in bit i: the plain reference of every other path.
    pub(crate) const fn block(&self, block: u64) -> u128 {
        if self.drops_all() {
            return 0;
        }
        let mut ties = Ties::ALL;
        let mut plane = 0;
        while plane < self.planes() && ties.tied != 0 {
            let counter = [low(block), high(block) | DOMAIN << 25 | plane << 27, self.layer, self.step];
            ties.compare(join(philox4x32(counter, self.key, ROUNDS)), self.threshold_bits(plane));
            plane += 1;
        }
        !ties.dropped
    }
}

/// A block's four words as its 128 bits, decision i in bit i.
const fn join(words: [u32; 4]) -> u128 {
    let [a, b, c, d] = words;
    a as u128 | (b as u128) << 32 | (c as u128) << 64 | (d as u128) << 96
}

/// How far the 128 decisions of a block have come.
#[derive(Clone, Copy)]
pub(crate) struct Ties {
    /// Equal to the threshold in every plane so far.
    pub(crate) tied: u128,
    /// Below the threshold.
    pub(crate) dropped: u128,
}

impl Ties {
    pub(crate) const ALL: Self = Self { tied: u128::MAX, dropped: 0 };

    /// Compares the next bit of every decision with that of the threshold.
    // Without a branch: the vector form is the same, and there a branch would make the compiler compute plane after plane.
    pub(crate) const fn compare(&mut self, plane: u128, threshold_bits: u64) {
        let threshold = threshold_bits as u128 | (threshold_bits as u128) << 64;
        self.dropped |= self.tied & threshold & !plane;
        self.tied &= !(plane ^ threshold);
    }
}
