//! On all threads, a tensor gets the bits that it gets on one.
#![cfg(feature = "rayon")]

use dropout_kernels::{Address, Dropout, Layout, Mode, Rate, Scaling};
use testkit::value::{assert_same, random};

/// Each large enough to be cut several times, along an outermost axis that is shared, not shared, odd or all there is.
const LAYOUTS: [Result<Layout, dropout_kernels::Error>; 6] = [
    Ok(Layout::flat(900_001)),
    Layout::nchw([3, 23, 99, 101]),
    Layout::nhwc([9, 90, 70, 11]),
    Layout::hwc([600, 211, 5]),
    Layout::locked(&[19, 33_333]),
    Layout::rows(801, 700, 777),
];

#[test]
fn threads_change_no_bit() {
    for layout in LAYOUTS {
        let layout = layout.unwrap();
        let x = random::<f32>(3, layout.elements());
        let train = Mode::Train(Address { seed: 8, layer: 1, step: 2, offset: (1 << 39) - 1000 });
        for (mode, scaling) in [(train, Scaling::Inverted), (Mode::Eval, Scaling::Inverted), (Mode::Eval, Scaling::Classic)] {
            let alone = Dropout::new(Rate::new(0.3).unwrap()).with_scaling(scaling).with_layout(layout);
            let (mut expected, mut y) = (vec![7.0; x.len()], vec![7.0; x.len()]);
            alone.apply(mode, &x, &mut expected).unwrap();
            alone.in_parallel().apply(mode, &x, &mut y).unwrap();
            assert_same(&y, &expected);

            let (mut expected, mut y) = (x.clone(), x.clone());
            alone.backward_in_place(mode, &mut expected).unwrap();
            alone.in_parallel().backward_in_place(mode, &mut y).unwrap();
            assert_same(&y, &expected);
        }
    }
}

/// The bits are the same, so that only equality tells whether threads were asked for.
#[test]
fn threads_are_part_of_a_layer() {
    let alone = Dropout::new(Rate::new(0.5).unwrap());
    assert!(alone.in_parallel() != alone);
}

/// A layer without a layout is cut too.
#[test]
fn a_flat_slice_is_cut_as_well() {
    let x = random::<f32>(4, 1 << 20);
    let mode = Mode::Train(Address { seed: 8, ..Address::default() });
    let alone = Dropout::new(Rate::new(0.1).unwrap());
    let (mut expected, mut y) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    alone.apply(mode, &x, &mut expected).unwrap();
    alone.in_parallel().apply(mode, &x, &mut y).unwrap();
    assert_same(&y, &expected);
}
