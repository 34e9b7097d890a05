//! Noise as a source: a tile holds that of one block.

use core::borrow::Borrow;
use core::cell::Cell;

use super::normal::normal;
use crate::address::Address;
use crate::layout::{Stretch, Stretches};
use crate::mask::{BLOCK, Generate, LIMB, Source, Stream, Tile};
use crate::simd::CHUNK;

/// The values `mean + deviation * z` from logical index `next` on.
pub(super) struct Noise {
    stream: Stream,
    mean: f32,
    deviation: f32,
    next: u64,
}

/// The noise of one block. Its first `skip` values come before the tensor and are not used. One limb more than a block,
/// because the values after those have to fill whole limbs.
pub(super) struct NoiseTile {
    noise: [[f32; CHUNK]; (BLOCK + LIMB) / CHUNK],
    skip: usize,
}

impl Tile for NoiseTile {
    type Limb = [f32; LIMB];

    const NONE: [f32; LIMB] = [0.0; LIMB];

    const CAPACITY: usize = BLOCK + LIMB;

    const NEW: Self = Self { noise: [[0.0; CHUNK]; (BLOCK + LIMB) / CHUNK], skip: 0 };

    #[inline(always)]
    fn limbs(&self, from: usize) -> impl Iterator<Item: Borrow<[f32; LIMB]>> {
        self.values().get(from..).unwrap_or_default().as_chunks().0.iter()
    }

    #[inline(always)]
    fn all_like(limb: &[f32; LIMB], i: usize) -> [f32; LIMB] {
        debug_assert!(i < LIMB);
        [limb.get(i).copied().unwrap_or_default(); LIMB]
    }

    fn cycle(&mut self, tile: &Self, from: usize, period: usize, skip: usize, len: usize) {
        debug_assert!(period > 0 && from + period <= tile.values().len());
        let row = tile.values().get(from..from + period).unwrap_or_default();
        self.fill(row.iter().cycle().skip(skip % period.max(1)).copied().take(len));
    }

    fn spread(&mut self, tile: &Self, from: usize, times: usize, skip: usize, len: usize) {
        debug_assert!(times > 0);
        let from = from + skip / times.max(1);
        debug_assert!(from < tile.values().len());
        let values = tile.values().get(from..).unwrap_or_default();
        self.fill(values.iter().flat_map(|x| core::iter::repeat_n(*x, times)).skip(skip % times.max(1)).take(len));
    }
}

impl NoiseTile {
    fn values(&self) -> &[f32] {
        debug_assert!(self.skip < BLOCK);
        self.noise.as_flattened().get(self.skip..).unwrap_or_default()
    }

    /// Moves `len` values from one place of the block to an earlier one.
    fn move_up(&mut self, from: usize, to: usize, len: usize) {
        debug_assert!(len == 0 || to <= from && from + len <= BLOCK);
        let values = Cell::from_mut(self.noise.as_flattened_mut()).as_slice_of_cells();
        let (to, from) = (values.get(to..).unwrap_or_default(), values.get(from..).unwrap_or_default());
        to.iter().zip(from).take(len).for_each(|(to, from)| to.set(from.get()));
    }

    fn fill(&mut self, values: impl Iterator<Item = f32>) {
        self.skip = 0;
        self.noise.as_flattened_mut().iter_mut().zip(values).for_each(|(to, from)| *to = from);
    }
}

impl Source for Noise {
    type Tile = NoiseTile;

    #[inline(always)]
    fn next<L: Generate>(&mut self, lanes: L, limit: usize, tile: &mut NoiseTile) -> usize {
        if limit == 0 {
            return 0;
        }
        let decisions = self.block(lanes, self.next, limit, tile);
        self.next = self.next.wrapping_add(decisions as u64);
        decisions
    }

    fn index(&self) -> u64 {
        self.next
    }

    fn seek(&mut self, index: u64) {
        self.next = index;
    }

    /// Those of one block.
    #[inline(always)]
    fn gather<L: Generate>(&mut self, lanes: L, numbers: &mut Stretches<'_>, limit: usize, tile: &mut NoiseTile) -> usize {
        let Some(Stretch { start, len }) = numbers.next(limit) else { return 0 };
        let first = self.next.wrapping_add(start as u64);
        let mut decisions = self.block(lanes, first, len, tile);
        numbers.take_back(len - decisions);
        // The others that are in the same block move up to the first ones.
        while decisions < limit
            && let Some(Stretch { start, len }) = numbers.next(limit - decisions)
        {
            let index = self.next.wrapping_add(start as u64);
            let place = (index % BLOCK as u64) as usize;
            let taken = if index / BLOCK as u64 == first / BLOCK as u64 { len.min(BLOCK - place) } else { 0 };
            tile.move_up(place, tile.skip + decisions, taken);
            decisions += taken;
            if taken < len {
                numbers.take_back(len - taken);
                break;
            }
        }
        decisions
    }
}

impl Noise {
    pub(super) const fn new(address: Address, mean: f32, deviation: f32) -> Self {
        Self { stream: Stream::new(address), mean, deviation, next: address.offset }
    }

    /// Fills a tile with the noise from a logical index on, of at most `limit` values and no further than its block,
    /// and returns their number.
    #[inline(always)]
    fn block<L: Generate>(&self, lanes: L, first: u64, limit: usize, tile: &mut NoiseTile) -> usize {
        tile.skip = (first % BLOCK as u64) as usize;
        let (mean, deviation) = (lanes.splat_f32(self.mean), lanes.splat_f32(self.deviation));
        let uniforms = lanes.noise(&self.stream, first / BLOCK as u64);
        for (to, u) in tile.noise.iter_mut().zip(uniforms) {
            *to = lanes.store_f32(mean + deviation * normal(lanes, u));
        }
        limit.min(BLOCK - tile.skip)
    }
}
