//! Where decisions come from, tile after tile.

use super::bernoulli::Bernoulli;
use super::generator::{Generate, Generator};
use super::stream::BLOCK;
use super::tile::{BLOCK_LIMBS, Block, Keep, Tile, from_u128, to_u128};
use crate::address::Address;
use crate::rate::Rate;

/// Decisions in order, of which each call takes the next: computed from an address, or read where they were stored.
pub(crate) trait Source {
    type Tile: Tile;

    /// Whether a tile may end anywhere, and not only after a multiple of 32 decisions or at the end of all.
    const CUT_ANYWHERE: bool = true;

    /// Fills a tile with the next decisions, at most `limit` of them, and returns their number, which is 0 only if the
    /// limit is. What the tile holds past them is unspecified.
    fn next<L: Generate>(&mut self, lanes: L, limit: usize, tile: &mut Self::Tile) -> usize;

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
        Self { mask: Bernoulli::new(rate, address), block, last: [0; 2], from: BLOCK + place }
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

    /// Those within one block, without the set-up that pays for many.
    #[inline(always)]
    fn few<L: Generate>(&self, lanes: L, decisions: usize) -> Option<Block> {
        let place = self.from - BLOCK;
        if decisions > BLOCK - place {
            return None;
        }
        let wanted = u128::MAX.checked_shr((BLOCK - decisions) as u32).unwrap_or(0) << place;
        let keep = lanes.generator(&self.mask).block(self.block, wanted);
        Some(from_u128(to_u128(keep) >> place))
    }
}
