//! Outputs that are too large for a cache, which x86-64 writes past the caches: the same as in place, which is not written so.

use dropout_kernels::{Address, Backend, Dropout, Layout, Mode, Rate, Scaling, Shape};
use testkit::every_backend;
use testkit::memory::as_memory;
use testkit::value::{assert_same, random};

every_backend!(training, channels, evaluation);

/// More than 32 MiB of `f32`, not in whole chunks.
const LEN: usize = (1 << 23) + 77;

/// Elements after an address that is a multiple of 16 bytes: of these alone can be written past the caches.
const SHIFTS: [usize; 3] = [0, 1, 4];

const TRAIN: Mode = Mode::Train(Address { seed: 42, layer: 7, step: 99, offset: 1000 });

fn training(backend: Backend) {
    assert_as_in_place(&dropout(backend), TRAIN, LEN);
}

/// Maps that start at any alignment.
fn channels(backend: Backend) {
    let maps = Layout::cl([LEN / 1001, 1001]).unwrap();
    assert_as_in_place(&dropout(backend).with_layout(maps), TRAIN, maps.elements());
}

/// Which multiplies.
fn evaluation(backend: Backend) {
    assert_as_in_place(&dropout(backend).with_scaling(Scaling::Classic), Mode::Eval, LEN);
}

fn dropout(backend: Backend) -> Dropout {
    Dropout::new(Rate::new(0.3).unwrap()).on(backend)
}

fn assert_as_in_place<L: Shape>(dropout: &Dropout<L>, mode: Mode, len: usize) {
    let x = random::<f32>(1, len);
    let mut expected = x.clone();
    dropout.apply_in_place(mode, &mut expected).unwrap();

    let mut buffer = vec![77.0; len + 16];
    let aligned = buffer.as_ptr().align_offset(16);
    for shift in SHIFTS {
        buffer.fill(77.0);
        let (before, rest) = buffer.split_at_mut(aligned + shift);
        let (y, after) = rest.split_at_mut(len);
        dropout.apply(mode, &x, y).unwrap();
        assert_same(y, &expected);
        assert!(before.iter().chain(&*after).all(|x| x.to_bits() == 77.0_f32.to_bits()));
    }
    let y = &mut buffer[aligned..aligned + len];
    as_memory(y, |y| dropout.apply_uninit(mode, &x, y)).unwrap();
    assert_same(y, &expected);
}
