//! Where elements lie, and which of them share a decision.

use dropout_kernels::{Layout, MAX_RANK, Part};

use crate::error::{
    answer,
    dk_error::{self, *},
};
use crate::memory::{Array, read, write};

/// The maximum number of axes of a layout.
pub const DK_MAX_RANK: usize = 8;
const _: () = assert!(DK_MAX_RANK == MAX_RANK);

/// A tensor, or a box of a larger one, and the axes along which its elements share a decision. Each array has `rank`
/// entries; extents and strides are counted in elements.
///
/// Where a function takes a layout, NULL means any length, with one decision per element.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct dk_layout {
    /// The number of axes, at most `DK_MAX_RANK`.
    pub rank: usize,
    /// The extents, in row-major order: the last axis is the innermost.
    pub shape: *const usize,
    /// The axes along which all elements share a decision: bit i for axis i. For feature maps of N x C x H x W,
    /// 1 << 2 | 1 << 3.
    pub shared: u32,
    /// The distance in memory from one position to the next along each axis. NULL if there are no gaps.
    pub strides: *const usize,
    /// The shape of the larger tensor that this is a part of. NULL if there is none.
    pub whole: *const usize,
    /// Where in the larger tensor the part begins. NULL if at its first element.
    pub start: *const usize,
}

/// How large something is.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct dk_size {
    /// The length of the arrays of values.
    pub elements: usize,
    /// The number of decisions: of the whole tensor, if the layout is that of a part. It is the distance from the offset
    /// of one window to that of the next.
    pub decisions: usize,
    /// The number of 32-bit words of a stored mask.
    pub words: usize,
}

/// The layout behind a pointer, `None` for NULL.
///
/// # Safety
/// The struct and its arrays are there.
pub(crate) unsafe fn layout(from: *const dk_layout) -> Result<Option<Layout>, dk_error> {
    if from.is_null() {
        return Ok(None);
    }
    // SAFETY: what the caller promises.
    let dk_layout { rank, shape, shared, strides, whole, start } = unsafe { read(from)? };
    if rank > MAX_RANK {
        return Err(DK_ERROR_RANK);
    }
    let optional = |array: *const usize| {
        if array.is_null() {
            return Ok(None);
        }
        let array = Array::new(array, rank)?;
        // SAFETY: what the caller promises, and the call writes none of these arrays.
        Ok::<_, dk_error>(Some(unsafe { array.get() }))
    };
    let (strides, whole, start) = (optional(strides)?, optional(whole)?, optional(start)?);
    // SAFETY: the same.
    let shape = unsafe { Array::new(shape, rank)?.get() };

    let (mut axes, mut count) = ([0; MAX_RANK], 0);
    for axis in (0..u32::BITS as usize).filter(|axis| shared >> axis & 1 == 1) {
        *axes.get_mut(count).ok_or(DK_ERROR_AXIS)? = axis;
        count += 1;
    }
    let (zeros, shared) = ([0; MAX_RANK], axes.get(..count).unwrap_or_default());
    let start = start.unwrap_or(zeros.get(..rank).unwrap_or_default());
    Ok(Some(Layout::part(Part { whole: whole.unwrap_or(shape), start, shape, shared, strides })?))
}

/// How large a tensor of this layout and its mask are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_layout_size(layout: *const dk_layout, size: *mut dk_size) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    let layout = unsafe { self::layout(layout) };
    let of = |layout: Layout| {
        let decisions = layout.decisions();
        dk_size { elements: layout.elements(), decisions, words: decisions.div_ceil(32) }
    };
    // SAFETY: as above.
    answer(unsafe { write(size, layout.and_then(|layout| layout.ok_or(DK_ERROR_NULL)).map(of)) })
}
