//! Masks by themselves: words, bools and single decisions.

use arbitrary::Arbitrary;
use dropout_kernels::{Backend, Error};

use super::inputs::{Count, Decisions, Integer, Length, Window, check_length};

#[derive(Arbitrary, Debug)]
pub struct Input {
    decisions: Decisions,
    count: Count,
    words: Length,
    window: Window,
    /// The decision to ask for alone.
    index: Integer,
}

pub fn check(Input { decisions, count, words, window, index }: &Input) {
    let count = count.get();
    let reach = decisions.check_reach(count as u64);
    let keep: Vec<bool> = decisions.drops(if reach.is_ok() { count } else { 0 }).iter().map(|drop| !drop).collect();
    let mut packed = vec![0; count.div_ceil(32)];
    for (i, &keep) in keep.iter().enumerate() {
        packed[i / 32] |= u32::from(keep) << (i % 32);
    }

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

    let (index, offset) = (index.get(), decisions.address().offset);
    let alone = match offset.checked_add(index) {
        Some(_) => Ok(!decisions.dropped(index)),
        None => Err(Error::IndexOverflow { offset, decisions: index.saturating_add(1) }),
    };
    assert_eq!(decisions.mask().keeps(index), alone);
    for (i, keep) in keep.into_iter().enumerate().step_by(61) {
        assert_eq!(decisions.mask().keeps(i as u64), Ok(keep));
    }
}
