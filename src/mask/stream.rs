//! Address -> random bits: each call gives 128 for a block.

use crate::address::Address;
use crate::philox::{W0, W1, add, high, low, round};

/// Decisions in a block: as many as a call of Philox has bits.
pub(crate) const BLOCK: usize = 128;

/// Rounds of Philox in a call. The contract has ten: three more than the fewest that pass all tests in the paper.
pub(crate) const ROUNDS: usize = 10;

/// What the random bits of a call are for. The value 3 is reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// A bit of every decision.
    Planes = 0,
    /// Four values of Gaussian noise.
    Noise = 1,
    /// Bytes for sixteen decisions that tie.
    Ties = 2,
}

/// The bit of the counter's second word where the domain begins. The high bits of the block's number are below it.
const DOMAIN_SHIFT: u32 = 25;

/// The bit of the same word where the number of the call begins, 0 to 31.
const CALL_SHIFT: u32 = 27;

/// The domain and the number of a call at their places in the second word of the counter. This is the one place that
/// builds them.
pub(crate) const fn call_bits(domain: Domain, k: u32) -> u32 {
    (domain as u32) << DOMAIN_SHIFT | k << CALL_SHIFT
}

/// Everything of an address but the index.
#[derive(Clone, Copy)]
pub(crate) struct Stream {
    pub(crate) key: [u32; 2],
    pub(crate) layer: u32,
    pub(crate) step: u32,
}

impl Stream {
    pub(crate) const fn new(address: Address) -> Self {
        let Address { seed, layer, step, .. } = address;
        Self { key: [low(seed), high(seed)], layer, step }
    }

    /// The words of call `k` of a domain, for a block: the plain reference of every other path.
    #[inline(always)]
    pub(crate) const fn call(&self, block: u64, domain: Domain, k: u32) -> [u32; 4] {
        let counter = [low(block), high(block) | call_bits(domain, k), self.layer, self.step];
        // Two rounds at a time: what is one round's output becomes the next one's input without moves.
        const { assert!(ROUNDS.is_multiple_of(2)) };
        let (mut words, mut key, mut i) = (counter, self.key, 0);
        while i < ROUNDS {
            words = round(words, key);
            key = add(key, [W0, W1]);
            words = round(words, key);
            key = add(key, [W0, W1]);
            i += 2;
        }
        words
    }
}
