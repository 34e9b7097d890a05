//! After an error the output is as it was, whatever the kind and the type. (What the errors say is in `bad_input.rs` and `bad_masks.rs`.)

use dropout_kernels::{Address, Backend, Error, Layout, Mode};
use testkit::every_subject;

use crate::unwritten;
use testkit::case::TensorCase;
use testkit::subject::Subject;
use testkit::value::{assert_same, random};

macro_rules! tests_of_subjects {
    ($($module:ident: $subject:ty),+) => {
        $(#[test]
        fn $module() {
            testkit::each_backend(nothing_is_written_after_an_error::<$subject>);
        })+
    };
}
every_subject!(tests_of_subjects);

fn nothing_is_written_after_an_error<S: Subject>(backend: Backend) {
    let address = Address { seed: 1, layer: 2, step: 3, offset: u64::MAX - 4 };
    let case = TensorCase { shape: vec![], shared: vec![], p: 0.5, scaling: <_>::default(), address, values: 7 };
    let layer = S::layer(&case).with_layout(Layout::ncl([2, 3, 5]).unwrap()).on(backend);
    let overflow = Err(Error::IndexOverflow { offset: address.offset, decisions: 6 });
    let length = |name, actual| Err(Error::Length { name, expected: 30, actual });

    let x = random(8, 31);
    let mut y = unwritten(30);
    assert_eq!(layer.apply(case.train(), &x[..30], &mut y), overflow);
    assert_eq!(layer.apply_in_place(case.train(), &mut y), overflow);
    assert_eq!(layer.backward(case.train(), &x[..30], &mut y), overflow);
    assert_eq!(layer.backward_in_place(case.train(), &mut y), overflow);
    assert_eq!(layer.apply(Mode::Eval, &x, &mut y), length("x", 31));
    assert_eq!(layer.apply(Mode::Eval, &x[..30], &mut y[..29]), length("y", 29));
    assert_eq!(layer.backward(Mode::Eval, &x, &mut y), length("grad_y", 31));
    assert_eq!(layer.backward(Mode::Eval, &x[..30], &mut y[..29]), length("grad_x", 29));
    assert_eq!(layer.apply_in_place(Mode::Eval, &mut y[..29]), length("x", 29));
    assert_eq!(layer.backward_in_place(Mode::Eval, &mut y[..29]), length("grad", 29));
    assert_same(&y, &unwritten(30));
}
