//! Alpha dropout, for self-normalising networks.

use crate::element::Float;
use crate::kernel::{Pair, Scale};
use crate::layer::{Layer, sealed};
use crate::rate::Rate;
use crate::simd::Lanes;

/// What SELU tends to at minus infinity: `-lambda * alpha` of Klambauer et al., whose two constants solve the fixed-point equations of
/// mean 0 and variance 1.
const SATURATED: f64 = -1.758_099_340_847_376_6;

/// Alpha dropout: what is dropped becomes the negative saturation value of SELU, and an affine map makes mean 0 and variance 1 what
/// they were (Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", NeurIPS 2017).
///
/// With `q = 1 - p` and `s = -lambda * alpha = -1.7580993408473766`, the output is `a * x + b` where kept and `a * s + b` where dropped, which
/// is `a * q * s` without the cancellation,
///
/// ```text
/// a = 1 / sqrt(q + s^2 * q * (1 - q))        b = a * (q - 1) * s
/// ```
///
/// all three constants computed in `f64`, by libm's square root, and rounded once; the product and the sum of a kept element are rounded
/// one after the other. The backward pass multiplies by `a` where kept. Evaluation is the identity, and so is training at p = 0. At p = 1,
/// where `a` is infinite, everything is dropped, to the limit `a * s + b` = +0.0.
///
/// With a layout whose spatial axes are shared this is feature alpha dropout.
///
/// ```
/// use dropout_kernels::{Address, AlphaDropout, Layout, Mode, Rate};
///
/// let dropout = AlphaDropout::new(Rate::new(0.5)?);
/// let train = Mode::Train(Address { seed: 42, layer: 0, step: 0, offset: 0 });
/// let mut x = [1.0_f32; 64];
/// dropout.apply_in_place(train, &mut x)?;
/// assert!(x.iter().all(|&y| y == 1.6655989 || y == -0.77919394));
///
/// let features = dropout.with_layout(Layout::nchw([1, 4, 4, 4])?);
/// features.apply_in_place(train, &mut x)?;
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
pub type AlphaDropout = Layer<Alpha>;

/// The kind of dropout of [`AlphaDropout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alpha {
    rate: Rate,
}

impl AlphaDropout {
    /// Alpha dropout of single elements, of slices of any length.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self::of(Alpha { rate }, None)
    }

    /// The rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.kind.rate
    }
}

impl Alpha {
    /// a, b, and what a dropped element becomes.
    fn constants(self) -> [f64; 3] {
        let q = self.rate.keep();
        if q == 0.0 {
            return [0.0; 3];
        }
        let a = 1.0 / libm::sqrt(q + SATURATED * SATURATED * q * (1.0 - q));
        // At p = 0 this b is -0.0, the one summand that leaves every x as it is.
        [a, a * (q - 1.0) * SATURATED, a * q * SATURATED]
    }
}

impl<E: Float> sealed::Kind<E> for Alpha {
    fn rate(&self) -> Rate {
        self.rate
    }

    #[inline(always)]
    fn forward(&self) -> impl Pair<E> {
        let [a, b, dropped] = self.constants();
        Affine { a: E::from_f64(a), b: E::from_f64(b), dropped: E::from_f64(dropped) }
    }

    #[inline(always)]
    fn backward(&self) -> impl Pair<E> {
        Scale::by(self.constants()[0])
    }

    fn evaluation(&self) -> Option<impl Pair<E>> {
        None::<Scale<E>>
    }
}

impl<E: Float> sealed::MaskKind<E> for Alpha {}

impl sealed::AnyLayout for Alpha {}

#[derive(Clone, Copy)]
struct Affine<E> {
    a: E,
    b: E,
    dropped: E,
}

impl<E: Float> Pair<E> for Affine<E> {
    #[inline(always)]
    fn kept<L: Lanes>(self, lanes: L, x: E::Vector<L>) -> E::Vector<L> {
        x * E::splat(lanes, self.a) + E::splat(lanes, self.b)
    }

    #[inline(always)]
    fn dropped<L: Lanes>(self, lanes: L, _: E::Vector<L>) -> E::Vector<L> {
        E::splat(lanes, self.dropped)
    }
}
