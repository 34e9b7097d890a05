//! Dropout of [ndarray]'s arrays and views, by `dropout-kernels`: in any order of memory, in place or from one view to
//! another, without copies.
//!
//! ```
//! use dropout_kernels::{Address, Dropout, Mode, Rate};
//! use dropout_kernels_ndarray::ArrayLayer;
//! use ndarray::{Array2, s};
//!
//! let dropout = ArrayLayer::new(Dropout::new(Rate::new(0.5)?));
//! let train = Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 });
//!
//! let x = Array2::<f32>::ones((100, 200));
//! let mut y = Array2::zeros((100, 200));
//! dropout.apply(train, x.view(), y.view_mut())?;
//!
//! // The mask follows the logical order of the elements, so any order of memory gives the same result.
//! let mut columns_first = Array2::zeros((200, 100)).reversed_axes();
//! dropout.apply(train, x.view(), columns_first.view_mut())?;
//! assert_eq!(columns_first, y);
//!
//! // Every second row and column, in place.
//! dropout.apply_in_place(train, y.slice_mut(s![..;2, ..;2]))?;
//! # Ok::<(), dropout_kernels_ndarray::Error>(())
//! ```
//!
//! Feature maps share a decision along their axes, [`sharing`](ArrayLayer::sharing)`(&[Axis(2), Axis(3)])` for
//! N x C x H x W.

mod boxes;
mod error;
mod layer;

pub use error::Error;
pub use layer::ArrayLayer;

/// The README's examples, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
