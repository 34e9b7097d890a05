//! Address and rate -> keep decisions: the mask contract, plainly.
//!
//! A decision drops when its uniform integer U, of 36 bits, is below 16 T. Its four leading bits come from *planes*:
//! one call of Philox gives a bit of each of 128 decisions. Those that still *tie* with 16 T then get byte after byte:
//! one call gives a byte to sixteen of them, in order of their *ranks*. A decision is settled at the first bit or byte
//! that differs; what still ties when the rest of T is zeros is kept.

#[cfg(test)]
pub(crate) mod tests;

use super::stream::{Domain, Stream};
use super::tile::{Block, from_u128, to_u128};
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
    pub(crate) const fn block(&self, block: u64, wanted: u128) -> u128 {
        let mut decisions = Decisions::new(self.threshold, wanted);
        while let Some(k) = decisions.next_plane() {
            decisions.compare_bits(self.stream.call(block, Domain::Planes, k));
        }
        while let Some(k) = decisions.next_bytes() {
            decisions.compare_bytes(self.stream.call(block, Domain::Ties, k));
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
    pub(crate) const fn plane(self, k: u32) -> u64 {
        (self.value << k >> 31 & 1).wrapping_neg()
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
    pub(crate) const fn new(threshold: Threshold, wanted: u128) -> Self {
        let dropped = if threshold.drops_all() { [u64::MAX; 2] } else { [0; 2] };
        Self {
            threshold,
            wanted: from_u128(wanted),
            dropped,
            tied: [u64::MAX; 2],
            ranked: [0; 2],
            waiting: [0; 2],
            plane: 0,
            call: 0,
        }
    }

    /// The next plane, if one is needed.
    #[inline(always)]
    pub(crate) const fn next_plane(&self) -> Option<u32> {
        if self.plane < self.threshold.planes && !is_empty(both(self.tied, self.wanted)) { Some(self.plane) } else { None }
    }

    /// A bit for every decision.
    #[inline(always)]
    pub(crate) const fn compare_bits(&mut self, plane: [u32; 4]) {
        let (plane, threshold) = (halves(plane), self.threshold.plane(self.plane));
        compare(plane, threshold, &mut self.tied, &mut self.dropped);
        self.plane += 1;
        if self.plane == PLANES {
            (self.ranked, self.waiting) = (self.tied, self.tied);
            self.tied = both(self.tied, self.wanted);
        }
    }

    /// The next call of bytes, if one is needed. To be asked when no plane is.
    #[inline(always)]
    pub(crate) const fn next_bytes(&self) -> Option<u32> {
        if self.call < LEVEL * self.threshold.levels && !is_empty(both(self.tied, self.wanted)) { Some(self.call) } else { None }
    }

    /// A byte for each of the next sixteen decisions that had ties after the planes.
    #[inline(always)]
    pub(crate) const fn compare_bytes(&mut self, bytes: [u32; 4]) {
        let bytes = to_u128(halves(bytes)).to_le_bytes();
        let threshold = self.threshold.byte(self.call / LEVEL);
        let (mut half, mut rank) = (0, 0);
        while half < 2 {
            let (mut waiting, mut below, mut equal) = (self.waiting[half], 0, 0);
            while waiting != 0 && rank < bytes.len() {
                let decision = waiting & waiting.wrapping_neg();
                // A bit without a branch: which bytes are below is chance, and the branch would be mispredicted.
                below |= decision & ((bytes[rank] < threshold) as u64).wrapping_neg();
                if bytes[rank] == threshold {
                    equal = rarely(equal, decision);
                }
                waiting &= waiting - 1;
                rank += 1;
            }
            self.dropped[half] |= self.tied[half] & below;
            self.tied[half] &= waiting | equal | !self.waiting[half];
            self.waiting[half] = waiting;
            half += 1;
        }
        self.call += 1;
        if is_empty(both(self.waiting, self.tied)) {
            self.waiting = self.ranked;
            self.call = self.call.next_multiple_of(LEVEL);
        }
    }

    /// The keep bits, right for the wanted decisions once no call is needed.
    #[inline(always)]
    pub(crate) const fn keep(&self) -> u128 {
        !to_u128(self.dropped)
    }
}

/// Compares the next bit of every decision, which `plane` has, with that of the threshold, in every bit.
#[inline(always)]
pub(crate) const fn compare(plane: Block, threshold: u64, tied: &mut Block, dropped: &mut Block) {
    let mut half = 0;
    while half < 2 {
        dropped[half] |= tied[half] & threshold & !plane[half];
        tied[half] &= !(plane[half] ^ threshold);
        half += 1;
    }
}

const fn halves([a, b, c, d]: [u32; 4]) -> Block {
    [a as u64 | (b as u64) << 32, c as u64 | (d as u64) << 32]
}

const fn both(a: Block, b: Block) -> Block {
    [a[0] & b[0], a[1] & b[1]]
}

const fn is_empty([a, b]: Block) -> bool {
    a | b == 0
}

/// `a | b`, called so that the compiler keeps the rare case behind a branch.
#[cold]
#[inline(never)]
const fn rarely(a: u64, b: u64) -> u64 {
    a | b
}
