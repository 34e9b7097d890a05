//! The fused pass against the passes that it stands for, one after another; and its activations against exact arithmetic.

mod columns;

use std::f64::consts::{PI, SQRT_2};
use testkit::{every_backend, laws};

use dropout_kernels::{Activation, Address, Backend, Dropout, Fused, Layout, Mask, Mode, PackedMask, Rate, Scaling, Shape};
use quickcheck::{Arbitrary, Gen};
use testkit::activation::{gradient, near_bends, value};
use testkit::case::{TensorCase, drops};
use testkit::oracle;
use testkit::value::{assert_same, random};

laws!(
    laws,
    FusedCase: forward_equals_the_chain,
    backward_equals_the_chain,
    bias_gradients_are_sums_in_every_layout,
    stored_masks_equal_computed_ones,
    windows_of_rows_equal_the_whole,
    everything_dropped_leaves_the_residual,
);
every_backend!(
    empty_tensors_are_not_walked,
    every_number_of_columns,
    activations_of_special_values,
    gelu_is_accurate,
    derivatives_are_slopes,
    sums_end_with_the_elements
);

#[derive(Clone, Debug)]
struct FusedCase {
    tensor: TensorCase,
    activation: Activation,
    columns: usize,
    biased: bool,
    residual: bool,
}

impl Arbitrary for FusedCase {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut tensor = TensorCase::arbitrary(g);
        if bool::arbitrary(g) {
            tensor.shared.clear(); // the usual case
        }
        let elements = tensor.elements();
        if tensor.shape.len() < 2 || bool::arbitrary(g) {
            tensor.shape = vec![elements]; // rows of any length
            tensor.shared.retain(|axis| *axis == 0);
        }
        let divisors: Vec<usize> = (1..=elements).filter(|columns| elements.is_multiple_of(*columns)).collect();
        let columns = match tensor.shape[..] {
            [.., _, columns] if elements > 0 => columns,
            _ => g.choose(&divisors).copied().unwrap_or(usize::arbitrary(g) % 40),
        };
        let activation = *g.choose(&[Activation::Identity, Activation::Relu, Activation::Gelu]).unwrap();
        Self { tensor, activation, columns, biased: bool::arbitrary(g), residual: bool::arbitrary(g) }
    }
}

impl FusedCase {
    fn dropout(&self) -> Dropout<Layout> {
        self.tensor.dropout()
    }

    fn slice(&self, number: u64) -> Vec<f32> {
        values(self.tensor.values ^ number, self.tensor.elements())
    }

    fn bias(&self) -> Option<Vec<f32>> {
        self.biased.then(|| values(self.tensor.values ^ 8, self.columns))
    }

    fn modes(&self) -> [Mode<'static>; 2] {
        [self.tensor.train(), Mode::Eval]
    }

    /// Whether a layout's decisions lie in memory in their order.
    fn in_order(&self) -> bool {
        let TensorCase { shape, shared, .. } = &self.tensor;
        let kinds: Vec<bool> = (0..shape.len()).filter(|&axis| shape[axis] != 1).map(|axis| shared.contains(&axis)).collect();
        kinds.is_sorted()
    }
}

fn values(seed: u64, len: usize) -> Vec<f32> {
    random(seed, len).into_iter().map(near_bends).collect()
}

fn fused<L: Shape>(dropout: Dropout<L>, activation: Activation, bias: Option<&[f32]>) -> Fused<'_, L> {
    let fused = Fused::new(dropout, activation);
    bias.map_or(fused, |bias| fused.with_bias(bias))
}

fn biased(x: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let Some(bias) = bias else { return x.to_vec() };
    x.chunks(bias.len().max(1)).flat_map(|row| row.iter().zip(bias).map(|(x, bias)| x + bias)).collect()
}

/// The passes one after another.
fn chain<L: Shape>(
    dropout: Dropout<L>,
    activation: Activation,
    mode: Mode,
    x: &[f32],
    bias: Option<&[f32]>,
    residual: Option<&[f32]>,
) -> Vec<f32> {
    let mut y: Vec<f32> = biased(x, bias).into_iter().map(|x| value(activation, x)).collect();
    dropout.apply_in_place(mode, &mut y).unwrap();
    if let Some(residual) = residual {
        y.iter_mut().zip(residual).for_each(|(y, residual)| *y += residual);
    }
    y
}

fn forward_equals_the_chain(backend: Backend, case: &FusedCase) {
    let (dropout, activation) = (case.dropout().on(backend), case.activation);
    let (x, bias, stream) = (case.slice(0), case.bias(), case.slice(1));
    let (bias, residual) = (bias.as_deref(), case.residual.then_some(&*stream));
    let fused = fused(dropout, activation, bias);
    for mode in case.modes() {
        let expected = chain(dropout, activation, mode, &x, bias, residual);
        let mut y = vec![77.0; x.len()];
        fused.apply(mode, &x, residual, &mut y).unwrap();
        assert_same(&y, &expected);

        let mut y = x.clone();
        fused.apply_in_place(mode, &mut y, residual).unwrap();
        assert_same(&y, &expected);

        let mut y = stream.clone();
        fused.add(mode, &x, &mut y).unwrap();
        assert_same(&y, &chain(dropout, activation, mode, &x, bias, Some(&stream)));
    }
}

/// What dropout's own backward pass leaves, then the derivative where it was kept.
fn backward_chain(case: &FusedCase, mode: Mode, x: &[f32], bias: Option<&[f32]>, grad_y: &[f32]) -> Vec<f32> {
    let TensorCase { shape, shared, p, address, .. } = &case.tensor;
    let drops = drops(*p, *address, case.tensor.decisions());
    let mut grad_x = grad_y.to_vec();
    case.dropout().backward_in_place(mode, &mut grad_x).unwrap();
    for (i, (g, x)) in grad_x.iter_mut().zip(biased(x, bias)).enumerate() {
        let dropped = mode != Mode::Eval && drops[oracle::decision(shape, shared, i)];
        *g = if dropped { 0.0 } else { gradient(case.activation, x, *g) };
    }
    grad_x
}

fn backward_equals_the_chain(backend: Backend, case: &FusedCase) {
    let (x, bias, grad_y, before) = (case.slice(0), case.bias(), case.slice(2), case.slice(3));
    let bias = bias.as_deref();
    let bias_before = values(case.tensor.values ^ 4, case.columns);
    let fused = fused(case.dropout().on(backend), case.activation, bias);
    for mode in case.modes() {
        let expected = backward_chain(case, mode, &x, bias, &grad_y);
        let mut expected_bias = bias_before.clone();
        for row in expected.chunks(case.columns.max(1)) {
            expected_bias.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
        }
        let assert_bias = |grad_bias: &[f32]| {
            if case.in_order() {
                assert_same(grad_bias, &expected_bias);
            }
        };

        let (mut grad_x, mut grad_bias) = (vec![77.0; x.len()], bias_before.clone());
        fused.backward(mode, &x, &grad_y, &mut grad_x, Some(&mut grad_bias)).unwrap();
        assert_same(&grad_x, &expected);
        assert_bias(&grad_bias);

        let (mut grad, mut grad_bias) = (grad_y.clone(), bias_before.clone());
        fused.backward_in_place(mode, &x, &mut grad, Some(&mut grad_bias)).unwrap();
        assert_same(&grad, &expected);
        assert_bias(&grad_bias);

        let (mut grad_x, mut grad_bias) = (before.clone(), bias_before.clone());
        fused.backward_add(mode, &x, &grad_y, &mut grad_x, Some(&mut grad_bias)).unwrap();
        let added: Vec<f32> = before.iter().zip(&expected).map(|(before, g)| before + g).collect();
        assert_same(&grad_x, &added);
        assert_bias(&grad_bias);

        let mut grad_x = vec![77.0; x.len()];
        fused.backward(mode, &x, &grad_y, &mut grad_x, None).unwrap();
        assert_same(&grad_x, &expected);
    }
}

/// Small integers, whose sums are exact in any order.
fn bias_gradients_are_sums_in_every_layout(backend: Backend, case: &FusedCase) {
    let case = &FusedCase {
        tensor: TensorCase { scaling: Scaling::Classic, ..case.tensor.clone() },
        activation: Activation::Identity,
        ..case.clone()
    };
    let mode = case.tensor.train();
    let grad_y: Vec<f32> = case.slice(0).iter().map(|x| f32::from(x.to_bits() as u8) - 127.0).collect();
    let mut expected = vec![0.0; case.columns];
    for row in backward_chain(case, mode, &grad_y, None, &grad_y).chunks(case.columns.max(1)) {
        expected.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
    }
    let (mut grad_x, mut grad_bias) = (vec![77.0; grad_y.len()], vec![0.0; case.columns]);
    let fused = Fused::new(case.dropout().on(backend), case.activation);
    fused.backward(mode, &grad_y, &grad_y, &mut grad_x, Some(&mut grad_bias)).unwrap();
    assert_same(&grad_bias, &expected);
}

fn stored_masks_equal_computed_ones(backend: Backend, case: &FusedCase) {
    let decisions = case.tensor.decisions();
    let mut words = vec![0; decisions.div_ceil(32)];
    Mask::new(case.dropout().rate(), case.tensor.address).words(decisions, &mut words).unwrap();
    let stored = Mode::Stored(PackedMask::new(&words, 0, decisions).unwrap());

    let (x, bias, residual) = (case.slice(0), case.bias(), case.slice(1));
    let fused = fused(case.dropout().on(backend), case.activation, bias.as_deref());
    let [actual, expected] = [stored, case.tensor.train()].map(|mode| {
        let (mut y, mut grad_x) = (vec![77.0; x.len()], vec![77.0; x.len()]);
        fused.apply(mode, &x, Some(&residual), &mut y).unwrap();
        fused.backward(mode, &x, &residual, &mut grad_x, None).unwrap();
        [y, grad_x]
    });
    assert_same(&actual[0], &expected[0]);
    assert_same(&actual[1], &expected[1]);
}

/// The way a batch is split over threads: each part starts at its first element's offset, and all add to the same sums.
fn windows_of_rows_equal_the_whole(backend: Backend, case: &FusedCase) {
    let mut case = case.clone();
    case.tensor.shape = vec![case.tensor.elements()];
    case.tensor.shared.clear();
    case.tensor.address.offset = case.tensor.address.offset.min(u64::MAX - case.tensor.elements() as u64);
    let (x, bias, residual) = (case.slice(0), case.bias(), case.slice(1));
    let rate = case.dropout().rate();
    let fused = fused(Dropout::new(rate).on(backend), case.activation, bias.as_deref());
    let run = |parts: &[usize]| {
        let (mut y, mut grad_x, mut grad_bias) = (vec![77.0; x.len()], vec![77.0; x.len()], vec![0.0; case.columns]);
        for ends in parts.windows(2) {
            let part = ends[0]..ends[1];
            let offset = case.tensor.address.offset + part.start as u64;
            let mode = Mode::Train(Address { offset, ..case.tensor.address });
            let (x, residual) = (&x[part.clone()], &residual[part.clone()]);
            fused.apply(mode, x, Some(residual), &mut y[part.clone()]).unwrap();
            fused.backward(mode, x, residual, &mut grad_x[part], Some(&mut grad_bias)).unwrap();
        }
        [y, grad_x, grad_bias]
    };
    let rows = x.len().checked_div(case.columns).unwrap_or(0);
    let cut = case.tensor.values as usize % (rows + 1) * case.columns;
    let [whole, parts] = [run(&[0, x.len()]), run(&[0, cut.min(x.len()), x.len()])];
    for (parts, whole) in parts.iter().zip(&whole) {
        assert_same(parts, whole);
    }
}

/// NaN and infinities included.
fn everything_dropped_leaves_the_residual(backend: Backend, case: &FusedCase) {
    let case = &FusedCase { tensor: TensorCase { p: 1.0, ..case.tensor.clone() }, ..case.clone() };
    let (x, bias, residual) = (case.slice(0), case.bias(), case.slice(1));
    let fused = fused(case.dropout().on(backend), case.activation, bias.as_deref());
    let mut y = residual.clone();
    fused.add(case.tensor.train(), &x, &mut y).unwrap();
    assert_same(&y, &residual.iter().map(|residual| residual + 0.0).collect::<Vec<_>>());
    fused.apply(case.tensor.train(), &x, None, &mut y).unwrap();
    assert_same(&y, &vec![0.0; x.len()]);
    let mut grad_bias = vec![0.0; case.columns];
    fused.backward_in_place(case.tensor.train(), &x, &mut y, Some(&mut grad_bias)).unwrap();
    assert_same(&y, &vec![0.0; x.len()]);
    assert_same(&grad_bias, &vec![0.0; case.columns]);
}

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
    fused(dropout, Activation::Identity, Some(&bias))
        .backward(keep_all, &ones, &ones, &mut grad_x, Some(&mut grad_bias))
        .unwrap();
    assert_same(&grad_bias, &[f32::INFINITY; COLUMNS]);
}

/// Around chunks, words and blocks, in few and many rows, at every alignment, with a guard around what is written.
fn every_number_of_columns(backend: Backend) {
    const GUARD: f32 = 77.0;
    let dropout = Dropout::new(Rate::new(0.3).unwrap()).on(backend);
    let mode = Mode::Train(Address { seed: 1, layer: 2, step: 3, offset: 100 });
    let all = values(5, 30_000);
    for columns in (1..=70).chain([127, 128, 129, 1023, 1024, 1025, 2047, 2049, 4097]) {
        for rows in [0, 1, 2, 3, 7] {
            let (len, shift) = (columns * rows, (columns + rows) % 17);
            let (x, bias) = (&all[..len], &all[all.len() - columns..]);
            let expected = chain(dropout, Activation::Gelu, mode, x, Some(bias), Some(&all[1..=len]));
            let mut y = vec![GUARD; shift + len + 16];
            let inside = shift..shift + len;
            fused(dropout, Activation::Gelu, Some(bias)).apply(mode, x, Some(&all[1..=len]), &mut y[inside.clone()]).unwrap();
            assert_same(&y[inside.clone()], &expected);

            let (mut sums, mut grad_x) = (vec![0.0; columns], vec![0.0; len]);
            let fused = Fused::new(dropout, Activation::Identity);
            fused.backward(mode, x, &vec![1.0; len], &mut grad_x, Some(&mut sums)).unwrap();
            let mut expected = vec![0.0; columns];
            grad_x.chunks(columns).for_each(|row| expected.iter_mut().zip(row).for_each(|(sum, g)| *sum += g));
            assert_same(&sums, &expected);
            y.drain(inside);
            assert_same(&y, &[GUARD; 33][..y.len()]);
        }
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

/// `cargo test --release --test fused -- --ignored`: half a minute.
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

/// Central differences of GELU as computed, h = 1/64 either way: off by h^2 / 6 times the third derivative, which is below 0.8, and by the
/// rounding of two values up to 8, over 2h.
fn derivatives_are_slopes(backend: Backend) {
    const H: f32 = 1.0 / 64.0;
    let x: Vec<f32> = (-512_i16..=512).map(|i| f32::from(i) * H).collect();
    let values = |shift: f32| activate(backend, Activation::Gelu, &x.iter().map(|x| x + shift).collect::<Vec<_>>())[0].clone();
    let (below, above) = (values(-H), values(H));
    let slopes = activate(backend, Activation::Gelu, &x)[1].clone();
    for (((x, slope), below), above) in x.iter().zip(slopes).zip(below).zip(above) {
        let difference = (above - below) / (2.0 * H);
        assert!((difference - slope).abs() < 1e-4, "GELU'({x}) = {slope}, next to {difference}");
    }
}
