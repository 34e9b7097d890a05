//! Slices that are read in step with those of a job, and sums with them.

use core::ops::Range;

use super::cut::Cut;
use super::effect::Effect;
use super::pass::ChunkFn;
use crate::element::sealed::{Element, Float};
use crate::layout::Walk;
use crate::simd::{CHUNK, Lanes};

/// A range of a slice that is as long as the tensor, chunk by chunk.
pub(crate) struct Chunks<'a, E> {
    whole: core::slice::Iter<'a, [E; CHUNK]>,
    rest: &'a [E],
}

impl<'a, E: Element> Chunks<'a, E> {
    pub(crate) fn of(slice: &'a [E], range: Range<usize>) -> Self {
        debug_assert!(range.end <= slice.len());
        let (whole, rest) = slice.get(range).unwrap_or_default().as_chunks();
        Self { whole: whole.iter(), rest }
    }

    /// The next chunk; the last one is padded with zeros.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> [E; CHUNK] {
        if let Some(chunk) = self.whole.next() {
            *chunk
        } else {
            debug_assert!(!self.rest.is_empty());
            padded(self.rest)
        }
    }
}

/// The last elements of a slice, padded with zeros.
#[cold]
fn padded<E: Element>(rest: &[E]) -> [E; CHUNK] {
    let mut padded = [E::ZERO; CHUNK];
    padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    padded
}

/// An effect on one of two slices, the kernel's input and the operand, plus the other.
pub(crate) struct Sum<'a, E, F> {
    pub(crate) effect: F,
    pub(crate) operand: &'a [E],
    pub(crate) effect_on: On,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum On {
    Input,
    Operand,
}

impl<E: Float, F: Effect<E>> Effect<E> for Sum<'_, E, F> {
    type Tile = F::Tile;
    const READS_PLACES: bool = true;
    const SUMS: bool = F::SUMS;
    type ChunkFn<'a, L: Lanes>
        = SumFn<'a, L, E, F::ChunkFn<'a, L>>
    where
        Self: 'a;

    #[inline(always)]
    fn most_blocks(&self, walk: &Walk<'_>) -> usize {
        self.effect.most_blocks(walk)
    }

    #[inline(always)]
    fn chunk_fn<L: Lanes>(&mut self, lanes: L, range: Range<usize>) -> Self::ChunkFn<'_, L> {
        let operand = Chunks::of(self.operand, range.clone());
        SumFn { lanes, chunk_fn: self.effect.chunk_fn(lanes, range), operand, effect_on: self.effect_on }
    }
}

impl<E: Element, F: Cut> Cut for Sum<'_, E, F> {
    fn can_cut(&self) -> bool {
        self.effect.can_cut()
    }

    fn cut(self, elements: usize) -> (Self, Self) {
        let (first, second) = self.effect.cut(elements);
        let (operand, rest) = self.operand.cut(elements);
        (Self { effect: first, operand, ..self }, Self { effect: second, operand: rest, ..self })
    }
}

pub(crate) struct SumFn<'a, L, E, F> {
    lanes: L,
    chunk_fn: F,
    operand: Chunks<'a, E>,
    effect_on: On,
}

impl<L: Lanes, E: Float, F: ChunkFn<E>> ChunkFn<E> for SumFn<'_, L, E, F> {
    type Limb = F::Limb;

    #[inline(always)]
    fn map(&mut self, decisions: &F::Limb, chunk: usize, input: &[E; CHUNK]) -> [E; CHUNK] {
        let (lanes, operand) = (self.lanes, self.operand.next());
        let (x, other) = match self.effect_on {
            On::Input => (input, &operand),
            On::Operand => (&operand, input),
        };
        let result = self.chunk_fn.map(decisions, chunk, x);
        E::store(lanes, E::load(lanes, other) + E::load(lanes, &result))
    }
}
