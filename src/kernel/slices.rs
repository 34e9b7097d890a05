//! What a kernel reads and writes.

use core::array::from_mut;
use core::ops::Range;

use super::cut::Cut;
use super::past_caches::Fence;
use super::place::Place;
use crate::element::sealed::Element;
use crate::layout::Walk;
use crate::mask::LIMB;

/// An input and an output of equal length, or one slice in place.
pub(crate) struct Slices<'a, E, P = E> {
    /// The input, if it is not the output as it was, as that of places without elements cannot be.
    pub(super) x: Option<&'a [E]>,
    pub(super) y: &'a mut [P],
    /// Whether the whole tensor is one for which stores past the caches pay.
    large: bool,
    /// Lets feature maps and evaluation store past the caches.
    pub(super) past_caches: Option<&'a Fence>,
}

/// Bytes in a cache line.
const LINE: usize = 64;

impl<'a, E: Element> Slices<'a, E> {
    pub(crate) const fn in_place(y: &'a mut [E]) -> Self {
        Self::new(None, y)
    }
}

impl<'a, E: Element, P: Place<E>> Slices<'a, E, P> {
    /// Out of place if there is an `x`.
    #[inline(always)]
    pub(crate) const fn new(x: Option<&'a [E]>, y: &'a mut [P]) -> Self {
        match x {
            Some(x) => Self::out_of_place(x, y),
            None => Self { x: None, y, large: false, past_caches: None },
        }
    }

    pub(crate) const fn out_of_place(x: &'a [E], y: &'a mut [P]) -> Self {
        Self { x: Some(x), large: Fence::pays(size_of_val(y)), y, past_caches: None }
    }

    /// The number of elements.
    pub(crate) const fn len(&self) -> usize {
        self.y.len()
    }

    /// For stores past the caches, if they pay.
    pub(super) fn fence(&self) -> Option<Fence> {
        self.large.then(Fence::new)
    }

    pub(super) fn past_caches<'b>(self, fence: Option<&'b Fence>) -> Slices<'b, E, P>
    where
        'a: 'b,
    {
        Slices { past_caches: fence, ..self }
    }

    /// The elements of a range, which lies inside.
    #[inline(always)]
    pub(super) fn part(&mut self, range: Range<usize>) -> Slices<'_, E, P> {
        debug_assert!(range.end <= self.y.len(), "{range:?} of {}", self.y.len());
        let x = self.x.map(|x| x.get(range.clone()).unwrap_or_default());
        Slices { x, y: self.y.get_mut(range).unwrap_or_default(), ..*self }
    }

    /// The inputs of elements here and there, each `further` than its place.
    #[inline(always)]
    pub(super) fn gather(&mut self, places: &[usize], further: usize, to: &mut [E]) {
        let x = self.x.unwrap_or(P::elements(self.y));
        for (to, place) in to.iter_mut().zip(places) {
            let x = x.get(place + further);
            debug_assert!(x.is_some());
            *to = x.copied().unwrap_or(E::ZERO);
        }
    }

    /// The other way round, to the output.
    #[inline(always)]
    pub(super) fn scatter(&mut self, places: &[usize], further: usize, from: &[E]) {
        for (from, place) in from.iter().zip(places) {
            let y = self.y.get_mut(place + further);
            debug_assert!(y.is_some());
            if let Some(y) = y {
                P::write(from_mut(y), [*from]);
            }
        }
    }

    /// The input as it is.
    #[inline(always)]
    pub(super) fn copy(mut self, walk: &Walk<'_>) {
        if walk.gaps == 0 {
            return self.copy_all();
        }
        for range in walk.ranges() {
            self.part(range).copy_all();
        }
    }

    fn copy_all(self) {
        self.copied();
    }

    /// The elements of the output, after the input has been copied there.
    #[inline(always)]
    pub(super) fn copied(self) -> &'a mut [E] {
        if let Some(x) = self.x {
            self.y.iter_mut().zip(x).for_each(|(to, from)| P::write(from_mut(to), [*from]));
        }
        P::elements(self.y)
    }

    /// The number of elements before the first cache line of the output, below that of a limb. A store that crosses two
    /// lines takes twice as long as one that does not.
    #[inline(always)]
    pub(super) fn head(&self) -> usize {
        self.y.as_ptr().addr().wrapping_neg() % LINE / size_of::<E>() % LIMB
    }
}

impl<E: Element, P: Place<E>> Cut for Slices<'_, E, P> {
    fn cut(self, elements: usize) -> (Self, Self) {
        debug_assert!(elements <= self.y.len());
        let (y, y_rest) = self.y.split_at_mut(elements.min(self.y.len()));
        let (x, x_rest) = self.x.map(|x| x.cut(elements)).unzip();
        (Self { x, y, ..self }, Self { x: x_rest, y: y_rest, ..self })
    }
}
