//! Where a slice ends: every length past chunks, words and blocks, from both sides of a block on, with a guard around what is written.
//! (The lengths past tiles are in `boundaries.rs`, for one kind and type: the loop is the same.)

use dropout_kernels::{Address, Backend, Kind, Layer, Layout, Mode, Shape};
use testkit::every_subject;

use crate::{oracle, unwritten};
use testkit::case::TensorCase;
use testkit::subject::Subject;
use testkit::value::{Bits, assert_same, random};

macro_rules! tests_of_subjects {
    ($($module:ident: $subject:ty),+) => {
        $(mod $module {
            #[test]
            fn slices_end_anywhere() {
                testkit::each_backend(super::slices_end_anywhere::<$subject>);
            }
        })+
    };
}
every_subject!(tests_of_subjects);

const LONGEST: usize = 280;
const OFFSETS: [u64; 4] = [0, 1, 100, 127];
const GUARD: usize = 16;

fn slices_end_anywhere<S: Subject>(backend: Backend) {
    for offset in OFFSETS {
        let address = Address { seed: 5, layer: 6, step: 7, offset };
        let mut case = TensorCase { shape: vec![LONGEST], shared: vec![], p: 0.3, scaling: <_>::default(), address, values: 8 };
        let x = random(9, LONGEST);
        let dense = oracle::<S>(&case, &x);
        for len in 0..=LONGEST {
            guarded(&S::layer(&case).on(backend), case.train(), &x[..len], &dense[..len]);
        }
        // Maps, which start at any alignment.
        for len in 1..=LONGEST / 3 {
            (case.shape, case.shared) = (vec![3, len], vec![1]);
            let layer = S::layer(&case).with_layout(Layout::cl([3, len]).unwrap()).on(backend);
            guarded(&layer, case.train(), &x[..3 * len], &oracle::<S>(&case, &x[..3 * len]));
        }
    }
}

/// Out of place and in place.
fn guarded<E: Bits, K: Kind<E>, L: Shape>(layer: &Layer<K, L>, mode: Mode, x: &[E], expected: &[E]) {
    let len = x.len();
    for in_place in [false, true] {
        let mut buffer = unwritten(GUARD + len + GUARD);
        let y = &mut buffer[GUARD..GUARD + len];
        if in_place {
            y.copy_from_slice(x);
            layer.apply_in_place(mode, y).unwrap();
        } else {
            layer.apply(mode, x, y).unwrap();
        }
        assert_same(&buffer[GUARD..GUARD + len], expected);
        assert_same(&buffer[..GUARD], &unwritten(GUARD));
        assert_same(&buffer[GUARD + len..], &unwritten(GUARD));
    }
}
