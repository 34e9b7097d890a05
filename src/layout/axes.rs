//! The axes of a layout, and the normal form that all constructors reduce to.

use core::iter;

use crate::error::Error;

/// The maximum number of axes of a [`Layout`](crate::Layout).
pub const MAX_RANK: usize = 8;

/// One axis, or several merged ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(super) extent: usize,
    /// The distance in memory from one position to the next, in elements.
    pub(super) stride: usize,
    /// The distance from a position's decision to that of the next; 0 along a shared axis. Of a whole, whose decisions
    /// `u64` numbers on every target.
    pub(super) decisions: u64,
}

impl Axis {
    pub(super) const UNIT: Self = Self { extent: 1, stride: 1, decisions: 1 };

    pub(super) const fn is_shared(self) -> bool {
        self.decisions == 0
    }

    /// Whether this axis stands inside another one: decisions are visited in order, and then the elements that share
    /// them.
    const fn is_inside(self, outer: Self) -> bool {
        if self.is_shared() != outer.is_shared() {
            return !self.is_shared();
        }
        if self.decisions == outer.decisions { self.stride < outer.stride } else { self.decisions < outer.decisions }
    }

    /// Whether this axis and the one outside it are one, in memory and in the order of decisions.
    const fn goes_on_in(self, outer: Self) -> bool {
        // A product that is cut off is no stride: the tensor would not fit `usize`.
        self.is_shared() == outer.is_shared()
            && self.stride.saturating_mul(self.extent) == outer.stride
            && self.decisions.saturating_mul(self.extent as u64) == outer.decisions
    }
}

/// The axes of a tensor that is not empty, in normal form: those that are not shared, in the order of their decisions,
/// then the shared ones, each innermost first; those of extent 1 left out, and neighbours merged that are one. Past the
/// rank all are `Axis::UNIT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axes([Axis; MAX_RANK]);

// The remainders of indices change nothing, as no tensor has more axes than MAX_RANK; they let the compiler leave out the
// panics of an index out of bounds.
impl Axes {
    pub(super) const NONE: Self = Self([Axis::UNIT; MAX_RANK]);

    /// The normal form of axes in any order.
    pub(super) const fn new(axes: [Axis; MAX_RANK]) -> Self {
        let (mut sorted, mut i) = (Self::NONE, 0);
        while i < MAX_RANK {
            if axes[i].extent != 1 {
                sorted = sorted.with(axes[i]);
            }
            i += 1;
        }
        sorted.merged()
    }

    /// The number of axes.
    const fn rank(&self) -> usize {
        let mut rank = 0;
        while rank < MAX_RANK && self.0[rank].extent != 1 {
            rank += 1;
        }
        rank
    }

    const fn with(mut self, axis: Axis) -> Self {
        debug_assert!(self.rank() < MAX_RANK);
        let mut place = self.rank();
        while place > 0 && axis.is_inside(self.0[(place - 1) % MAX_RANK]) {
            // Opaque, or the loop becomes eight steps or a call of memmove, which are a kilobyte.
            self.0[place % MAX_RANK] = core::hint::black_box(self.0[(place - 1) % MAX_RANK]);
            place = core::hint::black_box(place - 1);
        }
        self.0[place % MAX_RANK] = axis;
        self
    }

    const fn merged(self) -> Self {
        let (mut merged, mut rank, mut i) = (Self::NONE, 0, 0);
        while i < self.rank() {
            let axis = self.0[i % MAX_RANK];
            if rank > 0 && merged.0[(rank - 1) % MAX_RANK].goes_on_in(axis) {
                merged.0[(rank - 1) % MAX_RANK].extent *= axis.extent;
            } else {
                merged.0[rank % MAX_RANK] = axis;
                rank += 1;
            }
            i += 1;
        }
        merged
    }

    /// The axes that are not shared, and those that are.
    pub(super) fn split(&self) -> (&[Axis], &[Axis]) {
        let axes = self.0.get(..self.rank()).unwrap_or_default();
        axes.split_at_checked(axes.iter().take_while(|axis| !axis.is_shared()).count()).unwrap_or_default()
    }

    /// The strides that are larger than `stride`, the largest first.
    pub(super) fn strides_above(&self, stride: usize) -> impl Iterator<Item = usize> {
        let (decided, shared) = self.split();
        let strides = decided.iter().chain(shared).map(|axis| axis.stride).filter(move |outer| *outer > stride);
        let below = move |limit: usize| strides.clone().filter(|outer| *outer < limit).max();
        iter::successors(below(usize::MAX), move |outer| below(*outer))
    }

    /// The number of positions.
    pub(super) fn positions(&self) -> usize {
        self.0.iter().map(|axis| axis.extent).product()
    }

    /// The axis whose stride is the largest, in front and behind `half` of its positions. `None` if there is no axis.
    pub(super) fn halves(self, half: impl Fn(Axis) -> usize) -> Option<(Axis, usize, [Self; 2])> {
        let (i, axis) = self.0.into_iter().enumerate().filter(|(_, axis)| axis.extent > 1).max_by_key(|(_, axis)| axis.stride)?;
        let half = half(axis);
        let with = |extent| {
            let mut axes = self.0;
            axes.get_mut(i)?.extent = extent;
            Some(Self::new(axes))
        };
        Some((axis, half, [with(half)?, with(axis.extent - half)?]))
    }
}

/// The number of elements from the first to the last of a tensor that is not empty.
///
/// # Errors
/// [`Error::Stride`] if an axis does not step over all that is inside it, so that elements would overlap;
/// [`Error::ShapeOverflow`].
pub(super) const fn span(axes: &[Axis; MAX_RANK]) -> Result<usize, Error> {
    // Of the axes that are done.
    let mut elements = 1_usize;
    let mut done = [false; MAX_RANK];
    let mut left = MAX_RANK;
    while left > 0 {
        left -= 1;
        // The smallest stride that is left; of equal ones that of the last axis.
        let (mut axis, mut i) = (MAX_RANK, MAX_RANK);
        while i > 0 {
            i -= 1;
            if !done[i] && (axis == MAX_RANK || axes[i].stride < axes[axis % MAX_RANK].stride) {
                axis = i;
            }
        }
        done[axis % MAX_RANK] = true;
        let Axis { extent, stride, .. } = axes[axis % MAX_RANK];
        if extent == 1 {
            continue;
        }
        if stride < elements {
            return Err(Error::Stride { axis, stride, least: elements });
        }
        let Some(more) = stride.checked_mul(extent - 1) else { return Err(Error::ShapeOverflow) };
        let Some(sum) = elements.checked_add(more) else { return Err(Error::ShapeOverflow) };
        elements = sum;
    }
    Ok(elements)
}
