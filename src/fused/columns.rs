//! Operands besides a kernel's own slices: slices as long as the tensor, and rows that repeat for each of its rows,
//! such as a bias.

use core::ops::Range;

use crate::error::Error;
use crate::simd::{CHUNK, Lanes};

/// `Error::Columns` unless `elements` is a multiple of `columns`.
pub(super) fn check_columns(elements: usize, columns: usize) -> Result<(), Error> {
    let whole = elements == 0 || elements.checked_rem(columns) == Some(0);
    if whole { Ok(()) } else { Err(Error::Columns { elements, columns }) }
}

/// A slice that is read in step with the kernel's input.
pub(super) struct Chunks<'a> {
    whole: core::slice::Iter<'a, [f32; CHUNK]>,
    rest: &'a [f32],
}

impl<'a> Chunks<'a> {
    /// The elements of `range`.
    pub(super) fn of(slice: &'a [f32], range: Range<usize>) -> Self {
        debug_assert!(range.end <= slice.len());
        let (whole, rest) = slice.get(range).unwrap_or_default().as_chunks();
        Self { whole: whole.iter(), rest }
    }

    /// The next sixteen elements; the last ones are padded with zeros.
    #[inline(always)]
    pub(super) fn next<L: Lanes>(&mut self, lanes: L) -> L::F32x16 {
        if let Some(chunk) = self.whole.next() {
            lanes.load_f32(chunk)
        } else {
            debug_assert!(!self.rest.is_empty());
            lanes.load_f32(&padded(self.rest))
        }
    }
}

/// The last elements of a slice, padded with zeros.
#[cold]
fn padded(rest: &[f32]) -> [f32; CHUNK] {
    let mut padded = [0.0; CHUNK];
    padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    padded
}

/// The column of an element, 0 if there is no row.
pub(super) fn column(row: Option<&[f32]>, element: usize) -> usize {
    debug_assert!(element == 0 || row.is_none_or(|row| !row.is_empty()));
    row.and_then(|row| element.checked_rem(row.len())).unwrap_or(0)
}

/// Sixteen values of a row from `column` on, with the first after the last. Advances `column`.
#[inline(always)]
pub(super) fn load_columns<L: Lanes>(lanes: L, row: &[f32], column: &mut usize) -> L::F32x16 {
    debug_assert!(*column < row.len());
    let rest = row.get(*column..).unwrap_or_default();
    if let Some((chunk, rest)) = rest.split_first_chunk::<CHUNK>() {
        *column = if rest.is_empty() { 0 } else { *column + CHUNK };
        return lanes.load_f32(chunk);
    }
    lanes.load_f32(&wrapped(row, column))
}

/// [`load_columns`] past the end of the row, which can be shorter than sixteen.
#[cold]
fn wrapped(row: &[f32], column: &mut usize) -> [f32; CHUNK] {
    let mut values = [0.0; CHUNK];
    let rest = row.get(*column..).unwrap_or_default();
    values.iter_mut().zip(rest.iter().chain(row.iter().cycle())).for_each(|(to, from)| *to = *from);
    *column = (*column + CHUNK).checked_rem(row.len()).unwrap_or(0);
    values
}

/// Adds sixteen values, or the first `left` if that is less, to a row from `column` on, with its first element after
/// its last. Advances `column`.
#[inline(always)]
pub(super) fn add_to_columns<L: Lanes>(lanes: L, row: &mut [f32], column: &mut usize, values: L::F32x16, left: usize) {
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

/// [`add_to_columns`] past the end of the row, or of fewer than sixteen values.
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
