//! Dropout for CPUs, from a Cortex-M0 to AVX-512: kernels that allocate nothing and work on the caller's slices.
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
//! Data flows one way, and each step is a type:
//!
//! | step | type |
//! |---|---|
//! | how many: p as an integer threshold | [`Rate`] |
//! | which mask: seed, layer, step, logical offset | [`Address`] |
//! | the decisions by themselves | [`Mask`] |
//! | which decision an element reads | [`Layout`] |
//! | masks onto values, in training and evaluation | [`Dropout`], [`Mode`], [`Scaling`] |
//! | other kinds of dropout | [`AlphaDropout`], [`GaussianDropout`], [`QuantizedDropout`] |
//! | a mask that was stored | [`PackedMask`] |
//! | squares of feature maps, which no layout says | [`DropBlock`] |
//! | bias, activation, dropout and residual in one pass | [`Fused`], [`Activation`] |
//! | what many passes with dropout on agree upon | [`monte_carlo`] |
//!
//! # Guarantees
//!
//! - A mask is a function of its address and rate alone: the same on every CPU, in every build, for every cut into windows, threads or
//!   machines, for all of 1.x.
//! - Dropped elements are +0.0, whatever they were. Kept ones are multiplied once and rounded once, so values are the same everywhere too; but
//!   for the payload of a NaN that is kept.
//! - p = 0 and p = 1 are exact, and any p is realised to 2^-33.
//! - No allocation, no global state, no panics. Arguments are checked first: after an error the output is as it was.
//!
//! # What is stable
//!
//! For all of 1.x, on every CPU and in every build, the same arguments give the same bits: masks, the outputs of every kind in both passes and every
//! mode, and the words of stored masks. A release that changes any of them is 2.0. Two tests stand guard: `tests/vectors.rs` has masks from an
//! evaluation of the contract that shares no code with the library, and `tests/kinds/digest.rs` a committed hash of what each kind makes of the same
//! inputs. Not promised are the payload of a NaN, the words of an error's message, and which backend is chosen.
//!
//! # Kinds
//!
//! | one decision a | here | PyTorch | Keras | Flax |
//! |---|---|---|---|---|
//! | element | [`Dropout`] (ONNX: `Dropout`) | `Dropout` | `Dropout` | `Dropout` |
//! | channel | [`Layout::ncl`], [`nchw`](Layout::nchw), [`ncdhw`](Layout::ncdhw) | `Dropout1d`, `2d`, `3d` | `SpatialDropout1D`, `2D`, `3D` | `broadcast_dims` |
//! | channel, channels last | [`Layout::nlc`], [`nhwc`](Layout::nhwc), [`ndhwc`](Layout::ndhwc) | | the same | `broadcast_dims` |
//! | sample (stochastic depth, `DropPath`) | [`Layout::sample`] | torchvision's `StochasticDepth` | `noise_shape` | `broadcast_dims` |
//! | element of a step (locked, variational) | [`Layout::locked`] | | `noise_shape` | `broadcast_dims` |
//! | whatever remains of the shape | [`Layout::shared`] | | `noise_shape` | `broadcast_dims` |
//! | any of these, for SELU | [`AlphaDropout`] | `AlphaDropout`, `FeatureAlphaDropout` | `AlphaDropout` | |
//! | any of these, as noise | [`GaussianDropout`] | | `GaussianDropout` | |
//! | square of a feature map | [`DropBlock`] | torchvision's `DropBlock2d` | | |
//! | weight (`DropConnect`) | [`Dropout`] of the weights | | | |
//! | any of these, quantised | [`QuantizedDropout`] | | | |
//! | any of these, stored (ONNX Runtime: `BitmaskDropout`) | [`Mode::Stored`] | | | |
//! | any of these, with bias, activation and residual | [`Fused`] | | | |
//!
//! Elements are `f32`, `f64`, and with a feature `f16` and `bf16`; quantised ones `i8` and `i16`. All kinds have all three modes, except that Gaussian
//! noise has no mask to store, and that DropBlock's is drawn beforehand and so always a stored one. `tests/peers` puts the same questions to
//! these layers and to their counterparts, and lists the answers.
//!
//! # Edge cases
//!
//! | | p = 0 | p = 1 | NaN, infinities | in evaluation |
//! |---|---|---|---|---|
//! | [`Dropout`] | times 1 | +0.0 | dropped: +0.0; kept: times the scale | as it is |
//! | [`Dropout`], classic | times 1 | +0.0 | dropped: +0.0; kept: times 1 | times 1-p: 1 at p = 0, 0 at p = 1 |
//! | [`AlphaDropout`] | as it is | +0.0 | dropped: as all others; kept: a * x + b | as it is |
//! | [`GaussianDropout`] | as it is | +0.0 | times the noise | as it is |
//! | [`DropBlock`] | times 1 | +0.0 | dropped: +0.0; kept: times elements / kept ones | as it is |
//! | [`QuantizedDropout`] | as it is | the zero point | there are none | as it is |
//!
//! A stored mask keeps what it keeps at any rate. At p = 1, where the scale is infinite, that is multiplied by infinity by [`Dropout`], by 0 by
//! [`AlphaDropout`], and by 32,767 by [`QuantizedDropout`] if it has a fixed-point scale.
//!
//! An empty tensor is no error: there is nothing to do.
//!
//! # Not here
//!
//! Layers with weights, automatic differentiation, tensors: bring slices. Cryptography: the generator is a statistical one.
//!
//! # Features
//!
//! None is on by default. `half` adds elements of the types `f16` and `bf16` of the crate of that name. `rayon` adds `Layer::in_parallel`, and
//! needs std.
#![no_std]
#![deny(missing_docs)]
#![deny(unsafe_code)]

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
mod simd;

pub use address::Address;
pub use backend::Backend;
pub use element::{Element, Float, Integer};
pub use error::Error;
pub use fused::{Activation, Fused};
pub use kinds::{
    Alpha, AlphaDropout, DropBlock, Dropout, Gaussian, GaussianDropout, Quantized, QuantizedDropout, Scaled, Scaling, Squares,
};
pub use layer::{AnyLayout, Kind, Layer, MaskKind, Mode};
pub use layout::{Layout, MAX_RANK};
pub use mask::{Mask, PackedMask};
pub use rate::Rate;

/// The README's example, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
