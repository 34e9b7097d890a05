//! Address -> random bits, a plane of a block at a time.

use crate::address::Address;
use crate::philox::{ROUNDS, high, low, philox4x32};

/// Decisions in a block: the four words of one Philox output, a bit of each decision.
pub(crate) const BLOCK: usize = 128;

/// What the random bits of an address are for. The values 2 and 3 are reserved.
#[derive(Clone, Copy)]
pub(crate) enum Domain {
    Bernoulli = 0,
    Gaussian = 1,
}

/// Everything of an address but the index.
#[derive(Clone, Copy)]
pub(crate) struct Stream {
    pub(crate) key: [u32; 2],
    /// Where the second word of a counter has it.
    pub(crate) domain: u32,
    pub(crate) layer: u32,
    pub(crate) step: u32,
}

impl Stream {
    pub(crate) const fn new(address: Address, domain: Domain) -> Self {
        let Address { seed, layer, step, .. } = address;
        Self { key: [low(seed), high(seed)], domain: (domain as u32) << 25, layer, step }
    }

    /// Bit `31 - plane` of the uniform integers of a block, that of decision i in bit i: the plain reference of every other path.
    pub(crate) const fn plane(&self, block: u64, plane: u32) -> u128 {
        let counter = [low(block), high(block) | self.domain | plane << 27, self.layer, self.step];
        let [a, b, c, d] = philox4x32(counter, self.key, ROUNDS);
        a as u128 | (b as u128) << 32 | (c as u128) << 64 | (d as u128) << 96
    }
}
