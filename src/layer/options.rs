//! What layers have in common beside their kinds.

use crate::address::Address;
use crate::backend::Backend;
use crate::error::{Error, check_length};
use crate::kernel::{Drives, Origin, Plan, all, all_laid_out, computed, laid_out, stored};
use crate::layer::Mode;
use crate::layout::Layout;
use crate::mask::Mask;
use crate::rate::Rate;
use crate::simd::VECTORS;
use crate::threads::Threads;

/// The methods of a layer that say where it runs.
macro_rules! where_it_runs {
    () => {
        /// The same layer, run by `backend` instead of the fastest one.
        #[must_use]
        pub const fn on(mut self, backend: $crate::backend::Backend) -> Self {
            self.options.backend = Some(backend);
            self
        }

        /// The same layer, run on all threads of rayon's pool where the tensor is large enough. The results do not depend
        /// on the number of threads.
        #[cfg(feature = "rayon")]
        #[must_use]
        pub const fn in_parallel(mut self) -> Self {
            self.options = self.options.in_parallel();
            self
        }
    };
}

pub(crate) use where_it_runs;

/// A layout, a backend, and threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options<L> {
    pub(crate) layout: L,
    pub(crate) backend: Option<Backend>,
    pub(crate) threads: Threads,
}

impl Options<()> {
    pub(crate) const fn with_layout(self, layout: Layout) -> Options<Layout> {
        Options { layout, backend: self.backend, threads: self.threads }
    }
}

impl<L: Shape> Options<L> {
    pub(crate) const fn new(layout: L) -> Self {
        Self { layout, backend: None, threads: Threads::One }
    }

    #[cfg(feature = "rayon")]
    pub(crate) const fn in_parallel(self) -> Self {
        Self { threads: Threads::All, ..self }
    }

    #[inline]
    pub(crate) fn layout(&self) -> Option<&Layout> {
        self.layout.layout()
    }

    /// Checks the length of the slice `name`.
    #[inline]
    pub(crate) fn check(&self, name: &'static str, len: usize) -> Result<(), Error> {
        self.layout().map_or(Ok(()), |layout| check_length(name, layout.elements(), len))
    }

    /// The number of decisions of a slice of `len` elements or, if it is part of a tensor, of the whole of that.
    #[inline]
    pub(crate) fn decisions(&self, len: usize) -> u64 {
        self.layout().map_or(len as u64, Layout::all_decisions)
    }

    /// The mask of a rate and an address.
    pub(crate) fn mask(&self, rate: Rate, address: Address) -> Mask {
        Mask::new(rate, address).on(self.backend()).with_threads(self.threads)
    }

    /// The chosen backend, or the fastest.
    #[inline]
    pub(crate) fn backend(&self) -> Backend {
        self.backend.unwrap_or_else(Backend::detect)
    }

    /// What is decided of a slice of `len` elements. Without a rate there is no mask, and all are kept.
    #[inline]
    pub(crate) fn plan<'a>(&'a self, mode: &'a Mode<'a>, rate: Option<Rate>, len: usize) -> Result<Plan<'a>, Error> {
        let all = self.decisions(len);
        let origin = match (mode, rate) {
            (Mode::Train(address), rate) => {
                address.check_reach(all)?;
                rate.map_or(Origin::Keep, |rate| Origin::Computed(rate, address))
            }
            (Mode::Stored(mask), Some(_)) => {
                let all = usize::try_from(all).map_err(|_| Error::ShapeOverflow)?;
                check_length("mask", all, mask.decisions())?;
                Origin::Stored(mask)
            }
            (Mode::Stored(_), None) => return Err(Error::StoredMask),
            (Mode::Eval, _) => Origin::Keep,
        };
        let drive = match origin {
            Origin::Keep => L::DRIVES.all,
            Origin::Computed(..) => L::DRIVES.computed,
            Origin::Stored(_) => L::DRIVES.stored,
        };
        Ok(Plan { backend: self.backend(), drive, origin, layout: self.layout(), threads: self.threads })
    }
}

/// What a layer knows of its tensors: a [`Layout`], or nothing, `()`, for slices of any length with one decision per
/// element.
///
/// Sealed: these are the two.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Shape: Sealed {}

impl<L: Sealed> Shape for L {}

trait Sealed: Copy + Send + Sync + 'static {
    const DRIVES: Drives;

    fn layout(&self) -> Option<&Layout>;
}

impl Sealed for () {
    const DRIVES: Drives = Drives { all, computed, stored };

    #[inline]
    fn layout(&self) -> Option<&Layout> {
        None
    }
}

impl Sealed for Layout {
    const DRIVES: Drives = Drives { all: if VECTORS { all_laid_out } else { laid_out }, computed: laid_out, stored: laid_out };

    #[inline]
    fn layout(&self) -> Option<&Layout> {
        Some(self)
    }
}
