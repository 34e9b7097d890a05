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
        let (mut progress, mut decisions) = (Progress::new(self.threshold), Decisions::new(self.threshold));
        while let Some((domain, k)) = progress.next() {
            decisions.compare(&mut progress, self.stream.call(block, domain, k), wanted);
        }
        decisions.keep()
    }

    /// The same by the first plane and, if there are two, the second, which have all bits of the threshold. Nothing waits
    /// for anything, so that the calls overlap.
    #[inline(always)]
    pub(crate) const fn by_two_planes(&self, block: u64) -> Words {
        let first = self.stream.call(block, Domain::Planes, 0);
        if self.threshold.planes == 1 {
            return first;
        }
        let ([a, b, c, d], [e, f, g, h]) = (first, self.stream.call(block, Domain::Planes, 1));
        // The last bit of a threshold is one. Above it, a one must be met, and a zero exceeded or met.
        if self.threshold.plane(0) { [a & e, b & f, c & g, d & h] } else { [a | e, b | f, c | g, d | h] }
    }
}

/// The threshold T of a rate, as decisions compare with it: four bits, then four bytes, of 16 T.
#[derive(Clone, Copy)]
pub(crate) struct Threshold {
    pub(super) value: u64,
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

    /// The bit of a plane.
    pub(crate) const fn plane(self, k: u32) -> bool {
        low(self.value) << k >> 31 == 1
    }

    /// Whether it is 2^32, which has no place among the bits below.
    pub(crate) const fn drops_all(self) -> bool {
        self.value > u32::MAX as u64
    }
}

/// How far the comparison of a block with the threshold has come: which call is next.
#[derive(Clone, Copy)]
pub(crate) struct Progress {
    /// What is left of the threshold: the bits and bytes that have not been compared, the next one on top.
    rest: u32,
    /// The next call: of a plane below [`PLANES`], of bytes from there on.
    next: u32,
    /// Zero if no wanted decision is tied.
    open: u32,
}

impl Progress {
    #[inline(always)]
    pub(crate) const fn new(threshold: Threshold) -> Self {
        Self { rest: low(threshold.value), next: 0, open: 1 }
    }

    /// The next call, if one is needed.
    #[inline(always)]
    pub(crate) const fn next(&self) -> Option<(Domain, u32)> {
        if self.open == 0 || self.rest == 0 {
            None
        } else if self.next < PLANES {
            Some((Domain::Planes, self.next))
        } else {
            Some((Domain::Ties, self.next - PLANES))
        }
    }
}

/// The state of a block's 128 decisions, 32 in a word. It does not know where the words of calls come from, so that tests
/// can make them up.
#[derive(Clone, Copy)]
pub(crate) struct Decisions([State; 4]);

/// The state of 32 decisions, of each a bit.
#[derive(Clone, Copy)]
struct State {
    /// Not below the threshold.
    keep: u32,
    /// Equal to the threshold so far.
    tied: u32,
    /// Those that tied after the planes: a decision's rank is its place among them.
    ranked: u32,
}

/// A bit for each decision of a block, and the output of a call.
pub(crate) type Words = [u32; 4];

/// All decisions of a block.
pub(crate) const ALL: Words = [u32::MAX; 4];

impl Decisions {
    #[inline(always)]
    pub(crate) const fn new(threshold: Threshold) -> Self {
        let keep = if threshold.drops_all() { 0 } else { u32::MAX };
        let state = State { keep, tied: u32::MAX, ranked: u32::MAX };
        // One by one, as a loop would write them elsewhere and copy them.
        Self([state, state, state, state])
    }

    /// Goes on with the words of the next call.
    #[inline(always)]
    pub(crate) const fn compare(&mut self, progress: &mut Progress, [a, b, c, d]: Words, wanted: Words) {
        if progress.next < PLANES {
            self.compare_bits(progress, [a, b, c, d], wanted);
        } else {
            self.compare_bytes(progress, [a, b, c, d], wanted);
        }
    }

    /// A bit for every decision.
    #[inline(always)]
    const fn compare_bits(&mut self, progress: &mut Progress, plane: Words, wanted: Words) {
        let one = progress.rest >> 31 == 1;
        let (mut open, mut i) = (0, 0);
        while i < self.0.len() {
            let State { mut keep, mut tied, .. } = self.0[i];
            if one {
                keep &= plane[i] | !tied;
                tied &= plane[i];
            } else {
                tied &= !plane[i];
            }
            self.0[i] = State { keep, tied, ranked: tied };
            open |= tied & wanted[i];
            i += 1;
        }
        *progress = Progress { rest: progress.rest << 1, next: progress.next + 1, open };
    }

    /// A byte for each of sixteen decisions, in order of their ranks.
    #[inline(always)]
    const fn compare_bytes(&mut self, progress: &mut Progress, [a, b, c, d]: Words, wanted: Words) {
        let bytes = [a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes(), d.to_le_bytes()];
        let (threshold, sixteen) = ((progress.rest >> 24) as u8, ((progress.next - PLANES) % LEVEL) as usize);
        let (mut open, mut rank, mut i) = (0, 0, 0);
        while i < self.0.len() {
            let State { mut keep, mut tied, ranked } = self.0[i];
            let mut left = ranked;
            while left != 0 {
                let decision = left & left.wrapping_neg();
                let byte = bytes.as_flattened()[rank % 16];
                if rank / 16 == sixteen && byte != threshold {
                    keep &= !(decision & tied & ((byte < threshold) as u32).wrapping_neg());
                    tied &= !decision;
                }
                left ^= decision;
                rank += 1;
            }
            self.0[i] = State { keep, tied, ranked };
            open |= tied & wanted[i];
            i += 1;
        }
        // The next sixteen or, when all have had a byte, the next level.
        progress.open = open;
        progress.next += 1;
        if rank <= 16 * (sixteen + 1) {
            progress.next = PLANES + (progress.next - PLANES).next_multiple_of(LEVEL);
            progress.rest <<= 8;
        }
    }

    /// The keep bits, right for the wanted decisions once no call is needed.
    #[inline(always)]
    pub(crate) const fn keep(&self) -> Words {
        let [a, b, c, d] = self.0;
        [a.keep, b.keep, c.keep, d.keep]
    }
}
