//! Parts of a tensor, wherever they lie in memory, are the whole, for every kind and type.

use dropout_kernels::{Backend, Layer, Layout, Mask, Mode, PackedMask, Part, Rate};
use testkit::{every_mask_subject, every_subject, laws};

use crate::{apply, backward, unwritten};
use testkit::case::TensorCase;
use testkit::region::{Region, row_major, shuffled, strides};
use testkit::subject::Subject;
use testkit::value::assert_same;

macro_rules! laws_of_subjects {
    ($($module:ident: $subject:ty),+) => {
        $(laws!(
            $module,
            TensorCase: boxes_equal_the_whole::<$subject>,
            boxes_of_a_larger_slice_equal_the_whole::<$subject>,
            a_permuted_view_equals_the_tensor::<$subject>,
        );)+
    };
}
every_subject!(laws_of_subjects);

mod of_masks {
    use super::*;

    macro_rules! laws_of_subjects {
        ($($module:ident: $subject:ty),+) => {
            $(laws!($module, TensorCase: stored_and_recorded_masks_are_of_the_whole::<$subject>);)+
        };
    }
    every_mask_subject!(laws_of_subjects);
}

fn layer<S: Subject>(case: &TensorCase, backend: Backend, region: &Region, strides: Option<&[usize]>) -> Layer<S::Kind, Layout> {
    let Region { start, shape } = region;
    let layout = Layout::part(Part { whole: &case.shape, start, shape, shared: &case.shared, strides }).unwrap();
    assert_eq!(layout.decisions(), case.decisions());
    S::layer(case).on(backend).with_layout(layout)
}

fn pick<E: Copy>(from: &[E], places: &[usize]) -> Vec<E> {
    places.iter().map(|&place| from[place]).collect()
}

/// The whole by the oracle, and then by each part, which holds its elements and no others.
fn boxes_equal_the_whole<S: Subject>(backend: Backend, case: &TensorCase) {
    let (x, subject) = (case.x(), S::new(case));
    let forward = case.each::<S>(&x, |u, x| subject.forward(u, x));
    let back = case.each::<S>(&x, |u, x| subject.backward(u, x));
    for region in Region::whole(&case.shape).cut_along_each_axis(case.values) {
        let places = region.places(&row_major(&case.shape));
        let (x, layer) = (pick(&x, &places), layer::<S>(case, backend, &region, None));
        assert_same(&apply(&layer, case.train(), &x), &pick(&forward, &places));
        assert_same(&backward(&layer, case.train(), &x), &pick(&back, &places));
        assert_same(&apply(&layer, Mode::Eval, &x), &x.iter().map(|x| subject.evaluated(*x)).collect::<Vec<_>>());
    }
}

/// In place and out of place, each part among the others. What is no part's keeps what it had.
fn boxes_of_a_larger_slice_equal_the_whole<S: Subject>(backend: Backend, case: &TensorCase) {
    let (x, subject) = (case.x::<S::Element>(), S::new(case));
    for (mode, expected) in [
        (case.train(), case.each::<S>(&x, |u, x| subject.forward(u, x))),
        (Mode::Eval, x.iter().map(|x| subject.evaluated(*x)).collect()),
    ] {
        let strides = row_major(&case.shape);
        let (mut y, mut in_place) = (unwritten(x.len()), x.clone());
        let (mut y_done, mut in_place_done) = (y.clone(), x.clone());
        for region in Region::whole(&case.shape).cut_along_each_axis(case.values) {
            let places = region.places(&strides);
            let layer = layer::<S>(case, backend, &region, Some(&strides));
            let range = places.first().map_or(0..0, |first| *first..places[places.len() - 1] + 1);
            layer.apply(mode, &x[range.clone()], &mut y[range.clone()]).unwrap();
            layer.apply_in_place(mode, &mut in_place[range]).unwrap();
            for place in places {
                (y_done[place], in_place_done[place]) = (expected[place], expected[place]);
            }
            assert_same(&y, &y_done);
            assert_same(&in_place, &in_place_done);
        }
        assert_same(&y, &expected);
    }
}

/// With the axes in another order in memory than in the numbering of decisions, and every other element someone else's.
fn a_permuted_view_equals_the_tensor<S: Subject>(backend: Backend, case: &TensorCase) {
    let order = shuffled(case.shape.len(), case.values);
    for gap in [1, 2] {
        let strides: Vec<usize> = strides(&case.shape, &order).into_iter().map(|stride| gap * stride).collect();
        let whole = Region::whole(&case.shape);
        let (places, layer) = (whole.places(&strides), layer::<S>(case, backend, &whole, Some(&strides)));
        let len = if places.is_empty() { 0 } else { gap * (places.len() - 1) + 1 };
        let (x, subject) = (case.x(), S::new(case));
        let in_memory = |values: &[S::Element]| {
            let mut memory = unwritten(len);
            places.iter().zip(values).for_each(|(&place, value)| memory[place] = *value);
            memory
        };
        let expected = in_memory(&case.each::<S>(&x, |u, x| subject.forward(u, x)));
        assert_same(&apply(&layer, case.train(), &in_memory(&x)), &expected);
        let expected = in_memory(&case.each::<S>(&x, |u, x| subject.backward(u, x)));
        assert_same(&backward(&layer, case.train(), &in_memory(&x)), &expected);
        let expected: Vec<_> = x.iter().map(|x| subject.evaluated(*x)).collect();
        assert_same(&apply(&layer, Mode::Eval, &in_memory(&x)), &in_memory(&expected));
    }
}

/// One mask for all parts.
fn stored_and_recorded_masks_are_of_the_whole<S: Subject>(backend: Backend, case: &TensorCase) {
    let (x, subject) = (case.x(), S::new(case));
    let forward = case.each::<S>(&x, |u, x| subject.forward(u, x));
    let mut words = vec![0; case.decisions().div_ceil(32)];
    Mask::new(Rate::new(case.p).unwrap(), case.address).words(case.decisions(), &mut words).unwrap();
    let mode = Mode::Stored(PackedMask::new(&words, 0, case.decisions()).unwrap());
    for region in Region::whole(&case.shape).cut_along_each_axis(case.values) {
        let places = region.places(&row_major(&case.shape));
        let (x, layer) = (pick(&x, &places), layer::<S>(case, backend, &region, None));
        assert_same(&apply(&layer, mode, &x), &pick(&forward, &places));

        let (mut y, mut mask) = (unwritten(x.len()), vec![0xA5A5_A5A5; words.len()]);
        layer.apply_recording(case.address, &x, &mut y, &mut mask).unwrap();
        assert_same(&y, &pick(&forward, &places));
        assert_eq!(mask, words);
    }
}
