//! The bit planes of whole groups of blocks at once, for instruction sets with vectors.

use crate::bernoulli::{Bernoulli, DOMAIN, Ties};
use crate::lanes::WideLanes;
use crate::philox::{M0, M1, ROUNDS, W0, W1, high, low};
use crate::tiles::{BLOCK_WORDS, Block, Generator, Work, join, split};

/// Blocks in a group: the 64-bit lanes of a vector.
pub(crate) const GROUP: usize = 8;

/// Planes that a group of blocks goes through together, before its unsettled blocks go on one by one.
///
/// A block still has a tie after k planes with probability 1 - (1 - 2^-k)^128, which is 6 % for k = 11. Measured on Zen 4 at p = 0.1 with
/// another mask at each call, 11 is the fastest with AVX-512, and 10 and 11 are with AVX2.
const COMMON_PLANES: u32 = 11;

/// Philox over vectors, one block and plane a lane.
///
/// Each 32-bit word lives in the low half of its lane; what rides in the high half is garbage that no step reads.
// No closure handles a vector here: a closure is a function of its own, compiled without the instruction set until it is inlined.
pub(crate) struct Planes<'a, L> {
    lanes: L,
    mask: &'a Bernoulli,
    /// The keys of every round.
    keys: [[u64; 2]; ROUNDS as usize],
}

/// A counter after the rounds that its plane does not reach: the plane is in the second counter word alone, and comes to touch
/// all four only in round 3, so the planes of a group share nearly a quarter of the work.
struct Shared<V> {
    /// Round 1: the first word but for the plane.
    a1: V,
    /// Round 2: what the third word is xored with.
    d1: V,
    /// Round 3: what the first word is xored with; what the third is; the fourth.
    b2: V,
    c3: V,
    d3: V,
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
        let [mut k0, mut k1] = mask.key;
        let mut keys = [[0; 2]; ROUNDS as usize];
        for round in &mut keys {
            *round = [u64::from(k0), u64::from(k1)];
            (k0, k1) = (k0.wrapping_add(W0), k1.wrapping_add(W1));
        }
        Self { lanes, mask, keys }
    }

    /// The keep bits of the eight blocks from `first` on, with as much work done between the planes.
    #[inline(always)]
    fn group(&self, first: u64, keep: &mut [Block; GROUP], work: &mut impl Work) {
        let lanes = self.lanes;
        // 64-bit lanes hold whole block numbers, so the carry into the second counter word takes care of itself.
        let shared = self.shared(lanes.count_from(first));
        let (mut tied, mut kept) = ([lanes.splat(u64::MAX); 2], [lanes.splat(u64::MAX); 2]);
        let common = self.mask.planes().min(COMMON_PLANES);
        let share = (GROUP * BLOCK_WORDS).div_ceil(common.max(1) as usize);
        for plane in 0..common {
            work.advance(share);
            let words = self.words(&shared, lanes.splat(u64::from(plane) << 27));
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
        let words = self.lanes.interleave(self.eight_planes(block, 0));
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
            let words = self.eight_planes(block, plane);
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

    /// The random bits of one block in eight planes, a plane a lane.
    #[inline(always)]
    fn eight_planes(&self, block: u64, first: u32) -> [L::U64x8; 2] {
        // Planes from 32 on are others' bits, which do no harm: the threshold ends before them.
        let planes = self.lanes.shl27(self.lanes.count_from(u64::from(first)));
        self.words(&self.shared(self.lanes.splat(block)), planes)
    }

    #[inline(always)]
    fn shared(&self, block: L::U64x8) -> Shared<L::U64x8> {
        let lanes = self.lanes;
        let [[k0, k1], [k2, k3], [k4, k5], ..] = self.keys;
        let layer = u64::from(self.mask.layer) * u64::from(M1);
        // Round 1
        let p0 = lanes.mul(block, M0);
        let a1 = lanes.high(block) ^ lanes.splat(u64::from(DOMAIN << 25 ^ high(layer)) ^ k0);
        let c1 = lanes.high(p0) ^ lanes.splat(u64::from(self.mask.step) ^ k1);
        let d1 = p0 ^ lanes.splat(k3);
        // Round 2
        let p1 = lanes.mul(c1, M1);
        let a2 = lanes.high(p1) ^ lanes.splat(u64::from(low(layer)) ^ k2);
        let b2 = p1 ^ lanes.splat(k4);
        // Round 3
        let p0 = lanes.mul(a2, M0);
        let c3 = lanes.high(p0) ^ lanes.splat(k5);
        Shared { a1, d1, b2, c3, d3: p0 }
    }

    /// The random bits of every lane's block at its plane (given shifted to its place in the counter): the first 64 and the last 64.
    #[inline(always)]
    fn words(&self, shared: &Shared<L::U64x8>, plane: L::U64x8) -> [L::U64x8; 2] {
        let lanes = self.lanes;
        // What is left of rounds 1 to 3.
        let p0 = lanes.mul(shared.a1 ^ plane, M0);
        let p1 = lanes.mul(lanes.high(p0) ^ shared.d1, M1);
        let (mut a, mut b, mut c, mut d) = (lanes.high(p1) ^ shared.b2, p1, shared.c3 ^ p0, shared.d3);
        let [_, _, _, middle @ .., last] = &self.keys;
        for &[k0, k1] in middle {
            let (p0, p1) = (lanes.mul(a, M0), lanes.mul(c, M1));
            (a, b, c, d) = (lanes.high(p1) ^ b ^ lanes.splat(k0), p1, lanes.high(p0) ^ d ^ lanes.splat(k1), p0);
        }
        // The last round, its four words packed two by two: the halves of each product trade places.
        let (p0, p1) = (lanes.mul(a, M0), lanes.mul(c, M1));
        let low_half = lanes.splat(u64::from(u32::MAX));
        [lanes.swap(p1) ^ (b & low_half) ^ lanes.splat(last[0]), lanes.swap(p0) ^ (d & low_half) ^ lanes.splat(last[1])]
    }
}
