//! Stored masks: which bits they read, and which are written when one is recorded.

use dropout_kernels::{Address, Backend, Dropout, Layout, Mode, PackedMask, Rate};
use testkit::case::drops;
use testkit::every_backend;
use testkit::oracle;
use testkit::value::{Value, assert_same, random};

every_backend!(applied_from_any_bit_on, rows_are_recorded_and_applied);

const P: f64 = 0.375; // which is realised exactly
const ADDRESS: Address = Address { seed: 21, layer: 22, step: 23, offset: 24 };
const LONGEST: usize = 300;

/// Keep bits from bit `first` on, and `others` in every other bit of as few words as hold them.
fn packed(keep: &[bool], first: usize, others: bool) -> Vec<u32> {
    let mut words = vec![if others { u32::MAX } else { 0 }; (first + keep.len()).div_ceil(32)];
    for (bit, &keep) in (first..).zip(keep) {
        words[bit / 32] = words[bit / 32] & !(1 << (bit % 32)) | u32::from(keep) << (bit % 32);
    }
    words
}

fn keeps(decisions: usize) -> Vec<bool> {
    drops(P, ADDRESS, decisions).into_iter().map(|drop| !drop).collect()
}

/// From any bit of a word on, and of the next but one; whatever the bits around are.
#[test]
fn a_mask_is_its_bits_and_no_others() {
    let keep = keeps(LONGEST);
    for first in 0..=70 {
        for len in 0..=LONGEST {
            let keep = &keep[..len];
            for others in [false, true] {
                let words = packed(keep, first, others);
                let mask = PackedMask::new(&words, first, len).unwrap();
                assert_eq!(mask.decisions(), len);
                assert_eq!(mask.count_kept(), keep.iter().filter(|keep| **keep).count());
                assert!((0..len).all(|i| mask.keeps(i) == Some(keep[i])));
                assert_eq!([mask.keeps(len), mask.keeps(usize::MAX)], [None, None]);
            }
        }
    }
}

fn applied_from_any_bit_on(backend: Backend) {
    let (x, keep) = (random::<f32>(5, LONGEST), keeps(LONGEST));
    let expected: Vec<f32> = x.iter().zip(&keep).map(|(x, keep)| if *keep { x.times(oracle::scale(P)) } else { 0.0 }).collect();
    let dropout = Dropout::new(Rate::new(P).unwrap()).on(backend);
    for first in 0..=70 {
        for len in 0..=LONGEST {
            let words = packed(&keep[..len], first, true);
            let mut y = vec![77.0; len];
            dropout.apply(Mode::Stored(PackedMask::new(&words, first, len).unwrap()), &x[..len], &mut y).unwrap();
            assert_same(&y, &expected[..len]);
        }
    }
}

/// Rows that end inside words, with gaps between them that stay as they are.
fn rows_are_recorded_and_applied(backend: Backend) {
    const GAP: f32 = 77.0;
    for (rows, columns, stride) in [(1, 7, 9), (4, 5, 6), (3, 33, 40), (2, 64, 64), (5, 100, 131), (3, 2100, 2101), (40, 1, 3)] {
        let layout = Layout::rows(rows, columns, stride).unwrap();
        let (x, keep) = (random::<f32>(6, layout.elements()), keeps(rows * columns));
        let output = |(i, x): (usize, &f32)| match (i / stride, i % stride) {
            (_, column) if column >= columns => GAP,
            (row, column) if keep[row * columns + column] => x.times(oracle::scale(P)),
            _ => 0.0,
        };
        let expected: Vec<f32> = x.iter().enumerate().map(output).collect();
        let dropout = Dropout::new(Rate::new(P).unwrap()).with_layout(layout).on(backend);

        let (mut y, mut words) = (vec![GAP; x.len()], vec![0xA5A5_A5A5; keep.len().div_ceil(32)]);
        dropout.apply_recording(ADDRESS, &x, &mut y, &mut words).unwrap();
        assert_same(&y, &expected);
        assert_eq!(words, packed(&keep, 0, false));

        let mut y = vec![GAP; x.len()];
        dropout.apply(Mode::Stored(PackedMask::new(&words, 0, keep.len()).unwrap()), &x, &mut y).unwrap();
        assert_same(&y, &expected);
    }
}
