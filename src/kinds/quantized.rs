//! Dropout of quantised values.

use crate::element::Integer;
use crate::kernel::Pair;
use crate::layer::{Layer, sealed};
use crate::rate::Rate;
use crate::simd::Lanes;

/// Inverted dropout of quantised values, `i8` or `i16`, that stand for `(x - zero_point) * step`.
///
/// What is dropped becomes the zero point. What is kept stays as it is, and the [`scale`](Self::scale) is for the caller to fold into the next
/// requantisation; or, [`with_fixed_point_scale`](Self::with_fixed_point_scale), it becomes
///
/// ```text
/// zero_point + round((x - zero_point) * m / 2^s)        2^14 <= m < 2^15
/// ```
///
/// rounded to nearest, ties up, and saturated at the ends of the type, where `m / 2^s` is the fraction nearest to the scale: to a relative 2^-15,
/// for every scale below 2^15 - 1; greater scales are clamped to that. No floating-point arithmetic is done on values.
///
/// Evaluation is the identity. At p = 0 everything stays, at p = 1 everything becomes the zero point. The backward pass is the same map,
/// of gradients quantised with the same zero point.
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
pub type QuantizedDropout<E> = Layer<Quantized<E>>;

/// The kind of dropout of [`QuantizedDropout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantized<E> {
    rate: Rate,
    zero_point: E,
    scaled: bool,
}

impl<E: Integer> QuantizedDropout<E> {
    /// Dropout of single elements, of slices of any length, that leaves the scale to the caller.
    #[must_use]
    pub const fn new(rate: Rate, zero_point: E) -> Self {
        Self::of(Quantized { rate, zero_point, scaled: false }, None)
    }

    /// The same layer, which applies the scale too.
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

    /// What is left to multiply kept values by: 1/(1-p), or 1 with a fixed-point scale.
    #[must_use]
    pub const fn scale(&self) -> f64 {
        if self.kind.scaled { 1.0 } else { self.kind.rate.scale() }
    }
}

impl<E: Integer> sealed::Kind<E> for Quantized<E> {
    fn rate(&self) -> Rate {
        self.rate
    }

    #[inline(always)]
    fn forward(&self) -> impl Pair<E> {
        let (multiplier, shift) = if self.scaled { fixed_point(self.rate) } else { (1, 0) };
        Rescale { zero_point: self.zero_point, multiplier, shift }
    }

    fn evaluation(&self) -> Option<impl Pair<E>> {
        None::<Rescale<E>>
    }
}

impl<E: Integer> sealed::MaskKind<E> for Quantized<E> {}

impl<E: Integer> sealed::AnyLayout for Quantized<E> {}

/// The scale of a rate as m and s. In integers, for firmware without an FPU.
fn fixed_point(rate: Rate) -> (i32, u32) {
    const RANGE: u64 = 1 << 32;
    let keep = RANGE - rate.threshold();
    let mut shift = 14;
    // m = round(2^32 / keep * 2^s), which one place less makes fit.
    loop {
        let multiplier = ((RANGE << shift) + keep / 2).checked_div(keep).unwrap_or(u64::MAX);
        if multiplier < 1 << 15 || shift == 0 {
            return (multiplier.min((1 << 15) - 1) as i32, shift);
        }
        shift -= 1;
    }
}

#[derive(Clone, Copy)]
struct Rescale<E> {
    zero_point: E,
    multiplier: i32,
    shift: u32,
}

impl<E: Integer> Pair<E> for Rescale<E> {
    #[inline(always)]
    fn kept<L: Lanes>(self, lanes: L, x: E::Vector<L>) -> E::Vector<L> {
        E::rescale(lanes, x, self.zero_point, self.multiplier, self.shift)
    }

    #[inline(always)]
    fn dropped<L: Lanes>(self, lanes: L, _: E::Vector<L>) -> E::Vector<L> {
        E::splat(lanes, self.zero_point)
    }
}
