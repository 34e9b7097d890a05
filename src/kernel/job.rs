//! An effect on all elements of a tensor.

use super::chunks::{Chunks, on_limbs};
use super::drive::{all_laid_out, laid_out};
use super::effect::Effect;
use super::past_caches::Fence;
use super::place::Place;
use super::plan::{Drive, Origin, Plan, Run, Sink};
use super::slices::Slices;
use crate::backend::Backend;
use crate::element::sealed::Element;
use crate::layout::Layout;
use crate::mask::BLOCK;
use crate::simd::{Limb, VECTORS};
use crate::threads::{GRAIN, Threads};

/// A tensor, and what is decided of it.
pub(crate) struct Job<'a, E, P = E> {
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) slices: Slices<'a, E, P>,
}

impl<E: Element, P: Place<E>> Job<'_, E, P> {
    // By reference, here and below: moving what was written just before takes a noticeable part of a short slice's time.
    #[inline]
    pub(crate) fn run(&mut self, effect: impl Effect<E> + Send + Sync) {
        // Without vectors, the effect copies too: one kernel is less to link.
        let copies = matches!(self.plan.origin, Origin::Keep) && effect.leaves_kept();
        if copies && VECTORS {
            return self.copy();
        }
        if copies && self.slices.x.is_none() {
            return;
        }
        let past_caches = self.past_caches();
        self.in_parts(&|job, base| job.run_here(base, effect, past_caches));
    }

    /// Leaves every element as it is. The plan must keep all.
    pub(super) fn copy(&mut self) {
        if self.slices.x.is_some() {
            self.in_parts(&|Job { plan, slices }, _| (plan.drive)(plan, slices.y.len(), 0, &mut CopyRuns(slices)));
        }
    }

    /// Whether stores past the caches pay for this tensor.
    pub(crate) fn past_caches(&self) -> bool {
        Fence::pays(self.slices.x.map_or(0, size_of_val))
            && self.plan.layout.is_none_or(|layout| layout.has_stretches_of(Fence::STRETCH / size_of::<E>()))
    }

    /// Runs `part` on the whole, or on parts of it on all threads, with the place where each begins.
    pub(crate) fn in_parts(&mut self, part: &(impl Fn(&mut Job<'_, E, P>, usize) + Sync)) {
        if self.plan.threads == Threads::One { part(self, 0) } else { self.on_threads(part) }
    }

    fn on_threads(&mut self, part: &(dyn Fn(&mut Job<'_, E, P>, usize) + Sync)) {
        let flat = Layout::flat(self.slices.y.len());
        let (layout, drive) = match (self.plan.layout, self.plan.origin) {
            (Some(layout), _) => (*layout, self.plan.drive),
            (None, Origin::Keep) => (flat, all_laid_out as Drive),
            (None, _) => (flat, laid_out as Drive),
        };
        let whole = Piece { layout, slices: Slices { x: self.slices.x, y: &mut *self.slices.y }, base: 0 };
        self.plan.threads.run(whole, &Piece::halves, &|Piece { layout, slices, base }| {
            part(&mut Job { plan: &Plan { layout: Some(&layout), drive, ..*self.plan }, slices }, base);
        });
    }

    /// The effect, on the calling thread. The elements begin at the place `base`.
    pub(crate) fn run_here(&mut self, base: usize, effect: impl Effect<E>, past_caches: bool) {
        let Self { plan, slices } = self;
        let fence = past_caches.then(Fence::new);
        let (len, head) = (slices.y.len(), slices.head());
        let fence = fence.as_ref();
        (plan.drive)(plan, len, head, &mut EffectOnRuns { backend: plan.backend, slices, base, effect, fence });
    }
}

/// A part of a tensor. A mask is addressed by logical index, so where a tensor is cut changes no bit.
struct Piece<'a, E, P> {
    layout: Layout,
    slices: Slices<'a, E, P>,
    /// The place where it begins.
    base: usize,
}

impl<E: Element, P: Place<E>> Piece<'_, E, P> {
    /// A half that begins with a block computes none twice.
    #[expect(clippy::result_large_err, reason = "what is not cut is given back, a few times a call")]
    fn halves(self) -> Result<[Self; 2], Self> {
        if self.slices.y.len() < 2 * GRAIN {
            return Err(self);
        }
        let Some(([layout, layout_rest], elements)) = self.layout.halves(BLOCK) else { return Err(self) };
        let [slices, slices_rest] = self.slices.cut(elements);
        let rest = Self { layout: layout_rest, slices: slices_rest, base: self.base + elements };
        Ok([Self { layout, slices, base: self.base }, rest])
    }
}

/// Copies runs.
struct CopyRuns<'j, 'a, E, P>(&'j mut Slices<'a, E, P>);

impl<E: Element, P: Place<E>> Sink for CopyRuns<'_, '_, E, P> {
    fn take(&mut self, run: &Run<'_>) {
        if VECTORS {
            self.0.part(run.start, run.len).copy();
        }
    }

    fn take_limbs(&mut self, start: usize, len: usize, _: &[Limb]) {
        self.0.part(start, len).copy();
    }
}

/// Applies an effect to runs.
struct EffectOnRuns<'j, 'a, E, P, F> {
    backend: Backend,
    slices: &'j mut Slices<'a, E, P>,
    base: usize,
    effect: F,
    fence: Option<&'j Fence>,
}

impl<E: Element, P: Place<E>, F: Effect<E>> Sink for EffectOnRuns<'_, '_, E, P, F> {
    fn take(&mut self, run: &Run<'_>) {
        let Self { backend, ref mut slices, base, effect, fence } = *self;
        if VECTORS {
            backend.run(Chunks { run, base, effect, slices: slices.part(run.start, run.len), fence });
        }
    }

    fn take_limbs(&mut self, start: usize, len: usize, keep: &[Limb]) {
        if !VECTORS {
            on_limbs(keep, self.base + start, self.effect, self.slices.part(start, len));
        }
    }
}

#[cfg(all(test, feature = "rayon"))]
mod tests {
    extern crate std;

    use std::sync::Mutex;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    /// The first decisions, the places and the numbers of elements that parts have, in order.
    fn parts(layout: Layout) -> Vec<(u64, usize, usize)> {
        let (mut y, parts) = (vec![0_i8; layout.elements()], Mutex::new(vec![]));
        let plan = Plan {
            backend: Backend::detect(),
            drive: laid_out,
            origin: Origin::Keep,
            layout: Some(&layout),
            threads: Threads::All,
        };
        Job { plan: &plan, slices: Slices { x: None, y: &mut y } }.in_parts(&|job, base| {
            let layout = job.plan.layout.unwrap();
            assert_eq!(layout.elements(), job.slices.y.len());
            parts.lock().unwrap().push((layout.first(), base, job.slices.y.len()));
        });
        let mut parts = parts.into_inner().unwrap();
        parts.sort_unstable();
        parts
    }

    /// On how many threads a tensor was computed cannot be seen from outside; the tests there rely on this.
    #[test]
    fn a_tensor_is_cut_from_2_to_the_18_elements_on() {
        assert_eq!(parts(Layout::flat((1 << 18) - 1)), [(0, 0, (1 << 18) - 1)]);
        assert_eq!(parts(Layout::flat(1 << 18)), [(0, 0, 1 << 17), (1 << 17, 1 << 17, 1 << 17)]);
    }

    /// Two samples in channels last: along the samples, and then along the positions that share decisions.
    #[test]
    fn a_tensor_is_cut_along_any_axis() {
        let eighth = 1 << 17;
        let expected: Vec<_> = (0..8).map(|i| (if i < 4 { 0 } else { 8 }, i * eighth, eighth)).collect();
        assert_eq!(parts(Layout::nhwc([2, 256, 256, 8]).unwrap()), expected);
    }
}
