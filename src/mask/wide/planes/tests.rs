//! Blocks whose words are made up, and so full of ties, on every instruction set with vectors. (The plain path:
//! `bernoulli/tests.rs`.)

use super::*;
use crate::backend::Backend;
use crate::mask::bernoulli::tests::MadeUp;
use crate::mask::stream::BLOCK;
use crate::simd::{Scalar, Task};

/// What a test does on an instruction set with vectors.
trait WideTask {
    fn run<L: WideLanes>(&self, lanes: L);
}

struct On<'t, T>(&'t T);

impl<L: WideLanes, T: WideTask> Task<L> for On<'_, T> {
    #[inline(always)]
    fn run(self, lanes: L) {
        self.0.run(lanes);
    }
}

impl<T: WideTask> Task<Scalar> for On<'_, T> {
    fn run(self, _: Scalar) {}
}

/// Does it on all that this CPU has, compiled with their instructions.
fn each_wide(test: &impl WideTask) {
    Backend::all().for_each(|backend| backend.run(On(test)));
}

/// Those of a test, lane by lane.
struct Lanewise<L>(L, MadeUp);

impl<L: WideLanes> Calls<L> for Lanewise<L> {
    /// The uniform integers of the blocks.
    type Shared = [[u64; BLOCK]; GROUP];

    fn shared(&self, blocks: L::U64x8) -> [[u64; BLOCK]; GROUP] {
        self.0.interleave([blocks; 2]).map(|[block, _]| self.1.uniforms(block))
    }

    fn words<const N: usize>(&self, blocks: &[[u64; BLOCK]; GROUP], calls: [L::U64x8; N]) -> [[L::U64x8; 2]; N] {
        let Self(lanes, made_up) = self;
        calls.map(|calls| {
            let mut words = lanes.interleave([calls; 2]);
            for (words, uniforms) in words.iter_mut().zip(blocks) {
                let call = words[0] as u32;
                let [a, b, c, d] = made_up.call(uniforms, call >> 25 & 3, call >> 27).map(u64::from);
                *words = [a | b << 32, c | d << 32];
            }
            [0, 1].map(|half| lanes.load(&words.map(|words| words[half])))
        })
    }

    fn alone(&self, threshold: &Threshold, numbers: Numbers<'_>, keep: &mut [Block]) {
        Planes { lanes: self.0, threshold, calls: Lanewise(self.0, self.1) }.singly(&numbers, keep);
    }

    fn block(&self, _: Threshold, block: u64) -> Block {
        let keep = self.1.keep(&self.1.uniforms(block));
        [keep as u64, (keep >> 64) as u64]
    }
}

struct BlocksAreRight(MadeUp);

impl WideTask for BlocksAreRight {
    fn run<L: WideLanes>(&self, lanes: L) {
        let Self(made_up) = *self;
        let threshold = Threshold::new(made_up.threshold);
        let planes = Planes { lanes, threshold: &threshold, calls: Lanewise(lanes, made_up) };
        // Whole tiles and parts of one; the carries of the block's number.
        for (first, len) in [(0, 32), (100, 1), (101, 2), (200, 5), (300, 15), ((1 << 32) - 5, 32), ((1 << 57) - 31, 31)] {
            let mut keep = [[0; 2]; 32];
            let keep = keep.get_mut(..len).unwrap_or_default();
            let numbers: [u64; 32] = core::array::from_fn(|i| first + i as u64);
            planes.blocks(&Numbers::Of(&numbers[..len]), keep);
            let mut following = [[0; 2]; 32];
            planes.blocks(&Numbers::From(first), &mut following[..len]);
            assert_eq!(following[..len], *keep);
            for (keep, block) in keep.iter().zip(first..) {
                assert_eq!(
                    u128::from(keep[0]) | u128::from(keep[1]) << 64,
                    made_up.keep(&made_up.uniforms(block)),
                    "block {block} at T = {:#x}",
                    made_up.threshold
                );
            }
        }
    }
}

#[test]
fn blocks_are_right_however_many_tie() {
    for made_up in MadeUp::all() {
        each_wide(&BlocksAreRight(made_up));
    }
}

struct Deposits;

impl WideTask for Deposits {
    fn run<L: WideLanes>(&self, lanes: L) {
        for (bits, places, expected) in [
            (0b1011, 0xF0, 0xB0),
            (0b10, 0x8000_0000_0000_0001, 1 << 63),
            (u64::MAX, 0x0123_4567_89AB_CDEF, 0x0123_4567_89AB_CDEF),
            (0xFFFF, u64::MAX, 0xFFFF),
            (1 << 16, u64::MAX, 1 << 16),
            (u64::MAX, 0, 0),
        ] {
            assert_eq!(lanes.deposit(bits, places), expected);
        }
    }
}

#[test]
fn bits_are_deposited_in_order() {
    each_wide(&Deposits);
}
