//! Every length up to 1,030 and around the larger tiles, at every alignment and at offsets on both sides of each unit, with a guard
//! around what is written.

use std::ops::Range;
use testkit::every_backend;

use dropout_kernels::{Address, Backend, Dropout, Layout, Mask, Mode, Rate, Shape};
use testkit::case::drops;
use testkit::oracle;
use testkit::value::{Value, assert_same, random};

every_backend!(dense, channels, locked, bools, words);

/// A general rate: it takes all planes, and bytes.
const P: f64 = 0.3;

/// Past chunks of 16, words of 32 and 64, blocks of 128 and groups of 8 blocks; then around 16, 32 and 64 blocks, where a tile may end.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=1030).chain(2047..=2049).chain(4095..=4097).chain(8191..=8193)
}
const LONGEST: usize = 8193;

/// Elements that a slice starts after its allocation: any alignment to 64 bytes, and so of every vector.
const SHIFTS: Range<usize> = 0..17;

/// Logical indices of the first decision: on both sides of a chunk, a word, a block and a group, and in the midst of one.
const OFFSETS: [u64; 12] = [0, 1, 15, 16, 31, 32, 127, 128, 1000, 1023, 1024, 4095];

const GUARD: usize = 16;

fn address(offset: u64) -> Address {
    Address { seed: 0x0123_4567_89AB_CDEF, layer: 7, step: 99, offset }
}

fn dropout(backend: Backend) -> Dropout {
    Dropout::new(Rate::new(P).unwrap()).on(backend)
}

/// Runs `f` on the `len` elements after `shift` others, which must be as they were afterwards, like those that follow.
fn guarded<T: Copy + PartialEq>(buffer: &mut Vec<T>, canary: T, shift: usize, len: usize, f: impl FnOnce(&mut [T])) {
    buffer.clear();
    buffer.resize(shift + len + GUARD, canary);
    f(&mut buffer[shift..shift + len]);
    let (before, after) = (&buffer[..shift], &buffer[shift + len..]);
    assert!(before.iter().chain(after).all(|x| *x == canary), "wrote outside of {len} elements, {shift} from the start");
}

/// Applies a layer out of place and in place, its input at another alignment than its output.
fn apply<L: Shape>(dropout: &Dropout<L>, mode: Mode, shift: usize, (x, expected): (&[f32], &[f32]), buffer: &mut Vec<f32>) {
    let len = expected.len();
    guarded(buffer, 77.0, shift, len, |y| {
        dropout.apply(mode, &x[..len], y).unwrap();
        assert_same(y, expected);
    });
    guarded(buffer, 77.0, shift, len, |y| {
        y.copy_from_slice(&x[..len]);
        dropout.apply_in_place(mode, y).unwrap();
        assert_same(y, expected);
    });
}

fn dense(backend: Backend) {
    let x = random::<f32>(1, LONGEST);
    let mut buffer = Vec::new();
    for offset in OFFSETS {
        let drops = drops(P, address(offset), LONGEST);
        let expected = oracle::apply(&[LONGEST], &[], &drops, &x, |x| x.times(oracle::scale(P)), 0.0);
        for len in lengths() {
            for shift in SHIFTS {
                apply(&dropout(backend), Mode::Train(address(offset)), shift, (&x, &expected[..len]), &mut buffer);
            }
        }
    }
}

/// Maps of each length, so that they start at any alignment; and each number of small maps.
fn channels(backend: Backend) {
    let x = random::<f32>(2, 3 * LONGEST);
    let mut buffer = Vec::new();
    for offset in OFFSETS {
        let drops = drops(P, address(offset), LONGEST);
        for len in lengths() {
            for shape in [[3, len], [len, 3]] {
                let expected = oracle::apply(&shape, &[1], &drops, &x[..3 * len], |x| x.times(oracle::scale(P)), 0.0);
                let dropout = dropout(backend).with_layout(Layout::cl(shape).unwrap());
                apply(&dropout, Mode::Train(address(offset)), len % SHIFTS.end, (&x, &expected), &mut buffer);
            }
        }
    }
}

/// Rows that read the same decisions, from the second on at any alignment.
fn locked(backend: Backend) {
    let x = random::<f32>(3, 2 * LONGEST);
    let mut buffer = Vec::new();
    for offset in OFFSETS {
        let drops = drops(P, address(offset), LONGEST);
        for len in lengths() {
            let expected = oracle::apply(&[2, len], &[0], &drops, &x[..2 * len], |x| x.times(oracle::scale(P)), 0.0);
            let dropout = dropout(backend).with_layout(Layout::shared(&[2, len], &[0]).unwrap());
            apply(&dropout, Mode::Train(address(offset)), len % SHIFTS.end, (&x, &expected), &mut buffer);
        }
    }
}

fn bools(backend: Backend) {
    let mut buffer = Vec::new();
    for offset in OFFSETS {
        let keep: Vec<bool> = drops(P, address(offset), LONGEST).iter().map(|drop| !drop).collect();
        let mask = Mask::new(Rate::new(P).unwrap(), address(offset)).on(backend);
        for len in lengths() {
            // Either canary must survive: a byte that is written can be right by chance.
            for canary in [false, true] {
                guarded(&mut buffer, canary, len % SHIFTS.end, len, |actual| {
                    mask.bools(actual).unwrap();
                    assert_eq!(actual, &keep[..len]);
                });
            }
        }
    }
}

fn words(backend: Backend) {
    let mut buffer = Vec::new();
    for offset in OFFSETS {
        let mut packed = vec![0; LONGEST.div_ceil(32)];
        for (i, drop) in drops(P, address(offset), LONGEST).into_iter().enumerate() {
            packed[i / 32] |= u32::from(!drop) << (i % 32);
        }
        let mask = Mask::new(Rate::new(P).unwrap(), address(offset)).on(backend);
        for len in lengths() {
            let mut expected = packed[..len.div_ceil(32)].to_vec();
            if let (Some(last), 1..) = (expected.last_mut(), len % 32) {
                *last &= u32::MAX >> (32 - len % 32);
            }
            guarded(&mut buffer, 0xA5A5_A5A5, len % SHIFTS.end, expected.len(), |actual| {
                mask.words(len, actual).unwrap();
                assert_eq!(actual, expected);
            });
        }
    }
}
