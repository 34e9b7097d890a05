//! What a kind of dropout says of itself.

use super::mode::{Direction, Mode};
use crate::element::sealed::Element;
use crate::error::Error;
use crate::kernel::{Job, Masked, Pair, Place, Update};
use crate::mask::Computed;
use crate::rate::Rate;

/// A kind of dropout.
pub(crate) trait Kind<E: Element>: Copy + Sync {
    /// Prepares the kind for a mode, or fails if it does not have this mode. Runs once per call, on the whole mask,
    /// before the tensor is cut into parts for threads.
    ///
    /// It returns an error where a type could have forbidden the call: see [`Mode`].
    fn in_mode(&self, _: Mode<'_>) -> Result<Self, Error> {
        Ok(*self)
    }

    /// A pass over a tensor, or a part of it.
    fn run<P: Place<E>>(&self, direction: Direction, mode: Mode<'_>, job: Job<'_, E, P>, update: impl Update<E>);
}

/// A kind that a mask decides: its rate, and what becomes of kept and of dropped elements in each pass. It runs
/// [`by_mask`].
pub(crate) trait ByMask<E: Element>: Kind<E> {
    fn rate(&self) -> Rate;

    /// Training, forward pass.
    fn forward(&self) -> impl Pair<E>;

    /// Training, backward pass. By default the same as the forward pass, which is right where that is linear.
    fn backward(&self) -> impl Pair<E> {
        self.forward()
    }

    /// Evaluation, both passes: everything is kept. `None` if that is the identity.
    fn evaluation(&self) -> Option<impl Pair<E>>;
}

/// A kind that computes its mask in training.
pub(crate) trait MaskKind<E: Element>: ByMask<E> {}

pub(crate) trait AnyLayout: Copy {}

/// The only place that matches on the mode and the direction of a masked pass.
#[inline(always)]
pub(crate) fn by_mask<E: Element, P: Place<E>, K: ByMask<E>>(
    kind: &K,
    direction: Direction,
    mode: Mode<'_>,
    job: Job<'_, E, P>,
    update: impl Update<E>,
) {
    let computed = |address| Computed::new(kind.rate(), address);
    match (mode, direction) {
        (Mode::Train(address), Direction::Forward) => job.apply(computed(address), update.by(Masked(kind.forward()))),
        (Mode::Train(address), Direction::Backward) => job.apply(computed(address), update.by(Masked(kind.backward()))),
        (Mode::Stored(mask), Direction::Forward) => job.apply(mask, update.by(Masked(kind.forward()))),
        (Mode::Stored(mask), Direction::Backward) => job.apply(mask, update.by(Masked(kind.backward()))),
        (Mode::Eval, _) => match kind.evaluation() {
            Some(pair) => job.evaluate(update.by(Masked(pair))),
            None => update.by_nothing(job),
        },
    }
}
