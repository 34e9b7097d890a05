//! The same bytes as another type, without pointers.
#![expect(unsafe_code, reason = "only a trait can tell that all bytes are valid")]

use core::arch::x86_64::{__m128i, __m256, __m256d, __m256i, __m512, __m512d, __m512i};

/// Numbers, vectors, and arrays of them.
///
/// # Safety
/// Any bytes are a value of the type, and it has no padding.
pub(super) unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($type:ty)*) => {
        // SAFETY: a number or a vector of numbers.
        $(unsafe impl Plain for $type {})*
    };
}

plain! { i8 u8 i16 u16 u64 f32 f64 __m128i __m256 __m256d __m256i __m512 __m512d __m512i }

// SAFETY: an array has no padding but for that of its items, which have none.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// The bytes of `x` as a value of another type of the same size.
#[inline(always)]
pub(super) const fn cast<A: Plain, B: Plain>(x: A) -> B {
    union Bytes<A: Copy, B: Copy> {
        from: A,
        to: B,
    }
    const { assert!(size_of::<A>() == size_of::<B>()) };
    // SAFETY: all bytes of `to` were written as `from`, which is as large, and any are valid for it.
    unsafe { Bytes { from: x }.to }
}
