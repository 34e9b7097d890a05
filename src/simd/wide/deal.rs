//! Bytes dealt in order to the places that a mask has ones at.

use super::lanes::{Dealt, GROUP, WideLanes};
use crate::simd::vectors::rolled;

/// Bytes that are dealt to each lane.
pub(crate) const DEALT: u32 = 16;

/// A byte in every byte.
pub(crate) const fn splat_byte(byte: u8) -> u64 {
    byte as u64 * 0x0101_0101_0101_0101
}

/// The bits of a lane's sixteen bytes.
#[inline(always)]
pub(super) fn lane_bits(bits: [u64; 2], lane: usize) -> u64 {
    bits[lane / 4 % 2] >> (lane % 4 * 16) & 0xFFFF
}

/// A bit for each byte that is dealt to `places` places.
#[inline(always)]
pub(super) fn first_dealt(places: u32) -> u64 {
    (1 << places.min(DEALT)) - 1
}

/// Clears those of the `places` in `keep`, in order, whose bit is set.
#[inline(always)]
pub(crate) fn clear_dealt(lanes: impl WideLanes, bits: u64, places: [u64; 2], keep: &mut [u64; 2]) {
    let after = bits.checked_shr(places[0].count_ones()).unwrap_or(0);
    keep[0] &= !lanes.deposit(bits, places[0]);
    keep[1] &= !lanes.deposit(after, places[1]);
}

/// The most places of a half that are dealt to in vectors. Of 64 random places with probability 1/16 one in 700 has
/// more.
const MOST: u32 = 10;

/// [`WideLanes::deal`] without an instruction that deposits bits: all lanes go from place to place together.
#[inline(always)]
pub(super) fn deal<L: WideLanes>(lanes: L, bytes: [L::U64x8; 2], than: u8, places: [L::U64x8; 2], keep: [L::U64x8; 2]) -> Dealt {
    let [below, equal] = lanes.compare_bytes(bytes, lanes.splat(splat_byte(than)));
    let mut dealt = Dealt { keep: [[0; 2]; GROUP], open: 0, many: 0 };
    let lane_places = lanes.interleave(places);
    let (mut changes, mut far) = ([[0; GROUP]; 2], false);
    for (i, places) in lane_places.iter().enumerate() {
        let [first, last] = places.map(u64::count_ones);
        dealt.open |= u8::from(lane_bits(equal, i) & first_dealt(first + last) != 0) << i;
        dealt.many |= u8::from(first + last > DEALT) << i;
        far |= first.max(last) > MOST;
        // Bit r is set if what becomes of place number r doesn't become of the one before: from there on all are turned
        // over.
        let below = lane_bits(below, i);
        (changes[0][i], changes[1][i]) = (below ^ below << 1, below >> first.min(63) ^ below >> first.min(63) << 1);
    }
    let (mut cleared, one) = ([lanes.splat(0); 2], lanes.splat(1));
    for half in 0..2 {
        let (mut changes, mut left) = (lanes.load(&changes[half]), places[half]);
        for _ in 0..MOST {
            rolled();
            cleared[half] = cleared[half] ^ (left & lanes.sub_u64(lanes.splat(0), changes & one));
            left = left & lanes.sub_u64(left, one);
            changes = lanes.shr_u64::<1>(changes);
        }
    }
    dealt.keep = lanes.interleave([0, 1].map(|half| keep[half] & !cleared[half]));
    if far {
        dealt.keep = lanes.interleave(keep);
        for (i, (keep, places)) in dealt.keep.iter_mut().zip(lane_places).enumerate() {
            clear_dealt(lanes, lane_bits(below, i), places, keep);
        }
    }
    dealt
}
