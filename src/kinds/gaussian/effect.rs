//! What noise does to elements.

use core::ops::Range;

use super::noise::NoiseTile;
use crate::element::Float;
use crate::kernel::{ChunkFn, Effect};
use crate::mask::LIMB;
use crate::simd::{CHUNK, Lanes};

/// An element times its noise, or plus its noise.
#[derive(Clone, Copy)]
pub(super) enum Noisy {
    Times,
    Plus,
}

impl<E: Float> Effect<E> for Noisy {
    type Tile = NoiseTile;
    type ChunkFn<'a, L: Lanes> = NoisyFn<L>;

    #[inline(always)]
    fn chunk_fn<L: Lanes>(&mut self, lanes: L, _: Range<usize>) -> NoisyFn<L> {
        NoisyFn { lanes, noisy: *self }
    }
}

pub(super) struct NoisyFn<L> {
    lanes: L,
    noisy: Noisy,
}

impl<L: Lanes, E: Float> ChunkFn<E> for NoisyFn<L> {
    type Limb = [f32; LIMB];

    #[inline(always)]
    fn map(&mut self, noise: &[f32; LIMB], chunk: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        debug_assert!(chunk < LIMB / CHUNK);
        let noise = E::load_f32(self.lanes, noise.as_chunks().0.get(chunk).unwrap_or(&[0.0; CHUNK]));
        let x = E::load(self.lanes, x);
        E::store(
            self.lanes,
            match self.noisy {
                Noisy::Times => x * noise,
                Noisy::Plus => x + noise,
            },
        )
    }
}
