//! Dropout for CPUs, from a Cortex-M0 to AVX-512: `no_std` kernels that allocate nothing and work on the caller's
//! slices.
//!
//! ```
//! use dropout_kernels::{Address, Dropout, Mode, Rate};
//!
//! let dropout = Dropout::new(Rate::new(0.1)?);
//! let mut x = [1.0_f32; 1000];
//! dropout.apply_in_place(Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 }), &mut x)?;
//! assert!(x.iter().all(|&x| x == 0.0 || x == 1.1111112)); // 1/(1-p)
//! # Ok::<(), dropout_kernels::Error>(())
//! ```
//!
//! | type | what it holds |
//! |---|---|
//! | [`Rate`] | the probability p of dropping, as an integer threshold |
//! | [`Address`] | seed, layer, step and logical offset, which select a mask |
//! | [`Mask`] | the decisions of an address and a rate, for use on their own; its documentation is the mask contract |
//! | [`PackedMask`] | a mask that was stored |
//! | [`Layout`] | where a tensor's elements lie in a slice, and which of them share a decision |
//! | [`Part`] | a box of a larger tensor: a shard, a tile, a view |
//! | [`Mode`] | training, training with a stored mask, or evaluation |
//! | [`Layer`] | a kind of dropout on a layout; its methods are the passes. [`Dropout`] and the other kinds are layers |
//! | [`Select`] | a choice between two tensors |
//! | [`Fused`] | bias, [`Activation`], [`Dropout`] and residual in one pass |
//! | [`monte_carlo`] | mean, variance and entropies over many passes with dropout on, on one machine or several |
//! | [`Backend`] | an instruction set |
//!
//! # Guarantees
//!
//! - A mask depends on its address and rate only. It is the same on every CPU, in every build, and however the tensor
//!   is cut into windows, threads or machines.
//! - Dropped elements become +0.0, even if they were NaN or infinite. Kept ones are multiplied once and rounded once,
//!   so values too are the same everywhere, except for the payload of a NaN that is kept.
//! - p = 0 and p = 1 are exact. Any other realised rate is within 2^-33 of p.
//! - No allocation, no global state, no panics. Arguments are checked first: after an error all slices are as they
//!   were.
//!
//! # What is stable
//!
//! For all of 1.x the same arguments give the same bits: masks, the outputs of every kind in both passes and all modes,
//! and the words of stored masks. A release that changes any of them is 2.0. Two tests enforce this: `tests/vectors.rs`
//! compares masks with an evaluation of the contract that shares no code with the library, and `tests/kinds/digest.rs`
//! compares a hash of every kind's outputs with a committed one. Not stable are the payload of a NaN, the text of
//! errors, and which backend is detected.
//!
//! # Kinds
//!
//! The layout says which elements share a decision:
//!
//! | one decision per | here | PyTorch | Keras | Flax |
//! |---|---|---|---|---|
//! | element | [`Layout::dense`], or no layout | `Dropout` | `Dropout` | `Dropout` |
//! | channel | [`Layout::ncl`], [`nchw`](Layout::nchw), [`ncdhw`](Layout::ncdhw) | `Dropout1d`, `2d`, `3d` | `SpatialDropout1D`, `2D`, `3D` | `broadcast_dims` |
//! | channel, channels last | [`Layout::nlc`], [`nhwc`](Layout::nhwc), [`ndhwc`](Layout::ndhwc) | | the same | `broadcast_dims` |
//! | sample (stochastic depth, `DropPath`) | [`Layout::sample`] | torchvision's `StochasticDepth` | `noise_shape` | `broadcast_dims` |
//! | element, the same at each time step (locked, variational) | [`Layout::locked`] | | `noise_shape` | `broadcast_dims` |
//! | position along any other set of axes | [`Layout::shared`] | | `noise_shape` | `broadcast_dims` |
//! | element of a view, as above | [`Layout::strided`], [`Part::strides`] | views | | |
//!
//! and which part of a tensor the slice holds:
//!
//! | who | holds | as a [`Part`] of | gradients of weights |
//! |---|---|---|---|
//! | a data-parallel rank | some samples | the global batch | summed over the ranks, divided by the size of the global batch |
//! | a tensor-parallel rank | columns of \[batch, hidden\] | all columns | of its own weights: neither summed nor divided |
//! | a head-parallel rank | some heads of \[batch, heads, queries, keys\] | all heads | the same |
//! | a sequence-parallel rank | a stretch of \[batch, sequence, hidden\] | the whole sequence | summed over the ranks, not divided |
//! | a rank with a copy of a tensor | all of it | (no part) | the same on all such ranks: neither |
//! | an attention kernel | a tile of \[batch, heads, queries, keys\] | all scores | |
//! | a concatenated buffer | a range of channels of N x C x H x W | all channels, with [`strides`](Part::strides) | |
//!
//! All of them take the whole tensor's address: [`Layout::part`] puts each part in its place. So the address is the
//! same on every rank, and dropout needs no communication; copies of a tensor drop the same, and shards of it different
//! elements.
//!
//! A layer that is called twice in a step needs two layer numbers, or it silently drops the same elements twice. So do two
//! layers, whatever their kinds: equal addresses and rates mean equal masks.
//!
//! The kind says what becomes of kept and dropped elements:
//!
//! | kind | here | layouts | PyTorch | Keras |
//! |---|---|---|---|---|
//! | inverted or classic dropout (ONNX: `Dropout`) | [`Dropout`], [`Scaling`] | all | `Dropout` | `Dropout` |
//! | the same, of weights (`DropConnect`) | [`Dropout`] of the weights | all | | |
//! | alpha dropout, for SELU | [`AlphaDropout`] | all | `AlphaDropout`, `FeatureAlphaDropout` | `AlphaDropout` |
//! | Gaussian noise, as a factor | [`GaussianDropout`] | all | | `GaussianDropout` |
//! | Gaussian noise, added | [`GaussianNoise`] | all | | `GaussianNoise` |
//! | dropout of quantised values | [`QuantizedDropout`] | all | | |
//! | a choice between two tensors (zoneout) | [`Select`] | all | `where` | |
//! | patches of feature maps, per channel or shared by the channels | [`DropBlock`] | of one to three spatial axes, channels first or last | torchvision's `DropBlock2d`, `DropBlock3d` | KerasCV's `DropBlock2D` |
//!
//! Each kind also takes a stored mask ([`Mode::Stored`]; ONNX Runtime: `BitmaskDropout`), except the two of noise, which
//! have none. DropBlock takes only stored masks, which it draws beforehand. [`Fused`] puts [`Dropout`], of any layout,
//! between bias and activation on one side and a residual on the other.
//!
//! Elements are `f32`, `f64`, and with a feature `f16` and `bf16`; quantised ones are `i8`, `u8` and `i16`. [`Float`] says
//! how precise results are. `tests/peers` compares the layers with their counterparts in the other libraries and lists
//! where they agree.
//!
//! # Edge cases
//!
//! | | p = 0 | p = 1 | NaN, infinities | in evaluation |
//! |---|---|---|---|---|
//! | [`Dropout`] | x * 1 | +0.0 | dropped: +0.0; kept: x * scale | unchanged |
//! | [`Dropout`], classic | x * 1 | +0.0 | dropped: +0.0; kept: x * 1 | x * (1-p): x * 1 at p = 0, x * 0 at p = 1 |
//! | [`AlphaDropout`] | unchanged | +0.0 | dropped: the same as other values; kept: a * x + b | unchanged |
//! | [`GaussianDropout`] | unchanged | +0.0 | x * noise | unchanged |
//! | [`GaussianNoise`] | unchanged (deviation 0) | | x + noise | unchanged |
//! | [`Select`] | the first tensor | the second | copied | the first tensor, or the expectation |
//! | [`DropBlock`] | x * 1 | +0.0 | dropped: +0.0; kept: x * decisions / kept decisions of the stored mask | unchanged |
//! | [`QuantizedDropout`] | unchanged | the zero point | integers have none | unchanged |
//!
//! A stored mask keeps what it keeps, whatever the rate. At p = 1, where the scale is infinite, kept values are
//! multiplied by infinity in [`Dropout`], by 0 in [`AlphaDropout`], and by 32,767 in [`QuantizedDropout`] with a
//! fixed-point scale.
//!
//! An empty tensor is not an error.
//!
//! # Not here
//!
//! Layers with weights, automatic differentiation and tensor types: this crate works on slices. Cryptography: the
//! generator is a statistical one.
//!
//! # Features
//!
//! None is on by default. `half` adds the element types `f16` and `bf16` of the crate `half`. `rayon` adds
//! `Layer::in_parallel`, and needs std. `scalar` adds the scalar backend to targets with vectors, for tests: see
//! [`Backend::all`].
//!
//! # Builds without optimisation
//!
//! The kernels are compiled in this crate, so that its own level of optimisation decides how fast they are, and how much
//! stack they take, even where the rest of a program is built without:
//!
//! ```toml
//! [profile.dev.package.dropout-kernels]
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
// Inlining is not a matter of taste here. Only the implementations of Lanes::call have #[target_feature]. Whatever
// handles vectors must be inlined into them, hence #[inline(always)] on all of it: a function that is not inlined is
// compiled without the instruction set, every vector operation in it becomes a call, and vectors are passed through
// memory. For the same reason a Task is a trait and not a closure: a closure cannot be told to be inlined.

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

/// The kinds of dropout as parameters of [`Layer`], for code that is generic over them.
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
