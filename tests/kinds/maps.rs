//! Feature maps large enough to be passed one by one, and more of them than a limb, a block and a small tile have decisions. (What is past a
//! large tile is in `layout_laws.rs`, for one kind and type: the loop is the same.)

use dropout_kernels::{Address, Backend};
use testkit::every_subject;

use crate::laws::both_passes_equal_the_oracle;
use testkit::case::TensorCase;
use testkit::subject::Subject;

macro_rules! tests_of_subjects {
    ($($module:ident: $subject:ty),+) => {
        $(#[test]
        fn $module() {
            testkit::each_backend(each_reads_its_own_decision::<$subject>);
        })+
    };
}
every_subject!(tests_of_subjects);

/// Channels; and the same ones in every sample.
const LAYOUTS: [(&[usize], &[usize]); 2] = [(&[300, 257], &[1]), (&[2, 150, 256], &[0, 2])];

fn each_reads_its_own_decision<S: Subject>(backend: Backend) {
    for (shape, shared) in LAYOUTS {
        let address = Address { seed: 9, layer: 8, step: 7, offset: 100 };
        let case =
            TensorCase { shape: shape.to_vec(), shared: shared.to_vec(), p: 0.3, scaling: <_>::default(), address, values: 6 };
        both_passes_equal_the_oracle::<S>(backend, &case);
    }
}
