//! Gaussian dropout: multiplies by noise instead of a mask.

use crate::error::Error;
use crate::kernel::{Float, Noisy};
use crate::layer::{Direction, Layer, Mode, Shape, sealed};
use crate::rate::Rate;

/// Gaussian dropout: multiplies each element by noise of mean 1 and variance p/(1-p), the moments of inverted dropout's
/// factors (Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014,
/// section 10).
///
/// The noise is `1 + sigma * z`, in `f32`, the product and the sum each rounded. `sigma = sqrt(p/(1-p))` is computed
/// from the realised rate in `f64`, with libm's square root, and rounded once. The product of element and noise is
/// rounded as [`Float`](crate::Float) says.
///
/// `z` is the standard normal quantile at `(U + 1/2) / 2^32`. U is a uniform 32-bit integer. Each call of the generator
/// gives four of these, in a domain of its own, so noise is unrelated to the masks of the same address. The quantile is
/// an approximation:
///
/// | over all 2^32 values of U | |
/// |---|---|
/// | absolute error of z | at most 2.0e-6, or 6.5 units in the last place |
/// | mean, skewness of z | 0 exactly |
/// | variance, kurtosis | 1 + 1.7e-8, 3 - 1.3e-7 |
/// | Kolmogorov distance from the normal | 7.0e-8 |
/// | with \|z\| > 5 | 2462 values (2462.3 expected) |
/// | largest z | 6.337957 |
///
/// The backward pass is the same map. Evaluation is the identity, and so is training at p = 0. At p = 1 the variance
/// would be infinite, and everything is dropped to +0.0, as by all other kinds. Below p = 1 a NaN stays NaN and an
/// infinity stays infinite, unless its noise is exactly 0, which makes it NaN (at p = 0.1, for 55 of the 2^32 values of
/// U).
///
/// ```
/// use dropout_kernels::{Address, GaussianDropout, Mode, Rate};
///
/// let dropout = GaussianDropout::new(Rate::new(0.2)?);
/// let mut x = [1.0_f32; 1000];
/// dropout.apply_in_place(Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 }), &mut x)?;
/// let mean = x.iter().sum::<f32>() / 1000.0;
/// let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 1000.0;
/// assert!((mean - 1.0).abs() < 0.05 && (variance - 0.25).abs() < 0.05);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
pub type GaussianDropout<L = ()> = Layer<Gaussian, L>;

/// The kind of dropout of [`GaussianDropout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gaussian {
    rate: Rate,
}

impl GaussianDropout {
    /// Gaussian dropout with one noise value per element, for slices of any length.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self::of(Gaussian { rate })
    }
}

impl<L: Shape> GaussianDropout<L> {
    /// The rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.kind.rate
    }
}

impl<E: Float> sealed::Kind<E> for Gaussian {
    type Effect = Noisy;

    /// There is no mask that could have been stored. Why that is an error at run time: see [`Mode`].
    fn rate(&self) -> Option<Rate> {
        None
    }

    fn effect(&self, _: Direction, mode: Mode<'_>) -> Result<Noisy, Error> {
        let (keep, drop) = (self.rate.keep(), self.rate.realised());
        Ok(match mode {
            Mode::Train(_) if keep == 0.0 => Noisy::Drop,
            Mode::Train(address) if drop > 0.0 => Noisy::Times(address, libm::sqrt(drop / keep) as f32),
            _ => Noisy::Keep,
        })
    }
}
