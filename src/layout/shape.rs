//! Shapes and their normal form.

use crate::error::Error;

/// The maximum number of axes of a [`Layout`].
pub const MAX_RANK: usize = 8;

/// A row-major shape, with the axes along which elements share a decision.
///
/// Decisions are numbered from the address's [`offset`](crate::Address::offset), in row-major order over the axes that
/// are *not* shared. With shared spatial axes, for example, there is one decision per feature map, and its index is
/// `n * C + c`. Unbatched tensors have constructors of their own: none guesses the meaning of an axis from the number
/// of axes.
///
/// | constructor | PyTorch | one decision per |
/// |---|---|---|
/// | [`flat`](Self::flat), [`dense`](Self::dense) | `Dropout` | element |
/// | [`rows`](Self::rows) | | element, of rows with a stride |
/// | [`ncl`](Self::ncl), [`cl`](Self::cl), [`nlc`](Self::nlc), [`lc`](Self::lc) | `Dropout1d` | channel |
/// | [`nchw`](Self::nchw), [`chw`](Self::chw), [`nhwc`](Self::nhwc), [`hwc`](Self::hwc) | `Dropout2d` | feature map |
/// | [`ncdhw`](Self::ncdhw), [`cdhw`](Self::cdhw), [`ndhwc`](Self::ndhwc), [`dhwc`](Self::dhwc) | `Dropout3d` | feature volume |
/// | [`sample`](Self::sample) | `StochasticDepth("row")` of torchvision | sample |
/// | [`locked`](Self::locked) | | element, the same along the first axis |
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
    pub(super) elements: usize,
    /// The normal form: innermost axis first, axes of extent 1 left out, and neighbours merged that are both shared or
    /// both not. Only the first `rank` axes are in use; the others are `Axis::UNIT`.
    pub(super) axes: [Axis; MAX_RANK],
    pub(super) rank: usize,
}

/// One axis, or several merged ones that are contiguous in memory and in the order of decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) extent: usize,
    /// The distance in memory from one position to the next, in elements.
    pub(super) stride: usize,
    pub(super) shared: bool,
}

impl Axis {
    const UNIT: Self = Self { extent: 1, stride: 1, shared: false };
}

impl Layout {
    /// A slice of `len` elements, one decision per element, as for a [`Dropout`](crate::Dropout) without a layout.
    #[must_use]
    pub const fn flat(len: usize) -> Self {
        Self { elements: len, axes: [Axis::UNIT; MAX_RANK], rank: 0 }.outward(Axis { extent: len, ..Axis::UNIT })
    }

    /// Any shape, one decision per element.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub const fn dense(shape: &[usize]) -> Result<Self, Error> {
        Self::shared(shape, &[])
    }

    /// One decision per position of the first axis: stochastic depth, which drops whole samples (Huang et al., "Deep
    /// networks with stochastic depth", ECCV 2016).
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub const fn sample(shape: &[usize]) -> Result<Self, Error> {
        Self::with_first(shape, false)
    }

    /// Decisions shared along the first axis only: with time first, every time step gets the same mask (Gal and
    /// Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks", NeurIPS 2016).
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub const fn locked(shape: &[usize]) -> Result<Self, Error> {
        Self::with_first(shape, true)
    }

    /// A shape whose first axis is shared or not, with all other axes the opposite.
    const fn with_first(shape: &[usize], first_shared: bool) -> Result<Self, Error> {
        let mut shared = [!first_shared; MAX_RANK];
        shared[0] = first_shared;
        Self::contiguous(shape, shared)
    }

    /// A matrix of `rows` x `columns` whose row r starts at element `r * stride` of the slice. Elements between the
    /// rows are neither read nor written. There is one decision per element, numbered as if the rows were contiguous.
    /// The slice ends with the last row, so its length is `(rows - 1) * stride + columns`, or 0 if the matrix is empty.
    ///
    /// # Errors
    /// [`Error::Stride`] if `stride` is less than `columns`; [`Error::ShapeOverflow`] if the length does not fit
    /// `usize`.
    pub const fn rows(rows: usize, columns: usize, stride: usize) -> Result<Self, Error> {
        if stride < columns {
            return Err(Error::Stride { stride, columns });
        }
        let mut layout = match Self::dense(&[rows, columns]) {
            Ok(layout) => layout,
            Err(error) => return Err(error),
        };
        if layout.elements == 0 {
            return Ok(layout);
        }
        let Some(last_row) = (rows - 1).checked_mul(stride) else { return Err(Error::ShapeOverflow) };
        let Some(elements) = last_row.checked_add(columns) else { return Err(Error::ShapeOverflow) };
        layout = Self::flat(columns).outward(Axis { extent: rows, stride, shared: false });
        layout.elements = elements;
        Ok(layout)
    }

    /// Any row-major shape, with decisions shared along `axes`, in any order.
    ///
    /// # Errors
    /// [`Error::Rank`] for more than [`MAX_RANK`] axes; [`Error::Axis`] for an axis that the shape does not have or
    /// that is listed twice; [`Error::ShapeOverflow`] if the number of elements does not fit `usize`.
    pub const fn shared(shape: &[usize], axes: &[usize]) -> Result<Self, Error> {
        let mut shared = [false; MAX_RANK];
        let mut i = 0;
        // A shape with too many axes is an error below, so `shared[axis]` is only reached in range.
        while i < axes.len() && shape.len() <= MAX_RANK {
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
        if shape.len() > MAX_RANK {
            return Err(Error::Rank { rank: shape.len(), most: MAX_RANK });
        }
        let mut layout = Self::flat(1);
        // Zero extents are left out of the product, so that whether it overflows does not depend on their position.
        let (mut elements, mut empty) = (1_usize, false);
        let mut i = shape.len();
        while i > 0 {
            i -= 1;
            let stride = elements;
            if shape[i] == 0 {
                empty = true;
            } else if let Some(product) = elements.checked_mul(shape[i]) {
                elements = product;
            } else {
                return Err(Error::ShapeOverflow);
            }
            layout = layout.outward(Axis { extent: shape[i], stride, shared: shared[i] });
        }
        layout.elements = if empty { 0 } else { elements };
        Ok(layout)
    }

    /// Adds an axis outside all others.
    const fn outward(mut self, axis: Axis) -> Self {
        if axis.extent == 1 {
            return self;
        }
        // `contiguous` and `rows` add at most MAX_RANK axes. The remainders below change nothing; they let the compiler
        // leave out the panics of an index out of bounds.
        debug_assert!(self.rank < MAX_RANK);
        if self.rank > 0 {
            let last = &mut self.axes[(self.rank - 1) % MAX_RANK];
            if last.shared == axis.shared && last.stride * last.extent == axis.stride {
                last.extent *= axis.extent;
                return self;
            }
        }
        self.axes[self.rank % MAX_RANK] = axis;
        self.rank += 1;
        self
    }

    /// The length of the slices, in elements.
    #[must_use]
    pub const fn elements(&self) -> usize {
        self.elements
    }

    /// The number of decisions: the length of the [`Mask`](crate::Mask) with the same rate and address, and the
    /// distance from one window's offset to the next one's.
    #[must_use]
    pub const fn decisions(&self) -> usize {
        let (mut decisions, mut i) = (1, 0);
        while i < MAX_RANK {
            if !self.axes[i].shared {
                decisions *= self.axes[i].extent;
            }
            i += 1;
        }
        decisions
    }

    /// The number of elements of the slice that lie between the rows.
    pub(super) const fn gaps(&self) -> usize {
        let (mut elements, mut i) = (1, 0);
        while i < MAX_RANK {
            elements *= self.axes[i].extent;
            i += 1;
        }
        debug_assert!(elements <= self.elements);
        self.elements.saturating_sub(elements)
    }

    /// Cuts the outermost axis in two: the layouts of both halves, and the distance from the first to the second, in
    /// elements and in decisions. `None` if the axis cannot be cut. A first half of more than `grain` positions has a
    /// multiple of `grain`.
    #[cfg(feature = "rayon")]
    pub(crate) fn halves(mut self, grain: usize) -> Option<([Self; 2], usize, usize)> {
        debug_assert!(self.rank <= MAX_RANK);
        let axis = self.axes.get_mut(..self.rank)?.last_mut().filter(|axis| axis.extent > 1)?;
        let half = axis.extent / 2;
        let half = if half > grain { half - half % grain } else { half };
        let (whole, stride, shared) = (axis.extent, axis.stride, axis.shared);
        axis.extent = half;
        let start = half * stride;
        let (first, mut second) = (self, self);
        second.axes.get_mut(..self.rank)?.last_mut()?.extent = whole - half;
        second.elements = self.elements - start;
        let first = Self { elements: start, ..first };
        Some(([first, second], start, if shared { 0 } else { first.decisions() }))
    }
}

/// The usual tensors of networks, each under the letters of its axes.
macro_rules! channel_layouts {
    ($($name:ident, $rank:literal, $shared:expr, $doc:literal;)*) => {
        impl Layout {
            $(
                #[doc = $doc]
                ///
                /// # Errors
                /// [`Error::ShapeOverflow`].
                pub const fn $name(shape: [usize; $rank]) -> Result<Self, Error> {
                    Self::shared(&shape, &$shared)
                }
            )*
        }
    };
}

channel_layouts! {
    ncl, 3, [2], "N x C x L, one decision for each of the N*C channels.";
    cl, 2, [1], "C x L without a batch axis, one decision for each of the C channels.";
    nchw, 4, [2, 3], "N x C x H x W, one decision for each of the N*C feature maps.";
    chw, 3, [1, 2], "C x H x W without a batch axis, one decision for each of the C feature maps.";
    ncdhw, 5, [2, 3, 4], "N x C x D x H x W, one decision for each of the N*C volumes.";
    cdhw, 4, [1, 2, 3], "C x D x H x W without a batch axis, one decision for each of the C volumes.";
    nlc, 3, [1], "N x L x C, channels last: one decision for each of the N*C channels.";
    lc, 2, [0], "L x C without a batch axis, channels last: one decision for each of the C channels.";
    nhwc, 4, [1, 2], "N x H x W x C, channels last: one decision for each of the N*C feature maps.";
    hwc, 3, [0, 1], "H x W x C without a batch axis, channels last: one decision for each of the C feature maps.";
    ndhwc, 5, [1, 2, 3], "N x D x H x W x C, channels last: one decision for each of the N*C volumes.";
    dhwc, 4, [0, 1, 2], "D x H x W x C without a batch axis, channels last: one decision for each of the C volumes.";
}
