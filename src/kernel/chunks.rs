//! The loop over the elements of a run, a chunk at a time.

use core::array::from_mut;
use core::marker::PhantomData;

use super::effect::{Effect, operand, padded};
use super::past_caches::Fence;
use super::place::Place;
use super::plan::{Keep, Run};
use super::slices::Slices;
use crate::element::sealed::Element;
use crate::mask::{BLOCK_LIMBS, Bits, LIMB};
use crate::simd::{CHUNK, Lanes, Limb, Scalar, Task, VECTORS, rolled};

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

impl<L: Lanes, E: Element, P: Place<E>, F: Effect<E>> Task<L> for Chunks<'_, E, P, F> {
    #[inline(always)]
    fn run(self, lanes: L) {
        let Self { run: Run { start, keep, .. }, base, effect, slices: Slices { x, y }, fence } = self;
        let place = base + start;
        if !VECTORS {
            let keep = if matches!(keep, Keep::None) { &[0; BLOCK_LIMBS] } else { &[Limb::MAX; BLOCK_LIMBS] };
            return on_limbs(keep, place, effect, Slices { x, y });
        }
        let mut each = Each { lanes, effect, place, of: PhantomData };
        // What does not fill a chunk is done together with elements before it, once more. In place these will have been
        // overwritten by then.
        let overlaps = !F::SUMS && y.len() > CHUNK && !y.len().is_multiple_of(CHUNK) && !matches!(keep, Keep::Own(..));
        let last_x = x.unwrap_or(&*P::elements(y)).last_chunk::<CHUNK>().filter(|_| overlaps).copied();
        let done = match *keep {
            Keep::All => each.whole::<true, P>(x, y, fence),
            Keep::None if F::CHOOSES => each.whole::<false, P>(x, y, fence),
            Keep::Bits(bits) if F::CHOOSES => each.limbs(bits, x, y, fence),
            Keep::Own(bits, own) if F::CHOOSES => return each.own(bits, own, x, y),
            _ => return debug_assert!(false, "no such runs are made for this effect"),
        };
        each.finish(place, done, keep, x, y, last_x);
    }
}

/// The effect on one chunk after another.
struct Each<L, E, F> {
    lanes: L,
    effect: F,
    /// That of the next chunk.
    place: usize,
    of: PhantomData<E>,
}

impl<L: Lanes, E: Element, F: Effect<E>> Each<L, E, F> {
    /// All chunks kept, or all dropped. Returns the number of elements.
    #[inline(always)]
    fn whole<const KEPT: bool, P: Place<E>>(&mut self, x: Option<&[E]>, y: &mut [P], fence: Option<&Fence>) -> usize {
        let chunks = y.as_chunks_mut::<CHUNK>().0;
        let done = chunks.len() * CHUNK;
        if let Some(x) = x {
            for (y, x) in chunks.iter_mut().zip(x.as_chunks().0) {
                let values = self.all_or_none::<KEPT>(x);
                match fence {
                    Some(fence) => fence.store(y, values),
                    None => P::write(y, values),
                }
            }
        } else if P::INITIALISED {
            for y in chunks {
                let values = self.all_or_none::<KEPT>(&there(y));
                P::write(y, values);
            }
        }
        done
    }

    /// A chunk of elements that are all kept, or all dropped.
    #[inline(always)]
    fn all_or_none<const KEPT: bool>(&mut self, x: &[E; CHUNK]) -> [E; CHUNK] {
        let place = self.place;
        self.place += CHUNK;
        match KEPT {
            _ if F::SUMS => self.effect.chunk(self.lanes, if KEPT { u16::MAX } else { 0 }, place, x, CHUNK),
            true => self.effect.kept(self.lanes, place, x),
            false => self.effect.dropped(self.lanes, place, x),
        }
    }

    /// As many chunks as there are whole limbs of bits. Returns the number of elements.
    #[inline(always)]
    fn limbs<P: Place<E>>(&mut self, bits: Bits<'_>, x: Option<&[E]>, y: &mut [P], fence: Option<&Fence>) -> usize {
        let limbs = y.as_chunks_mut::<LIMB>().0;
        let done = limbs.len() * LIMB;
        match (x, fence) {
            (Some(x), None) => {
                for ((y, x), keep) in limbs.iter_mut().zip(x.as_chunks::<LIMB>().0).zip(bits.iter()) {
                    for (i, (y, x)) in y.as_chunks_mut().0.iter_mut().zip(x.as_chunks().0).enumerate() {
                        let values = self.chunk((keep >> (CHUNK * i % LIMB)) as u16, x, CHUNK);
                        P::write(y, values);
                    }
                }
            }
            (Some(x), Some(fence)) => {
                for ((y, x), mut keep) in limbs.iter_mut().zip(x.as_chunks::<LIMB>().0).zip(bits.iter()) {
                    for (y, x) in y.as_chunks_mut().0.iter_mut().zip(x.as_chunks().0) {
                        let values = self.chunk(keep as u16, x, CHUNK);
                        fence.store(y, values);
                        keep >>= CHUNK % LIMB;
                    }
                }
            }
            (None, _) if P::INITIALISED => {
                for (y, keep) in limbs.iter_mut().zip(bits.iter()) {
                    for (i, y) in y.as_chunks_mut::<CHUNK>().0.iter_mut().enumerate() {
                        let values = self.chunk((keep >> (CHUNK * i % LIMB)) as u16, &there(y), CHUNK);
                        put(y, values);
                    }
                }
            }
            (None, _) => {}
        }
        done
    }

    #[inline(always)]
    fn chunk(&mut self, keep: u16, x: &[E; CHUNK], count: usize) -> [E; CHUNK] {
        let place = self.place;
        self.place += CHUNK;
        self.effect.chunk(self.lanes, keep, place, x, count)
    }

    /// The elements from number `done` on, the last of them by their chunk if it is given.
    #[inline(always)]
    fn finish<P: Place<E>>(
        &mut self,
        start: usize,
        mut done: usize,
        keep: &Keep<'_>,
        x: Option<&[E]>,
        y: &mut [P],
        last_x: Option<[E; CHUNK]>,
    ) {
        while let Some(to) = y.get_mut(done..).and_then(<[P]>::first_chunk_mut) {
            let from = match x {
                Some(x) => x.get(done..).and_then(<[E]>::first_chunk),
                None => P::elements(to).first_chunk(),
            };
            let Some(from) = from else { return debug_assert!(false, "the input is as long as the output") };
            let result = self.of_run(start, done, keep, from, CHUNK);
            put(to, result);
            done += CHUNK;
        }
        if done == y.len() {
            return;
        }
        // Apart, or all of it would go through memory, where it has just been written.
        if let Some(last_x) = last_x {
            let result = self.of_run(start, y.len() - CHUNK, keep, &last_x, CHUNK);
            if let Some(to) = y.last_chunk_mut() {
                put(to, result);
            }
            return;
        }
        let rest = y.get_mut(done..).unwrap_or_default();
        let input = match x {
            Some(x) => padded(x.get(done..).unwrap_or_default()),
            None => padded(P::elements(rest)),
        };
        let result = self.of_run(start, done, keep, &input, rest.len());
        write_first(rest, &result);
    }

    /// The chunk from number `done` on of a run.
    #[inline(always)]
    fn of_run(&mut self, start: usize, done: usize, keep: &Keep<'_>, x: &[E; CHUNK], count: usize) -> [E; CHUNK] {
        self.place = start + done;
        if !F::CHOOSES {
            return self.all_or_none::<true>(x);
        }
        let keep = match keep {
            Keep::Bits(bits) => bits.limb(done) as u16,
            Keep::None => 0,
            _ => u16::MAX,
        };
        self.chunk(keep, x, count)
    }

    /// Those elements that are the tensor's.
    #[inline(always)]
    fn own<P: Place<E>>(&mut self, bits: Bits<'_>, own: Bits<'_>, x: Option<&[E]>, y: &mut [P]) {
        let (limbs, rest) = y.as_chunks_mut::<LIMB>();
        let done = limbs.len() * LIMB;
        let limbs = limbs.iter_mut().zip(bits.iter().zip(own.iter()));
        // A loop for each: to choose the input chunk by chunk is a chain of dependent instructions.
        match x {
            Some(x) => {
                for ((y, (mut keep, mut own)), x) in limbs.zip(x.as_chunks::<LIMB>().0) {
                    for (y, x) in y.as_chunks_mut::<CHUNK>().0.iter_mut().zip(x.as_chunks().0) {
                        let values = self.chunk(keep as u16, x, CHUNK);
                        self.put_own(own as u16, y, values);
                        (keep, own) = (keep >> (CHUNK % LIMB), own >> (CHUNK % LIMB));
                    }
                }
            }
            None if P::INITIALISED => {
                for (y, (mut keep, mut own)) in limbs {
                    for y in y.as_chunks_mut::<CHUNK>().0 {
                        let values = self.chunk(keep as u16, &there(y), CHUNK);
                        self.put_own(own as u16, y, values);
                        (keep, own) = (keep >> (CHUNK % LIMB), own >> (CHUNK % LIMB));
                    }
                }
            }
            None => {}
        }
        for (i, y) in rest.chunks_mut(CHUNK).enumerate() {
            let (from, count, mut room) = (done + i * CHUNK, y.len(), None);
            let input = match x {
                Some(x) => operand(x, from, &mut room),
                None => operand(P::elements(y), 0, &mut room),
            };
            let values = self.chunk(bits.limb(from) as u16, input, count);
            match y.first_chunk_mut() {
                Some(y) => self.put_own(own.limb(from) as u16, y, values),
                None => write_own(own.limb(from) as u16, y, &values),
            }
        }
    }

    /// Writes those elements of a chunk that are the tensor's.
    #[inline(always)]
    fn put_own<P: Place<E>>(&self, own: u16, y: &mut [P; CHUNK], values: [E; CHUNK]) {
        if P::INITIALISED {
            let others = there(y);
            put(y, E::select(self.lanes, own, values, others));
        } else {
            write_own(own, y, &values);
        }
    }
}

/// What is there.
#[inline(always)]
fn there<E: Element, P: Place<E>>(y: &mut [P; CHUNK]) -> [E; CHUNK] {
    *P::elements(y).first_chunk().unwrap_or(&[E::ZERO; CHUNK])
}

/// Writes a chunk that may be a choice between new values and what is there.
#[inline(always)]
fn put<E: Element, P: Place<E>>(y: &mut [P; CHUNK], values: [E; CHUNK]) {
    // Or the compiler makes a masked store of it, which takes Zen tens of cycles.
    core::hint::black_box(());
    P::write(y, values);
}

/// The effect on elements one by one, where there are no vectors.
#[inline(always)]
pub(super) fn on_limbs<E: Element, P: Place<E>, F: Effect<E>>(
    keep: &[Limb],
    mut place: usize,
    mut effect: F,
    Slices { x, y }: Slices<'_, E, P>,
) {
    if !P::INITIALISED {
        for ((y, x), keep) in y.chunks_mut(LIMB).zip(x.unwrap_or_default().chunks(LIMB)).zip(keep) {
            let mut keep = *keep;
            for (y, x) in y.iter_mut().zip(x) {
                P::write(from_mut(y), [one(&mut effect, keep & 1 == 1, place, *x)]);
                (keep, place) = (keep >> 1, place + 1);
            }
        }
        return;
    }
    Slices { x, y: &mut *y }.copy();
    let y = P::elements(y);
    if F::DROPS_TO_CONSTANT && !E::IN_SOFTWARE {
        let (limbs, rest) = y.as_chunks_mut::<LIMB>();
        let mut keep = keep.iter();
        for (limb, keep) in limbs.iter_mut().zip(&mut keep) {
            if *keep != 0 && !effect.leaves_kept() {
                for y in &mut *limb {
                    *y = one(&mut effect, true, place, *y);
                }
            }
            drop_from(limb, *keep, effect);
        }
        if let Some(keep) = keep.next() {
            if !effect.leaves_kept() {
                for y in &mut *rest {
                    *y = one(&mut effect, true, place, *y);
                    rolled();
                }
            }
            drop_from(rest, *keep, effect);
        }
        return;
    }
    for (y, keep) in y.chunks_mut(LIMB).zip(keep) {
        let mut keep = *keep;
        for y in y {
            *y = one(&mut effect, keep & 1 == 1, place, *y);
            (keep, place) = (keep >> 1, place + 1);
        }
    }
}

/// Whether leading zeros are counted by an instruction, but trailing ones take two: on Arm from version 7 on.
const LEADING: bool = cfg!(all(target_arch = "arm", target_has_atomic = "32"));

/// Drops those of a limb of elements that are not kept.
#[inline(always)]
fn drop_from<E: Element, F: Effect<E>>(y: &mut [E], keep: Limb, mut effect: F) {
    let mut drop = if LEADING { (!keep).reverse_bits() } else { !keep };
    let first = |drop: Limb| if LEADING { drop.leading_zeros() } else { drop.trailing_zeros() };
    while let Some(y) = y.get_mut(first(drop) as usize) {
        *y = one(&mut effect, false, 0, *y);
        drop &= if LEADING { !(1 << (LIMB - 1) >> (first(drop) % Limb::BITS)) } else { drop.wrapping_sub(1) };
        rolled();
    }
}

#[inline(always)]
fn one<E: Element, F: Effect<E>>(effect: &mut F, keep: bool, place: usize, x: E) -> E {
    let x = [x; CHUNK];
    if F::SUMS {
        return effect.chunk(Scalar, u16::from(keep), place, &x, 1)[0];
    }
    if !keep {
        return effect.dropped(Scalar, place, &x)[0];
    }
    if E::IN_SOFTWARE {
        // Or the compiler multiplies every element in advance, as if that cost nothing.
        core::hint::black_box(());
    }
    effect.kept(Scalar, place, &x)[0]
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
