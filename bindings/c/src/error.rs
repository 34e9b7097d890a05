//! Errors, as numbers with names.

use core::ffi::{CStr, c_char};

use dropout_kernels::Error;

/// What a function says of its arguments. After anything but `DK_OK`, it has written nothing.
#[derive(Clone, Copy)]
#[repr(i32)]
pub enum dk_error {
    /// All is well.
    DK_OK,
    /// A pointer that is NULL, though its length is not 0.
    DK_ERROR_NULL,
    /// A pointer that is not aligned for its type.
    DK_ERROR_ALIGNMENT,
    /// Arrays that overlap. To work in place, give the same pointer twice.
    DK_ERROR_OVERLAP,
    /// A length that does not fit the other arguments, or an array larger than the address space.
    DK_ERROR_LENGTH,
    /// A rate that is not a probability: NaN, infinite, negative or above 1.
    DK_ERROR_RATE,
    /// A ratio whose denominator is 0 or below its numerator.
    DK_ERROR_RATIO,
    /// A threshold above 2^32.
    DK_ERROR_THRESHOLD,
    /// Too many axes; of DropBlock also none.
    DK_ERROR_RANK,
    /// A shared axis that the shape does not have.
    DK_ERROR_AXIS,
    /// A stride with which elements would overlap.
    DK_ERROR_STRIDE,
    /// A part that ends outside of the whole tensor.
    DK_ERROR_PART,
    /// More elements or decisions than `size_t` holds.
    DK_ERROR_SHAPE_OVERFLOW,
    /// Decisions whose logical indices do not all fit 64 bits.
    DK_ERROR_INDEX_OVERFLOW,
    /// A `pass` that is no `dk_pass`.
    DK_ERROR_PASS,
    /// A stored mask for Gaussian dropout, which has noise instead.
    DK_ERROR_STORED_MASK,
    /// A block size of 0.
    DK_ERROR_BLOCK_SIZE,
    /// A flag that there is not.
    DK_ERROR_FLAGS,
    /// An argument that a later version of the kernels refuses.
    DK_ERROR_OTHER,
}

use dk_error::*;

/// In the order of the enum.
const NAMES: [&CStr; 19] = [
    c"DK_OK",
    c"DK_ERROR_NULL",
    c"DK_ERROR_ALIGNMENT",
    c"DK_ERROR_OVERLAP",
    c"DK_ERROR_LENGTH",
    c"DK_ERROR_RATE",
    c"DK_ERROR_RATIO",
    c"DK_ERROR_THRESHOLD",
    c"DK_ERROR_RANK",
    c"DK_ERROR_AXIS",
    c"DK_ERROR_STRIDE",
    c"DK_ERROR_PART",
    c"DK_ERROR_SHAPE_OVERFLOW",
    c"DK_ERROR_INDEX_OVERFLOW",
    c"DK_ERROR_PASS",
    c"DK_ERROR_STORED_MASK",
    c"DK_ERROR_BLOCK_SIZE",
    c"DK_ERROR_FLAGS",
    c"DK_ERROR_OTHER",
];

/// The name of a `dk_error`, such as "DK_ERROR_RATE", and "unknown" for any other number. It is static and never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn dk_error_name(error: i32) -> *const c_char {
    let name = usize::try_from(error).ok().and_then(|error| NAMES.get(error));
    name.copied().unwrap_or(c"unknown").as_ptr()
}

impl From<Error> for dk_error {
    fn from(error: Error) -> Self {
        match error {
            Error::Rate { .. } => DK_ERROR_RATE,
            Error::Ratio { .. } => DK_ERROR_RATIO,
            Error::Threshold { .. } => DK_ERROR_THRESHOLD,
            Error::Length { .. } => DK_ERROR_LENGTH,
            Error::Rank { .. } => DK_ERROR_RANK,
            Error::Axis { .. } => DK_ERROR_AXIS,
            Error::Stride { .. } => DK_ERROR_STRIDE,
            Error::Part { .. } => DK_ERROR_PART,
            Error::ShapeOverflow => DK_ERROR_SHAPE_OVERFLOW,
            Error::IndexOverflow { .. } => DK_ERROR_INDEX_OVERFLOW,
            Error::StoredMask => DK_ERROR_STORED_MASK,
            Error::BlockSize { .. } => DK_ERROR_BLOCK_SIZE,
            _ => DK_ERROR_OTHER, // those of functions that are not here, and of later versions
        }
    }
}

/// What C gets of a result.
pub(crate) fn answer(result: Result<(), dk_error>) -> dk_error {
    result.err().unwrap_or(DK_OK)
}
