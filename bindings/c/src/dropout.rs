//! Dropout itself.

use dropout_kernels::Dropout;

use crate::error::dk_error;
use crate::layer::{Pass, layer};
use crate::layout::dk_layout;
use crate::mode::dk_mode;
use crate::rate::dk_rate;

/// Dropout, from `x` to `y` or in place: a kept value is multiplied by 1/(1-p), a dropped one becomes +0.0. `DK_EVAL`
/// copies.
///
/// `DK_ERROR_LENGTH` unless `len` is the number of elements of the layout, and a stored mask has its decisions;
/// `DK_ERROR_INDEX_OVERFLOW` if a decision's index is 2^64 or more. This holds for all kinds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_dropout_f32(
    rate: dk_rate,
    layout: *const dk_layout,
    mode: *const dk_mode,
    x: *const f32,
    y: *mut f32,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { Pass { mode, x, y, len }.forward(layer(Dropout::new, rate, layout)) }
}

/// The backward pass of dropout, from the gradient of the output to that of the input, or in place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_dropout_backward_f32(
    rate: dk_rate,
    layout: *const dk_layout,
    mode: *const dk_mode,
    grad_y: *const f32,
    grad_x: *mut f32,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { Pass { mode, x: grad_y, y: grad_x, len }.backward(layer(Dropout::new, rate, layout)) }
}

/// The backward pass of dropout, added to `grad_x`. The arrays must not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_dropout_backward_add_f32(
    rate: dk_rate,
    layout: *const dk_layout,
    mode: *const dk_mode,
    grad_y: *const f32,
    grad_x: *mut f32,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { Pass { mode, x: grad_y, y: grad_x, len }.backward_add(layer(Dropout::new, rate, layout)) }
}
