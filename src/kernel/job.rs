//! An effect on all elements of a tensor.

use super::chunks::Chunks;
use super::effect::Effect;
use super::past_caches::Fence;
use super::place::Place;
use super::plan::{Decisions, Plan, Run, Sink};
use super::slices::Slices;
use crate::backend::Backend;
use crate::element::sealed::Element;

/// A tensor, and what is decided of it.
pub(crate) struct Job<'a, E, P = E> {
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) slices: Slices<'a, E, P>,
}

impl<E: Element, P: Place<E>> Job<'_, E, P> {
    /// Leaves every element as it is. The plan must keep all.
    pub(super) fn copy(&mut self) {
        if self.slices.x.is_some() {
            let len = self.slices.y.len();
            (self.plan.drive)(self.plan, len, 0, &mut Copies(&mut self.slices));
        }
    }

    // By reference, here and below: moving what was written just before takes a noticeable part of a short slice's time.
    #[inline]
    pub(crate) fn run(&mut self, effect: impl Effect<E> + Send + Sync) {
        if matches!(self.plan.decisions, Decisions::Keep) && effect.leaves_kept() {
            return self.copy();
        }
        self.in_parts(&|job, base| job.run_here(base, effect));
    }

    /// Runs `part` on the whole, or on parts of it on all threads, with the place where each begins.
    pub(crate) fn in_parts(&mut self, part: &(impl Fn(&mut Job<'_, E, P>, usize) + Sync)) {
        #[cfg(feature = "rayon")]
        if self.plan.in_parallel {
            let flat = crate::layout::Layout::flat(self.slices.y.len());
            let layout = *self.plan.layout.unwrap_or(&flat);
            let slices = Slices { x: self.slices.x, y: &mut *self.slices.y };
            return on_threads(self.plan, &layout, slices, 0, part);
        }
        part(self, 0);
    }

    /// The effect, on the calling thread. The elements begin at the place `base`.
    pub(crate) fn run_here(&mut self, base: usize, effect: impl Effect<E>) {
        let Self { plan, slices } = self;
        // Said of what this thread has, which may be a part.
        let fence = Fence::pays(slices.x.map_or(0, size_of_val)).then(Fence::new);
        let (len, head) = (slices.y.len(), slices.head());
        let fence = fence.as_ref();
        (plan.drive)(plan, len, head, &mut Effects { backend: plan.backend, slices, base, effect, fence });
    }
}

/// Copies runs.
struct Copies<'j, 'a, E, P>(&'j mut Slices<'a, E, P>);

impl<E: Element, P: Place<E>> Sink for Copies<'_, '_, E, P> {
    fn take(&mut self, run: &Run<'_>) {
        self.0.part(run.start..run.start + run.len).copy();
    }
}

/// Applies an effect to runs.
struct Effects<'j, 'a, E, P, F> {
    backend: Backend,
    slices: &'j mut Slices<'a, E, P>,
    base: usize,
    effect: F,
    fence: Option<&'j Fence>,
}

impl<E: Element, P: Place<E>, F: Effect<E>> Sink for Effects<'_, '_, E, P, F> {
    fn take(&mut self, run: &Run<'_>) {
        let Self { backend, ref mut slices, base, effect, fence } = *self;
        backend.run(Chunks { run, base, effect, slices: slices.part(run.start..run.start + run.len), fence });
    }
}

/// Elements below which a part is not worth handing to another thread: some ten microseconds of work.
#[cfg(feature = "rayon")]
const GRAIN: usize = 1 << 17;

/// Runs `part` on parts of the tensor that are disjoint and make up the whole. A mask is addressed by logical index, so
/// where the cuts are changes no bit.
#[cfg(feature = "rayon")]
fn on_threads<E: Element, P: Place<E>>(
    plan: &Plan<'_>,
    layout: &crate::layout::Layout,
    slices: Slices<'_, E, P>,
    base: usize,
    part: &(impl Fn(&mut Job<'_, E, P>, usize) + Sync),
) {
    // A part that begins with a block computes none twice.
    if slices.y.len() >= 2 * GRAIN
        && let Some(([first, second], elements)) = layout.halves(crate::mask::BLOCK)
    {
        let [slices, slices_rest] = slices.cut(elements);
        rayon::join(
            || on_threads(plan, &first, slices, base, part),
            || on_threads(plan, &second, slices_rest, base + elements, part),
        );
        return;
    }
    let drive = if matches!(plan.decisions, Decisions::Keep) { super::all_laid_out } else { super::laid_out };
    part(&mut Job { plan: &Plan { layout: Some(layout), drive, ..*plan }, slices }, base);
}

#[cfg(all(test, feature = "rayon"))]
mod tests {
    extern crate std;

    use std::sync::Mutex;
    use std::vec;
    use std::vec::Vec;

    use super::*;
    use crate::backend::Backend;
    use crate::layout::Layout;

    /// The first decisions, the places and the numbers of elements that parts have, in order.
    fn parts(layout: Layout) -> Vec<(u64, usize, usize)> {
        let (mut y, parts) = (vec![0_i8; layout.elements()], Mutex::new(vec![]));
        let plan = Plan {
            backend: Backend::detect(),
            drive: super::super::laid_out,
            decisions: Decisions::Keep,
            layout: Some(&layout),
            in_parallel: true,
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
