//! The backward pass on sixteen elements, and the sums of gradients for the bias.

use core::ops::Range;

use super::activation::Function;
use super::columns::{Chunks, add_to_columns, column, load_columns};
use crate::kernel::{ChunkFn, Effect};
use crate::layout::Walk;
use crate::mask::{Keep, TILE};
use crate::simd::{CHUNK, Lanes};

/// What a backward pass reads besides the kernel's input.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) x: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    /// `grad_y`, if the kernel's input is the gradient to add to.
    pub(super) grad_y: Option<&'a [f32]>,
}

/// Blocks of decisions per tile where a layout repeats them. The tile's size determines the order of the sums, so it
/// must be the same on every CPU: this is what the smallest one has.
const SUMMED_BLOCKS: usize = 2;

const _: () = assert!(SUMMED_BLOCKS <= TILE);

/// The backward pass, as the kernel's effect.
pub(super) struct Backward<'a, F> {
    pub(super) function: F,
    /// The factor of kept gradients.
    pub(super) factor: f32,
    pub(super) inputs: Inputs<'a>,
    pub(super) grad_bias: Option<&'a mut [f32]>,
}

impl<F: Function> Effect<f32> for Backward<'_, F> {
    type Tile = Keep;
    const READS_PLACES: bool = true;
    type ChunkFn<'a, L: Lanes>
        = BackwardFn<'a, L, F>
    where
        Self: 'a;

    #[inline(always)]
    fn most_blocks(&self, walk: &Walk<'_>) -> usize {
        if self.grad_bias.is_some() && walk.is_repeated() { SUMMED_BLOCKS } else { TILE }
    }

    #[inline(always)]
    fn chunk_fn<L: Lanes>(&mut self, lanes: L, range: Range<usize>) -> BackwardFn<'_, L, F> {
        let Self { function, factor, inputs, ref mut grad_bias } = *self;
        let grad_bias = grad_bias.as_deref_mut();
        let column = column(inputs.bias.or(grad_bias.as_deref()), range.start);
        let (x, grad_y) = (Chunks::of(inputs.x, range.clone()), inputs.grad_y.map(|grad_y| Chunks::of(grad_y, range.clone())));
        BackwardFn { lanes, function, factor, x, bias: inputs.bias, grad_y, grad_bias, column, left: range.len() }
    }
}

pub(super) struct BackwardFn<'a, L, F> {
    lanes: L,
    function: F,
    factor: f32,
    x: Chunks<'a>,
    bias: Option<&'a [f32]>,
    grad_y: Option<Chunks<'a>>,
    grad_bias: Option<&'a mut [f32]>,
    /// The column of the next element.
    column: usize,
    /// The number of elements from there on: the last chunk is padded, and the padding must not be summed.
    left: usize,
}

impl<L: Lanes, F: Function> ChunkFn<f32> for BackwardFn<'_, L, F> {
    type Limb = u64;

    #[inline(always)]
    fn map(&mut self, keep: &u64, chunk: usize, input: &[f32; CHUNK]) -> [f32; CHUNK] {
        let lanes = self.lanes;
        let input = lanes.load_f32(input);
        let grad_y = if let Some(grad_y) = &mut self.grad_y { grad_y.next(lanes) } else { input };
        let mut x = self.x.next(lanes);
        let mut next = self.column;
        if let Some(bias) = self.bias {
            x = x + load_columns(lanes, bias, &mut next);
        }
        let kept = self.function.gradient(lanes, x, grad_y * lanes.splat_f32(self.factor));
        let gradient = lanes.select_f32((keep >> (CHUNK * chunk)) as u16, kept, lanes.splat_f32(0.0));
        if let Some(grad_bias) = &mut self.grad_bias {
            add_to_columns(lanes, grad_bias, &mut self.column, gradient, self.left);
        } else {
            self.column = next;
        }
        debug_assert!(self.left > 0);
        self.left = self.left.saturating_sub(CHUNK);
        lanes.store_f32(if self.grad_y.is_some() { input + gradient } else { gradient })
    }
}
