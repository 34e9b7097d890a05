//! What a layout is, and the constructor behind all others: a box of a logical tensor, anywhere in memory.

use core::num::NonZero;

use super::axes::{Axes, Axis, MAX_RANK, span};
use crate::error::{Error, check_length};

/// Where the elements of a tensor lie in a slice, and which of them share a decision.
///
/// Decisions are numbered from the address's [`offset`](crate::Address::offset), in row-major order over the axes that
/// are *not* shared. With shared spatial axes, for example, there is one decision per feature map, and its index is
/// `n * C + c`. Unbatched tensors have constructors of their own: none guesses the meaning of an axis from the number
/// of axes.
///
/// | constructor | one decision per | PyTorch | Keras | Flax |
/// |---|---|---|---|---|
/// | [`flat`](Self::flat), [`dense`](Self::dense) | element, as without a layout | `Dropout` | `Dropout` | `Dropout` |
/// | [`rows`](Self::rows), [`strided`](Self::strided) | element, of a view with strides | views | | |
/// | [`ncl`](Self::ncl), [`cl`](Self::cl), [`nlc`](Self::nlc), [`lc`](Self::lc) | channel | `Dropout1d` | `SpatialDropout1D` | `broadcast_dims` |
/// | [`nchw`](Self::nchw), [`chw`](Self::chw), [`nhwc`](Self::nhwc), [`hwc`](Self::hwc) | feature map | `Dropout2d` | `SpatialDropout2D` | `broadcast_dims` |
/// | [`ncdhw`](Self::ncdhw), [`cdhw`](Self::cdhw), [`ndhwc`](Self::ndhwc), [`dhwc`](Self::dhwc) | feature volume | `Dropout3d` | `SpatialDropout3D` | `broadcast_dims` |
/// | [`sample`](Self::sample) | sample (stochastic depth, DropPath) | `StochasticDepth("row")` of torchvision | `noise_shape` | `broadcast_dims` |
/// | [`locked`](Self::locked) | element, the same along the first axis (variational) | | `noise_shape` | `broadcast_dims` |
/// | [`shared`](Self::shared) | whatever remains of the shape | | `noise_shape` | `broadcast_dims` |
/// | [`part`](Self::part) | the same, of a shard, tile or view of a larger tensor | views | | |
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
#[doc(alias("noise_shape", "broadcast_dims", "spatial_dropout", "stochastic_depth", "DropPath", "variational_dropout"))]
pub struct Layout {
    pub(super) elements: usize,
    /// Of the whole tensor.
    pub(super) decisions: u64,
    /// The decision of the first element.
    pub(super) first: u64,
    pub(super) axes: Axes,
    pub(super) columns: LastAxis,
}

/// The last axis as the constructor was given it, along which a row of the tensor has its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastAxis {
    /// How many they are. `None` if there is no other axis, so that nothing says where rows end, and of an empty tensor.
    pub(crate) count: Option<NonZero<usize>>,
    /// The distance in memory from one to the next, in elements.
    pub(crate) stride: NonZero<usize>,
}

impl LastAxis {
    pub(super) const UNKNOWN: Self = Self { count: None, stride: NonZero::<usize>::MIN };

    const fn of(axes: &[Axis; MAX_RANK], rank: usize) -> Self {
        let Some(last) = rank.checked_sub(1) else { return Self::UNKNOWN };
        let Axis { extent, stride, .. } = axes[last % MAX_RANK];
        let stride = match NonZero::new(stride) {
            Some(stride) if extent > 1 => stride,
            // Whatever it is, there is nothing that far.
            _ => NonZero::<usize>::MIN,
        };
        Self { count: if rank > 1 { NonZero::new(extent) } else { None }, stride }
    }
}

/// A box of a larger tensor, the *whole*: what one rank of a cluster, one tile of a kernel or one view holds.
///
/// All slices but `shared` have an entry for each axis, in one order; decisions are numbered in the row-major order of the whole, by
/// its axes that are not shared. So all parts of a tensor take the same [`Mode`](crate::Mode), whoever holds them, and
/// together they are the whole, bit for bit.
///
/// | who | holds | as a part of | gradients of weights |
/// |---|---|---|---|
/// | a data-parallel rank | some samples | the global batch | summed over the ranks, divided by the size of the global batch |
/// | a tensor-parallel rank | columns of \[batch, hidden\] | all columns | of its own weights: neither summed nor divided |
/// | a head-parallel rank | some heads of \[batch, heads, queries, keys\] | all heads | the same |
/// | a sequence-parallel rank | a stretch of \[batch, sequence, hidden\] | the whole sequence | summed over the ranks, not divided |
/// | a rank with a copy of a tensor | all of it | (no part) | the same on all such ranks: neither |
/// | an attention kernel | a tile of \[batch, heads, queries, keys\] | all scores | |
/// | a concatenated buffer | a range of channels of N x C x H x W | all channels, with [`strides`](Part::strides) | |
///
/// The address is the same on every rank, and dropout needs no communication: copies of a tensor drop the same, and shards of it
/// different elements.
///
/// Write a part with `..Part::default()`, as here: then a field that a later version adds, with a default, breaks nothing.
///
/// ```
/// use dropout_kernels::{Address, Dropout, Layout, Mode, Part, Rate};
///
/// let dropout = Dropout::new(Rate::new(0.5)?);
/// let train = Mode::Train(Address { seed: 42, layer: 3, step: 7, offset: 0 });
///
/// // Two ranks hold four of eight columns each.
/// let columns = Part { whole: &[2, 8], shape: &[2, 4], ..Part::default() };
/// let (mut left, mut right) = ([1.0_f32; 8], [1.0; 8]);
/// dropout.with_layout(Layout::part(columns)?).apply_in_place(train, &mut left)?;
/// dropout.with_layout(Layout::part(Part { start: &[0, 4], ..columns })?).apply_in_place(train, &mut right)?;
///
/// let mut whole = [1.0; 16];
/// dropout.apply_in_place(train, &mut whole)?;
/// assert_eq!([&left[..4], &right[..4], &left[4..], &right[4..]].concat(), whole);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part<'a> {
    /// The shape of the whole tensor.
    pub whole: &'a [usize],
    /// Where in the whole the part begins; at zero along each axis if this is empty.
    pub start: &'a [usize],
    /// The shape of the part.
    pub shape: &'a [usize],
    /// The axes, counted from 0, along which all elements share a decision.
    pub shared: &'a [usize],
    /// The distance in the slice from one position to the next along each axis, in elements. `None` if the part lies
    /// there in row-major order without gaps.
    pub strides: Option<&'a [usize]>,
}

impl Layout {
    /// A part of a tensor: a shard, a tile, a view.
    ///
    /// With [`strides`](Part::strides), the slice begins with the part's first element and ends with its last, and
    /// elements in between that are not the part's are neither changed nor, as input, looked at. Strides are not
    /// negative: give a reversed view as the view that it reverses.
    ///
    /// # Errors
    /// [`Error::Rank`] for more than [`MAX_RANK`] axes; [`Error::Length`] unless `shape`, `strides` and a `start` that is not
    /// empty have an entry for each axis of `whole`; [`Error::Axis`] for a shared axis that the whole does not have or that is listed
    /// twice; [`Error::Part`] if the part ends outside of the whole; [`Error::ShapeOverflow`] if the elements from the
    /// part's first to its last are more than `usize` holds, or the decisions of the whole more than `u64`;
    /// [`Error::Stride`] if an axis does not step over all elements of those with smaller strides.
    pub const fn part(part: Part<'_>) -> Result<Self, Error> {
        let Part { whole, start, shape, shared, strides } = part;
        let rank = whole.len();
        if rank > MAX_RANK {
            return Err(Error::Rank { rank, most: MAX_RANK });
        }
        let start = if start.is_empty() { [0; MAX_RANK].split_at(rank).0 } else { start };
        if let Err(error) = check_length("start", rank, start.len()) {
            return Err(error);
        }
        if let Err(error) = check_length("shape", rank, shape.len()) {
            return Err(error);
        }
        if let Some(strides) = strides
            && let Err(error) = check_length("strides", rank, strides.len())
        {
            return Err(error);
        }
        let (mut is_shared, mut i) = ([false; MAX_RANK], 0);
        while i < shared.len() {
            let axis = shared[i];
            if axis >= rank || is_shared[axis % MAX_RANK] {
                return Err(Error::Axis { axis, rank });
            }
            is_shared[axis % MAX_RANK] = true;
            i += 1;
        }

        let mut axes = [Axis::UNIT; MAX_RANK];
        // Zero extents are left out of the products, so that whether they overflow does not depend on their position.
        let (mut elements, mut empty) = (1_usize, false);
        let (mut decisions, mut undecided) = (1_u64, false);
        let mut first = 0_u64;
        let mut axis = rank;
        while axis > 0 {
            axis -= 1;
            let (start, extent, whole) = (at(start, axis), at(shape, axis), at(whole, axis));
            if start > whole || extent > whole - start {
                return Err(Error::Part { axis, start, extent, whole });
            }
            let stride = if let Some(strides) = strides { at(strides, axis) } else { elements };
            empty |= extent == 0;
            if strides.is_none() {
                let Some(product) = elements.checked_mul(if extent == 0 { 1 } else { extent }) else {
                    return Err(Error::ShapeOverflow);
                };
                elements = product;
            }
            let shared = is_shared[axis % MAX_RANK];
            axes[axis % MAX_RANK] = Axis { extent, stride, decisions: if shared { 0 } else { decisions } };
            if !shared {
                // Of an empty part it can be anything.
                first = first.wrapping_add((start as u64).wrapping_mul(decisions));
                undecided |= whole == 0;
                let Some(product) = decisions.checked_mul(if whole == 0 { 1 } else { whole as u64 }) else {
                    return Err(Error::ShapeOverflow);
                };
                decisions = product;
            }
        }
        if undecided {
            decisions = 0;
        }
        if empty {
            return Ok(Self::empty(decisions));
        }
        match span(&axes) {
            Ok(elements) => Ok(Self { elements, decisions, first, axes: Axes::new(axes), columns: LastAxis::of(&axes, rank) }),
            Err(error) => Err(error),
        }
    }

    /// No elements.
    pub(super) const fn empty(decisions: u64) -> Self {
        Self { elements: 0, decisions, first: 0, axes: Axes::NONE, columns: LastAxis::UNKNOWN }
    }

    /// The length of the slices, in elements.
    #[must_use]
    pub const fn elements(&self) -> usize {
        self.elements
    }

    /// The number of decisions: the length of the [`Mask`](crate::Mask) with the same rate and address, and the
    /// distance from one window's offset to the next one's. For a [`part`](Self::part) it is that of the whole. If that is
    /// more than `usize` holds, as it can be on targets of 32 bits, this is `usize::MAX`: a mask of so many can be computed,
    /// but not stored.
    #[must_use]
    pub const fn decisions(&self) -> usize {
        if self.decisions > usize::MAX as u64 { usize::MAX } else { self.decisions as usize }
    }

    /// The last axis, and the distance in memory after which its positions come again: that of the next axis outwards.
    pub(crate) fn columns(&self) -> (LastAxis, Option<usize>) {
        (self.columns, self.strides_of_rows().last())
    }

    /// Whether positions of the last axis do not come again at that distance everywhere: an axis further out steps over
    /// more than whole rows.
    pub(crate) fn has_uneven_rows(&self) -> bool {
        let (_, period) = self.columns();
        period.is_some_and(|period| !self.strides_of_rows().all(|outer| outer.is_multiple_of(period)))
    }

    /// The place of an element in its row.
    pub(crate) fn place_in_row(&self, place: usize) -> usize {
        self.strides_of_rows().fold(place, |place, outer| place.checked_rem(outer).unwrap_or(0))
    }

    fn strides_of_rows(&self) -> impl Iterator<Item = usize> {
        self.axes.strides_above(self.columns.stride.get())
    }

    /// The decisions of the whole, and the number of the first among them.
    pub(crate) const fn all_decisions(&self) -> u64 {
        self.decisions
    }

    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    /// Cuts the tensor in two where it is outermost in memory: the layouts of both halves, and the number of elements
    /// before the second. `None` if it cannot be cut. A first half of more than `grain` decisions of a row has a
    /// multiple of `grain`.
    pub(crate) fn halves(&self, grain: usize) -> Option<([Self; 2], usize)> {
        let (axis, half, [first, second]) = self.axes.halves(|axis| {
            let half = axis.extent / 2;
            if axis.decisions == 1 && half > grain { half - half % grain } else { half }
        })?;
        let start = half * axis.stride;
        let halves = [
            Self { elements: start, axes: first, ..*self },
            Self { elements: self.elements - start, first: self.first + half as u64 * axis.decisions, axes: second, ..*self },
        ];
        Some((halves, start))
    }
}

/// An entry, where the compiler does not see that there is one.
const fn at(entries: &[usize], axis: usize) -> usize {
    debug_assert!(axis < entries.len());
    if axis < entries.len() { entries[axis] } else { 0 }
}
