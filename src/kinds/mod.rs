//! The kinds of dropout, one per file: each says what becomes of kept and of dropped elements. None imports another.
//!
//! A new kind is a file here that implements `layer::sealed::Kind`, and its line below.

mod alpha;
mod drop_block;
mod dropout;
mod gaussian;
mod quantized;
mod select;

pub use alpha::{Alpha, AlphaDropout};
pub use drop_block::DropBlock;
pub use dropout::{Dropout, Scaled, Scaling};
pub use gaussian::{Additive, Gaussian, GaussianDropout, GaussianNoise};
pub use quantized::{Quantized, QuantizedDropout};
pub use select::Select;
