//! The forward pass on a chunk of elements: bias, activation and dropout.

use core::ops::Range;

use super::activation::Function;
use super::columns::{Column, ColumnMap, load_columns};
use crate::kernel::{ChunkFn, Cut, Effect};
use crate::mask::Keep;
use crate::simd::{CHUNK, Lanes, Limb};

/// The forward pass, as the kernel's effect on `x`.
#[derive(Clone, Copy)]
pub(super) struct Forward<'a, F> {
    pub(super) function: F,
    /// The factor of kept values.
    pub(super) factor: f32,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) columns: ColumnMap,
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
        let Self { function, factor, bias, columns } = *self;
        ForwardFn { lanes, function, factor, bias, column: columns.at(range.start) }
    }
}

impl<F: Function> Cut for Forward<'_, F> {
    fn cut(self, elements: usize) -> (Self, Self) {
        (self, Self { columns: self.columns.advanced(elements), ..self })
    }
}

pub(super) struct ForwardFn<'a, L, F> {
    lanes: L,
    function: F,
    factor: f32,
    bias: Option<&'a [f32]>,
    /// The column of the next element.
    column: Column,
}

impl<L: Lanes, F: Function> ChunkFn<f32> for ForwardFn<'_, L, F> {
    type Limb = Limb;

    #[inline(always)]
    fn map(&mut self, keep: &Limb, chunk: usize, x: &[f32; CHUNK]) -> [f32; CHUNK] {
        let lanes = self.lanes;
        let mut x = lanes.load_f32(x);
        if let Some(bias) = self.bias {
            x = x + load_columns(lanes, bias, &mut self.column);
        }
        let kept = self.function.value(lanes, x) * lanes.splat_f32(self.factor);
        lanes.store_f32(lanes.select_f32((keep >> (CHUNK * chunk)) as u16, kept, lanes.splat_f32(0.0)))
    }
}
