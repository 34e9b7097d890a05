//! Masks on their own.

use dropout_kernels::Mask;

use crate::error::{answer, dk_error};
use crate::memory::{Array, write};
use crate::mode::dk_address;
use crate::rate::dk_rate;

/// Whether decision `index` of the mask keeps; it is counted from the offset of the address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_mask_keeps(rate: dk_rate, address: dk_address, index: u64, keeps: *mut bool) -> dk_error {
    let decision = rate.get().and_then(|rate| Ok(Mask::new(rate, address.get()).keeps(index)?));
    // SAFETY: the promise that lib.rs describes.
    answer(unsafe { write(keeps, decision) })
}

/// The keep bits of the first `decisions` decisions: decision i in bit i % 32, counted from the least significant, of
/// word i / 32. What is left of the last word is zero. The words are those of a `dk_stored_mask`.
///
/// `DK_ERROR_LENGTH` unless there are as many words as needed, (decisions + 31) / 32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_mask_words(
    rate: dk_rate,
    address: dk_address,
    decisions: usize,
    words: *mut u32,
    len: usize,
) -> dk_error {
    let words = Array::new(words, len);
    let fill = || {
        // SAFETY: the promise that lib.rs describes.
        let words = unsafe { words?.get_mut() };
        Ok(Mask::new(rate.get()?, address.get()).words(decisions, words)?)
    };
    answer(fill())
}
