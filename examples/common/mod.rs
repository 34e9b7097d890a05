//! What the examples share.
#![allow(dead_code, reason = "each example uses its own part")]
#![allow(clippy::cast_precision_loss, reason = "counts of images and units are small")]

pub mod chart;
pub mod data;
pub mod linear;
pub mod network;
pub mod training;

use std::error::Error;
use std::process::ExitCode;

/// How an example ends: an error in words, not in Rust's debug notation as if `main` returned it.
pub fn exit_code(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
