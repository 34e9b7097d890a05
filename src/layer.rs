//! What all kinds of dropout have in common: arguments are checked here, then the kernels run.

use crate::address::Address;
use crate::backend::Backend;
use crate::element::Element;
use crate::error::{Error, check_length};
use crate::kernel::{Job, Masked, Slices};
use crate::layout::{Layout, Walk};
use crate::mask::{Computed, Mask, PackedMask, Record};
use sealed::Direction;

/// Whether a layer drops, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode<'a> {
    /// Training, and each pass of Monte-Carlo dropout: drop what the mask at this address says.
    Train(Address),
    /// The same with a mask that was stored: one that [`Mask::words`] or
    /// [`apply_recording`](Layer::apply_recording) wrote, or one of a fixed set in flash, as Masksembles has them
    /// (Durasov, Bagautdinov, Baque and Fua, CVPR 2021). Kept values are scaled by the layer's rate, however many
    /// the mask keeps; at p = 1 it had better keep nothing.
    Stored(PackedMask<'a>),
    /// Inference: keep everything. There is no address, because nothing random is computed.
    Eval,
}

impl Mode<'_> {
    /// Errs unless the mode has this number of decisions.
    pub(crate) fn check(&self, decisions: usize) -> Result<(), Error> {
        match self {
            Self::Train(address) => address.check_reach(decisions as u64),
            Self::Stored(mask) => check_length("mask", decisions, mask.decisions()),
            Self::Eval => Ok(()),
        }
    }

    /// The mode of a part that begins `decisions` decisions later.
    #[cfg(feature = "rayon")]
    fn advanced(self, decisions: u64) -> Self {
        match self {
            Self::Train(address) => Self::Train(Address { offset: address.offset.wrapping_add(decisions), ..address }),
            Self::Stored(mask) => Self::Stored(mask.advanced(decisions)),
            Self::Eval => Self::Eval,
        }
    }
}

/// A layer of some kind of dropout, on tensors of some layout: [`Dropout`](crate::Dropout), [`AlphaDropout`](crate::AlphaDropout),
/// [`GaussianDropout`](crate::GaussianDropout) or [`QuantizedDropout`](crate::QuantizedDropout). It holds no state and no buffer.
///
/// The methods of all kinds are the same and differ in where they read and write alone. [`backward`](Self::backward) computes the mask of
/// the forward pass again rather than having stored it, so it must be given the same mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer<K> {
    pub(crate) kind: K,
    /// `None` for slices of whatever length, one decision an element.
    layout: Option<Layout>,
    backend: Option<Backend>,
    #[cfg(feature = "rayon")]
    parallel: bool,
}

impl<K: AnyLayout> Layer<K> {
    /// The same layer on tensors of this layout.
    #[must_use]
    pub const fn with_layout(self, layout: Layout) -> Self {
        Self { layout: Some(layout), ..self }
    }
}

impl<K: Copy> Layer<K> {
    /// A layer of slices of any length, or of one layout.
    pub(crate) const fn of(kind: K, layout: Option<Layout>) -> Self {
        Self {
            kind,
            layout,
            backend: None,
            #[cfg(feature = "rayon")]
            parallel: false,
        }
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

    /// The forward pass: `x` into `y`. The planes of `x` that are dropped whole are not read.
    ///
    /// # Errors
    /// [`Error::Length`] if `x` is not what the layout says, `y` is not as long as `x`, or a stored mask has another number of decisions;
    /// [`Error::IndexOverflow`] if the decisions reach past 2^64. `y` is then as it was.
    pub fn apply<E: Element>(&self, mode: Mode<'_>, x: &[E], y: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        let walk = self.walk("x", x.len())?;
        check_length("y", x.len(), y.len())?;
        self.run(Direction::Forward, mode, &walk, Slices::out_of_place(x, y))
    }

    /// The forward pass in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_in_place<E: Element>(&self, mode: Mode<'_>, x: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        let walk = self.walk("x", x.len())?;
        self.run(Direction::Forward, mode, &walk, Slices::in_place(x))
    }

    /// The backward pass: the gradient with respect to the output into the gradient with respect to the input.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn backward<E: Element>(&self, mode: Mode<'_>, grad_y: &[E], grad_x: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        let walk = self.walk("grad_y", grad_y.len())?;
        check_length("grad_x", grad_y.len(), grad_x.len())?;
        self.run(Direction::Backward, mode, &walk, Slices::out_of_place(grad_y, grad_x))
    }

    /// The backward pass in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn backward_in_place<E: Element>(&self, mode: Mode<'_>, grad: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        let walk = self.walk("grad", grad.len())?;
        self.run(Direction::Backward, mode, &walk, Slices::in_place(grad))
    }

    /// How to walk a slice that the caller gave under this name.
    // Inlined, as is `run`: a struct that travels through memory just after it was written costs a short slice dearly.
    #[inline(always)]
    pub(crate) fn walk(&self, name: &'static str, len: usize) -> Result<Walk<'_>, Error> {
        match &self.layout {
            None => Ok(Walk::flat(len)),
            Some(layout) => check_length(name, layout.elements(), len).map(|()| layout.walk()),
        }
    }

    /// Checks the mode, and runs the kernel on the whole or on parts.
    #[inline(always)]
    fn run<E: Element>(&self, direction: Direction, mode: Mode<'_>, walk: &Walk<'_>, slices: Slices<'_, E>) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        mode.check(walk.decisions)?;
        let kind = self.kind.in_mode(mode)?;
        let backend = self.backend();
        #[cfg(feature = "rayon")]
        if self.parallel {
            let layout = self.layout.unwrap_or(Layout::flat(slices.len()));
            crate::kernel::parallel::for_each_part(layout, 0, slices, &|layout, before, slices| {
                kind.run(direction, mode.advanced(before), Job { backend, walk: &layout.walk(), slices });
            });
            return Ok(());
        }
        kind.run(direction, mode, Job { backend, walk, slices });
        Ok(())
    }

    /// The chosen backend, or the fastest.
    pub(crate) fn backend(&self) -> Backend {
        self.backend.unwrap_or_else(Backend::detect)
    }

    /// The forward pass in training, with its mask written to `mask` on the way, as [`Mask::words`] has it. Costs less than
    /// the two calls, which compute the mask twice.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); [`Error::Length`] also unless `mask` has a word for every 32 decisions begun.
    pub fn apply_recording<E: Element>(&self, address: Address, x: &[E], y: &mut [E], mask: &mut [u32]) -> Result<(), Error>
    where
        K: MaskKind<E>,
    {
        let walk = self.walk("x", x.len())?;
        check_length("y", x.len(), y.len())?;
        check_length("mask", walk.decisions.div_ceil(32), mask.len())?;
        address.check_reach(walk.decisions as u64)?;
        let backend = self.backend();
        if x.is_empty() {
            // A shared axis of no extent has decisions all the same.
            return Mask::new(self.kind.rate(), address).on(backend).words(walk.decisions, mask);
        }
        let source = Record::new(Computed::new(self.kind.rate(), address), mask);
        Job { backend, walk: &walk, slices: Slices::out_of_place(x, y) }.apply(source, Masked(self.kind.forward()));
        Ok(())
    }
}

/// A kind of dropout on elements of some type.
///
/// Sealed: the kinds are part of the library.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Kind<E: Element>: sealed::Kind<E> {}

impl<E: Element, K: sealed::Kind<E>> Kind<E> for K {}

/// A kind of dropout whose training computes a mask, which [`Layer::apply_recording`] can store.
///
/// Sealed: the kinds are part of the library.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait MaskKind<E: Element>: sealed::MaskKind<E> {}

impl<E: Element, K: sealed::MaskKind<E>> MaskKind<E> for K {}

/// A kind of dropout that takes tensors of any layout: all but DropBlock, whose squares lie in maps of one shape.
///
/// Sealed: the kinds are part of the library.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait AnyLayout: sealed::AnyLayout {}

impl<K: sealed::AnyLayout> AnyLayout for K {}

/// What a kind of dropout says of itself.
pub(crate) mod sealed {
    use super::Mode;
    use crate::element::sealed::Element;
    use crate::error::Error;
    use crate::kernel::{Job, Masked, Pair};
    use crate::mask::Computed;
    use crate::rate::Rate;

    #[derive(Clone, Copy)]
    pub(crate) enum Direction {
        Forward,
        Backward,
    }

    /// A kind of dropout: at which rate, and what becomes of kept and of dropped elements.
    pub(crate) trait Kind<E: Element>: Copy + Sync {
        fn rate(&self) -> Rate;

        /// What the forward pass does in training.
        fn forward(&self) -> impl Pair<E>;

        /// What the backward pass does in training: the same where the map is linear.
        fn backward(&self) -> impl Pair<E> {
            self.forward()
        }

        /// What both passes do in evaluation, where everything is kept; `None` if they leave it as it is.
        fn evaluation(&self) -> Option<impl Pair<E>>;

        /// The kind with all that it must know of the whole mask, which may be run on parts of it; errs if it has no such mode.
        fn in_mode(&self, _: Mode<'_>) -> Result<Self, Error> {
            Ok(*self)
        }

        #[inline(always)]
        fn run(&self, direction: Direction, mode: Mode<'_>, job: Job<'_, E>) {
            by_mask(self, direction, mode, job);
        }
    }

    /// A kind that has a mask in every training pass, which can be recorded on the way.
    pub(crate) trait MaskKind<E: Element>: Kind<E> {}

    pub(crate) trait AnyLayout: Copy {}

    /// The one place where modes and directions are told apart.
    #[inline(always)]
    pub(crate) fn by_mask<E: Element, K: Kind<E>>(kind: &K, direction: Direction, mode: Mode<'_>, job: Job<'_, E>) {
        let computed = |address| Computed::new(kind.rate(), address);
        match (mode, direction) {
            (Mode::Train(address), Direction::Forward) => job.apply(computed(address), Masked(kind.forward())),
            (Mode::Train(address), Direction::Backward) => job.apply(computed(address), Masked(kind.backward())),
            (Mode::Stored(mask), Direction::Forward) => job.apply(mask, Masked(kind.forward())),
            (Mode::Stored(mask), Direction::Backward) => job.apply(mask, Masked(kind.backward())),
            (Mode::Eval, _) => match kind.evaluation() {
                Some(pair) => job.evaluate(Masked(pair)),
                None => job.copy(),
            },
        }
    }
}
