//! What the examples share.
#![allow(missing_docs, reason = "for these examples only")]
#![allow(clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::must_use_candidate, clippy::return_self_not_must_use)]
#![allow(clippy::cast_precision_loss, reason = "counts of images and units are small")]

pub mod arguments;
pub mod chart;
pub mod data;
pub mod linear;
pub mod network;
pub mod prediction;
pub mod training;
