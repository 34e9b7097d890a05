//! The ends of the range of uniform integers. One decision in 2^32 has either, and decides between the rate at that end and the next one.
//! Where these are was searched for.

use dropout_kernels::{Address, Backend, Mask, Rate};
use testkit::{every_backend, oracle};

every_backend!(the_lowest_can_drop, the_highest_can_keep);

fn the_lowest_can_drop(backend: Backend) {
    end_of_the_range(backend, 1_757_352_436, 0);
}

fn the_highest_can_keep(backend: Backend) {
    end_of_the_range(backend, 1_384_105_159, u32::MAX.into());
}

/// Dropped when U < 16 T, so kept when they are equal.
fn end_of_the_range(backend: Backend, index: u64, threshold: u64) {
    let uniform = oracle::decide(0, 0, 0, index / 128)[(index % 128) as usize];
    assert_eq!(oracle::highest_that_keeps(uniform), threshold);
    for (before, decisions) in [(0, 1), (2000, 5000)] {
        for (threshold, kept) in [(threshold, true), (threshold + 1, false)] {
            let address = Address { offset: index - before, ..Address::default() };
            let mask = Mask::new(Rate::from_threshold(threshold).unwrap(), address).on(backend);
            let mut keep = vec![!kept; decisions];
            mask.bools(&mut keep).unwrap();
            assert_eq!(keep[before as usize], kept);
            assert_eq!(mask.keeps(before), Ok(kept));
        }
    }
}
