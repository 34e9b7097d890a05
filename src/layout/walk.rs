//! The order in which a kernel visits the elements of a tensor.
//!
//! Decisions lie in *rows*. Inside a row, each decision has a *map* of contiguous elements: H x W of them in
//! channels-first spatial dropout, one in dense dropout. Outside it are the other rows, and copies of the row that read
//! the same decisions.
//!
//! ```text
//! elements   | map | map | map | repeat of the row | gap | next row or copy ...
//! decisions     0     1     2       0    1    2
//! ```

use core::ops::Range;

use super::shape::{Axis, Layout, MAX_RANK};

impl Layout {
    /// The tensor as a kernel visits it.
    pub(crate) fn walk(&self) -> Walk<'_> {
        // An empty tensor can have huge axes beside its empty one: visit none of them.
        let rank = if self.elements == 0 { 0 } else { self.rank };
        debug_assert!(rank <= MAX_RANK);
        let axes = self.axes.get(..rank).unwrap_or_default();
        let (map_len, axes) = match axes {
            [inner, outer @ ..] if inner.shared => (inner.extent, outer),
            _ => (1, axes),
        };
        let (row, outer) = match axes {
            [inner, outer @ ..] if inner.stride == map_len => (inner.extent, outer),
            _ => (1, axes),
        };
        let (repeats, outer) = match outer {
            [copies, outer @ ..] if copies.shared && copies.stride == row && map_len == 1 && row < SHORT_ROW => {
                (copies.extent, outer)
            }
            _ => (1, outer),
        };
        Walk { decisions: self.decisions(), gaps: self.gaps(), map_len, row, repeats, outer }
    }
}

/// A row of fewer decisions is laid out in one tile together with its repeats. From this length on it is faster to
/// apply the row once per repeat.
const SHORT_ROW: usize = 512;

/// A tensor as rows of decisions: a row is the innermost axis that is not shared.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'a> {
    /// The number of decisions.
    pub(crate) decisions: usize,
    /// The number of elements of the slice that lie between rows.
    pub(crate) gaps: usize,
    /// The number of contiguous elements that share a decision.
    pub(crate) map_len: usize,
    /// The number of decisions in a row. Their maps are contiguous.
    pub(crate) row: usize,
    /// How many times a short row of one-element maps is repeated back to back: H x W times for channels last.
    pub(crate) repeats: usize,
    /// All other axes, innermost first.
    outer: &'a [Axis],
}

impl<'a> Walk<'a> {
    /// A slice of `len` elements, one decision per element.
    pub(crate) const fn flat(len: usize) -> Self {
        Self { decisions: len, gaps: 0, map_len: 1, row: len, repeats: 1, outer: &[] }
    }

    /// Whether it is one row with one element per decision.
    pub(crate) const fn is_flat(&self) -> bool {
        self.map_len == 1 && self.repeats == 1 && self.outer.is_empty()
    }

    /// Whether a row's decisions are read by more than one stretch of memory.
    pub(crate) fn is_repeated(&self) -> bool {
        self.repeats > 1 || self.copies().nth(1).is_some()
    }

    /// The first element of each row, in the order of decisions.
    pub(crate) fn rows(&self) -> Offsets<'a> {
        Offsets { axes: self.outer, shared: false, index: [0; MAX_RANK], next: Some(0) }
    }

    /// The ranges of contiguous elements, in any order of decisions: all of the slice but its gaps.
    pub(crate) fn runs(&self) -> impl Iterator<Item = Range<usize>> {
        let run = self.row * self.map_len * self.repeats;
        self.rows().flat_map(move |row| self.copies().map(move |copy| row + copy..row + copy + run))
    }

    /// The distance from a row to each of its copies, which read the same decisions. The row itself, 0, comes first.
    pub(crate) fn copies(&self) -> Offsets<'a> {
        Offsets { shared: true, ..self.rows() }
    }
}

/// The element offsets of all positions along the axes that are shared, or along those that are not; the innermost
/// counts fastest, as an odometer's last digit.
#[derive(Clone)]
pub(crate) struct Offsets<'a> {
    axes: &'a [Axis],
    /// Which of the axes to count.
    shared: bool,
    index: [usize; MAX_RANK],
    next: Option<usize>,
}

impl Iterator for Offsets<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let current = self.next?;
        let mut next = current;
        self.next = None;
        for (axis, index) in self.axes.iter().zip(&mut self.index).filter(|(axis, _)| axis.shared == self.shared) {
            *index += 1;
            next += axis.stride;
            if *index < axis.extent {
                self.next = Some(next);
                break;
            }
            next -= *index * axis.stride;
            *index = 0;
        }
        Some(current)
    }
}
