//! What stands in for dropped elements.

use super::columns::{Columns, load_columns};
use super::effect::{Effect, operand};
use crate::element::sealed::Element;
use crate::simd::{CHUNK, Lanes};

/// What stands in for dropped elements of a [`Select`](crate::Select).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Filler<'a, E> {
    /// The elements of another tensor, of the same length and layout.
    Tensor(&'a [E]),
    /// One value for each column, as in [`Fused::with_bias`](crate::Fused::with_bias): the column of an element is its
    /// position along the last axis of the layout's shape. Without a layout, or in one of a single axis, the row repeats,
    /// and its length divides the number of elements.
    Row(&'a [E]),
    /// One value.
    Constant(E),
}

/// Kept elements as they are, and the filler's where dropped.
#[derive(Clone, Copy)]
pub(crate) struct Either<'a, E> {
    pub(crate) filler: Filler<'a, E>,
    /// A chunk of the constant, if it is one.
    pub(crate) constant: &'a [E; CHUNK],
    /// Of a row.
    pub(crate) columns: Columns<'a>,
}

impl<E: Element> Effect<E> for Either<'_, E> {
    fn leaves_kept(&self) -> bool {
        true
    }

    #[inline(always)]
    fn kept<L: Lanes>(&mut self, _: L, _: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        *x
    }

    #[inline(always)]
    fn dropped<L: Lanes>(&mut self, _: L, place: usize, _: &[E; CHUNK]) -> [E; CHUNK] {
        let mut room = None;
        *match self.filler {
            Filler::Tensor(tensor) => operand(tensor, place, &mut room),
            Filler::Row(row) => load_columns(row, self.columns.at(place), &mut room),
            Filler::Constant(_) => self.constant,
        }
    }
}

/// The expectation of [`Either`]. Without weights it is that of p = 1: a weight of 0 would make NaN of an infinity.
#[derive(Clone, Copy)]
pub(crate) struct Mean<'a, E: Element> {
    pub(crate) weights: Option<E::Weights>,
    pub(crate) either: Either<'a, E>,
}

impl<E: Element> Effect<E> for Mean<'_, E> {
    const CHOOSES: bool = false;

    #[inline(always)]
    fn kept<L: Lanes>(&mut self, lanes: L, place: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        let dropped = self.either.dropped(lanes, place, x);
        match self.weights {
            Some(weights) => E::mean(lanes, weights, x, &dropped),
            None => dropped,
        }
    }

    #[inline(always)]
    fn dropped<L: Lanes>(&mut self, lanes: L, place: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        self.kept(lanes, place, x)
    }
}
