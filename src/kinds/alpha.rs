//! Alpha dropout, for self-normalising networks.

use crate::address::Address;
use crate::error::Error;
use crate::kernel::{Affine, Float};
use crate::layer::{Direction, Layer, Mode, Shape, sealed};
use crate::mask::Mask;
use crate::rate::Rate;

/// The limit of SELU at minus infinity, `-lambda * alpha`. Klambauer et al. derive both constants from the fixed point
/// of mean 0 and variance 1.
const SATURATED: f64 = -1.758_099_340_847_376_6;

/// Alpha dropout: dropped elements become SELU's negative saturation value, and an affine map then restores mean 0 and
/// variance 1 (Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", NeurIPS 2017).
///
/// With `q = 1 - p` and `s = -lambda * alpha = -1.7580993408473766`, a kept element becomes `a * x + b` and a dropped
/// one `a * s + b`, which is evaluated as `a * q * s` to avoid cancellation:
///
/// ```text
/// a = 1 / sqrt(q + s^2 * q * (1 - q))        b = a * (q - 1) * s
/// ```
///
/// The three constants are computed in `f64`, with libm's square root. They, the product and the sum are rounded as
/// [`Float`](crate::Float) says. The backward pass multiplies by `a` where kept and gives +0.0 where dropped. Evaluation is the
/// identity, and so is training at p = 0. At p = 1, where `a` is infinite, everything becomes +0.0, the limit of
/// `a * s + b`.
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
pub type AlphaDropout<L = ()> = Layer<Alpha, L>;

/// The kind of dropout of [`AlphaDropout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alpha {
    rate: Rate,
}

impl AlphaDropout {
    /// Alpha dropout with one decision per element, for slices of any length.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self::of(Alpha { rate })
    }
}

impl<L: Shape> AlphaDropout<L> {
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
}

impl Alpha {
    /// `a`, `b`, and the value of dropped elements.
    fn constants(self) -> [f64; 3] {
        let q = self.rate.keep();
        if q == 0.0 {
            return [0.0; 3];
        }
        let a = 1.0 / libm::sqrt(q + SATURATED * SATURATED * q * (1.0 - q));
        // At p = 0, b is -0.0: adding it leaves every x unchanged, -0.0 included.
        [a, a * (q - 1.0) * SATURATED, a * q * SATURATED]
    }
}

impl<E: Float> sealed::Kind<E> for Alpha {
    type Effect = Affine<E>;

    fn rate(&self) -> Option<Rate> {
        Some(self.rate)
    }

    fn effect(&self, direction: Direction, mode: Mode<'_>) -> Result<Affine<E>, Error> {
        let [a, b, dropped] = self.constants().map(E::number);
        Ok(match (mode, direction) {
            (Mode::Eval, _) => Affine { a: None, b: None, dropped: E::ZERO },
            (_, Direction::Forward) => Affine { a: Some(a), b: Some(b), dropped: E::nearest(dropped) },
            (_, Direction::Backward) => Affine { a: Some(a), b: None, dropped: E::ZERO },
        })
    }
}
