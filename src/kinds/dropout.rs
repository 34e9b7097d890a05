//! Dropout itself: kept values are scaled, dropped ones are zero.

use crate::element::Float;
use crate::kernel::{Pair, Scale};
use crate::layer::{Layer, sealed};
use crate::rate::Rate;

/// Where the loss of magnitude that dropping causes is made good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scaling {
    /// In training: what is kept is multiplied by 1/(1-p), and evaluation is the identity. This is what PyTorch, Keras and Flax do.
    #[default]
    Inverted,
    /// At inference: training leaves what is kept as it is, and evaluation multiplies by 1-p: the activations each time, or once and for
    /// all the weights that they meet, which is the same call on another slice
    /// (Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014).
    Classic,
}

/// A dropout layer: a rate, a scaling and a layout.
///
/// In training each decision, addressed by [`Mode::Train`], keeps or drops the elements that share it. A dropped element becomes
/// +0.0 whatever it was, NaN and infinities included; a kept one is multiplied by the scale and rounded once. At p = 0 everything is
/// kept, at p = 1 everything is dropped.
///
/// On the weights of a layer rather than on its activations this is *DropConnect* (Wan, Zeiler, Zhang, LeCun and Fergus, ICML 2013): apply
/// it to the weights, use what comes out for the pass, and run the backward pass on their gradient.
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
/// // Spatial dropout: whole 4 x 4 maps of one image with four channels.
/// let spatial = dropout.with_layout(Layout::nchw([1, 4, 4, 4])?);
/// spatial.apply(train, &x, &mut y)?;
/// assert!(y.chunks(16).all(|map| map == [0.0; 16] || map == [2.0; 16]));
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
pub type Dropout = Layer<Scaled>;

/// The kind of dropout of [`Dropout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaled {
    rate: Rate,
    scaling: Scaling,
}

impl Dropout {
    /// Inverted dropout of single elements, of slices of any length.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self::of(Scaled { rate, scaling: Scaling::Inverted }, None)
    }

    /// The same layer with this scaling.
    #[must_use]
    pub const fn with_scaling(mut self, scaling: Scaling) -> Self {
        self.kind.scaling = scaling;
        self
    }

    /// The rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.kind.rate
    }
}

impl Scaled {
    /// What kept values are multiplied by in training, and all of them in evaluation.
    pub(crate) const fn factors(self) -> [f64; 2] {
        match self.scaling {
            Scaling::Inverted => [self.rate.scale(), 1.0],
            Scaling::Classic => [1.0, self.rate.keep()],
        }
    }
}

impl<E: Float> sealed::Kind<E> for Scaled {
    fn rate(&self) -> Rate {
        self.rate
    }

    #[inline(always)]
    fn forward(&self) -> impl Pair<E> {
        Scale::by(self.factors()[0])
    }

    #[inline(always)]
    fn evaluation(&self) -> Option<impl Pair<E>> {
        match self.scaling {
            Scaling::Inverted => None,
            Scaling::Classic => Some(Scale::by(self.factors()[1])),
        }
    }
}

impl<E: Float> sealed::MaskKind<E> for Scaled {}

impl sealed::AnyLayout for Scaled {}
