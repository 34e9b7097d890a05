//! Plain vector operations: one trait, and a file for each instruction set.
//!
//! | | |
//! |---|---|
//! | [`lanes`] | what an instruction set must be able to do for kernels |
//! | [`half`] | conversions of half precision, for sets that have none of their own |
//! | [`scalar`] | no vectors at all: microcontrollers, and the reference of the others |
//! | [`vectors`] | whether the target has any |
//! | [`wide`] | instruction sets with vectors |
//!
//! Nothing here knows of random bits, masks or elements. A port to another CPU is one more file.

// First, for its macro.
#[cfg(feature = "half")]
#[macro_use]
mod half;

mod lanes;
mod scalar;
mod vectors;
#[cfg(any(target_feature = "sse2", all(target_feature = "neon", target_arch = "aarch64"), target_feature = "simd128"))]
mod wide;

pub(crate) use lanes::{CHUNK, Lanes, Task, run};
pub(crate) use scalar::Scalar;
pub(crate) use vectors::{Limb, SOFT_FLOAT, VECTORS, rolled, with_vectors, without_vectors};
with_vectors! {
    pub(crate) use wide::*;
}
