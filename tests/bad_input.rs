//! Every argument that no mask or output is defined for: the exact error, what it says, and that nothing was written.
//! (Rates are in `rate.rs`.)

use dropout_kernels::{
    Activation, Address, Backend, Dropout, Error, Filler, Fused, GaussianNoise, Layout, MAX_RANK, Mask, Mode, PackedMask, Part,
    Rate, Scaling, Select,
};
use testkit::every_backend;
use testkit::memory::as_memory;
use testkit::refuse::{Call, assert_says, refuse};

every_backend!(
    layers_refuse_wrong_lengths,
    layers_refuse_to_pass_the_last_index,
    choices_refuse_both,
    masks_refuse_both,
    fused_passes_refuse_both
);

const X: [f32; 40] = [1.0; 40];

fn flat(backend: Backend) -> Dropout {
    Dropout::new(Rate::new(0.5).unwrap()).on(backend)
}

/// 2 x 3 maps of 5: 30 elements, 6 decisions.
fn spatial(backend: Backend) -> Dropout<Layout> {
    flat(backend).with_layout(Layout::ncl([2, 3, 5]).unwrap())
}

fn classic(backend: Backend) -> Dropout<Layout> {
    spatial(backend).with_scaling(Scaling::Classic)
}

const fn train(offset: u64) -> Mode<'static> {
    Mode::Train(address(offset))
}

const fn address(offset: u64) -> Address {
    Address { seed: 1, layer: 2, step: 3, offset }
}

const fn length(name: &'static str, expected: usize, actual: usize) -> Error {
    Error::Length { name, expected, actual }
}

fn layers_refuse_wrong_lengths(backend: Backend) {
    refuse(
        backend,
        77.0,
        &[
            // Against the other slice.
            (29, |b, y| flat(b).apply(train(0), &X[..30], y), length("y", 30, 29), ["`y`", "is 29", "expected 30"]),
            (31, |b, y| flat(b).apply(train(0), &X[..30], y), length("y", 30, 31), ["`y`", "is 31", "expected 30"]),
            (0, |b, y| flat(b).apply(Mode::Eval, &X[..1], y), length("y", 1, 0), ["`y`", "is 0", "expected 1"]),
            (1, |b, y| flat(b).apply(Mode::Eval, &[], y), length("y", 0, 1), ["`y`", "is 1", "expected 0"]),
            (29, |b, g| flat(b).backward(train(0), &X[..30], g), length("grad_x", 30, 29), ["`grad_x`", "is 29", "expected 30"]),
            (
                31,
                |b, g| flat(b).backward(Mode::Eval, &X[..30], g),
                length("grad_x", 30, 31),
                ["`grad_x`", "is 31", "expected 30"],
            ),
            (
                29,
                |b, y| as_memory(y, |y| flat(b).apply_uninit(train(0), &X[..30], y)),
                length("y", 30, 29),
                ["`y`", "is 29", "expected 30"],
            ),
            (
                31,
                |b, g| as_memory(g, |g| flat(b).backward_uninit(Mode::Eval, &X[..30], g)),
                length("grad_x", 30, 31),
                ["`grad_x`", "is 31", "expected 30"],
            ),
            (
                29,
                |b, g| flat(b).backward_add(train(0), &X[..30], g),
                length("grad_x", 30, 29),
                ["`grad_x`", "is 29", "expected 30"],
            ),
            // Against the layout.
            (29, |b, y| spatial(b).apply(train(0), &X[..29], y), length("x", 30, 29), ["`x`", "is 29", "expected 30"]),
            (31, |b, y| spatial(b).apply(Mode::Eval, &X[..31], y), length("x", 30, 31), ["`x`", "is 31", "expected 30"]),
            (30, |b, y| classic(b).apply(Mode::Eval, &X[..31], y), length("x", 30, 31), ["`x`", "is 31", "expected 30"]),
            (29, |b, y| spatial(b).apply(train(0), &X[..30], y), length("y", 30, 29), ["`y`", "is 29", "expected 30"]),
            (31, |b, y| classic(b).apply(Mode::Eval, &X[..30], y), length("y", 30, 31), ["`y`", "is 31", "expected 30"]),
            (29, |b, x| spatial(b).apply_in_place(train(0), x), length("x", 30, 29), ["`x`", "is 29", "expected 30"]),
            (31, |b, x| classic(b).apply_in_place(Mode::Eval, x), length("x", 30, 31), ["`x`", "is 31", "expected 30"]),
            (
                29,
                |b, g| spatial(b).backward(train(0), &X[..29], g),
                length("grad_y", 30, 29),
                ["`grad_y`", "is 29", "expected 30"],
            ),
            (
                31,
                |b, g| spatial(b).backward(train(0), &X[..30], g),
                length("grad_x", 30, 31),
                ["`grad_x`", "is 31", "expected 30"],
            ),
            (
                31,
                |b, g| spatial(b).backward_add(train(0), &X[..31], g),
                length("grad_y", 30, 31),
                ["`grad_y`", "is 31", "expected 30"],
            ),
            (
                29,
                |b, y| as_memory(y, |y| spatial(b).apply_uninit(train(0), &X[..29], y)),
                length("x", 30, 29),
                ["`x`", "is 29", "expected 30"],
            ),
            (
                31,
                |b, g| as_memory(g, |g| spatial(b).backward_uninit(train(0), &X[..31], g)),
                length("grad_y", 30, 31),
                ["`grad_y`", "is 31", "expected 30"],
            ),
            (0, |b, g| spatial(b).backward_in_place(train(0), g), length("grad", 30, 0), ["`grad`", "is 0", "expected 30"]),
            (31, |b, g| classic(b).backward_in_place(Mode::Eval, g), length("grad", 30, 31), ["`grad`", "is 31", "expected 30"]),
        ],
    );
}

/// Six decisions, of which five are left; thirty, of which one is left.
fn layers_refuse_to_pass_the_last_index(backend: Backend) {
    const FIVE_LEFT: u64 = u64::MAX - 4;
    const MAPS: (Error, [&str; 3]) =
        (Error::IndexOverflow { offset: FIVE_LEFT, decisions: 6 }, ["6 decisions", "offset 18446744073709551611", "2^64"]);
    const ELEMENTS: (Error, [&str; 3]) =
        (Error::IndexOverflow { offset: u64::MAX, decisions: 30 }, ["30 decisions", "offset 18446744073709551615", "2^64"]);
    let row = |call: Call<f32>, (error, message)| (30, call, error, message);
    refuse(
        backend,
        77.0,
        &[
            row(|b, y| spatial(b).apply(train(FIVE_LEFT), &X[..30], y), MAPS),
            row(|b, x| spatial(b).apply_in_place(train(FIVE_LEFT), x), MAPS),
            row(|b, y| as_memory(y, |y| spatial(b).apply_uninit(train(FIVE_LEFT), &X[..30], y)), MAPS),
            row(|b, g| as_memory(g, |g| spatial(b).backward_uninit(train(FIVE_LEFT), &X[..30], g)), MAPS),
            row(|b, g| spatial(b).backward(train(FIVE_LEFT), &X[..30], g), MAPS),
            row(|b, g| classic(b).backward_in_place(train(FIVE_LEFT), g), MAPS),
            row(|b, g| spatial(b).backward_add(train(FIVE_LEFT), &X[..30], g), MAPS),
            row(|b, y| flat(b).apply(train(u64::MAX), &X[..30], y), ELEMENTS),
            row(|b, x| flat(b).apply_in_place(train(u64::MAX), x), ELEMENTS),
            row(|b, g| flat(b).backward(train(u64::MAX), &X[..30], g), ELEMENTS),
            row(|b, g| flat(b).backward_in_place(train(u64::MAX), g), ELEMENTS),
        ],
    );
    // Maps count by their decisions: thirty elements fit where six decisions are left.
    let mut y = [77.0; 30];
    assert_eq!(spatial(backend).apply(train(u64::MAX - 5), &X[..30], &mut y), Ok(()));
    assert!(!y.contains(&77.0));
}

fn choices_refuse_both(backend: Backend) {
    fn select(backend: Backend) -> Select<Layout> {
        Select::new(Rate::new(0.5).unwrap()).on(backend).with_layout(Layout::ncl([2, 3, 5]).unwrap())
    }
    let short = |name: &'static str| (length(name, 30, 29), [name, "is 29", "expected 30"]);
    let past = (
        Error::IndexOverflow { offset: u64::MAX, decisions: 6 },
        ["6 decisions", "offset 18446744073709551615", "past logical index 2^64"],
    );
    let row = |len, call: Call<f32>, (error, message)| (len, call, error, message);
    refuse(
        backend,
        77.0,
        &[
            row(
                30,
                |b, y| select(b).apply(train(0), &X[..29], Filler::Tensor(&X[..29]), y),
                (length("y", 29, 30), ["`y`", "is 30", "expected 29"]),
            ),
            row(29, |b, y| select(b).apply(train(0), &X[..29], Filler::Tensor(&X[..29]), y), short("kept")),
            row(30, |b, y| select(b).apply(train(0), &X[..30], Filler::Tensor(&X[..29]), y), short("filler")),
            row(30, |b, y| select(b).apply(train(u64::MAX), &X[..30], Filler::Tensor(&X[..30]), y), past),
            row(29, |b, y| select(b).apply_in_place(Mode::Eval, y, Filler::Tensor(&X[..29])), short("kept")),
            row(30, |b, y| select(b).apply_in_place(Mode::Eval, y, Filler::Tensor(&X[..29])), short("filler")),
            row(30, |b, g| select(b).backward(train(0), &X[..29], g, Some(&mut [0.0; 29])), short("grad_y")),
            row(29, |b, g| select(b).backward(train(0), &X[..30], g, Some(&mut [0.0; 30])), short("grad_kept")),
            row(30, |b, g| select(b).backward(train(0), &X[..30], g, Some(&mut [0.0; 29])), short("grad_filler")),
            row(29, |b, g| select(b).backward(train(0), &X[..30], &mut [0.0; 30], Some(g)), short("grad_filler")),
            row(30, |b, g| select(b).backward(train(u64::MAX), &X[..30], g, Some(&mut [0.0; 30])), past),
            row(30, |b, g| select(b).backward(train(u64::MAX), &X[..30], &mut [0.0; 30], Some(g)), past),
        ],
    );
}

#[test]
fn noise_refuses_what_is_no_deviation() {
    for deviation in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, -f32::MIN_POSITIVE] {
        let error = GaussianNoise::new(deviation).unwrap_err();
        assert!(matches!(error, Error::Deviation { deviation: given } if given.to_bits() == deviation.to_bits()));
        assert_says(error, &[&deviation.to_string(), "expected a finite number that is not negative"]);
    }
    assert_eq!(GaussianNoise::new(0.5).unwrap().deviation().to_bits(), 0.5_f32.to_bits());
    assert!(GaussianNoise::new(-0.0).is_ok());
}

fn masks_refuse_both(backend: Backend) {
    fn mask(backend: Backend, offset: u64) -> Mask {
        Mask::new(Rate::new(0.5).unwrap(), address(offset)).on(backend)
    }
    const TWO_LEFT: u64 = u64::MAX - 1;
    let past = |decisions| Error::IndexOverflow { offset: TWO_LEFT, decisions };
    let says = ["3 decisions", "offset 18446744073709551614", "2^64"];
    refuse(
        backend,
        0xA5A5_A5A5,
        &[
            (1, |b, words| mask(b, 0).words(33, words), length("words", 2, 1), ["`words`", "is 1", "expected 2 words"]),
            (3, |b, words| mask(b, 0).words(64, words), length("words", 2, 3), ["`words`", "is 3", "expected 2 words"]),
            (1, |b, words| mask(b, 0).words(0, words), length("words", 0, 1), ["`words`", "is 1", "expected 0 words"]),
            (1, |b, words| mask(b, TWO_LEFT).words(3, words), past(3), says),
        ],
    );
    for canary in [false, true] {
        refuse(backend, canary, &[(3, |b, keep| mask(b, TWO_LEFT).bools(keep), past(3), says)]);
    }
    assert_eq!(mask(backend, TWO_LEFT).keeps(2), Err(past(3)));
    assert_eq!(mask(backend, TWO_LEFT).keeps(u64::MAX), Err(past(u64::MAX)));
}

/// Six columns.
fn fused_passes_refuse_both(backend: Backend) {
    fn fused(backend: Backend) -> Fused<'static> {
        Fused::new(flat(backend), Activation::Gelu).with_bias(&[1.0; 6])
    }
    fn unbiased(backend: Backend) -> Fused<'static> {
        Fused::new(flat(backend), Activation::Identity)
    }
    fn on_rows(backend: Backend) -> Fused<'static, Layout> {
        Fused::new(spatial(backend), Activation::Identity)
    }
    fn stored() -> Mode<'static> {
        Mode::Stored(PackedMask::new(&[0], 0, 29).unwrap())
    }
    const ROWS: Error = Error::Columns { elements: 31, columns: 6 };
    const NO_COLUMNS: Error = Error::Columns { elements: 30, columns: 0 };
    let rows = ["31 elements", "6 columns", "expected a multiple"];
    let no_columns = ["30 elements", "0 columns", "expected a multiple"];
    let past = Error::IndexOverflow { offset: u64::MAX, decisions: 30 };
    let says_past = ["30 decisions", "offset 18446744073709551615", "2^64"];
    let short = |name: &'static str| (length(name, 30, 29), [name, "is 29", "expected 30"]);
    let columns = |name: &'static str, actual: usize| {
        (length(name, 5, actual), [name, if actual == 3 { "is 3" } else { "is 6" }, "expected 5"])
    };
    let row = |len, call: Call<f32>, (error, message)| (len, call, error, message);
    refuse(
        backend,
        77.0,
        &[
            row(31, |b, y| fused(b).apply(train(0), &X[..31], None, y), (ROWS, rows)),
            row(31, |b, x| fused(b).apply_in_place(Mode::Eval, x, None), (ROWS, rows)),
            row(30, |b, y| fused(b).with_bias(&[]).apply(train(0), &X[..30], None, y), (NO_COLUMNS, no_columns)),
            row(29, |b, y| fused(b).apply(train(0), &X[..30], None, y), short("y")),
            row(30, |b, y| fused(b).apply(train(0), &X[..30], Some(&X[..29]), y), short("residual")),
            row(30, |b, x| fused(b).apply_in_place(Mode::Eval, x, Some(&X[..29])), short("residual")),
            row(29, |b, y| fused(b).add(train(0), &X[..30], y), short("residual")),
            row(30, |b, y| fused(b).add(train(u64::MAX), &X[..30], y), (past, says_past)),
            row(
                30,
                |b, y| fused(b).apply(stored(), &X[..30], None, y),
                (length("mask", 30, 29), ["`mask`", "is 29", "expected 30"]),
            ),
            row(30, |b, g| fused(b).backward(train(0), &X[..30], &X[..29], g, None), short("grad_y")),
            row(29, |b, g| fused(b).backward(train(0), &X[..30], &X[..30], g, None), short("grad_x")),
            row(30, |b, g| fused(b).backward_add(train(0), &X[..30], &X[..29], g, None), short("grad_y")),
            row(29, |b, g| fused(b).backward_add(train(0), &X[..30], &X[..30], g, None), short("grad_x")),
            row(29, |b, g| fused(b).backward_in_place(Mode::Eval, &X[..30], g, None), short("grad")),
            // As many columns as the layout says, 5, and not what divides 30 elements.
            row(30, |b, y| on_rows(b).with_bias(&[1.0; 3]).apply(train(0), &X[..30], None, y), columns("bias", 3)),
            row(30, |b, x| on_rows(b).with_bias(&[1.0; 6]).apply_in_place(Mode::Eval, x, None), columns("bias", 6)),
            // The gradient of the bias is the output.
            row(
                6,
                |b, sums| on_rows(b).backward(train(0), &X[..30], &X[..30], &mut [1.0; 30], Some(sums)),
                columns("grad_bias", 6),
            ),
            row(
                7,
                |b, sums| unbiased(b).backward_add(Mode::Eval, &X[..30], &X[..30], &mut [1.0; 30], Some(sums)),
                (Error::Columns { elements: 30, columns: 7 }, ["30 elements", "7 columns", "expected a multiple"]),
            ),
            // That it divides the elements is not enough, and that it does not says less.
            row(
                10,
                |b, sums| fused(b).backward(train(0), &X[..30], &X[..30], &mut [1.0; 30], Some(sums)),
                (length("grad_bias", 6, 10), ["`grad_bias`", "is 10", "expected 6"]),
            ),
            row(
                5,
                |b, sums| fused(b).backward_in_place(train(0), &X[..30], &mut [1.0; 30], Some(sums)),
                (length("grad_bias", 6, 5), ["`grad_bias`", "is 5", "expected 6"]),
            ),
            row(
                6,
                |b, sums| fused(b).backward_in_place(train(u64::MAX), &X[..30], &mut [1.0; 30], Some(sums)),
                (past, says_past),
            ),
        ],
    );
}

#[test]
fn layouts_refuse_what_is_no_shape() {
    const HUGE: usize = usize::MAX / 2 + 1;
    let rank = |shape: &[usize]| Error::Rank { rank: shape.len(), most: MAX_RANK };
    let nine = [1; MAX_RANK + 1];
    for layout in [
        Layout::dense(&nine),
        Layout::shared(&nine, &[0]),
        Layout::shared(&nine, &[MAX_RANK]),
        Layout::sample(&nine),
        Layout::locked(&nine),
    ] {
        assert_eq!(layout, Err(rank(&nine)));
    }
    assert_says(rank(&nine), &["9 axes", "expected at most 8"]);

    for (shape, axes, axis) in
        [(&[4, 5][..], &[2][..], 2), (&[4, 5], &[0, usize::MAX], usize::MAX), (&[4, 5], &[1, 0, 1], 1), (&[], &[0], 0)]
    {
        let error = Error::Axis { axis, rank: shape.len() };
        assert_eq!(Layout::shared(shape, axes), Err(error));
        assert_says(error, &[&format!("axis {axis}"), &format!("{} axes", shape.len()), "expected each axis below"]);
    }

    let error = Error::Stride { axis: 0, stride: 4, least: 5 };
    assert_eq!(Layout::rows(3, 5, 4), Err(error));
    assert_eq!(Layout::strided(&[3, 5], &[4, 1]), Err(error));
    assert_says(error, &["stride 4", "axis 0", "expected at least 5"]);
    // In whatever order the axes lie, whether the smaller stride or the equal one is to blame, and with what is between.
    for (shape, strides, axis, stride, least) in [
        (&[5, 3][..], &[1, 4][..], 1, 4, 5),
        (&[2, 2], &[1, 1], 0, 1, 2),
        (&[4], &[0], 0, 0, 1),
        (&[2, 3, 4], &[10, 4, 1], 0, 10, 12),
        (&[2, 3, 4], &[1, 6, 2], 1, 6, 8),
    ] {
        assert_eq!(Layout::strided(shape, strides), Err(Error::Stride { axis, stride, least }), "{shape:?} {strides:?}");
    }

    let part = Part { whole: &[4, 5], start: &[2, 1], shape: &[2, 4], ..Part::default() };
    assert!(Layout::part(part).is_ok());
    for (start, shape, axis) in [([3, 1], [2, 4], 0), ([2, 2], [2, 4], 1), ([2, usize::MAX], [2, 4], 1), ([5, 0], [0, 0], 0)] {
        let error = Error::Part { axis, start: start[axis], extent: shape[axis], whole: part.whole[axis] };
        assert_eq!(Layout::part(Part { start: &start, shape: &shape, ..part }), Err(error));
        let says = [format!("from {}", start[axis]), format!("axis {axis}"), format!("within {}", part.whole[axis])];
        assert_says(error, &says.each_ref().map(String::as_str));
    }
    assert_eq!(Layout::part(Part { start: &[2], ..part }), Err(length("start", 2, 1)));
    assert_eq!(Layout::part(Part { start: &[], ..part }), Layout::part(Part { start: &[0, 0], ..part }), "it begins at zero");
    assert_eq!(Layout::part(Part { shape: &[2, 4, 1], ..part }), Err(length("shape", 2, 3)));
    assert_eq!(Layout::part(Part { strides: Some(&[]), ..part }), Err(length("strides", 2, 0)));
    assert_eq!(Layout::strided(&[2, 4], &[4]), Err(length("strides", 2, 1)));
    assert_eq!(Layout::part(Part { shared: &[1, 1], ..part }), Err(Error::Axis { axis: 1, rank: 2 }));
    assert_eq!(Layout::part(Part { whole: &nine, start: &nine, ..part }), Err(rank(&nine)));

    let too_many = [
        Layout::dense(&[HUGE, 2]),
        Layout::dense(&[2, HUGE]),
        Layout::dense(&[1 << (usize::BITS / 4); 4]),
        Layout::shared(&[HUGE, 2], &[0, 1]),
        Layout::ncl([HUGE, 1, 2]),
        Layout::cl([2, HUGE]),
        Layout::nchw([1, 2, HUGE, 1]),
        Layout::chw([2, HUGE, 1]),
        Layout::ncdhw([HUGE, 1, 1, 1, 2]),
        Layout::cdhw([1, 1, 2, HUGE]),
        Layout::nlc([HUGE, 1, 2]),
        Layout::lc([2, HUGE]),
        Layout::nhwc([1, 2, HUGE, 1]),
        Layout::hwc([2, HUGE, 1]),
        Layout::ndhwc([HUGE, 1, 1, 1, 2]),
        Layout::dhwc([1, 1, 2, HUGE]),
        Layout::sample(&[HUGE, 2]),
        Layout::locked(&[HUGE, 2]),
        Layout::rows(HUGE, 2, 2),
        Layout::rows(2, HUGE, usize::MAX),
        Layout::rows(3, 1, HUGE),
        Layout::strided(&[3, 1, 2], &[HUGE, 1, HUGE - 1]),
        // A small part of a whole of 2^64 decisions.
        Layout::part(Part { whole: &[1 << 16; 4], start: &[0; 4], shape: &[1; 4], ..Part::default() }),
    ];
    for layout in too_many {
        assert_eq!(layout, Err(Error::ShapeOverflow));
    }
    assert_says(Error::ShapeOverflow, &["shape", "elements", "decisions", "usize", "u64"]);
}

/// The largest shape there is, and an empty one however large its other axes are.
#[test]
fn layouts_take_whatever_fits() {
    assert_eq!(Layout::flat(usize::MAX).elements(), usize::MAX);
    assert_eq!(Layout::dense(&[usize::MAX, 1]).unwrap().decisions(), usize::MAX);
    assert_eq!(Layout::dense(&[1; MAX_RANK]).unwrap().elements(), 1);
    assert_eq!(Layout::strided(&[2, 1, 0], &[0, 0, 0]).unwrap().elements(), 0, "nothing that could overlap");
    // Where decisions are shared, a whole may have more elements than fit.
    let [whole, start, shape] = [[usize::MAX, 2], [usize::MAX - 1, 0], [1, 2]];
    let row = Layout::part(Part { whole: &whole, start: &start, shape: &shape, shared: &[1], strides: None }).unwrap();
    assert_eq!((row.elements(), row.decisions()), (2, usize::MAX));
    let empty = [[0, usize::MAX, 2], [usize::MAX, 0, 2], [usize::MAX, 2, 0]].map(|shape| Layout::dense(&shape));
    assert!(empty.iter().all(|layout| *layout == empty[0]), "where the zero stands must not matter");
}
