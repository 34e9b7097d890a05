//! The element types of tensors, and what kernels do with them.

mod float;
#[cfg(feature = "half")]
mod half;
mod integer;
pub(crate) mod sealed;
