//! Masks onto values: the one loop behind every layout and every kind of dropout.

use core::ops::Range;

use crate::bernoulli::Bernoulli;
use crate::element::Element;
use crate::lanes::{Lanes, Task};
use crate::layout::Walk;
use crate::tiles::{Keep, NOTHING_KEPT, Tiles, WORD, Work, within_block};

/// Elements that a kernel handles at once.
pub(crate) const CHUNK: usize = 16;

/// What becomes of a value: the whole difference between one kind of dropout and another.
pub(crate) trait Pair<E: Element>: Copy {
    fn kept<L: Lanes>(self, lanes: L, x: E::Vector<L>) -> E::Vector<L>;
    fn dropped(self) -> E;
}

/// Kept values times a scale, dropped ones zero.
#[derive(Clone, Copy)]
pub(crate) struct Scale<E>(pub(crate) E);

impl<E: Element> Pair<E> for Scale<E> {
    #[inline(always)]
    fn kept<L: Lanes>(self, lanes: L, x: E::Vector<L>) -> E::Vector<L> {
        E::scale(lanes, x, self.0)
    }

    #[inline(always)]
    fn dropped(self) -> E {
        E::ZERO
    }
}

/// What a kernel reads and writes: an input and an output of equal length, or one slice in place.
pub(crate) struct Slices<'a, E> {
    x: Option<&'a [E]>,
    y: &'a mut [E],
}

impl<'a, E: Element> Slices<'a, E> {
    pub(crate) const fn out_of_place(x: &'a [E], y: &'a mut [E]) -> Self {
        Self { x: Some(x), y }
    }

    pub(crate) const fn in_place(y: &'a mut [E]) -> Self {
        Self { x: None, y }
    }

    /// The elements of a range, which lies inside.
    #[inline(always)]
    fn part(&mut self, range: Range<usize>) -> Slices<'_, E> {
        Slices { x: self.x.map(|x| x.get(range.clone()).unwrap_or_default()), y: self.y.get_mut(range).unwrap_or_default() }
    }

    /// The input as it is.
    #[inline(always)]
    pub(crate) fn copy(mut self, walk: &Walk<'_>) {
        if !walk.gaps {
            return self.copy_all();
        }
        for run in walk.runs() {
            self.part(run).copy_all();
        }
    }

    fn copy_all(self) {
        if let Some(x) = self.x {
            self.y.iter_mut().zip(x).for_each(|(to, from)| *to = *from);
        }
    }

    /// The first `len` elements and the others.
    #[cfg(feature = "rayon")]
    pub(crate) fn split_at(self, len: usize) -> Option<(Self, Self)> {
        let (y, y_rest) = self.y.split_at_mut_checked(len)?;
        let (x, x_rest) = match self.x {
            Some(x) => {
                let (x, rest) = x.split_at_checked(len)?;
                (Some(x), Some(rest))
            }
            None => (None, None),
        };
        Some((Self { x, y }, Self { x: x_rest, y: y_rest }))
    }

    /// The number of elements.
    #[cfg(feature = "rayon")]
    pub(crate) const fn len(&self) -> usize {
        self.y.len()
    }

    /// Takes the next word's elements off, while there is a whole word of them.
    #[inline(always)]
    fn split_word(&mut self) -> Option<(Option<&'a [E; WORD]>, &'a mut [E; WORD])> {
        let x = match self.x {
            Some(x) => {
                let (word, rest) = x.split_first_chunk()?;
                self.x = Some(rest);
                Some(word)
            }
            None => None,
        };
        if self.y.len() < WORD {
            return None;
        }
        let (y, rest) = core::mem::take(&mut self.y).split_first_chunk_mut()?;
        self.y = rest;
        Some((x, y))
    }
}

/// What a kernel does to sixteen elements. A trait, because a closure is a function of its own, compiled without the instruction set
/// until it is inlined, and nothing can order that.
trait Step<E> {
    fn step(&self, keep: u16, x: &[E; CHUNK]) -> [E; CHUNK];
}

/// Each element for itself: kept or dropped.
struct Select<L: Lanes, E: Element, P> {
    lanes: L,
    pair: P,
    dropped: E::Vector<L>,
}

impl<L: Lanes, E: Element, P: Pair<E>> Step<E> for Select<L, E, P> {
    #[inline(always)]
    fn step(&self, keep: u16, x: &[E; CHUNK]) -> [E; CHUNK] {
        let kept = self.pair.kept(self.lanes, E::load(self.lanes, x));
        E::store(self.lanes, E::select(self.lanes, keep, kept, self.dropped))
    }
}

/// One value, whatever they were.
struct FillChunk<E>([E; CHUNK]);

impl<E: Element> Step<E> for FillChunk<E> {
    #[inline(always)]
    fn step(&self, _: u16, _: &[E; CHUNK]) -> [E; CHUNK] {
        self.0
    }
}

/// All of them kept.
struct KeepChunk<L, P> {
    lanes: L,
    pair: P,
}

impl<L: Lanes, E: Element, P: Pair<E>> Step<E> for KeepChunk<L, P> {
    #[inline(always)]
    fn step(&self, _: u16, x: &[E; CHUNK]) -> [E; CHUNK] {
        E::store(self.lanes, self.pair.kept(self.lanes, E::load(self.lanes, x)))
    }
}

/// A step for all elements of some slices, a word of keep bits at a time.
struct Pass<'a, E, K, S> {
    slices: Slices<'a, E>,
    keep: K,
    step: S,
}

impl<E: Element, K: Iterator<Item = u64>, S: Step<E>> Pass<'_, E, K, S> {
    /// The elements of the next word; false if there is no whole word left.
    #[inline(always)]
    fn word(&mut self) -> bool {
        // Not `zip`: it would take the keep bits of the last elements before knowing that there is no whole word of them.
        let Some((x, y)) = self.slices.split_word() else { return false };
        let Some(keep) = self.keep.next() else { return false };
        let y = y.as_chunks_mut::<CHUNK>().0;
        match x {
            Some(x) => {
                let x = x.as_chunks::<CHUNK>().0;
                for (i, (x, y)) in x.iter().zip(y).enumerate() {
                    *y = self.step.step((keep >> (CHUNK * i)) as u16, x);
                }
            }
            None => {
                for (i, y) in y.iter_mut().enumerate() {
                    *y = self.step.step((keep >> (CHUNK * i)) as u16, y);
                }
            }
        }
        true
    }

    /// All that is left, the last elements padded to a whole chunk.
    #[inline(always)]
    fn finish(mut self) {
        while self.word() {}
        let Slices { x, y } = self.slices;
        let Some(keep) = self.keep.next().filter(|_| !y.is_empty()) else { return };
        for (i, y) in y.chunks_mut(CHUNK).enumerate() {
            let mut padded = [E::ZERO; CHUNK];
            let x = x.map_or(&*y, |x| x.get(CHUNK * i..).unwrap_or_default());
            padded.iter_mut().zip(x).for_each(|(to, from)| *to = *from);
            let result = self.step.step((keep >> (CHUNK * i)) as u16, &padded);
            y.iter_mut().zip(result).for_each(|(to, from)| *to = from);
        }
    }
}

impl<E: Element, K: Iterator<Item = u64>, S: Step<E>> Work for Pass<'_, E, K, S> {
    #[inline(always)]
    fn advance(&mut self, words: usize) {
        for _ in 0..words {
            if !self.word() {
                break;
            }
        }
    }
}

/// Applies a mask to a tensor.
pub(crate) struct Apply<'a, E, P> {
    pub(crate) mask: Bernoulli,
    /// The logical index of the first decision.
    pub(crate) first: u64,
    pub(crate) walk: &'a Walk<'a>,
    pub(crate) pair: P,
    pub(crate) slices: Slices<'a, E>,
}

impl<E: Element, P: Pair<E>> Task for Apply<'_, E, P> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { mask, first, walk, pair, mut slices } = self;
        if slices.y.is_empty() {
            return;
        }
        if walk.is_flat()
            && let Some(keep) = within_block(lanes, &mask, first, walk.decisions)
        {
            return elements(lanes, pair, &keep, slices).finish();
        }
        let (mut keep, mut next_keep) = (NOTHING_KEPT, NOTHING_KEPT);
        let (mut keep, mut next_keep) = (&mut keep, &mut next_keep);
        let mut decision = first;
        for mut start in walk.rows() {
            let mut tiles = Tiles::new(lanes, &mask, decision, walk.decisions);
            let mut tile = tiles.next(keep, &mut ());
            while let Some(decisions) = tile {
                tile = if walk.plane == 1 {
                    for copy in walk.copies().skip(1) {
                        let copy = start + copy;
                        elements(lanes, pair, keep, slices.part(copy..copy + decisions)).finish();
                    }
                    let mut pass = elements(lanes, pair, keep, slices.part(start..start + decisions));
                    let tile = tiles.next(next_keep, &mut pass);
                    pass.finish();
                    tile
                } else {
                    for copy in walk.copies() {
                        planes(lanes, pair, keep, walk, start + copy, decisions, &mut slices);
                    }
                    tiles.next(next_keep, &mut ())
                };
                core::mem::swap(&mut keep, &mut next_keep);
                start += decisions * walk.plane;
            }
            decision = decision.wrapping_add(walk.decisions as u64);
        }
    }
}

/// One decision an element.
#[inline(always)]
fn elements<'a, L: Lanes, E: Element, P: Pair<E>>(
    lanes: L,
    pair: P,
    keep: &[u64],
    slices: Slices<'a, E>,
) -> Pass<'a, E, impl Iterator<Item = u64>, impl Step<E>> {
    Pass { slices, keep: keep.iter().copied(), step: Select { lanes, pair, dropped: E::splat(lanes, pair.dropped()) } }
}

/// Decisions of more than one element each. What is dropped is not read.
#[inline(always)]
fn planes<L: Lanes, E: Element, P: Pair<E>>(
    lanes: L,
    pair: P,
    keep: &Keep,
    walk: &Walk<'_>,
    start: usize,
    decisions: usize,
    slices: &mut Slices<'_, E>,
) {
    for i in 0..decisions {
        let plane = start + i * walk.plane;
        let plane = slices.part(plane..plane + walk.plane);
        if keep.get(i / WORD).is_some_and(|word| word >> (i % WORD) & 1 == 1) {
            keep_all(lanes, pair, plane);
        } else {
            let fill = FillChunk([pair.dropped(); CHUNK]);
            Pass { slices: Slices::in_place(plane.y), keep: core::iter::repeat(0), step: fill }.finish();
        }
    }
}

/// Every element kept, as evaluation does it.
#[inline(always)]
fn keep_all<L: Lanes, E: Element, P: Pair<E>>(lanes: L, pair: P, slices: Slices<'_, E>) {
    Pass { slices, keep: core::iter::repeat(u64::MAX), step: KeepChunk { lanes, pair } }.finish();
}

/// Evaluation: every element kept, without a mask.
pub(crate) struct KeepAll<'a, E, P> {
    pub(crate) walk: &'a Walk<'a>,
    pub(crate) pair: P,
    pub(crate) slices: Slices<'a, E>,
}

impl<E: Element, P: Pair<E>> Task for KeepAll<'_, E, P> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { walk, pair, mut slices } = self;
        if !walk.gaps {
            return keep_all(lanes, pair, slices);
        }
        for run in walk.runs() {
            keep_all(lanes, pair, slices.part(run));
        }
    }
}
