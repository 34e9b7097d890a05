//! Monte-Carlo dropout of an int8 network, as TensorFlow Lite and CMSIS-NN quantise it.
//!
//! What runs on the microcontroller, and on the host that it is compared with: the same code, the same bits.
#![no_std]

pub mod dense;
pub mod monte_carlo;
pub mod report;
pub mod requantization;
