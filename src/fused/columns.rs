//! Rows that repeat for each row of a tensor, such as a bias.

use crate::error::Error;
use crate::simd::{CHUNK, Lanes};

/// `Error::Columns` unless `elements` is a multiple of `columns`.
pub(super) fn check_columns(elements: usize, columns: usize) -> Result<(), Error> {
    let whole = elements == 0 || elements.checked_rem(columns) == Some(0);
    if whole { Ok(()) } else { Err(Error::Columns { elements, columns }) }
}

/// A row that repeats for each row of a tensor.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) values: &'a [f32],
    /// The column of the tensor's first element.
    first: usize,
}

impl<'a> Row<'a> {
    /// Of a tensor that begins with the first column.
    pub(super) const fn of(values: &'a [f32]) -> Self {
        Self { values, first: 0 }
    }

    /// Of the tensor without its first elements.
    pub(super) fn advanced(self, elements: usize) -> Self {
        Self { first: self.column(elements), ..self }
    }

    /// The column of an element.
    pub(super) fn column(self, element: usize) -> usize {
        debug_assert!(element == 0 || !self.values.is_empty());
        (self.first + element).checked_rem(self.values.len()).unwrap_or(0)
    }
}

/// A chunk of a row from `column` on, with the first after the last. Advances `column`.
#[inline(always)]
pub(super) fn load_columns<L: Lanes>(lanes: L, row: &[f32], column: &mut usize) -> L::F32s {
    debug_assert!(*column < row.len());
    let rest = row.get(*column..).unwrap_or_default();
    if let Some((chunk, rest)) = rest.split_first_chunk::<CHUNK>() {
        *column = if rest.is_empty() { 0 } else { *column + CHUNK };
        return lanes.load_f32(chunk);
    }
    lanes.load_f32(&wrapped(row, column))
}

/// [`load_columns`] past the end of the row, which can be shorter than a chunk.
#[cold]
fn wrapped(row: &[f32], column: &mut usize) -> [f32; CHUNK] {
    let mut values = [0.0; CHUNK];
    let rest = row.get(*column..).unwrap_or_default();
    values.iter_mut().zip(rest.iter().chain(row.iter().cycle())).for_each(|(to, from)| *to = *from);
    *column = (*column + CHUNK).checked_rem(row.len()).unwrap_or(0);
    values
}

/// Adds a chunk of values, or the first `left` if that is less, to a row from `column` on, with its first element after
/// its last. Advances `column`.
#[inline(always)]
pub(super) fn add_to_columns<L: Lanes>(lanes: L, row: &mut [f32], column: &mut usize, values: L::F32s, left: usize) {
    debug_assert!(*column < row.len());
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

/// [`add_to_columns`] past the end of the row, or of fewer values than a chunk.
#[cold]
fn add_wrapped(row: &mut [f32], column: &mut usize, values: &[f32; CHUNK], left: usize) {
    for value in values.iter().take(left) {
        debug_assert!(*column < row.len());
        if let Some(sum) = row.get_mut(*column) {
            *sum += value;
        }
        *column += 1;
        if *column == row.len() {
            *column = 0;
        }
    }
}
