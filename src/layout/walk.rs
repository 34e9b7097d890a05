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
        let (map_len, copies) = match shared {
            [inner, outer @ ..] if inner.stride == 1 => (inner.extent, outer),
            _ => (1, shared),
        };
        let stride = decided.first().map_or(map_len, |axis| axis.stride);
        let (row, rows) = evenly_spaced(decided, stride as u64, |axis| axis.stride as u64);
        Walk { map_len, stride, row, rows, copies }
    }

    /// The numbers of the tensor's decisions, from its first one on.
    pub(crate) fn numbers(&self) -> Stretches<'_> {
        let (run, runs) = evenly_spaced(self.axes.split().0, 1, |axis| axis.decisions);
        Stretches::new(Offsets::new(runs, Distance::Decisions), run, 1)
    }

    /// The number of decisions of the tensor. (Of the whole that it may be a part of: [`decisions`](Self::decisions).)
    pub(crate) fn own_decisions(&self) -> usize {
        self.axes.split().0.iter().map(|axis| axis.extent).product()
    }

    /// The number of elements that are the tensor's.
    pub(crate) fn positions(&self) -> usize {
        if self.elements == 0 { 0 } else { self.axes.positions() }
    }

    /// Whether the slice has elements that are not the tensor's.
    pub(crate) fn has_gaps(&self) -> bool {
        self.elements > self.positions()
    }

    /// Whether no gap comes before so many elements that follow each other in memory.
    pub(crate) fn has_stretches_of(&self, elements: usize) -> bool {
        !self.has_gaps() || self.ranges().next().is_some_and(|range| range.len() >= elements)
    }

    /// The ranges of contiguous elements, in any order of decisions: all of the slice but its gaps.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let Walk { map_len, stride, row, rows, copies, .. } = self.walk();
        let (decisions, len) = if stride == map_len { (row, row * map_len) } else { (1, map_len) };
        let mut rows = Stretches::new(Offsets::new(rows, Distance::Elements), row, stride as u64);
        let rows = core::iter::from_fn(move || rows.next(decisions));
        rows.flat_map(move |row| {
            Offsets::new(copies, Distance::Elements).map(move |copy| {
                let start = row.start as usize + copy as usize;
                start..start + len
            })
        })
    }
}

/// The number of positions along the first of some axes that are `step` apart, and the axes that go on from there.
fn evenly_spaced(mut axes: &[Axis], step: u64, distance: impl Fn(&Axis) -> u64) -> (usize, &[Axis]) {
    let mut positions = 1;
    while let [inner, outer @ ..] = axes
        && distance(inner) == step.saturating_mul(positions as u64)
    {
        positions *= inner.extent;
        axes = outer;
    }
    (positions, axes)
}

/// A tensor as rows of decisions.
pub(crate) struct Walk<'a> {
    /// The number of contiguous elements that share a decision.
    pub(crate) map_len: usize,
    /// The distance in memory from one map of a row to the next.
    pub(crate) stride: usize,
    /// The number of decisions in a row.
    pub(crate) row: usize,
    /// The axes of rows, and those of the copies of each.
    rows: &'a [Axis],
    copies: &'a [Axis],
}

impl<'a> Walk<'a> {
    /// Where the elements of decisions begin, in order.
    pub(crate) fn elements(&self) -> Stretches<'a> {
        Stretches::new(Offsets::new(self.rows, Distance::Elements), self.row, self.stride as u64)
    }

    /// The distance from a row to each of its copies, which read the same decisions. The row itself, 0, comes first.
    pub(crate) fn copies(&self) -> impl Iterator<Item = usize> + use<'a> {
        Offsets::new(self.copies, Distance::Elements).map(|copy| copy as usize)
    }

    /// Whether a row's decisions are read by more than one stretch of memory.
    pub(crate) const fn is_repeated(&self) -> bool {
        !self.copies.is_empty()
    }
}

/// The decisions of a tensor in order, a row or less at a time: where they are, in elements or in decisions.
#[derive(Clone)]
pub(crate) struct Stretches<'a> {
    rows: Offsets<'a>,
    /// The number of positions in a row.
    row: usize,
    /// The distance from one to the next.
    stride: u64,
    /// Where the present row begins, and how many of its positions are done.
    start: u64,
    done: usize,
}

/// Positions of one row.
#[derive(Clone, Copy)]
pub(crate) struct Stretch {
    /// Where the first is.
    pub(crate) start: u64,
    /// How many they are.
    pub(crate) len: usize,
}

impl<'a> Stretches<'a> {
    pub(super) const fn new(rows: Offsets<'a>, row: usize, stride: u64) -> Self {
        Self { rows, row, stride, start: 0, done: row }
    }

    /// The next positions of one row, at most `limit` of them.
    #[inline(always)]
    pub(crate) fn next(&mut self, limit: usize) -> Option<Stretch> {
        if self.done == self.row {
            self.start = self.rows.next()?;
            self.done = 0;
        }
        let stretch = Stretch { start: self.start + self.done as u64 * self.stride, len: limit.min(self.row - self.done) };
        self.done += stretch.len;
        Some(stretch)
    }

    /// Takes back the last `len` positions of the stretch that `next` gave.
    pub(crate) const fn take_back(&mut self, len: usize) {
        debug_assert!(len <= self.done);
        self.done -= len;
    }

    /// Whether all positions are one row, without a gap.
    pub(crate) const fn is_one_row(&self) -> bool {
        self.rows.outer.axes.is_empty() && self.rows.outer.inner == 1 && self.stride == 1
    }
}

/// The offsets of all positions along some axes; the innermost counts fastest, as an odometer's last digit.
#[derive(Clone)]
pub(crate) struct Offsets<'a> {
    /// The innermost axis: the distance from one position to the next, and how many are still to come.
    stride: u64,
    left: usize,
    /// The last offset that was given.
    last: u64,
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
    next: Option<u64>,
}

#[derive(Clone, Copy)]
pub(super) enum Distance {
    Elements,
    Decisions,
}

impl Distance {
    const fn along(self, axis: &Axis) -> u64 {
        match self {
            Self::Elements => axis.stride as u64,
            Self::Decisions => axis.decisions,
        }
    }
}

impl<'a> Offsets<'a> {
    pub(super) const fn new(axes: &'a [Axis], distance: Distance) -> Self {
        let (stride, inner, axes) = match axes {
            [inner, outer @ ..] => (distance.along(inner), inner.extent, outer),
            [] => (0, 1, axes),
        };
        let outer = Outer { axes, distance, inner, index: [0; MAX_RANK], next: Some(0) };
        Self { stride, left: 0, last: 0, outer }
    }
}

impl Iterator for Offsets<'_> {
    type Item = u64;

    #[inline(always)]
    fn next(&mut self) -> Option<u64> {
        if self.left > 0 {
            self.last += self.stride;
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
    fn next(&mut self) -> Option<u64> {
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
            next -= *index as u64 * distance;
            *index = 0;
        }
        Some(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_end_at_gaps() {
        let rows = Layout::rows(8, 1000, 1024).unwrap();
        assert!(rows.has_stretches_of(1000));
        assert!(!rows.has_stretches_of(1001));
        assert!(Layout::nchw([2, 3, 4, 5]).unwrap().has_stretches_of(1001));
    }
}
