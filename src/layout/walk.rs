//! The order in which a kernel visits the elements of a tensor.
//!
//! Decisions are visited in order. Inside a *row*, each has a *map* of contiguous elements, and the maps are evenly
//! spaced: H x W elements next to each other in channels-first spatial dropout, one in dense dropout. Outside it are
//! the other rows, and copies of the row that read the same decisions.
//!
//! ```text
//! elements   | map | map | map | repeat of the row | gap | next row or copy ...
//! decisions     0     1     2       0    1    2
//! ```

use core::ops::Range;

use super::axes::{Axis, MAX_RANK};
use super::part::Layout;

impl Layout {
    /// The tensor as a kernel visits it.
    pub(crate) fn walk(&self) -> Walk<'_> {
        let (decided, shared) = self.axes.split();
        let (map_len, shared) = match shared {
            [inner, outer @ ..] if inner.stride == 1 => (inner.extent, outer),
            _ => (1, shared),
        };
        let step = decided.first().map_or(map_len, |axis| axis.stride);
        let (row, rows) = evenly_spaced(decided, step, |axis| axis.stride);
        let (run, runs) = evenly_spaced(decided, 1, |axis| axis.decisions);
        let (repeats, copies) = match shared {
            [inner, outer @ ..]
                if map_len == 1
                    && step == 1
                    && inner.stride == row
                    && row < SHORT_ROW
                    && row.saturating_mul(inner.extent) >= SCATTERED =>
            {
                (inner.extent, outer)
            }
            _ => (1, shared),
        };
        let positions = self.axes.positions();
        Walk {
            all: self.decisions,
            first: self.first,
            decisions: decided.iter().map(|axis| axis.extent).product(),
            gaps: self.elements.saturating_sub(positions),
            map_len,
            step,
            row,
            repeats,
            rows,
            copies,
            run,
            runs,
        }
    }
}

/// The number of positions along the first of some axes that are `step` apart, and the axes that go on from there.
fn evenly_spaced(mut axes: &[Axis], step: usize, distance: impl Fn(&Axis) -> usize) -> (usize, &[Axis]) {
    let mut positions = 1;
    while let [inner, outer @ ..] = axes
        && distance(inner) == step.saturating_mul(positions)
    {
        positions *= inner.extent;
        axes = outer;
    }
    (positions, axes)
}

/// A row of fewer decisions is laid out in one tile together with its repeats. From this length on it is faster to
/// apply the row once per repeat.
const SHORT_ROW: usize = 512;

/// Contiguous elements that are fewer than this are brought together first.
const SCATTERED: usize = 16;

/// A tensor as rows of decisions.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'a> {
    /// The number of decisions of the whole of which the tensor is a part: what a mode must have.
    pub(crate) all: usize,
    /// The first decision of the tensor.
    pub(crate) first: usize,
    /// The number of decisions of the tensor.
    pub(crate) decisions: usize,
    /// The number of elements of the slice that are not the tensor's.
    pub(crate) gaps: usize,
    /// The number of contiguous elements that share a decision.
    pub(crate) map_len: usize,
    /// The distance in memory from one map of a row to the next.
    pub(crate) step: usize,
    /// The number of decisions in a row.
    pub(crate) row: usize,
    /// How many times a short row of one-element maps is repeated back to back: H x W times for channels last.
    pub(crate) repeats: usize,
    /// The axes of rows, and those of the copies of each.
    rows: &'a [Axis],
    copies: &'a [Axis],
    /// The number of decisions that follow each other without a gap, and the axes of such runs.
    run: usize,
    runs: &'a [Axis],
}

impl<'a> Walk<'a> {
    /// A slice of `len` elements, one decision per element.
    pub(crate) const fn flat(len: usize) -> Self {
        Self {
            all: len,
            first: 0,
            decisions: len,
            gaps: 0,
            map_len: 1,
            step: 1,
            row: len,
            repeats: 1,
            rows: &[],
            copies: &[],
            run: len,
            runs: &[],
        }
    }

    /// Whether it is one row of contiguous elements, with one decision each, that follow each other without a gap.
    pub(crate) const fn is_flat(&self) -> bool {
        self.map_len == 1
            && self.step == 1
            && self.repeats == 1
            && self.rows.is_empty()
            && self.copies.is_empty()
            && self.is_in_order()
    }

    /// Whether the tensor's decisions follow each other without a gap.
    pub(crate) const fn is_in_order(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether the maps of a row are contiguous.
    pub(crate) const fn is_contiguous(&self) -> bool {
        self.step == self.map_len
    }

    /// Whether a row's decisions are read by more than one stretch of memory.
    pub(crate) const fn is_repeated(&self) -> bool {
        self.repeats > 1 || !self.copies.is_empty()
    }

    /// Whether contiguous elements are so few that they had better be brought together first.
    pub(crate) const fn is_scattered(&self) -> bool {
        let row = if self.is_contiguous() { self.row.saturating_mul(self.repeats) } else { 1 };
        self.map_len.saturating_mul(row) < SCATTERED
    }

    /// Where the elements of decisions begin, in order.
    pub(crate) fn elements(&self) -> Stretches<'a> {
        Stretches::new(Offsets::new(self.rows, Distance::Elements), self.row, self.step)
    }

    /// The maps of the next `decisions` decisions.
    pub(crate) const fn maps<'s>(&self, elements: &'s mut Stretches<'a>, decisions: usize) -> Maps<'s, 'a> {
        Maps { elements, left: decisions, len: self.map_len, stretch: Stretch { start: 0, len: 0 }, used: 0 }
    }

    /// The numbers of the tensor's decisions, from its first one on.
    pub(crate) fn numbers(&self) -> Stretches<'a> {
        Stretches::new(Offsets::new(self.runs, Distance::Decisions), self.run, 1)
    }

    /// The distance from a row to each of its copies, which read the same decisions. The row itself, 0, comes first.
    pub(crate) fn copies(&self) -> Offsets<'a> {
        Offsets::new(self.copies, Distance::Elements)
    }

    /// The ranges of contiguous elements, in any order of decisions: all of the slice but its gaps.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let (decisions, len) =
            if self.is_contiguous() { (self.row, self.row * self.map_len * self.repeats) } else { (1, self.map_len) };
        let mut rows = self.elements();
        let rows = core::iter::from_fn(move || rows.next(decisions));
        rows.flat_map(move |row| self.copies().map(move |copy| row.start + copy..row.start + copy + len))
    }
}

/// The decisions of a walk in order, a row or less at a time: where they are, in elements or in decisions.
#[derive(Clone)]
pub(crate) struct Stretches<'a> {
    rows: Offsets<'a>,
    /// The number of positions in a row.
    row: usize,
    /// The distance from one to the next.
    step: usize,
    /// Where the present row begins, and how many of its positions are done.
    start: usize,
    done: usize,
}

/// Positions of one row.
#[derive(Clone, Copy)]
pub(crate) struct Stretch {
    /// Where the first is.
    pub(crate) start: usize,
    /// How many they are.
    pub(crate) len: usize,
}

impl<'a> Stretches<'a> {
    const fn new(rows: Offsets<'a>, row: usize, step: usize) -> Self {
        Self { rows, row, step, start: 0, done: row }
    }

    /// The next positions of one row, at most `limit` of them.
    #[inline(always)]
    pub(crate) fn next(&mut self, limit: usize) -> Option<Stretch> {
        if self.done == self.row {
            self.start = self.rows.next()?;
            self.done = 0;
        }
        let stretch = Stretch { start: self.start + self.done * self.step, len: limit.min(self.row - self.done) };
        self.done += stretch.len;
        Some(stretch)
    }

    /// Takes back the last `len` positions of the stretch that `next` gave.
    pub(crate) const fn take_back(&mut self, len: usize) {
        debug_assert!(len <= self.done);
        self.done -= len;
    }

    /// The number of positions that are left of the present row, or the next if there are none.
    #[inline(always)]
    pub(crate) const fn left_of_row(&self) -> usize {
        if self.done == self.row { self.row } else { self.row - self.done }
    }
}

/// Maps, element by element.
pub(crate) struct Maps<'s, 'a> {
    elements: &'s mut Stretches<'a>,
    /// The number of maps that come after the present stretch.
    left: usize,
    /// The number of elements of a map.
    len: usize,
    /// The present map and those of its row that follow it, and how many of its elements are done.
    stretch: Stretch,
    used: usize,
}

impl Maps<'_, '_> {
    /// Where the next elements are, of which there are so many.
    #[inline(always)]
    pub(crate) fn places(&mut self, places: &mut [usize]) {
        for place in places {
            if self.stretch.len == 0 {
                let next = self.elements.next(self.left);
                debug_assert!(next.is_some_and(|next| next.len > 0));
                let Some(next) = next else { return };
                self.left -= next.len;
                self.stretch = next;
            }
            *place = self.stretch.start + self.used;
            self.used += 1;
            if self.used == self.len {
                self.used = 0;
                self.stretch = Stretch { start: self.stretch.start + self.elements.step, len: self.stretch.len - 1 };
            }
        }
    }
}

/// The offsets of all positions along some axes; the innermost counts fastest, as an odometer's last digit.
#[derive(Clone)]
pub(crate) struct Offsets<'a> {
    /// The innermost axis: the distance from one position to the next, and how many are still to come.
    step: usize,
    left: usize,
    /// The last offset that was given.
    last: usize,
    /// The offsets of the innermost axis.
    outer: Outer<'a>,
}

/// The offsets along all axes but the innermost.
#[derive(Clone)]
struct Outer<'a> {
    axes: &'a [Axis],
    distance: Distance,
    /// The number of positions of the innermost axis.
    inner: usize,
    index: [usize; MAX_RANK],
    next: Option<usize>,
}

#[derive(Clone, Copy)]
enum Distance {
    Elements,
    Decisions,
}

impl Distance {
    const fn along(self, axis: &Axis) -> usize {
        match self {
            Self::Elements => axis.stride,
            Self::Decisions => axis.decisions,
        }
    }
}

impl<'a> Offsets<'a> {
    const fn new(axes: &'a [Axis], distance: Distance) -> Self {
        let (step, inner, axes) = match axes {
            [inner, outer @ ..] => (distance.along(inner), inner.extent, outer),
            [] => (0, 1, axes),
        };
        let outer = Outer { axes, distance, inner, index: [0; MAX_RANK], next: Some(0) };
        Self { step, left: 0, last: 0, outer }
    }
}

impl Iterator for Offsets<'_> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.left > 0 {
            self.last += self.step;
        } else {
            self.last = self.outer.next()?;
            self.left = self.outer.inner;
        }
        self.left -= 1;
        Some(self.last)
    }
}

impl Outer<'_> {
    #[inline(never)]
    fn next(&mut self) -> Option<usize> {
        let current = self.next?;
        let mut next = current;
        self.next = None;
        for (axis, index) in self.axes.iter().zip(&mut self.index) {
            let distance = self.distance.along(axis);
            *index += 1;
            next += distance;
            if *index < axis.extent {
                self.next = Some(next);
                break;
            }
            next -= *index * distance;
            *index = 0;
        }
        Some(current)
    }
}
