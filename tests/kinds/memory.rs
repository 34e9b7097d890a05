//! Memory that need not be initialised gets what elements get, and gaps are left alone: a kind of each sort, by limbs and in tiles.

use dropout_kernels::{Backend, Kind, Layer, Layout, Mode, Part, Shape};
use testkit::case::TensorCase;
use testkit::laws;
use testkit::memory::as_memory;
use testkit::region::{Region, row_major, shuffled, strides};
use testkit::subject::{OfAlpha, OfGaussian, OfQuantized, OfScaled, Subject};
use testkit::value::{Bits, assert_same, random};

use crate::{apply, backward, unwritten};

laws!(dropout, TensorCase: memory_gets_the_same::<OfScaled<f32>>);
laws!(alpha, TensorCase: memory_gets_the_same::<OfAlpha<f64>>);
laws!(gaussian, TensorCase: memory_gets_the_same::<OfGaussian<f32>>);
laws!(quantized, TensorCase: memory_gets_the_same::<OfQuantized<i8>>);

fn memory_gets_the_same<S: Subject>(backend: Backend, case: &TensorCase) {
    assert_same_in_memory(&S::layer(case).on(backend), case.train(), &case.x());
    for mode in [case.train(), Mode::Eval] {
        assert_same_in_memory(&case.layer::<S>().on(backend), mode, &case.x());
        let order = shuffled(case.shape.len(), case.values);
        for strides in [row_major(&case.shape), strides(&case.shape, &order)] {
            let strides: Vec<usize> = strides.into_iter().map(|stride| 2 * stride).collect();
            let Region { start, shape } = &Region::whole(&case.shape);
            let part = Part { whole: &case.shape, start, shape, shared: &case.shared, strides: Some(&strides) };
            let layout = Layout::part(part).unwrap();
            let x = random(case.values, layout.elements());
            assert_same_in_memory(&S::layer(case).on(backend).with_layout(layout), mode, &x);
        }
    }
}

fn assert_same_in_memory<E: Bits, K: Kind<E>, L: Shape>(layer: &Layer<K, L>, mode: Mode, x: &[E]) {
    let (mut y, mut grad_x) = (unwritten(x.len()), unwritten(x.len()));
    as_memory(&mut y, |y| layer.apply_uninit(mode, x, y)).unwrap();
    assert_same(&y, &apply(layer, mode, x));
    as_memory(&mut grad_x, |grad_x| layer.backward_uninit(mode, x, grad_x)).unwrap();
    assert_same(&grad_x, &backward(layer, mode, x));
}
