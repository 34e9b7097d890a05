//! Dropout itself: kept values are scaled, dropped ones become zero.

use core::fmt;

use crate::address::Address;
use crate::error::Error;
use crate::kernel::{Float, Scale};
use crate::layer::{Direction, Layer, Mode, Shape, sealed};
use crate::mask::Mask;
use crate::rate::Rate;

/// Which pass makes up for the magnitude that dropping takes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scaling {
    /// Training multiplies kept values by 1/(1-p); evaluation is the identity. PyTorch, Keras and Flax do this.
    #[default]
    Inverted,
    /// Training leaves kept values as they are; evaluation multiplies all values by 1-p. Call it on the activations in
    /// each pass, or once on the weights that read them (Srivastava et al., "Dropout: a simple way to prevent neural
    /// networks from overfitting", JMLR 15, 2014). Where neither pass is to scale, use [`Select`](crate::Select).
    Classic,
}

/// Dropout: in training each decision of the mask keeps or drops the elements that share it (Srivastava et al.,
/// "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014).
///
/// A dropped element becomes +0.0, even if it was NaN or infinite. A kept one is multiplied by the scale, to
/// the precision that [`Float`](crate::Float) states. p = 0 keeps everything and p = 1 drops everything.
///
/// Applied to weights instead of activations this is *DropConnect* (Wan, Zeiler, Zhang, LeCun and Fergus,
/// "Regularization of neural networks using DropConnect", ICML 2013): apply the layer to the weights, run the network
/// with the result, and run `backward` on the gradient of the weights.
///
/// ```
/// use dropout_kernels::{Address, Dropout, Layout, Mode, Rate};
///
/// let x = [1.0_f32; 64];
/// let mut y = [0.0; 64];
/// let dropout = Dropout::new(Rate::new(0.5)?);
/// let train = Mode::Train(Address { seed: 42, layer: 0, step: 0, offset: 0 });
/// dropout.apply(train, &x, &mut y)?;
/// assert!(y.iter().all(|&y| y == 0.0 || y == 2.0));
///
/// let mut gradient = [1.0_f32; 64];
/// dropout.backward_in_place(train, &mut gradient)?;
/// assert_eq!(gradient, y);
///
/// dropout.apply(Mode::Eval, &x, &mut y)?;
/// assert_eq!(y, x);
///
/// // Another layer, of spatial dropout: whole 4 x 4 maps of one image with four channels.
/// let spatial = dropout.with_layout(Layout::nchw([1, 4, 4, 4])?);
/// spatial.apply(Mode::Train(Address { seed: 42, layer: 1, step: 0, offset: 0 }), &x, &mut y)?;
/// assert!(y.chunks(16).all(|map| map == [0.0; 16] || map == [2.0; 16]));
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
pub type Dropout<L = ()> = Layer<Scaled, L>;

/// The kind of dropout of [`Dropout`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scaled {
    rate: Rate,
    scaling: Scaling,
    /// The bits of the factor as an `f32`: computed here, a layer that is a constant costs firmware no division.
    factor: u32,
}

impl Dropout {
    /// Inverted dropout with one decision per element, for slices of any length.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self::of(Scaled::new(rate, Scaling::Inverted))
    }
}

impl<L: Shape> Dropout<L> {
    /// The same layer with another scaling.
    #[must_use]
    pub const fn with_scaling(mut self, scaling: Scaling) -> Self {
        self.kind = Scaled::new(self.kind.rate, scaling);
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

    /// The scaling.
    #[must_use]
    pub const fn scaling(&self) -> Scaling {
        self.kind.scaling
    }
}

impl fmt::Debug for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let factor = f32::from_bits(self.factor);
        f.debug_struct("Scaled").field("rate", &self.rate).field("scaling", &self.scaling).field("factor", &factor).finish()
    }
}

impl Scaled {
    const fn new(rate: Rate, scaling: Scaling) -> Self {
        let factor = match scaling {
            Scaling::Inverted => rate.scale_f32(),
            Scaling::Classic => rate.keep_f32(),
        };
        Self { rate, scaling, factor: factor.to_bits() }
    }

    /// The factor of kept values in this mode, if there is one.
    #[inline]
    pub(crate) fn factor<E: Float>(&self, mode: &Mode<'_>) -> Option<E::Number> {
        let is = |exact: fn(Rate) -> f64| Some(E::constant(f32::from_bits(self.factor), || exact(self.rate)));
        match (self.scaling, mode) {
            (Scaling::Inverted, Mode::Eval) => None,
            (Scaling::Inverted, _) => is(Rate::scale),
            (Scaling::Classic, Mode::Eval) => is(Rate::keep),
            (Scaling::Classic, _) => None,
        }
    }
}

impl<E: Float> sealed::Kind<E> for Scaled {
    type Effect = Scale<E>;

    fn rate(&self) -> Option<Rate> {
        Some(self.rate)
    }

    #[inline]
    fn effect(&self, _: Direction, mode: Mode<'_>) -> Result<Scale<E>, Error> {
        Ok(Scale(self.factor::<E>(&mode)))
    }
}
