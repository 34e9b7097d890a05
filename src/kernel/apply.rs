//! The loop: the tiles of a source over the elements of a tensor.

use core::borrow::Borrow;

use super::effect::Effect;
use super::limbs;
use super::pass::Pass;
use super::place::Place;
use super::slices::Slices;
use crate::backend::Backend;
use crate::element::sealed::Element;
use crate::layout::{Stretch, Stretches, Walk};
use crate::mask::{BLOCK, Generate, Keep, LIMB, Source, Tile};
use crate::simd::{Lanes, Limb, Task, VECTORS};

/// A tensor, and the backend to work on it.
pub(crate) struct Job<'a, E, P = E> {
    pub(crate) backend: Backend,
    pub(crate) walk: &'a Walk<'a>,
    pub(crate) slices: Slices<'a, E, P>,
}

impl<E: Element, P: Place<E>> Job<'_, E, P> {
    /// Applies decisions.
    #[inline(always)]
    pub(crate) fn apply<S: Source, F: Effect<E, Tile = S::Tile>>(self, source: S, effect: F) {
        let Self { backend, walk, slices } = self;
        // Chosen out here, where the compiler sees that a layer without a layout is flat, and leaves out the rest.
        // By limbs without vectors, unless noise comes in tiles or sums depend on the order of these. In a `const`, so that
        // what is not chosen is not compiled.
        if const { !VECTORS && S::LIMBS && !F::SUMS } {
            if P::INITIALISED && walk.is_flat() {
                backend.run(limbs::Flat { source, effect, slices });
            } else {
                backend.run(limbs::LaidOut { source, walk, effect, slices });
            }
        } else if walk.is_flat() {
            backend.run(Flat { source, walk, effect, slices });
        } else {
            backend.run(Apply { source, walk, effect, slices });
        }
    }

    /// Keeps every element, without a mask.
    #[inline(always)]
    pub(crate) fn evaluate(self, effect: impl Effect<E, Tile = Keep>) {
        self.backend.run(Evaluate { walk: self.walk, effect, slices: self.slices });
    }

    /// Leaves every element as it is.
    #[inline(always)]
    pub(crate) fn copy(self) {
        self.slices.copy(self.walk);
    }
}

/// Evaluation: every element kept.
struct Evaluate<'a, E, P, F> {
    walk: &'a Walk<'a>,
    effect: F,
    slices: Slices<'a, E, P>,
}

impl<L: Lanes, E: Element, P: Place<E>, F: Effect<E, Tile = Keep>> Task<L> for Evaluate<'_, E, P, F> {
    #[inline(always)]
    fn run(self, lanes: L) {
        let Self { walk, mut effect, slices } = self;
        let fence = slices.fence();
        let mut slices = slices.past_caches(fence.as_ref());
        if walk.gaps == 0 {
            let all = 0..slices.len();
            effect.feature_map(lanes, &Limb::MAX, 0, all, slices);
        } else {
            for range in walk.ranges() {
                effect.feature_map(lanes, &Limb::MAX, 0, range.clone(), slices.part(range));
            }
        }
    }
}

/// Training: what the decisions say, of as many consecutive elements.
struct Flat<'a, E, P, S, F> {
    source: S,
    walk: &'a Walk<'a>,
    effect: F,
    slices: Slices<'a, E, P>,
}

impl<L: Generate, E: Element, P: Place<E>, S: Source, F: Effect<E, Tile = S::Tile>> Task<L> for Flat<'_, E, P, S, F> {
    #[inline(always)]
    fn run(mut self, lanes: L) {
        // The source is used in place: moving a struct that was just written stalls on store forwarding, 10 to 20 ns of
        // a short call.
        let (walk, mut effect, slices) = (self.walk, self.effect, self.slices);
        let source = &mut self.source;
        if slices.len() == 0 {
            return;
        }
        if let Some(decisions) = source.few(lanes, slices.len()) {
            let chunk_fn = effect.chunk_fn(lanes, 0..slices.len());
            return Pass { slices, decisions: decisions.iter(), chunk_fn }.call(lanes);
        }
        let fence = slices.fence();
        let mut slices = slices.past_caches(fence.as_ref());
        let mut tile = S::Tile::NEW;
        let most = effect.most_blocks(walk) * BLOCK;
        // The first tile ends where a line of the output begins, and so do all others.
        let mut limit = most - (LIMB - slices.head()) % LIMB;
        let mut start = 0;
        loop {
            let left = slices.len() - start;
            let decisions = source.next(lanes, left.min(limit), &mut tile);
            if decisions == 0 {
                return;
            }
            let range = start..start + decisions;
            let chunk_fn = effect.chunk_fn(lanes, range.clone());
            Pass { slices: slices.part(range), decisions: tile.limbs(0), chunk_fn }.call(lanes);
            (start, limit) = (start + decisions, most);
        }
    }
}

/// Training: what the decisions say, of elements in any layout.
struct Apply<'a, E, P, S, F> {
    source: S,
    walk: &'a Walk<'a>,
    effect: F,
    slices: Slices<'a, E, P>,
}

impl<L: Generate, E: Element, P: Place<E>, S: Source, F: Effect<E, Tile = S::Tile>> Task<L> for Apply<'_, E, P, S, F> {
    #[inline(always)]
    fn run(mut self, lanes: L) {
        let (walk, mut effect, slices) = (self.walk, self.effect, self.slices);
        let source = &mut self.source;
        if slices.len() == 0 {
            return;
        }
        let fence = slices.fence();
        let mut slices = slices.past_caches(fence.as_ref());
        let mut tile = S::Tile::NEW;
        let (most, mut left) = (effect.most_blocks(walk) * BLOCK, walk.decisions);
        let (mut numbers, mut elements) = (walk.numbers(), walk.elements());
        loop {
            let limit = left.min(most);
            let decisions = if walk.is_in_order() {
                source.next(lanes, limit, &mut tile)
            } else {
                source.gather(lanes, &mut numbers, limit, &mut tile)
            };
            if decisions == 0 {
                return;
            }
            left -= decisions;
            if walk.map_len == 1 && walk.step == 1 && walk.repeats == 1 && decisions <= elements.left_of_row() {
                let Some(Stretch { start, .. }) = elements.next(decisions) else { return };
                for copy in walk.copies() {
                    let range = start + copy..start + copy + decisions;
                    let chunk_fn = effect.chunk_fn(lanes, range.clone());
                    Pass { slices: slices.part(range), decisions: tile.limbs(0), chunk_fn }.call(lanes);
                }
                continue;
            }
            let (tile, elements, effect, slices) = (&tile, &mut elements, &mut effect, &mut slices);
            if !F::READS_PLACES && walk.is_scattered() {
                lanes.call(Scattered { walk, tile, decisions, elements, effect, slices });
            } else {
                lanes.call(Parts { walk, tile, decisions, elements, effect, slices });
            }
        }
    }
}

/// Feature maps of fewer elements than this are not worth a loop each. Their dropped elements are read too.
const SMALL_MAP: usize = 256;

/// Applies the decisions of a tile whose elements do not lie in memory as the decisions lie in the tile.
struct Parts<'p, 'w, 's, T, E, P, F> {
    walk: &'p Walk<'w>,
    tile: &'p T,
    decisions: usize,
    elements: &'p mut Stretches<'w>,
    effect: &'p mut F,
    slices: &'p mut Slices<'s, E, P>,
}

impl<L: Lanes, T: Tile, E: Element, P: Place<E>, F: Effect<E, Tile = T>> Task<L> for Parts<'_, '_, '_, T, E, P, F> {
    #[inline(always)]
    fn run(self, lanes: L) {
        let Self { walk, tile, decisions, elements, effect, slices } = self;
        let mut laid_out = T::NEW;
        let mut from = 0;
        while from < decisions {
            let stretch = elements.next(decisions - from);
            debug_assert!(stretch.is_some(), "the rows end {} decisions early", decisions - from);
            let Some(Stretch { start, len: count }) = stretch else { return };
            // A whole row and its repeats are one stretch.
            let (repeats, apart) = if count == walk.row { (walk.repeats, 1) } else { (1, walk.repeats) };
            let copies = walk.copies().flat_map(|copy| (0..apart).map(move |repeat| start + copy + repeat * walk.row));
            if walk.map_len == 1 && walk.step == 1 && repeats == 1 {
                for start in copies {
                    let range = start..start + count;
                    let chunk_fn = effect.chunk_fn(lanes, range.clone());
                    Pass { slices: slices.part(range), decisions: tile.limbs(from), chunk_fn }.call(lanes);
                }
            } else if walk.map_len < SMALL_MAP && walk.is_contiguous() {
                let all = count * walk.map_len * repeats;
                let mut laid_out_from = None;
                for start in copies {
                    for skip in (0..all).step_by(T::CAPACITY) {
                        let len = T::CAPACITY.min(all - skip);
                        if laid_out_from != Some(skip) {
                            if walk.map_len > 1 {
                                laid_out.spread(tile, from, walk.map_len, skip, len);
                            } else {
                                laid_out.cycle(tile, from, count, skip, len);
                            }
                            laid_out_from = Some(skip);
                        }
                        let range = start + skip..start + skip + len;
                        let chunk_fn = effect.chunk_fn(lanes, range.clone());
                        Pass { slices: slices.part(range), decisions: laid_out.limbs(0), chunk_fn }.call(lanes);
                    }
                }
            } else {
                for start in copies {
                    for i in 0..count {
                        let first = start + i * walk.step;
                        let limb = tile.limbs((from + i) / LIMB * LIMB).next();
                        debug_assert!(limb.is_some());
                        if let Some(limb) = limb {
                            let range = first..first + walk.map_len;
                            effect.feature_map(lanes, limb.borrow(), (from + i) % LIMB, range.clone(), slices.part(range));
                        }
                    }
                }
            }
            from += count;
        }
    }
}

/// Applies the decisions of a tile whose elements lie here and there: brings them together, a limb at a time.
struct Scattered<'p, 'w, 's, T, E, P, F> {
    walk: &'p Walk<'w>,
    tile: &'p T,
    decisions: usize,
    elements: &'p mut Stretches<'w>,
    effect: &'p mut F,
    slices: &'p mut Slices<'s, E, P>,
}

impl<L: Lanes, T: Tile, E: Element, P: Place<E>, F: Effect<E, Tile = T>> Task<L> for Scattered<'_, '_, '_, T, E, P, F> {
    #[inline(always)]
    fn run(self, lanes: L) {
        let Self { walk, tile, decisions, elements, effect, slices } = self;
        let (mut laid_out, mut places, mut together) = (T::NEW, [0; LIMB], [E::ZERO; LIMB]);
        let mut maps = walk.maps(elements, decisions);
        let all = decisions * walk.map_len;
        for skip in (0..all).step_by(T::CAPACITY) {
            let len = T::CAPACITY.min(all - skip);
            if walk.map_len > 1 {
                laid_out.spread(tile, 0, walk.map_len, skip, len);
            } else {
                laid_out.cycle(tile, 0, decisions, skip, len);
            }
            for (done, limb) in (0..len).step_by(LIMB).zip(laid_out.limbs(0)) {
                let count = LIMB.min(len - done);
                let (Some(places), Some(together)) = (places.get_mut(..count), together.get_mut(..count)) else { return };
                maps.places(places);
                for copy in walk.copies() {
                    slices.gather(places, copy, together);
                    let chunk_fn = effect.chunk_fn(lanes, 0..count);
                    Pass { slices: Slices::in_place(together), decisions: core::iter::once(limb.borrow()), chunk_fn }.call(lanes);
                    slices.scatter(places, copy, together);
                }
            }
        }
    }
}
