//! The bit planes of whole groups of blocks at once, for instruction sets with vectors.

use crate::bernoulli::{Bernoulli, Ties};
use crate::lanes::WideLanes;
use crate::rounds::Rounds;
use crate::tiles::{BLOCK_WORDS, Block, Generator, Work, join, split};

/// Blocks in a group: the 64-bit lanes of a vector.
pub(crate) const GROUP: usize = 8;

/// Planes that a group of blocks goes through together, before its unsettled blocks go on one by one.
///
/// A block still has a tie after k planes with probability 1 - (1 - 2^-k)^128, which is 6 % for k = 11. Measured on Zen 4 at p = 0.1 with
/// another mask at each call, 11 is the fastest with AVX-512, and 10 and 11 are with AVX2.
const COMMON_PLANES: u32 = 11;

/// The masks of whole groups of blocks.
pub(crate) struct Planes<'a, L> {
    lanes: L,
    mask: &'a Bernoulli,
    rounds: Rounds<'a, L>,
}

impl<L: WideLanes> Generator for Planes<'_, L> {
    #[inline(always)]
    fn block(&self, block: u64) -> Block {
        if self.mask.drops_all() { [0; 2] } else { self.single(block) }
    }

    #[inline(always)]
    fn blocks(&self, first: u64, keep: &mut [Block], work: &mut impl Work) {
        if self.mask.drops_all() {
            return keep.fill([0; 2]);
        }
        let mut block = first;
        let (groups, rest) = keep.as_chunks_mut::<GROUP>();
        for group in groups {
            self.group(block, group, work);
            block = block.wrapping_add(GROUP as u64);
        }
        if rest.len() < self.mask.planes().min(COMMON_PLANES) as usize {
            for keep in rest {
                *keep = self.single(block);
                block = block.wrapping_add(1);
            }
        } else if !rest.is_empty() {
            let mut group = [[0; 2]; GROUP];
            self.group(block, &mut group, work);
            rest.iter_mut().zip(group).for_each(|(to, keep)| *to = keep);
        }
    }
}

impl<'a, L: WideLanes> Planes<'a, L> {
    #[inline(always)]
    pub(crate) fn new(lanes: L, mask: &'a Bernoulli) -> Self {
        Self { lanes, mask, rounds: Rounds::new(lanes, &mask.stream) }
    }

    /// The keep bits of the eight blocks from `first` on, with as much work done between the planes.
    #[inline(always)]
    fn group(&self, first: u64, keep: &mut [Block; GROUP], work: &mut impl Work) {
        let lanes = self.lanes;
        // 64-bit lanes hold whole block numbers, so the carry into the second counter word takes care of itself.
        let shared = self.rounds.shared(lanes.count_from(first));
        let (mut tied, mut kept) = ([lanes.splat(u64::MAX); 2], [lanes.splat(u64::MAX); 2]);
        let common = self.mask.planes().min(COMMON_PLANES);
        let share = (GROUP * BLOCK_WORDS).div_ceil(common.max(1) as usize);
        for plane in 0..common {
            work.advance(share);
            let words = self.rounds.words(&shared, lanes.splat(u64::from(plane) << 27));
            let threshold = lanes.splat(self.mask.threshold_bits(plane));
            for half in 0..2 {
                kept[half] = kept[half] & !(tied[half] & threshold & !words[half]);
                tied[half] = tied[half] & !(words[half] ^ threshold);
            }
        }
        *keep = lanes.interleave(kept);
        if common == self.mask.planes() {
            return;
        }
        let mut unsettled = lanes.nonzero(tied[0] | tied[1]);
        let tied = lanes.interleave(tied);
        while unsettled != 0 {
            let i = unsettled.trailing_zeros() as usize % GROUP;
            self.finish(first.wrapping_add(i as u64), tied[i], common, &mut keep[i]);
            unsettled &= unsettled - 1;
        }
    }

    /// The keep bits of one block, for want of eight.
    #[inline(always)]
    fn single(&self, block: u64) -> Block {
        let mut ties = Ties::ALL;
        let words = self.lanes.interleave(self.rounds.eight_planes(block, 0));
        for (plane, words) in words.into_iter().enumerate() {
            ties.compare(join(words), self.mask.threshold_bits(plane as u32));
        }
        let mut keep = split(!ties.dropped);
        self.finish(block, split(ties.tied), GROUP as u32, &mut keep);
        keep
    }

    /// Settles the few decisions of a block that still tie at `plane`, each by comparing its next eight bits as one integer.
    #[inline(always)]
    fn finish(&self, block: u64, mut tied: Block, mut plane: u32, keep: &mut Block) {
        while plane < self.mask.planes() && tied != [0; 2] {
            let words = self.rounds.eight_planes(block, plane);
            let threshold = (self.mask.threshold << plane >> 24) as u8;
            for half in 0..2 {
                let mut left = tied[half];
                while left != 0 {
                    let decision = left & left.wrapping_neg();
                    let bits = self.lanes.nonzero(words[half] & self.lanes.splat(decision)).reverse_bits();
                    if bits != threshold {
                        tied[half] ^= decision;
                    }
                    if bits < threshold {
                        keep[half] ^= decision;
                    }
                    left ^= decision;
                }
            }
            plane += GROUP as u32;
        }
    }
}
