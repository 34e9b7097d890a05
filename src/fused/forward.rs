//! The forward pass on sixteen elements: bias, activation, dropout and residual.

use core::ops::Range;

use super::activation::Function;
use super::columns::{Chunks, column, load_columns};
use crate::error::{Error, check_length};
use crate::kernel::{ChunkFn, Effect};
use crate::mask::Keep;
use crate::simd::{CHUNK, Lanes};

/// The second operand of a forward pass, besides the kernel's input.
#[derive(Clone, Copy)]
pub(super) enum Other<'a> {
    Nothing,
    /// The kernel's input is `x`.
    Residual(&'a [f32]),
    /// The kernel's input is the residual.
    X(&'a [f32]),
}

impl<'a> Other<'a> {
    pub(super) fn residual(residual: Option<&'a [f32]>, len: usize) -> Result<Self, Error> {
        let Some(residual) = residual else { return Ok(Self::Nothing) };
        check_length("residual", len, residual.len())?;
        Ok(Self::Residual(residual))
    }
}

/// The forward pass, as the kernel's effect.
pub(super) struct Forward<'a, F> {
    pub(super) function: F,
    /// The factor of kept values.
    pub(super) factor: f32,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) other: Other<'a>,
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
        let Self { function, factor, bias, other } = *self;
        let column = column(bias, range.start);
        let (x, residual) = match other {
            Other::Nothing => (None, None),
            Other::Residual(residual) => (None, Some(Chunks::of(residual, range))),
            Other::X(x) => (Some(Chunks::of(x, range)), None),
        };
        ForwardFn { lanes, function, factor, bias, x, residual, column }
    }
}

pub(super) struct ForwardFn<'a, L, F> {
    lanes: L,
    function: F,
    factor: f32,
    bias: Option<&'a [f32]>,
    /// `x`, if the kernel's input is the residual.
    x: Option<Chunks<'a>>,
    residual: Option<Chunks<'a>>,
    /// The column of the next element.
    column: usize,
}

impl<L: Lanes, F: Function> ChunkFn<f32> for ForwardFn<'_, L, F> {
    type Limb = u64;

    #[inline(always)]
    fn map(&mut self, keep: &u64, chunk: usize, input: &[f32; CHUNK]) -> [f32; CHUNK] {
        let lanes = self.lanes;
        let input = lanes.load_f32(input);
        let mut x = if let Some(x) = &mut self.x { x.next(lanes) } else { input };
        if let Some(bias) = self.bias {
            x = x + load_columns(lanes, bias, &mut self.column);
        }
        let kept = self.function.value(lanes, x) * lanes.splat_f32(self.factor);
        let mut y = lanes.select_f32((keep >> (CHUNK * chunk)) as u16, kept, lanes.splat_f32(0.0));
        if let Some(residual) = &mut self.residual {
            y = residual.next(lanes) + y;
        } else if self.x.is_some() {
            y = input + y;
        }
        lanes.store_f32(y)
    }
}
