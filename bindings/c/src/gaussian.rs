//! Gaussian dropout.

use dropout_kernels::GaussianDropout;

use crate::error::dk_error;
use crate::layer::{Pass, layer};
use crate::layout::dk_layout;
use crate::mode::dk_mode;
use crate::rate::dk_rate;

/// Gaussian dropout, from `x` to `y` or in place: each value is multiplied by noise of mean 1 and variance p/(1-p).
/// `DK_EVAL` copies.
///
/// `DK_ERROR_STORED_MASK` for `DK_STORED`, as noise is no mask.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_gaussian_dropout_f32(
    rate: dk_rate,
    layout: *const dk_layout,
    mode: *const dk_mode,
    x: *const f32,
    y: *mut f32,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { Pass { mode, x, y, len }.forward(layer(GaussianDropout::new, rate, layout)) }
}

/// The backward pass of Gaussian dropout, or in place: times the same noise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_gaussian_dropout_backward_f32(
    rate: dk_rate,
    layout: *const dk_layout,
    mode: *const dk_mode,
    grad_y: *const f32,
    grad_x: *mut f32,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { Pass { mode, x: grad_y, y: grad_x, len }.backward(layer(GaussianDropout::new, rate, layout)) }
}

/// The backward pass of Gaussian dropout, added to `grad_x`. The arrays must not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_gaussian_dropout_backward_add_f32(
    rate: dk_rate,
    layout: *const dk_layout,
    mode: *const dk_mode,
    grad_y: *const f32,
    grad_x: *mut f32,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { Pass { mode, x: grad_y, y: grad_x, len }.backward_add(layer(GaussianDropout::new, rate, layout)) }
}
