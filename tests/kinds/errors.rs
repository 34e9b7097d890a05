//! Errors by hand: what they say, and which layouts there are. (Which error each function gives of any arguments, and that it has then
//! written nothing, is in `tests/oracle`.)

use dropout_kernels::{Error, GaussianNoise, Layout, MAX_RANK, Part};

/// The message names the argument, its value, and what was expected.
#[test]
fn messages() {
    for (error, says) in [
        (Error::Rate { p: -0.5 }, &["p = -0.5", "expected a probability from 0 to 1"][..]),
        (Error::Ratio { numerator: 2, denominator: 1 }, &["rate 2/1", "expected numerator <= denominator"]),
        (Error::Threshold { threshold: u64::MAX }, &["threshold 18446744073709551615", "expected at most 2^32"]),
        (Error::Deviation { deviation: -1.0 }, &["standard deviation -1", "expected a finite number that is not negative"]),
        (Error::Length { name: "grad_x", expected: 30, actual: 29 }, &["`grad_x`", "is 29", "expected 30"]),
        (Error::Length { name: "words", expected: 2, actual: 1 }, &["`words`", "is 1", "expected 2 words"]),
        (Error::IndexOverflow { offset: u64::MAX - 4, decisions: 6 }, &["6 decisions", "offset 18446744073709551611", "2^64"]),
        (Error::Columns { elements: 31, columns: 6 }, &["31 elements", "6 columns", "expected a multiple"]),
        (Error::Rank { rank: 9, most: MAX_RANK }, &["9 axes", "expected at most 8"]),
        (Error::Axis { axis: 2, rank: 1 }, &["axis 2", "1 axes", "expected each axis below 1"]),
        (Error::Stride { axis: 0, stride: 4, least: 5 }, &["stride 4", "axis 0", "expected at least 5"]),
        (Error::Part { axis: 1, start: 2, extent: 3, whole: 4 }, &["of 3 from 2", "axis 1", "within 4"]),
        (Error::ShapeOverflow, &["shape", "elements", "decisions", "usize", "u64"]),
        (Error::StoredMask, &["Stored", "Gaussian", "expected Train or Eval"]),
        (Error::BlockSize { axis: 0 }, &["block size 0", "axis 0 of the maps", "expected at least 1"]),
    ] {
        let text = error.to_string();
        assert!(says.iter().all(|part| text.contains(part)), "{text:?} has not all of {says:?}");
    }
}

#[test]
fn noise_refuses_what_is_no_deviation() {
    for deviation in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, -f32::MIN_POSITIVE] {
        let error = GaussianNoise::new(deviation).unwrap_err();
        assert!(matches!(error, Error::Deviation { deviation: given } if given.to_bits() == deviation.to_bits()));
    }
    assert_eq!(GaussianNoise::new(0.5).unwrap().deviation().to_bits(), 0.5_f32.to_bits());
    assert!(GaussianNoise::new(-0.0).is_ok());
}

/// In whatever order the axes lie, whether the smaller stride or the equal one is to blame, and with what is between.
#[test]
fn axes_do_not_overlap() {
    for (shape, strides, axis, stride, least) in [
        (&[3, 5][..], &[4, 1][..], 0, 4, 5),
        (&[5, 3], &[1, 4], 1, 4, 5),
        (&[2, 2], &[1, 1], 0, 1, 2),
        (&[4], &[0], 0, 0, 1),
        (&[2, 3, 4], &[10, 4, 1], 0, 10, 12),
        (&[2, 3, 4], &[1, 6, 2], 1, 6, 8),
    ] {
        assert_eq!(Layout::strided(shape, strides), Err(Error::Stride { axis, stride, least }), "{shape:?} {strides:?}");
    }
}

/// As soon as the inner axes do not fit, whatever those outside step over.
#[test]
fn axes_that_do_not_fit() {
    let most = usize::MAX;
    for (shape, strides) in [
        (&[2, 2][..], &[most, most][..]),
        (&[2, 2], &[most, 1]),
        (&[2, 2, 2], &[5, 1, most - 6]),
        (&[3, 2], &[most / 2, 1]),
        (&[4], &[most / 2]),
    ] {
        assert_eq!(Layout::strided(shape, strides), Err(Error::ShapeOverflow), "{shape:?} {strides:?}");
    }
    assert_eq!(Layout::strided(&[2, 2], &[most - 2, 1]).unwrap().elements(), most);
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
