//! Where results go: elements, or memory that has none yet.

use core::mem::MaybeUninit;

use crate::element::sealed::Element;

/// A place for an element, of the element's size and alignment.
pub(crate) trait Place<E: Element>: Sized + Send {
    /// Whether there is an element before one is written.
    const INITIALISED: bool;

    /// The elements that are there: all, or none if they may not be initialised.
    fn elements(places: &mut [Self]) -> &mut [E];

    fn write<const N: usize>(places: &mut [Self; N], elements: [E; N]);
}

impl<E: Element> Place<E> for E {
    const INITIALISED: bool = true;

    #[inline(always)]
    fn elements(places: &mut [E]) -> &mut [E] {
        places
    }

    #[inline(always)]
    fn write<const N: usize>(places: &mut [E; N], elements: [E; N]) {
        *places = elements;
    }
}

impl<E: Element> Place<E> for MaybeUninit<E> {
    const INITIALISED: bool = false;

    #[inline(always)]
    fn elements(_: &mut [Self]) -> &mut [E] {
        &mut []
    }

    #[inline(always)]
    fn write<const N: usize>(places: &mut [Self; N], elements: [E; N]) {
        *places = elements.map(Self::new);
    }
}
