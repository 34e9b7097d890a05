//! Laws of the layer: how its output depends on its arguments, for every type of element.

#[macro_use]
mod common;

use common::case::TensorCase;
use common::oracle;
use common::value::{Value, assert_same, ones};
use dropout_kernels::{Address, Backend, Dropout, Layout, Mode, Rate, Scaling};

macro_rules! laws_of_elements {
    ($($module:ident: $element:ty),+) => {
        $(laws!(
            $module,
            TensorCase: equals_the_oracle::<$element>,
            in_place_equals_out_of_place::<$element>,
            backward_equals_forward::<$element>,
            two_halves_equal_the_whole::<$element>,
            slices_of_the_leading_axis_equal_the_whole::<$element>,
            nothing_is_dropped_at_0::<$element>,
            everything_is_dropped_at_1::<$element>,
            inverted_evaluation_is_the_identity::<$element>,
            classic_evaluation_multiplies_by_the_rate_of_keeping::<$element>,
        );)+
    };
}
laws_of_elements!(single: f32);
laws!(masks, TensorCase: planes_are_constant, both_scalings_drop_the_same);

fn apply<E: Value>(dropout: &Dropout, mode: Mode, x: &[E]) -> Vec<E> {
    // Not the input and not zero, so that an element that is not written shows.
    let mut y = vec![E::from_bits(0xA5A5_A5A5_A5A5_A5A5); x.len()];
    dropout.apply(mode, x, &mut y).unwrap();
    y
}

fn equals_the_oracle<E: Value>(backend: Backend, case: &TensorCase) {
    let x = case.x::<E>();
    assert_same(&apply(&case.dropout().on(backend), case.train(), &x), &case.expected(&x));
}

fn in_place_equals_out_of_place<E: Value>(backend: Backend, case: &TensorCase) {
    let dropout = case.dropout().on(backend);
    for mode in [case.train(), Mode::Eval] {
        let x = case.x::<E>();
        let mut y = x.clone();
        dropout.apply_in_place(mode, &mut y).unwrap();
        assert_same(&y, &apply(&dropout, mode, &x));
    }
}

fn backward_equals_forward<E: Value>(backend: Backend, case: &TensorCase) {
    let dropout = case.dropout().on(backend);
    for mode in [case.train(), Mode::Eval] {
        let gradient = case.x::<E>();
        let forward = apply(&dropout, mode, &gradient);
        let mut backward = vec![E::from_bits(0xA5A5_A5A5_A5A5_A5A5); gradient.len()];
        dropout.backward(mode, &gradient, &mut backward).unwrap();
        assert_same(&backward, &forward);

        let mut in_place = gradient;
        dropout.backward_in_place(mode, &mut in_place).unwrap();
        assert_same(&in_place, &forward);
    }
}

/// A slice cut anywhere, each part at its own offset.
fn two_halves_equal_the_whole<E: Value>(backend: Backend, case: &TensorCase) {
    let x = case.x::<E>();
    let dropout = Dropout::new(Rate::new(case.p).unwrap()).with_scaling(case.scaling).on(backend);
    let whole = apply(&dropout, case.train(), &x);

    let cut = case.values as usize % (x.len() + 1);
    let mut halves = apply(&dropout, case.train(), &x[..cut]);
    // One past the last index there is, where the cut is at the end of everything: an empty slice may start at any offset.
    let offset = case.address.offset.wrapping_add(cut as u64);
    halves.extend(apply(&dropout, Mode::Train(Address { offset, ..case.address }), &x[cut..]));
    assert_same(&halves, &whole);
}

/// A tensor cut along its first axis: the way a batch is split over threads. The parts of a shared axis read the same decisions.
fn slices_of_the_leading_axis_equal_the_whole<E: Value>(backend: Backend, case: &TensorCase) {
    let Some(&extent) = case.shape.first() else { return };
    let x = case.x::<E>();
    let whole = apply(&case.dropout().on(backend), case.train(), &x);

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
    let mut halves = apply(&first.dropout().on(backend), first.train(), x_first);
    halves.extend(apply(&second.dropout().on(backend), second.train(), x_second));
    assert_same(&halves, &whole);
}

fn nothing_is_dropped_at_0<E: Value>(backend: Backend, case: &TensorCase) {
    let x = case.x::<E>();
    let case = TensorCase { p: 0.0, ..case.clone() };
    assert_same(&apply(&case.dropout().on(backend), case.train(), &x), &x);
}

/// NaN and infinities included, and to the positive zero.
fn everything_is_dropped_at_1<E: Value>(backend: Backend, case: &TensorCase) {
    let x = case.x::<E>();
    let case = TensorCase { p: 1.0, ..case.clone() };
    assert_same(&apply(&case.dropout().on(backend), case.train(), &x), &vec![E::DROPPED; x.len()]);
}

fn inverted_evaluation_is_the_identity<E: Value>(backend: Backend, case: &TensorCase) {
    let x = case.x::<E>();
    let dropout = case.dropout().with_scaling(Scaling::Inverted).on(backend);
    assert_same(&apply(&dropout, Mode::Eval, &x), &x);
}

fn classic_evaluation_multiplies_by_the_rate_of_keeping<E: Value>(backend: Backend, case: &TensorCase) {
    let x = case.x::<E>();
    let dropout = case.dropout().with_scaling(Scaling::Classic).on(backend);
    let expected: Vec<E> = x.iter().map(|x| x.times(1.0 - case.p)).collect();
    assert_same(&apply(&dropout, Mode::Eval, &x), &expected);
}

/// With the spatial axes shared, each plane is kept or dropped as one.
fn planes_are_constant(backend: Backend, case: &TensorCase) {
    let plane = 1 + case.values as usize % 300;
    let layout = Layout::ncl([2, 5, plane]).unwrap();
    let x = ones(layout.elements());
    let address = Address { offset: case.address.offset.min(u64::MAX - 10), ..case.address };
    let y = apply(&case.dropout().with_layout(layout).on(backend), Mode::Train(address), &x);
    assert!(y.chunks(plane).all(|plane| plane.iter().all(|y| y.to_bits() == plane[0].to_bits())));
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
