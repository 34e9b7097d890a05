//! Rows that repeat for each row of a tensor, such as a bias.

use core::num::NonZero;

use crate::element::sealed::Element;
use crate::error::{Error, check_length};
use crate::layout::Layout;
use crate::simd::CHUNK;

/// Errs unless a row `name` has one value for each column of a slice of `len` elements: as many as its layout says, or if
/// nothing says where rows end, any divisor.
pub(crate) fn check_columns(name: &'static str, layout: Option<&Layout>, len: usize, columns: usize) -> Result<(), Error> {
    let elements = layout.map_or(len, Layout::positions);
    if let Some(count) = layout.and_then(|layout| layout.columns().0.count) {
        return check_length(name, count.get(), columns);
    }
    let whole = elements == 0 || elements.checked_rem(columns) == Some(0);
    if whole { Ok(()) } else { Err(Error::Columns { elements, columns }) }
}

/// Which column each element of a slice is in.
#[derive(Clone, Copy)]
struct ColumnMap<'a> {
    count: usize,
    /// The distance in memory from one column to the next.
    stride: NonZero<usize>,
    /// That after which the first comes again, if it is not `count` times as far.
    period: usize,
    /// The layout, if that is not so everywhere.
    uneven: Option<&'a Layout>,
}

impl<'a> ColumnMap<'a> {
    /// Of a slice in a layout, or in rows of `count` elements. Of no columns, where no one asks, the layout does not matter.
    fn new(layout: Option<&'a Layout>, count: usize) -> Self {
        let layout = layout.filter(|_| count > 0);
        let (stride, period) = layout.map_or((NonZero::<usize>::MIN, None), |layout| {
            let (columns, period) = layout.columns();
            (columns.stride, period)
        });
        let uneven = layout.filter(|layout| layout.has_uneven_rows());
        Self { count, stride, period: period.unwrap_or(usize::MAX), uneven }
    }

    /// The column of an element of the tensor. Most layouts take one division, the last.
    fn at(self, place: usize) -> Column {
        let Self { count, stride, period, uneven } = self;
        let place = uneven.map_or(place, |layout| layout.place_in_row(place));
        let in_period = if place < period { place } else { place % period.max(1) };
        let (position, done) = if stride.get() == 1 { (in_period, 0) } else { (in_period / stride, in_period % stride) };
        let number = if position < count { position } else { position.checked_rem(count).unwrap_or(0) };
        Column { number, done, stride: stride.get() }
    }
}

/// The columns of chunks, which mostly follow each other.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    map: ColumnMap<'a>,
    /// The place of the next chunk, if it follows, and its column.
    next: usize,
    column: Column,
}

impl<'a> Columns<'a> {
    /// In rows of `count` elements.
    pub(crate) fn new(layout: Option<&'a Layout>, count: usize) -> Self {
        let map = ColumnMap::new(layout, count);
        Self { map, next: usize::MAX, column: map.at(0) }
    }

    /// The column of the chunk that begins at a place.
    #[inline(always)]
    pub(crate) fn at(&mut self, place: usize) -> &mut Column {
        if place != self.next {
            self.column = self.map.at(place);
        }
        self.next = place + CHUNK;
        &mut self.column
    }

    /// The column of the next chunk.
    #[inline(always)]
    pub(crate) const fn set(&mut self, column: Column) {
        self.column = column;
    }
}

/// The column of an element, to be counted on from there along elements that follow each other without a gap.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    pub(crate) number: usize,
    /// How many of the elements that follow each other in this column come before, of `stride`.
    done: usize,
    pub(crate) stride: usize,
}

impl Column {
    /// That of the next element, in rows of `count` columns.
    pub(crate) const fn step(&mut self, count: usize) {
        self.done += 1;
        if self.done == self.stride {
            self.done = 0;
            self.number += 1;
            if self.number == count {
                self.number = 0;
            }
        }
    }
}

/// A chunk of a row from a column on, with the first after the last, in `room` if it has to be put together: see
/// [`operand`](super::operand). Advances the column.
#[inline(always)]
pub(crate) fn load_columns<'a, E: Element>(
    row: &'a [E],
    column: &mut Column,
    room: &'a mut Option<[E; CHUNK]>,
) -> &'a [E; CHUNK] {
    debug_assert!(column.number < row.len());
    let rest = row.get(column.number..).unwrap_or_default();
    if column.stride == 1
        && let Some((chunk, rest)) = rest.split_first_chunk::<CHUNK>()
    {
        column.number = if rest.is_empty() { 0 } else { column.number + CHUNK };
        return chunk;
    }
    let (chunk, next) = load_each(row, *column, room);
    *column = next;
    chunk
}

/// [`load_columns`] one by one: past the end of the row, which can be shorter than a chunk, and of columns that do not lie
/// next to each other. The column by value: one whose address is known lives in memory.
#[cold]
fn load_each<'a, E: Element>(row: &[E], mut column: Column, room: &'a mut Option<[E; CHUNK]>) -> (&'a [E; CHUNK], Column) {
    let values = room.insert([E::ZERO; CHUNK]);
    if column.stride == 1 {
        let rest = row.get(column.number..).unwrap_or_default();
        values.iter_mut().zip(rest.iter().chain(row.iter().cycle())).for_each(|(to, from)| *to = *from);
        column.number = (column.number + CHUNK).checked_rem(row.len()).unwrap_or(0);
        return (values, column);
    }
    for value in &mut *values {
        *value = row.get(column.number).copied().unwrap_or(E::ZERO);
        column.step(row.len());
    }
    (values, column)
}
