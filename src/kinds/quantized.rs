//! Dropout of quantised values, in integer arithmetic.

use crate::address::Address;
use crate::error::Error;
use crate::kernel::{Integer, Rescale};
use crate::layer::{Direction, Layer, Mode, Shape, sealed};
use crate::mask::Mask;
use crate::rate::Rate;

/// Inverted dropout of quantised tensors, `i8`, `u8` or `i16`, whose real values are proportional to `x - zero_point`.
///
/// A dropped element becomes the zero point. A kept one stays as it is, and the caller folds the scale into the next
/// requantisation, with [`Rate::fold_scale`] or as a [number](Self::scale). After
/// [`with_fixed_point_scale`](Self::with_fixed_point_scale) it is scaled here instead, to
///
/// ```text
/// zero_point + round((x - zero_point) * m / 2^s)        2^14 <= m < 2^15
/// ```
///
/// rounded to nearest, ties up, and saturated to the range of the type. `m / 2^s` approximates the scale 1/(1-p) to a
/// relative 2^-15, up to 32,767, to which larger scales are clamped. Values are only ever handled in integer
/// arithmetic.
///
/// Evaluation is the identity. p = 0 changes nothing, and p = 1 makes everything the zero point. The backward pass is
/// the same map, for gradients quantised with the same zero point.
///
/// ```
/// use dropout_kernels::{Address, Mode, QuantizedDropout, Rate};
///
/// let train = Mode::Train(Address { seed: 42, layer: 0, step: 0, offset: 0 });
/// let dropout = QuantizedDropout::new(Rate::new(0.5)?, -3_i8);
/// let mut x = [10; 64];
/// dropout.apply_in_place(train, &mut x)?;
/// assert!(x.iter().all(|&y| y == 10 || y == -3));
/// assert_eq!(dropout.scale(), 2.0);
///
/// let mut x = [10; 64];
/// dropout.with_fixed_point_scale().apply_in_place(train, &mut x)?;
/// assert!(x.iter().all(|&y| y == -3 + 13 * 2 || y == -3));
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
///
/// # Between layers of TensorFlow Lite and CMSIS-NN
/// Their activations are N x H x W x C ([`Layout::nhwc`](crate::Layout::nhwc) for decisions per channel) and have one
/// zero point a tensor. Their layers sum in `i32`, with a bias in the same units, and requantise sums by a multiplier
/// and a shift, of the tensor or of each channel. [`Rate::fold_scale`] folds 1/(1-p) into these pairs, either
///
/// - of the layer *before* dropout, whose output range must have room for the scale; or
/// - of the layer *behind* it, whose bias must then be multiplied by 1-p, as it was not dropped.
///
/// Evaluation takes pairs and bias as they were.
pub type QuantizedDropout<E, L = ()> = Layer<Quantized<E>, L>;

/// The kind of dropout of [`QuantizedDropout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantized<E> {
    rate: Rate,
    zero_point: E,
    scaled: bool,
}

impl<E: Integer> QuantizedDropout<E> {
    /// Dropout with one decision per element, for slices of any length, that leaves the scale to the caller.
    #[must_use]
    pub const fn new(rate: Rate, zero_point: E) -> Self {
        Self::of(Quantized { rate, zero_point, scaled: false })
    }
}

impl<E: Integer, L: Shape> QuantizedDropout<E, L> {
    /// The same layer, which also applies the scale.
    #[must_use]
    pub const fn with_fixed_point_scale(mut self) -> Self {
        self.kind.scaled = true;
        self
    }

    /// The rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.kind.rate
    }

    /// The mask of an address, as this layer drops by it: one decision per element or, with a layout, for each of its
    /// decisions, and for a [part](crate::Layout::part) those of the whole.
    #[must_use]
    pub fn mask(&self, address: Address) -> Mask {
        self.options.mask(self.kind.rate, address)
    }

    /// The zero point, which dropped values become.
    #[must_use]
    pub const fn zero_point(&self) -> E {
        self.kind.zero_point
    }

    /// The factor that the caller still has to apply to kept values: 1/(1-p), or 1 with a fixed-point scale.
    #[must_use]
    pub const fn scale(&self) -> f64 {
        if self.kind.scaled { 1.0 } else { self.kind.rate.scale() }
    }
}

impl<E: Integer> sealed::Kind<E> for Quantized<E> {
    type Effect = Rescale<E>;

    fn rate(&self) -> Option<Rate> {
        Some(self.rate)
    }

    #[inline]
    fn effect(&self, _: Direction, mode: Mode<'_>) -> Result<Rescale<E>, Error> {
        let scales = self.scaled && mode != Mode::Eval;
        Ok(Rescale { zero_point: self.zero_point, scale: scales.then(|| fixed_point(self.rate)) })
    }
}

/// The scale 1/(1-p) as m and s. In integers, for firmware without an FPU.
fn fixed_point(rate: Rate) -> (i32, u32) {
    const RANGE: u64 = 1 << 32;
    let keep = RANGE - rate.threshold();
    let mut shift = 14;
    // m = round(2^32 / keep * 2^s), for the largest s up to 14 with which it fits 15 bits.
    loop {
        // At p = 1, keep is 0 and the scale infinite, which the clamp below makes 32,767. Only a stored mask can keep
        // anything then.
        let multiplier = ((RANGE << shift) + keep / 2).checked_div(keep).unwrap_or(u64::MAX);
        if multiplier < 1 << 15 || shift == 0 {
            return (multiplier.min((1 << 15) - 1) as i32, shift);
        }
        shift -= 1;
    }
}
