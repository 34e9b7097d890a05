//! Decisions onto values: the one loop behind every layout and every kind of dropout.

use core::ops::Range;

use crate::element::{Element, Float};
use crate::lanes::{Lanes, Task, past_caches};
use crate::layout::{Offsets, Walk};
use crate::tiles::{Source, TILE, Tile, Tiles, WORD, Word, Work};

/// Elements that a kernel handles at once.
pub(crate) const CHUNK: usize = 16;

/// What becomes of a value that a mask keeps or drops: the whole difference between one kind of dropout and another.
pub(crate) trait Pair<E: Element>: Copy {
    fn kept<L: Lanes>(self, lanes: L, x: E::Vector<L>) -> E::Vector<L>;
    fn dropped(self) -> E;
}

/// Kept values times a scale, dropped ones zero.
#[derive(Clone, Copy)]
pub(crate) struct Scale<E>(E);

impl<E: Float> Scale<E> {
    pub(crate) fn by(scale: f64) -> Self {
        Self(E::from_f64(scale))
    }
}

impl<E: Float> Pair<E> for Scale<E> {
    #[inline(always)]
    fn kept<L: Lanes>(self, lanes: L, x: E::Vector<L>) -> E::Vector<L> {
        x * E::splat(lanes, self.0)
    }

    #[inline(always)]
    fn dropped(self) -> E {
        E::ZERO
    }
}

/// What a kernel reads and writes: an input and an output of equal length, or one slice in place.
pub(crate) struct Slices<'a, E> {
    x: Option<&'a [E]>,
    y: &'a mut [E],
    /// Whether planes and evaluation write past the caches.
    past_caches: bool,
}

impl<'a, E: Element> Slices<'a, E> {
    pub(crate) fn out_of_place(x: &'a [E], y: &'a mut [E]) -> Self {
        Self { x: Some(x), past_caches: past_caches::pays(size_of_val(y)), y }
    }

    pub(crate) const fn in_place(y: &'a mut [E]) -> Self {
        Self { x: None, y, past_caches: false }
    }

    /// The elements of a range, which lies inside.
    #[inline(always)]
    pub(crate) fn part(&mut self, range: Range<usize>) -> Slices<'_, E> {
        let x = self.x.map(|x| x.get(range.clone()).unwrap_or_default());
        Slices { x, y: self.y.get_mut(range).unwrap_or_default(), past_caches: self.past_caches }
    }

    /// The input as it is.
    #[inline(always)]
    pub(crate) fn copy(mut self, walk: &Walk<'_>) {
        if walk.gaps == 0 {
            return self.copy_all();
        }
        for run in walk.runs() {
            self.part(run).copy_all();
        }
    }

    fn copy_all(self) {
        if let Some(x) = self.x {
            self.y.iter_mut().zip(x).for_each(|(to, from)| *to = *from);
        }
    }

    /// The first `len` elements and the others.
    #[cfg(feature = "rayon")]
    pub(crate) fn split_at(self, len: usize) -> Option<(Self, Self)> {
        let (y, y_rest) = self.y.split_at_mut_checked(len)?;
        let (x, x_rest) = match self.x {
            Some(x) => {
                let (x, rest) = x.split_at_checked(len)?;
                (Some(x), Some(rest))
            }
            None => (None, None),
        };
        Some((Self { x, y, ..self }, Self { x: x_rest, y: y_rest, ..self }))
    }

    /// To be called when all is written, before others may read it.
    #[inline(always)]
    pub(crate) fn finish(self) {
        if self.past_caches {
            past_caches::fence();
        }
    }

    /// The number of elements.
    #[cfg(feature = "rayon")]
    pub(crate) const fn len(&self) -> usize {
        self.y.len()
    }

    /// Takes the next word's elements off, while there is a whole word of them.
    #[inline(always)]
    fn split_word(&mut self) -> Option<(Option<&'a [E; WORD]>, &'a mut [E; WORD])> {
        let x = match self.x {
            Some(x) => {
                let (word, rest) = x.split_first_chunk()?;
                self.x = Some(rest);
                Some(word)
            }
            None => None,
        };
        if self.y.len() < WORD {
            return None;
        }
        let (y, rest) = core::mem::take(&mut self.y).split_first_chunk_mut()?;
        self.y = rest;
        Some((x, y))
    }
}

/// What a kernel does to sixteen elements. A trait, because a closure is a function of its own, compiled without the instruction set
/// until it is inlined, and nothing can order that.
pub(crate) trait Step<E, W> {
    /// The elements are those of 64 decisions, from the one numbered `16 * chunk` on.
    fn step(&mut self, decisions: &W, chunk: usize, x: &[E; CHUNK]) -> [E; CHUNK];
}

/// What decisions mean for values.
pub(crate) trait Effect<E: Element> {
    type Word: Word;
    type Step<'a, L: Lanes>: Step<E, Self::Word>
    where
        Self: 'a;

    /// The most blocks of decisions whose elements are passed before those of others: what adds elements up limits it, so that their order
    /// is the same on every CPU.
    #[inline(always)]
    fn tile(&self, _: &Walk<'_>) -> usize {
        TILE
    }

    /// For a range of elements with a decision each, which are then passed in order.
    fn step<L: Lanes>(&mut self, lanes: L, range: Range<usize>) -> Self::Step<'_, L>;

    /// For a range of elements that share a decision, number `i` of 64.
    #[inline(always)]
    fn plane<L: Lanes>(&mut self, lanes: L, decisions: &Self::Word, i: usize, range: Range<usize>, slices: Slices<'_, E>) {
        each(lanes, slices, &decisions.all_like(i), self.step(lanes, range));
    }
}

/// A pair as a mask chooses.
#[derive(Clone, Copy)]
pub(crate) struct Masked<P>(pub(crate) P);

impl<E: Element, P: Pair<E>> Effect<E> for Masked<P> {
    type Word = u64;
    type Step<'a, L: Lanes>
        = Select<L, E, P>
    where
        P: 'a;

    #[inline(always)]
    fn step<L: Lanes>(&mut self, lanes: L, _: Range<usize>) -> Select<L, E, P> {
        Select { lanes, pair: self.0, dropped: E::splat(lanes, self.0.dropped()) }
    }

    /// What is dropped is not read.
    #[inline(always)]
    fn plane<L: Lanes>(&mut self, lanes: L, keep: &u64, i: usize, _: Range<usize>, slices: Slices<'_, E>) {
        if keep >> i & 1 == 1 {
            keep_all(lanes, self.0, slices);
        } else {
            each(lanes, Slices { x: None, ..slices }, &(), FillChunk([self.0.dropped(); CHUNK]));
        }
    }
}

/// Each element for itself: kept or dropped.
pub(crate) struct Select<L: Lanes, E: Element, P> {
    lanes: L,
    pair: P,
    dropped: E::Vector<L>,
}

impl<L: Lanes, E: Element, P: Pair<E>> Step<E, u64> for Select<L, E, P> {
    #[inline(always)]
    fn step(&mut self, keep: &u64, chunk: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        let kept = self.pair.kept(self.lanes, E::load(self.lanes, x));
        E::store(self.lanes, E::select(self.lanes, (keep >> (CHUNK * chunk)) as u16, kept, self.dropped))
    }
}

/// One value, whatever they were.
struct FillChunk<E>([E; CHUNK]);

impl<E: Element> Step<E, ()> for FillChunk<E> {
    #[inline(always)]
    fn step(&mut self, (): &(), _: usize, _: &[E; CHUNK]) -> [E; CHUNK] {
        self.0
    }
}

/// All of them kept.
struct KeepChunk<L, P> {
    lanes: L,
    pair: P,
}

impl<L: Lanes, E: Element, P: Pair<E>> Step<E, ()> for KeepChunk<L, P> {
    #[inline(always)]
    fn step(&mut self, (): &(), _: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        E::store(self.lanes, self.pair.kept(self.lanes, E::load(self.lanes, x)))
    }
}

/// A step for all elements of some slices, sixty-four decisions at a time.
struct Pass<'a, E, D, S> {
    slices: Slices<'a, E>,
    decisions: D,
    step: S,
}

impl<'d, E: Element, W: 'd, D: Iterator<Item = &'d W>, S: Step<E, W>> Pass<'_, E, D, S> {
    /// The elements of the next word; false if there is no whole word left.
    #[inline(always)]
    fn word<const PAST_CACHES: bool>(&mut self) -> bool {
        // Not `zip`: it would take the decisions of the last elements before knowing that there is no whole word of them.
        let Some((x, y)) = self.slices.split_word() else { return false };
        let Some(decisions) = self.decisions.next() else { return false };
        let x = x.map(|x| x.as_chunks::<CHUNK>().0);
        for (i, y) in y.as_chunks_mut::<CHUNK>().0.iter_mut().enumerate() {
            let x = x.and_then(|x| x.get(i)).unwrap_or(y);
            let values = self.step.step(decisions, i, x);
            if PAST_CACHES {
                past_caches::store(y, values);
            } else {
                *y = values;
            }
        }
        true
    }

    /// All that is left, in a function of its own, which all that pass so have in common.
    #[inline(always)]
    fn finish<L: Lanes>(self, lanes: L) {
        lanes.call(Finish(self));
    }

    /// All that is left, the last elements padded to a whole chunk.
    #[inline(always)]
    fn finish_here(mut self) {
        while self.word::<false>() {}
        let Slices { x, y, .. } = self.slices;
        let Some(decisions) = self.decisions.next().filter(|_| !y.is_empty()) else { return };
        for (i, y) in y.chunks_mut(CHUNK).enumerate() {
            let mut padded = [E::ZERO; CHUNK];
            let x = x.map_or(&*y, |x| x.get(CHUNK * i..).unwrap_or_default());
            padded.iter_mut().zip(x).for_each(|(to, from)| *to = *from);
            let result = self.step.step(decisions, i, &padded);
            y.iter_mut().zip(result).for_each(|(to, from)| *to = from);
        }
    }
}

struct Finish<P>(P);

impl<'d, E: Element, W: 'd, D: Iterator<Item = &'d W>, S: Step<E, W>> Task for Finish<Pass<'_, E, D, S>> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        self.0.finish_here();
    }
}

/// The same, but for the last elements past the caches.
struct FinishPastCaches<P>(P);

impl<'d, E: Element, W: 'd, D: Iterator<Item = &'d W>, S: Step<E, W>> Task for FinishPastCaches<Pass<'_, E, D, S>> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self(mut pass) = self;
        while pass.word::<true>() {}
        pass.finish_here();
    }
}

impl<'d, E: Element, W: 'd, D: Iterator<Item = &'d W>, S: Step<E, W>> Work for Pass<'_, E, D, S> {
    #[inline(always)]
    fn advance(&mut self, words: usize) {
        for _ in 0..words {
            if !self.word::<false>() {
                break;
            }
        }
    }
}

/// Applies decisions to a tensor.
pub(crate) struct Apply<'a, E, S, F> {
    pub(crate) source: S,
    pub(crate) walk: &'a Walk<'a>,
    pub(crate) effect: F,
    pub(crate) slices: Slices<'a, E>,
}

impl<E: Element, S: Source, F: Effect<E, Word = <S::Tile as Tile>::Word>> Task for Apply<'_, E, S, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        // The source stays where the caller wrote it: a struct that is moved just after it was written costs a short slice dearly.
        let (walk, mut effect, mut slices) = (self.walk, self.effect, self.slices);
        let source = &mut self.source;
        if slices.y.is_empty() {
            return;
        }
        if walk.is_flat()
            && let Some(decisions) = source.few(lanes, walk.decisions)
        {
            let step = effect.step(lanes, 0..slices.y.len());
            return Pass { slices, decisions: decisions.iter(), step }.finish(lanes);
        }
        let (mut tile, mut next_tile) = (S::Tile::NEW, S::Tile::NEW);
        let (mut tile, mut next_tile) = (&mut tile, &mut next_tile);
        let mut tiles = source.tiles(lanes, walk.total, effect.tile(walk));
        let mut stretches = Stretches { walk, rows: walk.rows(), row: None };
        let mut len = tiles.next(tile, &mut ());
        while let Some(decisions) = len {
            len = if let Some(start) = stretches.whole_tile(decisions) {
                for copy in walk.copies().skip(1) {
                    let range = start + copy..start + copy + decisions;
                    let step = effect.step(lanes, range.clone());
                    Pass { slices: slices.part(range), decisions: tile.words().iter(), step }.finish(lanes);
                }
                let range = start..start + decisions;
                let step = effect.step(lanes, range.clone());
                let mut pass = Pass { slices: slices.part(range), decisions: tile.words().iter(), step };
                let len = tiles.next(next_tile, &mut pass);
                pass.finish(lanes);
                len
            } else {
                lanes.call(Parts { lanes, tile, decisions, stretches: &mut stretches, effect: &mut effect, slices: &mut slices });
                tiles.next(next_tile, &mut ())
            };
            core::mem::swap(&mut tile, &mut next_tile);
        }
        slices.finish();
    }
}

/// Where the decisions of a tensor lie, row after row.
struct Stretches<'a> {
    walk: &'a Walk<'a>,
    rows: Offsets<'a>,
    /// Where the row begins that the next decision is in, and the number of its decisions that are done.
    row: Option<(usize, usize)>,
}

/// Decisions of one row: where their first element is, and how many they are.
struct Stretch {
    start: usize,
    decisions: usize,
}

impl Stretches<'_> {
    #[inline(always)]
    fn unfinished(&self) -> Option<(usize, usize)> {
        self.row.filter(|(_, done)| *done < self.walk.decisions)
    }

    /// The next decisions of one row, at most so many.
    #[inline(always)]
    fn next(&mut self, limit: usize) -> Option<Stretch> {
        let (row, done) = match self.unfinished() {
            Some(row) => row,
            None => (self.rows.next()?, 0),
        };
        let decisions = limit.min(self.walk.decisions - done);
        self.row = Some((row, done + decisions));
        Some(Stretch { start: row + done * self.walk.plane, decisions })
    }

    /// Where the next so many decisions start, if they are a stretch of single elements that is not repeated on end.
    #[inline(always)]
    fn whole_tile(&mut self, decisions: usize) -> Option<usize> {
        let left = self.walk.decisions - self.unfinished().map_or(0, |(_, done)| done);
        if self.walk.plane > 1 || self.walk.repeats > 1 || left < decisions {
            return None;
        }
        self.next(decisions).map(|stretch| stretch.start)
    }
}

/// Planes of fewer elements than this are not worth a loop each: what is dropped is then read.
const SMALL_PLANE: usize = 256;

/// Applies the decisions of a tile that do not lie in memory as they lie in the tile.
struct Parts<'p, 'w, 's, L, T, E, F> {
    lanes: L,
    tile: &'p T,
    decisions: usize,
    stretches: &'p mut Stretches<'w>,
    effect: &'p mut F,
    slices: &'p mut Slices<'s, E>,
}

impl<L: Lanes, T: Tile, E: Element, F: Effect<E, Word = T::Word>> Task for Parts<'_, '_, '_, L, T, E, F> {
    type Output = ();

    #[inline(always)]
    fn run<M: Lanes>(self, _: M) {
        let Self { lanes, tile, decisions, stretches, effect, slices } = self;
        let walk = stretches.walk;
        let mut elements = T::NEW;
        let mut from = 0;
        while from < decisions {
            let Some(Stretch { start, decisions: count }) = stretches.next(decisions - from) else { return };
            // A whole row that is repeated on end is one with its repeats.
            let (repeats, apart) = if count == walk.decisions { (walk.repeats, 1) } else { (1, walk.repeats) };
            let copies = walk.copies().flat_map(|copy| (0..apart).map(move |repeat| start + copy + repeat * walk.decisions));
            if walk.plane < SMALL_PLANE {
                let all = count * walk.plane * repeats;
                let mut laid_out = None;
                for start in copies {
                    for skip in (0..all).step_by(T::CAPACITY) {
                        let len = T::CAPACITY.min(all - skip);
                        if laid_out != Some(skip) {
                            if walk.plane > 1 {
                                elements.spread(tile, from, walk.plane, skip, len);
                            } else {
                                elements.cycle(tile, from, count, skip, len);
                            }
                            laid_out = Some(skip);
                        }
                        let range = start + skip..start + skip + len;
                        let step = effect.step(lanes, range.clone());
                        Pass { slices: slices.part(range), decisions: elements.words().iter(), step }.finish(lanes);
                    }
                }
            } else {
                for start in copies {
                    for i in 0..count {
                        let plane = start + i * walk.plane;
                        if let Some(word) = tile.words().get((from + i) / WORD) {
                            let range = plane..plane + walk.plane;
                            effect.plane(lanes, word, (from + i) % WORD, range.clone(), slices.part(range));
                        }
                    }
                }
            }
            from += count;
        }
    }
}

/// A step for all elements of some slices, whatever their place among sixty-four decisions.
#[inline(always)]
pub(crate) fn each<L: Lanes, E: Element, W>(lanes: L, slices: Slices<'_, E>, decisions: &W, step: impl Step<E, W>) {
    let pass = Pass { slices, decisions: core::iter::repeat(decisions), step };
    if pass.slices.past_caches {
        lanes.call(FinishPastCaches(pass));
    } else {
        pass.finish_here();
    }
}

/// Every element kept.
#[inline(always)]
fn keep_all<L: Lanes, E: Element, P: Pair<E>>(lanes: L, pair: P, slices: Slices<'_, E>) {
    each(lanes, slices, &(), KeepChunk { lanes, pair });
}

/// Evaluation: every element kept, without a mask.
pub(crate) struct KeepAll<'a, E, P> {
    pub(crate) walk: &'a Walk<'a>,
    pub(crate) pair: P,
    pub(crate) slices: Slices<'a, E>,
}

impl<E: Element, P: Pair<E>> Task for KeepAll<'_, E, P> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { walk, pair, mut slices } = self;
        if walk.gaps == 0 {
            keep_all(lanes, pair, slices.part(0..slices.y.len()));
        } else {
            for run in walk.runs() {
                keep_all(lanes, pair, slices.part(run));
            }
        }
        slices.finish();
    }
}
