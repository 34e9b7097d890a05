//! The public layer, which all kinds of dropout share: it checks the arguments and then runs the kernel.

mod mode;
pub(crate) mod sealed;

use core::mem::MaybeUninit;

use crate::address::Address;
use crate::backend::Backend;
use crate::element::{Element, Float};
use crate::error::{Error, check_length};
use crate::kernel::{Add, Cut, Job, Overwrite, Place, Slices, Update};
use crate::layout::{Layout, Walk};
use crate::mask::{Mask, PackedMask};
use crate::simd::VECTORS;
pub(crate) use mode::Direction;
pub use mode::Mode;

/// A layer of dropout of kind `K`: [`Dropout`](crate::Dropout), [`AlphaDropout`](crate::AlphaDropout),
/// [`GaussianDropout`](crate::GaussianDropout), [`GaussianNoise`](crate::GaussianNoise),
/// [`QuantizedDropout`](crate::QuantizedDropout), [`DropBlock`](crate::DropBlock) or [`Select`](crate::Select). It is a
/// value of a few words, without state or buffers.
///
/// All kinds have the same methods, except [`Select`](crate::Select), which has two inputs. Slices are in the row-major
/// order of the layer's [`Layout`]; without one they can have any length, with one decision per element. The backward
/// pass computes the mask of the forward pass again, so give it the same [`Mode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer<K> {
    pub(crate) kind: K,
    /// `None` for slices of any length, one decision per element.
    pub(crate) layout: Option<Layout>,
    backend: Option<Backend>,
    #[cfg(feature = "rayon")]
    pub(crate) parallel: bool,
}

impl<K: AnyLayout> Layer<K> {
    /// The same layer on tensors of this layout.
    #[must_use]
    pub const fn with_layout(self, layout: Layout) -> Self {
        Self { layout: Some(layout), ..self }
    }
}

impl<K: Copy> Layer<K> {
    /// A layer for slices of any length, or for one layout.
    pub(crate) const fn of(kind: K, layout: Option<Layout>) -> Self {
        Self {
            kind,
            layout,
            backend: None,
            #[cfg(feature = "rayon")]
            parallel: false,
        }
    }

    /// The same layer, run by `backend` instead of the fastest one.
    #[must_use]
    pub const fn on(self, backend: Backend) -> Self {
        Self { backend: Some(backend), ..self }
    }

    /// The same layer, run on all threads of rayon's pool where the tensor is large enough. The results do not depend
    /// on the number of threads.
    #[cfg(feature = "rayon")]
    #[must_use]
    pub const fn in_parallel(self) -> Self {
        Self { parallel: true, ..self }
    }

    /// The forward pass, from `x` to `y`. Feature maps that are dropped whole are not read, if they have 256 elements
    /// or more.
    ///
    /// # Errors
    /// [`Error::Length`] if `x` does not have the layout's length, `y` not that of `x`, or a stored mask not the
    /// layout's number of decisions; [`Error::IndexOverflow`] if a decision's index is 2^64 or more;
    /// [`Error::ComputedMask`] and [`Error::StoredMask`] for the combinations listed at [`Mode`]. `y` is then as it
    /// was.
    #[inline(always)]
    pub fn apply<E: Element>(&self, mode: Mode<'_>, x: &[E], y: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.check("x", x.len())?;
        check_length("y", x.len(), y.len())?;
        self.run(Direction::Forward, mode, Some(x), y, Overwrite)
    }

    /// The forward pass in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline(always)]
    pub fn apply_in_place<E: Element>(&self, mode: Mode<'_>, x: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.check("x", x.len())?;
        self.run(Direction::Forward, mode, None, x, Overwrite)
    }

    /// The forward pass, to memory that need not be initialised, such as the spare capacity of a `Vec`: clearing it first
    /// can take half as long as the pass. When this returns `Ok`, every element of `y` is initialised, except the gaps
    /// of the layout.
    ///
    /// ```
    /// use dropout_kernels::{Address, Dropout, Mode, Rate};
    ///
    /// let (x, mut y) = (vec![1.0_f32; 1000], Vec::with_capacity(1000));
    /// let train = Mode::Train(Address { seed: 42, ..Address::default() });
    /// Dropout::new(Rate::new(0.5)?).apply_uninit(train, &x, &mut y.spare_capacity_mut()[..1000])?;
    /// // SAFETY: the pass has initialised as many elements.
    /// unsafe { y.set_len(1000) };
    /// assert!(y.iter().all(|&y| y == 0.0 || y == 2.0));
    /// # Ok::<(), dropout_kernels::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline(always)]
    pub fn apply_uninit<E: Element>(&self, mode: Mode<'_>, x: &[E], y: &mut [MaybeUninit<E>]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.check("x", x.len())?;
        check_length("y", x.len(), y.len())?;
        self.run(Direction::Forward, mode, Some(x), y, Overwrite)
    }

    /// The backward pass, from `grad_y`, the gradient with respect to the output, to `grad_x`, that with respect to the
    /// input.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline(always)]
    pub fn backward<E: Element>(&self, mode: Mode<'_>, grad_y: &[E], grad_x: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.check("grad_y", grad_y.len())?;
        check_length("grad_x", grad_y.len(), grad_x.len())?;
        self.run(Direction::Backward, mode, Some(grad_y), grad_x, Overwrite)
    }

    /// The backward pass in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline(always)]
    pub fn backward_in_place<E: Element>(&self, mode: Mode<'_>, grad: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.check("grad", grad.len())?;
        self.run(Direction::Backward, mode, None, grad, Overwrite)
    }

    /// The backward pass, to memory that need not be initialised: see [`apply_uninit`](Self::apply_uninit).
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline(always)]
    pub fn backward_uninit<E: Element>(&self, mode: Mode<'_>, grad_y: &[E], grad_x: &mut [MaybeUninit<E>]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.check("grad_y", grad_y.len())?;
        check_length("grad_x", grad_y.len(), grad_x.len())?;
        self.run(Direction::Backward, mode, Some(grad_y), grad_x, Overwrite)
    }

    /// The backward pass, added to `grad_x`, for an input that has a gradient from elsewhere too. Each element of
    /// `grad_x` becomes its sum with what [`backward`](Self::backward) gives, rounded once more.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline(always)]
    pub fn backward_add<E: Float>(&self, mode: Mode<'_>, grad_y: &[E], grad_x: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.check("grad_y", grad_y.len())?;
        check_length("grad_x", grad_y.len(), grad_x.len())?;
        self.run(Direction::Backward, mode, None, grad_x, Add(grad_y))
    }

    /// Checks the length of the slice `name`.
    #[inline(always)]
    fn check(&self, name: &'static str, len: usize) -> Result<(), Error> {
        self.layout.as_ref().map_or(Ok(()), |layout| check_length(name, layout.elements(), len))
    }

    /// Checks the length of the slice `name` and says how to visit it.
    // Inlined, as is `pass`: moving a `Walk` through memory right after it was written takes a noticeable part of the time
    // of a short slice.
    #[inline(always)]
    pub(crate) fn walk(&self, name: &'static str, len: usize) -> Result<Walk<'_>, Error> {
        self.check(name, len)?;
        Ok(self.layout.as_ref().map_or_else(|| Walk::flat(len), Layout::walk))
    }

    /// Runs the kind from `x`, or in place, to `y`. Inlined where firmware calls it, so that the compiler sees that a layer
    /// has no layout, and leaves out the code for layouts.
    #[inline(always)]
    fn run<E: Element, P: Place<E>>(
        &self,
        direction: Direction,
        mode: Mode<'_>,
        x: Option<&[E]>,
        y: &mut [P],
        update: impl Update<E>,
    ) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        match &self.layout {
            None if !VECTORS => self.run_on::<false, E, P>(direction, mode, x, y, update),
            _ => self.run_on::<true, E, P>(direction, mode, x, y, update),
        }
    }

    /// Runs the kind in the layout, if there is one and it may be looked for. Takes slices, not a struct of them, which would
    /// have to go through memory.
    fn run_on<const ANY_LAYOUT: bool, E: Element, P: Place<E>>(
        &self,
        direction: Direction,
        mode: Mode<'_>,
        x: Option<&[E]>,
        y: &mut [P],
        update: impl Update<E>,
    ) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        // Not moved through memory either.
        let (flat, laid_out);
        let walk = match &self.layout {
            Some(layout) if ANY_LAYOUT => {
                laid_out = layout.walk();
                &laid_out
            }
            _ => {
                flat = Walk::flat(y.len());
                &flat
            }
        };
        self.pass(direction, mode, walk, Slices::new(x, y), update)
    }

    /// Checks the mode, then runs the kind.
    #[inline(always)]
    fn pass<E: Element, P: Place<E>>(
        &self,
        direction: Direction,
        mode: Mode<'_>,
        walk: &Walk<'_>,
        slices: Slices<'_, E, P>,
        update: impl Update<E>,
    ) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        mode.check(walk.all)?;
        let kind = self.kind.in_mode(mode)?;
        #[cfg(feature = "rayon")]
        if self.parallel {
            self.on_threads(mode, walk, slices, update, |mode, job, update| kind.run(direction, mode, job, update));
            return Ok(());
        }
        // Not as a closure, which nothing can order to be inlined: only if this is does the compiler see that a walk is flat.
        kind.run(direction, mode.advanced(walk.first), Job { backend: self.backend(), walk, slices }, update);
        Ok(())
    }

    /// Runs a pass on the whole tensor or, in parallel, on its parts, each with its part of what else belongs to it.
    #[inline(always)]
    pub(crate) fn on_threads<E: Element, P: Place<E>, S: Cut>(
        &self,
        mode: Mode<'_>,
        walk: &Walk<'_>,
        slices: Slices<'_, E, P>,
        other: S,
        pass: impl Fn(Mode<'_>, Job<'_, E, P>, S) + Sync,
    ) {
        let backend = self.backend();
        #[cfg(feature = "rayon")]
        if self.parallel {
            let layout = self.layout.unwrap_or(Layout::flat(slices.len()));
            crate::kernel::parallel::for_each_part(&layout, slices, other, &|layout, slices, other| {
                let walk = &layout.walk();
                pass(mode.advanced(walk.first), Job { backend, walk, slices }, other);
            });
            return;
        }
        pass(mode.advanced(walk.first), Job { backend, walk, slices }, other);
    }

    /// The chosen backend, or the fastest.
    pub(crate) fn backend(&self) -> Backend {
        self.backend.unwrap_or_else(Backend::detect)
    }

    /// The forward pass in training, which also writes the mask to `mask`, in the layout of [`Mask::words`]. This
    /// computes the mask once, where `apply` and `Mask::words` would compute it twice. For a
    /// [part](crate::Layout::part) it is the mask of the whole.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); also [`Error::Length`] unless `mask` has `decisions.div_ceil(32)` words.
    pub fn apply_recording<E: Element>(&self, address: Address, x: &[E], y: &mut [E], mask: &mut [u32]) -> Result<(), Error>
    where
        K: MaskKind<E>,
    {
        let walk = self.walk("x", x.len())?;
        check_length("y", x.len(), y.len())?;
        check_length("mask", walk.all.div_ceil(32), mask.len())?;
        let computed = Mask::new(self.kind.rate(), address).on(self.backend());
        #[cfg(feature = "rayon")]
        let computed = if self.parallel { computed.in_parallel() } else { computed };
        computed.words(walk.all, mask)?;
        let stored = Mode::Stored(PackedMask::new(mask, 0, walk.all)?);
        self.run(Direction::Forward, stored, Some(x), y, Overwrite)
    }
}

/// A kind of dropout that handles elements of type `E`.
///
/// Every kind takes every [`Mode`], so that one mode can drive a network of several kinds; the two combinations that do
/// not exist are errors, as described there.
///
/// Sealed: the kinds are part of the library.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Kind<E: Element>: sealed::Kind<E> {}

impl<E: Element, K: sealed::Kind<E>> Kind<E> for K {}

/// A kind of dropout that computes a mask in training, which [`Layer::apply_recording`] can store.
///
/// Sealed: the kinds are part of the library.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait MaskKind<E: Element>: sealed::MaskKind<E> {}

impl<E: Element, K: sealed::MaskKind<E>> MaskKind<E> for K {}

/// A kind of dropout that takes any [`Layout`]: all but DropBlock, which has one of its own.
///
/// Sealed: the kinds are part of the library.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait AnyLayout: sealed::AnyLayout {}

impl<K: sealed::AnyLayout> AnyLayout for K {}
