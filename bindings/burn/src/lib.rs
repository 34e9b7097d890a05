//! Dropout for [burn] on CPUs, by `dropout-kernels`: the mask of a forward pass is never stored, the backward pass
//! computes it again.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use dropout_kernels_burn::{Addresses, DropoutConfig};
//!
//! let addresses = Addresses::new(42);
//! let dropout = addresses.scope(|| DropoutConfig::new(0.5).init());
//!
//! let x = Tensor::<1>::ones([1000], &Device::flex().autodiff()).require_grad();
//! let y = dropout.forward(x.clone()); // each element is 0 or 2
//! let gradient = x.grad(&y.backward()).unwrap();
//! assert_eq!(gradient.into_data(), y.into_data());
//!
//! // Without autodiff, as in validation: the identity.
//! let x = Tensor::<1>::ones([1000], &Device::flex());
//! assert_eq!(dropout.forward(x.clone()).into_data(), x.into_data());
//! ```
//!
//! It runs on the backend Flex, in `f32`, `f64`, `f16` and `bf16`. On other devices it is dropout by the device's own
//! generator.

mod addresses;
mod backend;
mod counter;
mod dropout;
mod elsewhere;
mod kind;

pub use addresses::Addresses;
pub use counter::Counter;
pub use dropout::{Dropout, DropoutConfig};
pub use dropout_kernels::Address;
pub use kind::Kind;

/// The README's examples, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
