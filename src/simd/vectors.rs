//! Whether the build's target has vectors that `wide` uses. Without them it is taken for a microcontroller: there is only
//! the scalar backend, which takes elements one by one and decisions by words.

/// Items for targets with vectors.
macro_rules! with_vectors {
    ($($item:item)*) => {
        $(#[cfg(any(target_feature = "sse2", all(target_feature = "neon", target_arch = "aarch64"), target_feature = "simd128"))]
        $item)*
    };
}

/// Items for targets without.
macro_rules! without_vectors {
    ($($item:item)*) => {
        $(#[cfg(not(any(target_feature = "sse2", all(target_feature = "neon", target_arch = "aarch64"), target_feature = "simd128")))]
        $item)*
    };
}

pub(crate) use with_vectors;
pub(crate) use without_vectors;

with_vectors! {
    pub(crate) const VECTORS: bool = true;

    /// The unit of decisions, of which each is a bit.
    pub(crate) type Limb = u64;
}

without_vectors! {
    pub(crate) const VECTORS: bool = false;

    /// The unit of decisions, of which each is a bit.
    pub(crate) type Limb = u32;
}

/// Whether the target has no instructions for floats, as far as stable Rust tells.
pub(crate) const SOFT_FLOAT: bool = !VECTORS && cfg!(all(target_pointer_width = "32", not(target_abi = "eabihf")));

/// In a loop, keeps the compiler from writing its body several times, which takes more flash than it is worth.
#[inline(always)]
pub(crate) const fn rolled() {
    core::hint::black_box(());
}
