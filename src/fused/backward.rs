//! The backward pass on a chunk of elements, and the sums of gradients for the bias.

use core::ops::Range;

use super::activation::Function;
use super::columns::{Column, add_to_columns, load_columns};
use super::forward::Forward;
use crate::kernel::{ChunkFn, Chunks, Cut, Effect};
use crate::layout::Walk;
use crate::mask::{Keep, TILE};
use crate::simd::{CHUNK, Lanes, Limb};

/// Blocks of decisions per tile where a layout repeats them. The tile's size determines the order of the sums, so it
/// must be the same on every CPU: this is what the smallest one has.
const SUMMED_BLOCKS: usize = 2;

const _: () = assert!(SUMMED_BLOCKS <= TILE);

/// The backward pass, as the kernel's effect on `grad_y`.
pub(super) struct Backward<'a, F> {
    pub(super) forward: Forward<'a, F>,
    pub(super) x: &'a [f32],
    pub(super) grad_bias: Option<&'a mut [f32]>,
}

impl<F: Function> Effect<f32> for Backward<'_, F> {
    type Tile = Keep;
    const READS_PLACES: bool = true;
    type ChunkFn<'a, L: Lanes>
        = BackwardFn<'a, L, F>
    where
        Self: 'a;

    const SUMS: bool = true;

    #[inline(always)]
    fn most_blocks(&self, walk: &Walk<'_>) -> usize {
        if self.grad_bias.is_some() && walk.is_repeated() { SUMMED_BLOCKS } else { TILE }
    }

    #[inline(always)]
    fn chunk_fn<L: Lanes>(&mut self, lanes: L, range: Range<usize>) -> BackwardFn<'_, L, F> {
        let Self { forward, x, ref mut grad_bias } = *self;
        let grad_bias = grad_bias.as_deref_mut();
        let Forward { function, factor, bias, columns } = forward;
        let (x, column, left) = (Chunks::of(x, range.clone()), columns.at(range.start), range.len());
        BackwardFn { lanes, function, factor, x, bias, grad_bias, column, left }
    }
}

impl<F: Function> Cut for Backward<'_, F> {
    /// The sums of a column have one order.
    fn can_cut(&self) -> bool {
        self.grad_bias.is_none()
    }

    fn cut(self, elements: usize) -> (Self, Self) {
        debug_assert!(self.grad_bias.is_none());
        let (forward, forward_rest) = self.forward.cut(elements);
        let (x, x_rest) = self.x.cut(elements);
        (Self { forward, x, grad_bias: self.grad_bias }, Self { forward: forward_rest, x: x_rest, grad_bias: None })
    }
}

pub(super) struct BackwardFn<'a, L, F> {
    lanes: L,
    function: F,
    factor: f32,
    x: Chunks<'a, f32>,
    bias: Option<&'a [f32]>,
    grad_bias: Option<&'a mut [f32]>,
    /// The column of the next element.
    column: Column,
    /// The number of elements from there on: the last chunk is padded, and the padding must not be summed.
    left: usize,
}

impl<L: Lanes, F: Function> ChunkFn<f32> for BackwardFn<'_, L, F> {
    type Limb = Limb;

    #[inline(always)]
    fn map(&mut self, keep: &Limb, chunk: usize, grad_y: &[f32; CHUNK]) -> [f32; CHUNK] {
        let lanes = self.lanes;
        let mut x = lanes.load_f32(&self.x.next());
        let mut next = self.column;
        if let Some(bias) = self.bias {
            x = x + load_columns(lanes, bias, &mut next);
        }
        let kept = self.function.gradient(lanes, x, lanes.load_f32(grad_y) * lanes.splat_f32(self.factor));
        let gradient = lanes.select_f32((keep >> (CHUNK * chunk)) as u16, kept, lanes.splat_f32(0.0));
        if let Some(grad_bias) = &mut self.grad_bias {
            add_to_columns(lanes, grad_bias, &mut self.column, gradient, self.left);
        } else {
            self.column = next;
        }
        debug_assert!(self.left > 0);
        self.left = self.left.saturating_sub(CHUNK);
        lanes.store_f32(gradient)
    }
}
