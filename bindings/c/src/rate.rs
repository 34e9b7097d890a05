//! The rate p.

use dropout_kernels::Rate;

use crate::error::{answer, dk_error};
use crate::memory::{Array, read, write};

/// The probability p of *dropping*, as the threshold T = p * 2^32: from 0, which drops nothing, to 2^32, which drops
/// everything. Every function that takes a rate checks it, so the threshold can also be written directly.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct dk_rate {
    /// T, at most 2^32.
    pub threshold: u64,
}

impl dk_rate {
    pub(crate) fn get(self) -> Result<Rate, dk_error> {
        Ok(Rate::from_threshold(self.threshold)?)
    }
}

fn of(rate: Result<Rate, dropout_kernels::Error>) -> Result<dk_rate, dk_error> {
    Ok(dk_rate { threshold: rate?.threshold() })
}

/// The rate nearest to p.
///
/// `DK_ERROR_RATE` if p is NaN, infinite, negative or above 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rate_from_double(p: f64, rate: *mut dk_rate) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    answer(unsafe { write(rate, of(Rate::new(p))) })
}

/// The rate nearest to numerator / denominator, without floating-point numbers.
///
/// `DK_ERROR_RATIO` if the denominator is 0 or less than the numerator.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rate_from_ratio(numerator: u32, denominator: u32, rate: *mut dk_rate) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    answer(unsafe { write(rate, of(Rate::from_ratio(numerator, denominator))) })
}

/// The scale 1/(1-p), by which inverted dropout multiplies kept values. Infinite at p = 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rate_scale(rate: dk_rate, scale: *mut f64) -> dk_error {
    // SAFETY: the promise that lib.rs describes.
    answer(unsafe { write(scale, rate.get().map(Rate::scale)) })
}

/// Folds the scale 1/(1-p) into a requantisation, in place: the pair stands for multiplier * 2^(shift - 31), as
/// of TensorFlow Lite and CMSIS-NN, and then for that times the scale. So quantised dropout costs no multiplication.
///
/// The new multiplier has 31 bits, from 2^30 on, and is rounded to nearest. A multiplier of 0 stays 0, and at p = 1, where
/// nothing is kept, the pair is as it was. In integers, for CPUs without an FPU.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rate_fold_scale(rate: dk_rate, multiplier: *mut i32, shift: *mut i32) -> dk_error {
    let fold = || {
        Array::new(multiplier, 1)?.check_apart(Array::new(shift, 1)?)?;
        // SAFETY: the promise that lib.rs describes; the two do not overlap.
        unsafe {
            let (new_multiplier, new_shift) = rate.get()?.fold_scale(read(multiplier)?, read(shift)?);
            write(multiplier, Ok(new_multiplier)).and(write(shift, Ok(new_shift)))
        }
    };
    answer(fold())
}
