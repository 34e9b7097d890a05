//! Where keep decisions come from: computed from an address and a rate, or read where they were stored. What comes out is
//! bits, whichever it was.

use core::slice::from_mut;

use super::bernoulli::{ALL, Bernoulli, Threshold};
use super::generator::{Blocks, Few, Numbers};
use super::packed::PackedMask;
use super::stream::BLOCK;
use super::tile::{BLOCK_LIMBS, Bits, Block, LIMB, TILE, Tile, Writer, first_of, from_words};
use crate::address::Address;
use crate::backend::Backend;
use crate::layout::{Stretch, Stretches};
use crate::rate::Rate;
use crate::simd::{Limb, VECTORS};

/// The keep decisions of a tensor, of which each call takes the next.
pub(crate) enum Source<'a> {
    Computed(Computed),
    Stored(PackedMask<'a>),
}

impl Source<'_> {
    /// Fills a tile with the next decisions, at most `limit` of them, and returns their number, which is 0 only if the
    /// limit is. What the tile holds past them is unspecified.
    pub(crate) fn next(&mut self, backend: Backend, limit: usize, tile: &mut Tile) -> usize {
        let limit = limit.min(TILE * BLOCK);
        match self {
            Self::Computed(computed) => computed.next(backend, limit, tile),
            Self::Stored(mask) => {
                mask.read(limit, tile.limbs_mut());
                *mask = mask.advanced(limit);
            }
        }
        limit
    }

    /// Fills a tile with the decisions that have the next of these numbers, counted from the tensor's first decision, at most
    /// `limit` of them, and returns their number. Does not change what is next.
    pub(crate) fn gather(&self, backend: Backend, numbers: &mut Stretches<'_>, limit: usize, tile: &mut Tile) -> usize {
        let (limit, mut writer, mut decisions) = (limit.min(TILE * BLOCK), Writer::new(tile.limbs_mut()), 0);
        while decisions < limit {
            let taken = match self {
                Self::Computed(computed) => computed.gather(backend, numbers, limit - decisions, &mut writer),
                Self::Stored(mask) => {
                    let Some(Stretch { start, len }) = numbers.next(limit - decisions) else { break };
                    for from in (0..len).step_by(LIMB) {
                        let count = LIMB.min(len - from);
                        writer.push(first_of(mask.limb(start as usize + from), count), count);
                    }
                    len
                }
            };
            if taken == 0 {
                break;
            }
            decisions += taken;
        }
        decisions
    }

    /// The bits of rows of `width` decisions, at most `N` limbs of them: the first row from decision `first` on, the next
    /// `distance` decisions further on. Does not change what is next.
    pub(crate) fn rows<const N: usize>(&self, backend: Backend, first: u64, distance: u64, width: usize, rows: &mut [[Limb; N]]) {
        match self {
            Self::Computed(computed) => computed.rows(backend, first, distance, width, rows),
            Self::Stored(mask) => {
                for (row, i) in rows.iter_mut().zip(0..) {
                    for (limb, from) in row.iter_mut().zip((0..width).step_by(LIMB)) {
                        *limb = mask.limb((first + i * distance) as usize + from);
                    }
                }
            }
        }
    }
}

/// The keep bits of `decisions` decisions from an address's offset on, if one block has them: returns where in it they begin.
///
/// By themselves, without what it takes to go on, for slices that are short. Written where they are read, as what is moved
/// just after it was written stalls.
#[inline]
pub(crate) fn within_block(rate: Rate, address: Address, backend: Backend, decisions: usize, keep: &mut Block) -> Option<usize> {
    let (block, place) = (address.offset / BLOCK as u64, (address.offset % BLOCK as u64) as usize);
    if decisions > BLOCK - place {
        return None;
    }
    let mask = Bernoulli::new(rate, address);
    let (stream, threshold, numbers, keep) = (&mask.stream, &mask.threshold, Numbers::From(block), from_mut(keep));
    if VECTORS && threshold.planes > 2 {
        // Past what scalar calls do, but what computes groups is set up for more.
        backend.run(Few { stream, threshold, numbers, keep });
    } else {
        blocks(&mask, backend, &numbers, keep);
    }
    Some(place)
}

/// The keep bits of the blocks with these numbers.
#[inline]
fn blocks(mask: &Bernoulli, backend: Backend, numbers: &Numbers<'_>, keep: &mut [Block]) {
    // One call for a block, or two, is done before vectors are set up.
    if VECTORS && let ([keep], Threshold { planes: 1..=2, levels: 0, .. }) = (&mut *keep, mask.threshold) {
        *keep = from_words(mask.by_two_planes(numbers.get(0)));
        return;
    }
    backend.run(Blocks { mask, numbers, keep });
}

/// The decisions of a mask from an address's offset on.
pub(crate) struct Computed {
    mask: Bernoulli,
    /// The next block to compute.
    block: u64,
    /// The last one that was computed.
    last: Block,
    /// Where the next decision is: in the last block, or, past its end, in those that follow.
    from: usize,
}

impl Computed {
    pub(crate) const fn new(rate: Rate, address: Address) -> Self {
        let (block, place) = (address.offset / BLOCK as u64, (address.offset % BLOCK as u64) as usize);
        Self { mask: Bernoulli::new(rate, address), block, last: [0; BLOCK_LIMBS], from: BLOCK + place }
    }

    /// The logical index of the next decision.
    #[inline(always)]
    fn index(&self) -> u64 {
        self.block.wrapping_mul(BLOCK as u64).wrapping_add((self.from - BLOCK) as u64)
    }

    fn next(&mut self, backend: Backend, limit: usize, tile: &mut Tile) {
        if limit == 0 {
            return;
        }
        let count = (self.from + limit).div_ceil(BLOCK) - 1;
        let wanted =
            tile.blocks_mut(self.from).split_first_mut().and_then(|(last, blocks)| Some((last, blocks.get_mut(..count)?)));
        debug_assert!(wanted.is_some(), "{limit} decisions from {} on in one tile", self.from);
        let Some((last, wanted)) = wanted else { return };
        blocks(&self.mask, backend, &Numbers::From(self.block), wanted);
        *last = self.last;
        self.last = *wanted.last().unwrap_or(last);
        self.block = self.block.wrapping_add(count as u64);
        self.from = self.from + limit - count * BLOCK;
    }

    /// Writes the decisions that have the next of these numbers, as many as lie in the blocks of a tile.
    fn gather(&self, backend: Backend, numbers: &mut Stretches<'_>, limit: usize, writer: &mut Writer<'_>) -> usize {
        let (mut wanted, mut pieces, mut count, mut decisions) = (Wanted::new(), [(0, 0); PIECES], 0, 0);
        while decisions < limit
            && let Some(piece) = pieces.get_mut(count)
            && let Some(stretch) = numbers.next(limit - decisions)
        {
            let (from, taken) = wanted.take(self.index(), stretch);
            *piece = (from as u16, taken as u16);
            count += 1;
            decisions += taken;
            if taken < stretch.len {
                numbers.take_back(stretch.len - taken);
                break;
            }
        }
        let mut bits = [[0; BLOCK_LIMBS]; TILE];
        blocks(&self.mask, backend, &Numbers::Of(wanted.numbers()), bits.get_mut(..wanted.len).unwrap_or_default());
        for &(from, len) in pieces.get(..count).unwrap_or_default() {
            let (mut at, end) = (usize::from(from), usize::from(from + len));
            while at < end {
                let count = (LIMB - at % LIMB).min(end - at);
                let limb = bits.as_flattened().get(at / LIMB).map_or(0, |limb| limb >> (at % LIMB));
                writer.push(first_of(limb, count), count);
                at += count;
            }
        }
        decisions
    }

    fn rows<const N: usize>(&self, backend: Backend, first: u64, distance: u64, width: usize, mut rows: &mut [[Limb; N]]) {
        let mut first = self.index().wrapping_add(first);
        while !rows.is_empty() {
            // As many rows as a tile has blocks for, but one at least: `N` limbs lie in fewer blocks than that.
            let (mut wanted, mut pieces, mut count) = (Wanted::new(), [0; PIECES], 0);
            for (piece, i) in pieces.iter_mut().zip(0..rows.len() as u64) {
                let (from, taken) = wanted.take(0, Stretch { start: first.wrapping_add(i * distance), len: width });
                if taken < width {
                    break;
                }
                *piece = from as u16;
                count += 1;
            }
            let mut bits = [[0; BLOCK_LIMBS]; TILE + 1];
            blocks(&self.mask, backend, &Numbers::Of(wanted.numbers()), bits.get_mut(..wanted.len).unwrap_or_default());
            let Some((now, rest)) = core::mem::take(&mut rows).split_at_mut_checked(count) else { return };
            for (row, from) in now.iter_mut().zip(pieces) {
                let bits = Bits::new(bits.as_flattened(), from.into());
                for (limb, from) in row.iter_mut().zip((0..width).step_by(LIMB)) {
                    *limb = bits.limb(from);
                }
            }
            first = first.wrapping_add(count as u64 * distance);
            rows = rest;
        }
    }
}

/// The blocks of a mask from an address's offset on, one after another.
pub(crate) struct InOrder {
    mask: Bernoulli,
    block: u64,
    /// Where the first decision is in its block.
    from: usize,
}

impl InOrder {
    pub(crate) const fn new(rate: Rate, address: Address) -> Self {
        let (block, from) = (address.offset / BLOCK as u64, (address.offset % BLOCK as u64) as usize);
        Self { mask: Bernoulli::new(rate, address), block, from }
    }

    /// The bits of the next block, and the place of the first one that counts.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> (Block, usize) {
        let next = (from_words(self.mask.block(self.block, ALL)), self.from);
        (self.block, self.from) = (self.block.wrapping_add(1), 0);
        next
    }
}

/// The most stretches whose blocks are computed at once.
const PIECES: usize = if VECTORS { 64 } else { TILE };

/// The numbers of the blocks that have the decisions of a tile.
struct Wanted {
    numbers: [u64; TILE],
    len: usize,
}

impl Wanted {
    const fn new() -> Self {
        Self { numbers: [0; TILE], len: 0 }
    }

    fn numbers(&self) -> &[u64] {
        self.numbers.get(..self.len).unwrap_or_default()
    }

    /// Adds the blocks of a stretch as far as there is room. Returns from which bit of all blocks on its decisions are, and how many.
    fn take(&mut self, offset: u64, Stretch { start, len }: Stretch) -> (usize, usize) {
        let first = offset.wrapping_add(start);
        let last = first.wrapping_add(len as u64 - 1) / BLOCK as u64;
        let (mut block, place) = (first / BLOCK as u64, (first % BLOCK as u64) as usize);
        let mut from = self.len * BLOCK + place;
        if self.numbers().last() == Some(&block) {
            (block, from) = (block + 1, from - BLOCK);
        }
        while block <= last {
            let Some(next) = self.numbers.get_mut(self.len) else {
                return (from, (block * BLOCK as u64).saturating_sub(first) as usize);
            };
            *next = block;
            self.len += 1;
            block += 1;
        }
        (from, len)
    }
}
