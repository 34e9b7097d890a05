//! A function of a chunk of elements, over all elements of some slices.

use core::array::from_mut;
use core::borrow::Borrow;

use super::past_caches::Fence;
use super::place::Place;
use super::slices::Slices;
use crate::element::sealed::Element;
use crate::mask::LIMB;
use crate::simd::{CHUNK, Lanes, Task, VECTORS};

/// What a kernel does to a chunk of elements.
pub(crate) trait ChunkFn<E> {
    /// Decisions, as many as a limb of keep bits has.
    type Limb;

    /// `x` are the elements of the decisions of a limb from number `CHUNK * chunk` on.
    fn map(&mut self, decisions: &Self::Limb, chunk: usize, x: &[E; CHUNK]) -> [E; CHUNK];

    /// All elements of a limb, or the first ones, in place, where a chunk is one element.
    #[inline(always)]
    fn limb(&mut self, decisions: &Self::Limb, y: &mut [E])
    where
        E: Copy,
    {
        for (i, y) in y.iter_mut().enumerate() {
            *y = self.map(decisions, i, &[*y; CHUNK])[0];
        }
    }
}

/// A function for all elements of some slices, limb after limb.
pub(super) struct Pass<'a, E, P, D, F> {
    pub(super) slices: Slices<'a, E, P>,
    pub(super) decisions: D,
    pub(super) chunk_fn: F,
}

impl<E: Element, P: Place<E>, F: ChunkFn<E>, D: Iterator<Item: Borrow<F::Limb>>> Pass<'_, E, P, D, F> {
    /// In a function of its own, which all passes of this type have in common.
    #[inline(always)]
    pub(super) fn call<L: Lanes>(self, lanes: L) {
        lanes.call(self);
    }

    #[inline(always)]
    pub(super) fn run_here(self) {
        if !VECTORS {
            return self.by_limbs();
        }
        match self.slices.past_caches {
            Some(fence) => self.store(Some(fence)),
            None => self.store(None),
        }
    }

    /// Inlined twice, so that the loop does not ask for each chunk.
    #[inline(always)]
    fn store(self, fence: Option<&Fence>) {
        let Self { slices: Slices { x, y, .. }, mut decisions, mut chunk_fn } = self;
        let (y, last_y) = y.as_chunks_mut();
        // The decisions come last in each `zip`: those of the last elements must not be taken for a limb that there is
        // not.
        let last_x = if let Some(x) = x {
            let (x, last_x) = x.as_chunks();
            for ((y, x), decisions) in y.iter_mut().zip(x).zip(&mut decisions) {
                limb(&mut chunk_fn, decisions.borrow(), Some(x), y, fence);
            }
            Some(last_x)
        } else {
            for (y, decisions) in y.iter_mut().zip(&mut decisions) {
                limb(&mut chunk_fn, decisions.borrow(), None, y, fence);
            }
            None
        };
        // The last elements, padded to a whole chunk.
        let Some(decisions) = decisions.next().filter(|_| !last_y.is_empty()) else { return };
        for (i, y) in last_y.chunks_mut(CHUNK).enumerate() {
            let mut padded = [E::ZERO; CHUNK];
            let x = last_x.map_or(&*P::elements(y), |x| x.get(CHUNK * i..).unwrap_or_default());
            padded.iter_mut().zip(x).for_each(|(to, from)| *to = *from);
            let result = chunk_fn.map(decisions.borrow(), i, &padded);
            y.iter_mut().zip(result).for_each(|(to, from)| P::write(from_mut(to), [from]));
        }
    }

    /// Where a chunk is one element, there are none that do not fill a chunk.
    #[inline(always)]
    fn by_limbs(self) {
        let Self { slices, decisions, mut chunk_fn } = self;
        if !P::INITIALISED {
            let x = slices.x.unwrap_or_default().chunks(LIMB);
            for ((y, x), decisions) in slices.y.chunks_mut(LIMB).zip(x).zip(decisions) {
                for (i, (y, x)) in y.iter_mut().zip(x).enumerate() {
                    P::write(from_mut(y), [chunk_fn.map(decisions.borrow(), i, &[*x; CHUNK])[0]]);
                }
            }
            return;
        }
        for (y, decisions) in slices.copied().chunks_mut(LIMB).zip(decisions) {
            chunk_fn.limb(decisions.borrow(), y);
        }
    }
}

/// The elements of a limb of decisions, in place unless there is an `x`.
#[inline(always)]
fn limb<E: Element, P: Place<E>, F: ChunkFn<E>>(
    chunk_fn: &mut F,
    decisions: &F::Limb,
    x: Option<&[E; LIMB]>,
    y: &mut [P; LIMB],
    fence: Option<&Fence>,
) {
    let (x, nothing) = (x.map(|x| x.as_chunks().0), [E::ZERO; CHUNK]);
    for (i, y) in y.as_chunks_mut().0.iter_mut().enumerate() {
        let x = x.and_then(|x| x.get(i)).or(P::elements(y).first_chunk()).unwrap_or(&nothing);
        let values = chunk_fn.map(decisions, i, x);
        match fence {
            Some(fence) => fence.store(y, values),
            None => P::write(y, values),
        }
    }
}

/// By value: what is behind a reference lives in memory, where the place of the next decisions would be stored after
/// each limb.
impl<L, E: Element, P: Place<E>, F: ChunkFn<E>, D: Iterator<Item: Borrow<F::Limb>>> Task<L> for Pass<'_, E, P, D, F> {
    #[inline(always)]
    fn run(self, _: L) {
        self.run_here();
    }
}

/// A function for all elements of some slices, whatever their place among the decisions of a limb.
#[inline(always)]
pub(super) fn each<L: Lanes, E: Element, P: Place<E>, F: ChunkFn<E>>(
    lanes: L,
    slices: Slices<'_, E, P>,
    decisions: &F::Limb,
    chunk_fn: F,
) {
    let pass = Pass { slices, decisions: core::iter::repeat(decisions), chunk_fn };
    if pass.slices.past_caches.is_some() { pass.call(lanes) } else { pass.run_here() }
}
