//! Decisions become runs: stretches of memory, each with the keep bits of its elements. Nothing here knows an element.

use super::expand::{Unfold, transpose};
use super::plan::{Keep, Origin, Plan, Run, Sink};
use crate::address::Address;
use crate::backend::Backend;
use crate::layout::{Layout, PLACES, Pattern, Stretch, Stretches, Transposed, Units, Walk};
use crate::mask::{BLOCK, BLOCK_LIMBS, Bits, InOrder, LIMB, PackedMask, Source, TILE, Tile, Writer, within_block};
use crate::rate::Rate;
use crate::simd::{Limb, VECTORS, with_vectors, without_vectors};

with_vectors! {
    /// All elements kept, without a layout.
    pub(crate) fn all(_: &Plan<'_>, len: usize, _: usize, sink: &mut dyn Sink) {
        whole(0, len, true, sink);
    }
}

without_vectors! {
    pub(crate) use stored as all;
}

/// Elements that are all kept, or all dropped.
fn whole(start: usize, len: usize, kept: bool, sink: &mut dyn Sink) {
    if !VECTORS {
        let limbs = if kept { &[Limb::MAX; BLOCK_LIMBS] } else { &[0; BLOCK_LIMBS] };
        for i in (0..len).step_by(BLOCK) {
            sink.take_limbs(start + i, BLOCK.min(len - i), limbs);
        }
    } else if len > 0 {
        sink.take(&Run { start, len, keep: if kept { Keep::All } else { Keep::None } });
    }
}

/// One computed decision per element.
pub(crate) fn computed(plan: &Plan<'_>, len: usize, head: usize, sink: &mut dyn Sink) {
    let Origin::Computed(rate, address) = plan.origin else { return };
    if !VECTORS {
        return by_blocks(rate, address, len, sink);
    }
    let mut limbs = [0; BLOCK_LIMBS + 1];
    if let Some(block) = limbs.first_chunk_mut()
        && let Some(from) = within_block(rate, *address, plan.backend, len, block)
    {
        return sink.take(&Run { start: 0, len, keep: Keep::Bits(Bits::new(&limbs, from)) });
    }
    in_tiles(plan, len, head, sink);
}

/// One stored decision per element. Without vectors also [`all`] elements kept, which is little more.
pub(crate) fn stored(plan: &Plan<'_>, len: usize, head: usize, sink: &mut dyn Sink) {
    if VECTORS {
        return in_tiles(plan, len, head, sink);
    }
    by_limbs(if let Origin::Stored(mask) = plan.origin { Some(*mask) } else { None }, len, sink);
}

/// Limb by limb of a stored mask, or of none.
fn by_limbs(mask: Option<PackedMask<'_>>, len: usize, sink: &mut dyn Sink) {
    for start in (0..len).step_by(LIMB) {
        let limb = mask.map_or(Limb::MAX, |mask| mask.limb(start));
        sink.take_limbs(start, LIMB.min(len - start), &[limb]);
    }
}

/// Block by block, which takes little stack.
fn by_blocks(rate: Rate, address: &Address, len: usize, sink: &mut dyn Sink) {
    let (mut start, mut blocks) = (0, InOrder::new(rate, *address));
    while start < len {
        let (mut limbs, mut from) = blocks.next();
        while from < BLOCK && start < len {
            // Up to where a limb begins, and then all that follow.
            let (limb, place) = (from / LIMB % BLOCK_LIMBS, from % LIMB);
            limbs[limb] >>= place;
            let count = if place == 0 { BLOCK - from } else { LIMB - place }.min(len - start);
            sink.take_limbs(start, count, &limbs[limb..]);
            (from, start) = (from + count, start + count);
        }
    }
}

/// As many elements as decisions, tile by tile. In a function of its own, as the tile takes stack.
#[inline(never)]
fn in_tiles(plan: &Plan<'_>, len: usize, head: usize, sink: &mut dyn Sink) {
    let Some(mut source) = plan.source() else { return };
    let mut tile = Tile::NEW;
    // The first tile ends where a line of the output begins, and so do all others.
    let (mut start, mut limit) = (0, TILE * BLOCK - (LIMB - head % LIMB) % LIMB);
    while start < len {
        let count = source.next(plan.backend, limit.min(len - start), &mut tile);
        sink.take(&Run { start, len: count, keep: Keep::Bits(tile.bits()) });
        (start, limit) = (start + count, TILE * BLOCK);
    }
}

/// All elements of a layout kept.
pub(crate) fn all_laid_out(plan: &Plan<'_>, len: usize, head: usize, sink: &mut dyn Sink) {
    match plan.layout {
        Some(layout) if len > 0 && layout.has_gaps() => {
            layout.ranges().for_each(|range| whole(range.start, range.len(), true, sink));
        }
        _ => all(plan, len, head, sink),
    }
}

/// The decisions of a layout. Without vectors, also none.
pub(crate) fn laid_out(plan: &Plan<'_>, len: usize, head: usize, sink: &mut dyn Sink) {
    let Some(layout) = plan.layout.filter(|_| len > 0) else { return };
    if !VECTORS {
        return placed(plan, layout, sink);
    }
    let Some(source) = plan.source() else { return };
    let tiles = Tiles::new(plan, source, layout);
    match layout.pattern() {
        Some(Pattern::Units(units)) => in_units(tiles, &units, len, head, sink),
        Some(Pattern::Transposed(columns)) => in_columns(&tiles, &columns, sink),
        Some(Pattern::Maps(walk)) => in_pieces(tiles, &walk, TILE * BLOCK, sink),
        _ => in_pieces(tiles, &layout.walk(), TILE * BLOCK, sink),
    }
}

/// Without tiles, which takes a fraction of the stack: the decisions of one stretch after another, as without a layout.
fn placed(plan: &Plan<'_>, layout: &Layout, sink: &mut dyn Sink) {
    let (mut numbers, walk) = (layout.numbers(), layout.walk());
    let elements = walk.elements();
    let mut placed = Placed { walk, elements, sink };
    while let Some(Stretch { start, len }) = numbers.next(usize::MAX) {
        let first = layout.first().wrapping_add(start);
        match plan.origin {
            Origin::Keep => by_limbs(None, len, &mut placed),
            Origin::Computed(rate, address) => by_blocks(rate, &address.advanced(first), len, &mut placed),
            Origin::Stored(mask) => by_limbs(Some(mask.advanced(first as usize)), len, &mut placed),
        }
    }
}

/// Puts decisions that follow each other in the places of their elements.
struct Placed<'s, 'a> {
    walk: Walk<'a>,
    elements: Stretches<'a>,
    sink: &'s mut dyn Sink,
}

impl Sink for Placed<'_, '_> {
    fn take(&mut self, _: &Run<'_>) {}

    fn take_limbs(&mut self, _: usize, len: usize, keep: &[Limb]) {
        let mut done = 0;
        while done < len {
            let Some(Stretch { start, len }) = self.elements.next(len - done) else { return };
            of_piece(&self.walk, start as usize, len, Bits::new(keep, done), self.sink);
            done += len;
        }
    }
}

/// Elements of one row: contiguous ones with a decision each are a run, and each feature map is one.
fn of_piece(walk: &Walk<'_>, start: usize, len: usize, bits: Bits<'_>, sink: &mut dyn Sink) {
    for copy in walk.copies() {
        let start = start + copy;
        if walk.map_len != 1 || walk.stride != 1 {
            for i in 0..len {
                whole(start + i * walk.stride, walk.map_len, bits.limb(i) & 1 == 1, sink);
            }
        } else if VECTORS {
            sink.take(&Run { start, len, keep: Keep::Bits(bits) });
        } else {
            for i in (0..len).step_by(LIMB) {
                sink.take_limbs(start + i, LIMB.min(len - i), &[bits.limb(i)]);
            }
        }
    }
}

/// Blocks of decisions per tile where a layout repeats them and elements are summed. The tile's size determines the order of
/// the sums, so it must be the same on every CPU: this is what the smallest one has.
const SUMMED_BLOCKS: usize = 2;

const _: () = assert!(SUMMED_BLOCKS <= TILE);

impl Plan<'_> {
    /// The same plan for an effect that counts columns along elements that follow each other without a gap.
    pub(crate) fn by_columns(self) -> Self {
        if self.layout.is_some_and(Layout::has_gaps) { self.in_order() } else { self }
    }

    /// The same plan in the order of the decisions, which sums follow.
    pub(crate) fn in_order(self) -> Self {
        if self.layout.is_some() { Self { drive: in_order, ..self } } else { self }
    }
}

/// The same in the order of the decisions, which that of sums follows.
fn in_order(plan: &Plan<'_>, len: usize, head: usize, sink: &mut dyn Sink) {
    match (plan.layout, plan.source()) {
        (Some(layout), Some(source)) if len > 0 => {
            let walk = layout.walk();
            let most = if walk.is_repeated() { SUMMED_BLOCKS } else { TILE };
            in_pieces(Tiles::new(plan, source, layout), &walk, most * BLOCK, sink);
        }
        _ => all_laid_out(plan, len, head, sink),
    }
}

/// The decisions of a layout, tile by tile.
struct Tiles<'a> {
    backend: Backend,
    source: Source<'a>,
    numbers: Stretches<'a>,
    /// The number of decisions that are left.
    left: usize,
}

impl<'a> Tiles<'a> {
    fn new(plan: &Plan<'a>, source: Source<'a>, layout: &'a Layout) -> Self {
        Self { backend: plan.backend, source, numbers: layout.numbers(), left: layout.own_decisions() }
    }

    /// Fills a tile with the next decisions, at most `limit` of them and a multiple of `unit`, and returns their number.
    fn next(&mut self, unit: usize, limit: usize, tile: &mut Tile) -> usize {
        let limit = limit.min(TILE * BLOCK).min(self.left);
        let count = if self.numbers.is_one_row() {
            self.source.next(self.backend, limit - limit % unit, tile)
        } else {
            self.source.gather(self.backend, &mut self.numbers, limit - limit % unit, tile)
        };
        self.left -= count;
        count
    }
}

/// Piece by piece as the decisions go.
fn in_pieces(mut tiles: Tiles<'_>, walk: &Walk<'_>, most: usize, sink: &mut dyn Sink) {
    let (mut tile, mut elements) = (Tile::NEW, walk.elements());
    loop {
        let count = tiles.next(1, most, &mut tile);
        if count == 0 {
            return;
        }
        let mut done = 0;
        while done < count {
            let Some(Stretch { start, len }) = elements.next(count - done) else { return };
            of_piece(walk, start as usize, len, tile.bits().skip(done), sink);
            done += len;
        }
    }
}

/// Unit by unit: as many as fill a window of memory.
fn in_units(mut tiles: Tiles<'_>, units: &Units<'_>, len: usize, head: usize, sink: &mut dyn Sink) {
    debug_assert!(units.decisions <= TILE * BLOCK - LIMB, "a unit fits a tile");
    let (mut tile, mut rows) = (Tile::NEW, units.rows.clone());
    let (mut unfolded, mut own) = (Unfold::NEW, Unfold::NEW);
    let most = PLACES / units.places;
    let own = units.gaps.then(|| own.run(units, Bits::ones(), most));
    // As in a slice without a layout, as far as units are elements.
    let mut limit = TILE * BLOCK - (LIMB - head % LIMB) % LIMB;
    loop {
        let count = tiles.next(units.decisions, limit, &mut tile);
        limit = TILE * BLOCK;
        if count == 0 {
            return;
        }
        let mut done = 0;
        while done < count {
            let at_once = if units.steps().is_empty() { count } else { most };
            let Some(Stretch { start, len: window }) = rows.next(((count - done) / units.decisions).min(at_once)) else { return };
            let bits = unfolded.run(units, tile.bits().skip(done), window);
            let keep = own.map_or(Keep::Bits(bits), |own| Keep::Own(bits, own));
            done += window * units.decisions;
            for copy in units.copies.clone() {
                let first = start as usize + copy;
                let end = len.min(first + units.repeats.max(window * units.places));
                for start in (first..end).step_by(window * units.places) {
                    sink.take(&Run { start, len: (window * units.places).min(end - start), keep });
                }
            }
        }
    }
}

/// A limb of columns.
const WIDTH: usize = 8;

/// Column by column of a matrix that lies in memory by columns: a limb of its rows at a time.
fn in_columns(tiles: &Tiles<'_>, columns: &Transposed<'_>, sink: &mut dyn Sink) {
    let mut bits = [[0; WIDTH]; LIMB];
    for (matrix, decision) in columns.matrices() {
        for row in (0..columns.rows).step_by(LIMB) {
            let rows = LIMB.min(columns.rows - row);
            for column in (0..columns.columns).step_by(WIDTH * LIMB) {
                let width = (WIDTH * LIMB).min(columns.columns - column);
                let first = decision + row as u64 * columns.decisions + column as u64;
                let wanted = bits.get_mut(..rows).unwrap_or_default();
                tiles.source.rows(tiles.backend, first, columns.decisions, width, wanted);
                for limb in 0..width.div_ceil(LIMB) {
                    let transposed = transpose(bits.map(|row| row[limb % WIDTH]));
                    let columns_of_limb = LIMB.min(width - limb * LIMB);
                    let start = matrix + row + (column + limb * LIMB) * columns.stride;
                    if columns.stride == rows {
                        // All of a column's rows, and then the next column.
                        let mut together = [0; LIMB + 1];
                        let mut writer = Writer::new(&mut together);
                        transposed.iter().take(columns_of_limb).for_each(|column| writer.push(*column, rows));
                        for copy in columns.copies.clone() {
                            let keep = Keep::Bits(Bits::new(&together, 0));
                            sink.take(&Run { start: start + copy, len: rows * columns_of_limb, keep });
                        }
                        continue;
                    }
                    for copy in columns.copies.clone() {
                        for (i, column) in transposed.iter().take(columns_of_limb).enumerate() {
                            let limbs = [*column, 0];
                            let keep = Keep::Bits(Bits::new(&limbs, 0));
                            sink.take(&Run { start: start + copy + i * columns.stride, len: rows, keep });
                        }
                    }
                }
            }
        }
    }
}
