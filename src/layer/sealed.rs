//! What a kind of dropout says of itself.

use super::mode::{Direction, Mode};
use crate::element::sealed::Element;
use crate::error::Error;
use crate::kernel::{Job, Masked, Pair};
use crate::mask::Computed;
use crate::rate::Rate;

/// A kind of dropout: its rate, and what becomes of kept and of dropped elements in each pass.
pub(crate) trait Kind<E: Element>: Copy + Sync {
    fn rate(&self) -> Rate;

    /// Training, forward pass.
    fn forward(&self) -> impl Pair<E>;

    /// Training, backward pass. By default the same as the forward pass, which is right where that is linear.
    fn backward(&self) -> impl Pair<E> {
        self.forward()
    }

    /// Evaluation, both passes: everything is kept. `None` if that is the identity.
    fn evaluation(&self) -> Option<impl Pair<E>>;

    /// Prepares the kind for a mode, or fails if it does not have this mode. Runs once per call, on the whole mask,
    /// before the tensor is cut into parts for threads.
    ///
    /// It returns an error where a type could have forbidden the call: see [`Mode`].
    fn in_mode(&self, _: Mode<'_>) -> Result<Self, Error> {
        Ok(*self)
    }

    #[inline(always)]
    fn run(&self, direction: Direction, mode: Mode<'_>, job: Job<'_, E>) {
        by_mask(self, direction, mode, job);
    }
}

/// A kind whose training computes a mask.
pub(crate) trait MaskKind<E: Element>: Kind<E> {}

pub(crate) trait AnyLayout: Copy {}

/// The only place that matches on the mode and the direction of a masked pass.
#[inline(always)]
pub(crate) fn by_mask<E: Element, K: Kind<E>>(kind: &K, direction: Direction, mode: Mode<'_>, job: Job<'_, E>) {
    let computed = |address| Computed::new(kind.rate(), address);
    match (mode, direction) {
        (Mode::Train(address), Direction::Forward) => job.apply(computed(address), Masked(kind.forward())),
        (Mode::Train(address), Direction::Backward) => job.apply(computed(address), Masked(kind.backward())),
        (Mode::Stored(mask), Direction::Forward) => job.apply(mask, Masked(kind.forward())),
        (Mode::Stored(mask), Direction::Backward) => job.apply(mask, Masked(kind.backward())),
        (Mode::Eval, _) => match kind.evaluation() {
            Some(pair) => job.evaluate(Masked(pair)),
            None => job.copy(),
        },
    }
}
