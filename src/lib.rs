//! Dropout for CPUs, from a Cortex-M0 to AVX-512: `no_std` kernels that allocate nothing and work on the caller's
//! slices.
//!
//! ```
//! use dropout_kernels::{Address, Dropout, Mode, Rate};
//!
//! let dropout = Dropout::new(Rate::new(0.1)?);
//! let train = Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 });
//!
//! let mut x = [1.0_f32; 1000];
//! dropout.apply_in_place(train, &mut x)?;
//! assert!(x.iter().all(|&x| x == 0.0 || x == 1.1111112)); // 1/(1-p)
//!
//! let mut gradient = [1.0_f32; 1000];
//! dropout.backward_in_place(train, &mut gradient)?;
//! assert_eq!(gradient, x);
//! # Ok::<(), dropout_kernels::Error>(())
//! ```
//!
//! # Three rules
//!
//! - **Count the steps.** Each training step has another [`step`](Address::step), or the same elements drop again.
//! - **Number the layers.** Each call of dropout in a step has another [`layer`](Address::layer): equal addresses and rates
//!   mean equal masks, whatever the kinds.
//! - **Give the backward pass the mode of the forward pass.** It computes the same mask again. So does a forward pass that
//!   activation checkpointing repeats.
//!
//! # Types
//!
//! | type | what it holds |
//! |---|---|
//! | [`Rate`] | the probability p of dropping, as an integer threshold |
//! | [`Address`] | seed, layer, step and logical offset, which select a mask |
//! | [`Mode`] | training, training with a stored mask, or evaluation |
//! | [`Dropout`], [`AlphaDropout`], [`GaussianDropout`], [`GaussianNoise`], [`QuantizedDropout`] | a kind of dropout: each is a [`Layer`], whose methods are the passes; [`kind`] compares them |
//! | [`Select`], [`DropBlock`] | a choice between two tensors; patches of feature maps |
//! | [`Fused`] | bias, [`Activation`], [`Dropout`] and residual in one pass |
//! | [`Layout`], [`Part`] | which elements share a decision, and where they lie in a slice; a shard, a tile or a view of a larger tensor |
//! | [`Mask`], [`PackedMask`] | decisions by themselves, computed or stored; the documentation of `Mask` is the mask contract |
//! | [`monte_carlo`] | mean, variance and entropies over many passes with dropout on |
//! | [`philox`] | the generator, for what is not a mask |
//! | [`Backend`] | an instruction set |
//!
//! [Recipes](recipes) are whole programs: stochastic depth, LayerDrop, DropEdge, SpecAugment, Mixout, tiles, resuming.
//!
//! # Guarantees
//!
//! - A mask depends on its address and rate only, not on the CPU, the build, or how a tensor is cut into parts.
//! - Dropped elements become +0.0, even from NaN. Kept ones are multiplied once and rounded once, so values are the same
//!   everywhere too.
//! - p = 0 and p = 1 are exact, and any other realised rate is within 2^-33 of p.
//! - No allocation, global state or panics. After an error, which comes first, all slices are as they were.
//!
//! # What is stable
//!
//! | | stays as it is in |
//! |---|---|
//! | masks, the outputs of every kind in all passes and modes, words of stored masks, the stream of [`philox`] | 0.1.x and all of 1.x |
//! | the interface, which grows by what the compiler accepts beside it | 0.1.x |
//! | the oldest Rust that compiles it, 1.89 | 0.1.x |
//! | the versions of other crates in the interface: `rand_core` 0.10, and with features `half` 2, `serde` 1 | 0.1.x |
//! | the text of errors, the payload of a NaN, the backend that is detected, speed | nothing |
//!
//! # Features
//!
//! | none is on by default | what it adds |
//! |---|---|
//! | `half` | the element types `f16` and `bf16` of the crate `half` |
//! | `rayon` | `in_parallel` of layers and masks: the threads of rayon's pool. The only one that needs std |
//! | `serde` | `Serialize` and `Deserialize` of [`Address`], [`Rate`] and [`Scaling`] |
//! | `scalar` | the scalar backend on targets with vectors, for tests: see [`Backend::all`] |
//!
//! Kernels are compiled in this crate. Where a program is built without optimisation, or for size, give them a level of their own:
//!
//! ```toml
//! [profile.dev.package.dropout-kernels] # or `profile.release`
//! opt-level = 3
//! ```
#![no_std]
#![deny(missing_docs)]
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(target_arch = "x86", not(target_feature = "sse2")))]
compile_error!(
    "dropout-kernels needs SSE2 on x86: x87 rounds results to 64 bits of mantissa and then once more, so they would not be \
     those of other CPUs. Build for i686, or with -Ctarget-feature=+sse2."
);

// How the parts work together. Each folder is a room that imports only what stands below it; `.ci/imports` checks this.
//
//     fused     bias, activation, dropout and residual        nothing imports it
//     kinds     dropout, alpha, gaussian, quantized, select, drop_block
//     layer     the public layer: checks arguments, then starts a job
//     kernel    the loop that applies decisions to values
//     mask      from address and rate to decisions
//     backend   detection, and the dispatch on it             element   element types        layout   index maps
//     threads   work cut in halves
//     simd      vector operations, a file for each instruction set
//
// A call to a layer goes through these:
//
//     Layer::apply -> Options::plan -> Kind::effect -> Compiled::run        so far in the crate of the caller; from here on in this one
//     Job::run -> Plan::drive: Source::next, runs of memory with their keep bits -> Backend::run -> Chunks, the loop -> Effect
//
// The key traits:
//
//     simd::Lanes           an instruction set: operations on a chunk of elements. A value proves that the CPU has it.
//     simd::WideLanes       the same, and on eight 64-bit lanes, for random bits. All backends but Scalar have it.
//     simd::Task            a computation, generic over Lanes. Lanes::call compiles it for the instruction set.
//     mask::Generate        Lanes that make random bits: every WideLanes in vectors, Scalar one block at a time.
//     kernel::Sink          what runs are handed to.
//     kernel::Effect        what becomes of a chunk of elements, kept or dropped. Usually a kind is just this.
//     kernel::Compiled      an element type for which an effect is compiled.
//     element::sealed::*    how an element type is loaded, stored, selected. They seal their public namesakes.
//     layer::sealed::Kind   a kind of dropout: its rate, and its effect in a pass.
//     layer::Shape          whether a layer has a layout.
//
// A target without vectors is taken for a microcontroller (simd::VECTORS). There a chunk is one element, a limb has 32
// decisions instead of 64, and kernel::drive takes blocks straight from the generator, without tiles.
//
// Inlining is not a matter of taste here. Only implementations of Lanes have #[target_feature]. Whatever else handles
// vectors must be inlined into Lanes::call, hence #[inline(always)] on all of it: a function that is not inlined is
// compiled without the instruction set, every vector operation in it becomes a call, and vectors are passed through
// memory. For the same reason a Task is a trait and not a closure, and vectors go through none (Option::map_or): a closure
// cannot be told to be inlined.

mod address;
mod backend;
mod element;
mod error;
mod fused;
mod kernel;
mod kinds;
mod layer;
mod layout;
mod mask;
pub mod monte_carlo;
pub mod philox;
mod rate;
#[cfg(feature = "serde")]
mod serialize;
mod simd;
mod threads;

pub use address::Address;
pub use backend::Backend;
pub use error::Error;
pub use fused::{Activation, Fused};
pub use kernel::{Element, Filler, Float, Integer};
pub use kinds::{AlphaDropout, DropBlock, Dropout, GaussianDropout, GaussianNoise, QuantizedDropout, Scaling, Select};
pub use layer::{Kind, Layer, Mode, Shape};
pub use layout::{Layout, MAX_RANK, Part};
pub use mask::{Mask, PackedMask};
pub use rate::Rate;

/// The kinds of dropout, as parameters of [`Layer`] for code that is generic over them.
///
/// | layer | what becomes of an element | PyTorch | Keras |
/// |---|---|---|---|
/// | [`Dropout`], inverted or classic by [`Scaling`] (ONNX: `Dropout`) | scaled, or zero | `Dropout` | `Dropout` |
/// | the same, of weights (`DropConnect`) | | | |
/// | [`AlphaDropout`], for SELU | an affine function, or a constant | `AlphaDropout`, `FeatureAlphaDropout` | `AlphaDropout` |
/// | [`GaussianDropout`] | times noise | | `GaussianDropout` |
/// | [`GaussianNoise`] | plus noise | | `GaussianNoise` |
/// | [`QuantizedDropout`] | scaled, or the zero point | | |
/// | [`Select`], which is no `Layer` | itself, or another tensor's (zoneout) | `where` | |
/// | [`DropBlock`], which is no `Layer` | scaled, or zero in a patch | torchvision's `DropBlock2d`, `DropBlock3d` | KerasCV's `DropBlock2D` |
///
/// Each kind takes every [`Layout`], and a stored mask ([`Mode::Stored`]; ONNX Runtime: `BitmaskDropout`) but for noise, which
/// has none. DropBlock has feature maps for a layout, and its mask is drawn beforehand. Elements are `f32`, `f64`, and with the
/// feature `half` `f16` and `bf16`; quantised ones are `i8`, `u8` and `i16`. [`Float`] says how precise results are.
///
/// # Edge cases
///
/// | | p = 0 | p = 1 | NaN, infinities | in evaluation |
/// |---|---|---|---|---|
/// | [`Dropout`] | x * 1 | +0.0 | dropped: +0.0; kept: x * scale | unchanged |
/// | [`Dropout`], classic | x * 1 | +0.0 | dropped: +0.0; kept: x * 1 | x * (1-p): x * 1 at p = 0, x * 0 at p = 1 |
/// | [`AlphaDropout`] | unchanged | +0.0 | dropped: the same as other values; kept: a * x + b | unchanged |
/// | [`GaussianDropout`] | unchanged | +0.0 | x * noise | unchanged |
/// | [`GaussianNoise`] | unchanged (deviation 0) | | x + noise | unchanged |
/// | [`Select`] | the first tensor | the second | copied | the first tensor, or the expectation |
/// | [`DropBlock`] | x * 1 | +0.0 | dropped: +0.0; kept: x * decisions / kept decisions of the stored mask | unchanged |
/// | [`QuantizedDropout`] | unchanged | the zero point | integers have none | unchanged |
///
/// A stored mask keeps what it keeps, whatever the rate. At p = 1, where the scale is infinite, kept values are
/// multiplied by infinity in [`Dropout`], by 0 in [`AlphaDropout`], and by 32,767 in [`QuantizedDropout`] with a
/// fixed-point scale.
pub mod kind {
    pub use crate::kinds::{Additive, Alpha, Gaussian, Quantized, Scaled};
}

#[cfg(any(doc, doctest))]
#[doc = include_str!("recipes.md")]
pub mod recipes {}

/// The README's examples, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
