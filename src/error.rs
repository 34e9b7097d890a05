//! The errors of all functions: arguments for which no mask or output is defined.

use core::fmt;

/// An argument for which no mask or output is defined.
///
/// Functions check all arguments before they write anything: after an error every slice is as it was.
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
        /// The numerator as given.
        numerator: u32,
        /// The denominator as given.
        denominator: u32,
    },
    /// A raw threshold above 2^32.
    Threshold {
        /// The threshold as given.
        threshold: u64,
    },
    /// A standard deviation of noise that is NaN, infinite or negative.
    Deviation {
        /// The deviation as given.
        deviation: f32,
    },
    /// A slice, or a stored mask, whose length does not fit the other arguments.
    Length {
        /// The name of the parameter. The length of `words` counts words of 32 decisions each.
        name: &'static str,
        /// The length that the other arguments require.
        expected: usize,
        /// The length as given.
        actual: usize,
    },
    /// A shape with more axes than [`MAX_RANK`](crate::MAX_RANK).
    Rank {
        /// The number of axes.
        rank: usize,
        /// The maximum, [`MAX_RANK`](crate::MAX_RANK).
        most: usize,
    },
    /// A shared axis that the shape does not have, or that is listed twice.
    Axis {
        /// The axis as given, counted from 0.
        axis: usize,
        /// The number of axes of the shape.
        rank: usize,
    },
    /// A stride with which elements would overlap.
    Stride {
        /// The axis, counted from 0.
        axis: usize,
        /// Its stride as given, in elements.
        stride: usize,
        /// The least that steps over all elements of the axes with smaller strides.
        least: usize,
    },
    /// A part that ends outside of the whole tensor.
    Part {
        /// The axis along which it does, counted from 0.
        axis: usize,
        /// Where the part begins.
        start: usize,
        /// The extent of the part.
        extent: usize,
        /// The extent of the whole.
        whole: usize,
    },
    /// A tensor whose length is not a multiple of a row's, such as a bias: it does not consist of whole rows.
    Columns {
        /// The number of elements of the tensor.
        elements: usize,
        /// The number of columns, the length of the row.
        columns: usize,
    },
    /// A shape whose number of elements does not fit `usize`, or whose number of decisions does not fit `u64` or, where
    /// they are to be stored, `usize`.
    ShapeOverflow,
    /// [`Mode::Stored`](crate::Mode::Stored) for Gaussian dropout or noise, which have no mask.
    StoredMask,
    /// A `block_size` of 0.
    BlockSize {
        /// The axis of the maps, counted from 0.
        axis: usize,
    },
    /// Decisions whose logical indices do not all fit 64 bits.
    IndexOverflow {
        /// The logical index of the first decision.
        offset: u64,
        /// The number of decisions from `offset` on.
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
            Self::Deviation { deviation } => {
                write!(f, "standard deviation {deviation}: expected a finite number that is not negative")
            }
            Self::Length { name, expected, actual } => {
                // A mask is written as words, and stored with the number of its decisions.
                let unit = match name {
                    "words" => " words of 32 decisions",
                    "shape" | "start" | "strides" => " entries, one for each axis",
                    "mask" => "",
                    _ => " elements",
                };
                write!(f, "length of `{name}` is {actual}: expected {expected}{unit}")
            }
            Self::Rank { rank, most } => write!(f, "a shape of {rank} axes: expected at most {most}"),
            Self::Axis { axis, rank } => {
                write!(f, "shared axis {axis} of a shape of {rank} axes: expected each axis below {rank}, once")
            }
            Self::Stride { axis, stride, least } => {
                write!(f, "stride {stride} of axis {axis}, with which elements overlap: expected at least {least}")
            }
            Self::Part { axis, start, extent, whole } => {
                write!(f, "a part of {extent} from {start} on along axis {axis}: expected it to end within {whole}")
            }
            Self::Columns { elements, columns } => {
                write!(f, "{elements} elements with a row of {columns} columns: expected a multiple of the columns")
            }
            Self::ShapeOverflow => {
                f.write_str("the shape has more elements than fit usize, or more decisions than fit u64 or are to be stored")
            }
            Self::StoredMask => f.write_str("mode Stored for Gaussian noise, which has no mask: expected Train or Eval"),
            Self::BlockSize { axis } => {
                write!(f, "block size 0 along axis {axis} of the maps: expected at least 1")
            }
            Self::IndexOverflow { offset, decisions } => {
                write!(f, "{decisions} decisions from offset {offset} reach past logical index 2^64: expected a lower offset")
            }
        }
    }
}

impl core::error::Error for Error {}

/// `Error::Length` unless the slice `name` has the expected length.
pub(crate) const fn check_length(name: &'static str, expected: usize, actual: usize) -> Result<(), Error> {
    if actual == expected { Ok(()) } else { Err(Error::Length { name, expected, actual }) }
}
