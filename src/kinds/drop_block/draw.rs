//! Drawing a mask: all bits are set, then those of the dropped patches cleared.

use core::num::NonZero;

use super::grid::Grid;
use crate::address::Address;
use crate::backend::Backend;
use crate::mask::{Computed, LIMB, Source, Tile, first_of};
use crate::rate::Rate;
use crate::threads::GRAIN;

/// A mask to be drawn, or some of its groups.
pub(super) struct Draw<'a> {
    pub(super) grid: Grid,
    /// Of patches.
    pub(super) rate: Rate,
    pub(super) address: Address,
    /// As many as the grid's bits fill.
    pub(super) words: &'a mut [u32],
}

impl Draw<'_> {
    /// Patch by patch. About a fraction p of the elements is cleared, so this takes less time than to shift and combine
    /// the bits of whole maps.
    pub(super) fn run(self, backend: Backend) {
        let Self { grid, rate, address, words } = self;
        words.fill(u32::MAX);
        if let Some(last) = words.last_mut() {
            *last >>= grid.bits().wrapping_neg() % 32;
        }
        let eraser = Eraser::new(grid);
        debug_assert!(eraser.is_some() || grid.bits() == 0, "a patch fits its map");
        let Some(eraser) = eraser else { return };
        let mut source = Source::Computed(Computed::new(rate, address));
        let mut tile = Tile::NEW;
        let mut next = 0;
        loop {
            let count = source.next(backend, grid.decisions() - next, &mut tile);
            if count == 0 {
                return;
            }
            for (i, keep) in tile.bits().iter().enumerate().take(count.div_ceil(LIMB)) {
                let mut drop = first_of(!keep, count - i * LIMB);
                while drop != 0 {
                    eraser.erase(next + i * LIMB + drop.trailing_zeros() as usize, words);
                    drop &= drop - 1;
                }
            }
            next += count;
        }
    }
}

/// Clears patches by the numbers of their decisions.
struct Eraser {
    grid: Grid,
    /// `NonZero` spares the divisions by these their check for zero.
    corners: [NonZero<usize>; 3],
    interleaved: NonZero<usize>,
}

impl Eraser {
    /// `None` for no maps at all.
    #[inline(always)]
    fn new(grid: Grid) -> Option<Self> {
        let [depth, rows, columns] = grid.corners();
        let corners = [NonZero::new(depth)?, NonZero::new(rows)?, NonZero::new(columns)?];
        Some(Self { grid, corners, interleaved: NonZero::new(grid.interleaved)? })
    }

    #[inline(always)]
    fn erase(&self, decision: usize, words: &mut [u32]) {
        let Grid { interleaved, map: [depth, rows, columns], patch: [d, h, w], .. } = self.grid;
        let [planes, lines, places] = self.corners;
        let (corner, map) = div_rem(decision, self.interleaved);
        let (corner, x) = div_rem(corner, places);
        let (corner, y) = div_rem(corner, lines);
        let (group, z) = div_rem(corner, planes);
        let first = (((group * depth + z) * rows + y) * columns + x) * interleaved + map;
        for z in 0..d {
            for y in 0..h {
                let first = first + (z * rows + y) * columns * interleaved;
                if interleaved == 1 {
                    clear(words, first, first + w);
                } else {
                    for x in 0..w {
                        clear_bit(words, first + x * interleaved);
                    }
                }
            }
        }
    }
}

/// Quotient and remainder. Divisors are often 1, which is worth a branch.
#[inline(always)]
fn div_rem(number: usize, by: NonZero<usize>) -> (usize, usize) {
    if by.get() == 1 { (number, 0) } else { (number / by, number % by) }
}

/// Clears the bits `from..to` of `words`.
#[inline(always)]
fn clear(words: &mut [u32], mut from: usize, to: usize) {
    while from < to {
        let bit = from % 32;
        let count = (32 - bit).min(to - from);
        debug_assert!(from / 32 < words.len());
        if let Some(word) = words.get_mut(from / 32) {
            *word &= !(u32::MAX >> (32 - count) << bit);
        }
        from += count;
    }
}

#[inline(always)]
fn clear_bit(words: &mut [u32], bit: usize) {
    debug_assert!(bit / 32 < words.len());
    if let Some(word) = words.get_mut(bit / 32) {
        *word &= !(1 << (bit % 32));
    }
}

impl Draw<'_> {
    /// Cuts the mask in two where a group and a word end, so that no two threads write to the same word. As it was if
    /// there is no such place, or too little to do.
    pub(super) fn halves(self) -> Result<[Self; 2], Self> {
        let Self { grid, rate, address, words } = self;
        // So many groups, a power of two, fill whole words.
        let step = 32 >> grid.group_bits().trailing_zeros().min(5);
        let half = (grid.groups / 2) & !(step - 1);
        if half == 0 || grid.bits() < 2 * GRAIN {
            return Err(Self { grid, rate, address, words });
        }
        let (first, second) = (Grid { groups: half, ..grid }, Grid { groups: grid.groups - half, ..grid });
        debug_assert!(first.bits().is_multiple_of(32) && first.bits() / 32 <= words.len());
        let (words, rest) = words.split_at_mut(words.len().min(first.bits() / 32));
        let rest = Self { grid: second, rate, address: address.advanced(first.decisions() as u64), words: rest };
        Ok([Self { grid: first, rate, address, words }, rest])
    }
}

#[cfg(all(test, feature = "rayon"))]
mod tests {
    extern crate std;

    use std::sync::{Condvar, Mutex};
    use std::thread::{self, ThreadId};
    use std::time::Duration;
    use std::vec;
    use std::vec::Vec;

    use super::*;
    use crate::threads::Threads;

    fn grid(groups: usize, map: [usize; 3], interleaved: usize) -> Grid {
        Grid { groups, interleaved, map, patch: [1, 2, 3] }
    }

    /// The first decisions and the numbers of words of the parts, in order, and the threads that ran them. Each waits
    /// until all of `threads` have taken part, or there is no hope of it.
    fn parts(grid: Grid, threads: usize) -> (Vec<(u64, usize)>, Vec<ThreadId>) {
        let (seen, all) = (Mutex::new((vec![], vec![])), Condvar::new());
        let mut words = vec![0; grid.bits().div_ceil(32)];
        let draw = Draw { grid, rate: Rate::from_ratio(1, 2).unwrap(), address: Address::default(), words: &mut words };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            Threads::All.run(draw, &Draw::halves, &|part| {
                let mut lock = seen.lock().unwrap();
                lock.0.push((part.address.offset, part.words.len()));
                let thread = thread::current().id();
                if !lock.1.contains(&thread) {
                    lock.1.push(thread);
                    all.notify_all();
                }
                drop(all.wait_timeout_while(lock, Duration::from_secs(10), |seen| seen.1.len() < threads).unwrap());
            });
        });
        let (mut parts, threads) = seen.into_inner().unwrap();
        parts.sort_unstable();
        (parts, threads)
    }

    #[test]
    fn two_threads_take_part() {
        // Maps of 1000 x 1000 bits end with a word.
        let (parts, threads) = parts(grid(2, [1, 1000, 1000], 1), 2);
        assert_eq!(parts, [(0, 31_250), (999 * 998, 31_250)]);
        assert_eq!(threads.len(), 2);
    }

    /// 513 x 513 bits are odd, and three maps are too.
    #[test]
    fn maps_are_cut_where_words_end() {
        let decisions = 512 * 511;
        let map = [1, 513, 513];
        let words = |maps: usize| maps * 513 * 513;
        assert_eq!(parts(grid(63, map, 1), 1).0, [(0, (63 * words(1)).div_ceil(32))]);
        let last = (words(1) + 31).div_ceil(32);
        assert_eq!(parts(grid(65, map, 1), 1).0, [(0, words(1)), (32 * decisions, words(1) + last)]);
        // Of 32 channels that lie interleaved, a sample ends with a word.
        assert_eq!(parts(grid(3, map, 32), 1).0, [(0, words(1)), (32 * decisions, words(1)), (64 * decisions, words(1))]);
    }

    #[test]
    fn a_mask_is_cut_from_2_to_the_18_bits_on() {
        assert_eq!(parts(grid(2, [1, 512, 255], 1), 1).0.len(), 1);
        assert_eq!(parts(grid(2, [1, 512, 256], 1), 1).0.len(), 2);
    }
}
