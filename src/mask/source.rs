//! Where decisions come from, tile after tile.

use core::slice::from_mut;

use super::bernoulli::Bernoulli;
use super::generator::{Generate, Generator};
use super::stream::BLOCK;
use super::tile::{BLOCK_LIMBS, Block, Keep, LIMB, TILE, Tile, fill, from_u128, to_u128, words_of};
use crate::address::Address;
use crate::layout::{Stretch, Stretches};
use crate::rate::Rate;
use crate::simd::Limb;

/// Decisions in order, of which each call takes the next: computed from an address, or read where they were stored.
pub(crate) trait Source {
    type Tile: Tile;

    /// Fills a tile with the next decisions, at most `limit` of them, and returns their number, which is 0 only if the
    /// limit is. What the tile holds past them is unspecified.
    fn next<L: Generate>(&mut self, lanes: L, limit: usize, tile: &mut Self::Tile) -> usize;

    /// Whether there is `next_limb`, the way of scalar lanes.
    const LIMBS: bool = false;

    /// The index of the first decision, if none has been taken.
    fn index(&self) -> u64;

    /// Goes to the decision with this index. It must be one that a mask has.
    fn seek(&mut self, index: u64);

    /// The next decisions, at most `limit` of them and at most a limb, from the lowest bit on, and their number.
    #[inline(always)]
    fn next_limb<L: Generate>(&mut self, _: L, _: usize) -> (<Self::Tile as Tile>::Limb, usize) {
        (Self::Tile::NONE, 0)
    }

    /// Fills a tile with the decisions that have the next of these numbers, counted from the source's first decision,
    /// and returns how many they are: at most `limit`, which is at most as many as there are. All decisions of a
    /// source are taken by `next` or all by this.
    fn gather<L: Generate>(&mut self, lanes: L, numbers: &mut Stretches<'_>, limit: usize, tile: &mut Self::Tile) -> usize;

    /// The decisions of a source that none has been taken of, if they are so few that there is a shorter way to them
    /// than a tile.
    #[inline(always)]
    fn few<L: Generate>(&self, _: L, _: usize) -> Option<[<Self::Tile as Tile>::Limb; BLOCK_LIMBS]> {
        None
    }
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
}

impl Source for Computed {
    type Tile = Keep;

    #[inline(always)]
    fn next<L: Generate>(&mut self, lanes: L, limit: usize, keep: &mut Keep) -> usize {
        if limit == 0 {
            return 0;
        }
        let count = (self.from + limit).div_ceil(BLOCK) - 1;
        let blocks =
            keep.blocks_mut(self.from).split_first_mut().and_then(|(last, blocks)| Some((last, blocks.get_mut(..count)?)));
        debug_assert!(blocks.is_some(), "{limit} decisions from {} on in one tile", self.from);
        let Some((last, blocks)) = blocks else { return 0 };
        lanes.generator(&self.mask).blocks(self.block, blocks);
        *last = self.last;
        self.last = *blocks.last().unwrap_or(last);
        self.block = self.block.wrapping_add(count as u64);
        self.from = self.from + limit - count * BLOCK;
        limit
    }

    const LIMBS: bool = true;

    #[inline(always)]
    fn index(&self) -> u64 {
        self.block.wrapping_mul(BLOCK as u64).wrapping_add((self.from - BLOCK) as u64)
    }

    #[inline(always)]
    fn seek(&mut self, index: u64) {
        let (block, place) = (index / BLOCK as u64, (index % BLOCK as u64) as usize);
        self.from = place;
        if self.block != block.wrapping_add(1) {
            (self.block, self.from) = (block, BLOCK + place);
        }
    }

    #[inline(always)]
    fn next_limb<L: Generate>(&mut self, lanes: L, limit: usize) -> (Limb, usize) {
        if self.from >= BLOCK {
            self.from -= BLOCK;
            lanes.generator(&self.mask).blocks(self.block, from_mut(&mut self.last));
            self.block = self.block.wrapping_add(1);
        }
        let (limb, place) = (self.from / LIMB, self.from % LIMB);
        let decisions = limit.min(LIMB - place);
        self.from += decisions;
        (self.last[limb % BLOCK_LIMBS] >> place, decisions)
    }

    /// Each block once, however many of its decisions are asked for.
    #[inline(always)]
    fn gather<L: Generate>(&mut self, lanes: L, numbers: &mut Stretches<'_>, limit: usize, keep: &mut Keep) -> usize {
        let wanted = Wanted::of(self.index(), numbers, limit);
        let mut bits = [[0; BLOCK_LIMBS]; TILE];
        lanes.generator(&self.mask).each(&wanted.blocks, bits.get_mut(..wanted.count).unwrap_or_default());
        wanted.lay_out(&bits, keep);
        wanted.decisions
    }

    /// Those within one block, without the set-up that pays for many.
    #[inline(always)]
    fn few<L: Generate>(&self, lanes: L, decisions: usize) -> Option<Block> {
        let place = self.from - BLOCK;
        if decisions > BLOCK - place {
            return None;
        }
        let wanted = u128::MAX.checked_shr((BLOCK - decisions) as u32).unwrap_or(0) << place;
        let keep = lanes.generator(&self.mask).block(self.block, words_of(wanted));
        Some(from_u128(to_u128(keep) >> place))
    }
}

/// Blocks that have the decisions of a tile.
struct Wanted<'a> {
    blocks: [u64; TILE],
    /// How many they are.
    count: usize,
    /// The logical index from which the numbers count.
    offset: u64,
    /// From the first decision of the tile on.
    numbers: Stretches<'a>,
    decisions: usize,
}

impl<'a> Wanted<'a> {
    /// Takes numbers until a tile has no room for another block, at most `limit` of them.
    fn of(offset: u64, numbers: &mut Stretches<'a>, limit: usize) -> Self {
        let mut wanted = Self { blocks: [0; TILE], count: 0, offset, numbers: numbers.clone(), decisions: 0 };
        while wanted.decisions < limit {
            let Some(stretch) = numbers.next(limit - wanted.decisions) else { break };
            let taken = wanted.take(stretch);
            wanted.decisions += taken;
            if taken < stretch.len {
                numbers.take_back(stretch.len - taken);
                break;
            }
        }
        wanted
    }

    /// Adds the blocks of a stretch as far as there is room, and returns how many of its decisions they have.
    fn take(&mut self, Stretch { start, len }: Stretch) -> usize {
        let first = self.offset.wrapping_add(start as u64);
        let last = first.wrapping_add(len as u64 - 1) / BLOCK as u64;
        let mut block = first / BLOCK as u64;
        if self.count > 0 && self.blocks.get(self.count - 1) == Some(&block) {
            block += 1;
        }
        while block <= last {
            let Some(next) = self.blocks.get_mut(self.count) else {
                return (block * BLOCK as u64).saturating_sub(first) as usize;
            };
            *next = block;
            self.count += 1;
            block += 1;
        }
        len
    }

    /// The bits of the decisions, side by side, from those of the blocks.
    fn lay_out(&self, bits: &[Block; TILE], keep: &mut Keep) {
        let mut blocks = self.blocks.iter().zip(bits).take(self.count);
        let mut block = blocks.next();
        let mut numbers = self.numbers.clone();
        let mut stretch = Stretch { start: 0, len: 0 };
        fill(keep, self.decisions, |room| {
            if stretch.len == 0
                && let Some(next) = numbers.next(usize::MAX)
            {
                stretch = next;
            }
            let index = self.offset.wrapping_add(stretch.start as u64);
            while block.is_some_and(|(number, _)| *number != index / BLOCK as u64) {
                block = blocks.next();
            }
            let Some((_, bits)) = block.filter(|_| stretch.len > 0) else { return (0, room) };
            let place = (index % BLOCK as u64) as usize;
            let run = room.min(stretch.len).min(BLOCK - place);
            stretch = Stretch { start: stretch.start + run, len: stretch.len - run };
            ((to_u128(*bits) >> place) as Limb, run)
        });
    }
}
