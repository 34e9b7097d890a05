//! What is to be decided, before any element is looked at.

use crate::address::Address;
use crate::backend::Backend;
use crate::layout::Layout;
use crate::mask::{Computed, PackedMask, Source};
use crate::rate::Rate;

use super::drive::Drive;

/// The decisions of a pass.
#[derive(Clone, Copy)]
pub(crate) enum Decisions<'a> {
    /// Everything is kept.
    Keep,
    Computed(Rate, Address),
    Stored(PackedMask<'a>),
}

/// A pass over a tensor, or over a part of one, but for its elements.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) backend: Backend,
    /// How runs are made of decisions. A function pointer, so that what makes them in layouts is linked only where there
    /// are layouts.
    pub(crate) drive: Drive,
    pub(crate) decisions: Decisions<'a>,
    /// `None` for one decision per element of a slice.
    pub(crate) layout: Option<&'a Layout>,
    #[cfg(feature = "rayon")]
    pub(crate) in_parallel: bool,
}

impl<'a> Plan<'a> {
    /// The decisions from the tensor's first one on. `None` if all are kept.
    pub(super) fn source(&self) -> Option<Source<'a>> {
        let first = self.layout.map_or(0, Layout::first);
        match self.decisions {
            Decisions::Keep => None,
            Decisions::Computed(rate, address) => Some(Source::Computed(Computed::new(rate, address.advanced(first)))),
            Decisions::Stored(mask) => Some(Source::Stored(mask.advanced(first as usize))),
        }
    }
}
