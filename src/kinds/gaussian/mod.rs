//! Gaussian noise: multiplied with elements, or added to them.

mod additive;
mod dropout;

pub use additive::{Additive, GaussianNoise};
pub use dropout::{Gaussian, GaussianDropout};
