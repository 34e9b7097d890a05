//! Alpha dropout, for SELU.

use dropout_kernels::AlphaDropout;

use crate::error::dk_error;
use crate::layer::{Pass, layer};
use crate::layout::dk_layout;
use crate::mode::dk_mode;
use crate::rate::dk_rate;

/// Alpha dropout, from `x` to `y` or in place: a kept value becomes a * x + b, a dropped one a * s + b, where s is SELU's
/// limit at minus infinity, and a and b restore mean 0 and variance 1. `DK_EVAL` copies.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_alpha_dropout_f32(
    rate: dk_rate,
    layout: *const dk_layout,
    mode: *const dk_mode,
    x: *const f32,
    y: *mut f32,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { Pass { mode, x, y, len }.forward(layer(AlphaDropout::new, rate, layout)) }
}

/// The backward pass of alpha dropout, or in place: times a where kept, +0.0 where dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_alpha_dropout_backward_f32(
    rate: dk_rate,
    layout: *const dk_layout,
    mode: *const dk_mode,
    grad_y: *const f32,
    grad_x: *mut f32,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { Pass { mode, x: grad_y, y: grad_x, len }.backward(layer(AlphaDropout::new, rate, layout)) }
}

/// The backward pass of alpha dropout, added to `grad_x`. The arrays must not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_alpha_dropout_backward_add_f32(
    rate: dk_rate,
    layout: *const dk_layout,
    mode: *const dk_mode,
    grad_y: *const f32,
    grad_x: *mut f32,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { Pass { mode, x: grad_y, y: grad_x, len }.backward_add(layer(AlphaDropout::new, rate, layout)) }
}
