//! The bit planes of whole groups of blocks at once, for instruction sets with vectors.

use super::bernoulli::{Bernoulli, Ties};
use super::generator::{Generate, Generator, Work};
use super::rounds::{Rounds, Shared};
use super::stream::{BLOCK, Stream};
use super::tile::{BLOCK_LIMBS, Block, TILE, join, split};
use crate::simd::{CHUNK, GROUP, Task, WideLanes};

/// Planes that a group of blocks goes through together, before its unsettled blocks go on with those of other groups.
///
/// A block still has a tie after k planes with probability 1 - (1 - 2^-k)^128, which is 22 % for k = 9.
const COMMON_PLANES: u32 = 9;

/// The blocks of a tile that are not settled.
struct Unsettled {
    /// The decisions of each block that still tie.
    tied: [Block; TILE + GROUP],
    /// The numbers of the blocks that have any.
    blocks: [u8; TILE + GROUP],
    len: usize,
}

impl Unsettled {
    const NONE: Self = Self { tied: [[0; 2]; TILE + GROUP], blocks: [0; TILE + GROUP], len: 0 };

    /// Adds those of the eight blocks from number `first` on whose bit in `any` is set: without branches, which could not be foreseen.
    #[inline(always)]
    fn add(&mut self, first: usize, tied: [Block; GROUP], any: u8) {
        if let Some((to, _)) = self.tied.get_mut(first..).and_then(|tied| tied.split_first_chunk_mut()) {
            *to = tied;
        }
        for i in 0..GROUP {
            if let Some(to) = self.blocks.get_mut(self.len) {
                *to = (first + i) as u8;
            }
            self.len += usize::from(any >> i & 1);
        }
    }
}

impl<L: WideLanes> Generate for L {
    type Generator<'a> = Planes<'a, L>;

    #[inline(always)]
    fn generator(self, mask: &Bernoulli) -> Planes<'_, L> {
        Planes::new(self, mask)
    }

    #[inline(always)]
    fn uniforms(self, stream: &Stream, block: u64) -> [L::I32x16; BLOCK / CHUNK] {
        Rounds::new(self, stream).uniforms(block)
    }
}

/// The masks of whole groups of blocks.
pub(crate) struct Planes<'a, L> {
    lanes: L,
    mask: &'a Bernoulli,
    rounds: Rounds<'a, L>,
}

impl<L: WideLanes> Generator for Planes<'_, L> {
    #[inline(always)]
    fn block(&self, block: u64, wanted: u128) -> Block {
        if self.mask.drops_all() { [0; 2] } else { self.single(block, wanted) }
    }

    #[inline(always)]
    fn blocks<W: Work>(&self, first: u64, keep: &mut [Block], work: &mut W) {
        if self.mask.drops_all() {
            return keep.fill([0; 2]);
        }
        if W::ANY { self.tile(first, keep, work) } else { self.lanes.call(WithoutWork { planes: self, first, keep }) }
    }
}

/// The blocks of a tile and nothing else, which is the same code for all kinds of dropout and types of element.
struct WithoutWork<'a, 'm, L> {
    planes: &'a Planes<'m, L>,
    first: u64,
    keep: &'a mut [Block],
}

impl<L: WideLanes> Task<L> for WithoutWork<'_, '_, L> {
    #[inline(always)]
    fn run(self, _: L) {
        self.planes.tile(self.first, self.keep, &mut ());
    }
}

/// The last blocks of a tile, fewer than a group.
struct Rest<'a, 'm, L> {
    planes: &'a Planes<'m, L>,
    first: u64,
    done: usize,
    keep: &'a mut [Block],
    unsettled: &'a mut Option<Unsettled>,
}

impl<L: WideLanes> Task<L> for Rest<'_, '_, L> {
    #[inline(always)]
    fn run(self, _: L) {
        let Self { planes, first, done, keep, unsettled } = self;
        if keep.len() < planes.mask.planes().min(COMMON_PLANES) as usize {
            for (i, keep) in keep.iter_mut().enumerate() {
                *keep = planes.single(first.wrapping_add((done + i) as u64), u128::MAX);
            }
        } else {
            let mut group = [[0; 2]; GROUP];
            planes.group(first, done, &mut group, unsettled, &mut ());
            keep.iter_mut().zip(group).for_each(|(to, keep)| *to = keep);
        }
    }
}

impl<'a, L: WideLanes> Planes<'a, L> {
    #[inline(always)]
    pub(crate) fn new(lanes: L, mask: &'a Bernoulli) -> Self {
        Self { lanes, mask, rounds: Rounds::new(lanes, &mask.stream) }
    }

    /// The blocks of a tile, the first of which is `first`.
    #[inline(always)]
    fn tile(&self, first: u64, keep: &mut [Block], work: &mut impl Work) {
        let mut unsettled = (self.mask.planes() > COMMON_PLANES).then_some(Unsettled::NONE);
        let (groups, rest) = keep.as_chunks_mut();
        let mut done = 0;
        for group in groups {
            self.group(first, done, group, &mut unsettled, work);
            done += GROUP;
        }
        if !rest.is_empty() {
            self.lanes.call(Rest { planes: self, first, done, keep: rest, unsettled: &mut unsettled });
        }
        let Some(unsettled) = &unsettled else { return };
        for numbers in unsettled.blocks.get(..unsettled.len).unwrap_or_default().chunks(GROUP) {
            self.settle(first, numbers, &unsettled.tied, keep, work);
        }
    }

    /// The keep bits of the eight blocks from number `done` on, with as much work done between the planes.
    #[inline(always)]
    fn group(&self, first: u64, done: usize, keep: &mut [Block; GROUP], unsettled: &mut Option<Unsettled>, work: &mut impl Work) {
        let lanes = self.lanes;
        // 64-bit lanes hold whole block numbers, so the carry into the second counter word takes care of itself.
        let shared = self.rounds.shared(lanes.count_from(first.wrapping_add(done as u64)));
        let (mut tied, mut kept) = ([lanes.splat(u64::MAX); 2], [lanes.splat(u64::MAX); 2]);
        let common = self.mask.planes().min(COMMON_PLANES);
        // Of a general rate's work some is left for the planes that settle.
        let share = (GROUP * BLOCK_LIMBS).div_ceil(common.max(1) as usize);
        for plane in 0..common {
            work.advance(if unsettled.is_none() { share } else { 1 + plane as usize % 2 });
            self.compare(&shared, plane, &mut tied, &mut kept);
        }
        *keep = lanes.interleave(kept);
        if let Some(unsettled) = unsettled {
            unsettled.add(done, lanes.interleave(tied), lanes.nonzero(tied[0] | tied[1]));
        }
    }

    /// Compares the next bit of every decision of eight blocks with that of the threshold.
    #[inline(always)]
    fn compare(&self, shared: &Shared<L::U64x8>, plane: u32, tied: &mut [L::U64x8; 2], kept: &mut [L::U64x8; 2]) {
        let lanes = self.lanes;
        let words = self.rounds.words(shared, lanes.splat(u64::from(plane) << 27));
        let threshold = lanes.splat(self.mask.threshold_bits(plane));
        for half in 0..2 {
            kept[half] = kept[half] & !(tied[half] & threshold & !words[half]);
            tied[half] = tied[half] & !(words[half] ^ threshold);
        }
    }

    /// Takes up to eight unsettled blocks through the other planes.
    #[inline(always)]
    fn settle(&self, first: u64, numbers: &[u8], tied: &[Block; TILE + GROUP], keep: &mut [Block], work: &mut impl Work) {
        let lanes = self.lanes;
        let (mut blocks, mut halves) = ([0; GROUP], [[0; GROUP]; 2]);
        for (i, &number) in numbers.iter().enumerate() {
            blocks[i % GROUP] = first.wrapping_add(number.into());
            let tied = tied.get(usize::from(number)).copied().unwrap_or_default();
            (halves[0][i % GROUP], halves[1][i % GROUP]) = (tied[0], tied[1]);
        }
        let shared = self.rounds.shared(lanes.load(&blocks));
        let (mut tied, mut kept) = ([lanes.load(&halves[0]), lanes.load(&halves[1])], [lanes.splat(u64::MAX); 2]);
        let mut plane = COMMON_PLANES;
        while plane < self.mask.planes() && lanes.nonzero(tied[0] | tied[1]) != 0 {
            work.advance(4);
            // Planes from 32 on are others' bits, which do no harm: the threshold ends before them.
            self.compare(&shared, plane, &mut tied, &mut kept);
            self.compare(&shared, plane + 1, &mut tied, &mut kept);
            plane += 2;
        }
        for (&number, kept) in numbers.iter().zip(lanes.interleave(kept)) {
            if let Some(keep) = keep.get_mut(usize::from(number)) {
                *keep = split(join(*keep) & join(kept));
            }
        }
    }

    /// The keep bits of one block, for want of eight.
    #[inline(always)]
    fn single(&self, block: u64, wanted: u128) -> Block {
        let mut ties = Ties::ALL;
        let words = self.lanes.interleave(self.rounds.eight_planes(block, 0));
        for (plane, words) in words.into_iter().enumerate() {
            ties.compare(join(words), self.mask.threshold_bits(plane as u32));
        }
        let mut keep = split(!ties.dropped);
        self.finish(block, split(ties.tied & wanted), GROUP as u32, &mut keep);
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
