//! A function of sixteen elements, over all elements of some slices.

use super::past_caches::Fence;
use super::slices::Slices;
use crate::element::sealed::Element;
use crate::mask::Work;
use crate::simd::{CHUNK, Lanes, Task};

/// What a kernel does to sixteen elements.
pub(crate) trait ChunkFn<E, Limb> {
    /// `x` are the elements of sixteen decisions of a limb, from number `16 * chunk` on.
    fn map(&mut self, decisions: &Limb, chunk: usize, x: &[E; CHUNK]) -> [E; CHUNK];
}

/// A function for all elements of some slices, limb after limb.
pub(super) struct Pass<'a, E, D, F> {
    pub(super) slices: Slices<'a, E>,
    pub(super) decisions: D,
    pub(super) chunk_fn: F,
}

impl<'d, E: Element, B: 'd, D: Iterator<Item = &'d B>, F: ChunkFn<E, B>> Pass<'_, E, D, F> {
    /// The elements of the next limb; false if there is no whole limb left.
    #[inline(always)]
    fn limb(&mut self, fence: Option<&Fence>) -> bool {
        // Not `zip`: it would take the decisions of the last elements before knowing that there is no whole limb of them.
        let Some((x, y)) = self.slices.split_limb() else { return false };
        let Some(decisions) = self.decisions.next() else { return false };
        let x = x.map(|x| x.as_chunks::<CHUNK>().0);
        for (i, y) in y.as_chunks_mut::<CHUNK>().0.iter_mut().enumerate() {
            let x = x.and_then(|x| x.get(i)).unwrap_or(y);
            let values = self.chunk_fn.map(decisions, i, x);
            match fence {
                Some(fence) => fence.store(y, values),
                None => *y = values,
            }
        }
        true
    }

    /// All that is left, in a function of its own, which all passes of this type have in common.
    #[inline(always)]
    pub(super) fn call<L: Lanes>(self, lanes: L) {
        lanes.call(self);
    }

    /// All that is left, the last elements padded to a whole chunk.
    #[inline(always)]
    fn run_here(mut self) {
        while self.limb(None) {}
        let Slices { x, y, .. } = self.slices;
        let Some(decisions) = self.decisions.next().filter(|_| !y.is_empty()) else { return };
        for (i, y) in y.chunks_mut(CHUNK).enumerate() {
            let mut padded = [E::ZERO; CHUNK];
            let x = x.map_or(&*y, |x| x.get(CHUNK * i..).unwrap_or_default());
            padded.iter_mut().zip(x).for_each(|(to, from)| *to = *from);
            let result = self.chunk_fn.map(decisions, i, &padded);
            y.iter_mut().zip(result).for_each(|(to, from)| *to = from);
        }
    }
}

impl<'d, L, E: Element, B: 'd, D: Iterator<Item = &'d B>, F: ChunkFn<E, B>> Task<L> for Pass<'_, E, D, F> {
    #[inline(always)]
    fn run(self, _: L) {
        self.run_here();
    }
}

impl<'d, E: Element, B: 'd, D: Iterator<Item = &'d B>, F: ChunkFn<E, B>> Work for Pass<'_, E, D, F> {
    #[inline(always)]
    fn advance(&mut self, limbs: usize) {
        for _ in 0..limbs {
            if !self.limb(None) {
                break;
            }
        }
    }
}

/// The same, but for the last elements past the caches.
struct PastCaches<'f, P> {
    pass: P,
    fence: &'f Fence,
}

impl<'d, L, E: Element, B: 'd, D: Iterator<Item = &'d B>, F: ChunkFn<E, B>> Task<L> for PastCaches<'_, Pass<'_, E, D, F>> {
    #[inline(always)]
    fn run(self, _: L) {
        let Self { mut pass, fence } = self;
        while pass.limb(Some(fence)) {}
        pass.run_here();
    }
}

/// A function for all elements of some slices, whatever their place among the decisions of a limb.
#[inline(always)]
pub(super) fn each<L: Lanes, E: Element, B>(lanes: L, slices: Slices<'_, E>, decisions: &B, chunk_fn: impl ChunkFn<E, B>) {
    let fence = slices.past_caches;
    let pass = Pass { slices, decisions: core::iter::repeat(decisions), chunk_fn };
    match fence {
        Some(fence) => lanes.call(PastCaches { pass, fence }),
        None => pass.run_here(),
    }
}
