//! What can be wrong with the arguments of a call.

use core::fmt;

/// An argument that no mask or output is defined for.
///
/// Every fallible function checks all its arguments first: where one returns an error, it has written nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A rate that is not a probability: NaN, infinite, negative or above 1.
    Rate {
        /// The rate as given.
        p: f64,
    },
    /// A rate given as a ratio whose denominator is 0 or below its numerator.
    Ratio {
        /// The number of drops expected among `denominator` decisions.
        numerator: u32,
        /// The number of decisions.
        denominator: u32,
    },
    /// A raw threshold above 2^32.
    Threshold {
        /// The threshold as given.
        threshold: u64,
    },
    /// A slice whose length is not what the other arguments say.
    Length {
        /// Which argument.
        name: &'static str,
        /// The length that the other arguments ask for.
        expected: usize,
        /// The length of the slice.
        actual: usize,
    },
    /// A shape with more axes than [`MAX_RANK`](crate::MAX_RANK).
    Rank {
        /// The number of axes.
        rank: usize,
        /// The most that a shape can have.
        most: usize,
    },
    /// A shared axis that the shape does not have, or that is named twice.
    Axis {
        /// The axis as given.
        axis: usize,
        /// The number of axes of the shape.
        rank: usize,
    },
    /// A distance between rows that is less than the rows are long.
    Stride {
        /// The stride as given.
        stride: usize,
        /// The length of a row.
        columns: usize,
    },
    /// Elements that are not whole rows of a bias.
    Columns {
        /// The number of elements.
        elements: usize,
        /// The length of a row.
        columns: usize,
    },
    /// A shape whose number of elements does not fit `usize`.
    ShapeOverflow,
    /// A stored mask for a kind of dropout that drops by none, but multiplies by noise.
    StoredMask,
    /// A mask to be computed on the way, for a kind of dropout whose decisions are not single ones.
    ComputedMask,
    /// A block size of 0.
    BlockSize,
    /// Decisions whose logical index would reach past 2^64.
    IndexOverflow {
        /// The logical index of the first decision.
        offset: u64,
        /// How many decisions follow it, itself included.
        decisions: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Rate { p } => write!(f, "rate p = {p}: expected a probability from 0 to 1"),
            Self::Ratio { numerator, denominator } => {
                write!(f, "rate {numerator}/{denominator}: expected numerator <= denominator and denominator > 0")
            }
            Self::Threshold { threshold } => write!(f, "threshold {threshold}: expected at most 2^32"),
            Self::Length { name, expected, actual } => {
                write!(f, "length of `{name}` is {actual}: expected {expected}")
            }
            Self::Rank { rank, most } => write!(f, "a shape of {rank} axes: expected at most {most}"),
            Self::Axis { axis, rank } => {
                write!(f, "shared axis {axis} of a shape of {rank} axes: expected each axis below {rank}, once")
            }
            Self::Stride { stride, columns } => {
                write!(f, "stride {stride} of rows of {columns} columns: expected at least the columns")
            }
            Self::Columns { elements, columns } => {
                write!(f, "{elements} elements with a bias of {columns} columns: expected a multiple of the columns")
            }
            Self::ShapeOverflow => f.write_str("the shape has more elements than fit usize"),
            Self::StoredMask => f.write_str("mode Stored for Gaussian dropout, which has no mask: expected Train or Eval"),
            Self::ComputedMask => {
                f.write_str("mode Train for DropBlock, whose mask is drawn beforehand: expected Stored or Eval")
            }
            Self::BlockSize => f.write_str("block size 0: expected at least 1"),
            Self::IndexOverflow { offset, decisions } => {
                write!(f, "{decisions} decisions from offset {offset} reach past logical index 2^64")
            }
        }
    }
}

impl core::error::Error for Error {}

/// Errs unless a slice has the length that the other arguments ask for.
pub(crate) const fn check_length(name: &'static str, expected: usize, actual: usize) -> Result<(), Error> {
    if actual == expected { Ok(()) } else { Err(Error::Length { name, expected, actual }) }
}
