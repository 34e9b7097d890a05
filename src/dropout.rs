//! The layer: arguments are checked here, then the kernels run.

use crate::bernoulli::Bernoulli;
use crate::element::Element;
use crate::error::check_length;
use crate::kernel::{Apply, KeepAll, Scale, Slices};
use crate::lanes::Backend;
use crate::layout::Walk;
use crate::{Address, Error, Layout, Rate};

/// Whether a layer drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Training, and each pass of Monte-Carlo dropout: drop what the mask at this address says.
    Train(Address),
    /// Inference: keep everything. There is no address, because nothing random is computed.
    Eval,
}

#[cfg(feature = "rayon")]
impl Mode {
    /// The mode of a part that so many decisions come before.
    const fn advanced(self, decisions: u64) -> Self {
        match self {
            Self::Train(address) => Self::Train(Address { offset: address.offset.wrapping_add(decisions), ..address }),
            Self::Eval => Self::Eval,
        }
    }
}

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

/// A dropout layer: a rate, a scaling and a layout. It holds no state and no buffer.
///
/// In training each decision, addressed by [`Mode::Train`], keeps or drops the elements that share it. A dropped element becomes
/// +0.0 whatever it was, NaN and infinities included; a kept one is multiplied by the scale and rounded once. At p = 0 everything is
/// kept, at p = 1 everything is dropped.
///
/// The methods differ in where they read and write alone. [`backward`](Self::backward) computes the mask of the forward pass again
/// rather than having stored it, so it must be given the same mode.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropout {
    rate: Rate,
    scaling: Scaling,
    /// `None` for slices of whatever length, one decision an element.
    layout: Option<Layout>,
    backend: Option<Backend>,
    #[cfg(feature = "rayon")]
    parallel: bool,
}

impl Dropout {
    /// Inverted dropout of single elements, of slices of any length.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self {
            rate,
            scaling: Scaling::Inverted,
            layout: None,
            backend: None,
            #[cfg(feature = "rayon")]
            parallel: false,
        }
    }

    /// The same layer with this scaling.
    #[must_use]
    pub const fn with_scaling(self, scaling: Scaling) -> Self {
        Self { scaling, ..self }
    }

    /// The same layer on tensors of this layout.
    #[must_use]
    pub const fn with_layout(self, layout: Layout) -> Self {
        Self { layout: Some(layout), ..self }
    }

    /// The same layer, run by the given backend rather than by the fastest.
    #[must_use]
    pub const fn on(self, backend: Backend) -> Self {
        Self { backend: Some(backend), ..self }
    }

    /// The same layer, on all threads of rayon's pool where a tensor is large enough. The mask is the same for any number of them.
    #[cfg(feature = "rayon")]
    #[must_use]
    pub const fn in_parallel(self) -> Self {
        Self { parallel: true, ..self }
    }

    /// The rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// The forward pass: `x` into `y`. The planes of `x` that are dropped whole are not read.
    ///
    /// # Errors
    /// [`Error::Length`] if `x` is not what the layout says or `y` is not as long as `x`; [`Error::IndexOverflow`] if the decisions
    /// reach past 2^64. `y` is then as it was.
    pub fn apply<E: Element>(&self, mode: Mode, x: &[E], y: &mut [E]) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        check_length("y", x.len(), y.len())?;
        self.run(mode, &walk, Slices::out_of_place(x, y))
    }

    /// The forward pass in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_in_place<E: Element>(&self, mode: Mode, x: &mut [E]) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        self.run(mode, &walk, Slices::in_place(x))
    }

    /// The backward pass: the gradient with respect to the output into the gradient with respect to the input.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn backward<E: Element>(&self, mode: Mode, grad_y: &[E], grad_x: &mut [E]) -> Result<(), Error> {
        let walk = self.walk("grad_y", grad_y.len())?;
        check_length("grad_x", grad_y.len(), grad_x.len())?;
        self.run(mode, &walk, Slices::out_of_place(grad_y, grad_x))
    }

    /// The backward pass in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn backward_in_place<E: Element>(&self, mode: Mode, grad: &mut [E]) -> Result<(), Error> {
        let walk = self.walk("grad", grad.len())?;
        self.run(mode, &walk, Slices::in_place(grad))
    }

    /// How to walk a slice that the caller gave under this name.
    // Inlined, as is `run`: a struct that travels through memory just after it was written costs a short slice dearly.
    #[inline(always)]
    fn walk(&self, name: &'static str, len: usize) -> Result<Walk<'_>, Error> {
        let Some(layout) = &self.layout else { return Ok(Walk::flat(len)) };
        check_length(name, layout.elements(), len)?;
        Ok(layout.walk())
    }

    /// Checks the address, and runs the kernel on the whole or on parts.
    #[inline(always)]
    fn run<E: Element>(&self, mode: Mode, walk: &Walk<'_>, slices: Slices<'_, E>) -> Result<(), Error> {
        if let Mode::Train(address) = mode {
            address.check_reach(walk.total as u64)?;
        }
        #[cfg(feature = "rayon")]
        if self.parallel {
            let layout = self.layout.unwrap_or(Layout::flat(slices.len()));
            crate::parallel::split(layout, 0, slices, &|layout, before, slices| {
                self.run_part(mode.advanced(before), &layout.walk(), slices);
            });
            return Ok(());
        }
        self.run_part(mode, walk, slices);
        Ok(())
    }

    /// Dropout is linear, so its forward and backward passes are the same map.
    #[inline(always)]
    fn run_part<E: Element>(&self, mode: Mode, walk: &Walk<'_>, slices: Slices<'_, E>) {
        let backend = self.backend.unwrap_or_else(Backend::detect);
        match (mode, self.scaling) {
            (Mode::Train(address), scaling) => {
                let scale = if scaling == Scaling::Inverted { self.rate.scale() } else { 1.0 };
                let pair = Scale(E::from_f64(scale));
                let mask = Bernoulli::new(self.rate, address);
                backend.run(Apply { mask, first: address.offset, walk, pair, slices });
            }
            (Mode::Eval, Scaling::Inverted) => slices.copy(walk),
            (Mode::Eval, Scaling::Classic) => {
                backend.run(KeepAll { walk, pair: Scale(E::from_f64(self.rate.keep())), slices });
            }
        }
    }
}
