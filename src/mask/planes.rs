//! The decisions of eight blocks at once, for instruction sets with vectors.

#[cfg(test)]
mod tests;

use super::bernoulli::{Bernoulli, Decisions, LEVEL, PLANES, Threshold};
use super::generator::{Generate, Generator};
use super::rounds::{Calls, Rounds, lane_call, lane_calls};
use super::stream::{BLOCK, Domain, Stream};
use super::tile::{Block, TILE, split};
use crate::philox::{high, low};
use crate::simd::{CHUNK, DEALT, GROUP, Task, WideLanes, clear_dealt, first_dealt, lane_bits, splat_byte};

/// What nearly every block needs, one call a lane: the planes, and the bytes of 32 ties at two levels.
const FIRST: [(Domain, u32); GROUP] = [
    (Domain::Planes, 0),
    (Domain::Planes, 1),
    (Domain::Planes, 2),
    (Domain::Planes, 3),
    (Domain::Ties, 0),
    (Domain::Ties, 1),
    (Domain::Ties, LEVEL),
    (Domain::Ties, LEVEL + 1),
];

/// The blocks of a tile that the bytes of one call do not settle: 0.3 % have more than sixteen ties, and in 3 % a byte equals the threshold's.
struct Unsettled {
    /// Bit i is set if block i is one.
    blocks: u64,
    /// The decisions of each block that tie after the planes.
    tied: [Block; TILE],
    /// Of these the ones that tie after their first byte: sixteen bits a block, by rank.
    equal: [[u64; 2]; TILE / GROUP],
}

impl Unsettled {
    const NONE: Self = Self { blocks: 0, tied: [[0; 2]; TILE], equal: [[0; 2]; TILE / GROUP] };
}

impl<L: WideLanes> Generate for L {
    type Generator<'a> = Planes<'a, L>;

    #[inline(always)]
    fn generator(self, mask: &Bernoulli) -> Planes<'_, L> {
        Planes::new(self, mask)
    }

    #[inline(always)]
    fn noise(self, stream: &Stream, block: u64) -> [L::I32x16; BLOCK / CHUNK] {
        Rounds::new(self, stream).noise(block)
    }
}

/// The masks of whole groups of blocks.
pub(crate) struct Planes<'a, L, C = Rounds<'a, L>> {
    lanes: L,
    threshold: &'a Threshold,
    calls: C,
}

impl<L: WideLanes, C: Calls<L>> Generator for Planes<'_, L, C> {
    #[inline(always)]
    fn block(&self, block: u64, _: u128) -> Block {
        if self.threshold.drops_all() { [0; 2] } else { self.single(block) }
    }

    #[inline(always)]
    fn blocks(&self, first: u64, keep: &mut [Block]) {
        if self.threshold.drops_all() {
            return keep.fill([0; 2]);
        }
        self.lanes.call(Blocks { planes: self, first, keep });
    }
}

/// The blocks of a tile, in a function that all kinds of dropout and types of element have in common.
struct Blocks<'a, 'm, L, C> {
    planes: &'a Planes<'m, L, C>,
    first: u64,
    keep: &'a mut [Block],
}

impl<L: WideLanes, C: Calls<L>> Task<L> for Blocks<'_, '_, L, C> {
    #[inline(always)]
    fn run(self, _: L) {
        self.planes.tile(self.first, self.keep);
    }
}

/// The last blocks of a tile, fewer than a group.
struct Rest<'a, 'm, L, C> {
    planes: &'a Planes<'m, L, C>,
    first: u64,
    done: usize,
    keep: &'a mut [Block],
    unsettled: &'a mut Option<Unsettled>,
}

impl<L: WideLanes, C: Calls<L>> Task<L> for Rest<'_, '_, L, C> {
    #[inline(always)]
    fn run(self, _: L) {
        let Self { planes, first, done, keep, unsettled } = self;
        if keep.len() < planes.common_calls() {
            for (i, keep) in keep.iter_mut().enumerate() {
                *keep = planes.single(first.wrapping_add((done + i) as u64));
            }
        } else {
            let mut group = [[0; 2]; GROUP];
            planes.group(first, done, &mut group, unsettled);
            keep.iter_mut().zip(group).for_each(|(to, keep)| *to = keep);
            if let Some(unsettled) = unsettled {
                unsettled.blocks &= !(u64::MAX << (done + keep.len()));
            }
        }
    }
}

impl<'a, L: WideLanes> Planes<'a, L> {
    #[inline(always)]
    pub(crate) fn new(lanes: L, mask: &'a Bernoulli) -> Self {
        Self { lanes, threshold: &mask.threshold, calls: Rounds::new(lanes, &mask.stream) }
    }
}

impl<L: WideLanes, C: Calls<L>> Planes<'_, L, C> {
    /// The calls that a group of blocks makes together.
    #[inline(always)]
    fn common_calls(&self) -> usize {
        self.threshold.planes as usize + usize::from(self.threshold.levels > 0)
    }

    /// The blocks of a tile, the first of which is `first`.
    #[inline(always)]
    fn tile(&self, first: u64, keep: &mut [Block]) {
        let mut unsettled = (self.threshold.levels > 0).then_some(Unsettled::NONE);
        let (groups, rest) = keep.as_chunks_mut();
        let mut done = 0;
        for group in groups {
            self.group(first, done, group, &mut unsettled);
            done += GROUP;
        }
        if !rest.is_empty() {
            self.lanes.call(Rest { planes: self, first, done, keep: rest, unsettled: &mut unsettled });
        }
        let Some(unsettled) = &mut unsettled else { return };
        while unsettled.blocks != 0 {
            self.settle(first, unsettled, keep);
        }
    }

    /// The keep bits of the eight blocks from number `done` on.
    #[inline(always)]
    fn group(&self, first: u64, done: usize, keep: &mut [Block; GROUP], unsettled: &mut Option<Unsettled>) {
        let lanes = self.lanes;
        // 64-bit lanes hold whole block numbers, so the carry into the second counter word takes care of itself.
        let shared = self.calls.shared(lanes.count_from(first.wrapping_add(done as u64)));
        let (mut tied, mut kept) = ([lanes.splat(u64::MAX); 2], [lanes.splat(u64::MAX); 2]);
        let planes = self.threshold.planes;
        let mut k = 0;
        while L::PAIRS && k + 1 < planes {
            let calls = [lanes.splat(lane_call(Domain::Planes, k)), lanes.splat(lane_call(Domain::Planes, k + 1))];
            for words in self.calls.words(&shared, calls) {
                self.compare(words, k, &mut tied, &mut kept);
                k += 1;
            }
        }
        while k < planes {
            let [words] = self.calls.words(&shared, [lanes.splat(lane_call(Domain::Planes, k))]);
            self.compare(words, k, &mut tied, &mut kept);
            k += 1;
        }
        let Some(unsettled) = unsettled else {
            *keep = lanes.interleave(kept);
            return;
        };
        let [bytes] = self.calls.words(&shared, [lanes.splat(lane_call(Domain::Ties, 0))]);
        let dealt = lanes.deal(bytes, self.threshold.byte(0), tied, kept);
        *keep = dealt.keep;
        let goes_on = if self.threshold.levels > 1 { u8::MAX } else { 0 };
        unsettled.blocks |= u64::from(dealt.open & goes_on | dealt.many) << done;
        if let Some(to) = unsettled.tied.as_chunks_mut().0.get_mut(done / GROUP) {
            *to = dealt.places;
        }
        if let Some(to) = unsettled.equal.get_mut(done / GROUP) {
            *to = dealt.equal;
        }
    }

    /// Compares the next bit of every decision of eight blocks with that of the threshold.
    #[inline(always)]
    fn compare(&self, plane: [L::U64x8; 2], k: u32, tied: &mut [L::U64x8; 2], kept: &mut [L::U64x8; 2]) {
        let threshold = self.lanes.splat(self.threshold.plane(k));
        for half in 0..2 {
            kept[half] = kept[half] & !(tied[half] & threshold & !plane[half]);
            tied[half] = tied[half] & !(plane[half] ^ threshold);
        }
    }

    /// Settles up to eight blocks by a second call of bytes, each by that which it needs.
    #[inline(always)]
    fn settle(&self, first: u64, unsettled: &mut Unsettled, keep: &mut [Block]) {
        let lanes = self.lanes;
        let (mut settling, mut blocks, mut calls, mut thresholds) = ([Settling::NONE; GROUP], [0; GROUP], [0; GROUP], [0; GROUP]);
        for (i, to) in settling.iter_mut().enumerate() {
            let Some(next) = Settling::next(unsettled, *self.threshold) else { break };
            *to = next;
            blocks[i] = first.wrapping_add(next.number as u64);
            calls[i] = lane_call(Domain::Ties, next.call);
            thresholds[i] = splat_byte(self.threshold.byte(next.call / LEVEL));
        }
        let [words] = self.calls.words(&self.calls.shared(lanes.load(&blocks)), [lanes.load(&calls)]);
        let [below, equal] = lanes.compare_bytes(words, lanes.load(&thresholds));
        for (i, settling) in settling.iter().enumerate() {
            let Some(keep) = keep.get_mut(settling.number) else { break };
            let [below, equal] = [below, equal].map(|bits| lane_bits(bits, i));
            clear_dealt(lanes, (below & settling.open) << settling.from, settling.tied, keep);
            let goes_on = settling.call / LEVEL + 1 < self.threshold.levels;
            if settling.more || goes_on && equal & settling.open != 0 {
                *keep = self.single(blocks[i]);
            }
        }
    }

    /// The keep bits of one block, for want of eight.
    #[inline(always)]
    fn single(&self, block: u64) -> Block {
        let (lanes, threshold) = (self.lanes, self.threshold);
        let shared = self.calls.shared(lanes.splat(block));
        let [words] = self.calls.words(&shared, [lanes.load(&const { lane_calls(FIRST) })]);
        let (mut tied, mut keep) = ([u64::MAX; 2], [u64::MAX; 2]);
        for (plane, k) in lanes.interleave(words).iter().take(PLANES as usize).zip(0..) {
            let threshold = threshold.plane(k);
            for half in 0..2 {
                // Planes past the last one bit of the threshold drop nothing.
                keep[half] &= !(tied[half] & threshold & !plane[half]);
                tied[half] &= !(plane[half] ^ threshold);
            }
        }
        if threshold.levels == 0 {
            return keep;
        }
        let [first, second] = [0, 1].map(|level| splat_byte(threshold.byte(level)));
        let [below, equal] = lanes.compare_bytes(words, lanes.load(&[0, 0, 0, 0, first, first, second, second]));
        // The last four lanes: 32 bytes of the first level, then 32 of the second.
        let levels = |[_, bits]: [u64; 2]| [bits & u64::from(u32::MAX), bits >> 32];
        let ([below, below_second], [equal, equal_second]) = (levels(below), levels(equal));
        let ties = tied[0].count_ones() + tied[1].count_ones();
        let open = equal & equal_second & !(u64::MAX << ties.min(2 * DEALT));
        if ties > 2 * DEALT || open != 0 && threshold.levels > 2 {
            lanes.call(Plain { planes: self, block, keep: &mut keep });
            return keep;
        }
        clear_dealt(lanes, below | equal & below_second, tied, &mut keep);
        keep
    }
}

/// One block in ten thousand, whatever it needs, call by call.
struct Plain<'a, 'm, L, C> {
    planes: &'a Planes<'m, L, C>,
    block: u64,
    keep: &'a mut Block,
}

impl<L: WideLanes, C: Calls<L>> Task<L> for Plain<'_, '_, L, C> {
    #[inline(always)]
    fn run(self, _: L) {
        let Planes { lanes, threshold, calls } = self.planes;
        let shared = calls.shared(lanes.splat(self.block));
        let mut decisions = Decisions::new(**threshold, u128::MAX);
        while let Some(k) = decisions.next_plane() {
            let [words] = calls.words(&shared, [lanes.splat(lane_call(Domain::Planes, k))]);
            decisions.compare_bits(first_lane(*lanes, words));
        }
        while let Some(k) = decisions.next_bytes() {
            let [words] = calls.words(&shared, [lanes.splat(lane_call(Domain::Ties, k))]);
            decisions.compare_bytes(first_lane(*lanes, words));
        }
        *self.keep = split(decisions.keep());
    }
}

/// The words of the first lane.
#[inline(always)]
fn first_lane<L: WideLanes>(lanes: L, words: [L::U64x8; 2]) -> [u32; 4] {
    let [[first, last], ..] = lanes.interleave(words);
    [low(first), high(first), low(last), high(last)]
}

/// A block that takes a second call of bytes.
#[derive(Clone, Copy)]
struct Settling {
    /// Within the tile.
    number: usize,
    /// The decisions that tie after the planes.
    tied: Block,
    call: u32,
    /// The rank of the decision that gets the call's first byte.
    from: u32,
    /// The decisions that the call's bytes are for and that still tie, by rank from there.
    open: u64,
    /// Whether this call is not enough.
    more: bool,
}

impl Settling {
    const NONE: Self = Self { number: usize::MAX, tied: [0; 2], call: 0, from: 0, open: 0, more: false };

    /// Takes the next of the unsettled blocks.
    #[inline(always)]
    fn next(unsettled: &mut Unsettled, threshold: Threshold) -> Option<Self> {
        let number = unsettled.blocks.trailing_zeros() as usize;
        unsettled.blocks &= unsettled.blocks.wrapping_sub(1);
        let tied = *unsettled.tied.get(number)?;
        let ties = tied[0].count_ones() + tied[1].count_ones();
        let equal = lane_bits(*unsettled.equal.get(number / GROUP)?, number % GROUP) & first_dealt(ties);
        let (without_byte, goes_on) = (ties > DEALT, equal != 0 && threshold.levels > 1);
        Some(if goes_on {
            Self { number, tied, call: LEVEL, from: 0, open: equal, more: without_byte }
        } else {
            Self { number, tied, call: 1, from: DEALT, open: first_dealt(ties - DEALT), more: ties > 2 * DEALT }
        })
    }
}
