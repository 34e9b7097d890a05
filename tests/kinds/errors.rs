//! Errors by hand: what they say, and which layouts there are. (Which error each function gives of any arguments, and that it has then
//! written nothing, is in `tests/oracle`.)

use dropout_kernels::{DropBlock, Error, GaussianNoise, Layout, MAX_RANK, PackedMask, Part, Rate};

/// The message names the argument, its value, and what was expected.
#[test]
fn messages() {
    for (error, says) in [
        (Error::Length { name: "grad_x", expected: 30, actual: 29 }, &["`grad_x`", "is 29", "expected 30"][..]),
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
        let text = error.to_string();
        assert!(text.contains(&deviation.to_string()) && text.contains("expected a finite number that is not negative"));
    }
    assert_eq!(GaussianNoise::new(0.5).unwrap().deviation().to_bits(), 0.5_f32.to_bits());
    assert!(GaussianNoise::new(-0.0).is_ok());
}

#[test]
fn blocks_have_a_size() {
    let rate = Rate::new(0.5).unwrap();
    for (size, axis) in [([0, 2, 2], 0), ([2, 0, 2], 1), ([2, 2, 0], 2), ([2, 0, 0], 1)] {
        for error in [DropBlock::ncdhw(rate, size, [1; 5]), DropBlock::ndhwc(rate, size, [usize::MAX; 5])] {
            assert_eq!(error, Err(Error::BlockSize { axis }));
        }
    }
}

#[test]
fn masks_lie_inside_their_words() {
    const WORDS: [u32; 2] = [u32::MAX; 2];
    for (first, decisions, expected) in [(0, 65, 3), (64, 1, 3), (33, 32, 3), (1000, 0, 32), (usize::MAX, 0, usize::MAX / 32 + 1)]
    {
        let error = Error::Length { name: "words", expected, actual: 2 };
        assert_eq!(PackedMask::new(&WORDS, first, decisions), Err(error));
    }
    for (first, decisions) in [(1, usize::MAX), (usize::MAX, 1), (usize::MAX, usize::MAX)] {
        assert_eq!(PackedMask::new(&WORDS, first, decisions), Err(Error::ShapeOverflow));
    }
    for (first, decisions) in [(0, 0), (0, 64), (64, 0), (63, 1), (17, 47)] {
        assert!(PackedMask::new(&WORDS, first, decisions).is_ok());
    }
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

#[test]
fn shapes_that_do_not_fit() {
    const HUGE: usize = usize::MAX / 2 + 1;
    for layout in [
        Layout::dense(&[HUGE, 2]),
        Layout::dense(&[1 << (usize::BITS / 4); 4]),
        Layout::shared(&[HUGE, 2], &[0, 1]),
        Layout::ncdhw([HUGE, 1, 1, 1, 2]),
        Layout::dhwc([1, 1, 2, HUGE]),
        Layout::rows(HUGE, 2, 2),
        Layout::rows(2, HUGE, usize::MAX),
        Layout::rows(3, 1, HUGE),
        Layout::strided(&[3, 1, 2], &[HUGE, 1, HUGE - 1]),
        // A small part of a whole of 2^64 decisions.
        Layout::part(Part { whole: &[1 << 16; 4], start: &[0; 4], shape: &[1; 4], ..Part::default() }),
    ] {
        assert_eq!(layout, Err(Error::ShapeOverflow));
    }
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
