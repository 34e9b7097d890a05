//! Plain vector operations: one trait, and a file for each instruction set.
//!
//! | | |
//! |---|---|
//! | [`lanes`] | what an instruction set must be able to do for kernels |
//! | [`wide_lanes`] | and, if it has vectors, for a generator of random bits |
//! | [`vectors`] | whether the target has any |
//! | [`deal`] | bytes dealt in order to the places of a mask |
//! | [`half`] | conversions of half precision, for sets that have none of their own |
//! | [`scalar`] | no vectors at all: microcontrollers, and the reference of the others |
//! | [`portable`] | whatever `wide` finds at compile time: SSE2, NEON, wasm simd128 |
//! | [`avx2`], [`avx512`] | x86-64, detected at run time; not in builds without SSE2, for kernels and boot loaders |
//!
//! Nothing here knows of random bits, masks or elements. A port to another CPU is one more file.

// First, for its macro.
#[cfg(feature = "half")]
#[macro_use]
mod half;

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod avx2;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod avx512;
#[cfg(any(target_feature = "sse2", all(target_feature = "neon", target_arch = "aarch64"), target_feature = "simd128"))]
mod deal;
mod lanes;
#[cfg(any(target_feature = "sse2", all(target_feature = "neon", target_arch = "aarch64"), target_feature = "simd128"))]
mod portable;
mod scalar;
mod vectors;
#[cfg(any(target_feature = "sse2", all(target_feature = "neon", target_arch = "aarch64"), target_feature = "simd128"))]
mod wide_lanes;

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
pub(crate) use avx2::Avx2;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
pub(crate) use avx512::Avx512;
with_vectors! {
    pub(crate) use deal::{DEALT, clear_dealt, splat_byte};
    pub(crate) use portable::Portable;
    pub(crate) use wide_lanes::{GROUP, WideLanes};
}
pub(crate) use lanes::{CHUNK, Lanes, Task, run};
pub(crate) use scalar::Scalar;
pub(crate) use vectors::{Limb, SOFT_FLOAT, VECTORS, with_vectors, without_vectors};
without_vectors! {
    pub(crate) use scalar::Scalar as Portable;
}
