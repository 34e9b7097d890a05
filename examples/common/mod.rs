//! What the examples share.
#![allow(dead_code, reason = "each example uses its own part")]
#![allow(clippy::cast_precision_loss, reason = "counts of images and units are small")]

pub mod chart;
pub mod data;
pub mod network;
pub mod training;
