//! The kinds of dropout, which do not see each other: each says what becomes of kept and of dropped elements.

mod alpha;
mod drop_block;
mod dropout;
mod gaussian;
mod quantized;

pub use alpha::{Alpha, AlphaDropout};
pub use drop_block::{DropBlock, Squares};
pub use dropout::{Dropout, Scaled, Scaling};
pub use gaussian::{Gaussian, GaussianDropout};
pub use quantized::{Quantized, QuantizedDropout};
