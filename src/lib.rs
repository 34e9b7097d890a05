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
//! | squares of feature maps, which no layout says | [`DropBlock`] |
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
//! # Edge cases
//!
//! | | in training | in evaluation |
//! |---|---|---|
//! | p = 0 | times 1 | inverted: as it is; classic: times 1 |
//! | p = 1 | +0.0 everywhere | inverted: as it is; classic: times 0 |
//! | NaN, infinities | dropped: +0.0; kept: times the scale | times the factor |
//! | empty tensor | nothing to do | nothing to do |
//!
//! # Not here
//!
//! Layers with weights, automatic differentiation, tensors: bring slices. Cryptography: the generator is a statistical one.
//!
//! # Features
//!
//! None is on by default. `rayon` adds `Dropout::in_parallel`, and needs std.
#![no_std]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod address;
mod alpha;
mod bernoulli;
mod drop_block;
mod dropout;
mod element;
mod error;
mod gaussian;
mod kernel;
mod lanes;
mod layer;
mod layout;
mod mask;
pub mod monte_carlo;
mod normal;
mod packed;
#[cfg(feature = "rayon")]
mod parallel;
pub mod philox;
mod planes;
mod quantized;
mod rate;
mod rounds;
mod stream;
mod tiles;

pub use address::Address;
pub use alpha::{Alpha, AlphaDropout};
pub use drop_block::{Blocks, DropBlock};
pub use dropout::{Dropout, Scaled, Scaling};
pub use element::{Element, Float, Integer};
pub use error::Error;
pub use gaussian::{Gaussian, GaussianDropout};
pub use lanes::Backend;
pub use layer::{Kind, Layer, MaskKind, Mode};
pub use layout::{Layout, MAX_RANK};
pub use mask::Mask;
pub use packed::PackedMask;
pub use quantized::{Quantized, QuantizedDropout};
pub use rate::Rate;

/// The README's example, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
