//! Laws of layouts: every way to write the same one down, and how much there is of it.

use dropout_kernels::{Address, Backend, Dropout, Error, Layout, Mode, PackedMask, Part, Rate, Scaling};
use testkit::case::{TensorCase, drops};
use testkit::every_backend;
use testkit::oracle;
use testkit::value::{Value, assert_same, random};

every_backend!(
    constructors_share_the_axes_they_name,
    a_layer_without_a_layout_is_flat,
    rows_leave_what_lies_between_alone,
    columns_of_a_wide_matrix,
    parts_of_a_tensor_larger_than_32_bits_number,
    large_maps_go_on_past_a_tile
);

/// Each constructor with extents that all differ, so that axes cannot be mistaken for each other, against the general one.
const NAMED: [(Layout, &[usize], &[usize]); 16] = [
    (Layout::flat(210), &[210], &[]),
    (unwrap(Layout::dense(&[2, 3, 5, 7])), &[2, 3, 5, 7], &[]),
    (unwrap(Layout::sample(&[2, 3, 5])), &[2, 3, 5], &[1, 2]),
    (unwrap(Layout::locked(&[2, 3, 5])), &[2, 3, 5], &[0]),
    (unwrap(Layout::ncl([2, 3, 5])), &[2, 3, 5], &[2]),
    (unwrap(Layout::cl([3, 5])), &[3, 5], &[1]),
    (unwrap(Layout::nchw([2, 3, 5, 7])), &[2, 3, 5, 7], &[2, 3]),
    (unwrap(Layout::chw([3, 5, 7])), &[3, 5, 7], &[1, 2]),
    (unwrap(Layout::ncdhw([2, 3, 5, 7, 11])), &[2, 3, 5, 7, 11], &[2, 3, 4]),
    (unwrap(Layout::cdhw([3, 5, 7, 11])), &[3, 5, 7, 11], &[1, 2, 3]),
    (unwrap(Layout::nlc([2, 5, 3])), &[2, 5, 3], &[1]),
    (unwrap(Layout::lc([5, 3])), &[5, 3], &[0]),
    (unwrap(Layout::nhwc([2, 5, 7, 3])), &[2, 5, 7, 3], &[1, 2]),
    (unwrap(Layout::hwc([5, 7, 3])), &[5, 7, 3], &[0, 1]),
    (unwrap(Layout::ndhwc([2, 5, 7, 11, 3])), &[2, 5, 7, 11, 3], &[1, 2, 3]),
    (unwrap(Layout::dhwc([5, 7, 11, 3])), &[5, 7, 11, 3], &[0, 1, 2]),
];

/// Layouts are for constants too.
const fn unwrap(layout: Result<Layout, dropout_kernels::Error>) -> Layout {
    match layout {
        Ok(layout) => layout,
        Err(_) => panic!("no layout"),
    }
}

fn constructors_share_the_axes_they_name(backend: Backend) {
    for (layout, shape, shared) in NAMED {
        let address = Address { seed: 11, layer: 2, step: 3, offset: 100 };
        let case = TensorCase { shape: shape.into(), shared: shared.into(), p: 0.5, scaling: <_>::default(), address, values: 1 };
        assert_eq!(layout, case.layout(), "{shape:?} sharing {shared:?}");
        let x = case.x::<f32>();
        let mut y = vec![f32::NAN; x.len()];
        Dropout::new(Rate::new(0.5).unwrap()).with_layout(layout).on(backend).apply(case.train(), &x, &mut y).unwrap();
        assert_same(&y, &case.expected(&x));
    }
}

fn a_layer_without_a_layout_is_flat(backend: Backend) {
    let dropout = Dropout::new(Rate::new(0.3).unwrap()).on(backend);
    let mode = Mode::Train(Address { seed: 5, ..Address::default() });
    for len in [0, 1, 500] {
        let x = random::<f32>(9, len);
        let (mut without, mut flat) = (x.clone(), x);
        dropout.apply_in_place(mode, &mut without).unwrap();
        dropout.with_layout(Layout::flat(len)).apply_in_place(mode, &mut flat).unwrap();
        assert_same(&without, &flat);
    }
}

/// Rows in a wider matrix, against the dense rows of the oracle. What lies between is neither written nor, from the input, copied.
fn rows_leave_what_lies_between_alone(backend: Backend) {
    const P: f64 = 0.375; // which is realised exactly
    const GAP: f32 = 77.0;
    let address = Address { seed: 6, offset: 120, ..Address::default() };
    for (rows, columns, stride) in [(4, 5, 5), (4, 5, 6), (3, 16, 31), (3, 1, 4), (1, 7, 9), (5, 700, 1000), (0, 3, 4), (3, 0, 4)]
    {
        let layout = Layout::rows(rows, columns, stride).unwrap();
        let len = if rows * columns == 0 { 0 } else { (rows - 1) * stride + columns };
        assert_eq!((layout.elements(), layout.decisions()), (len, rows * columns));

        let spread = |dense: &[f32], gap| {
            let mut wide = vec![gap; len];
            for (i, &x) in dense.iter().enumerate() {
                wide[i / columns * stride + i % columns] = x;
            }
            wide
        };
        let x = random::<f32>(7, rows * columns);
        let drops = drops(P, address, x.len());
        let trained = oracle::apply(&[rows, columns], &[], &drops, &x, |x| x.times(oracle::scale(P)), 0.0);
        let evaluated: Vec<f32> = x.iter().map(|x| x.times(1.0 - P)).collect();
        let inverted = Dropout::new(Rate::new(P).unwrap()).with_layout(layout).on(backend);
        let classic = inverted.with_scaling(Scaling::Classic);
        for (dropout, mode, expected) in
            [(inverted, Mode::Train(address), &trained), (inverted, Mode::Eval, &x), (classic, Mode::Eval, &evaluated)]
        {
            let expected = spread(expected, GAP);
            let mut y = spread(&[], GAP);
            dropout.apply(mode, &spread(&x, f32::NAN), &mut y).unwrap();
            assert_same(&y, &expected);
            let mut x = spread(&x, GAP);
            dropout.apply_in_place(mode, &mut x).unwrap();
            assert_same(&x, &expected);
        }
    }
}

/// Columns as a rank of a cluster holds them: more blocks than a tile has, of which each row needs a part of one, or several.
fn columns_of_a_wide_matrix(backend: Backend) {
    const P: f64 = 0.375; // which is realised exactly
    const WHOLE: [usize; 2] = [90, 1000];
    let address = Address { seed: 13, offset: 77, ..Address::default() };
    let x = random::<f32>(14, WHOLE[0] * WHOLE[1]);
    let expected = oracle::apply(&WHOLE, &[], &drops(P, address, x.len()), &x, |x| x.times(oracle::scale(P)), 0.0);
    for (start, columns) in [(0, 1), (999, 1), (500, 16), (51, 100), (300, 256), (1, 998)] {
        let of_part = |values: &[f32]| -> Vec<f32> {
            values.chunks(WHOLE[1]).flat_map(|row| &row[start..start + columns]).copied().collect()
        };
        let part = Part { whole: &WHOLE, start: &[0, start], shape: &[WHOLE[0], columns], ..Part::default() };
        let dropout = Dropout::new(Rate::new(P).unwrap()).with_layout(Layout::part(part).unwrap()).on(backend);
        let mut y = of_part(&x);
        dropout.apply_in_place(Mode::Train(address), &mut y).unwrap();
        assert_same(&y, &of_part(&expected));
    }
}

/// A whole of 5.4 * 10^9 decisions, of which no target has to hold more than its part: one row after another, and rows that are further
/// apart than 2^32.
fn parts_of_a_tensor_larger_than_32_bits_number(backend: Backend) {
    const P: f64 = 0.375; // which is realised exactly
    const WHOLE: [usize; 4] = [2, 3, 30_000, 30_000];
    let address = Address { seed: 15, layer: 1, step: 2, offset: (1 << 39) - 3_000_000_000 };
    let dropout = Dropout::new(Rate::new(P).unwrap()).on(backend);
    for (start, shape) in
        [([1, 2, 29_000, 100], [1, 1, 8, 16]), ([0, 1, 3, 29_900], [2, 2, 2, 100]), ([1, 0, 5, 0], [1, 1, 1, 5000])]
    {
        let layout = Layout::part(Part { whole: &WHOLE, start: &start, shape: &shape, ..Part::default() }).unwrap();
        assert_eq!(layout.decisions(), usize::try_from(5_400_000_000_u64).unwrap_or(usize::MAX));
        let mut dropped = vec![];
        for n in start[0]..start[0] + shape[0] {
            for c in start[1]..start[1] + shape[1] {
                for h in start[2]..start[2] + shape[2] {
                    let row = (n as u64 * 3 + c as u64) * 900_000_000 + h as u64 * 30_000 + start[3] as u64;
                    dropped.extend(drops(P, Address { offset: address.offset + row, ..address }, shape[3]));
                }
            }
        }
        let x = random::<f32>(16, dropped.len());
        let expected = oracle::apply(&[x.len()], &[], &dropped, &x, |x| x.times(oracle::scale(P)), 0.0);
        let mut y = vec![77.0; x.len()];
        dropout.with_layout(layout).apply(Mode::Train(address), &x, &mut y).unwrap();
        assert_same(&y, &expected);

        // A mask of so many cannot be stored on every target, and this one is too short.
        let stored = Mode::Stored(PackedMask::new(&[0], 0, 32).unwrap());
        let refused = dropout.with_layout(layout).apply(stored, &x, &mut y);
        assert_eq!(
            refused,
            Err(if usize::BITS > 32 {
                Error::Length { name: "mask", expected: layout.decisions(), actual: 32 }
            } else {
                Error::ShapeOverflow
            })
        );
        let refused = dropout.with_layout(layout).apply_recording(address, &x, &mut y, &mut [0]);
        assert_eq!(
            refused,
            Err(if usize::BITS > 32 {
                Error::Length { name: "mask", expected: 168_750_000, actual: 1 }
            } else {
                Error::ShapeOverflow
            })
        );
        assert_same(&y, &expected);
    }
}

/// Feature maps that are passed one by one, more of them than the largest tile has decisions.
fn large_maps_go_on_past_a_tile(backend: Backend) {
    const P: f64 = 0.375; // which is realised exactly
    const SHAPE: [usize; 2] = [4200, 256];
    let address = Address { seed: 11, offset: 77, ..Address::default() };
    let x = random::<f32>(12, SHAPE[0] * SHAPE[1]);
    let expected = oracle::apply(&SHAPE, &[1], &drops(P, address, SHAPE[0]), &x, |x| x.times(oracle::scale(P)), 0.0);
    let mut y = vec![77.0; x.len()];
    let dropout = Dropout::new(Rate::new(P).unwrap()).with_layout(Layout::cl(SHAPE).unwrap()).on(backend);
    dropout.apply(Mode::Train(address), &x, &mut y).unwrap();
    assert_same(&y, &expected);
}

#[test]
fn elements_and_decisions_are_the_products_of_the_extents() {
    #[expect(clippy::needless_pass_by_value, reason = "the form that quickcheck takes")]
    fn law(case: TensorCase) -> bool {
        let layout = case.layout();
        layout.elements() == case.elements() && layout.decisions() == case.decisions()
    }
    testkit::check(law as fn(TensorCase) -> bool);
}

#[test]
fn the_order_of_the_shared_axes_does_not_matter() {
    fn law(mut case: TensorCase) -> bool {
        let layout = case.layout();
        case.shared.reverse();
        layout == case.layout()
    }
    testkit::check(law as fn(TensorCase) -> bool);
}
