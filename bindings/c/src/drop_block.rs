//! DropBlock.

use dropout_kernels::{DropBlock, Layout, PackedMask};

use crate::error::{
    answer,
    dk_error::{self, *},
};
use crate::layout::dk_size;
use crate::memory::{Array, read, write};
use crate::mode::{dk_address, dk_stored_mask};
use crate::rate::dk_rate;

/// What a DropBlock layer is, beside its sizes. Flags are added.
#[repr(u32)]
pub enum dk_drop_block_flag {
    /// Tensors are N x (spatial axes) x C instead of N x C x (spatial axes).
    DK_CHANNELS_LAST = 1,
    /// All channels of a sample have the same mask.
    DK_SHARED_CHANNELS = 2,
}

/// DropBlock, which drops patches of feature maps of one to three axes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct dk_drop_block {
    /// The rate p of elements. That of patches follows from it.
    pub rate: dk_rate,
    /// 0, or a sum of `dk_drop_block_flag`.
    pub flags: u32,
    /// The number of spatial axes, from 1 to 3.
    pub axes: u32,
    /// N.
    pub samples: usize,
    /// C.
    pub channels: usize,
    /// The extents of a map, along as many axes.
    pub map: [usize; 3],
    /// The extents of a patch, along as many axes.
    pub block_size: [usize; 3],
    /// The factor of kept values, or 0 to count it from the mask. For part of a batch, give that of the whole: the
    /// number of bits of the masks of all parts, divided by the number of kept ones.
    pub scale: f64,
}

impl dk_drop_block {
    fn get(self) -> Result<DropBlock, dk_error> {
        const LAST: u32 = dk_drop_block_flag::DK_CHANNELS_LAST as u32;
        const SHARED: u32 = dk_drop_block_flag::DK_SHARED_CHANNELS as u32;
        let Self { flags, axes, samples: n, channels: c, map: [d, h, w], block_size: [i, j, k], .. } = self;
        if flags & !(LAST | SHARED) != 0 {
            return Err(DK_ERROR_FLAGS);
        }
        let rate = self.rate.get()?;
        let layer = match (axes, flags & LAST != 0) {
            (1, false) => DropBlock::ncl(rate, [i], [n, c, d]),
            (2, false) => DropBlock::nchw(rate, [i, j], [n, c, d, h]),
            (3, false) => DropBlock::ncdhw(rate, [i, j, k], [n, c, d, h, w]),
            (1, true) => DropBlock::nlc(rate, [i], [n, d, c]),
            (2, true) => DropBlock::nhwc(rate, [i, j], [n, d, h, c]),
            (3, true) => DropBlock::ndhwc(rate, [i, j, k], [n, d, h, w, c]),
            _ => return Err(DK_ERROR_RANK),
        }?;
        let layer = if flags & SHARED != 0 { layer.with_shared_channels() } else { layer };
        Ok(if self.scale == 0.0 { layer } else { layer.with_scale(self.scale) })
    }

    /// The number of elements of a tensor, which no order of the axes changes.
    fn elements(self) -> Result<usize, dk_error> {
        let Self { axes, samples, channels, map: [d, h, w], .. } = self;
        let shape = [samples, channels, d, h, w];
        Ok(Layout::dense(shape.get(..2 + axes as usize).ok_or(DK_ERROR_RANK)?)?.elements())
    }
}

/// How large tensors and masks of this layer are.
///
/// `DK_ERROR_RANK` unless there are 1 to 3 axes; `DK_ERROR_BLOCK_SIZE` if a block size is 0; `DK_ERROR_SHAPE_OVERFLOW`.
/// This holds for all functions of DropBlock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_drop_block_size(drop_block: *const dk_drop_block, size: *mut dk_size) -> dk_error {
    let of = |drop_block: dk_drop_block| {
        let layer = drop_block.get()?;
        Ok(dk_size { elements: drop_block.elements()?, decisions: layer.patches(), words: layer.mask_words() })
    };
    // SAFETY: the promise that lib.rs describes.
    answer(unsafe { write(size, read(drop_block).and_then(of)) })
}

/// Draws the mask of an address into `words`, and describes it in `mask`. Draw it once per step; both passes take it.
///
/// `DK_ERROR_LENGTH` unless there are as many words as `dk_drop_block_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_drop_block_draw(
    drop_block: *const dk_drop_block,
    address: dk_address,
    words: *mut u32,
    len: usize,
    mask: *mut dk_stored_mask,
) -> dk_error {
    let draw = || {
        let (words, mask) = (Array::new(words, len)?, Array::new(mask, 1)?);
        mask.check_apart(words)?;
        // SAFETY: the promise that lib.rs describes.
        let layer = unsafe { read(drop_block)? }.get()?;
        // SAFETY: the same.
        let decisions = layer.draw(address.get(), unsafe { words.get_mut() })?.decisions();
        let drawn = dk_stored_mask { words: words.start.as_ptr(), len, first: 0, decisions };
        // SAFETY: the same.
        unsafe { mask.start.write(drawn) };
        Ok(())
    };
    answer(draw())
}

/// DropBlock, from `x` to `y` or in place: a kept value is multiplied by the scale, one in a patch becomes +0.0. `mask` is
/// the mask that was drawn, and NULL in evaluation, which copies.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_drop_block_f32(
    drop_block: *const dk_drop_block,
    mask: *const dk_stored_mask,
    x: *const f32,
    y: *mut f32,
    len: usize,
) -> dk_error {
    let arrays = Arrays { x, y, len };
    // SAFETY: the promise that lib.rs describes.
    unsafe {
        answer(run(drop_block, mask, arrays, |layer, mask, x, y| match x {
            Some(x) => layer.apply(mask, x, y),
            None => layer.apply_in_place(mask, y),
        }))
    }
}

/// The backward pass of DropBlock, from the gradient of the output to that of the input, or in place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_drop_block_backward_f32(
    drop_block: *const dk_drop_block,
    mask: *const dk_stored_mask,
    grad_y: *const f32,
    grad_x: *mut f32,
    len: usize,
) -> dk_error {
    let arrays = Arrays { x: grad_y, y: grad_x, len };
    // SAFETY: the promise that lib.rs describes.
    unsafe {
        answer(run(drop_block, mask, arrays, |layer, mask, x, y| match x {
            Some(x) => layer.backward(mask, x, y),
            None => layer.backward_in_place(mask, y),
        }))
    }
}

/// The backward pass of DropBlock, added to `grad_x`. The arrays must not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_drop_block_backward_add_f32(
    drop_block: *const dk_drop_block,
    mask: *const dk_stored_mask,
    grad_y: *const f32,
    grad_x: *mut f32,
    len: usize,
) -> dk_error {
    let arrays = Arrays { x: grad_y, y: grad_x, len };
    // SAFETY: the promise that lib.rs describes.
    unsafe {
        answer(run(drop_block, mask, arrays, |layer, mask, x, y| match x {
            Some(x) => Ok(layer.backward_add(mask, x, y)?),
            None => Err(DK_ERROR_OVERLAP),
        }))
    }
}

/// An array to read, and one to write of the same length or the same one.
struct Arrays {
    x: *const f32,
    y: *mut f32,
    len: usize,
}

/// Runs a pass of the layer, which gets what it reads if it is not what it writes.
///
/// # Safety
/// The promise that lib.rs describes, of all pointers.
unsafe fn run<F: Into<dk_error>>(
    drop_block: *const dk_drop_block,
    mask: *const dk_stored_mask,
    Arrays { x, y, len }: Arrays,
    pass: impl FnOnce(&DropBlock, Option<PackedMask<'_>>, Option<&[f32]>, &mut [f32]) -> Result<(), F>,
) -> Result<(), dk_error> {
    // SAFETY: what the caller promises.
    let layer = unsafe { read(drop_block)? }.get()?;
    let (x, y) = (Array::new(x, len)?, Array::new(y, len)?);
    // SAFETY: the same. `y` does not overlap the mask.
    let mask = if mask.is_null() { None } else { Some(unsafe { read(mask)?.get(y)? }) };
    let apart = x.start != y.start || len == 0;
    if apart {
        y.check_apart(x)?;
    }
    // SAFETY: the same, and `y` does not overlap `x`.
    let (x, y) = unsafe { (apart.then(|| x.get()), y.get_mut()) };
    pass(&layer, mask, x, y).map_err(Into::into)
}
