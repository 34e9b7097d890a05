//! Dropout for CPUs.
#![no_std]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod address;
mod bernoulli;
mod dropout;
mod element;
mod error;
mod kernel;
mod lanes;
mod layout;
mod mask;
#[cfg(feature = "rayon")]
mod parallel;
pub mod philox;
mod planes;
mod rate;
mod tiles;

pub use address::Address;
pub use dropout::{Dropout, Mode, Scaling};
pub use element::Element;
pub use error::Error;
pub use lanes::Backend;
pub use layout::{Layout, MAX_RANK};
pub use mask::Mask;
pub use rate::Rate;
