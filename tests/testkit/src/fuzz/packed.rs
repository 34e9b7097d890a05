//! Masks by themselves: words, bools and single decisions; and masks that were stored.

use arbitrary::Arbitrary;
use dropout_kernels::{Backend, Error, PackedMask};

use super::inputs::{Count, Decisions, Integer, Length, Window, check_length};
use crate::oracle::pack;

#[derive(Arbitrary, Debug)]
pub struct Input {
    decisions: Decisions,
    count: Count,
    words: Length,
    window: Window,
    /// The decision to ask for alone.
    index: Integer,
    /// A stored mask: the bit that it starts at, and its decisions.
    first: u8,
    stored: Integer,
}

pub fn check(Input { decisions, count, words, window, index, first, stored }: &Input) {
    let (decisions, count) = (decisions.get(), count.get());
    let reach = decisions.check_reach(count as u64);
    let drops = decisions.drops(count);
    let keep: Vec<bool> = drops.iter().map(|drop| !drop).collect();
    let packed = pack(0, &drops);
    let words = words.get(packed.len());
    let result = check_length("words", packed.len(), words).and(reach);
    for backend in Backend::all() {
        let mask = decisions.mask().on(backend);
        // Either canary must survive, and either be overwritten: a decision that is not written can be right by chance.
        for canary in [0, u32::MAX] {
            window.guard(
                canary,
                words,
                |a, b| a == b,
                |words| {
                    assert_eq!(mask.words(count, words), result, "{mask:?}");
                    let untouched = vec![canary; words.len()];
                    assert_eq!(words, if result.is_ok() { &packed } else { &untouched }, "{mask:?}");
                },
            );
        }
        for canary in [false, true] {
            window.guard(
                canary,
                count,
                |a, b| a == b,
                |bools| {
                    assert_eq!(mask.bools(bools), reach, "{mask:?}");
                    let untouched = vec![canary; count];
                    assert_eq!(bools, if reach.is_ok() { &keep } else { &untouched }, "{mask:?}");
                },
            );
        }
    }

    let (index, offset) = (index.get(), decisions.address.offset);
    let alone = match offset.checked_add(index) {
        Some(_) => Ok(!decisions.dropped(index)),
        None => Err(Error::IndexOverflow { offset, decisions: index.saturating_add(1) }),
    };
    assert_eq!(decisions.mask().keeps(index), alone);
    if reach.is_ok() {
        for (i, &keep) in keep.iter().enumerate().step_by(61) {
            assert_eq!(decisions.mask().keeps(i as u64), Ok(keep));
        }
    }
    check_stored(*first, stored.get(), &drops);
}

/// A mask of `len` decisions from bit `first` on, in words that have `drops` there.
fn check_stored(first: u8, len: u64, drops: &[bool]) {
    let (first, len) = (usize::from(first), len as usize);
    let words = pack(first, drops);
    let expected = match first.checked_add(len).map(|end| end.div_ceil(32)) {
        Some(expected) if expected <= words.len() => Ok(()),
        Some(expected) => Err(Error::Length { name: "words", expected, actual: words.len() }),
        None => Err(Error::ShapeOverflow),
    };
    let stored = PackedMask::new(&words, first, len);
    assert_eq!(stored.map(|_| ()), expected);
    let Ok(stored) = stored else { return };
    assert_eq!(stored.decisions(), len);
    // What is left of the last word is zero: dropped.
    let keeps = |i: usize| drops.get(i).is_some_and(|drop| !drop);
    for i in 0..len {
        assert_eq!(stored.keeps(i), Some(keeps(i)));
    }
    assert_eq!(stored.keeps(len), None);
    assert_eq!(stored.count_kept(), (0..len).filter(|&i| keeps(i)).count());
}
