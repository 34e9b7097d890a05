//! The loop over the elements of a run, a chunk at a time.

use core::array::from_mut;

use super::drive::{Keep, Run};
use super::effect::{Effect, padded};
use super::past_caches::Fence;
use super::place::Place;
use super::slices::Slices;
use crate::element::sealed::Element;
use crate::mask::{Bits, LIMB};
use crate::simd::{CHUNK, Lanes, Limb, Task, VECTORS};

/// The effect on the elements of a run.
pub(super) struct Chunks<'a, E, P, F> {
    pub(super) run: &'a Run<'a>,
    /// The place of the first element of the slices.
    pub(super) base: usize,
    /// By value: what is behind a reference would be read again after each store.
    pub(super) effect: F,
    /// Those of the run.
    pub(super) slices: Slices<'a, E, P>,
    /// For stores past the caches, if they pay.
    pub(super) fence: Option<&'a Fence>,
}

/// How the loop decides, so that it is compiled for each.
const KEEP: u8 = 0;
const DROP: u8 = 1;
const CHOOSE: u8 = 2;

impl<L: Lanes, E: Element, P: Place<E>, F: Effect<E>> Task<L> for Chunks<'_, E, P, F> {
    #[inline(always)]
    fn run(self, lanes: L) {
        match self.run.keep {
            Keep::All => self.all::<KEEP, L>(lanes, Bits::ones()),
            Keep::None => self.all::<DROP, L>(lanes, Bits::ones()),
            Keep::Bits(bits) => self.all::<CHOOSE, L>(lanes, bits),
            Keep::Own(bits, own) => self.own(lanes, bits, own),
        }
    }
}

impl<E: Element, P: Place<E>, F: Effect<E>> Chunks<'_, E, P, F> {
    /// Every element of the run.
    #[inline(always)]
    fn all<const HOW: u8, L: Lanes>(self, lanes: L, bits: Bits<'_>) {
        let Self { run, base, effect, slices: Slices { x, y }, fence } = self;
        if !VECTORS {
            return by_limbs::<HOW, L, E, P, F>(lanes, bits, base + run.start, effect, x, y);
        }
        let (len, start) = (y.len(), base + run.start);
        // What does not fill a chunk is done together with elements before it, once more. In place these will have been
        // overwritten by then.
        let overlaps = !F::SUMS && len > CHUNK && !len.is_multiple_of(CHUNK);
        let last_x = x.unwrap_or(&*P::elements(y)).last_chunk::<CHUNK>().filter(|_| overlaps).copied();
        let mut each = Each::<HOW, L, E, F> { lanes, effect, place: start, of: core::marker::PhantomData };
        let (limbs, rest) = y.as_chunks_mut::<LIMB>();
        let whole = limbs.len() * LIMB;
        if let Some(x) = x {
            for ((y, x), keep) in limbs.iter_mut().zip(x.as_chunks::<LIMB>().0).zip(Limbs::<HOW, _>(bits.iter())) {
                each.chunks(keep, Some(x), y, fence);
            }
        } else {
            for (y, keep) in limbs.iter_mut().zip(Limbs::<HOW, _>(bits.iter())) {
                each.chunks(keep, None, y, fence);
            }
        }
        let mut keep = if HOW == CHOOSE && !rest.is_empty() { bits.limb(whole) } else { 0 };
        let mut x = x.map(|x| x.get(whole..).unwrap_or_default());
        let (chunks, part) = rest.as_chunks_mut::<CHUNK>();
        for y in chunks {
            each.chunks(keep, x, y, fence);
            keep >>= CHUNK % LIMB;
            x = x.map(|x| x.get(CHUNK..).unwrap_or_default());
        }
        if part.is_empty() {
            return;
        }
        if let Some(x) = last_x {
            each.place = start + len - CHUNK;
            let keep = if HOW == CHOOSE { bits.limb(len - CHUNK) } else { 0 };
            let result = each.chunk(keep as u16, &x, CHUNK);
            if let Some(last) = y.last_chunk_mut::<CHUNK>() {
                P::write(last, result);
            }
            return;
        }
        let x = padded(x.unwrap_or(&*P::elements(part)));
        let result = each.chunk(keep as u16, &x, part.len());
        write_first(part, &result);
    }

    /// Those that are the tensor's.
    #[inline(always)]
    fn own<L: Lanes>(self, lanes: L, bits: Bits<'_>, own: Bits<'_>) {
        let Self { run, base, effect, slices: Slices { x, y }, .. } = self;
        let mut each = Each::<CHOOSE, L, E, F> { lanes, effect, place: base + run.start, of: core::marker::PhantomData };
        let mut x = x;
        for ((y, mut keep), mut own) in y.chunks_mut(LIMB).zip(bits.iter()).zip(own.iter()) {
            let (chunks, rest) = y.as_chunks_mut::<CHUNK>();
            for y in chunks {
                let input = match x {
                    Some(x) => x.first_chunk().copied(),
                    None => P::elements(y).first_chunk().copied(),
                };
                let result = each.chunk(keep as u16, &input.unwrap_or([E::ZERO; CHUNK]), CHUNK);
                if let Some(y) = P::elements(y).first_chunk_mut() {
                    *y = E::select(lanes, own as u16, result, *y);
                } else {
                    write_own(own as u16, y, &result);
                }
                (keep, own) = (keep >> (CHUNK % LIMB), own >> (CHUNK % LIMB));
                x = x.map(|x| x.get(CHUNK..).unwrap_or_default());
            }
            if !rest.is_empty() {
                let input = padded(match x {
                    Some(x) => x,
                    None => P::elements(rest),
                });
                let result = each.chunk(keep as u16, &input, rest.len());
                write_own(own as u16, rest, &result);
            }
        }
    }
}

/// The limbs of bits, or without end if they are not asked.
struct Limbs<const HOW: u8, I>(I);

impl<const HOW: u8, I: Iterator<Item = Limb>> Iterator for Limbs<HOW, I> {
    type Item = Limb;

    #[inline(always)]
    fn next(&mut self) -> Option<Limb> {
        if HOW == CHOOSE { self.0.next() } else { Some(0) }
    }
}

/// The effect on one chunk after another.
struct Each<const HOW: u8, L, E, F> {
    lanes: L,
    effect: F,
    /// That of the next chunk.
    place: usize,
    of: core::marker::PhantomData<E>,
}

impl<const HOW: u8, L: Lanes, E: Element, F: Effect<E>> Each<HOW, L, E, F> {
    #[inline(always)]
    fn chunk(&mut self, keep: u16, x: &[E; CHUNK], count: usize) -> [E; CHUNK] {
        let place = self.place;
        self.place += CHUNK;
        match HOW {
            KEEP if !F::SUMS => self.effect.kept(self.lanes, place, x),
            DROP if !F::SUMS => self.effect.dropped(self.lanes, place, x),
            KEEP => self.effect.chunk(self.lanes, u16::MAX, place, x, count),
            DROP => self.effect.chunk(self.lanes, 0, place, x, count),
            _ => self.effect.chunk(self.lanes, keep, place, x, count),
        }
    }

    /// Several chunks, in place unless there is an `x`.
    #[inline(always)]
    fn chunks<P: Place<E>, const N: usize>(&mut self, keep: Limb, x: Option<&[E]>, y: &mut [P; N], fence: Option<&Fence>) {
        let x = x.map(|x| x.as_chunks::<CHUNK>().0);
        let y = y.as_chunks_mut::<CHUNK>().0.iter_mut().enumerate();
        if let Some(fence) = fence {
            for (i, y) in y {
                let values = self.values(keep, i, x, y);
                fence.store(y, values);
            }
        } else {
            for (i, y) in y {
                let values = self.values(keep, i, x, y);
                P::write(y, values);
            }
        }
    }

    #[inline(always)]
    fn values<P: Place<E>>(&mut self, keep: Limb, i: usize, x: Option<&[[E; CHUNK]]>, y: &mut [P; CHUNK]) -> [E; CHUNK] {
        let nothing = [E::ZERO; CHUNK];
        let x = x.and_then(|x| x.get(i)).or(P::elements(y).first_chunk()).unwrap_or(&nothing);
        self.chunk((keep >> (CHUNK * i % LIMB)) as u16, x, CHUNK)
    }
}

/// Element by element, where a chunk is one.
#[inline(always)]
fn by_limbs<const HOW: u8, L: Lanes, E: Element, P: Place<E>, F: Effect<E>>(
    lanes: L,
    bits: Bits<'_>,
    place: usize,
    mut effect: F,
    x: Option<&[E]>,
    y: &mut [P],
) {
    if !P::INITIALISED {
        let each = y.iter_mut().zip(x.unwrap_or_default()).enumerate();
        return each.for_each(|(i, (y, x))| {
            let keep = HOW == KEEP || HOW == CHOOSE && bits.limb(i) & 1 == 1;
            P::write(from_mut(y), [one(lanes, &mut effect, keep, place + i, *x)]);
        });
    }
    Slices { x, y: &mut *y }.copy();
    for (i, y) in P::elements(y).chunks_mut(LIMB).enumerate() {
        let place = place + i * LIMB;
        if HOW == CHOOSE && !(F::DROPS_TO_CONSTANT && !E::IN_SOFTWARE) {
            let mut keep = bits.limb(i * LIMB);
            for (i, y) in y.iter_mut().enumerate() {
                *y = one(lanes, &mut effect, keep & 1 == 1, place + i, *y);
                keep >>= 1;
            }
            continue;
        }
        for (i, y) in y.iter_mut().enumerate() {
            *y = one(lanes, &mut effect, HOW != DROP, place + i, *y);
        }
        if HOW == CHOOSE {
            let mut drop = !bits.limb(i * LIMB);
            while let Some(y) = y.get_mut(drop.trailing_zeros() as usize) {
                *y = one(lanes, &mut effect, false, place, *y);
                drop &= drop - 1;
            }
        }
    }
}

#[inline(always)]
fn one<L: Lanes, E: Element, F: Effect<E>>(lanes: L, effect: &mut F, keep: bool, place: usize, x: E) -> E {
    let x = [x; CHUNK];
    if F::SUMS {
        return effect.chunk(lanes, u16::from(keep), place, &x, 1)[0];
    }
    if keep { effect.kept(lanes, place, &x)[0] } else { effect.dropped(lanes, place, &x)[0] }
}

/// Writes as many elements of a chunk as there are places, which are fewer.
#[inline(always)]
fn write_first<E: Element, P: Place<E>>(mut y: &mut [P], mut values: &[E]) {
    while let Some(count) = y.len().checked_ilog2() {
        macro_rules! write {
            ($count:literal) => {
                if let (Some((to, rest)), Some((from, more))) =
                    (y.split_first_chunk_mut::<$count>(), values.split_first_chunk::<$count>())
                {
                    P::write(to, *from);
                    (y, values) = (rest, more);
                    continue;
                }
            };
        }
        match count {
            0 => write!(1),
            1 => write!(2),
            2 => write!(4),
            _ => write!(8),
        }
        return;
    }
}

/// Writes those elements of a chunk whose bit is set.
#[inline(always)]
fn write_own<E: Element, P: Place<E>>(own: u16, y: &mut [P], values: &[E; CHUNK]) {
    for (i, (y, value)) in y.iter_mut().zip(values).enumerate() {
        if own >> i & 1 == 1 {
            P::write(from_mut(y), [*value]);
        }
    }
}
