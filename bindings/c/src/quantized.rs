//! Dropout of quantised values.

use dropout_kernels::{Integer, QuantizedDropout, Rate};

use crate::error::dk_error;
use crate::layer::{Pass, layer};
use crate::layout::dk_layout;
use crate::mode::dk_mode;
use crate::rate::dk_rate;

/// How a layer is made.
fn of<E: Integer>(zero_point: E, scaled: bool) -> impl FnOnce(Rate) -> QuantizedDropout<E> {
    move |rate| {
        let layer = QuantizedDropout::new(rate, zero_point);
        if scaled { layer.with_fixed_point_scale() } else { layer }
    }
}

/// Dropout of quantised values, from `x` to `y` or in place, in integer arithmetic: a dropped value becomes the zero
/// point. A kept one is multiplied by 1/(1-p), relative to the zero point, in fixed point and saturated, if `scaled`; if
/// not, it stays as it is, and `dk_rate_scale` says what is left to do. `DK_EVAL` copies. The backward pass is the same
/// call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_dropout_i8(
    rate: dk_rate,
    zero_point: i8,
    scaled: bool,
    layout: *const dk_layout,
    mode: *const dk_mode,
    x: *const i8,
    y: *mut i8,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { Pass { mode, x, y, len }.forward(layer(of(zero_point, scaled), rate, layout)) }
}

/// The same as `dk_dropout_i8`, of other integers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_dropout_u8(
    rate: dk_rate,
    zero_point: u8,
    scaled: bool,
    layout: *const dk_layout,
    mode: *const dk_mode,
    x: *const u8,
    y: *mut u8,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { Pass { mode, x, y, len }.forward(layer(of(zero_point, scaled), rate, layout)) }
}

/// The same as `dk_dropout_i8`, of other integers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_dropout_i16(
    rate: dk_rate,
    zero_point: i16,
    scaled: bool,
    layout: *const dk_layout,
    mode: *const dk_mode,
    x: *const i16,
    y: *mut i16,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { Pass { mode, x, y, len }.forward(layer(of(zero_point, scaled), rate, layout)) }
}
