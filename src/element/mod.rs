//! The types that tensors are made of.

mod float;
#[cfg(feature = "half")]
mod half;
mod integer;
pub(crate) mod sealed;

/// A type of element: a [`Float`] or an [`Integer`].
///
/// Sealed: the kernels for a type are part of the library.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Element: sealed::Element {}

impl<E: sealed::Element> Element for E {}

/// A type of element to compute with: `f32`, `f64`, and with the feature `half` that crate's `f16` and `bf16`, which are computed
/// with in `f32` and rounded once.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Float: Element + sealed::Float {}

impl<E: sealed::Float> Float for E {}

/// A quantised type of element: `i8` and `i16`.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Integer: Element + sealed::Integer {}

impl<E: sealed::Integer> Integer for E {}
