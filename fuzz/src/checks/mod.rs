//! What the fuzz targets check: a module each, with its `Input` and its `check`, which panics where the library breaks its contract.
//!
//! Everything here is also part of the library's own tests, which replay the corpora without a fuzzer.

pub mod calls;
pub mod dense;
pub mod drop_block;
pub mod fused;
pub mod generator;
pub mod inputs;
pub mod kinds;
pub mod layer;
pub mod layouts;
pub mod monte_carlo;
pub mod packed;
pub mod rate;
pub mod tensor;
