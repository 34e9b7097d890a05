//! Philox over vectors: a call for each of eight blocks, or eight calls for a block, at once.

use crate::mask::bernoulli::{ALL, Bernoulli, Threshold};
use crate::mask::generator::{Few, Numbers};
use crate::mask::stream::{BLOCK, Domain, ROUNDS, Stream, call_bits};
use crate::mask::tile::{Block, from_words};
use crate::philox::{M0, M1, W0, W1, high, low};
use crate::simd::{CHUNK, GROUP, WideLanes};

/// Where the words of calls come from: Philox, or what a test makes up.
pub(crate) trait Calls<L: WideLanes> {
    /// What all calls of some blocks have in common.
    type Shared;

    fn shared(&self, blocks: L::U64x8) -> Self::Shared;

    /// The words of each lane's block in N calls: the first two words in one vector, the last two in another.
    fn words<const N: usize>(&self, shared: &Self::Shared, calls: [L::U64x8; N]) -> [[L::U64x8; 2]; N];

    /// The keep bits of blocks by themselves, in a function of its own: of a few, or of one that its group's calls do not settle.
    fn alone(&self, threshold: &Threshold, numbers: Numbers<'_>, keep: &mut [Block]);

    /// The keep bits of a block call by call, as the reference: for the one in ten thousand that needs more than the calls
    /// of a group.
    fn block(&self, threshold: Threshold, block: u64) -> Block;
}

/// Call `k` of a domain as a lane holds it, in both halves. No operation reads the upper half; but if the compiler knew
/// it to be zero, it would turn the multiplication into one of 64 bits, which takes three times as long.
#[inline(always)]
pub(crate) const fn lane_call(domain: Domain, k: u32) -> u64 {
    call_bits(domain, k) as u64 * 0x1_0000_0001
}

/// A call in each lane.
pub(crate) const fn lane_calls(calls: [(Domain, u32); GROUP]) -> [u64; GROUP] {
    let (mut lanes, mut i) = ([0; GROUP], 0);
    while i < GROUP {
        lanes[i] = lane_call(calls[i].0, calls[i].1);
        i += 1;
    }
    lanes
}

/// The calls of a stream, one block and call a lane.
///
/// Each 32-bit word lives in the low half of a 64-bit lane. The high half holds garbage that no operation reads: a
/// round is then two multiplications, two shifts and two three-way xors, without a shuffle.
pub(crate) struct Rounds<'a, L> {
    lanes: L,
    stream: &'a Stream,
    keys: Keys,
}

/// The keys of every round. They are stored as vectors and loaded one by one: across two cache lines that takes so long that masks of
/// two to four blocks took 1.2 times as long.
#[repr(align(64))]
struct Keys([[u64; 2]; ROUNDS]);

/// What all calls for a block have in common. The number of a call stands in the second word of the counter alone and
/// reaches all four words only in round 3, so that calls share nearly a quarter of the work.
pub(crate) struct Shared<V> {
    /// Round 1: the first word but for the call.
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
        let mut keys = [[0; 2]; ROUNDS];
        for round in &mut keys {
            *round = [u64::from(k0), u64::from(k1)];
            (k0, k1) = (k0.wrapping_add(W0), k1.wrapping_add(W1));
        }
        Self { lanes, stream, keys: Keys(keys) }
    }

    /// The words of a block's calls of noise, in order.
    #[inline(always)]
    pub(crate) fn noise(&self, block: u64) -> [L::I32s; BLOCK / CHUNK] {
        let lanes = self.lanes;
        let shared = self.shared(lanes.splat(block));
        let mut noise = [lanes.splat_i32(0); BLOCK / CHUNK];
        for (noise, calls) in noise.as_chunks_mut().0.iter_mut().zip(NOISE.as_chunks::<2>().0) {
            let calls = [lanes.load(&calls[0]), lanes.load(&calls[1])];
            let [first, last] = if L::PAIRS {
                self.words(&shared, calls)
            } else {
                let ([first], [last]) = (self.words(&shared, [calls[0]]), self.words(&shared, [calls[1]]));
                [first, last]
            };
            let ([a, b], [c, d]) = (lanes.interleave_i32(first), lanes.interleave_i32(last));
            *noise = [a, b, c, d];
        }
        noise
    }
}

/// The calls of noise, eight at a time.
const NOISE: [[u64; GROUP]; 4] = {
    let (mut calls, mut k) = ([[(Domain::Noise, 0); GROUP]; 4], 0);
    while k < 32 {
        calls[k as usize / GROUP][k as usize % GROUP] = (Domain::Noise, k);
        k += 1;
    }
    [lane_calls(calls[0]), lane_calls(calls[1]), lane_calls(calls[2]), lane_calls(calls[3])]
};

impl<L: WideLanes> Calls<L> for Rounds<'_, L> {
    type Shared = Shared<L::U64x8>;

    #[inline(always)]
    fn shared(&self, blocks: L::U64x8) -> Shared<L::U64x8> {
        // So that operations read them from memory: otherwise each is broadcast to a register first, and that stored as a vector.
        core::hint::black_box(&self.keys);
        let lanes = self.lanes;
        let [[k0, k1], [k2, k3], [k4, k5], ..] = self.keys.0;
        let layer = u64::from(self.stream.layer) * u64::from(M1);
        // Round 1
        let p0 = lanes.mul(blocks, M0);
        let a1 = lanes.shr_u64::<32>(blocks) ^ lanes.splat(u64::from(high(layer)) ^ k0);
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

    /// All calls in lockstep: the rounds of one alone are a chain that leaves the multipliers idle.
    #[inline(always)]
    fn words<const N: usize>(&self, shared: &Shared<L::U64x8>, calls: [L::U64x8; N]) -> [[L::U64x8; 2]; N] {
        let lanes = self.lanes;
        let mut words = [[calls[0]; 4]; N];
        // Three rounds are shared in part, and the last is packed.
        const { assert!(ROUNDS > 3) };
        // What is left of rounds 1 to 3.
        for i in 0..N {
            let p0 = lanes.mul(shared.a1 ^ calls[i], M0);
            let p1 = lanes.mul(lanes.shr_u64::<32>(p0) ^ shared.d1, M1);
            words[i] = [lanes.shr_u64::<32>(p1) ^ shared.b2, p1, shared.c3 ^ p0, shared.d3];
        }
        let [_, _, _, middle @ .., last] = &self.keys.0;
        for &[k0, k1] in middle {
            for word in &mut words {
                let [a, b, c, d] = *word;
                let (p0, p1) = (lanes.mul(a, M0), lanes.mul(c, M1));
                *word = [lanes.shr_u64::<32>(p1) ^ b ^ lanes.splat(k0), p1, lanes.shr_u64::<32>(p0) ^ d ^ lanes.splat(k1), p0];
            }
        }
        // The last round, its four words packed two by two: the halves of each product trade places.
        let low_half = lanes.splat(u64::from(u32::MAX));
        let mut packed = [[calls[0]; 2]; N];
        for i in 0..N {
            let [a, b, c, d] = words[i];
            let (p0, p1) = (lanes.mul(a, M0), lanes.mul(c, M1));
            packed[i] =
                [lanes.swap(p1) ^ (b & low_half) ^ lanes.splat(last[0]), lanes.swap(p0) ^ (d & low_half) ^ lanes.splat(last[1])];
        }
        packed
    }

    #[inline(always)]
    fn alone(&self, threshold: &Threshold, numbers: Numbers<'_>, keep: &mut [Block]) {
        self.lanes.call(Few { stream: self.stream, threshold, numbers, keep });
    }

    fn block(&self, threshold: Threshold, block: u64) -> Block {
        plainly(&Bernoulli { stream: *self.stream, threshold }, block)
    }
}

/// In a function of its own, which knows no lanes: one copy serves all.
#[cold]
#[inline(never)]
fn plainly(mask: &Bernoulli, block: u64) -> Block {
    from_words(mask.block(block, ALL))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;
    use crate::address::Address;
    use crate::backend::Backend;
    use crate::mask::Generate;
    use crate::simd::Task;

    /// The integers behind a block's noise.
    struct Noise<'a>(Stream, u64, &'a mut [u32; BLOCK]);

    impl<L: Generate> Task<L> for Noise<'_> {
        #[inline(always)]
        fn run(self, lanes: L) {
            let Self(stream, block, words) = self;
            let noise = lanes.noise(&stream, block).map(|u| lanes.store_f32(lanes.cast_f32(u)));
            words.iter_mut().zip(noise.as_flattened()).for_each(|(to, from)| *to = from.to_bits());
        }
    }

    fn noise(backend: Backend, stream: Stream, block: u64) -> [u32; BLOCK] {
        let mut words = [0; BLOCK];
        backend.run(Noise(stream, block, &mut words));
        words
    }

    /// Beside the masks in the vectors of the contract. What the public API gives are normals, which many integers
    /// share.
    #[test]
    fn noise_equals_the_reference() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../../tests/data/mask_vectors.json")).unwrap();
        for vector in vectors["noise"].as_array().unwrap() {
            let integer = |name: &str| vector[name].as_u64().unwrap();
            let stream = Stream::new(Address {
                seed: integer("seed"),
                layer: integer("layer") as u32,
                step: integer("step") as u32,
                offset: 0,
            });
            for backend in Backend::all() {
                let expected: Vec<u32> =
                    vector["uniforms"].as_array().unwrap().iter().map(|u| u.as_u64().unwrap() as u32).collect();
                let (block, skip) = (integer("first") / BLOCK as u64, (integer("first") % BLOCK as u64) as usize);
                let blocks = (block..block + 3).flat_map(|block| noise(backend, stream, block));
                let actual: Vec<u32> = blocks.skip(skip).take(expected.len()).collect();
                assert_eq!(actual, expected, "{} at {vector}", backend.name());
            }
        }
    }
}
