//! Operands that are read along with a kernel's own: slices as long as the tensor, and rows that repeat, such as a bias.

use core::ops::Range;

use crate::error::Error;
use crate::simd::{CHUNK, Lanes};

/// Errs unless the elements are whole rows.
pub(super) fn check_columns(elements: usize, columns: usize) -> Result<(), Error> {
    let whole = elements == 0 || elements.checked_rem(columns) == Some(0);
    if whole { Ok(()) } else { Err(Error::Columns { elements, columns }) }
}

/// A slice that is read along with the kernel's own input.
pub(super) struct Chunks<'a> {
    whole: core::slice::Iter<'a, [f32; CHUNK]>,
    rest: &'a [f32],
}

impl<'a> Chunks<'a> {
    /// The elements of a range, which lies inside.
    pub(super) fn of(slice: &'a [f32], range: Range<usize>) -> Self {
        let (whole, rest) = slice.get(range).unwrap_or_default().as_chunks();
        Self { whole: whole.iter(), rest }
    }

    /// The next sixteen, the last ones padded.
    #[inline(always)]
    pub(super) fn next<L: Lanes>(&mut self, lanes: L) -> L::F32x16 {
        if let Some(chunk) = self.whole.next() { lanes.load_f32(chunk) } else { lanes.load_f32(&padded(self.rest)) }
    }
}

#[cold]
fn padded(rest: &[f32]) -> [f32; CHUNK] {
    let mut padded = [0.0; CHUNK];
    padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    padded
}

/// The column of an element.
pub(super) fn column(row: Option<&[f32]>, element: usize) -> usize {
    row.and_then(|row| element.checked_rem(row.len())).unwrap_or(0)
}

/// The values of sixteen columns, with the first again after the last; `column` becomes that of the element after them.
#[inline(always)]
pub(super) fn load_columns<L: Lanes>(lanes: L, row: &[f32], column: &mut usize) -> L::F32x16 {
    let rest = row.get(*column..).unwrap_or_default();
    if let Some((chunk, rest)) = rest.split_first_chunk::<CHUNK>() {
        *column = if rest.is_empty() { 0 } else { *column + CHUNK };
        return lanes.load_f32(chunk);
    }
    lanes.load_f32(&wrapped(row, column))
}

#[cold]
fn wrapped(row: &[f32], column: &mut usize) -> [f32; CHUNK] {
    let mut values = [0.0; CHUNK];
    let rest = row.get(*column..).unwrap_or_default();
    values.iter_mut().zip(rest.iter().chain(row.iter().cycle())).for_each(|(to, from)| *to = *from);
    *column = (*column + CHUNK).checked_rem(row.len()).unwrap_or(0);
    values
}

/// Adds to the values of sixteen columns likewise, or of fewer if so many elements are not left.
#[inline(always)]
pub(super) fn add_to_columns<L: Lanes>(lanes: L, row: &mut [f32], column: &mut usize, values: L::F32x16, left: usize) {
    let rest = row.get_mut(*column..).unwrap_or_default();
    if left >= CHUNK
        && let Some((chunk, rest)) = rest.split_first_chunk_mut::<CHUNK>()
    {
        *column = if rest.is_empty() { 0 } else { *column + CHUNK };
        *chunk = lanes.store_f32(lanes.load_f32(chunk) + values);
    } else {
        add_wrapped(row, column, &lanes.store_f32(values), left);
    }
}

#[cold]
fn add_wrapped(row: &mut [f32], column: &mut usize, values: &[f32; CHUNK], left: usize) {
    for value in values.iter().take(left) {
        if let Some(sum) = row.get_mut(*column) {
            *sum += value;
        }
        *column += 1;
        if *column == row.len() {
            *column = 0;
        }
    }
}
