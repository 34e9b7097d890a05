//! The errors of all functions.

use std::fmt;

/// An argument for which no output is defined. Arrays are then as they were.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// Two arrays of different shapes.
    Shape {
        /// The shape of the first.
        expected: Vec<usize>,
        /// The shape of the second.
        actual: Vec<usize>,
    },
    /// An error of the library.
    Kernel(dropout_kernels::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { expected, actual } => write!(f, "an output of shape {actual:?}: expected {expected:?}"),
            Self::Kernel(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<dropout_kernels::Error> for Error {
    fn from(error: dropout_kernels::Error) -> Self {
        Self::Kernel(error)
    }
}
