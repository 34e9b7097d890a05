//! The forward pass on sixteen elements: bias, activation and dropout.

use core::ops::Range;

use super::activation::Function;
use super::columns::{Row, load_columns};
use crate::kernel::{ChunkFn, Cut, Effect};
use crate::mask::Keep;
use crate::simd::{CHUNK, Lanes};

/// The forward pass, as the kernel's effect on `x`.
#[derive(Clone, Copy)]
pub(super) struct Forward<'a, F> {
    pub(super) function: F,
    /// The factor of kept values.
    pub(super) factor: f32,
    pub(super) bias: Option<Row<'a>>,
}

impl<F: Function> Effect<f32> for Forward<'_, F> {
    type Tile = Keep;
    const READS_PLACES: bool = true;
    type ChunkFn<'a, L: Lanes>
        = ForwardFn<'a, L, F>
    where
        Self: 'a;

    #[inline(always)]
    fn chunk_fn<L: Lanes>(&mut self, lanes: L, range: Range<usize>) -> ForwardFn<'_, L, F> {
        let column = self.bias.map_or(0, |bias| bias.column(range.start));
        ForwardFn { lanes, forward: *self, column }
    }
}

impl<F: Function> Cut for Forward<'_, F> {
    fn cut(self, elements: usize) -> (Self, Self) {
        (self, Self { bias: self.bias.map(|bias| bias.advanced(elements)), ..self })
    }
}

pub(super) struct ForwardFn<'a, L, F> {
    lanes: L,
    forward: Forward<'a, F>,
    /// The column of the next element.
    column: usize,
}

impl<L: Lanes, F: Function> ChunkFn<f32> for ForwardFn<'_, L, F> {
    type Limb = u64;

    #[inline(always)]
    fn map(&mut self, keep: &u64, chunk: usize, x: &[f32; CHUNK]) -> [f32; CHUNK] {
        let (lanes, Forward { function, factor, bias }) = (self.lanes, self.forward);
        let mut x = lanes.load_f32(x);
        if let Some(bias) = bias {
            x = x + load_columns(lanes, bias.values, &mut self.column);
        }
        let kept = function.value(lanes, x) * lanes.splat_f32(factor);
        lanes.store_f32(lanes.select_f32((keep >> (CHUNK * chunk)) as u16, kept, lanes.splat_f32(0.0)))
    }
}
