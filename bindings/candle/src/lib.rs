//! Dropout for [candle](candle_core) on CPUs, by `dropout-kernels`: the mask of a forward pass is never stored, the
//! backward pass computes it again.
//!
//! ```
//! use candle_core::{DType, Device, Tensor, Var};
//! use dropout_kernels_candle::{Addresses, Dropout};
//!
//! let addresses = Addresses::new(42);
//! let dropout = Dropout::new_in(0.5, &addresses);
//!
//! let x = Var::ones(1000, DType::F32, &Device::Cpu)?;
//! let y = dropout.forward(&x, true)?; // each element is 0 or 2
//! let gradient = y.backward()?.remove(&x).unwrap();
//! assert_eq!(gradient.to_vec1::<f32>()?, y.to_vec1::<f32>()?);
//!
//! let y = dropout.forward(&x, false)?; // evaluation: the identity
//! assert_eq!(y.to_vec1::<f32>()?, [1.0; 1000]);
//! # Ok::<(), candle_core::Error>(())
//! ```
//!
//! | module | input | one decision per | dropped values become |
//! |---|---|---|---|
//! | [`Dropout`] | any shape | element | 0 |
//! | [`Dropout1d`] | N x C x L | channel | 0 |
//! | [`Dropout2d`] | N x C x H x W | feature map | 0 |
//! | [`Dropout3d`] | N x C x D x H x W | feature volume | 0 |
//! | [`AlphaDropout`] | any shape | element | SELU's limit, then `a * x + b` |
//!
//! They take `f32`, `f64`, `f16` and `bf16` on the CPU. On other devices they are dropout by the device's own generator.
//!
//! # Which mask
//!
//! A mask is a function of an [`Address`] and a rate. [`Addresses`] gives each module of a model the number of its
//! layer, and each training call the next step.

mod addresses;
mod checkpoint;
mod elsewhere;
mod kind;
mod layer;
mod pass;

pub use addresses::Addresses;
pub use dropout_kernels::Address;
pub use kind::{Alpha, Kind, Scaled};
pub use layer::{AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, Layer, dropout};
