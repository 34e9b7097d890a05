//! Stores that go past the caches, on CPUs that have them.
#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "the intrinsics write through pointers"))]

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{__m128i, _mm_sfence, _mm_stream_si128};

use crate::element::Element;
use crate::kernel::CHUNK;

/// Whether to write so many bytes past the caches. Fetching lines only to overwrite them is a third of the traffic, and of a slice
/// that no cache has room for little is found there by those who read it next. Measured to pay from 2^24 bytes on where cores share 32 MiB,
/// even if the slice is read at once; with 2^22 bytes it costs a third.
pub(crate) const fn pays(bytes: usize) -> bool {
    cfg!(target_arch = "x86_64") && bytes >> 25 > 0
}

/// Stores elements past the caches, if their address is a multiple of 16. Other threads may see them late, until there was a [`fence`].
#[inline(always)]
pub(crate) fn store<E: Element>(to: &mut [E; CHUNK], values: [E; CHUNK]) {
    #[cfg(target_arch = "x86_64")]
    {
        let (address, from) = (to.as_mut_ptr().cast::<__m128i>(), values.as_ptr().cast::<__m128i>());
        if address.is_aligned() {
            // Sixteen elements are as many pieces of sixteen bytes as an element has bytes.
            for i in 0..size_of::<E>() {
                // SAFETY: both arrays have that many pieces, and no padding, as elements are numbers; those of `to` are aligned; every
                // x86-64 has SSE2.
                unsafe { _mm_stream_si128(address.add(i), from.add(i).read_unaligned()) };
            }
            return;
        }
    }
    *to = values;
}

/// Puts all that was stored so in order with what this thread stores next.
pub(crate) fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has SSE.
    unsafe {
        _mm_sfence();
    }
}
