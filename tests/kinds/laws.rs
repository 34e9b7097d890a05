//! Laws of the layer: how its output depends on its arguments, for every kind and every type of element.

use dropout_kernels::{Address, Backend, Layout, Mode, Scaling};
use testkit::{every_float_subject, every_subject, laws};

use crate::{apply, backward};
use testkit::case::TensorCase;
use testkit::oracle;
use testkit::subject::Subject;
use testkit::value::{Value, assert_same, ones, random};

macro_rules! laws_of_subjects {
    ($($module:ident: $subject:ty),+) => {
        $(laws!(
            $module,
            TensorCase: both_passes_equal_the_oracle::<$subject>,
            in_place_equals_out_of_place::<$subject>,
            two_halves_equal_the_whole::<$subject>,
            slices_of_the_leading_axis_equal_the_whole::<$subject>,
            training_at_0_is_the_identity::<$subject>,
            nothing_is_left_at_1::<$subject>,
            evaluation_equals_the_oracle::<$subject>,
        );)+
    };
}
every_subject!(laws_of_subjects);

mod sums {
    use super::*;

    macro_rules! laws_of_floats {
        ($($module:ident: $subject:ty),+) => {
            $(laws!($module, TensorCase: gradients_are_added::<$subject>);)+
        };
    }
    every_float_subject!(laws_of_floats);
}

laws!(masks, TensorCase: maps_are_constant, both_scalings_drop_the_same);

pub fn both_passes_equal_the_oracle<S: Subject>(backend: Backend, case: &TensorCase) {
    let (x, layer, subject) = (case.x(), case.layer::<S>().on(backend), S::new(case));
    assert_same(&apply(&layer, case.train(), &x), &case.each::<S>(&x, |u, x| subject.forward(u, x)));
    assert_same(&backward(&layer, case.train(), &x), &case.each::<S>(&x, |u, x| subject.backward(u, x)));
}

fn in_place_equals_out_of_place<S: Subject>(backend: Backend, case: &TensorCase) {
    let (x, layer) = (case.x(), case.layer::<S>().on(backend));
    for mode in [case.train(), Mode::Eval] {
        let mut y = x.clone();
        layer.apply_in_place(mode, &mut y).unwrap();
        assert_same(&y, &apply(&layer, mode, &x));

        let mut gradient = x.clone();
        layer.backward_in_place(mode, &mut gradient).unwrap();
        assert_same(&gradient, &backward(&layer, mode, &x));
    }
}

/// A slice cut anywhere, each part at its own offset.
fn two_halves_equal_the_whole<S: Subject>(backend: Backend, case: &TensorCase) {
    let (x, layer) = (case.x(), S::layer(case).on(backend));
    let whole = apply(&layer, case.train(), &x);

    let cut = case.values as usize % (x.len() + 1);
    let mut halves = apply(&layer, case.train(), &x[..cut]);
    // One past the last index there is, where the cut is at the end of everything: an empty slice may start at any offset.
    let offset = case.address.offset.wrapping_add(cut as u64);
    halves.extend(apply(&layer, Mode::Train(Address { offset, ..case.address }), &x[cut..]));
    assert_same(&halves, &whole);
}

/// A tensor cut along its first axis: the way a batch is split over threads. The parts of a shared axis read the same decisions.
fn slices_of_the_leading_axis_equal_the_whole<S: Subject>(backend: Backend, case: &TensorCase) {
    let Some(&extent) = case.shape.first() else { return };
    let x = case.x();
    let whole = apply(&case.layer::<S>().on(backend), case.train(), &x);

    let cut = case.values as usize % (extent + 1);
    let part = |rows: usize, first_row: usize| {
        let mut part = case.clone();
        part.shape[0] = rows;
        if !case.shared.contains(&0) {
            let decisions_per_row = case.decisions() / extent.max(1);
            part.address.offset = case.address.offset.wrapping_add((first_row * decisions_per_row) as u64);
        }
        part
    };
    let (first, second) = (part(cut, 0), part(extent - cut, cut));
    let (x_first, x_second) = x.split_at(first.elements());
    let mut halves = apply(&first.layer::<S>().on(backend), first.train(), x_first);
    halves.extend(apply(&second.layer::<S>().on(backend), second.train(), x_second));
    assert_same(&halves, &whole);
}

/// The negative zero and NaN included.
fn training_at_0_is_the_identity<S: Subject>(backend: Backend, case: &TensorCase) {
    let case = TensorCase { p: 0.0, ..case.clone() };
    let (x, layer) = (case.x(), case.layer::<S>().on(backend));
    assert_same(&apply(&layer, case.train(), &x), &x);
    assert_same(&backward(&layer, case.train(), &x), &x);
}

/// NaN and infinities included, and to the positive zero.
fn nothing_is_left_at_1<S: Subject>(backend: Backend, case: &TensorCase) {
    if !S::DROPS {
        return;
    }
    let case = TensorCase { p: 1.0, ..case.clone() };
    let (x, layer) = (case.x(), case.layer::<S>().on(backend));
    let nothing = vec![S::new(&case).nothing(); x.len()];
    assert_same(&apply(&layer, case.train(), &x), &nothing);
    assert_same(&backward(&layer, case.train(), &x), &nothing);
}

fn evaluation_equals_the_oracle<S: Subject>(backend: Backend, case: &TensorCase) {
    let (x, layer, subject) = (case.x(), case.layer::<S>().on(backend), S::new(case));
    let expected: Vec<_> = x.iter().map(|x| subject.evaluated(*x)).collect();
    assert_same(&apply(&layer, Mode::Eval, &x), &expected);
    assert_same(&backward(&layer, Mode::Eval, &x), &expected);
}

pub fn gradients_are_added<S: Subject<Element: Value>>(backend: Backend, case: &TensorCase) {
    let (x, before) = (case.x(), random(case.values ^ 1, case.elements()));
    let (layer, subject) = (case.layer::<S>().on(backend), S::new(case));
    let trained = case.each::<S>(&x, |u, x| subject.backward(u, x));
    let evaluated: Vec<_> = x.iter().map(|x| subject.evaluated(*x)).collect();
    for (mode, gradient) in [(case.train(), trained), (Mode::Eval, evaluated)] {
        let mut grad_x = before.clone();
        layer.backward_add(mode, &x, &mut grad_x).unwrap();
        let sums: Vec<S::Element> = before.iter().zip(gradient).map(|(before, g)| before.plus(g)).collect();
        assert_same(&grad_x, &sums);
    }
}

/// With the spatial axes shared, each map is kept or dropped as one.
fn maps_are_constant(backend: Backend, case: &TensorCase) {
    let map = 1 + case.values as usize % 300;
    let layout = Layout::ncl([2, 5, map]).unwrap();
    let x = ones(layout.elements());
    let address = Address { offset: case.address.offset.min(u64::MAX - 10), ..case.address };
    let y = apply(&testkit::subject::OfScaled::<f32>::layer(case).with_layout(layout).on(backend), Mode::Train(address), &x);
    assert!(y.chunks(map).all(|map| map.iter().all(|y| y.to_bits() == map[0].to_bits())));
}

/// In training the scalings differ in what becomes of the kept, by the scale, and in nothing else.
fn both_scalings_drop_the_same(backend: Backend, case: &TensorCase) {
    let x = ones(case.elements());
    let [inverted, classic] =
        [Scaling::Inverted, Scaling::Classic].map(|s| apply(&case.dropout().with_scaling(s).on(backend), case.train(), &x));
    let scale = oracle::scale(case.p) as f32;
    for (inverted, classic) in inverted.iter().zip(classic) {
        let kept = classic.to_bits() == 1.0_f32.to_bits();
        assert!(kept || classic.to_bits() == 0);
        assert_eq!(inverted.to_bits(), if kept { scale } else { 0.0 }.to_bits());
    }
}
