//! What a kernel reads and writes.

use core::array::from_mut;

use super::place::Place;
use crate::element::sealed::Element;
use crate::mask::LIMB;

/// An input and an output of equal length, or one slice in place.
pub(crate) struct Slices<'a, E, P = E> {
    /// The input, if it is not the output as it was, as that of places without elements cannot be.
    pub(crate) x: Option<&'a [E]>,
    pub(crate) y: &'a mut [P],
}

/// Bytes in a cache line.
const LINE: usize = 64;

impl<E: Element, P: Place<E>> Slices<'_, E, P> {
    /// `len` elements from `start` on, which there are.
    #[inline(always)]
    pub(super) fn part(&mut self, start: usize, len: usize) -> Slices<'_, E, P> {
        debug_assert!(start + len <= self.y.len(), "{len} from {start} on, of {}", self.y.len());
        let y = self.y.get_mut(start..).unwrap_or_default();
        let len = len.min(y.len());
        let x = self.x.map(|x| x.get(start..).unwrap_or_default());
        Slices { x: x.map(|x| &x[..len.min(x.len())]), y: &mut y[..len] }
    }

    /// The input as it is.
    #[inline(always)]
    pub(super) fn copy(self) {
        if let Some(x) = self.x {
            self.y.iter_mut().zip(x).for_each(|(to, from)| P::write(from_mut(to), [*from]));
        }
    }

    /// The number of elements before the first cache line of the output, below that of a limb. A store that crosses two
    /// lines takes twice as long as one that does not.
    pub(super) fn head(&self) -> usize {
        self.y.as_ptr().addr().wrapping_neg() % LINE / size_of::<E>() % LIMB
    }

    /// The first elements, and the others.
    pub(super) fn cut(self, elements: usize) -> [Self; 2] {
        debug_assert!(elements <= self.y.len());
        let (y, y_rest) = self.y.split_at_mut(elements.min(self.y.len()));
        let (x, x_rest) = self.x.map(|x| x.split_at_checked(elements).unwrap_or((x, &[]))).unzip();
        [Self { x, y }, Self { x: x_rest, y: y_rest }]
    }
}
