//! The fused pass by hand, at every number of columns, and its activations against exact arithmetic. (Against the operations one element at
//! a time, it is in `tests/oracle`.)

use std::f64::consts::{PI, SQRT_2};

use dropout_kernels::{Activation, Address, Backend, Dropout, Error, Fused, Layout, Mode, PackedMask, Part, Rate};
use testkit::activation::{near_bends, value};
use testkit::every_backend;
use testkit::oracle::{self, uniforms};
use testkit::subject::{OfScaled, Settings, Subject};
use testkit::value::{assert_same, random};

every_backend!(
    empty_tensors_are_not_walked,
    columns_are_not_places,
    every_number_of_columns,
    activations_of_special_values,
    gelu_is_accurate,
    sums_end_with_the_elements,
    sums_have_one_order,
);

/// Whatever their other extents, which would take longer than anyone waits.
fn empty_tensors_are_not_walked(backend: Backend) {
    let layout = Layout::shared(&[1 << (usize::BITS - 2), 0], &[0]).unwrap();
    let fused = Fused::new(Dropout::new(Rate::new(0.5).unwrap()).with_layout(layout).on(backend), Activation::Gelu);
    for mode in [Mode::Train(Address::default()), Mode::Eval] {
        fused.apply(mode, &[], None, &mut []).unwrap();
        fused.backward(mode, &[], &[], &mut [], None).unwrap();
    }
}

/// Maps end inside a chunk. What their last vectors have beyond that are zeros, which an infinite factor makes NaN.
fn sums_end_with_the_elements(backend: Backend) {
    const COLUMNS: usize = 300;
    const SHAPE: [usize; 2] = [2, COLUMNS];
    let dropout = Dropout::new(Rate::new(1.0).unwrap()).with_layout(Layout::cl(SHAPE).unwrap()).on(backend);
    let (bias, ones) = ([0.0; COLUMNS], [1.0; SHAPE[0] * SHAPE[1]]);
    let keep_all = Mode::Stored(PackedMask::new(&[0b11], 0, SHAPE[0]).unwrap());
    let (mut grad_x, mut grad_bias) = ([77.0; SHAPE[0] * SHAPE[1]], [0.0; COLUMNS]);
    Fused::new(dropout, Activation::Identity)
        .with_bias(&bias)
        .backward(keep_all, &ones, &ones, &mut grad_x, Some(&mut grad_bias))
        .unwrap();
    assert_same(&grad_bias, &[f32::INFINITY; COLUMNS]);
}

/// As documented, where decisions are shared along an outer axis: 256 of them at a time, each time with all positions along it. In a part of
/// a wider tensor these are in more blocks than a tile has.
fn sums_have_one_order(backend: Backend) {
    const SHAPE: [usize; 3] = [3, 50, 10];
    const DECISIONS: usize = SHAPE[1] * SHAPE[2];
    let settings = Settings::of(0.3);
    let x: Vec<f32> = random::<f32>(6, SHAPE[0] * DECISIONS).iter().map(|x| f32::from(x.to_bits() as i16) / 1000.0).collect();
    for width in [SHAPE[2], 1000] {
        let whole = [SHAPE[0], SHAPE[1], width];
        let part = Part { whole: &whole, start: &[0; 3], shape: &SHAPE, shared: &[0], strides: None };
        let dropout = OfScaled::<f32>::layer(&settings).with_layout(Layout::part(part).unwrap()).on(backend);
        let (subject, uniforms) =
            (OfScaled::<f32>::new(&settings), uniforms(oracle::decide, Address::default(), SHAPE[1] * width));
        let mut expected = [0.0; SHAPE[2]];
        for first in (0..DECISIONS).step_by(256) {
            for (row, i) in (0..SHAPE[0]).flat_map(|row| (first..DECISIONS.min(first + 256)).map(move |i| (row, i))) {
                let decision = i / SHAPE[2] * width + i % SHAPE[2];
                expected[i % SHAPE[2]] += subject.backward(uniforms[decision], x[row * DECISIONS + i]);
            }
        }
        let (mut grad, mut sums) = (x.clone(), [0.0; SHAPE[2]]);
        let mode = Mode::Train(Address::default());
        Fused::new(dropout, Activation::Identity).backward_in_place(mode, &x, &mut grad, Some(&mut sums)).unwrap();
        assert_same(&sums, &expected);
    }
}

/// Around chunks, words and blocks, in few and many rows, at every alignment, with a guard around what is written.
fn every_number_of_columns(backend: Backend) {
    const GUARD: f32 = 77.0;
    const MOST: usize = 30_000;
    let address = Address { seed: 1, layer: 2, step: 3, offset: 100 };
    let (settings, mode) = (Settings::of(0.3), Mode::Train(address));
    let (dropout, subject) = (OfScaled::<f32>::layer(&settings).on(backend), OfScaled::<f32>::new(&settings));
    let uniforms = uniforms(oracle::decide, address, MOST);
    let all: Vec<f32> = random(5, MOST).into_iter().map(near_bends).collect();
    for columns in (1..=70).chain([127, 128, 129, 1023, 1024, 1025, 2047, 2049, 4097]) {
        for rows in [0, 1, 2, 3, 7] {
            let (len, shift) = (columns * rows, (columns + rows) % 17);
            let (x, bias, residual) = (&all[..len], &all[MOST - columns..], &all[1..=len]);
            let output = |i: usize| subject.forward(uniforms[i], value(Activation::Gelu, x[i] + bias[i % columns])) + residual[i];
            let mut y = vec![GUARD; shift + len + 16];
            let inside = shift..shift + len;
            let fused = Fused::new(dropout, Activation::Gelu).with_bias(bias);
            fused.apply(mode, x, Some(residual), &mut y[inside.clone()]).unwrap();
            assert_same(&y[inside.clone()], &(0..len).map(output).collect::<Vec<_>>());
            y.drain(inside);
            assert_same(&y, &[GUARD; 33][..y.len()]);

            let (mut sums, mut grad_x, mut expected) = (vec![0.0; columns], vec![0.0; len], vec![0.0; columns]);
            let fused = Fused::new(dropout, Activation::Identity);
            fused.backward(mode, x, &vec![1.0; len], &mut grad_x, Some(&mut sums)).unwrap();
            (0..len).for_each(|i| expected[i % columns] += subject.backward(uniforms[i], 1.0));
            assert_same(&sums, &expected);
        }
    }
}

/// Values to be read off.
fn columns_are_not_places(backend: Backend) {
    let dropout = Dropout::new(Rate::new(0.0).unwrap()).on(backend);
    let layer = |layout: Result<Layout, Error>| Fused::new(dropout.with_layout(layout.unwrap()), Activation::Identity);
    for mode in [Mode::Train(<_>::default()), Mode::Eval] {
        let mut y = [0.0; 8];
        layer(Layout::rows(3, 2, 3)).with_bias(&[1.0, 2.0]).apply_in_place(mode, &mut y, None).unwrap();
        assert_same(&y, &[1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0]);

        let mut y = [0.0; 7];
        layer(Layout::rows(2, 3, 4)).with_bias(&[1.0, 2.0, 3.0]).apply_in_place(mode, &mut y, None).unwrap();
        assert_same(&y, &[1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0]);

        let (mut grad, mut grad_bias) = ([1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0], [0.0; 3]);
        let transposed = layer(Layout::strided(&[4, 3], &[1, 4]));
        transposed.backward_in_place(mode, &[0.0; 12], &mut grad, Some(&mut grad_bias)).unwrap();
        assert_same(&grad_bias, &[4.0, 8.0, 12.0]);

        // Two such matrices, further apart than whole columns.
        let (mut grad, mut grad_bias) = ([1.0; 25], [0.0; 3]);
        layer(Layout::strided(&[2, 4, 3], &[13, 3, 1]))
            .backward_in_place(mode, &[0.0; 25], &mut grad, Some(&mut grad_bias))
            .unwrap();
        assert_same(&grad_bias, &[8.0; 3]);
        let mut y = [0.0; 25];
        layer(Layout::strided(&[2, 4, 3], &[13, 3, 1])).with_bias(&[1.0, 2.0, 3.0]).apply_in_place(mode, &mut y, None).unwrap();
        assert_same(&y, &[&[1.0, 2.0, 3.0].repeat(4)[..], &[0.0], &[1.0, 2.0, 3.0].repeat(4)].concat());

        // One axis: every second element, in rows of as many as the bias has.
        let mut y = [0.0; 7];
        layer(Layout::strided(&[4], &[2])).with_bias(&[1.0, 2.0]).apply_in_place(mode, &mut y, None).unwrap();
        assert_same(&y, &[1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 2.0]);
    }
}

/// The activation by itself, and its derivative.
fn activate(backend: Backend, activation: Activation, x: &[f32]) -> [Vec<f32>; 2] {
    let fused = Fused::new(Dropout::new(Rate::new(0.0).unwrap()).on(backend), activation);
    let (mut y, mut slopes) = (x.to_vec(), vec![1.0; x.len()]);
    fused.apply_in_place(Mode::Eval, &mut y, None).unwrap();
    fused.backward_in_place(Mode::Eval, x, &mut slopes, None).unwrap();
    [y, slopes]
}

fn activations_of_special_values(backend: Backend) {
    let x = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN];
    let [y, slopes] = activate(backend, Activation::Relu, &x);
    assert_same(&y, &[f32::NAN, f32::NAN, f32::INFINITY, 0.0, 0.0, 0.0, f32::MAX, 0.0]);
    assert_same(&slopes, &[1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    let [y, slopes] = activate(backend, Activation::Gelu, &x);
    assert_same(&y, &[f32::NAN, f32::NAN, f32::INFINITY, 0.0, 0.0, 0.0, f32::MAX, 0.0]);
    assert_same(&slopes, &[f32::NAN, f32::NAN, 1.0, 0.0, 0.5, 0.5, 1.0, 0.0]);
}

/// The distribution function of the standard normal and its density.
fn normal(x: f64) -> [f64; 2] {
    [libm::erfc(-x / SQRT_2) / 2.0, (-x * x / 2.0).exp() / (2.0 * PI).sqrt()]
}

fn gelu_is_accurate(backend: Backend) {
    let x = (0..=u32::MAX).step_by(4099).map(f32::from_bits).filter(|x| x.is_finite());
    assert_accurate(backend, &x.collect::<Vec<_>>());
}

/// `cargo test --release --test kinds -- --ignored gelu`: half a minute.
#[test]
#[ignore = "all numbers of 2^-14 to 16"]
fn gelu_is_accurate_everywhere() {
    let magnitudes = [2_f32.powi(-14), 16.0].map(f32::to_bits);
    for first in (magnitudes[0]..magnitudes[1]).step_by(1 << 16) {
        for sign in [0, 1 << 31] {
            let x: Vec<f32> = (first..first + (1 << 16)).map(|bits| f32::from_bits(bits | sign)).collect();
            assert_accurate(Backend::detect(), &x);
        }
    }
}

/// Errors as documented.
fn assert_accurate(backend: Backend, x: &[f32]) {
    let [y, slopes] = activate(backend, Activation::Gelu, x);
    for ((x, y), slope) in x.iter().zip(y).zip(slopes) {
        let [exact, y, slope] = [*x, y, slope].map(f64::from);
        let [probability, density] = normal(exact);
        let error = (y - exact * probability).abs();
        // Subnormal values have few digits, and the last negative ones are 0.
        let relative = |bound: f64| bound * (exact * probability).abs() + f64::from(f32::MIN_POSITIVE);
        assert!(if *x < 0.0 { error < relative(9.9e-6).min(8.9e-8) } else { error < relative(3.2e-7) }, "GELU({x}) = {y}");
        let slope_error = (slope - (probability + exact * density)).abs();
        assert!(slope_error < if *x < 0.0 { 1.5e-7 } else { 1.8e-7 }, "GELU'({x}) = {slope}");
    }
}
