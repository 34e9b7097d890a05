//! Stored and recorded masks that are not what the layer needs: the exact error, what it says, and that nothing was written.

use dropout_kernels::{Address, AlphaDropout, Backend, Dropout, Error, GaussianDropout, Layout, Mode, PackedMask, Rate};
use testkit::every_backend;
use testkit::refuse::{assert_says, refuse};

every_backend!(layers_refuse_stored_masks_of_another_length, recording_refuses_what_applying_refuses_and_other_masks);

const X: [f32; 40] = [1.0; 40];
static WORDS: [u32; 2] = [u32::MAX; 2];

fn rate() -> Rate {
    Rate::new(0.5).unwrap()
}

/// 2 x 3 maps of 5: 30 elements, 6 decisions.
fn spatial(backend: Backend) -> Dropout<Layout> {
    Dropout::new(rate()).with_layout(Layout::ncl([2, 3, 5]).unwrap()).on(backend)
}

fn alpha(backend: Backend) -> AlphaDropout {
    AlphaDropout::new(rate()).on(backend)
}

fn gaussian(backend: Backend) -> GaussianDropout {
    GaussianDropout::new(rate()).on(backend)
}

fn stored(decisions: usize) -> Mode<'static> {
    Mode::Stored(PackedMask::new(&WORDS, 1, decisions).unwrap())
}

const fn address(offset: u64) -> Address {
    Address { seed: 1, layer: 2, step: 3, offset }
}

const fn length(name: &'static str, expected: usize, actual: usize) -> Error {
    Error::Length { name, expected, actual }
}

fn layers_refuse_stored_masks_of_another_length(backend: Backend) {
    let no_mask = ["Stored", "Gaussian", "expected Train or Eval"];
    refuse(
        backend,
        77.0,
        &[
            (30, |b, y| spatial(b).apply(stored(5), &X[..30], y), length("mask", 6, 5), ["`mask`", "is 5", "expected 6"]),
            (30, |b, x| spatial(b).apply_in_place(stored(30), x), length("mask", 6, 30), ["`mask`", "is 30", "expected 6"]),
            (30, |b, g| spatial(b).backward(stored(7), &X[..30], g), length("mask", 6, 7), ["`mask`", "is 7", "expected 6"]),
            (9, |b, x| alpha(b).apply_in_place(stored(0), x), length("mask", 9, 0), ["`mask`", "is 0", "expected 9"]),
            (9, |b, g| alpha(b).backward_in_place(stored(10), g), length("mask", 9, 10), ["`mask`", "is 10", "expected 9"]),
            (9, |b, y| gaussian(b).apply(stored(9), &X[..9], y), Error::StoredMask, no_mask),
            (9, |b, x| gaussian(b).apply_in_place(stored(9), x), Error::StoredMask, no_mask),
            (9, |b, g| gaussian(b).backward(stored(9), &X[..9], g), Error::StoredMask, no_mask),
            (9, |b, g| gaussian(b).backward_in_place(stored(9), g), Error::StoredMask, no_mask),
        ],
    );
}

/// Of 40 elements, or of the layout's 30. The words are outputs too.
fn recording_refuses_what_applying_refuses_and_other_masks(backend: Backend) {
    const CANARY: u32 = 0xA5A5_A5A5;
    let record = |offset, x: &[f32], y_len, words: usize, error| {
        let (mut y, mut mask) = (vec![7.0; y_len], vec![CANARY; words]);
        assert_eq!(alpha(backend).apply_recording(address(offset), x, &mut y, &mut mask), Err(error));
        assert_eq!((y, mask), (vec![7.0; y_len], vec![CANARY; words]), "wrote before {error:?}");
    };
    for words in [0, 1, 3] {
        record(0, &X, 40, words, length("mask", 2, words));
    }
    record(0, &X, 39, 2, length("y", 40, 39));
    record(u64::MAX - 38, &X, 40, 2, Error::IndexOverflow { offset: u64::MAX - 38, decisions: 40 });

    let mut y = [77.0; 31];
    let mut mask = [CANARY];
    assert_eq!(spatial(backend).apply_recording(address(0), &X[..31], &mut y, &mut mask), Err(length("x", 30, 31)));
    assert_eq!((y, mask), ([77.0; 31], [CANARY]));
}

#[test]
fn masks_lie_inside_their_words() {
    for (first, decisions, expected) in [(0, 65, 3), (64, 1, 3), (33, 32, 3), (1000, 0, 32), (usize::MAX, 0, usize::MAX / 32 + 1)]
    {
        let error = length("words", expected, 2);
        assert_eq!(PackedMask::new(&WORDS, first, decisions), Err(error));
        assert_says(error, &["`words`", "is 2", &format!("expected {expected}")]);
    }
    for (first, decisions) in [(1, usize::MAX), (usize::MAX, 1), (usize::MAX, usize::MAX)] {
        assert_eq!(PackedMask::new(&WORDS, first, decisions), Err(Error::ShapeOverflow));
    }
    for (first, decisions) in [(0, 0), (0, 64), (64, 0), (63, 1), (17, 47)] {
        assert!(PackedMask::new(&WORDS, first, decisions).is_ok());
    }
}
