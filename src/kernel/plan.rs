//! What is to be decided, before any element is looked at, and what comes out: runs of memory.

use crate::address::Address;
use crate::backend::Backend;
use crate::layout::Layout;
use crate::mask::{Bits, Computed, PackedMask, Source};
use crate::rate::Rate;
use crate::simd::Limb;
use crate::threads::Threads;

/// A stretch of contiguous memory.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    /// Its first element, and the number of elements.
    pub(crate) start: usize,
    pub(crate) len: usize,
    pub(crate) keep: Keep<'a>,
}

/// Which elements of a run are kept.
#[derive(Clone, Copy)]
pub(crate) enum Keep<'a> {
    All,
    None,
    /// Those whose bit is set.
    Bits(Bits<'a>),
    /// The same of those that are the tensor's, whose bit in the second is set. All others stay as they are.
    Own(Bits<'a>, Bits<'a>),
}

/// What runs are handed to. (A closure would be compiled twice, as it could also be called by value.)
pub(crate) trait Sink {
    /// Where there are vectors.
    fn take(&mut self, run: &Run<'_>);

    /// Where there are none: `len` elements from `start` on, with the bits of these limbs, at most a block. What it takes
    /// fits registers.
    fn take_limbs(&mut self, start: usize, len: usize, keep: &[Limb]);
}

/// Makes the runs of a plan, for a slice of so many elements, of which so many stand before its first cache line, and
/// hands them on.
pub(crate) type Drive = fn(&Plan<'_>, usize, usize, &mut dyn Sink);

/// The drives of a kind of layer: for what keeps everything, for computed decisions and for stored ones.
pub(crate) struct Drives {
    pub(crate) all: Drive,
    pub(crate) computed: Drive,
    pub(crate) stored: Drive,
}

/// Where the decisions of a pass come from. What is large stays where it is.
#[derive(Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// Everything is kept.
    Keep,
    Computed(Rate, &'a Address),
    Stored(&'a PackedMask<'a>),
}

/// A pass over a tensor, or over a part of one, but for its elements.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) backend: Backend,
    /// How runs are made of decisions. A function pointer, so that what makes them in layouts, or of stored masks, is
    /// linked only where there are any.
    pub(crate) drive: Drive,
    pub(crate) origin: Origin<'a>,
    /// `None` for one decision per element of a slice.
    pub(crate) layout: Option<&'a Layout>,
    pub(crate) threads: Threads,
}

impl<'a> Plan<'a> {
    /// The decisions from the tensor's first one on. `None` if all are kept.
    pub(super) fn source(&self) -> Option<Source<'a>> {
        let first = self.layout.map_or(0, Layout::first);
        match self.origin {
            Origin::Keep => None,
            Origin::Computed(rate, address) => Some(Source::Computed(Computed::new(rate, address.advanced(first)))),
            Origin::Stored(mask) => Some(Source::Stored(mask.advanced(first as usize))),
        }
    }
}
