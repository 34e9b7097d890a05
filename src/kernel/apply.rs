//! The loop: the tiles of a source over the elements of a tensor.

use core::borrow::Borrow;

use super::effect::Effect;
use super::pass::Pass;
use super::slices::Slices;
use crate::backend::Backend;
use crate::element::sealed::Element;
use crate::layout::{Offsets, Walk};
use crate::mask::{BLOCK, Generate, Keep, LIMB, Source, Tile};
use crate::simd::{Lanes, Task};

/// A tensor, and the backend to work on it.
pub(crate) struct Job<'a, E> {
    pub(crate) backend: Backend,
    pub(crate) walk: &'a Walk<'a>,
    pub(crate) slices: Slices<'a, E>,
}

impl<E: Element> Job<'_, E> {
    /// Applies decisions.
    #[inline(always)]
    pub(crate) fn apply<S: Source>(self, source: S, effect: impl Effect<E, Tile = S::Tile>) {
        self.backend.run(Apply { source, walk: self.walk, effect, slices: self.slices });
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
struct Evaluate<'a, E, F> {
    walk: &'a Walk<'a>,
    effect: F,
    slices: Slices<'a, E>,
}

impl<L: Lanes, E: Element, F: Effect<E, Tile = Keep>> Task<L> for Evaluate<'_, E, F> {
    #[inline(always)]
    fn run(self, lanes: L) {
        let Self { walk, mut effect, slices } = self;
        let fence = slices.fence();
        let mut slices = slices.past_caches(fence.as_ref());
        if walk.gaps == 0 {
            let all = 0..slices.len();
            effect.feature_map(lanes, &u64::MAX, 0, all, slices);
        } else {
            for run in walk.runs() {
                effect.feature_map(lanes, &u64::MAX, 0, run.clone(), slices.part(run));
            }
        }
    }
}

/// Training: what the decisions say.
struct Apply<'a, E, S, F> {
    source: S,
    walk: &'a Walk<'a>,
    effect: F,
    slices: Slices<'a, E>,
}

impl<L: Generate, E: Element, S: Source, F: Effect<E, Tile = S::Tile>> Task<L> for Apply<'_, E, S, F> {
    #[inline(always)]
    fn run(mut self, lanes: L) {
        // The source is used in place: moving a struct that was just written stalls on store forwarding, 10 to 20 ns of
        // a short call.
        let (walk, mut effect, slices) = (self.walk, self.effect, self.slices);
        let source = &mut self.source;
        if slices.len() == 0 {
            return;
        }
        if walk.is_flat()
            && let Some(decisions) = source.few(lanes, walk.decisions)
        {
            let chunk_fn = effect.chunk_fn(lanes, 0..slices.len());
            return Pass { slices, decisions: decisions.iter(), chunk_fn }.call(lanes);
        }
        let fence = slices.fence();
        let mut slices = slices.past_caches(fence.as_ref());
        let mut tile = S::Tile::NEW;
        let (most, mut left) = (effect.most_blocks(walk) * BLOCK, walk.decisions);
        if walk.is_flat() {
            // A loop of its own: looking for the next stretch takes a twentieth of the time of a tile.
            let mut start = 0;
            // The first tile ends where a line of the output begins, and so do all others.
            let mut limit = if S::CUT_ANYWHERE { most - (LIMB - slices.head()) % LIMB } else { most };
            loop {
                let decisions = source.next(lanes, left.min(limit), &mut tile);
                if decisions == 0 {
                    return;
                }
                let range = start..start + decisions;
                let chunk_fn = effect.chunk_fn(lanes, range.clone());
                Pass { slices: slices.part(range), decisions: tile.limbs(), chunk_fn }.call(lanes);
                (start, left, limit) = (start + decisions, left - decisions, most);
            }
        }
        let mut stretches = Stretches { walk, rows: walk.rows(), row: None };
        loop {
            let decisions = source.next(lanes, left.min(most), &mut tile);
            if decisions == 0 {
                return;
            }
            if let Some(start) = stretches.whole_tile(decisions) {
                for copy in walk.copies() {
                    let range = start + copy..start + copy + decisions;
                    let chunk_fn = effect.chunk_fn(lanes, range.clone());
                    Pass { slices: slices.part(range), decisions: tile.limbs(), chunk_fn }.call(lanes);
                }
            } else {
                lanes.call(Parts { tile: &tile, decisions, stretches: &mut stretches, effect: &mut effect, slices: &mut slices });
            }
            left -= decisions;
        }
    }
}

/// Where the decisions of a tensor lie, row after row.
struct Stretches<'a> {
    walk: &'a Walk<'a>,
    rows: Offsets<'a>,
    /// Where the row begins that the next decision is in, and the number of its decisions that are done.
    row: Option<(usize, usize)>,
}

/// Decisions of one row: where their first element is, and how many they are.
struct Stretch {
    start: usize,
    decisions: usize,
}

impl Stretches<'_> {
    #[inline(always)]
    fn unfinished(&self) -> Option<(usize, usize)> {
        self.row.filter(|(_, done)| *done < self.walk.row)
    }

    /// The next decisions of one row, at most `limit` of them.
    #[inline(always)]
    fn next(&mut self, limit: usize) -> Option<Stretch> {
        let (row, done) = match self.unfinished() {
            Some(row) => row,
            None => (self.rows.next()?, 0),
        };
        let decisions = limit.min(self.walk.row - done);
        self.row = Some((row, done + decisions));
        Some(Stretch { start: row + done * self.walk.map_len, decisions })
    }

    /// Where the next `decisions` decisions start, if each has one element and they are not repeated.
    #[inline(always)]
    fn whole_tile(&mut self, decisions: usize) -> Option<usize> {
        let left = self.walk.row - self.unfinished().map_or(0, |(_, done)| done);
        if self.walk.map_len > 1 || self.walk.repeats > 1 || left < decisions {
            return None;
        }
        self.next(decisions).map(|stretch| stretch.start)
    }
}

/// Feature maps of fewer elements than this are not worth a loop each. Their dropped elements are read too.
const SMALL_MAP: usize = 256;

/// Applies the decisions of a tile whose elements do not lie in memory as the decisions lie in the tile.
struct Parts<'p, 'w, 's, T, E, F> {
    tile: &'p T,
    decisions: usize,
    stretches: &'p mut Stretches<'w>,
    effect: &'p mut F,
    slices: &'p mut Slices<'s, E>,
}

impl<L: Lanes, T: Tile, E: Element, F: Effect<E, Tile = T>> Task<L> for Parts<'_, '_, '_, T, E, F> {
    #[inline(always)]
    fn run(self, lanes: L) {
        let Self { tile, decisions, stretches, effect, slices } = self;
        let walk = stretches.walk;
        let mut laid_out = T::NEW;
        let mut from = 0;
        while from < decisions {
            let stretch = stretches.next(decisions - from);
            debug_assert!(stretch.is_some(), "the rows end {} decisions early", decisions - from);
            let Some(Stretch { start, decisions: count }) = stretch else { return };
            // A whole row and its repeats are one stretch.
            let (repeats, apart) = if count == walk.row { (walk.repeats, 1) } else { (1, walk.repeats) };
            let copies = walk.copies().flat_map(|copy| (0..apart).map(move |repeat| start + copy + repeat * walk.row));
            if walk.map_len < SMALL_MAP {
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
                        Pass { slices: slices.part(range), decisions: laid_out.limbs(), chunk_fn }.call(lanes);
                    }
                }
            } else {
                for start in copies {
                    for i in 0..count {
                        let first = start + i * walk.map_len;
                        let limb = tile.limbs().nth((from + i) / LIMB);
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
