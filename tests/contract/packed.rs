//! Stored masks: which bits they read.

use dropout_kernels::{Address, Backend, Dropout, Mode, PackedMask, Rate};
use testkit::every_backend;
use testkit::oracle::{self, dropped, pack};
use testkit::value::{Value, assert_same, random};

every_backend!(applied_from_any_bit_on);

const P: f64 = 0.375; // which is realised exactly
const LONGEST: usize = 300;

/// From any bit of a word on, and of the next but one; whatever the bits around are.
fn applied_from_any_bit_on(backend: Backend) {
    let (x, drops) = (random::<f32>(5, LONGEST), dropped(P, Address { seed: 21, layer: 22, step: 23, offset: 24 }, LONGEST));
    let expected: Vec<f32> = x.iter().zip(&drops).map(|(x, drop)| if *drop { 0.0 } else { x.times(oracle::scale(P)) }).collect();
    let dropout = Dropout::new(Rate::new(P).unwrap()).on(backend);
    for first in 0..=70 {
        for len in 0..=LONGEST {
            let kept = pack(first, &drops[..len]);
            // The bits around are those of no element: ones.
            let around = pack(first, &vec![false; len]).into_iter().map(|word| !word);
            let words: Vec<u32> = kept.iter().zip(around).map(|(kept, around)| kept | around).collect();
            for words in [kept, words] {
                let mask = PackedMask::new(&words, first, len).unwrap();
                assert_eq!((mask.decisions(), mask.count_kept()), (len, drops[..len].iter().filter(|drop| !**drop).count()));
                let mut y = vec![77.0; len];
                dropout.apply(Mode::Stored(mask), &x[..len], &mut y).unwrap();
                assert_same(&y, &expected[..len]);
            }
        }
    }
}
