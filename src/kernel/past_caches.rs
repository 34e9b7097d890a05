//! Stores that go past the caches, in builds that have them: an x86-64 kernel may have no SSE2.
#![cfg_attr(
    all(target_arch = "x86_64", target_feature = "sse2"),
    expect(unsafe_code, reason = "the intrinsics write through pointers")
)]

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use core::arch::x86_64::{__m128i, _mm_sfence, _mm_stream_si128};

use super::place::Place;
use crate::element::sealed::Element;
use crate::simd::CHUNK;

/// The permission to store past the caches. Other threads may see such stores late and out of order, until this is
/// dropped: whoever has the slice back sees them all.
pub(super) struct Fence(());

impl Fence {
    /// The bytes of a stretch of memory from which on such stores pay: where one ends in the middle of a line, and usual stores
    /// finish the line, both wait for memory.
    pub(super) const STRETCH: usize = 12 << 10;

    pub(super) const fn new() -> Self {
        Self(())
    }

    /// Whether stores past the caches pay for an output of this size. Fetching lines only to overwrite them is a third
    /// of the traffic, and of a slice that no cache has room for little is found there by those who read it next. Of one
    /// that fits a cache, all would be, and a third of the time is lost: the cores of a server share 32 MiB.
    pub(super) const fn pays(bytes: usize) -> bool {
        const CACHE: usize = 32 << 20;
        cfg!(all(target_arch = "x86_64", target_feature = "sse2")) && bytes >= CACHE
    }

    /// Stores elements past the caches if their address is a multiple of 16, and as usual if not.
    #[expect(clippy::unused_self, reason = "that it is borrowed is what makes the store sound")]
    #[inline(always)]
    pub(super) fn store<E: Element, P: Place<E>>(&self, to: &mut [P; CHUNK], values: [E; CHUNK]) {
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        {
            let (address, from) = (to.as_mut_ptr().cast::<__m128i>(), values.as_ptr().cast::<__m128i>());
            if address.is_aligned() {
                // Sixteen elements are as many pieces of sixteen bytes as an element has bytes.
                for i in 0..size_of::<E>() {
                    // SAFETY: both arrays have that many pieces, as places have the size of elements, and `values` has no
                    // padding, as elements are numbers; those of `to` are aligned; this build has SSE2. The fence that such stores need before others read comes when
                    // `self` is dropped, which is borrowed until then.
                    unsafe { _mm_stream_si128(address.add(i), from.add(i).read_unaligned()) };
                }
                return;
            }
        }
        P::write(to, values);
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        // SAFETY: this build has SSE2.
        unsafe {
            _mm_sfence();
        }
    }
}
