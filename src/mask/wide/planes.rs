//! The decisions of eight blocks at once, for instruction sets with vectors.
//!
//! ```text
//! planes 0..4 of eight blocks -> nibbles compared -> kept, dropped, tied
//!              call 0 of bytes -> dealt to the tied -> kept, dropped, unsettled (one block in thirty) -> by itself
//! ```

#[cfg(test)]
mod tests;

use core::slice::from_mut;

use super::rounds::{Calls, Rounds, lane_call, lane_calls};
use crate::mask::bernoulli::{Bernoulli, LEVEL, PLANES, Threshold};
use crate::mask::generator::{Few, Generate, Numbers};
use crate::mask::stream::{BLOCK, Domain, Stream};
use crate::mask::tile::Block;
use crate::philox::low;
use crate::simd::{CHUNK, DEALT, GROUP, WideLanes, clear_dealt, splat_byte};

/// The calls for one block that all eight lanes make at once: the planes, and two levels of bytes for 32 ties. Nearly
/// no block needs more.
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

/// The lanes' numbers, to be taken away: what there is no addition for.
const MINUS: [u64; GROUP] = {
    let (mut minus, mut i) = ([0; GROUP], 0);
    while i < GROUP {
        minus[i] = (i as u64).wrapping_neg();
        i += 1;
    }
    minus
};

impl<L: WideLanes> Generate for L {
    #[inline(always)]
    fn blocks(self, mask: &Bernoulli, numbers: &Numbers<'_>, keep: &mut [Block]) {
        Planes { lanes: self, threshold: &mask.threshold, calls: Rounds::new(self, &mask.stream) }.blocks(numbers, keep);
    }

    #[inline(always)]
    fn singly(self, Few { stream, threshold, numbers, keep }: Few<'_>) {
        Planes { lanes: self, threshold, calls: Rounds::new(self, stream) }.singly(&numbers, keep);
    }

    #[inline(always)]
    fn noise(self, stream: &Stream, block: u64) -> [L::I32s; BLOCK / CHUNK] {
        Rounds::new(self, stream).noise(block)
    }
}

/// The masks of whole groups of blocks.
pub(crate) struct Planes<'a, L, C = Rounds<'a, L>> {
    lanes: L,
    threshold: &'a Threshold,
    calls: C,
}

impl<L: WideLanes, C: Calls<L>> Planes<'_, L, C> {
    /// The keep bits of the blocks with these numbers.
    #[inline(always)]
    fn blocks(&self, numbers: &Numbers<'_>, keep: &mut [Block]) {
        if self.threshold.drops_all() {
            return keep.fill([0; 2]);
        }
        let (mut first, mut spare) = (0, [[0; 2]; GROUP]);
        while let Some(rest) = keep.get_mut(first..).filter(|rest| !rest.is_empty()) {
            let len = rest.len();
            // A block by itself takes one call for all of its lanes, a group as many as it needs.
            if len < self.threshold.planes as usize + usize::from(self.threshold.levels > 0) {
                return self.calls.alone(self.threshold, numbers.skip(first), rest);
            }
            self.group(numbers, first, rest.first_chunk_mut().unwrap_or(&mut spare));
            if len < GROUP {
                rest.iter_mut().zip(spare).for_each(|(to, keep)| *to = keep);
            }
            first += GROUP;
        }
    }

    /// The keep bits of the eight blocks that stand from number `first` on.
    #[inline(always)]
    fn group(&self, numbers: &Numbers<'_>, first: usize, keep: &mut [Block; GROUP]) {
        let (lanes, threshold) = (self.lanes, self.threshold);
        // 64-bit lanes hold whole block numbers, so the carry into the second counter word takes care of itself.
        let shared = self.calls.shared(match *numbers {
            Numbers::From(number) => lanes.sub_u64(lanes.splat(number.wrapping_add(first as u64)), lanes.load(&MINUS)),
            Numbers::Of(numbers) => match numbers.get(first..).and_then(|rest| rest.first_chunk()) {
                Some(numbers) => lanes.load(numbers),
                None => lanes.load(&core::array::from_fn(|i| Numbers::Of(numbers).get(first + i))),
            },
        });
        let (mut tied, mut kept) = ([lanes.splat(u64::MAX); 2], [lanes.splat(u64::MAX); 2]);
        let call = |domain, k| lanes.splat(lane_call(domain, k));
        let mut k = 0;
        while L::PAIRS && k + 1 < threshold.planes {
            for words in self.calls.words(&shared, [call(Domain::Planes, k), call(Domain::Planes, k + 1)]) {
                self.compare(words, k, &mut tied, &mut kept);
                k += 1;
            }
        }
        while k < threshold.planes {
            let [words] = self.calls.words(&shared, [call(Domain::Planes, k)]);
            self.compare(words, k, &mut tied, &mut kept);
            k += 1;
        }
        if threshold.levels == 0 {
            *keep = lanes.interleave(kept);
            return;
        }
        let [bytes] = self.calls.words(&shared, [call(Domain::Ties, 0)]);
        let dealt = lanes.deal(bytes, threshold.byte(0), tied, kept);
        *keep = dealt.keep;
        let goes_on = if threshold.levels > 1 { u8::MAX } else { 0 };
        // One block in thirty needs more bytes: 0.3 % have more than sixteen ties, and in 3 % a byte equals the
        // threshold's.
        let mut unsettled = dealt.open & goes_on | dealt.many;
        while unsettled != 0 {
            let i = unsettled.trailing_zeros() as usize % GROUP;
            self.calls.alone(threshold, numbers.skip(first + i), from_mut(&mut keep[i]));
            unsettled &= unsettled - 1;
        }
    }

    /// Compares the next bit of every decision of eight blocks with that of the threshold.
    #[inline(always)]
    fn compare(&self, plane: [L::U64x8; 2], k: u32, tied: &mut [L::U64x8; 2], kept: &mut [L::U64x8; 2]) {
        let threshold = self.lanes.splat(plane_of(*self.threshold, k));
        for half in 0..2 {
            kept[half] = kept[half] & !(tied[half] & threshold & !plane[half]);
            tied[half] = tied[half] & !(plane[half] ^ threshold);
        }
    }

    /// The keep bits of the blocks with these numbers, each by itself.
    #[inline(always)]
    fn singly(&self, numbers: &Numbers<'_>, keep: &mut [Block]) {
        for (i, keep) in keep.iter_mut().enumerate() {
            self.single(numbers.get(i), keep);
        }
    }

    /// The keep bits of one block, written where they are read: what is returned goes through the stack.
    #[inline(always)]
    fn single(&self, block: u64, keep: &mut Block) {
        let (lanes, threshold) = (self.lanes, self.threshold);
        let shared = self.calls.shared(lanes.splat(block));
        let [words] = self.calls.words(&shared, [lanes.load(&const { lane_calls(FIRST) })]);
        let (mut tied, mut dropped) = ([u64::MAX; 2], [0; 2]);
        for (plane, k) in lanes.interleave(words).into_iter().take(PLANES as usize).zip(0..) {
            // Planes past the last one bit of the threshold drop nothing.
            let threshold = plane_of(*threshold, k);
            for half in 0..2 {
                dropped[half] |= tied[half] & threshold & !plane[half];
                tied[half] &= !(plane[half] ^ threshold);
            }
        }
        *keep = dropped.map(|dropped: u64| !dropped);
        if threshold.levels == 0 {
            return;
        }
        let [first, second] = [0, 1].map(|level| splat_byte(threshold.byte(level)));
        let [below, equal] = lanes.compare_bytes(words, lanes.load(&[0, 0, 0, 0, first, first, second, second]));
        // The last four lanes: 32 bytes of the first level, then 32 of the second.
        let levels = |[_, bits]: [u64; 2]| [bits & u64::from(u32::MAX), bits >> 32];
        let ([below, below_second], [equal, equal_second]) = (levels(below), levels(equal));
        let ties = tied[0].count_ones() + tied[1].count_ones();
        let open = equal & equal_second & !(u64::MAX << ties.min(2 * DEALT));
        if ties > 2 * DEALT || open != 0 && threshold.levels > 2 {
            *keep = self.calls.block(*threshold, block);
            return;
        }
        clear_dealt(lanes, below | equal & below_second, tied, keep);
    }
}

impl Numbers<'_> {
    /// Those from the `i`th on.
    #[inline(always)]
    fn skip(&self, i: usize) -> Self {
        match *self {
            Self::From(first) => Self::From(first.wrapping_add(i as u64)),
            Self::Of(numbers) => Self::Of(numbers.get(i..).unwrap_or_default()),
        }
    }
}

impl Threshold {
    /// The byte of a level.
    const fn byte(self, level: u32) -> u8 {
        (low(self.value) << PLANES << (u8::BITS * level) >> (u32::BITS - u8::BITS)) as u8
    }
}

/// The threshold's bit of a plane, in every bit.
#[inline(always)]
fn plane_of(threshold: Threshold, k: u32) -> u64 {
    u64::from(threshold.plane(k)).wrapping_neg()
}
