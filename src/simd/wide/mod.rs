//! Instruction sets with vectors.
//!
//! | | |
//! |---|---|
//! | [`lanes`] | what they must be able to do for a generator of random bits |
//! | [`deal`] | bytes dealt in order to the places of a mask |
//! | [`portable`] | whatever the crate `wide` finds at compile time: SSE2, NEON, wasm simd128 |
//! | [`x86`] | AVX2 and AVX-512, detected at run time |

mod deal;
mod lanes;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use deal::{DEALT, clear_dealt, splat_byte};
pub(crate) use lanes::{GROUP, WideLanes};
pub(crate) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::*;
