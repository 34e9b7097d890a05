//! What becomes of the results of a pass: they overwrite the output, or are added to it.

use super::apply::Job;
use super::cut::Cut;
use super::effect::{Effect, Masked, Unchanged};
use super::operand::{On, Sum};
use super::place::Place;
use crate::element::sealed::{Element, Float};

/// How results get into the output.
pub(crate) trait Update<E: Element>: Cut {
    /// The effect that does to the output what the pass of `effect` is to do.
    fn by<F: Effect<E>>(self, effect: F) -> impl Effect<E, Tile = F::Tile>;

    /// The pass that leaves every element as it is.
    fn by_nothing<P: Place<E>>(self, job: Job<'_, E, P>);
}

/// The results of the job's input become the output.
pub(crate) struct Overwrite;

impl<E: Element> Update<E> for Overwrite {
    #[inline(always)]
    fn by<F: Effect<E>>(self, effect: F) -> impl Effect<E, Tile = F::Tile> {
        effect
    }

    #[inline(always)]
    fn by_nothing<P: Place<E>>(self, job: Job<'_, E, P>) {
        job.copy();
    }
}

impl Cut for Overwrite {
    fn cut(self, _: usize) -> (Self, Self) {
        (Self, Self)
    }
}

/// The results of this slice are added to the output of a job in place.
pub(crate) struct Add<'a, E>(pub(crate) &'a [E]);

impl<E: Float> Update<E> for Add<'_, E> {
    #[inline(always)]
    fn by<F: Effect<E>>(self, effect: F) -> impl Effect<E, Tile = F::Tile> {
        Sum { effect, operand: self.0, effect_on: On::Operand }
    }

    #[inline(always)]
    fn by_nothing<P: Place<E>>(self, job: Job<'_, E, P>) {
        job.evaluate(self.by(Masked(Unchanged)));
    }
}

impl<E: Element> Cut for Add<'_, E> {
    fn cut(self, elements: usize) -> (Self, Self) {
        let (first, second) = self.0.cut(elements);
        (Self(first), Self(second))
    }
}
