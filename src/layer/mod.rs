//! The public layer, which all kinds of dropout share: it checks the arguments and then runs the kernel.

mod mode;
mod options;
pub(crate) mod sealed;

use core::mem::MaybeUninit;

use crate::address::Address;
use crate::backend::Backend;
use crate::error::{Error, check_length};
use crate::kernel::{Element, Float, Job, Slices};
use crate::layout::Layout;
use crate::mask::PackedMask;
pub(crate) use mode::Direction;
pub use mode::Mode;
pub use options::Shape;
pub(crate) use options::{Options, where_it_runs};
use sealed::EffectOf;

/// A layer of dropout of kind `K`: [`Dropout`](crate::Dropout), [`AlphaDropout`](crate::AlphaDropout),
/// [`GaussianDropout`](crate::GaussianDropout), [`GaussianNoise`](crate::GaussianNoise) or
/// [`QuantizedDropout`](crate::QuantizedDropout). It is a value without state or buffers, and is made once for a rate and a
/// shape, not once a step.
///
/// Without a layout, slices can have any length, with one decision per element. [`with_layout`](Self::with_layout) gives
/// a layer on tensors of a [`Layout`], which is part of its type: `Dropout<Layout>`. Slices are then in the order of memory
/// that the layout says, input and output alike. Where the input has another order, copy it to that of the output first, and
/// then work in place.
///
/// All kinds have the same methods. The backward pass computes the mask of the forward pass again, so give it the same
/// [`Mode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer<K, L = ()> {
    pub(crate) kind: K,
    pub(crate) options: Options<L>,
}

impl<K: Copy> Layer<K> {
    pub(crate) const fn of(kind: K) -> Self {
        Self { kind, options: Options::new(()) }
    }

    /// The same layer on tensors of this layout.
    #[must_use]
    pub const fn with_layout(self, layout: Layout) -> Layer<K, Layout> {
        Layer { kind: self.kind, options: self.options.with_layout(layout) }
    }
}

impl<K: Copy, L: Shape> Layer<K, L> {
    where_it_runs!();

    /// The layout, if there is one.
    #[must_use]
    pub fn layout(&self) -> Option<&Layout> {
        self.options.layout()
    }

    /// The backend that runs it.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.options.backend()
    }

    /// The forward pass, from `x` to `y`. Feature maps that are dropped whole are not read, if they have 256 elements
    /// or more.
    ///
    /// # Errors
    /// [`Error::Length`] if `x` does not have the layout's length, `y` not that of `x`, or a stored mask not the
    /// layout's number of decisions; [`Error::IndexOverflow`] if a decision's index is 2^64 or more;
    /// [`Error::ShapeOverflow`] for a stored mask if the layout's decisions are more than `usize` holds;
    /// [`Error::StoredMask`] for kinds that have noise instead of a mask. `y` is then as it was.
    #[inline]
    pub fn apply<E: Element>(&self, mode: Mode<'_>, x: &[E], y: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.options.check("x", x.len())?;
        check_length("y", x.len(), y.len())?;
        self.run(Direction::Forward, &mode, Slices { x: Some(x), y })
    }

    /// The forward pass in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline]
    pub fn apply_in_place<E: Element>(&self, mode: Mode<'_>, x: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.options.check("x", x.len())?;
        self.run(Direction::Forward, &mode, Slices { x: None, y: x })
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
    #[inline]
    pub fn apply_uninit<E: Element>(&self, mode: Mode<'_>, x: &[E], y: &mut [MaybeUninit<E>]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.options.check("x", x.len())?;
        check_length("y", x.len(), y.len())?;
        self.run_to_memory(Direction::Forward, &mode, x, y)
    }

    /// The backward pass, from `grad_y`, the gradient with respect to the output, to `grad_x`, that with respect to the
    /// input.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline]
    pub fn backward<E: Element>(&self, mode: Mode<'_>, grad_y: &[E], grad_x: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.options.check("grad_y", grad_y.len())?;
        check_length("grad_x", grad_y.len(), grad_x.len())?;
        self.run(Direction::Backward, &mode, Slices { x: Some(grad_y), y: grad_x })
    }

    /// The backward pass in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline]
    pub fn backward_in_place<E: Element>(&self, mode: Mode<'_>, grad: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.options.check("grad", grad.len())?;
        self.run(Direction::Backward, &mode, Slices { x: None, y: grad })
    }

    /// The backward pass, to memory that need not be initialised: see [`apply_uninit`](Self::apply_uninit).
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline]
    pub fn backward_uninit<E: Element>(&self, mode: Mode<'_>, grad_y: &[E], grad_x: &mut [MaybeUninit<E>]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.options.check("grad_y", grad_y.len())?;
        check_length("grad_x", grad_y.len(), grad_x.len())?;
        self.run_to_memory(Direction::Backward, &mode, grad_y, grad_x)
    }

    /// The backward pass, added to `grad_x`, for an input that has a gradient from elsewhere too. Each element of
    /// `grad_x` becomes its sum with what [`backward`](Self::backward) gives, rounded once more.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline]
    pub fn backward_add<E: Float>(&self, mode: Mode<'_>, grad_y: &[E], grad_x: &mut [E]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.options.check("grad_y", grad_y.len())?;
        check_length("grad_x", grad_y.len(), grad_x.len())?;
        let effect = self.kind.effect(Direction::Backward, mode)?;
        let plan = self.options.plan(&mode, self.kind.rate(), grad_x.len())?;
        effect.add(Job { plan: &plan, slices: Slices { x: None, y: grad_x } }, grad_y);
        Ok(())
    }

    #[inline]
    fn run<E: Element>(&self, direction: Direction, mode: &Mode<'_>, slices: Slices<'_, E>) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        let plan = self.options.plan(mode, self.kind.rate(), slices.y.len())?;
        self.kind.effect(direction, *mode)?.run(Job { plan: &plan, slices });
        Ok(())
    }

    #[inline]
    fn run_to_memory<E: Element>(
        &self,
        direction: Direction,
        mode: &Mode<'_>,
        x: &[E],
        y: &mut [MaybeUninit<E>],
    ) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        let plan = self.options.plan(mode, self.kind.rate(), y.len())?;
        self.kind.effect(direction, *mode)?.run_to_memory(Job { plan: &plan, slices: Slices { x: Some(x), y } });
        Ok(())
    }

    /// The forward pass in training, which also writes the mask to `words`, as [`Mask::words`](crate::Mask::words) lays it
    /// out. The mask is computed once, where `apply` and `Mask::words` would compute it twice. For a
    /// [part](crate::Layout::part) it is the mask of the whole.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); also [`Error::Length`] unless `words` has `decisions.div_ceil(32)` words,
    /// [`Error::ShapeOverflow`] if the decisions are more than `usize` holds, and [`Error::StoredMask`] for kinds without a
    /// mask.
    pub fn apply_recording<E: Element>(&self, address: Address, x: &[E], y: &mut [E], words: &mut [u32]) -> Result<(), Error>
    where
        K: Kind<E>,
    {
        self.options.check("x", x.len())?;
        check_length("y", x.len(), y.len())?;
        let decisions = usize::try_from(self.options.decisions(x.len())).map_err(|_| Error::ShapeOverflow)?;
        check_length("words", decisions.div_ceil(32), words.len())?;
        self.options.mask(self.kind.rate().ok_or(Error::StoredMask)?, address).words(decisions, words)?;
        self.run(Direction::Forward, &Mode::Stored(PackedMask::new(words, 0, decisions)?), Slices { x: Some(x), y })
    }
}

/// A kind of dropout that handles elements of type `E`.
///
/// Every kind takes the same type of [`Mode`], so that a network of several kinds needs no other; the two combinations that
/// do not exist are errors, as described there.
///
/// Sealed: the kinds are part of the library.
#[expect(private_bounds, reason = "this is what seals it")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not handle elements of type `{E}`",
    note = "`Dropout`, `AlphaDropout`, `GaussianDropout` and `GaussianNoise` take `f32`, `f64` and, with the feature `half`, `f16` and `bf16`",
    note = "`QuantizedDropout<E>` takes `E`: `i8`, `u8` or `i16`"
)]
pub trait Kind<E: Element>: sealed::Kind<E> + Copy + Send + Sync + 'static {}

impl<E: Element, K: sealed::Kind<E>> Kind<E> for K {}
