//! A choice between two tensors, against the choice written down.

use dropout_kernels::{Backend, Filler, Layout, Mask, Mode, PackedMask, Rate, Select};
use testkit::case::{TensorCase, drops};
use testkit::value::{Bits, Value, assert_same, random};
use testkit::{laws, oracle};

use crate::unwritten;

laws!(f32, TensorCase: either_is_chosen::<f32>, evaluates_to_the_mean::<f32>, gradients_go_where_values_came_from::<f32>);
laws!(f64, TensorCase: either_is_chosen::<f64>, evaluates_to_the_mean::<f64>, gradients_go_where_values_came_from::<f64>);
laws!(i8, TensorCase: either_is_chosen::<i8>, evaluates_to_the_mean::<i8>);
laws!(u8, TensorCase: either_is_chosen::<u8>, evaluates_to_the_mean::<u8>);
laws!(i16, TensorCase: either_is_chosen::<i16>, evaluates_to_the_mean::<i16>);
#[cfg(feature = "half")]
mod half {
    use ::half::{bf16, f16};

    use super::*;

    laws!(select_f16, TensorCase: either_is_chosen::<f16>, evaluates_to_the_mean::<f16>, gradients_go_where_values_came_from::<f16>);
    laws!(select_bf16, TensorCase: either_is_chosen::<bf16>, evaluates_to_the_mean::<bf16>, gradients_go_where_values_came_from::<bf16>);
}

fn layer(backend: Backend, case: &TensorCase) -> Select<Layout> {
    Select::new(Rate::new(case.p).unwrap()).with_layout(case.layout()).on(backend)
}

/// What the layer makes of two tensors, in and out of place.
fn select<E: Bits>(layer: &Select<Layout>, mode: Mode, kept: &[E], dropped: &[E]) -> Vec<E> {
    let (mut y, mut in_place) = (unwritten(kept.len()), kept.to_vec());
    layer.apply(mode, kept, Filler::Tensor(dropped), &mut y).unwrap();
    layer.apply_in_place(mode, &mut in_place, Filler::Tensor(dropped)).unwrap();
    assert_same(&in_place, &y);
    y
}

fn tensors<E: Bits>(case: &TensorCase) -> [Vec<E>; 2] {
    [0, 1].map(|number| random(case.values ^ number, case.elements()))
}

/// Whether each element of the tensor is dropped.
fn dropped_elements(case: &TensorCase) -> impl Iterator<Item = bool> {
    let drops = drops(case.p, case.address, case.decisions());
    (0..case.elements()).map(move |i| drops[oracle::decision(&case.shape, &case.shared, i)])
}

fn either_is_chosen<E: Bits>(backend: Backend, case: &TensorCase) {
    let (layer, [kept, dropped]) = (layer(backend, case), tensors::<E>(case));
    let pairs = kept.iter().zip(&dropped).zip(dropped_elements(case));
    let expected: Vec<E> = pairs.map(|((kept, dropped), drop)| if drop { *dropped } else { *kept }).collect();
    assert_same(&select(&layer, case.train(), &kept, &dropped), &expected);

    let mut words = vec![0; case.decisions().div_ceil(32)];
    Mask::new(layer.rate(), case.address).words(case.decisions(), &mut words).unwrap();
    let stored = Mode::Stored(PackedMask::new(&words, 0, case.decisions()).unwrap());
    assert_same(&select(&layer, stored, &kept, &dropped), &expected);

    assert_same(&select(&layer, Mode::Eval, &kept, &dropped), &kept);
}

/// What is left of 1, and the realised rate: exact.
#[expect(clippy::cast_precision_loss, reason = "thresholds have at most 33 bits")]
fn weights(case: &TensorCase) -> [f64; 2] {
    let drop = oracle::threshold(case.p) as f64 / 4_294_967_296.0;
    [1.0 - drop, drop]
}

fn evaluates_to_the_mean<E: Bits>(backend: Backend, case: &TensorCase) {
    let (layer, [kept, dropped]) = (layer(backend, case).with_expectation(), tensors::<E>(case));
    let expected: Vec<E> = match weights(case) {
        [_, 0.0] => kept.clone(),
        [0.0, _] => dropped.clone(),
        [keep, drop] => kept.iter().zip(&dropped).map(|(kept, dropped)| kept.mean(keep, *dropped, drop)).collect(),
    };
    assert_same(&select(&layer, Mode::Eval, &kept, &dropped), &expected);
}

fn gradients_go_where_values_came_from<E: Value>(backend: Backend, case: &TensorCase) {
    let grad_y = case.x::<E>();
    let backward = |layer: Select<Layout>, mode| {
        let (mut grad_kept, mut grad_dropped) = (unwritten(grad_y.len()), unwritten(grad_y.len()));
        layer.backward(mode, &grad_y, &mut grad_kept, Some(&mut grad_dropped)).unwrap();
        [grad_kept, grad_dropped]
    };
    let layer = layer(backend, case);
    let [grad_kept, grad_dropped] = backward(layer, case.train());
    let where_dropped =
        |value| grad_y.iter().zip(dropped_elements(case)).map(move |(g, drop)| if drop == value { *g } else { E::DROPPED });
    assert_same(&grad_kept, &where_dropped(false).collect::<Vec<_>>());
    assert_same(&grad_dropped, &where_dropped(true).collect::<Vec<_>>());

    let [grad_kept, grad_dropped] = backward(layer, Mode::Eval);
    assert_same(&grad_kept, &grad_y);
    assert_same(&grad_dropped, &vec![E::DROPPED; grad_y.len()]);

    let expected = weights(case).map(|weight| grad_y.iter().map(|g| g.times(weight)).collect::<Vec<_>>());
    let actual = backward(layer.with_expectation(), Mode::Eval);
    assert_same(&actual[0], &expected[0]);
    assert_same(&actual[1], &expected[1]);
}
