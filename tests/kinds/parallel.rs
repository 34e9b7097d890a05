//! On all threads, every kind and type gets the bits that it gets on one, from computed masks and stored ones.

use dropout_kernels::{Address, Backend, Layout, Mask, Mode, PackedMask, Rate};
use testkit::every_subject;

use crate::{apply, backward};
use testkit::case::TensorCase;
use testkit::subject::Subject;
use testkit::value::{assert_same, random};

macro_rules! tests_of_subjects {
    ($($module:ident: $subject:ty),+) => {
        $(#[test]
        fn $module() {
            threads_change_no_bit::<$subject>();
        })+
    };
}
every_subject!(tests_of_subjects);

/// Along an outermost axis that is shared, not shared or all there is.
const LAYOUTS: [Result<Layout, dropout_kernels::Error>; 4] =
    [Ok(Layout::flat(300_001)), Layout::nchw([3, 7, 99, 131]), Layout::locked(&[5, 55_555]), Layout::rows(501, 300, 577)];

/// The elements of a tensor that is cut, as the library's own test has it.
const CUT: usize = 1 << 18;

const P: f64 = 0.3;

fn threads_change_no_bit<S: Subject>() {
    let address = Address { seed: 8, layer: 1, step: 2, offset: (1 << 39) - 1000 };
    let case = TensorCase { shape: vec![], shared: vec![], p: P, scaling: <_>::default(), address, values: 3 };
    for layout in LAYOUTS {
        let layout = layout.unwrap();
        assert!(layout.elements() >= CUT);
        let x = random(3, layout.elements());
        let mut words = vec![0; layout.decisions().div_ceil(32)];
        Mask::new(Rate::new(P).unwrap(), address).words(layout.decisions(), &mut words).unwrap();
        let stored = Mode::Stored(PackedMask::new(&words, 0, layout.decisions()).unwrap());
        let alone = S::layer(&case).with_layout(layout).on(Backend::detect());
        // Noise has no mask to be stored.
        for mode in [case.train(), Mode::Eval].into_iter().chain((!S::NOISE).then_some(stored)) {
            assert_same(&apply(&alone.in_parallel(), mode, &x), &apply(&alone, mode, &x));
            assert_same(&backward(&alone.in_parallel(), mode, &x), &backward(&alone, mode, &x));
        }
    }
}
