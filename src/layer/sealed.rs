//! What a kind of dropout says of itself.

use core::mem::MaybeUninit;

use super::mode::{Direction, Mode};
use crate::element::sealed::Element;
use crate::error::Error;
use crate::kernel::{Compiled, Job};
use crate::rate::Rate;

/// A kind of dropout.
pub(crate) trait Kind<E: Element>: Copy + Send + Sync + 'static {
    type Effect: EffectOf<E>;

    /// That of its mask, if it has one.
    fn rate(&self) -> Option<Rate>;

    /// What becomes of elements in a pass.
    fn effect(&self, direction: Direction, mode: Mode<'_>) -> Result<Self::Effect, Error>;
}

/// An effect that is compiled for elements of type `E`.
pub(crate) trait EffectOf<E>: Sized {
    fn run(self, job: Job<'_, E>);

    fn run_to_memory(self, job: Job<'_, E, MaybeUninit<E>>);

    /// Adds what becomes of the elements of `operand` to those of the job, which is in place.
    fn add(self, job: Job<'_, E>, operand: &[E]);
}

impl<E: Compiled<F>, F> EffectOf<E> for F {
    #[inline]
    fn run(self, job: Job<'_, E>) {
        E::run(job, self);
    }

    #[inline]
    fn run_to_memory(self, job: Job<'_, E, MaybeUninit<E>>) {
        E::run_to_memory(job, self);
    }

    #[inline]
    fn add(self, job: Job<'_, E>, operand: &[E]) {
        E::add(job, operand, self);
    }
}
