//! What decisions mean for values.

use core::ops::Range;

use super::pass::{ChunkFn, each};
use super::place::Place;
use super::slices::Slices;
use crate::element::sealed::{Element, Float};
use crate::layout::Walk;
use crate::mask::{Keep, TILE, Tile};
use crate::simd::{CHUNK, Lanes, Limb};

/// What becomes of a value that a mask keeps or drops: the whole difference between one kind of dropout and another.
pub(crate) trait Pair<E: Element>: Copy {
    fn kept<L: Lanes>(self, lanes: L, x: &[E; CHUNK]) -> [E; CHUNK];
    fn dropped(self) -> E;
}

/// Kept values times a scale, dropped ones zero.
#[derive(Clone, Copy)]
pub(crate) struct Scale<E: Float>(pub(crate) E::Number);

impl<E: Float> Scale<E> {
    pub(crate) fn by(scale: f64) -> Self {
        Self(E::number(scale))
    }
}

impl<E: Float> Pair<E> for Scale<E> {
    #[inline(always)]
    fn kept<L: Lanes>(self, lanes: L, x: &[E; CHUNK]) -> [E; CHUNK] {
        E::store(lanes, E::load(lanes, x) * E::splat(lanes, self.0))
    }

    #[inline(always)]
    fn dropped(self) -> E {
        E::ZERO
    }
}

/// Kept values as they are, dropped ones zero.
#[derive(Clone, Copy)]
pub(crate) struct Unchanged;

impl<E: Element> Pair<E> for Unchanged {
    #[inline(always)]
    fn kept<L: Lanes>(self, _: L, x: &[E; CHUNK]) -> [E; CHUNK] {
        *x
    }

    #[inline(always)]
    fn dropped(self) -> E {
        E::ZERO
    }
}

/// What decisions of some form mean for values: a [`Pair`] for keep bits, a product for noise, a whole expression for
/// fused passes.
pub(crate) trait Effect<E: Element> {
    type Tile: Tile;
    /// Whether it reads other slices at the places of the elements, so that these cannot be brought together first.
    const READS_PLACES: bool = false;
    /// Whether it sums elements.
    const SUMS: bool = false;
    type ChunkFn<'a, L: Lanes>: ChunkFn<E, Limb = <Self::Tile as Tile>::Limb>
    where
        Self: 'a;

    /// The most blocks in a tile. An effect that sums elements limits it, so that the order of its sums is the same on
    /// every CPU.
    #[inline(always)]
    fn most_blocks(&self, _: &Walk<'_>) -> usize {
        TILE
    }

    /// The function for a range of elements with a decision each. It is called in order.
    fn chunk_fn<L: Lanes>(&mut self, lanes: L, range: Range<usize>) -> Self::ChunkFn<'_, L>;

    /// Applies decision `i` of a limb to a range of elements that share it.
    #[inline(always)]
    fn feature_map<L: Lanes, P: Place<E>>(
        &mut self,
        lanes: L,
        decisions: &<Self::Tile as Tile>::Limb,
        i: usize,
        range: Range<usize>,
        slices: Slices<'_, E, P>,
    ) {
        each(lanes, slices, &Self::Tile::all_like(decisions, i), self.chunk_fn(lanes, range));
    }
}

/// A pair as a mask chooses.
#[derive(Clone, Copy)]
pub(crate) struct Masked<P>(pub(crate) P);

impl<E: Element, T: Pair<E>> Effect<E> for Masked<T> {
    type Tile = Keep;
    type ChunkFn<'a, L: Lanes>
        = Select<L, T>
    where
        T: 'a;

    #[inline(always)]
    fn chunk_fn<L: Lanes>(&mut self, lanes: L, _: Range<usize>) -> Select<L, T> {
        Select { lanes, pair: self.0 }
    }

    /// A map that is dropped to a constant is not read: the compiler removes the loads.
    #[inline(always)]
    fn feature_map<L: Lanes, P: Place<E>>(&mut self, lanes: L, keep: &Limb, i: usize, _: Range<usize>, slices: Slices<'_, E, P>) {
        if keep >> i & 1 == 1 {
            each(lanes, slices, &(), Kept { lanes, pair: self.0 });
        } else {
            each(lanes, slices, &(), Dropped(self.0.dropped()));
        }
    }
}

/// Each element for itself: kept or dropped.
pub(crate) struct Select<L, P> {
    lanes: L,
    pair: P,
}

impl<L: Lanes, E: Element, P: Pair<E>> ChunkFn<E> for Select<L, P> {
    type Limb = Limb;

    #[inline(always)]
    fn map(&mut self, keep: &Limb, chunk: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        let Self { lanes, pair } = *self;
        E::select(lanes, (keep >> (CHUNK * chunk)) as u16, pair.kept(lanes, x), [pair.dropped(); CHUNK])
    }

    #[inline(always)]
    fn limb(&mut self, keep: &Limb, y: &mut [E]) {
        let Self { lanes, pair } = *self;
        let kept = |y: &E| pair.kept(lanes, &[*y; CHUNK])[0];
        if E::IN_SOFTWARE {
            let mut keep = *keep;
            for y in y {
                *y = if keep & 1 == 1 { kept(y) } else { pair.dropped() };
                keep >>= 1;
            }
        } else {
            for y in &mut *y {
                *y = kept(y);
            }
            let mut drop = !keep;
            while let Some(y) = y.get_mut(drop.trailing_zeros() as usize) {
                *y = pair.dropped();
                drop &= drop - 1;
            }
        }
    }
}

/// All of them kept.
struct Kept<L, P> {
    lanes: L,
    pair: P,
}

impl<L: Lanes, E: Element, P: Pair<E>> ChunkFn<E> for Kept<L, P> {
    type Limb = ();

    #[inline(always)]
    fn map(&mut self, (): &(), _: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        self.pair.kept(self.lanes, x)
    }
}

/// All of them dropped.
struct Dropped<E>(E);

impl<E: Element> ChunkFn<E> for Dropped<E> {
    type Limb = ();

    #[inline(always)]
    fn map(&mut self, (): &(), _: usize, _: &[E; CHUNK]) -> [E; CHUNK] {
        [self.0; CHUNK]
    }
}
