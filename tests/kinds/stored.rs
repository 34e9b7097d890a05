//! A mask that is stored does what it does when it is computed, for every kind that has one, type and layout.

use dropout_kernels::{AlphaDropout, Backend, Dropout, Mask, Mode, PackedMask, QuantizedDropout, Rate};
use testkit::{every_mask_subject, laws};

use crate::{apply, backward, unwritten};
use testkit::case::TensorCase;
use testkit::subject::Subject;
use testkit::value::assert_same;

macro_rules! laws_of_subjects {
    ($($module:ident: $subject:ty),+) => {
        $(laws!($module, TensorCase: a_stored_mask_equals_training::<$subject>, recording_equals_training::<$subject>);)+
    };
}
every_mask_subject!(laws_of_subjects);

fn words(case: &TensorCase) -> Vec<u32> {
    let mut words = vec![0xA5A5_A5A5; case.decisions().div_ceil(32)];
    Mask::new(Rate::new(case.p).unwrap(), case.address).words(case.decisions(), &mut words).unwrap();
    words
}

/// Stored after some bits of something else, and followed by more.
fn a_stored_mask_equals_training<S: Subject>(backend: Backend, case: &TensorCase) {
    let first = case.values as usize % 71;
    let mut stored = vec![0xA5A5_A5A5; (first + case.decisions()).div_ceil(32)];
    let words = words(case);
    for i in 0..case.decisions() {
        let (word, bit) = ((first + i) / 32, (first + i) % 32);
        stored[word] = stored[word] & !(1 << bit) | (words[i / 32] >> (i % 32) & 1) << bit;
    }
    let mode = Mode::Stored(PackedMask::new(&stored, first, case.decisions()).unwrap());

    let (x, layer) = (case.x(), case.layer::<S>().on(backend));
    assert_same(&apply(&layer, mode, &x), &apply(&layer, case.train(), &x));
    assert_same(&backward(&layer, mode, &x), &backward(&layer, case.train(), &x));
}

fn recording_equals_training<S: Subject>(backend: Backend, case: &TensorCase) {
    let (x, layer) = (case.x(), case.layer::<S>().on(backend));
    let (mut y, mut mask) = (unwritten(x.len()), vec![0xA5A5_A5A5; case.decisions().div_ceil(32)]);
    layer.apply_recording(case.address, &x, &mut y, &mut mask).unwrap();
    assert_eq!(mask, words(case));
    assert_same(&y, &apply(&layer, case.train(), &x));
}

/// At p = 1 a scale is infinite, or the largest that there is; and alpha dropout's is 0.
#[test]
fn what_is_kept_at_rate_1_is_scaled() {
    let rate = Rate::new(1.0).unwrap();
    let mode = Mode::Stored(PackedMask::new(&[0b01], 0, 2).unwrap());
    testkit::each_backend(|backend| {
        assert_same(&apply(&Dropout::new(rate).on(backend), mode, &[2.0_f32, 2.0]), &[f32::INFINITY, 0.0]);
        assert_same(&apply(&AlphaDropout::new(rate).on(backend), mode, &[2.0_f32, 2.0]), &[0.0, 0.0]);
        let quantized = QuantizedDropout::new(rate, -3_i16).on(backend);
        assert_same(&apply(&quantized, mode, &[2, 2]), &[2, -3]);
        assert_same(&apply(&quantized.with_fixed_point_scale(), mode, &[-2, 2]), &[32_767 - 3, -3]);
    });
}
