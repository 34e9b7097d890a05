//! Laws of masks by themselves.

use dropout_kernels::{Address, Backend, Dropout, Mask, Mode, Rate};
use testkit::case::{MaskCase, uniforms};
use testkit::{every_backend, laws};
use testkit::{oracle, value};

laws!(
    masks,
    MaskCase: bools_equal_the_oracle,
    words_equal_bools,
    keeps_equals_bools,
    two_halves_equal_the_whole,
    a_decision_drops_above_its_uniform_integer,
    a_layer_drops_by_its_mask,
);
laws!(pairs_of_masks, (MaskCase, MaskCase): masks_are_nested_in_the_rate);
every_backend!(the_lowest_uniform_integer_can_drop, the_highest_can_keep);

fn bools(mask: Mask, decisions: usize) -> Vec<bool> {
    // The opposite of what is expected first, so that a decision that is not written shows.
    let mut kept = vec![false; decisions];
    mask.bools(&mut kept).unwrap();
    let mut keep = kept.iter().map(|keep| !keep).collect::<Vec<_>>();
    mask.bools(&mut keep).unwrap();
    assert_eq!(keep, kept);
    keep
}

fn bools_equal_the_oracle(backend: Backend, case: &MaskCase) {
    let keep = case.drops().iter().map(|drop| !drop).collect::<Vec<_>>();
    assert_eq!(bools(case.mask().on(backend), case.decisions), keep);
}

/// Decision i is bit i % 32 of word i / 32; what is left of the last word is zero.
fn words_equal_bools(backend: Backend, case: &MaskCase) {
    let mask = case.mask().on(backend);
    let mut words = vec![0xA5A5_A5A5; case.decisions.div_ceil(32)];
    mask.words(case.decisions, &mut words).unwrap();

    let mut packed = vec![0; words.len()];
    for (i, keep) in bools(mask, case.decisions).into_iter().enumerate() {
        packed[i / 32] |= u32::from(keep) << (i % 32);
    }
    assert_eq!(words, packed);
}

/// `keeps` has the offset and the index apart: only their sum counts.
fn keeps_equals_bools(backend: Backend, case: &MaskCase) {
    let mask = case.mask().on(backend);
    let from_zero = Mask::new(case.rate(), Address { offset: 0, ..case.address }).on(backend);
    for (i, keep) in (0..).zip(bools(mask, case.decisions)).step_by(7) {
        assert_eq!(mask.keeps(i), Ok(keep));
        assert_eq!(from_zero.keeps(case.address.offset + i), Ok(keep));
    }
}

fn two_halves_equal_the_whole(backend: Backend, case: &MaskCase) {
    let whole = bools(case.mask().on(backend), case.decisions);
    let cut = case.address.seed as usize % (case.decisions + 1);
    let offset = case.address.offset.wrapping_add(cut as u64);
    let rest = Mask::new(case.rate(), Address { offset, ..case.address }).on(backend);
    let mut halves = bools(case.mask().on(backend), cut);
    halves.extend(bools(rest, case.decisions - cut));
    assert_eq!(halves, whole);
}

/// Compared to the last bit: dropped when U < 16 T, so kept when they are equal. No other law gets as far as the last bytes.
fn a_decision_drops_above_its_uniform_integer(backend: Backend, case: &MaskCase) {
    let Some(i) = (case.address.seed as usize).checked_rem(case.decisions) else { return };
    let uniform = uniforms(oracle::decide, case.address, case.decisions)[i];
    drops_above(backend, case.address, case.decisions, i, uniform);
}

fn drops_above(backend: Backend, address: Address, decisions: usize, i: usize, uniform: u64) {
    let highest = oracle::highest_that_keeps(uniform);
    for (threshold, keep) in [(highest, true), (highest + 1, false)] {
        let mask = Mask::new(Rate::from_threshold(threshold).unwrap(), address).on(backend);
        assert_eq!(bools(mask, decisions)[i], keep);
        assert_eq!(mask.keeps(i as u64), Ok(keep));
    }
}

/// One decision in 2^32 has either end of the range, and decides between the rate at that end and the next one. Where these are was searched for.
fn end_of_the_range(backend: Backend, index: u64, threshold: u64) {
    let uniform = oracle::decide(0, 0, 0, index / 128)[(index % 128) as usize];
    assert_eq!(oracle::highest_that_keeps(uniform), threshold);
    for (before, decisions) in [(0, 1), (2000, 5000)] {
        drops_above(backend, Address { offset: index - before, ..Address::default() }, decisions, before as usize, uniform);
    }
}

fn the_lowest_uniform_integer_can_drop(backend: Backend) {
    end_of_the_range(backend, 1_757_352_436, 0);
}

fn the_highest_can_keep(backend: Backend) {
    end_of_the_range(backend, 1_384_105_159, u32::MAX.into());
}

fn a_layer_drops_by_its_mask(backend: Backend, case: &MaskCase) {
    let mut y = value::ones(case.decisions);
    Dropout::new(case.rate()).on(backend).apply_in_place(Mode::Train(case.address), &mut y).unwrap();
    let nonzero: Vec<bool> = y.iter().map(|&y| y != 0.0).collect();
    assert_eq!(nonzero, bools(case.mask().on(backend), case.decisions));
}

/// What is dropped at a rate is dropped at every higher rate.
fn masks_are_nested_in_the_rate(backend: Backend, (case, other): &(MaskCase, MaskCase)) {
    let [low, high] = if case.p <= other.p { [case.rate(), other.rate()] } else { [other.rate(), case.rate()] };
    let [low, high] = [low, high].map(|rate| bools(Mask::new(rate, case.address).on(backend), case.decisions));
    assert!(low.iter().zip(&high).all(|(low, high)| low >= high), "kept at the higher rate and dropped at the lower");
}
