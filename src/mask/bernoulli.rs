//! Address and rate -> packed keep decisions, bit plane by bit plane.
//!
//! A decision drops when its uniform integer U is below the threshold T. Bit k of U, counted from the most significant, comes from
//! *plane* k: one Philox block gives that bit for 128 decisions. Comparing plane by plane, a decision is settled at the first
//! bit that differs from T's; what still ties when the rest of T is zeros is kept.

use super::stream::{Domain, Stream};
use crate::address::Address;
use crate::philox::low;
use crate::rate::Rate;

/// The blocks of one mask: everything of an address and a rate but the index.
#[derive(Clone, Copy)]
pub(crate) struct Bernoulli {
    pub(crate) stream: Stream,
    pub(crate) threshold: u64,
}

impl Bernoulli {
    pub(crate) const fn new(rate: Rate, address: Address) -> Self {
        Self { stream: Stream::new(address, Domain::Bernoulli), threshold: rate.threshold() }
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

    /// The keep bits of a block, decision i of the block in bit i, right for those that are wanted: the plain reference of every other path.
    pub(crate) const fn block(&self, block: u64, wanted: u128) -> u128 {
        if self.drops_all() {
            return 0;
        }
        let mut ties = Ties::ALL;
        let mut plane = 0;
        while plane < self.planes() && ties.tied & wanted != 0 {
            ties.compare(self.stream.plane(block, plane), self.threshold_bits(plane));
            plane += 1;
        }
        !ties.dropped
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit j of the numbers 0 to 127.
    const BITS: [u128; 7] = [
        0xAAAA_AAAA_AAAA_AAAA_AAAA_AAAA_AAAA_AAAA,
        0xCCCC_CCCC_CCCC_CCCC_CCCC_CCCC_CCCC_CCCC,
        0xF0F0_F0F0_F0F0_F0F0_F0F0_F0F0_F0F0_F0F0,
        0xFF00_FF00_FF00_FF00_FF00_FF00_FF00_FF00,
        0xFFFF_0000_FFFF_0000_FFFF_0000_FFFF_0000,
        0xFFFF_FFFF_0000_0000_FFFF_FFFF_0000_0000,
        0xFFFF_FFFF_FFFF_FFFF_0000_0000_0000_0000,
    ];

    /// Decision i of block b is given the 16 bits of 128 b + i instead of random ones, so that 512 blocks have all that there are.
    fn plane(block: u32, plane: u32) -> u128 {
        match 15 - plane {
            bit @ ..7 => BITS[bit as usize],
            bit => u128::from(block >> (bit - 7) & 1).wrapping_neg(),
        }
    }

    /// Of all 2^16 values, the first m are dropped at the rate m / 2^16.
    ///
    /// `cargo test --release --lib -- --ignored 16_bits`: a second (on a Zen 4).
    #[test]
    #[ignore = "2^32 pairs of a value and a rate"]
    fn every_rate_of_16_bits_drops_its_share() {
        let mask = |m| Bernoulli::new(Rate::from_ratio(m, 1 << 16).unwrap(), Address::default());
        for m in 0..1 << 16 {
            let mask = mask(m);
            assert!(!mask.drops_all() && mask.planes() <= 16);
            for block in 0..512 {
                let mut ties = Ties::ALL;
                (0..mask.planes()).for_each(|k| ties.compare(plane(block, k), mask.threshold_bits(k)));
                let dropped = u32::saturating_sub(m, 128 * block).min(128);
                assert_eq!(ties.dropped, !u128::MAX.checked_shl(dropped).unwrap_or(0), "block {block} at the rate {m} / 2^16");
            }
        }
        assert!(mask(1 << 16).drops_all());
    }
}
