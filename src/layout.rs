//! Which decision each element of a tensor reads: the index map.

use crate::Error;

/// The most axes that a [`Layout`] can have.
pub const MAX_RANK: usize = 8;

/// A row-major shape, and the axes along which all elements share one decision.
///
/// Decisions are numbered in row-major order over the axes that are *not* shared, from the address's
/// [`offset`](crate::Address::offset). So with spatial axes shared, a decision is a feature map and its index is `n * C + c`.
/// The unbatched forms have names of their own: no constructor guesses what an axis means from how many there are.
///
/// | constructor | PyTorch | one decision a |
/// |---|---|---|
/// | [`flat`](Self::flat), [`dense`](Self::dense) | `Dropout` | element |
/// | [`ncl`](Self::ncl), [`cl`](Self::cl) | `Dropout1d` | channel |
/// | [`nchw`](Self::nchw), [`chw`](Self::chw) | `Dropout2d` | feature map |
/// | [`ncdhw`](Self::ncdhw), [`cdhw`](Self::cdhw) | `Dropout3d` | feature volume |
/// | [`shared`](Self::shared) | | whatever remains of the shape (`noise_shape` of Keras, `broadcast_dims` of Flax) |
///
/// ```
/// use dropout_kernels::Layout;
///
/// let maps = Layout::nchw([8, 64, 7, 7])?;
/// assert_eq!(maps, Layout::shared(&[8, 64, 7, 7], &[2, 3])?);
/// assert_eq!((maps.elements(), maps.decisions()), (8 * 64 * 7 * 7, 8 * 64));
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    elements: usize,
    /// From the innermost to the outermost: extents of 1 left out, neighbours of one kind merged. The first `rank` count.
    axes: [Axis; MAX_RANK],
    rank: usize,
}

/// One axis, or several that lie behind each other in memory and in decision order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    extent: usize,
    /// Elements from one position to the next.
    stride: usize,
    shared: bool,
}

impl Axis {
    const UNIT: Self = Self { extent: 1, stride: 1, shared: false };
}

impl Layout {
    /// A slice of `len` elements, one decision an element. This is what a [`Dropout`](crate::Dropout) without a layout does.
    #[must_use]
    pub const fn flat(len: usize) -> Self {
        Self { elements: len, axes: [Axis::UNIT; MAX_RANK], rank: 0 }.outward(Axis { extent: len, ..Axis::UNIT })
    }

    /// Any shape, one decision an element.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub const fn dense(shape: &[usize]) -> Result<Self, Error> {
        Self::shared(shape, &[])
    }

    /// N x C x L, one decision for each of the N*C channels.
    ///
    /// # Errors
    /// [`Error::ShapeOverflow`].
    pub const fn ncl(shape: [usize; 3]) -> Result<Self, Error> {
        Self::shared(&shape, &[2])
    }

    /// C x L without a batch axis, one decision for each of the C channels.
    ///
    /// # Errors
    /// [`Error::ShapeOverflow`].
    pub const fn cl(shape: [usize; 2]) -> Result<Self, Error> {
        Self::shared(&shape, &[1])
    }

    /// N x C x H x W, one decision for each of the N*C feature maps.
    ///
    /// # Errors
    /// [`Error::ShapeOverflow`].
    pub const fn nchw(shape: [usize; 4]) -> Result<Self, Error> {
        Self::shared(&shape, &[2, 3])
    }

    /// C x H x W without a batch axis, one decision for each of the C feature maps.
    ///
    /// # Errors
    /// [`Error::ShapeOverflow`].
    pub const fn chw(shape: [usize; 3]) -> Result<Self, Error> {
        Self::shared(&shape, &[1, 2])
    }

    /// N x C x D x H x W, one decision for each of the N*C volumes.
    ///
    /// # Errors
    /// [`Error::ShapeOverflow`].
    pub const fn ncdhw(shape: [usize; 5]) -> Result<Self, Error> {
        Self::shared(&shape, &[2, 3, 4])
    }

    /// C x D x H x W without a batch axis, one decision for each of the C volumes.
    ///
    /// # Errors
    /// [`Error::ShapeOverflow`].
    pub const fn cdhw(shape: [usize; 4]) -> Result<Self, Error> {
        Self::shared(&shape, &[1, 2, 3])
    }

    /// Any row-major shape, with all elements along `axes` sharing their decision. The order of `axes` does not matter.
    ///
    /// # Errors
    /// [`Error::Rank`] for more than [`MAX_RANK`] axes, [`Error::Axis`] for an axis that the shape does not have or that is named
    /// twice, and [`Error::ShapeOverflow`] if the number of elements does not fit `usize`.
    pub const fn shared(shape: &[usize], axes: &[usize]) -> Result<Self, Error> {
        if shape.len() > MAX_RANK {
            return Err(Error::Rank { rank: shape.len() });
        }
        let mut shared = [false; MAX_RANK];
        let mut i = 0;
        while i < axes.len() {
            let axis = axes[i];
            if axis >= shape.len() || shared[axis] {
                return Err(Error::Axis { axis, rank: shape.len() });
            }
            shared[axis] = true;
            i += 1;
        }
        Self::contiguous(shape, shared)
    }

    const fn contiguous(shape: &[usize], shared: [bool; MAX_RANK]) -> Result<Self, Error> {
        let mut layout = Self::flat(1);
        // Overflow is judged on the extents that are not zero, so that it does not depend on where a zero stands.
        let (mut elements, mut empty) = (1_usize, false);
        let mut i = shape.len();
        while i > 0 {
            i -= 1;
            layout = layout.outward(Axis { extent: shape[i], stride: elements, shared: shared[i] });
            if shape[i] == 0 {
                empty = true;
            } else if let Some(product) = elements.checked_mul(shape[i]) {
                elements = product;
            } else {
                return Err(Error::ShapeOverflow);
            }
        }
        layout.elements = if empty { 0 } else { elements };
        Ok(layout)
    }

    /// The layout with one more axis around it.
    const fn outward(mut self, axis: Axis) -> Self {
        if axis.extent == 1 {
            return self;
        }
        if self.rank > 0 {
            let last = &mut self.axes[self.rank - 1];
            if last.shared == axis.shared && last.stride * last.extent == axis.stride {
                last.extent *= axis.extent;
                return self;
            }
        }
        self.axes[self.rank] = axis;
        self.rank += 1;
        self
    }

    /// The number of elements: the length of the slices.
    #[must_use]
    pub const fn elements(&self) -> usize {
        self.elements
    }

    /// The number of decisions: the length of the mask, and how far ahead the next window's offset is.
    #[must_use]
    pub const fn decisions(&self) -> usize {
        let (mut decisions, mut i) = (1, 0);
        while i < self.rank {
            if !self.axes[i].shared {
                decisions *= self.axes[i].extent;
            }
            i += 1;
        }
        decisions
    }

    /// How a kernel walks the tensor.
    pub(crate) fn walk(&self) -> Walk<'_> {
        let axes = self.axes.get(..self.rank).unwrap_or_default();
        let (plane, axes) = match axes {
            [inner, outer @ ..] if inner.shared => (inner.extent, outer),
            _ => (1, axes),
        };
        let (row, outer) = axes.split_first().unwrap_or((&Axis::UNIT, &[]));
        Walk { total: self.decisions(), plane, decisions: row.extent, stride: row.stride, outer }
    }
}

/// A tensor as rows of decisions: the innermost axis that is not shared, what lies inside it, and what lies around it.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'a> {
    /// Decisions in all.
    pub(crate) total: usize,
    /// Consecutive elements of one decision.
    pub(crate) plane: usize,
    /// Decisions in a row.
    pub(crate) decisions: usize,
    /// Elements from one decision's plane to the next one's.
    pub(crate) stride: usize,
    outer: &'a [Axis],
}

impl<'a> Walk<'a> {
    /// A slice of any length, one decision an element.
    pub(crate) const fn flat(len: usize) -> Self {
        Self { total: len, plane: 1, decisions: len, stride: 1, outer: &[] }
    }

    /// Where the rows of different decisions start, in the order of their decisions.
    pub(crate) fn rows(&self) -> Offsets<'a> {
        Offsets { axes: self.outer, shared: false, index: [0; MAX_RANK], next: Some(0) }
    }

    /// Where the copies of a row, which read the same decisions, start relative to the first.
    pub(crate) fn copies(&self) -> Offsets<'a> {
        Offsets { shared: true, ..self.rows() }
    }
}

/// The element offsets of all positions along the axes of one kind, the innermost counting fastest.
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
