//! Masks onto values: the one loop behind every layout and every kind of dropout.

use core::ops::Range;

use crate::bernoulli::Bernoulli;
use crate::element::Element;
use crate::lanes::{Lanes, Task};
use crate::layout::Layout;
use crate::tiles::{Tiles, WORD};

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

    /// Writes what `step` makes of every sixteen elements and the next bits of `keep`; the last elements are padded.
    #[inline(always)]
    fn map(self, keep: impl Iterator<Item = u64>, step: &impl Step<E>) {
        let (words, rest) = self.y.as_chunks_mut::<WORD>();
        let mut keep = keep;
        let rest_of_x = match self.x {
            Some(x) => {
                let (x_words, x_rest) = x.as_chunks::<WORD>();
                for ((x, y), bits) in x_words.iter().zip(words).zip(&mut keep) {
                    let (x, y) = (x.as_chunks::<CHUNK>().0, y.as_chunks_mut::<CHUNK>().0);
                    for i in 0..WORD / CHUNK {
                        y[i] = step.step((bits >> (CHUNK * i)) as u16, &x[i]);
                    }
                }
                Some(x_rest)
            }
            None => {
                for (y, bits) in words.iter_mut().zip(&mut keep) {
                    let y = y.as_chunks_mut::<CHUNK>().0;
                    for i in 0..WORD / CHUNK {
                        y[i] = step.step((bits >> (CHUNK * i)) as u16, &y[i]);
                    }
                }
                None
            }
        };
        let Some(bits) = keep.next().filter(|_| !rest.is_empty()) else { return };
        for (i, y) in rest.chunks_mut(CHUNK).enumerate() {
            let mut padded = [E::ZERO; CHUNK];
            let x = rest_of_x.map_or(&*y, |x| x.get(CHUNK * i..).unwrap_or_default());
            padded.iter_mut().zip(x).for_each(|(to, from)| *to = *from);
            let result = step.step((bits >> (CHUNK * i)) as u16, &padded);
            y.iter_mut().zip(result).for_each(|(to, from)| *to = from);
        }
    }

    /// The input as it is.
    pub(crate) fn copy(self) {
        if let Some(x) = self.x {
            self.y.iter_mut().zip(x).for_each(|(to, from)| *to = *from);
        }
    }

    /// Every element kept, as evaluation does it.
    #[inline(always)]
    pub(crate) fn keep_all<L: Lanes, P: Pair<E>>(self, lanes: L, pair: P) {
        self.map(core::iter::repeat(u64::MAX), &Keep { lanes, pair });
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

/// All of them kept.
struct Keep<L, P> {
    lanes: L,
    pair: P,
}

impl<L: Lanes, E: Element, P: Pair<E>> Step<E> for Keep<L, P> {
    #[inline(always)]
    fn step(&self, _: u16, x: &[E; CHUNK]) -> [E; CHUNK] {
        E::store(self.lanes, self.pair.kept(self.lanes, E::load(self.lanes, x)))
    }
}

/// Applies a mask to a tensor.
pub(crate) struct Apply<'a, E, P> {
    pub(crate) mask: Bernoulli,
    /// The logical index of the first decision.
    pub(crate) first: u64,
    pub(crate) layout: &'a Layout,
    pub(crate) pair: P,
    pub(crate) slices: Slices<'a, E>,
}

impl<E: Element, P: Pair<E>> Task for Apply<'_, E, P> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { mask, first, layout, pair, mut slices } = self;
        if slices.y.is_empty() {
            return;
        }
        let walk = layout.walk();
        let select = Select { lanes, pair, dropped: E::splat(lanes, pair.dropped()) };
        let mut decision = first;
        for row in walk.rows() {
            let mut start = row;
            let mut tiles = Tiles::new(lanes, &mask, decision, walk.decisions);
            while let Some((decisions, keep)) = tiles.next() {
                for copy in walk.copies() {
                    let start = start + copy;
                    if walk.plane == 1 {
                        slices.part(start..start + decisions).map(keep.iter().copied(), &select);
                        continue;
                    }
                    for i in 0..decisions {
                        let plane = start + i * walk.stride;
                        let part = slices.part(plane..plane + walk.plane);
                        if keep[i / WORD] >> (i % WORD) & 1 == 1 {
                            part.keep_all(lanes, pair);
                        } else {
                            part.y.fill(pair.dropped());
                        }
                    }
                }
                start += decisions * walk.stride;
            }
            decision = decision.wrapping_add(walk.decisions as u64);
        }
    }
}

/// Evaluation: every element kept, without a mask.
pub(crate) struct KeepAll<'a, E, P> {
    pub(crate) pair: P,
    pub(crate) slices: Slices<'a, E>,
}

impl<E: Element, P: Pair<E>> Task for KeepAll<'_, E, P> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        self.slices.keep_all(lanes, self.pair);
    }
}
