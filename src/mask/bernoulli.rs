//! Address and rate -> keep decisions: the mask contract, plainly.
//!
//! A decision drops when its uniform integer U, of 36 bits, is below 16 T. Its four leading bits come from *planes*:
//! one call of Philox gives a bit of each of 128 decisions. Those that still *tie* with 16 T then get byte after byte:
//! one call gives a byte to sixteen of them, in order of their *ranks*. A decision is settled at the first bit or byte
//! that differs; what still ties when the rest of T is zeros is kept.

#[cfg(test)]
pub(crate) mod tests;

use super::stream::{Domain, Stream};
use crate::address::Address;
use crate::philox::low;
use crate::rate::Rate;

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
    pub(crate) const fn block(&self, block: u64, wanted: Words) -> Words {
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

    /// The bit of a plane.
    pub(crate) const fn plane(self, k: u32) -> bool {
        low(self.value) << k >> 31 == 1
    }

    /// The byte of a level.
    pub(crate) const fn byte(self, level: u32) -> u8 {
        (low(self.value) << PLANES << (u8::BITS * level) >> (u32::BITS - u8::BITS)) as u8
    }
}

/// The state of a block's 128 decisions, decision i in bit `i % 32` of word `i / 32`. It asks for one call after another
/// and does not know where the words come from, so that tests can make them up.
#[derive(Clone, Copy)]
pub(crate) struct Decisions {
    threshold: Threshold,
    wanted: Words,
    /// Not below the threshold.
    keep: Words,
    /// Equal to the threshold so far.
    tied: Words,
    /// Those that tied after the planes: a decision's rank is its place among them.
    ranked: Words,
    /// Zero if no wanted decision is tied.
    open: u32,
    /// The planes that have been compared.
    plane: u32,
    /// The next call of bytes.
    call: u32,
}

/// A bit for each decision of a block, and the output of a call.
pub(crate) type Words = [u32; 4];

/// All decisions of a block.
pub(crate) const ALL: Words = [u32::MAX; 4];

impl Decisions {
    #[inline(always)]
    pub(crate) const fn new(threshold: Threshold, wanted: Words) -> Self {
        let keep = if threshold.drops_all() { [0; 4] } else { ALL };
        Self { threshold, wanted, keep, tied: ALL, ranked: ALL, open: 1, plane: 0, call: 0 }
    }

    /// The next call, if one is needed.
    #[inline(always)]
    pub(crate) const fn next(&self) -> Option<(Domain, u32)> {
        if self.open == 0 {
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
    pub(crate) const fn compare(&mut self, domain: Domain, words: Words) {
        match domain {
            Domain::Planes => self.compare_bits(words),
            _ => self.compare_bytes(words),
        }
    }

    /// A bit for every decision.
    #[inline(always)]
    const fn compare_bits(&mut self, plane: Words) {
        let one = self.threshold.plane(self.plane);
        self.open = 0;
        let mut i = 0;
        while i < plane.len() {
            let tied = self.tied[i];
            if one {
                self.keep[i] &= plane[i] | !tied;
            }
            self.tied[i] = if one { tied & plane[i] } else { tied & !plane[i] };
            self.open |= self.tied[i] & self.wanted[i];
            i += 1;
        }
        self.plane += 1;
    }

    /// A byte for each of sixteen decisions, in order of their ranks.
    #[inline(always)]
    const fn compare_bytes(&mut self, bytes: Words) {
        if self.call == 0 {
            self.ranked = self.tied;
        }
        let threshold = self.threshold.byte(self.call / LEVEL);
        self.open = 0;
        let (mut rank, mut i) = (0, 0);
        while i < self.ranked.len() {
            let mut ranked = self.ranked[i];
            while ranked != 0 {
                let decision = ranked & ranked.wrapping_neg();
                let byte = (bytes[rank / 4 % 4] >> (rank % 4 * 8)) as u8;
                if rank / 16 == (self.call % LEVEL) as usize && byte != threshold {
                    self.keep[i] &= !(decision & self.tied[i] & ((byte < threshold) as u32).wrapping_neg());
                    self.tied[i] &= !decision;
                }
                ranked ^= decision;
                rank += 1;
            }
            self.open |= self.tied[i] & self.wanted[i];
            i += 1;
        }
        // The next sixteen or, when all have had a byte, the next level.
        self.call += 1;
        if rank.div_ceil(16) <= (self.call % LEVEL) as usize {
            self.call = self.call.next_multiple_of(LEVEL);
        }
    }

    /// The keep bits, right for the wanted decisions once no call is needed.
    #[inline(always)]
    pub(crate) const fn keep(&self) -> Words {
        self.keep
    }
}
