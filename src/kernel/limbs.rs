//! The loop of targets without vectors: limb after limb, straight from the source. Without tiles it takes a fraction of the
//! stack, and without their special cases a fraction of the flash.

use super::effect::Effect;
use super::pass::{ChunkFn, Pass};
use super::place::Place;
use super::slices::Slices;
use crate::element::sealed::Element;
use crate::layout::{Stretch, Walk};
use crate::mask::{Generate, Source};
use crate::simd::Task;

/// As many consecutive elements as decisions, and places that have elements.
pub(super) struct Flat<'a, E, P, S, F> {
    pub(super) source: S,
    pub(super) effect: F,
    pub(super) slices: Slices<'a, E, P>,
}

impl<L: Generate, E: Element, P: Place<E>, S: Source, F: Effect<E, Tile = S::Tile>> Task<L> for Flat<'_, E, P, S, F> {
    #[inline(always)]
    fn run(mut self, lanes: L) {
        let (mut start, mut left) = (0, self.slices.copied());
        while !left.is_empty() {
            let (limb, decisions) = self.source.next_limb(lanes, left.len());
            let Some((y, rest)) = left.split_at_mut_checked(decisions) else { return };
            self.effect.chunk_fn(lanes, start..start + decisions).limb(&limb, y);
            (start, left) = (start + decisions, rest);
        }
    }
}

/// Elements in any layout.
pub(super) struct LaidOut<'a, E, P, S, F> {
    pub(super) source: S,
    pub(super) walk: &'a Walk<'a>,
    pub(super) effect: F,
    pub(super) slices: Slices<'a, E, P>,
}

impl<L: Generate, E: Element, P: Place<E>, S: Source, F: Effect<E, Tile = S::Tile>> Task<L> for LaidOut<'_, E, P, S, F> {
    #[inline(always)]
    fn run(mut self, lanes: L) {
        let Self { ref mut source, walk, ref mut effect, ref mut slices } = self;
        let first = source.index();
        let (mut numbers, mut elements) = (walk.numbers(), walk.elements());
        while let Some(Stretch { start, len: mut left }) = numbers.next(usize::MAX) {
            source.seek(first.wrapping_add(start as u64));
            while left > 0 {
                let (limb, decisions) = source.next_limb(lanes, left.min(elements.left_of_row()));
                let Some(Stretch { start, .. }) = elements.next(decisions) else { return };
                left -= decisions;
                for copy in walk.copies() {
                    for repeat in 0..walk.repeats {
                        let start = start + copy + repeat * walk.row;
                        if walk.map_len == 1 && walk.step == 1 {
                            let range = start..start + decisions;
                            let chunk_fn = effect.chunk_fn(lanes, range.clone());
                            Pass { slices: slices.part(range), decisions: core::iter::once(&limb), chunk_fn }.run_here();
                        } else {
                            for i in 0..decisions {
                                let first = start + i * walk.step;
                                let range = first..first + walk.map_len;
                                effect.feature_map(lanes, &limb, i, range.clone(), slices.part(range));
                            }
                        }
                    }
                }
            }
        }
    }
}
