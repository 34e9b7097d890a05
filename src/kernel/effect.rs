//! What becomes of elements.

use crate::element::sealed::Element;
use crate::simd::{CHUNK, Lanes};

/// What a kernel does to a chunk of elements: the whole difference between one kind of dropout and another.
///
/// `x` are the elements of the input, and `place` is the number of the first: with it, an effect reads other slices. The
/// last chunk of a tensor is padded.
pub(crate) trait Effect<E: Element>: Copy {
    /// Whether it sums elements, so that each must come once.
    const SUMS: bool = false;

    /// Whether elements can be dropped. Otherwise all are kept, and what becomes of them is up to the effect.
    const CHOOSES: bool = true;

    /// Whether [`dropped`](Self::dropped) depends on nothing.
    const DROPS_TO_CONSTANT: bool = false;

    /// Whether kept elements stay as they are.
    fn leaves_kept(&self) -> bool {
        false
    }

    fn kept<L: Lanes>(&mut self, lanes: L, place: usize, x: &[E; CHUNK]) -> [E; CHUNK];

    fn dropped<L: Lanes>(&mut self, lanes: L, place: usize, x: &[E; CHUNK]) -> [E; CHUNK];

    /// Those kept whose bit is set. `count` elements are not padding.
    #[inline(always)]
    fn chunk<L: Lanes>(&mut self, lanes: L, keep: u16, place: usize, x: &[E; CHUNK], _count: usize) -> [E; CHUNK] {
        E::select(lanes, keep, self.kept(lanes, place, x), self.dropped(lanes, place, x))
    }
}

/// A chunk of another slice from `place` on. The last one is padded, in `room`: a choice between two chunks by value would send
/// every one through memory.
#[inline(always)]
pub(crate) fn operand<'a, E: Element>(slice: &'a [E], place: usize, room: &'a mut Option<[E; CHUNK]>) -> &'a [E; CHUNK] {
    debug_assert!(place < slice.len());
    let rest = slice.get(place..).unwrap_or_default();
    match rest.first_chunk() {
        Some(chunk) => chunk,
        None => room.insert(padded(rest)),
    }
}

/// The last elements of a slice.
#[cold]
#[inline(never)]
pub(super) fn padded<E: Element>(rest: &[E]) -> [E; CHUNK] {
    let mut padded = [E::ZERO; CHUNK];
    padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    padded
}
