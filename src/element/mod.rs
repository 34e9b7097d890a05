//! The element types of tensors.

mod float;
#[cfg(feature = "half")]
mod half;
mod integer;
pub(crate) mod sealed;

/// An element type: a [`Float`] or an [`Integer`].
///
/// Sealed: the kernels are written for these types only.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Element: sealed::Element {}

impl<E: sealed::Element> Element for E {}

/// A floating-point element type: `f32`, `f64`, and with the feature `half` that crate's `f16` and `bf16`. Arithmetic
/// on half precision is done in `f32`, and its result rounded once.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Float: Element + sealed::Float {}

impl<E: sealed::Float> Float for E {}

/// An element type of quantised tensors: `i8` or `i16`.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Integer: Element + sealed::Integer {}

impl<E: sealed::Integer> Integer for E {}
