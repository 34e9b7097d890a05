//! Layouts, by the names that users know them by.

use super::axes::{Axes, Axis, MAX_RANK};
use super::part::{LastAxis, Layout, Part};
use crate::error::Error;

impl Layout {
    /// A slice of `len` elements, one decision per element, as for a [`Dropout`](crate::Dropout) without a layout.
    #[must_use]
    pub const fn flat(len: usize) -> Self {
        if len == 0 {
            return Self::empty(0);
        }
        let mut axes = [Axis::UNIT; MAX_RANK];
        axes[0].extent = len;
        Self { elements: len, decisions: len as u64, first: 0, axes: Axes::new(axes), columns: LastAxis::UNKNOWN }
    }

    /// Any shape, one decision per element.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub const fn dense(shape: &[usize]) -> Result<Self, Error> {
        Self::shared(shape, &[])
    }

    /// One decision per position of the first axis: stochastic depth, which drops whole samples (Huang et al., "Deep
    /// networks with stochastic depth", ECCV 2016). [`Select`](crate::Select) does so without a scale.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub const fn sample(shape: &[usize]) -> Result<Self, Error> {
        let (axes, _) = AXES.split_at(if shape.len() > MAX_RANK { MAX_RANK } else { shape.len() });
        Self::shared(shape, if let [_, others @ ..] = axes { others } else { axes })
    }

    /// Decisions shared along the first axis only: with time first, every time step gets the same mask (Gal and
    /// Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks", NeurIPS 2016).
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub const fn locked(shape: &[usize]) -> Result<Self, Error> {
        Self::shared(shape, if shape.is_empty() { &[] } else { &[0] })
    }

    /// A matrix of `rows` x `columns` whose row r starts at element `r * stride` of the slice. Elements between the
    /// rows are neither read nor written. There is one decision per element, numbered as if the rows were contiguous.
    /// The slice ends with the last row, so its length is `(rows - 1) * stride + columns`, or 0 if the matrix is empty.
    ///
    /// # Errors
    /// As [`strided`](Self::strided).
    pub const fn rows(rows: usize, columns: usize, stride: usize) -> Result<Self, Error> {
        Self::strided(&[rows, columns], &[stride, 1])
    }

    /// Any shape, one decision per element in row-major order, whose neighbours along each axis lie so many elements
    /// apart: a transposed view, every second column, a channel of an interleaved image. For shared axes as well, and
    /// for parts of larger tensors, see [`part`](Self::part).
    ///
    /// # Errors
    /// As [`part`](Self::part).
    pub const fn strided(shape: &[usize], strides: &[usize]) -> Result<Self, Error> {
        Self::whole(shape, &[], Some(strides))
    }

    /// Any row-major shape, with decisions shared along `axes`, in any order.
    ///
    /// # Errors
    /// [`Error::Rank`] for more than [`MAX_RANK`] axes; [`Error::Axis`] for an axis that the shape does not have or
    /// that is listed twice; [`Error::ShapeOverflow`] if the number of elements does not fit `usize`.
    pub const fn shared(shape: &[usize], axes: &[usize]) -> Result<Self, Error> {
        Self::whole(shape, axes, None)
    }

    /// A tensor that is no part of a larger one.
    const fn whole(shape: &[usize], shared: &[usize], strides: Option<&[usize]>) -> Result<Self, Error> {
        Self::part(Part { whole: shape, start: &[], shape, shared, strides })
    }
}

/// The numbers of all axes that there can be.
const AXES: [usize; MAX_RANK] = [0, 1, 2, 3, 4, 5, 6, 7];

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
