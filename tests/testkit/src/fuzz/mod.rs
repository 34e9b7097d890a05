//! What the fuzz targets check: a module each, with its `Input` and its `check`, which panics where the library breaks its contract.
//! `tests/oracle` runs the same checks without a fuzzer, on the targets' corpora and on random bytes.

pub mod bytes;
pub mod calls;
pub mod drop_block;
pub mod fused;
pub mod generator;
pub mod inputs;
pub mod kinds;
pub mod layer;
pub mod layers;
pub mod layouts;
pub mod monte_carlo;
pub mod packed;
pub mod rate;
pub mod select;
pub mod tensor;
