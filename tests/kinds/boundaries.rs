//! Where a slice ends: every length past chunks, words and blocks, for every kind and type; up to 1,030 and around the larger tiles for one,
//! as the loop is the same; from both sides of each unit on, at every alignment, with a guard around what is written.

use dropout_kernels::{Address, Backend, Dropout, Kind, Layer, Layout, Mask, Mode, Rate, Shape};
use testkit::oracle::{self, dropped, pack};
use testkit::subject::{OfScaled, Settings, Subject};
use testkit::value::{Bits, Value, assert_same, random};
use testkit::{every_backend, every_subject};

use crate::trained;

every_subject!(slices_end_anywhere);
every_backend!(dense, maps_and_rows, masks);

/// A general rate: it takes all planes, and bytes.
const P: f64 = 0.3;

/// Past chunks of 16, words of 32 and 64, blocks of 128 and groups of 8 blocks; then around 16, 32 and 64 blocks, where a tile may end.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=1030).chain(2047..=2049).chain(4095..=4097).chain(8191..=8193)
}
const LONGEST: usize = 8193;

/// Elements that a slice starts after its allocation: any alignment to 64 bytes, and so of every vector.
const SHIFTS: usize = 17;

/// Logical indices of the first decision: on both sides of a chunk, a word, a block and a group, and in the midst of one.
const OFFSETS: [u64; 12] = [0, 1, 15, 16, 31, 32, 127, 128, 1000, 1023, 1024, 4095];

const GUARD: usize = 16;

const fn address(offset: u64) -> Address {
    Address { seed: 0x0123_4567_89AB_CDEF, layer: 7, step: 99, offset }
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
fn apply<E: Bits, K: Kind<E>, L: Shape>(
    layer: &Layer<K, L>,
    mode: Mode,
    shift: usize,
    (x, expected): (&[E], &[E]),
    buffer: &mut Vec<E>,
) {
    let canary = E::from_bits(77);
    guarded(buffer, canary, shift, expected.len(), |y| {
        layer.apply(mode, x, y).unwrap();
        assert_same(y, expected);
    });
    guarded(buffer, canary, shift, expected.len(), |y| {
        y.copy_from_slice(x);
        layer.apply_in_place(mode, y).unwrap();
        assert_same(y, expected);
    });
}

/// And maps, which start at any alignment.
fn slices_end_anywhere<S: Subject>(backend: Backend) {
    const LONGEST: usize = 280;
    let (settings, x, mut buffer) = (Settings::of(P), random(9, LONGEST), Vec::new());
    let layer = S::layer(&settings).on(backend);
    for offset in [0, 1, 100, 127] {
        let mode = Mode::Train(address(offset));
        let [expected, _] = trained::<S>(&settings, address(offset), (&[LONGEST], &[]), &x);
        for len in 0..=LONGEST {
            apply(&layer, mode, len % SHIFTS, (&x[..len], &expected[..len]), &mut buffer);
        }
        for len in 1..=LONGEST / 3 {
            let (shape, x) = ([3, len], &x[..3 * len]);
            let [expected, _] = trained::<S>(&settings, address(offset), (&shape, &[1]), x);
            let maps = layer.with_layout(Layout::cl(shape).unwrap());
            apply(&maps, mode, len % SHIFTS, (x, &expected), &mut buffer);
        }
    }
}

fn dropout(backend: Backend) -> Dropout {
    Dropout::new(Rate::new(P).unwrap()).on(backend)
}

fn dense(backend: Backend) {
    let (x, settings, mut buffer) = (random(1, LONGEST), Settings::of(P), Vec::new());
    for (i, offset) in OFFSETS.into_iter().enumerate() {
        let [expected, _] = trained::<OfScaled<f32>>(&settings, address(offset), (&[LONGEST], &[]), &x);
        for len in lengths() {
            // Short ones at every alignment, and long ones at another from each offset on.
            let shifts = if len <= 200 { 0..SHIFTS } else { (len + i) % SHIFTS..(len + i) % SHIFTS + 1 };
            for shift in shifts {
                apply(&dropout(backend), Mode::Train(address(offset)), shift, (&x[..len], &expected[..len]), &mut buffer);
            }
        }
    }
}

/// Maps of each length, so that they start at any alignment; each number of small maps; and rows that read the same decisions, from the
/// second on at any alignment.
fn maps_and_rows(backend: Backend) {
    let (x, mut buffer) = (random(2, 3 * LONGEST), Vec::new());
    for (i, offset) in OFFSETS.into_iter().enumerate() {
        let drops = dropped(P, address(offset), LONGEST);
        // Short ones from every offset on, and long ones each from another.
        for len in lengths().filter(|len| *len <= 300 || len % OFFSETS.len() == i) {
            for (shape, shared) in [([3, len], 1), ([len, 3], 1), ([2, len], 0)] {
                let x = &x[..shape.iter().product()];
                let expected = oracle::apply(&shape, &[shared], &drops, x, |x| x.times(oracle::scale(P)), 0.0);
                let dropout = dropout(backend).with_layout(Layout::shared(&shape, &[shared]).unwrap());
                apply(&dropout, Mode::Train(address(offset)), len % SHIFTS, (x, &expected), &mut buffer);
            }
        }
    }
}

/// As bools and words. Either canary must survive: what is written can be right by chance.
fn masks(backend: Backend) {
    let (mut bools, mut words) = (vec![], vec![]);
    for offset in OFFSETS {
        let drops = dropped(P, address(offset), LONGEST);
        let keep: Vec<bool> = drops.iter().map(|drop| !drop).collect();
        let mask = Mask::new(Rate::new(P).unwrap(), address(offset)).on(backend);
        for len in lengths() {
            for canary in [false, true] {
                guarded(&mut bools, canary, len % SHIFTS, len, |actual| {
                    mask.bools(actual).unwrap();
                    assert_eq!(actual, &keep[..len]);
                });
            }
            let expected = pack(0, &drops[..len]);
            guarded(&mut words, 0xA5A5_A5A5, len % SHIFTS, expected.len(), |actual| {
                mask.words(len, actual).unwrap();
                assert_eq!(actual, expected);
            });
        }
    }
}
