//! Dropout of dense arrays in place, in training alone: what firmware has in the passes of all layouts and modes, in a fraction of
//! the flash.

use dropout_kernels::{Dropout, Element, Integer, Kind, Layer, Mode, QuantizedDropout, Rate};

use crate::error::{answer, dk_error};
use crate::memory::{Array, read};
use crate::mode::dk_address;
use crate::rate::dk_rate;

/// Dropout in place by the mask of an address, with a decision for each element: what `dk_dropout_f32` does without a layout
/// for `DK_TRAIN`, and less to link. In evaluation there is nothing to call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_dropout_dense_f32(rate: dk_rate, address: *const dk_address, x: *mut f32, len: usize) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { train(rate, Dropout::new, address, x, len) }
}

/// The backward pass of `dk_dropout_dense_f32`, on the gradient of the output, which becomes that of the input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_dropout_dense_backward_f32(
    rate: dk_rate,
    address: *const dk_address,
    grad: *mut f32,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { dk_dropout_dense_f32(rate, address, grad, len) }
}

/// The same as `dk_dropout_dense_f32`, of quantised values: a dropped one becomes the zero point, and a kept one stays as it
/// is, for `dk_rate_fold_scale`. The backward pass is the same call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_dropout_dense_i8(
    rate: dk_rate,
    zero_point: i8,
    address: *const dk_address,
    x: *mut i8,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { train(rate, of(zero_point), address, x, len) }
}

/// The same as `dk_dropout_dense_i8`, of other integers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_dropout_dense_u8(
    rate: dk_rate,
    zero_point: u8,
    address: *const dk_address,
    x: *mut u8,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { train(rate, of(zero_point), address, x, len) }
}

/// The same as `dk_dropout_dense_i8`, of other integers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_dropout_dense_i16(
    rate: dk_rate,
    zero_point: i16,
    address: *const dk_address,
    x: *mut i16,
    len: usize,
) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    unsafe { train(rate, of(zero_point), address, x, len) }
}

fn of<E: Integer>(zero_point: E) -> impl FnOnce(Rate) -> QuantizedDropout<E> {
    move |rate| QuantizedDropout::new(rate, zero_point)
}

/// # Safety
/// The promise that lib.rs describes, of both pointers.
#[inline(always)]
unsafe fn train<E: Element, K: Kind<E> + Copy>(
    rate: dk_rate,
    new: impl FnOnce(Rate) -> Layer<K>,
    address: *const dk_address,
    x: *mut E,
    len: usize,
) -> dk_error {
    let train = || {
        let (layer, x) = (new(rate.get()?), Array::new(x, len)?);
        // SAFETY: what the caller promises.
        let (address, x) = unsafe { (read(address)?, x.get_mut()) };
        Ok(layer.apply_in_place(Mode::Train(address.get()), x)?)
    };
    answer(train())
}
