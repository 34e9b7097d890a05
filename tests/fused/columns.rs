//! The columns of a tensor, wherever its elements lie in memory: whole rows first, then laid out.

use dropout_kernels::{Activation, Backend, Dropout, Error, Fused, Layout, Mode, Part, Rate, Scaling};
use testkit::activation::{gradient, value};
use testkit::case::{TensorCase, drops};
use testkit::oracle;
use testkit::region::{Region, row_major, shuffled, strides};
use testkit::value::{assert_same, random};
use testkit::{every_backend, laws};

laws!(laws, TensorCase: shards_have_their_columns, views_have_the_columns_of_the_tensor);
every_backend!(columns_are_not_places, rows_of_any_length_have_gaps);

const ACTIVATION: Activation = Activation::Relu;

/// A tensor in row-major order, and what becomes of it. All are small integers, whose sums are exact in any order.
struct Rows {
    x: Vec<f32>,
    bias: Vec<f32>,
    residual: Vec<f32>,
    grad_y: Vec<f32>,
    y: Vec<f32>,
    grad_x: Vec<f32>,
}

fn integers(seed: u64, len: usize) -> Vec<f32> {
    random::<f32>(seed, len).into_iter().map(|x| f32::from(x.to_bits() as i8)).collect()
}

impl Rows {
    fn new(case: &TensorCase, mode: Mode) -> Self {
        let (columns, len) = (case.shape.last().copied().unwrap_or(1), case.elements());
        let [x, residual, grad_y] = [0, 1, 2].map(|stream| integers(case.values ^ stream, len));
        let bias = integers(case.values ^ 3, columns);
        let rows = x.chunks(columns.max(1));
        let biased: Vec<f32> = rows.flat_map(|row| row.iter().zip(&bias).map(|(x, bias)| x + bias)).collect();
        let drops = drops(case.p, case.address, case.decisions());
        let is_kept = |i| mode == Mode::Eval || !drops[oracle::decision(&case.shape, &case.shared, i)];
        let kept: Vec<bool> = (0..len).map(is_kept).collect();
        let output = |(x, kept): (&f32, &bool)| if *kept { value(ACTIVATION, *x) } else { 0.0 };
        let y = biased.iter().zip(&kept).map(output).zip(&residual).map(|(y, residual)| y + residual).collect();
        let slope = |((x, g), kept): ((&f32, &f32), &bool)| if *kept { gradient(ACTIVATION, *x, *g) } else { 0.0 };
        let grad_x = biased.iter().zip(&grad_y).zip(&kept).map(slope).collect();
        Self { x, bias, residual, grad_y, y, grad_x }
    }
}

/// Both passes on a box of a tensor whose elements lie in memory with these strides.
fn check(backend: Backend, case: &TensorCase, mode: Mode, memory: &[usize], region: &Region, strides: Option<&[usize]>) {
    const BETWEEN: f32 = 77.0;
    // Whose factor is 1.
    let scaling = if mode == Mode::Eval { Scaling::Inverted } else { Scaling::Classic };
    let rows = Rows::new(case, mode);
    let logical = region.places(&row_major(&case.shape));
    // Of an array of their own where there are no strides, and of the whole's otherwise.
    let places = if strides.is_some() { region.places(memory) } else { (0..logical.len()).collect() };
    let (first, last) = (places.iter().min(), places.iter().max());
    let len = first.zip(last).map_or(0, |(first, last)| last - first + 1);
    let in_memory = |values: &[f32]| {
        let mut slice = vec![BETWEEN; len];
        places.iter().zip(&logical).for_each(|(place, i)| slice[place - first.unwrap()] = values[*i]);
        slice
    };
    let last_axis = case.shape.len().checked_sub(1);
    let columns = last_axis.map_or(0..1, |axis| region.start[axis]..region.start[axis] + region.shape[axis]);
    let bias = &rows.bias[columns.clone()];

    let Region { start, shape } = region;
    let layout = Layout::part(Part { whole: &case.shape, start, shape, shared: &case.shared, strides }).unwrap();
    let dropout = Dropout::new(Rate::new(case.p).unwrap()).with_scaling(scaling).with_layout(layout).on(backend);
    let fused = Fused::new(dropout, ACTIVATION).with_bias(bias);
    let (x, residual) = (in_memory(&rows.x), in_memory(&rows.residual));
    let mut y = vec![BETWEEN; len];
    fused.apply(mode, &x, Some(&residual), &mut y).unwrap();
    assert_same(&y, &in_memory(&rows.y));

    let mut sums = vec![0.0; bias.len()];
    for i in &logical {
        sums[i % rows.bias.len() - columns.start] += rows.grad_x[*i];
    }
    let (mut grad_x, mut grad_bias) = (vec![BETWEEN; len], vec![0.0; bias.len()]);
    fused.backward(mode, &x, &in_memory(&rows.grad_y), &mut grad_x, Some(&mut grad_bias)).unwrap();
    assert_same(&grad_x, &in_memory(&rows.grad_x));
    assert_same(&grad_bias, &sums);

    // As many sums without a bias: those of what is passed in, as the identity does not look at x.
    let fused = Fused::new(dropout, Activation::Identity);
    let (mut grad, mut grad_bias) = (in_memory(&rows.grad_x), vec![0.0; bias.len()]);
    fused.backward_in_place(mode, &x, &mut grad, Some(&mut grad_bias)).unwrap();
    assert_same(&grad_bias, &sums);
}

/// The whole, and in two along each of two axes, of which one has the columns.
fn regions(case: &TensorCase) -> Vec<Region> {
    let (whole, rank) = (Region::whole(&case.shape), case.shape.len());
    let axes = rank.checked_sub(1).into_iter().flat_map(|last| [last, case.values as usize % rank]);
    let halves = axes.flat_map(|axis| whole.cut(axis, (case.values >> 8) as usize % (case.shape[axis] + 1)));
    halves.chain([whole.clone()]).collect()
}

/// What each rank of a tensor-parallel layer holds, with a bias of as many values.
fn shards_have_their_columns(backend: Backend, case: &TensorCase) {
    for (region, mode) in regions(case).iter().flat_map(|region| [(region, case.train()), (region, Mode::Eval)]) {
        check(backend, case, mode, &row_major(&case.shape), region, None);
    }
}

/// In memory in any order of axes, without and with something between all elements.
fn views_have_the_columns_of_the_tensor(backend: Backend, case: &TensorCase) {
    let (order, gap) = (shuffled(case.shape.len(), case.values), 1 + 2 * (case.values as usize % 2));
    let strides: Vec<usize> = strides(&case.shape, &order).into_iter().map(|stride| gap * stride).collect();
    for (region, mode) in regions(case).iter().flat_map(|region| [(region, case.train()), (region, Mode::Eval)]) {
        check(backend, case, mode, &strides, region, Some(&strides));
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

        // One axis: every second element, in rows of as many as the bias has.
        let mut y = [0.0; 7];
        layer(Layout::strided(&[4], &[2])).with_bias(&[1.0, 2.0]).apply_in_place(mode, &mut y, None).unwrap();
        assert_same(&y, &[1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 2.0]);
    }
}

/// Around chunks, words, blocks and tiles.
fn rows_of_any_length_have_gaps(backend: Backend) {
    for columns in [1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 128, 129, 2047, 2049] {
        let case = TensorCase {
            shape: vec![3, columns],
            shared: vec![],
            p: 0.3,
            scaling: Scaling::Inverted,
            address: <_>::default(),
            values: columns as u64,
        };
        let strides = [columns + 5, 1];
        for mode in [case.train(), Mode::Eval] {
            check(backend, &case, mode, &strides, &Region::whole(&case.shape), Some(&strides));
        }
    }
}
