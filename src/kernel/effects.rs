//! The effects, one for each of the kinds of dropout or several.

use super::effect::{Effect, operand};
use crate::element::sealed::{Element, Float, Integer};
use crate::simd::{CHUNK, Lanes};

/// Kept values times a scale, or as they are if there is none; dropped ones zero.
#[derive(Clone, Copy)]
pub(crate) struct Scale<E: Float>(pub(crate) Option<E::Number>);

impl<E: Float> Scale<E> {
    pub(crate) fn by(scale: f64) -> Self {
        Self(Some(E::number(scale)))
    }
}

impl<E: Float> Effect<E> for Scale<E> {
    const DROPS_TO_CONSTANT: bool = true;

    fn leaves_kept(&self) -> bool {
        self.0.is_none()
    }

    #[inline(always)]
    fn kept<L: Lanes>(&mut self, lanes: L, _: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        match self.0 {
            Some(scale) => E::store(lanes, E::load(lanes, x) * E::splat(lanes, scale)),
            None => *x,
        }
    }

    #[inline(always)]
    fn dropped<L: Lanes>(&mut self, lanes: L, _: usize, _: &[E; CHUNK]) -> [E; CHUNK] {
        E::repeat(lanes, E::ZERO)
    }
}

/// `a * x + b` where kept, a constant where dropped.
#[derive(Clone, Copy)]
pub(crate) struct Affine<E: Float> {
    /// `None` for x itself.
    pub(crate) a: Option<E::Number>,
    /// `None` for the product alone.
    pub(crate) b: Option<E::Number>,
    pub(crate) dropped: E,
}

impl<E: Float> Effect<E> for Affine<E> {
    const DROPS_TO_CONSTANT: bool = true;

    fn leaves_kept(&self) -> bool {
        self.a.is_none()
    }

    #[inline(always)]
    fn kept<L: Lanes>(&mut self, lanes: L, _: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        let Some(a) = self.a else { return *x };
        let product = E::load(lanes, x) * E::splat(lanes, a);
        let sum = match self.b {
            Some(b) => product + E::splat(lanes, b),
            None => product,
        };
        E::store(lanes, sum)
    }

    #[inline(always)]
    fn dropped<L: Lanes>(&mut self, lanes: L, _: usize, _: &[E; CHUNK]) -> [E; CHUNK] {
        E::repeat(lanes, self.dropped)
    }
}

/// Kept values times a scale in fixed point, or as they are; dropped ones the zero point.
#[derive(Clone, Copy)]
pub(crate) struct Rescale<E> {
    pub(crate) zero_point: E,
    /// A multiplier and a shift.
    pub(crate) scale: Option<(i32, u32)>,
}

impl<E: Integer> Effect<E> for Rescale<E> {
    const DROPS_TO_CONSTANT: bool = true;

    fn leaves_kept(&self) -> bool {
        self.scale.is_none()
    }

    #[inline(always)]
    fn kept<L: Lanes>(&mut self, lanes: L, _: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        match self.scale {
            Some((multiplier, shift)) => E::rescale(lanes, x, self.zero_point, multiplier, shift),
            None => *x,
        }
    }

    #[inline(always)]
    fn dropped<L: Lanes>(&mut self, lanes: L, _: usize, _: &[E; CHUNK]) -> [E; CHUNK] {
        E::repeat(lanes, self.zero_point)
    }
}

/// The input where dropped, zero where kept.
#[derive(Clone, Copy)]
pub(crate) struct Inverted;

impl<E: Element> Effect<E> for Inverted {
    #[inline(always)]
    fn kept<L: Lanes>(&mut self, lanes: L, _: usize, _: &[E; CHUNK]) -> [E; CHUNK] {
        E::repeat(lanes, E::ZERO)
    }

    #[inline(always)]
    fn dropped<L: Lanes>(&mut self, _: L, _: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        *x
    }
}

/// The effect on another slice, added to what is there.
#[derive(Clone, Copy)]
pub(crate) struct Sum<'a, E, F> {
    pub(crate) effect: F,
    pub(crate) operand: &'a [E],
}

impl<E: Element, F: Effect<E>> Effect<E> for Sum<'_, E, F> {
    const SUMS: bool = F::SUMS;

    #[inline(always)]
    fn kept<L: Lanes>(&mut self, lanes: L, place: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        let kept = self.effect.kept(lanes, place, operand(self.operand, place, &mut None));
        E::sum(lanes, x, &kept)
    }

    #[inline(always)]
    fn dropped<L: Lanes>(&mut self, lanes: L, place: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        let dropped = self.effect.dropped(lanes, place, operand(self.operand, place, &mut None));
        E::sum(lanes, x, &dropped)
    }

    #[inline(always)]
    fn chunk<L: Lanes>(&mut self, lanes: L, keep: u16, place: usize, x: &[E; CHUNK], count: usize) -> [E; CHUNK] {
        let result = self.effect.chunk(lanes, keep, place, operand(self.operand, place, &mut None), count);
        E::sum(lanes, x, &result)
    }
}
