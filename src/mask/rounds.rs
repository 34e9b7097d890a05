//! Philox over vectors: random planes of eight blocks, or eight planes of a block, at once.

use super::stream::{BLOCK, Stream};
use crate::philox::{M0, M1, ROUNDS, W0, W1, high, low};
use crate::simd::{CHUNK, WideLanes};

/// The planes of a stream, one block and plane a lane.
///
/// Each 32-bit word lives in the low half of its lane; what rides in the high half is garbage that no step reads.
// No closure handles a vector here: a closure is a function of its own, compiled without the instruction set until it is inlined.
pub(crate) struct Rounds<'a, L> {
    lanes: L,
    stream: &'a Stream,
    /// The keys of every round.
    keys: [[u64; 2]; ROUNDS as usize],
}

/// A counter after the rounds that its plane does not reach: the plane is in the second counter word alone, and comes to touch
/// all four only in round 3, so the planes of a group share nearly a quarter of the work.
pub(crate) struct Shared<V> {
    /// Round 1: the first word but for the plane.
    a1: V,
    /// Round 2: what the third word is xored with.
    d1: V,
    /// Round 3: what the first word is xored with; what the third is; the fourth.
    b2: V,
    c3: V,
    d3: V,
}

impl<'a, L: WideLanes> Rounds<'a, L> {
    #[inline(always)]
    pub(crate) fn new(lanes: L, stream: &'a Stream) -> Self {
        let [mut k0, mut k1] = stream.key;
        let mut keys = [[0; 2]; ROUNDS as usize];
        for round in &mut keys {
            *round = [u64::from(k0), u64::from(k1)];
            (k0, k1) = (k0.wrapping_add(W0), k1.wrapping_add(W1));
        }
        Self { lanes, stream, keys }
    }

    /// The random bits of one block in eight planes, a plane a lane.
    #[inline(always)]
    pub(crate) fn eight_planes(&self, block: u64, first: u32) -> [L::U64x8; 2] {
        // Planes from 32 on are others' bits, which do no harm: the threshold ends before them.
        let planes = self.lanes.shl_u64::<27>(self.lanes.count_from(u64::from(first)));
        self.words(&self.shared(self.lanes.splat(block)), planes)
    }

    #[inline(always)]
    pub(crate) fn shared(&self, block: L::U64x8) -> Shared<L::U64x8> {
        let lanes = self.lanes;
        let [[k0, k1], [k2, k3], [k4, k5], ..] = self.keys;
        let layer = u64::from(self.stream.layer) * u64::from(M1);
        // Round 1
        let p0 = lanes.mul(block, M0);
        let a1 = lanes.shr_u64::<32>(block) ^ lanes.splat(u64::from(self.stream.domain ^ high(layer)) ^ k0);
        let c1 = lanes.shr_u64::<32>(p0) ^ lanes.splat(u64::from(self.stream.step) ^ k1);
        let d1 = p0 ^ lanes.splat(k3);
        // Round 2
        let p1 = lanes.mul(c1, M1);
        let a2 = lanes.shr_u64::<32>(p1) ^ lanes.splat(u64::from(low(layer)) ^ k2);
        let b2 = p1 ^ lanes.splat(k4);
        // Round 3
        let p0 = lanes.mul(a2, M0);
        let c3 = lanes.shr_u64::<32>(p0) ^ lanes.splat(k5);
        Shared { a1, d1, b2, c3, d3: p0 }
    }

    /// The random bits of every lane's block at its plane (given shifted to its place in the counter): the first 64 and the last 64.
    #[inline(always)]
    pub(crate) fn words(&self, shared: &Shared<L::U64x8>, plane: L::U64x8) -> [L::U64x8; 2] {
        let lanes = self.lanes;
        // What is left of rounds 1 to 3.
        let p0 = lanes.mul(shared.a1 ^ plane, M0);
        let p1 = lanes.mul(lanes.shr_u64::<32>(p0) ^ shared.d1, M1);
        let (mut a, mut b, mut c, mut d) = (lanes.shr_u64::<32>(p1) ^ shared.b2, p1, shared.c3 ^ p0, shared.d3);
        let [_, _, _, middle @ .., last] = &self.keys;
        for &[k0, k1] in middle {
            let (p0, p1) = (lanes.mul(a, M0), lanes.mul(c, M1));
            (a, b, c, d) = (lanes.shr_u64::<32>(p1) ^ b ^ lanes.splat(k0), p1, lanes.shr_u64::<32>(p0) ^ d ^ lanes.splat(k1), p0);
        }
        // The last round, its four words packed two by two: the halves of each product trade places.
        let (p0, p1) = (lanes.mul(a, M0), lanes.mul(c, M1));
        let low_half = lanes.splat(u64::from(u32::MAX));
        [lanes.swap(p1) ^ (b & low_half) ^ lanes.splat(last[0]), lanes.swap(p0) ^ (d & low_half) ^ lanes.splat(last[1])]
    }

    /// The uniform integers of a block.
    #[inline(always)]
    pub(crate) fn uniforms(&self, block: u64) -> [L::I32x16; BLOCK / CHUNK] {
        let lanes = self.lanes;
        let shared = self.shared(lanes.splat(block));
        let mut uniforms = [lanes.splat_i32(0); BLOCK / CHUNK];
        for octet in 0..4 {
            // The last of the eight in lane 0, as the lowest bit.
            let planes = lanes.shl_u64::<27>(lanes.count_from(8 * octet) ^ lanes.splat(7));
            for (half, words) in self.words(&shared, planes).into_iter().enumerate() {
                // A byte for each of 64 decisions, a bit for each of eight planes.
                let bytes = lanes.widen_bytes(self.transpose_bits(lanes.transpose_bytes(words)));
                for (i, byte) in bytes.into_iter().enumerate() {
                    let u = &mut uniforms[4 * half + i];
                    *u = lanes.shl::<8>(*u) | byte;
                }
            }
        }
        uniforms
    }

    /// Bit i of byte k of each lane as bit k of byte i (Warren, "Hacker's Delight", section 7-3).
    #[inline(always)]
    fn transpose_bits(&self, mut x: L::U64x8) -> L::U64x8 {
        let lanes = self.lanes;
        let t = (x ^ lanes.shr_u64::<7>(x)) & lanes.splat(0x00AA_00AA_00AA_00AA);
        x = x ^ t ^ lanes.shl_u64::<7>(t);
        let t = (x ^ lanes.shr_u64::<14>(x)) & lanes.splat(0x0000_CCCC_0000_CCCC);
        x = x ^ t ^ lanes.shl_u64::<14>(t);
        let t = (x ^ lanes.shr_u64::<28>(x)) & lanes.splat(0x0000_0000_F0F0_F0F0);
        x ^ t ^ lanes.shl_u64::<28>(t)
    }
}
