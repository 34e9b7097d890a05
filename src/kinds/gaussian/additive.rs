//! Additive Gaussian noise.

use crate::error::Error;
use crate::kernel::{Float, Noisy};
use crate::layer::{Direction, Layer, Mode, Shape, sealed};
use crate::rate::Rate;

/// Gaussian noise: adds noise of mean 0 and a given standard deviation to each element, which regularises as weight
/// decay does (Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7, 1995).
///
/// The noise is `deviation * z` in `f32`, rounded once. `z` is the normal of [`GaussianDropout`](crate::GaussianDropout)
/// with the same address, whose documentation has its errors. The sum of element and noise is rounded as
/// [`Float`](crate::Float) says.
///
/// The backward pass is the identity, and so are evaluation and training with a deviation of 0. Elements that share a
/// decision share their noise.
///
/// ```
/// use dropout_kernels::{Address, GaussianNoise, Mode};
///
/// let noise = GaussianNoise::new(0.5)?;
/// let train = Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 });
/// let mut x = [1.0_f32; 1000];
/// noise.apply_in_place(train, &mut x)?;
/// let mean = x.iter().sum::<f32>() / 1000.0;
/// let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 1000.0;
/// assert!((mean - 1.0).abs() < 0.05 && (variance - 0.25).abs() < 0.05);
///
/// let mut gradient = [1.0_f32; 1000];
/// noise.backward_in_place(train, &mut gradient)?;
/// assert_eq!(gradient, [1.0; 1000]);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
pub type GaussianNoise<L = ()> = Layer<Additive, L>;

/// The kind of dropout of [`GaussianNoise`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Additive {
    deviation: f32,
}

impl GaussianNoise {
    /// Gaussian noise of this standard deviation, one value per element, for slices of any length.
    ///
    /// # Errors
    /// [`Error::Deviation`] if `deviation` is NaN, infinite or negative. (-0.0 counts as 0.)
    pub const fn new(deviation: f32) -> Result<Self, Error> {
        if deviation >= 0.0 && deviation.is_finite() {
            Ok(Self::of(Additive { deviation }))
        } else {
            Err(Error::Deviation { deviation })
        }
    }
}

impl<L: Shape> GaussianNoise<L> {
    /// The standard deviation.
    #[must_use]
    pub const fn deviation(&self) -> f32 {
        self.kind.deviation
    }
}

impl<E: Float> sealed::Kind<E> for Additive {
    type Effect = Noisy;

    /// There is no mask that could have been stored.
    fn rate(&self) -> Option<Rate> {
        None
    }

    fn effect(&self, direction: Direction, mode: Mode<'_>) -> Result<Noisy, Error> {
        Ok(match (mode, direction) {
            (Mode::Train(address), Direction::Forward) if self.deviation > 0.0 => Noisy::Plus(address, self.deviation),
            _ => Noisy::Keep,
        })
    }
}
