//! Where decisions come from, tile after tile.

use super::bernoulli::Bernoulli;
use super::generator::{Generate, Generator, Work};
use super::stream::BLOCK;
use super::tile::{BLOCK_LIMBS, Block, Keep, Tile, join, split};
use crate::address::Address;
use crate::rate::Rate;

/// Decisions in order, of which each call takes the next: computed from an address, or read where they were stored.
pub(crate) trait Source {
    type Tile: Tile;

    /// Fills a tile with the next decisions, at most `limit` of them, doing `work` meanwhile, and returns their number, which is 0 only if
    /// the limit is. What the tile holds past them is unspecified.
    fn next<L: Generate>(&mut self, lanes: L, limit: usize, tile: &mut Self::Tile, work: &mut impl Work) -> usize;

    /// The first decisions, if they are so few that there is a shorter way to them than a tile.
    #[inline(always)]
    fn few<L: Generate>(&self, _: L, _: usize) -> Option<[<Self::Tile as Tile>::Limb; BLOCK_LIMBS]> {
        None
    }
}

/// The decisions of a mask from logical index `next` on.
pub(crate) struct Computed {
    mask: Bernoulli,
    next: u64,
}

impl Computed {
    pub(crate) const fn new(rate: Rate, address: Address) -> Self {
        Self { mask: Bernoulli::new(rate, address), next: address.offset }
    }

    /// The block that the next decision is in, and its place there.
    const fn position(&self) -> (u64, usize) {
        (self.next / BLOCK as u64, (self.next % BLOCK as u64) as usize)
    }
}

impl Source for Computed {
    type Tile = Keep;

    #[inline(always)]
    fn next<L: Generate>(&mut self, lanes: L, limit: usize, keep: &mut Keep, work: &mut impl Work) -> usize {
        if limit == 0 {
            return 0;
        }
        let (block, skip) = self.position();
        let blocks = keep.as_chunks_mut().0.get_mut(..(skip + limit).div_ceil(BLOCK));
        debug_assert!(blocks.is_some(), "{limit} decisions from {skip} on in one tile");
        let Some(blocks) = blocks else { return 0 };
        lanes.generator(&self.mask).blocks(block, blocks, work);
        if skip > 0 {
            shift(blocks, skip);
        }
        self.next = self.next.wrapping_add(limit as u64);
        limit
    }

    /// Those within one block, without the set-up that pays for many.
    #[inline(always)]
    fn few<L: Generate>(&self, lanes: L, decisions: usize) -> Option<Block> {
        let (block, skip) = self.position();
        if decisions > BLOCK - skip {
            return None;
        }
        let wanted = u128::MAX.checked_shr((BLOCK - decisions) as u32).unwrap_or(0) << skip;
        let keep = lanes.generator(&self.mask).block(block, wanted);
        Some(split(join(keep) >> skip))
    }
}

/// Moves all bits down by less than a block.
fn shift(blocks: &mut [Block], by: usize) {
    let mut above = 0;
    for block in blocks.iter_mut().rev() {
        let bits = join(*block);
        *block = split(bits >> by | above << (BLOCK - by));
        above = bits;
    }
}
