//! Masks onto values: the one loop behind every layout and every kind of dropout.

use core::ops::Range;

use crate::bernoulli::{Bernoulli, CHUNK, tiles};
use crate::element::Element;
use crate::lanes::{Lanes, Task};
use crate::layout::Layout;

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

    /// Writes `f(bits, x)` for every sixteen elements x and the next bits of `keep`; the last elements are padded.
    #[inline(always)]
    fn map(self, mut keep: impl Iterator<Item = u16>, f: impl Fn(u16, &[E; CHUNK]) -> [E; CHUNK]) {
        let (chunks, rest) = self.y.as_chunks_mut::<CHUNK>();
        let mut padded = [E::ZERO; CHUNK];
        match self.x {
            Some(x) => {
                let (x, x_rest) = x.as_chunks::<CHUNK>();
                for ((x, y), bits) in x.iter().zip(chunks).zip(&mut keep) {
                    *y = f(bits, x);
                }
                padded.iter_mut().zip(x_rest).for_each(|(to, from)| *to = *from);
            }
            None => {
                for (y, bits) in chunks.iter_mut().zip(&mut keep) {
                    *y = f(bits, y);
                }
                padded.iter_mut().zip(&*rest).for_each(|(to, from)| *to = *from);
            }
        }
        if let Some(bits) = keep.next().filter(|_| !rest.is_empty()) {
            rest.iter_mut().zip(f(bits, &padded)).for_each(|(to, from)| *to = from);
        }
    }

    /// The input as it is.
    pub(crate) fn copy(self) {
        if let Some(x) = self.x {
            self.y.iter_mut().zip(x).for_each(|(to, from)| *to = *from);
        }
    }

    /// Every element kept, as evaluation does it.
    pub(crate) fn keep_all<L: Lanes, P: Pair<E>>(self, lanes: L, pair: P) {
        self.map(core::iter::repeat(u16::MAX), |_, x| E::store(lanes, pair.kept(lanes, E::load(lanes, x))));
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
        let mut decision = first;
        for row in walk.rows() {
            let mut start = row;
            tiles(lanes, &mask, decision, walk.decisions, |decisions, keep| {
                for copy in walk.copies() {
                    let start = start + copy;
                    if walk.plane == 1 {
                        let part = slices.part(start..start + decisions);
                        elements(lanes, pair, keep, part);
                    } else {
                        for i in 0..decisions {
                            let plane = start + i * walk.stride;
                            let part = slices.part(plane..plane + walk.plane);
                            if keep[i / CHUNK] >> (i % CHUNK) & 1 == 1 {
                                part.keep_all(lanes, pair);
                            } else {
                                part.y.fill(pair.dropped());
                            }
                        }
                    }
                }
                start += decisions * walk.stride;
            });
            decision = decision.wrapping_add(walk.decisions as u64);
        }
    }
}

/// One decision an element.
#[inline(always)]
fn elements<L: Lanes, E: Element, P: Pair<E>>(lanes: L, pair: P, keep: &[u16], slices: Slices<'_, E>) {
    let dropped = E::splat(lanes, pair.dropped());
    slices.map(keep.iter().copied(), |bits, x| {
        E::store(lanes, E::select(lanes, bits, pair.kept(lanes, E::load(lanes, x)), dropped))
    });
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
