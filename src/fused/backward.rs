//! The backward pass on a chunk of elements, and the sums of gradients for the bias.

use core::cell::Cell;

use super::forward::Forward;
use crate::kernel::{Column, Effect, load_columns, operand};
use crate::simd::{CHUNK, Lanes};

/// The backward pass, as the kernel's effect on `grad_y`.
#[derive(Clone, Copy)]
pub(super) struct Backward<'a> {
    pub(super) forward: Forward<'a>,
    pub(super) x: &'a [f32],
    /// In cells, so that every chunk can add to them.
    pub(super) grad_bias: Option<&'a [Cell<f32>]>,
}

impl Effect<f32> for Backward<'_> {
    const SUMS: bool = true;

    #[inline(always)]
    fn kept<L: Lanes>(&mut self, lanes: L, place: usize, grad_y: &[f32; CHUNK]) -> [f32; CHUNK] {
        self.chunk(lanes, u16::MAX, place, grad_y, CHUNK)
    }

    #[inline(always)]
    fn dropped<L: Lanes>(&mut self, lanes: L, place: usize, grad_y: &[f32; CHUNK]) -> [f32; CHUNK] {
        self.chunk(lanes, 0, place, grad_y, CHUNK)
    }

    /// What pads the chunk is not summed.
    #[inline(always)]
    fn chunk<L: Lanes>(&mut self, lanes: L, keep: u16, place: usize, grad_y: &[f32; CHUNK], count: usize) -> [f32; CHUNK] {
        let Self { forward: Forward { activation, factor, bias, columns, .. }, x, grad_bias } = self;
        let column = (bias.is_some() || grad_bias.is_some()).then(|| *columns.at(place));
        let mut next = column;
        let mut x = lanes.load_f32(operand(x, place, &mut None));
        if let (Some(bias), Some(column)) = (bias, &mut next) {
            x = x + lanes.load_f32(load_columns(bias, column, &mut None));
        }
        let kept = activation.gradient(lanes, x, lanes.load_f32(grad_y) * lanes.splat_f32(*factor));
        let gradient = lanes.select_f32(keep, kept, lanes.splat_f32(0.0));
        if let (Some(grad_bias), Some(mut column)) = (grad_bias, column) {
            add_to_columns(lanes, grad_bias, &mut column, gradient, count);
            next = Some(column);
        }
        if let Some(column) = next {
            columns.set(column);
        }
        lanes.store_f32(gradient)
    }
}

/// Adds a chunk of values, or the first `left` if that is less, to a row from a column on, with its first element after
/// its last. Advances the column.
#[inline(always)]
fn add_to_columns<L: Lanes>(lanes: L, row: &[Cell<f32>], column: &mut Column, values: L::F32s, left: usize) {
    debug_assert!(column.number < row.len());
    let rest = row.get(column.number..).unwrap_or_default();
    if column.stride == 1
        && left >= CHUNK
        && let Some((chunk, rest)) = rest.split_first_chunk::<CHUNK>()
    {
        column.number = if rest.is_empty() { 0 } else { column.number + CHUNK };
        let sums = lanes.store_f32(lanes.load_f32(&chunk.each_ref().map(Cell::get)) + values);
        chunk.iter().zip(sums).for_each(|(to, sum)| to.set(sum));
    } else {
        *column = add_each(row, *column, &lanes.store_f32(values), left);
    }
}

/// [`add_to_columns`] one by one, past the end of the row, of columns that do not lie next to each other, or of fewer values than a chunk.
#[cold]
fn add_each(row: &[Cell<f32>], mut column: Column, values: &[f32; CHUNK], left: usize) -> Column {
    for value in values.iter().take(left) {
        debug_assert!(column.number < row.len());
        if let Some(sum) = row.get(column.number) {
            sum.set(sum.get() + value);
        }
        column.step(row.len());
    }
    column
}
