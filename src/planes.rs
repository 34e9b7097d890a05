//! The decisions of eight blocks at once, for instruction sets with vectors.

#[cfg(test)]
mod tests;

use crate::bernoulli::{Bernoulli, Decisions, LEVEL, PLANES, Threshold};
use crate::lanes::{Dealt, Lanes, Task, WideLanes};
use crate::philox::{high, low};
use crate::rounds::{Calls, Rounds, lane_call, lane_calls};
use crate::stream::Domain;
use crate::tiles::{BLOCK_WORDS, Block, Generator, TILE, Work, split};

/// Blocks in a group: the 64-bit lanes of a vector.
pub(crate) const GROUP: usize = 8;

/// Decisions that the bytes of a call are for.
const DEALT: u32 = 16;

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
    fn blocks<W: Work>(&self, first: u64, keep: &mut [Block], work: &mut W) {
        if self.threshold.drops_all() {
            return keep.fill([0; 2]);
        }
        if W::ANY { self.tile(first, keep, work) } else { self.lanes.call(WithoutWork { planes: self, first, keep }) }
    }
}

/// The blocks of a tile and nothing else, which is the same code for all kinds of dropout and types of element.
struct WithoutWork<'a, 'm, L, C> {
    planes: &'a Planes<'m, L, C>,
    first: u64,
    keep: &'a mut [Block],
}

impl<L: WideLanes, C: Calls<L>> Task for WithoutWork<'_, '_, L, C> {
    type Output = ();

    #[inline(always)]
    fn run<M: Lanes>(self, _: M) {
        self.planes.tile(self.first, self.keep, &mut ());
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

impl<L: WideLanes, C: Calls<L>> Task for Rest<'_, '_, L, C> {
    type Output = ();

    #[inline(always)]
    fn run<M: Lanes>(self, _: M) {
        let Self { planes, first, done, keep, unsettled } = self;
        if keep.len() < planes.common_calls() {
            for (i, keep) in keep.iter_mut().enumerate() {
                *keep = planes.single(first.wrapping_add((done + i) as u64));
            }
        } else {
            let mut group = [[0; 2]; GROUP];
            planes.group(first, done, &mut group, unsettled, &mut ());
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
    fn tile(&self, first: u64, keep: &mut [Block], work: &mut impl Work) {
        let mut unsettled = (self.threshold.levels > 0).then_some(Unsettled::NONE);
        let (groups, rest) = keep.as_chunks_mut();
        let mut done = 0;
        for group in groups {
            self.group(first, done, group, &mut unsettled, work);
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

    /// The keep bits of the eight blocks from number `done` on, with as much work done between the calls.
    #[inline(always)]
    fn group(&self, first: u64, done: usize, keep: &mut [Block; GROUP], unsettled: &mut Option<Unsettled>, work: &mut impl Work) {
        let lanes = self.lanes;
        // 64-bit lanes hold whole block numbers, so the carry into the second counter word takes care of itself.
        let shared = self.calls.shared(lanes.count_from(first.wrapping_add(done as u64)));
        let (mut tied, mut kept) = ([lanes.splat(u64::MAX); 2], [lanes.splat(u64::MAX); 2]);
        let share = (GROUP * BLOCK_WORDS).div_ceil(self.common_calls().max(1));
        let planes = self.threshold.planes;
        let mut k = 0;
        while L::PAIRS && k + 1 < planes {
            work.advance(2 * share);
            let calls = [lanes.splat(lane_call(Domain::Planes, k)), lanes.splat(lane_call(Domain::Planes, k + 1))];
            for words in self.calls.words(&shared, calls) {
                self.compare(words, k, &mut tied, &mut kept);
                k += 1;
            }
        }
        while k < planes {
            work.advance(share);
            let [words] = self.calls.words(&shared, [lanes.splat(lane_call(Domain::Planes, k))]);
            self.compare(words, k, &mut tied, &mut kept);
            k += 1;
        }
        let Some(unsettled) = unsettled else {
            *keep = lanes.interleave(kept);
            return;
        };
        work.advance(share);
        let [bytes] = self.calls.words(&shared, [lanes.splat(lane_call(Domain::Ties, 0))]);
        let dealt = lanes.deal(bytes, self.threshold.byte(0), tied, kept);
        *keep = dealt.keep;
        let goes_on = if self.threshold.levels > 1 { u8::MAX } else { 0 };
        unsettled.blocks |= u64::from(dealt.open & goes_on | dealt.many) << done;
        if let Some(to) = unsettled.tied.as_chunks_mut().0.get_mut(done / GROUP) {
            *to = dealt.tied;
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
            drop_dealt(lanes, (below & settling.open) << settling.from, settling.tied, keep);
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
            return lanes.call(Plain { planes: self, block });
        }
        drop_dealt(lanes, below | equal & below_second, tied, &mut keep);
        keep
    }
}

/// One block in ten thousand, whatever it needs, call by call.
struct Plain<'a, 'm, L, C> {
    planes: &'a Planes<'m, L, C>,
    block: u64,
}

impl<L: WideLanes, C: Calls<L>> Task for Plain<'_, '_, L, C> {
    type Output = Block;

    #[inline(always)]
    fn run<M: Lanes>(self, _: M) -> Block {
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
        split(decisions.keep())
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
        let equal = lane_bits(*unsettled.equal.get(number / GROUP)?, number % GROUP) & first_ranks(ties);
        let (without_byte, goes_on) = (ties > DEALT, equal != 0 && threshold.levels > 1);
        Some(if goes_on {
            Self { number, tied, call: LEVEL, from: 0, open: equal, more: without_byte }
        } else {
            Self { number, tied, call: 1, from: DEALT, open: first_ranks(ties - DEALT), more: ties > 2 * DEALT }
        })
    }
}

/// A byte in every byte.
const fn splat_byte(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The bits of a lane's sixteen bytes.
#[inline(always)]
pub(crate) fn lane_bits(bits: [u64; 2], lane: usize) -> u64 {
    bits[lane / 4 % 2] >> (lane % 4 * 16) & 0xFFFF
}

/// The ranks of so many ties, of those that one call has bytes for.
#[inline(always)]
fn first_ranks(ties: u32) -> u64 {
    (1 << ties.min(DEALT)) - 1
}

/// Drops those of the tied decisions whose rank's bit is set.
#[inline(always)]
pub(crate) fn drop_dealt(lanes: impl WideLanes, dropped: u64, tied: Block, keep: &mut Block) {
    let after = dropped.checked_shr(tied[0].count_ones()).unwrap_or(0);
    keep[0] &= !lanes.deposit(dropped, tied[0]);
    keep[1] &= !lanes.deposit(after, tied[1]);
}

/// The most ties of a half block that are dealt with in vectors. One in 700 has more.
const STEPS: u32 = 10;

/// [`WideLanes::deal`] without an instruction that deposits bits: all lanes go from tie to tie together.
#[inline(always)]
pub(crate) fn deal<L: WideLanes>(
    lanes: L,
    bytes: [L::U64x8; 2],
    threshold: u8,
    tied: [L::U64x8; 2],
    kept: [L::U64x8; 2],
) -> Dealt {
    let [below, equal] = lanes.compare_bytes(bytes, lanes.splat(splat_byte(threshold)));
    let mut dealt = Dealt { keep: [[0; 2]; GROUP], tied: lanes.interleave(tied), equal, open: 0, many: 0 };
    let (mut changes, mut far) = ([[0; GROUP]; 2], false);
    for (i, tied) in dealt.tied.iter().enumerate() {
        let [first, last] = tied.map(u64::count_ones);
        dealt.open |= u8::from(lane_bits(equal, i) & first_ranks(first + last) != 0) << i;
        dealt.many |= u8::from(first + last > DEALT) << i;
        far |= first.max(last) > STEPS;
        // Bit r is set if what becomes of the tie of rank r becomes of the one before it not.
        let below = lane_bits(below, i);
        (changes[0][i], changes[1][i]) = (below ^ below << 1, below >> first.min(63) ^ below >> first.min(63) << 1);
    }
    let (mut dropped, one) = ([lanes.splat(0); 2], lanes.splat(1));
    for half in 0..2 {
        let (mut changes, mut ties) = (lanes.load(&changes[half]), tied[half]);
        for _ in 0..STEPS {
            dropped[half] = dropped[half] ^ (ties & lanes.sub_u64(lanes.splat(0), changes & one));
            ties = ties & lanes.sub_u64(ties, one);
            changes = lanes.shr_u64::<1>(changes);
        }
    }
    dealt.keep = lanes.interleave([0, 1].map(|half| kept[half] & !dropped[half]));
    if far {
        dealt.keep = lanes.interleave(kept);
        for (i, keep) in dealt.keep.iter_mut().enumerate() {
            drop_dealt(lanes, lane_bits(below, i), dealt.tied[i], keep);
        }
    }
    dealt
}
