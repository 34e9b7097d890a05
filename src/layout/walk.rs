//! The order in which a kernel comes past the elements of a tensor: rows of decisions, what lies inside and around them.

use core::ops::Range;

use super::shape::{Axis, Layout, MAX_RANK};

impl Layout {
    /// How a kernel walks the tensor.
    pub(crate) fn walk(&self) -> Walk<'_> {
        // An extent of zero can stand next to others that take for ever to walk.
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

/// Decisions from which a row that is repeated is better taken as it is, repeat after repeat.
const SHORT_ROW: usize = 512;

/// A tensor as rows of decisions: the innermost axis that is not shared, what lies inside it, and what lies around it.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'a> {
    /// Decisions in all.
    pub(crate) decisions: usize,
    /// How many elements of the slice are not the tensor's.
    pub(crate) gaps: usize,
    /// Elements of a feature map: consecutive elements that share a decision.
    pub(crate) map_len: usize,
    /// Decisions in a row, whose feature maps follow each other.
    pub(crate) row: usize,
    /// How many times a short row of single elements comes on end, before other axes count: channels last have it so.
    pub(crate) repeats: usize,
    outer: &'a [Axis],
}

impl<'a> Walk<'a> {
    /// A slice of any length, one decision an element.
    pub(crate) const fn flat(len: usize) -> Self {
        Self { decisions: len, gaps: 0, map_len: 1, row: len, repeats: 1, outer: &[] }
    }

    /// Whether it is one row of one element a decision.
    pub(crate) const fn is_flat(&self) -> bool {
        self.map_len == 1 && self.repeats == 1 && self.outer.is_empty()
    }

    /// Whether elements that are apart share decisions.
    pub(crate) fn is_repeated(&self) -> bool {
        self.repeats > 1 || self.copies().nth(1).is_some()
    }

    /// Where the rows of different decisions start, in the order of their decisions.
    pub(crate) fn rows(&self) -> Offsets<'a> {
        Offsets { axes: self.outer, shared: false, index: [0; MAX_RANK], next: Some(0) }
    }

    /// The ranges of elements that are the tensor's, decisions aside.
    pub(crate) fn runs(&self) -> impl Iterator<Item = Range<usize>> {
        let run = self.row * self.map_len * self.repeats;
        self.rows().flat_map(move |row| self.copies().map(move |copy| row + copy..row + copy + run))
    }

    /// Where the copies of a row, which read the same decisions, start relative to the first.
    pub(crate) fn copies(&self) -> Offsets<'a> {
        Offsets { shared: true, ..self.rows() }
    }
}

/// The element offsets of all positions along the axes of one kind, the innermost counting fastest.
#[derive(Clone)]
pub(crate) struct Offsets<'a> {
    axes: &'a [Axis],
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
